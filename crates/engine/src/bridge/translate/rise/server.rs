//! What legacy servers say, made modern.

use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::json::find;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::{Id, Member};

use crate::bridge::translate::Draft;
use crate::bridge::translate::fall::server::TASKS;
use crate::bridge::translate::payload::lift_result;

/// The key of a result's `_meta` that names the server.
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// The key of a message's `_meta` that names the task it belongs to (2025-11-25).
const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";

/// Requests whose results say how long they are fresh.
///
/// Spec 2026-07-28, server/utilities/caching.
const CACHEABLE: &[&str] = &[
    "server/discover",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
];

/// The answer to a request of `method`, which came as a result: complete, stale at once, for nobody else, and saying
/// which server gave it. `None` when the result is no object, so no modern result.
pub fn result(method: &str, answer: &Message, server_info: Option<&Bytes>) -> Option<Draft> {
    answer.shape().raw(Member::Result).filter(|result| result.starts_with(b"{"))?;
    let mut draft = Draft::of(answer);
    draft.set(&["result", "resultType"], b"\"complete\"");
    if CACHEABLE.contains(&method) {
        draft.set(&["result", "ttlMs"], b"0");
        draft.set(&["result", "cacheScope"], b"\"private\"");
    }
    lift_result(&mut draft, method);
    draft.remove(&["result", "_meta", RELATED_TASK]);
    if let Some(server_info) = server_info {
        draft.set(&["result", "_meta", SERVER_INFO], server_info);
    }
    Some(draft)
}

/// The answer to `server/discover` with this id, from the answer to `initialize`.
pub fn discover(id: &Id, initialized: &Message) -> Bytes {
    let shape = initialized.shape();
    let mut draft = Draft::of_value(Bytes::from_static(br#"{"jsonrpc":"2.0"}"#));
    draft.set(&["id"], &id.0);
    let versions = format!(r#"["{}"]"#, Revision::V2026_07_28.as_str());
    draft.set(&["result"], br#"{"resultType":"complete"}"#);
    draft.set(&["result", "supportedVersions"], versions.as_bytes());
    let agreed = shape.text(Member::AgreedRevision).and_then(|agreed| Revision::parse(&agreed));
    let capabilities = capabilities(shape.raw(Member::ServerCapabilities), agreed);
    draft.set(&["result", "capabilities"], &capabilities);
    if let Some(instructions) = shape.inside(Member::Result, &["instructions"]) {
        draft.set(&["result", "instructions"], &instructions);
    }
    draft.set(&["result", "ttlMs"], b"0");
    draft.set(&["result", "cacheScope"], b"\"private\"");
    if let Some(server_info) = shape.raw(Member::ServerInfo) {
        draft.set(&["result", "_meta", SERVER_INFO], server_info);
    }
    draft.into_bytes()
}

/// A request of the server as an entry of `inputRequests`, which has neither id nor metadata.
///
/// Spec 2026-07-28, basic/patterns/mrtr, Input Requests.
pub fn input(request: &Message) -> Bytes {
    let shape = request.shape();
    let mut draft = Draft::of_value(Bytes::from_static(b"{}"));
    if let Some(method) = shape.raw(Member::Method) {
        draft.set(&["method"], method);
    }
    if let Some(params) = shape.raw(Member::Params).filter(|params| params.starts_with(b"{")) {
        let mut params = Draft::of_value(params.clone());
        for name in ["_meta", "elicitationId", "task"] {
            params.remove(&[name]);
        }
        let params = params.into_bytes();
        if *params != b"{}"[..] {
            draft.set(&["params"], &params);
        }
    }
    draft.into_bytes()
}

/// One of the `elicitations` of error -32042 as an entry of `inputRequests`; `None` when it is none.
pub fn url_input(elicitation: &Bytes) -> Option<Bytes> {
    let mut params = Draft::of_value(elicitation.clone());
    params.get(&["url"])?;
    params.set(&["mode"], b"\"url\"");
    params.remove(&["elicitationId"]);
    params.remove(&["_meta"]);
    let mut draft = Draft::of_value(Bytes::from_static(br#"{"method":"elicitation/create"}"#));
    draft.set(&["params"], &params.into_bytes());
    Some(draft.into_bytes())
}

/// What the server can do without what only legacy clients can ask for. That it makes tasks of calls is said as the
/// extension, whose id means nothing in the mouth of a legacy server.
///
/// Tasks extension, Capability Negotiation.
fn capabilities(legacy: Option<&Bytes>, revision: Option<Revision>) -> Bytes {
    let Some(legacy) = legacy.filter(|value| value.starts_with(b"{")) else {
        return Bytes::from_static(b"{}");
    };
    let mut draft = Draft::of_value(legacy.clone());
    draft.remove(&["tasks"]);
    if draft.get(&["extensions"]).is_some_and(|extensions| !extensions.starts_with(b"{")) {
        draft.remove(&["extensions"]);
    }
    draft.remove(&["extensions", TASKS]);
    if makes_tasks(legacy, revision) {
        draft.set(&["extensions", TASKS], b"{}");
    }
    draft.into_bytes()
}

/// Whether a legacy server with these capabilities makes tasks of calls where it is asked to.
///
/// Spec 2025-11-25, basic/utilities/tasks, Capabilities.
pub fn makes_tasks(capabilities: &[u8], revision: Option<Revision>) -> bool {
    let call = find(capabilities, &["tasks", "requests", "tools", "call"]);
    revision == Some(Revision::V2025_11_25) && call.is_some_and(|call| call.starts_with(b"{"))
}

#[cfg(test)]
mod tests;
