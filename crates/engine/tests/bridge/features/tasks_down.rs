//! Tasks of a server of 2025-11-25 for modern clients, and the extensions that clients declare.

use serde_json::{Value, json};

use super::super::feature::{Outcome, holds};
use super::super::stage::{Kind, Stage, words};
use super::{META, N25};

const TASKS: &str = "io.modelcontextprotocol/tasks";

pub(super) fn has_tasks(client: Kind, server: Kind) -> bool {
    client.is_modern() && server.1 == N25
}

fn prepare(stage: &mut Stage, extensions: Value) -> Value {
    stage.world.server.skill.has_core_tasks = true;
    stage.me().extensions = extensions;
    stage.begin()
}

/// Calls a tool that becomes a task, which has this much to do; gives what comes in place of its result.
fn start(stage: &mut Stage, does: &str) -> Value {
    stage.call("job", json!({ "does": does }))["result"].clone()
}

fn about(stage: &mut Stage, method: &str, task: &Value) -> Value {
    stage.ask(method, json!({ "taskId": task["taskId"] }))["result"].clone()
}

/// A task in all states that it can have, for a client that takes tasks.
pub(super) fn taken(stage: &mut Stage) -> Outcome {
    let discovered = prepare(stage, json!({ TASKS: {} }));
    let capabilities = &discovered["result"]["capabilities"];
    if capabilities["extensions"] != json!({ TASKS: {} }) || !capabilities["tasks"].is_null() {
        return Outcome::Failed(format!("{capabilities}"));
    }
    let asks = start(stage, "ask");
    let listen = json!({ "notifications": { "taskIds": [asks["taskId"]] } });
    let listen = stage.me().ask("subscriptions/listen", listen);
    stage.settle();
    let before = about(stage, "tasks/get", &asks);
    let key = before["inputRequests"].as_object().and_then(|all| all.keys().next().cloned());
    let responses = json!({ key.unwrap_or_default(): { "action": "accept", "content": { "name": "Ada" } } });
    let params = json!({ "taskId": asks["taskId"], "inputResponses": responses });
    let update = stage.ask("tasks/update", params);
    let after = about(stage, "tasks/get", &asks);
    let is_answered = asks["resultType"] == "task"
        && asks["status"] == "working"
        && asks["ttlMs"] == 60_000
        && asks["_meta"]["x"] == 1
        && before["status"] == "input_required"
        && update["result"] == json!({ "resultType": "complete" })
        && after["status"] == "completed"
        && words(&after) == "name=Ada";
    if !is_answered {
        return Outcome::Failed(format!("{asks} {before} {update} {after}"));
    }
    let told = &stage.me().calls[&listen].told;
    let told: Vec<&str> = told.iter().filter_map(|told| told["params"]["status"].as_str()).collect();
    if told.first() != Some(&"input_required") || told.last() != Some(&"completed") {
        return Outcome::Failed(format!("{told:?}"));
    }
    for (does, status) in [("finish", "completed"), ("fail", "completed"), ("break", "failed")] {
        let task = start(stage, does);
        let ended = about(stage, "tasks/get", &task);
        let is_told = match does {
            "finish" => words(&ended) == "done",
            "fail" => ended["result"]["isError"] == true,
            _ => ended["error"] == json!({ "code": -32017, "message": "it broke" }),
        };
        if ended["status"] != status || !is_told {
            return Outcome::Failed(ended.to_string());
        }
    }
    let rests = start(stage, "rest");
    let before = about(stage, "tasks/get", &rests);
    let cancel = about(stage, "tasks/cancel", &rests);
    let after = about(stage, "tasks/get", &rests);
    let errand = stage.call("errand", json!({ "does": "finish" }));
    holds(
        before["status"] == "working"
            && cancel == json!({ "resultType": "complete" })
            && after["status"] == "cancelled"
            && errand["result"]["resultType"] == "task",
        (before, cancel, after, errand),
    )
}

/// A client that takes no tasks gets the result when it is there, and cannot ask for any.
pub(super) fn not_taken(stage: &mut Stage) -> Outcome {
    prepare(stage, Value::Null);
    let job = stage.call("job", json!({ "does": "ask" }));
    let errand = stage.call("errand", json!({ "does": "ask" }));
    let get = stage.ask("tasks/get", json!({ "taskId": "task \"1\"" }));
    let required = json!({ "requiredCapabilities": { "extensions": { TASKS: {} } } });
    holds(
        words(&job) == "name=Ada"
            && words(&errand) == "done at once"
            && get["error"]["code"] == -32021
            && get["error"]["data"] == required,
        (job, errand, get),
    )
}

/// Every server hears which extensions its client has, in the words of its era.
pub(super) fn extensions(stage: &mut Stage) -> Outcome {
    let ui = json!({ "mimeTypes": ["text/html;profile=mcp-app"] });
    stage.me().extensions = json!({ "io.modelcontextprotocol/ui": ui, "com.example/x": { "y": 1.5 } });
    stage.begin();
    stage.call("echo", json!({}));
    let declared = stage.me().extensions.clone();
    let heard = &stage.world.server.skill.heard;
    let asked = if stage.server.is_modern() { "tools/call" } else { "initialize" };
    let Some((_, params)) = heard.iter().rfind(|(method, _)| method == asked) else {
        return Outcome::Failed(format!("{heard:?}"));
    };
    let told = if stage.server.is_modern() {
        &params["_meta"][format!("{META}clientCapabilities")]
    } else {
        &params["capabilities"]
    };
    holds(told["extensions"] == declared, params)
}
