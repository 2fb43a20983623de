//! The JSON-RPC shape of a message: what it is, whose it is, and the few members that tracking needs.

use bytes::Bytes;

use crate::fault::Fault;

/// A JSON-RPC id as it stands on the wire: `1`, `1.0` and `"1"` are three different ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub Bytes);

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
    /// `/result/status` or `/result/task/status` or `/params/status`: the state of a task.
    TaskStatus,
}

/// The shape of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What it is.
    pub kind: Kind,
    /// Its id, raw; `None` when absent or null or of a wrong type (then a fault says so).
    pub id: Option<Id>,
    /// Raw JSON of the members found, in wire order; a value longer than the bound is left out of an oversized message.
    pub members: Vec<(Member, Bytes)>,
    /// The messages of a batch.
    pub parts: Vec<crate::Message>,
    /// What was odd.
    pub faults: Vec<Fault>,
}
