//! Starts the server's process, and says why when that fails.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use tapgate_wire::Leg;

use crate::error::{Error, Obstacle};

/// A server's process and our ends of its pipes.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) child: Child,
    /// Never blocks a writer; the other two block a reader.
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

impl Server {
    /// Starts `command` as the leader of a new process group.
    pub(crate) fn start(mut command: Command) -> Result<Self, Error> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|source| Error::Start {
            leg: Leg::Server,
            peer: name(&command),
            obstacle: obstacle(&command, &source),
            source,
        })?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            unreachable!("all three were asked for as pipes");
        };
        let stdin = OwnedFd::from(stdin);
        // A pipe's two ends have flags of their own, so the server does not notice.
        // A failure only means that a write may block; it happens on a thread that may.
        if let Ok(flags) = fcntl_getfl(&stdin) {
            let _ = fcntl_setfl(&stdin, flags | OFlags::NONBLOCK);
        }
        Ok(Self { child, stdin, stdout: stdout.into(), stderr: stderr.into() })
    }
}

/// The command's first word, which is how people know the server.
pub(super) fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

/// Finds out what stood in the way of a start, as far as one can see afterwards.
fn obstacle(command: &Command, error: &io::Error) -> Obstacle {
    let program = Path::new(command.get_program());
    let directory = command.get_current_dir();
    if directory.is_some_and(|directory| !directory.is_dir()) {
        return Obstacle::NoDirectory;
    }
    // A name without a slash was looked up on the PATH; a relative path counts from the working directory.
    let file = (program.components().count() > 1)
        .then(|| directory.map_or_else(|| program.to_owned(), |directory| directory.join(program)));
    match (Errno::from_io_error(error), file) {
        (Some(Errno::ACCESS), Some(file)) if file.is_dir() => Obstacle::IsDirectory,
        (Some(Errno::ACCESS | Errno::PERM), _) => Obstacle::NotExecutable,
        (Some(Errno::NOENT), Some(file)) if file.exists() => Obstacle::NoInterpreter,
        (Some(Errno::NOENT | Errno::NOTDIR), _) => Obstacle::NoCommand,
        (Some(Errno::NOEXEC), _) => Obstacle::NotAProgram,
        _ => Obstacle::Other,
    }
}
