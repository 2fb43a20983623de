//! Lines of stdio: one message a line (spec 2026-07-28, basic/transports/stdio; alike since 2024-11-05).

use super::gather::{End, Gather, Trail};
use super::{Frame, LIMIT};
use crate::clock::Chunk;
use crate::fault::{Fault, FaultKind};
use crate::stream::Carried;

/// Frames lines that end in LF.
///
/// A CR before it, a byte order mark and blank lines are faults and do no harm. A line beyond the limit
/// keeps its beginning and its shape.
#[derive(Debug)]
pub struct Lines {
    trail: Trail,
    gather: Gather,
    /// Whether a byte of the line is not white space.
    has_content: bool,
    /// Bytes were lost, so what comes up to the next LF belongs to an unknown line.
    is_lost: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self::new(LIMIT)
    }
}

impl Lines {
    /// A framer that keeps lines of up to `limit` bytes whole.
    pub fn new(limit: usize) -> Self {
        Self { trail: Trail::default(), gather: Gather::new(limit), has_content: false, is_lost: false }
    }

    /// Reads the next chunk and tells the frames that end in it.
    pub fn push(&mut self, chunk: &Chunk, sink: &mut impl FnMut(Frame)) {
        let mut start = 0;
        while let Some(rest) = chunk.bytes.get(start..).filter(|rest| !rest.is_empty()) {
            let Some(length) = memchr::memchr(b'\n', rest) else {
                if !self.is_lost {
                    self.extend(chunk, start, chunk.bytes.len());
                }
                return;
            };
            let end = start + length;
            if self.is_lost {
                self.is_lost = false;
            } else {
                self.extend(chunk, start, end);
                self.trail.add(chunk.at, 1);
                self.line_ended(sink);
            }
            start = end + 1;
        }
    }

    /// Says that the stream ends here; a last line without LF counts if it is JSON.
    pub fn finish(&mut self, sink: &mut impl FnMut(Frame)) {
        if !self.trail.is_empty() {
            let carried = self.trail.take(None);
            let end = if self.has_content { End::Cut } else { End::Whole };
            let blank = Fault { kind: FaultKind::BlankLine, at: 0 };
            self.tell(carried, if self.has_content { Vec::new() } else { vec![blank] }, end, sink);
        }
        self.is_lost = false;
    }

    /// Says that bytes before the next chunk were lost: what is at hand is dropped, and framing goes on
    /// behind the next LF.
    pub fn resync(&mut self) {
        self.trail = Trail::default();
        self.gather.clear();
        self.has_content = false;
        self.is_lost = true;
    }

    fn extend(&mut self, chunk: &Chunk, start: usize, end: usize) {
        let bytes = chunk.bytes.slice(start..end);
        self.trail.add(chunk.at, bytes.len());
        self.has_content |= bytes.iter().any(|byte| !byte.is_ascii_whitespace());
        self.gather.push(bytes);
    }

    fn line_ended(&mut self, sink: &mut impl FnMut(Frame)) {
        let carried = self.trail.take(None);
        let mut faults = Vec::new();
        if self.gather.trim_return() {
            // Offset of the CR: in front of the LF.
            faults.push(Fault { kind: FaultKind::CarriageReturn, at: carried.size.saturating_sub(2) });
        }
        if !self.has_content {
            faults.push(Fault { kind: FaultKind::BlankLine, at: 0 });
        }
        self.tell(carried, faults, End::Whole, sink);
    }

    fn tell(&mut self, carried: Carried, faults: Vec<Fault>, end: End, sink: &mut impl FnMut(Frame)) {
        let is_blank = !std::mem::take(&mut self.has_content);
        sink(if is_blank {
            Frame::Stray { carried, bytes: self.gather.take_bytes(), faults }
        } else {
            self.gather.take_frame(carried, faults, end)
        });
    }
}
