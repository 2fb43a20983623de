//! Files that a person names: they are read whole, and what is no file is not waited for.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// Most bytes of a small file.
const MOST: u64 = 1 << 20;

/// Reads a small text file that a person wrote for us; what is larger than 1 MB, or no file, is an error.
pub fn read(path: &Path) -> io::Result<String> {
    String::from_utf8(bytes(path, MOST)?).map_err(|error| io::Error::other(error.utf8_error()))
}

/// Reads a file of at most so many bytes, in whole megabytes; what is larger, or no file, is an error.
pub fn bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Else a pipe would keep us until somebody writes to it.
    let at_once = OFlags::NONBLOCK.bits().cast_signed();
    let file: File = OpenOptions::new().read(true).custom_flags(at_once).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it is larger than {} MB", most >> 20)));
    }
    Ok(bytes)
}

/// The first lines of an error, which may quote a long line of the file.
pub fn brief(error: &impl ToString) -> String {
    error.to_string().chars().take(300).collect()
}
