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
    ($($(#[$doc:meta])* $kind:ident = $code:literal;)*) => {
        /// The kinds of faults; [`FaultKind::code`] is the stable public name, which is also that of the rule that says
        /// what it means.
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
        }
    };
}

kinds! {
    /// The frame is not JSON.
    NotJson = "frame.not-json";
    /// The bytes are not UTF-8.
    NotUtf8 = "frame.not-utf8";
    /// An object names a member twice.
    DuplicateKey = "frame.duplicate-key";
    /// Nesting is deeper than [`crate::json::MAX_DEPTH`].
    TooDeep = "frame.too-deep";
    /// The frame is larger than what is kept for observation.
    TooLarge = "frame.too-large";
    /// The line ends in CRLF.
    CarriageReturn = "frame.carriage-return";
    /// The frame begins with a byte order mark.
    ByteOrderMark = "frame.byte-order-mark";
    /// A line holds nothing but white space.
    BlankLine = "frame.blank-line";
    /// A string holds a surrogate without its pair.
    LoneSurrogate = "frame.lone-surrogate";
    /// The stream ended inside a frame.
    CutShort = "frame.cut-short";
    /// An SSE field has a value that receivers must ignore.
    IgnoredField = "frame.ignored-field";
    /// The body has a content coding that is not known here.
    UnknownCoding = "frame.unknown-coding";
    /// The body is not what its content coding says.
    BrokenCoding = "frame.broken-coding";
    /// The body grows beyond its bound when it is decompressed.
    CodingTooLarge = "frame.coding-too-large";
    /// `id` is neither a string nor a number nor null.
    WrongIdType = "rpc.wrong-id-type";
    /// `id` is null.
    NullId = "rpc.null-id";
    /// `id` is a number with a fraction or an exponent.
    FractionalId = "rpc.fractional-id";
    /// A result has no `id`.
    MissingId = "rpc.missing-id";
    /// `jsonrpc` is missing.
    MissingVersion = "rpc.missing-version";
    /// `jsonrpc` is not `"2.0"`.
    WrongVersion = "rpc.wrong-version";
    /// `method` is no string.
    WrongMethodType = "rpc.wrong-method-type";
    /// An answer carries both `result` and `error`.
    BothResultAndError = "rpc.both-result-and-error";
    /// A message carries `method` and `result` or `error`.
    MethodInAnswer = "rpc.method-in-answer";
    /// The message is a JSON value that is no JSON-RPC message.
    NotRpc = "rpc.not-rpc";
    /// A batch without a message.
    EmptyBatch = "rpc.empty-batch";
    /// A batch holds more messages than are told apart.
    TooManyParts = "rpc.too-many-parts";
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
    fn every_kind_has_a_name_of_its_own() {
        for kind in FaultKind::ALL {
            assert_eq!(FaultKind::from_code(kind.code()), Some(*kind));
            assert!(kind.code().starts_with("frame.") || kind.code().starts_with("rpc."), "{}", kind.code());
        }
        assert_eq!(FaultKind::from_code("rpc.unheard-of"), None);
    }
}
