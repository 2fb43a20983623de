//! Deleting: what is past its retention, what is over the size limit, and what a person asks for.
//!
//! Everything is deleted in small transactions, so that no tap waits long for its turn. Content goes
//! when the last message that refers to it goes, and freed space is overwritten.

mod sweep;

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tapgate_wire::record::UnixNanos;

use crate::home::Home;
use crate::id::{SessionId, SourceId};
use crate::schema::{open_to_read, open_to_write};
use crate::trouble::Trouble;

pub(crate) use sweep::{HOUR, Sweep};

/// Rest between two slices, in which others get the journal's lock.
pub(crate) const REST: Duration = Duration::from_millis(5);

/// How long things are kept, and how large the journal may grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How long masked traffic is kept.
    pub keep: Duration,
    /// How long everything of a source is kept that was ever recorded with `--full`.
    pub keep_full: Duration,
    /// Bytes above which the oldest sessions go, whatever their age. Above 5/4 of it nothing is written.
    pub max_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        let day = Duration::from_hours(24);
        Self { keep: day * 7, keep_full: day, max_bytes: 1 << 30 }
    }
}

impl Retention {
    /// Keeps the file from growing far over the limit when retention cannot keep up.
    pub(crate) fn limit(&self, connection: &Connection) -> rusqlite::Result<()> {
        let page: u64 = connection.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))? as u64;
        let n_pages = (self.max_bytes / 4).saturating_mul(5) / page.max(1);
        let n_pages = i64::try_from(n_pages.clamp(64, 1 << 32)).unwrap_or(i64::MAX);
        connection.pragma_update_and_check(None, "max_page_count", n_pages, |_| Ok(()))
    }
}

/// What [`prune()`] looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole journal.
    All,
    /// One source.
    Source(SourceId),
    /// One session.
    Session(SessionId),
}

/// What a person wants deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prune {
    /// Where.
    pub scope: Scope,
    /// What is older than this, in nanoseconds since the Unix epoch; `None` for all.
    pub before: Option<UnixNanos>,
    /// Count only.
    pub dry_run: bool,
}

/// What was deleted, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Sources of which nothing is left.
    pub sources: u64,
    /// Sessions of which nothing is left.
    pub sessions: u64,
    /// Exchanges.
    pub exchanges: u64,
    /// Messages.
    pub messages: u64,
    /// Bytes that the journal's files became smaller; 0 for a dry run.
    pub bytes: u64,
    /// Whether no file of the journal holds a byte of it any more. It is false after a dry run, when a
    /// reader or a full disk kept the files from being rewritten, and then another prune makes up for it.
    pub wiped: bool,
}

/// Deletes what is asked for, now, and rewrites the journal so that nothing of it stays in its files.
///
/// A journal that does not exist has nothing to delete. Taps that write meanwhile wait on their own
/// threads; the rewriting takes about a second for 200 MB.
pub fn prune(home: &Path, prune: &Prune) -> Result<Pruned, Trouble> {
    let home = Home::new(home);
    let path = home.journal();
    let trouble = |error: rusqlite::Error| Trouble::from_sql(&path, &error);
    let Some(connection) = open_to_read(&path)? else {
        return Ok(Pruned::default());
    };
    if prune.dry_run {
        return Sweep::plan(&connection, prune).and_then(|sweep| sweep.count(&connection)).map_err(trouble);
    }
    drop(connection);
    let mut connection = open_to_write(&home, &Arc::default())?;
    let before = size_of_files(&home);
    let mut sweep = Sweep::plan(&connection, prune).map_err(trouble)?;
    while sweep.slice(&mut connection).map_err(trouble)? {
        thread::sleep(REST);
    }
    let mut pruned = sweep.pruned;
    pruned.wiped = wipe(&connection);
    pruned.bytes = before.saturating_sub(size_of_files(&home));
    Ok(pruned)
}

/// Rewrites the database and empties its log; tells whether both worked.
///
/// `secure_delete` overwrites what is deleted, but not the copies that stay behind in the gaps of a
/// page when SQLite moves rows to another one; only a rewritten file is free of them.
fn wipe(connection: &Connection) -> bool {
    let rewritten = connection.execute_batch("VACUUM").is_ok();
    let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    rewritten && emptied.is_ok_and(|busy| busy == 0)
}

/// The bytes of the database and its log.
pub(crate) fn size_of_files(home: &Home) -> u64 {
    let files = [home.journal(), home.beside("-wal")];
    files.iter().filter_map(|file| file.metadata().ok()).map(|found| found.len()).sum()
}
