//! What no bridge can say in the other side's words, and what each side gets instead.

use std::time::Duration;

use serde_json::{Value, json};
use tapgate_testkit::peer::{META, Manner, Over};
use tapgate_wire::Message;
use tapgate_wire::edge::Heard;
use tapgate_wire::revision::Revision;

use super::raw::{Raw, Told, discovered, meta};
use super::stage::{Kind, Stage};

const OLD: Revision = Revision::V2025_11_25;
const NEW: Revision = Revision::V2026_07_28;

/// One thing that cannot be said.
pub(crate) struct Case {
    /// What.
    pub(crate) what: &'static str,
    /// Who wants to say it, to whom.
    pub(crate) who: &'static str,
    /// Plays it and says what came out, for the page.
    pub(crate) run: fn() -> String,
}

pub(crate) const CASES: &[Case] = &[
    Case { what: "`tasks/list`", who: "a client of 2025-11-25 to a server of 2026-07-28", run: task_list },
    Case {
        what: "`tasks/get`",
        who: "a client of 2026-07-28 that declares no tasks to a server of 2025-11-25",
        run: task_get,
    },
    Case { what: "sampling or roots refused", who: "a legacy client to a modern server", run: refused },
    Case { what: "sampling or roots refused", who: "a modern client to a legacy server", run: abandoned },
    Case {
        what: "a request that belongs to no call",
        who: "a legacy server to a modern client",
        run: unassociated,
    },
    Case {
        what: "a log that belongs to no call",
        who: "a legacy server to a modern client",
        run: unattributed,
    },
    Case {
        what: "a list that changes with the session",
        who: "a legacy server to a modern client",
        run: mutable,
    },
    Case {
        what: "the answers to a call that is not held any more, or elsewhere",
        who: "a modern client to a legacy server",
        run: lost,
    },
    Case {
        what: "a page to open (-32042)",
        who: "a legacy server to a modern client without `elicitation.url`",
        run: page,
    },
    Case {
        what: "a question for which the client declared nothing",
        who: "a legacy server to a modern client",
        run: undeclared,
    },
    Case {
        what: "a request for what the server's revision or capabilities lack",
        who: "a modern client to a legacy server",
        run: lacking,
    },
    Case {
        what: "a request of a revision that nobody knows",
        who: "a client of tomorrow to any server",
        run: tomorrow,
    },
    Case { what: "anything, to a server that is down", who: "any client", run: down },
];

/// An error as the page shows it, after its code and data were compared.
#[track_caller]
fn error(told: &Told, code: i64, data: &Value) -> String {
    assert_eq!((told.code(), &told.message["error"]["data"]), (code, data), "{told:?}");
    let status = if told.status == 0 { String::new() } else { format!(", HTTP {}", told.status) };
    let data = if data.is_null() { String::new() } else { format!(" with `data` `{data}`") };
    format!("{code}{status}{data}")
}

fn ask(stage: &mut Stage, method: &str, params: Value) -> Told {
    let message = stage.ask(method, params);
    Told { status: 0, message }
}

fn task_list() -> String {
    let asked = |is_offered: bool| {
        let mut stage = Stage::new(Kind(Over::Pipe, OLD), Kind(Over::Http, NEW));
        stage.world.server.skill.jobs.is_offered = is_offered;
        let tasks = stage.begin()["result"]["capabilities"]["tasks"].clone();
        assert!(tasks.is_object() == is_offered && tasks.get("list").is_none(), "{tasks}");
        error(&ask(&mut stage, "tasks/list", json!({})), -32601, &Value::Null)
    };
    assert_eq!(asked(false), asked(true));
    format!("the client: no `list` in the capability `tasks`, and {}", asked(true))
}

fn task_get() -> String {
    let mut raw = over_http(json!({ "tools": {}, "tasks": { "requests": { "tools": { "call": {} } } } }));
    raw.asks(json!(2), "tasks/get", json!({ "taskId": "t" }));
    let tasks = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let got = error(&raw.hears(), -32021, &json!({ "requiredCapabilities": tasks }));
    raw.asks(json!(3), "server/discover", json!({ "_meta": meta(askable()) }));
    let capabilities = raw.hears().message["result"]["capabilities"].clone();
    assert!(capabilities["tasks"].is_null() && capabilities["extensions"] == tasks["extensions"]);
    format!("the client: {got}")
}

/// A modern client over HTTP that has spoken to a legacy server on stdio with these capabilities.
fn over_http(capabilities: Value) -> Raw {
    let mut raw = Raw::new(Over::Http, Over::Pipe);
    raw.asks(json!(1), "server/discover", json!({ "_meta": meta(askable()) }));
    let probe = raw.gets("server/discover");
    raw.refuses(&probe, 200, json!({ "code": -32601, "message": "no" }));
    raw.greets(capabilities);
    raw.gets("notifications/initialized");
    raw.hears();
    raw.is_quiet();
    // Later than what a server may ask by itself when its session begins.
    raw.pass(Duration::from_secs(30));
    raw
}

/// Greets again if the bridge opens a session of its own for what the request declares.
fn greeted(raw: &mut Raw, capabilities: Value) {
    if raw.got.front().is_some_and(|got| got.method() == "initialize") {
        raw.greets(capabilities);
        raw.gets("notifications/initialized");
    }
}

fn askable() -> Value {
    json!({ "elicitation": {}, "sampling": {}, "roots": {} })
}

fn refused() -> String {
    let mut said = Vec::new();
    for tool in ["sample", "roots"] {
        let mut stage = Stage::new(Kind(Over::Http, OLD), Kind(Over::Http, NEW));
        stage.me().manner = Manner::Declines;
        stage.begin();
        let answer = stage.call(tool, json!({}));
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        let calls = stage.world.server.skill.heard.iter().filter(|(method, _)| method == "tools/call");
        assert_eq!(calls.count(), 1, "the call was sent again");
        said.push("the client: a result with `isError`; the server: nothing, it is not asked again");
    }
    assert_eq!(said[0], said[1]);
    said[0].to_owned()
}

fn abandoned() -> String {
    let mut stage = Stage::new(Kind(Over::Http, NEW), Kind(Over::Pipe, OLD));
    stage.me().manner = Manner::Declines;
    stage.begin();
    assert!(stage.call("sample", json!({})).is_null());
    assert_eq!(stage.world.server.skill.cancelled, Vec::<String>::new());
    stage.world.pass(Duration::from_mins(10));
    assert_eq!(stage.world.server.skill.cancelled, ["sample"]);
    "the server: `notifications/cancelled` after ten minutes, because the client does not come back"
        .to_owned()
}

/// A legacy server says something on its general stream.
fn server_says(raw: &mut Raw, message: &Value) {
    let message = Message::parse(message.to_string().into());
    let child = raw.child;
    raw.hear(Heard::ChildLine { child, message });
    raw.pass(Duration::from_secs(1));
}

fn unassociated() -> String {
    let mut raw = over_http(json!({ "prompts": {} }));
    server_says(&mut raw, &json!({ "jsonrpc": "2.0", "id": 7, "method": "roots/list" }));
    let answer = raw.got.pop_front().unwrap().message;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(7), &json!(-32602)));
    raw.is_quiet();
    "the server: -32602".to_owned()
}

fn unattributed() -> String {
    let mut raw = over_http(json!({ "prompts": {}, "logging": {} }));
    let mut wish = meta(askable());
    wish[format!("{META}logLevel")] = json!("debug");
    for n in [2, 3] {
        raw.asks(json!(n), "prompts/list", json!({ "_meta": wish }));
    }
    let level = raw.gets("logging/setLevel");
    raw.answers(&level, json!({}));
    assert_eq!(raw.got.drain(..).map(|got| got.method().to_owned()).collect::<Vec<_>>(), ["prompts/list"; 2]);
    let params = json!({ "level": "error", "data": "x" });
    server_says(&mut raw, &json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": params }));
    raw.is_quiet();
    "nobody: it is only recorded".to_owned()
}

fn mutable() -> String {
    let mut raw = over_http(json!({ "tools": { "listChanged": true } }));
    raw.asks(json!(2), "tools/list", json!({}));
    greeted(&mut raw, json!({ "tools": { "listChanged": true } }));
    let list = raw.gets("tools/list");
    raw.answers(&list, json!({ "tools": [] }));
    let result = raw.hears().message["result"].clone();
    assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(0), &json!("private")));
    // Another principal has a session of its own.
    raw.asks_as("authorization: Bearer bob", json!(3), "tools/list", json!({}));
    raw.gets("initialize");
    "the client: `ttlMs` 0 and `cacheScope` `private`, from a session that is its principal's alone"
        .to_owned()
}

fn lost() -> String {
    let mut raw = over_http(json!({ "prompts": {} }));
    let params = json!({ "name": "p", "_meta": meta(askable()) });
    let call = |raw: &mut Raw, more: &Value| {
        let mut params = params.clone();
        for (name, value) in more.as_object().into_iter().flatten() {
            params[name] = value.clone();
        }
        raw.asks(json!(2), "prompts/get", params);
    };
    call(&mut raw, &json!({}));
    greeted(&mut raw, json!({ "prompts": {} }));
    let got = raw.gets("prompts/get");
    raw.streams(&got, true, &json!({ "jsonrpc": "2.0", "id": 7, "method": "roots/list" }));
    raw.pass(Duration::from_secs(1));
    let state = raw.hears().message["result"]["requestState"].clone();
    assert!(state.is_string());
    let retry = json!({ "inputResponses": { "q1": { "roots": [] } }, "requestState": state });
    // Another process with the same keys, as behind a load balancer.
    let mut other = over_http(json!({ "prompts": {} }));
    call(&mut other, &retry);
    let elsewhere = error(&other.hears(), -32602, &Value::Null);
    raw.pass(Duration::from_mins(10));
    raw.got.clear();
    call(&mut raw, &retry);
    let late = error(&raw.hears(), -32602, &Value::Null);
    assert_eq!(elsewhere, late);
    raw.is_quiet();
    format!("the client: {late}; the call is never made again by itself")
}

fn page() -> String {
    let mut raw = over_http(json!({ "prompts": {} }));
    raw.asks(json!(2), "prompts/get", json!({ "name": "p" }));
    greeted(&mut raw, json!({ "prompts": {} }));
    let call = raw.gets("prompts/get");
    let elicitation =
        json!({ "mode": "url", "elicitationId": "9", "url": "https://b.example/", "message": "m" });
    let data = json!({ "elicitations": [elicitation] });
    raw.refuses(&call, 200, json!({ "code": -32042, "message": "go", "data": data }));
    let lacks = json!({ "requiredCapabilities": { "elicitation": { "url": {} } } });
    format!("the client: {}", error(&raw.hears(), -32021, &lacks))
}

fn undeclared() -> String {
    let mut raw = Raw::new(Over::Http, Over::Http);
    raw.asks(json!(1), "prompts/get", json!({ "name": "p" }));
    let probe = raw.gets("server/discover");
    raw.refuses(&probe, 400, json!({ "code": -32601, "message": "no" }));
    raw.greets(json!({ "prompts": {} }));
    raw.got.retain(|got| got.method() == "prompts/get");
    let call = raw.gets("prompts/get");
    let params = json!({ "messages": [], "maxTokens": 1 });
    let question = json!({ "jsonrpc": "2.0", "id": 7, "method": "sampling/createMessage", "params": params });
    raw.streams(&call, true, &question);
    raw.pass(Duration::from_secs(1));
    let answer = raw.got.iter().find(|got| got.message["id"] == 7).unwrap();
    assert_eq!(answer.message["error"]["code"], -32601, "{answer:?}");
    let lacks = json!({ "requiredCapabilities": { "sampling": {} } });
    format!("the client: {}; the server: -32601", error(&raw.hears(), -32021, &lacks))
}

fn lacking() -> String {
    let mut raw = over_http(json!({ "tools": {} }));
    let capabilities = |raw: &mut Raw| {
        raw.asks(json!(2), "server/discover", json!({ "_meta": meta(askable()) }));
        raw.hears().message["result"]["capabilities"].clone()
    };
    assert_eq!(capabilities(&mut raw), json!({ "tools": {} }));
    let mut said = Vec::new();
    let wish = json!({ "notifications": { "toolsListChanged": true } });
    raw.asks(json!(3), "tools/list", json!({}));
    greeted(&mut raw, json!({ "tools": {} }));
    raw.gets("tools/list");
    for (method, params) in [
        ("prompts/list", json!({})),
        ("completion/complete", json!({ "ref": {}, "argument": {} })),
        ("subscriptions/listen", wish),
    ] {
        raw.asks(json!(3), method, params);
        said.push(error(&raw.hears(), -32601, &Value::Null));
        raw.is_quiet();
    }
    assert!(said.iter().all(|one| *one == said[0]));
    format!("the client: the capability is not there, and {}", said[0])
}

fn tomorrow() -> String {
    let mut said = Vec::new();
    for over in [Over::Pipe, Over::Http] {
        let mut raw = Raw::new(Over::Http, over);
        let mut of_tomorrow = meta(json!({}));
        of_tomorrow[format!("{META}protocolVersion")] = json!("2027-01-01");
        let params = json!({ "_meta": of_tomorrow });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params });
        raw.post("mcp-protocol-version: 2027-01-01\nmcp-method: tools/list", &body);
        let data = json!({ "supported": ["2026-07-28"], "requested": "2027-01-01" });
        said.push(error(&raw.hears(), -32022, &data));
        raw.is_quiet();
    }
    assert_eq!(said[0], said[1]);
    format!("the client: {}", said[0])
}

fn down() -> String {
    let data = json!({ "upstream": "scripted" });
    let mut said = Vec::new();
    // No connection, no process, a connection or a process that breaks.
    for is_modern in [true, false] {
        let mut raw = Raw::new(Over::Http, Over::Http);
        let ask = |raw: &mut Raw| {
            raw.asks(json!(1), "vendor/own", json!({}));
        };
        ask(&mut raw);
        let probe = raw.gets("server/discover");
        raw.breaks(&probe, false);
        said.push(error(&raw.hears(), -32603, &data));
        ask(&mut raw);
        let probe = raw.gets("server/discover");
        if is_modern {
            raw.answers(&probe, discovered(json!({})));
        } else {
            raw.refuses(&probe, 400, json!({ "code": -32601, "message": "no" }));
            raw.greets(json!({}));
            raw.got.retain(|got| got.method() == "vendor/own");
        }
        let call = raw.gets("vendor/own");
        raw.breaks(&call, true);
        said.push(error(&raw.hears(), -32603, &data));
    }
    assert!(said.iter().all(|one| *one == said[0]), "{said:?}");
    format!("the client: {}", said[0])
}

#[test]
fn what_cannot_be_said_is_told_in_the_words_that_there_are() {
    for Case { what, who, run } in CASES {
        assert!(!run().is_empty(), "{what}: {who}");
    }
}
