//! References inside a schema.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value as Json;

/// References of one schema that are followed to see whether they go round.
const MAX_REFS: usize = 256;

/// The part of a schema that a reference of this very schema leads to, and its place as a JSON pointer.
pub(super) fn resolve<'a>(root: &'a Json, reference: &str) -> Option<(String, &'a Json)> {
    let pointer = decoded(reference.strip_prefix('#')?)?;
    if pointer.is_empty() || pointer.starts_with('/') {
        return root.pointer(&pointer).map(|found| (pointer.into_owned(), found));
    }
    let mut at = String::new();
    anchored(root, &pointer, &mut at).map(|found| (at, found))
}

/// The schema that calls itself by this anchor; its place is written to `at`.
fn anchored<'a>(value: &'a Json, name: &str, at: &mut String) -> Option<&'a Json> {
    let before = at.len();
    match value {
        Json::Object(members) => {
            if ["$anchor", "$dynamicAnchor"]
                .iter()
                .any(|key| members.get(*key).and_then(Json::as_str) == Some(name))
            {
                return Some(value);
            }
            for (key, value) in members {
                *at += "/";
                *at += &key.replace('~', "~0").replace('/', "~1");
                if let Some(found) = anchored(value, name, at) {
                    return Some(found);
                }
                at.truncate(before);
            }
        }
        Json::Array(items) => {
            for (n, value) in items.iter().enumerate() {
                // Writing to a string cannot fail.
                let _ = write!(at, "/{n}");
                if let Some(found) = anchored(value, name, at) {
                    return Some(found);
                }
                at.truncate(before);
            }
        }
        _ => {}
    }
    None
}

/// A fragment without its percent signs; `None` where it has them and is not text behind them.
fn decoded(fragment: &str) -> Option<Cow<'_, str>> {
    if !fragment.contains('%') {
        return Some(Cow::Borrowed(fragment));
    }
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let (digits, tail) = tail.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// Where references stand and where they lead.
#[derive(Debug, Default)]
pub(super) struct Refs {
    all: Vec<(String, String)>,
}

impl Refs {
    pub fn add(&mut self, from: &str, to: String) {
        self.all.push((from.to_owned(), to));
    }

    /// Whether there are more than are worth following.
    pub fn is_full(&self) -> bool {
        self.all.len() >= MAX_REFS
    }

    /// The place of a reference that leads round to itself.
    pub fn cycle(&self) -> Option<String> {
        let stands_in = |place: &str, whole: &str| {
            place.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        // What each target leads to.
        let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (_, target) in &self.all {
            if !next.contains_key(target.as_str()) {
                let inside = self.all.iter().filter(|(from, _)| stands_in(from, target));
                next.insert(target, inside.map(|(_, to)| to.as_str()).collect());
            }
        }
        self.all.iter().find(|(_, target)| leads_to(&next, target, target)).map(|(from, _)| from.clone())
    }
}

/// Whether one target leads to another in one step or more.
fn leads_to(next: &BTreeMap<&str, BTreeSet<&str>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        for target in next.get(at).into_iter().flatten() {
            if *target == to {
                return true;
            }
            if seen.insert(*target) {
                open.push(target);
            }
        }
    }
    false
}
