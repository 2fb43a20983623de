//! Where the records are kept: one file for each configuration file, for the owner alone.

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
    let folder = path.parent().unwrap_or(home);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let entries: Vec<Json> = records.iter().map(Record::to_json).collect();
    let json = json!({ "v": 1, "file": of.to_string_lossy(), "entries": entries });
    file::write_beside(&path, format!("{json}\n").as_bytes(), 0o600)?.persist()
}

/// The records of before, with the new ones in the place of those of the same entries.
pub fn merged(mut before: Vec<Record>, new: &[Record]) -> Vec<Record> {
    before.retain(|record| new.iter().all(|new| new.path != record.path));
    before.extend(new.iter().cloned());
    before
}

fn path(home: &Path, of: &Path) -> PathBuf {
    let digest = blake3::hash(of.as_os_str().as_bytes()).to_hex();
    home.join("wraps").join(format!("{}.json", digest.as_str().get(..32).unwrap_or_default()))
}
