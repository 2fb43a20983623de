//! What modern servers say, made legacy.

use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::json::{escape_into, find, unescape_lossy};
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::{Id, Member};

use crate::bridge::failure;
use crate::bridge::translate::Draft;

/// The extension of tasks, whose results no legacy client can read.
pub const TASKS: &str = "io.modelcontextprotocol/tasks";
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// The most values of one object or array that are read: those of capabilities, of `inputRequests` and of filters are
/// few.
const MAX_VALUES: usize = 2048;

/// The members of an object as they follow each other: name and raw value. The last of repeats counts.
pub fn entries(object: &Bytes) -> Vec<(String, Bytes)> {
    let mut found: Vec<(String, Bytes)> = Vec::new();
    Draft::of_value(object.clone()).each_member(&[], &mut |name, value| {
        let raw = value.clone().into_bytes();
        if let Some(entry) = found.iter_mut().find(|(earlier, _)| earlier == name) {
            entry.1 = raw;
        } else if found.len() < MAX_VALUES {
            found.push((name.to_owned(), raw));
        }
        Some(value)
    });
    found
}

/// The strings in an array.
pub fn strings(array: &Bytes) -> Vec<String> {
    let mut found = Vec::new();
    Draft::of_value(array.clone()).each(&[], &mut |value| {
        let raw = value.clone().into_bytes();
        if raw.starts_with(b"\"") && found.len() < MAX_VALUES {
            found.push(unescape_lossy(&raw).into_owned());
        }
        Some(value)
    });
    found
}

/// A text as a JSON string.
pub fn quoted(text: &str) -> Vec<u8> {
    let mut out = vec![b'"'];
    escape_into(text.as_bytes(), &mut out);
    out.push(b'"');
    out
}

/// The result of a tool that failed for a reason that the model is to read.
pub fn failed_tool(id: Option<&Id>, text: &str) -> Bytes {
    let text = quoted(text);
    let content =
        [&b"{\"content\":[{\"type\":\"text\",\"text\":"[..], &text, b"}],\"isError\":true}"].concat();
    failure::result(id, &content)
}

/// A request or notification of the bridge itself, with `params` as raw JSON.
pub fn request(id: Option<&Id>, method: &str, params: Option<&[u8]>) -> Bytes {
    let mut out = b"{\"jsonrpc\":\"2.0\"".to_vec();
    if let Some(Id(id)) = id {
        out.extend_from_slice(b",\"id\":");
        out.extend_from_slice(id);
    }
    out.extend_from_slice(b",\"method\":");
    out.extend_from_slice(&quoted(method));
    if let Some(params) = params {
        out.extend_from_slice(b",\"params\":");
        out.extend_from_slice(params);
    }
    out.push(b'}');
    out.into()
}

/// The answer to `initialize`, made of the answer to `server/discover`.
///
/// Spec 2025-11-25, basic/lifecycle, Initialization; 2026-07-28, server/discover.
pub fn initialize(id: Option<&Id>, discover: &Message, agreed: Revision, server_name: &str) -> Bytes {
    let shape = discover.shape();
    let capabilities = shape.raw(Member::ServerCapabilities).map(|raw| capabilities(raw, agreed));
    let named = shape.raw(Member::MetaServer).or_else(|| shape.raw(Member::ServerInfo));
    let named = named.filter(|raw| find(raw, &["name"]).is_some()).map(|raw| {
        let mut draft = Draft::of_value(raw.clone());
        if draft.get(&["version"]).is_none() {
            draft.set(&["version"], b"\"\"");
        }
        draft.into_bytes()
    });
    let nameless = || [&b"{\"name\":"[..], &quoted(server_name), b",\"version\":\"\"}"].concat().into();
    let mut text = format!("{{\"protocolVersion\":\"{}\",\"capabilities\":", agreed.as_str()).into_bytes();
    text.extend_from_slice(capabilities.as_deref().unwrap_or(b"{}"));
    text.extend_from_slice(b",\"serverInfo\":");
    text.extend_from_slice(&named.unwrap_or_else(nameless));
    let instructions = shape.inside(Member::Result, &["instructions"]);
    if let Some(instructions) = instructions.filter(|raw| raw.starts_with(b"\"")) {
        text.extend_from_slice(b",\"instructions\":");
        text.extend_from_slice(&instructions);
    }
    text.push(b'}');
    failure::result(id, &text)
}

/// Whether the answer to `server/discover` offers the extension of tasks.
pub fn offers_tasks(discover: &Message) -> bool {
    let extension = discover.shape().inside(Member::ServerCapabilities, &["extensions", TASKS]);
    extension.is_some_and(|raw| raw.starts_with(b"{"))
}

/// The capabilities of a modern server that a client of a legacy revision can use through a bridge.
fn capabilities(raw: &Bytes, agreed: Revision) -> Bytes {
    let extension = find(raw, &["extensions", TASKS]);
    let has_tasks =
        agreed == Revision::V2025_11_25 && extension.is_some_and(|settings| settings.starts_with(b"{"));
    let mut draft = Draft::of_value(raw.clone());
    draft.each_member(&[], &mut |name, mut value| {
        match name {
            "tools" | "prompts" | "resources" | "logging" | "experimental" => {}
            "completions" if agreed >= Revision::V2025_03_26 => {}
            "extensions" => value.remove(&[TASKS]),
            _ => return None,
        }
        Some(value)
    });
    if has_tasks {
        draft.set(&["tasks"], br#"{"cancel":{},"requests":{"tools":{"call":{}}}}"#);
    }
    draft.into_bytes()
}

/// Takes out of a modern server's result what only 2026-07-28 has. The draft is the whole answer.
pub fn strip(answer: &mut Draft) {
    answer.each_member(&["result"], &mut |name, value| match name {
        "resultType" | "ttlMs" | "cacheScope" => None,
        "_meta" => unmark(value, &[SERVER_INFO, SUBSCRIPTION_ID]),
        _ => Some(value),
    });
}

/// A notification of a modern server as a legacy client knows it.
pub fn notification(message: &Message) -> Bytes {
    let mut draft = Draft::of(message);
    draft.each_member(&["params"], &mut |name, value| match name {
        "_meta" => unmark(value, &[SUBSCRIPTION_ID]),
        _ => Some(value),
    });
    draft.into_bytes()
}

/// A `_meta` without these keys; nothing when it held no other one.
fn unmark(mut meta: Draft, keys: &[&str]) -> Option<Draft> {
    let n_before = meta.clone().into_bytes().len();
    for key in keys {
        meta.remove(&[key]);
    }
    let after = meta.clone().into_bytes();
    let is_emptied = after.len() < n_before && entries(&after).is_empty();
    (!is_emptied).then_some(meta)
}

#[cfg(test)]
mod tests {
    use tapgate_wire::Kind;

    use super::*;

    fn message(text: &str) -> Message {
        Message::parse(text.to_owned().into())
    }

    fn stripped(text: &'static str) -> Bytes {
        let mut draft = Draft::of_value(text.into());
        strip(&mut draft);
        draft.into_bytes()
    }

    #[test]
    fn a_result_loses_what_only_2026_has_and_nothing_else() {
        let came = r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete", "content":[ ],"ttlMs":5,"x":1.0,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"},"mine":1}}}"#;
        assert_eq!(
            stripped(came),
            r#"{"jsonrpc":"2.0","id":7,"result":{"content":[ ],"x":1.0,"_meta":{"mine":1}}}"#
        );
    }

    #[test]
    fn meta_leaves_with_the_last_of_its_keys() {
        let came = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":4}}}"#;
        let plain = notification(&message(came));
        assert_eq!(plain, r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{}}"#);
    }

    #[test]
    fn a_message_without_reserved_members_keeps_its_bytes() {
        let came =
            r#"{"jsonrpc":"2.0", "method":"notifications/message","params":{"_meta":{},"level":"info"}}"#;
        assert_eq!(notification(&message(came)), came);
        let came = r#"{"jsonrpc":"2.0","id":1,"result":{ }}"#;
        assert_eq!(stripped(came), came);
    }

    #[test]
    fn discover_becomes_the_result_of_a_handshake() {
        let discover = message(
            r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"completions":{},"tasks":{},"new":{},"extensions":{"io.modelcontextprotocol/tasks":{},"a/b":{}}},"instructions":"use \"it\"","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}}}}"#,
        );
        let id = Id(r#""a""#.into());
        let said = initialize(Some(&id), &discover, Revision::V2025_06_18, "files");
        assert_eq!(
            said,
            r#"{"jsonrpc":"2.0","id":"a","result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true},"completions":{},"extensions":{"a/b":{}}},"serverInfo":{"name":"s","version":"1"},"instructions":"use \"it\""}}"#
        );
        let said = initialize(Some(&id), &discover, Revision::V2024_11_05, "files");
        assert!(find(&said, &["result", "capabilities", "completions"]).is_none());
        let tasks = |agreed, discover: &Message| {
            let said = initialize(Some(&id), discover, agreed, "files");
            find(&said, &["result", "capabilities", "tasks"]).map(Bytes::copy_from_slice)
        };
        let offered = r#"{"cancel":{},"requests":{"tools":{"call":{}}}}"#;
        assert!(offers_tasks(&discover));
        assert_eq!(tasks(Revision::V2025_11_25, &discover), Some(offered.into()));
        assert_eq!(tasks(Revision::V2025_06_18, &discover), None);
        let without = message(r#"{"id":1,"result":{"capabilities":{"tasks":{},"extensions":{"a/b":{}}}}}"#);
        assert!(!offers_tasks(&without));
        assert_eq!(tasks(Revision::V2025_11_25, &without), None);
    }

    #[test]
    fn a_server_that_does_not_say_its_name_gets_the_one_it_is_known_by() {
        let discover = message(r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":[]}}"#);
        let said = initialize(None, &discover, Revision::V2025_11_25, "my \"server\"");
        assert_eq!(
            said,
            r#"{"jsonrpc":"2.0","id":null,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"my \"server\"","version":""}}}"#
        );
    }

    #[test]
    fn entries_are_told_in_order_and_the_last_of_repeats_counts() {
        let raw = Bytes::from_static(br#" {"a" : {"x":[1,{}]}, "b":[1], "c\u0041":"s" ,"a":null}"#);
        let found = entries(&raw);
        let found: Vec<(&str, &[u8])> = found.iter().map(|(name, value)| (name.as_str(), &**value)).collect();
        assert_eq!(found, [("a", &b"null"[..]), ("b", b"[1]"), ("cA", b"\"s\"")]);
        assert_eq!(strings(&Bytes::from_static(br#"["a\n",1,["b"],"c"]"#)), ["a\n", "c"]);
        assert!(entries(&Bytes::from_static(b"{\"a\":1")).is_empty());
    }

    #[test]
    fn what_the_bridge_says_itself_is_json() {
        let id = Id("1".into());
        let texts = [
            failure::error(Some(&id), -1, "a \"quoted\"\nname", Some(b"{\"upstream\":\"u\"}")),
            failed_tool(Some(&id), "no \\ way"),
            request(Some(&id), "roots/list", None),
            request(None, "notifications/x", Some(b"{}")),
        ];
        let kinds = texts.map(|text| message(std::str::from_utf8(&text).unwrap()).shape().kind);
        assert_eq!(kinds, [Kind::Error, Kind::Result, Kind::Request, Kind::Notification]);
    }
}
