//! Values that were seen as secrets, and how to find them again in any clothes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;

use super::codec::{self, Base64};
use super::decoded::Decoded;
use super::encoded;
use crate::json;

/// How many values are remembered; the oldest gives way to a new one.
const MAX_VALUES: usize = 4096;
/// Shorter values would be found everywhere.
const MIN_LENGTH: usize = 8;
/// Longer values are known by their beginning.
const MAX_LENGTH: usize = 4096;
/// A value of one kind of character (a word, a date) must be at least this long.
const MIN_PLAIN_LENGTH: usize = 16;
/// Bits of the filter that most positions of a text end at.
const FILTER_BITS: u32 = 16;

/// A secret that is known, found in a text.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// Where, and in what encoding.
    pub(super) span: Range<usize>,
    /// What it was called when it was learnt.
    pub(super) class: &'static str,
    /// The secret itself.
    pub(super) value: &'a [u8],
}

/// The known values.
///
/// Every pattern is at least eight bytes long, so a text is searched by looking at each window of eight
/// bytes: a bit filter that fits the fastest cache says no, a table of first windows says which patterns
/// to compare. Learning a value costs the same however many are known.
#[derive(Debug, Default)]
pub(super) struct Known {
    values: VecDeque<Value>,
    seen: HashSet<Box<[u8]>>,
    /// Patterns by their first eight bytes; `n` counts the values ever learnt.
    patterns: HashMap<u64, Vec<Pattern>>,
    filter: Vec<u64>,
    n_forgotten: u64,
}

#[derive(Debug)]
struct Value {
    class: &'static str,
    bytes: Box<[u8]>,
}

#[derive(Debug)]
struct Pattern {
    bytes: Box<[u8]>,
    value: u64,
    /// The run of base64 around the pattern holds the rest of the value.
    widens: bool,
}

impl Known {
    /// Remembers `value`; says whether it was new and is worth it.
    pub(super) fn learn(&mut self, class: &'static str, value: &[u8]) -> bool {
        let value = value.trim_ascii();
        let value = value.get(..MAX_LENGTH).unwrap_or(value);
        if !is_worth(value) || self.seen.contains(value) {
            return false;
        }
        if self.values.len() >= MAX_VALUES {
            self.forget_oldest();
        }
        let n = self.n_learnt();
        self.seen.insert(value.into());
        self.values.push_back(Value { class, bytes: value.into() });
        for (bytes, widens) in forms(value) {
            self.add(Pattern { bytes: bytes.into(), value: n, widens });
        }
        true
    }

    /// How many values were ever learnt; while it stays the same, the same values are known.
    pub(super) fn n_learnt(&self) -> u64 {
        self.n_forgotten + self.values.len() as u64
    }

    /// Whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether any known value stands in `text`.
    pub(super) fn any(&self, text: &[u8]) -> bool {
        self.find(text).next().is_some()
    }

    /// The known values in `text`, in order of place.
    pub(super) fn find<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Found<'a>> {
        let text_to_search = if self.is_empty() { &[][..] } else { text };
        text_to_search.windows(MIN_LENGTH).enumerate().filter_map(move |(at, window)| {
            let window = first_window(window);
            self.may_begin(window).then_some(())?;
            self.longest_at(text, at, window)
        })
    }

    /// The longest pattern at `at`.
    fn longest_at<'a>(&'a self, text: &[u8], at: usize, window: u64) -> Option<Found<'a>> {
        let rest = text.get(at..)?;
        let candidates = self.patterns.get(&window)?;
        let pattern = candidates
            .iter()
            .filter(|pattern| rest.starts_with(&pattern.bytes))
            .max_by_key(|pattern| pattern.bytes.len())?;
        let value = self.values.get(usize::try_from(pattern.value.checked_sub(self.n_forgotten)?).ok()?)?;
        let span = at..at + pattern.bytes.len();
        let span = if pattern.widens { encoded::widen(text, span) } else { span };
        Some(Found { span, class: value.class, value: &value.bytes })
    }

    fn add(&mut self, pattern: Pattern) {
        let window = first_window(&pattern.bytes);
        if self.filter.is_empty() {
            self.filter = vec![0; 1 << (FILTER_BITS - 6)];
        }
        let (word, bit) = filter_place(window);
        if let Some(word) = self.filter.get_mut(word) {
            *word |= bit;
        }
        self.patterns.entry(window).or_default().push(pattern);
    }

    fn may_begin(&self, window: u64) -> bool {
        let (word, bit) = filter_place(window);
        self.filter.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Drops the oldest value; its bits stay in the filter, where they only cost a look.
    fn forget_oldest(&mut self) {
        let Some(oldest) = self.values.pop_front() else {
            return;
        };
        self.seen.remove(&oldest.bytes);
        for (bytes, _) in forms(&oldest.bytes) {
            let window = first_window(&bytes);
            if let Some(patterns) = self.patterns.get_mut(&window) {
                patterns.retain(|pattern| pattern.value != self.n_forgotten);
                if patterns.is_empty() {
                    self.patterns.remove(&window);
                }
            }
        }
        self.n_forgotten += 1;
    }
}

fn filter_place(window: u64) -> (usize, u64) {
    let hash = window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS);
    ((hash >> 6) as usize, 1 << (hash & 63))
}

fn first_window(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<MIN_LENGTH>().map_or(0, |window| u64::from_le_bytes(*window))
}

/// Whether a value is rare enough to be replaced wherever it stands.
fn is_worth(value: &[u8]) -> bool {
    let kinds = [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit]
        .iter()
        .filter(|kind| value.iter().any(kind))
        .count();
    let other = value.iter().any(|byte| !byte.is_ascii_alphanumeric());
    let n_kinds = kinds + usize::from(other);
    value.len() >= MIN_LENGTH && (n_kinds > 1 || value.len() >= MIN_PLAIN_LENGTH)
}

/// All that a value may look like, and whether what stands around it belongs to it.
fn forms(value: &[u8]) -> Vec<(Vec<u8>, bool)> {
    let mut escaped = Vec::new();
    json::escape_into(value, &mut escaped);
    let mut forms = vec![
        (value.to_vec(), false),
        (escaped, false),
        (percent(value), false),
        (codec::hex_of(value, false), false),
        (codec::hex_of(value, true), false),
    ];
    for shift in 0..3 {
        for alphabet in [Base64::Standard, Base64::Url] {
            forms.push((codec::base64_core(value, shift, alphabet), true));
        }
    }
    forms.retain(|(bytes, _)| bytes.len() >= MIN_LENGTH);
    forms.sort();
    forms.dedup();
    forms
}

/// Percent-encodes all but what RFC 3986 calls unreserved.
fn percent(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for &byte in value {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    debug_assert_eq!(Decoded::percent(&out).text, value);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(known: &Known, text: &[u8]) -> usize {
        known.find(text).count()
    }

    #[test]
    fn a_value_is_found_in_every_encoding_until_it_is_forgotten() {
        let mut known = Known::default();
        let value = b"hunter2/\"planted\"?";
        assert!(known.learn("known", value));
        assert!(!known.learn("known", value));
        for (form, _) in forms(value) {
            assert!(finds(&known, &[b"a=".as_slice(), &form, b" b"].concat()) > 0, "{}", form.escape_ascii());
        }
        for n in 0..MAX_VALUES {
            known.learn("known", format!("other-value-{n}").as_bytes());
        }
        for (form, _) in forms(value) {
            assert_eq!(finds(&known, &form), 0, "{}", form.escape_ascii());
        }
        assert_eq!(finds(&known, b"other-value-4095"), 1);
        assert_eq!(known.values.len(), MAX_VALUES);
        assert!(known.patterns.values().map(Vec::len).sum::<usize>() <= MAX_VALUES * 11);
    }

    #[test]
    fn words_and_short_values_are_not_learnt() {
        let mut known = Known::default();
        for value in ["postgres", "short1", "", "20260728", "        ", "localhost"] {
            assert!(!known.learn("known", value.as_bytes()), "{value:?}");
        }
        assert!(!known.any(b"postgres localhost"));
    }
}
