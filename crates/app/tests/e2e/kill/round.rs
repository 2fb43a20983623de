//! One conversation on stdio that something ends at a moment that the seed chooses.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek as _, SeekFrom, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};
use tapgate_testkit::Chance;

use crate::support::{Home, Relayed, StdioTap, eventually};

/// Who or what ends a conversation early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    Nobody,
    Tap,
    TapGently,
    Server,
    Client,
    Journal,
}

/// Plays the round; panics with its seed when something is not as it must be.
pub(crate) fn play(death: Death, seed: u64) {
    let mut chance = Chance::new(seed);
    let home = Home::new();
    let (asked, told) = (lines(&mut chance, Side::Client), lines(&mut chance, Side::Server));
    let moment = 1 + chance.below(asked.len() - 1);
    let mut tap = StdioTap::start(&home, &[], &[]);
    let Relayed { stdin, stdout, stderr, pid } = tap.server.take().expect("the server runs");
    let (reached, moment_came) = mpsc::channel();
    let (struck, over) = mpsc::channel::<()>();
    let client_ends = if death == Death::Client {
        (chance.below(asked.len()), chance.below(told.len()))
    } else {
        (asked.len(), usize::MAX)
    };
    let (to_server, from_server) = (tap.to_server.take().expect("a pipe"), tap.from_server);
    let (at_server, at_client) = thread::scope(|scope| {
        let at_server = scope.spawn(move || read(stdin, usize::MAX, moment, Some(reached)));
        let at_client = scope.spawn(move || read(from_server, client_ends.1, 0, None));
        let (asked, told) = (&asked[..client_ends.0], &told);
        let mut sizes = Chance::new(seed + 1000);
        let mut server_sizes = Chance::new(seed + 2000);
        scope.spawn(move || {
            let to_server = write(to_server, asked, &mut sizes);
            // Nobody ends by itself before the death comes, but whose death it is.
            if death != Death::Client {
                let _ = over.recv();
            }
            drop(to_server);
        });
        scope.spawn(move || {
            drop((write(stdout, told, &mut server_sizes), stderr));
        });
        // A client that stops early may never bring the moment.
        if moment_came.recv().is_ok() {
            strike(death, tap.tap.pid(), pid, home.path(), &mut chance);
        }
        drop(struck);
        (at_server.join().unwrap(), at_client.join().unwrap())
    });
    let status = tap.tap.wait();
    let case = format!("{death:?}, seed {seed}");
    assert!(asked.starts_with(&at_server), "{case}: the server got what the client did not send");
    assert!(told.starts_with(&at_client), "{case}: the client got what the server did not send");
    match death {
        Death::Nobody | Death::Journal => {
            assert_eq!(
                (at_server.len(), at_client.len()),
                (asked.len(), told.len()),
                "{case}: something is missing"
            );
            assert_eq!(status.code(), Some(0), "{case}: {status}");
        }
        Death::Tap | Death::Server => assert_eq!(status.signal(), Some(9), "{case}: {status}"),
        Death::TapGently | Death::Client => {}
    }
    assert!(
        eventually(|| processes_of(home.path()).is_empty()),
        "{case}: {:?} are left",
        processes_of(home.path())
    );
    if death == Death::Journal { may_be_read(&home, &case) } else { can_be_read(&home, &case) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// What one side says: requests or notifications of all sizes, one a line.
fn lines(chance: &mut Chance, side: Side) -> Vec<u8> {
    let mut all = Vec::new();
    for id in 0..150 {
        let filling = "x".repeat(chance.below(3000) / (1 + chance.below(20)));
        let line = match side {
            Side::Client => format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t","arguments":{{"x":"{filling}"}}}}}}"#
            ),
            Side::Server => format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":"{filling}"}}}}"#
            ),
        };
        all.extend(line.bytes().chain([b'\n']));
    }
    all
}

/// Writes all of it in pieces, as far as anybody reads; gives the open pipe back.
fn write<W: Write>(mut to: W, mut bytes: &[u8], sizes: &mut Chance) -> W {
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(bytes.len().min(1 + sizes.below(4000)));
        if to.write_all(piece).and_then(|()| to.flush()).is_err() {
            break;
        }
        bytes = rest;
    }
    to
}

/// Reads up to `most` bytes, and tells when `moment` of them have come.
fn read(mut from: impl Read, most: usize, moment: usize, mut reached: Option<Sender<()>>) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 1500];
    while all.len() < most {
        match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(n_read) => all.extend_from_slice(&buffer[..n_read]),
        }
        if all.len() >= moment {
            // Whoever waits for it has gone on when it comes again.
            let _ = reached.take().map(|reached| reached.send(()));
        }
    }
    all.truncate(most);
    all
}

fn strike(death: Death, tap: i32, server: i32, home: &Path, chance: &mut Chance) {
    match death {
        Death::Tap => crate::support::send(tap, Signal::KILL),
        Death::TapGently => crate::support::send(tap, Signal::TERM),
        // It may be gone already.
        Death::Server => drop(kill_process_group(Pid::from_raw(server).unwrap(), Signal::KILL)),
        Death::Journal => break_journal(home, chance),
        Death::Nobody | Death::Client => {}
    }
}

/// Does to the journal's files what failing disks and tidy people do.
fn break_journal(home: &Path, chance: &mut Chance) {
    // The tap makes the journal soon, but not before traffic passes.
    let journal = home.join("journal.db");
    eventually(|| journal.exists());
    let files: Vec<_> = fs::read_dir(home)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    let file = &files[chance.below(files.len())];
    // SQLite maps the index of its log (`-shm`) into memory: whoever cuts that file short ends every program that has
    // it open, and no disk does that.
    let is_mapped = file.extension().is_some_and(|ending| ending == "db-shm");
    match chance.below(4) {
        // A file may be gone by itself.
        0 => drop(fs::remove_file(file)),
        1 => drop(fs::remove_dir_all(home)),
        2 if !is_mapped => drop(
            OpenOptions::new()
                .write(true)
                .open(file)
                .and_then(|file| file.set_len(chance.below(9000) as u64)),
        ),
        _ => drop(OpenOptions::new().write(true).open(file).and_then(|mut file| {
            let size = file.metadata()?.len();
            file.seek(SeekFrom::Start(chance.below(size as usize + 1) as u64))?;
            file.write_all(&[0xa5; 700])
        })),
    }
}

/// The processes that carry this home in their environment: a tap and all that came of it.
fn processes_of(home: &Path) -> Vec<String> {
    let mark = format!("TAPGATE_HOME={}\0", home.display()).into_bytes();
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    pids.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| {
            // A process that ends meanwhile is none of them.
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.windows(mark.len()).any(|window| window == mark)
        })
        .collect()
}

/// The journal is sound, and people can look at it.
pub(crate) fn can_be_read(home: &Home, case: &str) {
    for args in [&["ls"][..], &["calls", "--limit", "0"], &["stats"]] {
        let ran = home.run(args);
        assert_eq!((ran.code, ran.err().as_str()), (Some(0), ""), "{case}: {args:?}");
    }
    if home.journal().exists() {
        let journal = rusqlite::Connection::open(home.journal()).unwrap();
        let verdict: String = journal.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok", "{case}");
    }
}

/// A broken journal is read, or people are told why not and what to do.
fn may_be_read(home: &Home, case: &str) {
    for args in [&["ls"][..], &["calls", "--limit", "0"]] {
        let ran = home.run(args);
        let told = ran.err().contains("  help:  ") && ran.err().starts_with("tapgate: ");
        let fine = ran.code == Some(0) || (ran.code == Some(5) && told);
        assert!(fine, "{case}: {args:?} ends with {:?} and says {}", ran.code, ran.err());
    }
}
