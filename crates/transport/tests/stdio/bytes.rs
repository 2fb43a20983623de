//! Every byte passes as it came.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use tapgate_transport::queue::Turn;
use tapgate_transport::stdio::{ClientPipes, Exit, Options, tap};
use tapgate_transport::{Clock, Seen, queue};
use tapgate_wire::Leg;
use tapgate_wire::stream::Ending;

use crate::rig::{Dice, Running, children_of, guard_and_server_of, python, signal, tap_binary};

/// Writes `bytes` in pieces of random sizes.
fn write_split(mut to: impl io::Write, mut bytes: &[u8], dice: &mut Dice) {
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(bytes.len().min(1 + dice.roll(100_000)));
        to.write_all(piece).unwrap();
        bytes = rest;
    }
}

/// Bodies that a proxy which thinks in lines, or in text, would change.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let mut dice = Dice(11);
    let mut long_line = vec![b'x'; 10_000_000];
    long_line.push(b'\n');
    vec![
        ("nothing", Vec::new()),
        ("one byte", b"{".to_vec()),
        ("no newline at the end", b"{\"a\":1}\n{\"b\"".to_vec()),
        ("line ends of all kinds", b"a\r\nb\n\n\r\rc\0\x1a\x04d\n".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}\n".to_vec()),
        ("text that is not UTF-8", b"\xff\xfe{}\x80\xc3\n".to_vec()),
        ("a line of 10 MB", long_line),
        ("3 MB of anything", dice.bytes(3_000_000)),
    ]
}

#[test]
fn what_goes_in_comes_out_whatever_it_is_and_however_it_is_cut() {
    for (what, body) in bodies() {
        let mut tap = Running::tap(&["cat"]);
        let stdin = tap.stdin.take().unwrap();
        let sent = body.clone();
        let writer = thread::spawn(move || write_split(stdin, &sent, &mut Dice(7)));
        assert!(tap.rest_of_stdout() == body, "{what}");
        writer.join().unwrap();
        assert_eq!(tap.status(), 0, "{what}");
        assert_eq!(tap.rest_of_stderr(), "", "{what}");
    }
}

#[test]
fn standard_error_passes_as_it_came() {
    let mut tap = Running::tap(&["sh", "-c", "printf 'no end\\377\\n\\0' >&2; cat >&2"]);
    drop(tap.stdin.take());
    let mut stderr = Vec::new();
    tap.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
    assert_eq!(stderr, b"no end\xff\n\0");
    assert_eq!(tap.rest_of_stdout(), b"");
}

#[test]
fn a_part_of_a_line_does_not_wait_for_its_end() {
    let mut tap = Running::tap(&["cat"]);
    for part in [&b"{\"jsonrpc\""[..], b":", b"\"2.0\"}", b"\n"] {
        tap.send(part);
        let mut back = vec![0; part.len()];
        tap.stdout.as_mut().unwrap().read_exact(&mut back).unwrap();
        assert_eq!(back, part);
    }
}

/// Taps in this process and gives back how the server ended, what came out, and what the witness told.
fn tap_here(server: &[&str], input: &[u8]) -> (Exit, Vec<u8>, Vec<Seen>) {
    let ((stdin, mut feed), (mut out, stdout), (_err, stderr)) =
        (io::pipe().unwrap(), io::pipe().unwrap(), io::pipe().unwrap());
    let client = ClientPipes { stdin: stdin.into(), stdout: stdout.into(), stderr: stderr.into() };
    let (witness, mut observer) = queue(64 << 20);
    let mut command = Command::new(server[0]);
    command.args(&server[1..]);
    let mut guard = Command::new(tap_binary());
    guard.arg("--guard");
    let (exit, came) = thread::scope(|scope| {
        scope.spawn(move || {
            write_split(&mut feed, input, &mut Dice(5));
        });
        let came = scope.spawn(move || {
            let mut came = Vec::new();
            out.read_to_end(&mut came).unwrap();
            came
        });
        let exit = tap(command, client, &witness, Clock::start(), Options::with_guard(guard)).unwrap();
        (exit, came.join().unwrap())
    });
    drop(witness);
    let (mut all, mut batch) = (Vec::new(), Vec::new());
    while observer.recv_batch(&mut batch, Duration::ZERO) != Turn::Closed {
        all.append(&mut batch);
    }
    (exit, came, all)
}

#[test]
fn the_witness_is_told_exactly_what_passed_and_how_it_ended() {
    let input = Dice(3).bytes(1_000_000);
    let (exit, came, all) = tap_here(&["sh", "-c", "cat; echo sorry >&2; exit 9"], &input);
    assert_eq!(exit, Exit::Code(9));
    assert!(came == input);
    let (mut asked, mut answered, mut stderr, mut words) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut last_in, mut last_out) = (None, None);
    let mut n_waiting = [0_i32; 2];
    for seen in all {
        match seen {
            Seen::Bytes { from: Leg::Client, chunk, .. } => {
                assert!(last_in.replace(chunk.at) <= Some(chunk.at));
                n_waiting[0] += 1;
                asked.extend_from_slice(&chunk.bytes);
            }
            Seen::Bytes { from: Leg::Server, chunk, .. } => {
                assert!(last_out.replace(chunk.at) <= Some(chunk.at));
                n_waiting[1] += 1;
                answered.extend_from_slice(&chunk.bytes);
            }
            Seen::Passed { from, at, .. } => {
                // Each read is told as passed once, after it was told as read.
                let (read, n) = match from {
                    Leg::Client => (last_in, &mut n_waiting[0]),
                    Leg::Server => (last_out, &mut n_waiting[1]),
                };
                assert!(Some(at) >= read);
                *n -= 1;
            }
            Seen::Stderr { chunk, .. } => stderr.extend_from_slice(&chunk.bytes),
            Seen::Closed { from, how: Ending::Clean, .. } => words.push(format!("closed {from:?}")),
            Seen::Started { .. } => words.insert(0, "started".to_owned()),
            Seen::Exited { status, .. } => words.push(format!("exited {status}")),
            other => panic!("{other:?}"),
        }
    }
    assert!(asked == input && answered == input);
    assert_eq!(n_waiting, [0, 0]);
    assert_eq!(stderr, b"sorry\n");
    words.sort();
    assert_eq!(words, ["closed Client", "closed Server", "exited 9", "started"]);
}

/// What a chatty server or client says: a block of a million bytes, again and again.
fn is_prefix(came: &[u8], block: &[u8]) -> bool {
    came.chunks(block.len()).all(|chunk| block.starts_with(chunk))
}

#[test]
fn all_that_a_server_wrote_before_it_was_killed_arrives_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (block_path, log_path) = (folder.path().join("block"), folder.path().join("log"));
    let block = Dice(23).bytes(1_000_003);
    File::create(&block_path).unwrap().write_all(&block).unwrap();
    let program = format!(
        "import os
block = open({block_path:?}, 'rb').read()
log = os.open({log_path:?}, os.O_CREAT | os.O_WRONLY)
at = 0
while True:
    start = at % len(block)
    at += os.write(1, block[start:start + 50021])
    os.pwrite(log, b'%20d' % at, 0)
"
    );
    for seed in 1..=20 {
        let mut dice = Dice(seed);
        let mut tap = Running::tap(&python(&program));
        let mut came = vec![0; 1 + dice.roll(3_000_000)];
        tap.stdout.as_mut().unwrap().read_exact(&mut came).unwrap();
        let (_, server) = guard_and_server_of(tap.pid());
        signal(server, Signal::KILL);
        came.extend(tap.rest_of_stdout());
        assert_eq!(tap.status(), 137, "seed {seed}");
        let n_written: usize = std::fs::read_to_string(&log_path).unwrap().trim().parse().unwrap();
        assert!(came.len() >= n_written, "seed {seed}: {} of {n_written}", came.len());
        assert!(is_prefix(&came, &block), "seed {seed}");
    }
}

#[test]
fn a_server_gets_a_prefix_of_what_a_killed_client_said_and_all_of_what_a_client_that_closed_said() {
    let folder = tempfile::tempdir().unwrap();
    let got_path = folder.path().join("got");
    let got = format!("exec cat > '{}'", got_path.display());
    let block = Dice(29).bytes(1_000_003);
    for seed in 1..=20 {
        let mut dice = Dice(seed);
        let n_sent = 1 + dice.roll(900_000);
        // A server that is killed before it opens its file leaves none.
        std::fs::write(&got_path, "").unwrap();
        let mut tap = Running::tap(&["sh", "-c", &got]);
        tap.send(&block[..n_sent]);
        let is_killed = seed % 2 == 0;
        if is_killed {
            let processes = children_of(tap.pid());
            signal(tap.pid(), Signal::KILL);
            tap.wait();
            crate::rig::until_gone(&processes);
        } else {
            drop(tap.stdin.take());
            assert_eq!(tap.status(), 0, "seed {seed}");
        }
        let got = std::fs::read(&got_path).unwrap();
        assert!(is_prefix(&got, &block), "seed {seed}");
        assert!(
            got.len() <= n_sent && (is_killed || got.len() == n_sent),
            "seed {seed}: {} of {n_sent}",
            got.len()
        );
    }
}

#[test]
fn what_a_server_said_last_waits_for_a_client_that_reads_slowly() {
    // More than the client's pipe holds and less than both pipes do, however much the tap has read: so the
    // server is gone before the client has begun to read, and has left something.
    let mut tap = Running::tap(&["sh", "-c", "head -c 100000 /dev/zero; echo end"]);
    crate::rig::until("the server is gone", || children_of(tap.pid()).is_empty());
    let out = tap.rest_of_stdout();
    assert_eq!(out.len(), 100_004);
    assert!(out.ends_with(b"\0end\n"));
    assert_eq!(tap.status(), 0);
}
