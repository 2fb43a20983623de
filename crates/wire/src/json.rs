//! JSON, read without loss.
//!
//! A [`Scanner`] is fed bytes that may be cut anywhere and tells an [`Event`] for each token, with the
//! place of the token and nothing else: it copies no byte, keeps no value and checks the grammar of
//! RFC 8259 exactly. Its memory is one bit per open level, so a document of any size costs the same.
//!
//! It does not check UTF-8 inside strings; [`Utf8`] does, because a message that is not UTF-8 still has
//! a shape that people want to see.

mod each;
mod pointer;
mod scalar;
mod scanner;
mod skim;
mod text;

pub use each::each;
pub use pointer::find;
pub use scanner::Scanner;
pub use text::{Utf8, escape_into, unescape, unescape_lossy};

use std::ops::Range;

use crate::fault::Fault;

/// How many arrays and objects may be open at once.
///
/// What is nested deeper is told as one [`Event::Deep`] and followed only by its strings and brackets,
/// so whether it is valid JSON is not known.
pub const MAX_DEPTH: usize = 512;

/// A place in a document: byte offsets from its first byte, `end` excluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u64,
    /// Offset behind the last byte.
    pub end: u64,
}

impl Span {
    /// The number of bytes, 0 if the span is inside out.
    pub fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether the span holds no byte.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The span as a range into a slice; an offset that the platform cannot address becomes the largest one.
    pub fn range(self) -> Range<usize> {
        let place = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
        place(self.start)..place(self.end)
    }

    /// The bytes of `document` at this place, `None` where it has no such place.
    pub fn of(self, document: &[u8]) -> Option<&[u8]> {
        document.get(self.range())
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start as u64, end: range.end as u64 }
    }
}

/// What brackets hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    /// `{…}`.
    Object,
    /// `[…]`.
    Array,
}

/// A word of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Literal {
    /// `true`.
    True,
    /// `false`.
    False,
    /// `null`.
    Null,
}

/// A token, or something odd about the last one; told in wire order, as soon as its last byte was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A bracket opens at this offset.
    Open {
        /// Which bracket.
        container: Container,
        /// Where.
        at: u64,
    },
    /// The bracket that opened last closes at this offset.
    Close {
        /// Which bracket.
        container: Container,
        /// Where.
        at: u64,
    },
    /// The name of a member, quotes included.
    Key {
        /// Where.
        span: Span,
        /// Whether it holds a backslash, so that [`unescape`] changes it.
        escaped: bool,
    },
    /// A string that is a value, quotes included.
    String {
        /// Where.
        span: Span,
        /// Whether it holds a backslash, so that [`unescape`] changes it.
        escaped: bool,
    },
    /// A number.
    Number(Span),
    /// `true`, `false` or `null`.
    Literal(Literal, Span),
    /// An array or object below [`MAX_DEPTH`] levels, brackets included, told as one value.
    Deep(Span),
    /// Something odd that does not end the scan: a lone surrogate, too much depth.
    Odd(Fault),
}

/// Scans one document that is at hand as a whole.
///
/// # Errors
///
/// [`NotJson`](crate::fault::FaultKind::NotJson) with the offset of the first byte that cannot be, or the length of a document
/// that ends too early. Events before it were told.
///
/// ```
/// use tapgate_wire::json::{Event, scan};
///
/// let mut keys = Vec::new();
/// let document = br#"{"id":7,"method":"ping"}"#;
/// scan(document, &mut |event| {
///     if let Event::Key { span, .. } = event {
///         keys.push(span.of(document).unwrap_or_default());
///     }
/// })?;
/// assert_eq!(keys, [&b"\"id\""[..], b"\"method\""]);
/// # Ok::<(), tapgate_wire::Fault>(())
/// ```
#[inline]
pub fn scan(document: &[u8], sink: &mut impl FnMut(Event)) -> Result<(), Fault> {
    let mut scanner = Scanner::new();
    scanner.push(document, sink)?;
    scanner.finish(sink)
}

#[cfg(test)]
mod tests;
