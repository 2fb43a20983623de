//! Tasks of a modern server that offers the extension, for clients of 2025-11-25 and for older ones.

use serde_json::{Value, json};
use tapgate_testkit::peer::META;

use super::super::feature::{Outcome, holds};
use super::super::stage::{Kind, Stage, words};
use super::N25;

/// Whether the client knows tasks in its own way.
pub(super) fn is_there(client: Kind, server: Kind) -> bool {
    client.1 == N25 && server.is_modern()
}

/// Begins with a server that offers tasks; says what its answer says of them.
fn begin(stage: &mut Stage) -> Value {
    stage.world.server.skill.jobs.is_offered = true;
    let capabilities = stage.begin()["result"]["capabilities"].clone();
    assert!(capabilities["extensions"].get(format!("{META}tasks")).is_none(), "{capabilities}");
    capabilities["tasks"].clone()
}

/// Calls a tool as a task.
fn start(stage: &mut Stage, tool: &str) -> Value {
    let params = json!({ "name": tool, "arguments": {}, "task": { "ttl": 1000 } });
    stage.ask("tools/call", params)["result"]["task"].clone()
}

fn about(stage: &mut Stage, method: &str, task: &Value) -> Value {
    stage.ask(method, json!({ "taskId": task["taskId"] }))
}

/// Whether it is all that a task of 2025-11-25 is, and in this state.
fn is_task(task: &Value, status: &str) -> bool {
    let is_text = |name: &str| task[name].is_string();
    task["status"] == status
        && is_text("taskId")
        && is_text("createdAt")
        && is_text("lastUpdatedAt")
        && task["ttl"].is_number()
        && task.get("ttlMs").is_none()
        && task.get("pollIntervalMs").is_none()
}

/// Whether an answer to `tasks/result` says of which task it is the outcome.
fn is_related(answer: &Value, task: &Value) -> bool {
    answer["result"]["_meta"][format!("{META}related-task")]["taskId"] == task["taskId"]
}

pub(super) fn call(stage: &mut Stage) -> Outcome {
    let offered = begin(stage);
    if offered != json!({ "cancel": {}, "requests": { "tools": { "call": {} } } }) {
        return Outcome::Failed(offered.to_string());
    }
    let list = stage.ask("tools/list", json!({}));
    if list["result"]["tools"][0]["execution"]["taskSupport"] != "optional" {
        return Outcome::Failed(list.to_string());
    }
    for (tool, last, said) in [
        ("job", "completed", "it is done"),
        ("job-fails", "failed", "it failed"),
        ("job-breaks", "failed", ""),
        // These are answered at once.
        ("echo", "completed", "{}"),
        ("fail", "failed", "it failed"),
    ] {
        let task = start(stage, tool);
        let first = if tool.starts_with("job") { "working" } else { last };
        let state = about(stage, "tasks/get", &task)["result"].clone();
        let outcome = about(stage, "tasks/result", &task);
        let is_outcome = words(&outcome) == said && is_related(&outcome, &task);
        let is_error = outcome["error"]["code"] == -32017;
        let end = about(stage, "tasks/get", &task)["result"].clone();
        let cancelled = about(stage, "tasks/cancel", &task);
        if !is_task(&task, first)
            || !is_task(&state, first)
            || !is_task(&end, last)
            || state["taskId"] != task["taskId"]
            || !(is_outcome || tool == "job-breaks" && is_error)
            || cancelled["error"]["code"] != -32602
        {
            return Outcome::Failed(format!("{tool}: {task} {state} {outcome} {end} {cancelled}"));
        }
    }
    let stranger = about(stage, "tasks/get", &json!({ "taskId": "job-1-é" }));
    let list = stage.ask("tasks/list", json!({}));
    let codes = [&stranger, &list].map(|answer| answer["error"]["code"].clone());
    holds(codes == [-32602, -32601], (stranger, list))
}

pub(super) fn asks(stage: &mut Stage) -> Outcome {
    begin(stage);
    let task = start(stage, "job-asks");
    let outcome = about(stage, "tasks/result", &task);
    let asked = stage.me().asked.clone();
    let related = |asked: &Value| asked["_meta"][format!("{META}related-task")]["taskId"] == task["taskId"];
    holds(
        words(&outcome) == "name=Ada"
            && is_related(&outcome, &task)
            && asked.len() == 1
            && related(&asked[0].1),
        (task, outcome, asked),
    )
}

pub(super) fn cancel(stage: &mut Stage) -> Outcome {
    begin(stage);
    let task = start(stage, "job-endless");
    let key = stage.me().ask("tasks/result", json!({ "taskId": task["taskId"] }));
    stage.settle();
    let cancelled = about(stage, "tasks/cancel", &task);
    let again = about(stage, "tasks/cancel", &task);
    let end = about(stage, "tasks/get", &task);
    let waited = stage.me().answer(&key).clone();
    let at_server = stage.world.server.skill.cancelled.clone();
    holds(
        is_task(&cancelled["result"], "cancelled")
            && is_task(&end["result"], "cancelled")
            && again["error"]["code"] == -32602
            && waited["error"]["code"] == -32603
            && at_server == ["job-endless"],
        (task, cancelled, again, waited, at_server),
    )
}

/// A server decides alone what becomes a task; clients that did not ask for one get the answer to their call.
pub(super) fn unasked(stage: &mut Stage) -> Outcome {
    begin(stage);
    for (tool, said) in [("job", "it is done"), ("job-fails", "it failed")] {
        let answer = stage.call(tool, json!({}));
        if words(&answer) != said || answer["result"].get("_meta").is_some() {
            return Outcome::Failed(answer.to_string());
        }
    }
    let broken = stage.call("job-breaks", json!({}));
    if broken["error"]["code"] != -32017 {
        return Outcome::Failed(broken.to_string());
    }
    let n_cancelled = stage.world.server.skill.cancelled.len();
    let key = stage.me().ask("tools/call", json!({ "name": "job-endless", "arguments": {} }));
    stage.settle();
    stage.me().cancel(&key);
    stage.settle();
    let cancelled = stage.world.server.skill.cancelled.clone();
    holds(n_cancelled == 0 && cancelled == ["job-endless"], cancelled)
}
