//! Tasks of 2025-11-25's core and of the extension `io.modelcontextprotocol/tasks`, one said as the other.
//!
//! Spec 2025-11-25, basic/utilities/tasks; tasks extension 2026-07-28, Tasks. Both name the same statuses, but a tool
//! result with `isError` makes a task `failed` in the core and `completed` in the extension. What is not of the
//! expected shape stays as it is.

use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::json::unescape_lossy;

use super::draft::Draft;
use super::fall::server::quoted;

/// What ties a message to a task (2025-11-25).
pub const RELATED: &str = "io.modelcontextprotocol/related-task";

/// Members that are named differently: in the core, in the extension.
const NAMES: [(&str, &str); 2] = [("ttl", "ttlMs"), ("pollInterval", "pollIntervalMs")];

/// Says of each tool in a list that a call of it may become a task (2025-11-25): the extension leaves that to the server.
pub fn offer(list: &mut Draft) {
    list.each(&["result", "tools"], &mut |mut tool| {
        tool.remove(&["execution"]);
        tool.set(&["execution"], br#"{"taskSupport":"optional"}"#);
        Some(tool)
    });
}

/// Writes an answer that creates a task of the extension as one of the core.
pub fn created_down(draft: &mut Draft) {
    let Some(mut task) = task(draft, &["result"]) else { return };
    rename(&mut task, |(core, extension)| (extension, core));
    let meta = task.get(&["_meta"]);
    task.remove(&["_meta"]);
    task.remove(&["resultType"]);
    let mut result = Draft::of_value("{}".into());
    if let Some(meta) = meta {
        result.set(&["_meta"], &meta);
    }
    result.set(&["task"], &task.into_bytes());
    draft.set(&["result"], &result.into_bytes());
}

/// Writes an answer that creates a task of the core as one of the extension.
pub fn created_up(draft: &mut Draft) {
    let Some(mut task) = task(draft, &["result", "task"]) else { return };
    rename(&mut task, |names| names);
    task.set(&["resultType"], b"\"task\"");
    if let Some(meta) = draft.get(&["result", "_meta"]) {
        task.set(&["_meta"], &meta);
    }
    draft.set(&["result"], &task.into_bytes());
}

/// Writes the state of a task of the extension as the core does: in the answer to `tasks/get`, which may also serve as
/// that to `tasks/cancel`, or in a notification.
pub fn status_down(draft: &mut Draft) {
    let place = place(draft);
    let Some(mut task) = task(draft, &[place]) else { return };
    rename(&mut task, |(core, extension)| (extension, core));
    if text(&task, &["status"]).as_deref() == Some("completed")
        && task.get(&["result", "isError"]).as_deref() == Some(b"true")
    {
        task.set(&["status"], b"\"failed\"");
    }
    // The core says in a message what went wrong, before anybody asks for the result.
    if let Some(why) = task.get(&["error", "message"]).filter(|why| why.starts_with(b"\""))
        && task.get(&["statusMessage"]).is_none()
    {
        task.set(&["statusMessage"], &why);
    }
    for name in ["resultType", "result", "error", "inputRequests"] {
        task.remove(&[name]);
    }
    if place == "params" {
        draft.set(&["method"], b"\"notifications/tasks/status\"");
    }
    draft.set(&[place], &task.into_bytes());
}

/// Writes the state of a task of the core as the extension does: in the answer to `tasks/get` or in a notification.
///
/// A task that has ended goes with its `outcome`, the answer to `tasks/result`; that of a task which waits for input
/// needs `inputRequests`, which the caller knows.
pub fn status_up(draft: &mut Draft, outcome: Option<&Message>) {
    let place = place(draft);
    let Some(mut task) = task(draft, &[place]) else { return };
    rename(&mut task, |names| names);
    let has_ended = matches!(text(&task, &["status"]).as_deref(), Some("completed" | "failed"));
    if let Some(outcome) = outcome.filter(|_| has_ended).map(Draft::of) {
        if let Some(result) = outcome.get(&["result"]) {
            let mut result = Draft::of_value(result);
            result.remove(&["_meta", RELATED]);
            task.set(&["status"], b"\"completed\"");
            task.set(&["result"], &result.into_bytes());
        } else if let Some(error) = outcome.get(&["error"]) {
            task.set(&["status"], b"\"failed\"");
            task.set(&["error"], &error);
        }
    }
    if place == "params" {
        draft.set(&["method"], b"\"notifications/tasks\"");
    } else {
        task.set(&["resultType"], b"\"complete\"");
    }
    draft.set(&[place], &task.into_bytes());
}

/// The answer to `tasks/result` of the core that the extension's answer to `tasks/get` holds, with the name that the
/// client knows the task by, or, without a name, the answer to the call itself; `None` while the task has not ended.
pub fn outcome_down(answer: &Message, name: Option<&str>) -> Option<Message> {
    let mut draft = Draft::of(answer);
    let task = task(&draft, &["result"])?;
    match &*text(&task, &["status"])? {
        "completed" => {
            let mut result = Draft::of_value(task.get(&["result"]).filter(|value| value.starts_with(b"{"))?);
            result.remove(&["resultType"]);
            if let Some(name) = name {
                result.set(&["_meta", RELATED, "taskId"], &quoted(name));
            }
            draft.set(&["result"], &result.into_bytes());
        }
        status @ ("failed" | "cancelled") => {
            let error = task.get(&["error"]).filter(|value| value.starts_with(b"{"));
            let told = || Bytes::from(format!(r#"{{"code":-32603,"message":"the task is {status}"}}"#));
            draft.remove(&["result"]);
            draft.set(&["error"], &error.unwrap_or_else(told));
        }
        _ => return None,
    }
    Some(draft.into_message())
}

/// Where a message has the state of a task.
fn place(draft: &Draft) -> &'static str {
    if draft.get(&["method"]).is_some() { "params" } else { "result" }
}

/// The task at a path.
fn task(draft: &Draft, path: &[&str]) -> Option<Draft> {
    let task = Draft::of_value(draft.get(path)?);
    text(&task, &["taskId"]).is_some().then_some(task)
}

/// Renames the members that are named differently. How long a task lives has to be told in both; null is for ever.
fn rename(task: &mut Draft, order: fn((&'static str, &'static str)) -> (&'static str, &'static str)) {
    for (from, to) in NAMES.map(order) {
        if let Some(value) = task.get(&[from]) {
            task.remove(&[from]);
            task.set(&[to], &value);
        } else if to.starts_with("ttl") && task.get(&[to]).is_none() {
            task.set(&[to], b"null");
        }
    }
}

fn text(draft: &Draft, path: &[&str]) -> Option<String> {
    let raw = draft.get(path).filter(|raw| raw.starts_with(b"\""))?;
    Some(unescape_lossy(&raw).into_owned())
}

#[cfg(test)]
mod tests;
