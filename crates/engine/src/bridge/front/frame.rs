//! How messages are framed for event streams and lines.

use std::fmt::Write;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use tapgate_wire::header::ACCEL_BUFFERING;

/// What an idle stream says so that nobody on the way takes it for dead.
pub(super) const COMMENT: Bytes = Bytes::from_static(b":\n\n");

/// One server-sent event with a message.
///
/// The name is the default one; it is written because some clients take no event without it, and HTTP+SSE asks
/// for it (Spec 2024-11-05, basic/transports, HTTP with SSE).
pub(super) fn event(id: Option<&str>, message: &[u8]) -> Bytes {
    named("message", id, message)
}

/// One server-sent event.
pub(super) fn named(name: &str, id: Option<&str>, message: &[u8]) -> Bytes {
    let mut out = format!("event: {name}\n");
    if let Some(id) = id {
        let _ = writeln!(out, "id: {id}");
    }
    let mut out = out.into_bytes();
    // A message may be written over several lines; between its tokens any line break means the same.
    for line in message.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty()) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.push(b'\n');
    out.into()
}

/// An event without a message: its id makes a stream resumable, `retry` says when.
///
/// Spec 2025-11-25, basic/transports, Sending Messages to the Server 6.
pub(super) fn empty(id: &str, retry: Option<u64>) -> Bytes {
    let retry = retry.map(|retry| format!("retry: {retry}\n")).unwrap_or_default();
    format!("id: {id}\n{retry}data: \n\n").into()
}

/// A message as one line, without its end.
///
/// Spec 2025-11-25, basic/transports, stdio: no embedded newlines. JSON has raw ones between tokens only.
pub(super) fn line(message: Bytes) -> Bytes {
    let breaks = |byte: u8| matches!(byte, b'\n' | b'\r');
    if !message.iter().any(|byte| breaks(*byte)) {
        return message;
    }
    message.iter().map(|byte| if breaks(*byte) { b' ' } else { *byte }).collect()
}

/// The headers of an event stream.
pub(super) fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_over_several_lines_stays_one_event_and_becomes_one_line() {
        let message = Bytes::from_static(b"{\r\n \"a\": \"x\\ny\",\n\n \"b\": 1\r}");
        let framed = event(Some("1.2"), &message);
        assert_eq!(
            framed,
            "event: message\nid: 1.2\ndata: {\ndata:  \"a\": \"x\\ny\",\ndata:  \"b\": 1\ndata: }\n\n"
        );
        assert_eq!(line(message), "{   \"a\": \"x\\ny\",   \"b\": 1 }");
    }

    #[test]
    fn a_line_without_breaks_keeps_its_very_bytes() {
        let message = Bytes::from_static(b"{\"a\":1}");
        assert_eq!(line(message.clone()).as_ptr(), message.as_ptr());
    }

    #[test]
    fn an_empty_event_has_an_id_and_perhaps_a_wait() {
        assert_eq!(empty("7", None), "id: 7\ndata: \n\n");
        assert_eq!(empty("7", Some(250)), "id: 7\nretry: 250\ndata: \n\n");
    }
}
