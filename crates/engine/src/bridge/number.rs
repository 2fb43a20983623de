//! The numbers by which the rooms of a bridge name things to each other.

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

/// Who asks: a keyed digest of the credentials that came with a request, the same for requests without any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(pub [u8; 16]);
