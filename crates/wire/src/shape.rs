//! The JSON-RPC shape of a message: what it is, whose it is, and the few members that tracking needs.

mod builder;
mod members;
mod names;
mod walk;

use std::borrow::Cow;

use bytes::Bytes;

pub use builder::Builder;

use crate::Message;
use crate::fault::Fault;
use crate::json::{escape_into, find, unescape, unescape_lossy};

/// How many messages of a batch are told apart; the rest is left out, and a fault says so.
pub const MAX_PARTS: usize = 1024;

/// A JSON-RPC id as it stands on the wire: `1`, `1.0` and `"1"` are three different ids.
///
/// A string with escapes is kept in its shortest spelling, because a peer that escapes everything but
/// ASCII and one that does not mean the same id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub Bytes);

impl Id {
    /// The id that the JSON value `raw` stands for: any string or number, nothing else.
    pub fn of(raw: &Bytes) -> Option<Self> {
        match raw.first() {
            Some(b'"') if raw.contains(&b'\\') => {
                let mut spelling = Vec::with_capacity(raw.len());
                spelling.push(b'"');
                escape_into(&unescape(raw), &mut spelling);
                spelling.push(b'"');
                Some(Self(spelling.into()))
            }
            Some(b'"' | b'-' | b'0'..=b'9') => Some(Self(raw.clone())),
            _ => None,
        }
    }
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `method` and `id`.
    Request,
    /// `method` without `id`.
    Notification,
    /// `result` and `id`.
    Result,
    /// `error`; the id may be null or absent when the request could not be read.
    Error,
    /// An array of messages (2025-03-26 only).
    Batch,
    /// Anything else, JSON or not.
    Other,
}

/// The members that tracking and the exchange need, found in the one pass over the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// `/method`.
    Method,
    /// `/params`, the whole value.
    Params,
    /// `/result`, the whole value.
    Result,
    /// `/error`, the whole value.
    Error,
    /// `/error/code`.
    ErrorCode,
    /// `/error/message`.
    ErrorMessage,
    /// `/error/data`.
    ErrorData,
    /// `/params/name`: the tool or prompt.
    Name,
    /// `/params/uri`: the resource.
    Uri,
    /// `/params/arguments`.
    Arguments,
    /// `/params/_meta`.
    Meta,
    /// `/params/_meta/progressToken`.
    ProgressTokenAsked,
    /// `/params/_meta/io.modelcontextprotocol~1protocolVersion`.
    MetaRevision,
    /// `/params/_meta/io.modelcontextprotocol~1clientInfo`.
    MetaClient,
    /// `/params/_meta/io.modelcontextprotocol~1related-task` or the same in a result's `_meta`.
    RelatedTask,
    /// `/params/_meta/io.modelcontextprotocol~1subscriptionId` or the same in a result's `_meta`.
    SubscriptionId,
    /// `/params/progressToken` of a progress notification.
    ProgressToken,
    /// `/params/requestId` of a cancellation.
    CancelledId,
    /// `/params/protocolVersion` of `initialize`.
    OfferedRevision,
    /// `/params/clientInfo` of `initialize`.
    ClientInfo,
    /// `/params/capabilities`.
    ClientCapabilities,
    /// `/params/taskId`.
    TaskId,
    /// `/params/requestState`.
    RequestState,
    /// `/params/inputResponses`.
    InputResponses,
    /// `/params/task`.
    TaskAsked,
    /// `/result/protocolVersion`.
    AgreedRevision,
    /// `/result/serverInfo`.
    ServerInfo,
    /// `/result/_meta/io.modelcontextprotocol~1serverInfo`.
    MetaServer,
    /// `/result/capabilities`.
    ServerCapabilities,
    /// `/result/isError`.
    IsError,
    /// `/result/resultType`.
    ResultType,
    /// `/result/requestState`.
    ResultState,
    /// `/result/inputRequests`.
    InputRequests,
    /// `/result/task/taskId` (2025-11-25) or `/result/taskId` (tasks extension).
    CreatedTask,
    /// `/params/_meta/io.modelcontextprotocol~1clientCapabilities`.
    MetaCapabilities,
    /// `/result/supportedVersions` of `server/discover`.
    SupportedRevisions,
    /// `/result/status` or `/result/task/status` or `/params/status`: the state of a task.
    TaskStatus,
}

/// The shape of one message.
///
/// Where an object names a member twice, the last one counts, together with all that stands inside it,
/// because most receivers read it so; [`DuplicateKey`](crate::fault::FaultKind::DuplicateKey) says that
/// it happened. Of each kind of fault the first is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What it is.
    pub kind: Kind,
    /// Its id, raw; `None` when absent or null or of a wrong type (then a fault says so).
    pub id: Option<Id>,
    /// Raw JSON of the members found, in the order in which their values end; a value longer than
    /// [`Builder::MAX_VALUE`] is left out of an oversized message.
    pub members: Vec<(Member, Bytes)>,
    /// The messages of a batch.
    pub parts: Vec<Message>,
    /// What was odd.
    pub faults: Vec<Fault>,
}

impl Shape {
    /// Reads the shape of a message that is at hand as a whole; its members are slices of `raw`.
    pub fn of(raw: &Bytes) -> Self {
        builder::read(raw)
    }

    /// The raw JSON of a member.
    pub fn raw(&self, member: Member) -> Option<&Bytes> {
        self.members.iter().rev().find(|(found, _)| *found == member).map(|(_, raw)| raw)
    }

    /// The text of a member that is a string; what is no Unicode text in it becomes U+FFFD.
    pub fn text(&self, member: Member) -> Option<Cow<'_, str>> {
        self.raw(member).filter(|raw| raw.starts_with(b"\"")).map(|raw| unescape_lossy(raw))
    }

    /// The value of a member that is an integer of at most 64 bits, written without fraction or exponent.
    pub fn int(&self, member: Member) -> Option<i64> {
        std::str::from_utf8(self.raw(member)?).ok()?.parse().ok()
    }

    /// The value of a member that is `true` or `false`.
    pub fn flag(&self, member: Member) -> Option<bool> {
        match self.raw(member)?.as_ref() {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    /// The id that a member holds, such as that of the request that a cancellation names.
    pub fn id_in(&self, member: Member) -> Option<Id> {
        self.raw(member).and_then(Id::of)
    }

    /// The raw JSON at a path of names inside a member, such as `["name"]` in [`Member::ClientInfo`].
    pub fn inside(&self, member: Member, path: &[&str]) -> Option<Bytes> {
        let raw = self.raw(member)?;
        find(raw, path).map(|value| raw.slice_ref(value))
    }

    /// The text of a string at a path of names inside a member.
    pub fn text_inside(&self, member: Member, path: &[&str]) -> Option<Cow<'_, str>> {
        let value = find(self.raw(member)?, path)?;
        value.starts_with(b"\"").then(|| unescape_lossy(value))
    }

    /// The method of a request or notification.
    pub fn method(&self) -> Option<Cow<'_, str>> {
        self.text(Member::Method)
    }
}

#[cfg(test)]
mod tests;
