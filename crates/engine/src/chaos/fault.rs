//! The faults that can be injected, and when.

/// A fault and when it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub what: What,
    /// Only for requests of this method.
    pub method: Option<String>,
    /// Only for calls of this tool.
    pub tool: Option<String>,
    /// Only from the n-th such request on, counted from 1.
    pub from: u32,
    /// At most so often; `None` for always.
    pub times: Option<u32>,
    /// In so many of 100 cases.
    pub percent: u8,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The answer begins so many milliseconds late.
    SlowFirstByte(u64),
    /// The answer stops in the middle.
    TruncatedStream,
    /// The answer comes twice; one body of HTTP cannot.
    DuplicateAnswer,
    /// The answer never comes.
    NoAnswer,
    /// The request is answered with 404, as one of a session that the server forgot; over HTTP.
    LostSession,
    /// `Content-Type` is wrong and `Mcp-Session-Id` is missing; over HTTP.
    DamagedHeader,
    /// The request is answered with 401; over HTTP.
    Unauthorized,
    /// The request is answered with 503 and `Retry-After: 1`; over HTTP.
    Unavailable,
    /// A line that is no message comes before the answer; on pipes.
    StrayOutput,
    /// The id of the answer is a string where it was a number, and the other way round.
    WrongIdType,
    /// The tap ends, as a server that crashes.
    Crash,
}

impl What {
    /// Every fault with its name; the time of the first one is an example.
    pub const ALL: &[(&str, Self)] = &[
        ("slow-first-byte", Self::SlowFirstByte(1_000)),
        ("truncated-stream", Self::TruncatedStream),
        ("duplicate-answer", Self::DuplicateAnswer),
        ("no-answer", Self::NoAnswer),
        ("lost-session", Self::LostSession),
        ("damaged-header", Self::DamagedHeader),
        ("unauthorized", Self::Unauthorized),
        ("unavailable", Self::Unavailable),
        ("stray-output", Self::StrayOutput),
        ("wrong-id-type", Self::WrongIdType),
        ("crash", Self::Crash),
    ];

    /// Whether it can happen to a client that is reached over HTTP, or else over pipes.
    pub fn can_happen(self, is_http: bool) -> bool {
        match self {
            Self::LostSession | Self::DamagedHeader | Self::Unauthorized | Self::Unavailable => is_http,
            Self::StrayOutput => !is_http,
            _ => true,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let is_same = |other: &Self| std::mem::discriminant(other) == std::mem::discriminant(&self);
        Self::ALL.iter().find(|(_, what)| is_same(what)).map_or("", |(name, _)| *name)
    }
}
