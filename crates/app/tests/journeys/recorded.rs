//! What is done with recordings of official servers: checked, replayed, served.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::play::{At, Running, TAPGATE};
use crate::table::{EVERYTHING, Eras, Kind, SERVERS, root};

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

fn run(home: &Path, args: &[&str]) -> (Option<i32>, Vec<Value>, String) {
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
        self.to_server = None;
        self.child.wait().unwrap();
        seen
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

#[test]
fn a_check_of_an_official_server_fails_nothing_in_any_revision() {
    let home = tempfile::tempdir().unwrap();
    let server = server(None);
    let mut args = vec!["check", "--json", "--"];
    args.extend(server.iter().map(String::as_str));
    let (code, lines, err) = run(home.path(), &args);
    let report = &lines[0];
    assert_eq!(code, Some(0), "{report:#} {err}");
    let status = |name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == name).unwrap()["status"].clone()
    };
    for name in ["handshake", "input", "output", "visible"] {
        assert_eq!(status(name), "pass", "{report:#}");
    }
    assert_eq!(report["checks"].as_array().unwrap().len(), 6);
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
