//! Where tracking takes numbers and leaves facts.

use std::collections::VecDeque;

use tapgate_wire::Nanos;

use crate::fact::Fact;
use crate::input::Action;
use crate::limits::Limits;

/// The last numbers that were given out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    pub(crate) session: u64,
    pub(crate) exchange: u64,
    pub(crate) message: u64,
}

/// What is to be looked at again, in the order of time: every queue has one constant delay.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agenda {
    /// Sessions with an open exchange whose last change was not told yet.
    pub(crate) untold: VecDeque<(Nanos, u64, u64)>,
    /// Sessions that remember closed exchanges.
    pub(crate) remembering: VecDeque<(Nanos, u64)>,
}

/// What a session needs from its source while it hears one input.
pub(crate) struct Ledger<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) numbers: &'a mut Numbers,
    pub(crate) agenda: &'a mut Agenda,
    pub(crate) actions: &'a mut Vec<Action>,
}

impl Ledger<'_> {
    pub(crate) fn tell(&mut self, fact: Fact) {
        self.actions.push(Action::Record(fact));
    }

    pub(crate) fn next_exchange(&mut self) -> u64 {
        self.numbers.exchange += 1;
        self.numbers.exchange
    }

    pub(crate) fn next_message(&mut self) -> u64 {
        self.numbers.message += 1;
        self.numbers.message
    }
}
