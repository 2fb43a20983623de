use super::*;

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn modern(id: &str, method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{META}}}}}"#)
}

fn open_pipe() -> Stage {
    let mut stage = Stage::pipe();
    same(&stage.line(&request(0, "initialize")), "asked 1 [Legacy 1 -] 0 initialize");
    stage.open(1, Revision::V2025_06_18);
    same(&stage.answer(1, &result(0)), r#"line {"jsonrpc":"2.0","id":0,"result":{}}"#);
    stage
}

#[test]
fn a_legacy_client_initializes_and_is_listened_to_in_order() {
    let mut stage = open_pipe();
    same(
        &stage.line(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#),
        "told [Legacy 1 2025-06-18] notifications/initialized
         listens 1",
    );
    same(&stage.line(&request(1, "tools/list")), "asked 2 [Legacy 1 2025-06-18] 1 tools/list");
    same(&stage.aside(2, LOG), &format!("line {LOG}"));
    same(&stage.push(1, SAMPLE), &format!("line {SAMPLE}"));
    same(
        &stage.line(r#"{"jsonrpc":"2.0","id":"s","result":{}}"#),
        r#"told [Legacy 1 2025-06-18] Result "s""#,
    );
    same(&stage.answer(2, &result(1)), &format!("line {}", result(1)));
    same(&stage.answer(2, &result(1)), "");
    stage.hear(Heard::LineEnd);
    same(&stage.told(), "end");
    same(&stage.close(), "closed 1");
    assert_eq!(stage.front.held(), 0);
}

#[test]
fn what_is_no_message_is_refused_once_and_what_is_told_never() {
    let mut stage = open_pipe();
    let cases = [
        ("nonsense", r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700"#),
        (r#"{"id":1,"#, r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700"#),
        (r#"{"id":1}"#, r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600"#),
        ("7", r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600"#),
        (
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600"#,
        ),
        (r#"{"jsonrpc":"1.0","id":4,"method":"ping"}"#, r#"{"jsonrpc":"2.0","id":4,"error":{"code":-32600"#),
        (r#"{"id":4,"method":"ping"}"#, r#"{"jsonrpc":"2.0","id":4,"error":{"code":-32600"#),
        (
            r#"{"jsonrpc":"2.0","id":4,"method":"ping","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":4,"error":{"code":-32600"#,
        ),
        ("[]", r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600"#),
        (
            r#"[{"jsonrpc":"2.0","id":4,"method":"ping"}]"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600"#,
        ),
        (&request(4, "initialize"), r#"{"jsonrpc":"2.0","id":4,"error":{"code":-32600"#),
    ];
    for (line, expected) in cases {
        let told = stage.line(line);
        assert!(told.starts_with(&format!("line {expected}")), "{line}: {told}");
        assert_eq!(told.lines().count(), 1, "{line}");
    }
    for line in ["", "  \r", r#"{"method":"notifications/x"}"#, r#"{"jsonrpc":"1.0","id":1,"result":{}}"#] {
        same(&stage.line(line), "");
    }
}

#[test]
fn before_initialize_only_ping_is_answered() {
    let mut stage = Stage::pipe();
    same(&stage.line(&request(1, "ping")), &format!("line {}", result(1)));
    let told = stage.line(&request(2, "tools/list"));
    assert!(told.starts_with(r#"line {"jsonrpc":"2.0","id":2,"error":{"code":-32600,"#), "{told}");
    assert!(told.contains("initialize first"), "{told}");
    for line in [LOG, &result(3), r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#] {
        same(&stage.line(line), "");
    }
    assert_eq!(stage.front.held(), 0);
}

#[test]
fn what_comes_while_initialize_waits_is_taken_after_its_answer() {
    let mut stage = Stage::pipe();
    stage.line(&request(0, "initialize"));
    same(&stage.line(&request(1, "ping")), &format!("line {}", result(1)));
    same(&stage.line(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#), "");
    same(&stage.line(&request(2, "tools/list")), "");
    assert_eq!(stage.front.deadline(), None);
    stage.open(1, Revision::V2025_11_25);
    stage.answer(1, &result(0));
    assert_eq!(stage.front.deadline(), Some(Nanos(0)));
    same(
        &stage.tick(0),
        "told [Legacy 1 2025-11-25] notifications/initialized
         listens 1
         asked 2 [Legacy 1 2025-11-25] 2 tools/list",
    );
    assert_eq!(stage.front.deadline(), None);
}

#[test]
fn a_handshake_that_fails_may_be_tried_again() {
    let mut stage = Stage::pipe();
    stage.line(&request(0, "initialize"));
    stage.line(&request(1, "tools/list"));
    let error = r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32602,"message":"no"}}"#;
    same(&stage.answer(1, error), &format!("line {error}"));
    let told = stage.tick(0);
    assert!(told.contains(r#""id":1,"error":{"code":-32600"#), "{told}");
    same(&stage.line(&request(2, "initialize")), "asked 2 [Legacy 2 -] 2 initialize");
    stage.front.refuse(
        stage.now,
        Port(2),
        401,
        HeaderMap::new(),
        "token \"expired\"".into(),
        &mut stage.acts,
    );
    same(
        &stage.told(),
        r#"line {"jsonrpc":"2.0","id":2,"error":{"code":-32603,"message":"`weather` answered with HTTP status 401: token \"expired\"","data":{"upstream":"weather"}}}"#,
    );
    assert_eq!(stage.front.held(), 0);
}

#[test]
fn too_much_before_the_answer_to_initialize_is_refused() {
    let mut stage = Stage::pipe();
    stage.line(&request(0, "initialize"));
    for id in 1..=256 {
        same(&stage.line(&request(id, "tools/list")), "");
    }
    let told = stage.line(&request(257, "tools/list"));
    assert!(told.contains(r#""id":257,"error":{"code":-32603"#), "{told}");
}

#[test]
fn both_eras_share_a_pipe_message_by_message() {
    let mut stage = open_pipe();
    same(&stage.line(&modern("\"m\"", "tools/list")), "asked 2 [Modern - 2026-07-28] \"m\" tools/list");
    same(&stage.line(&request(1, "tools/list")), "asked 3 [Legacy 1 2025-06-18] 1 tools/list");
    // Answers name nothing but ids, so an id that waits cannot be used in either era.
    for line in [modern("1", "tools/list"), modern("\"m\"", "ping"), request(1, "ping")] {
        let told = stage.line(&line);
        assert!(told.contains(r#""error":{"code":-32600"#), "{told}");
    }
    let cancel = |id: &str| {
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#)
    };
    same(&stage.line(&cancel("\"m\"")), "told [Modern - -] notifications/cancelled");
    same(&stage.line(&cancel("1")), "told [Legacy 1 2025-06-18] notifications/cancelled");
    let id = |text: &'static str| Id(Bytes::from_static(text.as_bytes()));
    assert_eq!(stage.front.port_of(None, &id("\"m\"")), Some(Port(2)));
    assert_eq!(stage.front.port_of(SessionNo(1), &id("1")), Some(Port(3)));
    assert_eq!(stage.front.port_of(SessionNo(1), &id("\"1\"")), None);
    for port in [2, 3] {
        stage.front.drop_port(Port(port));
        same(&stage.answer(port, &result(1)), "");
        same(&stage.aside(port, LOG), "");
    }
    same(&stage.line(&modern("1", "tools/list")), "asked 4 [Modern - 2026-07-28] 1 tools/list");
}

#[test]
fn a_modern_request_needs_its_metadata_and_a_revision_that_is_served() {
    let mut stage = Stage::pipe();
    let cases = [
        (r#""method":"server/discover""#, "-32602"),
        (
            r#""method":"x","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#,
            "-32602",
        ),
        (
            r#""method":"x","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":7,"io.modelcontextprotocol/clientCapabilities":{}}}"#,
            "-32602",
        ),
        (r#""method":"x","params":{"_meta":{"io.modelcontextprotocol/clientCapabilities":{}}}"#, "-32602"),
        (
            r#""method":"x","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2030-01-01","io.modelcontextprotocol/clientCapabilities":{}}}"#,
            "-32022",
        ),
        (
            r#""method":"x","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25","io.modelcontextprotocol/clientCapabilities":{}}}"#,
            "-32022",
        ),
    ];
    for (members, code) in cases {
        let told = stage.line(&format!(r#"{{"jsonrpc":"2.0","id":"q",{members}}}"#));
        assert!(
            told.starts_with(&format!(r#"line {{"jsonrpc":"2.0","id":"q","error":{{"code":{code},"#)),
            "{told}"
        );
        if code == "-32022" {
            assert!(told.contains(r#""data":{"supported":["2026-07-28"],"requested":"20"#), "{told}");
        }
    }
    // A modern initialize is a request like others; who knows methods answers it.
    same(&stage.line(&modern("1", "initialize")), "asked 1 [Modern - 2026-07-28] 1 initialize");
}

#[test]
fn an_override_reads_every_message_in_one_era() {
    for (era, line, expected) in [
        (Era::Legacy, modern("1", "tools/list"), r#"line {"jsonrpc":"2.0","id":1,"error":{"code":-32600"#),
        (Era::Legacy, modern("1", "initialize"), "asked 1 [Legacy 1 -] 1 initialize"),
        (Era::Modern, request(1, "initialize"), r#"line {"jsonrpc":"2.0","id":1,"error":{"code":-32602"#),
    ] {
        let mut settings = settings(Listens::Pipe);
        settings.client_era = Some(era);
        let told = Stage::of(&settings).line(&line);
        assert!(told.starts_with(expected), "{told}");
    }
}

#[test]
fn no_line_breaks_inside() {
    let mut stage = open_pipe();
    same(&stage.push(1, "{\n \"a\":\r\n1}"), "line {  \"a\":  1}");
}

#[test]
fn more_requests_than_may_wait_are_refused() {
    let mut settings = settings(Listens::Pipe);
    settings.bounds.ports = 2;
    let mut stage = Stage::of(&settings);
    stage.line(&modern("1", "a"));
    stage.line(&modern("2", "a"));
    let told = stage.line(&modern("3", "a"));
    assert!(told.contains(r#""id":3,"error":{"code":-32603,"message":"too many requests wait"#), "{told}");
    stage.answer(1, &result(1));
    same(&stage.line(&modern("3", "a")), "asked 3 [Modern - 2026-07-28] 3 a");
}

#[test]
fn a_line_that_is_too_large_to_be_kept_is_refused_with_its_id() {
    let mut stage = open_pipe();
    let shape = Message::parse(request(9, "tools/call").into()).shape().clone();
    stage.hear(Heard::Line { message: Message::oversized("{".into(), shape, 1 << 40) });
    let told = stage.told();
    assert!(told.starts_with(r#"line {"jsonrpc":"2.0","id":9,"error":{"code":-32600,"#), "{told}");
}

#[test]
fn initialize_cannot_be_cancelled_and_may_be_answered_with_a_null_error() {
    let mut stage = Stage::pipe();
    stage.line(&request(0, "initialize"));
    stage.front.drop_port(Port(1));
    stage.open(1, Revision::V2025_11_25);
    let answer = r#"{"jsonrpc":"2.0","id":0,"result":{},"error":null}"#;
    same(&stage.answer(1, answer), &format!("line {answer}"));
    same(&stage.line(&request(1, "a")), "asked 2 [Legacy 1 2025-11-25] 1 a");
}

#[test]
fn who_closes_the_pipe_still_gets_the_answers_to_all_that_was_asked() {
    let mut stage = Stage::pipe();
    stage.line(&request(0, "initialize"));
    stage.line(&request(1, "tools/list"));
    stage.line(&modern("2", "tools/list"));
    stage.line(&modern("3", "subscriptions/listen"));
    stage.hear(Heard::LineEnd);
    same(&stage.told(), "end");
    // The listen waits for nothing; what came before the answer to initialize waits for that.
    assert_eq!(stage.front.n_waiting(), 3);
    stage.open(1, Revision::V2025_11_25);
    same(&stage.answer(1, &result(0)), &format!("line {}", result(0)));
    assert_eq!(stage.front.n_waiting(), 2);
    same(&stage.tick(0), "asked 4 [Legacy 1 2025-11-25] 1 tools/list");
    same(&stage.answer(4, &result(1)), &format!("line {}", result(1)));
    same(&stage.answer(2, &result(2)), &format!("line {}", result(2)));
    assert_eq!(stage.front.n_waiting(), 0);
    stage.line(&request(4, "ping"));
    same(
        &stage.close(),
        r#"closed 1
           gone 3
           line {"jsonrpc":"2.0","id":4,"error":{"code":-32603,"message":"the session ended"}}
           line {"jsonrpc":"2.0","id":3,"error":{"code":-32603,"message":"the tap ends"}}"#,
    );
    assert_eq!(stage.front.held(), 0);
}
