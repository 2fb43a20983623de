//! A player's messages as lines on the pipes of a tap.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use tapgate_transport::Allowance;

use super::Came;

/// Lines that wait to be read, and lines that wait to be written: a server that says more has to wait, and one that does
/// not read what is said to it counts as gone.
const MAX_LINES: usize = 256;

/// Most bytes of one line; of a longer one nothing is read.
const MAX_LINE: u64 = 64 << 20;

/// What each line costs of the allowance at least: what is small costs who records it as much.
const COST: u64 = 1024;

/// The pipes of a tap.
#[derive(Debug)]
pub(super) struct Pipes {
    to_server: Option<SyncSender<String>>,
    lines: Receiver<Bytes>,
}

impl Pipes {
    pub(super) fn of(tap: &mut Child, allowance: Allowance) -> Self {
        let (told, lines) = sync_channel(MAX_LINES);
        if let Some(from_server) = tap.stdout.take() {
            thread::spawn(move || read(from_server, &told, &allowance));
        }
        let (to_server, said) = sync_channel::<String>(MAX_LINES);
        if let Some(mut stdin) = tap.stdin.take() {
            // A server that does not read stops this thread alone, until its tap is ended.
            thread::spawn(move || {
                said.iter().try_for_each(|line| stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()))
            });
        }
        Self { to_server: Some(to_server), lines }
    }

    pub(super) fn send(&mut self, line: &str) -> io::Result<()> {
        let to_server = self.to_server.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        to_server.try_send(format!("{line}\n")).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    pub(super) fn next(&mut self, wait: Duration) -> Came {
        match self.lines.recv_timeout(wait) {
            Ok(line) => Came::Said(line),
            Err(RecvTimeoutError::Timeout) => Came::Nothing,
            Err(RecvTimeoutError::Disconnected) => Came::Over,
        }
    }

    /// Says that nothing more will be asked.
    pub(super) fn close(&mut self) {
        self.to_server = None;
    }
}

/// Tells the lines of a server until it ends, says one that is too long, or has said all that it may.
fn read(from_server: ChildStdout, told: &SyncSender<Bytes>, allowance: &Allowance) {
    let mut reader = BufReader::new(from_server);
    loop {
        let mut line = Vec::new();
        match reader.by_ref().take(MAX_LINE.min(allowance.left())).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(n) if !allowance.take(COST.max(n as u64)) || line.last() != Some(&b'\n') => return,
            Ok(_) => {}
        }
        line.pop();
        if told.send(line.into()).is_err() {
            return;
        }
    }
}
