//! The pump: what a modern server asks for in a result, a legacy client is asked in requests.
//!
//! Spec 2026-07-28, basic/patterns/mrtr; 2025-11-25, client/elicitation, client/sampling, client/roots.

use bytes::Bytes;
use tapgate_wire::json::{find, unescape_lossy};
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::{Id, Member};
use tapgate_wire::{Kind, Message};

use super::diary::{Due, after, backoff};
use super::{Up, reply};
use crate::bridge::cx::Cx;
use crate::bridge::number::{Port, SessionNo};
use crate::bridge::translate::rise::client::{self, Input, Profile};
use crate::bridge::translate::{Draft, fall, payload};

/// The most things that a server may ask for in one round.
const MAX_ASKS: usize = 64;

/// How often the server is asked on after a person agreed to open a URL, before that person is asked again.
const MAX_POLLS: usize = 8;

const CANCEL: Bytes = Bytes::from_static(b"{\"action\":\"cancel\"}");
const ACCEPT: Bytes = Bytes::from_static(b"{\"action\":\"accept\"}");

/// The rounds of input of one request.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    n: usize,
    /// `requestState` of the latest round, byte by byte.
    state: Option<Bytes>,
    /// What the latest round asked for.
    asks: Vec<Ask>,
    /// URLs that a person agreed to open.
    visits: Vec<Visit>,
}

/// Something that the server asked for.
#[derive(Debug, PartialEq, Eq)]
struct Ask {
    /// Its name in `inputRequests`.
    key: String,
    what: What,
    /// The id that the client was asked with, while its answer is to come.
    id: Option<Id>,
    answer: Option<Bytes>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Form,
    /// This URL, raw.
    Url(Bytes),
    Sampling,
    Roots,
}

impl What {
    fn method(&self) -> &'static str {
        match self {
            Self::Form | Self::Url(_) => "elicitation/create",
            Self::Sampling => "sampling/createMessage",
            Self::Roots => "roots/list",
        }
    }
}

/// A URL that a person agreed to open.
#[derive(Debug)]
struct Visit {
    url: Bytes,
    /// The `elicitationId` that the client knows it by: the id that it was asked with.
    id: Id,
    n_polls: usize,
}

/// What is done about something that the server asks for.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    /// The client is asked, with these parameters.
    Ask(What, Option<Bytes>),
    /// The answer is known: the person cannot be asked.
    Cancel(What),
    /// There is no answer that says no, so the whole request is over.
    Decline(&'static str),
    /// Nobody knows what it is.
    Unknown,
}

/// What is done about one entry of `inputRequests`.
fn plan(entry: &Bytes, profile: &Profile, revision: Revision) -> Plan {
    let raw = |path: &[&str]| find(entry, path).map(|value| entry.slice_ref(value));
    let params = raw(&["params"]);
    let method = raw(&["method"]).map(|method| unescape_lossy(&method).into_owned()).unwrap_or_default();
    let lowered = params.clone().and_then(|params| payload::lower_input(&method, params, revision));
    let is_object = params.as_ref().is_some_and(|params| params.starts_with(b"{"));
    match method.as_str() {
        "elicitation/create" if is_object => {
            let text = |name: &str| raw(&["params", name]).filter(|raw| raw.starts_with(b"\""));
            let (what, is_declared) = match (text("mode").as_deref(), text("url")) {
                (Some(b"\"url\""), Some(url)) => (What::Url(url), profile.declares(&["elicitation", "url"])),
                (None | Some(b"\"form\""), _) => (What::Form, profile.declares(&["elicitation", "form"])),
                _ => (What::Form, false),
            };
            match lowered {
                Some(params) if is_declared => Plan::Ask(what, Some(params)),
                _ => Plan::Cancel(what),
            }
        }
        "sampling/createMessage" if is_object && profile.declares(&["sampling"]) => {
            let has_tools = ["tools", "toolChoice"].iter().any(|name| raw(&["params", name]).is_some());
            match lowered {
                Some(params) if !has_tools || profile.declares(&["sampling", "tools"]) => {
                    Plan::Ask(What::Sampling, Some(params))
                }
                _ => Plan::Decline("sampling"),
            }
        }
        "sampling/createMessage" => Plan::Decline("sampling"),
        "roots/list" if profile.declares(&["roots"]) => Plan::Ask(What::Roots, params.filter(|_| is_object)),
        "roots/list" => Plan::Decline("roots"),
        _ => Plan::Unknown,
    }
}

impl Rounds {
    /// What the next request to the server carries.
    pub(super) fn input(&self) -> Input {
        let answer = |ask: &Ask| Some((ask.key.clone(), ask.answer.clone()?));
        let answers: Vec<_> = self.asks.iter().filter_map(answer).collect();
        let responses = (!answers.is_empty()).then(|| client::object(&answers));
        Input { responses, state: self.state.clone() }
    }

    /// Whether the client still has to answer something.
    pub(super) fn is_open(&self) -> bool {
        self.asks.iter().any(|ask| ask.id.is_some())
    }

    /// Whether the client has answered all that the server asked for.
    pub(super) fn is_answered(&self) -> bool {
        !self.asks.is_empty() && self.asks.iter().all(|ask| ask.answer.is_some())
    }

    /// Forgets the latest round, and says what it asked for.
    pub(super) fn forget(&mut self) -> Vec<String> {
        self.state = None;
        self.asks.drain(..).map(|ask| ask.key).collect()
    }

    /// Takes the ids of what the client has not answered.
    pub(super) fn take_open(&mut self) -> Vec<Id> {
        self.asks.iter_mut().filter_map(|ask| ask.id.take()).collect()
    }
}

impl Up {
    /// The server needs input: its client is asked for it, then the request is made again.
    pub(super) fn input_required(&mut self, cx: &mut Cx<'_>, port: Port, message: &Message) {
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        if !matches!(exchange.method.as_str(), "tools/call" | "prompts/get" | "resources/read") {
            return self.give_up(cx, port, "asked for input where it may not");
        }
        let shape = message.shape();
        let entries = shape.raw(Member::InputRequests).map(fall::server::entries).unwrap_or_default();
        exchange.rounds.state = shape.raw(Member::ResultState).filter(|raw| raw.starts_with(b"\"")).cloned();
        self.pose_all(cx, port, entries);
    }

    /// Asks the client for all that the server needs in one round.
    pub(super) fn pose_all(&mut self, cx: &mut Cx<'_>, port: Port, entries: Vec<(String, Bytes)>) {
        let bounds = (cx.settings.bounds.rounds, cx.settings.bounds.backoff);
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        exchange.rounds.n += 1;
        exchange.rounds.asks = Vec::new();
        if exchange.rounds.n > bounds.0 {
            return self.give_up(cx, port, "asked for input too many times");
        }
        if entries.len() > MAX_ASKS || (entries.is_empty() && exchange.rounds.state.is_none()) {
            return self.give_up(cx, port, "asked for input in a way that cannot be read");
        }
        let (n_round, revision, session) = (exchange.rounds.n, exchange.revision, exchange.session);
        let profile = self.profile(session);
        let plans: Vec<_> = entries.iter().map(|(_, entry)| plan(entry, &profile, revision)).collect();
        if let Some(what) = plans.iter().find_map(|plan| match plan {
            Plan::Decline(what) => Some(*what),
            _ => None,
        }) {
            return self.stop(cx, port, &format!("asked for {what}, which the client does not offer"));
        }
        if plans.contains(&Plan::Unknown) {
            return self.give_up(cx, port, "asked for an input that is not known here");
        }
        let again: Vec<Bytes> = plans.iter().filter_map(|plan| url_of(plan).cloned()).collect();
        self.moved_on(cx, port, &again);
        let mut is_patient = entries.is_empty();
        for ((key, _), plan) in entries.into_iter().zip(plans) {
            is_patient |= self.pose(cx, port, key, plan);
        }
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        if exchange.rounds.is_open() {
            let until = after(cx.now, cx.settings.bounds.suspend_for);
            let Some(task) = &mut exchange.task else { return self.diary.set(Due::Request(port), until) };
            // The server is asked on: the task may end before its client answers.
            task.asked_until = until;
            self.ask_later(cx, port);
        } else if is_patient {
            self.diary.set(Due::Request(port), after(cx.now, backoff(bounds.1, n_round - 1)));
        } else {
            self.send(cx, port);
        }
    }

    /// Asks the client for one thing, unless the answer is known. Says whether the server needs time instead.
    fn pose(&mut self, cx: &mut Cx<'_>, port: Port, key: String, plan: Plan) -> bool {
        let Some(exchange) = self.exchanges.get_mut(&port) else { return false };
        let (what, mut params) = match plan {
            Plan::Ask(what, params) => (what, params),
            Plan::Cancel(what) => {
                exchange.rounds.asks.push(Ask { key, what, id: None, answer: Some(CANCEL) });
                return false;
            }
            Plan::Decline(_) | Plan::Unknown => return false,
        };
        let number = cx.number();
        let id = Id(format!("\"tapgate-{number}\"").into());
        if let What::Url(url) = &what {
            let visits = &mut exchange.rounds.visits;
            if let Some(visit) =
                visits.iter_mut().find(|visit| visit.url == *url && visit.n_polls < MAX_POLLS)
            {
                visit.n_polls += 1;
                exchange.rounds.asks.push(Ask { key, what, id: None, answer: Some(ACCEPT) });
                return true;
            }
            visits.retain(|visit| visit.url != *url);
            let mut draft = Draft::of_value(params.unwrap_or_default());
            draft.set(&["elicitationId"], &id.0);
            params = Some(draft.into_bytes());
        }
        if let Some(task) = &exchange.task {
            params = task.relate(params);
        }
        let request = fall::server::request(Some(&id), what.method(), params.as_deref());
        exchange.rounds.asks.push(Ask { key, what, id: Some(id.clone()), answer: None });
        if let Some(session) = exchange.session.and_then(|number| self.sessions.get_mut(&number)) {
            session.asks.insert(id, port);
        }
        cx.front.aside(cx.now, port, request, cx.acts);
        false
    }

    /// The client answered something that it was asked, or something that nobody asked.
    pub(super) fn told_input(&mut self, cx: &mut Cx<'_>, number: SessionNo, message: &Message) {
        let shape = message.shape();
        let Some(id) = &shape.id else { return };
        let Some(port) = self.sessions.get_mut(&number).and_then(|session| session.asks.remove(id)) else {
            return;
        };
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        let rounds = &mut exchange.rounds;
        let Some(ask) = rounds.asks.iter_mut().find(|ask| ask.id.as_ref() == Some(id)) else { return };
        ask.id = None;
        let result =
            shape.raw(Member::Result).filter(|raw| shape.kind == Kind::Result && raw.starts_with(b"{"));
        let method = ask.what.method();
        let action = result.and_then(|result| find(result, &["action"]));
        ask.answer = match (&ask.what, result) {
            (What::Form | What::Url(_), Some(result)) if action.is_some() => {
                if let (What::Url(url), Some(b"\"accept\"")) = (&ask.what, action) {
                    rounds.visits.push(Visit { url: url.clone(), id: id.clone(), n_polls: 0 });
                }
                Some(payload::lift_answer(method, result.clone()))
            }
            (What::Form | What::Url(_), _) => Some(CANCEL),
            (What::Roots | What::Sampling, Some(result)) => {
                Some(payload::lift_answer(method, result.clone()))
            }
            (What::Roots | What::Sampling, None) => {
                let why = shape.text(Member::ErrorMessage).unwrap_or_default();
                return self.stop(cx, port, &format!("asked for {method}, which the client declined: {why}"));
            }
        };
        // While the server is asked about a task, its answer comes first.
        if !rounds.is_open() && exchange.call.is_none() {
            self.diary.clear(Due::Request(port));
            self.send(cx, port);
        }
    }

    /// Ends a request whose input the client does not give: a modern server has no word for that.
    ///
    /// Spec 2026-07-28, client/sampling and client/roots, Error Handling.
    pub(super) fn stop(&mut self, cx: &mut Cx<'_>, port: Port, text: &str) {
        if self.exchanges.get(&port).is_some_and(|exchange| exchange.method != "tools/call") {
            return self.give_up(cx, port, text);
        }
        let Some(exchange) = self.exchanges.get(&port) else { return };
        let text = format!("`{}` {text}", cx.settings.server_name);
        let failed = fall::server::failed_tool(exchange.message.shape().id.as_ref(), &text);
        if exchange.wants_task {
            return self.became_kept(cx, port, &Message::parse(failed));
        }
        self.finish(cx, port);
        reply(cx, port, failed);
    }

    /// The server went on: URLs that it does not ask for `again` are done with, which the client is told.
    ///
    /// Spec 2025-11-25, client/elicitation, Completion Notifications for URL Mode Elicitation.
    pub(super) fn moved_on(&mut self, cx: &mut Cx<'_>, port: Port, again: &[Bytes]) {
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        for visit in exchange.rounds.visits.extract_if(.., |visit| !again.contains(&visit.url)) {
            let params = [b"{\"elicitationId\":", &*visit.id.0, b"}"].concat();
            let notice = fall::server::request(None, "notifications/elicitation/complete", Some(&params));
            cx.front.aside(cx.now, port, notice, cx.acts);
        }
    }
}

fn url_of(plan: &Plan) -> Option<&Bytes> {
    match plan {
        Plan::Ask(What::Url(url), _) => Some(url),
        Plan::Ask(..) | Plan::Cancel(_) | Plan::Decline(_) | Plan::Unknown => None,
    }
}
