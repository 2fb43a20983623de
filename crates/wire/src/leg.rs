//! The two sides of tapgate.

/// A side of the proxy: the client's or the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leg {
    /// Between the client and tapgate.
    Client,
    /// Between tapgate and the server.
    Server,
}

impl Leg {
    /// The other side.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}
