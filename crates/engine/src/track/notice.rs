//! Notifications: progress, cancellation, the state of tasks, and what else names an exchange.

use bytes::Bytes;
use tapgate_wire::json;
use tapgate_wire::record::Status;
use tapgate_wire::shape::{Id, Member};

use super::call::{Awaits, Call, Verb};
use super::request::related_task;
use super::waiting::Scope;
use super::{Part, Place, Tracker, note_faults, waiting_for};
use crate::ledger::Ledger;
use crate::oddity::Oddity;

impl Tracker {
    pub(super) fn notification(&mut self, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let shape = part.shape;
        match shape.method().unwrap_or_default().as_ref() {
            "notifications/progress" => match shape.id_in(Member::ProgressToken) {
                Some(Id(token)) => self.progress(&token, part, ledger),
                None => self.by_stream(part, ledger),
            },
            "notifications/cancelled" => match shape.id_in(Member::CancelledId) {
                Some(Id(id)) => self.cancel(&id, part, ledger),
                None => self.by_stream(part, ledger),
            },
            "notifications/tasks" | "notifications/tasks/status" => {
                match shape.raw(Member::TaskId).and_then(|task| self.task(part.from.opposite(), task)) {
                    Some(n) => self.task_told(n, part, ledger),
                    None => self.by_stream(part, ledger),
                }
            }
            _ => self.other(part, ledger),
        }
    }

    /// A notification that names its exchange in `_meta`, or comes on that exchange's stream.
    fn other(&mut self, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let asked_by = part.from.opposite();
        if let Some(Id(id)) = part.shape.id_in(Member::SubscriptionId)
            && let Some(n) = Self::pick(waiting_for(&self.ids, asked_by, &id, part.via), part.via)
        {
            return self.attach(n, part, ledger);
        }
        if let Some(task) = part.shape.raw(Member::RelatedTask).and_then(related_task)
            && let Some(&n) = self.tasks.get(&(asked_by, task))
        {
            return self.attach(n, part, ledger);
        }
        self.by_stream(part, ledger)
    }

    fn task_told(&mut self, n: u64, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        match self.attach(n, part, ledger) {
            Place { exchange: None, .. } => self.attach_closed(n, part, ledger),
            place => {
                self.hear_task(n, part, ledger);
                place
            }
        }
    }

    /// The state of a task that has ended already.
    fn attach_closed(&mut self, n: u64, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let Some(call) = self.memory.by_number(n) else {
            return Place::nowhere(None);
        };
        call.attach(part.n, part.from, part.size, part.first, ledger);
        Place::of(n)
    }

    /// Progress belongs to the request that gave its token, on whichever stream it comes.
    fn progress(&mut self, token: &Bytes, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let asked_by = part.from.opposite();
        let alike = waiting_for(&self.tokens, asked_by, token, part.via);
        let found = match Self::pick(alike, part.via) {
            None if part.via.scope != Scope::Session => self.only(|call| {
                call.exchange.asked_by == asked_by && call.token.as_ref().is_some_and(|key| key.id == token)
            }),
            found => Ok(found),
        };
        let n = match found {
            Ok(Some(n)) => n,
            Ok(None) => return self.progress_of_closed(token, part, ledger),
            Err(finding) => return Place::nowhere(Some(finding)),
        };
        let Some(call) = self.open.get_mut(&n) else {
            return Place::nowhere(None);
        };
        note_faults(call, part.shape);
        let value = part.shape.raw(Member::Params).and_then(|params| number(params, "progress"));
        let mut odd = Vec::new();
        if let (Some(value), Some(last)) = (value, call.progress)
            && value <= last
        {
            call.find(Oddity::ProgressNotIncreasing);
            odd.push(Oddity::ProgressNotIncreasing);
        }
        call.progress = value.or(call.progress);
        call.exchange.n_progress = call.exchange.n_progress.saturating_add(1);
        call.attach(part.n, part.from, part.size, part.first, ledger);
        Place { odd, ..Place::of(n) }
    }

    fn progress_of_closed(&mut self, token: &Bytes, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let scope = (part.via.scope != Scope::Session).then_some(part.via.scope);
        let Some(call) = self.memory.by_token(part.from.opposite(), scope, token) else {
            return self.unseen(Oddity::ProgressUnknownToken);
        };
        if call.exchange.status != Status::Unknown {
            call.find(Oddity::ProgressLate);
        }
        call.attach(part.n, part.from, part.size, part.first, ledger);
        Place::of(call.n())
    }

    /// Cancels a request of the sender; from a server also the client's subscription, which only the server ends so.
    fn cancel(&mut self, id: &Bytes, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let own = self.cancellable(id, part, |call| call.exchange.asked_by == part.from);
        let found = match own {
            Ok(None) => self.cancellable(id, part, |call| {
                call.exchange.asked_by == part.from.opposite() && call.verb == Verb::Listen
            }),
            found => found,
        };
        match found {
            Ok(Some(n)) => self.cancel_open(n, part, ledger),
            Ok(None) => self.cancel_closed(id, part, ledger),
            Err(finding) => Place::nowhere(Some(finding)),
        }
    }

    /// The open request with this id; across streams when no session says more and only one has it.
    fn cancellable(
        &self,
        id: &Bytes,
        part: Part<'_>,
        fits: impl Fn(&Call) -> bool,
    ) -> Result<Option<u64>, Oddity> {
        for asked_by in [part.from, part.from.opposite()] {
            let alike = waiting_for(&self.ids, asked_by, id, part.via);
            if let Some(n) = Self::pick(alike, part.via)
                && self.open.get(&n).is_some_and(|call| fits(call))
            {
                return Ok(Some(n));
            }
        }
        self.only(|call| fits(call) && call.key.as_ref().is_some_and(|key| key.id == id))
    }

    fn cancel_open(&mut self, n: u64, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let Some(call) = self.open.get_mut(&n) else {
            return Place::nowhere(None);
        };
        let refused = match (call.verb, call.awaits) {
            (Verb::Initialize, _) => Some(Oddity::CancelInitialize),
            (_, Awaits::Task) => Some(Oddity::CancelTask),
            _ => None,
        };
        if let Some(finding) = refused {
            call.find(finding);
        }
        let place = self.attach(n, part, ledger);
        if refused.is_none() {
            self.close(n, Status::Cancelled, part.last, ledger);
        }
        Place { odd: refused.into_iter().collect(), ..place }
    }

    /// A cancellation may cross the answer on its way, which is nobody's mistake.
    fn cancel_closed(&mut self, id: &Bytes, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let Some(call) = self.memory.by_id(part.from, None, id) else {
            return self.unseen(Oddity::CancelUnknown);
        };
        call.attach(part.n, part.from, part.size, part.first, ledger);
        Place::of(call.n())
    }
}

fn number(raw: &Bytes, member: &str) -> Option<f64> {
    let value: f64 = std::str::from_utf8(json::find(raw, &[member])?).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}
