//! The keys that seal what a bridge gives away to be brought back: session ids, cursors, states, task ids.
//!
//! `keys/seal.key` holds one key a line, as 64 hexadecimal digits. The first one seals, all of them open, so
//! processes that share the file understand each other, and a key that gives way to a new one is still good for
//! what it sealed.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use tapgate_wire::record::UnixNanos;

use crate::random;

/// A key of AES-256.
pub type Key = [u8; 32];

/// How long a key seals, in seconds, by the age of the file.
const MAX_AGE: i64 = 30 * 24 * 60 * 60;

/// Most keys in a file that we write: what the oldest one sealed is long past its age.
const MAX_KEYS: usize = 4;

/// Reads the keys in `home`; makes the file when it is missing, and puts a new key in front when it is old.
///
/// An old file that cannot be written stays as it is: somebody else cares for it.
pub fn load(home: &Path, now: UnixNanos) -> io::Result<Vec<Key>> {
    let folder = home.join("keys");
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    // Two taps that start at the same time must not make two first keys.
    let lock = File::open(&folder)?;
    lock.lock()?;
    let path = folder.join("seal.key");
    let (mut keys, written) = match fs::read_to_string(&path) {
        Ok(text) => (parse(&text)?, fs::metadata(&path)?.mtime()),
        Err(error) if error.kind() == ErrorKind::NotFound => (Vec::new(), 0),
        Err(error) => return Err(error),
    };
    if keys.is_empty() || now / 1_000_000_000 - written > MAX_AGE {
        let mut fresh = vec![random::bytes()?];
        fresh.extend(keys.iter().take(MAX_KEYS - 1));
        match write(&path, &fresh) {
            Ok(()) => keys = fresh,
            Err(error) if keys.is_empty() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(keys)
}

fn parse(text: &str) -> io::Result<Vec<Key>> {
    let lines = text.lines().map(str::trim).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let bad = |n| io::Error::new(ErrorKind::InvalidData, format!("line {} is no key", n + 1));
    lines.map(|(n, line)| key(line).ok_or_else(|| bad(n))).collect()
}

fn key(line: &str) -> Option<Key> {
    let mut key = [0; 32];
    if line.len() != 2 * key.len() || !line.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (n, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(line.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(key)
}

/// Writes the file whole or not at all.
fn write(path: &Path, keys: &[Key]) -> io::Result<()> {
    let mut text = String::new();
    for byte in keys.iter().flat_map(|key| key.iter().map(Some).chain([None])) {
        // Writing to a string does not fail.
        let _ = match byte {
            Some(byte) => write!(text, "{byte:02x}"),
            None => writeln!(text),
        };
    }
    let beside = path.with_extension("new");
    // What a tap left that was killed here may be open to others or a link.
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::wall;

    const DAY: i64 = 24 * 60 * 60 * 1_000_000_000;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_first_tap_makes_a_key_that_the_next_ones_find() {
        let home = tempfile::tempdir().unwrap();
        let keys = load(home.path(), wall::now()).unwrap();
        assert_eq!(keys.len(), 1);
        assert_ne!(keys[0], [0; 32]);
        assert_eq!(load(home.path(), wall::now() + 29 * DAY).unwrap(), keys);
        assert_eq!(
            (mode(&home.path().join("keys")), mode(&home.path().join("keys/seal.key"))),
            (0o700, 0o600)
        );
    }

    #[test]
    fn taps_that_start_together_share_one_key() {
        let home = tempfile::tempdir().unwrap();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let load = || load(home.path(), wall::now()).unwrap();
            let all: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|found| *found == keys[0]), "{} keys", keys.len());
    }

    #[test]
    fn an_old_key_gives_way_and_still_opens() {
        let home = tempfile::tempdir().unwrap();
        let first = load(home.path(), wall::now()).unwrap()[0];
        let keys = load(home.path(), wall::now() + 31 * DAY).unwrap();
        assert_eq!((keys.len(), keys[1]), (2, first));
        assert_eq!(load(home.path(), wall::now()).unwrap(), keys, "the new file is new again");
        for _ in 0..MAX_KEYS {
            load(home.path(), wall::now() + 31 * DAY).unwrap();
        }
        assert_eq!(load(home.path(), wall::now()).unwrap().len(), MAX_KEYS);
    }

    #[test]
    fn keys_of_an_operator_are_read_and_nonsense_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("keys/seal.key");
        fs::create_dir(home.path().join("keys")).unwrap();
        fs::write(&path, format!("# ours\n\n{}\n  {}\n", "0a".repeat(32), "FF".repeat(32))).unwrap();
        assert_eq!(load(home.path(), wall::now()).unwrap(), [[10; 32], [255; 32]]);
        for nonsense in ["0a", "+".repeat(64).as_str(), "é".repeat(32).as_str()] {
            fs::write(&path, format!("{}\n{nonsense}\n", "0a".repeat(32))).unwrap();
            let error = load(home.path(), wall::now()).unwrap_err();
            assert_eq!(error.to_string(), "line 2 is no key");
        }
    }

    #[test]
    fn old_keys_that_cannot_be_replaced_go_on() {
        let home = tempfile::tempdir().unwrap();
        let keys = load(home.path(), wall::now()).unwrap();
        // A directory of that name is in the way also for the superuser.
        fs::create_dir(home.path().join("keys/seal.new")).unwrap();
        assert_eq!(load(home.path(), wall::now() + 31 * DAY).unwrap(), keys);
    }

    #[test]
    fn a_home_that_is_none_says_so() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        assert!(load(&file, wall::now()).is_err());
    }
}
