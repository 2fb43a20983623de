//! What a request must be before anybody else looks at it, and which era it is written in.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use tapgate_wire::fault::FaultKind;
use tapgate_wire::header::value::decode;
use tapgate_wire::header::{METHOD, NAME, PROTOCOL_VERSION, SESSION_ID};
use tapgate_wire::record::Era;
use tapgate_wire::revision::{Revision, method, mirrored_param};
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Message};

use super::refusal::{BAD_PARAMS, HEADER_MISMATCH, INVALID, NO_SUCH_REVISION, NOT_JSON, Refusal};

/// Checks the media types of a POST.
pub(super) fn media(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut sent = types(headers, &CONTENT_TYPE);
    let is_json = sent.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    if !is_json || sent.next().is_some() {
        let says = "send the message with Content-Type: application/json";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID, says));
    }
    let readable = ["application/json", "text/event-stream", "application/*", "text/*", "*/*"];
    let is_readable = |name: &str| readable.iter().any(|known| name.eq_ignore_ascii_case(known));
    if headers.contains_key(ACCEPT) && !types(headers, &ACCEPT).any(is_readable) {
        return Err(unacceptable("application/json, text/event-stream"));
    }
    Ok(())
}

/// Checks that who sent a GET takes an event stream.
pub(super) fn takes_events(headers: &HeaderMap) -> Result<(), Refusal> {
    if types(headers, &ACCEPT).any(|name| name.eq_ignore_ascii_case("text/event-stream")) {
        return Ok(());
    }
    Err(unacceptable("text/event-stream"))
}

/// Checks that a message is JSON, JSON-RPC, and no request that cannot be answered.
pub(super) fn form(message: &Message) -> Result<(), Refusal> {
    let shape = message.shape();
    let has = |kind| shape.faults.iter().any(|fault| fault.kind == kind);
    if !message.is_whole() {
        return Err(Refusal::invalid("the message is too large"));
    }
    if has(FaultKind::NotJson) || has(FaultKind::NotUtf8) || has(FaultKind::CutShort) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, NOT_JSON, "the message is not JSON in UTF-8"));
    }
    if shape.kind == Kind::Other {
        return Err(Refusal::invalid("the message is not a JSON-RPC request, notification or answer"));
    }
    if shape.kind == Kind::Batch {
        return Ok(());
    }
    if has(FaultKind::MissingVersion) || has(FaultKind::WrongVersion) {
        return Err(Refusal::invalid("the message needs \"jsonrpc\": \"2.0\""));
    }
    if has(FaultKind::MethodInAnswer) {
        return Err(Refusal::invalid("the message is both a request and an answer"));
    }
    if shape.kind == Kind::Request && shape.id.is_none() {
        return Err(Refusal::invalid("the id of a request must be a string or an integer"));
    }
    Ok(())
}

/// The era that a message is written in: a modern body wins over headers.
///
/// Spec 2026-07-28, basic/versioning; `headers` are those of its POST.
pub(super) fn era(message: &Message, headers: Option<&HeaderMap>, forced: Option<Era>) -> Era {
    if let Some(era) = forced {
        return era;
    }
    let shape = message.shape();
    let in_body = shape.raw(Member::MetaRevision).is_some() || shape.raw(Member::MetaCapabilities).is_some();
    if in_body || shape.method().as_deref() == Some("server/discover") {
        return Era::Modern;
    }
    let Some(headers) = headers else { return Era::Legacy };
    // Spec 2026-07-28, basic/transports/streamable-http, Sending Messages: which headers a notification needs
    // is not defined, so one without any is modern unless only a session can have it.
    let has_session = headers.contains_key(SESSION_ID) || headers.contains_key(PROTOCOL_VERSION);
    let is_bare = shape.kind == Kind::Notification && !has_session;
    let lives_on = |name: &str| method(name).is_none_or(|method| method.by_client.contains(Revision::LATEST));
    if is_modern(headers) || is_bare && shape.method().is_some_and(|name| lives_on(&name)) {
        return Era::Modern;
    }
    Era::Legacy
}

/// Whether headers alone say that a request is modern: a revision that is named counts before `Mcp-Method`,
/// which clients of older revisions may send too.
pub(super) fn is_modern(headers: &HeaderMap) -> bool {
    let version = headers.get(PROTOCOL_VERSION).and_then(|value| value.to_str().ok());
    match version.and_then(|name| Revision::era_of(name.trim())) {
        Some(era) => era == Era::Modern,
        None => headers.contains_key(METHOD),
    }
}

/// Checks the `_meta` of a modern request; gives the revision that it names.
///
/// Spec 2026-07-28, basic/index, `_meta`.
pub(super) fn meta(message: &Message) -> Result<String, Refusal> {
    let shape = message.shape();
    let lacks = |key: &str| {
        let says = format!("params._meta must have \"io.modelcontextprotocol/{key}\" (2026-07-28)");
        Refusal::new(StatusCode::BAD_REQUEST, BAD_PARAMS, says)
    };
    let revision = shape.text(Member::MetaRevision).ok_or_else(|| lacks("protocolVersion"))?;
    let capabilities = shape.raw(Member::MetaCapabilities).filter(|raw| raw.starts_with(b"{"));
    capabilities.ok_or_else(|| lacks("clientCapabilities"))?;
    Ok(revision.into_owned())
}

/// The known revision that the `_meta` of a message names.
pub(super) fn named(message: &Message) -> Option<Revision> {
    Revision::parse(&message.shape().text(Member::MetaRevision)?)
}

/// Checks that the revision of a modern request is one that is served.
pub(super) fn served(message: &Message, revision: &str) -> Result<Revision, Refusal> {
    if let Some(revision) = Revision::parse(revision).filter(|revision| revision.era() == Era::Modern) {
        return Ok(revision);
    }
    let latest = Revision::LATEST.as_str();
    let says = format!("requests with _meta are served in {latest}; for an older revision send initialize");
    let requested = message.shape().raw(Member::MetaRevision);
    let requested = requested.map_or("null".into(), |raw| String::from_utf8_lossy(raw).into_owned());
    let data = Some(format!(r#"{{"supported":["{latest}"],"requested":{requested}}}"#));
    Err(Refusal { data, ..Refusal::new(StatusCode::BAD_REQUEST, NO_SUCH_REVISION, says) })
}

/// Checks that the header with the revision says what `_meta` says.
pub(super) fn version(headers: &HeaderMap, revision: &str) -> Result<(), Refusal> {
    if one(headers, &PROTOCOL_VERSION)? == Some(revision.as_bytes()) {
        return Ok(());
    }
    Err(mismatch("MCP-Protocol-Version must be there and equal the protocolVersion in params._meta"))
}

/// Checks that the headers that mirror the body say what it says.
///
/// Spec 2026-07-28, basic/transports/streamable-http, Server Validation.
pub(super) fn mirrors(headers: &HeaderMap, message: &Message) -> Result<(), Refusal> {
    let shape = message.shape();
    let method = shape.method().unwrap_or_default();
    if one(headers, &METHOD)? != Some(method.as_bytes()) {
        return Err(mismatch("Mcp-Method must be there and equal the method of the request"));
    }
    let Some(field) = mirrored_param(&method) else { return Ok(()) };
    let member = match field {
        "name" => Member::Name,
        "uri" => Member::Uri,
        _ => Member::TaskId,
    };
    let header = one(headers, &NAME)?.map(decode).transpose();
    let header = header.map_err(|error| mismatch(&format!("Mcp-Name cannot be read: {error}")))?;
    if header.as_deref() == shape.text(member).as_deref() {
        return Ok(());
    }
    Err(mismatch(&format!("Mcp-Name must be there and equal params.{field}")))
}

/// Checks the header with the revision of a legacy session; it need not be there.
///
/// Spec 2025-11-25, basic/transports, Protocol Version Header.
pub(super) fn legacy_version(headers: &HeaderMap) -> Result<(), Refusal> {
    let known = |value: &http::HeaderValue| {
        let name = std::str::from_utf8(value.as_bytes().trim_ascii()).ok()?;
        Revision::parse(name).filter(|revision| revision.era() == Era::Legacy)
    };
    if headers.get_all(PROTOCOL_VERSION).iter().all(|value| known(value).is_some()) {
        return Ok(());
    }
    let legacy = Revision::ALL.iter().filter(|revision| revision.era() == Era::Legacy);
    let names: Vec<_> = legacy.map(|revision| revision.as_str()).collect();
    Err(Refusal::invalid(format!("MCP-Protocol-Version of a session must be one of {}", names.join(", "))))
}

/// The value of a header that may be there once.
fn one<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Result<Option<&'a [u8]>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(|value| value.as_bytes().trim_ascii());
    match values.next() {
        Some(_) => Err(mismatch(&format!("{name} must not be there twice"))),
        None => Ok(value),
    }
}

/// The media types or ranges that a header lists, without their parameters.
fn types<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(|range| range.split(';').next()).map(str::trim)
}

fn unacceptable(types: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_ACCEPTABLE, INVALID, format!("send Accept: {types}"))
}

fn mismatch(says: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, HEADER_MISMATCH, says)
}
