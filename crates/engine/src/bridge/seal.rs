//! The envelope of what is given to a peer to be brought back: session ids, `requestState`, cursors, task ids.
//!
//! An envelope is encrypted and authenticated (AES-256-GCM), names its key, and is bound to its purpose, to who
//! asked for it and to a time; what does not open is refused without saying why.

use std::time::Duration;

use super::number::Principal;

/// What an envelope is for; one that was made for something else does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A legacy session id.
    Session,
    /// `requestState`.
    State,
    /// A cursor.
    Cursor,
    /// A task id.
    Task,
}

/// The keys: the first one seals, all of them open.
#[derive(Debug)]
pub struct Seal {}

impl Seal {
    /// Seals with the first of `keys`. `nonce_seed` must be random and never used by another process with the same
    /// keys. `wall` is the time of day in nanoseconds since 1970 at [`Nanos`](tapgate_wire::Nanos) 0.
    pub fn new(keys: &[[u8; 32]], nonce_seed: [u8; 32], wall: u64) -> Self {
        let _ = (keys, nonce_seed, wall);
        Self {}
    }

    /// Seals `content` for `principal`; the envelope is URL-safe Base64 without padding (so visible ASCII) and opens
    /// for `age`.
    pub fn seal(
        &mut self,
        now: tapgate_wire::Nanos,
        purpose: Purpose,
        principal: Principal,
        content: &[u8],
        age: Duration,
    ) -> String {
        let _ = (now, purpose, principal, content, age, &self);
        String::new()
    }

    /// Opens an envelope, if it is whole, for this purpose and principal, and not too old.
    pub fn open(
        &self,
        now: tapgate_wire::Nanos,
        purpose: Purpose,
        principal: Principal,
        envelope: &str,
    ) -> Option<Vec<u8>> {
        let _ = (now, purpose, principal, envelope, &self);
        None
    }

    /// A keyed digest of credentials, the same for the same bytes as long as the first key stays.
    pub fn principal(&self, credentials: &[&[u8]]) -> Principal {
        let _ = (credentials, &self);
        Principal::default()
    }
}
