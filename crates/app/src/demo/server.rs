//! The sample server: a small MCP server on stdio (2025-11-25) whose answers show what tapgate shows.

use std::io::{self, BufRead, Write};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// Answers requests from `input` on `output` until the input ends.
pub fn serve(input: impl BufRead, mut output: impl Write, mut log: impl Write) -> io::Result<()> {
    writeln!(log, "demo server: ready")?;
    for line in input.lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line?) else { continue };
        let Some(id) = message.get("id").cloned() else { continue };
        if text_at(&message, "/params/name") == "slow_report" {
            report_progress(&message, &mut output)?;
        }
        let answer = match answer_to(&message) {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err((code, text)) => {
                json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": text } })
            }
        };
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

fn answer_to(message: &Value) -> Result<Value, (i64, String)> {
    match text_at(message, "/method") {
        "initialize" => Ok(json!({
            "protocolVersion": "2025-11-25",
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "demo-server", "version": env!("CARGO_PKG_VERSION") },
        })),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({ "tools": tools() })),
        "tools/call" => call(message),
        other => Err((-32601, format!("unknown method {other}"))),
    }
}

fn call(message: &Value) -> Result<Value, (i64, String)> {
    match text_at(message, "/params/name") {
        "add" => {
            let number = |name| message.pointer(name).and_then(Value::as_i64).unwrap_or(0);
            Ok(text(&number("/params/arguments/a").saturating_add(number("/params/arguments/b")).to_string()))
        }
        "search" => {
            thread::sleep(Duration::from_millis(40));
            Ok(text(&format!("3 notes mention {:?}", text_at(message, "/params/arguments/query"))))
        }
        "slow_report" => Ok(text("the report has 12 pages")),
        "delete_note" => {
            Ok(json!({ "content": [{ "type": "text", "text": "no note has this title" }], "isError": true }))
        }
        "read_config" => Ok(text(&format!("region=eu\nDEPLOY_TOKEN={}\n", fake_token()))),
        other => Err((-32602, format!("unknown tool {other}"))),
    }
}

fn report_progress(message: &Value, output: &mut impl Write) -> io::Result<()> {
    let token = message.pointer("/params/_meta/progressToken");
    for step in 1..=3 {
        thread::sleep(Duration::from_millis(80));
        if let Some(token) = token {
            let params = json!({ "progressToken": token, "progress": step, "total": 3 });
            writeln!(
                output,
                "{}",
                json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params })
            )?;
            output.flush()?;
        }
    }
    Ok(())
}

fn tools() -> Value {
    let tool = |name: &str, about: &str, properties: Value| json!({ "name": name, "description": about, "inputSchema": { "type": "object", "properties": properties } });
    json!([
        tool("add", "Adds two integers.", json!({ "a": { "type": "integer" }, "b": { "type": "integer" } })),
        tool("search", "Finds notes.", json!({ "query": { "type": "string" } })),
        tool("slow_report", "Writes a report and tells its progress.", json!({})),
        tool("delete_note", "Deletes a note.", json!({ "title": { "type": "string" } })),
        tool("read_config", "Shows the deployment's configuration.", json!({})),
    ])
}

fn text_at<'a>(message: &'a Value, pointer: &str) -> &'a str {
    message.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn text(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }] })
}

/// A token in the shape of a real one that belongs to nobody; put together here so that no scanner reports this file.
pub fn fake_token() -> String {
    format!("{}_{}", "ghp", "Fake0".repeat(7) + "x")
}
