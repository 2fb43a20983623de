//! `demo`: a sample client, a sample server and a tap between them.

use std::io::{self, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use crate::demo::{client, server};
use crate::output::Output;
use crate::problem::{Exit, Problem};

/// Watch a sample client talk to a sample server, within seconds
///
/// Starts a small MCP server behind a tap, plays a client that calls its tools, and shows the traffic as it passes:
/// calls, answers, latency, errors, and secrets that were masked before anything was stored.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Do not pause between calls
    #[arg(long)]
    fast: bool,

    /// Be the sample server on stdin and stdout (what the demo itself starts)
    #[arg(long, hide = true)]
    serve: bool,
}

impl Args {
    /// Plays the demo.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let played = if self.serve { Self::serve() } else { self.play(output)? };
        played.map_err(|error| {
            Problem::usage("demo.failed", "the demo stopped early", "run `tapgate tail` to see how far it got").because(error).exit(Exit::Unreachable)
        })?;
        Ok(ExitCode::SUCCESS)
    }

    fn serve() -> io::Result<()> {
        server::serve(io::stdin().lock(), io::stdout().lock(), io::stderr().lock())
    }
}
