use super::*;

#[test]
fn ten_thousand_sessions_opened_and_dropped_leave_nothing() {
    let mut stage = Stage::http();
    for n in 0..10_000 {
        let session = stage.session(Revision::V2025_11_25, "");
        let stream = stage.send(&format!("GET /mcp\naccept: text/event-stream\n{session}"));
        stage.push(n + 1, LOG);
        stage.send(&post(&session, &request(1, "a")));
        if n % 2 == 0 {
            stage.hear(Heard::Left { stream });
        }
        let told = stage.ask(&format!("DELETE /mcp\n{session}"));
        assert!(told.contains(&format!("closed {}", n + 1)), "{told}");
    }
    assert_eq!(stage.front.held(), 0);
    assert_eq!(stage.front.deadline(), None);
}

#[test]
fn no_session_id_that_was_not_given_out_is_taken() {
    let mut stage = Stage::http();
    let session = stage.session(Revision::V2025_11_25, "");
    let id = session.split_once(' ').unwrap().1;
    let long = "A".repeat(1 << 20);
    let cased = id.to_ascii_uppercase();
    let padded = format!("{id}==");
    let ids = [
        "toString",
        "__proto__",
        "0",
        "1",
        "null",
        "../../etc/passwd",
        "'; --",
        "",
        &long,
        &cased,
        &padded,
        &id[1..],
    ];
    for id in ids {
        for request in [
            post(&format!("mcp-session-id: {id}"), &request(1, "a")),
            format!("GET /mcp\naccept: text/event-stream\nmcp-session-id: {id}"),
            format!("DELETE /mcp\nmcp-session-id: {id}"),
        ] {
            let told = stage.ask(&request);
            assert!(told.starts_with("respond") && told.contains(" 404 "), "{id:.40}: {told}");
        }
    }
    assert!(stage.post(&session, &request(1, "a")).starts_with("asked"));
}

#[test]
fn headers_of_any_size_and_kind_do_no_harm() {
    let mut stage = Stage::http();
    let session = stage.session(Revision::V2025_11_25, "");
    let long = "é".repeat(1 << 19);
    for name in [
        "mcp-protocol-version",
        "mcp-session-id",
        "mcp-method",
        "mcp-name",
        "last-event-id",
        "authorization",
        "cookie",
        "accept",
        "content-type",
        "connection",
        "x-any",
    ] {
        for base in [session.as_str(), "mcp-protocol-version: 2026-07-28"] {
            let told = stage.post(&format!("{base}\n{name}: {long}"), &request(1, "a"));
            assert!(told.len() < 2000, "{name}: {told:.200}");
            stage.ask(&format!("GET /mcp\naccept: text/event-stream\n{base}\n{name}: {long}"));
        }
    }
}

#[test]
fn ids_of_any_kind_come_back_as_they_were() {
    let mut stage = Stage::http();
    let session = stage.session(Revision::V2025_11_25, "");
    for id in [r#""__proto__""#, r#""""#, r#""\u0000""#, "-0", "1e400", "99999999999999999999999", "1.5"] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"a"}}"#);
        assert!(stage.post(&session, &body).starts_with("asked"), "{id}");
        let told = stage.post(&session, &body);
        assert!(told.contains(&format!(r#"{{"jsonrpc":"2.0","id":{id},"error""#)), "{told}");
    }
}

#[test]
fn a_request_that_waits_keeps_its_id_only() {
    let mut stage = Stage::http();
    let session = stage.session(Revision::V2025_11_25, "");
    stage.send(&post(&session, &request(2, "a")));
    let Some(FromClient::Asked { message, .. }) = stage.out.pop() else { panic!("nothing asked") };
    let raw = message.raw().clone();
    drop(message);
    assert!(raw.is_unique(), "the front holds on to the bytes of a request");
}

#[test]
fn random_input_never_panics_and_leaves_nothing_when_all_is_forgotten() {
    let words = [
        "{",
        "}",
        "[",
        "]",
        r#""jsonrpc":"2.0","#,
        r#""id":1,"#,
        r#""id":null,"#,
        r#""method":"initialize""#,
        r#""method":"ping""#,
        r#""result":{}"#,
        r#""params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#,
        ",",
        "\u{0}",
        "é",
    ];
    for seed in 0..2000 {
        let mut chance = tapgate_testkit::chance::Chance::new(seed);
        let body: String = (0..chance.below(8)).map(|_| words[chance.below(words.len())]).collect();
        let mut stage = Stage::http();
        let session = stage.session(Revision::V2025_03_26, "");
        for headers in ["", session.as_str(), "mcp-method: ping", "mcp-protocol-version: 2026-07-28"] {
            let told = stage.post(headers, &body);
            assert!(!told.is_empty(), "{body}");
        }
        let mut pipe = Stage::pipe();
        pipe.line(&body);
        pipe.close();
        assert_eq!(pipe.front.held(), 0);
    }
}

#[test]
fn an_idle_session_costs_little() {
    let mut stage = Stage::http();
    for _ in 0..1000 {
        let session = stage.session(Revision::V2025_11_25, "");
        stage.ask(&format!("GET /mcp\naccept: text/event-stream\n{session}"));
    }
    // One session, one lane, one stream each, and no bytes.
    assert_eq!(stage.front.held(), 3000);
    assert!(size_of_val(&stage.front) < 2048);
    assert!(size_of::<sessions::Session>() + lane::Lanes::EACH < 512);
}
