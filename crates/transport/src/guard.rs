//! A tiny process that ends the server's process group when the tap can no longer do it.
//!
//! A tap that is killed hard cannot clean up after itself, and the system does not end a process group
//! with the process that started it.
//! So the tap starts a guard beside the server: our own binary with an argument that makes it call [`run`].
//! The guard sits in a process group of its own, ignores what people send to processes, and reads a pipe
//! whose other end only the tap holds.
//! The pipe brings the group's number and ends when the tap closes it or dies, however it dies; then the
//! guard sends TERM to the group, waits a grace period, sends KILL and exits.
//! The tap ends a server's leftovers in the same way, by closing the pipe, so there is one way to end a group.
//!
//! The guard is started before the server (about 0.2 ms; the rest of its start runs beside the server's).
//! Unguarded remains the time in which the system turns the tap's new child into the server, about 1 ms:
//! only then its number is known and written. A tap that is killed just then leaves a server whose input has
//! ended, with nobody to send it TERM.

mod group;

use std::io::{self, PipeWriter, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use signal_hook::consts as signal;

pub(crate) use self::group::Group;

/// What people, terminals and shells send to processes that they want to end or stop.
const IGNORED: [i32; 10] = [
    signal::SIGTERM,
    signal::SIGINT,
    signal::SIGHUP,
    signal::SIGQUIT,
    signal::SIGUSR1,
    signal::SIGUSR2,
    signal::SIGALRM,
    signal::SIGTSTP,
    signal::SIGTTIN,
    signal::SIGTTOU,
];

/// The longest order that a tap writes: two numbers and white space.
const MAX_ORDER: u64 = 64;

/// Does a guard's work: waits until standard input ends, then ends the group that it named.
///
/// The binary calls this first thing when its arguments say that it is a guard.
/// Returns when the group is gone, or when it was killed and something of it is still listed.
pub fn run() -> io::Result<()> {
    for number in IGNORED {
        // A handler that only sets a flag nobody reads; `exec` inherits nothing of it.
        signal_hook::flag::register(number, Arc::new(AtomicBool::new(false)))?;
    }
    let mut order = String::new();
    io::stdin().lock().take(MAX_ORDER).read_to_string(&mut order)?;
    // A tap that died before it started a server left no order.
    if let Some((group, grace)) = read_order(&order) {
        group.end(grace);
    }
    Ok(())
}

/// The tap's hold on its guard.
#[derive(Debug)]
pub(crate) struct Guard {
    child: Child,
    /// Dropping this makes the guard end the group.
    pipe: Option<PipeWriter>,
}

impl Guard {
    /// Starts a guard that does not know its group yet.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        let (order, pipe) = io::pipe()?;
        // A guard that kept the client's pipes open would hide from the client that the tap is gone.
        command.stdin(order).stdout(Stdio::null()).stderr(Stdio::null());
        // What is sent to the tap's group, even KILL, must not reach the guard.
        command.process_group(0);
        Ok(Self { child: command.spawn()?, pipe: Some(pipe) })
    }

    /// Tells the guard which group to end, and how long that group may take between TERM and KILL.
    pub(crate) fn watch(&mut self, group: Group, grace: Duration) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else {
            return Ok(());
        };
        // One short write goes into the pipe whole, whether the guard runs already or not.
        pipe.write_all(format!("{} {}\n", group.number(), grace.as_millis()).as_bytes())
    }

    /// Lets the guard end what is left of the group.
    pub(crate) fn release(&mut self) {
        self.pipe = None;
    }

    /// Says whether the guard has done its work (or was killed).
    pub(crate) fn is_done(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

fn read_order(order: &str) -> Option<(Group, Duration)> {
    let (group, grace) = order.strip_suffix('\n')?.split_once(' ')?;
    Some((Group::numbered(group.parse().ok()?)?, Duration::from_millis(grace.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_order_names_a_group() {
        let read = |order| read_order(order).map(|(group, grace)| (group.number(), grace.as_millis()));
        assert_eq!(read("4711 2000\n"), Some((4711, 2000)));
        // Groups 0, 1 and negative ones would be our own, everybody's, or somebody else's.
        for order in ["", "47", "4711 20", "4711\n", "0 5\n", "1 5\n", "-5 5\n", "x 5\n", "5 x\n", "5 -1\n"] {
            assert_eq!(read(order), None, "{order:?}");
        }
    }
}
