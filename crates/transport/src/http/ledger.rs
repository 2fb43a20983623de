//! What one worker tells the witness; it wakes the observer only after the bytes went on.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body::Frame;
use tapgate_wire::stream::Ending;
use tapgate_wire::{Chunk, Leg, Nanos, StreamId};

use super::keep;
use crate::clock::Clock;
use crate::queue::{Alarm, Witness};
use crate::seen::Seen;

/// How many stream ids a worker takes at a time, so that workers do not wait for each other's cache line.
const BLOCK: u64 = 1024;

/// The next free block of stream ids of this process. Small ids are left to the stdio taps.
static NEXT_BLOCK: AtomicU64 = AtomicU64::new(1 << 20);

/// Tells events before their bytes pass, so that no other worker can tell the answer earlier, and wakes the
/// observer once, at the end of a connection's turn.
pub(super) struct Ledger {
    witness: Witness,
    clock: Clock,
    alarm: RefCell<Option<Alarm>>,
    next: Cell<u64>,
    turn: Cell<Option<Nanos>>,
    /// The directions whose bytes were told in this turn.
    passing: RefCell<Vec<(StreamId, Leg)>>,
}

impl Ledger {
    pub(super) fn new(witness: Witness, clock: Clock) -> Self {
        Self {
            witness,
            clock,
            alarm: RefCell::default(),
            next: Cell::new(0),
            turn: Cell::new(None),
            passing: RefCell::default(),
        }
    }

    /// The time of this turn: the clock is read once between two [`Ledger::flush`]es.
    pub(super) fn now(&self) -> Nanos {
        self.turn.get().unwrap_or_else(|| {
            let now = self.clock.now();
            self.turn.set(Some(now));
            now
        })
    }

    /// An id that no other stream of this process has.
    pub(super) fn next_stream(&self) -> StreamId {
        let mut next = self.next.get();
        if next.is_multiple_of(BLOCK) {
            next = NEXT_BLOCK.fetch_add(BLOCK, Ordering::Relaxed);
        }
        self.next.set(next + 1);
        StreamId(next)
    }

    pub(super) fn tell(&self, seen: Seen) {
        if let Some(alarm) = self.witness.see_first(seen) {
            self.alarm.replace(Some(alarm));
        }
    }

    /// Notes that something of a direction was told in this turn.
    fn passes(&self, stream: StreamId, from: Leg) {
        let mut passing = self.passing.borrow_mut();
        if passing.last() != Some(&(stream, from)) {
            passing.push((stream, from));
        }
    }

    /// Tells what passed and wakes the observer, if it sleeps; called at the end of a turn, when its bytes are with the
    /// sockets, or wait in a small buffer for one that takes no more.
    pub(super) fn flush(&self) {
        let mut passing = self.passing.borrow_mut();
        if !passing.is_empty() {
            let at = self.clock.now();
            for (stream, from) in passing.drain(..) {
                self.tell(Seen::Passed { stream, from, at });
            }
        }
        self.turn.set(None);
        drop(self.alarm.take());
    }
}

/// Tells what passes in one direction of a stream, and once how it ended.
pub(super) struct Watch {
    ledger: Rc<Ledger>,
    stream: StreamId,
    from: Leg,
    open: bool,
}

impl Watch {
    pub(super) fn new(ledger: Rc<Ledger>, stream: StreamId, from: Leg) -> Self {
        Self { ledger, stream, from, open: true }
    }

    pub(super) fn saw(&self, frame: &Frame<Bytes>) {
        if let Some(bytes) = frame.data_ref() {
            let chunk = Chunk { at: self.ledger.now(), bytes: keep::piece(bytes) };
            self.ledger.tell(Seen::Bytes { stream: self.stream, from: self.from, chunk });
            self.ledger.passes(self.stream, self.from);
        }
    }

    pub(super) fn end(&mut self, how: Ending) {
        if std::mem::replace(&mut self.open, false) {
            let at = self.ledger.now();
            // A body is a message only when it ends.
            if how == Ending::Clean {
                self.ledger.passes(self.stream, self.from);
            }
            self.ledger.tell(Seen::Closed { stream: self.stream, from: self.from, at, how });
        }
    }
}

/// Nobody wants the rest.
impl Drop for Watch {
    fn drop(&mut self) {
        self.end(Ending::Abandoned);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::*;
    use crate::queue::queue;

    #[test]
    fn streams_of_two_workers_never_share_an_id() {
        let (witness, _observer) = queue(1 << 20);
        let ledgers = [Ledger::new(witness.clone(), Clock::start()), Ledger::new(witness, Clock::start())];
        let ids: HashSet<u64> =
            (0..5000).flat_map(|_| ledgers.iter().map(|ledger| ledger.next_stream().0)).collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn what_was_told_in_a_turn_is_told_as_passed_at_its_end_once_for_each_direction() {
        let (witness, mut observer) = queue(1 << 20);
        let ledger = Rc::new(Ledger::new(witness, Clock::start()));
        let mut asks = Watch::new(Rc::clone(&ledger), StreamId(1), Leg::Client);
        for piece in ["a", "b"] {
            asks.saw(&Frame::data(Bytes::from(piece)));
        }
        asks.end(Ending::Clean);
        ledger.flush();
        ledger.flush();
        let mut batch = Vec::new();
        observer.recv_batch(&mut batch, Duration::ZERO);
        let words: Vec<_> = batch
            .into_iter()
            .map(|seen| match seen {
                Seen::Bytes { .. } => "bytes",
                Seen::Closed { .. } => "closed",
                Seen::Passed { stream: StreamId(1), from: Leg::Client, .. } => "passed",
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(words, ["bytes", "bytes", "closed", "passed"]);
    }

    #[test]
    fn a_direction_ends_once_and_a_dropped_one_was_abandoned() {
        let (witness, mut observer) = queue(1 << 20);
        let ledger = Rc::new(Ledger::new(witness, Clock::start()));
        let mut ended = Watch::new(Rc::clone(&ledger), StreamId(1), Leg::Client);
        ended.end(Ending::Clean);
        ended.end(Ending::Cut);
        drop(ended);
        drop(Watch::new(Rc::clone(&ledger), StreamId(2), Leg::Server));
        ledger.flush();
        let mut batch = Vec::new();
        observer.recv_batch(&mut batch, Duration::ZERO);
        let endings: Vec<_> = batch
            .into_iter()
            .filter_map(|seen| match seen {
                Seen::Closed { stream, how, .. } => Some((stream.0, how)),
                Seen::Passed { .. } => None,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(endings, [(1, Ending::Clean), (2, Ending::Abandoned)]);
    }
}
