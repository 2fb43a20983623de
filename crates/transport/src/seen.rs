//! What the edges saw, told to the observer without waiting for it.

use std::sync::Arc;

use bytes::Bytes;
use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::stream::Ending;
use tapgate_wire::{Chunk, Leg, Nanos, StreamId};

/// Something that passed an edge; every `at` is when the edge learned of it.
#[derive(Clone, Debug)]
pub enum Seen {
    /// An HTTP request's head came from the client: a new stream.
    Asked {
        /// The new stream's name.
        stream: StreamId,
        /// When the whole head had come.
        at: Nanos,
        /// The head, as it came.
        head: Arc<RequestHead>,
    },
    /// The HTTP response's head came from the server.
    Answered {
        /// The stream of the request.
        stream: StreamId,
        /// When the whole head had come.
        at: Nanos,
        /// The head, as it came.
        head: Arc<ResponseHead>,
    },
    /// Bytes of a body or a pipe.
    Bytes {
        /// What carried them.
        stream: StreamId,
        /// Who sent them.
        from: Leg,
        /// The bytes of one read.
        chunk: Chunk,
    },
    /// Everything that was told of one direction before is with its receiver: written, or handed to what writes it.
    ///
    /// It stands behind the bytes, so the time between the two is what the edge itself took. Nothing depends on it: a
    /// full queue drops it without a word.
    Passed {
        /// What carried it.
        stream: StreamId,
        /// Who sent it.
        from: Leg,
        /// When the last of it was written.
        at: Nanos,
    },
    /// One direction of a stream ended.
    Closed {
        /// The stream.
        stream: StreamId,
        /// Whose bytes ended.
        from: Leg,
        /// When.
        at: Nanos,
        /// How.
        how: Ending,
    },
    /// Bytes of the server's standard error.
    Stderr {
        /// The process's pipes.
        stream: StreamId,
        /// The bytes of one read.
        chunk: Chunk,
    },
    /// The server's process started.
    Started {
        /// Its pipes.
        stream: StreamId,
        /// When.
        at: Nanos,
        /// Its process id, which is also the id of its process group.
        pid: u32,
    },
    /// The server's process ended.
    Exited {
        /// Its pipes.
        stream: StreamId,
        /// When.
        at: Nanos,
        /// The exit status, or 128 + signal.
        status: i32,
    },
    /// Something that tapgate did on purpose and that is to be recorded.
    Note {
        /// The stream that it concerns.
        stream: StreamId,
        /// When.
        at: Nanos,
        /// The JSON-RPC id of the request on it that it concerns, raw.
        id: Option<Bytes>,
        /// What, for people; a few hundred bytes at most.
        text: String,
    },
    /// The observer fell behind, and what came meanwhile is not told.
    Lost {
        /// When the first of it came.
        at: Nanos,
        /// Bytes of payload; 0 when only ends of streams were lost.
        n_bytes: u64,
        /// The stream and the sender whose bytes they are, if they are of one direction and nothing else was lost.
        of: Option<(StreamId, Leg)>,
    },
}
