//! `demo`: a sample client, a sample server and a tap between them.

use std::io::{self, BufReader};
use std::ops::ControlFlow;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use tapgate_store::Query;

use super::show;
use super::tail::Follower;
use crate::demo::{client, server};
use crate::look::{self, Look};
use crate::output::{self, Output};
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
        if self.serve {
            server::serve(io::stdin().lock(), io::stdout().lock(), io::stderr().lock()).map_err(|error| failed(&error))?;
            return Ok(ExitCode::SUCCESS);
        }
        let wants_text = !output.wants_json();
        if wants_text {
            output::print("A sample client talks to a sample server through `tapgate tap --name demo -- …`.\n\n");
        }
        let look = self.play(output)?;
        if wants_text {
            output::print("\nOne of these calls had a secret in its arguments. This is all that was stored of it:\n\n");
            show_masked(&look, output)?;
            output::print(NEXT);
        }
        Ok(ExitCode::SUCCESS)
    }

    fn play(&self, output: &Output) -> Result<Look, Problem> {
        let mut follower = Follower::new(look::filter(&[])?, 0)?;
        let pause = if self.fast { Duration::ZERO } else { Duration::from_millis(350) };
        let mut tap = start_tap().map_err(|error| failed(&error))?;
        let talk = tap.stdin.take().zip(tap.stdout.take());
        let (to_server, from_server) = talk.ok_or_else(|| failed(&io::Error::other("the tap has no pipes")))?;
        let playing = thread::spawn(move || client::play(to_server, BufReader::new(from_server), pause));
        while !playing.is_finished() {
            look::print(&follower.page()?, output, follower.look.now);
            thread::sleep(Duration::from_millis(50));
            follower.look.refresh();
            follower.look.reader.changed().map_err(|trouble| crate::home::problem(&trouble))?;
        }
        let played = playing.join().unwrap_or_else(|_| Err(io::Error::other("the sample client failed")));
        played.map_err(|error| failed(&error))?;
        tap.wait().map_err(|error| failed(&error))?;
        follower.look.reader.changed().map_err(|trouble| crate::home::problem(&trouble))?;
        follower.look.refresh();
        look::print(&follower.page()?, output, follower.look.now);
        Ok(follower.look)
    }
}

/// Shows the call of this demo whose arguments held a secret.
fn show_masked(look: &Look, output: &Output) -> Result<(), Problem> {
    let session = look.session("last")?;
    let secret = look::filter(&["args.api_key != \"\"".to_owned()])?;
    let mut found = None;
    look.matching(&Query { session: Some(session.id), ..Query::default() }, &secret, |exchange, _| {
        found = Some(exchange.clone());
        ControlFlow::Break(())
    })?;
    if let Some(exchange) = found {
        look::print(&show::page_of(look, &exchange, false)?, output, look.now);
    }
    Ok(())
}

const NEXT: &str = "
Now look around:

  tapgate ls                       sources and their sessions
  tapgate calls 'status:error'     calls, filtered
  tapgate show last                the whole session
  tapgate stats                    latency per tool

and put a tap in front of a server of yours: tapgate tap -- npx -y some-server
";

fn start_tap() -> io::Result<Child> {
    let tapgate = std::env::current_exe()?;
    let mut command = Command::new(&tapgate);
    command.args(["tap", "--name", "demo", "--"]).arg(&tapgate).args(["demo", "--serve"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

fn failed(error: &io::Error) -> Problem {
    Problem::usage("demo.failed", "the demo stopped early", "run `tapgate tail -n 20 --once` to see how far it got")
        .because(error)
        .exit(Exit::Unreachable)
}
