//! The client's leg: how clients are spoken to, whatever the server speaks.
//!
//! Everything that belongs to a transport of the client's leg ends here: session ids, event ids, replay,
//! priming events, keep-alive, batches (2025-03-26), statuses, header checks of 2026-07-28, `endpoint` of
//! HTTP+SSE. What passes on is one message at a time, with the era it is written in and whose it is.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tapgate_wire::edge::{Act, Heard};
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::{Id, Message, Nanos};

use super::number::{Port, Principal, SessionNo};
use super::seal::Seal;
use super::settings::Settings;

/// Whose a message is and how it is written.
#[derive(Clone, Debug)]
pub struct From {
    /// The era it is written in.
    pub era: Era,
    /// The revision: of a legacy session once it is agreed, of a modern request the one that it names.
    pub revision: Option<Revision>,
    /// The legacy session that it belongs to; also of the `initialize` that opens it.
    pub session: Option<SessionNo>,
    /// Who asks.
    pub principal: Principal,
    /// The end-to-end headers that came with it and concern the server: credentials, cookies, `Mcp-Param-*`,
    /// trace headers; without those that this hop or MCP's transport owns. Empty on stdio.
    pub headers: Arc<HeaderMap>,
}

/// Something that came from a client.
#[derive(Clone, Debug)]
pub enum FromClient {
    /// A request.
    Asked {
        /// Where its answer goes.
        port: Port,
        /// Whose it is.
        from: From,
        /// The request.
        message: Message,
    },
    /// A notification, or the answer to a request of the server.
    Told {
        /// Whose it is.
        from: From,
        /// The message.
        message: Message,
    },
    /// Who asked a modern request went away: that cancels it. Not told of legacy requests, which go on.
    Gone {
        /// The request, which takes no answer any more.
        port: Port,
    },
    /// The client of a legacy session can be pushed to from now on (GET stream, HTTP+SSE, stdio after
    /// `notifications/initialized`).
    Listens {
        /// The session.
        session: SessionNo,
    },
    /// A client came back with a session that this process does not remember but once sealed.
    Restored {
        /// The session's new number.
        session: SessionNo,
        /// What [`Front::open`] was given.
        kept: Bytes,
        /// Whose it is.
        from: From,
    },
    /// A legacy session ended: DELETE, end of its pipe or stream, idleness.
    Closed {
        /// The session.
        session: SessionNo,
    },
    /// No client will come any more: standard input ended.
    End,
}

/// What goes back to a client as the answer to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// A JSON-RPC result or error with the client's own id.
    pub bytes: Bytes,
    /// The HTTP status, where the server chose it and both legs speak one era; else the front chooses it by era
    /// and error code. Counts only while no event was sent for the port.
    pub status: Option<u16>,
    /// Further headers, such as `WWW-Authenticate`.
    pub headers: HeaderMap,
}

impl Answer {
    /// An answer whose status the front chooses.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), status: None, headers: HeaderMap::new() }
    }
}

/// The client's leg.
#[derive(Debug)]
pub struct Front {}

impl Front {
    /// A leg without clients.
    pub fn new(settings: &Settings) -> Self {
        let _ = settings;
        Self {}
    }

    /// Hears from the edge, pushes what it means, and does what the transport itself asks for.
    pub fn hear(
        &mut self,
        now: Nanos,
        heard: Heard,
        seal: &mut Seal,
        out: &mut Vec<FromClient>,
        acts: &mut Vec<Act>,
    ) {
        let _ = (now, heard, seal, out, acts, &self);
    }

    /// Keeps appointments: comments on idle streams, sessions that were quiet for too long.
    pub fn tick(&mut self, now: Nanos, out: &mut Vec<FromClient>, acts: &mut Vec<Act>) {
        let _ = (now, out, acts, &self);
    }

    /// When [`Front::tick`] is due.
    pub fn deadline(&self) -> Option<Nanos> {
        None
    }

    /// Says that the `initialize` on `port` succeeds: the session is agreed on `revision` and keeps `kept`, which is
    /// sealed into its id. Call it before [`Front::answer`].
    pub fn open(
        &mut self,
        now: Nanos,
        port: Port,
        revision: Option<Revision>,
        kept: &Bytes,
        seal: &mut Seal,
    ) {
        let _ = (now, port, revision, kept, seal, &self);
    }

    /// Answers the request on `port`, which ends with this; nothing happens when nobody waits there any more.
    pub fn answer(&mut self, now: Nanos, port: Port, answer: Answer, acts: &mut Vec<Act>) {
        let _ = (now, port, answer, acts, &self);
    }

    /// Sends a notification or a request that concerns the request on `port`, before its answer.
    pub fn aside(&mut self, now: Nanos, port: Port, bytes: Bytes, acts: &mut Vec<Act>) {
        let _ = (now, port, bytes, acts, &self);
    }

    /// Sends a notification or a request that concerns no request to the client of a legacy session. Kept for
    /// replay, within bounds, while the client has no stream open.
    pub fn push(&mut self, now: Nanos, session: SessionNo, bytes: Bytes, acts: &mut Vec<Act>) {
        let _ = (now, session, bytes, acts, &self);
    }

    /// The server closed the stream of a call whose answer is still to come (2025-11-25, polling): a client of that
    /// revision is told to come back after `retry` milliseconds, any other one just waits.
    pub fn pause(&mut self, now: Nanos, port: Port, retry: Option<u64>, acts: &mut Vec<Act>) {
        let _ = (now, port, retry, acts, &self);
    }

    /// Refuses the HTTP request that brought `port` with an answer that is not JSON-RPC, such as the server's 401;
    /// on stdio the body becomes the message of an error.
    pub fn refuse(
        &mut self,
        now: Nanos,
        port: Port,
        status: u16,
        headers: HeaderMap,
        body: Bytes,
        acts: &mut Vec<Act>,
    ) {
        let _ = (now, port, status, headers, body, acts, &self);
    }

    /// How many requests wait for their answers.
    pub fn n_waiting(&self) -> usize {
        0
    }

    /// The request with this id that still waits: of a legacy session, or with `None` a modern one on stdio.
    pub fn port_of(&self, session: Option<SessionNo>, id: &Id) -> Option<Port> {
        let _ = (session, id, &self);
        None
    }

    /// Forgets a request that was cancelled: it gets no answer any more; its HTTP stream ends.
    pub fn drop_port(&mut self, now: Nanos, port: Port, acts: &mut Vec<Act>) {
        let _ = (now, port, acts, &self);
    }

    /// Ends a legacy session: what its client sends later is answered 404, its streams end.
    pub fn forget(&mut self, now: Nanos, session: SessionNo, acts: &mut Vec<Act>) {
        let _ = (now, session, acts, &self);
    }
}
