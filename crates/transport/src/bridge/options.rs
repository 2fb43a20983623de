//! What the edges of a bridge are told when they start.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::http::{Listen, ProxyVariables, Upstream};
use crate::stdio::ClientPipes;

/// How clients connect.
pub enum ClientEdge {
    /// On these pipes, one client for as long as the bridge runs.
    Pipe(ClientPipes),
    /// By HTTP.
    Http(Listen),
}

/// How the server is reached.
pub enum ServerEdge {
    /// By starting a command, once for each child.
    Command {
        /// Makes the command; its pipes and its process group are set here.
        make: Box<dyn Fn() -> Command>,
        /// Makes the command that runs [`crate::guard::run`].
        guard: Box<dyn Fn() -> Command>,
        /// How long a child may take between the end of its input and TERM, and between TERM and KILL.
        grace: Duration,
    },
    /// By HTTP.
    Url(Box<Url>),
}

/// A server that is reached by HTTP.
pub struct Url {
    /// The server.
    pub upstream: Upstream,
    /// Certificates in PEM that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The proxy variables of the environment.
    pub proxy: ProxyVariables,
    /// How long a connection may take until it can carry a request.
    pub connect_timeout: Duration,
}
