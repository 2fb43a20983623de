//! The clients, the servers and the ways between them; a new one is one row.

use std::collections::HashSet;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A transport, as the scripts of clients and servers name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Stdio,
    Http,
    /// The transport of 2024-11-05: HTTP with server-sent events.
    Sse,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::Http => "http",
            Self::Sse => "sse",
        }
    }
}

/// Which eras a peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eras {
    Legacy,
    Modern,
    Both,
}

impl Eras {
    /// Whether two peers have an era in common.
    pub fn meet(self, other: Self) -> bool {
        self == other || self == Self::Both || other == Self::Both
    }
}

/// What runs a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    Node,
    Python1,
    Python2,
    /// A client on the Rust SDK, which is a program and no script.
    Rmcp,
}

impl Runs {
    pub fn program(self) -> PathBuf {
        setup(match self {
            Self::Node => "bin/node",
            Self::Python1 => "python/mcp-1/bin/python",
            Self::Python2 => "python/mcp-2/bin/python",
            Self::Rmcp => "rmcp/target/debug/journey-rmcp",
        })
    }
}

/// A client: a script below `clients/`, and the era it is told to speak.
#[derive(Debug)]
pub struct Client {
    pub name: &'static str,
    pub runs: Runs,
    pub script: &'static str,
    pub era: &'static str,
    pub eras: Eras,
    /// The client that is asked instead about servers that this one cannot talk to.
    pub stand_in: &'static str,
}

const fn client(
    name: &'static str,
    runs: Runs,
    script: &'static str,
    era: &'static str,
    eras: Eras,
    stand_in: &'static str,
) -> Client {
    Client { name, runs, script, era, eras, stand_in }
}

impl Client {
    /// Whether it has this transport; the oldest belongs to the legacy era, and the Rust SDK has left it out.
    fn goes_over(&self, kind: Kind) -> bool {
        kind != Kind::Sse || (self.eras == Eras::Legacy && self.runs != Runs::Rmcp)
    }

    /// The program and its arguments, as far as the era.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.runs.program());
        if self.runs != Runs::Rmcp {
            command.arg(journeys().join("clients").join(self.script));
        }
        command.arg(self.era);
        command
    }

    /// The client whose direct run says what this server offers: this one, or its stand-in's where the two cannot talk.
    pub fn reference(&'static self, server: &Server) -> &'static Self {
        if self.eras.meet(server.eras) && self.goes_over(server.kind) {
            return self;
        }
        let stand_in = CLIENTS.iter().find(|client| client.name == self.stand_in);
        stand_in.expect("a stand-in is a client").reference(server)
    }
}

/// Every client; an SDK that can be told its era is told each.
pub static CLIENTS: &[Client] = &[
    client("typescript-1", Runs::Node, "ts1.mjs", "legacy", Eras::Legacy, "typescript-2-modern"),
    client("typescript-2-legacy", Runs::Node, "ts2.mjs", "legacy", Eras::Legacy, "typescript-2-modern"),
    client("typescript-2-auto", Runs::Node, "ts2.mjs", "auto", Eras::Both, "typescript-2-legacy"),
    client("typescript-2-modern", Runs::Node, "ts2.mjs", "modern", Eras::Modern, "typescript-2-legacy"),
    client("python-1", Runs::Python1, "py1.py", "legacy", Eras::Legacy, "python-2-modern"),
    client("python-2-legacy", Runs::Python2, "py2.py", "legacy", Eras::Legacy, "python-2-modern"),
    client("python-2-auto", Runs::Python2, "py2.py", "auto", Eras::Both, "python-2-legacy"),
    client("python-2-modern", Runs::Python2, "py2.py", "modern", Eras::Modern, "python-2-legacy"),
    client("rmcp-legacy", Runs::Rmcp, "", "legacy", Eras::Legacy, "rmcp-modern"),
    client("rmcp-auto", Runs::Rmcp, "", "auto", Eras::Both, "rmcp-legacy"),
    client("rmcp-modern", Runs::Rmcp, "", "modern", Eras::Modern, "typescript-2-legacy"),
    client("inspector-legacy", Runs::Node, "inspector.mjs", "legacy", Eras::Legacy, "inspector-modern"),
    client("inspector-modern", Runs::Node, "inspector.mjs", "modern", Eras::Modern, "inspector-legacy"),
];

/// A server on one transport.
#[derive(Debug)]
pub struct Server {
    pub name: &'static str,
    pub kind: Kind,
    pub eras: Eras,
    /// What is played with it: a file below `plans/`.
    pub plan: &'static str,
    pub runs: Runs,
    /// Its script, below the project's root.
    pub script: &'static str,
    pub arguments: &'static [&'static str],
}

impl fmt::Display for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-on-{}", self.name, self.kind.name())
    }
}

pub const EVERYTHING: &str = ".setup/node/node_modules/@modelcontextprotocol/server-everything/dist/index.js";
const FILESYSTEM: &str = ".setup/node/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js";
const MEMORY: &str = ".setup/node/node_modules/@modelcontextprotocol/server-memory/dist/index.js";
const THINKING: &str =
    ".setup/node/node_modules/@modelcontextprotocol/server-sequential-thinking/dist/index.js";
const FIXTURE: &str = "xtask/conformance/server.mjs";
const PYTHON_1: &str = "crates/app/tests/journeys/servers/mcp1.py";
const PYTHON_2: &str = "crates/app/tests/journeys/servers/mcp2.py";

/// A server on one transport, which its first argument names.
const fn server(
    name: &'static str,
    eras: Eras,
    (kind, arguments): (Kind, &'static [&'static str]),
    plan: &'static str,
    runs: Runs,
    script: &'static str,
) -> Server {
    Server { name, kind, eras, plan, runs, script, arguments }
}

const STDIO: (Kind, &[&str]) = (Kind::Stdio, &["stdio"]);
const HTTP: (Kind, &[&str]) = (Kind::Http, &["http"]);
const SSE: (Kind, &[&str]) = (Kind::Sse, &["sse"]);

/// Every server on each of its transports.
pub static SERVERS: &[Server] = &[
    server("everything", Eras::Legacy, STDIO, "everything.json", Runs::Node, EVERYTHING),
    server(
        "filesystem",
        Eras::Legacy,
        (Kind::Stdio, &["<folder>"]),
        "filesystem.json",
        Runs::Node,
        FILESYSTEM,
    ),
    server("memory", Eras::Legacy, (Kind::Stdio, &[]), "memory.json", Runs::Node, MEMORY),
    server(
        "sequential-thinking",
        Eras::Legacy,
        (Kind::Stdio, &[]),
        "sequential-thinking.json",
        Runs::Node,
        THINKING,
    ),
    server("python-1", Eras::Legacy, STDIO, "fixture.json", Runs::Python1, PYTHON_1),
    server("python-2", Eras::Both, STDIO, "fixture.json", Runs::Python2, PYTHON_2),
    server(
        "typescript-2-legacy",
        Eras::Legacy,
        (Kind::Stdio, &["stdio", "--era", "legacy"]),
        "fixture.json",
        Runs::Node,
        FIXTURE,
    ),
    server(
        "typescript-2-modern",
        Eras::Modern,
        (Kind::Stdio, &["stdio", "--era", "modern"]),
        "fixture.json",
        Runs::Node,
        FIXTURE,
    ),
    server(
        "everything",
        Eras::Legacy,
        (Kind::Http, &["streamableHttp"]),
        "everything.json",
        Runs::Node,
        EVERYTHING,
    ),
    server("python-1", Eras::Legacy, HTTP, "fixture.json", Runs::Python1, PYTHON_1),
    server("python-2", Eras::Both, HTTP, "fixture.json", Runs::Python2, PYTHON_2),
    server(
        "typescript-2-legacy",
        Eras::Legacy,
        (Kind::Http, &["http", "--era", "legacy"]),
        "fixture.json",
        Runs::Node,
        FIXTURE,
    ),
    server(
        "typescript-2-modern",
        Eras::Modern,
        (Kind::Http, &["http", "--era", "modern"]),
        "fixture.json",
        Runs::Node,
        FIXTURE,
    ),
    server("everything", Eras::Legacy, SSE, "everything.json", Runs::Node, EVERYTHING),
    server("python-1", Eras::Legacy, SSE, "fixture.json", Runs::Python1, PYTHON_1),
];

/// A server whose tool becomes a task of 2025-11-25; only the TypeScript SDK 1.x plays its plan.
pub static RESEARCH: Server =
    server("everything", Eras::Legacy, STDIO, "research.json", Runs::Node, EVERYTHING);

/// A way from a client to a server through tapgate.
#[derive(Debug)]
pub struct Shape {
    pub name: &'static str,
    /// The client's transport; none means the server's own.
    from: Option<Kind>,
    /// Whether the server is a command; else it is a URL.
    pub to_command: bool,
    pub passes: Passes,
    /// The arguments of `tap` in front of the server.
    pub arguments: &'static [&'static str],
}

/// What a tap does with what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Passes {
    /// It leaves as it came.
    Untouched,
    /// It is translated where the peers differ.
    Bridged,
}

/// A way to a command.
const fn to_command(
    name: &'static str,
    from: Kind,
    passes: Passes,
    arguments: &'static [&'static str],
) -> Shape {
    Shape { name, from: Some(from), to_command: true, passes, arguments }
}

/// A way to a URL.
const fn to_url(
    name: &'static str,
    from: Option<Kind>,
    passes: Passes,
    arguments: &'static [&'static str],
) -> Shape {
    Shape { name, from, to_command: false, passes, arguments }
}

const LISTEN: &[&str] = &["--listen", "127.0.0.1:0"];

/// Every way.
pub static SHAPES: &[Shape] = &[
    to_command("tap", Kind::Stdio, Passes::Untouched, &[]),
    to_command("bridge", Kind::Stdio, Passes::Bridged, &["--bridge"]),
    to_command("serve", Kind::Http, Passes::Bridged, LISTEN),
    to_command("serve-sse", Kind::Sse, Passes::Bridged, LISTEN),
    to_url("listen", None, Passes::Untouched, LISTEN),
    to_url("attach", Some(Kind::Stdio), Passes::Bridged, &[]),
    to_url("bridge-listen", Some(Kind::Http), Passes::Bridged, &["--bridge", "--listen", "127.0.0.1:0"]),
];

/// One journey.
#[derive(Clone, Copy, Debug)]
pub struct Journey {
    pub client: &'static Client,
    pub server: &'static Server,
    pub shape: &'static Shape,
}

impl Journey {
    /// The client's transport.
    pub fn from(&self) -> Kind {
        self.shape.from.unwrap_or(self.server.kind)
    }

    fn fits(&self) -> bool {
        let is_command = self.server.kind == Kind::Stdio;
        let meet = self.client.eras.meet(self.server.eras) || self.shape.passes == Passes::Bridged;
        self.shape.to_command == is_command && self.client.goes_over(self.from()) && meet
    }
}

impl fmt::Display for Journey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {}", self.client.name, self.shape.name, self.server)
    }
}

/// The journeys of this run.
///
/// Without more words each client goes through a tap and a bridge to a command and to a URL, and each server is reached
/// each way.
/// `TAPGATE_JOURNEYS=all` is the whole table, and other words are those that a journey's name must contain.
pub fn chosen() -> Vec<Journey> {
    let mut journeys = all();
    match env::var("TAPGATE_JOURNEYS") {
        Ok(words) if words == "all" => {}
        Ok(words) => {
            journeys.retain(|journey| words.split(' ').all(|word| journey.to_string().contains(word)));
        }
        Err(_) => {
            let mut seen = HashSet::new();
            journeys.retain(|journey| {
                let Journey { client, server, shape } = journey;
                let end = if shape.to_command { "command" } else { "URL" };
                let client = seen.insert((client.name.to_owned(), end, shape.passes));
                let server = seen.insert((server.to_string(), shape.name, shape.passes));
                client || server
            });
        }
    }
    journeys
}

/// The whole table, one diagonal after the other, so that its beginning has a bit of everything.
fn all() -> Vec<Journey> {
    let mut journeys = Vec::new();
    for diagonal in 0..CLIENTS.len() {
        for (at, server) in SERVERS.iter().enumerate() {
            for (turn, shape) in SHAPES.iter().enumerate() {
                let client = &CLIENTS[(diagonal + at + turn) % CLIENTS.len()];
                journeys.push(Journey { client, server, shape });
            }
        }
    }
    journeys.retain(Journey::fits);
    journeys
}

pub fn setup(path: &str) -> PathBuf {
    let path = root().join(".setup").join(path);
    assert!(path.exists(), "{} is missing: run `cargo xtask setup`", path.display());
    path
}

pub fn journeys() -> PathBuf {
    root().join("crates/app/tests/journeys")
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
