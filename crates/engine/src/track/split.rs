//! Where the time of one exchange goes: who has it in hand, from its first byte to its last.
//!
//! Time is spent when it is over: each event says who has the exchange from now on, and what lay before it goes to who
//! had it until then. So the parts always add up to the whole. Stamps of two directions may be told a little out of
//! order; the later event is believed, and what was spent too much goes back.

use tapgate_wire::record::{Clock, Hand};
use tapgate_wire::{Leg, Nanos};

/// The split clock of an exchange that is open.
#[derive(Debug)]
pub(crate) struct Split {
    spent: Clock,
    /// Up to when time is spent, and in whose hand it lay just before.
    since: Nanos,
    before: Hand,
    /// In whose hand the exchange is, and since when.
    hand: Hand,
    began: Nanos,
    /// The hand that those who carry this exchange inside of theirs know of.
    told: Hand,
    /// In whose hand its own messages leave it.
    own: Hand,
    /// A message was read and waits to be passed on: who sent it, and in whose hand it then is.
    then: Option<(Leg, Hand)>,
    /// How many exchanges that were asked inside of it are in which hand; a count in place of each time.
    inside: Clock,
    /// Something of it was not seen.
    is_broken: bool,
}

/// In whose hand an exchange was and is, for the exchange in which it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shift {
    pub(crate) was: Option<Hand>,
    pub(crate) is: Option<Hand>,
    /// What looked like tapgate's time was in fact this one's.
    pub(crate) proved: Option<Hand>,
}

impl Split {
    /// The clock of an exchange whose first byte was read now.
    pub(crate) fn new(at: Nanos) -> Self {
        Self {
            spent: Clock::default(),
            since: at,
            before: Hand::Wire,
            hand: Hand::Wire,
            began: at,
            told: Hand::Wire,
            own: Hand::Wire,
            then: None,
            inside: Clock::default(),
            is_broken: false,
        }
    }

    /// The exchange goes into this hand.
    pub(crate) fn give(&mut self, at: Nanos, hand: Hand) -> Shift {
        let proved = self.arrive();
        self.own = hand;
        self.settle(at, proved)
    }

    /// tapgate read a message of `from`; when that is passed on, the exchange is in the hand of `then`.
    pub(crate) fn hold(&mut self, at: Nanos, from: Leg, then: Hand) -> Shift {
        let shift = self.give(at, Hand::Tapgate);
        self.then = Some((from, then));
        shift
    }

    /// What tapgate read from `from` was passed on.
    pub(crate) fn pass(&mut self, at: Nanos, from: Leg) -> Option<Shift> {
        let (_, hand) = self.then.take_if(|(leg, _)| *leg == from)?;
        self.own = hand;
        Some(self.settle(at, None))
    }

    /// In whose hand its own messages leave it, whatever is asked inside.
    pub(crate) fn own(&self) -> Hand {
        self.then.map_or(self.own, |(_, hand)| hand)
    }

    /// An exchange that was asked inside of this one came into another hand.
    pub(crate) fn shift(&mut self, at: Nanos, inner: Shift) -> Shift {
        // Who asks something inside has got the question.
        let mut proved = if inner.was.is_none() { self.arrive() } else { None };
        if let Some(hand) = inner.proved.filter(|_| self.hand == Hand::Tapgate) {
            self.hand = hand;
            proved = Some(hand);
        }
        if let Some(hand) = inner.was {
            let n = part(&mut self.inside, hand);
            *n = n.saturating_sub(1);
        }
        if let Some(hand) = inner.is {
            *part(&mut self.inside, hand) += 1;
        }
        self.settle(at, proved)
    }

    /// The time since the last event was the server's: it worked on a task, and told its end by itself.
    pub(crate) fn was_served(&mut self) {
        if self.hand == Hand::Client && self.own == Hand::Client {
            self.hand = Hand::Server;
        }
    }

    /// Something of it was not seen, so nobody knows where its time went.
    pub(crate) fn break_off(&mut self) {
        self.is_broken = true;
    }

    /// The whole split of an exchange that is over, unless something of it was not seen.
    pub(crate) fn finish(&mut self, at: Nanos) -> (Option<Clock>, Shift) {
        let shift = self.give(at, self.own());
        let is_whole = !self.is_broken && self.since == at;
        (is_whole.then_some(self.spent), Shift { is: None, ..shift })
    }

    /// In whose hand the exchange is, and since when.
    pub(crate) fn in_hand(&self) -> (Hand, Nanos) {
        (self.hand, self.began)
    }

    /// The message that waited to be passed on has arrived, as what follows shows. When exactly was not told, or is told
    /// too late, so all the time since then is counted as the receiver's.
    fn arrive(&mut self) -> Option<Hand> {
        let (_, hand) = self.then.take()?;
        self.own = hand;
        let proved = (self.hand == Hand::Tapgate).then_some(hand);
        self.hand = proved.unwrap_or(self.hand);
        proved
    }

    fn settle(&mut self, at: Nanos, proved: Option<Hand>) -> Shift {
        self.spend(at);
        let is = self.holder();
        if self.hand != is {
            self.hand = is;
            self.began = self.since;
        }
        let was = std::mem::replace(&mut self.told, is);
        Shift { was: Some(was), is: Some(is), proved }
    }

    /// Who has it: a person whom somebody asked before everybody else, then whoever something inside waits for.
    fn holder(&self) -> Hand {
        let Clock { client, tapgate, wire, server, person, injected } = self.inside;
        let order = [
            (person, Hand::Person),
            (injected, Hand::Injected),
            (client, Hand::Client),
            (wire, Hand::Wire),
            (tapgate, Hand::Tapgate),
            (server, Hand::Server),
        ];
        order.into_iter().find(|(n, _)| *n > 0).map_or(self.own, |(_, hand)| hand)
    }

    fn spend(&mut self, at: Nanos) {
        if at >= self.since {
            *part(&mut self.spent, self.hand) += at.since(self.since);
            self.since = at;
        } else {
            let spent = part(&mut self.spent, self.before);
            let back = self.since.since(at).min(*spent);
            *spent -= back;
            self.since = Nanos(self.since.0 - back);
        }
        self.before = self.hand;
    }
}

fn part(clock: &mut Clock, hand: Hand) -> &mut u64 {
    match hand {
        Hand::Client => &mut clock.client,
        Hand::Tapgate => &mut clock.tapgate,
        Hand::Wire => &mut clock.wire,
        Hand::Server => &mut clock.server,
        Hand::Person => &mut clock.person,
        Hand::Injected => &mut clock.injected,
    }
}

#[cfg(test)]
mod tests;
