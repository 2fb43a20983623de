//! What the tools of a scripted server ask clients for, and what they make of the answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Skill;
use crate::peer::{at, text};

impl Skill {
    /// What a tool asks the client for, by key.
    pub(super) fn inputs(tool: &str, round: usize) -> Vec<(&'static str, &'static str, Value)> {
        let form = json!({ "message": "your name?", "requestedSchema": {
            "type": "object", "properties": { "name": { "type": "string" } } } });
        let url = json!({ "mode": "url", "message": "open it", "url": "https://example.com/x" });
        let sample = json!({ "messages": [{ "role": "user", "content": { "type": "text", "text": "hi" } }], "maxTokens": 9 });
        match tool {
            "form" => vec![("name", "elicitation/create", form)],
            "url" => vec![("open", "elicitation/create", url)],
            "sample" => vec![("sample", "sampling/createMessage", sample)],
            "roots" => vec![("roots", "roots/list", json!({}))],
            "three" => vec![
                ("name", "elicitation/create", form),
                ("sample", "sampling/createMessage", sample),
                ("roots", "roots/list", json!({})),
            ],
            "rounds" if round == 0 => vec![("name", "elicitation/create", form)],
            "rounds" if round == 1 => vec![("sample", "sampling/createMessage", sample)],
            _ => Vec::new(),
        }
    }
}

/// What a tool makes of the answers it got.
pub(super) fn sum(got: &BTreeMap<String, Value>) -> Value {
    let mut parts = Vec::new();
    for (key, value) in got {
        let words = match key.as_str() {
            "name" if text(value, &["action"]) == "accept" => text(value, &["content", "name"]),
            "sample" => text(value, &["content", "text"]),
            "roots" => at(value, &["roots"]).get(0).map_or("no root", |root| text(root, &["uri"])),
            _ => text(value, &["action"]),
        };
        parts.push(format!("{key}={words}"));
    }
    json!({ "content": [{ "type": "text", "text": parts.join(" ") }] })
}
