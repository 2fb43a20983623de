//! Protocol revisions, and what each of them knows.
//!
//! The table of methods, fields, errors and `_meta` keys is made from the official schemas by
//! `cargo xtask generate`. What these do not hold (headers, error names of old revisions, extensions)
//! stands here with its source.

#[rustfmt::skip]
mod table;

use crate::leg::Leg;
use crate::record::Era;

/// A revision of the protocol; later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revision {
    /// The first: stdio, HTTP with SSE.
    V2024_11_05,
    /// Streamable HTTP, batches.
    V2025_03_26,
    /// Elicitation, structured results; no batches.
    V2025_06_18,
    /// Tasks in the core.
    V2025_11_25,
    /// No handshake, no sessions: everything in each request.
    V2026_07_28,
}

use Revision::{V2024_11_05, V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28};

impl Revision {
    /// Every revision, oldest first.
    pub const ALL: &[Self] = &[V2024_11_05, V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28];

    /// The newest.
    pub const LATEST: Self = V2026_07_28;

    /// The revision with this name, exactly as it stands on the wire; `None` for one that is not known.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|revision| revision.as_str() == name)
    }

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            V2024_11_05 => "2024-11-05",
            V2025_03_26 => "2025-03-26",
            V2025_06_18 => "2025-06-18",
            V2025_11_25 => "2025-11-25",
            V2026_07_28 => "2026-07-28",
        }
    }

    /// The way of speaking that it belongs to.
    ///
    /// Spec 2026-07-28, basic/versioning, Terminology.
    pub fn era(self) -> Era {
        if self >= V2026_07_28 { Era::Modern } else { Era::Legacy }
    }

    /// The era of a revision by its name, also of one that is not known yet: names are dates, so they
    /// compare as texts. `None` for what is no date.
    pub fn era_of(name: &str) -> Option<Era> {
        let is_date = name.len() == 10
            && name.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        is_date.then(|| if name >= V2026_07_28.as_str() { Era::Modern } else { Era::Legacy })
    }

    /// Whether a message may be an array of messages.
    ///
    /// Spec 2025-03-26, basic/index, Batching; removed by 2025-06-18, changelog.
    pub fn has_batches(self) -> bool {
        self == V2025_03_26
    }
}

/// A set of revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revisions(u8);

impl Revisions {
    /// No revision.
    pub const NONE: Self = Self(0);
    /// Every revision.
    pub const ALL: Self = Self::NONE.with(V2024_11_05, V2026_07_28);
    /// Those with a handshake.
    pub const LEGACY: Self = Self::NONE.with(V2024_11_05, V2025_11_25);
    /// Those without.
    pub const MODERN: Self = Self::NONE.with(V2026_07_28, V2026_07_28);

    /// The set of one revision and all that came after it.
    #[must_use]
    pub const fn since(first: Revision) -> Self {
        Self::NONE.with(first, V2026_07_28)
    }

    /// The set with all from `first` to `last` added.
    #[must_use]
    pub const fn with(self, first: Revision, last: Revision) -> Self {
        Self(self.0 | (u8::MAX >> (7 - last as u8)) & (u8::MAX << first as u8))
    }

    /// Whether the set holds a revision.
    pub fn contains(self, revision: Revision) -> bool {
        self.0 >> (revision as u8) & 1 == 1
    }

    /// The revisions of the set, oldest first.
    pub fn iter(self) -> impl Iterator<Item = Revision> {
        Revision::ALL.iter().copied().filter(move |revision| self.contains(*revision))
    }

    /// The revisions that are in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A method of the core protocol.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Whether it asks for an answer; a notification does not.
    pub is_request: bool,
    /// Where clients send it.
    pub by_client: Revisions,
    /// Where servers send it as a message.
    pub by_server: Revisions,
    /// Where servers put it into `inputRequests` of a result, so that it is no message of its own.
    pub as_input: Revisions,
    /// The fields of `params`.
    pub params: &'static [Field],
    /// The fields of `result`.
    pub result: &'static [Field],
}

impl Method {
    /// Where the method exists, in whatever form.
    pub fn revisions(&self) -> Revisions {
        self.by_client.union(self.by_server).union(self.as_input)
    }

    /// Whether a peer on this leg sends it as a message in a revision.
    pub fn is_sent_by(&self, leg: Leg, revision: Revision) -> bool {
        match leg {
            Leg::Client => self.by_client.contains(revision),
            Leg::Server => self.by_server.contains(revision),
        }
    }

    /// The field of `params` with this name.
    pub fn param(&self, name: &str) -> Option<&'static Field> {
        self.params.iter().find(|field| field.name == name)
    }

    /// The field of `result` with this name.
    pub fn result_field(&self, name: &str) -> Option<&'static Field> {
        self.result.iter().find(|field| field.name == name)
    }
}

/// A field of `params` or `result`.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Where it is known.
    pub known: Revisions,
    /// Where it must be there.
    pub required: Revisions,
}

/// A JSON-RPC error code that the specification gives a meaning.
#[derive(Clone, Copy, Debug)]
pub struct ErrorCode {
    /// The code.
    pub code: i64,
    /// The specification's name for it, without `Error`.
    pub name: &'static str,
    /// Where it has this meaning.
    pub revisions: Revisions,
}

/// A key of `_meta` that the specification defines.
#[derive(Clone, Copy, Debug)]
pub struct MetaKey {
    /// The key.
    pub key: &'static str,
    /// Where it is defined.
    pub revisions: Revisions,
}

/// A header that the specification defines.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Its name in lower case; a name that ends in `-` is what names begin with.
    pub name: &'static str,
    /// Where it is used.
    pub revisions: Revisions,
}

/// The methods of the core protocol in all revisions, sorted by name.
pub const METHODS: &[Method] = table::METHODS;

/// The method with this name, in whatever revision.
pub fn method(name: &str) -> Option<&'static Method> {
    let place = METHODS.binary_search_by_key(&name, |method| method.name).ok()?;
    METHODS.get(place)
}

/// The specification's name for an error code in a revision.
pub fn error_name(code: i64, revision: Revision) -> Option<&'static str> {
    let mut errors = table::ERRORS.iter().chain(MORE_ERRORS);
    errors.find(|error| error.code == code && error.revisions.contains(revision)).map(|error| error.name)
}

/// The keys of `_meta` that the specification defines.
pub fn meta_keys() -> impl Iterator<Item = &'static MetaKey> {
    table::META_KEYS.iter().chain(MORE_META_KEYS)
}

const ALL: Revisions = Revisions::ALL;
const LEGACY: Revisions = Revisions::LEGACY;
const MODERN: Revisions = Revisions::MODERN;

/// Codes that older schemas only write as constants of their TypeScript source, or not at all.
const MORE_ERRORS: &[ErrorCode] = &[
    // JSON-RPC 2.0, section 5.1.
    ErrorCode { code: -32_700, name: "Parse", revisions: ALL },
    ErrorCode { code: -32_600, name: "InvalidRequest", revisions: ALL },
    ErrorCode { code: -32_601, name: "MethodNotFound", revisions: ALL },
    ErrorCode { code: -32_602, name: "InvalidParams", revisions: ALL },
    ErrorCode { code: -32_603, name: "Internal", revisions: ALL },
    // Spec 2025-11-25, server/resources, Error Handling; 2026-07-28 uses -32602.
    ErrorCode { code: -32_002, name: "ResourceNotFound", revisions: LEGACY },
    // Spec 2025-11-25, client/sampling, Error Handling.
    ErrorCode { code: -1, name: "UserRejected", revisions: LEGACY },
];

/// Keys that the schemas mention in prose only.
const MORE_META_KEYS: &[MetaKey] = &[
    // Spec 2025-11-25, basic/utilities/tasks, Associating Task-Related Messages.
    MetaKey {
        key: "io.modelcontextprotocol/related-task",
        revisions: Revisions::NONE.with(V2025_11_25, V2025_11_25),
    },
    // Spec 2025-11-25, basic/utilities/tasks, Model Immediate Response.
    MetaKey {
        key: "io.modelcontextprotocol/model-immediate-response",
        revisions: Revisions::NONE.with(V2025_11_25, V2025_11_25),
    },
    // Spec 2026-07-28, basic/index, `_meta`; W3C Trace Context and Baggage.
    MetaKey { key: "traceparent", revisions: MODERN },
    MetaKey { key: "tracestate", revisions: MODERN },
    MetaKey { key: "baggage", revisions: MODERN },
];

/// The headers of the HTTP transports; schemas know none.
pub const HEADERS: &[Header] = &[
    // Spec 2025-03-26, basic/transports, Session Management and Resumability; gone in 2026-07-28.
    Header { name: "mcp-session-id", revisions: Revisions::NONE.with(V2025_03_26, V2025_11_25) },
    Header { name: "last-event-id", revisions: Revisions::NONE.with(V2025_03_26, V2025_11_25) },
    // Spec 2025-06-18, basic/transports, Protocol Version Header.
    Header { name: "mcp-protocol-version", revisions: Revisions::NONE.with(V2025_06_18, V2026_07_28) },
    // Spec 2026-07-28, basic/transports/streamable-http, Standard Request Headers.
    Header { name: "mcp-method", revisions: MODERN },
    Header { name: "mcp-name", revisions: MODERN },
    // Spec 2026-07-28, server/tools, x-mcp-header.
    Header { name: "mcp-param-", revisions: MODERN },
];

/// The name of the `params` field that `Mcp-Name` mirrors for a method.
///
/// Spec 2026-07-28, basic/transports/streamable-http, Standard Request Headers; tasks extension, Routing
/// Headers.
pub fn mirrored_param(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

/// Methods of official extensions of 2026-07-28, which are in no schema of the core.
///
/// `io.modelcontextprotocol/tasks`: the client sends the requests, the server the notification.
pub const EXTENSION_METHODS: &[&str] = &["notifications/tasks", "tasks/cancel", "tasks/get", "tasks/update"];

#[cfg(test)]
mod tests;
