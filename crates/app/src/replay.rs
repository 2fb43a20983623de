//! Plays a recorded client against a server and says what is different now.

mod difference;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tapgate_wire::Leg;
use tapgate_wire::record::Status;

pub use self::difference::{Difference, Ignored, differences};
use crate::capture::{Call, Capture, Effect, Turn, is_masked};
use crate::play::{Heard, Player};

/// How long a task may run before it counts as hanging.
const MAX_POLLS: usize = 600;

/// What came of one call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The same answer as then, apart from what differs each time.
    Same,
    /// Another answer.
    Changed(Vec<Difference>),
    /// It was not made, for this reason.
    Skipped(&'static str),
    /// No answer came.
    Silent,
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
        let is_named = call.row.target.as_ref().is_some_and(|tool| self.tools.contains(tool));
        if capture.effect(call) == Effect::Destructive && !is_named {
            return Some("destructive, and not named by --allow");
        }
        match call.request() {
            None => Some("its request was stored as a summary"),
            Some(request) if is_masked(&essence(request)) => {
                Some("its arguments were masked; record with --full")
            }
            Some(_) => None,
        }
    }
}

/// Plays the calls of a capture one after the other.
#[derive(Debug)]
pub struct Replay<'c> {
    capture: &'c Capture,
    player: &'c mut Player,
    consent: &'c Consent,
    ignored: &'c Ignored,
    patience: Duration,
    /// The ids of tasks then and now.
    tasks: HashMap<String, Json>,
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
        let (tasks, cursors) = (HashMap::new(), HashMap::new());
        Self { capture, player, consent, ignored, patience, tasks, cursors }
    }

    /// Makes one call again and compares what comes of it.
    pub fn call(&mut self, call: &Call) -> Outcome {
        if call.row.method.starts_with("subscriptions/") {
            return Outcome::Skipped("a subscription has no answer of its own");
        }
        if let Some(why) = self.consent.refuses(self.capture, call) {
            return Outcome::Skipped(why);
        }
        let replies: Vec<&Json> = questions(&call.turns);
        let mut rounds = call.turns.iter().enumerate().filter(|(_, turn)| is_request(turn)).map(|(at, _)| at);
        let Some(first) = rounds.next() else { return Outcome::Skipped("its request was not recorded") };
        let mut at = first;
        let mut state: Option<Json> = None;
        loop {
            let Some(request) = call.turns.get(at).and_then(|turn| turn.said.as_ref()) else {
                return Outcome::Skipped("a round of it was stored as a summary");
            };
            let mut params = request.get("params").cloned().unwrap_or_else(|| json!({}));
            self.rename(&mut params);
            if let (Some(state), Some(members)) = (&state, params.as_object_mut()) {
                members.insert("requestState".to_owned(), state.clone());
            }
            let live = match self.ask(&call.row.method, &params, &replies) {
                Heard::Answer(answer) => answer,
                Heard::Silence if call.row.status == Status::Cancelled => return Outcome::Same,
                Heard::Silence | Heard::Over => return Outcome::Silent,
            };
            let Some(recorded) = answer_after(&call.turns, at) else {
                return Outcome::Skipped("its answer was not recorded, or as a summary");
            };
            self.learn(recorded, &live);
            let live = self.until_like(recorded, live, &call.row.method, &params);
            let found = differences(recorded, &live, self.ignored);
            if !found.is_empty() {
                return Outcome::Changed(found);
            }
            match rounds.next() {
                Some(next) if needs_input(&live) => {
                    state = live.pointer("/result/requestState").cloned();
                    at = next;
                }
                _ => return Outcome::Same,
            }
        }
    }

    /// Asks again for the state of a task until it is what it was.
    fn until_like(&mut self, recorded: &Json, mut live: Json, method: &str, params: &Json) -> Json {
        let status = |json: &Json| json.pointer("/result/status").and_then(Json::as_str).map(str::to_owned);
        for _ in 0..MAX_POLLS {
            let is_working = method == "tasks/get"
                && status(&live).as_deref() == Some("working")
                && status(recorded).as_deref() != Some("working");
            if !is_working {
                break;
            }
            let wait =
                live.pointer("/result/pollInterval").or_else(|| live.pointer("/result/pollIntervalMs"));
            let wait = wait.and_then(Json::as_u64).unwrap_or(200).clamp(10, 5_000);
            std::thread::sleep(Duration::from_millis(wait));
            match self.ask(method, params, &[]) {
                Heard::Answer(answer) => live = answer,
                Heard::Silence | Heard::Over => break,
            }
        }
        live
    }

    fn ask(&mut self, method: &str, params: &Json, replies: &[&Json]) -> Heard {
        let mut replies = replies.iter();
        let mut meanwhile = |message: &Json| {
            let id = message.get("id")?;
            message.get("method")?;
            let reply = replies.next().map_or_else(
                || json!({ "jsonrpc": "2.0", "error": { "code": -32601, "message": "not recorded" } }),
                |reply| (*reply).clone(),
            );
            let mut reply = reply;
            reply.as_object_mut()?.insert("id".to_owned(), id.clone());
            Some(reply)
        };
        let heard = self.player.ask(method, params, self.patience, &mut meanwhile);
        if method == "initialize" && matches!(&heard, Heard::Answer(answer) if answer.get("result").is_some())
        {
            let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
            // A server that went away shows in the next call.
            let _ = self.player.send(&ready);
        }
        heard
    }

    /// Notes what names a thing then and now.
    fn learn(&mut self, recorded: &Json, live: &Json) {
        for path in ["/result/taskId", "/result/task/taskId"] {
            if let (Some(then), Some(now)) =
                (recorded.pointer(path).and_then(Json::as_str), live.pointer(path))
            {
                self.tasks.insert(then.to_owned(), now.clone());
            }
        }
        let cursor = "/result/nextCursor";
        if let (Some(then), Some(now)) =
            (recorded.pointer(cursor).and_then(Json::as_str), live.pointer(cursor))
        {
            self.cursors.insert(then.to_owned(), now.clone());
        }
    }

    /// Puts the names of now in the place of those of then.
    fn rename(&self, params: &mut Json) {
        for (name, known) in [("taskId", &self.tasks), ("cursor", &self.cursors)] {
            if let Some(place) = params.get_mut(name)
                && let Some(now) = place.as_str().and_then(|then| known.get(then))
            {
                *place = now.clone();
            }
        }
    }
}

/// The client's answers to what the server asked inside of a call.
fn questions(turns: &[Turn]) -> Vec<&Json> {
    let is_reply = |turn: &&Turn| {
        turn.from == Leg::Client && turn.said.as_ref().is_some_and(|said| said.get("method").is_none())
    };
    turns.iter().filter(is_reply).filter_map(|turn| turn.said.as_ref()).collect()
}

fn is_request(turn: &Turn) -> bool {
    turn.from == Leg::Client
        && turn.said.as_ref().is_none_or(|said| said.get("method").is_some() && said.get("id").is_some())
}

/// The server's answer that follows a turn.
fn answer_after(turns: &[Turn], at: usize) -> Option<&Json> {
    let after = turns.iter().skip(at + 1).filter(|turn| turn.from == Leg::Server);
    after.filter_map(|turn| turn.said.as_ref()).find(|said| said.get("method").is_none())
}

fn needs_input(answer: &Json) -> bool {
    answer.pointer("/result/resultType").and_then(Json::as_str) == Some("input_required")
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
