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
