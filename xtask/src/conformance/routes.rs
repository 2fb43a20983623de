//! The ways through tapgate, and what is wanted of each.

use std::net::Ipv4Addr;

/// Every leg of the suite: a protocol revision that its scenarios are played in.
pub(super) const LEGS: &[&str] = &["2025-06-18", "2025-11-25", "2026-07-28"];

/// The ways through tapgate; a new one is one row.
pub(super) const ROUTES: &[Route] = &[
    Route { name: "tap", via: Via::Tap, era: "both", legs: LEGS, wants: Wants::Same, turn: Turn::Always },
    Route {
        name: "stdio",
        via: Via::Command,
        era: "both",
        legs: LEGS,
        wants: Wants::Same,
        turn: Turn::Always,
    },
    Route {
        name: "legacy-to-modern",
        via: Via::Bridge,
        era: "modern",
        legs: &["2025-11-25"],
        wants: Wants::Green,
        turn: Turn::Always,
    },
    Route {
        name: "modern-to-legacy",
        via: Via::Bridge,
        era: "legacy",
        legs: &["2026-07-28"],
        wants: Wants::Green,
        turn: Turn::Always,
    },
    Route { name: "bridge", via: Via::Bridge, era: "both", legs: LEGS, wants: Wants::Same, turn: Turn::All },
    Route {
        name: "legacy-to-modern-stdio",
        via: Via::Command,
        era: "modern",
        legs: &["2025-11-25"],
        wants: Wants::Green,
        turn: Turn::All,
    },
    Route {
        name: "modern-to-legacy-stdio",
        via: Via::Command,
        era: "legacy",
        legs: &["2026-07-28"],
        wants: Wants::Green,
        turn: Turn::All,
    },
    Route {
        name: "client",
        via: Via::Client,
        era: "both",
        legs: &["2025-11-25", "2026-07-28"],
        wants: Wants::Green,
        turn: Turn::All,
    },
];

/// One way through tapgate.
pub(super) struct Route {
    /// What it is called on the command line, in reports and in the list of what is known.
    pub(super) name: &'static str,
    /// How tapgate is started.
    pub(super) via: Via,
    /// Which eras the fixture serves: `legacy`, `modern` or `both`.
    pub(super) era: &'static str,
    /// The legs that are played.
    pub(super) legs: &'static [&'static str],
    /// What is wanted of them.
    pub(super) wants: Wants,
    /// When it is played without being named.
    pub(super) turn: Turn,
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
