//! Headers of HTTP requests against the bodies that they stand before.

use tapgate_engine::fact::Head;
use tapgate_wire::fault::Severity;
use tapgate_wire::header::{METHOD, NAME, PROTOCOL_VERSION};
use tapgate_wire::revision::{Revision, Revisions, mirrored_param};
use tapgate_wire::rule::Side;
use tapgate_wire::{Kind, Leg, Rule};

use super::Family;
use crate::event::{Cx, Event, Heard};

static MISSING: Rule = Rule {
    id: "header.missing",
    about: "A request lacks a header that its revision requires.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_06_18),
    source: "Spec 2026-07-28, basic/transports/streamable-http, Standard Request Headers; 2025-06-18, basic/transports, Protocol Version Header",
    fix: "Send the header with every request.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28 | ask 1 tools/list {"_meta":{$META}}
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
    "#],
};

static DISAGREES: Rule = Rule {
    id: "header.disagrees",
    about: "A header says something else than the body that it stands before.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/transports/streamable-http, Standard Request Headers",
    fix: "Make the header from the body that is sent with it.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/call; mcp-name: b | ask 1 tools/call {"name":"a","_meta":{$META}}
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/call; mcp-name: a | ask 1 tools/call {"name":"a","_meta":{$META}}
    "#],
};

pub(super) const RULES: &[&Rule] = &[&MISSING, &DISAGREES];

/// What it needs to remember: nothing.
#[derive(Debug, Default)]
pub(super) struct Headers;

impl Family for Headers {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Message(heard) = event else { return };
        let Some(Head::Request(head)) = heard.head else { return };
        if heard.from != Leg::Client || heard.revision.is_none() || heard.in_batch {
            return;
        }
        let value = |name| head.headers.get(name).map(|value: &http::HeaderValue| value.as_bytes());
        let is_modern = heard.revision >= Some(Revision::V2026_07_28);
        if value(PROTOCOL_VERSION).is_none() && !heard.asks("initialize") {
            cx.find(
                &MISSING,
                heard,
                "MCP-Protocol-Version",
                "The request has no header MCP-Protocol-Version.",
            );
        }
        let shape = heard.shape();
        if !is_modern || shape.kind != Kind::Request {
            return;
        }
        let method = shape.method().unwrap_or_default();
        check(cx, heard, "Mcp-Method", value(METHOD), &method);
        let Some(member) = mirrored_param(&method) else { return };
        if let Some(name) = shape.text_inside(tapgate_wire::shape::Member::Params, &[member]) {
            check(cx, heard, "Mcp-Name", value(NAME), &name);
        }
    }
}

/// Compares one header with what it mirrors.
fn check(cx: &mut Cx<'_>, heard: &Heard<'_>, header: &str, value: Option<&[u8]>, body: &str) {
    match value {
        None => cx.find(&MISSING, heard, header, format_args!("The request has no header {header}.")),
        Some(value) if value != body.as_bytes() => {
            let value = String::from_utf8_lossy(value);
            cx.find(
                &DISAGREES,
                heard,
                header,
                format_args!("{header} is `{value}` and the body says `{body}`."),
            );
        }
        Some(_) => {}
    }
}
