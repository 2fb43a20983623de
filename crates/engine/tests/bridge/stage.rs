//! One client, one server, the bridge between them.

use std::time::Duration;

use serde_json::{Value, json};
use tapgate_engine::bridge::seal::Seal;
use tapgate_engine::bridge::settings::{Bounds, Listens, Reaches};
use tapgate_engine::bridge::{Bridge, Settings};
use tapgate_testkit::peer::{Bridged, Client, Over, Server, World};
use tapgate_wire::Nanos;
use tapgate_wire::edge::{Act, Heard};
use tapgate_wire::revision::Revision;

/// The bridge as peers see it.
pub(crate) struct Tested(pub(crate) Bridge);

impl Bridged for Tested {
    fn on(&mut self, now: Nanos, heard: Heard, acts: &mut Vec<Act>) {
        self.0.on(now, heard, acts);
    }

    fn deadline(&self) -> Option<Nanos> {
        self.0.deadline()
    }
}

pub(crate) fn settings(client: Over, server: Over) -> Settings {
    Settings {
        listens: match client {
            Over::Pipe => Listens::Pipe,
            Over::Http | Over::Sse => Listens::Http { path: "/mcp".to_owned(), sse_path: "/sse".to_owned() },
        },
        reaches: match server {
            Over::Pipe => Reaches::Command,
            Over::Http | Over::Sse => Reaches::Url { url: "http://127.0.0.1:9/mcp".to_owned() },
        },
        server_name: "scripted".to_owned(),
        client_era: None,
        server_era: None,
        server_revision: None,
        headers: http::HeaderMap::new(),
        bounds: Bounds::default(),
    }
}

pub(crate) fn bridge(settings: Settings) -> Tested {
    Tested(Bridge::new(settings, Seal::new(&[[7; 32]], [9; 32], 1_700_000_000_000_000_000)))
}

/// A peer of a test: how it is connected, and what it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Kind(pub(crate) Over, pub(crate) Revision);

impl Kind {
    pub(crate) fn all() -> Vec<Self> {
        let each = |over: Over| {
            let revisions = Revision::ALL.iter().filter(move |revision| over.has(**revision));
            revisions.map(move |revision| Self(over, *revision))
        };
        Over::ALL.into_iter().flat_map(each).collect()
    }

    pub(crate) fn is_modern(self) -> bool {
        self.1 >= Revision::V2026_07_28
    }
}

/// A world with one client.
pub(crate) struct Stage {
    pub(crate) world: World<Tested>,
    pub(crate) client: Kind,
    pub(crate) server: Kind,
}

impl Stage {
    pub(crate) fn new(client: Kind, server: Kind) -> Self {
        let bridge = bridge(settings(client.0, server.0));
        let world =
            World::new(bridge, vec![Client::new(client.0, client.1)], Server::new(server.0, server.1));
        Self { world, client, server }
    }

    pub(crate) fn me(&mut self) -> &mut Client {
        &mut self.world.clients[0]
    }

    /// Shakes hands, or asks what the server can do.
    pub(crate) fn begin(&mut self) -> Value {
        let key = self.me().begin();
        self.settle();
        self.me().answer(&key).clone()
    }

    /// Runs until nobody has anything more to say within a second.
    pub(crate) fn settle(&mut self) {
        self.world.pass(Duration::from_secs(1));
    }

    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        let key = self.me().ask(method, params);
        self.settle();
        self.me().answer(&key).clone()
    }

    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({ "name": tool, "arguments": arguments }))
    }

    /// Everything that was against the rules.
    pub(crate) fn faults(&self) -> Vec<String> {
        let clients = self.world.clients.iter().flat_map(|client| client.faults.clone());
        clients.chain(self.world.server.all_faults()).collect()
    }
}

/// The text of the first block of a result.
pub(crate) fn words(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_default()
}
