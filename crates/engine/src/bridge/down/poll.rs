//! What clients ask of their tasks: how they are, what they may be told, that they end.
//!
//! Tasks extension, Task Polling, Task Update Requests, Task Cancellation, Task Status Notifications.

use tapgate_wire::Message;
use tapgate_wire::shape::{Member, Shape};

use super::exchange::{Asked, Exchange, Wish, Work};
use super::listen::{strings, tagged};
use super::say::Refusal;
use super::{Down, answer, say};
use crate::bridge::cx::Cx;
use crate::bridge::failure;
use crate::bridge::number::Principal;
use crate::bridge::seal::Purpose;
use crate::bridge::translate::Draft;
use crate::bridge::translate::payload::error_up;

const UNKNOWN: &str = "the task is not known, or not any more; call the tool again";
const NEEDED: &str = r#"{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}"#;
/// How many tasks one stream hears of; what is beyond is left out of the acknowledgement.
const MAX_TASKS: usize = 256;

impl Down {
    /// Serves a request about a task.
    pub(super) fn about_task(
        &mut self,
        cx: &mut Cx<'_>,
        exchange: Exchange,
        message: &Message,
    ) -> Result<(), Refusal> {
        self.check_declared(&exchange.asked)?;
        let shape = message.shape();
        let Some(id) = shape.text(Member::TaskId) else {
            return Err(Refusal::params("params.taskId has to be a string"));
        };
        let n = self.task_of(cx, exchange.principal, &id).ok_or_else(|| Refusal::params(UNKNOWN))?;
        if let Some(task) = self.exchanges.get_mut(&n).and_then(Exchange::task_mut) {
            task.asked = cx.now;
        }
        match exchange.method.as_str() {
            "tasks/get" => {
                self.get(cx, exchange, n);
                return Ok(());
            }
            "tasks/update" => self.update(cx, n, shape)?,
            _ => self.cancel_task(cx, n),
        }
        if let Some(port) = exchange.asked.port {
            answer(cx, port, &exchange.asked.id, &say::result(br#"{"resultType":"complete"}"#));
        }
        Ok(())
    }

    /// Spec 2026-07-28, basic/index, Error Codes: -32021 names the capability that is missing, unless it would not
    /// help.
    pub(super) fn check_declared(&self, asked: &Asked) -> Result<(), Refusal> {
        if asked.takes_tasks {
            return Ok(());
        }
        let mut hellos = self.links.values().filter_map(|link| link.hello.as_ref()).peekable();
        if hellos.peek().is_some() && !hellos.any(super::pool::Hello::makes_tasks) {
            return Err(Refusal::new(failure::NO_METHOD, "the server has no tasks"));
        }
        let text = "requests about tasks are for clients that declare the extension of tasks";
        Err(Refusal { data: NEEDED, ..Refusal::new(-32_021, text) })
    }

    /// The task that an id names, if it is this client's and known here.
    fn task_of(&mut self, cx: &mut Cx<'_>, principal: Principal, id: &str) -> Option<u64> {
        let marker = self.marker(cx);
        let content = cx.seal.open(cx.now, Purpose::Task, principal, id)?;
        let n = u64::from_be_bytes(*content.strip_prefix(&marker)?.first_chunk()?);
        self.exchanges.get(&n)?.task().map(|_| n)
    }

    /// Tells how a task is; where it has not ended, its server is asked first.
    fn get(&mut self, cx: &mut Cx<'_>, mut exchange: Exchange, n: u64) {
        let Some(of) = self.exchanges.get_mut(&n) else { return };
        // Who asks last shows the newest credentials.
        of.asked.headers = exchange.asked.headers.clone();
        exchange.work = Work::Get(n);
        exchange.profile = of.profile;
        exchange.pinned = of.link;
        if let Some(theirs) = of.task.clone().filter(|_| of.link.is_some()) {
            let mut draft = Draft::of(&exchange.message);
            draft.set(&["params", "taskId"], &theirs);
            exchange.message = draft.into_message();
            self.begin(cx, exchange);
        } else if let Some(port) = exchange.asked.port {
            answer(cx, port, &exchange.asked.id, &self.state_of(n));
        }
    }

    /// The server said how a task is, or nothing.
    pub(super) fn got(&mut self, cx: &mut Cx<'_>, n: u64, message: Option<&Message>) {
        let Some(Work::Get(of)) = self.exchanges.get(&n).map(|exchange| &exchange.work) else { return };
        let of = *of;
        let is_running = self.exchanges.get(&of).is_some_and(|exchange| exchange.link.is_some());
        if let Some(message) = message.filter(|_| is_running) {
            if message.shape().int(Member::ErrorCode) == Some(failure::INVALID_PARAMS) {
                return self.reply(cx, n, error_up(message, None));
            }
            self.learn_of_task(cx, of, message);
        }
        let state = self.state_of(of);
        self.reply(cx, n, state);
    }

    /// The answer to `tasks/get`.
    fn state_of(&self, n: u64) -> Message {
        let Some(mut told) = self.exchanges.get(&n).and_then(Exchange::told_of_task) else {
            return Refusal::params(UNKNOWN).message();
        };
        told.set(&["resultType"], b"\"complete\"");
        say::result(&told.into_bytes())
    }

    /// Gives the server what it asked for, as far as it is answered.
    fn update(&mut self, cx: &mut Cx<'_>, n: u64, shape: &Shape) -> Result<(), Refusal> {
        let responses = shape.raw(Member::InputResponses).filter(|responses| responses.starts_with(b"{"));
        let Some(responses) = responses else {
            return Err(Refusal::params("params.inputResponses has to be an object"));
        };
        let n_open = self.exchanges.get(&n).map_or(0, |exchange| exchange.inputs.len());
        self.deliver(cx, n, Some(responses));
        if self.exchanges.get(&n).is_some_and(|exchange| exchange.inputs.len() < n_open) {
            self.task_changed(cx, n);
        }
        Ok(())
    }

    /// Reads which tasks a listen wants to hear of; those that are not its client's are left out.
    pub(super) fn wish_tasks(
        &mut self,
        cx: &mut Cx<'_>,
        asked: &Asked,
        principal: Principal,
        (shape, wish): (&Shape, &mut Wish),
    ) -> Result<(), Refusal> {
        let Some(ids) = shape.inside(Member::Params, &["notifications", "taskIds"]) else { return Ok(()) };
        self.check_declared(asked)?;
        for id in strings(ids).take(MAX_TASKS) {
            if let Some(n) = self.task_of(cx, principal, &id) {
                wish.tasks.insert(n, id);
            }
        }
        Ok(())
    }

    /// A listen hears of its tasks from now on: those that ended or ask something say so at once.
    pub(super) fn follow_tasks(&mut self, cx: &mut Cx<'_>, n: u64) {
        let Some(wish) = self.exchanges.get(&n).and_then(Exchange::heard) else { return };
        for of in wish.tasks.keys().copied().collect::<Vec<_>>() {
            let Some(exchange) = self.exchanges.get_mut(&of) else { continue };
            let has_news = !exchange.inputs.is_empty() || exchange.task().is_some_and(|task| task.is_over);
            if let Some(task) = exchange.task_mut() {
                task.listeners.insert(n);
            }
            if has_news {
                self.tell_of_task(cx, of, &[n]);
            }
        }
    }

    /// A listen is over.
    pub(super) fn unfollow_tasks(&mut self, n: u64, wish: &Wish) {
        for of in wish.tasks.keys() {
            if let Some(task) = self.exchanges.get_mut(of).and_then(Exchange::task_mut) {
                task.listeners.remove(&n);
            }
        }
    }

    /// Tells those who listen how a task is now.
    pub(super) fn task_changed(&self, cx: &mut Cx<'_>, n: u64) {
        let Some(task) = self.exchanges.get(&n).and_then(Exchange::task) else { return };
        let listeners: Vec<u64> = task.listeners.iter().copied().collect();
        self.tell_of_task(cx, n, &listeners);
    }

    fn tell_of_task(&self, cx: &mut Cx<'_>, n: u64, listeners: &[u64]) {
        let Some(told) = self.exchanges.get(&n).filter(|_| !listeners.is_empty()) else { return };
        let Some(told) = told.told_of_task() else { return };
        let message = say::notification("notifications/tasks", &told.into_bytes());
        for listener in listeners.iter().filter_map(|n| self.exchanges.get(n)) {
            if let Some(port) = listener.asked.port {
                cx.front.aside(cx.now, port, tagged(&message, &listener.asked.id), cx.acts);
            }
        }
    }
}
