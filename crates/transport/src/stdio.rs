//! The transparent tap between a client's pipes and a server's process.
//!
//! Three threads carry bytes, one for each direction and one for standard error, so that a reader who
//! stalls on one side never stops another; the thread that called [`tap`] looks after signals and the process.
//! A read is told to the [`Witness`], which takes nanoseconds, and written on at once; only then is anybody woken.
//!
//! What passes: every byte, the closing of each pipe, signals, and how the server ended.
//! What does not: a server's children that outlive it. They are ended with it, and the whole group is
//! ended when the tap or the client dies, however it dies (see [`crate::guard`]).

mod exit;
mod lane;
mod lanes;
pub(crate) mod server;
mod watch;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::Signal;
use rustix::stdio::{dup2_stdin, dup2_stdout, stderr, stdin, stdout};
use tapgate_wire::{Leg, StreamId};

pub use self::exit::Exit;
use self::lanes::Lanes;
use self::server::Server;
use self::watch::{Processes, Signals, Watch};
use crate::clock::Clock;
use crate::error::Error;
use crate::guard::{Group, Guard};
use crate::queue::Witness;
use crate::seen::Seen;

/// The client's side of a tap.
#[derive(Debug)]
pub struct ClientPipes {
    /// Where the client's bytes come from.
    pub stdin: OwnedFd,
    /// Where the server's bytes go.
    pub stdout: OwnedFd,
    /// Where the server's standard error goes.
    pub stderr: OwnedFd,
}

impl ClientPipes {
    /// Takes this process's own standard input and output, and shares its standard error.
    ///
    /// `/dev/null` takes their place, so that nothing else in this process can read what the client says
    /// or write into what it reads, and so that closing a pipe really closes it.
    pub fn take() -> io::Result<Self> {
        let private = |fd: &dyn AsFd| fcntl_dupfd_cloexec(fd.as_fd(), 3);
        let pipes =
            Self { stdin: private(&stdin())?, stdout: private(&stdout())?, stderr: private(&stderr())? };
        let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        Ok(pipes)
    }
}

/// What a tap needs besides its two peers.
#[derive(Debug)]
pub struct Options {
    /// The command that makes our own binary call [`crate::guard::run`].
    ///
    /// On Linux let it run `/proc/self/exe`, which an update of the binary does not take away, under a
    /// name (`arg0`) that says what it is.
    pub guard: Command,
    /// How long processes that are to end may take: between the end of a client that died and TERM,
    /// and between TERM and KILL.
    pub grace: Duration,
    /// How long the tap waits, once the server is gone, for others who hold its pipes, and for a client
    /// who asked the tap to end and does not read.
    pub drain: Duration,
}

impl Options {
    /// Uses the times that official clients give their servers: 2 s of grace, and less to drain.
    pub fn with_guard(guard: Command) -> Self {
        Self { guard, grace: Duration::from_secs(2), drain: Duration::from_millis(500) }
    }
}

/// Runs `command` as the server of `client` until it has ended and all that it said was forwarded.
///
/// Sets the command's pipes and process group and leaves the rest of it (arguments, environment, working
/// directory) as it is.
/// Takes over TERM, INT, HUP, QUIT, USR1, USR2 and WINCH of this process, which pass to the server's
/// group from then on, so call this once, near the end of a process's life, and [`Exit::imitate`] after it.
///
/// Blocks the calling thread; every thread that it starts has ended when it returns.
pub fn tap(
    command: Command,
    client: ClientPipes,
    witness: &Witness,
    clock: Clock,
    options: Options,
) -> Result<Exit, Error> {
    let peer = server::name(&command);
    let edge = |doing| {
        let peer = peer.clone();
        move |source| Error::Edge { leg: Leg::Server, peer, doing, source }
    };
    let mut guard = Guard::start(options.guard).map_err(edge("start the guard"))?;
    let signals = Signals::of_children().map_err(edge("watch for the end"))?;
    let server = Server::start(command)?;
    let group = Group::led_by(&server.child);
    if let Err(source) = guard.watch(group, options.grace) {
        group.signal(Signal::KILL);
        return Err(edge("instruct the guard")(source));
    }
    // From here on an early return drops the guard's pipe, and the guard ends the server.
    // What this process was told to ignore (`nohup`) the server has inherited; what it catches, it has not.
    signals.add_forwarded().map_err(edge("take over the signals"))?;
    witness.see(Seen::Started { stream: StreamId(0), at: clock.now(), pid: server.child.id() });
    let Server { child, stdin, stdout, stderr } = server;
    let ways = [(client.stdin, stdin), (stdout, client.stdout), (stderr, client.stderr)];
    let lanes = Lanes::open(ways, witness, clock).map_err(edge("start the threads"))?;
    let processes = Processes { server: child, group, guard };
    let watch = Watch::new(processes, signals, lanes, clock, options.grace, options.drain);
    watch.run(witness).map_err(edge("watch"))
}
