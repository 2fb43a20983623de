//! Secrets in heads of HTTP requests and responses.

use http::HeaderMap;

use super::pen::Pen;
use super::{key, scheme, uri};
use crate::header::PARAM_PREFIX;

/// Attributes of `Set-Cookie` (RFC 6265, section 4.1) that stay readable.
const COOKIE_ATTRIBUTES: &[&[u8]] =
    &[b"expires", b"max-age", b"domain", b"path", b"secure", b"httponly", b"samesite", b"partitioned"];

/// Headers whose values are part of the protocol; secrets of known shape are still taken out of them.
const KEPT: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "age",
    "allow",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "date",
    "etag",
    "expires",
    "forwarded",
    "host",
    "keep-alive",
    "last-event-id",
    "last-modified",
    "link",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "origin",
    "proxy-authenticate",
    "retry-after",
    "server",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
    "x-accel-buffering",
];

/// A run this long of letters and digits mixed makes the value of an unknown header suspicious.
const SUSPICIOUS: usize = 20;

/// Writes the start line and one line for each header.
pub(super) fn write(pen: &mut Pen<'_>, start_line: &[u8], headers: &HeaderMap) {
    pen.search(start_line, uri::find);
    for (name, value) in headers {
        pen.plain("\n");
        header(pen, name.as_str(), value.as_bytes());
    }
}

/// Writes one `name: value`.
pub(super) fn header(pen: &mut Pen<'_>, name: &str, value: &[u8]) {
    pen.text(name.as_bytes());
    pen.plain(": ");
    self::value(pen, name, value);
}

/// Writes the value of a header as its name asks for.
pub(super) fn value(pen: &mut Pen<'_>, name: &str, value: &[u8]) {
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        "authorization" | "proxy-authorization" => credential(pen, value),
        "cookie" => cookies(pen, value),
        "set-cookie" => set_cookie(pen, value),
        "mcp-session-id" => pen.secret("session", value),
        "location" | "content-location" | "referer" => pen.search(value, uri::find),
        "dpop" => pen.secret("jwt", value),
        kept if KEPT.contains(&kept) => pen.text(value),
        _ => match lower.strip_prefix(PARAM_PREFIX) {
            Some(parameter) => pen.value(parameter.as_bytes(), value),
            None => unknown(pen, lower.as_bytes(), value),
        },
    }
}

/// Writes the scheme and a placeholder.
fn credential(pen: &mut Pen<'_>, value: &[u8]) {
    let (scheme, secret) = value.split_at_checked(scheme::credential_start(value)).unwrap_or((&[], value));
    pen.plain(&String::from_utf8_lossy(scheme));
    pen.secret(scheme::class_of(value), secret);
}

fn unknown(pen: &mut Pen<'_>, name: &[u8], value: &[u8]) {
    match key::class_of(name) {
        Some("bearer") => credential(pen, value),
        Some(class) => pen.secret(class, value),
        None if is_suspicious(value) => pen.secret("credential", value),
        None => pen.text(value),
    }
}

/// Whether a value holds a long run that mixes capitals, small letters and digits, as keys do and words do not.
fn is_suspicious(value: &[u8]) -> bool {
    value.split(|byte| !byte.is_ascii_alphanumeric() && !b"_-+/".contains(byte)).any(|run| {
        let kinds = [u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit];
        run.len() >= SUSPICIOUS && kinds.iter().all(|kind| run.iter().any(kind))
    })
}

/// `Cookie`: names only.
fn cookies(pen: &mut Pen<'_>, value: &[u8]) {
    for (n, pair) in value.split(|byte| *byte == b';').enumerate() {
        if n > 0 {
            pen.plain("; ");
        }
        cookie(pen, pair.trim_ascii());
    }
}

/// `Set-Cookie`: the name, and attributes that the RFC knows.
fn set_cookie(pen: &mut Pen<'_>, value: &[u8]) {
    for (n, part) in value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).enumerate() {
        let name = part.split(|byte| *byte == b'=').next().unwrap_or_default().to_ascii_lowercase();
        if n == 0 {
            cookie(pen, part);
        } else {
            pen.plain("; ");
            if COOKIE_ATTRIBUTES.contains(&name.as_slice()) {
                pen.text(part);
            } else {
                cookie(pen, part);
            }
        }
    }
}

fn cookie(pen: &mut Pen<'_>, pair: &[u8]) {
    match memchr::memchr(b'=', pair) {
        Some(equals) => {
            pen.text(pair.get(..equals).unwrap_or_default());
            pen.plain("=");
            pen.secret("cookie", pair.get(equals + 1..).unwrap_or_default());
        }
        // A cookie without a name is all value.
        None => pen.secret("cookie", pair),
    }
}
