//! A recorded session as a server: what was answered then is answered now, and what was never asked is said to be unknown.
//!
//! The machine is pure: a message of the client in, messages to it out.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value as Json, json};
use tapgate_wire::Leg;
use tapgate_wire::record::Era;

use crate::capture::{Call, Capture, fits};

/// The error code of what is not recorded; JSON-RPC 2.0, section 5.1, leaves -32000 to -32099 to servers.
const NOT_RECORDED: i64 = -32_001;

/// Calls that wait for the client at once; when full, the oldest is given up.
const MAX_SUSPENDED: usize = 256;

/// How calls are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// By method and all parameters.
    Exact,
    /// By method and tool, prompt or resource.
    Loose,
}

/// Serves a capture.
#[derive(Debug)]
pub struct Mock {
    capture: Capture,
    how: Match,
    /// Which calls were served, by their place.
    served: HashSet<usize>,
    /// Calls that wait for an answer of the client: the id of the question.
    asked: HashMap<String, Play>,
    /// Calls that wait to be asked again: the state that was given for it.
    rounds: BTreeMap<String, Play>,
    last_id: u64,
}

/// A call that is being served.
#[derive(Clone, Debug)]
struct Play {
    /// Its place.
    call: usize,
    /// The next turn.
    turn: usize,
    /// The id that the client's request has now.
    id: Json,
    /// The client's token for progress now.
    token: Option<Json>,
}

impl Mock {
    /// A server of this capture.
    pub fn new(capture: Capture, how: Match) -> Self {
        let (served, asked, rounds) = (HashSet::new(), HashMap::new(), BTreeMap::new());
        Self { capture, how, served, asked, rounds, last_id: 0 }
    }

    /// Hears a message and gives what the server says to it, in order.
    pub fn on(&mut self, message: &Json) -> Vec<Json> {
        let mut out = Vec::new();
        let id = message.get("id").filter(|id| !id.is_null());
        match (message.get("method").and_then(Json::as_str), id) {
            (Some(method), Some(id)) => self.asked(method, id, message, &mut out),
            (None, Some(id)) => {
                if let Some(play) = self.asked.remove(&id.to_string()) {
                    self.go_on(play, &mut out);
                }
            }
            // What a client tells changes nothing that was recorded.
            (_, None) => {}
        }
        out
    }

    fn asked(&mut self, method: &str, id: &Json, message: &Json, out: &mut Vec<Json>) {
        let params = message.get("params").cloned().unwrap_or_else(|| json!({}));
        let token = params.pointer("/_meta/progressToken").cloned();
        if let Some(state) = params.get("requestState").and_then(Json::as_str)
            && let Some(play) = self.rounds.remove(state)
        {
            return self.go_on(Play { id: id.clone(), token, ..play }, out);
        }
        if let Some(place) = self.find(method, &params) {
            self.served.insert(place);
            return self.go_on(Play { call: place, turn: 1, id: id.clone(), token }, out);
        }
        out.push(self.unrecorded(method, id, &params));
    }

    /// The recorded call that a request repeats: one that was not served yet, else the last one.
    fn find(&self, method: &str, params: &Json) -> Option<usize> {
        let wanted = essence(params);
        let is_same = |(_, call): &(usize, &Call)| {
            let request = call.request().filter(|_| call.row.method == method)?;
            let recorded = essence(request.get("params").unwrap_or(&Json::Null));
            let is_greeting = matches!(method, "initialize" | "server/discover" | "ping");
            let fits = match self.how {
                _ if is_greeting => true,
                Match::Exact => fits(&recorded, &wanted),
                Match::Loose => ["name", "uri"].iter().all(|name| recorded.get(name) == wanted.get(name)),
            };
            fits.then_some(())
        };
        let mut places: Vec<usize> = self
            .capture
            .calls
            .iter()
            .enumerate()
            .filter(|call| is_same(call).is_some())
            .map(|(at, _)| at)
            .collect();
        let last = places.last().copied();
        places.retain(|place| !self.served.contains(place));
        places.first().copied().or(last)
    }

    /// Says the next turns of a call, until the client has to say something.
    fn go_on(&mut self, mut play: Play, out: &mut Vec<Json>) {
        let Some(call) = self.capture.calls.get(play.call) else { return };
        while let Some(turn) = call.turns.get(play.turn) {
            play.turn += 1;
            if turn.from == Leg::Client {
                continue;
            }
            let Some(mut said) = turn.said.clone() else {
                out.push(error(&play.id, "the answer was stored as a summary; record it with --full"));
                return;
            };
            if said.get("method").is_none() {
                set(&mut said, "id", play.id.clone());
                let needs_input =
                    said.pointer("/result/resultType").and_then(Json::as_str) == Some("input_required");
                let state = said.pointer("/result/requestState").and_then(Json::as_str).map(str::to_owned);
                out.push(said);
                if needs_input && let Some(state) = state {
                    self.rounds.insert(state, play);
                    while self.rounds.len() > MAX_SUSPENDED {
                        self.rounds.pop_first();
                    }
                    return;
                }
                // A task goes on in calls of its own.
                self.aside(play.call, out);
                return;
            }
            if said.get("id").is_some() {
                self.last_id += 1;
                let id = json!(format!("mock-{}", self.last_id));
                set(&mut said, "id", id.clone());
                out.push(said);
                if self.asked.len() < MAX_SUSPENDED {
                    self.asked.insert(id.to_string(), play);
                }
                return;
            }
            if said.pointer("/params/progressToken").is_some() {
                // Nobody hears of progress that was not asked for.
                let Some(token) = &play.token else { continue };
                if let Some(place) = said.pointer_mut("/params/progressToken") {
                    *place = token.clone();
                }
            }
            out.push(said);
        }
        out.push(error(&play.id, "the recording ends before this call was answered"));
    }

    /// Tells what the server told by itself after a call and before the next one.
    fn aside(&self, place: usize, out: &mut Vec<Json>) {
        let end = |at: usize| self.capture.calls.get(at)?.turns.last().map(|turn| turn.id);
        let begin = |at: usize| self.capture.calls.get(at)?.turns.first().map(|turn| turn.id);
        let (after, before) = (end(place), begin(place + 1));
        let is_then = |id| after.is_none_or(|after| after < id) && before.is_none_or(|before| id < before);
        out.extend(self.capture.asides.iter().filter(|(id, _)| is_then(*id)).map(|(_, said)| said.clone()));
    }

    /// The answer to what was never asked; greetings are answered as well as the recording allows.
    fn unrecorded(&self, method: &str, id: &Json, params: &Json) -> Json {
        let session = &self.capture.session;
        let (name, version) = session.server.clone().unwrap_or_else(|| ("mock".to_owned(), "0".to_owned()));
        let info = json!({ "name": name, "version": version });
        let is_modern = session.era == Some(Era::Modern);
        let result = match method {
            "ping" if !is_modern => json!({}),
            "initialize" if !is_modern => json!({
                "protocolVersion": session.revision.as_deref().or_else(|| params.get("protocolVersion")?.as_str()),
                "capabilities": self.capabilities(),
                "serverInfo": info,
            }),
            "server/discover" if is_modern => json!({
                "resultType": "complete",
                "supportedVersions": [session.revision],
                "capabilities": self.capabilities(),
                "ttlMs": 0,
                "cacheScope": "private",
                "_meta": { "io.modelcontextprotocol/serverInfo": info },
            }),
            "initialize" | "server/discover" => {
                let text = "the recorded server speaks the other era";
                return json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32_601, "message": text } });
            }
            _ => {
                let what = params.get("name").or_else(|| params.get("uri")).and_then(Json::as_str);
                let what = what.map(|what| format!(" of {what}")).unwrap_or_default();
                let n = self.capture.calls.iter().filter(|call| call.row.method == method).count();
                let text = format!(
                    "{method}{what} with these parameters is not recorded in {} ({n} of {method} are)",
                    session.id
                );
                return error(id, &text);
            }
        };
        json!({ "jsonrpc": "2.0", "id": id, "result": result })
    }

    /// What the server can do, as far as its calls show.
    fn capabilities(&self) -> Json {
        let mut can = json!({});
        for (prefix, name) in [
            ("tools/", "tools"),
            ("prompts/", "prompts"),
            ("resources/", "resources"),
            ("completion/", "completions"),
            ("logging/", "logging"),
        ] {
            if self.capture.calls.iter().any(|call| call.row.method.starts_with(prefix)) {
                set(&mut can, name, json!({}));
            }
        }
        can
    }
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
