//! What happened, raw: the recorder masks it before anything is kept.
//!
//! Facts mirror [`tapgate_wire::record`]: bytes of a peer where a record has masked bytes, [`Nanos`]
//! where a record has wall time. They hold reference-counted bytes and are cheap to make and to drop.

use std::sync::Arc;

use bytes::Bytes;
use tapgate_wire::fault::Severity;
use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::record::{Again, Clock, Era, Hand, Offered, Piece, Root, Status, Transport};
use tapgate_wire::revision::Revision;
use tapgate_wire::rule::{Rule, Side};
use tapgate_wire::stream::Carried;
use tapgate_wire::{Fault, Leg, Nanos, StreamId};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Fact {
    /// A session opened, ended, or became better known; replaces what was told of the same `n`.
    Session(Box<Session>),
    /// An exchange opened, closed, or changed; replaces what was told of the same `n`.
    Exchange(Box<Exchange>),
    /// A message passed, or another piece of traffic, or a note of tapgate's own.
    Message(Box<Message>),
    /// Something is wrong.
    Finding(Box<Finding>),
    /// A server said what it offers.
    Surface(Box<Surface>),
    /// The server's process started.
    Started {
        /// When.
        at: Nanos,
        /// Its process id.
        pid: u32,
    },
    /// The server's process ended.
    Exited {
        /// When.
        at: Nanos,
        /// Its exit status, or 128 + signal.
        status: i32,
    },
    /// The client closed its pipe while the server was there: it says nothing more, and whatever the server does now is
    /// an end that was asked for.
    Left {
        /// When.
        at: Nanos,
        /// The session's number.
        session: u64,
    },
    /// Bytes passed that were not observed.
    Lost {
        /// How many.
        n_bytes: u64,
    },
    /// The source ended: nothing follows.
    Ended {
        /// When.
        at: Nanos,
    },
}

/// A session's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Number in this process.
    pub n: u64,
    /// When its first message was seen.
    pub opened: Nanos,
    /// When it ended, if it did.
    pub closed: Option<Nanos>,
    /// The era, once known.
    pub era: Option<Era>,
    /// The transport on the leg that is observed.
    pub transport: Transport,
    /// The agreed revision, once known.
    pub revision: Option<Bytes>,
    /// The client's name and version as it says.
    pub client: Option<(Bytes, Bytes)>,
    /// The server's name and version as it says.
    pub server: Option<(Bytes, Bytes)>,
    /// The `Mcp-Session-Id`, or the URI of the 2024-11-05 endpoint.
    pub key: Option<Bytes>,
}

/// An exchange's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Number in this process.
    pub n: u64,
    /// The session's number.
    pub session: u64,
    /// The exchange in which this one was asked.
    pub parent: Option<u64>,
    /// Who asked.
    pub asked_by: Leg,
    /// The JSON-RPC method, or `http/` and the HTTP method in lower case.
    pub method: Bytes,
    /// The tool, prompt, resource URI or task; for plain HTTP path and query.
    pub target: Option<Bytes>,
    /// The JSON-RPC id, raw.
    pub rpc_id: Option<Bytes>,
    /// Where it stands.
    pub status: Status,
    /// The JSON-RPC error code.
    pub error_code: Option<i64>,
    /// The JSON-RPC error message.
    pub error_text: Option<Bytes>,
    /// The HTTP status of the answer.
    pub http_status: Option<u16>,
    /// The era of the request.
    pub era: Option<Era>,
    /// The revision of the request.
    pub revision: Option<Bytes>,
    /// When the first byte of the request was read.
    pub opened: Nanos,
    /// When the first byte that answers it was read.
    pub first_answer: Option<Nanos>,
    /// When the last byte of the final answer was read, or it was given up.
    pub closed: Option<Nanos>,
    /// Bytes of its messages towards the server.
    pub bytes_in: u64,
    /// Bytes of its messages towards the client.
    pub bytes_out: u64,
    /// Progress notifications seen.
    pub n_progress: u32,
    /// Times that it was asked again to go on.
    pub n_rounds: u32,
    /// Times that it was repeated after a failure.
    pub n_retries: u32,
    /// An answer came after it was closed.
    pub late: bool,
    /// More than one final answer came.
    pub duplicate: bool,
    /// The id of the task it became.
    pub task: Option<Bytes>,
    /// Where its time went, once it is over and all of it was seen.
    pub clock: Option<Clock>,
    /// In whose hand it is and since when, while it is open.
    pub in_hand: Option<(Hand, Nanos)>,
    /// The exchange that it repeats or goes on with; of several the first.
    pub chain: Option<Root>,
    /// How it does that.
    pub again: Option<Again>,
    /// Codes of what was odd.
    pub findings: Vec<&'static str>,
    /// `n` of its messages, in order, the first [`crate::Limits::listed`] of them.
    pub messages: Vec<u64>,
}

/// A message or another piece of traffic.
#[derive(Clone, Debug)]
pub struct Message {
    /// Number in this process, in order of arrival.
    pub n: u64,
    /// The session's number.
    pub session: u64,
    /// The exchange it belongs to; `None` for a batch that belongs to several.
    pub exchange: Option<u64>,
    /// The tool, prompt or resource that an answer is about; of a batch the first.
    pub target: Option<Bytes>,
    /// What it is.
    pub piece: Piece,
    /// What it came on; pieces of tapgate's own have none.
    pub stream: Option<StreamId>,
    /// The side that sent it.
    pub from: Leg,
    /// When which bytes of it came; at least one chunk.
    pub carried: Carried,
    /// What it holds.
    pub content: Content,
    /// The HTTP head that came with it.
    pub head: Option<Head>,
    /// What tracking found odd about it, when no exchange could carry the finding.
    pub findings: Vec<&'static str>,
}

/// What a piece of traffic holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// A message.
    Message(tapgate_wire::Message),
    /// Bytes that are none, and what was odd about them.
    Raw(Bytes, Vec<Fault>),
}

/// An HTTP head.
#[derive(Clone, Debug)]
pub enum Head {
    /// Of a request.
    Request(Arc<RequestHead>),
    /// Of a response.
    Response(Arc<ResponseHead>),
}

/// Something that is wrong; see [`tapgate_wire::record::Finding`].
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Who is at fault.
    pub side: Side,
    /// How much it matters.
    pub severity: Severity,
    /// The session's number.
    pub session: u64,
    /// The exchange's number, if it is about one.
    pub exchange: Option<u64>,
    /// The number of the message that shows it, if one does.
    pub message: Option<u64>,
    /// When that was seen.
    pub at: Nanos,
    /// The revision by which it was judged.
    pub revision: Option<Revision>,
    /// What it is about, raw: a tool, a header, a member; empty when there is nothing to name.
    pub subject: Bytes,
    /// What was seen, as one sentence; it may quote a peer.
    pub text: Bytes,
}

/// What a server offers, of one kind; see [`tapgate_wire::record::Surface`].
#[derive(Clone, Debug)]
pub struct Surface {
    /// The session's number.
    pub session: u64,
    /// Of which kind.
    pub kind: Offered,
    /// When the last page of it came.
    pub at: Nanos,
    /// Whether the client fetched all pages.
    pub whole: bool,
    /// The JSON array of its items, raw.
    pub items: Bytes,
}
