//! What waits for an answer or for progress, by who asked, where it counts, and its id or token.

use std::collections::HashMap;

use bytes::Bytes;
use tapgate_wire::{Leg, StreamId};

/// How far an id reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// The whole session: pipes, and HTTP with a session id.
    Session,
    /// One HTTP stream and what resumes it: nothing else says that two streams belong together.
    Stream(StreamId),
}

/// An id or a token, and where it means something.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) asked_by: Leg,
    pub(crate) scope: Scope,
    /// As [`Id`](tapgate_wire::shape::Id) spells it, so that `1` and `"1"` differ.
    pub(crate) id: Bytes,
}

/// Open exchanges by id or token.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    by_key: HashMap<Key, Alike>,
}

/// The exchanges of one key, oldest first. More than one is a peer's mistake.
#[derive(Debug)]
enum Alike {
    One(u64),
    Many(Vec<u64>),
}

/// How an exchange was put among the waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// Nobody else has its key.
    Alone,
    /// Others have its key.
    Beside,
    /// Too many have its key, so it is not among the waiting.
    Full,
}

impl Waiting {
    pub(crate) fn put(&mut self, key: Key, n: u64, room: usize) -> Put {
        match self.by_key.get_mut(&key) {
            None => {
                self.by_key.insert(key, Alike::One(n));
                Put::Alone
            }
            Some(Alike::Many(all)) if all.len() >= room => Put::Full,
            Some(Alike::Many(all)) => {
                all.push(n);
                Put::Beside
            }
            Some(alike @ Alike::One(_)) => {
                let Alike::One(first) = *alike else {
                    return Put::Full;
                };
                *alike = Alike::Many(vec![first, n]);
                Put::Beside
            }
        }
    }

    /// The exchanges of a key, oldest first.
    pub(crate) fn of(&self, key: &Key) -> &[u64] {
        match self.by_key.get(key) {
            None => &[],
            Some(Alike::One(n)) => std::slice::from_ref(n),
            Some(Alike::Many(all)) => all,
        }
    }

    pub(crate) fn remove(&mut self, key: &Key, n: u64) {
        let is_empty = match self.by_key.get_mut(key) {
            None => return,
            Some(Alike::One(one)) => *one == n,
            Some(Alike::Many(all)) => {
                all.retain(|other| *other != n);
                all.is_empty()
            }
        };
        if is_empty {
            self.by_key.remove(key);
            // A burst must not leave an idle session with a large empty table.
            if self.by_key.is_empty() && self.by_key.capacity() > 64 {
                self.by_key = HashMap::new();
            }
        }
    }
}
