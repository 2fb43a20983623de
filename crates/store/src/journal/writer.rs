//! The one thread of a process that touches the journal for writing.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::Connection;
use tapgate_wire::record::{Source, Transport, UnixNanos};
use tapgate_wire::{Leg, Masked};

use crate::home::{Home, Identity};
use crate::journal::batch::Batch;
use crate::journal::known::Known;
use crate::journal::queue::{Queue, Work};
use crate::journal::{Lost, Options};
use crate::prune::{HOUR, REST, Sweep};
use crate::schema::{Lock, open_to_write};
use crate::trouble::Trouble;

/// How long a writer without work sleeps before it looks whether retention is due.
const IDLE: Duration = Duration::from_mins(5);

/// The first pause after a failure; each further one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// So often is a transaction tried that fails for a reason that no waiting cures.
const MOST_FAILURES: u32 = 3;

/// Most slices that are deleted at once when there is no room left.
const MOST_SLICES: usize = 100;

/// An open journal, and which file it is.
struct Open {
    connection: Connection,
    identity: Option<Identity>,
}

/// The state of the writer's thread.
pub(super) struct Writer {
    home: Home,
    options: Options,
    queue: Arc<Queue>,
    open: Option<Open>,
    known: Known,
    source: Source,
    source_is_news: bool,
    lost_written: Lost,
    trouble: Option<Trouble>,
    n_failures: u32,
    has_written: bool,
    sweep: Option<Sweep>,
    sweep_at: UnixNanos,
}

impl Writer {
    pub(super) fn new(home: Home, options: Options, queue: Arc<Queue>) -> Self {
        Self {
            home,
            options,
            queue,
            open: None,
            known: Known::default(),
            source: nameless(),
            source_is_news: false,
            lost_written: Lost::default(),
            trouble: None,
            n_failures: 0,
            has_written: false,
            sweep: None,
            sweep_at: 0,
        }
    }

    /// Writes until the process wants to end and nothing is left.
    pub(super) fn run(mut self) {
        // Making and migrating the journal is done before the first record needs it.
        if let Err(trouble) = self.make_open() {
            self.note(trouble);
        }
        loop {
            let wait = if self.sweep.is_some() { REST } else { IDLE };
            let mut work = self.queue.take(wait);
            let had_work = !work.records.is_empty() || work.source.is_some();
            if !self.write(&mut work) || self.wants_to_end() && !had_work {
                break;
            }
            if self.has_written {
                self.sweep();
            }
            if had_work {
                self.queue.pause();
            }
        }
        // Closing the last connection copies the log into the database.
        self.open = None;
        self.queue.close(self.trouble.take());
    }

    fn wants_to_end(&self) -> bool {
        self.queue.stop.load(Ordering::Relaxed)
    }

    /// Writes `work`, as often as it takes; answers false when the process ends before that.
    fn write(&mut self, work: &mut Work) -> bool {
        loop {
            let was_ending = self.wants_to_end();
            match self.attempt(work) {
                Ok(()) => {
                    self.recover();
                    self.queue.settle(work, true);
                    return true;
                }
                Err(trouble) => {
                    self.n_failures += 1;
                    let hopeless =
                        matches!(trouble, Trouble::Failed { .. }) && self.n_failures >= MOST_FAILURES;
                    self.note(trouble);
                    if was_ending || hopeless {
                        self.queue.settle(work, false);
                        return !was_ending;
                    }
                }
            }
            let pause = FIRST_PAUSE.saturating_mul(1 << (self.n_failures - 1).min(16)).min(LONGEST_PAUSE);
            self.queue.back_off(pause);
        }
    }

    fn attempt(&mut self, work: &mut Work) -> Result<(), Trouble> {
        if let Some(source) = work.source.take() {
            self.source = source;
            self.source_is_news = true;
        }
        let lost = self.queue.lost();
        let source_is_news = self.source_is_news || lost != self.lost_written;
        if work.records.is_empty() && !source_is_news {
            return Ok(());
        }
        self.make_open()?;
        let Some(open) = &mut self.open else { return Ok(()) };
        let batch = Batch { source: &self.source, source_is_news, lost, records: &work.records };
        match batch.write(&mut open.connection, &mut self.known) {
            Ok(n_left_out) => {
                self.queue.leave_out(n_left_out);
                self.source_is_news = false;
                self.lost_written = lost;
                self.has_written = true;
                Ok(())
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Opens the journal unless it is open and still the file of that name.
    fn make_open(&mut self) -> Result<(), Trouble> {
        if let Some(open) = &self.open
            && open.identity == self.home.identity()
        {
            return Ok(());
        }
        self.open = None;
        for closed in self.home.secure()? {
            (self.options.on_trouble)(&closed);
        }
        let found = self.home.identity();
        let connection = match open_to_write(&self.home, &self.queue.stop) {
            Err(Trouble::Corrupt { .. }) => {
                self.move_aside(found)?;
                open_to_write(&self.home, &self.queue.stop)?
            }
            opened => opened?,
        };
        self.options.retention.limit(&connection).map_err(|error| self.sql(&error))?;
        self.open = Some(Open { connection, identity: self.home.identity() });
        Ok(())
    }

    fn sql(&self, error: &rusqlite::Error) -> Trouble {
        Trouble::from_sql(&self.home.journal(), error)
    }

    /// What a failed transaction means, and what to do before the next try.
    fn failed(&mut self, error: &rusqlite::Error) -> Trouble {
        let trouble = self.sql(error);
        match &trouble {
            Trouble::Locked { .. } => {}
            Trouble::Full { .. } => self.make_room(),
            Trouble::Corrupt { .. } => {
                // The connection is still open, so no other file can have the identity of this one.
                let damaged = self.open.as_ref().and_then(|open| open.identity);
                let moved = self.move_aside(damaged);
                self.open = None;
                if let Err(trouble) = moved {
                    return trouble;
                }
            }
            _ => self.open = None,
        }
        trouble
    }

    /// Deletes what is past its retention or over the size limit, so that new records find room.
    fn make_room(&mut self) {
        self.sweep_at = 0;
        for _ in 0..MOST_SLICES {
            self.sweep();
            if self.sweep.is_none() {
                break;
            }
        }
    }

    /// Gives the damaged journal another name, if it is still the file of that name. Nothing is deleted.
    fn move_aside(&self, damaged: Option<Identity>) -> Result<(), Trouble> {
        let _lock = Lock::take(&self.home, &self.queue.stop)?;
        let path = self.home.journal();
        // Another process may have done it already; then the name stands for a new, good file.
        if self.home.identity() != damaged {
            return Ok(());
        }
        let seconds = (self.options.now)() / 1_000_000_000;
        let free = (0..1000).map(|n| match n {
            0 => self.home.dir.join(format!("journal.corrupt-{seconds}")),
            n => self.home.dir.join(format!("journal.corrupt-{seconds}.{n}")),
        });
        let Some(moved_to) = free.into_iter().find(|path| !path.exists()) else {
            return Err(Trouble::Corrupt { path, because: "there are too many damaged ones".into() });
        };
        fs::rename(&path, &moved_to).map_err(|error| Trouble::from_io(&path, &error))?;
        for suffix in ["-wal", "-shm"] {
            let mut to = moved_to.clone().into_os_string();
            to.push(suffix);
            match fs::rename(self.home.beside(suffix), to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Trouble::from_io(&path, &error));
                }
                _ => {}
            }
        }
        (self.options.on_trouble)(&Trouble::MovedAside { path, moved_to });
        Ok(())
    }

    /// Says once that recording is off and why, to the process and to whoever looks at the directory.
    fn note(&mut self, trouble: Trouble) {
        let is_news = self.trouble.as_ref().is_none_or(|last| last.code() != trouble.code());
        if is_news {
            (self.options.on_trouble)(&trouble);
            let seconds = (self.options.now)() / 1_000_000_000;
            let note = format!("{seconds} {} {} {trouble}\n", process::id(), trouble.code());
            // On a full disk the name alone often still fits, and says enough.
            drop(write_note(&self.home, &note));
        }
        self.queue.set_trouble(Some(trouble.clone()));
        self.trouble = Some(trouble);
    }

    /// Says that recording is on, after the first success of this process or after a failure.
    fn recover(&mut self) {
        self.n_failures = 0;
        if self.has_written && (self.trouble.take().is_some() || self.home.trouble().exists()) {
            drop(fs::remove_file(self.home.trouble()));
            self.queue.set_trouble(None);
        }
    }

    /// Deletes a little of what is past its retention, when that is due.
    fn sweep(&mut self) {
        let now = (self.options.now)();
        let Some(open) = &mut self.open else { return };
        let step = match &mut self.sweep {
            Some(sweep) => sweep.slice(&mut open.connection).map(|more| {
                if !more {
                    self.sweep = None;
                }
            }),
            None if now >= self.sweep_at => {
                self.sweep_at = now.saturating_add(HOUR);
                Sweep::when_due(&mut open.connection, &self.options.retention, now)
                    .map(|sweep| self.sweep = sweep)
            }
            None => Ok(()),
        };
        if step.is_err() {
            // Recording meets the same trouble and says so; retention is for another hour then.
            self.sweep = None;
        }
    }
}

fn write_note(home: &Home, note: &str) -> io::Result<()> {
    let no_links = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(no_links)
        .open(home.trouble())?
        .write_all(note.as_bytes())
}

/// The source of records that came before their source's own record.
fn nameless() -> Source {
    Source {
        name: Masked::default(),
        server: Masked::default(),
        transports: (Transport::Stdio, Transport::Stdio),
        leg: Leg::Client,
        pid: process::id(),
        server_pid: None,
        started: 0,
        ended: None,
        exit_status: None,
        full_until: None,
        lost_bytes: 0,
    }
}
