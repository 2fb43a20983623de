//! The lock file on disk.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use tapgate_engine::surface::Lock;

use crate::problem::{Exit, Problem};
use crate::small;

/// What a lock file is called.
pub const NAME: &str = "mcp.lock";

/// Bytes of the largest lock file that is read.
const MAX_BYTES: u64 = 64 << 20;

/// Reads a lock file; `None` when there is none.
pub fn read(path: &Path) -> Result<Option<Lock>, Problem> {
    let bytes = match small::bytes(path, MAX_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| {
            Problem::usage(
                "lock.unreadable",
                format!("the lock file {} cannot be read", path.display()),
                "name another file with --file, or make it readable for you",
            )
            .because(error)
            .exit(Exit::Unreadable)
        })?,
    };
    let lock = Lock::parse(&bytes).map_err(|mistake| {
        Problem::usage(
            "lock.broken",
            format!("the lock file {} cannot be used", path.display()),
            mistake.help,
        )
        .because(&mistake.text)
        .exit(Exit::Unreadable)
    })?;
    Ok(Some(lock))
}

/// Reads a lock file that has to be there.
pub fn expect(path: &Path) -> Result<Lock, Problem> {
    read(path)?.ok_or_else(|| {
        Problem::usage(
            "lock.first-seen",
            format!(
                "there is no lock file {}, so what the server offers is seen for the first time",
                path.display()
            ),
            "look at what it offers, write it down with `tapgate lock update`, and commit the file",
        )
    })
}

/// Writes a lock file as a whole or not at all; where the name is a link, the file that it leads to is written.
pub fn write(path: &Path, lock: &Lock) -> Result<(), Problem> {
    let target = if path.is_symlink() { fs::canonicalize(path) } else { Ok(path.to_owned()) };
    target.and_then(|target| replace(&target, lock.to_text().as_bytes())).map_err(|error| {
        Problem::usage(
            "lock.unwritable",
            format!("the lock file {} cannot be written", path.display()),
            "name a file in a directory that you may write to with --file",
        )
        .because(error)
        .exit(Exit::Unreachable)
    })
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension(format!("lock.{}", std::process::id()));
    let written = fs::File::create(&fresh).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    });
    if written.is_err() {
        // What is left of it is of no use, and may not be there.
        let _ = fs::remove_file(&fresh);
    }
    written
}
