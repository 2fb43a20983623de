use super::*;

/// Opens the stream; gives the path to post to.
fn connect(stage: &mut Stage, headers: &str) -> String {
    stage.send(&format!("GET /sse\naccept: text/event-stream\n{headers}"));
    let Some(Act::Emit { bytes, .. }) = stage.acts.pop() else { panic!("no endpoint") };
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let path = text.strip_prefix("event: endpoint\ndata: ").unwrap().strip_suffix("\n\n").unwrap();
    assert!(path.starts_with("/sse/message?session="), "{path}");
    assert!(matches!(stage.acts.pop(), Some(Act::Begin { .. })));
    path.to_owned()
}

fn send(stage: &mut Stage, path: &str, body: &str) -> String {
    stage.ask(&format!("POST {path}\ncontent-type: application/json\n\n{body}"))
}

#[test]
fn everything_the_server_says_goes_on_the_one_stream() {
    let mut stage = Stage::http();
    let path = connect(&mut stage, "");
    same(
        &send(&mut stage, &path, &request(0, "ping")),
        &format!("respond 2 202\nemit 1 data: {}", result(0)),
    );
    let told = send(&mut stage, &path, &request(0, "tools/list"));
    assert!(
        told.contains("respond 3 202")
            && told.contains(r#"emit 1 data: {"jsonrpc":"2.0","id":0,"error":{"code":-32600"#),
        "{told}"
    );
    same(
        &send(&mut stage, &path, &request(0, "initialize")),
        "asked 1 [Legacy 1 -] 0 initialize\nrespond 4 202",
    );
    stage.open(1, Revision::V2024_11_05);
    same(&stage.answer(1, &result(0)), &format!("emit 1 data: {}", result(0)));
    same(
        &send(&mut stage, &path, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#),
        "told [Legacy 1 2024-11-05] notifications/initialized\nlistens 1\nrespond 5 202",
    );
    same(&send(&mut stage, &path, &request(1, "a")), "asked 2 [Legacy 1 2024-11-05] 1 a\nrespond 6 202");
    same(&stage.aside(2, LOG), &format!("emit 1 data: {LOG}"));
    same(&stage.push(1, SAMPLE), &format!("emit 1 data: {SAMPLE}"));
    same(&stage.tick(20 * SECOND), "emit 1 :");
    stage.front.pause(stage.now, Port(2), None, &mut stage.acts);
    stage.front.refuse(stage.now, Port(2), 500, HeaderMap::new(), "oh".into(), &mut stage.acts);
    let told = stage.told();
    assert!(told.starts_with(r#"emit 1 data: {"jsonrpc":"2.0","id":1,"error":{"code":-32603"#), "{told}");
    assert_eq!(told.lines().count(), 1);
    send(&mut stage, &path, &request(2, "a"));
    same(&stage.leave(1), "closed 1");
    same(&stage.answer(3, &result(2)), "");
    assert!(send(&mut stage, &path, &request(3, "a")).contains(" 404 "));
    assert_eq!(stage.front.held(), 0);
}

#[test]
fn an_initialize_that_fails_leaves_the_stream_open() {
    let mut stage = Stage::http();
    let path = connect(&mut stage, "");
    send(&mut stage, &path, &request(0, "initialize"));
    let error = r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32602,"message":"no"}}"#;
    same(&stage.answer(1, error), &format!("emit 1 data: {error}"));
    assert!(send(&mut stage, &path, &request(1, "initialize")).starts_with("asked 2"));
}

#[test]
fn posts_that_belong_to_no_stream_are_refused() {
    let mut stage = Stage::http();
    let path = connect(&mut stage, "authorization: Bearer a");
    let http = stage.session(Revision::V2025_11_25, "");
    let http = format!("/sse/message?session={}", http.split_once(' ').unwrap().1);
    let ping = request(1, "ping");
    for (path, status) in [
        (path.as_str(), 404),
        ("/sse/message", 404),
        ("/sse/message?session=", 404),
        ("/sse/message?session=__proto__&x=1", 404),
        (http.as_str(), 404),
    ] {
        let told = send(&mut stage, path, &ping);
        assert!(told.contains(&format!(r#" {status} {{"jsonrpc":"2.0","id":1"#)), "{path}: {told}");
    }
    let mine =
        |headers: &str, body: &str| format!("POST {path}\nauthorization: Bearer a\n{headers}\n\n{body}");
    let json = "content-type: application/json";
    assert!(stage.ask(&mine("x: y", &ping)).contains(" 415 "));
    assert!(stage.ask(&mine(json, "{")).contains(" 400 "));
    assert!(stage.ask(&mine(json, &format!("[{ping}]"))).contains(" 400 "));
    assert!(stage.ask(&mine(json, &ping)).contains(" 202"));
    // The session of a stream is none of Streamable HTTP.
    let id = path.split_once('=').unwrap().1;
    let told = stage.post(&format!("mcp-session-id: {id}\nauthorization: Bearer a"), &ping);
    assert!(told.contains(" 404 "), "{told}");
    assert!(stage.ask("GET /sse").contains(" 406 "));
}
