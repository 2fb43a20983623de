//! A journal that cannot be used never stops traffic, is said once, and loses nothing that was in it.

use std::fs::{self, Permissions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use rusqlite::Connection;
use tapgate_store::{Finished, Options, Reader, Retention, Trouble, trouble_noted};
use tapgate_wire::record::Record;

use crate::support::*;

/// Tries to record one call and tells which troubles came of it; the call must be lost, not waited for.
fn codes_when_refused(home: &Home) -> Vec<&'static str> {
    let journal = home.journal();
    journal.write(call(9));
    assert_eq!(journal.finish(WAIT), Finished::GaveUp { n_records: 6 });
    assert_eq!(journal.trouble().map(|trouble| trouble.code()), home.codes().last().copied());
    home.codes()
}

fn files(home: &Home) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(home.path()).unwrap().map(Result::unwrap);
    let name = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut files: Vec<_> = entries.map(|entry| (name(&entry), fs::read(entry.path()).unwrap())).collect();
    files.retain(|(name, _)| name != "journal.lock" && name != "journal.trouble");
    files.sort();
    files
}

#[test]
fn a_journal_of_a_newer_version_is_left_alone() {
    let home = Home::new().with_two_calls();
    let connection = Connection::open(home.file("journal.db")).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    connection.close().unwrap();
    let before = files(&home);

    assert_eq!(codes_when_refused(&home), ["journal-newer"]);
    let trouble = Reader::open(&home.path()).unwrap_err();
    assert_eq!(trouble, Trouble::NewerVersion { path: home.file("journal.db"), found: 99, known: 3 });
    assert!(trouble.to_string().contains("version 99"), "{trouble}");
    assert!(trouble.help().contains("update tapgate"));
    assert_eq!(files(&home), before);
    assert!(trouble_noted(&home.path()).unwrap().contains("journal-newer"));
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    for pragma in ["PRAGMA user_version = 0", "PRAGMA application_id = 7"] {
        let home = Home::new();
        fs::create_dir(home.path()).unwrap();
        let connection = Connection::open(home.file("journal.db")).unwrap();
        connection.execute_batch(&format!("CREATE TABLE theirs (x); {pragma}")).unwrap();
        connection.close().unwrap();
        let before = files(&home);
        let codes = codes_when_refused(&home);
        assert_eq!(codes.last(), Some(&"journal-foreign"), "{pragma}: {codes:?}");
        assert_eq!(files(&home)[0].1, before[0].1);
        assert_eq!(Reader::open(&home.path()).unwrap_err().code(), "journal-foreign");
    }
}

#[test]
fn a_damaged_journal_is_moved_aside_and_a_new_one_begun() {
    let garbage: [(&str, &[u8]); 3] = [
        (
            "no database",
            b"this was never a database, and it is long enough to have a header of one, or is it?....",
        ),
        ("short", b"x"),
        ("cut", b"SQLite format 3\0"),
    ];
    for (what, bytes) in garbage {
        let home = Home::new();
        fs::create_dir(home.path()).unwrap();
        fs::write(home.file("journal.db"), bytes).unwrap();
        let trouble = Reader::open(&home.path()).unwrap_err();
        assert_eq!(trouble.code(), "journal-corrupt", "{what}");
        assert!(trouble.to_string().contains("journal.db"), "{trouble}");

        let home = home.with_two_calls();
        assert_eq!(home.codes().last(), Some(&"journal-moved-aside"), "{what}");
        let reader = home.reader();
        assert_eq!(all(&reader).len(), 2, "{what}");
        let health = reader.health().unwrap();
        let [aside] = health.set_aside.try_into().unwrap();
        assert_eq!(fs::read(aside).unwrap(), bytes, "{what}");
        assert_eq!(health.trouble, None, "{what}");
    }
}

#[test]
fn a_journal_whose_tables_are_damaged_is_replaced_at_the_first_write() {
    let home = Home::new().with_two_calls();
    let mut file = fs::OpenOptions::new().write(true).open(home.file("journal.db")).unwrap();
    let length = file.metadata().unwrap().len();
    // The first page stays, so that the file opens like a good one.
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xaa; length as usize - 4096]).unwrap();

    let journal = home.journal();
    journal.write(call(2));
    assert!(journal.flush(WAIT), "{:?}", journal.trouble());
    assert!(home.codes().contains(&"journal-moved-aside"), "{:?}", home.codes());
    let reader = home.reader();
    assert_eq!(all(&reader).len(), 1);
    assert_eq!(reader.health().unwrap().set_aside.len(), 1);
    assert_eq!(journal.trouble(), None);
}

#[test]
fn a_journal_that_is_deleted_under_a_writer_is_made_again() {
    let home = Home::new();
    let journal = home.journal();
    journal.write(call(1));
    assert!(journal.flush(WAIT));
    fs::remove_dir_all(home.path()).unwrap();
    journal.write(call(2));
    assert!(journal.flush(WAIT), "{:?}", journal.trouble());
    let reader = home.reader();
    assert_eq!(all(&reader).len(), 1);
    assert_eq!(reader.sources().unwrap()[0].name, "test");
}

#[test]
fn a_file_in_place_of_the_directory_loses_records_and_nothing_else() {
    let home = Home::new();
    fs::write(home.path(), "not a directory").unwrap();
    assert_eq!(codes_when_refused(&home), ["journal-unusable"]);
    assert_eq!(fs::read(home.path()).unwrap(), b"not a directory");
    assert!(Reader::open(&home.path()).is_err());
}

#[test]
fn a_link_in_place_of_the_journal_is_not_followed() {
    let home = Home::new();
    fs::create_dir(home.path()).unwrap();
    let target = home.dir.path().join("target");
    fs::write(&target, "").unwrap();
    symlink(&target, home.file("journal.db")).unwrap();
    let codes = codes_when_refused(&home);
    assert_eq!(codes.last(), Some(&"journal-unusable"), "{codes:?}");
    assert_eq!(fs::read(&target).unwrap(), b"");
}

#[test]
fn a_locked_journal_is_written_when_the_lock_goes() {
    let home = Home::new().with_two_calls();
    let connection = Connection::open(home.file("journal.db")).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let journal = home.journal();
    journal.write(call(1));
    assert!(!journal.flush(std::time::Duration::from_millis(100)));
    connection.execute_batch("ROLLBACK").unwrap();
    assert!(journal.flush(WAIT), "{:?}", journal.trouble());
    assert_eq!(all(&home.reader()).len(), 3);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn all_files_are_for_the_owner_alone() {
    let home = Home::new();
    let journal = home.journal();
    journal.write(call(1));
    assert!(journal.flush(WAIT));
    assert_eq!(mode(&home.path()), 0o700);
    for entry in fs::read_dir(home.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert!(home.file("journal.db-wal").exists() && home.file("journal.db-shm").exists());
    assert_eq!(home.codes(), [""; 0]);
}

#[test]
fn a_home_that_others_can_read_is_closed_and_that_is_said() {
    let home = Home::new().with_two_calls();
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(home.file("journal.db"), Permissions::from_mode(0o644)).unwrap();
    let home = home.with_two_calls();
    assert_eq!(home.codes(), ["journal-was-open", "journal-was-open"]);
    assert_eq!((mode(&home.path()), mode(&home.file("journal.db"))), (0o700, 0o600));
    assert_eq!(all(&home.reader()).len(), 4);
}

#[test]
fn a_directory_that_others_use_is_not_closed_to_them() {
    let home = Home::new();
    fs::create_dir_all(home.path()).unwrap();
    fs::write(home.file("notes.txt"), "of somebody").unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(codes_when_refused(&home), ["journal-unusable"]);
    assert_eq!(mode(&home.path()), 0o755);
    assert!(!home.file("journal.db").exists());
}

#[test]
fn a_journal_at_its_limit_makes_room_by_itself() {
    let home = Home::new();
    let retention = Retention { max_bytes: 1 << 20, ..Retention::default() };
    let journal = tapgate_store::Journal::open(&home.path(), Options { retention, ..home.options() });
    journal.write(vec![Record::Source(source("test"))]);
    for n in 1..=100 {
        journal.write(call_in(n, n, NOW, &format!("{n} {}", "x".repeat(50_000))));
        assert!(journal.flush(WAIT), "{:?}", journal.trouble());
    }
    let reader = home.reader();
    let rows = all(&reader);
    assert_eq!(rows.last().map(|row| row.id.0), Some(100));
    assert!((1..50).contains(&rows.len()), "{} exchanges", rows.len());
    assert_eq!(journal.lost().records, 0);
    assert_eq!(journal.trouble(), None);
    assert_eq!(trouble_noted(&home.path()), None);
}
