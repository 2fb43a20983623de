//! What is due when.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tapgate_wire::Nanos;

use crate::bridge::number::{CallNo, Port, SessionNo};

/// Something that waits for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Due {
    /// A request: what its client was asked expires, or it is made again.
    Request(Port),
    /// The stream of a session's subscriptions is opened again, or given up.
    Listen(SessionNo),
    /// The server does not say who it is.
    Greet(SessionNo),
    /// The list of tools is not waited for any longer.
    Learn,
    /// That a task is cancelled which nobody follows is not waited for any longer.
    Leave(CallNo),
    /// A kept answer is not kept any longer.
    Forget(u64),
}

/// One appointment for each thing at most.
#[derive(Debug, Default)]
pub(super) struct Diary {
    times: HashMap<Due, Nanos>,
    order: BTreeSet<(Nanos, Due)>,
}

impl Diary {
    /// Makes an appointment; an earlier one for the same thing is off.
    pub(super) fn set(&mut self, due: Due, at: Nanos) {
        self.clear(due);
        self.times.insert(due, at);
        self.order.insert((at, due));
    }

    /// Whether there is one.
    pub(super) fn has(&self, due: Due) -> bool {
        self.times.contains_key(&due)
    }

    /// Calls the appointment off, if there is one.
    pub(super) fn clear(&mut self, due: Due) {
        if let Some(at) = self.times.remove(&due) {
            self.order.remove(&(at, due));
        }
    }

    /// Takes an appointment whose time has come.
    pub(super) fn take(&mut self, now: Nanos) -> Option<Due> {
        let &(at, due) = self.order.first()?;
        if at > now {
            return None;
        }
        self.clear(due);
        Some(due)
    }

    /// When the first one is due.
    pub(super) fn next(&self) -> Option<Nanos> {
        self.order.first().map(|(at, _)| *at)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}

/// The time `wait` after `now`.
pub(super) fn after(now: Nanos, wait: Duration) -> Nanos {
    Nanos(now.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
}

/// How long to wait before the next try when `n_before` tries were made: doubles between the two bounds.
pub(super) fn backoff((first, longest): (Duration, Duration), n_before: usize) -> Duration {
    let doublings = u32::try_from(n_before).unwrap_or(u32::MAX).min(30);
    first.saturating_mul(1 << doublings).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_appointment_replaces_the_earlier_one() {
        let mut diary = Diary::default();
        let due = Due::Request(Port(1));
        diary.set(due, Nanos(10));
        diary.set(due, Nanos(30));
        diary.set(Due::Listen(SessionNo(1)), Nanos(20));
        assert_eq!(diary.next(), Some(Nanos(20)));
        assert_eq!(diary.take(Nanos(19)), None);
        assert_eq!(diary.take(Nanos(40)), Some(Due::Listen(SessionNo(1))));
        assert_eq!(diary.take(Nanos(40)), Some(due));
        assert_eq!((diary.take(Nanos(40)), diary.len()), (None, 0));
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let bounds = (Duration::from_millis(200), Duration::from_secs(1));
        let waits: Vec<u128> = [0, 1, 2, 3, 99].iter().map(|n| backoff(bounds, *n).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1000, 1000]);
    }
}
