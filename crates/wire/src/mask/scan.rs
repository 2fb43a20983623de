//! One search through one text and all that is encoded in it.

use std::ops::Range;

use super::hit::{Hit, Sure};
use super::known::Known;
use super::placeholder;

/// How deep texts may be encoded in each other.
const MAX_DEPTH: u8 = 6;
/// Bytes decoded per byte of input before a search gives up, and what every input may cost.
const DECODED_PER_BYTE: usize = 12;
const DECODED_AT_LEAST: usize = 64 * 1024;
/// Bytes that detectors may look at per byte of input, and in every input; a text may be a place to look in at each byte.
const LOOKED_AT_PER_BYTE: usize = 32;
const LOOKED_AT_LEAST: usize = 1024 * 1024;
/// No detector looks further ahead than this.
const MAX_AHEAD: usize = 64 * 1024;
/// Values that one text may teach.
const MAX_LEARNT: usize = 256;

/// What a search needs to know and what it learns.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    /// The values that were seen as secrets before.
    pub(super) known: &'a Known,
    /// Secrets that this search is certain of.
    pub(super) learnt: Vec<(&'static str, Vec<u8>)>,
    /// Everything was looked at; else something was encoded too deeply or too often.
    pub(super) complete: bool,
    key: &'a [u8; 32],
    depth: u8,
    budget: usize,
    looks: usize,
}

impl<'a> Scan<'a> {
    /// A search of `length` bytes.
    pub(super) fn new(key: &'a [u8; 32], known: &'a Known, length: usize) -> Self {
        Self {
            known,
            learnt: Vec::new(),
            complete: true,
            key,
            depth: 0,
            budget: length.saturating_mul(DECODED_PER_BYTE).saturating_add(DECODED_AT_LEAST),
            looks: length.saturating_mul(LOOKED_AT_PER_BYTE).saturating_add(LOOKED_AT_LEAST),
        }
    }

    /// Whether there is time to look at what stands at the beginning of `ahead`, up to a byte that `ends` it.
    pub(super) fn may_look(&mut self, ahead: &[u8], ends: impl Fn(&u8) -> bool) -> bool {
        if !self.complete {
            // What was given up is not stored, so nothing more has to be found in it.
            return false;
        }
        let ahead = ahead.get(..ahead.len().min(MAX_AHEAD)).unwrap_or_default();
        let length = ahead.iter().position(ends).unwrap_or(ahead.len());
        match self.looks.checked_sub(length) {
            Some(left) => self.looks = left,
            None => self.complete = false,
        }
        self.complete
    }

    /// Notes that `span` of `text` is a secret, unless it is a placeholder already.
    pub(super) fn hit(
        &mut self,
        text: &[u8],
        span: Range<usize>,
        class: &'static str,
        sure: Sure,
        hits: &mut Vec<Hit>,
    ) {
        let Some(secret) = text.get(span.clone()).filter(|secret| !secret.is_empty()) else {
            return;
        };
        if placeholder::touches(text, span.start, span.end) {
            return;
        }
        if sure == Sure::Certain && self.learnt.len() < MAX_LEARNT {
            self.learnt.push((class, secret.to_vec()));
        }
        hits.push(Hit {
            span,
            class,
            sure,
            placeholder: placeholder::make(self.key, class, secret),
            quote: String::new(),
        });
    }

    /// Notes that `span` of `text` is a known `value`.
    pub(super) fn hit_known(
        &self,
        text: &[u8],
        span: Range<usize>,
        class: &'static str,
        value: &[u8],
        hits: &mut Vec<Hit>,
    ) {
        if !placeholder::touches(text, span.start, span.end) {
            let placeholder = placeholder::make(self.key, class, value);
            hits.push(Hit { span, class, sure: Sure::Certain, placeholder, quote: String::new() });
        }
    }

    /// Notes that the JSON number at `span` is a secret; a string takes its place.
    pub(super) fn hit_number(
        &self,
        text: &[u8],
        span: Range<usize>,
        class: &'static str,
        hits: &mut Vec<Hit>,
    ) {
        let secret = text.get(span.clone()).unwrap_or_default();
        let placeholder = placeholder::make_number(self.key, class, secret);
        hits.push(Hit { span, class, sure: Sure::Certain, placeholder, quote: "\"".to_owned() });
    }

    /// Searches a text of `length` bytes that is encoded in the one at hand, if bounds allow.
    pub(super) fn inside(&mut self, length: usize, search: impl FnOnce(&mut Self) -> Vec<Hit>) -> Vec<Hit> {
        if self.depth >= MAX_DEPTH || self.budget < length {
            self.complete = false;
            return Vec::new();
        }
        self.budget -= length;
        self.depth += 1;
        let hits = search(self);
        self.depth -= 1;
        hits
    }
}
