//! A rule: what can be wrong, whose fault it then is, where that is written, and what to do.

use crate::fault::Severity;
use crate::revision::Revisions;

/// One thing that can be wrong. A finding names its rule by [`Rule::id`].
#[derive(Debug)]
pub struct Rule {
    /// The stable public name: the family, a dot, and what is wrong (`header.missing`).
    pub id: &'static str,
    /// What is wrong, as one sentence for people.
    pub about: &'static str,
    /// Who is at fault, unless a finding knows better.
    pub side: Side,
    /// How much it matters.
    pub severity: Severity,
    /// The revisions in which it is wrong.
    pub revisions: Revisions,
    /// Where that is written: the specification's page and section, or the RFC.
    pub source: &'static str,
    /// What to do, as one sentence that begins with a verb.
    pub fix: &'static str,
    /// Transcripts in which it is found, at least one.
    pub fires: &'static [&'static str],
    /// Transcripts that come close and in which it is not found, at least one.
    pub quiet: &'static [&'static str],
}

/// Who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The client.
    Client,
    /// The server.
    Server,
    /// Something between tapgate and a peer: a network, another proxy.
    Network,
    /// tapgate itself.
    Tapgate,
    /// What was seen does not tell.
    Unknown,
}

impl Side {
    /// Every side, in the order of the manual.
    pub const ALL: &[Self] = &[Self::Client, Self::Server, Self::Network, Self::Tapgate, Self::Unknown];

    /// Its word, the same in views, JSON and the manual.
    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Network => "network",
            Self::Tapgate => "tapgate",
            Self::Unknown => "unknown",
        }
    }
}
