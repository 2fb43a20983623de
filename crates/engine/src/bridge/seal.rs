//! The envelope of what is given to a peer to be brought back: session ids, `requestState`, cursors, task ids.
//!
//! An envelope is encrypted and authenticated (AES-256-GCM), names its key, and is bound to its purpose, to who
//! asked for it and to a time; what does not open is refused without saying why.
//!
//! ```text
//! version 1 │ key 4 │ nonce 12 │ good until 8 │ content, encrypted │ tag 16
//! ```

mod base64;

use std::fmt;
use std::time::Duration;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use tapgate_wire::Nanos;

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

const VERSION: u8 = 1;
const HEAD: usize = 1 + KEY_ID + NONCE_LEN + 8;
const KEY_ID: usize = 4;

/// The keys: the first one seals, all of them open.
pub struct Seal {
    first: Key,
    older: Vec<Key>,
    /// The nonce of envelope 0; that of envelope n differs in the bits of n.
    nonce: [u8; NONCE_LEN],
    n_sealed: u64,
    tag: u64,
    wall: u64,
}

struct Key {
    id: [u8; KEY_ID],
    cipher: LessSafeKey,
}

impl Seal {
    /// Seals with the first of `keys`; without any, with one of this process alone. `nonce_seed` must be random and
    /// never used by another process with the same keys. `wall` is the time of day in nanoseconds since 1970 at
    /// [`Nanos`] 0.
    pub fn new(keys: &[[u8; 32]], nonce_seed: [u8; 32], wall: u64) -> Self {
        let (first, older) = keys.split_first().unwrap_or((&nonce_seed, &[]));
        Self {
            first: Key::new(first),
            older: older.iter().map(Key::new).collect(),
            nonce: begin(&derive(&nonce_seed, b"tapgate nonce")),
            n_sealed: 0,
            tag: u64::from_be_bytes(begin(&derive(&nonce_seed, b"tapgate process"))),
            wall,
        }
    }

    /// Seals `content` for `principal`; the envelope is URL-safe Base64 without padding (so visible ASCII) and opens
    /// for `age`.
    pub fn seal(
        &mut self,
        now: Nanos,
        purpose: Purpose,
        principal: Principal,
        content: &[u8],
        age: Duration,
    ) -> String {
        let nonce = self.next_nonce();
        let until = self.time(now).saturating_add(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX));
        let mut head = Vec::with_capacity(HEAD + content.len() + 16);
        head.push(VERSION);
        head.extend_from_slice(&self.first.id);
        head.extend_from_slice(&nonce);
        head.extend_from_slice(&until.to_be_bytes());
        let bound = bound(&head, purpose, principal);
        let mut text = content.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        if self.first.cipher.seal_in_place_append_tag(nonce, Aad::from(bound), &mut text).is_err() {
            // AES-GCM refuses nothing shorter than 64 GiB; an envelope that does not open is the safe answer.
            return String::new();
        }
        head.extend_from_slice(&text);
        base64::encode(&head)
    }

    /// Opens an envelope, if it is whole, for this purpose and principal, and not too old.
    pub fn open(
        &self,
        now: Nanos,
        purpose: Purpose,
        principal: Principal,
        envelope: &str,
    ) -> Option<Vec<u8>> {
        let (content, is_good) = self.open_late(now, purpose, principal, envelope)?;
        is_good.then_some(content)
    }

    /// Opens an envelope as [`Seal::open`] does, however old it is; says whether it is still good.
    pub fn open_late(
        &self,
        now: Nanos,
        purpose: Purpose,
        principal: Principal,
        envelope: &str,
    ) -> Option<(Vec<u8>, bool)> {
        let envelope = base64::decode(envelope)?;
        let (head, text) = envelope.split_at_checked(HEAD)?;
        let (version, rest) = head.split_first()?;
        let (key, rest) = rest.split_first_chunk::<KEY_ID>()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>()?;
        let (until, _) = rest.split_first_chunk::<8>()?;
        if *version != VERSION {
            return None;
        }
        let mut keys = std::iter::once(&self.first).chain(&self.older);
        let key = keys.find(|known| known.id == *key)?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let bound = bound(head, purpose, principal);
        let content = key.cipher.open_in_place(nonce, Aad::from(bound), &mut text).ok()?.len();
        text.truncate(content);
        Some((text, self.time(now) < u64::from_be_bytes(*until)))
    }

    /// What tells this process from others that use the same keys.
    pub fn tag(&self) -> u64 {
        self.tag
    }

    /// The time of day in nanoseconds since 1970.
    pub fn time(&self, now: Nanos) -> u64 {
        self.wall.saturating_add(now.0)
    }

    /// Differs from all others of this process, because all counters differ.
    fn next_nonce(&mut self) -> [u8; NONCE_LEN] {
        let mut nonce = self.nonce;
        for (byte, count) in nonce.iter_mut().rev().zip(self.n_sealed.to_le_bytes()) {
            *byte ^= count;
        }
        self.n_sealed += 1;
        nonce
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("n_keys", &(1 + self.older.len())).finish_non_exhaustive()
    }
}

impl Key {
    fn new(key: &[u8; 32]) -> Self {
        let id = begin(&derive(key, b"tapgate key id"));
        #[expect(clippy::expect_used, reason = "a key of 32 bytes is what AES-256 takes")]
        let cipher =
            UnboundKey::new(&AES_256_GCM, &derive(key, b"tapgate seal")).expect("a key has 32 bytes");
        Self { id, cipher: LessSafeKey::new(cipher) }
    }
}

/// What is authenticated besides the content.
fn bound(head: &[u8], purpose: Purpose, principal: Principal) -> Vec<u8> {
    [head, &[purpose as u8], &principal.0].concat()
}

/// A secret of its own for each use of a key.
fn derive(key: &[u8; 32], purpose: &[u8]) -> [u8; 32] {
    begin(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), purpose).as_ref())
}

fn begin<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests;
