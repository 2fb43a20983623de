//! What the server is asked about a task, one step after the other.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Message, Nanos};

use super::{Goal, MAX_NAME, name_of};
use crate::bridge::back::{Failure, Pass};
use crate::bridge::cx::Cx;
use crate::bridge::failure::INVALID_PARAMS;
use crate::bridge::number::{CallNo, Pair, Port};
use crate::bridge::translate::fall::server::quoted;
use crate::bridge::translate::rise::client::{self, Input, Profile};
use crate::bridge::translate::{Draft, fall, payload, tasks};
use crate::bridge::up::diary::{Due, after, backoff};
use crate::bridge::up::exchange::{Exchange, UNSUPPORTED_REVISION};
use crate::bridge::up::{PATIENCE, Purpose, Up, refuse, tell_failure};

/// How often in a row a question about a task may fail.
const MAX_FAILURES: usize = 5;

/// How often a server that was told to cancel a task is asked whether it did.
const MAX_CANCEL_POLLS: usize = 8;

/// What the server is asked about a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Get,
    Update,
    Cancel,
}

impl Step {
    fn method(self) -> &'static str {
        match self {
            Self::Get => "tasks/get",
            Self::Update => "tasks/update",
            Self::Cancel => "tasks/cancel",
        }
    }
}

impl Up {
    /// Asks the server the next thing about a task.
    pub(in crate::bridge::up) fn pursue(&mut self, cx: &mut Cx<'_>, port: Port) {
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        let is_answered = exchange.rounds.is_answered();
        let Some(task) = &mut exchange.task else { return };
        if task.ends <= cx.now {
            return self.give_up(cx, port, "did not end the task in time");
        }
        if is_answered {
            task.step = Step::Update;
        }
        let step = task.step;
        let responses = exchange.rounds.input().responses.filter(|_| is_answered);
        let session = exchange.session;
        let profile = self.profile(session);
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        let Some(call) = ask(cx, exchange, step, profile, responses) else {
            return self.give_up(cx, port, "is not known any more");
        };
        exchange.call = Some(call);
        self.calls.insert(call, Purpose::Serve(port));
        self.diary.set(Due::Request(port), after(cx.now, PATIENCE));
    }

    /// The server answered what it was asked about a task.
    pub(in crate::bridge::up) fn reported(&mut self, cx: &mut Cx<'_>, port: Port, message: &Message) {
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        let Some(task) = &mut exchange.task else { return };
        task.n_failures = 0;
        if message.shape().kind != Kind::Result {
            return self.refused_about(cx, port, message);
        }
        match task.step {
            Step::Get => self.came_state(cx, port, message),
            Step::Update => {
                task.given.extend(exchange.rounds.forget());
                (task.step, task.n_polls) = (Step::Get, 0);
                self.ask_later(cx, port);
            }
            Step::Cancel => {
                (task.step, task.is_cancelled) = (Step::Get, true);
                self.pursue(cx, port);
            }
        }
    }

    /// The server said how it is about a task.
    pub(super) fn came_state(&mut self, cx: &mut Cx<'_>, port: Port, message: &Message) {
        let shape = message.shape();
        let exchange = self.exchanges.get_mut(&port);
        let Some(task) = exchange.and_then(|exchange| exchange.task.as_mut()) else { return };
        if name_of(message).as_ref() != Some(&task.name) {
            return self.give_up(cx, port, "answered about another task than it was asked about");
        }
        let status = shape.text_inside(Member::Result, &["status"]).unwrap_or_default();
        let has_ended = match &*status {
            "working" | "input_required" => false,
            "completed" | "failed" | "cancelled" => true,
            _ => return self.give_up(cx, port, "said of a task what is not known here"),
        };
        task.interval = interval(cx, message);
        let is_created = shape.text(Member::ResultType).as_deref() == Some("task");
        match (task.goal, task.is_cancelled) {
            (Goal::State, _) => self.tell_state(cx, port, message),
            (Goal::Cancel, true) if status == "cancelled" => self.tell_state(cx, port, message),
            (Goal::Cancel, _) if has_ended => {
                let Some(exchange) = self.finish(cx, port) else { return };
                let id = exchange.message.shape().id.as_ref();
                refuse(cx, port, id, INVALID_PARAMS, "the task has ended, so it cannot be cancelled");
            }
            (Goal::Cancel, false) => {
                task.step = Step::Cancel;
                self.pursue(cx, port);
            }
            (Goal::Cancel, true) if task.n_polls >= MAX_CANCEL_POLLS => {
                self.give_up(cx, port, "goes on with the task although it was told to cancel it");
            }
            (Goal::Cancel, true) => self.ask_later(cx, port),
            // What became of it is told to who asks about it.
            (Goal::Call | Goal::Outcome, _) if has_ended && is_created => self.pursue(cx, port),
            (Goal::Call | Goal::Outcome, _) if has_ended => self.end(cx, port, message),
            (Goal::Call | Goal::Outcome, _) if status == "input_required" => {
                self.task_asks(cx, port, message);
            }
            (Goal::Call | Goal::Outcome, _) => self.go_on(cx, port),
        }
    }

    /// A task needs input: what it was not given yet, its client is asked for.
    fn task_asks(&mut self, cx: &mut Cx<'_>, port: Port, message: &Message) {
        let Some(exchange) = self.exchanges.get(&port) else { return };
        let Some(task) = &exchange.task else { return };
        let entries =
            message.shape().raw(Member::InputRequests).map(fall::server::entries).unwrap_or_default();
        if entries.iter().any(|(key, _)| key.len() > MAX_NAME) {
            return self.give_up(cx, port, "asked for input in a way that cannot be read");
        }
        let fresh: Vec<_> = entries.into_iter().filter(|(key, _)| !task.given.contains(key)).collect();
        // One round after the other; and a server may take its time to notice what it was given.
        if fresh.is_empty() || exchange.rounds.is_open() || exchange.rounds.is_answered() {
            return self.go_on(cx, port);
        }
        self.pose_all(cx, port, fresh);
    }

    /// Gives the server what the client answered in the meantime, or asks again later.
    fn go_on(&mut self, cx: &mut Cx<'_>, port: Port) {
        if self.exchanges.get(&port).is_some_and(|exchange| exchange.rounds.is_answered()) {
            self.pursue(cx, port);
        } else {
            self.ask_later(cx, port);
        }
    }

    /// Asks the server again when it wants to be asked.
    pub(in crate::bridge::up) fn ask_later(&mut self, cx: &mut Cx<'_>, port: Port) {
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        let Some(task) = &mut exchange.task else { return };
        // Who cancels wants to know it soon.
        let wait = task.interval.filter(|_| !task.is_cancelled);
        let wait = wait.unwrap_or_else(|| backoff(cx.settings.bounds.backoff, task.n_polls));
        task.n_polls += 1;
        let due = exchange.due(after(cx.now, wait));
        self.diary.set(Due::Request(port), due);
    }

    /// The time of a request about a task has come.
    pub(in crate::bridge::up) fn task_due(&mut self, cx: &mut Cx<'_>, port: Port) {
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        let Some(task) = &exchange.task else { return };
        if exchange.rounds.is_open() && task.asked_until <= cx.now {
            return self.stop(cx, port, "asked for input, which was not given in time");
        }
        let Some(call) = exchange.call.take() else { return self.pursue(cx, port) };
        self.calls.remove(&call);
        cx.back.cancel(cx.now, call, None, cx.acts);
        let why = format!("`{}` did not answer in time about the task", cx.settings.server_name);
        self.task_failed(cx, port, &Failure::Broken(why));
    }

    /// What the server was asked about a task will not be answered. Asking again does no harm: an answer that is given
    /// twice counts once, and so does a cancellation.
    pub(in crate::bridge::up) fn task_failed(&mut self, cx: &mut Cx<'_>, port: Port, failure: &Failure) {
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        let Some(task) = &mut exchange.task else { return };
        let is_passing = match failure {
            Failure::Broken(_) | Failure::Unreachable(_) | Failure::Forgotten | Failure::Full => true,
            Failure::Http { status, .. } => matches!(status, 429 | 500..),
        };
        if is_passing && task.n_failures < MAX_FAILURES {
            let wait = backoff(cx.settings.bounds.backoff, task.n_failures);
            task.n_failures += 1;
            let due = exchange.due(after(cx.now, wait));
            return self.diary.set(Due::Request(port), due);
        }
        if let Some(exchange) = self.finish(cx, port) {
            tell_failure(cx, port, exchange.message.shape().id.as_ref(), failure);
        }
    }

    /// The server answered what it was asked about a task with an error.
    fn refused_about(&mut self, cx: &mut Cx<'_>, port: Port, message: &Message) {
        let message = &payload::error_released(message);
        if message.shape().int(Member::ErrorCode) == Some(UNSUPPORTED_REVISION) {
            return self.answered_error(cx, port, message);
        }
        let task = self.exchanges.get(&port).and_then(|exchange| exchange.task.as_ref());
        if task.is_some_and(|task| task.goal == Goal::Call) {
            let said = message.shape().text(Member::ErrorMessage).unwrap_or_default().into_owned();
            return self.give_up(cx, port, &format!("lost the task that it made of the call: {said}"));
        }
        self.refused(cx, port, message);
    }

    fn tell_state(&mut self, cx: &mut Cx<'_>, port: Port, message: &Message) {
        let Some(exchange) = self.finish(cx, port) else { return };
        let mut draft = Draft::of(message);
        tasks::status_down(&mut draft);
        if let Some(alias) = exchange.task.as_ref().and_then(|task| task.alias.as_ref()) {
            draft.set(&["result", "taskId"], &quoted(alias));
        }
        fall::server::strip(&mut draft);
        exchange.answer(cx, port, draft);
    }

    /// A task ended, so its outcome is the answer.
    fn end(&mut self, cx: &mut Cx<'_>, port: Port, message: &Message) {
        let exchange = self.exchanges.get_mut(&port);
        let Some(task) = exchange.and_then(|exchange| exchange.task.as_mut()) else { return };
        task.is_over = true;
        let Some(outcome) = tasks::outcome_down(message, task.alias.as_deref()) else {
            return self.give_up(cx, port, "ended the task without an outcome");
        };
        if outcome.shape().kind != Kind::Result {
            return self.refused(cx, port, &payload::error_released(&outcome));
        }
        self.moved_on(cx, port, &[]);
        let Some(exchange) = self.finish(cx, port) else { return };
        let draft = exchange.lowered(&outcome);
        exchange.answer(cx, port, draft);
    }

    /// Lets go of what a request that is over was about: a task that no client knows of is cancelled.
    pub(in crate::bridge::up) fn leave_task(&mut self, cx: &mut Cx<'_>, exchange: &mut Exchange) {
        let Some(task) = &exchange.task else { return };
        let is_ours = task.goal == Goal::Call && !task.is_over;
        if let Some(call) = exchange.call.take() {
            self.calls.remove(&call);
            cx.back.cancel(cx.now, call, None, cx.acts);
        }
        let profile = self.profile(exchange.session);
        if is_ours && let Some(call) = ask(cx, exchange, Step::Cancel, profile, None) {
            self.calls.insert(call, Purpose::Leave);
            self.diary.set(Due::Leave(call), after(cx.now, PATIENCE));
        }
    }

    /// A task that nobody follows was cancelled, or is not worth waiting for any longer.
    pub(in crate::bridge::up) fn left(&mut self, cx: &mut Cx<'_>, call: CallNo) {
        self.diary.clear(Due::Leave(call));
        if self.calls.remove(&call).is_some() {
            cx.back.cancel(cx.now, call, None, cx.acts);
        }
    }
}

impl Exchange {
    /// When something is due that is done at the latest when a question to the client expires.
    fn due(&self, at: Nanos) -> Nanos {
        match &self.task {
            Some(task) if self.rounds.is_open() => at.min(task.asked_until),
            _ => at,
        }
    }
}

/// Asks the server about the task of a request.
fn ask(
    cx: &mut Cx<'_>,
    exchange: &Exchange,
    step: Step,
    profile: Profile,
    responses: Option<Bytes>,
) -> Option<CallNo> {
    let task = exchange.task.as_ref()?;
    let modern = cx.server.modern.as_ref()?;
    let (link, revision) = (modern.link, modern.revision);
    let asked = client::about_task(&exchange.message, step.method(), &task.name);
    let input = Input { responses, state: None };
    let request = client::request(&asked, cx.number(), &profile.with_tasks(), revision, &input)?;
    let call = cx.call(Pair::Up);
    let pass = Pass { headers: Arc::clone(&exchange.headers), mirrors: Vec::new() };
    cx.back.ask(cx.now, link, call, &request, pass, cx.acts);
    Some(call)
}

/// How long the server wants to be left alone, within the bounds.
fn interval(cx: &Cx<'_>, message: &Message) -> Option<Duration> {
    let (shortest, longest) = cx.settings.bounds.backoff;
    let raw = message.shape().inside(Member::Result, &["pollIntervalMs"])?;
    let millis: f64 = std::str::from_utf8(&raw).ok()?.parse().ok()?;
    let wait = Duration::try_from_secs_f64(millis / 1000.0).ok()?;
    Some(wait.clamp(shortest, longest))
}
