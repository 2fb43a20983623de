//! What is done with recordings of official servers: checked, replayed, served.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::play::{At, Running, TAPGATE};
use crate::table::{EVERYTHING, Eras, Kind, SERVERS, root, setup};

/// A home with a recorded session of server-everything, in which a plain client called a few things.
struct Recorded {
    home: TempDir,
    /// What the client saw.
    seen: Vec<Value>,
    session: String,
}

fn tapgate(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(TAPGATE);
    command.args(args).env("TAPGATE_HOME", home);
    command
}

pub fn run(home: &Path, args: &[&str]) -> (Option<i32>, Vec<Value>, String) {
    let Output { status, stdout, stderr } = tapgate(home, args).stdin(Stdio::null()).output().unwrap();
    let stdout = String::from_utf8(stdout).unwrap();
    let lines = stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    (status.code(), lines, String::from_utf8(stderr).unwrap())
}

/// The newest session of the client's leg.
fn last_session(home: &Path) -> String {
    let (_, lines, _) = run(home, &["show", "last", "--json"]);
    lines[0]["session"].as_str().unwrap().to_owned()
}

fn everything() -> PathBuf {
    let path = root().join(EVERYTHING);
    assert!(path.exists(), "server-everything is missing: run `cargo xtask setup`");
    path
}

/// The server's command, or one that changes what it says with `sed`.
fn server(change: Option<&str>) -> Vec<String> {
    let path = everything().to_str().unwrap().to_owned();
    match change {
        None => vec!["node".to_owned(), path, "stdio".to_owned()],
        Some(change) => {
            let script = format!("node '{path}' stdio | sed -u '{change}'");
            vec!["sh".to_owned(), "-c".to_owned(), script]
        }
    }
}

/// A client that asks one thing after the other.
struct Client {
    child: Child,
    to_server: Option<ChildStdin>,
    from_server: BufReader<ChildStdout>,
    last_id: u64,
}

impl Client {
    fn start(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let from_server = BufReader::new(child.stdout.take().unwrap());
        Self { to_server: child.stdin.take(), child, from_server, last_id: 0 }
    }

    fn say(&mut self, message: &Value) {
        let to_server = self.to_server.as_mut().unwrap();
        writeln!(to_server, "{message}").unwrap();
        to_server.flush().unwrap();
    }

    #[expect(clippy::needless_pass_by_value, reason = "calls read better with the parameters in place")]
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = json!(self.last_id);
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let mut line = String::new();
            assert!(self.from_server.read_line(&mut line).unwrap() > 0, "{method}: the server went away");
            let message: Value = serde_json::from_str(&line).unwrap();
            if message.get("method").is_none() && message["id"] == id {
                return message;
            }
            if message["method"] == "sampling/createMessage" {
                let result =
                    json!({ "role": "assistant", "model": "m", "content": { "type": "text", "text": "hi" } });
                self.say(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }));
            }
        }
    }

    /// The whole conversation; gives the results.
    fn converse(mut self) -> Vec<Value> {
        let hello = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": { "sampling": {} },
            "clientInfo": { "name": "plain", "version": "1" },
        });
        let mut seen = vec![self.ask("initialize", hello)];
        self.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        let call =
            |name: &str, arguments: Value| ("tools/call", json!({ "name": name, "arguments": arguments }));
        for (method, params) in [
            ("tools/list", json!({})),
            call("echo", json!({ "message": "hello" })),
            call("get-sum", json!({ "a": 2, "b": 3 })),
            call("trigger-sampling-request", json!({ "prompt": "x", "maxTokens": 10 })),
            call("get-structured-content", json!({ "location": "Chicago" })),
            ("prompts/list", json!({})),
            ("prompts/get", json!({ "name": "simple-prompt" })),
            ("resources/list", json!({})),
            ("resources/templates/list", json!({})),
            call("no-such-tool", json!({})),
        ] {
            seen.push(self.ask(method, params));
        }
        self.end();
        seen
    }

    fn end(&mut self) {
        self.to_server = None;
        self.child.wait().unwrap();
    }
}

fn record() -> Recorded {
    let home = tempfile::tempdir().unwrap();
    let mut tap = tapgate(home.path(), &["tap", "--name", "everything", "--"]);
    tap.args(server(None));
    let seen = Client::start(tap).converse();
    let session = last_session(home.path());
    Recorded { home, seen, session }
}

fn replay(recorded: &Recorded, change: Option<&str>) -> (Option<i32>, Vec<Value>, String) {
    let server = server(change);
    let mut args = vec!["replay", recorded.session.as_str(), "--yes", "--json", "--"];
    args.extend(server.iter().map(String::as_str));
    run(recorded.home.path(), &args)
}

#[test]
fn a_replay_against_the_same_server_is_clean_and_against_a_changed_one_shows_the_change() {
    let recorded = record();
    let (code, lines, err) = replay(&recorded, None);
    assert_eq!((code, lines.last().unwrap()["different"].as_u64()), (Some(0), Some(0)), "{lines:#?} {err}");
    assert_eq!(lines.last().unwrap()["same"], 11);

    let (code, lines, _) = replay(&recorded, Some("s/Echo: hello/Echo: goodbye/"));
    assert_eq!(code, Some(1));
    let changed: Vec<_> = lines.iter().filter(|line| line["outcome"] == "different").collect();
    assert_eq!(changed.len(), 1, "{lines:#?}");
    let found =
        json!([{ "path": "/result/content/0/text", "was": "\"Echo: hello\"", "is": "\"Echo: goodbye\"" }]);
    assert_eq!((&changed[0]["call"], &changed[0]["differences"]), (&json!("tools/call echo"), &found));
}

#[test]
fn a_replay_to_nobody_says_so_and_ends_as_unreachable() {
    let recorded = record();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/mcp");
    for target in [&["--to", url.as_str()][..], &["--", "false"]] {
        let args = [&["replay", recorded.session.as_str(), "--yes"], target].concat();
        let (code, lines, err) = run(recorded.home.path(), &args);
        assert_eq!((code, lines.len()), (Some(4), 0), "{target:?} {err}");
    }
}

/// A server that answers a call of `first` when it was asked for `second`, and counts how many it had at once.
const OVERLAP: &str = r"
    const say = (id, result) => console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
    const text = words => ({ content: [{ type: 'text', text: words }] });
    let first;
    require('node:readline').createInterface({ input: process.stdin }).on('line', line => {
        const { id, method, params } = JSON.parse(line);
        if (method === 'initialize') {
            say(id, { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'o', version: '1' } });
        } else if (params?.name === 'first') {
            first = id;
        } else if (params?.name === 'second') {
            say(id, text('second'));
            say(first, text('after the second'));
        } else if (id !== undefined) {
            say(id, text(first === undefined ? 'none' : 'both'));
        }
    });
";

#[test]
fn calls_that_overlapped_overlap_again() {
    let home = tempfile::tempdir().unwrap();
    let server = ["node", "-e", OVERLAP];
    let mut client = Client::start(tapgate(home.path(), &[&["tap", "--"][..], &server].concat()));
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } });
    client.ask("initialize", hello);
    let call = |name: &str| json!({ "name": name, "arguments": {} });
    client.say(&json!({ "jsonrpc": "2.0", "id": "f", "method": "tools/call", "params": call("first") }));
    client.ask("tools/call", call("second"));
    client.ask("tools/call", call("third"));
    client.end();
    let session = last_session(home.path());
    let args =
        [&["replay", session.as_str(), "--yes", "--json", "--patience", "20", "--"][..], &server].concat();
    let (code, lines, err) = run(home.path(), &args);
    assert_eq!((code, lines.last().unwrap()["same"].as_u64()), (Some(0), Some(4)), "{lines:#?} {err}");
    let order: Vec<_> = lines.iter().filter_map(|line| line["call"].as_str()).collect();
    assert_eq!(order[1..], ["tools/call first", "tools/call second", "tools/call third"]);
}

/// A client of the tasks extension: one task that asks back, one that is cancelled.
fn ask_tasks(client: &mut Client) -> Vec<Value> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "tasks", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {
            "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} },
        },
    });
    let with = |mut params: Value| {
        params["_meta"] = meta.clone();
        params
    };
    let mut seen = Vec::new();
    let created =
        client.ask("tools/call", with(json!({ "name": "confirm_delete", "arguments": { "filename": "a" } })));
    let task = created["result"]["taskId"].clone();
    loop {
        let state = client.ask("tasks/get", with(json!({ "taskId": task })));
        let status = state["result"]["status"].as_str().unwrap_or_default().to_owned();
        assert_ne!(status, "", "{state}");
        match status.as_str() {
            "input_required" => {
                let given = json!({ "confirm": { "action": "accept", "content": { "confirm": "yes" } } });
                let params = with(json!({ "taskId": task, "inputResponses": given }));
                seen.push(client.ask("tasks/update", params)["result"].clone());
            }
            "working" => std::thread::sleep(std::time::Duration::from_millis(20)),
            _ => seen.push(state["result"]["result"].clone()),
        }
        if seen.last().is_some_and(|result| result["content"].is_array()) {
            break;
        }
    }
    let long = client.ask(
        "tools/call",
        with(json!({ "name": "slow_compute", "arguments": { "seconds": 60, "label": "l" } })),
    );
    let about = with(json!({ "taskId": long["result"]["taskId"] }));
    seen.push(client.ask("tasks/cancel", about.clone())["result"].clone());
    seen.push(client.ask("tasks/get", about)["result"]["status"].clone());
    seen
}

#[test]
fn tasks_of_the_extension_are_served_and_replayed_as_one_operation() {
    let home = tempfile::tempdir().unwrap();
    let script = root().join("xtask/conformance/tasks.mjs");
    let server = ["node", script.to_str().unwrap(), "stdio"];
    let mut client = Client::start(tapgate(home.path(), &[&["tap", "--full", "--"][..], &server].concat()));
    let seen = ask_tasks(&mut client);
    client.end();
    assert!(seen.contains(&json!("cancelled")) && seen.len() == 4, "{seen:#?}");
    let session = last_session(home.path());

    let mut mocked = Client::start(tapgate(home.path(), &["mock", &session]));
    assert_eq!(ask_tasks(&mut mocked), seen);
    assert_eq!(ask_tasks(&mut mocked), seen, "again, as tasks of its own");
    mocked.end();

    let args = [&["replay", session.as_str(), "--yes", "--json", "--"][..], &server].concat();
    let (code, lines, err) = run(home.path(), &args);
    assert_eq!((code, lines.last().unwrap()["same"].as_u64()), (Some(0), Some(2)), "{lines:#?} {err}");
    let other = format!("node '{}' stdio | sed -u 's/deleted a/deleted b/'", server[1]);
    let args = ["replay", session.as_str(), "--yes", "--json", "--", "sh", "-c", &other];
    let (code, lines, _) = run(home.path(), &args);
    assert_eq!(code, Some(1));
    assert_eq!(lines[0]["differences"][0]["path"], "/result/content/0/text", "{lines:#?}");
}

#[test]
fn a_mock_says_what_the_server_said_also_to_clients_of_another_revision() {
    let recorded = record();
    let mock = tapgate(recorded.home.path(), &["mock", &recorded.session]);
    let seen = Client::start(mock).converse();
    assert_eq!(seen, recorded.seen);

    let mut client = Client::start(tapgate(recorded.home.path(), &["mock", &recorded.session]));
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "modern", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({ "name": "get-sum", "arguments": { "a": 2, "b": 3 }, "_meta": meta });
    let sum = client.ask("tools/call", params);
    assert_eq!(sum["result"]["content"], recorded.seen[3]["result"]["content"], "{sum}");
    let unknown = client
        .ask("tools/call", json!({ "name": "get-sum", "arguments": { "a": 1, "b": 1 }, "_meta": meta }));
    assert!(unknown["error"]["message"].as_str().unwrap().contains("not recorded"), "{unknown}");
}

/// What a visit in every revision finds about official servers: the script, its argument, and the rules, all of notes.
///
/// Looked up in their lists: arguments such as `path` of `read_file` have no description, and zod writes `$schema` as
/// draft-07 where 2025-11-25 has 2020-12 for a default.
const CHECKED: &[(&str, &str, &[&str])] = &[
    ("everything", "stdio", &["schema.old-dialect", "schema.undescribed"]),
    ("filesystem", "<folder>", &["schema.old-dialect", "schema.undescribed"]),
    ("memory", "", &["schema.old-dialect", "schema.undescribed"]),
    ("sequential-thinking", "", &["schema.old-dialect"]),
];

#[test]
fn a_check_of_an_official_server_fails_nothing_in_any_revision() {
    for (name, argument, rules) in CHECKED {
        let home = tempfile::tempdir().unwrap();
        let script = setup(&format!("node/node_modules/@modelcontextprotocol/server-{name}/dist/index.js"));
        let folder = home.path().to_str().unwrap();
        let memory = format!("MEMORY_FILE_PATH={folder}/memory.jsonl");
        let argument = argument.replace("<folder>", folder);
        let mut args =
            vec!["check", "--json", "--", "/usr/bin/env", &memory, "node", script.to_str().unwrap()];
        args.extend(Some(argument.as_str()).filter(|argument| !argument.is_empty()));
        let (code, lines, err) = run(home.path(), &args);
        let report = &lines[0];
        assert_eq!(code, Some(0), "{name}: {report:#} {err}");
        let checks = report["checks"].as_array().unwrap();
        assert_eq!(checks.len(), 6, "{name}: {report:#}");
        let good = checks.iter().filter(|check| check["status"] == "pass").count();
        // The tool of sequential-thinking has more than 4,000 bytes.
        assert_eq!(good, if *name == "sequential-thinking" { 5 } else { 6 }, "{name}: {report:#}");
        let findings = report["findings"].as_array().unwrap();
        let found: BTreeSet<&str> =
            findings.iter().map(|finding| finding["rule"].as_str().unwrap()).collect();
        assert_eq!(found, rules.iter().copied().collect(), "{name}: {report:#}");
        assert!(findings.iter().all(|finding| finding["severity"] == "note"), "{name}: {report:#}");
    }
}

/// What is true of official servers and errs or warns, by their name; everything else would be a false finding.
const TRUE_OF: &[(&str, &[&str])] = &[
    // It answers any page, and 400 to sessions that it does not know.
    ("everything-on-http", &["refusal.foreign-page", "session.wrong-status"]),
    // Its SDK answers -32602 to methods that it does not know.
    ("python-1-on-http", &["refusal.method"]),
    ("python-1-on-sse", &["refusal.method"]),
    // One of its tools is there to have such a schema.
    ("typescript-2-legacy-on-http", &["schema.root-composition"]),
    ("typescript-2-modern-on-http", &["schema.root-composition"]),
];

#[test]
fn a_check_of_an_official_server_over_http_finds_what_is_true_of_it_and_nothing_else() {
    for server in SERVERS.iter().filter(|server| server.kind != Kind::Stdio) {
        let running = Running::start(server);
        let home = tempfile::tempdir().unwrap();
        let At::Url(url) = running.at(home.path()) else { panic!("{server} listens") };
        let (_, lines, err) = run(home.path(), &["check", "--json", &url]);
        let report = lines.first().unwrap_or_else(|| panic!("{server}: {err}"));
        let name = server.to_string();
        let known = TRUE_OF.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, rules)| rules);
        let findings = report["findings"].as_array().unwrap().iter();
        let rules: BTreeSet<_> = findings
            .filter(|finding| finding["severity"] != "note")
            .map(|finding| finding["rule"].as_str().unwrap())
            .collect();
        assert_eq!(rules, known.iter().copied().collect(), "{server}: {report:#}");
        let outcomes: Vec<_> = report["visits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|visit| visit["outcome"].as_str().unwrap())
            .collect();
        let spoken = match server.eras {
            Eras::Both => ["spoken"; 5],
            Eras::Modern => ["spoken", "refused", "refused", "refused", "refused"],
            Eras::Legacy => ["refused", "spoken", "spoken", "spoken", "spoken"],
        };
        assert_eq!(outcomes, spoken, "{server}: {report:#}");
    }
}
