//! What a writer remembers: which row stands for which number of this process, and where content is.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use bytes::Bytes;
use rusqlite::Connection;

/// So many closed sessions and exchanges are remembered, for what comes late.
const CLOSED_KEPT: usize = 16_384;

/// Most sessions or exchanges that are remembered at once; further ones are not recorded.
const MOST_OPEN: usize = 1 << 18;

/// Most runs of messages that are remembered; a run is 24 bytes, and one writer alone makes one run.
const MOST_RUNS: usize = 1 << 14;

/// Most contents whose place is remembered.
const MOST_CONTENTS: usize = 4096;

/// Most small contents that are remembered by their bytes, and how small they are.
const MOST_SMALL: usize = 512;
const SMALL: usize = 1024;

/// The first half of BLAKE3 of a content.
pub(super) type Digest = [u8; 16];

/// A map of our own numbers, which count up: no peer chooses them, so spreading them is enough.
pub(super) type ByNumber<T> = HashMap<u64, T, BuildHasherDefault<Spread>>;

/// Multiplies by 2^64 divided by the golden ratio, which spreads consecutive numbers evenly.
#[derive(Debug, Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

/// The row of a session or an exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) id: i64,
    /// Whether the row is there; an id is given away before its row is written.
    pub(super) written: bool,
}

/// The rows of this process's sessions or exchanges, by their number.
#[derive(Debug, Default)]
pub(super) struct Slots {
    by_number: ByNumber<Slot>,
    closed: VecDeque<u64>,
    // All closed numbers up to here may have been forgotten.
    forgotten: Option<u64>,
    // What this transaction did, to take it back if it fails.
    added: Vec<u64>,
    wrote: Vec<u64>,
}

impl Slots {
    /// The slot of `number`, made with the next id if need be; `None` when there is no room or it was forgotten.
    pub(super) fn get_or_add(&mut self, number: u64, next: &mut i64) -> Option<Slot> {
        if let Some(slot) = self.by_number.get(&number) {
            return Some(*slot);
        }
        let forgotten = self.forgotten.is_some_and(|forgotten| number <= forgotten);
        if forgotten || self.by_number.len() >= MOST_OPEN + CLOSED_KEPT {
            return None;
        }
        let slot = Slot { id: *next, written: false };
        *next += 1;
        self.by_number.insert(number, slot);
        self.added.push(number);
        Some(slot)
    }

    /// Notes that the row of `number` is there.
    pub(super) fn mark_written(&mut self, number: u64) {
        if let Some(slot) = self.by_number.get_mut(&number)
            && !slot.written
        {
            slot.written = true;
            self.wrote.push(number);
        }
    }

    /// Notes that no row is certain to be there: another process deleted some.
    pub(super) fn doubt(&mut self) {
        for slot in self.by_number.values_mut() {
            slot.written = false;
        }
    }

    /// Keeps what the transaction did, and forgets the oldest of what is closed.
    pub(super) fn commit(&mut self, closed: &[u64]) {
        self.added.clear();
        self.wrote.clear();
        self.closed.extend(closed.iter().copied());
        while self.closed.len() > CLOSED_KEPT
            && let Some(number) = self.closed.pop_front()
        {
            self.by_number.remove(&number);
            self.forgotten = self.forgotten.max(Some(number));
        }
    }

    /// Takes back what the transaction did.
    pub(super) fn roll_back(&mut self) {
        for number in self.wrote.drain(..) {
            if let Some(slot) = self.by_number.get_mut(&number) {
                slot.written = false;
            }
        }
        for number in self.added.drain(..) {
            self.by_number.remove(&number);
        }
    }
}

/// The rows of this process's messages: runs in which number and row count up together.
#[derive(Debug, Default)]
pub(super) struct Runs {
    // First number of a run, its row, and how long the run is.
    runs: BTreeMap<u64, (i64, u64)>,
    added: Vec<u64>,
}

impl Runs {
    pub(super) fn get(&self, number: u64) -> Option<i64> {
        let (first, (row, length)) = self.runs.range(..=number).next_back()?;
        let offset = number - first;
        (offset < *length).then(|| row + offset as i64)
    }

    pub(super) fn add(&mut self, number: u64, id: i64) {
        self.added.push(number);
        self.insert(number, id);
    }

    fn insert(&mut self, number: u64, id: i64) {
        if let Some((first, (row, length))) = self.runs.range_mut(..=number).next_back() {
            if number == first + *length && id == *row + *length as i64 {
                *length += 1;
                return;
            }
            // A number that comes twice stands for what came first.
            if number < first + *length {
                return;
            }
        }
        self.runs.insert(number, (id, 1));
    }

    pub(super) fn commit(&mut self) {
        self.added.clear();
        while self.runs.len() > MOST_RUNS {
            self.runs.pop_first();
        }
    }

    pub(super) fn roll_back(&mut self) {
        // Numbers grow, so what the transaction added is the end of the map.
        let Some(first) = self.added.iter().min().copied() else {
            return;
        };
        self.added.clear();
        self.runs.split_off(&first);
        if let Some((start, (_, length))) = self.runs.iter_mut().next_back() {
            *length = (*length).min(first - start);
        }
    }
}

/// Where content is that was written or met lately.
#[derive(Debug, Default)]
pub(super) struct Contents {
    by_digest: HashMap<Digest, i64>,
    // The heads of the day: finding one by its bytes is faster than to digest it.
    small: HashMap<Bytes, i64>,
    // References that this transaction adds to rows that were there.
    more: ByNumber<i64>,
}

impl Contents {
    /// The row that holds `bytes`, made if there is none.
    pub(super) fn store(&mut self, connection: &Connection, bytes: &Bytes) -> rusqlite::Result<i64> {
        if let Some(id) = self.small.get(bytes) {
            *self.more.entry(*id as u64).or_default() += 1;
            return Ok(*id);
        }
        let id = self.by_digest(connection, bytes)?;
        if bytes.len() <= SMALL {
            if self.small.len() >= MOST_SMALL {
                self.small.clear();
            }
            // A copy, because the bytes may be a slice of something large.
            self.small.insert(Bytes::copy_from_slice(bytes), id);
        }
        Ok(id)
    }

    fn by_digest(&mut self, connection: &Connection, bytes: &[u8]) -> rusqlite::Result<i64> {
        let mut digest = Digest::default();
        for (to, from) in digest.iter_mut().zip(blake3::hash(bytes).as_bytes()) {
            *to = *from;
        }
        if let Some(id) = self.by_digest.get(&digest) {
            *self.more.entry(*id as u64).or_default() += 1;
            return Ok(*id);
        }
        let mut statement = connection.prepare_cached(
            "INSERT INTO content (digest, refs, bytes) VALUES (?1, 1, ?2)
             ON CONFLICT (digest) DO UPDATE SET refs = refs + 1 RETURNING id",
        )?;
        let id = statement.query_row((&digest, bytes), |row| row.get(0))?;
        if self.by_digest.len() >= MOST_CONTENTS {
            self.by_digest.clear();
        }
        self.by_digest.insert(digest, id);
        Ok(id)
    }

    /// Writes the references that were added to rows that were there.
    pub(super) fn write_references(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached("UPDATE content SET refs = refs + ?2 WHERE id = ?1")?;
        for (id, n_more) in self.more.drain() {
            statement.execute((id as i64, n_more))?;
        }
        Ok(())
    }

    /// Forgets all places: another process deleted some, or a transaction failed.
    pub(super) fn forget(&mut self) {
        self.by_digest.clear();
        self.small.clear();
        self.more.clear();
    }
}

/// All that a writer remembers of one journal.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The journal that all this is about.
    pub(super) journal: Option<i64>,
    pub(super) source: Option<i64>,
    pub(super) generation: i64,
    pub(super) sessions: Slots,
    pub(super) exchanges: Slots,
    pub(super) messages: Runs,
    pub(super) contents: Contents,
}

impl Known {
    pub(super) fn roll_back(&mut self) {
        self.sessions.roll_back();
        self.exchanges.roll_back();
        self.messages.roll_back();
        self.contents.forget();
    }

    /// Notes that rows were deleted since the last look.
    pub(super) fn doubt(&mut self, generation: i64) {
        self.generation = generation;
        self.sessions.doubt();
        self.contents.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_in_sequence_are_one_run() {
        let mut runs = Runs::default();
        for n in 1..=1000 {
            runs.add(n, n as i64 + 70);
        }
        runs.commit();
        assert_eq!(runs.runs.len(), 1);
        runs.add(1001, 2000);
        runs.add(1003, 2001);
        let found = [0, 1, 1000, 1001, 1002, 1003, 1004].map(|n| runs.get(n));
        assert_eq!(found, [None, Some(71), Some(1070), Some(2000), None, Some(2001), None]);
    }

    #[test]
    fn a_failed_transaction_leaves_no_trace_in_what_is_known() {
        let mut known = Known::default();
        let mut next = 1;
        known.exchanges.get_or_add(1, &mut next);
        known.exchanges.commit(&[]);
        known.messages.add(1, 1);
        known.messages.commit();

        known.exchanges.get_or_add(2, &mut next);
        known.exchanges.mark_written(1);
        known.messages.add(2, 2);
        known.messages.add(4, 3);
        known.roll_back();

        assert_eq!([1, 2, 4].map(|n| known.messages.get(n)), [Some(1), None, None]);
        let mut again = 7;
        assert_eq!(known.exchanges.get_or_add(2, &mut again).map(|slot| slot.id), Some(7));
        assert_eq!(known.exchanges.get_or_add(1, &mut again).map(|slot| slot.written), Some(false));
    }

    #[test]
    fn memory_of_closed_exchanges_is_bounded() {
        let mut slots = Slots::default();
        let mut next = 1;
        let n = CLOSED_KEPT as u64 + 100;
        for number in 0..n {
            slots.get_or_add(number, &mut next);
        }
        slots.commit(&(0..n).filter(|number| *number != 5).collect::<Vec<_>>());
        assert_eq!(slots.by_number.len(), CLOSED_KEPT + 1);
        assert_eq!(slots.get_or_add(5, &mut next).map(|slot| slot.id), Some(6), "an open one is kept");
        assert!(slots.get_or_add(50, &mut next).is_none(), "a forgotten one gets no second row");
    }

    #[test]
    fn memory_of_runs_is_bounded() {
        let mut runs = Runs::default();
        for n in 0..2 * MOST_RUNS as u64 {
            runs.add(n * 2, n as i64);
        }
        runs.commit();
        assert_eq!(runs.runs.len(), MOST_RUNS);
        assert_eq!(runs.get(0), None);
    }
}
