//! What can be wrong with the journal, said so that a person knows what to do.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the journal cannot be written or read. Traffic is never affected by it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// A newer tapgate made the journal.
    #[error("the journal {} is of version {found}, this tapgate knows version {known}", path.display())]
    NewerVersion {
        /// The journal.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that is understood.
        known: i64,
    },
    /// SQLite calls the file damaged, or it is no database at all.
    #[error("the journal {} is damaged: {because}", path.display())]
    Corrupt {
        /// The journal.
        path: PathBuf,
        /// What SQLite said.
        because: String,
    },
    /// A damaged journal was moved aside and a new one begun; recording goes on.
    #[error("the journal {} was damaged and is now {}", path.display(), moved_to.display())]
    MovedAside {
        /// The journal.
        path: PathBuf,
        /// Where the damaged file is now.
        moved_to: PathBuf,
    },
    /// The file is a database, but not a journal of tapgate.
    #[error("{} is a database of another program", path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the journal's lock for too long.
    #[error("the journal {} is locked by another process", path.display())]
    Locked {
        /// The journal.
        path: PathBuf,
    },
    /// The disk is full, or the journal reached its size limit.
    #[error("there is no room for the journal {}", path.display())]
    Full {
        /// The journal.
        path: PathBuf,
    },
    /// The directory or the file cannot be written or read.
    #[error("cannot use {}: {because}", path.display())]
    Unusable {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        because: String,
    },
    /// The directory or a file in it could be read by others; that was put right and recording goes on.
    #[error("{} could be read by other users; it is for its owner alone now", path.display())]
    WasOpen {
        /// The directory or file.
        path: PathBuf,
    },
    /// Anything else that SQLite refuses.
    #[error("the journal {} failed: {because}", path.display())]
    Failed {
        /// The journal.
        path: PathBuf,
        /// What SQLite said.
        because: String,
    },
}

impl Trouble {
    /// The stable public name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NewerVersion { .. } => "journal-newer",
            Self::Corrupt { .. } => "journal-corrupt",
            Self::MovedAside { .. } => "journal-moved-aside",
            Self::NotAJournal { .. } => "journal-foreign",
            Self::Locked { .. } => "journal-locked",
            Self::Full { .. } => "journal-full",
            Self::Unusable { .. } => "journal-unusable",
            Self::WasOpen { .. } => "journal-was-open",
            Self::Failed { .. } => "journal-failed",
        }
    }

    /// What a person can do about it.
    pub fn help(&self) -> String {
        match self {
            Self::NewerVersion { .. } => {
                "update tapgate, or set TAPGATE_HOME to another directory; the file was left as it is".into()
            }
            Self::Corrupt { path, .. } => {
                format!("move {} aside; recording starts a new journal", path.display())
            }
            Self::MovedAside { moved_to, .. } => {
                format!("nothing to do; delete {} when you no longer need it", moved_to.display())
            }
            Self::NotAJournal { .. } => "set TAPGATE_HOME to another directory".into(),
            Self::Locked { .. } => "end the program that holds it; recording goes on by itself then".into(),
            Self::Full { .. } => {
                "free some space or run `tapgate prune`; recording goes on by itself then".into()
            }
            Self::Unusable { .. } => {
                "set TAPGATE_HOME to a directory that you own and can write, and no one else".into()
            }
            Self::WasOpen { .. } => "nothing to do".into(),
            Self::Failed { .. } => "if it stays, move the journal aside; recording starts a new one".into(),
        }
    }

    /// Whether recording is off while it lasts; the others were put right already.
    pub fn stops_recording(&self) -> bool {
        !matches!(self, Self::MovedAside { .. } | Self::WasOpen { .. })
    }

    /// What an error of SQLite on the journal at `path` means.
    pub(crate) fn from_sql(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        let because = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt { path, because },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::Unusable { path, because }
            }
            _ => Self::Failed { path, because },
        }
    }

    /// What an error of the system on the file or directory at `path` means.
    pub(crate) fn from_io(path: &Path, error: &io::Error) -> Self {
        let path = path.to_path_buf();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Unusable { path, because: error.to_string() },
        }
    }
}
