//! One recorded process: finds the session that a stream belongs to.

mod endpoint;
mod http;
mod pipes;
mod routes;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use tapgate_wire::record::Transport;
use tapgate_wire::{Leg, Nanos, StreamId};

use self::http::Belongs;
use self::pipes::Pipes;
use self::routes::Routes;
use crate::fact::Fact;
use crate::input::{Action, Input};
use crate::ledger::{Agenda, Ledger, Numbers};
use crate::limits::Limits;
use crate::oddity::Oddity;
use crate::past::Past;
use crate::session::{Opening, Session};

/// The observer of one `tap` or `serve` process: input in, actions out.
#[derive(Debug)]
pub struct Source {
    /// How messages travel on the leg that tells sessions apart: the client's, or the one that is observed of a bridge.
    transport: Transport,
    limits: Limits,
    numbers: Numbers,
    agenda: Agenda,
    /// Open sessions, and those that ended last.
    sessions: BTreeMap<u64, Session>,
    ended: VecDeque<u64>,
    routes: Routes,
    /// Open HTTP streams.
    streams: BTreeMap<StreamId, Belongs>,
    /// The sessions of each process's pipes.
    pipes: BTreeMap<StreamId, Pipes>,
    /// Streams that ended a moment ago and their sessions, oldest first: what passed on them is told after their end.
    parted: VecDeque<(StreamId, u64)>,
    n_losses: u64,
    /// What the first session may repeat.
    past: Option<Past>,
}

/// How much a source holds, for tests and for its own account of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Sessions, open and ended.
    pub n_sessions: usize,
    /// Open HTTP streams.
    pub n_streams: usize,
    /// Names by which sessions are found.
    pub n_routes: usize,
    /// Open exchanges.
    pub n_open: usize,
    /// Appointments.
    pub n_due: usize,
}

impl Source {
    /// A source before its first input, with the transports of the client's and the server's leg.
    pub fn new(transports: (Transport, Transport), limits: Limits) -> Self {
        Self {
            transport: transports.0,
            limits,
            numbers: Numbers::default(),
            agenda: Agenda::default(),
            sessions: BTreeMap::new(),
            ended: VecDeque::new(),
            routes: Routes::default(),
            streams: BTreeMap::new(),
            pipes: BTreeMap::new(),
            parted: VecDeque::new(),
            n_losses: 0,
            past: None,
        }
    }

    /// Knows how the session ended that the client had with this server before it started it again.
    pub fn recall(&mut self, past: Past) {
        self.past = Some(past);
    }

    /// Hears one input and pushes what is to be done.
    ///
    /// `now` is when the input happened; it may go back a little, as inputs of several streams do.
    pub fn on(&mut self, now: Nanos, input: Input, actions: &mut Vec<Action>) {
        self.keep_appointments(now, actions);
        match input {
            Input::Tick => {}
            Input::Passed { stream, from } => self.passed(now, stream, from, actions),
            Input::Asked { stream, head } => self.asked(now, stream, &head, actions),
            Input::Answered { stream, .. }
            | Input::Message { stream, .. }
            | Input::Stray { stream, .. }
            | Input::Note { stream, .. }
            | Input::Closed { stream, .. }
                if self.is_http(stream) =>
            {
                self.on_stream(now, stream, input, actions);
            }
            Input::Lost { n_bytes } => self.lost(now, n_bytes, actions),
            Input::Started { stream, pid } => {
                actions.push(Action::Record(Fact::Started { at: now, pid }));
                self.note_process(now, stream, input, actions);
            }
            Input::Exited { stream, status } => {
                actions.push(Action::Record(Fact::Exited { at: now, status }));
                self.note_process(now, stream, input, actions);
            }
            Input::Message { stream, .. }
            | Input::Stray { stream, .. }
            | Input::Closed { stream, .. }
            | Input::Answered { stream, .. }
            | Input::Note { stream, .. }
            | Input::Stderr { stream, .. } => self.on_pipes(now, stream, input, actions),
        }
        self.drop_ended();
    }

    /// When [`Input::Tick`] is due at the latest, if nothing else is heard before.
    pub fn deadline(&self) -> Option<Nanos> {
        let untold = self.agenda.untold.front().map(|due| due.0);
        let remembering = self.agenda.remembering.front().map(|due| due.0);
        untold.into_iter().chain(remembering).min()
    }

    /// Ends every session: the process goes, nothing is heard any more.
    pub fn end(&mut self, now: Nanos, actions: &mut Vec<Action>) {
        self.decide_all(now, actions);
        let all: Vec<u64> = self.sessions.keys().copied().collect();
        for n in all {
            self.with(n, actions, |session, ledger| session.end(now, None, ledger));
        }
        actions.push(Action::Record(Fact::Ended { at: now }));
    }

    /// How much is held at the moment.
    pub fn held(&self) -> Held {
        Held {
            n_sessions: self.sessions.len(),
            n_streams: self.streams.len(),
            n_routes: self.routes.len(),
            n_open: self.sessions.values().map(Session::n_open).sum(),
            n_due: self.agenda.untold.len() + self.agenda.remembering.len(),
        }
    }

    fn passed(&mut self, now: Nanos, stream: StreamId, from: Leg, actions: &mut Vec<Action>) {
        let parted = || self.parted.iter().rev().find(|(other, _)| *other == stream).map(|(_, n)| *n);
        let (n, via) = match self.streams.get(&stream) {
            Some(Belongs::Session(n)) => (Some(*n), Some(stream)),
            Some(Belongs::Undecided(_)) => (None, None),
            None => match self.pipes.get(&stream) {
                Some(pipes) => (Some(pipes.current), None),
                None => (parted(), Some(stream)),
            },
        };
        if let Some(n) = n {
            self.with(n, actions, |session, ledger| session.passed(now, via, from, ledger));
        }
    }

    fn is_http(&self, stream: StreamId) -> bool {
        self.transport != Transport::Stdio || self.streams.contains_key(&stream)
    }

    /// Does something with a session, which first learns what its source knows.
    fn with<T>(
        &mut self,
        n: u64,
        actions: &mut Vec<Action>,
        act: impl FnOnce(&mut Session, &mut Ledger<'_>) -> T,
    ) -> Option<T> {
        let session = self.sessions.get_mut(&n)?;
        session.learn_losses(self.n_losses);
        let was_ended = session.is_ended();
        let mut ledger =
            Ledger { limits: &self.limits, numbers: &mut self.numbers, agenda: &mut self.agenda, actions };
        let done = act(session, &mut ledger);
        if session.is_ended() && !was_ended {
            self.ended.push_back(n);
        }
        Some(done)
    }

    fn hear(&mut self, n: u64, now: Nanos, input: Input, actions: &mut Vec<Action>) {
        self.with(n, actions, |session, ledger| session.on(now, input, ledger));
    }

    fn keep_appointments(&mut self, now: Nanos, actions: &mut Vec<Action>) {
        while let Some(&(_, n, exchange)) = self.agenda.untold.front().filter(|due| due.0 <= now) {
            self.agenda.untold.pop_front();
            self.with(n, actions, |session, ledger| {
                session.tracker().settle(exchange, ledger);
            });
        }
        while let Some(&(_, n)) = self.agenda.remembering.front().filter(|due| due.0 <= now) {
            self.agenda.remembering.pop_front();
            self.with(n, actions, |session, ledger| {
                session.tracker().forget(now, ledger);
            });
        }
    }

    fn lost(&mut self, now: Nanos, n_bytes: u64, actions: &mut Vec<Action>) {
        self.n_losses += 1;
        actions.push(Action::Record(Fact::Lost { n_bytes }));
        // One note in the session that is on top tells a reader; the source counts them all.
        if let Some(&n) = self.sessions.keys().next_back() {
            self.hear(n, now, Input::Lost { n_bytes }, actions);
        }
    }

    fn open(
        &mut self,
        now: Nanos,
        transport: Transport,
        key: Option<Bytes>,
        actions: &mut Vec<Action>,
    ) -> u64 {
        self.make_room(now, actions);
        let opening = Opening { transport, lossy: self.n_losses > 0, n_losses: self.n_losses, key };
        let mut ledger =
            Ledger { limits: &self.limits, numbers: &mut self.numbers, agenda: &mut self.agenda, actions };
        let mut session = Session::open(now, opening, &mut ledger);
        if let Some(past) = self.past.take() {
            session.recall(past);
        }
        let n = session.n();
        self.sessions.insert(n, session);
        n
    }
}

/// What memory is left to sessions that ended, and to those that are too many.
impl Source {
    fn make_room(&mut self, now: Nanos, actions: &mut Vec<Action>) {
        if self.sessions.len() < self.limits.sessions {
            return;
        }
        // Many at once, so that looking for the quiet ones costs little for each new session.
        let mut quiet: Vec<(Nanos, u64)> =
            self.sessions.values().map(|session| (session.heard(), session.n())).collect();
        quiet.sort_unstable();
        for (_, n) in quiet.into_iter().take(self.limits.sessions / 16 + 1) {
            self.with(n, actions, |session, ledger| {
                session.end(now, Some(Oddity::Forgotten), ledger);
            });
            self.drop_session(n);
        }
    }

    fn drop_ended(&mut self) {
        while self.ended.len() > self.limits.ended_sessions {
            let Some(n) = self.ended.pop_front() else { return };
            let session = self.sessions.get(&n).filter(|session| session.is_ended());
            let is_busy = session.is_some_and(|session| session.n_streams() > 0);
            // Streams that are still open may bring something late, but they cannot hold the session for ever.
            if is_busy && self.ended.len() < 4 * self.limits.ended_sessions {
                self.ended.push_back(n);
                return;
            }
            if session.is_some() {
                self.drop_session(n);
            }
        }
    }

    fn drop_session(&mut self, n: u64) {
        if let Some(session) = self.sessions.remove(&n) {
            for stream in session.streams() {
                self.streams.remove(&stream);
            }
        }
        self.pipes.retain(|_, pipes| pipes.current != n);
        self.routes.drop_session(n);
    }
}
