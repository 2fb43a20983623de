//! Heads of HTTP requests and responses, and the headers that MCP defines.

pub mod value;

use http::header::{CONNECTION, HeaderName};
use http::{HeaderMap, Method, StatusCode, Uri, Version};

/// `MCP-Protocol-Version` (2025-06-18 and later): the revision that a request is written in.
pub const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// `Mcp-Session-Id` (2025-03-26 to 2025-11-25): the session that a request belongs to.
pub const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// `Last-Event-ID` (2025-03-26 to 2025-11-25): the event after which a stream resumes.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// `Mcp-Method` (2026-07-28): mirrors `/method` of the body.
pub const METHOD: HeaderName = HeaderName::from_static("mcp-method");

/// `Mcp-Name` (2026-07-28): mirrors `/params/name`, `/params/uri` or `/params/taskId` of the body.
pub const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// What the names of headers begin with that mirror annotated tool arguments (2026-07-28), in lower case.
pub const PARAM_PREFIX: &str = "mcp-param-";

/// `X-Accel-Buffering`: `no` asks reverse proxies to pass a stream as it comes (2026-07-28).
pub const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The head of an HTTP request.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The target as the client sent it.
    pub uri: Uri,
    /// The HTTP version on the leg.
    pub version: Version,
    /// The headers as the client sent them.
    pub headers: HeaderMap,
}

/// The head of an HTTP response.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// The HTTP version on the leg.
    pub version: Version,
    /// The headers as the server sent them.
    pub headers: HeaderMap,
}

/// Whether a header concerns one connection only, whatever `Connection` says, so that a proxy takes it out.
///
/// RFC 9110, section 7.6.1, with the names that it lists; `trailer` is not among them because it
/// describes the message. `proxy-authenticate` and `proxy-authorization` are for the next proxy alone
/// (sections 11.7.1 and 11.7.2).
pub fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// The header names that `Connection` lists, so that a proxy takes these headers out too.
///
/// RFC 9110, section 7.6.1. Options that are no header name are left out, repeats are not.
///
/// ```
/// use http::HeaderMap;
/// use tapgate_wire::header::connection_names;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("connection", "close, X-Trace".parse()?);
/// assert!(connection_names(&headers).any(|name| name == "x-trace"));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
pub fn connection_names(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> + '_ {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|option| HeaderName::from_bytes(option.trim_ascii()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_lists_names_over_several_lines() {
        let mut headers = HeaderMap::new();
        headers.append(CONNECTION, " Keep-Alive,, X-One ".parse().unwrap());
        headers.append(CONNECTION, "x-two,not a name".parse().unwrap());
        let names: Vec<_> = connection_names(&headers).collect();
        assert_eq!(names, ["keep-alive", "x-one", "x-two"]);
    }

    #[test]
    fn only_headers_of_one_connection_are_hop_by_hop() {
        for (name, expected) in
            [("Transfer-Encoding", true), ("TE", true), ("Trailer", false), ("Mcp-Name", false)]
        {
            assert_eq!(is_hop_by_hop(&name.parse().unwrap()), expected, "{name}");
        }
    }
}
