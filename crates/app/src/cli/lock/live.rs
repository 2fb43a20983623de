//! Asks a server what it offers: a small client behind a bridge of ours, which records what is said as any tap does.

use std::ffi::OsString;
use std::time::Duration;

use http::HeaderMap;
use serde_json::{Value, json};
use tapgate_store::SessionRow;
use tapgate_wire::Leg;

use super::Target;
use crate::cli::tap::header;
use crate::home;
use crate::look::Look;
use crate::play::{self, Heard, Player, Server};
use crate::problem::{Exit, Problem};

/// How long an answer may take; a server may have to be downloaded first.
const PATIENCE: Duration = Duration::from_mins(2);

/// Pages of one list that are asked for.
const MAX_PAGES: usize = 1_000;

/// The lists, and the capability that a server with such a list declares.
const LISTS: &[(&str, &str)] = &[
    ("tools", "tools/list"),
    ("prompts", "prompts/list"),
    ("resources", "resources/list"),
    ("resources", "resources/templates/list"),
];

/// The session in which the server was asked for everything.
pub(super) fn ask(server: &Server, target: &Target) -> Result<SessionRow, Problem> {
    let headers = header::read(&target.headers)?;
    let mut flags = vec![OsString::from("--bridge")];
    for header in &target.headers {
        flags.extend(["--header".into(), header.into()]);
    }
    let mut player = Player::start(server, play::LOCK, &flags).map_err(|error| play::cannot_start(&error))?;
    let pid = player.pid();
    let listed = list_all(&mut player, (server, &headers));
    player.end();
    listed?;
    // The journal may have come into being meanwhile.
    let look = Look::open()?;
    let read = |trouble| home::problem(&trouble);
    let sources = look.reader.sources().map_err(read)?;
    let source = sources.iter().rev().find(|source| source.pid == pid && source.leg == Leg::Client);
    let session = match source {
        Some(source) => look.reader.sessions(Some(source.id), Some(1)).map_err(read)?.pop(),
        None => None,
    };
    session.ok_or_else(|| {
        not_asked("what the server said was not recorded", "see why with `tapgate ls`, and free some room")
    })
}

/// Shakes hands and asks for every page of every list.
fn list_all(player: &mut Player, to: (&Server, &HeaderMap)) -> Result<(), Problem> {
    let hello = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": { "name": "tapgate", "version": env!("CARGO_PKG_VERSION") },
    });
    let server = result(player, to, "initialize", &hello)?;
    // A server that is gone shows with the next request.
    let _ = player.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    for (capability, method) in LISTS {
        if server.get("capabilities").and_then(|can| can.get(capability)).is_none() {
            continue;
        }
        let mut params = json!({});
        for _ in 0..MAX_PAGES {
            let page = match result(player, to, method, &params) {
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
fn result(
    player: &mut Player,
    to: (&Server, &HeaderMap),
    method: &str,
    params: &Value,
) -> Result<Value, Problem> {
    let mut answer = match player.ask(method, params, PATIENCE, &mut asked) {
        Heard::Answer(answer) => answer,
        Heard::Silence | Heard::Over => {
            let message = format!("the server gave no answer to {method}");
            return Err(not_asked(&message, "see what happened with `tapgate calls source:lock`"));
        }
    };
    if let Some(result) = answer.get_mut("result") {
        return Ok(result.take());
    }
    if let Some(why) = play::unreached(&answer) {
        return Err(play::unreachable(to.0, &why));
    }
    let why = answer.pointer("/error/message").and_then(Value::as_str).unwrap_or("no reason is given");
    let help = "see what happened with `tapgate calls source:lock`; credentials go with --header";
    Err(not_asked(&format!("the server refuses {method}"), help).because(play::quoted(why, to.1)))
}

/// Answers what a server may ask a client that can do nothing.
fn asked(message: &Value) -> Option<Value> {
    let id = message.get("id")?;
    if message.get("method")? == "ping" {
        return Some(json!({ "jsonrpc": "2.0", "id": id, "result": {} }));
    }
    let error = json!({ "code": -32601, "message": "this client only lists" });
    Some(json!({ "jsonrpc": "2.0", "id": id, "error": error }))
}

fn not_asked(message: &str, help: &str) -> Problem {
    Problem::usage("lock.not-asked", message, help).exit(Exit::Unreachable)
}
