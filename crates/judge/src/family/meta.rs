//! `_meta` of requests and notifications: what must be there, and how its keys are written.

mod rules;

use tapgate_engine::fact::Head;
use tapgate_wire::header::PROTOCOL_VERSION;
use tapgate_wire::json::{each, find, unescape};
use tapgate_wire::record::Era;
use tapgate_wire::revision::{self, Revision, meta_keys};
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Rule};

use super::Family;
use crate::event::{Cx, Event, Heard, Place};
use crate::json::{self, Type, quote, told};
use rules::{BAD_KEY, MISSING, NO_CLIENT, RESERVED, TRACE, WRONG_TYPE};

pub(super) const RULES: &[&Rule] = &[&MISSING, &NO_CLIENT, &WRONG_TYPE, &BAD_KEY, &RESERVED, &TRACE];

/// What it remembers: whether a client that does not name itself was told.
#[derive(Debug, Default)]
pub(super) struct Meta {
    is_nameless: bool,
}

impl Family for Meta {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Message(heard) = event else { return };
        let shape = heard.shape();
        if !matches!(shape.kind, Kind::Request | Kind::Notification) {
            return;
        }
        let meta = shape.raw(Member::Meta);
        if heard.from == Leg::Client && shape.kind == Kind::Request && is_modern(cx, heard) {
            self.required(cx, heard);
        }
        let Some(meta) = meta else { return };
        if !meta.starts_with(b"{") {
            wrong_type(cx, heard, "_meta", meta, "an object");
            return;
        }
        each(meta, &mut |name, value| key(cx, heard, &unescape(name), value));
    }
}

impl Meta {
    /// What every modern request says of its client.
    fn required(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let shape = heard.shape();
        let revision = Some(heard.revision.unwrap_or(Revision::V2026_07_28));
        let place = Place { revision, ..Place::of(&MISSING, heard) };
        for (member, name) in [
            (Member::MetaRevision, "io.modelcontextprotocol/protocolVersion"),
            (Member::MetaCapabilities, "io.modelcontextprotocol/clientCapabilities"),
        ] {
            if shape.raw(member).is_none() && heard.message.is_whole() {
                let method = quote(shape.method().unwrap_or_default().as_bytes());
                cx.find_at(&MISSING, place, name, format_args!("The request `{method}` has no {name}."));
            }
        }
        let has_meta = shape.raw(Member::MetaRevision).is_some() && heard.message.is_whole();
        if has_meta && shape.raw(Member::MetaClient).is_none() && !self.is_nameless {
            self.is_nameless = true;
            let name = "io.modelcontextprotocol/clientInfo";
            cx.find(&NO_CLIENT, heard, name, "The client does not say who it is in its requests.");
        }
    }
}

/// Whether a request speaks, or tries to speak, without a handshake.
fn is_modern(cx: &Cx<'_>, heard: &Heard<'_>) -> bool {
    let shape = heard.shape();
    if shape.raw(Member::MetaRevision).is_some() {
        return heard.revision >= Some(Revision::V2026_07_28);
    }
    let name = shape.method().unwrap_or_default();
    let is_gone = |method: &revision::Method| !method.is_sent_by(Leg::Client, Revision::V2026_07_28);
    // A method that only a legacy session has belongs to one, or is wrong for another reason.
    if revision::method(&name).is_some_and(is_gone) {
        return false;
    }
    match heard.head {
        Some(Head::Request(head)) => head
            .headers
            .get(PROTOCOL_VERSION)
            .and_then(|told| told.to_str().ok())
            .is_some_and(|told| Revision::era_of(told) == Some(Era::Modern)),
        _ => name == "server/discover" || cx.session.era == Some(Era::Modern),
    }
}

/// Judges one member of `_meta`.
fn key(cx: &mut Cx<'_>, heard: &Heard<'_>, key: &[u8], value: &[u8]) {
    let Ok(key) = std::str::from_utf8(key) else { return };
    let expected = match key {
        "progressToken" if !matches!(Type::of(value), Type::String) && !json::is_integer(value) => {
            Some("a string or an integer")
        }
        "io.modelcontextprotocol/protocolVersion" if Type::of(value) != Type::String => Some("a string"),
        "io.modelcontextprotocol/clientCapabilities" if Type::of(value) != Type::Object => Some("an object"),
        "io.modelcontextprotocol/clientInfo" if !is_implementation(value) => {
            Some("an object with a name and a version")
        }
        "traceparent" if !json::text(value).is_some_and(|text| is_traceparent(&text)) => {
            let text = format!("traceparent is `{}`, which W3C Trace Context does not allow.", told(value));
            cx.find_sender(&TRACE, heard, key, text);
            return;
        }
        "tracestate" | "baggage" if Type::of(value) != Type::String => {
            cx.find_sender(
                &TRACE,
                heard,
                key,
                format_args!("{key} is {}, not a string.", Type::of(value).name()),
            );
            return;
        }
        _ => None,
    };
    if let Some(expected) = expected {
        wrong_type(cx, heard, key, value, expected);
    } else if heard.revision.is_none() {
        // How keys are written differs between revisions.
    } else if !is_key(key) {
        let text = format!("`{}` is no name for a member of _meta.", quote(key.as_bytes()));
        cx.find_sender(&BAD_KEY, heard, quote(key.as_bytes()), text);
    } else if is_reserved(key) && !meta_keys().any(|known| known.key == key) {
        let text = format!("`{}` has a prefix that only the specification may use.", quote(key.as_bytes()));
        cx.find_sender(&RESERVED, heard, quote(key.as_bytes()), text);
    }
}

fn wrong_type(cx: &mut Cx<'_>, heard: &Heard<'_>, key: &str, value: &[u8], expected: &str) {
    let text = format!("{key} is {}, and it should be {expected}.", Type::of(value).name());
    cx.find_sender(&WRONG_TYPE, heard, key, text);
}

fn is_implementation(value: &[u8]) -> bool {
    let is_text = |name| find(value, &[name]).is_some_and(|value| value.starts_with(b"\""));
    is_text("name") && is_text("version")
}

/// Spec 2025-11-25, basic/index, `_meta`, Key Name Format: labels with dots between them and a slash, then a name.
fn is_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let is_label = |label: &str| {
        label.starts_with(|first: char| first.is_ascii_alphabetic())
            && label.ends_with(|last: char| last.is_ascii_alphanumeric())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_end = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    prefix.is_none_or(|prefix| prefix.split('.').all(is_label))
        && is_end(name.as_bytes().first())
        && is_end(name.as_bytes().last())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && !key.is_empty()
}

/// Spec 2025-11-25, basic/index, `_meta`: the second label is the protocol's name.
fn is_reserved(key: &str) -> bool {
    let prefix = key.split_once('/').map(|(prefix, _)| prefix);
    let second = prefix.and_then(|prefix| prefix.split('.').nth(1));
    matches!(second, Some("mcp" | "modelcontextprotocol"))
}

/// W3C Trace Context, section 3.2: version, trace, parent and flags in lower-case hex; of later versions the beginning.
fn is_traceparent(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut part = |size: usize| {
        let is_hex = |part: &&str| {
            part.len() == size && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        parts.next().filter(is_hex)
    };
    let (Some(version), Some(trace), Some(parent), Some(_)) = (part(2), part(32), part(16), part(2)) else {
        return false;
    };
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    version != "ff" && !is_zero(trace) && !is_zero(parent) && (version != "00" || parts.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_their_grammar() {
        for (key, expected) in [
            ("progressToken", true),
            ("com.example/a.b-c_d", true),
            ("com.example/", true),
            ("a/b/c", false),
            ("-x/y", false),
            ("com..example/y", false),
            ("com.1x/y", false),
            ("x y", false),
            ("_x", false),
            ("", false),
        ] {
            assert_eq!(is_key(key), expected, "{key}");
        }
    }

    #[test]
    fn only_the_second_label_reserves_a_prefix() {
        for (key, expected) in [
            ("io.modelcontextprotocol/x", true),
            ("dev.mcp/x", true),
            ("tools.mcp.com/x", true),
            ("com.example.mcp/x", false),
            ("mcp/x", false),
            ("mcp", false),
        ] {
            assert_eq!(is_reserved(key), expected, "{key}");
        }
    }

    #[test]
    fn trace_parents_follow_their_grammar() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (text, expected) in [
            (good.to_owned(), true),
            (good.replacen("00-", "cc-", 1) + "-more", true),
            (format!("{good}-more"), false),
            (good.replacen("00-", "ff-", 1), false),
            (good.to_uppercase(), false),
            (good.replace("00f067aa0ba902b7", "0000000000000000"), false),
            ("00-1-2-3".to_owned(), false),
        ] {
            assert_eq!(is_traceparent(&text), expected, "{text}");
        }
    }
}
