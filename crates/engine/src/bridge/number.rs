//! The numbers by which the rooms of a bridge name things to each other.

use ring::digest::{Context, SHA256};

/// Who stands between the legs for a call or a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pair {
    /// Both legs speak one era.
    Same,
    /// A legacy client, a modern server.
    Up,
    /// A modern client, a legacy server.
    Down,
    /// The question which era the server speaks.
    Detect,
}

/// A client's request that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(pub u64);

/// A legacy session of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionNo(pub u64);

/// A request to the server that waits for its answer, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallNo {
    /// Its number, never used twice.
    pub n: u64,
    /// Who hears of it.
    pub pair: Pair,
}

/// A conversation with the server: a process, a legacy session, or all modern requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkNo(pub u64);

/// Who asks: a digest of the credentials that came with a request, the same for requests without any.
///
/// It has no key, so that it stays the same whatever keys a [`Seal`](super::seal::Seal) has; it never leaves the
/// process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(pub [u8; 16]);

impl Principal {
    /// Who shows these credentials; of empty ones everybody who shows none.
    pub fn of(credentials: &[&[u8]]) -> Self {
        if credentials.iter().all(|credential| credential.is_empty()) {
            return Self::default();
        }
        let mut digest = Context::new(&SHA256);
        for credential in credentials {
            digest.update(&(credential.len() as u64).to_be_bytes());
            digest.update(credential);
        }
        Self(digest.finish().as_ref().first_chunk().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_tell_principals_apart() {
        let of = Principal::of;
        assert_eq!(of(&[b"Bearer a", b""]), of(&[b"Bearer a", b""]));
        assert_ne!(of(&[b"Bearer a", b""]), of(&[b"Bearer b", b""]));
        assert_ne!(of(&[b"a", b""]), of(&[b"", b"a"]));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b"a"]), Principal::default());
        assert_eq!(of(&[]), of(&[b"", b""]));
    }
}
