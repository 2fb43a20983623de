//! How much tracking remembers, and what happens when it is full.

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// The bounds of one source; every one has a named answer to "full".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions that are open at once; when full, the sixteenth that was quiet longest is closed, with [`Forgotten`].
    ///
    /// [`Forgotten`]: crate::Oddity::Forgotten
    pub sessions: usize,
    /// Ended sessions that are kept for late messages; when full, the one that ended first is dropped.
    pub ended_sessions: usize,
    /// HTTP streams that are open at once; when full, the oldest counts as cut.
    pub streams: usize,
    /// Open exchanges of one session; when full, the oldest is closed as unknown, with [`Forgotten`].
    ///
    /// [`Forgotten`]: crate::Oddity::Forgotten
    pub open: usize,
    /// Closed exchanges of one session that are kept for late and second answers; when full, the oldest is dropped.
    pub remembered: usize,
    /// Nanoseconds for which a closed exchange is kept for sure while there is room; at most twice as long.
    pub remembered_for: u64,
    /// Open exchanges of one session that share an id or a progress token; when full, the newest is not paired.
    pub alike: usize,
    /// Failed requests of one session that a retry can follow; when full, the oldest is dropped.
    pub failures: usize,
    /// Nanoseconds after a failure within which the same request counts as its retry.
    pub retry_within: u64,
    /// The same after 401 and 403, when a person may have to log in, and after 429 and 503, when waiting was asked for.
    pub relogin_within: u64,
    /// SSE event ids of one session by which a stream can be resumed; when full, the oldest is dropped.
    pub events: usize,
    /// Bytes of an id, a token or a session id; a longer one is not paired, with [`IdTooLong`].
    ///
    /// [`IdTooLong`]: crate::Oddity::IdTooLong
    pub id: usize,
    /// Bytes that are kept of a name, a target or an error's text; the rest is cut off.
    pub text: usize,
    /// Messages that an exchange lists; later ones name their exchange but are not listed.
    pub listed: usize,
    /// Nanoseconds for which a change of an open exchange waits for the next change before it is told.
    pub settle: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 65_536,
            ended_sessions: 64,
            streams: 65_536,
            open: 4_096,
            remembered: 64,
            remembered_for: 300 * SECOND,
            alike: 16,
            failures: 128,
            retry_within: 60 * SECOND,
            relogin_within: 600 * SECOND,
            events: 256,
            id: 1_024,
            text: 2_048,
            listed: 1_024,
            settle: SECOND / 20,
        }
    }
}
