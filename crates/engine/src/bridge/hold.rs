//! Holds back tools that are not what a lock says: they are left out of lists, and calls of them are refused.
//!
//! Lists are sifted where they come in, before anybody else reads them, so that no pair and no client sees what is held.
//! Other messages, and lists in which nothing is held, pass as they came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use tapgate_wire::edge::Act;
use tapgate_wire::json::{find, unescape_lossy};
use tapgate_wire::record::Offered;
use tapgate_wire::{Kind, Message};

use super::translate::Draft;
use crate::surface::{Item, Lock, Value};

/// Definitions of which the person who runs the tap is told at the most; the engine says each once.
const MAX_TOLD: usize = 1_000;

/// Listed tools that are remembered although the lock does not have them, and bytes of the longest of their names.
const MAX_LISTED: usize = 10_000;
const MAX_NAME: usize = 256;

/// Different definitions of one name that are remembered; one more is none that a lock has.
const MAX_TWINS: usize = 8;

/// The tools that are held back, by name, and why: a fragment after the tool's name.
pub type Withheld = BTreeMap<String, &'static str>;

/// What is held, and what is known of it.
#[derive(Debug, Default)]
pub struct Hold {
    lock: Option<Arc<Lock>>,
    /// The digests under which a tool was listed last, by its name; they stay when the lock changes.
    listed: BTreeMap<String, Vec<String>>,
    /// Of these, the tools that are held.
    withheld: Arc<Withheld>,
    /// Digests of definitions, and names of tools that are missing, that were told.
    told: BTreeSet<String>,
}

impl Hold {
    /// Holds what this lock does not have from now on.
    pub fn set(&mut self, lock: Arc<Lock>) {
        let is_same = |name: &str, digests: &[String]| {
            digests.iter().all(|digest| lock.has(Offered::Tools, name, digest))
        };
        let differ = self.listed.iter().filter(|(name, digests)| !is_same(name, digests));
        self.withheld =
            Arc::new(differ.map(|(name, _)| (name.clone(), lock.why_held(Offered::Tools, name))).collect());
        self.lock = Some(lock);
        self.told.clear();
    }

    /// The tools that are held now, of those that were listed; another one whenever it changes.
    pub fn withheld(&self) -> &Arc<Withheld> {
        &self.withheld
    }

    /// Why a call is refused, for the model and the person who reads it; `None` for everything that passes.
    ///
    /// A tool that the lock has and nobody listed yet passes: whoever calls it knows it from a list that was sifted.
    pub fn refuses(&self, request: &Message) -> Option<String> {
        let lock = self.lock.as_ref()?;
        if request.shape().method().as_deref() != Some("tools/call") {
            return None;
        }
        let name = find(request.raw(), &["params", "name"]).map(unescape_lossy)?;
        let is_known = lock.knows(Offered::Tools, &name);
        let is_same = match self.listed.get(&*name) {
            Some(digests) => digests.iter().all(|digest| lock.has(Offered::Tools, &name, digest)),
            None => is_known,
        };
        let why = match (is_same, is_known) {
            (true, _) => return None,
            (false, true) => "its definition is another one than the lock file says",
            (false, false) => "the lock file does not have it",
        };
        let name: String = name.chars().take(80).collect();
        Some(format!(
            "tapgate holds back the tool `{name}`: {why}. A person can look at it with `tapgate lock diff mcp.lock last` and let it \
             pass with `tapgate lock approve {name}`"
        ))
    }

    /// The answer to a `tools/list` without what is held; `None` when it passes as it came.
    ///
    /// `is_first` says that no page came before it.
    pub fn sift(
        &mut self,
        server: &str,
        is_first: bool,
        answer: &Message,
        acts: &mut Vec<Act>,
    ) -> Option<Message> {
        let lock = Arc::clone(self.lock.as_ref()?);
        if answer.shape().kind != Kind::Result {
            return None;
        }
        let wire = answer.to_wire();
        let plain = unambiguous(&wire);
        let is_changed = plain.is_some();
        let mut draft = Draft::of_value(plain.unwrap_or(wire));
        let tools = draft.get(&["result", "tools"])?;
        if !tools.starts_with(b"[") {
            draft.set(&["result", "tools"], b"[]");
            return Some(draft.into_message());
        }
        let (mut n_held, mut page) = (0_usize, BTreeMap::<String, Vec<String>>::new());
        draft.each(&["result", "tools"], &mut |tool| {
            let definition = Value::parse(&tool.clone().into_bytes()).unwrap_or(Value::Word("null"));
            let item = Item::of(Offered::Tools, definition);
            let is_held = !lock.has(Offered::Tools, &item.name, &item.digest);
            if is_held {
                n_held += 1;
                self.tell(server, &lock, &item, acts);
            }
            let is_kept = lock.knows(Offered::Tools, &item.name)
                || item.name.len() <= MAX_NAME && self.listed.len() + page.len() < MAX_LISTED;
            if is_kept || self.listed.contains_key(&item.name) {
                note(page.entry(item.name).or_default(), item.digest);
            }
            (!is_held).then_some(tool)
        });
        let has_more = draft.get(&["result", "nextCursor"]).is_some_and(|cursor| &*cursor != b"null");
        if is_first && !has_more {
            self.missing(server, &lock, &page, acts);
        }
        for (name, digests) in &page {
            let is_same = digests.iter().all(|digest| lock.has(Offered::Tools, name, digest));
            let why = (!is_same).then(|| lock.why_held(Offered::Tools, name));
            if self.withheld.get(name).copied() != why {
                let withheld = Arc::make_mut(&mut self.withheld);
                withheld.remove(name);
                withheld.extend(why.map(|why| (name.clone(), why)));
            }
        }
        self.listed.extend(page);
        (n_held > 0 || is_changed).then(|| draft.into_message())
    }

    fn tell(&mut self, server: &str, lock: &Lock, item: &Item, acts: &mut Vec<Act>) {
        if self.told.len() >= MAX_TOLD || !self.told.insert(item.digest.clone()) {
            return;
        }
        let why = lock.why_held(Offered::Tools, &item.name);
        let name = &item.name;
        acts.push(Act::Note(format!(
            "the tool `{name}` of `{server}` {why} and is held back; look at it with `tapgate lock diff mcp.lock last`, let it pass \
             with `tapgate lock approve {name}`"
        )));
    }

    /// Says what the lock has and a list that is whole does not.
    fn missing(
        &mut self,
        server: &str,
        lock: &Lock,
        page: &BTreeMap<String, Vec<String>>,
        acts: &mut Vec<Act>,
    ) {
        for name in lock.names(Offered::Tools).into_iter().filter(|name| !page.contains_key(*name)) {
            if self.told.len() < MAX_TOLD && self.told.insert(name.to_owned()) {
                acts.push(Act::Note(format!(
                    "`{server}` does not offer the tool `{name}` that the lock file has"
                )));
            }
        }
    }
}

/// An answer in which readers could find different lists, with only one of them; `None` when it can be read in one way.
///
/// Where a name is there twice readers differ in which one they take, and Go's reader takes `Tools` and `toolſ` for
/// `tools`.
fn unambiguous(answer: &[u8]) -> Option<Bytes> {
    let (mut value, mut is_odd) = Value::parse_once(answer).ok()?;
    is_odd |= drop_alike(&mut value, "result");
    if let Value::Object(members) = &mut value
        && let Some(result) = members.get_mut(&b"result"[..])
    {
        is_odd |= drop_alike(result, "tools");
    }
    is_odd.then(|| value.to_json().into())
}

/// Takes out members whose names differ from this one only in case; gives whether there were any.
fn drop_alike(value: &mut Value, name: &str) -> bool {
    let Value::Object(members) = value else { return false };
    let n_before = members.len();
    let upper = name.to_uppercase();
    members.retain(|other, _| {
        other == name.as_bytes() || String::from_utf8_lossy(other).to_uppercase() != upper
    });
    members.len() < n_before
}

/// Remembers a digest of a tool; of too many, that there are too many.
fn note(digests: &mut Vec<String>, digest: String) {
    if digests.len() > MAX_TWINS || digests.contains(&digest) {
        return;
    }
    digests.push(if digests.len() < MAX_TWINS { digest } else { String::new() });
}

#[cfg(test)]
mod tests;
