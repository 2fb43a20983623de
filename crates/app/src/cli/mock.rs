//! `mock`: a recorded session as a server.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{Command, ExitCode};

use std::os::unix::process::CommandExt as _;

use serde_json::Value as Json;

use crate::capture::Capture;
use crate::look::Look;
use crate::mock::{Match, Mock};
use crate::play;
use crate::problem::Problem;

/// Most bytes of a message.
const MAX_LINE: u64 = 64 << 20;

/// Serve a recorded session as a server
///
/// What was asked then gets the answer of then, in the order of then; what was never asked gets an error that says so.
/// A bridge stands in front, so clients of any revision reach it, on stdio or, with --listen, over HTTP.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The session (or `last`)
    #[arg(value_name = "SESSION", default_value = "last")]
    session: String,

    /// Listen for HTTP clients here instead of serving stdio (port 0 picks a free one)
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,

    /// Recognise calls by tool, prompt or resource alone, whatever their arguments
    #[arg(long)]
    loose: bool,

    /// Speak the recorded revision and nothing else, without a bridge and without recording
    #[arg(long, conflicts_with = "listen")]
    plain: bool,
}

const EXAMPLES: &str = "Examples:
  tapgate mock s21
      in a client's configuration: command \"tapgate\", args [\"mock\", \"s21\"]
  tapgate mock last --listen 127.0.0.1:7000
      clients reach it at http://127.0.0.1:7000/mcp";

impl Args {
    /// Serves until the client ends it.
    pub fn run(&self) -> Result<ExitCode, Problem> {
        let look = Look::open()?;
        let session = look.session(&self.session)?;
        if !self.plain {
            // The name is kept: `last` would soon be the mock's own session.
            return Err(play::cannot_start(&self.bridged(&session.id.to_string()).exec()));
        }
        let how = if self.loose { Match::Loose } else { Match::Exact };
        let mut mock = Mock::new(Capture::read(&look, session)?, how);
        drop(look);
        serve(&mut mock).map_err(|error| play::cannot_start(&error))?;
        Ok(ExitCode::SUCCESS)
    }

    /// A bridge in front of the same mock without one.
    fn bridged(&self, session: &str) -> Command {
        let tapgate = std::env::current_exe().unwrap_or_else(|_| "tapgate".into());
        let mut command = Command::new(&tapgate);
        command.args(["tap", "--bridge", "--name"]).arg(format!("mock-{session}"));
        if let Some(listen) = self.listen {
            command.arg("--listen").arg(listen.to_string());
        }
        let mock: [OsString; 4] = [tapgate.into(), "mock".into(), session.into(), "--plain".into()];
        command.arg("--").args(mock);
        if self.loose {
            command.arg("--loose");
        }
        command
    }
}

fn serve(mock: &mut Mock) -> io::Result<()> {
    let mut stdin = BufReader::new(io::stdin().lock());
    let mut stdout = io::stdout().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        if stdin.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let Ok(message) = serde_json::from_slice::<Json>(&line) else { continue };
        for said in mock.on(&message) {
            writeln!(stdout, "{said}")?;
        }
        stdout.flush()?;
    }
}
