//! What the edges saw, told to the observer after the bytes went on.

use std::sync::Arc;

use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::stream::Ending;
use tapgate_wire::{Chunk, Leg, Nanos, StreamId};

/// Something that passed an edge.
#[derive(Clone, Debug)]
pub enum Seen {
    /// An HTTP request's head came from the client: a new stream.
    Asked { stream: StreamId, at: Nanos, head: Arc<RequestHead> },
    /// The HTTP response's head came from the server.
    Answered { stream: StreamId, at: Nanos, head: Arc<ResponseHead> },
    /// Bytes of a body or a pipe.
    Bytes { stream: StreamId, from: Leg, chunk: Chunk },
    /// One direction of a stream ended.
    Closed { stream: StreamId, from: Leg, at: Nanos, how: Ending },
    /// Bytes of the server's standard error.
    Stderr { chunk: Chunk },
    /// The server's process started.
    Started { at: Nanos, pid: u32 },
    /// The server's process ended: exit status, or 128 + signal.
    Exited { at: Nanos, status: i32 },
    /// This many bytes were not told because the observer fell behind.
    Lost { at: Nanos, n_bytes: u64 },
}
