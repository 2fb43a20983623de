//! How a scripted server describes its tools.

use serde_json::{Value, json};

/// Every tool of a scripted server, in the order of its list.
pub(super) fn all() -> Vec<Value> {
    let plain = [
        "echo",
        "fail",
        "progress",
        "slow",
        "log",
        "form",
        "url",
        "sample",
        "roots",
        "three",
        "rounds",
        "changed",
        "updated",
        "structured",
        "listed",
        "audio",
        "link",
        "count",
        "die",
        "draft",
    ];
    let mut tools: Vec<Value> = plain
        .iter()
        .map(|name| json!({ "name": name, "inputSchema": { "type": "object", "x-kept": [name] } }))
        .collect();
    tools[0]["_meta"] =
        json!({ "ui": { "resourceUri": "ui://echo", "visibility": ["app"] }, "com.example/x": [1] });
    tools[0]["annotations"] = json!({ "readOnlyHint": true, "x-kept": 1 });
    let region = json!({ "type": "object", "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" } } });
    tools.push(json!({ "name": "region", "inputSchema": region }));
    tools
}
