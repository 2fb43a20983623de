//! Many processes at one journal, some of which are killed.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use tapgate_store::{Finished, Journal, Options, trouble_noted};
use tapgate_wire::record::{Record, Status};

use crate::support::*;

const JOB: &str = "TAPGATE_STORE_TEST_JOB";
const HOME: &str = "TAPGATE_STORE_TEST_HOME";

/// Calls that each of the writers of one test writes.
const CALLS: u64 = 300;

/// Starts this test binary again to do `job`, through `before` (a command that runs another) if it is not empty.
fn start(before: &[&str], job: &str, home: &Path) -> Child {
    let this = env::current_exe().unwrap();
    let mut words: Vec<_> = before.iter().map(PathBuf::from).collect();
    words.push(this);
    words.extend(["--exact", "processes::does_the_job_of_a_child", "--nocapture"].map(PathBuf::from));
    let (program, arguments) = words.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).env(JOB, job).env(HOME, home);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// The entry of the processes that the tests below start; by itself it has nothing to do.
#[test]
fn does_the_job_of_a_child() {
    let Ok(job) = env::var(JOB) else { return };
    let home = PathBuf::from(env::var(HOME).unwrap());
    match job.as_str() {
        "write" => write_calls(&home),
        "write-until-killed" => write_until_killed(&home),
        "fill-a-disk" => fill_a_disk(&home),
        other => panic!("no job {other}"),
    }
}

fn write_calls(home: &Path) {
    let journal = Journal::open(home, Options::new(|| NOW));
    journal.write(vec![Record::Source(source(&std::process::id().to_string())), Record::Session(session(1))]);
    for n in 1..=CALLS {
        let body = format!("{} {n} {}", std::process::id(), "z".repeat(n as usize));
        // A pause now and then makes many transactions of them.
        journal.write(call_in(1, n, NOW, &body));
        if n % 10 == 0 {
            assert!(journal.flush(WAIT), "{:?}", journal.trouble());
        }
    }
    assert_eq!(journal.finish(WAIT), Finished::Flushed);
}

#[test]
fn eight_processes_write_and_two_follow_and_nothing_is_lost() {
    let home = Home::new();
    let mut readers = [home.reader(), home.reader()];
    let mut children: Vec<_> = (0..8).map(|_| start(&[], "write", &home.path())).collect();
    let mut n_changes = [0, 0];
    let mut seen = [vec![], vec![]];
    while children.iter_mut().any(|child| child.try_wait().unwrap().is_none()) {
        for ((reader, n_changes), seen) in readers.iter_mut().zip(&mut n_changes).zip(&mut seen) {
            if reader.changed().unwrap() {
                *n_changes += 1;
                let since = seen.last().copied();
                let query = tapgate_store::Query { since, ..Default::default() };
                seen.extend(exchanges(reader, &query).iter().map(|row| row.id));
            }
        }
        std::thread::yield_now();
    }
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let n_all = 8 * CALLS as usize;
    for ((reader, n_changes), mut seen) in readers.iter_mut().zip(n_changes).zip(seen) {
        assert!(n_changes > 10, "{n_changes} changes seen");
        reader.changed().unwrap();
        let query = tapgate_store::Query { since: seen.last().copied(), ..Default::default() };
        seen.extend(exchanges(reader, &query).iter().map(|row| row.id));
        let rows = all(reader);
        assert_eq!(rows.len(), n_all);
        assert_eq!(seen, rows.iter().map(|row| row.id).collect::<Vec<_>>(), "a follower misses nothing");
        assert!(rows.iter().all(|row| row.status == Status::Ok));
        let sources = reader.sources().unwrap();
        assert_eq!(sources.len(), 8);
        assert!(sources.iter().all(|row| row.lost_records == 0));
        for session in reader.sessions(None, None).unwrap() {
            let messages = messages_of(reader, session.id);
            assert_eq!(messages.len(), 2 * CALLS as usize);
            let source = reader.source(session.source).unwrap().unwrap();
            assert!(texts(&messages).iter().all(|text| text.starts_with(&format!("{} ", source.name))));
        }
    }
    assert_sound(&home.path());
}

fn assert_sound(home: &Path) {
    let connection = Connection::open(home.join("journal.db")).unwrap();
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let wrong =
        "SELECT count(*) FROM content WHERE refs != (SELECT count(*) FROM message WHERE body = content.id)
        + (SELECT count(*) FROM message WHERE head = content.id)";
    let n_wrong: i64 = connection.query_row(wrong, [], |row| row.get(0)).unwrap();
    assert_eq!(n_wrong, 0, "contents are counted right");
}

fn write_until_killed(home: &Path) {
    let journal = Journal::open(home, Options::new(|| NOW));
    journal.write(vec![Record::Source(source("killed")), Record::Session(session(1))]);
    for n in 1.. {
        for record in call_in(1, n, NOW, &format!("{n} {}", "k".repeat((n * 71 % 700) as usize))) {
            journal.write(vec![record]);
        }
        if n % 7 == 0 {
            assert!(journal.flush(WAIT), "{:?}", journal.trouble());
            println!("\nflushed {n}");
        }
    }
}

#[test]
fn a_killed_writer_leaves_a_readable_journal_with_all_that_was_flushed() {
    let home = Home::new();
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for round in 1..=24 {
        // Each round goes on in the same journal, over whatever the last one left.
        let mut child = start(&[], "write-until-killed", &home.path());
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        // The moment is after some flushes and some spinning, which lands it anywhere in a transaction.
        let (n_flushes, n_spins) = (seed % 12, seed / 16 % 2_000_000);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut flushed = 0;
        let number = |line: String| line.strip_prefix("flushed ").and_then(|n| n.parse::<u64>().ok());
        for n in lines.by_ref().map_while(Result::ok).filter_map(number).take(n_flushes as usize) {
            flushed = n;
        }
        for spin in 0..n_spins {
            std::hint::black_box(spin);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        flushed = lines.map_while(Result::ok).filter_map(number).last().unwrap_or(flushed);

        // A reader comes first, so that it meets what the writer left and nobody has cleaned up.
        let reader = home.reader();
        let sessions = reader.sessions(None, None).unwrap();
        assert_sound(&home.path());
        let Some(last) = sessions.first().filter(|_| flushed > 0) else {
            continue;
        };
        let query = tapgate_store::Query { session: Some(last.id), ..Default::default() };
        let rows = exchanges(&reader, &query);
        let n_done = rows.iter().filter(|row| row.status == Status::Ok).count() as u64;
        assert!(n_done >= flushed, "round {round}: {n_done} of {flushed} flushed calls are there");
        for row in rows.iter().filter(|row| row.status == Status::Ok) {
            assert_eq!(reader.messages(row).unwrap().len(), 2, "round {round}: {row:?}");
        }
        assert!(messages_of(&reader, last.id).len() as u64 >= 2 * flushed);
    }
}

/// Runs on a file system of 2 MiB of its own, at `home`'s parent.
fn fill_a_disk(home: &Path) {
    let journal = Journal::open(home, Options::new(|| NOW));
    journal.write(vec![Record::Source(source("full"))]);
    journal.write(call_in(1, 1, NOW, "before"));
    assert!(journal.flush(WAIT), "{:?}", journal.trouble());
    // The rest of the disk goes to someone else.
    let filler = home.with_file_name("filler");
    let mut file = OpenOptions::new().create(true).append(true).open(&filler).unwrap();
    while file.write_all(&[7; 4096]).is_ok() {}
    let mut n = 2;
    while journal.trouble().is_none() {
        journal.write(call_in(1, n, NOW, &format!("{n} {}", "f".repeat(5000))));
        n += 1;
        // Little by little, so that what waits fits the disk when there is room again.
        journal.flush(Duration::from_millis(200));
    }
    let code = journal.trouble().map(|trouble| trouble.code());
    assert_eq!(code, Some("journal-full"));
    assert!(trouble_noted(home).is_some());
    assert_eq!(tapgate_store::Reader::open(home).unwrap().health().unwrap().trouble, trouble_noted(home));

    drop(file);
    fs::remove_file(filler).unwrap();
    journal.write(call_in(2, n, NOW, "after"));
    assert!(journal.flush(WAIT), "{:?}", journal.trouble());
    assert_eq!(journal.trouble(), None);
    assert_eq!(trouble_noted(home), None);
    let reader = tapgate_store::Reader::open(home).unwrap();
    let row = all(&reader).pop().unwrap();
    assert_eq!(texts(&reader.messages(&row).unwrap()), ["after", "after"]);
    assert_eq!(reader.sources().unwrap()[0].lost_records, journal.lost().records);
    assert_sound(home);
}

#[test]
fn a_full_disk_stops_recording_until_there_is_room() {
    let home = Home::new();
    let dir = home.dir.path().to_str().unwrap();
    let mount = format!("mount -t tmpfs -o size=2m tmpfs '{dir}' && exec \"$@\"");
    // Root may make a mount namespace; others need one of users too.
    let ways: [&[&str]; 2] = [&["unshare", "-m"], &["unshare", "-rm"]];
    let works =
        |way: &&&[&str]| Command::new(way[0]).args([way[1], "true"]).status().is_ok_and(|s| s.success());
    let way = ways.iter().find(works).expect("this test needs a mount namespace, from root or for users");
    let before = [way, &["sh", "-c", &mount, "sh"][..]].concat();
    let output = start(&before, "fill-a-disk", &home.path()).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
