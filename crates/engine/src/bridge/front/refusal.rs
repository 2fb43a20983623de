//! How the front itself says no.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use tapgate_wire::edge::Act;
use tapgate_wire::json::escape_into;
use tapgate_wire::{Id, StreamId};

pub(super) const NOT_JSON: i64 = -32_700;
pub(super) const INVALID: i64 = -32_600;
pub(super) const BAD_PARAMS: i64 = -32_602;
pub(super) const INTERNAL: i64 = -32_603;
pub(super) const HEADER_MISMATCH: i64 = -32_020;
pub(super) const NO_SUCH_REVISION: i64 = -32_022;

/// A JSON-RPC error that the front answers with, and its HTTP status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: i64,
    pub(super) says: String,
    /// Raw JSON.
    pub(super) data: Option<String>,
    /// The methods that are allowed, with status 405.
    pub(super) allow: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: i64, says: impl Into<String>) -> Self {
        Self { status: status.as_u16(), code, says: says.into(), data: None, allow: None }
    }

    /// What is no valid request where it stands.
    pub(super) fn invalid(says: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID, says)
    }

    /// Another method than those.
    pub(super) fn method(allow: &'static str, says: impl Into<String>) -> Self {
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, INVALID, says) }
    }

    /// More than a bound allows.
    pub(super) fn full(says: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, INTERNAL, says)
    }

    /// The JSON-RPC error, for the request with `id` if that could be read.
    pub(super) fn json(&self, id: Option<&Id>) -> Bytes {
        let mut out = br#"{"jsonrpc":"2.0","id":"#.to_vec();
        out.extend_from_slice(id.map_or(b"null", |id| &id.0));
        out.extend_from_slice(format!(r#","error":{{"code":{},"message":""#, self.code).as_bytes());
        escape_into(self.says.as_bytes(), &mut out);
        out.push(b'"');
        if let Some(data) = &self.data {
            out.extend_from_slice(format!(r#","data":{data}"#).as_bytes());
        }
        out.extend_from_slice(b"}}");
        out.into()
    }

    /// The answer to a POST, GET or DELETE.
    pub(super) fn respond(&self, stream: StreamId, id: Option<&Id>) -> Act {
        let mut headers = json_headers();
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        Act::Respond { stream, status: self.status, headers, body: self.json(id) }
    }
}

pub(super) fn json_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
}
