//! `replay`: a recorded client against a server, and what is different now.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use crate::capture::{Call, Capture, Effect};
use crate::look::Look;
use crate::output::{self, Output};
use crate::play::{self, Player, Server};
use crate::problem::Problem;
use crate::replay::{Consent, Ignored, Outcome, Replay};

/// Play a recorded session against a server and say what is different now
///
/// Makes the client's calls again, in order, those at the same time that overlapped then, and compares the answers, apart
/// from what differs each time (times, ids, cursors, `_meta`). Rounds of input and tasks are followed to their end with
/// the client's answers of then. What each call does to the world is shown first; a call of a tool that says of itself
/// that it destroys is made only if --allow names it. Calls whose arguments were masked are left out.
/// The replay itself is recorded under the name `replay`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The session (or `last`)
    #[arg(value_name = "SESSION", default_value = "last")]
    session: String,

    /// The server's URL
    #[arg(long, value_name = "URL")]
    to: Option<String>,

    /// The server's command and its arguments
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "to")]
    command: Vec<String>,

    /// Call this tool although it says that it destroys; may be repeated
    #[arg(long = "allow", value_name = "TOOL")]
    allowed: Vec<String>,

    /// Do not compare what this JSON pointer leads to, such as /result/content/0/text; `*` is any step
    #[arg(long = "ignore", value_name = "POINTER")]
    ignored: Vec<String>,

    /// Seconds to wait for each answer
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    patience: u64,

    /// Send this header with every request to the URL: `Name: value`, `Name: env:VARIABLE` or `Name: file:PATH`
    #[arg(long = "header", value_name = "HEADER", requires = "to")]
    headers: Vec<String>,

    /// Only show which calls would be made and what they do
    #[arg(long)]
    dry_run: bool,

    /// Do not ask before calls that write
    #[arg(long, short)]
    yes: bool,
}

const EXAMPLES: &str = "Examples:
  tapgate replay last --dry-run -- ./new-server
  tapgate replay s21 --yes -- npx -y @modelcontextprotocol/server-everything
  tapgate replay s21 --to https://staging.example.com/mcp --ignore /result/structuredContent/now

Exit status: 0 every answer is the same, 1 something is different or nothing could be compared, 2 wrong usage, 3 the server wants a login, 4 it cannot be started or reached, 5 the journal cannot be read.";

impl Args {
    /// Replays and reports.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let look = Look::open()?;
        let session = look.session(&self.session)?;
        let capture = Capture::read(&look, session)?;
        drop(look);
        if capture.calls.is_empty() {
            return Err(Problem::usage(
                "replay.nothing",
                format!("{} has no calls", capture.session.id),
                "see the sessions and their calls with `tapgate ls`",
            ));
        }
        let server = match (&self.to, self.command.as_slice()) {
            (Some(url), _) => Some(Server::Url(url.clone())),
            (None, command @ [_, ..]) => Some(Server::Command(command.to_owned())),
            (None, []) if self.dry_run => None,
            (None, []) => {
                return Err(Problem::usage(
                    "replay.no-server",
                    "no server is named",
                    "put its command after `--`, or give its URL with --to; --dry-run needs none",
                ));
            }
        };
        let consent = Consent { tools: self.allowed.iter().cloned().collect() };
        let writes = self.announce(&capture, &consent, output);
        let Some(server) = server.filter(|_| !self.dry_run) else { return Ok(ExitCode::SUCCESS) };
        if writes && !self.yes {
            agreed()?;
        }
        let more: Vec<OsString> =
            self.headers.iter().flat_map(|header| ["--header".into(), header.into()]).collect();
        server.check()?;
        let mut player =
            Player::start(&server, play::REPLAY, &more).map_err(|error| play::cannot_start(&error))?;
        let ignored = Ignored { paths: self.ignored.clone() };
        let patience = Duration::from_secs(self.patience);
        let mut replay = Replay::new(&capture, &mut player, &consent, &ignored, patience);
        let (mut n_same, mut n_changed, mut n_skipped) = (0, 0, 0);
        let mut unreached = None;
        let played = replay.run(&mut |call, outcome| {
            match outcome {
                Outcome::Same => n_same += 1,
                Outcome::Unreached(why) if n_same + n_changed == 0 => {
                    unreached = Some(why.clone());
                    return ControlFlow::Break(());
                }
                Outcome::Silent if n_same + n_changed == 0 => return ControlFlow::Break(()),
                Outcome::Changed(_) | Outcome::Silent | Outcome::Unreached(_) => n_changed += 1,
                Outcome::Skipped(_) => n_skipped += 1,
            }
            tell(call, capture.effect(call), outcome, output);
            ControlFlow::Continue(())
        });
        let ended = player.end();
        if played.is_break() {
            let why = unreached.or(ended).unwrap_or_else(|| "it did not answer its first request".to_owned());
            return Err(play::unreachable(&server, &why));
        }
        let nothing = if n_same + n_changed == 0 { ": nothing was compared" } else { "" };
        let total = format!("\n{n_same} the same, {n_changed} different, {n_skipped} left out{nothing}\n");
        if output.wants_json() {
            let total = json!({ "v": 1, "kind": "replay", "same": n_same, "different": n_changed, "skipped": n_skipped });
            output::print(&format!("{total}\n"));
        } else {
            output::print(&total);
        }
        // A replay that compared nothing has shown nothing.
        Ok(ExitCode::from(u8::from(n_changed > 0 || n_same == 0)))
    }

    /// Shows what each call does; says whether anything is written.
    fn announce(&self, capture: &Capture, consent: &Consent, output: &Output) -> bool {
        let made = || capture.calls.iter().filter(|call| consent.refuses(capture, call).is_none());
        let writes = made().any(|call| capture.effect(call) > Effect::Read);
        if output.wants_json() && !self.dry_run {
            return writes;
        }
        for call in &capture.calls {
            let effect = capture.effect(call);
            let why = consent.refuses(capture, call);
            if output.wants_json() {
                let id = call.row.id.to_string();
                let line = json!({ "v": 1, "kind": "plan", "exchange": id, "call": name(call), "effect": effect.word(), "skipped": why });
                output::print(&format!("{line}\n"));
            } else if self.dry_run || effect > Effect::Read || why.is_some() {
                let why = why.map(|why| format!("  left out: {why}")).unwrap_or_default();
                output::print(&format!("{:<12} {}{why}\n", effect.word(), name(call)));
            }
        }
        writes
    }
}

fn name(call: &Call) -> String {
    let target = call.row.target.as_deref().map(|target| format!(" {target}")).unwrap_or_default();
    tapgate_lens::Plain::of(&format!("{}{target}", call.row.method)).to_string()
}

fn tell(call: &Call, effect: Effect, outcome: &Outcome, output: &Output) {
    let id = call.row.id.to_string();
    let (word, why) = match outcome {
        Outcome::Same => ("same", None),
        Outcome::Changed(_) => ("different", None),
        Outcome::Skipped(why) => ("left out", Some(*why)),
        Outcome::Silent => ("no answer", None),
        Outcome::Unreached(why) => ("unreached", Some(why.as_str())),
    };
    let found: &[_] = if let Outcome::Changed(found) = outcome { found } else { &[] };
    if output.wants_json() {
        let found: Vec<_> = found
            .iter()
            .map(|difference| json!({ "path": difference.path, "was": difference.was, "is": difference.is }))
            .collect();
        let line = json!({ "v": 1, "kind": "replayed", "exchange": id, "call": name(call), "effect": effect.word(), "outcome": word, "why": why, "differences": found });
        return output::print(&format!("{line}\n"));
    }
    let why = why.map(|why| format!("  ({why})")).unwrap_or_default();
    output::print(&format!("{word:<10} {id:<7} {}{why}\n", name(call)));
    for difference in found {
        let side = |value: &Option<String>| {
            value
                .as_ref()
                .map_or_else(|| "nothing".to_owned(), |value| tapgate_lens::Plain::of(value).to_string())
        };
        let path = tapgate_lens::Plain::of(&difference.path);
        output::print(&format!(
            "             {path}\n               - {}\n               + {}\n",
            side(&difference.was),
            side(&difference.is)
        ));
    }
}

/// Asks on the terminal whether to go on.
fn agreed() -> Result<(), Problem> {
    let refused = |message: &str| {
        Problem::usage(
            "replay.not-agreed",
            message,
            "say --yes to make calls that write, or --dry-run to see them",
        )
    };
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(refused("some of these calls write, and nobody can be asked"));
    }
    output::print("Some of these calls write. Go on? [y/N] ");
    let _ = io::stdout().flush();
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    match (read, answer.trim()) {
        (Ok(_), "y" | "Y" | "yes") => Ok(()),
        _ => Err(refused("nothing was called")),
    }
}
