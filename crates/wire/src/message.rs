//! A message keeps its bytes; a change is a splice.

use std::ops::Range;

use bytes::Bytes;

use crate::fault::{FaultKind, note};
use crate::shape::Shape;

/// One message: the bytes as they came, their shape, and the edits that tapgate decided on.
///
/// [`Message::raw`] and [`Message::shape`] always speak of what came; only [`Message::to_wire`] has the edits.
///
/// ```
/// use tapgate_wire::Message;
///
/// let mut message = Message::parse(r#"{"jsonrpc":"2.0","id":1,  "method":"ping"}"#.into());
/// assert_eq!(message.to_wire(), message.raw());
/// message.splice(22..23, "\"p1\"".into())?;
/// assert_eq!(message.to_wire(), r#"{"jsonrpc":"2.0","id":"p1",  "method":"ping"}"#);
/// # Ok::<(), tapgate_wire::message::SpliceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    raw: Bytes,
    shape: Shape,
    size: u64,
    /// Invariant: sorted, inside `raw`, never overlapping.
    edits: Vec<Edit>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Edit {
    span: Range<usize>,
    with: Bytes,
}

/// Why an edit cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpliceError {
    /// The place is not inside the message.
    #[error("edit lies outside the message")]
    Outside,
    /// An earlier edit changes the same bytes.
    #[error("edit overlaps an earlier one")]
    Overlap,
    /// Only the beginning of the message is at hand.
    #[error("message was too large to be kept, so it cannot be edited")]
    NotWhole,
}

impl Message {
    /// Reads a message; bytes that are no message become one of kind [`Other`](crate::Kind::Other) with faults.
    pub fn parse(raw: Bytes) -> Self {
        let shape = Shape::of(&raw);
        Self::whole(raw, shape)
    }

    pub(crate) fn whole(raw: Bytes, shape: Shape) -> Self {
        Self { size: raw.len() as u64, raw, shape, edits: Vec::new() }
    }

    /// A message of `size` bytes of which only the beginning was kept; its shape came from a
    /// [`Builder`](crate::shape::Builder).
    pub fn oversized(head: Bytes, mut shape: Shape, size: u64) -> Self {
        note(&mut shape.faults, FaultKind::TooLarge, head.len() as u64);
        Self { raw: head, shape, size, edits: Vec::new() }
    }

    /// The bytes as they came; of an oversized message only the beginning.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// What the message is and the members that tracking needs.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The number of bytes that came.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether [`Message::raw`] holds all that came.
    pub fn is_whole(&self) -> bool {
        self.size == self.raw.len() as u64
    }

    /// Replaces the bytes at `span`, which are counted in [`Message::raw`] whatever was spliced before.
    ///
    /// An empty span inserts; two insertions at one place come out in the order in which they were made.
    ///
    /// # Errors
    ///
    /// See [`SpliceError`]; then nothing changed.
    pub fn splice(&mut self, span: Range<usize>, with: Bytes) -> Result<(), SpliceError> {
        if !self.is_whole() {
            return Err(SpliceError::NotWhole);
        }
        if span.start > span.end || span.end > self.raw.len() {
            return Err(SpliceError::Outside);
        }
        let before = |edit: &Edit| edit.span.end <= span.start && edit.span.start <= span.start;
        let place = self.edits.partition_point(before);
        if self
            .edits
            .get(place)
            .is_some_and(|next| next.span.start < span.end || next.span.start < span.start)
        {
            return Err(SpliceError::Overlap);
        }
        self.edits.insert(place, Edit { span, with });
        Ok(())
    }

    /// Whether anything was spliced.
    pub fn is_edited(&self) -> bool {
        !self.edits.is_empty()
    }

    /// The bytes that leave: without edits the very bytes that came, at the cost of a reference count.
    pub fn to_wire(&self) -> Bytes {
        if self.edits.is_empty() {
            return self.raw.clone();
        }
        let added: usize = self.edits.iter().map(|edit| edit.with.len()).sum();
        let mut out = Vec::with_capacity(self.raw.len() + added);
        let mut at = 0;
        for edit in &self.edits {
            out.extend_from_slice(self.raw.get(at..edit.span.start).unwrap_or_default());
            out.extend_from_slice(&edit.with);
            at = edit.span.end;
        }
        out.extend_from_slice(self.raw.get(at..).unwrap_or_default());
        out.into()
    }

    /// Adds what a framer saw around the message; of each kind the first is kept.
    pub fn note(&mut self, kind: FaultKind, at: u64) {
        note(&mut self.shape.faults, kind, at);
    }
}

#[cfg(test)]
mod tests;
