//! What changed between two surfaces, and what each change means for those who use the server.

use std::collections::{BTreeMap, BTreeSet};

use tapgate_wire::record::Offered;

use super::likeness::{LIKE, likeness};
use super::lock::visible;
use super::schema::{self, Direction};
use super::{Item, KINDS, Surface, Value};

/// Changes that are told at the most.
const MAX_CHANGES: usize = 10_000;

/// Items that vanished or appeared beyond which nobody looks for renames, which compares each with each.
const MAX_RENAMES: usize = 100;

/// Characters of a value that a change shows.
const SHOWN: usize = 160;

/// What a change means; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// What worked may fail now.
    Breaking,
    /// What models or people are told, and act on, is another text: read it before you trust it.
    ChangedText,
    /// The same thing, as far as its texts and its schema tell, has another name.
    Renamed,
    /// What worked still works.
    Compatible,
    /// Only looks changed: titles, icons, white space, the server's version.
    Cosmetic,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it means.
    pub class: Class,
    /// Of which kind the item is.
    pub kind: Offered,
    /// The item's name; of a renamed one the old name.
    pub item: String,
    /// The members that lead to what changed, with dots between; empty for the item as a whole.
    pub path: String,
    /// What happened, as a fragment.
    pub why: String,
    /// What stood there before, shortened.
    pub was: Option<String>,
    /// What stands there now, shortened.
    pub now: Option<String>,
}

impl Class {
    /// Every class, the worst first.
    pub const ALL: &[Self] =
        &[Self::Breaking, Self::ChangedText, Self::Renamed, Self::Compatible, Self::Cosmetic];

    /// Its word, the same in views, JSON and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Breaking => "breaking",
            Self::ChangedText => "changed-text",
            Self::Renamed => "renamed",
            Self::Compatible => "compatible",
            Self::Cosmetic => "cosmetic",
        }
    }
}

/// What changed, by kind and item; empty when both offer the same.
///
/// A kind that `now` lacks was not listed, so nothing is said of it.
pub fn drift(was: &Surface, now: &Surface) -> Vec<Change> {
    let mut changes = Vec::new();
    for kind in KINDS {
        let Some(new) = now.kinds.get(&kind) else { continue };
        let old = was.kinds.get(&kind).map_or(&[][..], Vec::as_slice);
        of_kind(kind, old, new, &mut changes);
    }
    changes.truncate(MAX_CHANGES);
    changes
}

fn of_kind(kind: Offered, old: &[Item], new: &[Item], changes: &mut Vec<Change>) {
    let mut by_name: BTreeMap<&str, (Vec<&Item>, Vec<&Item>)> = BTreeMap::new();
    for item in old {
        by_name.entry(&item.name).or_default().0.push(item);
    }
    for item in new {
        by_name.entry(&item.name).or_default().1.push(item);
    }
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    for (mut old, mut new) in by_name.into_values() {
        // A name may be there twice; what is the same on both sides is no news.
        old.retain(|one| {
            let same = new.iter().position(|other| other.digest == one.digest);
            same.map(|place| new.remove(place)).is_none()
        });
        let n_both = old.len().min(new.len());
        gone.extend(old.split_off(n_both));
        come.extend(new.split_off(n_both));
        for (one, other) in old.into_iter().zip(new) {
            of_item(kind, one, other, changes);
        }
    }
    // Whether credentials were asked for depends on what the client had, not on the server alone.
    let is_told = |item: &&Item| !(kind == Offered::Server && item.name.starts_with("auth"));
    gone.retain(is_told);
    come.retain(is_told);
    renames(kind, &mut gone, &mut come, changes);
    for item in gone {
        let class = if item.name == "instructions" { Class::ChangedText } else { Class::Breaking };
        Pen::new(kind, &item.name, changes).note(class, "", "removed", None, None);
    }
    for item in come {
        let class = match (kind, item.name.as_str()) {
            (Offered::Server, "instructions") => Class::ChangedText,
            _ => Class::Compatible,
        };
        Pen::new(kind, &item.name, changes).note(class, "", "added", None, None);
    }
}

/// Pairs what vanished with what appeared and is much like it.
fn renames(kind: Offered, gone: &mut Vec<&Item>, come: &mut Vec<&Item>, changes: &mut Vec<Change>) {
    if kind == Offered::Server || gone.len() > MAX_RENAMES || come.len() > MAX_RENAMES {
        return;
    }
    let mut pairs = Vec::new();
    for (n, old) in gone.iter().enumerate() {
        for (m, new) in come.iter().enumerate() {
            let likeness = likeness(old, new);
            if likeness >= LIKE {
                pairs.push((likeness, n, m));
            }
        }
    }
    pairs.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)).then(one.2.cmp(&other.2)));
    let (mut taken, mut given) = (Vec::new(), Vec::new());
    for (_, n, m) in pairs {
        let (Some(old), Some(new)) = (gone.get(n), come.get(m)) else { continue };
        if taken.contains(&n) || given.contains(&m) {
            continue;
        }
        taken.push(n);
        given.push(m);
        let mut pen = Pen::new(kind, &old.name, changes);
        let (was, now) = (Value::text(&old.name), Value::text(&new.name));
        pen.note(Class::Renamed, "", "renamed", Some(&was), Some(&now));
        if let (Some(was), Some(now)) = (old.value(), new.value()) {
            definition(&mut pen, &was, &now);
        }
    }
    let mut n = 0..;
    gone.retain(|_| n.next().is_some_and(|n: usize| !taken.contains(&n)));
    let mut m = 0..;
    come.retain(|_| m.next().is_some_and(|m: usize| !given.contains(&m)));
}

fn of_item(kind: Offered, old: &Item, new: &Item, changes: &mut Vec<Change>) {
    let n_before = changes.len();
    let mut pen = Pen::new(kind, &old.name, changes);
    let (Some(was), Some(now)) = (old.value(), new.value()) else {
        pen.note(Class::ChangedText, "", "changed; a definition was not kept", None, None);
        return;
    };
    definition(&mut pen, &was, &now);
    if changes.len() == n_before {
        let why = "changed where the definition is masked";
        Pen::new(kind, &old.name, changes).note(Class::ChangedText, "", why, None, None);
    }
}

/// Compares two definitions of one item.
fn definition(pen: &mut Pen<'_>, was: &Value, now: &Value) {
    match (pen.kind, pen.item.as_str()) {
        (Offered::Server, "capabilities") => capabilities(pen, "", was, now),
        (Offered::Server, "instructions") => pen.told("", Some(was), Some(now)),
        (Offered::Server, "auth") => challenges(pen, was, now),
        _ => members(was, now, &mut |name, was, now| member(pen, name, was, now)),
    }
}

/// Compares one member of a definition.
fn member(pen: &mut Pen<'_>, name: &str, was: Option<&Value>, now: Option<&Value>) {
    match (pen.kind, name) {
        // The name is what both were found by.
        (Offered::Tools | Offered::Prompts, "name")
        | (Offered::Resources, "uri")
        | (Offered::Templates, "uriTemplate") => {}
        (_, "title" | "icons") | (Offered::Server, "version" | "websiteUrl") => {
            pen.changed(Class::Cosmetic, name, was, now);
        }
        (_, "description") => pen.told(name, was, now),
        (_, "annotations") => parts(was, now, &mut |part, was, now| {
            let class = if part == "title" { Class::Cosmetic } else { Class::ChangedText };
            pen.changed(class, &format!("annotations.{part}"), was, now);
        }),
        (Offered::Tools, "inputSchema") => match (was, now) {
            (Some(was), Some(now)) => schema::compare(pen, Direction::In, name, was, now),
            _ => pen.changed(Class::Breaking, name, was, now),
        },
        (Offered::Tools, "outputSchema") => match (was, now) {
            (Some(was), Some(now)) => schema::compare(pen, Direction::Out, name, was, now),
            (None, _) => pen.changed(Class::Compatible, name, was, now),
            _ => pen.changed(Class::Breaking, name, was, now),
        },
        (Offered::Tools, "execution") => parts(was, now, &mut |part, was, now| {
            pen.changed(execution(part, was, now), &format!("execution.{part}"), was, now);
        }),
        (Offered::Prompts, "arguments") => arguments(pen, was, now),
        (Offered::Resources | Offered::Templates, "mimeType") => {
            pen.changed(Class::Breaking, name, was, now);
        }
        _ => pen.changed(Class::ChangedText, name, was, now),
    }
}

/// Spec 2025-11-25, basic/utilities/tasks, Tool-Level Negotiation: without a word, tasks are forbidden.
fn execution(part: &str, was: Option<&Value>, now: Option<&Value>) -> Class {
    let level =
        |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("forbidden".into()).into_owned();
    match (part, level(was).as_str(), level(now).as_str()) {
        ("taskSupport", "forbidden" | "required", "optional") => Class::Compatible,
        ("taskSupport", ..) => Class::Breaking,
        _ => Class::ChangedText,
    }
}

/// Compares the arguments of a prompt by name.
fn arguments(pen: &mut Pen<'_>, was: Option<&Value>, now: Option<&Value>) {
    let by_name = |list: Option<&Value>| {
        let items = list.and_then(Value::items).unwrap_or_default();
        let named = items.iter().filter_map(|item| Some((item.get("name")?.bytes()?.to_vec(), item.clone())));
        Value::Object(named.collect())
    };
    let is_required =
        |value: Option<&Value>| value.and_then(|value| value.get("required")) == Some(&Value::Word("true"));
    members(&by_name(was), &by_name(now), &mut |name, was, now| {
        let path = format!("arguments.{name}");
        let (Some(old), Some(new)) = (was, now) else {
            let breaks = now.is_none() || is_required(now);
            return pen.changed(if breaks { Class::Breaking } else { Class::Compatible }, &path, was, now);
        };
        members(old, new, &mut |part, was, now| {
            let path = format!("{path}.{part}");
            match part {
                "required" if is_required(Some(old)) == is_required(Some(new)) => {}
                "required" if is_required(Some(new)) => pen.changed(Class::Breaking, &path, was, now),
                "required" => pen.changed(Class::Compatible, &path, was, now),
                "title" => pen.changed(Class::Cosmetic, &path, was, now),
                _ => pen.told(&path, was, now),
            }
        });
    });
}

fn capabilities(pen: &mut Pen<'_>, path: &str, was: &Value, now: &Value) {
    members(was, now, &mut |name, was, now| {
        let path = schema::join(path, name);
        let is_off = |value: Option<&Value>| value.is_none_or(|value| *value == Value::Word("false"));
        match (was, now) {
            (Some(was @ Value::Object(_)), Some(now @ Value::Object(_))) => {
                capabilities(pen, &path, was, now);
            }
            _ if is_off(was) && is_off(now) => {}
            _ if is_off(was) => pen.changed(Class::Compatible, &path, was, now),
            _ if is_off(now) => pen.changed(Class::Breaking, &path, was, now),
            _ => pen.changed(Class::ChangedText, &path, was, now),
        }
    });
}

fn challenges(pen: &mut Pen<'_>, was: &Value, now: &Value) {
    let (old, new) = (was.items().unwrap_or_default(), now.items().unwrap_or_default());
    if old.len() != new.len() {
        return pen.changed(Class::Breaking, "", Some(was), Some(now));
    }
    for (was, now) in old.iter().zip(new) {
        members(was, now, &mut |name, was, now| {
            let class = match name {
                "scope" if words(now).iter().all(|scope| words(was).contains(scope)) => Class::Compatible,
                "scheme" | "scope" => Class::Breaking,
                _ => Class::ChangedText,
            };
            pen.changed(class, name, was, now);
        });
    }
}

fn words(text: Option<&Value>) -> Vec<String> {
    let text = text.and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

/// Hears a member's name, and its value before and now.
type OnMember<'a> = dyn FnMut(&str, Option<&Value>, Option<&Value>) + 'a;

/// Tells the members of two objects that differ, by name.
pub(super) fn members(was: &Value, now: &Value, on: &mut OnMember<'_>) {
    parts(Some(was), Some(now), on);
}

/// The same for objects that may be missing.
fn parts(was: Option<&Value>, now: Option<&Value>, on: &mut OnMember<'_>) {
    let (old, new) = (was.and_then(Value::members), now.and_then(Value::members));
    let names: BTreeSet<&Vec<u8>> = old.into_iter().chain(new).flat_map(BTreeMap::keys).collect();
    for name in names {
        let (was, now) = (old.and_then(|old| old.get(name)), new.and_then(|new| new.get(name)));
        if was != now {
            on(&String::from_utf8_lossy(name), was, now);
        }
    }
}

/// Writes down the changes of one item.
pub(super) struct Pen<'a> {
    kind: Offered,
    item: String,
    changes: &'a mut Vec<Change>,
}

impl<'a> Pen<'a> {
    fn new(kind: Offered, item: &str, changes: &'a mut Vec<Change>) -> Self {
        Self { kind, item: item.to_owned(), changes }
    }

    /// A value was added, removed or changed.
    pub(super) fn changed(&mut self, class: Class, path: &str, was: Option<&Value>, now: Option<&Value>) {
        let why = match (was, now) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        };
        self.note(class, path, why, was, now);
    }

    /// A text that somebody acts on was added, removed or changed; other blanks make no other text.
    pub(super) fn told(&mut self, path: &str, was: Option<&Value>, now: Option<&Value>) {
        let plain =
            |value: Option<&Value>| Some(value?.as_str()?.split_whitespace().collect::<Vec<_>>().join(" "));
        let is_same = plain(was).is_some() && plain(was) == plain(now);
        self.changed(if is_same { Class::Cosmetic } else { Class::ChangedText }, path, was, now);
    }

    pub(super) fn note(
        &mut self,
        class: Class,
        path: &str,
        why: &str,
        was: Option<&Value>,
        now: Option<&Value>,
    ) {
        if self.changes.len() >= MAX_CHANGES {
            return;
        }
        self.changes.push(Change {
            class,
            kind: self.kind,
            item: self.item.clone(),
            path: path.to_owned(),
            why: why.to_owned(),
            was: was.map(|value| shown(value, now)),
            now: now.map(|value| shown(value, was)),
        });
    }
}

/// A value, from a little before the place where it differs from the other one, shortened.
fn shown(value: &Value, other: Option<&Value>) -> String {
    let text = visible(value);
    let same = match other.map(visible) {
        Some(other) => text.chars().zip(other.chars()).take_while(|(one, other)| one == other).count(),
        None => 0,
    };
    let skipped = if same > SHOWN / 2 { same - SHOWN / 4 } else { 0 };
    let cut: String = text.chars().skip(skipped).take(SHOWN).collect();
    let before = if skipped > 0 { "…" } else { "" };
    let after = if text.chars().count() > skipped + SHOWN { "…" } else { "" };
    format!("{before}{cut}{after}")
}

#[cfg(test)]
mod tests;
