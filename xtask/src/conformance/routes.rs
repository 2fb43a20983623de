//! The ways through tapgate, and what is wanted of each.

use std::net::Ipv4Addr;

/// Every leg: a protocol revision that the suite's scenarios are played in, and one more.
pub(super) const LEGS: &[&str] = &["2025-06-18", "2025-11-25", "2026-07-28", TASKS];

/// The leg of the tasks extension, whose scenarios belong to no revision.
pub(super) const TASKS: &str = "tasks";

/// The legs of both eras.
const ERAS: &[&str] = &["2025-06-18", "2025-11-25", "2026-07-28"];

/// The ways through tapgate; a new one is one row.
pub(super) const ROUTES: &[Route] = &[
    route("tap", Via::Tap, Server::Both, ERAS, Wants::Same, Turn::Always),
    route("stdio", Via::Command, Server::Both, ERAS, Wants::Same, Turn::Always),
    route("legacy-to-modern", Via::Bridge, Server::Modern, &["2025-11-25"], Wants::Green, Turn::Always),
    route("modern-to-legacy", Via::Bridge, Server::Legacy, &["2026-07-28"], Wants::Green, Turn::Always),
    route("bridge", Via::Bridge, Server::Both, ERAS, Wants::Same, Turn::All),
    route("legacy-to-modern-stdio", Via::Command, Server::Modern, &["2025-11-25"], Wants::Green, Turn::All),
    route("modern-to-legacy-stdio", Via::Command, Server::Legacy, &["2026-07-28"], Wants::Green, Turn::All),
    route("tap-tasks", Via::Tap, Server::Tasks, &[TASKS], Wants::Same, Turn::All),
    route("bridge-tasks", Via::Bridge, Server::Tasks, &[TASKS], Wants::Same, Turn::All),
    route("stdio-tasks", Via::Command, Server::Tasks, &[TASKS], Wants::Same, Turn::All),
    route("bridge-python", Via::Bridge, Server::Python, ERAS, Wants::Same, Turn::All),
    route("stdio-python", Via::Command, Server::Python, ERAS, Wants::Same, Turn::All),
    route("client", Via::Client, Server::Suite, &["2025-11-25", "2026-07-28"], Wants::Green, Turn::All),
];

/// One way through tapgate.
pub(super) struct Route {
    /// What it is called on the command line, in reports and in the list of what is known.
    pub(super) name: &'static str,
    /// How tapgate is started.
    pub(super) via: Via,
    /// What it leads to.
    pub(super) server: Server,
    /// The legs that are played.
    pub(super) legs: &'static [&'static str],
    /// What is wanted of them.
    pub(super) wants: Wants,
    /// When it is played without being named.
    pub(super) turn: Turn,
}

const fn route(
    name: &'static str,
    via: Via,
    server: Server,
    legs: &'static [&'static str],
    wants: Wants,
    turn: Turn,
) -> Route {
    Route { name, via, server, legs, wants, turn }
}

/// Between which transports tapgate stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    /// HTTP to HTTP, untouched.
    Tap,
    /// HTTP to HTTP, through the engine.
    Bridge,
    /// HTTP to a command on stdio.
    Command,
    /// stdio to HTTP, where the suite plays the server.
    Client,
}

/// The server at the end of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Server {
    /// The fixture, in both eras.
    Both,
    /// The fixture, in the legacy era alone.
    Legacy,
    /// The fixture, in the modern era alone.
    Modern,
    /// The fixture on another SDK, in both eras.
    Python,
    /// The server that offers tasks.
    Tasks,
    /// The suite itself.
    Suite,
}

/// What a leg must come to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// Every check ends as it does without tapgate.
    Same,
    /// Every scenario is green: the server speaks another era, so there is nothing to be equal to.
    Green,
}

/// When a route is played.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// In every run.
    Always,
    /// With `--all`, or when it is named.
    All,
}

impl Server {
    /// The server whose direct run a route to this one is compared with; a fixture of one era is half of the whole.
    pub(super) fn reference(self) -> Option<Self> {
        match self {
            Self::Both | Self::Legacy | Self::Modern => Some(Self::Both),
            Self::Python | Self::Tasks => Some(self),
            Self::Suite => None,
        }
    }

    /// What starts this server on `stdio` or `http`: a program below `.setup/`, a script below `xtask/conformance/`, and
    /// the script's arguments.
    pub(super) fn words(self, kind: &'static str) -> (&'static str, &'static str, Vec<&'static str>) {
        let era = match self {
            // The suite starts its own servers, which speak what a scenario needs.
            Self::Both | Self::Suite => "both",
            Self::Legacy => "legacy",
            Self::Modern => "modern",
            Self::Python => return ("python/mcp-2/bin/python", "server.py", vec![kind]),
            Self::Tasks => return ("bin/node", "tasks.mjs", vec![kind]),
        };
        ("bin/node", "server.mjs", vec![kind, "--era", era])
    }
}

impl Via {
    /// The arguments that start tapgate in front of `server`: a URL, or a command and its arguments.
    pub(super) fn arguments(self, server: &[String]) -> Vec<String> {
        let listen = format!("{}:0", Ipv4Addr::LOCALHOST);
        let mut arguments: Vec<String> = ["tap", "--listen", &listen].map(str::to_owned).to_vec();
        match self {
            Self::Tap | Self::Client => {}
            Self::Bridge => arguments.push("--bridge".to_owned()),
            Self::Command => arguments.push("--".to_owned()),
        }
        arguments.extend_from_slice(server);
        arguments
    }
}
