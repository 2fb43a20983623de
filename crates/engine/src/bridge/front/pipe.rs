//! A client on the tap's own pipes.
//!
//! Spec 2026-07-28, basic/versioning: both eras may speak on one pipe, so each message is looked at for itself.

use bytes::Bytes;
use tapgate_wire::edge::Act;
use tapgate_wire::record::Era;
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Message, Nanos};

use super::super::number::SessionNo;
use super::check;
use super::frame;
use super::lane::LaneNo;
use super::ports::Opens;
use super::refusal::Refusal;
use super::sessions::{Phase, Via};
use super::{Caller, FromClient, Front, Turn};

/// How many messages wait for the answer to `initialize`.
const MAX_EARLY: usize = 256;

impl Front {
    pub(super) fn line(&mut self, turn: &mut Turn<'_>, message: Message) {
        if message.raw().trim_ascii().is_empty() {
            return;
        }
        let kind = message.shape().kind;
        let id = message.shape().id.clone().filter(|_| kind == Kind::Request);
        if let Err(refusal) = self.take_line(turn, message)
            && matches!(kind, Kind::Request | Kind::Batch | Kind::Other)
        {
            turn.acts.push(Act::Line(refusal.json(id.as_ref())));
        }
    }

    /// Takes what came while `initialize` waited for its answer, and ends the POSTs of dropped requests.
    pub(super) fn catch_up(&mut self, turn: &mut Turn<'_>) {
        for lane in std::mem::take(&mut self.dropped) {
            self.lanes.give_up(lane, turn.acts);
        }
        while !self.is_opening()
            && let Some(message) = self.early.pop_front()
        {
            self.line(turn, message);
        }
    }

    /// Whether [`Front::catch_up`] has something to do.
    pub(super) fn is_behind(&self) -> bool {
        !self.dropped.is_empty() || !self.early.is_empty() && !self.is_opening()
    }

    fn is_opening(&self) -> bool {
        let session = self.pipe.and_then(|session| self.sessions.find(session));
        session.is_some_and(|session| session.phase == Phase::Opening)
    }

    fn take_line(&mut self, turn: &mut Turn<'_>, message: Message) -> Result<(), Refusal> {
        check::form(&message)?;
        let shape = message.shape();
        // What cancels is of the era of what it cancels.
        let names = shape.id_in(Member::CancelledId).filter(|_| shape.kind == Kind::Notification);
        let names_modern = names.is_some_and(|id| self.ports.named(None, &id).is_some());
        match check::era(&message, None, self.era) {
            Era::Modern => self.take_modern_line(turn, message),
            Era::Legacy if names_modern => self.take_modern_line(turn, message),
            Era::Legacy => self.take_legacy_line(turn, message),
        }
    }

    fn take_modern_line(&mut self, turn: &mut Turn<'_>, message: Message) -> Result<(), Refusal> {
        let caller = Caller::default();
        match message.shape().kind {
            Kind::Request => {
                let revision = check::meta(&message)?;
                let from = caller.modern(Some(check::served(&message, &revision)?));
                self.admit(self.pipe, &message)?;
                self.ask(turn, from, message, None, Opens::Nothing);
            }
            Kind::Notification => {
                turn.out.push(FromClient::Told { from: caller.modern(check::named(&message)), message });
            }
            _ => return Err(Refusal::invalid("2026-07-28 has neither batches nor answers of clients")),
        }
        Ok(())
    }

    fn take_legacy_line(&mut self, turn: &mut Turn<'_>, message: Message) -> Result<(), Refusal> {
        let shape = message.shape();
        let method = shape.method().filter(|_| shape.kind == Kind::Request);
        if self.is_opening() && !matches!(method.as_deref(), Some("initialize" | "ping")) {
            let bytes: usize = self.early.iter().map(|early| early.raw().len()).sum();
            if self.early.len() >= MAX_EARLY || bytes + message.raw().len() > self.bounds.replay_bytes {
                return Err(Refusal::full("too much was sent before the answer to initialize"));
            }
            self.early.push_back(message);
            return Ok(());
        }
        if shape.kind == Kind::Request {
            self.admit(None, &message)?;
        }
        let session = match (self.pipe, method.as_deref()) {
            (Some(session), _) => session,
            (None, Some("initialize")) => {
                let session = self.begin_session(turn, Via::Pipe, None)?;
                self.pipe = Some(session);
                session
            }
            (None, Some("ping")) => {
                turn.acts.push(Act::Line(pong(&message)));
                return Ok(());
            }
            (None, _) => return Err(initialize_first()),
        };
        if message.shape().kind == Kind::Batch {
            return self.batch(turn, session, &Caller::default(), &message, None).map(drop);
        }
        self.converse(turn, session, &Caller::default(), message, None)
    }

    /// Hears a message of a session that has one pipe or stream for everything.
    pub(super) fn converse(
        &mut self,
        turn: &mut Turn<'_>,
        session: SessionNo,
        caller: &Caller,
        message: Message,
        lane: Option<LaneNo>,
    ) -> Result<(), Refusal> {
        if message.shape().kind == Kind::Request {
            self.admit(Some(session), &message)?;
        }
        let Some(state) = self.sessions.find_mut(session) else { return Err(initialize_first()) };
        let shape = message.shape();
        let method = shape.method().unwrap_or_default().into_owned();
        let is_request = shape.kind == Kind::Request;
        let mut opens = Opens::Nothing;
        match (state.phase, method.as_str()) {
            (Phase::New, "initialize") if is_request => {
                state.phase = Phase::Opening;
                opens = Opens::Session;
            }
            (_, "initialize") if is_request => {
                return Err(Refusal::invalid("the session was initialized before"));
            }
            (Phase::Open, _) => {}
            (_, "ping") if is_request => {
                self.send(turn.now, lane, pong(&message), turn.acts);
                return Ok(());
            }
            _ => return Err(initialize_first()),
        }
        let from = self.from(session, caller);
        if is_request {
            self.ask(turn, from, message, lane, opens);
            return Ok(());
        }
        turn.out.push(FromClient::Told { from, message });
        if method == "notifications/initialized" {
            self.listens(turn, session);
        }
        Ok(())
    }

    /// Sends a message on a lane, or as a line.
    pub(super) fn send(&mut self, now: Nanos, lane: Option<LaneNo>, message: Bytes, acts: &mut Vec<Act>) {
        match lane {
            Some(lane) => self.lanes.say(now, lane, &message, acts),
            None => acts.push(Act::Line(frame::line(message))),
        }
    }
}

fn initialize_first() -> Refusal {
    Refusal::invalid("send initialize first, or params._meta of 2026-07-28 with each request")
}

/// Spec 2025-11-25, basic/utilities/ping: an empty result.
fn pong(message: &Message) -> Bytes {
    let id = message.shape().id.as_ref().map_or(&b"null"[..], |id| &id.0);
    [&br#"{"jsonrpc":"2.0","id":"#[..], id, br#","result":{}}"#].concat().into()
}
