//! Finds a value inside a value.

use super::{Container, Event, scan, unescape};

/// Finds the value that `path`, a list of member names, leads to inside the object `raw`.
///
/// Where an object names a member twice the last one counts, as most readers of JSON do it. `None` when
/// there is no such value or `raw` is not JSON.
///
/// ```
/// use tapgate_wire::json::find;
///
/// let client = br#"{"name":"inspector","version":"2.0"}"#;
/// assert_eq!(find(client, &["version"]), Some(&b"\"2.0\""[..]));
/// assert_eq!(find(client, &["title"]), None);
/// ```
pub fn find<'a>(raw: &'a [u8], path: &[&str]) -> Option<&'a [u8]> {
    let mut walk = Walk { raw, path, depth: 0, matched: 0, hit: false, start: None, found: None };
    scan(raw, &mut |event| walk.on(event)).ok()?;
    walk.found
}

struct Walk<'a, 'p> {
    raw: &'a [u8],
    path: &'p [&'p str],
    /// Open brackets, and how many of the outer ones lie on the path.
    depth: usize,
    matched: usize,
    /// The next value is the next step of the path.
    hit: bool,
    /// Where the wanted value began, and at which depth, while its brackets are open.
    start: Option<(u64, usize)>,
    found: Option<&'a [u8]>,
}

impl Walk<'_, '_> {
    fn on(&mut self, event: Event) {
        match event {
            Event::Key { span, .. } if self.start.is_none() && self.matched == self.depth => {
                let name = span.of(self.raw).map(unescape).unwrap_or_default();
                let step = self.path.get(self.depth.wrapping_sub(1));
                self.hit = step.is_some_and(|step| step.as_bytes() == &*name);
                if self.hit {
                    // A repeated member replaces all that the earlier one led to.
                    self.found = None;
                }
            }
            Event::Open { container, at } => self.open(container, at),
            Event::Close { at, .. } => self.close(at),
            Event::String { span, .. }
            | Event::Number(span)
            | Event::Literal(_, span)
            | Event::Deep(span)
                if self.wants_value() =>
            {
                self.found = span.of(self.raw);
                self.hit = false;
            }
            Event::Key { .. }
            | Event::String { .. }
            | Event::Number(_)
            | Event::Literal(..)
            | Event::Deep(_)
            | Event::Odd(_) => {}
        }
    }

    /// Whether the value that comes now is the one that the whole path leads to.
    fn wants_value(&self) -> bool {
        self.start.is_none()
            && if self.path.is_empty() {
                self.depth == 0
            } else {
                self.hit && self.matched == self.path.len()
            }
    }

    fn open(&mut self, container: Container, at: u64) {
        if self.wants_value() {
            self.start = Some((at, self.depth));
        } else if self.start.is_none()
            && container == Container::Object
            && self.matched == self.depth
            && (self.hit || self.depth == 0)
        {
            self.matched += 1;
        }
        self.hit = false;
        self.depth += 1;
    }

    fn close(&mut self, at: u64) {
        self.depth = self.depth.saturating_sub(1);
        if let Some((start, depth)) = self.start
            && depth == self.depth
        {
            self.found = super::Span { start, end: at + 1 }.of(self.raw);
            self.start = None;
        }
        self.matched = self.matched.min(self.depth);
    }
}
