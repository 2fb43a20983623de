//! The directory that holds the journal: where it is, and that it is for its owner alone.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::trouble::Trouble;

/// What a mode lets others do.
const OTHERS: u32 = 0o077;

/// The environment variables that say where the home directory of tapgate is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HomeVars {
    /// `TAPGATE_HOME`.
    pub tapgate_home: Option<PathBuf>,
    /// `XDG_STATE_HOME`.
    pub xdg_state_home: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
}

/// Tells where the home directory is: `TAPGATE_HOME`, else `$XDG_STATE_HOME/tapgate`, else `~/.local/state/tapgate`.
///
/// An empty variable counts as unset, and so does a relative `XDG_STATE_HOME` (XDG Base Directory
/// Specification 0.8, "Basics"). `None` when none of them says anything.
pub fn home_from(vars: &HomeVars) -> Option<PathBuf> {
    let set = |path: &Option<PathBuf>| path.clone().filter(|path| !path.as_os_str().is_empty());
    if let Some(home) = set(&vars.tapgate_home) {
        return Some(home);
    }
    if let Some(state) = set(&vars.xdg_state_home).filter(|path| path.is_absolute()) {
        return Some(state.join("tapgate"));
    }
    set(&vars.home).map(|home| home.join(".local/state/tapgate"))
}

/// The files inside the home directory.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) dir: PathBuf,
}

impl Home {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf() }
    }

    /// The database.
    pub(crate) fn journal(&self) -> PathBuf {
        self.dir.join("journal.db")
    }

    /// A file that SQLite keeps beside the database.
    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        self.dir.join(format!("journal.db{suffix}"))
    }

    /// Held while the journal is made, migrated or moved aside.
    pub(crate) fn lock(&self) -> PathBuf {
        self.dir.join("journal.lock")
    }

    /// Says why the last try to write failed, while it does.
    pub(crate) fn trouble(&self) -> PathBuf {
        self.dir.join("journal.trouble")
    }

    /// Makes the directory if it is missing and sees to it that it and the journal are for the owner alone.
    ///
    /// The answer names what had to be closed to others.
    pub(crate) fn secure(&self) -> Result<Vec<Trouble>, Trouble> {
        let trouble = |error: io::Error| Trouble::from_io(&self.dir, &error);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir).map_err(trouble)?;
        let found = fs::metadata(&self.dir).map_err(trouble)?;
        if !found.is_dir() {
            return Err(unusable(&self.dir, "it is not a directory"));
        }
        owned(&self.dir, found.uid())?;
        if found.mode() & OTHERS != 0 && self.is_shared().map_err(trouble)? {
            // Closing `/tmp` or a home directory to everybody else would break what is not ours.
            return Err(unusable(&self.dir, "others may use it, and it holds more than a journal"));
        }
        let mut closed = Vec::new();
        close(&self.dir, found.mode(), 0o700, &mut closed)?;
        for file in [self.journal(), self.beside("-wal"), self.beside("-shm"), self.lock(), self.trouble()] {
            // A link could lead our writes to a file of someone else.
            let found = match fs::symlink_metadata(&file) {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Trouble::from_io(&file, &error)),
            };
            if !found.is_file() {
                return Err(unusable(&file, "it is not a regular file"));
            }
            owned(&file, found.uid())?;
            close(&file, found.mode(), 0o600, &mut closed)?;
        }
        Ok(closed)
    }

    /// Whether the directory holds anything that is not tapgate's.
    fn is_shared(&self) -> io::Result<bool> {
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            // A bridge makes its folder of keys, closed to others, before its journal is opened.
            let is_ours = name.as_encoded_bytes().starts_with(b"journal.")
                || (name == "keys" && entry.metadata()?.mode() & OTHERS == 0);
            if !is_ours {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes an empty database file for the owner alone; SQLite gives the files beside it the same mode.
    pub(crate) fn make_journal(&self) -> Result<(), Trouble> {
        let path = self.journal();
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(Trouble::from_io(&path, &error)),
        }
    }

    /// Which file the journal's name stands for now; `None` when there is none.
    pub(crate) fn identity(&self) -> Option<Identity> {
        let found = fs::metadata(self.journal()).ok()?;
        Some(Identity { device: found.dev(), inode: found.ino() })
    }
}

/// A file apart from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

fn unusable(path: &Path, because: &str) -> Trouble {
    Trouble::Unusable { path: path.to_path_buf(), because: because.to_owned() }
}

fn owned(path: &Path, uid: u32) -> Result<(), Trouble> {
    if uid == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(unusable(path, "it belongs to another user"))
}

fn close(path: &Path, mode: u32, wanted: u32, closed: &mut Vec<Trouble>) -> Result<(), Trouble> {
    if mode & OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(wanted))
        .map_err(|error| Trouble::from_io(path, &error))?;
    closed.push(Trouble::WasOpen { path: path.to_path_buf() });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_says_something_names_the_home() {
        let check = |tapgate: &str, xdg: &str, home: &str, expected: &str| {
            let set = |text: &str| (text != "-").then(|| PathBuf::from(text));
            let vars = HomeVars { tapgate_home: set(tapgate), xdg_state_home: set(xdg), home: set(home) };
            assert_eq!(home_from(&vars), set(expected), "{vars:?}");
        };
        check("/a", "/b", "/c", "/a");
        check("a", "/b", "/c", "a");
        check("-", "/b", "/c", "/b/tapgate");
        check("", "/b", "/c", "/b/tapgate");
        check("-", "b", "/c", "/c/.local/state/tapgate");
        check("-", "", "/c", "/c/.local/state/tapgate");
        check("-", "-", "/c", "/c/.local/state/tapgate");
        check("-", "-", "", "-");
        check("-", "-", "-", "-");
    }

    #[test]
    fn a_home_that_others_may_use_is_closed_to_them_only_where_all_in_it_is_ours() {
        let check = |folder: &str, mode: u32, is_ours: bool| {
            let home = tempfile::tempdir().unwrap();
            fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
            DirBuilder::new().create(home.path().join(folder)).unwrap();
            fs::set_permissions(home.path().join(folder), Permissions::from_mode(mode)).unwrap();
            assert_eq!(Home::new(home.path()).secure().is_ok(), is_ours, "{folder} {mode:o}");
            let is_closed = fs::metadata(home.path()).unwrap().mode() & OTHERS == 0;
            assert_eq!(is_closed, is_ours, "{folder} {mode:o}");
        };
        check("keys", 0o700, true);
        check("keys", 0o755, false);
        check("photos", 0o700, false);
    }
}
