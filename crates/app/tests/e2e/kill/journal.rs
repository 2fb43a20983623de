//! Journals that cannot be used: traffic passes, one line says why, readers say it too, and nothing is deleted.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::round::can_be_read;
use crate::support::{Home, Ran, StdioTap, TAPGATE};

const N_TAPS: usize = 8;
const N_CALLS: usize = 60;

#[test]
fn many_taps_write_one_journal_while_people_look() {
    let home = Home::new();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let viewer = scope.spawn(|| {
            let mut n_looks = 0;
            while !over.load(Ordering::Relaxed) {
                let args: [&[&str]; 4] = [&["ls"], &["calls"], &["stats"], &["tail", "--once"]];
                let ran = home.run(args[n_looks % args.len()]);
                assert_eq!((ran.code, ran.err().as_str()), (Some(0), ""), "look {n_looks}");
                n_looks += 1;
            }
            n_looks
        });
        let taps: Vec<_> = (0..N_TAPS)
            .map(|n| {
                scope.spawn({
                    let home = &home;
                    move || converse(home, &format!("tap-{n}"))
                })
            })
            .collect();
        for tap in taps {
            tap.join().unwrap();
        }
        over.store(true, Ordering::Relaxed);
        assert!(viewer.join().unwrap() > 0);
    });
    let calls = home.calls();
    let ids: HashSet<_> = calls.iter().map(|call| call["id"].as_str().unwrap()).collect();
    assert_eq!((calls.len(), ids.len()), (N_TAPS * N_CALLS, N_TAPS * N_CALLS));
    for n in 0..N_TAPS {
        let of_tap =
            calls.iter().filter(|call| call["server"] == format!("tap-{n}") && call["status"] == "ok");
        assert_eq!(of_tap.count(), N_CALLS, "tap {n}");
    }
    can_be_read(&home, "afterwards");
}

#[test]
fn a_home_that_is_a_file_stops_no_traffic() {
    let home = Home::new();
    let file = home.path().join("file");
    fs::write(&file, "keep me").unwrap();
    let own = converse_at(&home, &file);
    one_line_says(&own, "cannot use");
    let mut command = home.command(&["ls"]);
    refuses(
        &Ran::of({
            command.env("TAPGATE_HOME", &file);
            command
        }),
        "cannot use",
    );
    assert_eq!(fs::read(&file).unwrap(), b"keep me");
}

#[test]
fn a_journal_of_a_newer_version_is_left_as_it_is() {
    let home = Home::new();
    converse(&home, "first");
    let journal = rusqlite::Connection::open(home.journal()).unwrap();
    journal.pragma_update(None, "user_version", 9999).unwrap();
    drop(journal);
    let before = fs::read(home.journal()).unwrap();
    let own = converse_at(&home, home.path());
    one_line_says(&own, "is of version 9999");
    for args in
        [&["ls"][..], &["calls"], &["show", "last"], &["stats"], &["tail", "--once"], &["prune", "--all"]]
    {
        refuses(&home.run(args), "is of version 9999");
    }
    assert!(fs::read(home.journal()).unwrap() == before, "the journal was changed");
}

#[test]
fn a_corrupt_journal_is_kept_and_said() {
    let home = Home::new();
    let garbage = b"this was a journal once\n".repeat(400);
    fs::write(home.journal(), &garbage).unwrap();
    for_the_owner(&home);
    for args in [&["ls"][..], &["calls"], &["show", "last"], &["stats"]] {
        refuses(&home.run(args), "is damaged");
    }
    let own = converse_at(&home, home.path());
    one_line_says(&own, "damaged");
    let files = fs::read_dir(home.path()).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    assert_eq!(files.filter(|bytes| *bytes == garbage).count(), 1, "what was there is still there");
}

#[test]
fn a_journal_that_was_cut_off_at_its_birth_is_an_empty_one() {
    let home = Home::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let birth = rusqlite::Connection::open(elsewhere.path().join("journal.db")).unwrap();
    let keep = |name: &str| {
        fs::copy(elsewhere.path().join(name), home.path().join(name)).unwrap();
        fs::set_permissions(home.path().join(name), fs::Permissions::from_mode(0o600)).unwrap();
    };
    // The last moment of the first transaction: the file is written, and its rollback journal not yet deleted.
    birth.execute_batch("PRAGMA cache_size = 1; BEGIN IMMEDIATE; CREATE TABLE t (x BLOB); INSERT INTO t VALUES (randomblob(90000));").unwrap();
    keep("journal.db-journal");
    birth.execute_batch("COMMIT").unwrap();
    keep("journal.db");
    for args in [&["ls"][..], &["calls"], &["stats"], &["explain"]] {
        let ran = home.run(args);
        assert_eq!((ran.code, ran.err().as_str()), (Some(0), ""), "{args:?}");
    }
    converse(&home, "second");
    assert_eq!(home.calls().len(), N_CALLS);
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let home = Home::new();
    let other = rusqlite::Connection::open(home.journal()).unwrap();
    other
        .execute_batch(
            "CREATE TABLE bookmark (url TEXT); INSERT INTO bookmark VALUES ('https://example.com')",
        )
        .unwrap();
    drop(other);
    for_the_owner(&home);
    let before = fs::read(home.journal()).unwrap();
    let own = converse_at(&home, home.path());
    one_line_says(&own, "another program");
    refuses(&home.run(&["ls"]), "another program");
    assert!(fs::read(home.journal()).unwrap() == before, "the database was changed");
}

#[test]
fn a_full_disk_stops_no_traffic_and_is_said() {
    let home = Home::new();
    let outside = tempfile::tempdir().unwrap();
    // The limit of the file's size is the nearest thing to a full disk where nobody may mount one.
    let may_mount =
        Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|out| out.status.success());
    let fill = if may_mount {
        "mount -t tmpfs -o size=400k,mode=700 none \"$TAPGATE_HOME\" || exit 98"
    } else {
        "trap '' XFSZ; ulimit -f 400"
    };
    let script = format!(
        "{fill}; \"$@\"; status=$?; {TAPGATE} ls --table >{0}/out 2>{0}/err; echo $? >{0}/status; exit $status",
        outside.path().display()
    );
    let mut tap = StdioTap::start_with(&home, &[], &[], |command| {
        let mut inside = Command::new(if may_mount { "unshare" } else { "env" });
        inside.args(if may_mount { &["-m"][..] } else { &[] }).args(["bash", "-c", &script, "bash"]);
        inside.arg(TAPGATE).args(command.get_args()).env("TAPGATE_HOME", home.path());
        *command = inside;
    });
    for id in 0..200 {
        let filling: String = (0..8000).map(|n| char::from(b'a' + ((id * 31 + n * n) % 26) as u8)).collect();
        exchange(&mut tap, id, &filling);
    }
    let (status, own) = tap.end();
    assert_eq!(status, Some(0));
    one_line_says(&own, "no room for the journal");
    let read = |name| fs::read_to_string(outside.path().join(name)).unwrap();
    assert_eq!((read("status").trim(), read("err").as_str()), ("0", ""));
    assert!(read("out").contains("JOURNAL"), "{}", read("out"));
}

/// A conversation on a tap of this name.
fn converse(home: &Home, name: &str) {
    let mut tap = StdioTap::start(home, &["--name", name], &[]);
    (0..N_CALLS).for_each(|id| exchange(&mut tap, id, "some text"));
    let (status, own) = tap.end();
    assert_eq!((status, String::from_utf8_lossy(&own).as_ref()), (Some(0), ""));
}

/// A conversation on a tap with this home; gives what the tap itself said on standard error.
fn converse_at(home: &Home, at: &std::path::Path) -> Vec<u8> {
    let mut tap = StdioTap::start_with(home, &[], &[], |command| {
        command.env("TAPGATE_HOME", at);
    });
    (0..20).for_each(|id| exchange(&mut tap, id, "some text"));
    let (status, own) = tap.end();
    assert_eq!(status, Some(0));
    own
}

fn for_the_owner(home: &Home) {
    fs::set_permissions(home.journal(), fs::Permissions::from_mode(0o600)).unwrap();
}

fn exchange(tap: &mut StdioTap, id: usize, filling: &str) {
    let ask = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{{\"name\":\"t\",\"arguments\":{{\"x\":\"{filling} {id}\"}}}}}}\n"
    );
    let answer = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"content\":[]}}}}\n");
    tap.client_says(&[ask.as_bytes()]);
    tap.server_says(&[answer.as_bytes()]);
}

fn one_line_says(own: &[u8], what: &str) {
    let own = String::from_utf8_lossy(own);
    assert_eq!(own.lines().count(), 1, "{own}");
    assert!(own.starts_with("tapgate: ") && own.contains(what), "{own}");
}

fn refuses(ran: &Ran, what: &str) {
    let err = ran.err();
    assert_eq!((ran.code, ran.out().as_str()), (Some(5), ""), "{err}");
    assert!(err.starts_with("tapgate: ") && err.contains(what) && err.contains("  help:  "), "{err}");
}
