//! The journal as a recording process sees it: records go in, nothing ever waits or fails.

mod batch;
mod known;
mod queue;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tapgate_wire::record::{Record, UnixNanos};

use crate::home::Home;
use crate::journal::queue::Queue;
use crate::journal::writer::Writer;
use crate::prune::Retention;
use crate::trouble::Trouble;

/// How long [`Journal`] waits for its writer when it is dropped without [`Journal::finish`].
const DROP_WAIT: Duration = Duration::from_secs(2);

/// How a journal is kept.
pub struct Options {
    /// Reads the wall clock, in nanoseconds since the Unix epoch.
    pub now: fn() -> UnixNanos,
    /// Hears of each trouble once, when it begins, on the writer's thread.
    pub on_trouble: Box<dyn Fn(&Trouble) + Send>,
    /// What is deleted by itself.
    pub retention: Retention,
    /// Most bytes that wait to be written; more are dropped and counted.
    pub max_queued_bytes: usize,
    /// Most records that wait to be written; more are dropped and counted.
    pub max_queued_records: usize,
}

impl Options {
    /// The defaults: default retention, 8 MiB and 65,536 records in the queue, nobody hears of trouble.
    pub fn new(now: fn() -> UnixNanos) -> Self {
        Self {
            now,
            on_trouble: Box::new(|_| {}),
            retention: Retention::default(),
            max_queued_bytes: 8 << 20,
            max_queued_records: 1 << 16,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Options").field("retention", &self.retention).finish_non_exhaustive()
    }
}

/// What there was no room for, counted since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Records.
    pub records: u64,
    /// Their bytes in memory.
    pub bytes: u64,
}

/// How [`Journal::finish`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// All that was taken is in the journal.
    Flushed,
    /// The journal could not be written, or not in time.
    GaveUp {
        /// Records that are not in the journal.
        n_records: u64,
    },
}

/// Where one process writes its records; a thread of its own does the writing.
#[derive(Debug)]
pub struct Journal {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Starts the writer for the journal in `home` and returns at once.
    ///
    /// The writer makes the directory and the journal when they are missing. When it cannot, recording
    /// is off, [`Journal::trouble`] says why, and it tries again with growing pauses.
    pub fn open(home: &Path, options: Options) -> Self {
        let queue = Arc::new(Queue::new(options.max_queued_bytes, options.max_queued_records));
        let writer = Writer::new(Home::new(home), options, queue.clone());
        let path = Home::new(home).journal();
        let spawned = thread::Builder::new().name("journal".into()).spawn(move || writer.run());
        let thread = match spawned {
            Ok(thread) => Some(thread),
            Err(error) => {
                queue.close(Some(Trouble::from_io(&path, &error)));
                None
            }
        };
        Self { queue, thread: Mutex::new(thread) }
    }

    /// Hands records over; never waits. What the queue has no room for is dropped and counted.
    pub fn write(&self, records: Vec<Record>) {
        self.queue.push(records);
    }

    /// Why recording is off, while it is.
    pub fn trouble(&self) -> Option<Trouble> {
        self.queue.trouble()
    }

    /// What was dropped so far; the source's row says the same as soon as it can be written.
    pub fn lost(&self) -> Lost {
        self.queue.lost()
    }

    /// Waits until all that was handed over so far is in the journal, at most `wait`; tells whether it is.
    pub fn flush(&self, wait: Duration) -> bool {
        self.queue.flush(wait)
    }

    /// Writes what is left, at most for `wait`, and ends the writer. What comes later is dropped.
    pub fn finish(&self, wait: Duration) -> Finished {
        let n_left = self.queue.finish(wait);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if self.queue.is_closed() {
            // The thread has nothing left to do but to return.
            drop(thread.map(JoinHandle::join));
        }
        match n_left {
            0 => Finished::Flushed,
            n_records => Finished::GaveUp { n_records },
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.finish(DROP_WAIT);
    }
}
