//! What a client asked before it started the server again: another process recorded it.

use bytes::Bytes;
use tapgate_wire::Message;

/// The end of the session before.
#[derive(Clone, Debug)]
pub struct Past {
    /// Name and version of its client; what another client asks is no repetition.
    pub client: (Bytes, Bytes),
    /// What got no answer in it, oldest first.
    pub failed: Vec<Failed>,
}

/// A request that got no answer.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The request, as it was sent.
    pub request: Message,
    /// The row in the journal of the exchange that it belongs to, or of the first that it repeats.
    pub root: i64,
    /// How often it had been repeated.
    pub n_retries: u32,
}
