//! What the edges of a bridge hear and do; no socket, no process, only what came and what is to leave.
//!
//! A bridge holds each message until the engine has decided what leaves in its place, so its edges speak in
//! whole messages, heads and bodies. The engine chooses the numbers of what it starts ([`FetchId`], [`ChildId`]);
//! the edge chooses those of what clients start ([`StreamId`]). No number is used twice.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::header::{RequestHead, ResponseHead};
use crate::message::Message;
use crate::stream::{Ending, Event, StreamId};

/// An HTTP request to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchId(pub u64);

/// A process that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildId(pub u64);

/// Something that an edge heard.
#[derive(Clone, Debug)]
pub enum Heard {
    /// A line on the tap's standard input; of kind [`Other`](crate::Kind::Other) when it is no message.
    Line {
        /// The message.
        message: Message,
    },
    /// The tap's standard input ended, or nobody reads its standard output any more; told for each of them.
    LineEnd,
    /// An HTTP request of a client came, with its whole body.
    Asked {
        /// The new stream, open until the engine responds, finishes it, or the client leaves.
        stream: StreamId,
        /// The head.
        head: Arc<RequestHead>,
        /// The body, at most as large as the edge's limit; the edge refuses what is larger with 413.
        body: Bytes,
    },
    /// The client of a stream went away before its response was over, or read too slowly to be kept.
    Left {
        /// The stream, which takes nothing any more.
        stream: StreamId,
    },
    /// A child runs.
    Started {
        /// The child.
        child: ChildId,
        /// Its process id.
        pid: u32,
    },
    /// A line on a child's standard output; of kind [`Other`](crate::Kind::Other) when it is no message.
    ChildLine {
        /// The child.
        child: ChildId,
        /// The message.
        message: Message,
    },
    /// A child ended, could not be started, or was given up because it does not read.
    Exited {
        /// The child.
        child: ChildId,
        /// How, for people: `exit status 1`, `signal 9`, `no such command`.
        how: String,
        /// The last lines of its standard error, masked by nobody yet, at most 4 KiB.
        last_words: String,
    },
    /// The head of the answer to a fetch came.
    Answered {
        /// The fetch.
        fetch: FetchId,
        /// The head.
        head: Arc<ResponseHead>,
    },
    /// One server-sent event of the answer to a fetch, comments aside.
    Event {
        /// The fetch.
        fetch: FetchId,
        /// Its `event`, `id` and `retry`.
        event: Event,
        /// Its data; of kind [`Other`](crate::Kind::Other) when that is empty or no message.
        message: Message,
    },
    /// The whole body of an answer that is no event stream; nothing follows.
    Body {
        /// The fetch.
        fetch: FetchId,
        /// The body, in no content coding.
        body: Bytes,
    },
    /// An event stream ended, or a fetch ended without a body; nothing follows.
    Ended {
        /// The fetch.
        fetch: FetchId,
        /// How; before [`Heard::Answered`] that is always a failure.
        how: Ending,
        /// Whether the request may have reached the server.
        sent: bool,
    },
    /// Time passed.
    Tick,
}

/// Something that an edge is to do; it never waits for a peer.
#[derive(Clone, Debug)]
pub enum Act {
    /// Write a line on the tap's standard output; the edge adds the line's end.
    Line(Bytes),
    /// Answer a client's request with a whole body.
    Respond {
        /// The stream, which ends with this.
        stream: StreamId,
        /// The status.
        status: u16,
        /// The headers besides `Content-Length`.
        headers: HeaderMap,
        /// The body.
        body: Bytes,
    },
    /// Answer a client's request with 200 and a stream of events, of which none came yet.
    Begin {
        /// The stream.
        stream: StreamId,
        /// The headers.
        headers: HeaderMap,
    },
    /// Send bytes on a stream that began, as framed events or comments.
    Emit {
        /// The stream.
        stream: StreamId,
        /// The bytes.
        bytes: Bytes,
    },
    /// End a stream that began.
    Finish {
        /// The stream.
        stream: StreamId,
    },
    /// Start the server's command as a child.
    Spawn {
        /// The child.
        child: ChildId,
    },
    /// Write a line to a child's standard input; the edge adds the line's end.
    Write {
        /// The child.
        child: ChildId,
        /// The line.
        bytes: Bytes,
    },
    /// End a child: close its input, then TERM, then KILL its group.
    End {
        /// The child.
        child: ChildId,
    },
    /// Send a request to the server.
    Fetch {
        /// The fetch.
        fetch: FetchId,
        /// The method.
        method: Method,
        /// The target as a path with query at the server's origin; `None` is the server's own URL.
        target: Option<String>,
        /// The headers besides `Host` and `Content-Length`.
        headers: HeaderMap,
        /// The body.
        body: Bytes,
    },
    /// Give a fetch up: close its stream; nothing more is heard of it.
    Abort {
        /// The fetch.
        fetch: FetchId,
    },
    /// Say something to the person who runs the tap.
    Note(String),
    /// Everything is over: end the tap with this exit status.
    Exit(u8),
}
