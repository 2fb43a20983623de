//! A client whose server ends starts it again and asks once more what got no answer.

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
