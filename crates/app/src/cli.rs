//! The command line: one file per command, arguments, help and `run` together.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::output::Output;
use crate::problem::Problem;

pub mod bundle;
pub mod calls;
pub mod check;
pub mod clients;
pub mod completions;
pub mod demo;
pub mod diff;
pub mod explain;
pub mod lock;
pub mod ls;
pub mod man;
pub mod mock;
pub mod prune;
pub mod replay;
pub mod show;
pub mod stats;
pub mod tail;
pub mod tap;
pub mod unwrap;
mod words;
pub mod wrap;

/// See what MCP clients and servers really say to each other.
///
/// `tapgate wrap CLIENT` puts taps in front of the servers in your client's configuration. Or do it by hand: put
/// `tapgate tap --` in front of a server's command, or a listening tap between your client and a remote server. Then `tail`, `ls`, `calls`, `show` and `stats` tell what happens, live and afterwards.
/// Secrets are masked before anything is stored.
#[derive(Debug, Parser)]
#[command(name = "tapgate", version, max_term_width = 100, after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  tapgate demo
  tapgate wrap cursor
  tapgate tap -- npx -y @modelcontextprotocol/server-everything
  tapgate tap --listen 127.0.0.1:7000 https://host/mcp
  tapgate calls 'tool:search status:error dur>1s'
  tapgate show last

Files: TAPGATE_HOME (else $XDG_STATE_HOME/tapgate, else ~/.local/state/tapgate) holds the journal, readable by you alone.

Exit status: 0 fine, 1 a check fails or something is different, 2 wrong usage or configuration, 4 the system or a peer refuses, 5 the journal or a file that is there cannot be read; a `tap` in front of a command ends with that command's own status.";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Tap(tap::Args),
    Wrap(wrap::Args),
    Unwrap(unwrap::Args),
    Ls(ls::Args),
    Calls(calls::Args),
    Show(show::Args),
    Tail(tail::Args),
    Stats(stats::Args),
    Check(check::Args),
    Diff(diff::Args),
    Clients(clients::Args),
    Replay(replay::Args),
    Mock(mock::Args),
    Bundle(bundle::Args),
    Prune(prune::Args),
    Lock(lock::Args),
    Explain(explain::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the command that the arguments name.
pub fn main(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    let argv: Vec<OsString> = argv.into_iter().collect();
    if argv.get(1).is_some_and(|word| word == tap::stdio::GUARD) {
        return tap::stdio::guard();
    }
    let cli = match parse(&words::understood(argv)) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let json = cli.output.json;
    match cli.command.run(&cli.output) {
        Ok(code) => code,
        Err(problem) => problem.report(json),
    }
}

/// The whole command line, for help, man pages and completions.
pub fn command() -> clap::Command {
    Cli::command()
}

fn parse(argv: &[OsString]) -> Result<Cli, ExitCode> {
    let parsed = command()
        .color(ColorChoice::Auto)
        .try_get_matches_from(argv)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| {
        let usage = error.use_stderr();
        if let Some(problem) = words::command_without_dashes(&error, argv) {
            return problem.report(says_json(argv));
        }
        if usage && says_json(argv) {
            let text = error.render().to_string();
            let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            return Problem::usage("usage.arguments", message, "see `tapgate --help`").report(true);
        }
        // A closed stream must not turn help into a failure.
        let _ = error.print();
        ExitCode::from(if usage { 2 } else { 0 })
    })
}

/// Whether errors are to be JSON: `--json` has to hold for a wrong command line too, so the raw words are searched.
fn says_json(argv: &[OsString]) -> bool {
    argv.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

impl Command {
    fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        match self {
            Self::Demo(args) => args.run(output),
            Self::Tap(args) => args.run(),
            Self::Wrap(args) => args.run(output),
            Self::Unwrap(args) => args.run(output),
            Self::Ls(args) => args.run(output),
            Self::Calls(args) => args.run(output),
            Self::Show(args) => args.run(output),
            Self::Tail(args) => args.run(output),
            Self::Stats(args) => args.run(output),
            Self::Check(args) => args.run(output),
            Self::Diff(args) => args.run(output),
            Self::Clients(args) => args.run(output),
            Self::Replay(args) => args.run(output),
            Self::Mock(args) => args.run(),
            Self::Bundle(args) => args.run(output),
            Self::Prune(args) => args.run(output),
            Self::Lock(args) => args.run(output),
            Self::Explain(args) => args.run(output),
            Self::Completions(args) => Ok(args.run()),
            Self::Man(args) => args.run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }
}
