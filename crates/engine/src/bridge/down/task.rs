//! A task that a client was given in place of a result, and what is known of it.
//!
//! Tasks extension, Tasks. The server's own task is one of 2025-11-25's core: its status says no result and no
//! questions, so the bridge brings both together. A task that has ended is told from here until it is forgotten.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use tapgate_wire::json::{find, unescape_lossy};
use tapgate_wire::{Message, Nanos};

use super::exchange::{Exchange, Input, Work};
use super::pool::after;
use super::say;
use crate::bridge::translate::rise::client::object;
use crate::bridge::translate::{Draft, tasks};

/// How long a task is known at the most, whatever its server says, and at the least.
pub(super) const MAX_LIFE: Duration = Duration::from_hours(24);
const MIN_LIFE: Duration = Duration::from_mins(1);
/// The most bytes of what a server says of a task besides its outcome, and of its id.
const MAX_STATE: usize = 64 << 10;
const MAX_ID: usize = 4 << 10;

/// What is known of a task.
#[derive(Debug)]
pub(super) struct Task {
    /// Its id as clients know it.
    pub id: String,
    /// What the server said last, in the words of the extension; of a task that is over all that there is to say.
    pub state: Bytes,
    /// Whether it has ended.
    pub is_over: bool,
    /// The answer to `tasks/result`, until it is known how the task ended.
    pub outcome: Option<Message>,
    /// Whether the server was asked to end it and did not answer yet.
    pub is_cancelling: bool,
    /// How often in a row its outcome was asked for in vain.
    pub n_failed: u32,
    pub created: Nanos,
    /// When its client asked about it last.
    pub asked: Nanos,
    /// Streams that hear of its changes.
    pub listeners: BTreeSet<u64>,
}

impl Task {
    /// The task that a server made of a call; nothing when it is none that can be kept.
    pub fn created(now: Nanos, id: String, message: &Message) -> Option<Self> {
        let mut draft = Draft::of(message);
        let theirs = draft.get(&["result", "task", "taskId"])?;
        tasks::created_up(&mut draft);
        let task = draft.get(&["result"])?;
        let state = known(&id, task).filter(|_| theirs.len() <= MAX_ID && theirs.starts_with(b"\""))?;
        let (outcome, listeners) = (None, BTreeSet::new());
        let (is_over, is_cancelling, n_failed) = (false, false, 0);
        Some(Self {
            id,
            state,
            is_over,
            outcome,
            is_cancelling,
            n_failed,
            created: now,
            asked: now,
            listeners,
        })
    }

    /// Learns from what the server says of the task: the answer to `tasks/get` or `tasks/cancel`, or a notification.
    /// Says its status, if it was said.
    pub fn learn(&mut self, message: &Message) -> Option<String> {
        let mut draft = Draft::of(message);
        tasks::status_up(&mut draft, None);
        let place = if draft.get(&["method"]).is_some() { "params" } else { "result" };
        let status = draft.get(&[place, "status"]).filter(|status| status.starts_with(b"\""))?;
        self.state = known(&self.id, draft.get(&[place])?)?;
        Some(unescape_lossy(&status).into_owned())
    }

    /// Writes the last word: how the task ended, and with it the answer to `tasks/result`, if it ended with one.
    pub fn end(&mut self, outcome: Option<&Message>) {
        self.is_over = true;
        self.outcome = None;
        let mut state = Draft::of_value(self.state.clone());
        state.set(&["status"], if outcome.is_some() { b"\"failed\"" } else { b"\"cancelled\"" });
        let mut draft = Draft::of_value(say::object("result", &state.into_bytes()).into());
        tasks::status_up(&mut draft, outcome);
        draft.remove(&["result", "resultType"]);
        // Copied, because a slice would keep the whole answer in memory.
        self.state = draft.get(&["result"]).map(|state| Bytes::copy_from_slice(&state)).unwrap_or_default();
    }

    /// Until when it is known: as long as the server says, within bounds.
    pub fn until(&self) -> Nanos {
        let life = life(&self.state).map_or(MAX_LIFE, |life| life.clamp(MIN_LIFE, MAX_LIFE));
        after(self.created, life)
    }
}

impl Exchange {
    /// The task that it became.
    pub fn task(&self) -> Option<&Task> {
        match &self.work {
            Work::Task(task) => Some(task),
            _ => None,
        }
    }

    pub fn task_mut(&mut self) -> Option<&mut Task> {
        match &mut self.work {
            Work::Task(task) => Some(task),
            _ => None,
        }
    }

    /// All that a client is told of its task, as an object.
    ///
    /// Tasks extension, Task Polling: what the server calls ended has not ended before its outcome is here.
    pub fn told_of_task(&self) -> Option<Draft> {
        let task = self.task()?;
        let mut draft = Draft::of_value(task.state.clone());
        if !task.is_over {
            let asks = !self.inputs.is_empty();
            draft.set(&["status"], if asks { b"\"input_required\"" } else { b"\"working\"" });
            if asks {
                draft.set(&["inputRequests"], &questions(&self.inputs));
            }
        }
        Some(draft)
    }

    /// How many bytes are kept for its task.
    pub fn size_of_task(&self) -> u64 {
        let asked: usize = self.inputs.iter().map(|input| input.entry.len()).sum();
        let size =
            |task: &Task| task.outcome.as_ref().map_or(0, Message::size) + (task.state.len() + asked) as u64;
        self.task().map_or(0, size)
    }
}

/// Questions as `inputRequests` has them.
pub(super) fn questions(inputs: &[Input]) -> Bytes {
    let entries: Vec<_> = inputs.iter().map(|input| (input.key.clone(), input.entry.clone())).collect();
    object(&entries)
}

/// What is kept of a task in the words of the extension, under the id that clients know.
fn known(id: &str, task: Bytes) -> Option<Bytes> {
    let mut draft = Draft::of_value(Some(task).filter(|task| task.len() <= MAX_STATE)?);
    for name in ["resultType", "_meta", "result", "error", "inputRequests", "requestState"] {
        draft.remove(&[name]);
    }
    draft.set(&["taskId"], &say::string(id));
    let task = draft.clone().into_bytes();
    if life(&task).is_none_or(|life| life > MAX_LIFE) {
        draft.set(&["ttlMs"], MAX_LIFE.as_millis().to_string().as_bytes());
    }
    Some(Bytes::copy_from_slice(&draft.into_bytes()))
}

/// How long a task lives from its creation on; nothing where that has no end.
fn life(task: &[u8]) -> Option<Duration> {
    let millis = std::str::from_utf8(find(task, &["ttlMs"])?).ok()?.parse::<f64>().ok()?;
    Duration::try_from_secs_f64(millis / 1000.0).ok()
}
