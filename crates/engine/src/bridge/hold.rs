//! Holds back tools and prompts that are not what a lock says: they are left out of lists, and calls of them are refused.
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
use crate::surface::{Item, Lock, Value, word};

/// Definitions of which the person who runs the tap is told at the most; the engine says each once.
const MAX_TOLD: usize = 1_000;

/// Listed items that are remembered although the lock does not have them, and bytes of the longest of their names.
const MAX_LISTED: usize = 10_000;
const MAX_NAME: usize = 256;

/// Different definitions of one name that are remembered; one more is none that a lock has.
const MAX_TWINS: usize = 8;

/// The kinds that are held back: what a model calls, and what it reads as if a person had written it.
pub const KINDS: [Offered; 2] = [Offered::Tools, Offered::Prompts];

/// The items of a kind that are held back, by name, and why: a fragment after the name.
pub type Withheld = BTreeMap<String, &'static str>;

/// What is held of one kind, and what is known of it.
#[derive(Debug)]
pub struct Hold {
    kind: Offered,
    lock: Option<Arc<Lock>>,
    /// The digests under which an item was listed last, by its name; they stay when the lock changes.
    listed: BTreeMap<String, Vec<String>>,
    /// Of these, the items that are held.
    withheld: Arc<Withheld>,
    /// Digests of definitions, and names of items that are missing, that were told.
    told: BTreeSet<String>,
}

impl Hold {
    /// Holds nothing of a kind yet.
    pub fn of(kind: Offered) -> Self {
        Self { kind, lock: None, listed: BTreeMap::new(), withheld: Arc::default(), told: BTreeSet::new() }
    }

    /// Holds what this lock does not have from now on; a lock without any prompts was made where nobody listed them, and
    /// says nothing of them.
    pub fn set(&mut self, lock: Arc<Lock>) {
        if self.kind != Offered::Tools && !lock.surface.kinds.contains_key(&self.kind) {
            self.lock = None;
            self.withheld = Arc::default();
            return;
        }
        let is_same =
            |name: &str, digests: &[String]| digests.iter().all(|digest| lock.has(self.kind, name, digest));
        let differ = self.listed.iter().filter(|(name, digests)| !is_same(name, digests));
        self.withheld =
            Arc::new(differ.map(|(name, _)| (name.clone(), lock.why_held(self.kind, name))).collect());
        self.lock = Some(lock);
        self.told.clear();
    }

    /// The kind of what it holds.
    pub fn kind(&self) -> Offered {
        self.kind
    }

    /// Whether another lock may change what clients see: always of tools, and of what else was listed.
    pub fn may_have_changed(&self) -> bool {
        self.kind == Offered::Tools || !self.listed.is_empty()
    }

    /// What is held now, of what was listed; another one whenever it changes.
    pub fn withheld(&self) -> &Arc<Withheld> {
        &self.withheld
    }

    /// Why a call is refused, for the model and the person who reads it; `None` for everything that passes.
    ///
    /// An item that the lock has and nobody listed yet passes: whoever calls it knows it from a list that was sifted.
    pub fn refuses(&self, request: &Message) -> Option<String> {
        let lock = self.lock.as_ref()?;
        let method = if self.kind == Offered::Prompts { "prompts/get" } else { "tools/call" };
        if request.shape().method().as_deref() != Some(method) {
            return None;
        }
        let name = find(request.raw(), &["params", "name"]).map(unescape_lossy)?;
        let is_known = lock.knows(self.kind, &name);
        let is_same = match self.listed.get(&*name) {
            Some(digests) => digests.iter().all(|digest| lock.has(self.kind, &name, digest)),
            None => is_known,
        };
        let why = match (is_same, is_known) {
            (true, _) => return None,
            (false, true) => "its definition is another one than the lock file says",
            (false, false) => "the lock file does not have it",
        };
        let (noun, name) = (self.noun(), name.chars().take(80).collect::<String>());
        Some(format!(
            "tapgate holds back the {noun} `{name}`: {why}. A person can look at it with `tapgate lock diff mcp.lock last` and let it \
             pass with `tapgate lock approve {name}`"
        ))
    }

    /// The answer to a list of the kind without what is held; `None` when it passes as it came.
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
        let list = word(self.kind);
        let plain = unambiguous(&wire, list);
        let is_changed = plain.is_some();
        let mut draft = Draft::of_value(plain.unwrap_or(wire));
        let items = draft.get(&["result", list])?;
        if !items.starts_with(b"[") {
            draft.set(&["result", list], b"[]");
            return Some(draft.into_message());
        }
        let kind = self.kind;
        let (mut n_held, mut page) = (0_usize, BTreeMap::<String, Vec<String>>::new());
        draft.each(&["result", list], &mut |item| {
            let definition = Value::parse(&item.clone().into_bytes()).unwrap_or(Value::Word("null"));
            let offered = Item::of(kind, definition);
            let is_held = !lock.has(kind, &offered.name, &offered.digest);
            if is_held {
                n_held += 1;
                self.tell(server, &lock, &offered, acts);
            }
            let is_kept = lock.knows(kind, &offered.name)
                || offered.name.len() <= MAX_NAME && self.listed.len() + page.len() < MAX_LISTED;
            if is_kept || self.listed.contains_key(&offered.name) {
                note(page.entry(offered.name).or_default(), offered.digest);
            }
            (!is_held).then_some(item)
        });
        let has_more = draft.get(&["result", "nextCursor"]).is_some_and(|cursor| &*cursor != b"null");
        if is_first && !has_more {
            self.missing(server, &lock, &page, acts);
        }
        for (name, digests) in &page {
            let is_same = digests.iter().all(|digest| lock.has(self.kind, name, digest));
            let why = (!is_same).then(|| lock.why_held(self.kind, name));
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
        let why = lock.why_held(self.kind, &item.name);
        let (noun, name) = (self.noun(), &item.name);
        acts.push(Act::Note(format!(
            "the {noun} `{name}` of `{server}` {why} and is held back; look at it with `tapgate lock diff mcp.lock last`, let it pass \
             with `tapgate lock approve {name}`"
        )));
    }

    fn noun(&self) -> &'static str {
        if self.kind == Offered::Prompts { "prompt" } else { "tool" }
    }

    /// Says what the lock has and a list that is whole does not.
    fn missing(
        &mut self,
        server: &str,
        lock: &Lock,
        page: &BTreeMap<String, Vec<String>>,
        acts: &mut Vec<Act>,
    ) {
        for name in lock.names(self.kind).into_iter().filter(|name| !page.contains_key(*name)) {
            if self.told.len() < MAX_TOLD && self.told.insert(name.to_owned()) {
                let noun = self.noun();
                acts.push(Act::Note(format!(
                    "`{server}` does not offer the {noun} `{name}` that the lock file has"
                )));
            }
        }
    }
}

/// An answer in which readers could find different lists, with only one of them; `None` when it can be read in one way.
///
/// Where a name is there twice readers differ in which one they take, and Go's reader takes `Tools` and `toolſ` for
/// `tools`.
fn unambiguous(answer: &[u8], list: &str) -> Option<Bytes> {
    let (mut value, mut is_odd) = Value::parse_once(answer).ok()?;
    is_odd |= drop_alike(&mut value, "result");
    if let Value::Object(members) = &mut value
        && let Some(result) = members.get_mut(&b"result"[..])
    {
        is_odd |= drop_alike(result, list);
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

/// Remembers a digest of an item; of too many, that there are too many.
fn note(digests: &mut Vec<String>, digest: String) {
    if digests.len() > MAX_TWINS || digests.contains(&digest) {
        return;
    }
    digests.push(if digests.len() < MAX_TWINS { digest } else { String::new() });
}

#[cfg(test)]
mod tests;
