//! The client's leg: how clients are spoken to, whatever the server speaks.
//!
//! Everything that belongs to a transport of the client's leg ends here: session ids, event ids, replay,
//! priming events, keep-alive, batches (2025-03-26), statuses, header checks of 2026-07-28, `endpoint` of
//! HTTP+SSE. What passes on is one message at a time, with the era it is written in and whose it is.

mod batch;
mod check;
mod frame;
mod lane;
mod pipe;
mod ports;
mod post;
mod refusal;
mod reply;
mod sessions;
mod sse;
mod turn;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tapgate_wire::edge::{Act, Heard};
use tapgate_wire::header::RequestHead;
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::{Id, Message, Nanos, StreamId};

use self::lane::{LaneNo, Lanes};
use self::ports::Ports;
use self::refusal::{INVALID, Refusal};
use self::sessions::Sessions;
use self::turn::{Caller, Turn};
use super::number::{Port, Principal, SessionNo};
use super::seal::Seal;
use super::settings::{Bounds, Listens, Settings};

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
    /// No client will come any more: standard input ended, or the tap is to stop. What waits may still be
    /// answered; [`Front::close`] says that nobody waits any more.
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
pub struct Front {
    listens: Listens,
    /// What all messages are read as.
    era: Option<Era>,
    server_name: String,
    bounds: Bounds,
    sessions: Sessions,
    ports: Ports,
    lanes: Lanes,
    /// The legacy session on the pipe.
    pipe: Option<SessionNo>,
    /// What came on the pipe before `initialize` was answered.
    early: VecDeque<Message>,
    /// Where requests were dropped.
    dropped: Vec<LaneNo>,
    swept: Nanos,
}

impl Front {
    /// A leg without clients.
    pub fn new(settings: &Settings) -> Self {
        Self {
            listens: settings.listens.clone(),
            era: settings.client_era,
            server_name: settings.server_name.clone(),
            sessions: Sessions::new(settings.bounds.sessions),
            ports: Ports::new(settings.bounds.ports),
            lanes: Lanes::new(settings.bounds.replay_bytes),
            bounds: settings.bounds.clone(),
            pipe: None,
            early: VecDeque::new(),
            dropped: Vec::new(),
            swept: Nanos::default(),
        }
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
        self.lanes.tag = seal.tag();
        let turn = &mut Turn { now, out, acts };
        self.catch_up(turn);
        match heard {
            Heard::Line { message } => self.line(turn, message),
            // Who closed its own half of the pipe still reads its answers.
            Heard::LineEnd => turn.out.push(FromClient::End),
            Heard::Asked { stream, head, body } => self.asked(turn, stream, &head, body, seal),
            Heard::Left { stream } => self.left(turn, stream),
            _ => {}
        }
    }

    /// Keeps appointments: answers that take long, comments on idle streams, sessions that were quiet for too long.
    pub fn tick(&mut self, now: Nanos, out: &mut Vec<FromClient>, acts: &mut Vec<Act>) {
        let turn = &mut Turn { now, out, acts };
        self.catch_up(turn);
        while let Some(session) = self.sessions.quietest(now, self.bounds.session_idle) {
            let waits = self.sessions.find(session).is_some_and(|session| session.n_waiting > 0);
            if waits || self.lanes.is_open(LaneNo::push(session)) {
                self.sessions.touch(now, session);
            } else {
                self.end_session(now, session, false, turn.acts);
                turn.out.push(FromClient::Closed { session });
            }
        }
        self.lanes.begin_due(now, acts);
        if now.since(self.swept) >= self.sweep_every() {
            self.swept = now;
            self.lanes.sweep(now, self.sweep_every(), acts);
        }
    }

    /// When [`Front::tick`] is due.
    pub fn deadline(&self) -> Option<Nanos> {
        if self.is_behind() {
            return Some(Nanos(0));
        }
        let sweep = Nanos(self.swept.0.saturating_add(self.sweep_every()));
        let sweep = (!self.lanes.is_empty()).then_some(sweep);
        let idle = self.sessions.deadline(self.bounds.session_idle);
        [sweep, idle, self.lanes.deadline()].into_iter().flatten().min()
    }

    /// The request with this id that waits in a session, or, of a modern client, on the pipe: the one that
    /// `notifications/cancelled` names. Modern requests over HTTP are cancelled by leaving.
    pub fn port_of(&self, session: impl Into<Option<SessionNo>>, id: &Id) -> Option<Port> {
        self.ports.named(session.into(), id)
    }

    /// How many requests wait for their answers; not those that listen until they are told to stop.
    pub fn n_waiting(&self) -> usize {
        self.ports.n_waiting() + self.early.len()
    }

    /// Ends all sessions and requests, because the tap ends.
    pub fn close(&mut self, now: Nanos, out: &mut Vec<FromClient>, acts: &mut Vec<Act>) {
        self.early.clear();
        for session in self.sessions.all() {
            self.end_session(now, session, false, acts);
            out.push(FromClient::Closed { session });
        }
        let ended = Refusal::full("the tap ends");
        for port in self.ports.all() {
            let Some(wait) = self.ports.take(port) else { continue };
            self.deliver(now, &wait, (ended.status, HeaderMap::new(), ended.json(Some(&wait.id))), acts);
            out.push(FromClient::Gone { port });
        }
    }

    /// How many things of clients are held: sessions, requests, streams, bytes for replay.
    pub fn held(&self) -> usize {
        self.sessions.len() + self.ports.held() + self.lanes.held() + self.early.len() + self.dropped.len()
    }

    fn asked(
        &mut self,
        turn: &mut Turn<'_>,
        stream: StreamId,
        head: &RequestHead,
        body: Bytes,
        seal: &mut Seal,
    ) {
        let Listens::Http { path, sse_path } = &self.listens else { return };
        let asked = head.uri.path();
        if asked == path {
            self.streamable(turn, stream, head, body, seal);
        } else if asked == sse_path {
            self.sse(turn, stream, head, seal);
        } else if asked.strip_prefix(sse_path.as_str()) == Some("/message") {
            self.sse_post(turn, stream, head, body, seal);
        } else {
            let refusal = Refusal::new(StatusCode::NOT_FOUND, INVALID, "nothing is served at this path");
            turn.acts.push(refusal.respond(stream, None));
        }
    }

    /// Spec 2026-07-28, basic/transports/streamable-http, Cancellation: leaving cancels. Spec 2025-11-25,
    /// basic/transports, Sending Messages to the Server 6: leaving does not.
    fn left(&mut self, turn: &mut Turn<'_>, stream: StreamId) {
        let Some((lane, resumes)) = self.lanes.left(stream) else { return };
        if let Some(port) = self.ports.on(lane) {
            self.ports.take(port);
            self.lanes.end(lane, turn.acts);
            turn.out.push(FromClient::Gone { port });
            return;
        }
        let Some(session) = lane.session else { return };
        self.sessions.touch(turn.now, session);
        let is_open =
            self.sessions.find(session).is_some_and(|session| session.phase == sessions::Phase::Open);
        // Nobody learns the id of a session whose first answer nobody hears; HTTP+SSE ends with its stream.
        if !resumes || !is_open {
            self.end_session(turn.now, session, false, turn.acts);
            turn.out.push(FromClient::Closed { session });
        }
    }

    /// Half the time in which an idle stream says something, so that none waits longer.
    fn sweep_every(&self) -> u64 {
        u64::try_from(self.bounds.keep_alive.as_nanos() / 2).unwrap_or(u64::MAX).max(1)
    }
}

#[cfg(test)]
mod tests;
