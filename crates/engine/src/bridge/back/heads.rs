//! Which headers a request to the server carries.

use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue};
use tapgate_wire::Message;
use tapgate_wire::header::value::encode;
use tapgate_wire::header::{
    LAST_EVENT_ID, METHOD, NAME, PROTOCOL_VERSION, SESSION_ID, connection_names, is_hop_by_hop,
};
use tapgate_wire::revision::{Revision, mirrored_param};
use tapgate_wire::shape::Member;

use super::Pass;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

/// The longest session id or event id that is taken from a server.
const MAX_ID: usize = 4096;

/// What a legacy link says of itself with each request.
#[derive(Clone, Debug, Default)]
pub(super) struct Legacy {
    /// `Mcp-Session-Id`.
    pub(super) session: Option<HeaderValue>,
    /// The revision that was agreed on.
    pub(super) revision: Option<Revision>,
}

impl Legacy {
    /// The headers of a POST.
    pub(super) fn post(&self, ours: &HeaderMap, theirs: &HeaderMap) -> HeaderMap {
        let mut headers = post(ours, theirs);
        self.add(&mut headers);
        headers
    }

    /// The headers of a DELETE.
    pub(super) fn delete(&self, ours: &HeaderMap, theirs: &HeaderMap) -> HeaderMap {
        let mut headers = merge(ours, theirs);
        self.add(&mut headers);
        headers
    }

    /// The headers of a GET, after the event with the id `last`.
    pub(super) fn get(&self, ours: &HeaderMap, theirs: &HeaderMap, last: Option<&HeaderValue>) -> HeaderMap {
        let mut headers = self.delete(ours, theirs);
        headers.insert(ACCEPT, EVENTS);
        if let Some(last) = last {
            headers.insert(LAST_EVENT_ID, last.clone());
        }
        headers
    }

    fn add(&self, headers: &mut HeaderMap) {
        if let Some(session) = &self.session {
            headers.insert(SESSION_ID, session.clone());
        }
        // Spec 2025-06-18, basic/transports, Protocol Version Header; older revisions know none.
        if let Some(revision) = self.revision.filter(|revision| *revision >= Revision::V2025_06_18) {
            headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(revision.as_str()));
        }
    }
}

/// The headers of a modern POST.
///
/// Spec 2026-07-28, basic/transports/streamable-http, Standard Request Headers.
pub(super) fn modern(ours: &HeaderMap, pass: Pass, message: &Message) -> HeaderMap {
    let mut headers = post(ours, &pass.headers);
    for (name, value) in pass.mirrors {
        headers.insert(name, value);
    }
    let shape = message.shape();
    let named = shape.text(Member::MetaRevision).and_then(|name| HeaderValue::from_str(&name).ok());
    headers.insert(PROTOCOL_VERSION, named.unwrap_or(HeaderValue::from_static(Revision::LATEST.as_str())));
    let mut mirror = |name: HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::from_str(&encode(text)) {
            headers.insert(name, value);
        }
    };
    let Some(method) = shape.method() else {
        return headers;
    };
    mirror(METHOD, &method);
    let member = match mirrored_param(&method) {
        Some("name") => Member::Name,
        Some("uri") => Member::Uri,
        Some("taskId") => Member::TaskId,
        _ => return headers,
    };
    if let Some(text) = shape.text(member) {
        mirror(NAME, &text);
    }
    headers
}

/// A session id that a server may give: visible ASCII.
///
/// Spec 2025-11-25, basic/transports, Session Management.
pub(super) fn session(value: &[u8]) -> Option<HeaderValue> {
    let is_visible = value.iter().all(|byte| matches!(byte, 0x21..=0x7e));
    let fits = (1..=MAX_ID).contains(&value.len());
    if is_visible && fits { HeaderValue::from_bytes(value).ok() } else { None }
}

/// An event id as the header that asks for what came after it; the empty one asks for nothing.
pub(super) fn event_id(id: &str) -> Option<HeaderValue> {
    if (1..=MAX_ID).contains(&id.len()) { HeaderValue::from_bytes(id.as_bytes()).ok() } else { None }
}

fn post(ours: &HeaderMap, theirs: &HeaderMap) -> HeaderMap {
    let mut headers = merge(ours, theirs);
    headers.insert(ACCEPT, BOTH);
    headers.insert(CONTENT_TYPE, JSON);
    headers
}

/// The headers that the operator and the client add; the operator's replace the client's.
fn merge(ours: &HeaderMap, theirs: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(ours.len() + theirs.len() + 6);
    let connection: Vec<_> = connection_names(theirs).collect();
    for (name, value) in theirs {
        if !is_owned(name) && !ours.contains_key(name) && !connection.contains(name) {
            headers.append(name, value.clone());
        }
    }
    for (name, value) in ours.iter().filter(|(name, _)| !is_owned(name)) {
        headers.append(name, value.clone());
    }
    headers
}

/// Whether a header is this hop's, the body's or MCP's own.
fn is_owned(name: &HeaderName) -> bool {
    const OWNED: &[&str] = &[
        "accept",
        "accept-encoding",
        "expect",
        "host",
        "last-event-id",
        "mcp-method",
        "mcp-name",
        "mcp-protocol-version",
        "mcp-session-id",
        "range",
    ];
    is_hop_by_hop(name) || name.as_str().starts_with("content-") || OWNED.contains(&name.as_str())
}
