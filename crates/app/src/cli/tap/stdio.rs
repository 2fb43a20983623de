//! The stdio tap: our own pipes on one side, the server's process on the other.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use tapgate_transport::stdio::{ClientPipes, Options, tap};
use tapgate_transport::{Clock, Error, Obstacle, guard, queue};
use tapgate_wire::record::Transport;

use super::Args;
use crate::observe::{self, Observed, Recording};
use crate::problem::{Exit, Problem};

/// The hidden argument that makes our binary the guard of a server (see `tapgate_transport::guard`).
pub const GUARD: &str = "__guard";

/// Taps `command` until it ends, and ends the way it did.
pub fn run(args: &Args, command: &[String]) -> Result<ExitCode, Problem> {
    let clock = Clock::start();
    let (witness, observer) = queue(observe::QUEUE_BYTES);
    let observed = Observed::of(args, (Transport::Stdio, Transport::Stdio));
    let recording = observe::start(observer, clock, observed);
    let pipes = ClientPipes::take().map_err(|error| no_pipes(&error))?;
    let tapped = tap(server(command), pipes, &witness, clock, Options::with_guard(guard_command()));
    drop(witness);
    Recording::finish(&mut [recording]);
    match tapped {
        Ok(exit) => exit.imitate(),
        Err(error) => Err(problem(&error)),
    }
}

/// The server's command.
pub fn server(words: &[String]) -> Command {
    let mut words = words.iter();
    let mut server = Command::new(words.next().map_or("", String::as_str));
    server.args(words);
    server
}

/// Does the guard's work.
pub fn guard() -> ExitCode {
    // Nobody is left to whom a failure could be said: the tap is gone.
    let _ = guard::run();
    ExitCode::SUCCESS
}

/// Makes the command that runs [`guard()`].
pub fn guard_command() -> Command {
    // An update of the binary does not take this path away.
    let mut command = Command::new("/proc/self/exe");
    command.arg0("tapgate").arg(GUARD);
    command
}

/// What a person is told about a tap without standard input or output.
pub fn no_pipes(error: &io::Error) -> Problem {
    Problem::usage("tap.no-pipes", "standard input or output cannot be used", "start the tap with both open")
        .because(error)
}

fn problem(error: &Error) -> Problem {
    let message = format!("failed to {error}");
    match error {
        Error::Start { obstacle, source, .. } => {
            Problem::usage("tap.cannot-start", message, what_to_do(*obstacle))
                .because(source)
                .exit(Exit::Unreachable)
        }
        Error::Edge { source, .. } => Problem::usage(
            "tap.system",
            message,
            "close other programs, or raise the limits (ulimit -a), and try again",
        )
        .because(source)
        .exit(Exit::Unreachable),
    }
}

fn what_to_do(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::NoCommand => {
            "check the spelling, or give the full path: a client's PATH is often shorter than your shell's"
        }
        Obstacle::NoDirectory => {
            "create the working directory, or name another one in the client's configuration"
        }
        Obstacle::NoInterpreter => {
            "install the interpreter that the file's first line names, or correct that line"
        }
        Obstacle::NotExecutable => "make it executable (chmod +x), or name its interpreter first",
        Obstacle::IsDirectory => "name the program inside the directory",
        Obstacle::NotAProgram => "name the interpreter first, for example: tapgate tap -- node server.js",
        Obstacle::Other => "run the command without tapgate to see whether it starts",
    }
}
