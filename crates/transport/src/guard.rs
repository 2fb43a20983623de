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
//! A bridge has one guard for all its servers: it names each group when it starts and takes it back when it ended.
//!
//! The guard is started before the server (about 0.2 ms; the rest of its start runs beside the server's).
//! Unguarded remains the time in which the system turns the tap's new child into the server, about 1 ms:
//! only then its number is known and written. A tap that is killed just then leaves a server whose input has
//! ended, with nobody to send it TERM.

mod group;

use std::io::{self, BufRead as _, PipeWriter, Write as _};
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

/// Does a guard's work: waits until standard input ends, then ends the groups that it named.
///
/// The binary calls this first thing when its arguments say that it is a guard.
/// Returns when the groups are gone, or when they were killed and something of them is still listed.
pub fn run() -> io::Result<()> {
    for number in IGNORED {
        // A handler that only sets a flag nobody reads; `exec` inherits nothing of it.
        signal_hook::flag::register(number, Arc::new(AtomicBool::new(false)))?;
    }
    // A tap that died before it started a server left no order.
    let mut watched = Vec::new();
    let mut grace = Duration::ZERO;
    let mut orders = io::stdin().lock();
    let mut order = String::new();
    while orders.read_line(&mut order)? > 0 {
        match read_order(&order) {
            Some(Order::Watch(group, of_group)) => {
                watched.push(group);
                grace = grace.max(of_group);
            }
            Some(Order::Leave(left)) => watched.retain(|&group| group != left),
            None => {}
        }
        order.clear();
    }
    Group::end(&watched, grace);
    Ok(())
}

/// What a tap tells its guard, a line each.
#[derive(Debug, PartialEq, Eq)]
enum Order {
    /// `4711 2000`: end this group when the pipe ends; it has so many milliseconds between TERM and KILL.
    Watch(Group, Duration),
    /// `4711 -`: the group is gone, and its number may soon be somebody else's.
    Leave(Group),
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

    /// Tells the guard that a group is gone.
    pub(crate) fn leave(&mut self, group: Group) -> io::Result<()> {
        match &mut self.pipe {
            Some(pipe) => pipe.write_all(format!("{} -\n", group.number()).as_bytes()),
            None => Ok(()),
        }
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

fn read_order(order: &str) -> Option<Order> {
    let (group, what) = order.strip_suffix('\n')?.split_once(' ')?;
    let group = Group::numbered(group.parse().ok()?)?;
    match what {
        "-" => Some(Order::Leave(group)),
        grace => Some(Order::Watch(group, Duration::from_millis(grace.parse().ok()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_order_names_a_group() {
        let group = Group::numbered(4711).unwrap();
        assert_eq!(read_order("4711 2000\n"), Some(Order::Watch(group, Duration::from_secs(2))));
        assert_eq!(read_order("4711 -\n"), Some(Order::Leave(group)));
        // Groups 0, 1 and negative ones would be our own, everybody's, or somebody else's.
        for order in
            ["", "47", "4711 20", "4711\n", "0 5\n", "1 5\n", "-5 5\n", "x 5\n", "5 x\n", "5 -1\n", "4711 -"]
        {
            assert_eq!(read_order(order), None, "{order:?}");
        }
    }
}
