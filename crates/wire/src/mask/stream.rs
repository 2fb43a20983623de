//! Text that arrives in pieces.

use super::anchor::ANCHORS;
use super::{Masker, Outcome, alphabet::ENCODED, pem};

/// How much is held back at most while a line or a key is not at its end.
const MAX_HELD: usize = 64 * 1024;
/// A line without an end is cut at a blank in front of this many bytes.
const TAIL: usize = 16 * 1024;
/// What a name of a secret and what ties it to its value may take.
const NAME_ROOM: usize = 128;
/// A line of base64 this long may go on in the next one.
const MIN_BASE64_LINE: usize = 48;

/// Joins pieces of a text so that no secret is cut: standard error, or a body that is no message.
///
/// Whole lines pass; the last line waits for its end, a private key and lines of base64 for theirs, 64 KiB at most.
/// A longer line is cut where no name of a secret is near; where there is no such place it is not stored.
///
/// ```
/// use tapgate_wire::mask::{Level, Masker, TextStream};
///
/// let mut masker = Masker::new([7; 32], Level::Masked);
/// let mut stderr = TextStream::default();
/// assert!(stderr.push(&mut masker, b"ready\npassw").is_some_and(|out| out.masked.bytes() == "ready\n"));
/// assert!(stderr.push(&mut masker, b"ord=\"hunt").is_none());
/// let rest = stderr.push(&mut masker, b"er22\"\n").unwrap_or_default();
/// assert!(rest.masked.bytes().starts_with(b"password=\"[masked:password:"));
/// ```
#[derive(Debug, Default)]
pub struct TextStream {
    held: Vec<u8>,
}

impl TextStream {
    /// Takes the next piece; gives what can be told by now, masked.
    pub fn push(&mut self, masker: &mut Masker, piece: &[u8]) -> Option<Outcome> {
        self.held.extend_from_slice(piece);
        let length = memchr::memrchr(b'\n', &self.held).map_or(0, |at| at + 1);
        let lines = self.held.get(..length).unwrap_or_default();
        if length > 0 && !is_open(lines) {
            return Some(self.take(masker, length));
        }
        (self.held.len() > MAX_HELD).then(|| self.cut(masker))
    }

    /// Gives the rest when the text ends, `None` if there is none.
    pub fn finish(&mut self, masker: &mut Masker) -> Option<Outcome> {
        (!self.held.is_empty()).then(|| self.take(masker, self.held.len()))
    }

    /// How many bytes are held back.
    #[cfg(test)]
    pub(super) fn held_len(&self) -> usize {
        self.held.len()
    }

    fn take(&mut self, masker: &mut Masker, length: usize) -> Outcome {
        let rest = self.held.split_off(length);
        let outcome = masker.text(&self.held);
        self.held = rest;
        outcome
    }

    fn cut(&mut self, masker: &mut Masker) -> Outcome {
        let last = self.held.len().saturating_sub(TAIL);
        let blanks = memchr::memrchr2_iter(b' ', b'\n', self.held.get(..last).unwrap_or_default()).take(64);
        let is_quiet = |at: &usize| {
            let before = self.held.get(at.saturating_sub(NAME_ROOM)..*at).unwrap_or_default();
            !ANCHORS.any(before) && !before.contains(&b'\\')
        };
        let place = blanks.map(|at| at + 1).find(is_quiet);
        if let Some(length) = place
            && !pem::is_open(&self.held)
        {
            return self.take(masker, length);
        }
        let held = std::mem::take(&mut self.held);
        masker.unscanned(&held)
    }
}

/// Whether `lines` end inside something that goes on in the next line.
fn is_open(lines: &[u8]) -> bool {
    let last = lines.trim_ascii_end().rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
    let is_base64 = last.len() >= MIN_BASE64_LINE && last.iter().all(|byte| ENCODED.has(*byte));
    lines.len() <= MAX_HELD && (is_base64 || pem::is_open(lines))
}
