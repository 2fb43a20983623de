//! The events of one lane that can be said again.

use std::collections::VecDeque;

use bytes::Bytes;
use tapgate_wire::Nanos;

/// Events in the order of their numbers; memory only for what is kept.
#[derive(Debug, Default)]
pub(super) struct Ring {
    kept: VecDeque<Kept>,
    bytes: usize,
    next: u64,
    /// The first event that no stream carried.
    unsent: u64,
}

#[derive(Debug)]
struct Kept {
    number: u64,
    at: Nanos,
    event: Bytes,
}

/// What keeping an event costs; most stand alone in a lane of their own, which costs more than the event.
pub(super) fn size(event: &Bytes) -> usize {
    event.len() + 512
}

impl Ring {
    /// Gives the next event its number.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// The number that the next event will have.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn unsent(&self) -> u64 {
        self.unsent
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Keeps the event that was numbered last.
    pub(super) fn keep(&mut self, at: Nanos, event: Bytes, is_sent: bool) {
        self.bytes += size(&event);
        self.kept.push_back(Kept { number: self.next.saturating_sub(1), at, event });
        if is_sent {
            self.sent();
        }
    }

    /// Says that everything so far was sent.
    pub(super) fn sent(&mut self) {
        self.unsent = self.next;
    }

    /// The kept events from a number on.
    pub(super) fn from(&self, number: u64) -> impl Iterator<Item = Bytes> + '_ {
        let first = self.kept.partition_point(|kept| kept.number < number);
        self.kept.range(first..).map(|kept| kept.event.clone())
    }

    /// Forgets the oldest event; gives the bytes that this freed.
    pub(super) fn evict(&mut self) -> usize {
        let freed = self.kept.pop_front().map_or(0, |kept| size(&kept.event));
        self.bytes -= freed;
        if self.kept.is_empty() {
            self.kept = VecDeque::new();
        }
        freed
    }

    /// Forgets what was sent, or all, if it is at least `age` nanoseconds old; gives the bytes that this freed.
    pub(super) fn forget(&mut self, now: Nanos, age: u64, all: bool) -> usize {
        let mut freed = 0;
        let unsent = if all { u64::MAX } else { self.unsent };
        let is_old = |kept: &Kept| kept.number < unsent && now.since(kept.at) >= age;
        while self.kept.front().is_some_and(is_old) {
            freed += self.evict();
        }
        freed
    }
}
