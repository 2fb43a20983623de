//! The stdio tap alone, for tests and measurements: `tap_stdio [--see FILE] COMMAND [ARGUMENT…]`.
//!
//! With `--see`, everything that the observer was told is written to FILE, one line an event.

#![expect(clippy::expect_used, reason = "a wrong command line of a test may panic")]

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use tapgate_transport::queue::Turn;
use tapgate_transport::stdio::{ClientPipes, Options, tap};
use tapgate_transport::{Clock, Observer, Seen, guard, queue};

const GUARD: &str = "--guard";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.next_if(|argument| argument == GUARD).is_some() {
        return guard::run().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let mut out: Box<dyn io::Write + Send> = Box::new(io::sink());
    if arguments.next_if(|argument| argument == "--see").is_some() {
        let path = arguments.next().expect("--see names a file");
        out = Box::new(BufWriter::new(File::create(path).expect("the file can be made")));
    }
    let mut command = Command::new(arguments.next().expect("a command"));
    command.args(arguments);
    let mut guard = Command::new("/proc/self/exe");
    guard.arg0("tap-guard").arg(GUARD);
    let mut options = Options::with_guard(guard);
    if let Ok(grace) = std::env::var("TAP_GRACE_MS") {
        options.grace = Duration::from_millis(grace.parse().expect("a number"));
    }

    let (witness, observer) = queue(16 << 20);
    let watcher = thread::spawn(move || watch(observer, &mut out));
    let client = ClientPipes::take().expect("the pipes are there");
    let exit = tap(command, client, &witness, Clock::start(), options);
    drop(witness);
    drop(watcher.join());
    match exit {
        Ok(exit) => exit.imitate(),
        Err(error) => {
            drop(writeln!(io::stderr(), "failed to {error}"));
            ExitCode::from(4)
        }
    }
}

fn watch(mut observer: Observer, out: &mut dyn io::Write) -> io::Result<()> {
    let mut batch = Vec::new();
    while observer.recv_batch(&mut batch, Duration::from_mins(1)) != Turn::Closed {
        for seen in &batch {
            match seen {
                Seen::Bytes { from, chunk, .. } => {
                    writeln!(out, "bytes {from:?} {} {:x?}", chunk.bytes.len(), &*chunk.bytes)?;
                }
                Seen::Stderr { chunk, .. } => {
                    writeln!(out, "stderr {} {:x?}", chunk.bytes.len(), &*chunk.bytes)?;
                }
                Seen::Closed { from, how, .. } => writeln!(out, "closed {from:?} {how:?}")?,
                Seen::Started { pid, .. } => writeln!(out, "started {pid}")?,
                Seen::Exited { status, .. } => writeln!(out, "exited {status}")?,
                Seen::Lost { n_bytes, .. } => writeln!(out, "lost {n_bytes}")?,
                Seen::Note { .. } | Seen::Asked { .. } | Seen::Answered { .. } | Seen::Passed { .. } => {}
            }
        }
        out.flush()?;
    }
    Ok(())
}
