//! The journal as a viewer sees it, while others write.

mod found;
mod said;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Params, Row};
use tapgate_wire::Leg;
use tapgate_wire::record::{Status, UnixNanos};

use crate::code::Coded;
use crate::home::{Home, Identity};
use crate::id::{ExchangeId, SessionId, SourceId};
use crate::prune::size_of_files;
use crate::row::{ExchangeRow, SessionRow, SourceRow};
use crate::schema::open_to_read;
use crate::trouble::Trouble;

/// Most bytes of the note of a writer in trouble that are shown.
const NOTE: usize = 1024;

/// Which exchanges to read, and in which order. The default is all of them, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only those of this session.
    pub session: Option<SessionId>,
    /// Only those of this source.
    pub source: Option<SourceId>,
    /// Only those after this one.
    pub since: Option<ExchangeId>,
    /// Only those before this one.
    pub before: Option<ExchangeId>,
    /// Only those that were opened then or later.
    pub opened_since: Option<UnixNanos>,
    /// The newest first.
    pub newest_first: bool,
    /// Most rows to read.
    pub limit: Option<u64>,
}

/// How many exchanges a session has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All of them.
    pub exchanges: u64,
    /// Those that ended with an error, of the tool, of the protocol or of HTTP, or without an answer.
    pub errors: u64,
    /// Those that wait for an answer.
    pub pending: u64,
}

/// How the journal is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Bytes of the database and its log.
    pub bytes: u64,
    /// Rows of each kind.
    pub sources: u64,
    /// Sessions.
    pub sessions: u64,
    /// Exchanges.
    pub exchanges: u64,
    /// Bodies and heads that are stored once for all messages that carry them.
    pub contents: u64,
    /// When the oldest exchange was opened.
    pub oldest: Option<UnixNanos>,
    /// Bytes of traffic that were not observed.
    pub lost_bytes: u64,
    /// Records that the journal had no room for.
    pub lost_records: u64,
    /// Why the last try of a process to write failed, if recording has not worked since.
    pub trouble: Option<String>,
    /// Damaged journals that were moved aside.
    pub set_aside: Vec<PathBuf>,
}

/// An open journal: the connection, which file it is, and which of its versions was seen last.
#[derive(Debug)]
struct Open {
    connection: Connection,
    identity: Option<Identity>,
    version: i64,
}

/// While a tap makes the journal, it can be something that nobody can read, for a few milliseconds.
const TRIES: usize = 3;
const PAUSE: Duration = Duration::from_millis(20);

/// Reads the journal; several may, while several processes write.
#[derive(Debug)]
pub struct Reader {
    home: Home,
    open: Option<Open>,
}

impl Reader {
    /// Opens the journal in `home`. One that does not exist reads as one in which nothing was recorded.
    pub fn open(home: &Path) -> Result<Self, Trouble> {
        let mut reader = Self { home: Home::new(home), open: None };
        let mut opened = reader.reopen();
        for _ in 0..TRIES {
            if opened.is_ok() {
                break;
            }
            thread::sleep(PAUSE);
            opened = reader.reopen();
        }
        opened.map(|()| reader)
    }

    fn reopen(&mut self) -> Result<(), Trouble> {
        let identity = self.home.identity();
        let connection = open_to_read(&self.home.journal())?;
        self.open = match connection {
            None => None,
            Some(connection) => {
                let version = version(&connection).map_err(|error| self.trouble(&error))?;
                Some(Open { connection, identity, version })
            }
        };
        Ok(())
    }

    /// Whether anything was written since the last call, or since the journal was opened.
    ///
    /// It costs a few microseconds, so a follower may ask ten times a second. A journal that came into
    /// being or that took the place of another counts as changed, and is what later calls read.
    pub fn changed(&mut self) -> Result<bool, Trouble> {
        let now = self.home.identity();
        let Some(open) = &mut self.open else {
            self.reopen()?;
            return Ok(self.open.is_some());
        };
        if open.identity != now {
            self.reopen()?;
            return Ok(true);
        }
        let seen = open.version;
        open.version =
            version(&open.connection).map_err(|error| Trouble::from_sql(&self.home.journal(), &error))?;
        Ok(seen != open.version)
    }

    /// All sources, oldest first.
    pub fn sources(&self) -> Result<Vec<SourceRow>, Trouble> {
        let sql = format!("SELECT {} FROM source ORDER BY id", SourceRow::COLUMNS);
        self.all(&sql, [], SourceRow::read)
    }

    /// One source.
    pub fn source(&self, id: SourceId) -> Result<Option<SourceRow>, Trouble> {
        let sql = format!("SELECT {} FROM source WHERE id = ?1", SourceRow::COLUMNS);
        self.one(&sql, [id.0], SourceRow::read)
    }

    /// The sessions of one source or of all, newest first, at most `limit`.
    pub fn sessions(&self, source: Option<SourceId>, limit: Option<u64>) -> Result<Vec<SessionRow>, Trouble> {
        let sql = format!(
            "SELECT {} FROM session WHERE ?1 IS NULL OR source = ?1 ORDER BY id DESC LIMIT ?2",
            SessionRow::COLUMNS
        );
        self.all(&sql, (source.map(|id| id.0), sql_limit(limit)), SessionRow::read)
    }

    /// One session.
    pub fn session(&self, id: SessionId) -> Result<Option<SessionRow>, Trouble> {
        let sql = format!("SELECT {} FROM session WHERE id = ?1", SessionRow::COLUMNS);
        self.one(&sql, [id.0], SessionRow::read)
    }

    /// The session that was opened last, of those that record what clients see.
    pub fn last_session(&self) -> Result<Option<SessionRow>, Trouble> {
        let sql = format!(
            "SELECT {} FROM session WHERE source NOT IN (SELECT id FROM source WHERE leg = ?1)
             ORDER BY id DESC LIMIT 1",
            SessionRow::COLUMNS
        );
        self.one(&sql, [Leg::Server.code()], SessionRow::read)
    }

    /// How many exchanges a session has, and how they stand.
    pub fn totals(&self, session: SessionId) -> Result<Totals, Trouble> {
        let sql = "SELECT status, method, count(*) FROM exchange WHERE session = ?1
             GROUP BY status, method = 'subscriptions/listen'";
        let counts = self.all(sql, [session.0], |row| {
            let mut exchange = ExchangeRow::empty();
            exchange.status = Status::from_code(row.get(0)?);
            exchange.method = row.get(1)?;
            Ok((exchange, row.get::<_, i64>(2)? as u64))
        })?;
        let mut totals = Totals::default();
        for (exchange, n) in counts {
            totals.exchanges += n;
            if exchange.has_failed() {
                totals.errors += n;
            } else if exchange.status == Status::Pending {
                totals.pending += n;
            }
        }
        Ok(totals)
    }

    /// One exchange.
    pub fn exchange(&self, id: ExchangeId) -> Result<Option<ExchangeRow>, Trouble> {
        let sql = format!("SELECT {} FROM exchange WHERE id = ?1", ExchangeRow::COLUMNS);
        self.one(&sql, [id.0], |row| {
            let mut exchange = ExchangeRow::empty();
            exchange.read(row)?;
            Ok(exchange)
        })
    }

    /// Shows each exchange of `query` to `visit` until it breaks.
    ///
    /// All calls show the same row with new contents, so a scan of a million costs the memory of one;
    /// clone what is to be kept.
    pub fn exchanges(
        &self,
        query: &Query,
        mut visit: impl FnMut(&ExchangeRow) -> ControlFlow<()>,
    ) -> Result<(), Trouble> {
        let (sql, values) = query.to_sql();
        let mut exchange = ExchangeRow::empty();
        self.each(&sql, rusqlite::params_from_iter(values), |row| {
            exchange.read(row)?;
            Ok(visit(&exchange))
        })
    }

    /// How the journal is; counting takes a few milliseconds for a million exchanges.
    pub fn health(&self) -> Result<Health, Trouble> {
        let n = |sql: &str| -> Result<u64, Trouble> {
            Ok(self.one(sql, [], |row| row.get::<_, i64>(0))?.unwrap_or(0) as u64)
        };
        let oldest = "SELECT opened FROM exchange ORDER BY id LIMIT 1";
        Ok(Health {
            bytes: size_of_files(&self.home),
            sources: n("SELECT count(*) FROM source")?,
            sessions: n("SELECT count(*) FROM session")?,
            exchanges: n("SELECT count(*) FROM exchange")?,
            contents: n("SELECT count(*) FROM content")?,
            oldest: self.one(oldest, [], |row| row.get(0))?,
            lost_bytes: n("SELECT coalesce(sum(lost_bytes), 0) FROM source")?,
            lost_records: n("SELECT coalesce(sum(lost_records), 0) FROM source")?,
            trouble: trouble_noted(&self.home.dir),
            set_aside: set_aside(&self.home.dir),
        })
    }

    fn trouble(&self, error: &rusqlite::Error) -> Trouble {
        Trouble::from_sql(&self.home.journal(), error)
    }

    fn each(
        &self,
        sql: &str,
        values: impl Params,
        mut visit: impl FnMut(&Row<'_>) -> rusqlite::Result<ControlFlow<()>>,
    ) -> Result<(), Trouble> {
        let Some(open) = &self.open else { return Ok(()) };
        let scan = || -> rusqlite::Result<()> {
            let mut statement = open.connection.prepare_cached(sql)?;
            let mut rows = statement.query(values)?;
            while let Some(row) = rows.next()? {
                if visit(row)?.is_break() {
                    break;
                }
            }
            Ok(())
        };
        scan().map_err(|error| self.trouble(&error))
    }

    fn all<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Trouble> {
        let mut found = Vec::new();
        self.each(sql, values, |row| {
            found.push(read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    fn one<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Trouble> {
        let Some(open) = &self.open else { return Ok(None) };
        let found = open
            .connection
            .prepare_cached(sql)
            .and_then(|mut found| found.query_row(values, read).optional());
        found.map_err(|error| self.trouble(&error))
    }
}

impl Query {
    fn to_sql(&self) -> (String, Vec<i64>) {
        let mut sql = format!("SELECT {} FROM exchange WHERE id > ?1", ExchangeRow::COLUMNS);
        let mut values = vec![self.since.map_or(0, |id| id.0)];
        let mut also = |condition: &str, value: Option<i64>| {
            if let Some(value) = value {
                values.push(value);
                sql.push_str(" AND ");
                sql.push_str(&condition.replace('?', &format!("?{}", values.len())));
            }
        };
        also("id < ?", self.before.map(|id| id.0));
        also("session = ?", self.session.map(|id| id.0));
        // The plus keeps SQLite from reading session by session and sorting afterwards.
        also("+session IN (SELECT id FROM session WHERE source = ?)", self.source.map(|id| id.0));
        also("opened >= ?", self.opened_since);
        values.push(sql_limit(self.limit));
        let order = if self.newest_first { "DESC" } else { "ASC" };
        let end = format!(" ORDER BY id {order} LIMIT ?{}", values.len());
        (sql + &end, values)
    }
}

/// What a writer in trouble left for others to see, if recording has not worked since.
///
/// It is there also when the journal itself cannot be read. The text is one line of our own.
pub fn trouble_noted(home: &Path) -> Option<String> {
    let note = fs::read(Home::new(home).trouble()).ok()?;
    let note = String::from_utf8_lossy(note.get(..NOTE).unwrap_or(&note)).trim().to_owned();
    if note.is_empty() {
        return Some("recording failed, and there was no room to note why".into());
    }
    Some(note)
}

fn set_aside(home: &Path) -> Vec<PathBuf> {
    let is_journal = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with("journal.corrupt-") && !name.ends_with("-wal") && !name.ends_with("-shm")
    };
    let entries = fs::read_dir(home).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.map(|entry| entry.path()).filter(is_journal).collect();
    found.sort();
    found
}

/// Changes whenever another connection commits.
fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

/// SQL's way to say that there is no limit is a negative one.
fn sql_limit(limit: Option<u64>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}
