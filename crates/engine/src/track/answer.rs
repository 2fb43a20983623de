//! Answers: which request they end, and how.

use bytes::Bytes;
use tapgate_wire::record::{Hand, Status};
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Nanos, Shape};

use super::call::{Awaits, Call, Verb};
use super::request::state_digest;
use super::text::unquoted;
use super::turn::asks_a_person;
use super::waiting::Scope;
use super::{Part, Place, Tracker, note_faults, waiting_for};
use crate::ledger::Ledger;
use crate::oddity::Oddity;

/// How an exchange ends.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    status: Status,
    error_code: Option<i64>,
    error_text: Option<Bytes>,
}

impl End {
    fn plain(status: Status) -> Self {
        Self { status, error_code: None, error_text: None }
    }

    fn of(shape: &Shape, ledger: &Ledger<'_>) -> Self {
        if shape.kind == Kind::Error {
            let code = shape.raw(Member::ErrorCode);
            let text = shape.raw(Member::ErrorMessage);
            return Self {
                status: Status::Error,
                error_code: code.and_then(|raw| std::str::from_utf8(raw).ok()?.parse().ok()),
                error_text: text.map(|raw| unquoted(raw, ledger.limits.text)),
            };
        }
        let is_error = shape.raw(Member::IsError).is_some_and(|raw| raw == "true");
        Self::plain(if is_error { Status::ToolError } else { Status::Ok })
    }

    /// The end that a task's state means, `None` while it goes on.
    fn of_task(state: Option<&Bytes>) -> Option<Self> {
        match state?.as_ref() {
            br#""completed""# => Some(Self::plain(Status::Ok)),
            br#""failed""# => Some(Self::plain(Status::Error)),
            br#""cancelled""# => Some(Self::plain(Status::Cancelled)),
            _ => None,
        }
    }

    fn write(self, call: &mut Call) -> Status {
        call.exchange.error_code = self.error_code;
        call.exchange.error_text = self.error_text;
        self.status
    }
}

impl Tracker {
    pub(super) fn answer(&mut self, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let Some(id) = part.shape.id.as_ref().map(|id| &id.0) else {
            return self.answer_without_id(part, ledger);
        };
        if id.len() > ledger.limits.id {
            return Place::nowhere(Some(Oddity::IdTooLong));
        }
        let asked_by = part.from.opposite();
        let alike = waiting_for(&self.ids, asked_by, id, part.via);
        let found = match Self::pick(alike, part.via) {
            // Without a session, a client answers the server's request by a POST of its own.
            None if part.via.scope != Scope::Session && part.from == Leg::Client => self.only(|call| {
                call.is_waiting_for_answer()
                    && call.exchange.asked_by == asked_by
                    && call.key.as_ref().is_some_and(|key| key.id == id)
            }),
            found => Ok(found),
        };
        match found {
            Ok(Some(n)) => self.resolve(n, part, ledger),
            // Some servers refuse an HTTP request with an id of their own, before they have read it.
            Ok(None) => match self.only_on_stream(part).filter(|_| is_refused(part)) {
                Some(n) => self.resolve(n, part, ledger),
                None => self.answer_to_closed(id, part, ledger),
            },
            Err(finding) => Place::nowhere(Some(finding)),
        }
    }

    /// An error without an id answers the only request whose answer its HTTP response carries.
    fn answer_without_id(&mut self, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        if let Some(n) = self.only_on_stream(part) {
            return self.resolve(n, part, ledger);
        }
        match self.by_stream(part, ledger) {
            Place { exchange: None, .. } => Place::nowhere(Some(Oddity::AnswerWithoutId)),
            place => place,
        }
    }

    /// The only request whose answer the HTTP response of the server carries.
    fn only_on_stream(&self, part: Part<'_>) -> Option<u64> {
        let is_meant = |call: &Call| call.is_waiting_for_answer() && call.exchange.asked_by == Leg::Client;
        let mut waiting =
            part.via.calls.iter().filter(|n| self.open.get(n).is_some_and(|call| is_meant(call)));
        match (waiting.next().copied(), waiting.next()) {
            (Some(n), None) if part.from == Leg::Server => Some(n),
            _ => None,
        }
    }

    /// The answer to an open exchange.
    fn resolve(&mut self, n: u64, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let Some(call) = self.open.get_mut(&n) else {
            return Place::nowhere(None);
        };
        let shape = part.shape;
        let place = Place { target: call.exchange.target.clone(), ..Place::of(n) };
        note_faults(call, shape);
        call.exchange.http_status = part.via.status.or(call.exchange.http_status);
        call.attach(part.n, part.from, part.size, part.first, ledger);
        if let Some(key) = &call.key {
            self.ids.remove(key, n);
        }
        self.turn(n, part.first, ledger, |split| split.give(part.first, Hand::Wire));
        let Some(call) = self.open.get_mut(&n) else { return place };
        if shape.raw(Member::ResultType).is_some_and(|raw| raw == r#""input_required""#) {
            call.awaits = Awaits::Round(shape.raw(Member::ResultState).map(state_digest));
            self.hand_over(n, part, asks_a_person(shape), ledger);
            return place;
        }
        if let Some(task) = created_task(call, shape).filter(|task| task.len() <= ledger.limits.id) {
            self.hand_over(n, part, Hand::Client, ledger);
            self.become_task(n, task, shape, part.last, ledger);
            return place;
        }
        self.conclude(n, part, ledger);
        place
    }

    /// The final answer: closes the exchange, and the task that it told the end of.
    fn conclude(&mut self, n: u64, part: Part<'_>, ledger: &mut Ledger<'_>) {
        let Some(call) = self.open.get_mut(&n) else {
            return;
        };
        let end = End::of(part.shape, ledger);
        let (verb, task) = (call.verb, call.exchange.parent);
        let status = end.clone().write(call);
        self.close(n, status, part.last, ledger);
        // The answer to what was asked inside goes back to who asked, who then goes on.
        if let Some(parent) = task {
            self.give_back(parent, part, ledger);
        }
        let task_end = match verb {
            Verb::TaskResult => Some(end),
            Verb::TaskGet | Verb::TaskCancel => End::of_task(part.shape.raw(Member::TaskStatus)),
            _ => None,
        };
        if let (Some(task), Some(end)) = (task, task_end) {
            self.finish_task(task, end, verb, part.last, ledger);
        }
    }

    fn become_task(&mut self, n: u64, task: Bytes, shape: &Shape, at: Nanos, ledger: &mut Ledger<'_>) {
        let Some(call) = self.open.get_mut(&n) else {
            return;
        };
        // A second task of the same id takes the place of the first, which then ends with the session.
        self.tasks.insert((call.exchange.asked_by, task.clone()), n);
        call.exchange.task = Some(task);
        call.awaits = Awaits::Task;
        if let Some(end) = End::of_task(shape.raw(Member::TaskStatus)) {
            let status = end.write(call);
            self.close(n, status, at, ledger);
        }
    }

    /// The state of a task as a notification tells it.
    pub(super) fn hear_task(&mut self, n: u64, part: Part<'_>, ledger: &mut Ledger<'_>) {
        let end = End::of_task(part.shape.raw(Member::TaskStatus));
        if let Some(end) = end.filter(|_| self.open.contains_key(&n)) {
            if let Some(call) = self.open.get_mut(&n) {
                call.split.was_served();
            }
            self.finish_task(n, end, Verb::TaskGet, part.last, ledger);
        }
    }

    /// A task ended; its result may come after its state, and knows more.
    fn finish_task(&mut self, n: u64, end: End, verb: Verb, at: Nanos, ledger: &mut Ledger<'_>) {
        if let Some(call) = self.open.get_mut(&n) {
            let status = end.write(call);
            self.close(n, status, at, ledger);
        } else if verb == Verb::TaskResult
            && let Some(call) = self.memory.by_number(n)
            && matches!(call.exchange.status, Status::Ok | Status::Error)
            && call.exchange.status != end.status
        {
            call.exchange.status = end.write(call);
            call.tell(ledger);
        }
    }

    /// An answer to nothing that waits: a second one, a late one, or one that nobody asked for.
    fn answer_to_closed(&mut self, id: &Bytes, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let asked_by = part.from.opposite();
        let again = self.only(|call| {
            !call.is_waiting_for_answer()
                && call.key.as_ref().is_some_and(|key| key.asked_by == asked_by && key.id == id)
        });
        let scope = (part.via.scope != Scope::Session && part.from == Leg::Server).then_some(part.via.scope);
        let call = match again {
            Ok(Some(n)) => self.open.get_mut(&n).map(Box::as_mut),
            _ => self.memory.by_id(asked_by, scope, id),
        };
        let Some(call) = call else {
            let place = self.unseen(Oddity::UnmatchedAnswer);
            let alike = waiting_for(&self.ids, asked_by, &other_type(id), part.via);
            let Some(call) = Self::pick(alike, part.via).and_then(|n| self.open.get_mut(&n)) else {
                return place;
            };
            // It stays open: its asker does not take this for the answer either.
            call.attach(part.n, part.from, part.size, part.first, ledger);
            return Place { exchange: Some(call.n()), ..place };
        };
        note_faults(call, part.shape);
        match call.exchange.status {
            Status::Cancelled | Status::Unanswered => {
                call.exchange.late = true;
                call.find(Oddity::LateAnswer);
            }
            // Bytes were lost or it was forgotten: the answer is late for us alone.
            Status::Unknown => call.exchange.late = true,
            Status::Pending | Status::Ok | Status::ToolError | Status::Error => {
                call.exchange.duplicate = true;
                call.find(Oddity::DuplicateAnswer);
            }
        }
        call.attach(part.n, part.from, part.size, part.first, ledger);
        Place { target: call.exchange.target.clone(), ..Place::of(call.n()) }
    }
}

/// The id that says the same as text that this one says as a number, or the other way around.
fn other_type(id: &Bytes) -> Bytes {
    match id.strip_prefix(b"\"").and_then(|id| id.strip_suffix(b"\"")) {
        Some(text) => id.slice_ref(text),
        None => [b"\"", id.as_ref(), b"\""].concat().into(),
    }
}

/// Whether an HTTP response refuses its request.
fn is_refused(part: Part<'_>) -> bool {
    part.shape.kind == Kind::Error && part.via.status.is_some_and(|status| status >= 400)
}

/// The task that a result creates. `tasks/get` answers with a task too, but creates none.
///
/// Spec 2025-11-25, basic/utilities/tasks: `{task:{taskId}}` after `params.task`; tasks extension:
/// `resultType: "task"`.
fn created_task(call: &Call, shape: &Shape) -> Option<Bytes> {
    let is_task = shape.raw(Member::ResultType).is_some_and(|raw| raw == r#""task""#);
    if call.verb.is_poll() || !(is_task || call.task_asked) {
        return None;
    }
    shape.raw(Member::CreatedTask).map(|raw| Bytes::copy_from_slice(raw))
}
