//! Remembers the names of the members of every open object, to see a repeated one.

use super::builder::Window;
use crate::json::{Span, unescape};

/// How many names are remembered of one object, and of all open objects together.
///
/// A name beyond either bound is not remembered, so a repetition of it goes unseen; the names that the
/// shape looks for are counted apart and always seen.
const MAX_PER_OBJECT: usize = 256;
const MAX_NAMES: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Names {
    seen: Vec<Name>,
    /// Where in `seen` the names of each open object begin.
    objects: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Name {
    hash: u64,
    span: Span,
}

impl Names {
    pub(super) fn open(&mut self) {
        if self.objects.is_empty() {
            // What most messages need, so that the lists grow once.
            self.objects.reserve(8);
            self.seen.reserve(16);
        }
        self.objects.push(self.seen.len());
    }

    pub(super) fn close(&mut self) {
        if let Some(start) = self.objects.pop() {
            self.seen.truncate(start);
        }
    }

    /// Remembers a decoded name and its [`hash`]; gives whether the innermost object already has it.
    ///
    /// Where the earlier name is no longer at hand, an equal hash of 64 bits counts as the same name.
    pub(super) fn is_repeated(&mut self, name: &[u8], hash: u64, span: Span, window: &Window<'_>) -> bool {
        let start = self.objects.last().copied().unwrap_or(0);
        let siblings = self.seen.get(start..).unwrap_or_default();
        let same = |earlier: &Name| {
            earlier.hash == hash && window.whole(earlier.span).is_none_or(|raw| *unescape(raw) == *name)
        };
        if siblings.iter().any(same) {
            return true;
        }
        if siblings.len() < MAX_PER_OBJECT && self.seen.len() < MAX_NAMES {
            self.seen.push(Name { hash, span });
        }
        false
    }
}

/// A quick hash; in a whole message equal ones are compared by name, so collisions only cost time.
#[inline]
pub(super) fn hash(name: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = name.as_chunks::<8>();
    let mut last = [0; 8];
    for (slot, byte) in last.iter_mut().zip(rest) {
        *slot = *byte;
    }
    let mix =
        |hash: u64, word: [u8; 8]| (hash.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    let hash = words.iter().fold(name.len() as u64, |hash, word| mix(hash, *word));
    let hash = mix(hash, last);
    hash ^ hash >> 32
}
