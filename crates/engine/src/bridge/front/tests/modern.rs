use super::*;

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn body(method: &str, more: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":"q","method":"{method}","params":{{{META}{more}}}}}"#)
}

fn headers(method: &str) -> String {
    format!("MCP-Protocol-Version: 2026-07-28\nMcp-Method: {method}")
}

#[test]
fn a_request_needs_no_session_and_gets_none() {
    let mut stage = Stage::http();
    let legacy = stage.session(Revision::V2025_11_25, "");
    let headers = format!("{}\n{legacy}\nlast-event-id: 1", headers("tools/list"));
    same(&stage.post(&headers, &body("tools/list", "")), "asked 2 [Modern - 2026-07-28] \"q\" tools/list");
    same(
        &stage.answer(2, r#"{"jsonrpc":"2.0","id":"q","result":{}}"#),
        r#"respond 2 200 {"jsonrpc":"2.0","id":"q","result":{}}"#,
    );
    // The id need not be unique among requests that have streams of their own.
    stage.post(&headers, &body("tools/list", ""));
    same(&stage.post(&headers, &body("tools/list", "")), "asked 4 [Modern - 2026-07-28] \"q\" tools/list");
}

#[test]
fn the_status_follows_the_error() {
    let mut stage = Stage::http();
    for (code, status) in
        [(-32601, 404), (-32020, 400), (-32021, 400), (-32022, 400), (-32602, 200), (-32603, 200), (-1, 200)]
    {
        stage.send(&post(&headers("tools/list"), &body("tools/list", "")));
        let Some(FromClient::Asked { port, .. }) = stage.out.pop() else { panic!("nothing asked") };
        let error = format!(r#"{{"jsonrpc":"2.0","id":"q","error":{{"code":{code},"message":"m"}}}}"#);
        same(&stage.answer(port.0, &error), &format!("respond {} {status} {error}", stage.n_streams));
    }
}

#[test]
fn checks_come_in_their_order() {
    let mut stage = Stage::http();
    let no_meta = r#"{"jsonrpc":"2.0","id":"q","method":"tools/list"}"#.to_owned();
    let future = body("tools/list", "").replace("2026-07-28", "2027-01-01");
    let call = |name: &str| body("tools/call", &format!(r#","name":"{name}""#));
    let version = "mcp-protocol-version: 2026-07-28";
    let named = |name: &str| format!("{}\nmcp-name: {name}", headers("tools/call"));
    let cases = [
        ("headers alone are no metadata", headers("tools/list"), no_meta.clone(), -32602),
        ("the method header is a signal", "mcp-method: tools/list".into(), no_meta, -32602),
        (
            "discovery is modern",
            String::new(),
            r#"{"jsonrpc":"2.0","id":"q","method":"server/discover"}"#.into(),
            -32602,
        ),
        ("no version header", "mcp-method: tools/list".into(), body("tools/list", ""), -32020),
        ("nothing at all in headers", String::new(), body("tools/list", ""), -32020),
        (
            "another version",
            "mcp-protocol-version: 2025-11-25\nmcp-method: tools/list".into(),
            body("tools/list", ""),
            -32020,
        ),
        (
            "two versions",
            format!("{version}\n{version}\nmcp-method: tools/list"),
            body("tools/list", ""),
            -32020,
        ),
        (
            "a future revision, before other headers",
            "mcp-protocol-version: 2027-01-01".into(),
            future.clone(),
            -32022,
        ),
        ("a future revision in the body only", version.into(), future, -32020),
        ("no method header", version.into(), body("tools/list", ""), -32020),
        ("another method", headers("tools/call"), body("tools/list", ""), -32020),
        ("another case", headers("Tools/List"), body("tools/list", ""), -32020),
        ("no name header", headers("tools/call"), call("add"), -32020),
        ("another name", named("sub"), call("add"), -32020),
        ("a name in another case", named("Add"), call("add"), -32020),
        ("a name of nothing", named("add"), body("tools/call", ""), -32020),
        ("two names", format!("{}\nmcp-name: add", named("add")), call("add"), -32020),
        ("broken Base64", named("=?base64?YQ=?="), call("a"), -32020),
        ("Base64 of another name", named("=?base64?Yg==?="), call("a"), -32020),
        ("the marker in another case is plain text", named("=?BASE64?YQ==?="), call("a"), -32020),
        ("a batch", headers("tools/list"), format!("[{}]", body("tools/list", "")), -32600),
        ("an answer", version.into(), r#"{"jsonrpc":"2.0","id":"q","result":{}}"#.into(), -32600),
        ("no JSON", headers("tools/list"), "{".into(), -32700),
    ];
    for (what, headers, body, code) in cases {
        let told = stage.post(&headers, &body);
        assert!(
            told.contains(" 400 ") && told.contains(&format!(r#""error":{{"code":{code},"#)),
            "{what}: {told}"
        );
        let id = if code == -32600 || code == -32700 { "null" } else { "\"q\"" };
        assert!(told.contains(&format!(r#""id":{id}"#)), "{what}: {told}");
        if code == -32022 {
            assert!(
                told.contains(r#""data":{"supported":["2026-07-28"],"requested":"2027-01-01"}"#),
                "{told}"
            );
        }
    }
    assert_eq!(stage.front.held(), 0);
}

#[test]
fn headers_that_mirror_the_body_pass_in_any_spelling_of_their_names() {
    let mut stage = Stage::http();
    let cases = [
        ("tools/call", r#","name":"add""#, "MCP-NAME:   add  "),
        ("tools/call", r#","name":"größe""#, "mcp-name: =?base64?Z3LDtsOfZQ==?="),
        ("prompts/get", r#","name":"p q""#, "Mcp-Name: p q"),
        ("resources/read", r#","uri":"file:///a""#, "mcp-name: file:///a"),
        ("tasks/get", r#","taskId":"t1""#, "mcp-name: t1"),
        ("tools/call", "", "x-other: 1"),
        ("initialize", "", "x-other: 1"),
        ("tools/list", "", "mcp-name: ignored"),
    ];
    for (method, more, header) in cases {
        let told = stage.post(&format!("{}\n{header}", headers(method)), &body(method, more));
        assert!(told.starts_with("asked") && told.ends_with(method), "{header}: {told}");
    }
}

#[test]
fn a_notification_needs_no_headers() {
    let mut stage = Stage::http();
    same(
        &stage.post("", r#"{"jsonrpc":"2.0","method":"notifications/anything"}"#),
        "told [Modern - -] notifications/anything\nrespond 1 202",
    );
    let told = stage
        .post(&headers("notifications/cancelled"), r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#);
    same(&told, "told [Modern - -] notifications/cancelled\nrespond 2 202");
}

#[test]
fn asides_are_events_without_ids_and_the_answer_ends_them() {
    let mut stage = Stage::http();
    stage.post(&headers("subscriptions/listen"), &body("subscriptions/listen", ""));
    same(&stage.aside(1, LOG), &format!("begin 1\nemit 1 data: {LOG}"));
    same(&stage.tick(20 * SECOND), "emit 1 :");
    let mut answer = Answer::new(r#"{"jsonrpc":"2.0","id":"q","error":{"code":-32601,"message":"m"}}"#);
    answer.status = Some(404);
    stage.front.answer(stage.now, Port(1), answer, &mut stage.acts);
    same(
        &stage.told(),
        "emit 1 data: {\"jsonrpc\":\"2.0\",\"id\":\"q\",\"error\":{\"code\":-32601,\"message\":\"m\"}}\nfinish 1",
    );
    assert_eq!(stage.front.held(), 0);
}

#[test]
fn leaving_cancels_before_and_after_the_first_byte() {
    let mut stage = Stage::http();
    for stream in 1..=2 {
        stage.post(&headers("tools/list"), &body("tools/list", ""));
        if stream == 2 {
            stage.aside(2, LOG);
        }
        same(&stage.leave(stream), &format!("gone {stream}"));
        same(&stage.answer(stream, &result(1)), "");
        same(&stage.aside(stream, LOG), "");
        assert_eq!(stage.front.held(), 0);
    }
    same(&stage.leave(2), "");
}

#[test]
fn a_pause_is_nothing_to_a_modern_client() {
    let mut stage = Stage::http();
    stage.post(&headers("tools/list"), &body("tools/list", ""));
    stage.front.pause(stage.now, Port(1), Some(5), &mut stage.acts);
    same(&stage.told(), "");
}

#[test]
fn other_methods_than_post_are_of_no_use_to_a_modern_client() {
    let mut stage = Stage::http();
    let session = stage.session(Revision::V2025_11_25, "");
    for method in ["GET", "DELETE", "PUT"] {
        let told = stage.ask(&format!(
            "{method} /mcp\naccept: text/event-stream\n{session}\nmcp-protocol-version: 2026-07-28"
        ));
        assert!(told.contains(" 405 (allow: POST)"), "{told}");
    }
}

#[test]
fn a_named_legacy_revision_wins_over_the_method_header_but_not_over_a_modern_body() {
    let mut stage = Stage::http();
    let mixed = |method: &str| format!("mcp-protocol-version: 2025-11-25\nmcp-method: {method}\nmcp-name: x");
    same(&stage.post(&mixed("initialize"), &request(0, "initialize")), "asked 1 [Legacy 1 -] 0 initialize");
    stage.open(1, Revision::V2025_11_25);
    stage.answer(1, &result(0));
    let session = stage.session(Revision::V2025_11_25, "");
    let told = stage.post(&format!("{}\n{session}", mixed("ping")), &request(1, "ping"));
    same(&told, "asked 3 [Legacy 2 2025-11-25] 1 ping");
    let told = stage.ask(&format!("GET /mcp\naccept: text/event-stream\n{session}\n{}", mixed("x")));
    same(&told, "listens 2\nbegin 4");
    let told = stage.post(&mixed("tools/list"), &body("tools/list", ""));
    assert!(told.contains(" 400 ") && told.contains("-32020"), "{told}");
    // A revision that is no date says nothing, so the other header counts.
    let told = stage.post("mcp-protocol-version: x\nmcp-method: initialize", &request(0, "initialize"));
    assert!(told.contains(" 400 ") && told.contains("-32602"), "{told}");
}
