//! Secrets in base64, hexadecimal, percent-encoding and escapes.
//!
//! What is encoded is decoded and searched like any text. A run of base64 or hexadecimal digits that
//! holds a secret is taken out as a whole, because no part of it can be told apart; behind percent signs
//! and escapes only the secret is.

use std::ops::Range;

use super::alphabet::ENCODED;
use super::anchor::ANCHORS;
use super::codec::{base64_decode, base64_value, hex_decode};
use super::decoded::Decoded;
use super::hit::Hit;
use super::scan::Scan;
use super::text;

/// Shorter runs hide no token of any known shape.
const MIN_RUN: usize = 24;
/// Base64 in lines (MIME, PEM) has lines at least this long.
const MIN_LINE: usize = 48;
/// How much of a run is decoded to see whether it is text.
const SAMPLE: usize = 96;
/// How far a known value in base64 reaches beyond what is recognised.
const MAX_WIDEN: usize = 4096;

/// Whether `text` may hold something encoded; cheap.
pub(super) fn may_hold(text: &[u8]) -> bool {
    has_percent(text) || has_hiding_escape(text) || Runs::new(text).next().is_some()
}

/// Finds secrets that are encoded in `text`.
pub(super) fn find(scan: &mut Scan<'_>, text: &[u8], hits: &mut Vec<Hit>) {
    for run in Runs::new(text) {
        find_by_run_rules(scan, text, &run, hits);
        find_in_run(scan, text, &run, hits);
    }
    if has_percent(text) {
        find_behind(scan, &Decoded::percent(text), text, |quote| quote.replace('"', "%22"), hits);
    }
    if has_hiding_escape(text) || has_nested_escape(text) {
        find_behind(scan, &Decoded::unescape(text), text, escape, hits);
    }
}

/// `span` and the run of base64 digits around it.
pub(super) fn widen(text: &[u8], span: Range<usize>) -> Range<usize> {
    let before = text.get(..span.start).unwrap_or_default().iter().rev();
    let behind = text.get(span.end..).unwrap_or_default().iter();
    let left = before.take(MAX_WIDEN).take_while(|byte| ENCODED.has(**byte)).count();
    let right = behind.take(MAX_WIDEN).take_while(|byte| ENCODED.has(**byte) || **byte == b'=').count();
    span.start - left..span.end + right
}

/// Rules whose prefix is too short to look for: tried where a word begins in a long run.
fn find_by_run_rules(scan: &mut Scan<'_>, text: &[u8], run: &Range<usize>, hits: &mut Vec<Hit>) {
    let end = run.end.min(run.start + 4 * SAMPLE);
    for at in run.start..=end.saturating_sub(MIN_RUN) {
        let begins = at == run.start || text.get(at - 1).is_some_and(|byte| !byte.is_ascii_alphanumeric());
        if !begins {
            continue;
        }
        for (rule, prefix) in ANCHORS.at_runs() {
            if let Some((span, sure)) = rule.find(text, at, prefix) {
                scan.hit(text, span, &rule.class, sure, hits);
            }
        }
    }
}

/// Searches a run as base64 and as hexadecimal: as one, or else each of its lines, which may have nothing to do with
/// each other.
fn find_in_run(scan: &mut Scan<'_>, text: &[u8], run: &Range<usize>, hits: &mut Vec<Hit>) {
    if find_in_digits(scan, text, run, hits) {
        return;
    }
    let lines = text.get(run.clone()).unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
    let mut start = run.start;
    for line in lines.filter(|line| line.len() < run.len()) {
        let digits = start..start + line.trim_ascii_end().len();
        start += line.len();
        if digits.len() >= MIN_RUN {
            find_in_digits(scan, text, &digits, hits);
        }
    }
}

/// Searches digits of one encoding; says whether they hold a secret.
fn find_in_digits(scan: &mut Scan<'_>, text: &[u8], run: &Range<usize>, hits: &mut Vec<Hit>) -> bool {
    let digits = text.get(run.clone()).unwrap_or_default();
    let best = decodings(digits).find_map(|decoded| {
        let inner = scan.inside(decoded.len(), |scan| {
            let mut inner = Vec::new();
            text::find(scan, &decoded, &mut inner);
            inner
        });
        inner.into_iter().max_by_key(|hit| (hit.sure, hit.span.len()))
    });
    let Some(hit) = best else { return false };
    if !super::placeholder::touches(text, run.start, run.end) {
        let padded =
            text.get(run.end..).unwrap_or_default().iter().take(2).take_while(|b| **b == b'=').count();
        hits.push(Hit { span: run.start..run.end + padded, quote: String::new(), ..hit });
    }
    true
}

/// The texts that a run may stand for. Where base64 begins is not known, so every place in a group of four is tried.
fn decodings(digits: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let behind_path = memchr::memrchr(b'/', digits).map_or(0, |at| at + 1);
    let starts = [0, 1, 2, 3, behind_path];
    let n_starts = if behind_path > 3 { 5 } else { 4 };
    let base64 = starts.into_iter().take(n_starts).filter_map(|start| {
        let digits = digits.get(start..).filter(|digits| digits.len() >= MIN_RUN - 4)?;
        let begins_like_text = is_likely_text(digits.first_chunk()?);
        let looks_like_text = begins_like_text && is_text(&base64_decode(digits, SAMPLE));
        looks_like_text.then(|| base64_decode(digits, usize::MAX))
    });
    let hex = hex_decode(digits).filter(|decoded| is_text(decoded.get(..SAMPLE).unwrap_or(decoded)));
    base64.chain(hex)
}

/// Whether the first digits of base64 may stand for text: a cheap look before the real one.
///
/// The first three bytes may belong to something else, when the text begins in the middle of a run.
fn is_likely_text(digits: &[u8; 20]) -> bool {
    let mut bytes = [0; 15];
    for (group, out) in digits.as_chunks::<4>().0.iter().zip(bytes.as_chunks_mut::<3>().0) {
        let value = |digit| u32::from(base64_value(digit).unwrap_or_default());
        let [_, high, middle, low] =
            group.iter().fold(0, |bits, digit| bits << 6 | value(*digit)).to_be_bytes();
        *out = [high, middle, low];
    }
    let behind = bytes.get(3..).unwrap_or_default();
    let cut = behind.iter().take_while(|byte| matches!(byte, 0x80..0xc0)).count();
    count_printable(&bytes) >= 10 || is_utf8_text(behind.get(cut..).unwrap_or_default())
}

fn count_printable(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')).count()
}

/// Whether `bytes` are UTF-8 without controls, the last character perhaps cut.
fn is_utf8_text(bytes: &[u8]) -> bool {
    let is_utf8 = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    is_utf8 && !bytes.iter().any(|byte| matches!(byte, 0..9 | 14..32 | 127))
}

/// Whether a decoded sample looks like text; noise almost never does.
fn is_text(sample: &[u8]) -> bool {
    count_printable(sample) * 8 >= sample.len() * 7 || is_utf8_text(sample)
}

/// A quote as it stands inside a JSON string.
pub(super) fn escape(quote: &str) -> String {
    quote.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Searches a decoded text and places what it finds in `raw`.
fn find_behind(
    scan: &mut Scan<'_>,
    decoded: &Decoded,
    raw: &[u8],
    escape: impl Fn(&str) -> String,
    hits: &mut Vec<Hit>,
) {
    if !decoded.differs() {
        return;
    }
    let inner = scan.inside(decoded.text.len(), |scan| {
        let mut inner = Vec::new();
        text::find(scan, &decoded.text, &mut inner);
        inner
    });
    for hit in inner {
        let place = decoded.raw(&hit.span);
        if !super::placeholder::touches(raw, place.start, place.end) {
            let quote = escape(&hit.quote);
            hits.push(Hit { span: place, quote, ..hit });
        }
    }
}

fn has_percent(text: &[u8]) -> bool {
    memchr::memchr_iter(b'%', text).any(|at| {
        let digits = text.get(at + 1..at + 3).unwrap_or_default();
        digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit)
    })
}

/// Whether escapes may hide letters or slashes from a search of the raw text.
fn has_hiding_escape(text: &[u8]) -> bool {
    memchr::memchr_iter(b'\\', text).any(|at| matches!(text.get(at + 1), Some(b'u' | b'/')))
}

/// Whether `text` may be what a JSON string of JSON looks like before it is read.
pub(super) fn has_nested_escape(text: &[u8]) -> bool {
    memchr::memchr_iter(b'\\', text).any(|at| matches!(text.get(at + 1), Some(b'"' | b'\\')))
}

/// The runs of at least [`MIN_RUN`] encoded digits in a text, those of base64 in lines as one.
struct Runs<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Runs<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    fn end_of_run(&self, from: usize) -> usize {
        let rest = self.text.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| ENCODED.has(**byte)).count()
    }
}

impl Iterator for Runs<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            // A run that is long enough covers one of the places that are looked at.
            let probe = self.at + MIN_RUN - 1;
            if !ENCODED.has(*self.text.get(probe)?) {
                self.at = probe + 1;
                continue;
            }
            let before = self.text.get(self.at..probe)?.iter().rev();
            let start = probe - before.take_while(|byte| ENCODED.has(**byte)).count();
            let mut line = start;
            let mut end = self.end_of_run(start);
            while end - line >= MIN_LINE {
                let newline = match self.text.get(end..).unwrap_or_default() {
                    [b'\n', ..] => 1,
                    [b'\r', b'\n', ..] => 2,
                    _ => break,
                };
                line = end + newline;
                let next = self.end_of_run(line);
                if next == line {
                    break;
                }
                end = next;
            }
            self.at = end + 1;
            if end - start >= MIN_RUN {
                return Some(start..end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_wherever_they_begin_and_end() {
        for before in 0..60 {
            for length in [23, 24, 25, 47, 48, 100] {
                let text = [vec![b' '; before], vec![b'A'; length], vec![b' '; before % 7]].concat();
                let runs: Vec<_> = Runs::new(&text).collect();
                let expected = (length >= MIN_RUN).then_some(before..before + length);
                assert_eq!(runs, Vec::from_iter(expected));
            }
        }
    }

    #[test]
    fn lines_of_base64_are_one_run() {
        let text = format!("{0}\r\n{0}\n{1}\nend", "A".repeat(76), "B".repeat(10));
        let mut runs = Runs::new(text.as_bytes());
        assert_eq!((runs.next(), runs.next()), (Some(0..76 + 2 + 76 + 1 + 10), None));
    }
}
