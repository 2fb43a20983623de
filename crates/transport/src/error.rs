//! What failed at the edges: which leg, which peer, doing what.

use std::{fmt, io};

use tapgate_wire::Leg;

/// The world failed; reads well after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The peer's command could not be started.
    #[error("start `{peer}`: {obstacle}")]
    Start {
        /// The side that the command was to serve.
        leg: Leg,
        /// The command's first word.
        peer: String,
        /// What stood in the way.
        obstacle: Obstacle,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused something that a peer's edge needs.
    #[error("{doing} for `{peer}`")]
    Edge {
        /// The side of the edge.
        leg: Leg,
        /// The peer at the edge.
        peer: String,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a command cannot be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// No such file, or no such name on the `PATH`.
    NoCommand,
    /// The working directory does not exist or is no directory.
    NoDirectory,
    /// The file exists, but not the interpreter (or loader) that it names.
    NoInterpreter,
    /// The file, or a directory on the way to it, may not be executed.
    NotExecutable,
    /// The path is a directory.
    IsDirectory,
    /// The file is neither a program for this machine nor a script with a `#!` line.
    NotAProgram,
    /// Something else; the error's source says what.
    Other,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCommand => "no such command",
            Self::NoDirectory => "its working directory does not exist",
            Self::NoInterpreter => "the interpreter that it names does not exist",
            Self::NotExecutable => "it may not be executed",
            Self::IsDirectory => "it is a directory",
            Self::NotAProgram => "it is neither a program for this machine nor a script with a #! line",
            Self::Other => "the system refused it",
        })
    }
}
