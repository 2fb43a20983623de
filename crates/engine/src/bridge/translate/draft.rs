//! A message under change: every byte that no change concerns stays as it came.

use std::ops::Range;

use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::json::{Event, escape_into, find, scan, unescape, unescape_lossy};

/// A JSON document and the changes made to it. Paths are names of members from the root on.
///
/// Where an object names a member twice, the last one counts, as most readers of JSON do it. What is not JSON is not
/// changed, and what is put in has to be JSON.
#[derive(Clone, Debug)]
pub struct Draft {
    bytes: Bytes,
}

impl Draft {
    /// Begins with a message.
    pub fn of(message: &Message) -> Self {
        Self { bytes: message.to_wire() }
    }

    /// Begins with any JSON value, such as one member of a message.
    pub fn of_value(value: Bytes) -> Self {
        Self { bytes: value }
    }

    /// The raw JSON at a path, with the changes so far.
    pub fn get(&self, path: &[&str]) -> Option<Bytes> {
        self.place(path).map(|place| self.bytes.slice(place))
    }

    /// Sets the member at a path to raw JSON: replaces its value, or adds it as the last member; objects that are
    /// missing on the way are made. Does nothing where the path leads through something that is no object.
    pub fn set(&mut self, path: &[&str], json: &[u8]) {
        if let Some(place) = self.place(path) {
            return self.splice(place, json);
        }
        let Some((name, parents)) = path.split_last() else { return };
        let mut member = Vec::with_capacity(name.len() + json.len() + 4);
        member.push(b'"');
        escape_into(name.as_bytes(), &mut member);
        member.extend_from_slice(b"\":");
        member.extend_from_slice(json);
        let Some(parent) = self.place(parents) else {
            if !parents.is_empty() {
                let object = [b"{", member.as_slice(), b"}"].concat();
                self.set(parents, &object);
            }
            return;
        };
        let Some([b'{', inside @ .., b'}']) = self.bytes.get(parent.clone()) else { return };
        if !inside.trim_ascii().is_empty() {
            member.insert(0, b',');
        }
        let end = parent.end - 1;
        self.splice(end..end, &member);
    }

    /// Removes the member at a path with all its repeats, if it is there.
    pub fn remove(&mut self, path: &[&str]) {
        let Some((name, parents)) = path.split_last() else { return };
        self.rewrite(parents, b'{', &mut |draft, item| {
            let found = item.name.clone().and_then(|name| draft.bytes.get(name)).map(unescape);
            if found.is_some_and(|found| *found == *name.as_bytes()) { Change::Cut } else { Change::Keep }
        });
    }

    /// Changes each item of the array at a path; `None` takes the item out.
    pub fn each(&mut self, path: &[&str], change: &mut dyn FnMut(Draft) -> Option<Draft>) {
        self.rewrite(path, b'[', &mut |draft, item| draft.change(item, change));
    }

    /// Changes the value of each member of the object at a path, told with its name; `None` takes the member out.
    /// Repeats of a name are told one by one.
    pub fn each_member(&mut self, path: &[&str], change: &mut dyn FnMut(&str, Draft) -> Option<Draft>) {
        self.rewrite(path, b'{', &mut |draft, item| {
            let name = item.name.clone().and_then(|name| draft.bytes.get(name)).unwrap_or_default();
            draft.change(item, &mut |value| change(&unescape_lossy(name), value))
        });
    }

    /// The document with the changes.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The document as a message.
    pub fn into_message(self) -> Message {
        Message::parse(self.bytes)
    }

    /// Where the value at a path stands.
    fn place(&self, path: &[&str]) -> Option<Range<usize>> {
        let value = find(&self.bytes, path)?;
        let start = value.as_ptr().addr().checked_sub(self.bytes.as_ptr().addr())?;
        Some(start..start + value.len())
    }

    fn splice(&mut self, place: Range<usize>, with: &[u8]) {
        let mut out = Vec::with_capacity(self.bytes.len() + with.len() - place.len());
        out.extend_from_slice(self.bytes.get(..place.start).unwrap_or_default());
        out.extend_from_slice(with);
        out.extend_from_slice(self.bytes.get(place.end..).unwrap_or_default());
        self.bytes = out.into();
    }

    fn change(&self, item: &Item, change: &mut dyn FnMut(Draft) -> Option<Draft>) -> Change {
        let before = self.bytes.slice(item.value.clone());
        match change(Self::of_value(before.clone())) {
            None => Change::Cut,
            Some(after) if after.bytes == before => Change::Keep,
            Some(after) => Change::Put(after.bytes),
        }
    }

    /// Decides on each item of the object or array at a path, in one pass.
    fn rewrite(&mut self, path: &[&str], bracket: u8, decide: &mut dyn FnMut(&Self, &Item) -> Change) {
        let Some(place) = self.place(path) else { return };
        let Some(inside) = self.bytes.get(place.clone()).filter(|value| value.first() == Some(&bracket))
        else {
            return;
        };
        let mut pen = Pen { source: &self.bytes, out: Vec::new(), at: 0, last_end: None, is_cut: false };
        let whole = items(inside, place.start, &mut |item| {
            let change = decide(self, &item);
            pen.write(&item, change);
        });
        if whole.is_some()
            && let Some(bytes) = pen.finish()
        {
            self.bytes = bytes;
        }
    }
}

/// A member of an object, or a value in an array.
struct Item {
    name: Option<Range<usize>>,
    value: Range<usize>,
}

enum Change {
    Keep,
    Put(Bytes),
    Cut,
}

/// Writes the items of one object or array anew, with the commas that fit.
struct Pen<'a> {
    source: &'a Bytes,
    out: Vec<u8>,
    /// How far the source is written or left out.
    at: usize,
    /// Where the last item ended, if one before it or itself was kept.
    last_end: Option<usize>,
    /// Whether items were cut and none was kept yet.
    is_cut: bool,
}

impl Pen<'_> {
    fn write(&mut self, item: &Item, change: Change) {
        let start = item.name.as_ref().map_or(item.value.start, |name| name.start);
        match change {
            Change::Cut => {
                // Behind a kept item the comma before goes with the item, else the one behind it.
                let from = self.last_end.unwrap_or(if self.is_cut { self.at } else { start });
                self.copy_to(from);
                self.at = item.value.end;
                self.is_cut |= self.last_end.is_none();
            }
            Change::Keep | Change::Put(_) if self.is_cut => {
                self.at = start;
                self.is_cut = false;
                self.write(item, change);
                return;
            }
            Change::Keep => {}
            Change::Put(with) => {
                self.copy_to(item.value.start);
                self.out.extend_from_slice(&with);
                self.at = item.value.end;
            }
        }
        if !self.is_cut {
            self.last_end = Some(item.value.end);
        }
    }

    fn copy_to(&mut self, end: usize) {
        self.out.extend_from_slice(self.source.get(self.at..end).unwrap_or_default());
        self.at = end;
    }

    /// The whole document; `None` when nothing was changed.
    fn finish(mut self) -> Option<Bytes> {
        if self.at == 0 {
            return None;
        }
        self.copy_to(self.source.len());
        Some(self.out.into())
    }
}

/// Tells the items of an object or array that stands at `offset`; `None` when it is not JSON.
fn items(container: &[u8], offset: usize, on: &mut dyn FnMut(Item)) -> Option<()> {
    let mut depth = 0;
    let mut name = None;
    let mut start = 0;
    let place = |from: u64, to: u64| from as usize + offset..to as usize + offset;
    scan(container, &mut |event| match event {
        Event::Key { span, .. } if depth == 1 => name = Some(place(span.start, span.end)),
        Event::Open { at, .. } => {
            if depth == 1 {
                start = at;
            }
            depth += 1;
        }
        Event::Close { at, .. } => {
            depth -= 1;
            if depth == 1 {
                on(Item { name: name.take(), value: place(start, at + 1) });
            }
        }
        Event::String { span, .. } | Event::Number(span) | Event::Literal(_, span) | Event::Deep(span)
            if depth == 1 =>
        {
            on(Item { name: name.take(), value: place(span.start, span.end) });
        }
        _ => {}
    })
    .ok()
}

#[cfg(test)]
mod tests;
