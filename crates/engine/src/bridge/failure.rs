//! What a client is told when the server gave no answer.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use tapgate_wire::Id;
use tapgate_wire::json::escape_into;

use super::back::Failure;
use super::cx::Cx;
use super::front::Answer;
use super::number::Port;

/// JSON-RPC 2.0, section 5.1: an internal error. No code of MCP's own ranges may be invented.
pub const INTERNAL: i64 = -32_603;

/// JSON-RPC 2.0, section 5.1: wrong parameters.
pub const INVALID_PARAMS: i64 = -32_602;

/// JSON-RPC 2.0, section 5.1: the method does not exist here.
pub const NO_METHOD: i64 = -32_601;

/// JSON-RPC 2.0, section 5.1: not a request that can be served.
pub const INVALID_REQUEST: i64 = -32_600;

/// An error answer to the request with this id, null where none could be read; `data` is raw JSON.
pub fn error(id: Option<&Id>, code: i64, message: &str, data: Option<&[u8]>) -> Bytes {
    let mut out = Vec::with_capacity(96 + message.len());
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id.map_or(b"null", |id| &id.0));
    out.extend_from_slice(br#","error":{"code":"#);
    out.extend_from_slice(code.to_string().as_bytes());
    out.extend_from_slice(br#","message":""#);
    escape_into(message.as_bytes(), &mut out);
    out.push(b'"');
    if let Some(data) = data {
        out.extend_from_slice(br#","data":"#);
        out.extend_from_slice(data);
    }
    out.extend_from_slice(b"}}");
    out.into()
}

/// A result with this raw JSON, for the request with this id.
pub fn result(id: Option<&Id>, result: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(60 + result.len());
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id.map_or(b"null", |id| &id.0));
    out.extend_from_slice(br#","result":"#);
    out.extend_from_slice(result);
    out.push(b'}');
    out.into()
}

impl Failure {
    /// The failure in one sentence for people.
    pub fn text(&self, server: &str) -> String {
        match self {
            Self::Http { status, body, .. } => {
                let body = String::from_utf8_lossy(body);
                let said: String = body.trim().chars().take(200).collect();
                let colon = if said.is_empty() { "" } else { ": " };
                format!("`{server}` answered with HTTP status {status}{colon}{said}")
            }
            Self::Unreachable(why) | Self::Broken(why) => why.clone(),
            Self::Forgotten => format!("`{server}` does not know the session any more"),
            Self::Full => format!("too many requests wait for `{server}`; try again when some are answered"),
        }
    }
}

impl Cx<'_> {
    /// Answers a request with an error of our own.
    pub fn refuse(&mut self, port: Port, id: &Id, code: i64, message: &str) {
        self.front.answer(self.now, port, Answer::new(error(Some(id), code, message, None)), self.acts);
    }

    /// Tells who asked on `port` that the server gave no answer.
    ///
    /// What the server said over HTTP about credentials and waits passes as it is, because the client has to act on
    /// it. Anything else becomes an error that names the server, under the same status.
    pub fn fail(&mut self, port: Port, id: &Id, failure: &Failure) {
        let status = match failure {
            Failure::Http { status, headers, body }
                if matches!(status, 401 | 403 | 407 | 429)
                    || headers.contains_key(WWW_AUTHENTICATE)
                    || headers.contains_key(RETRY_AFTER) =>
            {
                self.front.refuse(self.now, port, *status, told(headers), body.clone(), self.acts);
                return;
            }
            // 404 would say that the client's own session is over.
            Failure::Http { status: status @ (400..=403 | 405..=599), .. } => *status,
            _ => 502,
        };
        let upstream = upstream(&self.settings.server_name);
        let text = failure.text(&self.settings.server_name);
        let mut answer = Answer::new(error(Some(id), INTERNAL, &text, Some(&upstream)));
        answer.status = Some(status);
        self.front.answer(self.now, port, answer, self.acts);
    }
}

/// The `data` of an error that tells of this server.
pub fn upstream(server: &str) -> Vec<u8> {
    let mut out = br#"{"upstream":""#.to_vec();
    escape_into(server.as_bytes(), &mut out);
    out.extend_from_slice(br#""}"#);
    out
}

/// The headers of a refusal that concern the client.
fn told(headers: &HeaderMap) -> HeaderMap {
    const PASSED: [HeaderName; 3] = [WWW_AUTHENTICATE, RETRY_AFTER, CONTENT_TYPE];
    let mut out = HeaderMap::new();
    for name in PASSED {
        for value in headers.get_all(&name) {
            out.append(name.clone(), HeaderValue::clone(value));
        }
    }
    out
}
