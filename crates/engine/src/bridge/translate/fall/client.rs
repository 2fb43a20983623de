//! What modern clients say, made legacy.

use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::Id;

use crate::bridge::translate::Draft;

/// The keys of a request's `_meta` in which a modern client says each time what a legacy one says once.
const PER_REQUEST: &[&str] = &[
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/logLevel",
];

/// A request without what only modern servers read. `params.task` means nothing in 2026-07-28, but would to the
/// server, so it goes too.
pub fn request(modern: &Message) -> Message {
    let mut draft = Draft::of(modern);
    for key in PER_REQUEST {
        draft.remove(&["params", "_meta", key]);
    }
    if draft.get(&["params", "_meta"]).is_some_and(|meta| is_empty(&meta)) {
        draft.remove(&["params", "_meta"]);
    }
    for name in ["inputResponses", "requestState", "task"] {
        draft.remove(&["params", name]);
    }
    draft.into_message()
}

/// The handshake that stands for what a modern client says of itself in each request.
pub fn initialize(id: u64, revision: Revision, capabilities: &[u8], info: &[u8]) -> Message {
    let mut draft = Draft::of_value(Bytes::from_static(br#"{"jsonrpc":"2.0"}"#));
    draft.set(&["id"], id.to_string().as_bytes());
    draft.set(&["method"], b"\"initialize\"");
    draft.set(&["params", "protocolVersion"], format!("\"{}\"", revision.as_str()).as_bytes());
    draft.set(&["params", "capabilities"], capabilities);
    draft.set(&["params", "clientInfo"], info);
    draft.into_message()
}

/// One of `inputResponses` as the answer to the request that a legacy server made with this id. Before 2025-11-25
/// what a model said was one block, so a list of one is unpacked.
pub fn answer(id: &Id, response: Bytes, revision: Revision) -> Message {
    let mut response = Draft::of_value(response);
    if revision < Revision::V2025_11_25
        && response.get(&["role"]).is_some()
        && let Some(content) = response.get(&["content"])
        && content.starts_with(b"[")
    {
        let mut blocks = Vec::new();
        Draft::of_value(content).each(&[], &mut |block| {
            blocks.push(block.clone());
            Some(block)
        });
        if let [block] = blocks.as_slice() {
            response.set(&["content"], &block.clone().into_bytes());
        }
    }
    let mut draft = Draft::of_value(Bytes::from_static(br#"{"jsonrpc":"2.0"}"#));
    draft.set(&["id"], &id.0);
    draft.set(&["result"], &response.into_bytes());
    draft.into_message()
}

fn is_empty(object: &[u8]) -> bool {
    matches!(object, [b'{', inside @ .., b'}'] if inside.trim_ascii().is_empty())
}

#[cfg(test)]
mod tests;
