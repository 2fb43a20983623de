//! What the judge's commands say about servers that fail, lie or blab, and about faults on purpose.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::bridge::{LineClient, hello};
use crate::support::{Home, Ran, Running};

/// A server in Python that answers each request as `answers` says, a dictionary from method to the rest of the answer.
fn server(answers: &str) -> String {
    format!(
        "import json, sys\nanswers = {answers}\nfor line in sys.stdin:\n    try:\n        said = json.loads(line)\n    except ValueError:\n        continue\n    if 'id' not in said: continue\n    rest = answers.get(said['method'], {{'error': {{'code': -32601, 'message': 'method not found'}}}})\n    print(json.dumps({{'jsonrpc': '2.0', 'id': said['id'], **rest}}), flush=True)\n"
    )
}

/// Answers of a server with one tool.
const GOOD: &str = r"{
    'initialize': {'result': {'protocolVersion': '2025-06-18', 'capabilities': {'tools': {}}, 'serverInfo': {'name': 'one', 'version': '1'}}},
    'ping': {'result': {}},
    'tools/list': {'result': {'tools': [{'name': 'echo', 'description': 'Says it again.', 'inputSchema': {'type': 'object', 'properties': {}}}]}},
    'tools/call': {'result': {'content': [{'type': 'text', 'text': 'again'}]}},
}";

fn check(home: &Home, more: &[&str], server: &str) -> Ran {
    home.run(&[&["check"], more, &["--", "python3", "-c", server]].concat())
}

#[test]
fn a_server_that_cannot_be_reached_is_said_and_ends_with_four() {
    let home = Home::new();
    for words in
        [&["check", "--json", "--", "/no/such/server"][..], &["check", "--json", "http://127.0.0.1:1/mcp"]]
    {
        let ran = home.run(words);
        assert_eq!(ran.code, Some(4), "{words:?} {}", ran.err());
        let problem: Value = serde_json::from_str(&ran.err()).unwrap();
        assert_eq!(problem["error"]["code"], "play.unreachable", "{problem}");
    }
    assert_eq!(home.run(&["check", "ftp://127.0.0.1/x"]).code, Some(2));
}

#[test]
fn what_a_server_says_in_its_refusal_is_masked_before_it_is_printed() {
    // Built here, so that no scanner takes it for a real one.
    let secret = format!("ghp_{}", "x7Qk2mZ9".repeat(5).get(..36).unwrap());
    let answers = format!("{{'initialize': {{'error': {{'code': -32000, 'message': 'bad key {secret}'}}}}}}");
    let home = Home::new();
    for format in ["text", "json", "junit", "sarif"] {
        let ran = check(&home, &["--revision", "2025-06-18", "--format", format], &server(&answers));
        assert!(!ran.out().contains(&secret) && !ran.err().contains(&secret), "{format}: {}", ran.out());
        assert_eq!(ran.code, Some(1), "{}", ran.out());
    }
}

#[test]
fn a_good_server_passes_and_an_expected_tool_that_is_missing_fails() {
    let home = Home::new();
    let ran = check(&home, &["--json", "--profile", "ci", "--expect-tool", "echo"], &server(GOOD));
    let report: Value = serde_json::from_str(&ran.out()).unwrap();
    assert_eq!(ran.code, Some(0), "{report:#}");
    let ran = check(&home, &["--json", "--expect-tool", "search"], &server(GOOD));
    let report: Value = serde_json::from_str(&ran.out()).unwrap();
    assert_eq!((ran.code, &report["checks"][1]["status"]), (Some(1), &json!("fail")), "{report:#}");
}

#[test]
fn tools_that_nobody_saw_fail_under_the_profile_of_ci_alone() {
    let home = Home::new();
    let silent = GOOD.replace("'capabilities': {'tools': {}}", "'capabilities': {}");
    for (profile, code, word) in [("default", 0, "<skipped"), ("ci", 1, "<failure")] {
        let more = ["--revision", "2025-06-18", "--profile", profile, "--format", "junit"];
        let ran = check(&home, &more, &server(&silent));
        assert_eq!(ran.code, Some(code), "{profile}: {}", ran.out());
        assert!(ran.out().contains(word), "{profile}: {}", ran.out());
    }
}

#[test]
fn habits_of_clients_are_shares_and_a_passport_compares_with_them() {
    let home = Home::new();
    let more = GOOD.replace(
        "'inputSchema': {'type': 'object', 'properties': {}}}]",
        "'inputSchema': {'type': 'object', 'properties': {}}}, {'name': 'idle', 'inputSchema': {'type': 'object'}}]",
    );
    let server = server(&more);
    let tap = ["tap", "--", "python3", "-c", &server];
    for with_progress in [1, 3] {
        let mut client = LineClient::start(&mut home.command(&tap));
        client.ask(0, "initialize", &hello("2025-06-18"));
        client.ask(1, "tools/list", &json!({}));
        for id in 2..5 {
            let meta = if id < 2 + with_progress { json!({ "progressToken": id }) } else { json!({}) };
            client.ask(id, "tools/call", &json!({ "name": "echo", "arguments": {}, "_meta": meta }));
        }
        client.end();
    }
    let name = home.json(&["clients"])[0]["client"].as_str().unwrap().to_owned();
    let page = home.run(&["clients", &name, "--table"]).out();
    assert!(page.contains("asks for it in 4 of 6 calls") && page.contains("echo ×6"), "{page}");
    let shown = home.json(&["clients", &name]);
    assert_eq!((&shown[0]["calls"], &shown[0]["not_chosen"]), (&json!(10), &json!(["idle"])), "{shown:#?}");
    let share = json!({ "v": 1, "kind": "habit", "habit": "progress", "value": "asks for it", "n": 4, "of": 6, "unit": "calls" });
    assert!(shown.contains(&share), "{shown:#?}");

    let why = home.json(&["clients", "--why", "idle"]);
    assert_eq!(why[0]["why"], "it was listed to it, and simply not chosen", "{why:#?}");

    let passport = home.run(&["clients", &name, "--passport"]).out();
    assert!(!passport.contains("echo") && !passport.contains("idle"), "{passport}");
    let file = home.path().join("passport.json");
    let compare = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let ran = home.run(&["clients", "diff", file.to_str().unwrap(), &name, "--json"]);
        let lines: Vec<Value> = ran.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(ran.code, Some(i32::from(!lines.is_empty())), "{}", ran.err());
        lines
    };
    assert_eq!(compare(&passport), Vec::<Value>::new(), "it differs from itself");
    let other = passport.replace("\"asks for it\": 4", "\"asks for it\": 6");
    let differs = compare(&other);
    assert_eq!(differs.len(), 1, "{differs:#?}");
    assert_eq!(
        (&differs[0]["a"], &differs[0]["b"]),
        (&json!(["asks for it"]), &json!(["asks for it in 4 of 6 calls"]))
    );
    std::fs::write(&file, "{}").unwrap();
    let wrong = home.run(&["clients", "diff", file.to_str().unwrap(), &name, "--json"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err().contains("client.bad-passport"), "{}", wrong.err());
}

#[test]
fn what_is_held_back_on_purpose_is_not_the_servers_time() {
    let home = Home::new();
    let file = home.path().join("chaos.toml");
    std::fs::write(&file, "[[fault]]\ndo = \"slow-first-byte\"\nms = 400\ntool = \"echo\"\n").unwrap();
    let server = server(GOOD);
    let tap = ["tap", "--chaos", file.to_str().unwrap(), "--", "python3", "-c", &server];
    let mut client = LineClient::start(&mut home.command(&tap));
    client.ask(0, "initialize", &hello("2025-06-18"));
    client.ask(1, "tools/call", &json!({ "name": "echo", "arguments": {} }));
    client.end();
    let calls = home.calls();
    let call = calls.iter().find(|call| call["tool"] == "echo").unwrap();
    let spent = |part: &str| call[format!("time.{part}")].as_f64().unwrap();
    let rest: f64 = ["client", "tapgate", "wire", "server", "person"].map(spent).into_iter().sum();
    assert!(spent("injected") > 0.39, "{call:#}");
    assert!((rest + spent("injected") - call["duration"].as_f64().unwrap()).abs() < 1e-6, "{call:#}");
    let shown = home.run(&["show", call["id"].as_str().unwrap(), "--table"]).out();
    assert!(shown.contains("held back on purpose"), "{shown}");
}

/// What a tap with these faults lets a client hear of two calls, and the findings of its session.
fn with_chaos(home: &Home, faults: &str) -> (Vec<String>, Vec<Value>) {
    let file = home.path().join("chaos.toml");
    std::fs::write(&file, faults).unwrap();
    let file = file.to_str().unwrap();
    let server = server(GOOD);
    let mut command =
        home.command(&["tap", "--chaos", file, "--name", "chaos", "--", "python3", "-c", &server]);
    let mut tap = Running::start(&mut command);
    let mut to_server = tap.child.stdin.take().unwrap();
    let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } });
    for message in [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" }),
        json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": { "name": "echo", "arguments": {} } }),
        json!({ "jsonrpc": "2.0", "id": 4, "method": "ping" }),
    ] {
        writeln!(to_server, "{message}").unwrap();
    }
    drop(to_server);
    let mut heard = String::new();
    std::io::Read::read_to_string(&mut tap.child.stdout.take().unwrap(), &mut heard).unwrap();
    tap.wait();
    let report = home.run(&["check", "--json"]);
    let report: Value = serde_json::from_str(&report.out()).unwrap();
    (heard.lines().map(str::to_owned).collect(), report["findings"].as_array().unwrap().clone())
}

#[test]
fn a_fault_on_purpose_reaches_the_client_and_is_found_as_nothing_else() {
    let home = Home::new();
    for (fault, n_heard) in [
        ("duplicate-answer", 5),
        ("no-answer", 3),
        ("stray-output", 5),
        ("wrong-id-type", 4),
        ("truncated-stream", 4),
    ] {
        let (heard, findings) = with_chaos(&home, &format!("[[fault]]\ndo = \"{fault}\"\ntool = \"echo\"\n"));
        assert_eq!(heard.len(), n_heard, "{fault}: {heard:#?}");
        let rules: Vec<_> = findings.iter().map(|finding| finding["rule"].as_str().unwrap()).collect();
        assert!(rules.contains(&"injected.fault"), "{fault}: {findings:#?}");
        let blamed: Vec<_> = findings
            .iter()
            .filter(|finding| finding["severity"] != "note" && finding["side"] == "server")
            .collect();
        assert!(blamed.is_empty(), "{fault}: {blamed:#?}");
    }
}
