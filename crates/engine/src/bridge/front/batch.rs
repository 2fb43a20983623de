//! Several messages in one array, which only 2025-03-26 knows.
//!
//! Spec 2025-03-26, basic/transports, Sending Messages to the Server; basic/lifecycle, Initialization.

use std::collections::BTreeSet;

use tapgate_wire::fault::FaultKind;
use tapgate_wire::revision::Revision;
use tapgate_wire::{Kind, Message, StreamId};

use super::super::number::SessionNo;
use super::lane::{LaneNo, Style};
use super::ports::Opens;
use super::refusal::Refusal;
use super::{Caller, FromClient, Front, Turn, check};

impl Front {
    /// Takes a batch apart; its answers come back as one, unless something has to be said before.
    pub(super) fn batch(
        &mut self,
        turn: &mut Turn<'_>,
        session: SessionNo,
        caller: &Caller,
        message: &Message,
        stream: Option<StreamId>,
    ) -> Result<LaneNo, Refusal> {
        let shape = message.shape();
        let has = |kind| shape.faults.iter().any(|fault| fault.kind == kind);
        if !self.revision(session).is_some_and(Revision::has_batches) {
            return Err(Refusal::invalid("only sessions of 2025-03-26 take batches"));
        }
        if shape.parts.is_empty() || has(FaultKind::TooManyParts) {
            return Err(Refusal::invalid("a batch needs at least one message and at most 1024"));
        }
        let is_request = |part: &&Message| part.shape().kind == Kind::Request;
        let requests = || shape.parts.iter().filter(is_request);
        if requests().any(|part| part.shape().method().as_deref() == Some("initialize")) {
            return Err(Refusal::invalid("initialize must not be in a batch"));
        }
        if !self.ports.have_room(requests().count()) {
            return Err(Refusal::full("too many requests wait for their answers"));
        }
        let (mut good, mut answers, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        for part in &shape.parts {
            let id = part.shape().id.as_ref().filter(|_| part.shape().kind == Kind::Request);
            let is_new = id.is_none_or(|id| seen.insert(id.clone()));
            let checked = check::form(part).and_then(|()| match part.shape().kind {
                Kind::Request if !is_new => Err(Refusal::invalid("the id is used twice")),
                Kind::Request => self.admit(Some(session), part),
                Kind::Batch => Err(Refusal::invalid("a batch holds no batches")),
                _ => Ok(()),
            });
            match checked {
                Ok(()) => good.push(part.clone()),
                Err(refusal) => answers.push(refusal.json(id)),
            }
        }
        let style = if stream.is_some() { Style::Legacy { primes: false } } else { Style::Pipe };
        let n_waiting = good.iter().filter(is_request).count();
        let lane = self.lanes.open(turn.now, style, Some(session), stream, n_waiting, Some(answers));
        for part in good {
            let from = self.from(session, caller);
            if is_request(&&part) {
                self.ask(turn, from, part, Some(lane), Opens::Nothing);
            } else {
                turn.out.push(FromClient::Told { from, message: part });
            }
        }
        self.lanes.settle(lane, turn.acts);
        Ok(lane)
    }
}
