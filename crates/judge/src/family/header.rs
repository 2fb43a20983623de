//! Headers of HTTP requests against the bodies that they stand before.

mod rules;

use http::HeaderMap;
use http::header::HeaderName;
use tapgate_engine::bridge::tools::{Differs, Tools};
use tapgate_engine::fact::Head;
use tapgate_wire::header::{METHOD, NAME, PARAM_PREFIX, PROTOCOL_VERSION, SESSION_ID, value};
use tapgate_wire::record::Transport;
use tapgate_wire::revision::{Revision, mirrored_param};
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Rule};

use super::Family;
use crate::event::{Cx, Event, Heard, Place};
use crate::json::{quote, text};
use rules::{ANNOTATION, DISAGREES, MISSING, ON_BATCH, REPEATED, UNREADABLE, VERSION_OTHER, VERSION_UNKNOWN};

pub(super) const RULES: &[&Rule] =
    &[&MISSING, &DISAGREES, &UNREADABLE, &ANNOTATION, &VERSION_UNKNOWN, &VERSION_OTHER, &ON_BATCH, &REPEATED];

/// Headers that have one value.
const SINGLE: [HeaderName; 4] = [PROTOCOL_VERSION, METHOD, NAME, SESSION_ID];

/// What it remembers: which arguments headers mirror, and the batch that was told last.
#[derive(Debug, Default)]
pub(super) struct Headers {
    tools: Tools,
    batch: Option<u64>,
}

impl Family for Headers {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Message(heard) = event else { return };
        if heard.from == Leg::Server {
            self.learn(cx, heard);
            return;
        }
        let Some(Head::Request(head)) = heard.head else { return };
        let headers = &head.headers;
        if heard.in_batch {
            self.batch(cx, heard, headers);
            return;
        }
        repeated(cx, heard, headers);
        let is_request = heard.shape().kind == Kind::Request;
        let is_modern = heard.revision >= Some(Revision::V2026_07_28);
        // What headers a notification carries is not defined in 2026-07-28.
        if is_request || !is_modern {
            version(cx, heard, headers);
        }
        if is_request && is_modern {
            self.mirrors(cx, heard, headers);
        }
    }
}

impl Headers {
    /// Learns which arguments are annotated.
    fn learn(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let Some(page) = heard.tools().filter(|_| heard.revision >= Some(Revision::V2026_07_28)) else {
            return;
        };
        for tool in page.items() {
            let name = tool.find(&["name"]).and_then(text).unwrap_or_default().into_owned();
            if let Some(dropped) =
                self.tools.learn_tool(name, tool.find(&["inputSchema"]).unwrap_or_default())
            {
                let tool = quote(dropped.tool.as_bytes());
                cx.find(&ANNOTATION, heard, &tool, format_args!("The tool `{tool}`: {}.", dropped.why));
            }
        }
    }

    /// A batch is told once, with its first part.
    fn batch(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>, headers: &HeaderMap) {
        if self.batch.replace(heard.n) == Some(heard.n) {
            return;
        }
        let is_mirror = |name: &&HeaderName| {
            **name == METHOD || **name == NAME || name.as_str().starts_with(PARAM_PREFIX)
        };
        if let Some(name) = headers.keys().find(is_mirror) {
            cx.find(&ON_BATCH, heard, name.as_str(), format_args!("A batch came with the header {name}."));
        }
    }

    /// Compares the headers of a modern request with what they mirror.
    fn mirrors(&self, cx: &mut Cx<'_>, heard: &Heard<'_>, headers: &HeaderMap) {
        let shape = heard.shape();
        let method = shape.method().unwrap_or_default();
        match headers.get(METHOD) {
            None => missing(cx, heard, "Mcp-Method"),
            Some(told) if told.as_bytes().trim_ascii() != method.as_bytes() => {
                disagrees(cx, heard, "Mcp-Method", told.as_bytes(), &method);
            }
            Some(_) => {}
        }
        let member = match mirrored_param(&method) {
            Some("name") => Member::Name,
            Some("uri") => Member::Uri,
            Some(_) => Member::TaskId,
            None => return,
        };
        if let Some(name) = shape.text(member) {
            match headers.get(NAME).map(|told| value::decode(told.as_bytes())) {
                None => missing(cx, heard, "Mcp-Name"),
                Some(Err(why)) => unreadable(cx, heard, "Mcp-Name", why),
                Some(Ok(told)) if told != name => {
                    disagrees(cx, heard, "Mcp-Name", told.as_bytes(), &name);
                }
                Some(_) => {}
            }
        }
        if method != "tools/call" {
            return;
        }
        match self.tools.check(heard.message, headers) {
            Ok(()) => {}
            Err(Differs::Missing(name)) => missing(cx, heard, name.as_str()),
            Err(Differs::Unreadable(name, why)) => unreadable(cx, heard, name.as_str(), why),
            Err(Differs::Other(name)) => cx.find(
                &DISAGREES,
                heard,
                name.as_str(),
                format_args!("{name} says something else than the arguments."),
            ),
        }
    }
}

/// Judges `MCP-Protocol-Version`.
fn version(cx: &mut Cx<'_>, heard: &Heard<'_>, headers: &HeaderMap) {
    const HEADER: &str = "MCP-Protocol-Version";
    let Some(told) = headers.get(PROTOCOL_VERSION).map(|told| told.as_bytes().trim_ascii()) else {
        // A handshake has agreed on nothing yet, without a revision nothing is required, and the transport of 2024-11-05
        // has no such header, whatever was agreed on.
        if heard.revision.is_some() && !heard.asks("initialize") && cx.session.transport != Transport::Sse {
            missing(cx, heard, HEADER);
        }
        return;
    };
    let named = std::str::from_utf8(told).ok().and_then(Revision::parse);
    let body = heard.shape().text(Member::MetaRevision);
    if let Some(body) = body.filter(|body| body.as_bytes() != told) {
        disagrees(cx, heard, HEADER, told, &body);
    } else if named.is_none() {
        let place = Place { revision: None, ..Place::of(&VERSION_UNKNOWN, heard) };
        let text = format!("{HEADER} is `{}`, which is no revision that is known here.", quote(told));
        cx.find_at(&VERSION_UNKNOWN, place, HEADER, text);
    } else if let Some(agreed) = cx.session.revision
        && named != Some(agreed)
        && heard.revision == Some(agreed)
        && !heard.asks("initialize")
    {
        let text = format!("{HEADER} is `{}`, and the handshake agreed on {}.", quote(told), agreed.as_str());
        cx.find(&VERSION_OTHER, heard, HEADER, text);
    }
}

fn repeated(cx: &mut Cx<'_>, heard: &Heard<'_>, headers: &HeaderMap) {
    for name in SINGLE {
        let mut values = headers.get_all(&name).iter();
        let Some(first) = values.next() else { continue };
        if let Some(other) = values.find(|other| *other != first) {
            // Who knows a session's id can use it, so it is not repeated.
            let text = if name == SESSION_ID {
                format!("{name} came with two values.")
            } else {
                let (first, other) = (quote(first.as_bytes()), quote(other.as_bytes()));
                format!("{name} is `{first}` and also `{other}`.")
            };
            cx.find(&REPEATED, heard, name.as_str(), text);
        }
    }
}

fn missing(cx: &mut Cx<'_>, heard: &Heard<'_>, header: &str) {
    cx.find(&MISSING, heard, header, format_args!("The request has no header {header}."));
}

fn disagrees(cx: &mut Cx<'_>, heard: &Heard<'_>, header: &str, told: &[u8], body: &str) {
    let (told, body) = (quote(told), quote(body.as_bytes()));
    cx.find(&DISAGREES, heard, header, format_args!("{header} is `{told}` and the body says `{body}`."));
}

fn unreadable(cx: &mut Cx<'_>, heard: &Heard<'_>, header: &str, why: value::Error) {
    cx.find(&UNREADABLE, heard, header, format_args!("{header} cannot be read: {why}."));
}
