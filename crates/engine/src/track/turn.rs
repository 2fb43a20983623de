//! Who has each exchange in hand, as messages come and pass on.

use tapgate_wire::record::Hand;
use tapgate_wire::shape::Member;
use tapgate_wire::{Leg, Nanos, Shape, StreamId};

use super::request::began;
use super::split::{Shift, Split};
use super::{Part, Tracker};
use crate::ledger::Ledger;

/// Messages that wait to be told as passed on; of more, the oldest counts as passed when something follows it.
const MAX_PASSING: usize = 256;

/// So many exchanges deep may one be asked inside of another and still move the outer one's clock.
const MAX_DEPTH: usize = 16;

impl Tracker {
    /// All that was heard of one direction before is with its receiver.
    pub(crate) fn passed(&mut self, stream: Option<StreamId>, from: Leg, at: Nanos, ledger: &mut Ledger<'_>) {
        if self.passing.is_empty() {
            return;
        }
        let mut passed = Vec::new();
        self.passing.retain(|(on, by, n)| {
            let is_passed = (*on, *by) == (stream, from);
            if is_passed {
                passed.push(*n);
            }
            !is_passed
        });
        for n in passed {
            let shift = self.open.get_mut(&n).and_then(|call| call.split.pass(at, from));
            if let Some(shift) = shift {
                self.follow(n, at, shift, ledger);
            }
        }
    }

    /// A request came: from its first byte it is on its way, from its last tapgate has it.
    pub(super) fn begin(&mut self, n: u64, part: Part<'_>, ledger: &mut Ledger<'_>) {
        let Some(call) = self.open.get(&n) else { return };
        let (parent, opened) = (call.exchange.parent, call.exchange.opened);
        let then = match part.from {
            Leg::Client => Hand::Server,
            Leg::Server if is_for_a_person(&call.exchange.method) => Hand::Person,
            Leg::Server => Hand::Client,
        };
        if let Some(parent) = parent {
            self.shift(parent, opened, Shift { was: None, is: Some(Hand::Wire), proved: None }, ledger);
        }
        self.hand_over(n, part, then, ledger);
    }

    /// A further round of a request came.
    pub(super) fn go_on(&mut self, n: u64, part: Part<'_>, ledger: &mut Ledger<'_>) {
        self.turn(n, began(part), ledger, |split| split.give(began(part), Hand::Wire));
        self.hand_over(n, part, Hand::Server, ledger);
    }

    /// tapgate has read a message of an exchange to its end; when it is passed on, the exchange is in the hand of `then`.
    pub(super) fn hand_over(&mut self, n: u64, part: Part<'_>, then: Hand, ledger: &mut Ledger<'_>) {
        self.turn(n, part.last, ledger, |split| split.hold(part.last, part.from, then));
        if self.passing.len() >= MAX_PASSING {
            self.passing.pop_front();
        }
        self.passing.push_back((part.via.stream, part.from, n));
    }

    /// tapgate does something on purpose to the answer of an exchange: until that comes, the time is nobody else's.
    pub(crate) fn hold_back(&mut self, n: u64, at: Nanos, ledger: &mut Ledger<'_>) {
        self.turn(n, at, ledger, |split| split.give(at, Hand::Injected));
    }

    /// What was asked inside of an exchange was answered: once that is passed on, the exchange is where it was.
    pub(super) fn give_back(&mut self, n: u64, part: Part<'_>, ledger: &mut Ledger<'_>) {
        let Some(then) = self.open.get(&n).map(|call| call.split.own()) else { return };
        self.hand_over(n, part, then, ledger);
    }

    /// An exchange that was asked inside of exchange `n` came into another hand.
    pub(super) fn shift(&mut self, n: u64, at: Nanos, inner: Shift, ledger: &mut Ledger<'_>) {
        self.turn(n, at, ledger, |split| split.shift(at, inner));
    }

    /// Moves the clock of an exchange, and of those that it was asked in.
    pub(super) fn turn(
        &mut self,
        n: u64,
        at: Nanos,
        ledger: &mut Ledger<'_>,
        step: impl FnOnce(&mut Split) -> Shift,
    ) {
        if let Some(call) = self.open.get_mut(&n) {
            let shift = step(&mut call.split);
            self.follow(n, at, shift, ledger);
        }
    }

    /// Lets the exchanges around `n` know that it came into another hand.
    fn follow(&mut self, mut n: u64, at: Nanos, mut shift: Shift, ledger: &mut Ledger<'_>) {
        for _ in 0..MAX_DEPTH {
            if shift.was == shift.is && shift.proved.is_none() {
                return;
            }
            let Some(call) = self.open.get_mut(&n) else { return };
            if ledger.limits.settle > 0 {
                call.touch(at, ledger);
            }
            let Some(parent) = call.exchange.parent else { return };
            let Some(outer) = self.open.get_mut(&parent) else { return };
            shift = outer.split.shift(at, shift);
            n = parent;
        }
    }
}

/// Whether a client asks a person before it answers such a request.
fn is_for_a_person(method: &[u8]) -> bool {
    matches!(method, b"elicitation/create" | b"sampling/createMessage")
}

/// Who has to act on a result that asks for input: a person, if one of the requests is for one.
///
/// Spec 2026-07-28, patterns/mrtr: `inputRequests` holds requests by name, each with its method.
pub(super) fn asks_a_person(shape: &Shape) -> Hand {
    let raw = shape.raw(Member::InputRequests).map(AsRef::as_ref).unwrap_or_default();
    let names = |method: &[u8]| raw.windows(method.len()).any(|piece| piece == method);
    // A quote inside of a text is escaped, so these bytes are a whole text.
    let is_asked = names(br#""elicitation/create""#) || names(br#""sampling/createMessage""#);
    if is_asked { Hand::Person } else { Hand::Client }
}
