//! Heads of HTTP requests and responses, and the headers that MCP defines.

use http::{HeaderMap, Method, StatusCode, Uri, Version};

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
