//! What waits to be written: bounded in bytes and records; full means drop and count.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tapgate_wire::Masked;
use tapgate_wire::record::{Exchange, Message, Record, Session, Source};

use crate::journal::Lost;
use crate::trouble::Trouble;

/// Between two flushes of a busy writer at least this much time passes, so that a flush has much to do.
const FLUSH_EVERY: Duration = Duration::from_millis(50);

/// So many waiting records are written without waiting for the time.
const FLUSH_AT: usize = 4096;

/// Most records in one transaction, so that other processes get their turn.
const BATCH: usize = 8192;

/// What was handed over in one piece.
#[derive(Debug)]
struct Parcel {
    records: Vec<Record>,
    weight: usize,
}

/// What the writer takes to write in one transaction.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// The source's newest state, when there is a new one.
    pub(super) source: Option<Source>,
    /// Records, in the order in which they came.
    pub(super) records: Vec<Vec<Record>>,
    n_records: usize,
    weight: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Parcel>,
    n_waiting: usize,
    // The newest state of the source is never dropped: it is one, so it is bounded anyway.
    source: Option<Source>,
    lost: Lost,
    // What the writer took and has not settled counts until it is settled.
    weight: usize,
    n_records: usize,
    // All that was ever taken in, and all that was ever written or given up.
    taken_in: u64,
    settled: u64,
    asleep: bool,
    urgent: bool,
    closed: bool,
    trouble: Option<Trouble>,
}

/// The queue between the process and its writer.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    to_do: Condvar,
    done: Condvar,
    /// Set when the process wants to end.
    pub(super) stop: Arc<AtomicBool>,
    max_bytes: usize,
    max_records: usize,
}

impl Queue {
    pub(super) fn new(max_bytes: usize, max_records: usize) -> Self {
        Self {
            state: Mutex::default(),
            to_do: Condvar::new(),
            done: Condvar::new(),
            stop: Arc::default(),
            max_bytes,
            max_records,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes records in, or drops and counts them.
    pub(super) fn push(&self, records: Vec<Record>) {
        let weight = records.iter().map(weight).sum::<usize>();
        let source = records.iter().rev().find_map(|record| match record {
            Record::Source(source) => Some(source.clone()),
            _ => None,
        });
        let mut state = self.lock();
        if source.is_some() {
            state.source = source;
        }
        if state.closed
            || state.weight.saturating_add(weight) > self.max_bytes
            || state.n_records.saturating_add(records.len()) > self.max_records
        {
            state.lost.records += records.len() as u64;
            state.lost.bytes += weight as u64;
            return;
        }
        state.weight += weight;
        state.n_records += records.len();
        state.n_waiting += records.len();
        state.taken_in += records.len() as u64;
        state.waiting.push_back(Parcel { records, weight });
        if state.asleep || state.n_waiting >= FLUSH_AT {
            self.to_do.notify_one();
        }
    }

    /// Waits for something to write, at most `wait`, then takes as much as fits one transaction.
    pub(super) fn take(&self, wait: Duration) -> Work {
        let mut state = self.lock();
        state.asleep = true;
        let nothing = |state: &mut State| {
            state.waiting.is_empty() && state.source.is_none() && !self.stop.load(Ordering::Relaxed)
        };
        let waited = self.to_do.wait_timeout_while(state, wait, nothing);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.asleep = false;
        let mut work = Work { source: state.source.take(), ..Work::default() };
        while work.n_records < BATCH
            && let Some(parcel) = state.waiting.pop_front()
        {
            work.n_records += parcel.records.len();
            work.weight += parcel.weight;
            work.records.push(parcel.records);
        }
        state.n_waiting -= work.n_records;
        work
    }

    /// Lets time pass between two flushes, unless much waits or someone waits for a flush.
    pub(super) fn pause(&self) {
        self.pause_for(FLUSH_EVERY, FLUSH_AT);
    }

    /// Lets `wait` pass, unless the process wants to end.
    pub(super) fn back_off(&self, wait: Duration) {
        self.pause_for(wait, usize::MAX);
    }

    fn pause_for(&self, wait: Duration, enough: usize) {
        let resting = |state: &mut State| {
            state.n_waiting < enough
                && !(state.urgent && enough < usize::MAX)
                && !self.stop.load(Ordering::Relaxed)
        };
        drop(self.to_do.wait_timeout_while(self.lock(), wait, resting));
    }

    /// Notes that work is in the journal, or given up and so lost.
    pub(super) fn settle(&self, work: &mut Work, kept: bool) {
        let mut state = self.lock();
        state.weight -= work.weight;
        state.n_records -= work.n_records;
        state.settled += work.n_records as u64;
        if !kept {
            state.lost.records += work.n_records as u64;
            state.lost.bytes += work.weight as u64;
        }
        if state.settled == state.taken_in {
            state.urgent = false;
        }
        drop(state);
        self.done.notify_all();
        // Freeing many records takes a while, in which no one must wait for the lock.
        *work = Work::default();
    }

    /// Counts records that a transaction had to leave out.
    pub(super) fn leave_out(&self, n_records: u64) {
        self.lock().lost.records += n_records;
    }

    /// Notes why recording is off, or that it is on.
    pub(super) fn set_trouble(&self, trouble: Option<Trouble>) {
        self.lock().trouble = trouble;
    }

    /// Ends the queue: all that waits is lost.
    pub(super) fn close(&self, trouble: Option<Trouble>) {
        let mut state = self.lock();
        for parcel in mem::take(&mut state.waiting) {
            state.lost.records += parcel.records.len() as u64;
            state.lost.bytes += parcel.weight as u64;
        }
        state.closed = true;
        if trouble.is_some() {
            state.trouble = trouble;
        }
        drop(state);
        self.done.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.lock().trouble.clone()
    }

    pub(super) fn lost(&self) -> Lost {
        self.lock().lost
    }

    /// Waits until all that was taken in so far is settled; tells whether all of it is in the journal.
    pub(super) fn flush(&self, wait: Duration) -> bool {
        let mut state = self.lock();
        let (goal, lost) = (state.taken_in, state.lost);
        state.urgent = true;
        self.to_do.notify_one();
        let busy = |state: &mut State| state.settled < goal && !state.closed;
        let waited = self.done.wait_timeout_while(state, wait, busy);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.settled >= goal && state.lost == lost
    }

    /// Asks the writer to write the rest and end; tells how many records are not in the journal after `wait`.
    pub(super) fn finish(&self, wait: Duration) -> u64 {
        let state = self.lock();
        let lost = state.lost.records;
        self.stop.store(true, Ordering::Relaxed);
        self.to_do.notify_one();
        let waited = self.done.wait_timeout_while(state, wait, |state| !state.closed);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        // What a writer that is stuck still holds is neither settled nor lost.
        (state.lost.records - lost).max(state.taken_in - state.settled)
    }
}

/// About how much memory a record takes.
fn weight(record: &Record) -> usize {
    let text = |text: &Option<Masked>| text.as_ref().map_or(0, |text| text.bytes().len());
    let inside = match record {
        Record::Source(Source { name, server, .. }) => name.bytes().len() + server.bytes().len(),
        Record::Session(Session { revision, client, server, key, .. }) => {
            let names = [client, server].into_iter().flatten();
            text(revision)
                + text(key)
                + names.map(|(name, version)| name.bytes().len() + version.bytes().len()).sum::<usize>()
        }
        Record::Exchange(exchange) => {
            let Exchange { method, target, rpc_id, error_text, revision, task, findings, messages, .. } =
                exchange;
            let texts = [target, rpc_id, error_text, revision, task].into_iter().map(text).sum::<usize>();
            method.bytes().len() + texts + findings.len() * 16 + messages.len() * 8
        }
        Record::Message(message) => {
            let Message { body, head, event, chunks, faults, hits, .. } = message;
            let lists = chunks.len() * 16 + faults.len() * 24 + hits.len() * 24;
            body.bytes().len() + text(head) + text(event) + lists
        }
        Record::Finding(finding) => finding.subject.bytes().len() + finding.text.bytes().len(),
        Record::Surface(surface) => surface.items.bytes().len(),
    };
    size_of::<Record>() + inside
}
