//! From a stream of bytes to frames.
//!
//! Framers take [`Chunk`](crate::Chunk)s, cut at any byte and each with its time, and tell [`Frame`]s. They never
//! fail and never keep more of a frame than their limit: of a larger one they keep the beginning and
//! read the shape as the bytes go by.

pub mod body;
pub mod coding;
mod gather;
pub mod lines;
pub mod sse;

pub use body::Body;
pub use lines::Lines;
pub use sse::Sse;

use bytes::Bytes;

use crate::fault::{Fault, FaultKind};
use crate::message::Message;
use crate::shape::Shape;
use crate::stream::{Carried, Event};

/// Bytes of the largest frame that is kept whole, unless a caller says otherwise.
pub const LIMIT: usize = 1024 * 1024;

/// Bytes that are kept of a frame beyond the limit.
pub const HEAD: usize = 16 * 1024;

/// How many arrivals are told apart in one frame; the bytes of later ones count to the last.
pub const MAX_CHUNKS: usize = 1024;

/// What a framer found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A JSON document, whether or not it is a JSON-RPC message; [`Kind`](crate::Kind) says which.
    Message {
        /// When its bytes came.
        carried: Carried,
        /// The document.
        message: Message,
    },
    /// Bytes that are no message; of a large piece only the beginning.
    Stray {
        /// When its bytes came.
        carried: Carried,
        /// The bytes, without what only frames them.
        bytes: Bytes,
        /// What was odd.
        faults: Vec<Fault>,
    },
}

impl Frame {
    /// The frame as a message, with the fields of its event: what is no message becomes one of kind
    /// [`Other`](crate::Kind::Other). Blank lines and comments say nothing.
    pub fn into_message(self) -> Option<(Message, Event)> {
        let (carried, bytes, faults) = match self {
            Self::Message { carried, message } => return Some((message, carried.event.unwrap_or_default())),
            Self::Stray { carried, bytes, faults } => (carried, bytes, faults),
        };
        let has = |kind| faults.iter().any(|fault| fault.kind == kind);
        let is_quiet = match &carried.event {
            None => bytes.trim_ascii().is_empty(),
            // The data of an event may begin with a colon too, but then somebody tried to read it.
            Some(event) => bytes.starts_with(b":") && *event == Event::default() && !has(FaultKind::NotJson),
        };
        if is_quiet {
            return None;
        }
        // Of what is too large only the beginning is here, which may look like a message.
        let message = if has(FaultKind::TooLarge) {
            Message::oversized(bytes, Shape::of(&Bytes::new()), carried.size)
        } else {
            Message::parse(bytes)
        };
        Some((message, carried.event.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests;
