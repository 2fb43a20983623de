//! The bounded queue between the edges, which must never wait, and the observer, which may.
//!
//! Many [`Witness`]es push, one [`Observer`] takes.
//! The queue is a `Vec` behind a mutex that is held for the time of one push or of one swap of two `Vec`s,
//! tens of nanoseconds; the observer reads, frames and drops what it took outside of it.
//! So a slow observer does not hold a lock, it only finds more at its next turn, or learns that something was lost.
//!
//! Waking a parked thread costs the waker a system call, which a tap cannot afford for each line.
//! While events keep coming the observer therefore waits a few milliseconds for more ([`GATHER`]) before it
//! takes again, and nobody wakes it meanwhile unless the queue is half full; only after such a wait brought
//! nothing it parks, and the next push wakes it.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Uri};
use tapgate_wire::{Leg, Nanos, StreamId};

use crate::seen::Seen;

/// How long a busy observer lets events gather before it takes them.
pub const GATHER: Duration = Duration::from_millis(3);

/// How many events may wait, whatever their size.
pub const MAX_EVENTS: usize = 65_536;

/// How many more small events may wait: those that open or end something, without which an observer
/// would believe that a stream still runs.
const RESERVE: usize = 8_192;

/// So many directions are told apart that lose bytes at the same time; more are one loss of all.
const MAX_LOSSES: usize = 16;

/// What an event costs besides its payload, in bytes: its place in the queue and the keeping of its buffer.
const EVENT_COST: usize = 128;

/// What a field of a head costs besides its name and value.
const FIELD_COST: usize = 104;

/// Pieces of this size on are bulk.
const BULK: usize = 4096;

/// The part of the limit that bulk may take, so that a large result or an endless stream leaves room for the
/// small messages that everybody else exchanges meanwhile.
const BULK_SHARE: usize = 2;

/// A batch that grew beyond this many events gives its memory back once it is small again.
const KEEP_EVENTS: usize = 4_096;

/// Makes a queue that holds at most about `limit_bytes` of payload, counting a fixed cost for each event.
///
/// The observer may hold a batch of the same size besides, so memory is bounded by twice the limit.
/// Pieces of 4 KiB and more may take half of it.
/// Full means: the event is dropped, its bytes are counted, and the observer reads [`Seen::Lost`] in its place.
pub fn queue(limit_bytes: usize) -> (Witness, Observer) {
    let shared = Arc::new(Shared { limit_bytes, waiting: Mutex::default(), woken: Condvar::new() });
    let witness = Witness { end: Arc::new(WitnessEnd { shared: Arc::clone(&shared) }) };
    (witness, Observer { shared, mood: Mood::Idle })
}

/// Tells the observer what passed; cheap to clone, and never waits for anybody.
#[derive(Clone, Debug)]
pub struct Witness {
    end: Arc<WitnessEnd>,
}

impl Witness {
    /// Tells of one event, or drops and counts it when the queue is full or nobody observes any more.
    pub fn see(&self, seen: Seen) {
        drop(self.see_first(seen));
    }

    /// Tells of bytes that are about to pass on; an answer to them can then not be told earlier, whichever thread tells it.
    ///
    /// Telling takes tens of nanoseconds. Waking a sleeping observer takes longer: pass the bytes on, then drop
    /// the alarm, which wakes it. There is none when nobody sleeps.
    #[must_use = "pass the bytes on, then drop this"]
    pub fn see_first(&self, seen: Seen) -> Option<Alarm> {
        let shared = &self.end.shared;
        let payload = payload(&seen);
        let mut waiting = shared.lock();
        if waiting.deaf {
            return None;
        }
        if !waiting.has_room(&seen, payload, shared.limit_bytes) {
            // Without it nothing but a time is unknown.
            if matches!(seen, Seen::Passed { .. }) {
                return None;
            }
            waiting.lose(&seen, payload);
            // The event's memory is freed after the lock is.
            drop(waiting);
            return None;
        }
        waiting.tell_loss();
        waiting.n_bytes += payload + EVENT_COST;
        waiting.n_bulk += if is_bulk(payload) { payload } else { 0 };
        waiting.events.push(seen);
        if !waiting.wants_waking(shared.limit_bytes) {
            return None;
        }
        waiting.parked = Parked::No;
        Some(Alarm { sleeper: Arc::clone(shared) })
    }
}

/// Wakes the sleeping observer when it is dropped.
#[derive(Debug)]
pub struct Alarm {
    sleeper: Arc<Shared>,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.sleeper.woken.notify_one();
    }
}

/// Takes what the witnesses told, in the order in which they told it.
#[derive(Debug)]
pub struct Observer {
    shared: Arc<Shared>,
    mood: Mood,
}

/// What a turn of the observer brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The batch holds at least one event.
    Took,
    /// Nothing came in time; the batch is empty.
    Idle,
    /// Every witness is gone and everything was taken; the batch is empty and will stay so.
    Closed,
}

impl Observer {
    /// Empties `batch` and fills it with everything that waits, at most `timeout` (and [`GATHER`]) later.
    ///
    /// Use the same `batch` again and again: its memory becomes the queue's.
    pub fn recv_batch(&mut self, batch: &mut Vec<Seen>, timeout: Duration) -> Turn {
        batch.clear();
        if batch.capacity() > KEEP_EVENTS {
            batch.shrink_to(KEEP_EVENTS);
        }
        if self.mood == Mood::Busy {
            let waiting = self.shared.wait(Parked::ForMuch, GATHER);
            if take(waiting, batch) == Turn::Took {
                return Turn::Took;
            }
        }
        let waiting = self.shared.wait(Parked::ForAnything, timeout);
        let turn = take(waiting, batch);
        self.mood = if turn == Turn::Took { Mood::Busy } else { Mood::Idle };
        turn
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        let mut waiting = self.shared.lock();
        waiting.deaf = true;
        let events = mem::take(&mut waiting.events);
        drop(waiting);
        drop(events);
    }
}

/// Whether the observer's last turn brought something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Idle,
    Busy,
}

/// What all clones of a witness share; the queue closes when the last one is dropped.
#[derive(Debug)]
struct WitnessEnd {
    shared: Arc<Shared>,
}

impl Drop for WitnessEnd {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.woken.notify_one();
    }
}

#[derive(Debug)]
struct Shared {
    limit_bytes: usize,
    waiting: Mutex<Waiting>,
    woken: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing inside a lock can leave the state half changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a witness wakes the observer, the queue closes, or `timeout` passes.
    fn wait(&self, parked: Parked, timeout: Duration) -> MutexGuard<'_, Waiting> {
        let mut waiting = self.lock();
        waiting.parked = parked;
        if waiting.closed || waiting.wants_waking(self.limit_bytes) {
            waiting.parked = Parked::No;
            return waiting;
        }
        let (mut waiting, _) = self
            .woken
            .wait_timeout_while(waiting, timeout, |waiting| waiting.parked != Parked::No && !waiting.closed)
            .unwrap_or_else(PoisonError::into_inner);
        waiting.parked = Parked::No;
        waiting
    }
}

/// What wakes the observer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Parked {
    /// It does not sleep.
    #[default]
    No,
    /// It lets events gather: only much of them wakes it.
    ForMuch,
    /// It sleeps: the first event wakes it.
    ForAnything,
}

#[derive(Debug, Default)]
struct Waiting {
    events: Vec<Seen>,
    /// Payload and fixed cost of `events`.
    n_bytes: usize,
    /// Payload of those that are bulk.
    n_bulk: usize,
    /// What was dropped since the last event that found room: one of each direction, or one of all.
    losses: Vec<Loss>,
    parked: Parked,
    /// No witness is left.
    closed: bool,
    /// No observer is left.
    deaf: bool,
}

/// Bytes that were dropped.
#[derive(Debug)]
struct Loss {
    since: Nanos,
    n_bytes: u64,
    /// The direction, if all of it is of one.
    of: Option<(StreamId, Leg)>,
}

impl Waiting {
    fn has_room(&self, seen: &Seen, payload: usize, limit_bytes: usize) -> bool {
        if is_turning_point(seen) {
            return self.events.len() < MAX_EVENTS + RESERVE;
        }
        if matches!(seen, Seen::Passed { .. }) {
            return self.events.len() < MAX_EVENTS / 2 && self.n_bytes + EVENT_COST <= limit_bytes;
        }
        let has_room_for_bulk = !is_bulk(payload) || self.n_bulk + payload <= limit_bytes / BULK_SHARE;
        // A single event larger than the limit passes when it is alone, or it could never pass.
        self.events.len() < MAX_EVENTS
            && (self.events.is_empty()
                || has_room_for_bulk && self.n_bytes + payload + EVENT_COST <= limit_bytes)
    }

    fn lose(&mut self, seen: &Seen, payload: usize) {
        let of = match seen {
            Seen::Bytes { stream, from, .. } => Some((*stream, *from)),
            _ => None,
        };
        if let Some(loss) = self.losses.iter_mut().find(|loss| loss.of == of || loss.of.is_none()) {
            loss.n_bytes += payload as u64;
            return;
        }
        let mut loss = Loss { since: at(seen), n_bytes: payload as u64, of };
        if of.is_none() || self.losses.len() >= MAX_LOSSES {
            loss.since = self.losses.first().map_or(loss.since, |first| first.since);
            loss.n_bytes += self.losses.drain(..).map(|loss| loss.n_bytes).sum::<u64>();
            loss.of = None;
        }
        self.losses.push(loss);
    }

    fn tell_loss(&mut self) {
        for Loss { since, n_bytes, of } in self.losses.drain(..) {
            self.events.push(Seen::Lost { at: since, n_bytes, of });
            self.n_bytes += EVENT_COST;
        }
    }

    fn wants_waking(&self, limit_bytes: usize) -> bool {
        match self.parked {
            Parked::No => false,
            // Bulk comes fast, and the sooner it is read the less of it is lost.
            Parked::ForMuch => {
                self.n_bytes > limit_bytes / 2
                    || self.n_bulk > limit_bytes / BULK_SHARE / 4
                    || self.events.len() > MAX_EVENTS / 2
            }
            Parked::ForAnything => !self.events.is_empty() || !self.losses.is_empty(),
        }
    }
}

/// Swaps what waits against the empty `batch`.
fn take(mut waiting: MutexGuard<'_, Waiting>, batch: &mut Vec<Seen>) -> Turn {
    // Whatever was lost last has no later event to be told before.
    waiting.tell_loss();
    mem::swap(&mut waiting.events, batch);
    waiting.n_bytes = 0;
    waiting.n_bulk = 0;
    match (batch.is_empty(), waiting.closed) {
        (false, _) => Turn::Took,
        (true, true) => Turn::Closed,
        (true, false) => Turn::Idle,
    }
}

/// Whether an event is small and says that something began or ended.
fn is_turning_point(seen: &Seen) -> bool {
    match seen {
        Seen::Closed { .. }
        | Seen::Started { .. }
        | Seen::Exited { .. }
        | Seen::Note { .. }
        | Seen::Lost { .. } => true,
        Seen::Asked { .. }
        | Seen::Answered { .. }
        | Seen::Bytes { .. }
        | Seen::Passed { .. }
        | Seen::Stderr { .. } => false,
    }
}

fn at(seen: &Seen) -> Nanos {
    match seen {
        Seen::Asked { at, .. }
        | Seen::Answered { at, .. }
        | Seen::Passed { at, .. }
        | Seen::Closed { at, .. }
        | Seen::Started { at, .. }
        | Seen::Exited { at, .. }
        | Seen::Note { at, .. }
        | Seen::Lost { at, .. } => *at,
        Seen::Bytes { chunk, .. } | Seen::Stderr { chunk, .. } => chunk.at,
    }
}

fn is_bulk(payload: usize) -> bool {
    payload >= BULK
}

/// How many bytes that a peer chose an event keeps in memory.
fn payload(seen: &Seen) -> usize {
    match seen {
        Seen::Asked { head, .. } => uri_bytes(&head.uri) + header_bytes(&head.headers),
        Seen::Answered { head, .. } => header_bytes(&head.headers),
        Seen::Bytes { chunk, .. } | Seen::Stderr { chunk, .. } => chunk.bytes.len(),
        Seen::Note { text, .. } => text.len(),
        Seen::Passed { .. }
        | Seen::Closed { .. }
        | Seen::Started { .. }
        | Seen::Exited { .. }
        | Seen::Lost { .. } => 0,
    }
}

fn uri_bytes(uri: &Uri) -> usize {
    uri.authority().map_or(0, |authority| authority.as_str().len())
        + uri.path_and_query().map_or(0, |path| path.as_str().len())
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD_COST).sum()
}

#[cfg(test)]
mod tests;
