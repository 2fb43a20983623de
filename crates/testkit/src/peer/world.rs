//! A bridge between scripted peers, and a clock that is wound by hand.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tapgate_wire::Nanos;
use tapgate_wire::edge::{Act, Heard};
use tapgate_wire::stream::StreamId;

use super::{Client, Over, Server};
use crate::Chance;

/// What stands between the peers.
pub trait Bridged {
    /// Hears one input and pushes what the edges are to do.
    fn on(&mut self, now: Nanos, heard: Heard, acts: &mut Vec<Act>);
    /// When a tick is due.
    fn deadline(&self) -> Option<Nanos>;
}

/// Everything of one test.
pub struct World<B> {
    /// What is tested.
    pub bridge: B,
    /// The time.
    pub now: Nanos,
    /// The clients; more than one only over HTTP.
    pub clients: Vec<Client>,
    /// The server.
    pub server: Server,
    /// What the bridge said to its person.
    pub notes: Vec<String>,
    /// The exit status that the bridge asked for.
    pub exit: Option<u8>,
    /// Chooses whose turn it is when it is somebody's; without it, the first one.
    pub chance: Option<Chance>,
    owners: BTreeMap<StreamId, usize>,
    next_stream: u64,
    queue: VecDeque<Heard>,
}

impl<B: Bridged> World<B> {
    /// A world before anything was said.
    pub fn new(bridge: B, clients: Vec<Client>, server: Server) -> Self {
        Self {
            bridge,
            now: Nanos(1),
            clients,
            server,
            notes: Vec::new(),
            exit: None,
            chance: None,
            owners: BTreeMap::new(),
            next_stream: 1,
            queue: VecDeque::new(),
        }
    }

    /// Runs until nobody has anything more to say at this time.
    pub fn run(&mut self) {
        for _ in 0..200_000 {
            if !self.step() {
                return;
            }
        }
        self.server.faults.push("the peers and the bridge talk without end".to_owned());
    }

    /// Runs and lets time pass, as long as something is due before it has passed.
    pub fn pass(&mut self, time: Duration) {
        let until = Nanos(self.now.0 + u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        for _ in 0..10_000 {
            self.run();
            let due = [self.bridge.deadline(), self.server.deadline()].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= until) else { break };
            self.now = self.now.max(due);
            self.server.tick(self.now);
            self.hear(Heard::Tick);
        }
        self.now = self.now.max(until);
        self.run();
    }

    fn step(&mut self) -> bool {
        self.collect();
        let n = self.queue.len();
        if n == 0 {
            return false;
        }
        let place = match &mut self.chance {
            Some(chance) => chance.below(n),
            None => 0,
        };
        // What one peer says stays in its order: the first one of the same speaker goes.
        let speaker = self.queue.get(place).map(|heard| self::speaker(heard, &self.owners));
        let first = self.queue.iter().position(|heard| Some(self::speaker(heard, &self.owners)) == speaker);
        if let Some(heard) = first.and_then(|place| self.queue.remove(place)) {
            self.hear(heard);
        }
        true
    }

    fn collect(&mut self) {
        for (n, client) in self.clients.iter_mut().enumerate() {
            for out in client.take() {
                match out {
                    super::client::Out::Line(heard) => self.queue.push_back(heard),
                    super::client::Out::Post(make) => {
                        let stream = StreamId(self.next_stream);
                        self.next_stream += 1;
                        self.owners.insert(stream, n);
                        let heard = client.opened(stream, make);
                        self.queue.push_back(heard);
                    }
                    super::client::Out::Leave(stream) => self.queue.push_back(Heard::Left { stream }),
                }
            }
        }
        self.queue.extend(self.server.take());
    }

    fn hear(&mut self, heard: Heard) {
        let mut acts = Vec::new();
        self.bridge.on(self.now, heard, &mut acts);
        for act in acts {
            self.act(act);
        }
    }

    /// Does what the bridge decided.
    pub fn act(&mut self, act: Act) {
        match act {
            Act::Line(bytes) => {
                if let Some(client) = self.clients.iter_mut().find(|client| client.over == Over::Pipe) {
                    client.line(&bytes);
                }
            }
            Act::Respond { stream, .. }
            | Act::Begin { stream, .. }
            | Act::Emit { stream, .. }
            | Act::Finish { stream } => {
                if let Some(client) = self.owners.get(&stream).and_then(|n| self.clients.get_mut(*n)) {
                    client.act(stream, act);
                }
            }
            Act::Note(note) => self.notes.push(note),
            Act::Exit(status) => self.exit = Some(status),
            act => self.server.act(self.now, act),
        }
    }
}

/// Who says something; a stream or process says its things in order, others may overtake it.
fn speaker(heard: &Heard, owners: &BTreeMap<StreamId, usize>) -> (u8, u64) {
    match heard {
        Heard::Line { .. } | Heard::LineEnd => (0, 0),
        Heard::Asked { stream, .. } | Heard::Left { stream } => {
            (1, owners.get(stream).copied().unwrap_or_default() as u64)
        }
        Heard::Started { child, .. } | Heard::ChildLine { child, .. } | Heard::Exited { child, .. } => {
            (2, child.0)
        }
        Heard::Answered { fetch, .. }
        | Heard::Event { fetch, .. }
        | Heard::Body { fetch, .. }
        | Heard::Ended { fetch, .. } => (3, fetch.0),
        Heard::Tick => (4, 0),
    }
}
