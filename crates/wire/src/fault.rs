//! What was odd about what a peer sent: a fact, never a failure.

/// Something odd in a frame or a message, where it is, and how bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault {
    /// What is odd.
    pub kind: FaultKind,
    /// Byte offset inside the frame where it begins, 0 for the whole frame.
    pub at: u64,
}

/// The kinds of faults; [`FaultKind::code`] is the stable public name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// The frame is not JSON.
    NotJson,
    /// The bytes are not UTF-8.
    NotUtf8,
    /// An object names a member twice.
    DuplicateKey,
    /// `id` is neither a string nor an integer nor null.
    WrongIdType,
    /// `id` is null.
    NullId,
    /// Nesting is deeper than [`crate::json::MAX_DEPTH`].
    TooDeep,
    /// The frame is larger than what is kept for observation.
    TooLarge,
    /// The line ends in CRLF.
    CarriageReturn,
    /// The frame begins with a byte order mark.
    ByteOrderMark,
    /// `jsonrpc` is missing.
    MissingVersion,
    /// `jsonrpc` is not `"2.0"`.
    WrongVersion,
    /// An answer carries both `result` and `error`.
    BothResultAndError,
    /// The message is a JSON value that is no JSON-RPC message.
    NotRpc,
    /// A batch without a message.
    EmptyBatch,
    /// A string holds a surrogate without its pair.
    LoneSurrogate,
    /// The stream ended inside a frame.
    CutShort,
}
