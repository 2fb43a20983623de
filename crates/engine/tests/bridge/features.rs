//! Every feature that peers ask of a bridge.

use serde_json::{Value, json};
use tapgate_testkit::peer::{META, Manner, Over};
use tapgate_wire::revision::Revision;

use super::feature::{Feature, Outcome, holds};
use super::stage::{Kind, Stage, words};

mod carried;
mod tasks_down;
mod tasks_up;

const J25: Revision = Revision::V2025_06_18;
const N25: Revision = Revision::V2025_11_25;

fn always(_: Kind, _: Kind) -> bool {
    true
}

fn has_elicitation(client: Kind, server: Kind) -> bool {
    client.1 >= J25 && server.1 >= J25
}

fn has_url(client: Kind, server: Kind) -> bool {
    client.1 >= N25 && server.1 >= N25
}

pub(crate) const FEATURES: &[Feature] = &[
    Feature { name: "handshake or discovery", is_there: always, run: handshake },
    Feature { name: "tools/list over pages", is_there: always, run: list },
    Feature { name: "tools/call", is_there: always, run: call },
    Feature { name: "a tool that fails", is_there: always, run: fails },
    Feature { name: "an unknown tool", is_there: always, run: unknown_tool },
    Feature { name: "an unknown method", is_there: always, run: unknown_method },
    Feature { name: "ids of every kind", is_there: always, run: ids },
    Feature { name: "numbers and members as they came", is_there: always, run: bytes },
    Feature { name: "trace context and unknown `_meta`", is_there: always, run: meta },
    Feature { name: "progress", is_there: always, run: progress },
    Feature { name: "cancellation", is_there: always, run: cancel },
    Feature { name: "logging", is_there: always, run: logging },
    Feature { name: "elicitation by form", is_there: has_elicitation, run: form },
    Feature { name: "elicitation declined", is_there: has_elicitation, run: declined },
    Feature { name: "elicitation by URL", is_there: has_url, run: url },
    Feature { name: "sampling", is_there: always, run: sampling },
    Feature { name: "sampling refused", is_there: always, run: refused },
    Feature { name: "roots", is_there: always, run: roots },
    Feature { name: "three questions at once", is_there: has_elicitation, run: three },
    Feature { name: "questions in two rounds", is_there: has_elicitation, run: rounds },
    Feature { name: "a client that cannot be asked", is_there: always, run: unasked },
    Feature { name: "list changes", is_there: always, run: changed },
    Feature { name: "resource subscriptions", is_there: always, run: updated },
    Feature { name: "resources", is_there: always, run: resources },
    Feature { name: "a resource that is missing", is_there: always, run: missing },
    Feature { name: "prompts", is_there: always, run: prompts },
    Feature { name: "completion", is_there: always, run: completion },
    Feature { name: "ping", is_there: |client, _| !client.is_modern(), run: ping },
    Feature { name: "structured content, an object", is_there: carried::has_structure, run: structured },
    Feature {
        name: "structured content, anything else",
        is_there: |_, server| server.is_modern(),
        run: listed,
    },
    Feature { name: "audio", is_there: |_, server| server.1 >= Revision::V2025_03_26, run: audio },
    Feature { name: "resource links", is_there: |_, server| server.1 >= J25, run: link },
    Feature {
        name: "arguments mirrored in headers",
        is_there: |_, server| server.is_modern(),
        run: mirrored,
    },
    Feature {
        name: "batches",
        // A server of 2024-11-05 makes the session one of that revision.
        is_there: |client, server| {
            client.1 == Revision::V2025_03_26 && client.0 != Over::Sse && server.1 >= Revision::V2025_03_26
        },
        run: batch,
    },
    Feature { name: "the end of a session", is_there: |client, _| !client.is_modern(), run: end },
    Feature { name: "a server that restarts", is_there: always, run: restart },
    Feature {
        name: "a server that ends during a request",
        is_there: |_, server| server.0 == Over::Pipe,
        run: repeat,
    },
    Feature { name: "tasks of 2025-11-25", is_there: carried::has_tasks, run: carried::tasks },
    Feature { name: "a call as a task, for 2025-11-25", is_there: tasks_up::is_there, run: tasks_up::call },
    Feature { name: "a task that asks, for 2025-11-25", is_there: tasks_up::is_there, run: tasks_up::asks },
    Feature {
        name: "a task that is cancelled, for 2025-11-25",
        is_there: tasks_up::is_there,
        run: tasks_up::cancel,
    },
    Feature {
        name: "a call that becomes a task unasked",
        is_there: |client, server| !client.is_modern() && server.is_modern(),
        run: tasks_up::unasked,
    },
    Feature { name: "a cursor of nobody", is_there: always, run: carried::cursor },
    Feature { name: "MCP Apps and unknown `_meta` of tools", is_there: always, run: carried::apps },
    Feature {
        name: "how long results may be kept",
        is_there: |client, _| client.is_modern(),
        run: carried::fresh,
    },
    Feature { name: "resource templates", is_there: always, run: carried::templates },
    Feature {
        name: "an error code of a draft",
        is_there: |_, server| server.is_modern(),
        run: carried::draft,
    },
    Feature { name: "an unknown notification", is_there: always, run: carried::notice },
    Feature {
        name: "tasks of 2025-11-25 for modern clients",
        is_there: tasks_down::has_tasks,
        run: tasks_down::taken,
    },
    Feature {
        name: "tasks of 2025-11-25 for modern clients that take none",
        is_there: tasks_down::has_tasks,
        run: tasks_down::not_taken,
    },
    Feature { name: "extensions of clients", is_there: always, run: tasks_down::extensions },
];

fn handshake(stage: &mut Stage) -> Outcome {
    let answer = stage.begin();
    let result = &answer["result"];
    let info = if stage.client.is_modern() {
        &result["_meta"][format!("{META}serverInfo")]
    } else {
        &result["serverInfo"]
    };
    let agreed = result["protocolVersion"].as_str().and_then(Revision::parse);
    let is_agreed = stage.client.is_modern() || agreed.is_some_and(|agreed| agreed <= stage.client.1);
    holds(
        info["name"] == "scripted-server"
            && result["instructions"] == "ask kindly"
            && !result["capabilities"]["tools"].is_null()
            && result["capabilities"]["experimental"]["x-kept"]["a"] == 1
            && (result["capabilities"]["tasks"].is_null() || stage.client.1 == N25 && stage.server.1 == N25)
            && is_agreed,
        answer,
    )
}

fn list(stage: &mut Stage) -> Outcome {
    stage.begin();
    let mut names: Vec<String> = Vec::new();
    let mut params = json!({});
    for _ in 0..10 {
        let answer = stage.ask("tools/list", params.clone());
        let result = &answer["result"];
        for tool in result["tools"].as_array().into_iter().flatten() {
            if tool["name"] != "region" && tool["inputSchema"]["x-kept"][0] != tool["name"] {
                return Outcome::Failed(format!("{tool}"));
            }
            names.push(tool["name"].as_str().unwrap_or_default().to_owned());
        }
        if result["x-kept"] != true {
            return Outcome::Failed(format!("{answer}"));
        }
        match result.get("nextCursor") {
            Some(cursor) => params["cursor"] = cursor.clone(),
            None => break,
        }
    }
    holds(names.len() == 21 && names[0] == "echo" && names[20] == "region", names)
}

fn call(stage: &mut Stage) -> Outcome {
    stage.begin();
    let answer = stage.call("echo", json!({ "b": "é\u{2028}\u{0}", "a": [1, null, {}] }));
    let result = &answer["result"];
    holds(
        words(&answer) == json!({ "b": "é\u{2028}\u{0}", "a": [1, null, {}] }).to_string()
            && result["content"][0]["x-kept"] == 1
            && result["_meta"]["x"] == 1
            && result["x-kept"] == true
            && result.get("isError").is_none(),
        answer,
    )
}

fn fails(stage: &mut Stage) -> Outcome {
    stage.begin();
    let answer = stage.call("fail", json!({}));
    holds(answer["result"]["isError"] == true && words(&answer) == "it failed", answer)
}

fn unknown_tool(stage: &mut Stage) -> Outcome {
    stage.begin();
    let answer = stage.call("nothing", json!({}));
    holds(answer["error"]["code"] == -32602, answer)
}

fn unknown_method(stage: &mut Stage) -> Outcome {
    stage.begin();
    let answer = stage.ask("vendor/echo", json!({ "x": 1 }));
    holds(answer["error"]["code"] == -32601, answer)
}

fn ids(stage: &mut Stage) -> Outcome {
    stage.begin();
    let ids =
        [json!("7"), json!(7), json!(-1), json!(0), json!("a\"b\u{e9}"), json!(9_007_199_254_740_991_i64)];
    let ids: Vec<Value> =
        ids.into_iter().filter(|id| !stage.me().calls.contains_key(&id.to_string())).collect();
    for id in &ids {
        let params = json!({ "name": "echo", "arguments": { "id": id } });
        stage.me().ask_as(id.clone(), "tools/call", params);
    }
    stage.settle();
    for id in ids {
        let answer = stage.me().answer(&id.to_string()).clone();
        if answer["id"] != id || words(&answer) != json!({ "id": id }).to_string() {
            return Outcome::Failed(format!("{id}: {answer}"));
        }
    }
    Outcome::Passed
}

fn bytes(stage: &mut Stage) -> Outcome {
    stage.begin();
    let arguments = r#"{"z":-0,"big":123456789012345678901234567890, "a":0.10000000000000000555, "one":1.0,"u":"\u00e9\ud83d\ude00"}"#;
    let mut params = json!({ "name": "echo" });
    stage.me().dress(&mut params);
    let mut params = params.to_string();
    params.truncate(params.len() - 1);
    let spelling = format!(
        r#"{{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{params},"arguments":{arguments}}}}}"#
    );
    let message = json!({ "jsonrpc": "2.0", "id": 77, "method": "tools/call", "params": { "name": "echo" } });
    stage.me().calls.insert("77".to_owned(), tapgate_testkit::peer::client::Call::default());
    stage.me().send_raw(spelling, &message);
    stage.settle();
    let raw = stage.world.server.skill.last_raw.clone();
    let answer = stage.me().answer("77").clone();
    holds(raw.contains(arguments) && answer.get("result").is_some(), (raw, answer))
}

fn meta(stage: &mut Stage) -> Outcome {
    stage.begin();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let meta = json!({ "traceparent": trace, "com.example/x": { "y": [1] } });
    stage.ask("tools/call", json!({ "name": "echo", "arguments": {}, "_meta": meta }));
    let (_, params) = stage.world.server.skill.heard.last().cloned().unwrap_or_default();
    let kept = &params["_meta"];
    holds(kept["traceparent"] == trace && kept["com.example/x"]["y"][0] == 1, params)
}

fn progress(stage: &mut Stage) -> Outcome {
    stage.begin();
    let key = stage.me().ask(
        "tools/call",
        json!({ "name": "progress", "arguments": {}, "_meta": { "progressToken": "t\"1" } }),
    );
    stage.settle();
    let call = stage.me().calls[&key].clone();
    let steps: Vec<_> = call.told.iter().map(|told| told["params"]["progress"].clone()).collect();
    holds(steps == [json!(1), json!(2), json!(3)] && call.answer.is_some(), call)
}

fn cancel(stage: &mut Stage) -> Outcome {
    stage.begin();
    let key = stage.me().ask("tools/call", json!({ "name": "slow", "arguments": {} }));
    stage.settle();
    stage.me().cancel(&key);
    stage.settle();
    let cancelled = stage.world.server.skill.cancelled.clone();
    let after = stage.call("echo", json!({}));
    holds(cancelled == ["slow"] && after.get("result").is_some(), (cancelled, after))
}

fn logging(stage: &mut Stage) -> Outcome {
    stage.begin();
    if stage.client.is_modern() {
        stage.me().level = Some("error");
    } else {
        let answer = stage.ask("logging/setLevel", json!({ "level": "error" }));
        if answer.get("result").is_none() {
            return Outcome::Failed(answer.to_string());
        }
    }
    let key = stage.me().ask("tools/call", json!({ "name": "log", "arguments": {} }));
    stage.settle();
    let call = stage.me().calls[&key].clone();
    let logs: Vec<_> = call.told.iter().chain(&stage.me().pushed).cloned().collect();
    holds(logs.len() == 1 && logs[0]["params"]["level"] == "error" && call.answer.is_some(), (logs, call))
}

fn ask_for(stage: &mut Stage, tool: &str) -> Value {
    stage.begin();
    stage.call(tool, json!({}))
}

fn form(stage: &mut Stage) -> Outcome {
    let answer = ask_for(stage, "form");
    let asked = stage.me().asked.clone();
    holds(words(&answer) == "name=Ada" && asked.len() == 1, (answer, asked))
}

fn declined(stage: &mut Stage) -> Outcome {
    stage.me().manner = Manner::Declines;
    let answer = ask_for(stage, "form");
    holds(words(&answer) == "name=decline", answer)
}

fn url(stage: &mut Stage) -> Outcome {
    let answer = ask_for(stage, "url");
    let asked = stage.me().asked.clone();
    holds(words(&answer) == "open=accept" && asked[0].1["url"] == "https://example.com/x", (answer, asked))
}

fn sampling(stage: &mut Stage) -> Outcome {
    let answer = ask_for(stage, "sample");
    holds(words(&answer) == "sample=sampled", answer)
}

fn refused(stage: &mut Stage) -> Outcome {
    stage.me().manner = Manner::Declines;
    let answer = ask_for(stage, "sample");
    match (stage.client.is_modern(), stage.server.is_modern()) {
        (false, false) => holds(words(&answer) == "refused", answer),
        // Declining sampling has no words in 2026-07-28: the request is not sent again.
        (true, true) => holds(answer.is_null(), answer),
        (false, true) if answer["result"]["isError"] == true => {
            Outcome::Impossible("2026-07-28 has no words for a refusal: the call ends with `isError`")
        }
        (true, false) if answer.is_null() => {
            stage.world.pass(std::time::Duration::from_mins(11));
            let is_free = stage.world.server.skill.heard.len();
            let cancelled = stage.world.server.skill.cancelled.clone();
            if is_free > 0 && (cancelled == ["sample"] || !cancelled.is_empty()) {
                Outcome::Impossible(
                    "2026-07-28 has no words for a refusal: the server's call ends when the wait does",
                )
            } else {
                Outcome::Failed(format!("the held call was not freed: {cancelled:?}"))
            }
        }
        _ => Outcome::Failed(answer.to_string()),
    }
}

fn roots(stage: &mut Stage) -> Outcome {
    let answer = ask_for(stage, "roots");
    holds(words(&answer) == "roots=file:///work", answer)
}

fn three(stage: &mut Stage) -> Outcome {
    let answer = ask_for(stage, "three");
    holds(words(&answer) == "name=Ada roots=file:///work sample=sampled", answer)
}

fn rounds(stage: &mut Stage) -> Outcome {
    let answer = ask_for(stage, "rounds");
    let asked = stage.me().asked.len();
    let said = words(&answer).to_owned();
    // A modern server sees only the answers of the last round, unless it keeps the others in its state.
    holds(asked == 2 && (said == "name=Ada sample=sampled" || said == "sample=sampled"), answer)
}

fn unasked(stage: &mut Stage) -> Outcome {
    stage.me().manner = Manner::Declares;
    let answer = ask_for(stage, "sample");
    let asked = stage.me().asked.len();
    if !stage.client.is_modern() || stage.server.is_modern() {
        return holds(words(&answer) == "cannot ask" && asked == 0, answer);
    }
    // A legacy session is told that everything can be asked for, because no request of it is known yet.
    let error = &answer["error"];
    let status =
        stage.me().calls.values().find(|call| call.method == "tools/call").and_then(|call| call.status);
    let is_told =
        error["code"] == -32021 && error["data"]["requiredCapabilities"] == json!({ "sampling": {} });
    if is_told && asked == 0 && (stage.client.0 == Over::Pipe || status == Some(400)) {
        return Outcome::Lossy("the call gets error -32021, which names what the client did not declare");
    }
    Outcome::Failed(format!("{status:?} {answer}"))
}

fn listen(stage: &mut Stage, wanted: Value) -> String {
    let key = stage.me().ask("subscriptions/listen", json!({ "notifications": wanted }));
    stage.settle();
    key
}

fn told(stage: &mut Stage, method: &str) -> usize {
    let me = stage.me();
    let all = me.calls.values().flat_map(|call| &call.told).chain(&me.pushed);
    all.filter(|told| told["method"] == method).count()
}

fn changed(stage: &mut Stage) -> Outcome {
    stage.begin();
    if stage.client.is_modern() {
        let key = listen(stage, json!({ "toolsListChanged": true }));
        let first = stage.me().calls[&key].told.first().cloned().unwrap_or_default();
        if first["method"] != "notifications/subscriptions/acknowledged"
            || first["params"]["notifications"] != json!({ "toolsListChanged": true })
        {
            return Outcome::Failed(format!("no acknowledgement: {first}"));
        }
    }
    let answer = stage.call("changed", json!({}));
    let n = told(stage, "notifications/tools/list_changed");
    let calls = stage.me().calls.clone();
    holds(n == 1 && words(&answer) == "changed", (n, answer, calls))
}

fn updated(stage: &mut Stage) -> Outcome {
    stage.begin();
    let uri = "test://text";
    let key = if stage.client.is_modern() {
        listen(stage, json!({ "resourceSubscriptions": [uri] }))
    } else {
        let answer = stage.ask("resources/subscribe", json!({ "uri": uri }));
        if answer.get("result").is_none() {
            return Outcome::Failed(answer.to_string());
        }
        String::new()
    };
    stage.call("updated", json!({}));
    let before = told(stage, "notifications/resources/updated");
    if stage.client.is_modern() {
        stage.me().cancel(&key);
        stage.settle();
    } else {
        stage.ask("resources/unsubscribe", json!({ "uri": uri }));
    }
    stage.call("updated", json!({}));
    let after = told(stage, "notifications/resources/updated");
    holds((before, after) == (1, 1), (before, after))
}

fn resources(stage: &mut Stage) -> Outcome {
    stage.begin();
    let list = stage.ask("resources/list", json!({}));
    let templates = stage.ask("resources/templates/list", json!({}));
    let read = stage.ask("resources/read", json!({ "uri": "test://größe" }));
    holds(
        list["result"]["resources"][0]["uri"] == "test://text"
            && templates["result"]["resourceTemplates"][0]["name"] == "item"
            && read["result"]["contents"][0]["text"] == "words"
            && read["result"]["contents"][0]["uri"] == "test://größe",
        (list, templates, read),
    )
}

fn missing(stage: &mut Stage) -> Outcome {
    stage.begin();
    let answer = stage.ask("resources/read", json!({ "uri": "test://missing" }));
    let code = if stage.client.is_modern() { -32602 } else { -32002 };
    holds(answer["error"]["code"] == code && answer["error"]["data"]["uri"] == "test://missing", answer)
}

fn prompts(stage: &mut Stage) -> Outcome {
    stage.begin();
    let list = stage.ask("prompts/list", json!({}));
    let prompt = stage.ask("prompts/get", json!({ "name": "greet", "arguments": { "who": "Ada" } }));
    holds(
        list["result"]["prompts"][0]["name"] == "greet"
            && prompt["result"]["messages"][0]["content"]["text"] == "hello Ada",
        (list, prompt),
    )
}

fn completion(stage: &mut Stage) -> Outcome {
    stage.begin();
    let params = json!({ "ref": { "type": "ref/prompt", "name": "greet" }, "argument": { "name": "who", "value": "A" } });
    let answer = stage.ask("completion/complete", params);
    holds(answer["result"]["completion"]["values"][0] == "Ada", answer)
}

fn ping(stage: &mut Stage) -> Outcome {
    stage.begin();
    let answer = stage.ask("ping", json!({}));
    holds(answer["result"] == json!({}), answer)
}

fn structured(stage: &mut Stage) -> Outcome {
    let answer = ask_for(stage, "structured");
    holds(answer["result"]["structuredContent"] == json!({ "n": 1 }) && words(&answer) == "{\"n\":1}", answer)
}

fn listed(stage: &mut Stage) -> Outcome {
    let answer = ask_for(stage, "listed");
    if stage.client.is_modern() {
        return holds(answer["result"]["structuredContent"] == json!([1, 2]), answer);
    }
    let said: Value = serde_json::from_str(words(&answer)).unwrap_or_default();
    if answer["result"].get("structuredContent").is_none() && said == json!([1, 2]) {
        return Outcome::Lossy("becomes a text block with the JSON");
    }
    Outcome::Failed(answer.to_string())
}

fn audio(stage: &mut Stage) -> Outcome {
    let answer = ask_for(stage, "audio");
    let block = &answer["result"]["content"][0];
    if stage.client.1 >= Revision::V2025_03_26 || !stage.server.is_modern() {
        return holds(block["type"] == "audio" && block["data"] == "QUJD", answer);
    }
    if block["type"] == "resource" && block["resource"]["blob"] == "QUJD" {
        return Outcome::Lossy("becomes an embedded resource");
    }
    Outcome::Failed(answer.to_string())
}

fn link(stage: &mut Stage) -> Outcome {
    let answer = ask_for(stage, "link");
    let block = &answer["result"]["content"][0];
    if stage.client.1 >= J25 || !stage.server.is_modern() {
        return holds(block["type"] == "resource_link" && block["uri"] == "test://text", answer);
    }
    if block["type"] == "text" && words(&answer).contains("test://text") {
        return Outcome::Lossy("becomes a text block");
    }
    Outcome::Failed(answer.to_string())
}

fn mirrored(stage: &mut Stage) -> Outcome {
    stage.begin();
    let answer = stage.call("region", json!({ "region": "größe" }));
    holds(words(&answer) == "größe", answer)
}

fn batch(stage: &mut Stage) -> Outcome {
    stage.begin();
    for id in ["901", "902"] {
        stage.me().calls.insert(id.to_owned(), tapgate_testkit::peer::client::Call::default());
    }
    let batch = json!([
        { "jsonrpc": "2.0", "id": 901, "method": "ping" },
        { "jsonrpc": "2.0", "method": "notifications/roots/list_changed" },
        { "jsonrpc": "2.0", "id": 902, "method": "tools/list" },
    ]);
    stage.me().send(&batch);
    stage.settle();
    let (ping, list) = (stage.me().answer("901").clone(), stage.me().answer("902").clone());
    holds(ping["result"] == json!({}) && list["result"]["tools"][0]["name"] == "echo", (ping, list))
}

fn end(stage: &mut Stage) -> Outcome {
    stage.begin();
    stage.me().end();
    stage.settle();
    let n_talks = stage.world.server.n_talks();
    // A modern server has no session to end.
    let is_gone = n_talks == 0 || stage.server.is_modern();
    if stage.client.0 == Over::Http {
        let answer = stage.ask("ping", json!({}));
        let status =
            stage.me().calls.values().find(|call| call.method == "ping").and_then(|call| call.status);
        return holds(is_gone && status == Some(404) && answer.get("error").is_some(), (n_talks, answer));
    }
    if stage.client.0 == Over::Pipe {
        return holds(is_gone && stage.world.exit == Some(0), (n_talks, stage.world.exit));
    }
    holds(is_gone, n_talks)
}

/// What only reads is asked once more of the next process, a tool is never called again.
fn repeat(stage: &mut Stage) -> Outcome {
    stage.begin();
    let read = stage.ask("resources/read", json!({ "uri": "test://deadly" }));
    let call = stage.call("die", json!({}));
    let heard = &stage.world.server.skill.heard;
    let n = |method: &str| heard.iter().filter(|(heard, _)| heard == method).count();
    let is_read = read["result"]["contents"][0]["text"] == "words" && n("resources/read") == 2;
    let is_called = call["error"]["code"] == -32603 && n("tools/call") == 1;
    holds(is_read && is_called, (read, call, n("resources/read"), n("tools/call")))
}

fn restart(stage: &mut Stage) -> Outcome {
    stage.begin();
    if stage.server.0 == Over::Http {
        stage.world.server.forget_sessions();
    } else {
        let answer = stage.call("die", json!({}));
        if answer["error"]["code"] != -32603 {
            return Outcome::Failed(format!("a call that dies gets {answer}"));
        }
    }
    stage.settle();
    let n = stage.world.server.skill.n_counted;
    let answer = stage.call("count", json!({}));
    let counted = stage.world.server.skill.n_counted - n;
    holds(words(&answer) == "counted" && counted == 1, (answer, counted))
}
