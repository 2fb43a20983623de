//! Runs clients and servers: bounded in time, on loopback, and ended whatever happens.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tapgate_wire::Leg;

use crate::table::{Client, Journey, Kind, Runs, Server, journeys, root, setup};

pub const TAPGATE: &str = env!("CARGO_BIN_EXE_tapgate");

/// Longer than any conversation, also on a busy machine; each of its steps has a limit of its own.
const CONVERSATION: Duration = Duration::from_secs(100);

/// What a client saw: its steps, in order.
pub type Saw = Vec<(String, Value)>;

/// Where a server is reached.
pub enum At {
    Command(Vec<String>),
    Url(String),
}

/// A server that runs, if it is one that listens; a command is started by whoever talks to it.
pub struct Running {
    server: &'static Server,
    listening: Option<Listening>,
}

impl Running {
    pub fn start(server: &'static Server) -> Self {
        let listening = (server.kind != Kind::Stdio).then(|| {
            let words = words(server, Path::new("/nowhere"));
            let mut command = Command::new(&words[0]);
            if matches!(server.runs, Runs::Node) {
                command.arg("--require").arg(journeys().join("servers/loopback.cjs"));
            }
            Listening::start(command.args(&words[1..]).env("PORT", "0"), "listening on port ")
        });
        Self { server, listening }
    }

    /// Where it is, for a conversation that has `folder` for itself.
    pub fn at(&self, folder: &Path) -> At {
        let path = if self.server.kind == Kind::Sse { "sse" } else { "mcp" };
        match &self.listening {
            Some(listening) => At::Url(format!("http://127.0.0.1:{}/{path}", listening.port)),
            None => At::Command(words(self.server, folder)),
        }
    }
}

/// The command of a server; what it keeps, it keeps in `folder`.
fn words(server: &Server, folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let mut words = vec![server.runs.program().to_str().unwrap().to_owned()];
    words.push(root().join(server.script).to_str().unwrap().to_owned());
    words.extend(server.arguments.iter().map(|word| word.replace("<folder>", folder)));
    if server.kind == Kind::Stdio {
        // Python's SDKs hand a server a few variables only, so these go with the command.
        let memory = format!("MEMORY_FILE_PATH={folder}/memory.jsonl");
        words.splice(0..0, ["/usr/bin/env".to_owned(), memory]);
    }
    words
}

/// A client's conversation without tapgate.
pub fn direct(client: &Client, running: &Running) -> Saw {
    let folder = tempfile::tempdir().unwrap();
    let target = match running.at(folder.path()) {
        At::Command(words) => words,
        At::Url(url) => vec![url],
    };
    converse(client, running.server.plan, running.server.kind, &target, folder.path())
}

/// The same conversation through tapgate, which keeps its journal in `home`.
pub fn through(journey: &Journey, running: &Running, home: &Path) -> Saw {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments: Vec<String> = vec!["tap".to_owned(), "--name".to_owned(), "journey".to_owned()];
    arguments.extend(journey.shape.arguments.iter().map(|&word| word.to_owned()));
    match running.at(folder.path()) {
        At::Command(words) => {
            arguments.push("--".to_owned());
            arguments.extend(words);
        }
        At::Url(url) => arguments.push(url),
    }
    behind(&arguments, journey.client, journey.server, journey.from(), home, folder.path())
}

/// The plan of a server, played by a client that reaches tapgate with these arguments.
pub fn behind(
    arguments: &[String],
    client: &Client,
    server: &Server,
    kind: Kind,
    home: &Path,
    folder: &Path,
) -> Saw {
    if kind == Kind::Stdio {
        let variable = format!("TAPGATE_HOME={}", home.display());
        let mut target = vec!["/usr/bin/env".to_owned(), variable, TAPGATE.to_owned()];
        target.extend_from_slice(arguments);
        return converse(client, server.plan, kind, &target, folder);
    }
    let tap = Listening::start(
        Command::new(TAPGATE).args(arguments).env("TAPGATE_HOME", home),
        "http://127.0.0.1:",
    );
    let path = if kind == Kind::Sse { "sse" } else { "mcp" };
    let url = format!("http://127.0.0.1:{}/{path}", tap.port);
    converse(client, server.plan, kind, &[url], folder)
}

/// A conversation through a tap on pipes whose peers' words are changed by `sed`, before the tap hears them.
pub fn altered(
    (client, server, plan): (&Client, &Server, &str),
    (client_says, server_says): (&str, &str),
    home: &Path,
) -> Saw {
    let folder = tempfile::tempdir().unwrap();
    let server = words(server, folder.path()).iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    // A server that does not go with its client is waited for by clients for seconds.
    let go = "{ cat; sleep 0.1; kill 0; }";
    let server = quoted(&format!("{go} | {server} | sed -u {}", quoted(server_says)));
    let tap = format!(
        "TAPGATE_HOME={} {} tap --name planted -- sh -c {server}",
        quoted(home.to_str().unwrap()),
        quoted(TAPGATE)
    );
    let script = format!("sed -u {} | {tap}", quoted(client_says));
    converse(client, plan, Kind::Stdio, &["/bin/sh".to_owned(), "-c".to_owned(), script], folder.path())
}

/// A header that is changed on its way where the request's body holds a text, or taken away if it gets no value.
pub struct Header {
    pub of: &'static str,
    pub name: &'static str,
    pub value: &'static str,
}

/// A conversation over HTTP through a tap, before which a relay changes a header of the client's requests or the
/// server's answers.
pub fn relayed(
    (client, server, plan): (&Client, &'static Server, &str),
    (leg, header): (Leg, &Header),
    home: &Path,
) -> Saw {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(server);
    let url = match running.at(folder.path()) {
        At::Url(url) => Some(url),
        At::Command(_) => None,
    };
    let url = url.expect("it is a server that listens");
    let relay = |target: &str, where_: &str| {
        let mut command = Command::new(Runs::Node.program());
        command.arg(journeys().join("servers/relay.mjs")).args([
            target,
            header.of,
            header.name,
            header.value,
            where_,
        ]);
        Listening::start(&mut command, "listening on port ")
    };
    let at = |listening: &Listening| format!("http://127.0.0.1:{}/mcp", listening.port);
    let behind = (leg == Leg::Server).then(|| relay(&url, "response"));
    let url = behind.as_ref().map_or(url, at);
    let tap = ["tap", "--name", "planted", "--listen", "127.0.0.1:0", &url];
    let tap =
        Listening::start(Command::new(TAPGATE).args(tap).env("TAPGATE_HOME", home), "http://127.0.0.1:");
    let before = (leg == Leg::Client).then(|| relay(&at(&tap), "request"));
    let url = before.as_ref().map_or_else(|| at(&tap), at);
    converse(client, plan, Kind::Http, &[url], folder.path())
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Plays a plan.
fn converse(client: &Client, plan: &str, kind: Kind, target: &[String], folder: &Path) -> Saw {
    let mut command = client.command();
    command.arg(journeys().join("plans").join(plan)).arg(kind.name()).args(target);
    command.env("PEERS", setup("node")).env("FOLDER", folder).env("PYTHONDONTWRITEBYTECODE", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Group(command.process_group(0).spawn().expect("the client starts"));
    let (mut out, mut err) = (child.0.stdout.take().unwrap(), child.0.stderr.take().unwrap());
    let (done, over) = mpsc::channel();
    let watched = thread::spawn(move || {
        let mut errors = String::new();
        let _ = err.read_to_string(&mut errors);
        errors
    });
    thread::spawn(move || {
        let mut text = String::new();
        let _ = out.read_to_string(&mut text);
        done.send(text)
    });
    let text = over.recv_timeout(CONVERSATION);
    let in_time = text.is_ok();
    child.end();
    let errors = watched.join().unwrap();
    let mut saw = parse(&text.or_else(|_| over.recv()).unwrap_or_default());
    if !in_time {
        saw.push(("the client's end".to_owned(), Value::from("not in time")));
    }
    if !errors.is_empty() && saw.last().is_none_or(|(step, _)| step == "era" || step == "the client's end") {
        saw.push(("the client's words".to_owned(), Value::from(errors)));
    }
    saw
}

fn parse(text: &str) -> Saw {
    let line = |line: &str| match serde_json::from_str::<Value>(line) {
        Ok(mut said) => (said["step"].as_str().unwrap_or_default().to_owned(), said["saw"].take()),
        Err(_) => ("the client's words".to_owned(), Value::from(line)),
    };
    text.lines().map(line).collect()
}

/// A process with all that it started, which are ended with this value.
struct Group(Child);

impl Group {
    fn end(&mut self) {
        let _ = Command::new("kill")
            .args(["-KILL", "--", &format!("-{}", self.0.id())])
            .stderr(Stdio::null())
            .status();
        let _ = self.0.wait();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

/// A process that says on stderr where it listens, and is ended with this value.
struct Listening {
    child: Child,
    port: u16,
}

impl Listening {
    fn start(command: &mut Command, before_port: &str) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let rest = line.split_once(before_port)?.1;
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        });
        // Whoever talks on must find a reader, or it stops.
        thread::spawn(move || lines.for_each(drop));
        Self { child, port: port.expect("it says where it listens") }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // A tap flushes its journal on SIGTERM.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
