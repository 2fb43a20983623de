//! A client of our own: a tap as a child process, and whoever plays speaks to it as any client would.
//!
//! What is said is recorded and judged by that tap, so that the journal has all of it afterwards.
//! Who replays or lists speaks to a bridge on its pipes, whatever the server is; who visits speaks to the server's own
//! transport, because a bridge would hide how the server uses it.

mod pipes;
mod probe;
mod server;
mod trouble;
pub mod visit;
mod web;

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};
use tapgate_transport::http::{Caller, Upstream};
use tapgate_transport::{Allowance, Clock};
use tapgate_wire::Message;
use tapgate_wire::revision::Revision;

use self::pipes::Pipes;
pub use self::probe::is_on_purpose;
pub use self::server::Server;
pub use self::trouble::{cannot_start, quoted, unreachable, unreached};
use self::web::Web;
use crate::observe;
use crate::problem::Exit;

/// The names of the taps that `replay` and `lock` start for themselves.
pub const REPLAY: &str = "replay";
pub const LOCK: &str = "lock";

/// The names of all taps that commands of ours start for themselves.
pub const OWN: [&str; 3] = [visit::NAME, REPLAY, LOCK];

/// Most bytes of what a tap says on standard error that are kept.
const MAX_SAID: usize = 4096;

/// How long a tap may take to end once its client is gone, and how long once it was told to; and how long one whose
/// server does not answer.
const PARTING: Duration = Duration::from_secs(5);
const SHORT_PARTING: Duration = Duration::from_secs(1);

/// How often it is looked whether a server has said all that it may.
const LOOK: Duration = Duration::from_millis(100);

/// A connection to a server, through a tap.
#[derive(Debug)]
pub struct Player {
    tap: Child,
    way: Way,
    last_id: u64,
    bounds: Bounds,
    /// A request met with silence.
    is_silent: bool,
    /// What the tap said on standard error, its beginning.
    said: Option<JoinHandle<String>>,
}

/// How messages travel.
#[derive(Debug)]
enum Way {
    Pipes(Pipes),
    Web(Box<Web>),
}

/// What comes next.
#[derive(Debug)]
enum Came {
    /// A message, or what stands in the place of one.
    Said(Bytes),
    /// Nothing in time.
    Nothing,
    /// The other side went away.
    Over,
}

/// How much a server may say, and for how long.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// In bytes, standard error included; each message costs at least 1 KiB.
    pub allowance: Allowance,
    /// In all, since the clock started.
    pub most: Duration,
    /// Started when the server could begin.
    pub clock: Clock,
}

impl Bounds {
    /// As much as it likes, for as long as it likes.
    fn none() -> Self {
        Self { allowance: Allowance::endless(), most: Duration::MAX, clock: Clock::start() }
    }
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
    /// Starts a tap with pipes in front of the server, recorded under `name`; `more` are further arguments of `tap`.
    pub fn start(server: &Server, name: &str, more: &[OsString]) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["tap", "--name", name]).args(more);
        match server {
            Server::Command(words) => command.arg("--").args(words),
            Server::Url(url) => command.arg(url),
        };
        Self::on_pipes(command, Bounds::none())
    }

    /// Starts a transparent tap in front of the server, to speak to it in this revision on its own transport.
    ///
    /// `headers` go with every request to a URL.
    pub fn visit(
        server: &Server,
        name: &str,
        revision: Revision,
        headers: &HeaderMap,
        bounds: Bounds,
    ) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["tap", "--name", name]);
        let url = match server {
            Server::Command(words) => {
                command.arg("--").args(words);
                return Self::on_pipes(command, bounds);
            }
            Server::Url(url) => url,
        };
        // The foreign page is for the server to refuse.
        command.args(["--listen", "127.0.0.1:0", "--allow-origin", tapgate_judge::probe::ORIGIN, url]);
        observe::tell(&mut command, headers);
        let mut tap = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut stderr = BufReader::new(tap.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?);
        let mut greeting = String::new();
        stderr.read_line(&mut greeting)?;
        let port = greeting
            .split_once("http://127.0.0.1:")
            .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u16>().ok());
        let allowance = bounds.allowance.clone();
        let said = Some(thread::spawn(move || greeting + &beginning(stderr, &allowance)));
        let server = Upstream::parse(url).map_err(io::Error::other)?;
        // Without a port nobody listens, and the first request says so.
        let at = format!("http://127.0.0.1:{}{}", port.unwrap_or_default(), server.path_and_query());
        let at = Upstream::parse(&at).map_err(io::Error::other)?;
        let caller = Caller::start(at, bounds.allowance.clone()).map_err(io::Error::other)?;
        let web = Web::new(caller, headers.clone(), server.origin(), revision);
        Ok(Self { tap, way: Way::Web(Box::new(web)), last_id: 0, bounds, is_silent: false, said })
    }

    fn on_pipes(mut command: Command, bounds: Bounds) -> io::Result<Self> {
        let mut tap = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let allowance = bounds.allowance.clone();
        let said = tap.stderr.take().map(|stderr| thread::spawn(move || beginning(stderr, &allowance)));
        let pipes = Pipes::of(&mut tap, bounds.allowance.clone());
        Ok(Self { tap, way: Way::Pipes(pipes), last_id: 0, bounds, is_silent: false, said })
    }

    /// The process id of the tap, by which its sources are known in the journal.
    pub fn pid(&self) -> u32 {
        self.tap.id()
    }

    /// Notes the revision that a handshake agreed on.
    pub fn agree(&mut self, revision: &str) {
        if let Way::Web(web) = &mut self.way {
            web.agree(revision);
        }
    }

    /// Sends a message as it is.
    pub fn send(&mut self, message: &Json) -> io::Result<()> {
        match &mut self.way {
            Way::Pipes(pipes) => pipes.send(&message.to_string()),
            Way::Web(web) => {
                web.send(message);
                Ok(())
            }
        }
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
            let wait = left(&began, patience).min(left(&self.bounds.clock, self.bounds.most));
            if self.bounds.allowance.left() == 0 {
                return Said::Nothing;
            }
            let said = match self.next(wait.min(LOOK)) {
                Came::Said(said) => said,
                Came::Nothing if wait.is_zero() => return Said::Nothing,
                Came::Nothing => continue,
                Came::Over => return Said::Over,
            };
            if let Ok(message) = serde_json::from_slice(&said) {
                return Said::Message(message);
            }
            // Some answers are too deep or no Unicode, and are answers all the same.
            let shape = Message::parse(said).shape().clone();
            if shape.method().is_none()
                && let Some(id) = shape.id.and_then(|id| serde_json::from_slice(&id.0).ok())
            {
                return Said::Message(unreadable(&id));
            }
            // Whoever talks on without a sense is not waited for longer than whoever is silent.
            if wait.is_zero() {
                return Said::Nothing;
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
                Said::Over => return Heard::Over,
                Said::Message(message) if !left.is_zero() => {
                    if message.get("method").is_none() && message.get("id") == Some(&id) {
                        return Heard::Answer(message);
                    }
                    if let Some(reply) = meanwhile(&message)
                        && self.send(&reply).is_err()
                    {
                        return Heard::Over;
                    }
                }
                Said::Message(_) | Said::Nothing => {
                    self.is_silent = true;
                    return Heard::Silence;
                }
            }
        }
    }

    fn next(&mut self, wait: Duration) -> Came {
        match &mut self.way {
            Way::Pipes(pipes) => pipes.next(wait),
            Way::Web(web) => web.next(wait),
        }
    }

    /// Whether the server has taken all the time that it may.
    pub fn is_late(&self) -> bool {
        left(&self.bounds.clock, self.bounds.most).is_zero()
    }

    /// Ends as a client should: closes its side and hears the server out; whoever does not end is ended.
    ///
    /// Gives why the tap could not reach the server, in its own words, if it said so.
    pub fn end(mut self) -> Option<String> {
        let is_heard_out = match &mut self.way {
            Way::Pipes(pipes) => {
                pipes.close();
                self.hear_out()
            }
            // It listens until it is told to end.
            Way::Web(_) => false,
        };
        drop(self.way);
        let tap = &mut self.tap;
        if !(is_heard_out && ends(tap)) {
            // A tap that is told flushes what it recorded, and passes the signal to its server.
            if let Some(pid) = i32::try_from(tap.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::TERM);
            }
            if !ends(tap) {
                // Its guard ends the server.
                let _ = tap.kill();
            }
        }
        let status = tap.wait().ok()?;
        let said = self.said.take()?.join().ok()?;
        let cause = |line: &str| line.trim().strip_prefix("cause: ").map(str::to_owned);
        // A server that was started says what it likes and ends as it likes; its tap then does not end as one that failed.
        let has_failed =
            [Exit::Usage, Exit::Unreachable].iter().any(|exit| status.code() == Some(*exit as i32));
        (has_failed && said.starts_with("tapgate: failed to")).then(|| {
            said.lines().find_map(cause).unwrap_or_else(|| said.lines().next().unwrap_or_default().to_owned())
        })
    }

    /// Waits for the end of the server's output; says whether it came.
    fn hear_out(&mut self) -> bool {
        let parting = if self.is_silent { SHORT_PARTING } else { PARTING };
        let began = Clock::start();
        while !left(&began, parting).is_zero() && self.bounds.allowance.left() > 0 {
            if let Came::Over = self.next(left(&began, parting).min(LOOK)) {
                return true;
            }
        }
        false
    }
}

/// Whether a tap ends in time.
fn ends(tap: &mut Child) -> bool {
    let began = Clock::start();
    while let Ok(None) = tap.try_wait() {
        if left(&began, PARTING).is_zero() {
            return false;
        }
        thread::sleep(LOOK / 10);
    }
    true
}

/// What is left of a wait that began when the clock did.
fn left(began: &Clock, wait: Duration) -> Duration {
    wait.saturating_sub(Duration::from_nanos(began.now().0))
}

/// The message of the error that stands for an answer that cannot be read.
pub const UNREADABLE: &str = "cannot be read: too deep, or no Unicode";

/// Stands for an answer that cannot be read.
fn unreadable(id: &Json) -> Json {
    let error = json!({ "code": -32603, "message": UNREADABLE });
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}

/// Reads a stream to its end, or as far as it may go on, and gives its beginning.
fn beginning(mut stream: impl Read, allowance: &Allowance) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            // What cannot be read was not said.
            Ok(0) | Err(_) => break,
            Ok(n) => {
                let room = MAX_SAID.saturating_sub(kept.len());
                kept.extend_from_slice(buffer.get(..n.min(room)).unwrap_or_default());
                if !allowance.take(n as u64) {
                    break;
                }
            }
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}
