//! Where bytes travel: one stdio pair or one HTTP request with its answer.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::clock::Nanos;

/// One carrier of bytes in both directions: the pipes of a stdio server, or one HTTP request and its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// A map by [`StreamId`], alone or with the leg: no peer chooses these numbers, so spreading them is enough.
pub type StreamMap<K, T> = HashMap<K, T, BuildHasherDefault<Spread>>;

/// Hashes the keys of a [`StreamMap`]: multiplies by 2^64 divided by the golden ratio.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }
}

/// How one direction of a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The sender finished as the transport defines it.
    Clean,
    /// The bytes stopped before the transport's end: a reset, a premature end of file.
    Cut,
    /// The receiver went away, so the rest was not wanted.
    Abandoned,
    /// tapgate could not reach or read the peer; the text says why, for people.
    Failed(String),
}

/// What carried a frame: when which bytes of it arrived, and its SSE fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Arrival time and number of bytes of each piece, in order; never empty for a frame that came from a peer.
    pub chunks: Vec<(Nanos, u32)>,
    /// Size of the frame on the wire in bytes, more than what was kept when the frame is oversized.
    pub size: u64,
    /// The SSE fields besides `data`, when the frame was an event.
    pub event: Option<Event>,
}

/// The fields of one server-sent event besides `data`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// `event:`.
    pub name: Option<String>,
    /// `id:`.
    pub id: Option<String>,
    /// `retry:` in milliseconds.
    pub retry: Option<u64>,
}
