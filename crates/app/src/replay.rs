//! Plays a recorded client against a server and says what is different now.
//!
//! A call is made when all are over that were over then, so that those which overlapped overlap again.

mod difference;
mod flight;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tapgate_transport::Clock;
use tapgate_wire::Nanos;

pub use self::difference::{Difference, Ignored, compare};
use self::flight::{Flight, Step};
use crate::capture::{Call, Capture, Effect, is_masked};
use crate::play::{Player, Said};

/// Calls that are on their way at once; while there are more, none is made.
const MAX_FLIGHTS: usize = 128;

/// What came of one call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The same answer as then, apart from what differs each time.
    Same,
    /// Another answer.
    Changed(Vec<Difference>),
    /// It was not made, or nothing is there to compare, for this reason.
    Skipped(&'static str),
    /// No answer came.
    Silent,
    /// Nobody was there to answer, for this reason.
    Unreached(String),
}

/// What may be made again.
#[derive(Clone, Debug, Default)]
pub struct Consent {
    /// Tools that may be called whatever they do.
    pub tools: BTreeSet<String>,
}

impl Consent {
    /// Why a call is not made; `None` when it is.
    pub fn refuses(&self, capture: &Capture, call: &Call) -> Option<&'static str> {
        if call.row.method == "subscriptions/listen" {
            return Some("a subscription has no answer of its own");
        }
        let is_named = call.row.target.as_ref().is_some_and(|tool| self.tools.contains(tool));
        if capture.effect(call) == Effect::Destructive && !is_named {
            return Some("destructive, and not named by --allow");
        }
        match call.request() {
            None => Some("its request was stored as a summary"),
            Some(request) if is_masked(&essence(request)) => {
                Some("its arguments were masked; record with `tapgate tap --full`")
            }
            Some(_) => None,
        }
    }
}

/// Plays the calls of a capture.
#[derive(Debug)]
pub struct Replay<'c> {
    capture: &'c Capture,
    player: &'c mut Player,
    consent: &'c Consent,
    ignored: &'c Ignored,
    patience: Duration,
    clock: Clock,
    /// Calls that are not over.
    flights: Vec<Flight<'c>>,
    /// What came of those that are over and were not told yet, by their place.
    over: BTreeMap<usize, Outcome>,
    /// How many were told.
    n_told: usize,
    /// The cursors then and now.
    cursors: HashMap<String, Json>,
}

impl<'c> Replay<'c> {
    /// A replay that waits for each answer as long as `patience`.
    pub fn new(
        capture: &'c Capture,
        player: &'c mut Player,
        consent: &'c Consent,
        ignored: &'c Ignored,
        patience: Duration,
    ) -> Self {
        Self {
            capture,
            player,
            consent,
            ignored,
            patience,
            clock: Clock::start(),
            flights: Vec::new(),
            over: BTreeMap::new(),
            n_told: 0,
            cursors: HashMap::new(),
        }
    }

    /// Makes all calls again and tells what comes of each, in the recorded order, until `tell` breaks.
    pub fn run(&mut self, tell: &mut dyn FnMut(&Call, &Outcome) -> ControlFlow<()>) -> ControlFlow<()> {
        for (place, call) in self.capture.calls.iter().enumerate() {
            let begins = call.turns.first().map(|turn| turn.id);
            let is_over = |flight: &Flight<'_>| flight.ended.is_some() && flight.ended < begins;
            while self.flights.iter().any(is_over) || self.flights.len() >= MAX_FLIGHTS {
                self.go_on(tell)?;
            }
            // A server that waits to be heard hears nothing more itself.
            for _ in 0..MAX_FLIGHTS {
                let Said::Message(message) = self.player.hear(Duration::ZERO) else { break };
                self.hear(&message);
            }
            if let Some(why) = self.consent.refuses(self.capture, call) {
                self.over.insert(place, Outcome::Skipped(why));
                continue;
            }
            let mut flight = Flight::new(place, call, self.patience);
            match flight.begin(self.clock.now(), self.player, &self.cursors) {
                Step::Over(outcome) => drop(self.over.insert(place, outcome)),
                Step::Waits => self.flights.push(flight),
            }
        }
        while !self.flights.is_empty() {
            self.go_on(tell)?;
        }
        self.tell(tell)
    }

    /// Waits for one thing to happen.
    fn go_on(&mut self, tell: &mut dyn FnMut(&Call, &Outcome) -> ControlFlow<()>) -> ControlFlow<()> {
        let due = self.flights.iter().map(|flight| flight.due).min().unwrap_or(Nanos(0));
        let left = Duration::from_nanos(due.0.saturating_sub(self.clock.now().0));
        match self.player.hear(left) {
            Said::Message(message) => self.hear(&message),
            Said::Nothing => {}
            Said::Over => {
                for flight in self.flights.drain(..) {
                    self.over.insert(flight.place, Outcome::Silent);
                }
            }
        }
        let now = self.clock.now();
        let late = self.flights.iter().enumerate().find(|(_, flight)| flight.due <= now).map(|(at, _)| at);
        if let Some(at) = late {
            self.step(at, |flight, player| flight.on_time(now, player));
        }
        self.tell(tell)
    }

    fn hear(&mut self, message: &Json) {
        let now = self.clock.now();
        match (message.get("method").and_then(Json::as_str), message.get("id")) {
            (Some(method), Some(id)) => {
                let reply = self.reply(method, message.get("params"), id);
                // A server that went away shows in what comes next.
                let _ = self.player.send(&reply);
            }
            (None, Some(id)) => {
                let place = self.flights.iter().position(|flight| flight.waits_for(id));
                if let Some(at) = place {
                    if let Some(flight) = self.flights.get(at) {
                        flight.learn(message, &mut self.cursors);
                    }
                    let ignored = self.ignored;
                    self.step(at, |flight, player| flight.on_answer(now, message, ignored, player));
                }
            }
            _ => {}
        }
    }

    fn step(&mut self, at: usize, step: impl FnOnce(&mut Flight<'c>, &mut Player) -> Step) {
        let Some(flight) = self.flights.get_mut(at) else { return };
        if let Step::Over(outcome) = step(flight, self.player) {
            let flight = self.flights.remove(at);
            self.over.insert(flight.place, outcome);
        }
    }

    /// The client's answer to a question like this one, then; each is given once.
    fn reply(&mut self, method: &str, params: Option<&Json>, id: &Json) -> Json {
        let same = self.flights.iter_mut().find_map(|flight| flight.reply(method, params));
        let like = || self.flights.iter_mut().find_map(|flight| flight.reply(method, None));
        let mut reply = same.or_else(like).unwrap_or_else(|| match method {
            "ping" => json!({ "jsonrpc": "2.0", "result": {} }),
            _ => json!({ "jsonrpc": "2.0", "error": { "code": -32601, "message": "not recorded" } }),
        });
        if let Some(members) = reply.as_object_mut() {
            members.insert("id".to_owned(), id.clone());
        }
        reply
    }

    /// Tells what is over, as far as nothing before it is missing.
    fn tell(&mut self, tell: &mut dyn FnMut(&Call, &Outcome) -> ControlFlow<()>) -> ControlFlow<()> {
        while let Some(outcome) = self.over.remove(&self.n_told) {
            let Some(call) = self.capture.calls.get(self.n_told) else { break };
            self.n_told += 1;
            tell(call, &outcome)?;
        }
        ControlFlow::Continue(())
    }
}

/// What of a request has to be known to make it again.
fn essence(request: &Json) -> Json {
    let mut params = request.get("params").cloned().unwrap_or_default();
    if let Some(members) = params.as_object_mut() {
        members.remove("_meta");
        members.remove("requestState");
    }
    params
}
