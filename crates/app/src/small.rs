//! Small files that a person wrote for us.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Most bytes of such a file.
const MOST: u64 = 1 << 20;

/// Reads a small text file; what is larger, or no file, is an error.
pub fn read(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    file.take(MOST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST {
        return Err(io::Error::other("it is larger than 1 MB"));
    }
    Ok(text)
}

/// The first lines of an error, which may quote a long line of the file.
pub fn brief(error: &impl ToString) -> String {
    error.to_string().chars().take(300).collect()
}
