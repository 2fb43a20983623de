//! What only has to be carried, and what has no counterpart on the other side.

use serde_json::{Value, json};

use super::super::feature::{Outcome, holds};
use super::super::stage::{Kind, Stage, words};
use super::{J25, N25};

/// Whether the client has the tasks of 2025-11-25, and its server may have tasks too.
pub(super) fn has_tasks(client: Kind, server: Kind) -> bool {
    client.1 == N25 && server.1 >= N25
}

pub(super) fn tasks(stage: &mut Stage) -> Outcome {
    let capabilities = stage.begin()["result"]["capabilities"]["tasks"].clone();
    let list = stage.ask("tasks/list", json!({}));
    if stage.client.1 == stage.server.1 {
        return holds(capabilities["list"] == json!({}) && list["result"]["tasks"] == json!([]), list);
    }
    let get = stage.ask("tasks/get", json!({ "taskId": "t" }));
    let code = |answer: &Value| answer["error"]["code"].clone();
    if capabilities.is_null() && code(&list) == -32601 && code(&get) == -32601 {
        return Outcome::Impossible(
            "the server does not offer tasks in the client's words: they are not offered, and `tasks/…` is -32601",
        );
    }
    Outcome::Failed(format!("{capabilities} {list} {get}"))
}

/// The lists, and the names of what they list.
const LISTS: [(&str, &str); 4] = [
    ("tools/list", "tools"),
    ("prompts/list", "prompts"),
    ("resources/list", "resources"),
    ("resources/templates/list", "resourceTemplates"),
];

pub(super) fn cursor(stage: &mut Stage) -> Outcome {
    stage.begin();
    for (method, _) in LISTS {
        for cursor in ["garbage", ""] {
            let answer = stage.ask(method, json!({ "cursor": cursor }));
            if answer["error"]["code"] != -32602 {
                return Outcome::Failed(format!("{method}: {answer}"));
            }
        }
    }
    Outcome::Passed
}

pub(super) fn apps(stage: &mut Stage) -> Outcome {
    stage.begin();
    let list = stage.ask("tools/list", json!({}));
    let echo = &list["result"]["tools"][0];
    let page = stage.ask("resources/read", json!({ "uri": "ui://echo" }));
    let content = &page["result"]["contents"][0];
    holds(
        echo["_meta"]["ui"] == json!({ "resourceUri": "ui://echo", "visibility": ["app"] })
            && echo["_meta"]["com.example/x"] == json!([1])
            && echo["annotations"] == json!({ "readOnlyHint": true, "x-kept": 1 })
            && content["mimeType"] == "text/html;profile=mcp-app"
            && content["_meta"]["ui"]["csp"] == json!({ "connectDomains": [] }),
        (list, page),
    )
}

/// Modern clients are told how long they may keep what they got; a server that cannot say it gets the safe words.
pub(super) fn fresh(stage: &mut Stage) -> Outcome {
    let mut all = vec![stage.begin()];
    for (method, _) in LISTS {
        all.push(stage.ask(method, json!({})));
    }
    all.push(stage.ask("resources/read", json!({ "uri": "test://text" })));
    for answer in &all {
        let result = &answer["result"];
        let (kept, scope) = (result["ttlMs"].as_u64(), result["cacheScope"].as_str());
        let is_said = if stage.server.is_modern() {
            kept == Some(1000) && matches!(scope, Some("public" | "private"))
        } else {
            kept == Some(0) && scope == Some("private")
        };
        if !is_said {
            return Outcome::Failed(answer.to_string());
        }
    }
    let call = stage.call("echo", json!({}));
    holds(call["result"].get("ttlMs").is_none() && call["result"].get("cacheScope").is_none(), call)
}

pub(super) fn templates(stage: &mut Stage) -> Outcome {
    stage.begin();
    let list = stage.ask("resources/templates/list", json!({}));
    let reference = json!({ "type": "ref/resource", "uri": "test://item/{id}" });
    let params = json!({ "ref": reference, "argument": { "name": "id", "value": "7" } });
    let values = stage.ask("completion/complete", params);
    let (_, asked) = stage.world.server.skill.heard.last().cloned().unwrap_or_default();
    let read = stage.ask("resources/read", json!({ "uri": "test://item/7da" }));
    holds(
        list["result"]["resourceTemplates"] == json!([{ "uriTemplate": "test://item/{id}", "name": "item" }])
            && list["result"]["x-kept"] == true
            && asked["ref"] == reference
            && values["result"]["completion"]["values"][0] == "7da"
            && read["result"]["contents"][0]["uri"] == "test://item/7da",
        (list, values, read),
    )
}

pub(super) fn draft(stage: &mut Stage) -> Outcome {
    stage.begin();
    let answer = stage.call("draft", json!({}));
    let (code, data) = (&answer["error"]["code"], &answer["error"]["data"]);
    // Between peers of one era nothing is changed; whoever translates must know what the code means.
    let expected = if stage.client.is_modern() { -32003 } else { -32021 };
    holds(*code == expected && *data == json!({ "requiredCapabilities": { "sampling": {} } }), answer)
}

pub(super) fn notice(stage: &mut Stage) -> Outcome {
    stage.begin();
    let (method, n) = ("notifications/com.example/odd", stage.me().pushed.len());
    let mut params = json!({ "x": 1 });
    stage.me().dress(&mut params);
    stage.me().send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    stage.settle();
    let answer = stage.call("echo", json!({}));
    let is_told = stage.world.server.skill.told.iter().any(|told| told == method);
    if words(&answer) != "{}" || stage.me().pushed.len() != n {
        return Outcome::Failed(answer.to_string());
    }
    match (is_told, stage.client.is_modern(), stage.server.is_modern()) {
        (true, ..) => Outcome::Passed,
        (false, _, true) => Outcome::Impossible(
            "2026-07-28 has no notifications of clients besides a cancellation: it ends here",
        ),
        (false, ..) => Outcome::Failed("the server was not told".to_owned()),
    }
}

pub(super) fn has_structure(_: Kind, server: Kind) -> bool {
    server.1 >= J25
}
