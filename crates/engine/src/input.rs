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
    Asked {
        /// The new stream; its number was never used before.
        stream: StreamId,
        /// The request's head.
        head: Arc<RequestHead>,
    },
    /// The HTTP response to it came from the server.
    Answered {
        /// The request's stream.
        stream: StreamId,
        /// The response's head.
        head: Arc<ResponseHead>,
    },
    /// A message; a batch is one message with parts.
    Message {
        /// What it came on.
        stream: StreamId,
        /// The side that sent it.
        from: Leg,
        /// When which bytes of it came.
        carried: Carried,
        /// The message.
        message: Message,
    },
    /// Bytes on a message channel that are no message (stray output, a body that is no JSON, an SSE event without data).
    Stray {
        /// What they came on.
        stream: StreamId,
        /// The side that sent them.
        from: Leg,
        /// When which of them came.
        carried: Carried,
        /// The bytes.
        bytes: Bytes,
        /// What is odd about them.
        faults: Vec<Fault>,
    },
    /// All that was heard of one direction before is with its receiver.
    Passed {
        /// What carried it.
        stream: StreamId,
        /// The side that sent it.
        from: Leg,
    },
    /// One direction of a stream ended.
    Closed {
        /// The stream.
        stream: StreamId,
        /// The side that sends in that direction.
        from: Leg,
        /// How it ended.
        how: Ending,
    },
    /// Lines of the server's standard error.
    Stderr {
        /// The pipes of the server's process.
        stream: StreamId,
        /// When which bytes of them came.
        carried: Carried,
        /// The bytes.
        bytes: Bytes,
    },
    /// The server's process started.
    Started {
        /// Its pipes.
        stream: StreamId,
        /// Its process id.
        pid: u32,
    },
    /// The server's process ended.
    Exited {
        /// Its pipes.
        stream: StreamId,
        /// Its exit status, or 128 + signal.
        status: i32,
    },
    /// tapgate did something on purpose that is to be recorded.
    Note {
        /// What it concerns.
        stream: StreamId,
        /// The JSON-RPC id of the request on it, raw.
        id: Option<Bytes>,
        /// What, for people.
        text: String,
    },
    /// The observer missed bytes; open streams may lack messages.
    Lost {
        /// How many.
        n_bytes: u64,
    },
    /// Time passed.
    Tick,
}

/// Something that an edge is to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Tell the recorder.
    Record(Fact),
}
