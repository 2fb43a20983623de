//! A client of our own: a tap as a child process, and whoever plays speaks to it line by line, as any client would.
//!
//! What is said is recorded and judged by that tap, so that the journal has all of it afterwards.

pub mod visit;

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tapgate_transport::Clock;
use tapgate_wire::Message;
use tapgate_wire::mask::{Level, Masker};

use crate::cli::tap::http::upstream;
use crate::look::printable;
use crate::problem::{Exit, Problem};
use crate::random;

/// Lines that wait to be read; a server that says more has to wait.
const MAX_LINES: usize = 256;

/// Most bytes of one line; of a longer one nothing is read.
const MAX_LINE: u64 = 64 << 20;

/// Most characters of what a server said that are printed.
const MAX_QUOTE: usize = 200;

/// Most bytes of what a tap says on standard error that are kept.
const MAX_SAID: u64 = 4096;

/// How long a tap may take to end once its client is gone.
const PARTING: Duration = Duration::from_secs(8);

/// The server of a play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// Its command and arguments.
    Command(Vec<String>),
    /// Its URL.
    Url(String),
}

impl Server {
    /// Refuses a URL that no tap can use.
    pub fn check(&self) -> Result<(), Problem> {
        match self {
            Self::Url(url) => upstream(url).map(drop),
            Self::Command(_) => Ok(()),
        }
    }
}

/// A connection to a server, through a tap.
#[derive(Debug)]
pub struct Player {
    tap: Child,
    to_server: Option<ChildStdin>,
    lines: Receiver<String>,
    last_id: u64,
    /// What the tap said on standard error, its beginning.
    said: Option<JoinHandle<String>>,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Its answer, result or error, whole.
    Answer(Json),
    /// Nothing within the patience.
    Silence,
    /// The other side went away.
    Over,
}

/// What a server said.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// This message.
    Message(Json),
    /// Nothing within the patience.
    Nothing,
    /// It went away.
    Over,
}

impl Player {
    /// Starts a tap in front of the server, recorded under `name`; `more` are further arguments of `tap`.
    pub fn start(server: &Server, name: &str, more: &[OsString]) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["tap", "--name", name]).args(more);
        match server {
            Server::Command(words) => command.arg("--").args(words),
            Server::Url(url) => command.arg(url),
        };
        let mut tap = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let said = tap.stderr.take().map(|stderr| thread::spawn(move || beginning(stderr)));
        let to_server = tap.stdin.take();
        let (told, lines) = sync_channel(MAX_LINES);
        if let Some(from_server) = tap.stdout.take() {
            thread::spawn(move || read(from_server, &told));
        }
        Ok(Self { tap, to_server, lines, last_id: 0, said })
    }

    /// The process id of the tap, by which its sources are known in the journal.
    pub fn pid(&self) -> u32 {
        self.tap.id()
    }

    /// Sends a message as it is.
    pub fn send(&mut self, message: &Json) -> io::Result<()> {
        let to_server = self.to_server.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        to_server.write_all(format!("{message}\n").as_bytes())?;
        to_server.flush()
    }

    /// Sends a request and gives its id.
    pub fn request(&mut self, method: &str, params: &Json) -> io::Result<Json> {
        self.last_id += 1;
        let id = json!(self.last_id);
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        Ok(id)
    }

    /// Waits for the next message, as long as `patience`; what cannot be read is passed over, unless it is an answer.
    pub fn hear(&mut self, patience: Duration) -> Said {
        let began = Clock::start();
        loop {
            match self.lines.recv_timeout(left(&began, patience)) {
                Err(RecvTimeoutError::Timeout) => return Said::Nothing,
                Err(RecvTimeoutError::Disconnected) => return Said::Over,
                Ok(line) => {
                    if let Ok(message) = serde_json::from_str(&line) {
                        return Said::Message(message);
                    }
                    // Some answers are too deep or no Unicode, and are answers all the same.
                    let shape = Message::parse(line.into()).shape().clone();
                    if shape.method().is_none()
                        && let Some(id) = shape.id.and_then(|id| serde_json::from_slice(&id.0).ok())
                    {
                        return Said::Message(unreadable(&id));
                    }
                    // Whoever talks on without a sense is not waited for longer than whoever is silent.
                    if left(&began, patience).is_zero() {
                        return Said::Nothing;
                    }
                }
            }
        }
    }

    /// Asks and waits for the answer; what comes meanwhile is shown to `meanwhile`, which may answer requests.
    pub fn ask(
        &mut self,
        method: &str,
        params: &Json,
        patience: Duration,
        meanwhile: &mut dyn FnMut(&Json) -> Option<Json>,
    ) -> Heard {
        let Ok(id) = self.request(method, params) else { return Heard::Over };
        let began = Clock::start();
        loop {
            let left = left(&began, patience);
            match self.hear(left) {
                Said::Message(_) if left.is_zero() => return Heard::Silence,
                Said::Nothing => return Heard::Silence,
                Said::Over => return Heard::Over,
                Said::Message(message) => {
                    if message.get("method").is_none() && message.get("id") == Some(&id) {
                        return Heard::Answer(message);
                    }
                    if let Some(reply) = meanwhile(&message)
                        && self.send(&reply).is_err()
                    {
                        return Heard::Over;
                    }
                }
            }
        }
    }

    /// Ends as a client should: closes its side and hears the server out; whoever does not end is ended.
    ///
    /// Gives why the tap could not reach the server, in its own words, if it said so.
    pub fn end(mut self) -> Option<String> {
        self.to_server = None;
        let began = Clock::start();
        loop {
            match self.lines.recv_timeout(left(&began, PARTING)) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    // Its guard ends the server.
                    let _ = self.tap.kill();
                    break;
                }
            }
        }
        let _ = self.tap.wait();
        let said = self.said.take()?.join().ok()?;
        let cause = |line: &str| line.trim().strip_prefix("cause: ").map(str::to_owned);
        said.starts_with("tapgate: failed to").then(|| {
            said.lines().find_map(cause).unwrap_or_else(|| said.lines().next().unwrap_or_default().to_owned())
        })
    }
}

/// What a server said, as it may be printed: without secrets, on one line, not long.
pub fn quoted(text: &str) -> String {
    let Ok(key) = random::bytes() else { return "(what it said cannot be masked)".to_owned() };
    let masked = Masker::new(key, Level::Masked).text(text.as_bytes()).masked;
    let text = String::from_utf8_lossy(masked.bytes()).into_owned();
    text.chars().filter(|c| !c.is_control()).take(MAX_QUOTE).collect()
}

/// The problem of a server that cannot be started or reached.
pub fn unreachable(server: &Server, why: &str) -> Problem {
    let (what, help) = match server {
        Server::Command(words) => (
            format!("`{}` cannot be started", printable(words.first().map_or("", String::as_str))),
            "check the spelling, or give the full path, and see what it says when it is run alone",
        ),
        Server::Url(url) => (
            format!("{} cannot be reached", printable(url)),
            "check the URL and that the server runs; --header gives it what it asks for",
        ),
    };
    Problem::usage("play.unreachable", what, help).because(quoted(why)).exit(Exit::Unreachable)
}

/// Why no server gave this answer, if the tap gave it because it could not reach one.
pub fn unreached(answer: &Json) -> Option<&str> {
    answer.pointer("/error/data/upstream")?;
    let why = answer.pointer("/error/message")?.as_str()?;
    why.contains("could not be reached").then_some(why)
}

/// The problem of a tap that cannot be started.
pub fn cannot_start(error: &io::Error) -> Problem {
    Problem::usage(
        "play.cannot-start",
        "the tap in front of the server cannot be started",
        "close other programs, or raise the limits (ulimit -a), and try again",
    )
    .because(error)
    .exit(Exit::Unreachable)
}

/// What is left of a wait that began when the clock did.
fn left(began: &Clock, wait: Duration) -> Duration {
    wait.saturating_sub(Duration::from_nanos(began.now().0))
}

/// Stands for an answer that cannot be read.
fn unreadable(id: &Json) -> Json {
    let error = json!({ "code": -32603, "message": "its answer cannot be read: too deep, or no Unicode" });
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}

/// Reads a stream to its end and keeps its beginning.
fn beginning(mut stream: impl Read) -> String {
    let mut kept = Vec::new();
    // What cannot be read was not said.
    let _ = stream.by_ref().take(MAX_SAID).read_to_end(&mut kept);
    let _ = io::copy(&mut stream, &mut io::sink());
    String::from_utf8_lossy(&kept).into_owned()
}

/// Tells the lines of a server until it ends or says one that is too long.
fn read(from_server: ChildStdout, told: &SyncSender<String>) {
    let mut reader = BufReader::new(from_server);
    loop {
        let mut line = Vec::new();
        match reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line.last() != Some(&b'\n') => return,
            Ok(_) => {}
        }
        if told.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
            return;
        }
    }
}
