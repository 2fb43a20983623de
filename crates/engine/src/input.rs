//! What the engine hears and what it asks for.

use std::sync::Arc;

use bytes::Bytes;
use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::stream::{Carried, Ending};
use tapgate_wire::{Fault, Leg, Message, StreamId};

use crate::fact::Fact;

/// Something that happened at an edge.
#[derive(Clone, Debug)]
pub enum Input {
    /// An HTTP request came from the client: a new stream.
    Asked { stream: StreamId, head: Arc<RequestHead> },
    /// The HTTP response to it came from the server.
    Answered { stream: StreamId, head: Arc<ResponseHead> },
    /// A message; a batch is one message with parts.
    Message { stream: StreamId, from: Leg, carried: Carried, message: Message },
    /// Bytes on a message channel that are no message (stray output, a body that is no JSON, an SSE event without data).
    Stray { stream: StreamId, from: Leg, carried: Carried, bytes: Bytes, faults: Vec<Fault> },
    /// One direction of a stream ended.
    Closed { stream: StreamId, from: Leg, how: Ending },
    /// Lines of the server's standard error.
    Stderr { carried: Carried, bytes: Bytes },
    /// The server's process started.
    Started { pid: u32 },
    /// The server's process ended: exit status, or 128 + signal.
    Exited { status: i32 },
    /// The observer missed this many bytes; open streams may lack messages.
    Lost { n_bytes: u64 },
    /// Time passed.
    Tick,
}

/// Something that an edge is to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Tell the recorder.
    Record(Fact),
}
