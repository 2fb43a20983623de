//! A body that holds one JSON document (every revision's HTTP transports, `application/json`).

use super::gather::{End, Gather, Trail};
use super::{Frame, LIMIT};
use crate::clock::{Chunk, Nanos};
use crate::stream::Ending;

/// Frames one body.
#[derive(Debug)]
pub struct Body {
    trail: Trail,
    gather: Gather,
    is_lost: bool,
}

impl Default for Body {
    fn default() -> Self {
        Self::new(LIMIT)
    }
}

impl Body {
    /// A framer that keeps a body of up to `limit` bytes whole.
    pub fn new(limit: usize) -> Self {
        Self { trail: Trail::default(), gather: Gather::new(limit), is_lost: false }
    }

    /// Reads the next chunk.
    pub fn push(&mut self, chunk: &Chunk) {
        if !self.is_lost {
            self.trail.add(chunk.at, chunk.bytes.len());
            self.gather.push(chunk.bytes.clone());
        }
    }

    /// Says that the body ends here and how; an empty body tells nothing.
    ///
    /// A body that did not end cleanly is a message all the same when its JSON is complete.
    pub fn finish(&mut self, how: &Ending, sink: &mut impl FnMut(Frame)) {
        if self.gather.is_empty() {
            return;
        }
        let carried = self.trail.take(None);
        let end = if *how == Ending::Clean { End::Whole } else { End::Cut };
        sink(self.gather.take_frame(carried, Vec::new(), end));
    }

    /// Says that bytes of the body were not observed: it is told as far as it was seen, like one that is too
    /// large to keep. Of a body of which nothing was seen nothing is told.
    pub fn skip(&mut self, at: Nanos, n_bytes: u64) {
        if self.gather.is_empty() {
            self.resync();
        } else {
            self.trail.add(at, usize::try_from(n_bytes).unwrap_or(usize::MAX));
            self.gather.skip(n_bytes);
        }
    }

    /// Says that some bytes of the body were lost, nobody knows where: nothing more is told of it.
    pub fn resync(&mut self) {
        self.trail = Trail::default();
        self.gather.clear();
        self.is_lost = true;
    }
}
