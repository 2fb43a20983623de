//! What a bridge is told when it starts, and its bounds.

use std::time::Duration;

use http::HeaderMap;
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;

/// How clients connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listens {
    /// On the tap's own pipes.
    Pipe,
    /// By HTTP.
    Http {
        /// The path of Streamable HTTP, such as `/mcp`.
        path: String,
        /// The path of HTTP+SSE (2024-11-05), such as `/sse`; messages are posted to it with a query.
        sse_path: String,
    },
}

/// How the server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaches {
    /// By starting its command; one child per [`LinkNo`](super::LinkNo).
    Command,
    /// By HTTP.
    Url {
        /// The server's URL, against which the `endpoint` of HTTP+SSE is resolved.
        url: String,
    },
}

/// What a bridge is told when it starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How clients connect.
    pub listens: Listens,
    /// How the server is reached.
    pub reaches: Reaches,
    /// What the server is called in errors.
    pub server_name: String,
    /// Overrides what clients speak: messages are read as of this era, whatever they look like.
    pub client_era: Option<Era>,
    /// Overrides detection: the server speaks this era, no probe is sent.
    pub server_era: Option<Era>,
    /// The revision to offer to a server or to agree on with a client, if one was named.
    pub server_revision: Option<Revision>,
    /// Headers that go with every request to the server, such as an API key.
    pub headers: HeaderMap,
    /// The bounds.
    pub bounds: Bounds,
}

/// The bounds of a bridge; what is beyond one is refused with an error that names it.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Legacy sessions of clients at once (the quietest one that waits for nothing makes room).
    pub sessions: usize,
    /// Requests that wait at once, of all clients.
    pub ports: usize,
    /// Server processes at once; over HTTP legacy sessions with the server that modern clients share.
    pub links: usize,
    /// Bytes of events that a session keeps for a client that resumes.
    pub replay_bytes: usize,
    /// Upstream calls that are held while a modern client's person is asked.
    pub suspended: usize,
    /// How long a held call waits for the retry.
    pub suspend_for: Duration,
    /// Bytes of answers that are kept for clients of 2025-11-25 that wanted them as tasks.
    pub kept_bytes: usize,
    /// Rounds of input in one call.
    pub rounds: usize,
    /// How long a probe waits before it counts as unanswered.
    pub probe: Duration,
    /// How long a session may be quiet before it ends.
    pub session_idle: Duration,
    /// How long a link that nobody uses lives.
    pub link_idle: Duration,
    /// How long a sealed session id restores a session that this process does not remember.
    pub session_age: Duration,
    /// How often an idle event stream says a comment.
    pub keep_alive: Duration,
    /// The first wait before something is tried again, and the longest.
    pub backoff: (Duration, Duration),
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            sessions: 50_000,
            ports: 20_000,
            links: 256,
            replay_bytes: 1 << 20,
            suspended: 1_000,
            suspend_for: Duration::from_mins(10),
            kept_bytes: 64 << 20,
            rounds: 16,
            probe: Duration::from_secs(5),
            session_idle: Duration::from_hours(1),
            link_idle: Duration::from_mins(5),
            session_age: Duration::from_hours(24 * 7),
            keep_alive: Duration::from_secs(20),
            backoff: (Duration::from_millis(200), Duration::from_secs(30)),
        }
    }
}
