//! Official clients and servers with the tap between them see what they see without it.
//!
//! `cargo xtask setup` installs the peers; a missing one fails the test, it never skips.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by panicking"
)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const TAPGATE: &str = env!("CARGO_BIN_EXE_tapgate");

#[test]
fn the_typescript_sdk_1_sees_the_same_on_stdio() {
    stdio_is_transparent(&Client::typescript("ts1.mjs"));
}

#[test]
fn the_typescript_sdk_2_sees_the_same_on_stdio() {
    stdio_is_transparent(&Client::typescript("ts2.mjs"));
}

#[test]
fn the_python_sdk_sees_the_same_on_stdio() {
    stdio_is_transparent(&Client::python());
}

#[test]
fn the_typescript_sdk_1_sees_the_same_on_http() {
    http_is_transparent(&Client::typescript("ts1.mjs"));
}

#[test]
fn the_typescript_sdk_2_sees_the_same_on_http() {
    http_is_transparent(&Client::typescript("ts2.mjs"));
}

#[test]
fn the_python_sdk_sees_the_same_on_http() {
    http_is_transparent(&Client::python());
}

/// A client's script and what runs it.
struct Client {
    program: PathBuf,
    script: PathBuf,
}

impl Client {
    fn typescript(script: &str) -> Self {
        Self { program: node(), script: journeys().join(script) }
    }

    fn python() -> Self {
        Self { program: setup("python/mcp-2/bin/python"), script: journeys().join("py.py") }
    }

    /// Plays the conversation and gives its lines.
    fn converse(&self, target: &[&str], home: &Path) -> Vec<String> {
        let mut command = Command::new(&self.program);
        command.arg(&self.script).args(target).env("PEERS", setup("node")).env("TAPGATE_HOME", home);
        let out = command.stdin(Stdio::null()).output().expect("the client starts");
        assert!(out.status.success(), "{target:?}: {}", String::from_utf8_lossy(&out.stderr));
        let lines: Vec<String> = String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect();
        assert!(lines.len() > 20, "a conversation of {} lines is no conversation", lines.len());
        lines
    }
}

fn stdio_is_transparent(client: &Client) {
    let home = tempfile::tempdir().unwrap();
    let (node, server) = (node(), everything());
    let server = [node.to_str().unwrap(), server.to_str().unwrap()];
    let direct = client.converse(&[&["stdio"][..], &server].concat(), home.path());
    // Python's SDK hands a server a few variables only, so the home goes with the command.
    let home_var = format!("TAPGATE_HOME={}", home.path().display());
    let tap = ["stdio", "/usr/bin/env", &home_var, TAPGATE, "tap", "--name", "journey", "--"];
    let tapped = client.converse(&[&tap[..], &server].concat(), home.path());
    assert_same(&direct, &tapped);
    assert_recorded(home.path(), &tapped, "stdio");
}

fn http_is_transparent(client: &Client) {
    let home = tempfile::tempdir().unwrap();
    let (_server, port) = Listening::start(
        Command::new(node())
            .arg("--require")
            .arg(journeys().join("loopback.cjs"))
            .arg(everything())
            .arg("streamableHttp")
            .env("PORT", "0"),
        "listening on port ",
    );
    let url = format!("http://127.0.0.1:{port}/mcp");
    let (tap, tap_port) = Listening::start(
        Command::new(TAPGATE)
            .args(["tap", "--name", "journey", "--listen", "127.0.0.1:0", &url])
            .env("TAPGATE_HOME", home.path()),
        "http://127.0.0.1:",
    );
    let direct = client.converse(&["http", &url], home.path());
    let tapped = client.converse(&["http", &format!("http://127.0.0.1:{tap_port}/mcp")], home.path());
    assert_same(&direct, &tapped);
    drop(tap);
    assert_recorded(home.path(), &tapped, "http");
}

/// What both saw is compared step by step and field by field.
fn assert_same(direct: &[String], tapped: &[String]) {
    for (direct, tapped) in direct.iter().zip(tapped) {
        let (direct, tapped): (Value, Value) =
            (serde_json::from_str(direct).unwrap(), serde_json::from_str(tapped).unwrap());
        assert_eq!(direct, tapped, "direct on the left, tapped on the right");
    }
    assert_eq!(direct.len(), tapped.len());
}

/// The journal holds the conversation, every request paired with its answer, and nothing was lost.
fn assert_recorded(home: &Path, conversation: &[String], transport: &str) {
    let calls = json_lines(home, &["calls", "--json", "--limit", "1000"]);
    let echoed = calls.iter().filter(|call| call["method"] == "tools/call" && call["tool"] == "echo").count();
    let said = conversation.iter().filter(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let step = line["step"].as_str().unwrap();
        step.starts_with("echo") || step == "after all that"
    });
    let said = said.count();
    assert_eq!(echoed, said, "every echo is an exchange");
    for call in &calls {
        assert_eq!(call["transport"], transport, "{call}");
        let findings = call["findings"].as_array().expect("findings are a list");
        let strange = findings.iter().filter(|code| code.as_str().unwrap().starts_with("track.unmatched"));
        assert_eq!(strange.count(), 0, "{call}");
        assert_ne!(call["status"], "pending", "{call}");
        assert_ne!(call["status"], "unknown", "{call}");
    }
    let elicited = calls
        .iter()
        .find(|call| call["method"] == "elicitation/create")
        .expect("the server asked its client");
    assert_eq!(elicited["status"], "ok", "{elicited}");
    for source in json_lines(home, &["ls", "--json"]) {
        assert_eq!(source["lost_bytes"].as_u64().unwrap_or(0), 0, "{source}");
    }
}

fn json_lines(home: &Path, args: &[&str]) -> Vec<Value> {
    let out = Command::new(TAPGATE).args(args).env("TAPGATE_HOME", home).output().unwrap();
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    let lines: Vec<Value> = String::from_utf8(out.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!lines.is_empty(), "{args:?} prints nothing");
    lines
}

/// A process that says on stderr where it listens, and is ended with this value.
struct Listening(Child);

impl Listening {
    fn start(command: &mut Command, before_port: &str) -> (Self, u16) {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let rest = line.split_once(before_port)?.1;
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        });
        // Whoever talks on must find a reader, or it stops.
        std::thread::spawn(move || lines.for_each(drop));
        (Self(child), port.expect("it says where it listens"))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // A tap flushes its journal on SIGTERM.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn node() -> PathBuf {
    setup("bin/node")
}

fn everything() -> PathBuf {
    setup("node/node_modules/@modelcontextprotocol/server-everything/dist/index.js")
}

fn setup(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.setup").join(path);
    assert!(path.exists(), "{} is missing: run `cargo xtask setup`", path.display());
    path
}

fn journeys() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journeys")
}
