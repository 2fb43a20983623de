//! What a replay calls again, and what it leaves alone.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::support::{Home, Ran, Running};

/// A server whose tools read, write and destroy, and say so.
const SERVER: &str = r"
import json, sys
hints = {'look': {'readOnlyHint': True}, 'change': {}, 'drop': {'destructiveHint': True}}
tools = [{'name': name, 'annotations': hint, 'inputSchema': {'type': 'object'}} for name, hint in hints.items()]
results = {
    'initialize': {'protocolVersion': '2025-06-18', 'capabilities': {'tools': {}}, 'serverInfo': {'name': 's', 'version': '1'}},
    'tools/list': {'tools': tools},
    'tools/call': {'content': [{'type': 'text', 'text': sys.argv[1]}]},
}
for line in sys.stdin:
    said = json.loads(line)
    if 'id' in said: print(json.dumps({'jsonrpc': '2.0', 'id': said['id'], 'result': results[said['method']]}), flush=True)
";

fn record(home: &Home) {
    let mut tap = Running::start(&mut home.command(&["tap", "--", "python3", "-c", SERVER, "done"]));
    let mut to_server = tap.child.stdin.take().unwrap();
    let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } });
    let call = |id: u64, name: &str| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": name } });
    for message in [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" }),
        call(3, "look"),
        call(4, "change"),
        call(5, "drop"),
    ] {
        writeln!(to_server, "{message}").unwrap();
    }
    drop(to_server);
    let mut heard = String::new();
    std::io::Read::read_to_string(&mut tap.child.stdout.take().unwrap(), &mut heard).unwrap();
    assert_eq!((tap.wait().success(), heard.lines().count()), (true, 5), "{heard}");
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.out().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn what_destroys_is_called_only_when_it_is_named_and_what_writes_only_when_agreed() {
    let home = Home::new();
    record(&home);
    let replay = |flags: &[&str], says: &str| {
        home.run(&[&["replay", "last", "--json"], flags, &["--", "python3", "-c", SERVER, says]].concat())
    };
    let plan = lines(&home.run(&["replay", "last", "--json", "--dry-run"]));
    let effects: Vec<_> = plan.iter().map(|line| line["effect"].as_str().unwrap()).collect();
    assert_eq!(effects, ["read", "read", "read", "write", "destructive"], "{plan:?}");
    assert!(plan[4]["skipped"].as_str().unwrap().contains("--allow"), "{plan:?}");

    let asked = replay(&[], "done");
    assert_eq!(asked.code, Some(2), "{}", asked.err());
    assert!(asked.err().contains("replay.not-agreed") && asked.out().is_empty(), "{}", asked.out());

    let spared = lines(&replay(&["--yes"], "done"));
    assert_eq!((&spared[4]["outcome"], &spared[5]["same"]), (&json!("left out"), &json!(4)), "{spared:?}");
    let named = replay(&["--yes", "--allow", "drop"], "done");
    assert_eq!((named.code, &lines(&named)[5]["same"]), (Some(0), &json!(5)), "{}", named.out());

    let changed = replay(&["--yes"], "gone");
    assert_eq!((changed.code, &lines(&changed)[5]["different"]), (Some(1), &json!(2)), "{}", changed.out());
    let ignored = replay(&["--yes", "--ignore", "/result/content/*/text"], "gone");
    assert_eq!(ignored.code, Some(0), "{}", ignored.out());
}

#[test]
fn an_answer_where_there_was_none_is_a_difference() {
    let home = Home::new();
    let mute = SERVER.replace("if 'id' in said", "if 'id' in said and said['method'] != 'tools/call'");
    let mut tap = Running::start(&mut home.command(&["tap", "--", "python3", "-c", &mute, "done"]));
    let mut to_server = tap.child.stdin.take().unwrap();
    let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } });
    for message in [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": "look" } }),
    ] {
        writeln!(to_server, "{message}").unwrap();
    }
    drop(to_server);
    assert!(tap.wait().success());
    let unnamed = home.run(&["replay", "last"]);
    assert!(unnamed.code == Some(2) && unnamed.err().contains("no server is named"), "{}", unnamed.err());
    assert_eq!(unnamed.out(), "", "nothing is shown or asked before that");
    let ran = home.run(&["replay", "last", "--json", "--yes", "--", "python3", "-c", SERVER, "done"]);
    let told = lines(&ran);
    assert_eq!((ran.code, &told[1]["outcome"]), (Some(1), &json!("different")), "{told:?}");
    let difference = &told[1]["differences"][0];
    assert_eq!((&difference["path"], &difference["was"]), (&json!("/result"), &Value::Null), "{told:?}");
}

#[test]
fn a_server_that_wants_a_login_is_told_once() {
    let home = Home::new();
    record(&home);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    // It ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 4096];
            let mut n_asked = 0;
            while !asked[..n_asked].ends_with(b"}") {
                match std::io::Read::read(&mut stream, &mut asked[n_asked..]).unwrap() {
                    0 => break,
                    n => n_asked += n,
                }
            }
            stream
                .write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .unwrap();
        }
    });
    for words in
        [&["replay", "last", "--yes", "--to", &url][..], &["lock", "update", "--file", "x.lock", &url]]
    {
        let ran = home.run(words);
        assert_eq!((ran.code, ran.out().as_str()), (Some(3), ""), "{words:?} {}", ran.err());
        assert!(ran.err().contains("wants a login") && ran.err().contains("--header"), "{}", ran.err());
        assert!(!ran.err().contains("`replay`") && !ran.err().contains("`lock`"), "{}", ran.err());
    }
}
