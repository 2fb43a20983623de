//! Text behind escapes or percent signs, with the way back to where each byte came from.

use std::ops::Range;

/// A decoded text; what stands in it can be placed in the raw text.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// The text.
    pub(super) text: Vec<u8>,
    /// Invariant: sorted by both offsets; each piece reaches to the next one.
    pieces: Vec<Piece>,
    raw_len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    text_at: usize,
    raw_at: usize,
    /// The bytes are the same in both texts; else the piece is one escape.
    plain: bool,
}

impl Decoded {
    /// Decodes the escapes of JSON strings; what is no valid escape stays as it is.
    pub(super) fn unescape(raw: &[u8]) -> Self {
        Self::decode(raw, b'\\', escape)
    }

    /// Decodes `%41`; a plus sign stays one, as in a path.
    pub(super) fn percent(raw: &[u8]) -> Self {
        Self::decode(raw, b'%', |rest, out| {
            let [b'%', high, low, ..] = rest else { return None };
            out.push(hex(*high)? << 4 | hex(*low)?);
            Some(3)
        })
    }

    /// Whether anything was decoded.
    pub(super) fn differs(&self) -> bool {
        self.pieces.iter().any(|piece| !piece.plain)
    }

    /// Where in the raw text `span` of the decoded text comes from; whole escapes.
    pub(super) fn raw(&self, span: &Range<usize>) -> Range<usize> {
        if span.is_empty() {
            return 0..0;
        }
        let start = self
            .piece(span.start)
            .map_or(0, |(piece, _)| piece.raw_at + if piece.plain { span.start - piece.text_at } else { 0 });
        let last = span.end - 1;
        let end = self.piece(last).map_or(self.raw_len, |(piece, next)| {
            if piece.plain { piece.raw_at + (last - piece.text_at) + 1 } else { next }
        });
        start..end
    }

    fn decode(raw: &[u8], mark: u8, escape: impl Fn(&[u8], &mut Vec<u8>) -> Option<usize>) -> Self {
        let mut decoded =
            Self { text: Vec::with_capacity(raw.len()), pieces: Vec::new(), raw_len: raw.len() };
        let mut at = 0;
        while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
            let text_at = decoded.text.len();
            let escaped = if rest.first() == Some(&mark) { escape(rest, &mut decoded.text) } else { None };
            let plain = escaped.is_none();
            let length = escaped.unwrap_or_else(|| {
                let behind = rest.get(1..).unwrap_or_default();
                let run = 1 + memchr::memchr(mark, behind).unwrap_or(behind.len());
                decoded.text.extend_from_slice(rest.get(..run).unwrap_or_default());
                run
            });
            decoded.pieces.push(Piece { text_at, raw_at: at, plain });
            at += length;
        }
        decoded
    }

    /// The piece that holds byte `at` of the text, and where the next one begins in the raw text.
    fn piece(&self, at: usize) -> Option<(Piece, usize)> {
        let next = self.pieces.partition_point(|piece| piece.text_at <= at);
        let piece = *self.pieces.get(next.checked_sub(1)?)?;
        let raw_end = self.pieces.get(next).map_or(self.raw_len, |piece| piece.raw_at);
        Some((piece, raw_end))
    }
}

/// The value of a hexadecimal digit.
pub(super) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// Decodes the escape that `rest` begins with; gives its length.
fn escape(rest: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let [b'\\', kind, behind @ ..] = rest else {
        return None;
    };
    let byte = match kind {
        b'"' | b'\\' | b'/' => *kind,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return unicode(behind, out).map(|length| length + 2),
        _ => return None,
    };
    out.push(byte);
    Some(2)
}

/// Decodes the digits behind `\u`, and a second half when they are the first half of a pair.
fn unicode(digits: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let first = unit(digits)?;
    let second = digits.get(4..).and_then(|rest| rest.strip_prefix(b"\\u")).and_then(unit);
    let (point, length) = match (first, second) {
        (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) => {
            (0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), 10)
        }
        _ => (first, 4),
    };
    let character = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Some(length)
}

fn unit(digits: &[u8]) -> Option<u32> {
    digits.get(..4)?.iter().try_fold(0, |value, digit| Some(value << 4 | u32::from(hex(*digit)?)))
}
