//! What becomes of one request, row by row.

use std::time::Duration;

use super::stage::{ASKABLE, Legs, Stage};

const TEXT: &str = r#"{"content":[{"type":"text","text":"hi","x":1.0}]}"#;

#[test]
fn discover_is_answered_from_the_handshake() {
    for legs in [Legs::HttpToPipe, Legs::HttpToHttp, Legs::PipeToPipe, Legs::HttpToSse] {
        let mut stage = Stage::new(legs);
        stage.capabilities = ASKABLE.into();
        stage.asks("\"d\"", "server/discover", "{}");
        let hello = stage.got.front().unwrap().clone();
        assert_eq!(hello.at(&["params", "protocolVersion"]), r#""2025-11-25""#);
        assert_eq!(hello.at(&["params", "clientInfo"]), r#"{"name":"new","version":"1"}"#);
        assert_eq!(hello.at(&["params", "capabilities"]), ASKABLE);
        stage.greets(r#"{"tools":{"listChanged":true},"tasks":{"list":{}},"extensions":{"a/b":{}},"experimental":{"x":{}}}"#);
        let told = stage.hears();
        assert_eq!(told.at(&["id"]), "\"d\"");
        assert_eq!(
            told.at(&["result"]),
            r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"extensions":{"a/b":{}},"experimental":{"x":{}}},"instructions":"be kind","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"old","version":"3"}}}"#
        );
        stage.is_quiet();
    }
}

#[test]
fn the_revision_that_the_operator_named_is_offered() {
    let mut stage = Stage::new(Legs::HttpToPipe);
    stage.settings.server_revision = tapgate_wire::revision::Revision::parse("2025-03-26");
    stage.asks("1", "server/discover", "{}");
    assert_eq!(stage.gets("initialize").at(&["params", "protocolVersion"]), r#""2025-03-26""#);
}

#[test]
fn what_left_with_the_revision_is_not_known() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    for method in [
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "tasks/result",
        "tasks/list",
        "tasks/other",
    ] {
        stage.asks("1", method, r#"{"taskId":"t"}"#);
        let told = stage.hears();
        assert_eq!((told.code(), told.status), ("-32601".into(), 404), "{method}");
    }
    stage.is_quiet();
}

#[test]
fn what_the_server_cannot_do_is_not_known() {
    let mut stage = Stage::new(Legs::HttpToPipe);
    stage.asks("1", "prompts/list", "{}");
    stage.greets(r#"{"tools":{}}"#);
    let told = stage.hears();
    assert_eq!((told.code(), told.says()), ("-32601".into(), "\"the server files has no prompts\"".into()));
    stage.asks("2", "vendor/echo", r#"{"a":1.0}"#);
    let echo = stage.gets("vendor/echo");
    assert_eq!(echo.at(&["params"]), r#"{"a":1.0}"#);
    stage.answers(&echo, r#"{"a":1.0}"#);
    assert!(stage.hears().at(&["result"]).starts_with(r#"{"a":1.0,"resultType":"complete""#));
}

#[test]
fn a_list_is_complete_stale_and_private_and_says_who_gave_it() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.meta = r#","traceparent":"00-1","vendor":1.0"#.into();
    stage.asks("1", "tools/list", "{}");
    let list = stage.gets("tools/list");
    assert_eq!(list.at(&["params"]), r#"{"_meta":{"traceparent":"00-1","vendor":1.0}}"#);
    stage.answers(
        &list,
        r#"{"tools":[{"name":"a","execution":{"taskSupport":"optional"},"inputSchema":{"type":"object","x":1e400}}],"new":[1.0]}"#,
    );
    let told = stage.hears();
    assert_eq!(
        told.at(&["result"]),
        r#"{"tools":[{"name":"a","inputSchema":{"type":"object","x":1e400}}],"new":[1.0],"resultType":"complete","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"old","version":"3"}}}"#
    );
}

#[test]
fn a_call_passes_as_it_came() {
    let mut stage = Stage::greeted(Legs::PipeToPipe, "{}");
    stage.asks(
        "7",
        "prompts/get",
        r#"{"name":"p","arguments":{"n":1.0,"big":12345678901234567890},"task":{}}"#,
    );
    let call = stage.gets("prompts/get");
    assert_eq!(call.at(&["params"]), r#"{"name":"p","arguments":{"n":1.0,"big":12345678901234567890}}"#);
    stage.answers(&call, r#"{"messages":[]}"#);
    let told = stage.hears();
    assert_eq!(told.at(&["id"]), "7");
    assert_eq!(told.at(&["result", "resultType"]), "\"complete\"");
    assert_eq!(told.at(&["result", "ttlMs"]), "");
}

#[test]
fn a_tool_error_stays_one_and_an_error_stays_an_error() {
    let mut stage = Stage::greeted(Legs::PipeToPipe, "{}");
    stage.asks("1", "prompts/get", r#"{"name":"p"}"#);
    let call = stage.gets("prompts/get");
    stage.answers(&call, r#""error":{"code":-32017,"message":"no","data":{"deep":[1.0]}}"#);
    assert_eq!(stage.hears().at(&["error"]), r#"{"code":-32017,"message":"no","data":{"deep":[1.0]}}"#);
    stage.asks("2", "prompts/get", r#"{"name":"p"}"#);
    let call = stage.gets("prompts/get");
    stage.answers(&call, "17");
    let told = stage.hears();
    assert_eq!(told.code(), "-32603");
    assert_eq!(told.at(&["error", "data"]), r#"{"upstream":"files"}"#);
}

#[test]
fn a_missing_resource_is_a_wrong_parameter() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.asks("1", "resources/read", r#"{"uri":"file:///a"}"#);
    let read = stage.gets("resources/read");
    stage.answers(&read, r#""error":{"code":-32002,"message":"no such"}"#);
    let told = stage.hears();
    assert_eq!(told.code(), "-32602");
    assert_eq!(told.at(&["error", "data"]), r#"{"uri":"file:///a"}"#);
}

#[test]
fn a_cursor_is_good_for_who_got_it_and_on_its_link() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.asks("1", "tools/list", "{}");
    let list = stage.gets("tools/list");
    stage.answers(&list, r#"{"tools":[],"nextCursor":"a\"b"}"#);
    let cursor = stage.hears().at(&["result", "nextCursor"]);
    assert!(!cursor.contains("a\\"), "{cursor}");
    let next = format!(r#"{{"cursor":{cursor}}}"#);

    stage.asks("2", "tools/list", &next);
    let list = stage.gets("tools/list");
    assert_eq!(list.at(&["params", "cursor"]), r#""a\"b""#);
    stage.answers(&list, r#"{"tools":[]}"#);
    assert_eq!(stage.hears().at(&["result", "nextCursor"]), "");

    stage.asks("3", "tools/list", r#"{"cursor":"AAAA"}"#);
    assert_eq!(stage.hears().code(), "-32602");
    stage.who = "bob".into();
    stage.asks("4", "tools/list", &next);
    assert_eq!(stage.hears().code(), "-32602");
    stage.who = "ann".into();

    stage.breaks(&list);
    stage.asks("5", "tools/list", &next);
    assert_eq!(stage.hears().code(), "-32602");
    stage.is_quiet();
}

#[test]
fn an_old_cursor_is_not_good_any_more() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.settings.bounds.session_age = Duration::from_mins(1);
    stage.asks("1", "tools/list", "{}");
    let list = stage.gets("tools/list");
    stage.answers(&list, r#"{"tools":[],"nextCursor":""}"#);
    let cursor = stage.hears().at(&["result", "nextCursor"]);
    assert_ne!(cursor, "\"\"");
    stage.wait(Duration::from_mins(2));
    stage.asks("2", "tools/list", &format!(r#"{{"cursor":{cursor}}}"#));
    assert_eq!(stage.hears().code(), "-32602");
}

#[test]
fn who_leaves_cancels() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    let stream = stage.asks("1", "prompts/get", r#"{"name":"p"}"#);
    let call = stage.gets("prompts/get");
    stage.hear(tapgate_wire::edge::Heard::Left { stream });
    let cancelled = stage.gets("notifications/cancelled");
    assert_eq!(cancelled.at(&["params", "requestId"]), call.id());
    stage.answers(&call, r#"{"messages":[]}"#);
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn who_cancels_on_pipes_cancels() {
    let mut stage = Stage::greeted(Legs::PipeToPipe, "{}");
    stage.asks("\"x\"", "prompts/get", r#"{"name":"p"}"#);
    let call = stage.gets("prompts/get");
    stage.line(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"x"}}"#);
    let cancelled = stage.gets("notifications/cancelled");
    assert_eq!(cancelled.at(&["params", "requestId"]), call.id());
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn progress_has_the_clients_token_and_only_rises() {
    for legs in [Legs::HttpToPipe, Legs::HttpToHttp] {
        let mut stage = Stage::greeted(legs, "{}");
        stage.meta = r#","progressToken":"p""#.into();
        let streams = [
            stage.asks("1", "prompts/get", r#"{"name":"a"}"#),
            stage.asks("1", "prompts/get", r#"{"name":"b"}"#),
        ];
        let calls = [stage.gets("prompts/get"), stage.gets("prompts/get")];
        for (at, value) in [(0, "1"), (1, "0.5"), (0, "1"), (0, "0.2"), (1, "1e1"), (0, "2")] {
            let token = calls[at].at(&["params", "_meta", "progressToken"]);
            stage.says(
                &calls[at],
                &format!(
                    r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{value}}}}}"#
                ),
            );
        }
        let told: Vec<_> = stage
            .heard
            .drain(..)
            .map(|told| {
                assert_eq!(told.at(&["params", "progressToken"]), "\"p\"");
                (told.stream, told.at(&["params", "progress"]))
            })
            .collect();
        let [a, b] = streams;
        assert_eq!(told, [(a, "1".into()), (b, "0.5".into()), (b, "1e1".into()), (a, "2".into())]);
        stage.answers(&calls[0], r#"{"messages":[]}"#);
        assert_eq!(stage.hears().stream, a);
    }
}

#[test]
fn logs_come_only_to_who_wants_them_and_at_that_level() {
    let mut stage = Stage::greeted(Legs::HttpToHttp, "{}");
    stage.asks("1", "prompts/get", r#"{"name":"silent"}"#);
    let silent = stage.gets("prompts/get");
    stage.meta = r#","io.modelcontextprotocol/logLevel":"warning""#.into();
    let stream = stage.asks("2", "prompts/get", r#"{"name":"loud"}"#);
    let level = stage.gets("logging/setLevel");
    assert_eq!(level.at(&["params"]), r#"{"level":"warning"}"#);
    stage.is_quiet();
    stage.answers(&level, "{}");
    let loud = stage.gets("prompts/get");
    assert_eq!(loud.at(&["params", "_meta"]), "");
    for (call, level) in [(&silent, "error"), (&loud, "info"), (&loud, "error"), (&loud, "odd")] {
        let log = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"{level}","data":"x"}}}}"#
        );
        stage.says(call, &log);
    }
    let told = stage.hears();
    assert_eq!((told.stream, told.at(&["params", "level"])), (stream, "\"error\"".into()));
    stage.is_quiet();

    stage.meta = r#","io.modelcontextprotocol/logLevel":"error""#.into();
    stage.asks("3", "prompts/get", r#"{"name":"p"}"#);
    stage.gets("prompts/get");
    stage.meta = r#","io.modelcontextprotocol/logLevel":"debug""#.into();
    stage.asks("4", "prompts/get", r#"{"name":"p"}"#);
    assert_eq!(stage.gets("logging/setLevel").at(&["params", "level"]), "\"debug\"");
    stage.meta = r#","io.modelcontextprotocol/logLevel":"loud""#.into();
    stage.asks("5", "prompts/get", r#"{"name":"p"}"#);
    assert_eq!(stage.hears().code(), "-32602");
}

#[test]
fn a_log_on_pipes_is_of_the_one_call_that_wants_logs_or_dropped() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"x"}}"#;
    stage.asks("1", "prompts/get", r#"{"name":"silent"}"#);
    let silent = stage.gets("prompts/get");
    stage.says(&silent, log);
    stage.is_quiet();
    stage.meta = r#","io.modelcontextprotocol/logLevel":"info""#.into();
    let first = stage.asks("2", "prompts/get", r#"{"name":"a"}"#);
    let level = stage.gets("logging/setLevel");
    stage.answers(&level, "{}");
    let call = stage.gets("prompts/get");
    stage.says(&call, log);
    assert_eq!(stage.hears().stream, first);
    stage.asks("3", "prompts/get", r#"{"name":"b"}"#);
    stage.gets("prompts/get");
    stage.says(&call, log);
    stage.is_quiet();
}

#[test]
fn a_log_on_the_general_stream_is_of_no_call() {
    let mut stage = Stage::new(Legs::HttpToHttp);
    stage.meta = r#","io.modelcontextprotocol/logLevel":"info""#.into();
    stage.asks("1", "prompts/get", r#"{"name":"p"}"#);
    let general = stage.greets(r#"{"prompts":{}}"#);
    stage.gets("prompts/get");
    stage.says(
        &general,
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"x"}}"#,
    );
    stage.is_quiet();
}

#[test]
fn the_server_is_answered_at_once_what_nobody_can_be_asked() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.asks("1", "prompts/list", "{}");
    let call = stage.gets("prompts/list");
    for (method, member, expected) in [
        ("ping", "result", "{}"),
        // Spec 2026-07-28, SEP-2260: without a call it is a wrong parameter.
        ("roots/list", "error", "-32602"),
        ("sampling/createMessage", "error", "-32602"),
        ("elicitation/create", "error", "-32602"),
        ("vendor/ask", "error", "-32601"),
    ] {
        stage.says(&call, &format!(r#"{{"jsonrpc":"2.0","id":"s","method":"{method}","params":{{}}}}"#));
        let told = stage.gets_answer("\"s\"");
        let path: &[&str] = if member == "result" { &["result"] } else { &["error", "code"] };
        assert_eq!(told.at(path), expected, "{method}");
    }
    stage.answers(&call, r#"{"prompts":[]}"#);
    assert_eq!(stage.hears().at(&["id"]), "1");
    stage.says(&call, r#"{"jsonrpc":"2.0","id":9,"method":"roots/list"}"#);
    assert_eq!(stage.gets_answer("9").at(&["error", "code"]), "-32602");
    stage.is_quiet();
}

#[test]
fn a_tool_that_has_to_be_a_task_is_called_as_one() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.asks("1", "tools/call", r#"{"name":"slow","arguments":{"a":1.0}}"#);
    let list = stage.gets("tools/list");
    stage.answers(
        &list,
        r#"{"tools":[{"name":"slow","inputSchema":{"type":"object"},"execution":{"taskSupport":"required"}}]}"#,
    );
    let call = stage.gets("tools/call");
    assert_eq!(call.at(&["params", "task"]), "{}");
    stage.answers(&call, r#"{"task":{"taskId":"t\"1","status":"working","createdAt":"x","ttl":null}}"#);
    let wait = stage.gets("tasks/result");
    assert_eq!(wait.at(&["params"]), r#"{"taskId":"t\"1"}"#);
    stage.answers(
        &wait,
        r#"{"content":[],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t\"1"},"mine":1}}"#,
    );
    let told = stage.hears();
    assert_eq!(told.at(&["id"]), "1");
    assert_eq!(told.at(&["result", "resultType"]), "\"complete\"");
    assert_eq!(told.at(&["result", "_meta", "mine"]), "1");
    assert_eq!(told.at(&["result", "_meta", "io.modelcontextprotocol/related-task"]), "");

    let stream = stage.asks("2", "tools/call", r#"{"name":"slow"}"#);
    let call = stage.gets("tools/call");
    stage.answers(&call, r#"{"task":{"taskId":"t2","status":"working"}}"#);
    let wait = stage.gets("tasks/result");
    stage.hear(tapgate_wire::edge::Heard::Left { stream });
    let cancel = stage.gets("tasks/cancel");
    assert_eq!(cancel.at(&["params"]), r#"{"taskId":"t2"}"#);
    stage.is_quiet();
    stage.answers(&cancel, "{}");
    stage.answers(&wait, r#""error":{"code":-32603,"message":"cancelled"}"#);
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn headers_that_differ_from_arguments_are_refused() {
    let tools = r#"{"tools":[{"name":"sql","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}]}"#;
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.asks("1", "tools/call", r#"{"name":"sql","arguments":{"region":"eu"}}"#);
    stage.asks("2", "tools/call", r#"{"name":"sql","arguments":{"region":"eu"}}"#);
    let list = stage.gets("tools/list");
    stage.is_quiet();
    stage.answers(&list, tools);
    for _ in 0..2 {
        let told = stage.hears();
        assert_eq!((told.code(), told.status), ("-32020".into(), 400));
    }
    stage.headers.insert("mcp-param-region", "eu".parse().unwrap());
    stage.asks("3", "tools/call", r#"{"name":"sql","arguments":{"region":"eu"}}"#);
    let call = stage.gets("tools/call");
    stage.answers(&call, TEXT);
    assert!(stage.hears().at(&["result"]).starts_with(TEXT.strip_suffix('}').unwrap()));

    // An unknown tool is looked for once, until the list changes.
    stage.headers.clear();
    for _ in 0..2 {
        stage.asks("4", "tools/call", r#"{"name":"other"}"#);
        stage.gets("tools/call");
    }
    stage.says(&call, r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
    stage.asks("5", "tools/call", r#"{"name":"other"}"#);
    let list = stage.gets("tools/list");
    stage.answers(&list, r#"{"tools":[],"nextCursor":"2"}"#);
    let list = stage.gets("tools/list");
    assert_eq!(list.at(&["params", "cursor"]), "\"2\"");
    stage.answers(&list, tools);
    stage.gets("tools/call");
    stage.is_quiet();
}

#[test]
fn vendor_notifications_cross() {
    let mut stage = Stage::greeted(Legs::PipeToPipe, "{}");
    stage.line(
        r#"{"jsonrpc":"2.0","method":"vendor/hint","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}},"x":1.0}}"#,
    );
    assert_eq!(stage.gets("vendor/hint").at(&["params", "x"]), "1.0");
    stage.is_quiet();
}

#[test]
fn credentials_go_with_all_that_a_client_causes() {
    let mut stage = Stage::new(Legs::HttpToHttp);
    stage.meta = r#","io.modelcontextprotocol/logLevel":"info""#.into();
    stage.asks("1", "prompts/get", r#"{"name":"p"}"#);
    let credentials = |got: &super::stage::Got| got.headers.get("authorization").cloned();
    assert_eq!(credentials(stage.got.front().unwrap()).unwrap(), "Bearer ann");
    let general = stage.greets(r#"{"prompts":{},"logging":{}}"#);
    assert_eq!(credentials(&general).unwrap(), "Bearer ann");
    let level = stage.gets("logging/setLevel");
    assert_eq!(credentials(&level).unwrap(), "Bearer ann");
    stage.answers(&level, "{}");
    assert_eq!(credentials(&stage.gets("prompts/get")).unwrap(), "Bearer ann");
}
