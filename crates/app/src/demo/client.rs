//! The sample client: asks the sample server what a real client would, one thing after another.

use std::io::{self, BufRead, Write};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::server::fake_token;

/// Plays the whole conversation, waiting `pause` before each request; ends when the last answer came.
pub fn play(mut to_server: impl Write, from_server: impl BufRead, pause: Duration) -> io::Result<()> {
    let mut answers = from_server.lines();
    for (at, (method, params)) in conversation().into_iter().enumerate() {
        thread::sleep(pause);
        let id = json!(at + 1);
        writeln!(to_server, "{}", json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        to_server.flush()?;
        wait_for(&id, &mut answers)?;
        if method == "initialize" {
            writeln!(to_server, "{}", json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
            to_server.flush()?;
        }
    }
    // As a client should: say that it is over, then hear the server out.
    drop(to_server);
    answers.try_for_each(|line| line.map(drop))
}

fn wait_for(id: &Value, answers: &mut impl Iterator<Item = io::Result<String>>) -> io::Result<()> {
    for line in answers {
        if serde_json::from_str::<Value>(&line?).is_ok_and(|answer| answer.get("id") == Some(id)) {
            return Ok(());
        }
    }
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the sample server ended before it answered"))
}

fn conversation() -> Vec<(&'static str, Value)> {
    let call = |name: &str, arguments: Value| ("tools/call", json!({ "name": name, "arguments": arguments }));
    vec![
        (
            "initialize",
            json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": { "name": "demo-client", "version": env!("CARGO_PKG_VERSION") },
            }),
        ),
        ("tools/list", json!({})),
        call("add", json!({ "a": 19, "b": 23 })),
        call("search", json!({ "query": "quarterly plan" })),
        (
            "tools/call",
            json!({ "name": "slow_report", "arguments": {}, "_meta": { "progressToken": "report-1" } }),
        ),
        call("search", json!({ "query": "who rotates the keys?", "api_key": fake_token() })),
        call("read_config", json!({})),
        call("delete_note", json!({ "title": "does not exist" })),
        call("send_mail", json!({ "to": "nobody@example.com" })),
        call("add", json!({ "a": 1, "b": 2 })),
    ]
}
