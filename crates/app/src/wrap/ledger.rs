//! Where the records are kept: one file for each configuration file, for the owner alone.

use std::collections::HashSet;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::file;
use super::record::Record;

/// A ledger that is larger was not written by us.
const MAX_BYTES: u64 = 16 << 20;

/// Where they are, in the directory of the journal.
const FOLDER: &str = "wraps";

/// Keeps other commands of ours from changing any configuration file until what it gives is dropped.
///
/// # Errors
///
/// What the system says of the folder of the ledgers.
pub fn hold(home: &Path) -> io::Result<fs::File> {
    let folder = home.join(FOLDER);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let folder = fs::File::open(folder)?;
    // Some network's file systems lock no folder; there two commands at the same moment are not kept apart.
    let _ = folder.lock();
    Ok(folder)
}

/// The records of the configuration file `of`; none if there are none that can be read.
pub fn read(home: &Path, of: &Path) -> Vec<Record> {
    let read = || -> io::Result<Vec<Record>> {
        let mut text = String::new();
        fs::File::open(path(home, of))?.take(MAX_BYTES).read_to_string(&mut text)?;
        let json: Json = serde_json::from_str(&text)?;
        let records = json.get("entries").and_then(Json::as_array).into_iter().flatten();
        Ok(records.filter_map(Record::from_json).collect())
    };
    // What `unwrap` cannot read here it finds in the entries themselves.
    read().unwrap_or_default()
}

/// Keeps these records of the configuration file `of`; without any there is no file.
pub fn write(home: &Path, of: &Path, records: &[Record]) -> io::Result<()> {
    let path = path(home, of);
    if records.is_empty() {
        return match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    DirBuilder::new().recursive(true).mode(0o700).create(home.join(FOLDER))?;
    let entries: Vec<Json> = records.iter().map(Record::to_json).collect();
    let json = json!({ "v": 1, "file": of.to_string_lossy(), "entries": entries });
    file::write_beside(&path, format!("{json}\n").as_bytes(), 0o600)?.persist()
}

/// The records of before, with the new ones in the place of those of the same entries.
pub fn merged(mut before: Vec<Record>, new: &[Record]) -> Vec<Record> {
    let changed: HashSet<&[String]> = new.iter().map(|record| record.path.as_slice()).collect();
    before.retain(|record| !changed.contains(record.path.as_slice()));
    before.extend(new.iter().cloned());
    before
}

fn path(home: &Path, of: &Path) -> PathBuf {
    let digest = blake3::hash(of.as_os_str().as_bytes()).to_hex();
    home.join(FOLDER).join(format!("{}.json", digest.as_str().get(..32).unwrap_or_default()))
}
