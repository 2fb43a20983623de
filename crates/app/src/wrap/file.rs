//! The configuration file itself: read whole, replaced whole or not at all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::small;

/// No client writes a larger file.
pub const MAX_BYTES: u64 = 32 << 20;

/// A file as it was read.
#[derive(Debug)]
pub struct Held {
    /// The file behind all links.
    pub path: PathBuf,
    /// What it holds.
    pub bytes: Vec<u8>,
    mode: u32,
    owner: (u32, u32),
}

/// A complete file that waits to take another one's place; it is deleted if it never does.
#[derive(Debug)]
pub struct Waiting {
    beside: PathBuf,
    path: PathBuf,
    is_done: bool,
}

/// Reads a file whole.
///
/// # Errors
///
/// What the system says; that it is no file; that it is larger than [`MAX_BYTES`].
pub fn read(path: &Path) -> io::Result<Held> {
    let path = fs::canonicalize(path)?;
    let found = fs::metadata(&path)?;
    let bytes = small::bytes(&path, MAX_BYTES)?;
    Ok(Held { path, bytes, mode: found.mode() & 0o7777, owner: (found.uid(), found.gid()) })
}

impl Held {
    /// Where its backup is.
    pub fn backup(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".before-tapgate");
        self.path.with_file_name(name)
    }

    /// Copies it to its backup, for the owner alone; one that is there stays, and `false` says so.
    ///
    /// # Errors
    ///
    /// What the system says; that something is there that is no file, such as a link that somebody planted.
    pub fn back_up(&self) -> io::Result<bool> {
        let path = self.backup();
        // Also a link that leads nowhere is something that is there.
        if let Ok(found) = fs::symlink_metadata(&path) {
            let is_link = || io::Error::other("it is there and is no file, so no backup can be kept");
            return if found.is_file() { Ok(false) } else { Err(is_link()) };
        }
        let waiting = write_beside(&path, &self.bytes, 0o600)?;
        // A link never takes another file's place; not every file system has them.
        match fs::hard_link(&waiting.beside, &path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(_) => waiting.persist().map(|()| true),
            Ok(()) => Ok(true),
        }
    }

    /// Deletes the backup if it holds what the file now holds.
    pub fn drop_backup(&self, now: &[u8]) -> io::Result<bool> {
        let path = self.backup();
        let is_same = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file())
            && read(&path).is_ok_and(|backup| backup.bytes == now);
        if is_same {
            fs::remove_file(&path)?;
        }
        Ok(is_same)
    }

    /// Whether the file still holds what was read.
    pub fn is_unchanged(&self) -> bool {
        read(&self.path).is_ok_and(|now| now.bytes == self.bytes)
    }

    /// Puts new bytes in its place, with the same mode and owner.
    ///
    /// Gives `false`, and changes nothing, if the file is no longer as it was read.
    pub fn replace(&self, with: &[u8]) -> io::Result<bool> {
        let waiting = write_beside(&self.path, with, self.mode)?;
        let new = fs::metadata(&waiting.beside)?;
        if (new.uid(), new.gid()) != self.owner {
            std::os::unix::fs::chown(&waiting.beside, Some(self.owner.0), Some(self.owner.1))?;
            // A change of owner takes some bits away.
            fs::set_permissions(&waiting.beside, Permissions::from_mode(self.mode))?;
        }
        if !self.is_unchanged() {
            return Ok(false);
        }
        waiting.persist()?;
        Ok(true)
    }
}

/// Writes a file beside `path`, to take its place later.
pub fn write_beside(path: &Path, bytes: &[u8], mode: u32) -> io::Result<Waiting> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".tapgate-{}", std::process::id()));
    let beside = path.with_file_name(name);
    // A process with our number left it when it was killed.
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let waiting = Waiting { beside, path: path.to_owned(), is_done: false };
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()?;
    Ok(waiting)
}

impl Waiting {
    /// Takes the other file's place.
    pub fn persist(mut self) -> io::Result<()> {
        fs::rename(&self.beside, &self.path)?;
        self.is_done = true;
        if let Some(folder) = self.path.parent() {
            // A file system that cannot flush a directory has the new file all the same.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        Ok(())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.is_done {
            let _ = fs::remove_file(&self.beside);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_behind_its_link_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("real", &link).unwrap();
        assert!(read(&link).unwrap().replace(b"new").unwrap());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("real"));
        assert_eq!((mode(&file), names(folder.path())), (0o640, vec!["link".to_owned(), "real".to_owned()]));
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let held = read(&path).unwrap();
        fs::write(&path, "theirs").unwrap();
        assert!(!held.replace(b"ours").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
        fs::remove_file(&path).unwrap();
        assert!(!held.replace(b"ours").unwrap());
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn a_backup_is_for_the_owner_and_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mcp.json");
        fs::write(&path, "one").unwrap();
        let held = read(&path).unwrap();
        assert!(held.back_up().unwrap());
        let backup = folder.path().join("mcp.json.before-tapgate");
        assert_eq!((held.backup(), mode(&backup)), (backup.clone(), 0o600));
        fs::write(&path, "two").unwrap();
        assert!(!read(&path).unwrap().back_up().unwrap());
        assert_eq!(fs::read(&backup).unwrap(), b"one");
        assert!(!held.drop_backup(b"two").unwrap());
        assert!(held.drop_backup(b"one").unwrap());
        std::os::unix::fs::symlink("nowhere", &backup).unwrap();
        assert!(held.back_up().unwrap_err().to_string().contains("is no file"));
        assert_eq!(names(folder.path()), ["mcp.json", "mcp.json.before-tapgate"]);
    }

    #[test]
    fn what_is_no_file_or_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap_err().to_string(), "it is no file");
        let path = folder.path().join("large");
        File::create(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert_eq!(read(&path).unwrap_err().to_string(), "it is larger than 32 MB");
    }
}
