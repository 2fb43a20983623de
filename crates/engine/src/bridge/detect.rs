//! Finds out which eras the server speaks, and remembers it.

use std::sync::Arc;

use http::HeaderMap;
use tapgate_wire::Message;
use tapgate_wire::revision::Revision;

use super::back::Via;
use super::number::LinkNo;

/// What is known of the server.
#[derive(Debug)]
pub struct Server {
    /// How it is reached; a URL begins as [`Via::Http`] and may turn out to be [`Via::Sse`].
    pub via: Via,
    /// Whether it takes a handshake; `None` while nobody knows.
    pub legacy: Option<bool>,
    /// What it said as a modern server; `None` while nobody knows, or when it is none.
    pub modern: Option<Modern>,
}

/// A modern server.
#[derive(Clone, Debug)]
pub struct Modern {
    /// The link for all modern requests: shared on a pipe. [`same`](super::same) and [`up`](super::up) use it.
    pub link: LinkNo,
    /// The revision to speak.
    pub revision: Revision,
    /// The answer to `server/discover`; none when the operator said that the server is modern.
    pub discover: Option<Message>,
    /// The headers that it was asked with.
    pub headers: Arc<HeaderMap>,
}
