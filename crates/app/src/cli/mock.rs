//! `mock`: a recorded session as a server.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use serde_json::Value as Json;
use tapgate_transport::Clock;

use crate::capture::Capture;
use crate::look::Look;
use crate::mock::{Match, Mock, Pace};
use crate::play;
use crate::problem::{Exit, Problem};

/// Most bytes of a message.
const MAX_LINE: u64 = 64 << 20;

/// Lines of the client that wait to be heard; a client that says more has to wait.
const MAX_LINES: usize = 64;

/// How long nothing is looked at when nothing is due.
const IDLE: Duration = Duration::from_hours(1);

/// Serve a recorded session as a server
///
/// What was asked then gets the answer of then, with its progress, notifications and questions, in the order of then;
/// what was never asked gets an error that names what is nearest to it. Nothing is made up.
/// A bridge stands in front, so clients of any revision reach it: on stdio, or with --listen over Streamable HTTP and
/// HTTP+SSE. What they say is recorded under the name `mock-SESSION`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The session (or `last`)
    #[arg(value_name = "SESSION", default_value = "last")]
    session: String,

    /// Listen for HTTP clients here instead of serving stdio, on loopback (port 0 picks a free one)
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,

    /// Recognise calls by tool, prompt or resource alone, whatever their arguments
    #[arg(long)]
    loose: bool,

    /// Wait as the server did, times FACTOR: 1 if it is left out, 0.5 is twice as fast (default: answer at once)
    #[arg(long, value_name = "FACTOR", num_args = 0..=1, require_equals = true, default_missing_value = "1", value_parser = factor)]
    timing: Option<f64>,

    /// Speak the recorded revision and nothing else, without a bridge and without recording
    #[arg(long, conflicts_with = "listen")]
    plain: bool,
}

const EXAMPLES: &str = "Examples:
  tapgate mock s21
      in a client's configuration: command \"tapgate\", args [\"mock\", \"s21\"]
  tapgate mock last --listen 127.0.0.1:7000
      clients reach it at http://127.0.0.1:7000/mcp, those of 2024-11-05 at http://127.0.0.1:7000/sse
  tapgate mock s21 --timing=0.5
      with the recorded pauses, halved

Exit status: 0 the client ended it, 2 wrong usage, 4 it cannot be served there, 5 the journal cannot be read.";

impl Args {
    /// Serves until the client ends it.
    pub fn run(&self) -> Result<ExitCode, Problem> {
        if let Some(listen) = self.listen.filter(|listen| !listen.ip().is_loopback()) {
            return Err(Problem::usage(
                "mock.not-loopback",
                format!("{listen} can be reached by other machines, and a recording is for this one"),
                "listen on 127.0.0.1",
            ));
        }
        let look = Look::open()?;
        let session = look.session(&self.session)?;
        let id = session.id.to_string();
        if !self.plain {
            if Capture::read(&look, session)?.calls.is_empty() {
                // A closed stderr must not stop it.
                let _ = writeln!(
                    io::stderr(),
                    "tapgate: {id} has no calls: clients are greeted, and nothing else is answered"
                );
            }
            drop(look);
            // The name is kept: `last` would soon be the mock's own session.
            return Err(play::cannot_start(&self.bridged(&id).exec()));
        }
        let how = if self.loose { Match::Loose } else { Match::Exact };
        let pace = self.timing.map_or(Pace::AtOnce, Pace::Recorded);
        let mut capture = Capture::read(&look, session)?;
        capture.learn_greeting(&look)?;
        let mut mock = Mock::new(capture, how, pace);
        drop(look);
        match serve(&mut mock) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Problem::usage(
                "mock.cut-off",
                "what the mock says cannot be written to its standard output",
                "see that whoever started it reads its output, and that there is room where it goes",
            )
            .because(error)
            .exit(Exit::Unreachable)),
            // The client went away.
            _ => Ok(ExitCode::SUCCESS),
        }
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
        if let Some(factor) = self.timing {
            command.arg(format!("--timing={factor}"));
        }
        command
    }
}

/// Reads a factor of times.
fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor| (0.0..=1000.0).contains(factor));
    factor.ok_or_else(|| "a number from 0 to 1000, such as 0.5".to_owned())
}

/// Serves until the client's side ends.
fn serve(mock: &mut Mock) -> io::Result<()> {
    let (told, heard) = sync_channel(MAX_LINES);
    // It ends with its pipe, or with the process.
    thread::spawn(move || listen(&told));
    let clock = Clock::start();
    let mut stdout = io::stdout().lock();
    loop {
        let said = mock.say(clock.now());
        for said in &said {
            writeln!(stdout, "{said}")?;
        }
        stdout.flush()?;
        let due = mock.due();
        let left = due.map_or(IDLE, |due| Duration::from_nanos(due.0.saturating_sub(clock.now().0)));
        if mock.is_full() {
            thread::sleep(left);
            continue;
        }
        match heard.recv_timeout(left) {
            Ok(message) => mock.on(clock.now(), &message),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Tells the messages of the client until its side ends.
fn listen(told: &SyncSender<Json>) {
    let mut stdin = BufReader::new(io::stdin().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        match stdin.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if let Ok(message) = serde_json::from_slice(&line)
            && told.send(message).is_err()
        {
            return;
        }
    }
}
