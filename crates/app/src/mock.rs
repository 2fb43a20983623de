//! A recorded session as a server: what was answered then is answered now, and what was never asked is said to be unknown.
//!
//! The machine is pure: messages of the client and the time in, messages to it and the times when they are due out.

mod greet;
mod listen;
mod nearest;
mod task;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tapgate_wire::record::{Era, Status, UnixNanos};
use tapgate_wire::{Leg, Nanos};

use self::listen::Listen;
use self::task::Task;
use crate::capture::{Call, Capture, Turn, fits, task_of};

/// The error code of what is not recorded; JSON-RPC 2.0, section 5.1, leaves -32000 to -32099 to servers.
const NOT_RECORDED: i64 = -32_001;

/// Calls that wait for the client at once; when full, the oldest is given up.
const MAX_SUSPENDED: usize = 256;

/// Messages that wait for their time at once; while there are more, the client is not read.
const MAX_WAITING: usize = 4096;

/// Longest pause between two messages that is played.
const MAX_PAUSE: Duration = Duration::from_hours(1);

/// How long what follows a notification waits at least.
///
/// The official TypeScript SDKs (1.x, 2.x) lose progress that they read together with the answer behind it.
const BREATH: Duration = Duration::from_millis(2);

/// How calls are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// By method and all parameters.
    Exact,
    /// By method and tool, prompt or resource.
    Loose,
}

/// When messages are said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As soon as they can be.
    AtOnce,
    /// After the recorded pauses, each times this factor.
    Recorded(f64),
}

/// Serves a capture.
#[derive(Debug)]
pub struct Mock {
    capture: Capture,
    how: Match,
    pace: Pace,
    /// Calls that were served, by their place.
    served: HashSet<usize>,
    /// Calls that wait for an answer of the client, by the id of the question, the oldest first.
    asked: Vec<(Json, Play)>,
    /// Calls that wait to be asked again, by the state that was given for it, the oldest first.
    rounds: Vec<(String, Play)>,
    /// Tasks that the client has, the oldest first.
    tasks: Vec<Task>,
    /// Subscriptions that are open, the oldest first.
    listens: Vec<Listen>,
    /// What is to be said: when, in which order, and for which request.
    waiting: BTreeMap<(Nanos, u64), (Json, Json)>,
    last: u64,
}

/// A call, or a poll of its task, that is being served.
#[derive(Clone, Debug)]
struct Play {
    /// The place of the call.
    call: usize,
    /// The place of the poll in it.
    poll: Option<usize>,
    /// The next turn.
    turn: usize,
    /// The id that the client's request has now.
    id: Json,
    /// The client's token for progress now.
    token: Option<Json>,
    /// When the client spoke last: now and then.
    since: (Nanos, UnixNanos),
    /// The id of its task: then and now.
    task: Option<(String, String)>,
}

impl Mock {
    /// A server of this capture.
    pub fn new(mut capture: Capture, how: Match, pace: Pace) -> Self {
        let asides = std::mem::take(&mut capture.asides);
        let told: Vec<Turn> = capture.calls.iter_mut().flat_map(listen::told).collect();
        for aside in asides.into_iter().chain(told) {
            // What the server told by itself follows from what it was asked last.
            let begins = |call: &Call| call.turns.first().is_some_and(|turn| turn.id < aside.id);
            let place = capture.calls.iter().rposition(begins).unwrap_or_default();
            let Some(call) = capture.calls.get_mut(place) else { break };
            let before = call.turns.partition_point(|turn| turn.id < aside.id).max(1);
            call.turns.insert(before, aside);
        }
        Self {
            capture,
            how,
            pace,
            served: HashSet::new(),
            asked: Vec::new(),
            rounds: Vec::new(),
            tasks: Vec::new(),
            listens: Vec::new(),
            waiting: BTreeMap::new(),
            last: 0,
        }
    }

    /// Hears a message; what the server says to it is due at once or later.
    pub fn on(&mut self, now: Nanos, message: &Json) {
        let id = message.get("id").filter(|id| !id.is_null());
        let params = message.get("params").cloned().unwrap_or_else(|| json!({}));
        match (message.get("method").and_then(Json::as_str), id) {
            (Some(method), Some(id)) => self.asked(now, method, id, &params),
            (None, Some(id)) => {
                if let Some(place) = self.asked.iter().position(|(question, _)| question == id) {
                    let (_, play) = self.asked.remove(place);
                    self.resume(now, play);
                }
            }
            (Some("notifications/cancelled"), None) => self.cancelled(params.get("requestId")),
            // What else a client tells changes nothing that was recorded.
            _ => {}
        }
    }

    /// When the next message is due.
    pub fn due(&self) -> Option<Nanos> {
        self.waiting.first_key_value().map(|((due, _), _)| *due)
    }

    /// Gives what is due, in order.
    pub fn say(&mut self, now: Nanos) -> Vec<Json> {
        let later = self.waiting.split_off(&(Nanos(now.0.saturating_add(1)), 0));
        let due = std::mem::replace(&mut self.waiting, later);
        due.into_values().map(|(_, said)| said).collect()
    }

    /// Whether so much waits for its time that nothing more should be heard.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING
    }

    fn asked(&mut self, now: Nanos, method: &str, id: &Json, params: &Json) {
        let token = params.pointer("/_meta/progressToken").cloned();
        if let Some(state) = params.get("requestState").and_then(Json::as_str) {
            return match self.rounds.iter().position(|(given, _)| given == state) {
                Some(place) => {
                    let (_, play) = self.rounds.remove(place);
                    self.resume(now, Play { id: id.clone(), token, ..play });
                }
                None => self.push(now, id, error(id, "this requestState was not given here, or was used")),
            };
        }
        if let Some(task) = params.get("taskId").and_then(Json::as_str)
            && let Some(place) = self.tasks.iter().position(|own| own.now == task)
        {
            return self.polled(now, place, method, id);
        }
        if method == listen::METHOD && self.capture.session.era == Some(Era::Modern) {
            let confirmation = self.listen(id, params);
            self.push(now, id, confirmation);
        }
        match self.find(method, params) {
            Some(place) => {
                self.served.insert(place);
                self.serve(now, place, id, token, params);
            }
            None if method == listen::METHOD => {}
            None => {
                let answer = self.unrecorded(method, id, params);
                self.push(now, id, answer);
            }
        }
    }

    fn serve(&mut self, now: Nanos, place: usize, id: &Json, token: Option<Json>, params: &Json) {
        let Some(call) = self.capture.calls.get(place) else { return };
        if !task::is_known_to(call, params) {
            let told = match call.outcome() {
                Some(mut outcome) => {
                    set(&mut outcome, "jsonrpc", json!("2.0"));
                    set(&mut outcome, "id", id.clone());
                    outcome
                }
                None => error(id, "its answer was a task, which this client does not declare to know"),
            };
            return self.push(now, id, told);
        }
        let begin = call.turns.first();
        let then = begin.map_or(0, |turn| turn.at);
        let since = (now, then);
        self.go_on(now, Play { call: place, poll: None, turn: 1, id: id.clone(), token, since, task: None });
    }

    /// The client gave up a request: nothing more is said for it.
    fn cancelled(&mut self, id: Option<&Json>) {
        let Some(id) = id else { return };
        self.waiting.retain(|_, (of, _)| of != id);
        self.asked.retain(|(_, play)| play.id != *id);
        self.listens.retain(|listen| listen.id != *id);
    }

    /// The recorded call that a request repeats: one that was not served yet, else the last one.
    fn find(&self, method: &str, params: &Json) -> Option<usize> {
        let wanted = essence(params);
        let is_same = |call: &Call| {
            let Some(request) = call.request().filter(|_| call.row.method == method) else { return false };
            let recorded = essence(request.get("params").unwrap_or(&Json::Null));
            let is_open_to_all = matches!(method, "initialize" | "server/discover" | "ping" | listen::METHOD);
            match self.how {
                _ if is_open_to_all => true,
                Match::Exact => fits(&recorded, &wanted),
                Match::Loose => {
                    ["name", "uri", "taskId"].iter().all(|name| recorded.get(name) == wanted.get(name))
                }
            }
        };
        let places = || {
            let calls = self.capture.calls.iter().enumerate();
            calls.filter(|(_, call)| is_same(call)).map(|(place, _)| place)
        };
        places().find(|place| !self.served.contains(place)).or_else(|| places().next_back())
    }

    /// Goes on with a call that waited for the client.
    fn resume(&mut self, now: Nanos, mut play: Play) {
        let turns = self.turns(&play).iter().skip(play.turn);
        let mine = turns.take_while(|turn| turn.from == Leg::Client);
        play.since = (now, mine.last().map_or(play.since.1, |turn| turn.at));
        self.go_on(now, play);
    }

    fn turns(&self, play: &Play) -> &[Turn] {
        let Some(call) = self.capture.calls.get(play.call) else { return &[] };
        match play.poll {
            None => &call.turns,
            Some(poll) => call.polls.get(poll).map_or(&[], |poll| &poll.turns),
        }
    }

    /// Says the next turns of a call, until the client has to say something.
    fn go_on(&mut self, now: Nanos, mut play: Play) {
        let mut is_answered = false;
        let mut due = now;
        while let Some(turn) = self.turns(&play).get(play.turn).cloned() {
            play.turn += 1;
            if turn.from == Leg::Client {
                continue;
            }
            due = due.max(self.time_of(&play, turn.at));
            let Some(mut said) = turn.said else {
                let is_answer = |turn: &Turn| turn.from == Leg::Server && !is_told(turn);
                if is_answered || self.turns(&play).iter().skip(play.turn).any(is_answer) {
                    continue;
                }
                let text = "its answer was stored as a summary; record it with `tapgate tap --full`";
                return self.push(due, &play.id, error(&play.id, text));
            };
            if said.get("method").is_none() {
                set(&mut said, "id", play.id.clone());
                if said.pointer("/result/resultType").and_then(Json::as_str) == Some("input_required") {
                    return self.ask_for_more(due, play, said);
                }
                if play.poll.is_none() && task_of(&said).is_some() {
                    play.task = self.create_task(play.call, &said);
                }
                is_answered = true;
            } else if said.get("id").is_some() {
                self.last += 1;
                let id = json!(format!("mock-{}", self.last));
                set(&mut said, "id", id.clone());
                task::rename(&mut said, play.task.as_ref());
                self.push(due, &play.id, said);
                if self.asked.len() >= MAX_SUSPENDED {
                    let (_, oldest) = self.asked.remove(0);
                    let text = "too many calls wait for the client, so this one was given up";
                    self.push(due, &oldest.id, error(&oldest.id, text));
                }
                play.since.1 = turn.at;
                self.asked.push((id, play));
                return;
            } else {
                for said in self.told_now(&play, said) {
                    self.push(due, &play.id, said);
                }
                due = later(due, BREATH);
                continue;
            }
            task::rename(&mut said, play.task.as_ref());
            self.push(due, &play.id, said);
        }
        let Some(call) = self.capture.calls.get(play.call) else { return };
        // Such a call gets its end from the client.
        let is_endless = call.row.method == listen::METHOD || call.row.status == Status::Cancelled;
        if !is_answered && !is_endless {
            self.push(due, &play.id, error(&play.id, "the recording ends before this call was answered"));
        }
    }

    /// Asks the client to ask again, with a state that no other call has.
    fn ask_for_more(&mut self, due: Nanos, play: Play, mut said: Json) {
        self.last += 1;
        let state = format!("mock-{}", self.last);
        if let Some(result) = said.get_mut("result") {
            set(result, "requestState", json!(state));
        }
        self.push(due, &play.id, said);
        if self.rounds.len() >= MAX_SUSPENDED {
            self.rounds.remove(0);
        }
        self.rounds.push((state, play));
    }

    /// A notification with the names of now, for each who wants to hear it.
    fn told_now(&self, play: &Play, mut said: Json) -> Vec<Json> {
        task::rename(&mut said, play.task.as_ref());
        if let Some(place) = said.pointer_mut("/params/progressToken") {
            // Nobody hears of progress that was not asked for.
            let Some(token) = &play.token else { return Vec::new() };
            *place = token.clone();
        }
        self.spread(&said).unwrap_or_else(|| vec![said])
    }

    fn time_of(&self, play: &Play, at: UnixNanos) -> Nanos {
        let Pace::Recorded(factor) = self.pace else { return play.since.0 };
        let pause = Duration::from_nanos(u64::try_from(at.saturating_sub(play.since.1)).unwrap_or_default());
        let pause = Duration::try_from_secs_f64(pause.as_secs_f64() * factor).unwrap_or(MAX_PAUSE);
        later(play.since.0, pause.min(MAX_PAUSE))
    }

    fn push(&mut self, due: Nanos, of: &Json, said: Json) {
        self.last += 1;
        self.waiting.insert((due, self.last), (of.clone(), said));
    }
}

/// Whether a message has a method: it is no answer.
fn is_told(turn: &Turn) -> bool {
    turn.said.as_ref().is_none_or(|said| said.get("method").is_some())
}

fn later(now: Nanos, wait: Duration) -> Nanos {
    Nanos(now.0.saturating_add(wait.as_nanos() as u64))
}

fn error(id: &Json, text: &str) -> Json {
    let message = format!("not recorded: {text}");
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": NOT_RECORDED, "message": message } })
}

fn set(json: &mut Json, name: &str, value: Json) {
    if let Some(members) = json.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// What of a request's parameters decides its answer: all but what differs from one time to the next.
fn essence(params: &Json) -> Json {
    let mut params = if params.is_null() { json!({}) } else { params.clone() };
    if let Some(members) = params.as_object_mut() {
        for name in ["_meta", "requestState", "inputResponses"] {
            members.remove(name);
        }
        // How long a task is kept is not what it is about.
        if let Some(task) = members.get_mut("task") {
            *task = json!({});
        }
        // Both mean that there are none.
        if members
            .get("arguments")
            .is_some_and(|arguments| arguments.as_object().is_some_and(serde_json::Map::is_empty))
        {
            members.remove("arguments");
        }
    }
    params
}

#[cfg(test)]
mod tests;
