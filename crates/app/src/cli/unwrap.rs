//! `unwrap`: takes the taps out of a client's configuration file.

use std::process::ExitCode;

use super::wrap::{self, Choice, Verb};
use crate::output::Output;
use crate::problem::Problem;

/// Take the taps out of a client's configuration again
///
/// Every entry that is as `tapgate wrap` left it gets its very bytes back, whatever else changed in the file. An entry
/// that was changed since is put together from what stands behind the tap.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
}

const EXAMPLES: &str = "Examples:
  tapgate unwrap cursor
  tapgate unwrap claude-code files          only this server
  tapgate unwrap vscode --scope project --yes

Without a terminal nobody can be asked: say --yes, else nothing is changed and the exit status is 2.";

impl Args {
    /// Shows, asks and changes.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        wrap::run(Verb::Unwrap, &self.choice, output)
    }
}
