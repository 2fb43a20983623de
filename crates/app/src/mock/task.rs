//! Tasks of a mock: a call that became one then becomes one now, and what the client asks about it is answered.

use serde_json::{Value as Json, json};
use tapgate_wire::Nanos;

use super::{Mock, Play, error, set};
use crate::capture::{Call, task_of};

/// Tasks that a client has at once; when full, the oldest is given up.
const MAX_TASKS: usize = 256;

/// The extension that a client declares to get tasks (2026-07-28).
const EXTENSION: &str =
    "/_meta/io.modelcontextprotocol~1clientCapabilities/extensions/io.modelcontextprotocol~1tasks";

/// A task that the client has.
#[derive(Debug)]
pub(super) struct Task {
    /// The place of its call.
    call: usize,
    /// Its id: then, and now.
    then: String,
    pub(super) now: String,
    /// How many of the recorded polls are behind it, by the place of the last one.
    n_past: usize,
    /// How often the client gave it input.
    n_updates: usize,
    is_cancelled: bool,
}

/// Whether a client may get the recorded answer to a call: the extension's tasks are for those who declare it.
///
/// Tasks extension (SEP-2663): a server never gives a task to a client that did not declare the extension.
pub(super) fn is_known_to(call: &Call, params: &Json) -> bool {
    let kind = call.answer().and_then(|answer| answer.pointer("/result/resultType")?.as_str());
    kind != Some("task") || params.pointer(EXTENSION).is_some()
}

/// Whether the task that an answer creates is one of 2025-11-25.
pub(super) fn is_legacy(answer: &Json) -> bool {
    answer.pointer("/result/task").is_some()
}

/// Puts the id that a task has now in the place of the recorded one.
pub(super) fn rename(said: &mut Json, task: Option<&(String, String)>) {
    let Some((then, now)) = task.filter(|(then, now)| then != now) else { return };
    match said {
        Json::Object(members) => {
            for (name, value) in members {
                match value {
                    Json::String(id) if name == "taskId" && id == then => now.clone_into(id),
                    value => rename(value, task),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| rename(item, task)),
        _ => {}
    }
}

impl Mock {
    /// Makes the task that an answer speaks of; gives its id then and now, which are the same if it is free.
    pub(super) fn create_task(&mut self, call: usize, answer: &Json) -> Option<(String, String)> {
        let then = task_of(answer)?.to_owned();
        let is_free = |id: &str| self.tasks.iter().all(|task| task.now != id);
        let now = if is_free(&then) {
            then.clone()
        } else {
            self.last += 1;
            format!("{then}-{}", self.last)
        };
        if self.tasks.len() >= MAX_TASKS {
            self.tasks.remove(0);
        }
        let (n_past, n_updates, is_cancelled) = (0, 0, false);
        self.tasks.push(Task { call, then: then.clone(), now: now.clone(), n_past, n_updates, is_cancelled });
        Some((then, now))
    }

    /// Answers what a client asks about a task that it has.
    pub(super) fn polled(&mut self, now: Nanos, place: usize, method: &str, id: &Json) {
        let Some(task) = self.tasks.get_mut(place) else { return };
        let Some(call) = self.capture.calls.get(task.call) else { return };
        let poll = match method {
            _ if task.is_cancelled => None,
            "tasks/get" => task.next_state(call),
            _ => call.polls.iter().rposition(|poll| poll.method == method),
        };
        let had_ended = task.has_ended(call);
        match method {
            "tasks/update" => task.n_updates += 1,
            "tasks/cancel" if !had_ended => task.is_cancelled = true,
            _ => {}
        }
        let then = |poll: usize| call.polls.get(poll)?.turns.first().map(|turn| turn.at);
        if let Some(poll) = poll
            && let Some(then) = then(poll)
        {
            let names = Some((task.then.clone(), task.now.clone()));
            let (call, poll, id) = (task.call, Some(poll), id.clone());
            let play = Play { call, poll, turn: 1, id, token: None, since: (now, then), task: names };
            return self.go_on(now, play);
        }
        let mut answer = task.unrecorded(call, method, id, had_ended);
        rename(&mut answer, Some(&(task.then.clone(), task.now.clone())));
        self.push(now, id, answer);
    }
}

impl Task {
    /// The recorded poll that tells its state now: the next one, but none from behind an input that is not given yet.
    fn next_state(&mut self, call: &Call) -> Option<usize> {
        let mut n_updates = 0;
        let mut last = None;
        for (place, poll) in call.polls.iter().enumerate() {
            match poll.method.as_str() {
                "tasks/update" if n_updates == self.n_updates => return last,
                "tasks/update" => n_updates += 1,
                "tasks/get" => {
                    last = Some(place);
                    if place >= self.n_past {
                        self.n_past = place + 1;
                        return last;
                    }
                }
                _ => {}
            }
        }
        // The last state is told again if it is the end.
        last.filter(|_| self.has_ended(call))
    }

    /// Whether the client was told its end.
    fn has_ended(&self, call: &Call) -> bool {
        let state = self.state(call);
        let status = state.as_ref().and_then(|state| state.get("status")?.as_str());
        self.is_cancelled || matches!(status, Some("completed" | "failed" | "cancelled"))
    }

    /// What the client knows of it.
    fn state(&self, call: &Call) -> Option<Json> {
        let told = call.polls.iter().take(self.n_past).rev();
        let told =
            told.filter(|poll| poll.method == "tasks/get").find_map(|poll| poll.answer()?.get("result"));
        let created = || {
            let result = call.answer()?.get("result")?;
            Some(result.get("task").unwrap_or(result))
        };
        told.or_else(created).cloned()
    }

    /// What follows from what is recorded; nothing is made up about its result.
    fn unrecorded(&self, call: &Call, method: &str, id: &Json, had_ended: bool) -> Json {
        let is_legacy = call.answer().is_some_and(is_legacy);
        let refused =
            |text: &str| json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32_602, "message": text } });
        let mut state = self.state(call).unwrap_or_else(|| json!({}));
        let end = match call.outcome() {
            _ if self.is_cancelled => Some("cancelled"),
            Some(end) if end.get("error").is_some() => Some("failed"),
            Some(_) => Some("completed"),
            None => None,
        };
        let result = match (method, end) {
            ("tasks/get", Some(end)) if is_legacy || self.is_cancelled => {
                set(&mut state, "status", json!(end));
                if !is_legacy {
                    set(&mut state, "resultType", json!("complete"));
                }
                state
            }
            ("tasks/cancel", _) if is_legacy && had_ended => return refused("the task has ended"),
            ("tasks/cancel", _) if is_legacy => {
                set(&mut state, "status", json!("cancelled"));
                state
            }
            ("tasks/cancel" | "tasks/update", _) if !is_legacy => json!({ "resultType": "complete" }),
            ("tasks/result", _) if self.is_cancelled => return refused("the task was cancelled"),
            _ => {
                return error(
                    id,
                    &format!("{method} of the task of {}: the recording ends before", call.row.id),
                );
            }
        };
        json!({ "jsonrpc": "2.0", "id": id, "result": result })
    }
}
