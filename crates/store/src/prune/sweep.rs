//! Deleting in small transactions.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use tapgate_wire::record::UnixNanos;

use crate::prune::{Prune, Pruned, Retention, Scope};

/// Nanoseconds between two runs of retention.
pub(crate) const HOUR: i64 = 3_600_000_000_000;

/// Most rows that one transaction deletes: a few milliseconds of the journal's lock.
const SLICE: usize = 500;

/// Most rows that one transaction looks at.
const LOOK: i64 = 10_000;

/// So often sessions are chosen to bring the journal under its size, each time by what is in them.
const ROUNDS: u32 = 4;

/// Most pages that are given back to the file system after each slice.
const PAGES: usize = 256;

/// Deleting in progress: first messages, then exchanges, then what has neither any more.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// Sessions to look at, and before when things of them go.
    sessions: HashMap<i64, UnixNanos>,
    /// The same sessions, oldest first, when their messages are done.
    in_order: VecDeque<(i64, UnixNanos)>,
    /// Sources to look at, alike.
    sources: Vec<(i64, UnixNanos)>,
    /// Messages up to this one were looked at; `None` when all that matter were.
    looked_at: Option<i64>,
    /// No session loses anything that is younger.
    newest: UnixNanos,
    /// When the age has been seen to, the oldest sessions go until the journal has this many bytes.
    max_bytes: Option<u64>,
    n_rounds: u32,
    pub(super) pruned: Pruned,
}

impl Sweep {
    /// What is past its retention, unless another process saw to that within the last hour.
    pub(crate) fn when_due(
        connection: &mut Connection,
        retention: &Retention,
        now: UnixNanos,
    ) -> rusqlite::Result<Option<Self>> {
        let full = used(connection)? > retention.max_bytes;
        // A clock that was set back must not stop retention.
        let is_due = connection.execute(
            "UPDATE state SET retained_at = ?1 WHERE retained_at <= ?1 - ?2 OR retained_at > ?1",
            [now, HOUR],
        )?;
        if is_due == 0 && !full {
            return Ok(None);
        }
        let ago = |keep: Duration| now.saturating_sub(i64::try_from(keep.as_nanos()).unwrap_or(i64::MAX));
        let mut sweep = Self::select(connection, Scope::All, ago(retention.keep), ago(retention.keep_full))?;
        sweep.max_bytes = Some(retention.max_bytes);
        Ok(Some(sweep))
    }

    pub(super) fn plan(connection: &Connection, prune: &Prune) -> rusqlite::Result<Self> {
        let before = prune.before.unwrap_or(i64::MAX);
        Self::select(connection, prune.scope, before, before)
    }

    /// The sessions and sources in `scope`; those of a source that stored all have a time of their own.
    fn select(
        connection: &Connection,
        scope: Scope,
        before: UnixNanos,
        before_full: UnixNanos,
    ) -> rusqlite::Result<Self> {
        let (source, session) = match scope {
            Scope::All => (None, None),
            Scope::Source(source) => (Some(source.0), None),
            Scope::Session(session) => (None, Some(session.0)),
        };
        let mut statement = connection.prepare(
            "SELECT session.id, session.source, full_until IS NOT NULL, opened
             FROM session LEFT JOIN source ON source.id = session.source
             WHERE (?1 IS NULL OR session.source = ?1) AND (?2 IS NULL OR session.id = ?2) ORDER BY session.id",
        )?;
        let mut sweep = Self { looked_at: Some(0), newest: i64::MIN, ..Self::default() };
        let mut rows = statement.query((source, session))?;
        while let Some(row) = rows.next()? {
            let before = if row.get(2)? { before_full } else { before };
            if row.get::<_, i64>(3)? < before {
                sweep.sessions.insert(row.get(0)?, before);
                sweep.in_order.push_back((row.get(0)?, before));
                sweep.sources.push((row.get(1)?, before));
                sweep.newest = sweep.newest.max(before);
            }
        }
        if session.is_none() {
            let mut statement = connection
                .prepare("SELECT id, full_until IS NOT NULL FROM source WHERE ?1 IS NULL OR id = ?1")?;
            let mut rows = statement.query([source])?;
            while let Some(row) = rows.next()? {
                sweep.sources.push((row.get(0)?, if row.get(1)? { before_full } else { before }));
            }
        }
        sweep.sources.sort_unstable();
        sweep.sources.dedup();
        Ok(sweep)
    }

    /// Deletes up to [`SLICE`] rows in one transaction; answers whether there is more to do.
    pub(crate) fn slice(&mut self, connection: &mut Connection) -> rusqlite::Result<bool> {
        if self.sessions.is_empty() || self.looked_at.is_none() && self.in_order.is_empty() {
            return self.finish(connection);
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = self.pruned;
        match self.looked_at {
            Some(after) => self.looked_at = self.slice_messages(&transaction, after)?,
            None => self.slice_exchanges(&transaction)?,
        }
        if self.pruned == before {
            return Ok(true);
        }
        commit_deleted(transaction)?;
        give_back(connection)?;
        Ok(true)
    }

    /// Walks over messages in the order in which they were written, which is nearly that of time.
    fn slice_messages(&mut self, transaction: &Transaction<'_>, after: i64) -> rusqlite::Result<Option<i64>> {
        let mut statement = transaction
            .prepare_cached("SELECT id, session, at FROM message WHERE id > ?1 ORDER BY id LIMIT ?2")?;
        let mut rows = statement.query((after, LOOK))?;
        let (mut last, mut n_young, mut n_rows, mut over) = (after, 0, 0, Vec::new());
        while over.len() < SLICE
            && let Some(row) = rows.next()?
        {
            let at: UnixNanos = row.get(2)?;
            last = row.get(0)?;
            n_rows += 1;
            n_young += usize::from(at >= self.newest);
            if self.sessions.get(&row.get(1)?).is_some_and(|before| at < *before) {
                over.push(last);
            }
        }
        drop(rows);
        for id in &over {
            delete_message(transaction, *id)?;
        }
        self.pruned.messages += over.len() as u64;
        let all_young = n_young == n_rows;
        Ok((!all_young).then_some(last))
    }

    fn slice_exchanges(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut n_left = SLICE;
        while n_left > 0
            && let Some((session, before)) = self.in_order.front().copied()
        {
            let n_exchanges = delete_exchanges(transaction, session, before, n_left)?;
            self.pruned.exchanges += n_exchanges as u64;
            // A session without rows costs a little too.
            n_left = n_left.saturating_sub(n_exchanges + 1);
            if n_exchanges == 0 {
                transaction
                    .prepare_cached("DELETE FROM finding WHERE session = ?1 AND at < ?2")?
                    .execute((session, before))?;
                self.pruned.sessions += delete_session(transaction, session)?;
                self.in_order.pop_front();
            }
        }
        Ok(())
    }

    /// Deletes sources of which nothing is left; then sees to the size.
    fn finish(&mut self, connection: &mut Connection) -> rusqlite::Result<bool> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (source, before) in self.sources.drain(..) {
            // Retention keeps the row of a tap that has nothing to tell but still runs.
            if self.max_bytes.is_some() && is_running(&transaction, source)? {
                continue;
            }
            self.pruned.sources += transaction.execute(
                "DELETE FROM source WHERE id = ?1 AND started < ?2
                 AND NOT EXISTS (SELECT 1 FROM session WHERE session.source = source.id)",
                (source, before),
            )? as u64;
        }
        commit_deleted(transaction)?;
        let Some(max_bytes) = self.max_bytes else {
            return Ok(false);
        };
        let used = used(connection)?;
        if used <= max_bytes || self.n_rounds >= ROUNDS {
            return Ok(false);
        }
        // Room for a while, so that not every hour deletes a little.
        let goal = max_bytes / 10 * 9;
        let mut oldest = Self::oldest(connection, (used - goal) as f64 / used as f64)?;
        oldest.max_bytes = Some(max_bytes);
        oldest.n_rounds = self.n_rounds + 1;
        oldest.pruned = self.pruned;
        *self = oldest;
        Ok(true)
    }

    /// The oldest sessions that together have `share` of all exchanges; of the last one only the older part.
    fn oldest(connection: &Connection, share: f64) -> rusqlite::Result<Self> {
        let n_all: i64 = connection.query_row("SELECT count(*) FROM exchange", [], |row| row.get(0))?;
        let mut n_wanted = (n_all as f64 * share).ceil() as i64;
        let mut all = Self::select(connection, Scope::All, i64::MAX, i64::MAX)?;
        let mut count = connection.prepare("SELECT count(*) FROM exchange WHERE session = ?1")?;
        let mut time = connection
            .prepare("SELECT opened FROM exchange WHERE session = ?1 ORDER BY id LIMIT 1 OFFSET ?2")?;
        let mut chosen = VecDeque::new();
        for (session, _) in all.in_order.drain(..) {
            if n_wanted <= 0 && n_all > 0 {
                break;
            }
            let n: i64 = count.query_row([session], |row| row.get(0))?;
            let before =
                if n <= n_wanted { i64::MAX } else { time.query_row([session, n_wanted], |row| row.get(0))? };
            chosen.push_back((session, before));
            n_wanted -= n;
        }
        all.sessions = chosen.iter().copied().collect();
        all.in_order = chosen;
        Ok(all)
    }

    /// Counts what [`Sweep::slice`] would delete.
    pub(super) fn count(&self, connection: &Connection) -> rusqlite::Result<Pruned> {
        let mut pruned = Pruned::default();
        let mut stay = HashSet::new();
        for (sql, n) in [
            ("SELECT session, at FROM message", &mut pruned.messages),
            ("SELECT session, coalesce(closed, opened) FROM exchange", &mut pruned.exchanges),
        ] {
            let mut statement = connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (session, at): (i64, UnixNanos) = (row.get(0)?, row.get(1)?);
                match self.sessions.get(&session) {
                    Some(before) if at < *before => *n += 1,
                    Some(_) => drop(stay.insert(session)),
                    None => {}
                }
            }
        }
        let goes = |session: &i64| self.sessions.contains_key(session) && !stay.contains(session);
        pruned.sessions = self.sessions.keys().filter(|session| goes(session)).count() as u64;
        for (source, before) in &self.sources {
            let mut statement = connection.prepare_cached("SELECT id FROM session WHERE source = ?1")?;
            let sessions = statement.query_map([source], |row| row.get(0))?;
            let sessions: Vec<i64> = sessions.collect::<rusqlite::Result<_>>()?;
            let is_old = "SELECT count(*) FROM source WHERE id = ?1 AND started < ?2";
            let n_old: i64 =
                connection.prepare_cached(is_old)?.query_row([source, before], |row| row.get(0))?;
            if n_old > 0 && sessions.iter().all(goes) {
                pruned.sources += 1;
            }
        }
        Ok(pruned)
    }
}

/// Whether a source has not ended and a process with its id exists; another one may have got the id, which
/// keeps the row for longer.
fn is_running(transaction: &Transaction<'_>, source: i64) -> rusqlite::Result<bool> {
    let mut statement =
        transaction.prepare_cached("SELECT pid FROM source WHERE id = ?1 AND ended IS NULL")?;
    let pid: Option<i32> = statement.query_row([source], |row| row.get(0)).optional()?;
    let Some(pid) = pid.and_then(Pid::from_raw) else {
        return Ok(false);
    };
    // A process of another user exists too.
    Ok(!matches!(test_kill_process(pid), Err(Errno::SRCH)))
}

/// The bytes of the pages in use.
fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let number =
        |name: &str| -> rusqlite::Result<i64> { connection.pragma_query_value(None, name, |row| row.get(0)) };
    let n_pages = number("page_count")?.saturating_sub(number("freelist_count")?);
    Ok(n_pages.saturating_mul(number("page_size")?) as u64)
}

fn commit_deleted(transaction: Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute("UPDATE state SET generation = generation + 1", [])?;
    transaction.commit()
}

/// Gives free pages at the end back to the file system, a few at a time.
fn give_back(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// Deletes a message, and what it alone referred to.
fn delete_message(transaction: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
    let mut delete = transaction.prepare_cached(
        "DELETE FROM message WHERE id = ?1
         RETURNING iif(typeof(body) = 'integer', body, NULL), iif(typeof(head) = 'integer', head, NULL)",
    )?;
    let contents: [Option<i64>; 2] = delete.query_row([id], |row| Ok([row.get(0)?, row.get(1)?]))?;
    for content in contents.into_iter().flatten() {
        release(transaction, content)?;
    }
    Ok(())
}

/// Takes back one reference to a content and deletes it with the last one.
fn release(transaction: &Transaction<'_>, content: i64) -> rusqlite::Result<()> {
    transaction.prepare_cached("UPDATE content SET refs = refs - 1 WHERE id = ?1")?.execute([content])?;
    transaction.prepare_cached("DELETE FROM content WHERE id = ?1 AND refs <= 0")?.execute([content])?;
    Ok(())
}

/// Deletes a session's first exchanges that ended before `before`, at most `most`.
fn delete_exchanges(
    transaction: &Transaction<'_>,
    session: i64,
    before: UnixNanos,
    most: usize,
) -> rusqlite::Result<usize> {
    let mut statement = transaction.prepare_cached(
        "SELECT id FROM exchange WHERE session = ?1 AND coalesce(closed, opened) < ?2 ORDER BY id LIMIT ?3",
    )?;
    let ids = statement.query_map((session, before, most as i64), |row| row.get(0))?;
    let ids: Vec<i64> = ids.collect::<rusqlite::Result<_>>()?;
    let mut delete = transaction.prepare_cached("DELETE FROM exchange WHERE id = ?1")?;
    for id in &ids {
        delete.execute([id])?;
    }
    Ok(ids.len())
}

/// Deletes a session of which no message and no exchange is left.
fn delete_session(transaction: &Transaction<'_>, session: i64) -> rusqlite::Result<u64> {
    let n = transaction
        .prepare_cached(
            "DELETE FROM session WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM message WHERE session = ?1 AND exchange IS NULL)
             AND NOT EXISTS (SELECT 1 FROM exchange WHERE session = ?1)",
        )?
        .execute([session])?;
    if n > 0 {
        transaction.prepare_cached("DELETE FROM finding WHERE session = ?1")?.execute([session])?;
        delete_surface(transaction, session)?;
    }
    Ok(n as u64)
}

/// Deletes what a session saw offered.
fn delete_surface(transaction: &Transaction<'_>, session: i64) -> rusqlite::Result<()> {
    let mut delete = transaction.prepare_cached(
        "DELETE FROM surface WHERE session = ?1 RETURNING iif(typeof(body) = 'integer', body, NULL)",
    )?;
    let contents = delete.query_map([session], |row| row.get::<_, Option<i64>>(0))?;
    for content in contents.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten() {
        release(transaction, content)?;
    }
    Ok(())
}
