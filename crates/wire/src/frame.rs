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

use crate::fault::Fault;
use crate::message::Message;
use crate::stream::Carried;

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

#[cfg(test)]
mod tests;
