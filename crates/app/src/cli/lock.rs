//! `lock`: pins what a server offers in a file, and says what changed.

mod approve;
mod diff;
pub mod file;
mod live;
pub mod seen;
mod update;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use tapgate_engine::surface::{Change, word};
use tapgate_lens::pages::{DriftRow, LockState, LockView};

use crate::output::Output;
use crate::problem::Problem;

/// Pin what a server offers in mcp.lock, and see what changed since
///
/// The file holds every tool, prompt, resource and template, the server's instructions and capabilities, each with a
/// digest. Commit it: a change of what the server offers is then a change that somebody reviews.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  tapgate lock update              from the latest session of the lock's server; the first time, the latest of all
  tapgate lock update -- npx -y some-server
      starts the server, lists everything, ends it; the session is recorded like any other
  tapgate lock verify https://example.com/mcp --header 'Authorization: Bearer env:EXAMPLE_TOKEN'
  tapgate lock verify s12          exit status 1 when the server offers something else than the lock says
  tapgate lock diff mcp.lock last
  tapgate lock approve search      for a tool that `tapgate tap --locked` holds back

See also: tapgate tap --locked (tools that differ from the lock are held back).";

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Update(update::Args),
    Verify(verify::Args),
    Diff(diff::Args),
    Approve(approve::Args),
}

impl Args {
    /// Does what the verb says.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        match &self.verb {
            Verb::Update(args) => args.run(output),
            Verb::Verify(args) => args.run(output),
            Verb::Diff(args) => args.run(output),
            Verb::Approve(args) => args.run(output),
        }
    }
}

/// Where the lock is.
#[derive(Debug, clap::Args)]
struct Place {
    /// The lock file
    #[arg(long, value_name = "FILE", default_value = file::NAME)]
    file: PathBuf,
}

/// Whose offer it is about.
#[derive(Debug, clap::Args)]
struct Target {
    /// The id of a recorded session, `last`, or the URL of a server that is asked now (default: the latest session of
    /// the server that the lock file is about; without a lock file, the latest of all)
    #[arg(value_name = "SESSION|URL")]
    what: Option<String>,

    /// The command and arguments of a server that is started and asked now
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "what")]
    command: Vec<String>,

    /// Send this header with every request to the URL, as `tapgate tap --header` does
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,
}

/// What a page says of a lock file and a session.
fn view<'a>(state: LockState, file: &'a str, from: &'a str, changes: &'a [Change]) -> LockView<'a> {
    LockView { state, file, from, changes: changes.iter().map(row).collect(), notes: Vec::new() }
}

/// A change as pages show it.
pub fn row(change: &Change) -> DriftRow<'_> {
    DriftRow {
        class: change.class.word(),
        kind: word(change.kind),
        item: &change.item,
        path: &change.path,
        why: &change.why,
        was: change.was.as_deref(),
        now: change.now.as_deref(),
    }
}
