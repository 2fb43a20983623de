//! What was odd about what a peer sent: a fact, never a failure.

/// Something odd in a frame or a message, where it is, and how bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault {
    /// What is odd.
    pub kind: FaultKind,
    /// Byte offset inside the frame where it begins, 0 for the whole frame.
    pub at: u64,
}

/// How much a fault matters to the peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nobody needs to care.
    Note,
    /// Some receivers will stumble over it.
    Warning,
    /// The specification forbids it, and receivers are right to refuse it.
    Error,
}

impl Severity {
    /// Its word, the same in views, JSON and the manual.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Makes the enum and its table from one list, so that no kind lacks a row.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal, $severity:ident, $about:literal;)*) => {
        /// The kinds of faults; [`FaultKind::code`] is the stable public name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultKind {
            $($(#[$doc])* $kind,)*
        }

        impl FaultKind {
            /// Every kind, in the order of the manual.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The stable public name: `frame.…` for how bytes travel, `rpc.…` for what they say.
            pub fn code(self) -> &'static str {
                match self { $(Self::$kind => $code,)* }
            }

            /// How much it matters.
            pub fn severity(self) -> Severity {
                match self { $(Self::$kind => Severity::$severity,)* }
            }

            /// What it means, as one sentence for people.
            pub fn about(self) -> &'static str {
                match self { $(Self::$kind => $about,)* }
            }
        }
    };
}

kinds! {
    /// The frame is not JSON.
    NotJson = "frame.not-json", Error,
        "The bytes are not a JSON document, so they are not an MCP message.";
    /// The bytes are not UTF-8.
    NotUtf8 = "frame.not-utf8", Error,
        "JSON-RPC messages are UTF-8, and these bytes are not.";
    /// An object names a member twice.
    DuplicateKey = "frame.duplicate-key", Warning,
        "An object names a member twice, and receivers differ in which one they take.";
    /// Nesting is deeper than [`crate::json::MAX_DEPTH`].
    TooDeep = "frame.too-deep", Warning,
        "The message is nested so deep that many parsers refuse it; its depths were not checked.";
    /// The frame is larger than what is kept for observation.
    TooLarge = "frame.too-large", Note,
        "The message is larger than what is kept, so only its beginning and its shape were recorded.";
    /// The line ends in CRLF.
    CarriageReturn = "frame.carriage-return", Note,
        "The line ends in CR LF where the stdio transport ends lines with LF alone.";
    /// The frame begins with a byte order mark.
    ByteOrderMark = "frame.byte-order-mark", Warning,
        "The message begins with a byte order mark, which JSON senders must not add.";
    /// A line holds nothing but white space.
    BlankLine = "frame.blank-line", Note,
        "The line is blank, which the stdio transport has no use for.";
    /// A string holds a surrogate without its pair.
    LoneSurrogate = "frame.lone-surrogate", Warning,
        "A string holds half of a surrogate pair, which is no Unicode text; some receivers refuse or crash.";
    /// The stream ended inside a frame.
    CutShort = "frame.cut-short", Error,
        "The stream ended in the middle of a message.";
    /// An SSE field has a value that receivers must ignore.
    IgnoredField = "frame.ignored-field", Note,
        "The event has an `id` with a NUL or a `retry` that is no number, which receivers must ignore.";
    /// The body has a content coding that is not known here.
    UnknownCoding = "frame.unknown-coding", Note,
        "The body is compressed in a way that is not known here, so it passed unread.";
    /// The body is not what its content coding says.
    BrokenCoding = "frame.broken-coding", Error,
        "The body cannot be decompressed as its Content-Encoding says.";
    /// The body grows beyond its bound when it is decompressed.
    CodingTooLarge = "frame.coding-too-large", Warning,
        "The body grows so much when decompressed that reading stopped; it passed in full.";
    /// `id` is neither a string nor a number nor null.
    WrongIdType = "rpc.wrong-id-type", Error,
        "The id is neither a string nor an integer.";
    /// `id` is null.
    NullId = "rpc.null-id", Error,
        "The id is null, which MCP allows neither in requests nor in results.";
    /// `id` is a number with a fraction or an exponent.
    FractionalId = "rpc.fractional-id", Warning,
        "The id is a number with a fraction or an exponent, which peers may spell differently.";
    /// A result has no `id`.
    MissingId = "rpc.missing-id", Error,
        "The result has no id, so nobody can tell what it answers.";
    /// `jsonrpc` is missing.
    MissingVersion = "rpc.missing-version", Error,
        "The message lacks the member `jsonrpc`.";
    /// `jsonrpc` is not `"2.0"`.
    WrongVersion = "rpc.wrong-version", Error,
        "The member `jsonrpc` is not \"2.0\".";
    /// `method` is no string.
    WrongMethodType = "rpc.wrong-method-type", Error,
        "The member `method` is not a string.";
    /// An answer carries both `result` and `error`.
    BothResultAndError = "rpc.both-result-and-error", Error,
        "The answer carries both a result and an error.";
    /// A message carries `method` and `result` or `error`.
    MethodInAnswer = "rpc.method-in-answer", Error,
        "The message carries a method together with a result or an error.";
    /// The message is a JSON value that is no JSON-RPC message.
    NotRpc = "rpc.not-rpc", Error,
        "The bytes are JSON but not a JSON-RPC message.";
    /// A batch without a message.
    EmptyBatch = "rpc.empty-batch", Error,
        "The batch holds no message.";
    /// A batch holds more messages than are told apart.
    TooManyParts = "rpc.too-many-parts", Warning,
        "The batch holds so many messages that only the first were read.";
}

impl FaultKind {
    /// The kind with this public name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }
}

/// Adds a fault unless one of its kind is there already, so that no peer can make a list of faults grow.
pub(crate) fn note(faults: &mut Vec<Fault>, kind: FaultKind, at: u64) {
    if !faults.iter().any(|fault| fault.kind == kind) {
        faults.push(Fault { kind, at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_a_sentence() {
        for kind in FaultKind::ALL {
            assert_eq!(FaultKind::from_code(kind.code()), Some(*kind));
            assert!(kind.code().starts_with("frame.") || kind.code().starts_with("rpc."), "{}", kind.code());
            assert!(kind.about().ends_with('.') && !kind.about().contains(". "), "{}", kind.about());
        }
        assert_eq!(FaultKind::from_code("rpc.unheard-of"), None);
    }
}
