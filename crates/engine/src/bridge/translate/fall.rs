//! From modern to legacy: results of modern servers, requests of modern clients.

use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::json::{Event, Span, escape_into, find, scan, unescape};
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::{Id, Member};

use super::Draft;

/// The extension of tasks, whose results no legacy client can read.
pub const TASKS: &str = "io.modelcontextprotocol/tasks";
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// Members of a capability object as they follow each other: unescaped name and raw value. The last of repeats counts.
pub fn entries(object: &Bytes) -> Vec<(Bytes, Bytes)> {
    let mut found: Vec<(Bytes, Bytes)> = Vec::new();
    for (name, value) in children(object) {
        let Some(name) = name.map(|name| Bytes::from(unescape(&name).into_owned())) else { continue };
        match found.iter_mut().find(|(earlier, _)| *earlier == name) {
            Some(entry) => entry.1 = value,
            None => found.push((name, value)),
        }
    }
    found
}

/// The strings in an array, unescaped.
pub fn strings(array: &Bytes) -> Vec<Bytes> {
    let values = children(array).into_iter().map(|(_, value)| value);
    values
        .filter(|value| value.starts_with(b"\""))
        .map(|value| unescape(&value).into_owned().into())
        .collect()
}

/// The most members of one object that are read: those of capabilities and of `inputRequests` are few.
const MAX_CHILDREN: usize = 1024;

/// What stands directly inside an object or array: the raw name, if it has one, and the raw value.
fn children(raw: &Bytes) -> Vec<(Option<Bytes>, Bytes)> {
    let slice = |span: Span| raw.slice(span.range().start.min(raw.len())..span.range().end.min(raw.len()));
    let (mut found, mut name, mut depth, mut start) = (Vec::new(), None, 0_usize, 0);
    let mut put = |name: &mut Option<Bytes>, span: Span| {
        let name = name.take();
        if found.len() < MAX_CHILDREN {
            found.push((name, slice(span)));
        }
    };
    let whole = scan(raw, &mut |event| match event {
        Event::Open { at, .. } => {
            if depth == 1 {
                start = at;
            }
            depth += 1;
        }
        Event::Close { at, .. } => {
            depth -= 1;
            if depth == 1 {
                put(&mut name, Span { start, end: at + 1 });
            }
        }
        Event::Key { span, .. } if depth == 1 => name = Some(slice(span)),
        Event::String { span, .. } | Event::Number(span) | Event::Literal(_, span) | Event::Deep(span)
            if depth == 1 =>
        {
            put(&mut name, span);
        }
        _ => {}
    });
    if whole.is_ok() { found } else { Vec::new() }
}

/// A text as a JSON string.
pub fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    escape_into(text, &mut out);
    out.push(b'"');
    out
}

/// The id of an answer; `null` when the request had none that could be read.
fn id_of(id: Option<&Id>) -> &[u8] {
    id.map_or(b"null", |id| &id.0)
}

/// A result of the bridge itself, with `result` as raw JSON.
pub fn result(id: Option<&Id>, result: &[u8]) -> Bytes {
    [b"{\"jsonrpc\":\"2.0\",\"id\":", id_of(id), b",\"result\":", result, b"}"].concat().into()
}

/// An error of the bridge itself, with `data` as raw JSON.
pub fn error(id: Option<&Id>, code: i64, text: &str, data: Option<&[u8]>) -> Bytes {
    let mut out = [b"{\"jsonrpc\":\"2.0\",\"id\":", id_of(id)].concat();
    out.extend_from_slice(format!(",\"error\":{{\"code\":{code},\"message\":").as_bytes());
    out.extend_from_slice(&quoted(text.as_bytes()));
    if let Some(data) = data {
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(data);
    }
    out.extend_from_slice(b"}}");
    out.into()
}

/// The result of a tool that failed for a reason that the model is to read.
pub fn failed_tool(id: Option<&Id>, text: &str) -> Bytes {
    let text = quoted(text.as_bytes());
    let content =
        [&b"{\"content\":[{\"type\":\"text\",\"text\":"[..], &text, b"}],\"isError\":true}"].concat();
    result(id, &content)
}

/// A request or notification of the bridge itself, with `params` as raw JSON.
pub fn request(id: Option<&Id>, method: &str, params: Option<&[u8]>) -> Bytes {
    let mut out = b"{\"jsonrpc\":\"2.0\"".to_vec();
    if let Some(Id(id)) = id {
        out.extend_from_slice(b",\"id\":");
        out.extend_from_slice(id);
    }
    out.extend_from_slice(b",\"method\":");
    out.extend_from_slice(&quoted(method.as_bytes()));
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
    let nameless =
        || [&b"{\"name\":"[..], &quoted(server_name.as_bytes()), b",\"version\":\"\"}"].concat().into();
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
    result(id, &text)
}

/// The capabilities of a modern server that a client of a legacy revision can use through a bridge.
fn capabilities(raw: &Bytes, agreed: Revision) -> Bytes {
    let mut draft = Draft::of_value(raw.clone());
    for (name, _) in entries(raw) {
        let kept = match name.as_ref() {
            b"tools" | b"prompts" | b"resources" | b"logging" | b"experimental" | b"extensions" => true,
            b"completions" => agreed >= Revision::V2025_03_26,
            _ => false,
        };
        if !kept && let Ok(name) = std::str::from_utf8(&name) {
            draft.remove(&[name]);
        }
    }
    draft.remove(&["extensions", TASKS]);
    draft.into_bytes()
}

/// Takes out of a modern server's result what only 2026-07-28 has.
pub fn strip(answer: &mut Draft) {
    for name in ["resultType", "ttlMs", "cacheScope"] {
        answer.remove(&["result", name]);
    }
    unmark(answer, "result", &[SERVER_INFO, SUBSCRIPTION_ID]);
}

/// A notification of a modern server as a legacy client knows it.
pub fn notification(message: &Message) -> Bytes {
    let mut draft = Draft::of(message);
    unmark(&mut draft, "params", &[SUBSCRIPTION_ID]);
    draft.into_bytes()
}

/// Removes keys of `_meta`, and `_meta` with the last of them.
fn unmark(draft: &mut Draft, inside: &str, keys: &[&str]) {
    let path = [inside, "_meta"];
    if !keys.iter().any(|key| draft.get(&[inside, "_meta", key]).is_some()) {
        return;
    }
    for key in keys {
        draft.remove(&[inside, "_meta", key]);
    }
    if draft.get(&path).is_some_and(|meta| children(&meta).is_empty()) {
        draft.remove(&path);
    }
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
        let found: Vec<(&[u8], &[u8])> = found.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(found, [(&b"a"[..], &b"null"[..]), (b"b", b"[1]"), (b"cA", b"\"s\"")]);
        assert_eq!(strings(&Bytes::from_static(br#"["a\n",1,["b"],"c"]"#)), [&b"a\n"[..], b"c"]);
        assert!(entries(&Bytes::from_static(b"{\"a\":1")).is_empty());
    }

    #[test]
    fn what_the_bridge_says_itself_is_json() {
        let id = Id("1".into());
        let texts = [
            error(Some(&id), -1, "a \"quoted\"\nname", Some(b"{\"upstream\":\"u\"}")),
            failed_tool(Some(&id), "no \\ way"),
            request(Some(&id), "roots/list", None),
            request(None, "notifications/x", Some(b"{}")),
        ];
        let kinds = texts.map(|text| message(std::str::from_utf8(&text).unwrap()).shape().kind);
        assert_eq!(kinds, [Kind::Error, Kind::Result, Kind::Request, Kind::Notification]);
    }
}
