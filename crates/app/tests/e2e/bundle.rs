//! A finding is packed with all that shows it, and with nothing that would only look like it.

use std::fs;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::support::{Answer, Home, HttpTap, Ran, Running};

/// The bundle that was written, and what `check` finds in it with nothing else at hand.
fn checked(home: &Home, words: &[&str]) -> (Value, Value) {
    let path = home.path().join("bundle.json");
    let file = path.to_str().unwrap();
    let ran = home.run(&[&["bundle"], words, &["-o", file]].concat());
    assert_eq!(ran.code, Some(0), "{words:?} {}", ran.err());
    let bundle: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let alone = Home::new();
    let shown = alone.run(&["check", "--json", file]);
    assert_eq!(shown.code, Some(i32::try_from(bundle["shown_by"]["exit"].as_i64().unwrap()).unwrap()));
    let report: Value = serde_json::from_str(&shown.out()).unwrap();
    fs::remove_file(path).unwrap();
    (bundle, report)
}

#[test]
fn a_finding_that_needs_two_sessions_is_shown_by_both() {
    let home = Home::new();
    let tap = HttpTap::start(&home, &["--name", "web"], "/mcp");
    let json_head = "Content-Type: application/json";
    let accept = "Accept: application/json, text/event-stream";
    let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } } });
    let welcome = json!({ "jsonrpc": "2.0", "id": 0, "result": {
        "protocolVersion": "2025-06-18", "capabilities": { "tools": {} }, "serverInfo": { "name": "s", "version": "2" } } });
    let call =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "a" } }).to_string();
    let (hello, welcome) = (hello.to_string(), welcome.to_string());
    let post = "POST /mcp HTTP/1.1";
    for (asked, body, head, answer) in [
        (
            &[post, json_head, accept][..],
            &hello,
            &["200 OK", json_head, "Mcp-Session-Id: one"][..],
            welcome.as_str(),
        ),
        (
            &[post, json_head, accept, "Mcp-Session-Id: one", "MCP-Protocol-Version: 2025-06-18"],
            &call,
            &["404 Not Found"],
            "",
        ),
        (&[post, json_head, accept], &hello, &["200 OK", json_head, "Mcp-Session-Id: two"], welcome.as_str()),
    ] {
        let pieces: &[&[u8]] = if answer.is_empty() { &[] } else { &[answer.as_bytes()] };
        tap.exchange(asked, &[body.as_bytes()], &Answer { head, body: pieces });
    }
    tap.end();
    let (bundle, report) = checked(&home, &["--rule", "retry.session"]);
    assert_eq!(report["findings"][0]["rule"], "retry.session", "{report:#}");
    assert!(bundle["messages"].as_array().unwrap().len() <= 10, "{bundle:#}");
    let environment = &bundle["environment"];
    assert_eq!(
        (&environment["server"]["version"], &environment["os"]),
        (&json!("2"), &json!(std::env::consts::OS))
    );
    assert!(environment["runs"].as_str().unwrap().starts_with("http://127.0.0.1"), "{environment}");
    let sessions: Vec<String> =
        home.json(&["ls"]).iter().filter_map(|row| Some(row["session"].as_str()?.to_owned())).collect();
    let both: Vec<&str> = sessions.iter().map(String::as_str).chain(["--rule", "retry.session"]).collect();
    assert_eq!(checked(&home, &both).0["finding"], bundle["finding"]);
}

/// A session in which a tool gives this result.
fn session(home: &Home, result: &Value) {
    let script = "import json, sys\nresult = json.loads(sys.argv[1])\nfor line in sys.stdin:\n    said = json.loads(line)\n    if 'id' not in said: continue\n    hello = {'protocolVersion': '2025-06-18', 'capabilities': {'tools': {}}, 'serverInfo': {'name': 's', 'version': '1'}}\n    print(json.dumps({'jsonrpc': '2.0', 'id': said['id'], 'result': hello if said['method'] == 'initialize' else result}), flush=True)\n";
    let mut tap = Running::start(&mut home.command(&[
        "tap",
        "--",
        "/usr/bin/env",
        "python3",
        "-c",
        script,
        &result.to_string(),
    ]));
    let mut to_server = tap.child.stdin.take().unwrap();
    let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } });
    for message in [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": "a", "arguments": {} } }),
    ] {
        writeln!(to_server, "{message}").unwrap();
    }
    drop(to_server);
    let mut heard = String::new();
    std::io::Read::read_to_string(&mut tap.child.stdout.take().unwrap(), &mut heard).unwrap();
    assert_eq!((tap.wait().success(), heard.lines().count()), (true, 2), "{heard}");
}

#[test]
fn what_a_summary_left_out_is_not_pretended() {
    let home = Home::new();
    let image = json!({ "type": "image", "data": "AAAA" });
    session(&home, &json!({ "content": [image] }));
    let (bundle, report) = checked(&home, &["--rule", "answer.incomplete-content"]);
    assert_eq!(
        (&report["findings"][0]["rule"], &bundle["lacks"]["summaries"]),
        (&json!("answer.incomplete-content"), &json!(0))
    );
    assert_eq!(bundle["environment"]["runs"], "env");
    // Built here, so that no scanner takes it for a real one.
    let secret = format!("ghp_{}", "x7Qk2mZ9".repeat(5).get(..36).unwrap());
    session(&home, &json!({ "content": [image, { "type": "text", "text": secret }] }));
    let ran = home.run(&[
        "bundle",
        "--rule",
        "answer.incomplete-content",
        "-o",
        home.path().join("b.json").to_str().unwrap(),
    ]);
    assert_eq!(ran.code, Some(5), "{}", ran.out());
    assert!(ran.err().contains("1 messages were stored as summaries"), "{}", ran.err());
}

#[test]
fn a_session_without_calls_says_what_a_mock_of_it_can_do() {
    let home = Home::new();
    let mut tap = Running::start(&mut home.command(&["tap", "--", "cat"]));
    let mut to_server = tap.child.stdin.take().unwrap();
    writeln!(to_server, "{}", json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).unwrap();
    drop(to_server);
    tap.wait();
    let mock = home.run(&["mock", "last"]);
    assert_eq!(mock.code, Some(0), "{}", mock.err());
    assert!(mock.err().contains("has no calls: clients are greeted, and nothing else"), "{}", mock.err());
    let replay = home.run(&["replay", "last", "--", "cat"]);
    assert_eq!(replay.code, Some(2), "{}", replay.err());
    let foreign = home.run(&["mock", "last", "--listen", "0.0.0.0:0"]);
    assert_eq!(foreign.code, Some(2), "{}", foreign.err());
    assert!(!foreign.err().contains("--network"), "it names a flag that it has not: {}", foreign.err());
    for wrong in [&["--timing=x"][..], &["--timing=-1"], &["--plain", "--listen", "127.0.0.1:0"]] {
        assert_eq!(home.run(&[&["mock", "last"], wrong].concat()).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn a_rule_that_is_misspelt_is_told_with_the_one_that_is_meant() {
    let home = Home::new();
    session(&home, &json!({ "content": [] }));
    let says = |ran: Ran, words: &str| {
        assert_eq!(ran.code, Some(2), "{}", ran.out());
        assert!(ran.err().contains(words), "{}", ran.err());
    };
    says(home.run(&["bundle", "--rule", "header.mising"]), "did you mean header.missing?");
    says(home.run(&["bundle", "--rule", "header.missing"]), "nothing like that was found in s");
    let file = home.path().join("there");
    fs::write(&file, "").unwrap();
    session(&home, &json!({ "content": 1 }));
    says(home.run(&["bundle", "-o", file.to_str().unwrap()]), "cannot be written");
    says(home.run(&["bundle", "s11", "s12"]), "of several taps");
    says(home.run(&["check", "nowhere.json"]), "no bundle that can be read");
}

#[test]
fn a_file_that_is_no_bundle_is_never_fine() {
    let home = Home::new();
    let path = home.path().join("made.json");
    let good = json!({
        "v": 1, "kind": "bundle", "finding": { "rule": "handshake.noise" }, "transports": ["stdio", "stdio"],
        "messages": [{ "at": 0.0, "from": "server", "body": "hello" }],
    });
    let check = |bundle: &Value| {
        fs::write(&path, bundle.to_string()).unwrap();
        home.run(&["check", path.to_str().unwrap()])
    };
    let shown = check(&good);
    assert!(shown.out().contains("handshake.noise"), "{}{}", shown.out(), shown.err());
    for (place, value, says) in [
        ("/messages", json!({}), "no list with something in it"),
        ("/messages", json!([]), "no list with something in it"),
        ("/messages/0/body", json!(5), "number 1 of its `messages`"),
        ("/messages/0/from", json!("mars"), "number 1 of its `messages`"),
        ("/finding/rule", Value::Null, "names no `rule`"),
        ("/v", json!(2), "its version is 2, and 1 is known here"),
        ("/finding/rule", json!("header.missing"), "does not show header.missing"),
        ("/finding/rule", json!("of.tomorrow"), "no such rule is known here"),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = value;
        let ran = check(&bad);
        assert_eq!(ran.code, Some(5), "{bad} {}", ran.out());
        assert!(ran.err().contains(says), "{bad} {}", ran.err());
    }
    fs::write(&path, "import sys\n").unwrap();
    let program = home.run(&["check", path.to_str().unwrap()]);
    assert!(program.code == Some(5) && program.err().contains("after `--`"), "{}", program.err());
    fs::remove_file(&path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
    assert_eq!(home.run(&["check", path.to_str().unwrap()]).code, Some(5), "nobody writes to a pipe");
}
