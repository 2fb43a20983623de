//! The text of JSON strings: runs, escapes, UTF-8.

use std::borrow::Cow;

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);

/// The number of leading bytes that may stand in a string as they are: no quote, backslash or control.
///
/// Eight bytes at a time; a borrow can only mark a byte behind one that is truly marked, so the first
/// mark is exact.
#[inline]
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (n, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let marks = (quote.wrapping_sub(ONES) & !quote
            | backslash.wrapping_sub(ONES) & !backslash
            | word.wrapping_sub(ONES * 0x20) & !word)
            & TOPS;
        if marks != 0 {
            return n * 8 + (marks.trailing_zeros() / 8) as usize;
        }
    }
    let tail = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
    words.len() * 8 + tail.unwrap_or(rest.len())
}

/// Decodes a JSON string, quotes included or not; borrows when it holds no escape.
///
/// A surrogate without its pair becomes the three bytes that UTF-8 would give it (WTF-8), so nothing is
/// lost and [`escape_into`] writes it back; everything else that is not an escape stays as it is.
/// Expects what the scanner told as a string; from a broken escape on all stays as it stands.
pub fn unescape(raw: &[u8]) -> Cow<'_, [u8]> {
    let inner = raw.strip_prefix(b"\"").map_or(raw, |rest| rest.strip_suffix(b"\"").unwrap_or(rest));
    let Some(first) = memchr::memchr(b'\\', inner) else {
        return Cow::Borrowed(inner);
    };
    let (plain, mut rest) = inner.split_at(first);
    let mut out = Vec::with_capacity(inner.len());
    out.extend_from_slice(plain);
    while let Some((text, length)) = escape(rest) {
        match text {
            Unit::Byte(byte) => out.push(byte),
            Unit::Point(point) => push_point(&mut out, point),
        }
        rest = rest.get(length..).unwrap_or_default();
        let next = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        let (plain, tail) = rest.split_at(next);
        out.extend_from_slice(plain);
        rest = tail;
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// Decodes a JSON string for people: what is no Unicode text becomes U+FFFD.
pub fn unescape_lossy(raw: &[u8]) -> Cow<'_, str> {
    match unescape(raw) {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(
            String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        ),
    }
}

/// Appends `text` as the inside of a JSON string, without quotes; the inverse of [`unescape`].
///
/// Only what must be escaped is: quotes, backslashes, controls, and surrogates in WTF-8.
pub fn escape_into(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let surrogate = match (byte, behind) {
            (0xed, &[second @ 0xa0..=0xbf, third @ 0x80..=0xbf, ..]) => {
                Some(0xd000 | u32::from(second & 0x3f) << 6 | u32::from(third & 0x3f))
            }
            _ => None,
        };
        rest = behind;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => push_unit(out, u32::from(byte)),
            0xed if let Some(unit) = surrogate => {
                push_unit(out, unit);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                let run = plain_run(rest);
                // A run may hold the first byte of a surrogate, so it ends before one.
                let run = rest.iter().take(run).position(|byte| *byte == 0xed).unwrap_or(run);
                let (plain, tail) = rest.split_at(run);
                out.push(byte);
                out.extend_from_slice(plain);
                rest = tail;
            }
        }
    }
}

/// Checks UTF-8 in pieces that may be cut anywhere.
#[derive(Clone, Debug, Default)]
pub struct Utf8 {
    /// Offset of the piece at hand.
    base: u64,
    /// The beginning of a character whose rest is still to come, and where it stands.
    head: [u8; 4],
    n_head: usize,
    head_at: u64,
    broken: Option<u64>,
}

impl Utf8 {
    /// Reads the next piece; gives the offset of the first byte that is not UTF-8, once one was seen.
    pub fn push(&mut self, piece: &[u8]) -> Option<u64> {
        let mut rest = piece;
        while self.broken.is_none()
            && self.n_head > 0
            && let Some((&byte, behind)) = rest.split_first()
        {
            rest = behind;
            self.keep(byte);
            match std::str::from_utf8(self.head.get(..self.n_head).unwrap_or_default()) {
                Ok(_) => self.n_head = 0,
                Err(error) if error.error_len().is_none() => {}
                Err(_) => self.broken = Some(self.head_at),
            }
        }
        if self.broken.is_none()
            && let Err(error) = std::str::from_utf8(rest)
        {
            let (_, odd) = rest.split_at(error.valid_up_to());
            let at = self.base + (piece.len() - odd.len()) as u64;
            if error.error_len().is_some() {
                self.broken = Some(at);
            } else {
                self.head_at = at;
                for &byte in odd {
                    self.keep(byte);
                }
            }
        }
        self.base += piece.len() as u64;
        self.broken
    }

    /// Says that the text ends here; gives the offset of the first byte that is not UTF-8.
    pub fn finish(&self) -> Option<u64> {
        self.broken.or((self.n_head > 0).then_some(self.head_at))
    }

    fn keep(&mut self, byte: u8) {
        if let Some(slot) = self.head.get_mut(self.n_head) {
            *slot = byte;
            self.n_head += 1;
        }
    }
}

enum Unit {
    Byte(u8),
    Point(u32),
}

/// Reads the escape that `bytes` begins with: what it stands for and its length.
fn escape(bytes: &[u8]) -> Option<(Unit, usize)> {
    let byte = match bytes {
        [b'\\', b'u', ..] => {
            return unicode_escape(bytes).map(|(point, length)| (Unit::Point(point), length));
        }
        [b'\\', b'b', ..] => 0x08,
        [b'\\', b'f', ..] => 0x0c,
        [b'\\', b'n', ..] => b'\n',
        [b'\\', b'r', ..] => b'\r',
        [b'\\', b't', ..] => b'\t',
        [b'\\', same, ..] => *same,
        _ => return None,
    };
    Some((Unit::Byte(byte), 2))
}

fn unicode_escape(bytes: &[u8]) -> Option<(u32, usize)> {
    let high = unit(bytes)?;
    if (0xd800..0xdc00).contains(&high)
        && let Some(low) = bytes.get(6..).and_then(unit)
        && (0xdc00..0xe000).contains(&low)
    {
        return Some((0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), 12));
    }
    Some((high, 6))
}

/// The number behind `\u`.
fn unit(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}

fn push_point(out: &mut Vec<u8>, point: u32) {
    if let Some(char) = char::from_u32(point) {
        out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        let tail = |shift: u32| 0x80 | (point >> shift & 0x3f) as u8;
        out.extend_from_slice(&[0xe0 | (point >> 12 & 0xf) as u8, tail(6), tail(0)]);
    }
}

fn push_unit(out: &mut Vec<u8>, unit: u32) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(b"0123456789abcdef".get((unit >> shift & 0xf) as usize).copied().unwrap_or(b'0'));
    }
}
