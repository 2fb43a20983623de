//! Appointments: one moment for each thing that waits for one.

use std::collections::{BTreeMap, BTreeSet};

use tapgate_wire::Nanos;

use crate::bridge::number::LinkNo;

/// What an appointment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum For {
    /// An exchange: the end of its collecting, of its suspension, of the pause before it listens again.
    Exchange(u64),
    /// A link that nobody uses.
    Link(LinkNo),
}

/// All appointments, soonest first.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    due: BTreeSet<(Nanos, For)>,
    at: BTreeMap<For, Nanos>,
}

impl Alarms {
    /// Makes an appointment in place of an earlier one for the same.
    pub fn set(&mut self, what: For, at: Nanos) {
        self.clear(what);
        self.due.insert((at, what));
        self.at.insert(what, at);
    }

    /// Calls an appointment off.
    pub fn clear(&mut self, what: For) {
        if let Some(at) = self.at.remove(&what) {
            self.due.remove(&(at, what));
        }
    }

    /// Takes an appointment that is due.
    pub fn take(&mut self, now: Nanos) -> Option<For> {
        let &(_, what) = self.due.first().filter(|(at, _)| *at <= now)?;
        self.clear(what);
        Some(what)
    }

    /// When the next one is.
    pub fn next(&self) -> Option<Nanos> {
        self.due.first().map(|(at, _)| *at)
    }
}
