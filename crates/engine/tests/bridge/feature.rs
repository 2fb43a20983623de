//! What a feature does between two peers.

use super::stage::{Kind, Stage};

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// As if the peers spoke alike.
    Passed,
    /// It works, but something is said in other words.
    Lossy(&'static str),
    /// It cannot be said at all, and gets its documented error.
    Impossible(&'static str),
    /// One of the peers' revisions has no such thing.
    Absent,
    /// It should work.
    Failed(String),
}

/// One row of what bridges are asked for.
pub(crate) struct Feature {
    pub(crate) name: &'static str,
    /// Whether both revisions have it.
    pub(crate) is_there: fn(Kind, Kind) -> bool,
    pub(crate) run: fn(&mut Stage) -> Outcome,
}

impl Feature {
    pub(crate) fn between(&self, client: Kind, server: Kind) -> Outcome {
        if !(self.is_there)(client, server) {
            return Outcome::Absent;
        }
        let mut stage = Stage::new(client, server);
        let outcome = (self.run)(&mut stage);
        let faults = stage.faults();
        match (outcome, faults.is_empty()) {
            (Outcome::Failed(why), false) => Outcome::Failed(format!("{why}; {faults:?}")),
            (_, false) => Outcome::Failed(format!("{faults:?}")),
            (outcome, true) => outcome,
        }
    }
}

/// `Passed` if it holds, or what is wrong.
pub(crate) fn holds(holds: bool, what: impl std::fmt::Debug) -> Outcome {
    if holds { Outcome::Passed } else { Outcome::Failed(format!("{what:?}")) }
}
