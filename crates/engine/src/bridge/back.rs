//! The server's leg: how servers are spoken to, whatever the client speaks.
//!
//! Everything that belongs to a transport of the server's leg ends here: processes and their restart, session ids,
//! protocol headers, GET streams, resumption, the `endpoint` of HTTP+SSE, ids that several clients would share.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use tapgate_wire::edge::{Act, Heard};
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::{Message, Nanos};

use super::number::{CallNo, LinkNo, Pair};
use super::settings::Settings;

/// How a link talks to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A child's pipes.
    Pipe,
    /// Streamable HTTP of the era.
    Http,
    /// HTTP+SSE (2024-11-05).
    Sse,
}

/// Whether requests of several clients travel on one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// One client: ids, progress tokens and subscription ids leave as they came.
    Own,
    /// Several: on a pipe or in a legacy session, ids, progress tokens and subscription ids are replaced on the way
    /// out and restored on the way back. (A modern HTTP request has its own stream, so there nothing is replaced.)
    Shared,
}

/// What a new link is.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Who hears what concerns no call.
    pub owner: Pair,
    /// How it talks.
    pub via: Via,
    /// The era that is spoken on it.
    pub era: Era,
    /// Whether clients share it.
    pub sharing: Sharing,
    /// Headers for requests that no client's message causes (GET, DELETE).
    pub headers: Arc<HeaderMap>,
}

/// What goes with a message over HTTP.
#[derive(Clone, Debug, Default)]
pub struct Pass {
    /// The client's own end-to-end headers; they never replace those that MCP defines.
    pub headers: Arc<HeaderMap>,
    /// `Mcp-Param-*` headers (2026-07-28).
    pub mirrors: Vec<(HeaderName, HeaderValue)>,
}

/// Something that came from the server.
#[derive(Clone, Debug)]
pub enum FromServer {
    /// The answer to a call, with the id that the call was sent with.
    Answered {
        /// The call, which ends with this.
        call: CallNo,
        /// The link.
        link: LinkNo,
        /// The result or error.
        message: Message,
        /// The HTTP status, if it came over HTTP.
        status: Option<u16>,
    },
    /// A notification or a request.
    Said {
        /// The link.
        link: LinkNo,
        /// Who hears it, when it concerns no call.
        owner: Pair,
        /// The call that it concerns, if the transport, a progress token or a subscription id says so.
        call: Option<CallNo>,
        /// The message, with the client's own progress token or subscription id.
        message: Message,
    },
    /// A call will not be answered.
    Failed {
        /// The call, which ends with this.
        call: CallNo,
        /// The link.
        link: LinkNo,
        /// Why.
        failure: Failure,
    },
    /// The server closed the stream of a call and wants to be asked again (2025-11-25, polling); the link does so.
    Paused {
        /// The call, which goes on.
        call: CallNo,
        /// The link.
        link: LinkNo,
        /// The wait that the server asked for in milliseconds.
        retry: Option<u64>,
    },
    /// A link ended: the child ended, the HTTP+SSE stream closed, the server forgot the session (404).
    /// Told after [`FromServer::Failed`] of each of its calls. A new link has to be opened.
    Down {
        /// The link.
        link: LinkNo,
        /// Whose it was.
        owner: Pair,
        /// Why.
        why: Failure,
    },
}

/// Why a call or a link failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// An HTTP answer that is no JSON-RPC answer to the request.
    Http {
        /// The status.
        status: u16,
        /// The headers.
        headers: Arc<HeaderMap>,
        /// The body, at most 4 KiB of it.
        body: Bytes,
    },
    /// The server was never reached, so nothing happened; the text says why, for people.
    Unreachable(String),
    /// The connection or process ended after the request had left, so it may have been served; the text says why.
    Broken(String),
    /// The server does not know the session any more (HTTP 404), so it did not look at the request.
    Forgotten,
    /// The link has no room for one more call.
    Full,
}

/// The server's leg.
#[derive(Debug)]
pub struct Back {}

impl Back {
    /// A leg without links.
    pub fn new(settings: &Settings) -> Self {
        let _ = settings;
        Self {}
    }

    /// Opens a link; a pipe's child is started with the first message.
    pub fn open(&mut self, now: Nanos, link: LinkNo, opening: Opening, acts: &mut Vec<Act>) {
        let _ = (now, link, opening, acts, &self);
    }

    /// Opens a legacy Streamable HTTP link again from what [`Back::kept`] said, without a handshake.
    pub fn restore(&mut self, now: Nanos, link: LinkNo, opening: Opening, kept: &Bytes, acts: &mut Vec<Act>) {
        let _ = (now, link, opening, kept, acts, &self);
    }

    /// What a legacy Streamable HTTP link must remember to be opened again by another process: its session id.
    pub fn kept(&self, link: LinkNo) -> Option<Bytes> {
        let _ = link;
        None
    }

    /// Says which revision was agreed on a legacy link, for `MCP-Protocol-Version` (2025-06-18 and later).
    pub fn agreed(&mut self, link: LinkNo, revision: Option<Revision>) {
        let _ = (link, revision, &self);
    }

    /// Gives an open link to somebody else, who speaks another era on it or shares it; the child stays. Only while no
    /// call is open on it.
    pub fn assign(&mut self, link: LinkNo, owner: Pair, era: Era, sharing: Sharing) {
        let _ = (link, owner, era, sharing, &self);
    }

    /// How many links are open.
    pub fn n_links(&self) -> usize {
        0
    }

    /// Whether a link is still open.
    pub fn is_open(&self, link: LinkNo) -> bool {
        let _ = link;
        false
    }

    /// Sends a request; exactly one [`FromServer::Answered`] or [`FromServer::Failed`] follows, unless it is dropped.
    pub fn ask(
        &mut self,
        now: Nanos,
        link: LinkNo,
        call: CallNo,
        message: &Message,
        pass: Pass,
        acts: &mut Vec<Act>,
    ) {
        let _ = (now, link, call, message, pass, acts, &self);
    }

    /// Sends a notification, or the answer to a request of the server.
    pub fn tell(&mut self, now: Nanos, link: LinkNo, message: &Message, pass: Pass, acts: &mut Vec<Act>) {
        let _ = (now, link, message, pass, acts, &self);
    }

    /// Cancels a call as its era does it (`notifications/cancelled`, or closing the stream) and forgets it: nothing
    /// more is told of it.
    pub fn cancel(&mut self, now: Nanos, call: CallNo, reason: Option<&str>, acts: &mut Vec<Act>) {
        let _ = (now, call, reason, acts, &self);
    }

    /// Forgets a call that somebody else cancelled: nothing more is told of it, a late answer is swallowed.
    pub fn drop_call(&mut self, now: Nanos, call: CallNo, acts: &mut Vec<Act>) {
        let _ = (now, call, acts, &self);
    }

    /// Opens the stream on which a legacy server says what concerns no request (GET); again after breaks, with
    /// `Last-Event-ID` and back-off, until the link closes or the server answers 4xx. Does nothing on other links.
    pub fn listen(&mut self, now: Nanos, link: LinkNo, acts: &mut Vec<Act>) {
        let _ = (now, link, acts, &self);
    }

    /// Closes a link: ends the child, deletes the session, closes streams. Nothing more is told of it.
    pub fn close(&mut self, now: Nanos, link: LinkNo, acts: &mut Vec<Act>) {
        let _ = (now, link, acts, &self);
    }

    /// Hears from the edge and pushes what it means.
    pub fn hear(&mut self, now: Nanos, heard: Heard, out: &mut Vec<FromServer>, acts: &mut Vec<Act>) {
        let _ = (now, heard, out, acts, &self);
    }

    /// Keeps appointments: reconnects, resumptions.
    pub fn tick(&mut self, now: Nanos, out: &mut Vec<FromServer>, acts: &mut Vec<Act>) {
        let _ = (now, out, acts, &self);
    }

    /// When [`Back::tick`] is due.
    pub fn deadline(&self) -> Option<Nanos> {
        None
    }
}
