//! Asks a server what it offers: a small client behind a bridge of ours, which records what is said as any tap does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use tapgate_store::SessionRow;
use tapgate_wire::Leg;

use super::Target;
use crate::home;
use crate::look::Look;
use crate::problem::{Exit, Problem};

/// How long an answer may take; a server may have to be downloaded first.
const PATIENCE: Duration = Duration::from_mins(2);

/// Pages of one list that are asked for.
const MAX_PAGES: usize = 1_000;

/// Bytes of one line that are read.
const MAX_LINE: usize = 64 << 20;

/// The lists, and the capability that a server with such a list declares.
const LISTS: &[(&str, &str)] = &[
    ("tools", "tools/list"),
    ("prompts", "prompts/list"),
    ("resources", "resources/list"),
    ("resources", "resources/templates/list"),
];

/// The session in which the server was asked for everything.
pub(super) fn ask(look: &Look, target: &Target) -> Result<SessionRow, Problem> {
    let mut player = Player::start(target)?;
    let played = player.play();
    let pid = player.child.id();
    player.end();
    played?;
    let read = |trouble| home::problem(&trouble);
    let sources = look.reader.sources().map_err(read)?;
    let source = sources.iter().rev().find(|source| source.pid == pid && source.leg == Leg::Client);
    let session = match source {
        Some(source) => look.reader.sessions(Some(source.id), Some(1)).map_err(read)?.pop(),
        None => None,
    };
    session.ok_or_else(|| {
        failed("what it said was not recorded", "see why with `tapgate ls`, and free some room")
    })
}

/// A client on standard input and output of a bridge.
struct Player {
    child: Child,
    to: Option<ChildStdin>,
    from: Receiver<Value>,
    reader: Option<JoinHandle<()>>,
    next: u64,
}

impl Player {
    fn start(target: &Target) -> Result<Self, Problem> {
        let system = |error: std::io::Error| {
            failed("tapgate cannot start itself as a tap", "close other programs and try again")
                .because(error)
        };
        // An update of the binary does not take this path away.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("tapgate").args(["tap", "--bridge"]);
        for header in &target.headers {
            command.args(["--header", header]);
        }
        if target.command.is_empty() {
            command.arg(&target.what);
        } else {
            command.arg("--").args(&target.command);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(system)?;
        let to = child.stdin.take();
        let (heard, from) = mpsc::sync_channel(64);
        let lines = child.stdout.take().map(BufReader::new);
        let read = move || {
            let mut line = Vec::new();
            let Some(mut lines) = lines else { return };
            loop {
                line.clear();
                let mut limited = std::io::Read::take(&mut lines, MAX_LINE as u64);
                let n_read = limited.read_until(b'\n', &mut line).unwrap_or(0);
                let message = serde_json::from_slice(&line).unwrap_or(Value::Null);
                if n_read == 0 || heard.send(message).is_err() {
                    return;
                }
            }
        };
        let reader = Builder::new().name("answers".into()).spawn(read).map_err(system)?;
        Ok(Self { child, to, from, reader: Some(reader), next: 0 })
    }

    /// Shakes hands and asks for every page of every list.
    fn play(&mut self) -> Result<(), Problem> {
        let hello = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "tapgate", "version": env!("CARGO_PKG_VERSION") },
        });
        let server = self.ask("initialize", &hello)?;
        self.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        for (capability, method) in LISTS {
            if server.get("capabilities").and_then(|can| can.get(capability)).is_none() {
                continue;
            }
            let mut params = json!({});
            for _ in 0..MAX_PAGES {
                let page = match self.ask(method, &params) {
                    // A server with resources need not have templates.
                    Err(_) if *method == "resources/templates/list" => break,
                    page => page?,
                };
                match page.get("nextCursor") {
                    None | Some(Value::Null) => break,
                    Some(cursor) => params = json!({ "cursor": cursor }),
                }
            }
        }
        Ok(())
    }

    /// The result of a request.
    fn ask(&mut self, method: &str, params: &Value) -> Result<Value, Problem> {
        self.next += 1;
        let id = self.next;
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let Ok(mut message) = self.from.recv_timeout(PATIENCE) else {
                return Err(failed(
                    &format!("the server gave no answer to {method}"),
                    "see what happened with `tapgate show last`",
                ));
            };
            if message.get("method").is_some() {
                self.asked(&message)?;
            } else if message.get("id").and_then(Value::as_u64) == Some(id) {
                if let Some(result) = message.get_mut("result") {
                    return Ok(result.take());
                }
                let why = message.pointer("/error/message").and_then(Value::as_str);
                let why = why.unwrap_or("no reason is given");
                let why: String = why.chars().filter(|c| !c.is_control()).take(300).collect();
                return Err(failed(
                    &format!("the server refuses {method}"),
                    "see what happened with `tapgate show last`; credentials go with --header",
                )
                .because(why));
            }
        }
    }

    /// Answers what a server may ask a client that can do nothing.
    fn asked(&mut self, message: &Value) -> Result<(), Problem> {
        let Some(id) = message.get("id") else { return Ok(()) };
        let answer = if message.get("method").and_then(Value::as_str) == Some("ping") {
            json!({ "jsonrpc": "2.0", "id": id, "result": {} })
        } else {
            json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32601, "message": "this client only lists" } })
        };
        self.say(&answer)
    }

    fn say(&mut self, message: &Value) -> Result<(), Problem> {
        let said = self.to.as_mut().map(|to| to.write_all(format!("{message}\n").as_bytes()));
        match said {
            Some(Ok(())) => Ok(()),
            _ => Err(failed(
                "the server ended",
                "start it by itself to see why; `tapgate show last` has its last words",
            )),
        }
    }

    /// Ends as clients do, and waits until everything is recorded.
    fn end(&mut self) {
        drop(self.to.take());
        // Whoever still sends gets no reader, so that nobody waits for the other.
        while self.from.recv().is_ok() {}
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn failed(message: &str, help: &str) -> Problem {
    Problem::usage("lock.not-asked", message, help).exit(Exit::Unreachable)
}
