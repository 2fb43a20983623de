//! `wrap`: puts a tap in front of the servers in a client's configuration file.

mod change;
mod choice;
mod command;

use std::process::ExitCode;

use self::change::Change;
pub use self::change::Verb;
pub use self::choice::Choice;
use crate::home;
use crate::output::Output;
use crate::problem::Problem;
use crate::wrap::{ledger, plan};

/// Put a tap in front of the servers in a client's configuration
///
/// Shows what would change and asks. Only the entries of the servers change, every other byte of the file stays, and
/// `tapgate unwrap` gives the entries their very bytes back. A backup is kept beside the file.
/// A server that is reached by a URL becomes a program, `tapgate tap URL`; the values of its headers stay in the file
/// and reach the tap in its environment. What cannot be tapped safely is left as it is, and why is said.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
}

const EXAMPLES: &str = "Examples:
  tapgate wrap cursor                       every server in the user's file
  tapgate wrap claude-code files github     these two
  tapgate wrap vscode --scope project       .vscode/mcp.json in the current directory
  tapgate wrap cursor --dry-run             only show what would change
  tapgate unwrap cursor                     take the taps out again

Without a terminal nobody can be asked: say --yes, else nothing is changed and the exit status is 2.";

impl Args {
    /// Shows, asks and changes.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        run(Verb::Wrap, &self.choice, output)
    }
}

/// Runs either command.
pub fn run(verb: Verb, choice: &Choice, output: &Output) -> Result<ExitCode, Problem> {
    let home = home::resolve()?;
    let found = choice.find()?;
    let tapgate = command::tapgate()?;
    let (text, client, names) = (&found.text, choice.client, &choice.servers);
    let records = ledger::read(&home, &found.held.path);
    let planned = match verb {
        Verb::Wrap => plan::wrap(text, client, names, &tapgate),
        Verb::Unwrap => plan::unwrap(text, client, names, &tapgate, &records),
    };
    let plan = planned.map_err(|obstacle| found.problem(&obstacle))?;
    Change { verb, choice, found: &found, plan: &plan }.carry_out(&home, output)
}
