//! One session: who takes part, in which era and revision, and its exchanges.

mod hear;
mod stream;
mod web;

use std::collections::VecDeque;

use bytes::Bytes;
use tapgate_wire::record::{Era, Piece, Transport};
use tapgate_wire::stream::{Carried, Ending, StreamMap};
use tapgate_wire::{Fault, Kind, Leg, Nanos, Shape, StreamId};

use self::stream::Stream;
pub(crate) use self::stream::{era_of_head, header, is_event_stream};
use crate::fact::{self, Content, Fact};
use crate::input::{Action, Input};
use crate::ledger::Ledger;
use crate::oddity::Oddity;
use crate::past::Past;
use crate::track::{Failures, Scope, Tracker};

/// How far the handshake of a legacy session came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handshake {
    None,
    /// `initialize` was asked in this exchange.
    Asked(u64),
    Done,
}

/// A session and what it needs to hear the next input.
#[derive(Debug)]
pub(crate) struct Session {
    state: fact::Session,
    track: Tracker,
    handshake: Handshake,
    /// Its open HTTP streams; pipes are not among them.
    streams: StreamMap<StreamId, Stream>,
    /// SSE event ids (digests) and the streams that they came on, oldest first, for `Last-Event-ID`.
    events: VecDeque<(u64, StreamId)>,
    /// Which directions of the pipes ended: the client's, the server's.
    pipes_ended: (bool, bool),
    /// The process is gone, or half of it: what its client does now, it does because of that.
    server_went: bool,
    /// How many losses of the source it knows of.
    n_losses: u64,
    /// When it last heard something.
    heard: Nanos,
    /// It ended because the server had forgotten it, and no other session took its place yet.
    is_gone: bool,
    /// The client of the session before, of which this one may repeat what got no answer.
    before: Option<(Bytes, Bytes)>,
}

/// What a session opens with.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) transport: Transport,
    pub(crate) key: Option<Bytes>,
    /// Something of it may have passed unseen.
    pub(crate) lossy: bool,
    pub(crate) n_losses: u64,
}

impl Session {
    pub(crate) fn open(now: Nanos, opening: Opening, ledger: &mut Ledger<'_>) -> Self {
        ledger.numbers.session += 1;
        let n = ledger.numbers.session;
        let state = fact::Session {
            n,
            opened: now,
            closed: None,
            era: None,
            transport: opening.transport,
            revision: None,
            client: None,
            server: None,
            key: opening.key,
        };
        let session = Self {
            state,
            track: Tracker::new(n, opening.lossy),
            handshake: Handshake::None,
            streams: StreamMap::default(),
            events: VecDeque::new(),
            pipes_ended: (false, false),
            server_went: false,
            n_losses: opening.n_losses,
            heard: now,
            is_gone: false,
            before: None,
        };
        session.tell(ledger);
        session
    }

    /// Hears one input that belongs to this session.
    pub(crate) fn on(&mut self, now: Nanos, input: Input, ledger: &mut Ledger<'_>) {
        self.heard = now;
        match input {
            Input::Asked { stream, head } => self.asked(now, stream, head, ledger),
            Input::Answered { stream, head } => self.answered(now, stream, head, ledger),
            Input::Message { stream, from, carried, message } => {
                self.message(now, (stream, from), carried, message, ledger);
            }
            Input::Stray { stream, from, carried, bytes, faults } => {
                self.stray(now, (stream, from), carried, (bytes, faults), ledger);
            }
            Input::Closed { stream, from, how } if self.is_pipe(stream) => {
                self.pipe_closed(now, from, &how, ledger);
            }
            Input::Closed { stream, from, how } => self.closed(now, (stream, from), &how, ledger),
            Input::Stderr { carried, bytes, .. } => {
                self.tell_piece(Piece::Stderr, Leg::Server, carried, Content::Raw(bytes, Vec::new()), ledger);
            }
            Input::Started { pid, .. } => {
                self.note(now, format!("server started with process id {pid}"), ledger);
            }
            Input::Exited { status, .. } => {
                self.note(now, format!("server exited with status {status}"), ledger);
                self.server_went = true;
                self.pipes_ended.0 = true;
                self.end_with_pipes(now, ledger);
            }
            Input::Note { stream, id, text } => self.noted(now, stream, id, text, ledger),
            Input::Lost { n_bytes } => self.note(now, format!("{n_bytes} bytes were not observed"), ledger),
            // The source tells it to the tracker.
            Input::Tick | Input::Passed { .. } => {}
        }
    }

    /// Knows what got no answer before the client started the server again.
    pub(crate) fn recall(&mut self, past: Past) {
        self.track.recall(&past.failed);
        self.before = Some(past.client);
    }

    pub(crate) fn n(&self) -> u64 {
        self.state.n
    }

    pub(crate) fn era(&self) -> Option<Era> {
        self.state.era
    }

    pub(crate) fn client_name(&self) -> Option<&Bytes> {
        self.state.client.as_ref().map(|(name, _)| name)
    }

    pub(crate) fn n_open(&self) -> usize {
        self.track.n_open()
    }

    pub(crate) fn heard(&self) -> Nanos {
        self.heard
    }

    pub(crate) fn key(&self) -> Option<&Bytes> {
        self.state.key.as_ref()
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.state.closed.is_some()
    }

    pub(crate) fn streams(&self) -> impl Iterator<Item = StreamId> {
        self.streams.keys().copied()
    }

    pub(crate) fn has_stream(&self, stream: StreamId) -> bool {
        self.streams.contains_key(&stream)
    }

    /// The URI of an open stream of events that a client asked for with GET.
    pub(crate) fn event_uri(&self, stream: StreamId) -> Option<http::Uri> {
        let stream = self.streams.get(&stream)?;
        let is_events = stream.request.method == http::Method::GET && stream.is_event_stream();
        is_events.then(|| stream.request.uri.clone())
    }

    pub(crate) fn n_streams(&self) -> usize {
        self.streams.len()
    }

    pub(crate) fn tracker(&mut self) -> &mut Tracker {
        &mut self.track
    }

    /// What failed in this session, for the one that takes its place after the server forgot it.
    pub(crate) fn leave(&mut self) -> Option<Failures> {
        std::mem::take(&mut self.is_gone).then(|| self.track.leave())
    }

    /// All that was heard of one direction before is with its receiver.
    pub(crate) fn passed(
        &mut self,
        now: Nanos,
        stream: Option<StreamId>,
        from: Leg,
        ledger: &mut Ledger<'_>,
    ) {
        self.track.passed(stream, from, now, ledger);
    }

    /// Whether a new `initialize` would be this session's first, or repeats one that failed.
    pub(crate) fn is_fresh(&mut self) -> bool {
        let has_failed = match self.handshake {
            Handshake::None => true,
            Handshake::Asked(n) => self.track.call(n).is_none(),
            Handshake::Done => false,
        };
        has_failed && self.state.key.is_none() && self.state.closed.is_none()
    }

    /// Learns how many losses its source had before it hears the next input.
    pub(crate) fn learn_losses(&mut self, n_losses: u64) {
        if self.n_losses != n_losses {
            self.n_losses = n_losses;
            self.track.lose();
        }
    }

    /// Names the session, so that its ids count on every stream that names it.
    pub(crate) fn bind(
        &mut self,
        key: Bytes,
        transport: Transport,
        stream: StreamId,
        ledger: &mut Ledger<'_>,
    ) {
        self.state.key = Some(key);
        self.state.transport = transport;
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.scope = Scope::Session;
        }
        self.tell(ledger);
    }

    /// Whether the stream carries this session's `initialize`.
    pub(crate) fn is_handshake(&self, stream: StreamId) -> bool {
        match (self.handshake, self.streams.get(&stream)) {
            (Handshake::Asked(n), Some(stream)) => stream.calls.contains(&n),
            _ => false,
        }
    }

    /// Ends the session: what is open gets no answer any more.
    pub(crate) fn end(&mut self, now: Nanos, finding: Option<Oddity>, ledger: &mut Ledger<'_>) {
        self.track.close_all(None, finding, now, ledger);
        if self.state.closed.is_none() {
            self.state.closed = Some(now);
            self.tell(ledger);
        }
    }

    fn tell(&self, ledger: &mut Ledger<'_>) {
        ledger.tell(Fact::Session(Box::new(self.state.clone())));
    }

    fn is_pipe(&self, stream: StreamId) -> bool {
        self.state.transport == Transport::Stdio && !self.streams.contains_key(&stream)
    }

    fn stray(
        &mut self,
        now: Nanos,
        (id, from): (StreamId, Leg),
        carried: Carried,
        (bytes, faults): (Bytes, Vec<Fault>),
        ledger: &mut Ledger<'_>,
    ) {
        if from == Leg::Client {
            self.open_http(now, id, ledger);
        }
        self.note_event(id, &carried, ledger);
        let piece = match self.streams.get(&id) {
            Some(_) if carried.event.is_none() => Piece::Http,
            _ => Piece::Other,
        };
        self.tell_on_stream(piece, (id, from), timed(carried, now), Content::Raw(bytes, faults), ledger);
    }

    fn pipe_closed(&mut self, now: Nanos, from: Leg, how: &Ending, ledger: &mut Ledger<'_>) {
        let name = |leg| if leg == Leg::Client { "client" } else { "server" };
        // Who does not read went away, whoever's pipe it was.
        let went = if *how == Ending::Abandoned { from.opposite() } else { from };
        if *how == Ending::Abandoned {
            self.note(now, format!("the {} reads no more", name(went)), ledger);
        } else if let Some(why) = why_early(how) {
            self.note(now, format!("the {}'s pipe ended early: {why}", name(from)), ledger);
        }
        match went {
            Leg::Client if self.server_went => {}
            Leg::Client => ledger.tell(Fact::Left { at: now, session: self.state.n }),
            Leg::Server => self.server_went = true,
        }
        // The side that closed its pipe answers nothing any more.
        self.track.close_all(Some(from.opposite()), None, now, ledger);
        match from {
            Leg::Client => self.pipes_ended.0 = true,
            Leg::Server => self.pipes_ended.1 = true,
        }
        self.end_with_pipes(now, ledger);
    }

    fn end_with_pipes(&mut self, now: Nanos, ledger: &mut Ledger<'_>) {
        if self.pipes_ended == (true, true) {
            self.end(now, None, ledger);
        }
    }

    fn note(&self, now: Nanos, text: String, ledger: &mut Ledger<'_>) {
        let carried = timed(Carried::default(), now);
        self.tell_piece(Piece::Note, Leg::Server, carried, Content::Raw(text.into(), Vec::new()), ledger);
    }

    /// Tells what was done on purpose, with the exchange that it concerns.
    fn noted(
        &mut self,
        now: Nanos,
        stream: StreamId,
        id: Option<Bytes>,
        text: String,
        ledger: &mut Ledger<'_>,
    ) {
        let (carried, content) = (timed(Carried::default(), now), Content::Raw(text.into(), Vec::new()));
        if self.streams.contains_key(&stream) {
            for n in self.track.carried_by(stream) {
                self.track.hold_back(n, now, ledger);
            }
            return self.tell_on_stream(Piece::Note, (stream, Leg::Server), carried, content, ledger);
        }
        let exchange = id.and_then(|id| self.track.asked_with(Leg::Client, &id));
        let before = ledger.actions.len();
        self.tell_piece(Piece::Note, Leg::Server, carried, content, ledger);
        if let Some(Action::Record(Fact::Message(message))) = ledger.actions.get_mut(before) {
            message.exchange = exchange;
            let n = message.n;
            if let Some((exchange, call)) = exchange.and_then(|n| Some((n, self.track.call(n)?))) {
                call.list(n, Leg::Server, 0, now, ledger);
                self.track.hold_back(exchange, now, ledger);
            }
        }
    }

    /// Tells a piece of traffic that belongs to no exchange.
    fn tell_piece(
        &self,
        piece: Piece,
        from: Leg,
        carried: Carried,
        content: Content,
        ledger: &mut Ledger<'_>,
    ) {
        let n = ledger.next_message();
        ledger.tell(Fact::Message(Box::new(fact::Message {
            n,
            session: self.state.n,
            exchange: None,
            target: None,
            piece,
            stream: None,
            from,
            carried,
            content,
            head: None,
            findings: Vec::new(),
        })));
    }
}

/// Whether a message opens a legacy session.
pub(crate) fn is_initialize(shape: &Shape) -> bool {
    shape.kind == Kind::Request && shape.method().is_some_and(|method| method == "initialize")
}

/// What carried a piece of traffic, with at least the time at which we heard of it.
fn timed(mut carried: Carried, now: Nanos) -> Carried {
    if carried.chunks.is_empty() {
        carried.chunks.push((now, 0));
    }
    carried
}

/// Why a direction ended before its time, in words for people; `None` if it ended as it should.
fn why_early(how: &Ending) -> Option<&str> {
    match how {
        Ending::Clean => None,
        Ending::Cut => Some("the bytes stopped"),
        Ending::Abandoned => Some("the receiver went away"),
        Ending::Failed(why) | Ending::Instead { why, .. } => Some(why),
    }
}
