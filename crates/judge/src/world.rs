//! What the judge remembers of sessions and of calls that are open.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tapgate_engine::bridge::hold::Withheld;
use tapgate_engine::fact;
use tapgate_engine::surface::Lock;
use tapgate_wire::json::find;
use tapgate_wire::record::{Era, Hand, Transport};
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Message, Nanos};

/// Open calls of one session that are remembered; when full, the oldest is forgotten and its answer judged without it.
const MAX_CALLS: usize = 1024;

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    /// Its number.
    pub n: u64,
    pub transport: Transport,
    pub era: Option<Era>,
    /// The revision that was agreed on, or that the last modern request names; `None` while unknown or not known here.
    pub revision: Option<Revision>,
    /// Name and version, as they say.
    pub client: Option<(Bytes, Bytes)>,
    pub server: Option<(Bytes, Bytes)>,
    /// What the client declared: in `initialize`, or in its last modern request. Raw JSON.
    pub client_can: Option<Bytes>,
    /// What the server declared: in its answer to `initialize` or `server/discover`. Raw JSON.
    pub server_can: Option<Bytes>,
    /// How far a handshake came.
    pub handshake: Handshake,
    /// What the server may offer, if that is pinned.
    pub lock: Option<Arc<Lock>>,
    /// What a lock keeps from the client, on the client's leg.
    pub withheld: Option<Arc<Withheld>>,
    /// Bytes of it were not observed, or it was joined midway: what was not seen proves nothing.
    pub partial: bool,
    /// When it was first seen, and when it last said anything.
    pub opened: Nanos,
    pub heard: Nanos,
    /// When it ended; something may still come for it.
    pub ended: Option<Nanos>,
    /// The session before it on the same pipes, which ended because this one began.
    pub follows: Option<u64>,
    calls: BTreeMap<u64, Call>,
}

/// How far the handshake of a legacy session came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Handshake {
    /// Nothing was seen of it.
    None,
    /// `initialize` was asked.
    Asked(Nanos),
    /// It was answered with a result.
    Answered(Nanos),
    /// The client said `notifications/initialized`.
    Ready(Nanos),
}

/// A call that is open, as it was asked.
#[derive(Debug)]
pub(crate) struct Call {
    /// The exchange's number.
    pub exchange: u64,
    pub method: String,
    /// The tool, prompt or resource.
    pub target: Option<Bytes>,
    /// The request as it came; of a call with rounds, the latest.
    pub request: Message,
    /// Its number as a message.
    pub message: u64,
    pub asked_by: Leg,
    pub asked: Nanos,
    pub revision: Option<Revision>,
    /// How many requests were made for it: 1, and 1 for each further round.
    pub n_requests: u32,
    /// In whose hand it is and since when, as far as tracking told; nothing for what became a task.
    pub in_hand: Option<(Hand, Nanos)>,
}

impl Session {
    pub fn new(told: &fact::Session) -> Self {
        let mut session = Self {
            n: told.n,
            transport: told.transport,
            era: None,
            revision: None,
            client: None,
            server: None,
            client_can: None,
            server_can: None,
            handshake: Handshake::None,
            // Only a session that began unseen has its name from the start.
            partial: told.key.is_some(),
            lock: None,
            withheld: None,
            opened: told.opened,
            heard: told.opened,
            ended: None,
            follows: None,
            calls: BTreeMap::new(),
        };
        session.learn(told);
        session
    }

    /// Takes over what tracking knows.
    pub fn learn(&mut self, told: &fact::Session) {
        self.transport = told.transport;
        self.era = told.era;
        self.revision =
            told.revision.as_ref().and_then(|name| Revision::parse(&String::from_utf8_lossy(name)));
        self.client.clone_from(&told.client);
        self.server.clone_from(&told.server);
    }

    /// The call of an exchange that is open.
    pub fn call(&self, exchange: u64) -> Option<&Call> {
        self.calls.get(&exchange)
    }

    /// Why a tool is held back from the client, as a fragment after its name; only the client's leg knows.
    pub fn why_held(&self, tool: &str) -> Option<&'static str> {
        self.withheld.as_ref()?.get(tool).copied()
    }

    /// The calls that are open, oldest first.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.values()
    }

    /// Whether the client declared what this path leads to; `None` when it is not known what it declared.
    pub fn client_declares(&self, path: &[&str]) -> Option<bool> {
        Some(find(self.client_can.as_ref()?, path).is_some_and(|value| value != b"false" && value != b"null"))
    }

    /// Whether the server declared what this path leads to; `None` when it is not known what it declared.
    pub fn server_declares(&self, path: &[&str]) -> Option<bool> {
        Some(find(self.server_can.as_ref()?, path).is_some_and(|value| value != b"false" && value != b"null"))
    }

    /// The revision of a message: what it says of itself, else that of the call it belongs to, else the session's.
    pub fn revision_of(&self, message: &Message, exchange: Option<u64>) -> Option<Revision> {
        if let Some(name) = message.shape().text(Member::MetaRevision) {
            return Revision::parse(&name);
        }
        let call = exchange.and_then(|exchange| self.calls.get(&exchange));
        let shape = message.shape();
        // A handshake is judged by the revision that it offers, its answer by the one that it names.
        if let Some(name) = shape.text(Member::OfferedRevision).filter(|_| shape.kind == Kind::Request) {
            // A revision without handshakes says nothing about how one should look.
            return Revision::parse(&name).filter(|revision| revision.era() == Era::Legacy);
        }
        if shape.kind == Kind::Result && call.is_some_and(|call| call.method == "initialize") {
            return shape.text(Member::AgreedRevision).and_then(|name| Revision::parse(&name));
        }
        call.and_then(|call| call.revision).or(self.revision)
    }

    /// Takes a message into account before it is judged.
    pub fn before(&mut self, message: &Message, exchange: Option<u64>, from: Leg, n: u64, at: Nanos) {
        self.heard = at;
        let shape = message.shape();
        let method = shape.method().unwrap_or_default();
        match (shape.kind, from) {
            (Kind::Request, _) => {
                if from == Leg::Client {
                    let declared = shape.raw(Member::ClientCapabilities).filter(|_| method == "initialize");
                    if let Some(raw) = shape.raw(Member::MetaCapabilities).or(declared) {
                        self.client_can = Some(own(raw));
                    }
                    if method == "initialize" {
                        self.handshake = Handshake::Asked(at);
                        // Whatever was missed before, from here on all of it is seen.
                        self.partial = false;
                    }
                }
                if let Some(exchange) = exchange {
                    self.open(exchange, &method, message, from, n, at);
                }
            }
            (Kind::Notification, Leg::Client) if method == "notifications/initialized" => {
                self.handshake = Handshake::Ready(at);
            }
            (Kind::Result, Leg::Server) => {
                let asked = exchange.and_then(|exchange| self.calls.get(&exchange));
                let is = |name: &str| asked.is_some_and(|call| call.method == name);
                if is("initialize") || is("server/discover") {
                    self.server_can = shape.raw(Member::ServerCapabilities).map(own);
                }
                if is("initialize") {
                    self.handshake = Handshake::Answered(at);
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, exchange: u64, method: &str, message: &Message, from: Leg, n: u64, at: Nanos) {
        let revision = self.revision_of(message, None);
        if let Some(call) = self.calls.get_mut(&exchange).filter(|call| call.asked_by == from) {
            // A poll of a task belongs to the call that became it, which stays what it was.
            if call.method == method {
                call.request = message.clone();
                call.message = n;
                call.n_requests += 1;
            }
            return;
        }
        if self.calls.len() >= MAX_CALLS {
            self.calls.pop_first();
        }
        let shape = message.shape();
        let target =
            shape.raw(Member::Name).or_else(|| shape.raw(Member::Uri)).or_else(|| shape.raw(Member::TaskId));
        let target = target.filter(|raw| raw.len() <= 1024);
        let call = Call {
            exchange,
            method: method.to_owned(),
            target: target.map(|raw| tapgate_wire::json::unescape_lossy(raw).into_owned().into()),
            request: message.clone(),
            message: n,
            asked_by: from,
            asked: at,
            revision,
            n_requests: 1,
            in_hand: None,
        };
        self.calls.insert(exchange, call);
    }

    /// Takes over in whose hand an open call is.
    pub fn note_hand(&mut self, exchange: &fact::Exchange) {
        if let Some(call) = self.calls.get_mut(&exchange.n) {
            call.in_hand = exchange.in_hand.filter(|_| exchange.task.is_none());
        }
    }

    /// Forgets a call that is over.
    pub fn close(&mut self, exchange: u64) {
        self.calls.remove(&exchange);
        if self.calls.is_empty() {
            // An empty map keeps the memory of its last node, and most sessions are idle.
            self.calls = BTreeMap::new();
        }
    }
}

/// A copy of a part of a message, so that remembering it keeps no more than it.
fn own(part: &Bytes) -> Bytes {
    Bytes::copy_from_slice(part)
}
