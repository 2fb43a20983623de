//! The lock file of a tap with `--locked`: read when it starts, and again whenever it changes.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tapgate_engine::bridge::hold::Withheld;
use tapgate_engine::surface::Lock;
use tapgate_wire::Nanos;

use crate::cli::lock::file;
use crate::problem::Problem;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// The lock as it is now and what it holds back, for the loop and the observers.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<(Arc<Lock>, Arc<Withheld>)>>);

impl Shared {
    /// The lock.
    pub fn get(&self) -> Arc<Lock> {
        Arc::clone(&self.now().0)
    }

    /// What is held back.
    pub fn withheld(&self) -> Arc<Withheld> {
        Arc::clone(&self.now().1)
    }

    fn set(&self, lock: Arc<Lock>) {
        self.now().0 = lock;
    }

    fn now(&self) -> MutexGuard<'_, (Arc<Lock>, Arc<Withheld>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lock file that is watched.
#[derive(Debug)]
pub struct Watched {
    path: PathBuf,
    seen: Option<Stamp>,
    due: Nanos,
    /// What is held back, as it was said last.
    withheld: Arc<Withheld>,
    shared: Shared,
}

/// What tells one version of a file from another: inode, size, seconds and nanoseconds.
type Stamp = (u64, u64, i64, i64);

impl Watched {
    /// Reads the file, which has to be there.
    pub fn open(path: &Path, now: Nanos) -> Result<Self, Problem> {
        // Looked at before it is read: what is written in between is seen at the next look.
        let seen = stamp(path);
        let lock = file::expect(path)?;
        let withheld = Arc::default();
        let shared = Shared(Arc::new(Mutex::new((Arc::new(lock), Arc::clone(&withheld)))));
        Ok(Self { path: path.to_owned(), seen, due: after(now), withheld, shared })
    }

    /// The lock, for whoever else wants it.
    pub fn shared(&self) -> Shared {
        self.shared.clone()
    }

    /// Says what is held back, if it is another than before.
    pub fn withhold(&mut self, withheld: &Arc<Withheld>) {
        if !Arc::ptr_eq(&self.withheld, withheld) {
            self.withheld.clone_from(withheld);
            self.shared.now().1.clone_from(withheld);
        }
    }

    /// When [`Watched::look`] is due.
    pub fn deadline(&self) -> Nanos {
        self.due
    }

    /// Looks at the file if that is due; gives the new lock if there is one.
    ///
    /// # Errors
    ///
    /// Why a new file cannot be used, for people; the lock stays as it was.
    pub fn look(&mut self, now: Nanos) -> Option<Result<Arc<Lock>, String>> {
        if now < self.due {
            return None;
        }
        self.due = after(now);
        let stamp = stamp(&self.path);
        if stamp == self.seen {
            return None;
        }
        self.seen = stamp;
        let read = file::expect(&self.path).map_err(|problem| {
            let cause = problem.cause.map_or(String::new(), |cause| format!(" ({cause})"));
            format!("the lock stays as it was: {}{cause}", problem.message)
        });
        Some(read.map(|lock| {
            let lock = Arc::new(lock);
            self.shared.set(Arc::clone(&lock));
            lock
        }))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let file = fs::metadata(path).ok()?;
    Some((file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
}

fn after(now: Nanos) -> Nanos {
    Nanos(now.0.saturating_add(u64::try_from(EVERY.as_nanos()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A moment that many looks later.
    fn at(n: u64) -> Nanos {
        Nanos(n * 1_000_000_001)
    }

    #[test]
    fn a_file_that_changes_is_read_again_and_one_that_breaks_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mcp.lock");
        assert_eq!(Watched::open(&path, at(0)).unwrap_err().code, "lock.first-seen");
        let mut lock = Lock::default();
        file::write(&path, &lock).unwrap();
        let mut watched = Watched::open(&path, at(0)).unwrap();
        let shared = watched.shared();
        assert!(watched.look(at(1)).is_none());
        lock.server.name = Some("srv".to_owned());
        file::write(&path, &lock).unwrap();
        assert!(watched.look(Nanos(at(1).0 + 1)).is_none(), "it is too early");
        assert_eq!(*watched.look(at(3)).unwrap().unwrap(), lock);
        assert_eq!(*shared.get(), lock);
        fs::write(&path, "{").unwrap();
        let why = watched.look(at(4)).unwrap().unwrap_err();
        assert!(why.contains("line 1, column 2"), "{why}");
        fs::remove_file(&path).unwrap();
        // Nobody ever writes to this pipe.
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        let why = watched.look(at(5)).unwrap().unwrap_err();
        assert!(why.contains("it is no file"), "{why}");
        assert!(watched.look(at(6)).is_none());
        assert_eq!(*shared.get(), lock);
    }
}
