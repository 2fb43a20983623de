//! Pipes: one session after another in each process.

use std::collections::BTreeMap;

use bytes::Bytes;
use tapgate_wire::record::Transport;
use tapgate_wire::{Kind, Leg, Message, Nanos, StreamId};

use super::Source;
use crate::input::{Action, Input};
use crate::session::{Session, is_initialize};

/// The sessions of one process's pipes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pipes {
    pub(super) current: u64,
    before: Option<u64>,
}

impl Source {
    pub(super) fn on_pipes(&mut self, now: Nanos, stream: StreamId, input: Input, actions: &mut Vec<Action>) {
        let n = match &input {
            Input::Message { from, message, .. } => self.pipes_for(now, stream, *from, message, actions),
            _ => self.pipes_session(now, stream, actions),
        };
        self.hear(n, now, input, actions);
    }

    /// Notes what became of the process; with HTTP clients the source alone says it before the first session.
    pub(super) fn note_process(
        &mut self,
        now: Nanos,
        stream: StreamId,
        input: Input,
        actions: &mut Vec<Action>,
    ) {
        if self.transport == Transport::Stdio || !self.sessions.is_empty() {
            self.on_pipes(now, stream, input, actions);
        }
    }

    /// The session that output belongs to which names none: that of the pipes, else the latest.
    pub(super) fn pipes_session(&mut self, now: Nanos, stream: StreamId, actions: &mut Vec<Action>) -> u64 {
        let latest = || self.sessions.keys().next_back().copied();
        let current = match self.transport {
            Transport::Stdio => self.pipes.get(&stream).map(|pipes| pipes.current),
            _ => latest(),
        };
        if let Some(n) = current.filter(|n| self.sessions.contains_key(n)) {
            return n;
        }
        let n = self.open(now, self.transport, None, actions);
        self.pipes.insert(stream, Pipes { current: n, before: None });
        n
    }

    fn pipes_for(
        &mut self,
        now: Nanos,
        stream: StreamId,
        from: Leg,
        message: &Message,
        actions: &mut Vec<Action>,
    ) -> u64 {
        let current = self.pipes_session(now, stream, actions);
        let shape = message.shape();
        let is_fresh = self.sessions.get_mut(&current).is_some_and(Session::is_fresh);
        if from == Leg::Client && is_initialize(shape) && !is_fresh {
            self.with(current, actions, |session, ledger| session.end(now, None, ledger));
            let next = self.open(now, self.transport, None, actions);
            self.pipes.insert(stream, Pipes { current: next, before: Some(current) });
            return next;
        }
        // A late answer may belong to the session before, whose ids may come again in this one.
        let is_late = |(n, id): (u64, &Bytes), sessions: &mut BTreeMap<u64, Session>| {
            let asked_by = from.opposite();
            let is_awaited =
                sessions.get_mut(&current).is_some_and(|session| session.tracker().awaits(asked_by, id));
            !is_awaited
                && sessions.get_mut(&n).is_some_and(|session| session.tracker().remembers(asked_by, id))
        };
        let before = self.pipes.get(&stream).and_then(|pipes| pipes.before);
        match (before, &shape.id, shape.kind) {
            (Some(before), Some(id), Kind::Result | Kind::Error)
                if is_late((before, &id.0), &mut self.sessions) =>
            {
                before
            }
            _ => current,
        }
    }
}
