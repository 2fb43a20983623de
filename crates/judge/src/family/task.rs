//! Tasks: those of the core of 2025-11-25, and those of the extension of 2026-07-28.
//!
//! Spec 2025-11-25, basic/utilities/tasks; tasks extension 2026-07-28 (`io.modelcontextprotocol/tasks`).

mod rules;
mod state;
mod support;

use std::collections::BTreeMap;

use bytes::Bytes;
use tapgate_wire::json::{find, unescape};
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Nanos, Rule};

use super::Family;
use crate::event::{Cx, Event, Heard};
use crate::json::{self, quote, told};
use crate::world::Call;
use rules::{
    FAST, FIRST_STATUS, ID_REUSED, IGNORED, MISSING, OTHER_ID, SUPPORT, TERMINAL, UNASKED, UNDECLARED,
    UNRELATED, WRONG_METHOD, WRONG_VALUE,
};
use state::{State, World};
use support::Supports;

pub(super) const RULES: &[&Rule] = &[
    &UNASKED,
    &UNDECLARED,
    &WRONG_METHOD,
    &SUPPORT,
    &MISSING,
    &WRONG_VALUE,
    &FIRST_STATUS,
    &TERMINAL,
    &OTHER_ID,
    &ID_REUSED,
    &FAST,
    &UNRELATED,
    &IGNORED,
];

/// Tasks of one session that are remembered; when full, the one with the first id is forgotten.
const MAX_TASKS: usize = 1024;

/// The most bytes of a task's id; a task with a longer one is not followed.
const MAX_ID: usize = 1024;

/// Nanoseconds within which what two streams say may have crossed.
const CROSSING: u64 = 1_000_000_000;

const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// What it remembers: the tasks, by who asked for them and id, and which tools can be tasks.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    tasks: BTreeMap<(Leg, Bytes), Task>,
    supports: Supports,
}

#[derive(Debug)]
struct Task {
    /// Its creation was seen, and in which exchange.
    created: Option<u64>,
    /// Its end, and when it was told.
    ended: Option<(&'static str, Nanos)>,
    /// When it was polled last, if nothing else happened since.
    polled: Option<Nanos>,
    /// Milliseconds that the requester is to wait between polls.
    interval: Option<f64>,
}

impl Family for Tasks {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Message(heard) = event else { return };
        let Some(world) = World::of(heard.revision) else { return };
        let shape = heard.shape();
        match shape.kind {
            Kind::Request => self.request(cx, heard, world),
            Kind::Result => self.result(cx, heard, world),
            Kind::Notification if shape.raw(Member::TaskId).is_some() => {
                if matches!(
                    shape.method().as_deref(),
                    Some("notifications/tasks" | "notifications/tasks/status")
                ) && let Some(params) = shape.raw(Member::Params)
                {
                    self.state(cx, heard, world, params, None);
                }
            }
            _ => {}
        }
    }
}

impl Tasks {
    fn request(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>, world: World) {
        let shape = heard.shape();
        let method = shape.method().unwrap_or_default();
        if *method == *"tools/call" {
            if world == World::Core
                && let Some(why) = self.supports.breaks(cx, shape)
            {
                let tool = shape.text(Member::Name).unwrap_or_default();
                let tool = quote(tool.as_bytes());
                cx.find(&SUPPORT, heard, &tool, format_args!("The tool `{tool}` {why}."));
            }
            if let Some(asked) = shape.raw(Member::TaskAsked) {
                asked_for(cx, heard, world, asked);
            }
            return;
        }
        if !method.starts_with("tasks/") {
            return;
        }
        let Some(id) = shape.raw(Member::TaskId).filter(|id| id.len() <= MAX_ID) else { return };
        let Some(task) = self.tasks.get_mut(&(heard.from, unquoted(id))) else { return };
        if *method != *"tasks/get" {
            task.polled = None;
            return;
        }
        let polled = task.polled.replace(heard.first);
        if let Some((polled, interval)) = polled.zip(task.interval) {
            let waited = heard.first.0.saturating_sub(polled.0) / 1_000_000;
            // A clock that ticks coarsely is no haste.
            if (waited as f64) < interval * 0.8 {
                let text = format!(
                    "The task `{}` was polled after {waited} ms, and {interval} ms were asked for.",
                    told(id)
                );
                cx.find_sender(&FAST, heard, told(id), text);
            }
        }
    }

    fn result(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>, world: World) {
        let shape = heard.shape();
        let Some(call) = heard.call.filter(|_| heard.message.is_whole()) else { return };
        let Some(result) = shape.raw(Member::Result) else { return };
        match &*call.method {
            "tools/list" if world == World::Core => {
                if let Some(page) = heard.tools() {
                    self.supports.learn(page);
                }
            }
            "tasks/get" => self.state(cx, heard, world, result, Some(call)),
            // The extension answers with nothing but that it heard.
            "tasks/cancel" if world == World::Core => self.state(cx, heard, world, result, Some(call)),
            "tasks/result" if world == World::Core && shape.raw(Member::RelatedTask).is_none() => {
                let text = "The result of a task does not say of which task it is.";
                cx.find_sender(&UNRELATED, heard, "tasks/result", text);
            }
            method if method.starts_with("tasks/") => {}
            _ if shape.raw(Member::CreatedTask).is_some() => self.created(cx, heard, world, result, call),
            _ => {}
        }
    }

    /// An answer that may be a task in place of a result.
    fn created(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>, world: World, result: &[u8], call: &Call) {
        let request = call.request.shape();
        let method = quote(call.method.as_bytes());
        let task = match world {
            World::Core => {
                let Some(task) = find(result, &["task"]).filter(|task| task.starts_with(b"{")) else {
                    return;
                };
                if request.raw(Member::TaskAsked).is_none() {
                    let text = format!("`{method}` was answered by a task, and its request asked for none.");
                    cx.find_sender(&UNASKED, heard, &method, text);
                }
                task
            }
            World::Extension => {
                let is_task = |kind: &Bytes| json::is(kind, "task");
                if !heard.shape().raw(Member::ResultType).is_some_and(is_task) {
                    return;
                }
                let declared = request.raw(Member::MetaCapabilities);
                if declared.is_some_and(|declared| find(declared, &["extensions", EXTENSION]).is_none()) {
                    let text =
                        format!("`{method}` was answered by a task, and the client did not declare tasks.");
                    cx.find(&UNDECLARED, heard, &method, text);
                }
                if call.method != "tools/call" {
                    let text = format!("`{method}` was answered by a task, which only tools/call allows.");
                    cx.find(&WRONG_METHOD, heard, &method, text);
                }
                result
            }
        };
        let state = Self::read(cx, heard, world, task);
        let Some(id) = state.id.as_ref().filter(|id| id.len() <= MAX_ID) else { return };
        if world == World::Core && state.status.is_some_and(|status| status != "working") {
            let text = format!("The task `{}` began as `{}`.", quote(id), state.status.unwrap_or_default());
            cx.find_sender(&FIRST_STATUS, heard, quote(id), text);
        }
        let key = (heard.from.opposite(), id.clone());
        let is_reused = |task: &Task| task.created.is_some_and(|exchange| exchange != call.exchange);
        if self.tasks.get(&key).is_some_and(is_reused) {
            let text = format!("The task `{}` was created before.", quote(id));
            cx.find_sender(&ID_REUSED, heard, quote(id), text);
        }
        let ended = state.ended().map(|status| (status, heard.last));
        let task = Task { created: Some(call.exchange), ended, polled: None, interval: state.interval };
        self.keep(key, task);
    }

    /// What was told of a task, by a poll or by itself.
    fn state(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>, world: World, raw: &[u8], poll: Option<&Call>) {
        let state = Self::read(cx, heard, world, raw);
        if world == World::Extension
            && let Some(member) = state.lacks(raw)
        {
            let status = state.status.unwrap_or_default();
            let text = format!("A task that is `{status}` has no {member}.");
            cx.find_sender(&MISSING, heard, member, text);
        }
        let asked = poll.and_then(|call| call.request.shape().raw(Member::TaskId)).map(|id| unquoted(id));
        let Some(id) = state.id.clone().or_else(|| asked.clone()).filter(|id| id.len() <= MAX_ID) else {
            return;
        };
        if let Some(asked) = asked.filter(|asked| *asked != id) {
            let text = format!(
                "The task `{}` was asked for, and the answer is about `{}`.",
                quote(&asked),
                quote(&id)
            );
            cx.find_sender(&OTHER_ID, heard, quote(&asked), text);
            return;
        }
        let key = (heard.from.opposite(), id);
        let Some(task) = self.tasks.get_mut(&key) else {
            // It was created before, or where nobody saw it.
            let ended = state.ended().map(|status| (status, heard.last));
            let polled = poll.map(|call| call.asked);
            self.keep(key, Task { created: None, ended, polled, interval: state.interval });
            return;
        };
        task.interval = state.interval.or(task.interval);
        if poll.is_none() {
            task.polled = None;
        }
        // What was asked for before its end was told may say so.
        let is_later = |ended: Nanos| match poll {
            Some(call) => call.asked > ended,
            None => heard.first.0 > ended.0 + CROSSING,
        };
        match (task.ended, state.status) {
            (Some((ended, at)), Some(status)) if ended != status && is_later(at) => {
                let text = format!("The task `{}` was `{ended}` and is `{status}` now.", quote(&key.1));
                cx.find_sender(&TERMINAL, heard, quote(&key.1), text);
            }
            (None, _) => task.ended = state.ended().map(|status| (status, heard.last)),
            _ => {}
        }
    }

    /// Reads what is told of a task, and judges its members.
    fn read(cx: &mut Cx<'_>, heard: &Heard<'_>, world: World, raw: &[u8]) -> State {
        State::read(raw, world, &mut |member, why| match why {
            state::Wrong::Missing => {
                let text = format!("A task has no {member}.");
                cx.find_sender(&MISSING, heard, member, text);
            }
            state::Wrong::Value(value) => {
                let text = format!("The {member} of a task is `{}`.", quote(value));
                cx.find_sender(&WRONG_VALUE, heard, member, text);
            }
        })
    }

    fn keep(&mut self, key: (Leg, Bytes), task: Task) {
        if self.tasks.len() >= MAX_TASKS {
            self.tasks.pop_first();
        }
        self.tasks.insert(key, task);
    }
}

/// A call that asks for a task by itself, as only the core of 2025-11-25 has it.
fn asked_for(cx: &mut Cx<'_>, heard: &Heard<'_>, world: World, asked: &[u8]) {
    let ttl = find(asked, &["ttl"]);
    if world == World::Extension {
        let text = "The call asks for a task by `task`, which servers of 2026-07-28 ignore.";
        cx.find(&IGNORED, heard, "task", text);
    } else if let Some(ttl) = ttl.filter(|ttl| !state::is_time(ttl)) {
        cx.find_sender(&WRONG_VALUE, heard, "ttl", format_args!("The ttl of a task is `{}`.", quote(ttl)));
    }
}

fn unquoted(raw: &[u8]) -> Bytes {
    unescape(raw).into_owned().into()
}
