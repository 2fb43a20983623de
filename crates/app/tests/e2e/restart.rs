//! A server that ends is found, and its client starts it again and asks once more what got no answer.

use serde_json::{Value, json};

use crate::bridge::{LineClient, hello};
use crate::support::Home;

/// A server that ends when `die` is called, if its file is not there yet.
const SERVER: &str = r"
import json, os, sys
for line in sys.stdin:
    said = json.loads(line)
    if 'id' not in said: continue
    if said['method'] == 'tools/call' and said['params']['name'] == 'die' and not os.path.exists(sys.argv[1]):
        open(sys.argv[1], 'w').close()
        os._exit(1)
    result = {'content': []}
    if said['method'] == 'initialize':
        result = {'protocolVersion': '2025-06-18', 'capabilities': {'tools': {}}, 'serverInfo': {'name': 's', 'version': '1'}}
    print(json.dumps({'jsonrpc': '2.0', 'id': said['id'], 'result': result}), flush=True)
";

/// A server that ends as its argument says: while it loads, in a call, or when nothing is asked.
const MORTAL: &str = r"
import json, os, signal, sys
how = sys.argv[1]
if how == 'load': import no_such_module
for line in sys.stdin:
    said = json.loads(line)
    if said['method'] == 'initialize':
        result = {'protocolVersion': '2025-06-18', 'capabilities': {'tools': {}}, 'serverInfo': {'name': 's', 'version': '1'}}
        print(json.dumps({'jsonrpc': '2.0', 'id': said['id'], 'result': result}), flush=True)
    elif said['method'] == 'tools/list':
        result = {'tools': [{'name': 'slow', 'description': 'Waits.', 'inputSchema': {'type': 'object', 'properties': {}}}]}
        print(json.dumps({'jsonrpc': '2.0', 'id': said['id'], 'result': result}), flush=True)
        if how == 'idle': os._exit(3)
    elif said['method'] == 'tools/call':
        if how == 'kill': os.kill(os.getpid(), signal.SIGKILL)
        if how == 'crash': raise KeyError('token')
";

/// So often each of them.
const EACH: usize = 5;

/// What is found of a server that ends so in front of a client that leaves only because of it.
fn found_of(how: &str) -> Vec<String> {
    let home = Home::new();
    let tap = ["tap", "--", "python3", "-c", MORTAL, how];
    let mut client = LineClient::start(&mut home.command(&tap));
    client.say(&json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello("2025-06-18") }));
    if how != "load" {
        client.hear();
        client.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client.ask(1, "tools/list", &json!({}));
    }
    if matches!(how, "kill" | "crash") {
        let call = json!({ "name": "slow", "arguments": {} });
        client.say(&json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call }));
    }
    client.outlive();
    client.end();
    let report: Value = serde_json::from_str(&home.run(&["check", "--json", "last"]).out()).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_server_that_ends_in_front_of_its_client_is_found_each_time_and_once() {
    for (how, rule) in [
        ("load", "process.start-failed"),
        ("idle", "process.exited"),
        ("crash", "process.exited-busy"),
        ("kill", "process.killed"),
    ] {
        for _ in 0..EACH {
            assert_eq!(found_of(how), [rule], "{how}");
        }
    }
}

/// The calls of a client whose server died in the second one, and of the client that starts the server again.
fn calls_after_a_restart(home: &Home, second: &str) -> Vec<Value> {
    let flag = home.path().join("died");
    let tap = ["tap", "--name", "mortal", "--", "python3", "-c", SERVER, flag.to_str().unwrap()];
    let call = |tool: &str| json!({ "name": tool, "arguments": { "n": 1 } });
    let start = |name: &str| {
        let mut client = LineClient::start(&mut home.command(&tap));
        let mut offer = hello("2025-06-18");
        offer["clientInfo"]["name"] = json!(name);
        client.ask(0, "initialize", &offer);
        client.ask(1, "tools/call", &call("live"));
        client
    };
    let mut client = start("one");
    client.say(&json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call("die") }));
    client.end();
    let mut client = start(second);
    client.ask(7, "tools/call", &call("die"));
    client.end();
    home.calls()
}

#[test]
fn what_is_asked_again_after_a_restart_leads_to_what_got_no_answer() {
    let home = Home::new();
    let calls = calls_after_a_restart(&home, "one");
    let dying: Vec<&Value> = calls.iter().filter(|call| call["tool"] == "die").collect();
    let n_again = calls.iter().filter(|call| call["again"] != Value::Null).count();
    assert_eq!((dying.len(), n_again), (2, 1), "{calls:#?}");
    let again = dying[1];
    assert_eq!((&again["again"], &again["chain"]), (&json!("restart"), &dying[0]["id"]), "{again:#?}");
    assert!(again["findings"].to_string().contains("retry.restarted"), "{again:#?}");
    let shown = home.run(&["show", again["id"].as_str().unwrap(), "--table"]).out();
    assert!(shown.contains("restart: die") && shown.contains("started the server again"), "{shown}");
}

#[test]
fn what_another_client_asks_after_a_restart_repeats_nothing() {
    let calls = calls_after_a_restart(&Home::new(), "another");
    assert_eq!(calls.iter().filter(|call| call["again"] != Value::Null).count(), 0, "{calls:#?}");
}
