//! The tables, their versions, and how a connection is set up.

use std::fs::{File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::home::Home;
use crate::trouble::Trouble;

/// What takes the journal from version n to n + 1; a step that was released never changes.
const STEPS: &[&str] =
    &[include_str!("schema/v1.sql"), include_str!("schema/v2.sql"), include_str!("schema/v3.sql")];

/// The `application_id` of a journal: `TAPG`.
const APPLICATION: i64 = 0x5441_5047;

/// How long a busy journal is tried before it counts as locked.
const PATIENCE: Duration = Duration::from_secs(5);

/// The same, when the process wants to end.
const LAST_PATIENCE: Duration = Duration::from_millis(500);

/// The version that this tapgate writes.
pub(crate) fn known_version() -> i64 {
    STEPS.len() as i64
}

/// What a connection that writes is set up with.
///
/// `secure_delete` overwrites what is deleted. A checkpoint every 16 MiB writes a page that changes
/// often once instead of many times; the log is cut back to the same size after a reader held it up.
const SET_UP: &str = "
    PRAGMA synchronous = NORMAL;
    PRAGMA secure_delete = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -4096;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA journal_size_limit = 16777216;
";

/// Opens the journal for writing; makes and migrates it as needed. `hurry` shortens the wait for locks.
pub(crate) fn open_to_write(home: &Home, hurry: &Arc<AtomicBool>) -> Result<Connection, Trouble> {
    let _lock = Lock::take(home, hurry)?;
    home.make_journal()?;
    let path = home.journal();
    inspect(&path)?;
    let connect = || -> rusqlite::Result<(Connection, i64, i64)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_handler(Some(patience(hurry.clone())))?;
        connection.set_prepared_statement_cache_capacity(32);
        let (version, n_tables) = version_of(&connection)?;
        Ok((connection, version, n_tables))
    };
    let trouble = |error: rusqlite::Error| Trouble::from_sql(&path, &error);
    let (mut connection, version, n_tables) = connect().map_err(trouble)?;
    judge(&path, version, n_tables)?;
    refuse_programs(&path, &connection)?;
    if n_tables == 0 {
        // Both settings are properties of the file, and the first one only takes while it is empty.
        connection
            .execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;")
            .map_err(trouble)?;
    }
    migrate(&mut connection, STEPS).map_err(trouble)?;
    connection.execute_batch(SET_UP).map_err(trouble)?;
    Ok(connection)
}

/// Opens the journal for reading; `None` when nothing was recorded yet.
pub(crate) fn open_to_read(path: &Path) -> Result<Option<Connection>, Trouble> {
    match inspect(path) {
        Ok(Header::Journal) => {}
        Ok(Header::Missing | Header::Empty) => return Ok(None),
        Err(trouble) => return Err(trouble),
    }
    let connect = || -> rusqlite::Result<(Connection, i64, i64)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_handler(Some(patience(Arc::default())))?;
        connection.execute_batch("PRAGMA cache_size = -16384;")?;
        let (version, n_tables) = version_of(&connection)?;
        Ok((connection, version, n_tables))
    };
    let opened = connect().or_else(|error| match error.sqlite_error_code() {
        // A writer that was killed while the file was made left a rollback journal, which a reader may not apply.
        Some(ErrorCode::ReadOnly) => recover(path).and_then(|()| connect()),
        _ => Err(error),
    });
    let (connection, version, n_tables) = opened.map_err(|error| Trouble::from_sql(path, &error))?;
    judge(path, version, n_tables)?;
    refuse_programs(path, &connection)?;
    if n_tables > 0 && version < known_version() {
        upgrade(path).map_err(|error| Trouble::from_sql(path, &error))?;
    }
    Ok((n_tables > 0).then_some(connection))
}

/// Migrates the journal of an older tapgate, whose processes can go on to write it.
fn upgrade(path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(patience(Arc::default())))?;
    migrate(&mut connection, STEPS)
}

/// Lets SQLite undo the transaction that a killed writer began.
fn recover(path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(patience(Arc::default())))?;
    version_of(&connection).map(|_| ())
}

fn version_of(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let n_tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok((version, n_tables))
}

fn judge(path: &Path, version: i64, n_tables: i64) -> Result<(), Trouble> {
    let path = path.to_path_buf();
    if version > known_version() {
        return Err(Trouble::NewerVersion { path, found: version, known: known_version() });
    }
    if version == 0 && n_tables > 0 {
        return Err(Trouble::NotAJournal { path });
    }
    Ok(())
}

/// Refuses a file with programs in it: a view of the name of a table never ends, if it likes.
fn refuse_programs(path: &Path, connection: &Connection) -> Result<(), Trouble> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type IN ('view', 'trigger'))";
    match connection.query_row(sql, [], |row| row.get(0)) {
        Ok(false) => Ok(()),
        Ok(true) => Err(Trouble::NotAJournal { path: path.to_path_buf() }),
        Err(error) => Err(Trouble::from_sql(path, &error)),
    }
}

/// Takes the journal to the version that `steps` lead to, all or nothing.
fn migrate(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let version = |connection: &Connection| -> rusqlite::Result<usize> {
        let version = connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?;
        Ok(usize::try_from(version).unwrap_or(0))
    };
    if version(connection)? >= steps.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in steps.iter().skip(version(&transaction)?) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", steps.len() as i64)?;
    transaction.commit()
}

/// What the first page says about a file.
#[derive(Debug, PartialEq, Eq)]
enum Header {
    Missing,
    Empty,
    Journal,
}

/// Looks at a file without SQLite, which would write beside it: a newer or foreign file stays untouched.
///
/// The offsets are those of the database header (SQLite file format, section 1.3). A version that is
/// still in the log alone is found by [`judge`].
fn inspect(path: &Path) -> Result<Header, Trouble> {
    let mut header = Vec::with_capacity(100);
    let read = File::open(path).and_then(|file| file.take(100).read_to_end(&mut header));
    match read {
        Ok(0) => return Ok(Header::Empty),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Header::Missing),
        Err(error) => return Err(Trouble::from_io(path, &error)),
    }
    let number = |at: usize| {
        let bytes: [u8; 4] = header.get(at..at + 4)?.try_into().ok()?;
        Some(i64::from(u32::from_be_bytes(bytes)))
    };
    let (Some(version), Some(application), true) =
        (number(60), number(68), header.starts_with(b"SQLite format 3\0"))
    else {
        return Err(Trouble::Corrupt { path: path.to_path_buf(), because: "it is not a database".into() });
    };
    if application != 0 && application != APPLICATION {
        return Err(Trouble::NotAJournal { path: path.to_path_buf() });
    }
    if application == APPLICATION {
        judge(path, version, 0)?;
    }
    Ok(Header::Journal)
}

/// Holds the lock file: one process at a time makes, migrates or moves the journal.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or says after a while that someone else holds it.
    pub(crate) fn take(home: &Home, hurry: &Arc<AtomicBool>) -> Result<Self, Trouble> {
        let path = home.lock();
        let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = open.map_err(|error| Trouble::from_io(&path, &error))?;
        let mut wait = patience(hurry.clone());
        for n_tries in 0.. {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if wait(n_tries) => {}
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(error)) => return Err(Trouble::from_io(&path, &error)),
            }
        }
        Err(Trouble::Locked { path: home.journal() })
    }
}

/// Waits for a lock on the thread that asked for it: from 1 ms to 32 ms at a time, each halved at random
/// so that many processes do not come back at the same moment.
fn patience(hurry: Arc<AtomicBool>) -> impl FnMut(i32) -> bool + Send + 'static {
    let random = RandomState::new();
    let mut waited = Duration::ZERO;
    move |n_tries| {
        if n_tries == 0 {
            waited = Duration::ZERO;
        }
        let limit = if hurry.load(Ordering::Relaxed) { LAST_PATIENCE } else { PATIENCE };
        if waited >= limit {
            return false;
        }
        let most = 1000 << n_tries.clamp(0, 5);
        let mut hasher = random.build_hasher();
        hasher.write_u128(waited.as_nanos());
        let pause = Duration::from_micros(most / 2 + hasher.finish() % (most / 2));
        thread::sleep(pause);
        waited += pause;
        true
    }
}

#[cfg(test)]
mod tests;
