//! Goes on with a task that a client was given, without the client: waits for its outcome, hears its questions.
//!
//! Spec 2025-11-25, basic/utilities/tasks: `tasks/result` waits until the task has ended, and meanwhile the server
//! asks what it needs. `tasks/get` then says how it ended.

use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::shape::{Kind, Member};

use super::alarm::For;
use super::exchange::Work;
use super::pool::{after, pause};
use super::task::{MAX_LIFE, Task};
use super::{Down, Errand, Job, answer, say};
use crate::bridge::back::Failure;
use crate::bridge::cx::Cx;
use crate::bridge::number::{LinkNo, Pair, Principal};
use crate::bridge::seal::Purpose;
use crate::bridge::translate::payload::error_up;
use crate::bridge::translate::{Draft, rise, tasks};

/// How many tasks are known, and how many of one principal; beyond, calls are served without tasks.
const MAX_TASKS: usize = 1024;
const MAX_OWN: usize = 256;
/// The most bytes that are kept of all tasks, and of those of one principal.
const MAX_BYTES: u64 = 128 << 20;
const MAX_OWN_BYTES: u64 = 32 << 20;
/// How often in a row the outcome of a task is asked for in vain.
const MAX_TRIES: u32 = 12;

const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

impl Down {
    /// Whether one more call of a principal may become a task; the tasks that ended first make room.
    pub(super) fn has_room_for_task(&mut self, cx: &mut Cx<'_>, principal: Principal) -> bool {
        while self.tasks.get(&principal).is_some_and(|own| own.len() >= MAX_OWN) {
            let own = self.tasks.get(&principal).into_iter().flatten().copied();
            let Some(oldest) = self.oldest_ended(own, 0) else { return false };
            self.remove(cx, oldest);
        }
        while self.tasks.values().map(std::collections::BTreeSet::len).sum::<usize>() >= MAX_TASKS {
            let Some(oldest) = self.oldest_ended(self.tasks.values().flatten().copied(), 0) else {
                return false;
            };
            self.remove(cx, oldest);
        }
        true
    }

    /// Whether so many bytes more may be kept for a task; the tasks that ended first make room.
    pub(super) fn has_room_in_task(&mut self, cx: &mut Cx<'_>, n: u64, more: u64) -> bool {
        let Some(exchange) = self.exchanges.get(&n).filter(|exchange| exchange.task().is_some()) else {
            return true;
        };
        if more > MAX_OWN_BYTES {
            return false;
        }
        let principal = exchange.principal;
        let size = |down: &Self, all: &mut dyn Iterator<Item = &u64>| -> u64 {
            all.filter_map(|n| down.exchanges.get(n)).map(super::exchange::Exchange::size_of_task).sum()
        };
        loop {
            let own = size(self, &mut self.tasks.get(&principal).into_iter().flatten());
            let all = size(self, &mut self.tasks.values().flatten());
            let oldest = if own.saturating_add(more) > MAX_OWN_BYTES {
                self.oldest_ended(self.tasks.get(&principal).into_iter().flatten().copied(), n)
            } else if all.saturating_add(more) > MAX_BYTES {
                self.oldest_ended(self.tasks.values().flatten().copied(), n)
            } else {
                return true;
            };
            let Some(oldest) = oldest else { return false };
            self.remove(cx, oldest);
        }
    }

    fn oldest_ended(&self, all: impl Iterator<Item = u64>, but: u64) -> Option<u64> {
        let is_over =
            |n: &u64| self.exchanges.get(n).and_then(|it| it.task()).is_some_and(|task| task.is_over);
        all.filter(|n| *n != but && is_over(n)).min()
    }

    /// The server made a task of a call whose client takes tasks: gives it to the client, and goes on with it.
    ///
    /// Tasks extension, Task Creation.
    pub(super) fn hand_out(
        &mut self,
        cx: &mut Cx<'_>,
        n: u64,
        no: LinkNo,
        message: &Message,
        theirs: &Bytes,
    ) {
        let marker = self.marker(cx);
        let info = self.links.get(&no).and_then(|link| link.hello.as_ref()).and_then(|hello| hello.info());
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let Some(port) = exchange.asked.port else { return };
        let content = [&marker[..], &n.to_be_bytes()].concat();
        let id = cx.seal.seal(cx.now, Purpose::Task, exchange.principal, &content, MAX_LIFE);
        let mut draft = Draft::of(message);
        tasks::created_up(&mut draft);
        let meta = draft.get(&["result", "_meta"]).filter(|meta| meta.starts_with(b"{"));
        let Some(task) = Task::created(cx.now, id, message) else {
            let why = format!("the server {} made a task of the call that is none", cx.settings.server_name);
            return self.reply(cx, n, say::failed(&cx.settings.server_name, &why));
        };
        let mut told = Draft::of_value(task.state.clone());
        told.set(&["status"], b"\"working\"");
        told.set(&["resultType"], b"\"task\"");
        if let Some(meta) = meta {
            told.set(&["_meta"], &meta);
            told.remove(&["_meta", RELATED_TASK]);
        }
        if let Some(info) = info {
            told.set(&["_meta", SERVER_INFO], info);
        }
        answer(cx, port, &exchange.asked.id, &say::result(&told.into_bytes()));
        self.ports.remove(&port);
        self.alarms.set(For::Exchange(n), task.until());
        exchange.asked.port = None;
        exchange.shrink();
        exchange.message = Message::parse(Bytes::from_static(b"{}"));
        exchange.work = Work::Task(Box::new(task));
        self.tasks.entry(exchange.principal).or_default().insert(n);
        // Copied, because a slice would keep the whole answer in memory.
        self.drive(cx, n, no, Bytes::copy_from_slice(theirs));
        // What its server asks says for which task, so others may ask on the link meanwhile.
        if let Some(link) = self.links.get_mut(&no) {
            link.askers.remove(&n);
            let key = link.key;
            self.seat_next(cx, key);
        }
    }

    /// The server answered what was asked for a task: `tasks/result`, then `tasks/get`.
    pub(super) fn pursued(&mut self, cx: &mut Cx<'_>, n: u64, no: LinkNo, message: &Message) {
        let info = self.links.get(&no).and_then(|link| link.hello.as_ref()).and_then(|hello| hello.info());
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let Some(task) = exchange.task_mut() else { return };
        if task.outcome.is_some() {
            let status = task.learn(message);
            return self.settle(cx, n, status.as_deref());
        }
        let outcome = if message.shape().kind == Kind::Error {
            error_up(message, None)
        } else if let Some(outcome) = rise::server::result("tools/call", message, info) {
            outcome.into_message()
        } else {
            let why = format!("the server {} answered with what is no result", cx.settings.server_name);
            say::failed(&cx.settings.server_name, &why)
        };
        let is_kept = self.has_room_in_task(cx, n, outcome.size());
        let Some(task) = self.exchanges.get_mut(&n).and_then(|exchange| exchange.task_mut()) else { return };
        task.outcome = Some(outcome).filter(|_| is_kept).or_else(|| {
            Some(say::failed(&cx.settings.server_name, "the result of the task is too large to be kept"))
        });
        self.ask_about(cx, n, no, "tasks/get", Errand::Ask(n));
    }

    /// Asks the server about a task.
    fn ask_about(&mut self, cx: &mut Cx<'_>, n: u64, no: LinkNo, method: &str, errand: Errand) {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let Some(theirs) = exchange.task.clone() else { return };
        let call = cx.call(Pair::Down);
        if let Errand::Ask(_) = errand {
            exchange.call = Some(call);
        }
        self.jobs.insert(call.n, Job { link: no, errand });
        let message = say::request(call.n, method, &say::object("taskId", &theirs));
        cx.back.ask(cx.now, no, call, &message, exchange.pass(), cx.acts);
    }

    /// The outcome of a task is here, and what its server calls its status, if it said that.
    fn settle(&mut self, cx: &mut Cx<'_>, n: u64, status: Option<&str>) {
        let Some(task) = self.exchanges.get_mut(&n).and_then(|exchange| exchange.task_mut()) else { return };
        let Some(outcome) = task.outcome.take() else { return };
        match status {
            Some("cancelled") => self.ended(cx, n, None),
            // Not every server waits with its answer until the task has ended. It is asked again as soon as it says
            // to a client that the task has.
            Some("working" | "input_required") if outcome.shape().kind == Kind::Error => {
                task.n_failed = 0;
                let at = after(cx.now, cx.settings.bounds.backoff.1);
                self.alarms.set(For::Exchange(n), at.min(task.until()));
            }
            _ => self.ended(cx, n, Some(&outcome)),
        }
    }

    /// Asks for the outcome of a task again after a pause, unless that was in vain too often.
    fn try_later(&mut self, cx: &mut Cx<'_>, n: u64, why: &str) {
        let Some(task) = self.exchanges.get_mut(&n).and_then(|exchange| exchange.task_mut()) else { return };
        task.n_failed += 1;
        if task.n_failed >= MAX_TRIES {
            let failed = say::failed(&cx.settings.server_name, why);
            return self.ended(cx, n, Some(&failed));
        }
        let at = after(cx.now, pause(cx.settings.bounds.backoff, task.n_failed));
        self.alarms.set(For::Exchange(n), at.min(task.until()));
    }

    /// The server gave no answer about a task.
    pub(super) fn pursuit_broken(&mut self, cx: &mut Cx<'_>, n: u64, failure: &Failure) {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let is_open = exchange.link.is_some_and(|no| cx.back.is_open(no));
        if exchange.task().is_some_and(|task| task.outcome.is_some()) {
            self.settle(cx, n, None);
        } else if is_open && *failure != Failure::Forgotten {
            self.try_later(cx, n, &failure.text(&cx.settings.server_name));
        } else {
            self.fail(cx, n, failure);
        }
    }

    /// A task's time has come: to ask for its outcome again, or to be forgotten.
    pub(super) fn task_due(&mut self, cx: &mut Cx<'_>, n: u64) {
        let Some(exchange) = self.exchanges.get(&n) else { return };
        let Some(task) = exchange.task() else { return };
        let until = task.until();
        if until <= cx.now {
            return self.expire(cx, n);
        }
        self.alarms.set(For::Exchange(n), until);
        let Some(no) = exchange.link.filter(|_| exchange.call.is_none() && !task.is_over) else { return };
        self.ask_about(cx, n, no, "tasks/result", Errand::Ask(n));
    }

    /// A task has ended: with an outcome, or cancelled. Its link is free, and what is to be said of it is kept.
    pub(super) fn ended(&mut self, cx: &mut Cx<'_>, n: u64, outcome: Option<&Message>) {
        self.dismiss(cx, n);
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let call = exchange.call;
        if exchange.task().is_none_or(|task| task.is_over) {
            return;
        }
        exchange.inputs.clear();
        exchange.task = None;
        let task = self.exchanges.get_mut(&n).and_then(|exchange| exchange.task_mut());
        let Some(task) = task else { return };
        task.end(outcome);
        self.alarms.set(For::Exchange(n), task.until());
        self.leave(cx, n);
        if let Some(call) = call {
            cx.back.drop_call(cx.now, call, cx.acts);
        }
        self.task_changed(cx, n);
    }

    /// Asks the server to end a task. What it asked for is answered, since nobody will be asked any more.
    ///
    /// Tasks extension, Task Cancellation: whether it ends is the server's to decide.
    pub(super) fn cancel_task(&mut self, cx: &mut Cx<'_>, n: u64) {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let Some(no) = exchange.link else { return };
        let Some(task) = exchange.task_mut().filter(|task| !task.is_over && !task.is_cancelling) else {
            return;
        };
        let hello = self.links.get(&no).and_then(|link| link.hello.as_ref());
        if !hello.is_some_and(|hello| hello.can(&["tasks", "cancel"])) {
            return self.ended(cx, n, None);
        }
        task.is_cancelling = true;
        self.dismiss(cx, n);
        self.ask_about(cx, n, no, "tasks/cancel", Errand::Cancel(n));
    }

    /// The server answered that, or did not.
    pub(super) fn cancelled(&mut self, cx: &mut Cx<'_>, n: u64, message: Option<&Message>) {
        let task = self.exchanges.get_mut(&n).and_then(|exchange| exchange.task_mut());
        let Some(task) = task.filter(|task| !task.is_over) else { return };
        task.is_cancelling = false;
        if message.and_then(|message| task.learn(message)).as_deref() == Some("cancelled") {
            self.ended(cx, n, None);
        }
    }

    /// Forgets that a call became a task.
    pub(super) fn forget_task(&mut self, n: u64, principal: Principal) {
        if let Some(own) = self.tasks.get_mut(&principal) {
            own.remove(&n);
            if own.is_empty() {
                self.tasks.remove(&principal);
            }
        }
    }

    /// The link that is used for nothing but tasks for which nobody has asked for longest, and for long.
    pub(super) fn quietest(&self, cx: &Cx<'_>) -> Option<LinkNo> {
        let asked = |n: &u64| {
            let task = self.exchanges.get(n)?.task().filter(|task| task.listeners.is_empty())?;
            Some(task.asked).filter(|asked| after(*asked, cx.settings.bounds.suspend_for) <= cx.now)
        };
        let quiet = self.links.iter().filter(|(_, link)| !link.users.is_empty()).filter_map(|(no, link)| {
            let all: Option<Vec<_>> = link.users.iter().map(asked).collect();
            Some((all?.into_iter().max()?, *no))
        });
        quiet.min().map(|(_, no)| no)
    }

    /// The exchange on a link whose task the server names.
    pub(super) fn by_task(&self, no: LinkNo, theirs: &[u8]) -> Option<u64> {
        let named = tapgate_wire::json::unescape(theirs);
        let is_it = |n: &&u64| {
            let task = self.exchanges.get(n).and_then(|exchange| exchange.task.as_ref());
            task.is_some_and(|task| tapgate_wire::json::unescape(task) == named)
        };
        self.links.get(&no)?.users.iter().find(is_it).copied()
    }

    /// The server tells how a task is doing.
    pub(super) fn task_noticed(&mut self, cx: &mut Cx<'_>, no: LinkNo, message: &Message) {
        let theirs = message.shape().raw(Member::TaskId).filter(|theirs| theirs.starts_with(b"\""));
        let Some(n) = theirs.and_then(|theirs| self.by_task(no, theirs)) else { return };
        if self.learn_of_task(cx, n, message) {
            self.task_changed(cx, n);
        }
    }

    /// Learns how a task is doing; says whether it goes on.
    pub(super) fn learn_of_task(&mut self, cx: &mut Cx<'_>, n: u64, message: &Message) -> bool {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return false };
        let is_idle = exchange.call.is_none();
        let Some(task) = exchange.task_mut().filter(|task| !task.is_over) else { return false };
        match task.learn(message).as_deref() {
            None => return false,
            Some("cancelled") => self.ended(cx, n, None),
            // What clients are told waits for its outcome, which may be had at once.
            Some("completed" | "failed") if is_idle => self.task_due(cx, n),
            Some("completed" | "failed") => {}
            Some(_) => return true,
        }
        false
    }
}
