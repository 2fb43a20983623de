//! Closed exchanges, for what comes too late or twice, and failed requests, for what repeats them.

use std::collections::VecDeque;

use tapgate_wire::{Leg, Nanos};

use super::call::Call;
use super::waiting::Scope;

/// The exchanges that closed last, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    calls: VecDeque<Box<Call>>,
}

impl Memory {
    /// Keeps a closed exchange; says whether it is the first one.
    pub(crate) fn keep(&mut self, call: Box<Call>, room: usize) -> bool {
        let is_first = self.calls.is_empty();
        if self.calls.len() >= room {
            self.calls.pop_front();
        }
        if room > 0 {
            self.calls.push_back(call);
        }
        is_first && room > 0
    }

    /// Drops what closed before `then`; says whether anything is left.
    pub(crate) fn forget_before(&mut self, then: Nanos) -> bool {
        let is_old = |call: &Call| call.exchange.closed.is_none_or(|closed| closed < then);
        while self.calls.front().is_some_and(|call| is_old(call)) {
            self.calls.pop_front();
        }
        if self.calls.is_empty() {
            self.calls = VecDeque::new();
        }
        !self.calls.is_empty()
    }

    pub(crate) fn by_number(&mut self, n: u64) -> Option<&mut Call> {
        self.calls.iter_mut().rev().find(|call| call.n() == n).map(Box::as_mut)
    }

    /// The exchange that closed last with this id; any scope if none is given.
    pub(crate) fn by_id(&mut self, asked_by: Leg, scope: Option<Scope>, id: &[u8]) -> Option<&mut Call> {
        self.newest(|call| {
            call.key.as_ref().is_some_and(|key| {
                key.asked_by == asked_by && scope.is_none_or(|scope| scope == key.scope) && key.id == id
            })
        })
    }

    /// The exchange that closed last with this progress token.
    pub(crate) fn by_token(
        &mut self,
        asked_by: Leg,
        scope: Option<Scope>,
        token: &[u8],
    ) -> Option<&mut Call> {
        self.newest(|call| {
            call.token.as_ref().is_some_and(|key| {
                key.asked_by == asked_by && scope.is_none_or(|scope| scope == key.scope) && key.id == token
            })
        })
    }

    /// The exchange that closed last and was this task.
    pub(crate) fn by_task(&mut self, asked_by: Leg, task: &[u8]) -> Option<&mut Call> {
        self.newest(|call| {
            call.exchange.asked_by == asked_by && call.exchange.task.as_ref().is_some_and(|own| own == task)
        })
    }

    fn newest(&mut self, fits: impl Fn(&Call) -> bool) -> Option<&mut Call> {
        self.calls.iter_mut().rev().find(|call| fits(call)).map(Box::as_mut)
    }
}

/// Requests that failed, oldest first: digest, when, and how often they had been repeated then.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    recent: VecDeque<(u64, Nanos, u32)>,
}

impl Failures {
    pub(crate) fn keep(&mut self, digest: u64, at: Nanos, n_retries: u32, room: usize) {
        if self.recent.len() >= room {
            self.recent.pop_front();
        }
        if room > 0 {
            self.recent.push_back((digest, at, n_retries));
        }
    }

    /// Takes the failure that a request of this digest repeats; gives how often it was repeated now.
    pub(crate) fn take(&mut self, digest: u64, now: Nanos, within: u64) -> Option<u32> {
        while self.recent.front().is_some_and(|(_, at, _)| now.since(*at) > within) {
            self.recent.pop_front();
        }
        let place = self.recent.iter().rposition(|(other, ..)| *other == digest)?;
        self.recent.remove(place).map(|(_, _, n_retries)| n_retries.saturating_add(1))
    }
}
