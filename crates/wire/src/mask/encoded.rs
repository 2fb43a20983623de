//! Secrets in base64, hexadecimal, percent-encoding and escapes.
//!
//! What is encoded is decoded and searched like any text. A run of base64 or hexadecimal digits that
//! holds a secret is taken out as a whole, because no part of it can be told apart; behind percent signs
//! and escapes only the secret is.

use std::ops::Range;

use super::alphabet::ENCODED;
use super::anchor::ANCHORS;
use super::decoded::{self, Decoded};
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

/// The alphabets of RFC 4648.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base64 {
    /// Section 4, with `+` and `/`.
    Standard,
    /// Section 5, with `-` and `_`.
    Url,
}

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
        find_behind(
            scan,
            &Decoded::percent(text),
            text,
            |quote| quote.replace('"', "%22"),
            hits,
        );
    }
    if has_hiding_escape(text) || has_nested_escape(text) {
        find_behind(scan, &Decoded::unescape(text), text, escape, hits);
    }
}

/// `span` and the run of base64 digits around it.
pub(super) fn widen(text: &[u8], span: Range<usize>) -> Range<usize> {
    let before = text.get(..span.start).unwrap_or_default().iter().rev();
    let behind = text.get(span.end..).unwrap_or_default().iter();
    let left = before
        .take(MAX_WIDEN)
        .take_while(|byte| ENCODED.has(**byte))
        .count();
    let right = behind
        .take(MAX_WIDEN)
        .take_while(|byte| ENCODED.has(**byte) || **byte == b'=')
        .count();
    span.start - left..span.end + right
}

/// The hexadecimal digits of `value`.
pub(super) fn hex_of(value: &[u8], upper: bool) -> Vec<u8> {
    let text: String = value
        .iter()
        .map(|byte| {
            if upper {
                format!("{byte:02X}")
            } else {
                format!("{byte:02x}")
            }
        })
        .collect();
    text.into_bytes()
}

/// The base64 digits that `value` alone determines when `shift` bytes stand before it in a group of three.
pub(super) fn base64_core(value: &[u8], shift: usize, alphabet: Base64) -> Vec<u8> {
    let bit = |at: usize| {
        let byte = at.checked_sub(shift * 8).and_then(|at| value.get(at / 8));
        byte.map(|byte| byte >> (7 - at % 8) & 1)
    };
    let first = (shift * 8).div_ceil(6);
    let last = (shift + value.len()) * 8 / 6;
    (first..last)
        .map(|digit| {
            let bits = (0..6).filter_map(|n| bit(digit * 6 + n));
            base64_digit(bits.fold(0, |value, bit| value << 1 | bit), alphabet)
        })
        .collect()
}

fn base64_digit(value: u8, alphabet: Base64) -> u8 {
    match (value, alphabet) {
        (0..26, _) => b'A' + value,
        (26..52, _) => b'a' + value - 26,
        (52..62, _) => b'0' + value - 52,
        (62, Base64::Standard) => b'+',
        (62, Base64::Url) => b'-',
        (_, Base64::Standard) => b'/',
        (_, Base64::Url) => b'_',
    }
}

fn base64_value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Decodes base64 of either alphabet up to `max` bytes; line ends are skipped, padding and a rest of bits end it.
pub(super) fn base64_decode(digits: &[u8], max: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(max.min(digits.len() / 4 * 3 + 3));
    let (mut bits, mut n_bits) = (0_u32, 0_u32);
    for &digit in digits {
        let Some(value) = base64_value(digit) else {
            if matches!(digit, b'\r' | b'\n') {
                continue;
            }
            break;
        };
        bits = bits << 6 | u32::from(value);
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            out.push((bits >> n_bits) as u8);
            if out.len() >= max {
                break;
            }
        }
    }
    out
}

fn hex_decode(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|[high, low]| Some(decoded::hex(*high)? << 4 | decoded::hex(*low)?))
        .collect()
}

/// Rules whose prefix is too short to look for: tried where a word begins in a long run.
fn find_by_run_rules(scan: &mut Scan<'_>, text: &[u8], run: &Range<usize>, hits: &mut Vec<Hit>) {
    let end = run.end.min(run.start + 4 * SAMPLE);
    for at in run.start..end.saturating_sub(MIN_RUN) + 1 {
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

/// Searches a run as base64 and as hexadecimal.
fn find_in_run(scan: &mut Scan<'_>, text: &[u8], run: &Range<usize>, hits: &mut Vec<Hit>) {
    let digits = text.get(run.clone()).unwrap_or_default();
    let best = decodings(digits).find_map(|decoded| {
        let inner = scan.inside(decoded.len(), |scan| {
            let mut inner = Vec::new();
            text::find(scan, &decoded, &mut inner);
            inner
        });
        inner.into_iter().max_by_key(|hit| (hit.sure, hit.span.len()))
    });
    if let Some(hit) = best
        && !super::placeholder::touches(text, run.start, run.end)
    {
        let padded = text
            .get(run.end..)
            .unwrap_or_default()
            .iter()
            .take(2)
            .take_while(|b| **b == b'=')
            .count();
        hits.push(Hit {
            span: run.start..run.end + padded,
            quote: String::new(),
            ..hit
        });
    }
}

/// The texts that a run may stand for. Where base64 begins is not known, so every place in a group of four is tried.
fn decodings(digits: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let behind_path = memchr::memrchr(b'/', digits).map_or(0, |at| at + 1);
    let starts = [0, 1, 2, 3, behind_path];
    let n_starts = if behind_path > 3 { 5 } else { 4 };
    let base64 = starts.into_iter().take(n_starts).filter_map(|start| {
        let digits = digits.get(start..).filter(|digits| digits.len() >= MIN_RUN - 4)?;
        is_text(&base64_decode(digits, SAMPLE)).then(|| base64_decode(digits, usize::MAX))
    });
    let hex = hex_decode(digits).filter(|decoded| is_text(decoded.get(..SAMPLE).unwrap_or(decoded)));
    base64.chain(hex)
}

/// Whether a decoded sample looks like text; noise almost never does.
fn is_text(sample: &[u8]) -> bool {
    let n_printable = sample
        .iter()
        .filter(|b| matches!(b, b' '..=b'~' | b'\t' | b'\n' | b'\r'))
        .count();
    let is_utf8 = match std::str::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    n_printable * 8 >= sample.len() * 7
        || (is_utf8 && !sample.iter().any(|b| matches!(b, 0..9 | 14..32 | 127)))
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
        let span = decoded.raw(&hit.span);
        if !super::placeholder::touches(raw, span.start, span.end) {
            let quote = escape(&hit.quote);
            hits.push(Hit { span, quote, ..hit });
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
    fn the_core_of_base64_is_the_same_wherever_the_value_stands() {
        let value = b"a planted value?>";
        for shift in 0..9 {
            for alphabet in [Base64::Standard, Base64::Url] {
                let whole = [&b"123456789"[..shift], value, b"tail"].concat();
                let encoded = base64_core(&whole, 0, alphabet);
                let core = base64_core(value, shift % 3, alphabet);
                assert!(
                    memchr::memmem::find(&encoded, &core).is_some(),
                    "{shift} {alphabet:?}"
                );
                assert!(whole.starts_with(&base64_decode(&encoded, 26)));
            }
        }
    }

    #[test]
    fn runs_are_found_wherever_they_begin_and_end() {
        for before in 0..60 {
            for length in [23, 24, 25, 47, 48, 100] {
                let text = [vec![b' '; before], vec![b'A'; length], vec![b' '; before % 7]].concat();
                let runs: Vec<_> = Runs::new(&text).collect();
                let expected = if length >= MIN_RUN {
                    vec![before..before + length]
                } else {
                    vec![]
                };
                assert_eq!(runs, expected);
            }
        }
    }

    #[test]
    fn lines_of_base64_are_one_run() {
        let text = format!("{0}\r\n{0}\n{1}\nend", "A".repeat(76), "B".repeat(10));
        assert_eq!(
            Runs::new(text.as_bytes()).collect::<Vec<_>>(),
            vec![0..76 + 2 + 76 + 1 + 10]
        );
    }
}
