use super::*;

const V25: Revision = Revision::V2025_11_25;

/// An answer as events of 2025-11-25 on a lane.
fn events(stream: u64, lane: &str, answer: &str) -> String {
    format!(
        "begin {stream}
         emit {stream} id: {lane}.0 | retry: 1000 | data:
         emit {stream} id: {lane}.1 | data: {answer}
         finish {stream}"
    )
}

#[test]
fn a_session_opens_with_the_answer_to_initialize_and_ends_with_delete() {
    let mut stage = Stage::http();
    same(&stage.post("", &request(0, "initialize")), "asked 1 [Legacy 1 -] 0 initialize");
    stage.open(1, Revision::V2025_06_18);
    stage.front.answer(stage.now, Port(1), Answer::new(result(0)), &mut stage.acts);
    let Some(Act::Respond { headers, .. }) = stage.acts.last().cloned() else { panic!("no answer") };
    same(&stage.told(), &format!("respond 1 200 (mcp-session-id: …) {}", result(0)));
    let id = headers["mcp-session-id"].to_str().unwrap();
    assert!(id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
    let session = format!("Mcp-Session-Id: {id}");
    same(
        &stage.post(&session, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#),
        "told [Legacy 1 2025-06-18] notifications/initialized
         respond 2 202",
    );
    same(&stage.post(&session, &request(1, "tools/list")), "asked 2 [Legacy 1 2025-06-18] 1 tools/list");
    same(&stage.answer(2, &result(1)), &format!("respond 3 200 {}", result(1)));
    same(
        &stage.post(&session, r#"{"jsonrpc":"2.0","id":"s","error":{"code":-1,"message":"no"}}"#),
        "told [Legacy 1 2025-06-18] Error \"s\"
         respond 4 202",
    );
    same(&stage.post(&session, &request(2, "ping")), "asked 3 [Legacy 1 2025-06-18] 2 ping");
    same(
        &stage.ask(&format!("DELETE /mcp\n{session}")),
        r#"closed 1
           respond 5 404 {"jsonrpc":"2.0","id":2,"error":{"code":-32603,"message":"the session ended"}}
           respond 6 200"#,
    );
    same(&stage.answer(3, &result(2)), "");
    for request in
        [post(&session, &request(3, "ping")), format!("GET /mcp\naccept: text/event-stream\n{session}")]
    {
        assert!(stage.ask(&request).contains(" 404 "));
    }
    assert_eq!(stage.front.held(), 0);
}

#[test]
fn a_name_that_leads_a_message_stands_there_once() {
    let mut stage = Stage::http();
    let twice = [
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"initialize"}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"m\u0065thod":"ping","method":"initialize"}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"a":1,"a":2}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"_meta":{"a":1,"a":2}}}"#.to_owned(),
    ];
    for message in twice {
        assert!(
            stage.post("", &message).contains(r#""code":-32600,"message":"a name stands twice"#),
            "{message}"
        );
    }
    let deeper = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"a":{"b":1,"b":2},"b":1}}"#;
    assert!(stage.post("", deeper).starts_with("asked 1 "));
}

#[test]
fn an_initialize_that_fails_or_agrees_on_nothing_opens_no_session() {
    let mut stage = Stage::http();
    stage.post("", &request(0, "initialize"));
    stage.open(1, V25);
    let error = r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32602,"message":"no"}}"#;
    same(&stage.answer(1, error), &format!("respond 1 200 {error}"));
    stage.post("", &request(0, "initialize"));
    same(&stage.answer(2, &result(0)), &format!("respond 2 200 {}", result(0)));
    stage.post("", &request(0, "initialize"));
    let mut headers = HeaderMap::new();
    headers.insert("www-authenticate", HeaderValue::from_static("Bearer"));
    headers.insert("connection", HeaderValue::from_static("x-hop"));
    headers.insert("x-hop", HeaderValue::from_static("1"));
    headers.insert("mcp-session-id", HeaderValue::from_static("theirs"));
    headers.insert("content-length", HeaderValue::from_static("3"));
    stage.front.refuse(stage.now, Port(3), 401, headers, "no!".into(), &mut stage.acts);
    same(&stage.told(), "respond 3 401 (www-authenticate: Bearer) no!");
    assert_eq!(stage.front.held(), 0);
}

#[test]
fn what_no_session_can_take_is_refused_by_its_status() {
    let mut stage = Stage::http();
    let session = stage.session(V25, "");
    let json = "content-type: application/json";
    let ping = request(7, "ping");
    let cases = [
        ("PUT /mcp".into(), 405, "(allow: GET, POST, DELETE)"),
        ("HEAD /mcp".into(), 405, "(allow: GET, POST, DELETE)"),
        ("GET /other".into(), 404, ""),
        ("POST /sse".into(), 405, "(allow: GET)"),
        ("GET /sse/message".into(), 405, "(allow: POST)"),
        (format!("POST /mcp\n{session}\n\n{ping}"), 415, ""),
        (format!("POST /mcp\n{session}\ncontent-type: text/plain\n\n{ping}"), 415, ""),
        (format!("POST /mcp\n{session}\ncontent-type: text/plain; application/json\n\n{ping}"), 415, ""),
        (format!("POST /mcp\n{session}\ncontent-type: text/plain, application/json\n\n{ping}"), 415, ""),
        (format!("POST /mcp\n{session}\n{json}\naccept: text/html\n\n{ping}"), 406, ""),
        (format!("GET /mcp\n{session}"), 406, ""),
        (format!("GET /mcp\n{session}\naccept: application/json"), 406, ""),
        ("GET /mcp\naccept: text/event-stream".into(), 400, "-32600"),
        ("DELETE /mcp".into(), 400, "-32600"),
        ("DELETE /mcp\nmcp-session-id: nobody's".into(), 404, "-32600"),
        (post("", &ping), 400, r#""id":7,"error":{"code":-32600"#),
        (post("", &result(7)), 400, r#""id":null"#),
        (post("", r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#), 400, r#""id":null"#),
        (post("mcp-session-id: nobody's", &ping), 404, r#""id":7"#),
        (post(&format!("{session}\n{session}"), &ping), 404, r#""id":7"#),
        (post(&session, "{"), 400, r#""id":null,"error":{"code":-32700"#),
        (post(&session, "{}"), 400, r#""id":null,"error":{"code":-32600"#),
        (post(&session, r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#), 400, r#""code":-32600"#),
        (post(&session, &format!("[{ping}]")), 400, r#""id":null,"error":{"code":-32600"#),
        (post(&format!("{session}\nmcp-protocol-version: 1.0"), &ping), 400, "2025-03-26"),
        (post(&format!("{session}\nmcp-protocol-version: 2024-10-07"), &ping), 400, "2025-03-26"),
        (format!("GET /mcp\naccept: text/event-stream\n{session}\nmcp-protocol-version: x"), 400, ""),
    ];
    for (request, status, holds) in cases {
        let told = stage.ask(&request);
        assert!(told.contains(&format!(" {status} ")) && told.contains(holds), "{request}: {told}");
        assert_eq!(told.lines().count(), 1, "{request}: {told}");
        assert!(told.contains(r#"{"jsonrpc":"2.0","id":"#), "{request}: {told}");
    }
    for (accept, takes) in [
        ("*/*", "respond"),
        ("application/json", "respond"),
        ("text/event-stream;q=0.5", "begin"),
        ("text/html, application/*", "respond"),
    ] {
        let request =
            format!("POST /mcp\n{session}\nContent-Type: Application/JSON; charset=utf-8\naccept: {accept}");
        stage.ask(&format!("{request}\n\n{ping}"));
        let port = stage.front.port_of(SessionNo(1), &Id(Bytes::from_static(b"7"))).unwrap();
        assert!(stage.answer(port.0, &result(7)).starts_with(takes), "{accept}");
    }
    let versioned = format!("{session}\nmcp-protocol-version: 2025-11-25");
    assert!(stage.post(&versioned, &ping).starts_with("asked"));
}

#[test]
fn a_duplicate_id_is_refused_in_its_session_only() {
    let mut stage = Stage::http();
    let (one, two) = (stage.session(V25, ""), stage.session(V25, ""));
    assert!(stage.post(&one, &request(1, "a")).starts_with("asked 3 [Legacy 1"));
    assert!(
        stage.post(&one, &request(1, "b")).contains(r#" 400 {"jsonrpc":"2.0","id":1,"error":{"code":-32600"#)
    );
    assert!(stage.post(&two, &request(1, "a")).starts_with("asked 4 [Legacy 2"));
    assert!(stage.post(&one, r#"{"jsonrpc":"2.0","id":"1","method":"a"}"#).starts_with("asked 5 [Legacy 1"));
    assert_eq!(stage.front.port_of(SessionNo(2), &Id(Bytes::from_static(b"1"))), Some(Port(4)));
}

#[test]
fn an_aside_turns_the_answer_into_events() {
    let mut stage = Stage::http();
    let session = stage.session(Revision::V2025_06_18, "");
    stage.post(&session, &request(1, "tools/call"));
    same(&stage.aside(2, LOG), &format!("begin 2\nemit 2 id: 1.2.0 | data: {LOG}"));
    same(&stage.aside(2, SAMPLE), &format!("emit 2 id: 1.2.1 | data: {SAMPLE}"));
    same(&stage.answer(2, &result(1)), &format!("emit 2 id: 1.2.2 | data: {}\nfinish 2", result(1)));
    // A client of 2025-11-25 gets an id before anything else, so that it can always resume.
    let session = stage.session(V25, "");
    stage.post(&session, &request(1, "tools/call"));
    same(
        &stage.aside(4, LOG),
        &format!("begin 4\nemit 4 id: 2.4.0 | retry: 1000 | data: \nemit 4 id: 2.4.1 | data: {LOG}"),
    );
}

#[test]
fn what_the_server_refuses_in_http_passes_before_events_and_becomes_an_error_after() {
    let mut stage = Stage::http();
    let session = stage.session(Revision::V2025_06_18, "");
    stage.post(&session, &request(1, "a"));
    stage.front.refuse(stage.now, Port(2), 403, HeaderMap::new(), "no".into(), &mut stage.acts);
    same(&stage.told(), "respond 2 403 no");
    stage.post(&session, &request(1, "a"));
    stage.aside(3, LOG);
    stage.front.refuse(stage.now, Port(3), 403, HeaderMap::new(), "no".into(), &mut stage.acts);
    let told = stage.told();
    assert!(told.contains(r#"data: {"jsonrpc":"2.0","id":1,"error":{"code":-32603"#), "{told}");
    assert!(told.ends_with("finish 3"), "{told}");
    stage.post(&session, &request(1, "a"));
    stage.front.refuse(stage.now, Port(4), 101, HeaderMap::new(), Bytes::new(), &mut stage.acts);
    same(&stage.told(), "respond 4 502");
}

#[test]
fn headers_and_status_of_the_servers_answer_pass() {
    let mut stage = Stage::http();
    let session = stage.session(V25, "");
    stage.post(&session, &request(1, "a"));
    let mut answer = Answer::new(result(1));
    answer.status = Some(403);
    answer.headers.insert("www-authenticate", HeaderValue::from_static("Bearer scope=\"x\""));
    answer.headers.insert("content-type", HeaderValue::from_static("text/plain"));
    answer.headers.insert("transfer-encoding", HeaderValue::from_static("chunked"));
    stage.front.answer(stage.now, Port(2), answer, &mut stage.acts);
    same(&stage.told(), &format!("respond 2 403 (www-authenticate: Bearer scope=\"x\") {}", result(1)));
}

#[test]
fn a_session_is_its_principals_alone() {
    let mut stage = Stage::http();
    let alice = "authorization: Bearer alice";
    let session = stage.session(V25, alice);
    assert!(stage.post(&format!("{session}\n{alice}"), &request(1, "a")).starts_with("asked 2"));
    for other in ["", "\nauthorization: Bearer bob", "\nauthorization: Bearer alice\ncookie: a=b"] {
        let told = stage.post(&format!("{session}{other}"), &request(2, "a"));
        assert!(told.contains(" 404 "), "{told}");
        let told = stage.ask(&format!("DELETE /mcp\n{session}{other}"));
        assert!(told.contains(" 404 "), "{told}");
    }
    same(&stage.answer(2, &result(1)), &events(2, "1.2", &result(1)));
}

#[test]
fn only_what_concerns_the_server_passes_as_headers() {
    let mut stage = Stage::http();
    let session = stage.session(V25, "authorization: Bearer a\ncookie: c=1");
    let more = "authorization: Bearer a\ncookie: c=1\nuser-agent: test\ntraceparent: 00\nmcp-param-region: eu\n\
                host: h\norigin: http://h\nconnection: x-hop\nx-hop: 1\nte: trailers\nexpect: 100-continue\n\
                accept-language: de\ncontent-language: de\nlast-event-id: 1\nmcp-protocol-version: 2025-11-25\n\
                keep-alive: 5\nproxy-authorization: Basic x";
    stage.send(&post(&format!("{session}\n{more}"), &request(1, "a")));
    let Some(FromClient::Asked { from, .. }) = stage.out.last() else { panic!("nothing asked") };
    let mut names: Vec<_> = from.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["authorization", "cookie", "mcp-param-region", "traceparent", "user-agent"]);
}

#[test]
fn a_session_that_only_its_id_remembers_comes_back() {
    let mut stage = Stage::http();
    let session = stage.session(V25, "");
    let mut other = Stage::http();
    other.seal = Seal::new(&[[5; 32], [1; 32]], [6; 32], 0);
    same(
        &other.post(&session, &request(1, "tools/list")),
        "restored 1 [Legacy 1 2025-11-25] b\"kept\"
         asked 1 [Legacy 1 2025-11-25] 1 tools/list",
    );
    same(&other.answer(1, &result(1)), &events(1, "1.1", &result(1)));
    same(&other.post(&session, &request(2, "ping")), "asked 2 [Legacy 1 2025-11-25] 2 ping");
    same(
        &other.ask(&format!("GET /mcp\naccept: text/event-stream\n{session}\nlast-event-id: 12.1.0.7")),
        "listens 1\nbegin 3",
    );
    other.front.forget(other.now, SessionNo(1), &mut other.acts);
    other.told();
    assert!(other.post(&session, &request(3, "ping")).contains(" 404 "));
    assert_eq!(other.front.held(), 0);
    // Too old, or sealed with a key that is gone.
    other.now = Nanos(Duration::from_hours(24 * 8).as_nanos() as u64);
    assert!(other.post(&session, &request(3, "ping")).contains(" 404 "));
    let mut stranger = Stage::http();
    stranger.seal = Seal::new(&[[9; 32]], [6; 32], 0);
    assert!(stranger.post(&session, &request(3, "ping")).contains(" 404 "));
}

#[test]
fn a_session_with_credentials_comes_back_after_a_new_key_to_who_has_them() {
    let bob = "authorization: Bearer bob\ncookie: a=b";
    let session = Stage::http().session(V25, bob);
    let mut other = Stage::http();
    other.seal = Seal::new(&[[5; 32], [1; 32]], [6; 32], 0);
    for stranger in ["", "\nauthorization: Bearer alice\ncookie: a=b"] {
        let told = other.post(&format!("{session}{stranger}"), &request(1, "ping"));
        assert!(told.contains(" 404 "), "{told}");
    }
    same(
        &other.post(&format!("{session}\n{bob}"), &request(1, "ping")),
        "restored 1 [Legacy 1 2025-11-25] b\"kept\"
         asked 1 [Legacy 1 2025-11-25] 1 ping",
    );
}

#[test]
fn a_session_that_lives_outlives_the_age_of_its_id() {
    let mut stage = Stage::http();
    let bob = "authorization: Bearer bob";
    let session = stage.session(V25, bob);
    stage.now.0 += Duration::from_hours(24 * 30).as_nanos() as u64;
    let told = stage.post(&format!("{session}\n{bob}"), &request(1, "ping"));
    same(&told, "asked 2 [Legacy 1 2025-11-25] 1 ping");
    assert!(stage.post(&session, &request(2, "ping")).contains(" 404 "));
    // Once it ended for its idleness, its id is too old to bring it back.
    stage.answer(2, &result(1));
    assert_eq!(stage.tick(Duration::from_hours(4).as_nanos() as u64), "closed 1");
    assert!(stage.post(&format!("{session}\n{bob}"), &request(3, "ping")).contains(" 404 "));
}

#[test]
fn too_much_to_keep_makes_an_id_that_restores_nothing() {
    let mut stage = Stage::http();
    stage.send(&post("", &request(0, "initialize")));
    stage.front.open(stage.now, Port(1), Some(V25), &vec![7; 4096].into(), &mut stage.seal);
    stage.front.answer(stage.now, Port(1), Answer::new(result(0)), &mut stage.acts);
    let Some(Act::Respond { headers, .. }) = stage.acts.pop() else { panic!("no answer") };
    let session = format!("mcp-session-id: {}", headers["mcp-session-id"].to_str().unwrap());
    assert!(session.len() < 200);
    stage.told();
    assert!(stage.post(&session, &request(1, "a")).starts_with("asked"));
    assert!(Stage::http().post(&session, &request(1, "a")).contains(" 404 "));
}

#[test]
fn quiet_sessions_end_and_may_come_back() {
    let mut stage = Stage::http();
    let session = stage.session(V25, "");
    let quarters = |n: u64| n * 900 * SECOND;
    assert_eq!(stage.front.deadline(), Some(Nanos(SECOND + quarters(4))));
    stage.now.0 += quarters(3);
    stage.post(&session, &request(1, "a"));
    for _ in 0..2 {
        assert!(!stage.tick(quarters(3)).contains("closed"));
    }
    stage.answer(2, &result(1));
    same(&stage.tick(quarters(3)), "");
    same(&stage.tick(quarters(1)), "closed 1");
    assert_eq!(stage.front.held(), 0);
    assert_eq!(stage.front.deadline(), None);
    assert!(stage.post(&session, &request(2, "a")).starts_with("restored 2 [Legacy 2 2025-11-25]"));
    // Who listens is there.
    stage.answer(3, &result(2));
    stage.ask(&format!("GET /mcp\naccept: text/event-stream\n{session}"));
    assert!(!stage.tick(quarters(9)).contains("closed"));
    let stream = stage.n_streams;
    stage.now.0 += quarters(3);
    stage.leave(stream);
    same(&stage.tick(quarters(3)), "");
    same(&stage.tick(quarters(1)), "closed 2");
}

#[test]
fn the_quietest_session_that_waits_for_nothing_makes_room() {
    let mut stage = Stage::with(|settings| settings.bounds.sessions = 3);
    let sessions: Vec<_> = (0..3)
        .map(|_| {
            stage.now.0 += SECOND;
            stage.session(V25, "")
        })
        .collect();
    stage.post(&sessions[0], &request(1, "a"));
    let told = stage.post("", &request(0, "initialize"));
    same(&told, "closed 2\nasked 5 [Legacy 4 -] 0 initialize");
    // The new one waits, the first one waits, so the third one goes; then nobody does.
    assert!(stage.post("", &request(0, "initialize")).starts_with("closed 3"));
    let told = stage.post("", &request(0, "initialize"));
    assert!(told.contains(r#" 503 {"jsonrpc":"2.0","id":0,"error":{"code":-32603"#), "{told}");
    assert!(stage.post(&sessions[1], &request(1, "a")).contains(" 503 "));
}

#[test]
fn more_requests_than_may_wait_are_refused() {
    let mut stage = Stage::with(|settings| settings.bounds.ports = 1);
    let session = stage.session(V25, "");
    stage.post(&session, &request(1, "a"));
    for told in [stage.post(&session, &request(2, "a")), stage.post("", &request(2, "initialize"))] {
        assert!(told.contains(r#" 503 {"jsonrpc":"2.0","id":2,"error":{"code":-32603"#), "{told}");
    }
    stage.answer(2, &result(1));
    assert!(stage.post(&session, &request(2, "a")).starts_with("asked"));
}

#[test]
fn a_session_whose_first_answer_nobody_hears_ends() {
    let mut stage = Stage::http();
    stage.post("", &request(0, "initialize"));
    same(&stage.leave(1), "closed 1");
    stage.open(1, V25);
    same(&stage.answer(1, &result(0)), "");
    assert_eq!(stage.front.held(), 0);
}

#[test]
fn what_is_said_before_the_answer_to_initialize_waits_for_a_listener() {
    let mut stage = Stage::http();
    stage.post("", &request(0, "initialize"));
    same(&stage.aside(1, LOG), "");
    stage.open(1, V25);
    stage.front.answer(stage.now, Port(1), Answer::new(result(0)), &mut stage.acts);
    let Some(Act::Respond { headers, .. }) = stage.acts.pop() else { panic!("no answer") };
    let id = headers["mcp-session-id"].to_str().unwrap();
    same(
        &stage.ask(&format!("GET /mcp\naccept: text/event-stream\nmcp-session-id: {id}")),
        &format!("listens 1\nbegin 2\nemit 2 id: 1.0.0 | data: {LOG}"),
    );
}

#[test]
fn a_cancelled_request_ends_its_post() {
    let mut stage = Stage::http();
    let session = stage.session(Revision::V2025_06_18, "");
    stage.post(&session, &request(1, "a"));
    stage.front.drop_port(Port(2));
    assert_eq!(stage.front.deadline(), Some(Nanos(0)));
    same(&stage.tick(0), "respond 2 202");
    stage.post(&session, &request(2, "a"));
    stage.aside(3, LOG);
    stage.front.drop_port(Port(3));
    same(&stage.tick(0), "finish 3");
    same(&stage.answer(3, &result(2)), "");
}

#[test]
fn a_modern_only_front_serves_nothing_but_posts() {
    let mut stage = Stage::with(|settings| settings.client_era = Some(Era::Modern));
    for request in ["GET /mcp\naccept: text/event-stream", "DELETE /mcp"] {
        assert!(stage.ask(request).contains("405 (allow: POST)"));
    }
    assert!(stage.ask("GET /sse\naccept: text/event-stream").contains(" 405 "));
    assert!(
        stage
            .post("", &request(0, "initialize"))
            .contains(r#" 400 {"jsonrpc":"2.0","id":0,"error":{"code":-32602"#)
    );
    assert_eq!(stage.front.held(), 0);
}

#[test]
fn streams_that_say_nothing_say_a_comment() {
    let mut stage = Stage::http();
    let session = stage.session(Revision::V2025_06_18, "");
    stage.ask(&format!("GET /mcp\naccept: text/event-stream\n{session}"));
    stage.post(&session, &request(1, "a"));
    same(&stage.tick(10 * SECOND), "emit 2 :");
    stage.aside(2, LOG);
    same(&stage.tick(10 * SECOND), "emit 2 :\nemit 3 :");
    stage.push(1, LOG);
    stage.aside(2, LOG);
    same(&stage.tick(5 * SECOND), "");
    assert_eq!(stage.front.deadline(), Some(Nanos(31 * SECOND)));
    same(&stage.tick(5 * SECOND), "emit 2 :\nemit 3 :");
    stage.now.0 += 6 * SECOND;
    stage.push(1, LOG);
    same(&stage.tick(4 * SECOND), "emit 3 :");
}

#[test]
fn an_answer_of_2025_11_25_is_events_that_can_be_resumed() {
    let mut stage = Stage::http();
    let session = stage.session(V25, "");
    stage.post(&session, &request(1, "a"));
    let mut answer = Answer::new(result(1));
    answer.headers.insert("x-trace", HeaderValue::from_static("7"));
    answer.headers.insert("content-type", HeaderValue::from_static("application/json"));
    stage.front.answer(stage.now, Port(2), answer, &mut stage.acts);
    let expected = events(2, "1.2", &result(1)).replace("begin 2", "begin 2 (x-trace: 7)");
    same(&stage.told(), &expected);
    let last = format!("last-event-id: {:x}.1.2.0", stage.seal.tag());
    same(
        &stage.ask(&format!("GET /mcp\naccept: text/event-stream\n{session}\n{last}")),
        &format!("begin 3\nemit 3 id: 1.2.1 | data: {}\nfinish 3", result(1)),
    );
    // What is too long, has a status of its own, or goes to who takes no events, is JSON.
    stage.post(&session, &request(2, "a"));
    let long = format!(r#"{{"jsonrpc":"2.0","id":2,"result":{{"a":"{}"}}}}"#, "a".repeat(64 * 1024));
    same(&stage.answer(3, &long), &format!("respond 4 200 {long}"));
    stage.post(&session, &request(3, "a"));
    let answer = Answer { status: Some(403), ..Answer::new(result(3)) };
    stage.front.answer(stage.now, Port(4), answer, &mut stage.acts);
    same(&stage.told(), &format!("respond 5 403 {}", result(3)));
    let json = "content-type: application/json";
    stage.ask(&format!("POST /mcp\n{json}\naccept: application/json\n{session}\n\n{}", request(4, "a")));
    same(&stage.tick(30 * SECOND), "");
    same(&stage.answer(5, &result(4)), &format!("respond 6 200 {}", result(4)));
}

#[test]
fn an_answer_that_takes_long_begins_before_it_is_there() {
    let mut stage = Stage::http();
    let new = stage.session(V25, "");
    let old = stage.session(Revision::V2025_03_26, "");
    stage.post(&new, &request(1, "a"));
    stage.post(&old, &request(1, "a"));
    stage.post(&old, &format!("[{},{}]", request(2, "a"), request(3, "a")));
    stage.post("", &request(0, "initialize"));
    stage.answer(5, &result(2));
    assert_eq!(stage.front.deadline(), Some(Nanos(3 * SECOND)));
    same(&stage.tick(2 * SECOND - 1), "");
    same(&stage.tick(1), "begin 3\nemit 3 id: 1.3.0 | retry: 1000 | data:");
    same(&stage.answer(3, &result(1)), &format!("emit 3 id: 1.3.1 | data: {}\nfinish 3", result(1)));
    assert_eq!(stage.front.deadline(), Some(Nanos(10 * SECOND)));
    same(&stage.tick(18 * SECOND - 1), "");
    same(
        &stage.tick(1),
        &format!("begin 4\nemit 4 :\nbegin 5\nemit 5 id: 2.5.0 | data: {}\nemit 5 :", result(2)),
    );
    same(&stage.answer(4, &result(1)), &format!("emit 4 id: 2.4.0 | data: {}\nfinish 4", result(1)));
    same(&stage.answer(6, &result(3)), &format!("emit 5 id: 2.5.1 | data: {}\nfinish 5", result(3)));
    // The answer to initialize has the session's id in its head, so it waits for as long as it takes.
    assert!(stage.tick(60 * SECOND).is_empty());
    stage.open(7, V25);
    assert!(stage.answer(7, &result(0)).starts_with("respond 6 200"));
}
