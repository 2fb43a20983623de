//! Answers that a client wanted as tasks and the server gave at once, kept until the client comes for them.
//!
//! Spec 2025-11-25, basic/utilities/tasks: whoever asks for a task gets one.

use std::collections::BTreeMap;

use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::clock::stamp;

use super::diary::{Due, after};
use super::tasks::Goal;
use super::{Up, refuse, reply};
use crate::bridge::cx::Cx;
use crate::bridge::failure::{self, INVALID_PARAMS};
use crate::bridge::number::Port;
use crate::bridge::translate::fall::server::quoted;
use crate::bridge::translate::{Draft, tasks};

/// All kept answers, by number; a greater one is younger.
#[derive(Debug, Default)]
pub(super) struct Kept {
    outcomes: BTreeMap<u64, Outcome>,
    n_bytes: usize,
}

#[derive(Debug)]
struct Outcome {
    /// The state of the task, but for its name.
    state: Bytes,
    result: Bytes,
}

impl Kept {
    pub(super) fn held(&self) -> usize {
        self.outcomes.len()
    }

    fn remove(&mut self, number: u64) {
        if let Some(outcome) = self.outcomes.remove(&number) {
            self.n_bytes -= outcome.result.len();
        }
    }
}

impl Up {
    /// Keeps the result of a call for as long as a held call waits, and gives the state of the task that it is the
    /// outcome of, but for its name; `None` when it is too large. Where there is no room, the oldest make some.
    pub(super) fn keep(&mut self, cx: &mut Cx<'_>, number: u64, result: &Bytes) -> Option<Bytes> {
        let bounds = &cx.settings.bounds;
        if result.len() > bounds.kept_bytes {
            return None;
        }
        let is_full = |kept: &Kept| {
            kept.outcomes.len() >= bounds.suspended.max(1) || kept.n_bytes + result.len() > bounds.kept_bytes
        };
        while is_full(&self.kept)
            && let Some((&oldest, _)) = self.kept.outcomes.first_key_value()
        {
            self.forget_kept(oldest);
        }
        let has_failed = tapgate_wire::json::find(result, &["isError"]) == Some(b"true");
        let status = if has_failed { "failed" } else { "completed" };
        let at = stamp(i64::try_from(cx.seal.time(cx.now)).unwrap_or(i64::MAX));
        let state = format!(
            r#"{{"taskId":"","status":"{status}","createdAt":"{at}","lastUpdatedAt":"{at}","ttl":{},"pollInterval":{}}}"#,
            bounds.suspend_for.as_millis(),
            bounds.backoff.0.as_millis(),
        );
        let state = Bytes::from(state);
        self.diary.set(Due::Forget(number), after(cx.now, bounds.suspend_for));
        self.kept.n_bytes += result.len();
        // Copied, because a slice would keep the whole answer in memory.
        let outcome = Outcome { state: state.clone(), result: Bytes::copy_from_slice(result) };
        self.kept.outcomes.insert(number, outcome);
        Some(state)
    }

    /// Nobody came for an answer in time.
    pub(super) fn forget_kept(&mut self, number: u64) {
        self.diary.clear(Due::Forget(number));
        self.kept.remove(number);
    }

    /// Serves a request of a client about a kept answer.
    pub(super) fn asked_about_kept(
        &mut self,
        cx: &mut Cx<'_>,
        port: Port,
        message: &Message,
        number: u64,
        goal: Goal,
    ) {
        let shape = message.shape();
        let id = shape.id.as_ref();
        let alias = shape.text(tapgate_wire::shape::Member::TaskId).unwrap_or_default();
        let Some(outcome) = self.kept.outcomes.get(&number) else {
            return refuse(cx, port, id, INVALID_PARAMS, "unknown task");
        };
        let mut draft;
        match goal {
            Goal::Cancel => {
                let text = "the task has ended, so it cannot be cancelled";
                return refuse(cx, port, id, INVALID_PARAMS, text);
            }
            Goal::Outcome => {
                draft = Draft::of_value(outcome.result.clone());
                draft.set(&["_meta", tasks::RELATED, "taskId"], &quoted(&alias));
            }
            Goal::State | Goal::Call => {
                draft = Draft::of_value(outcome.state.clone());
                draft.set(&["taskId"], &quoted(&alias));
            }
        }
        reply(cx, port, failure::result(id, &draft.into_bytes()));
    }
}
