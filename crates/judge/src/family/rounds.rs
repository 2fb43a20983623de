//! Results that ask for input, and the requests that bring it (2026-07-28).
//!
//! Spec 2026-07-28, basic/patterns/mrtr.

mod rules;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use tapgate_engine::fact::Exchange;
use tapgate_wire::json::{each, find, unescape, unescape_lossy};
use tapgate_wire::record::Status;
use tapgate_wire::revision::{self, Revision};
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Nanos, Rule, Shape};

use super::Family;
use crate::event::{Cx, Event, Heard, Place};
use crate::json::{self, digest, quote, told};
use rules::{
    EMPTY, ID_REUSED, ILLEGAL, MANY, NEVER, NO_TYPE, PARAMS, STATE_CHANGED, STATE_MISSING, UNANSWERED,
    UNASKED, UNDECLARED, WRONG_METHOD, WRONG_TYPE,
};

pub(super) const RULES: &[&Rule] = &[
    &NO_TYPE,
    &WRONG_TYPE,
    &WRONG_METHOD,
    &EMPTY,
    &ILLEGAL,
    &UNDECLARED,
    &STATE_MISSING,
    &STATE_CHANGED,
    &UNASKED,
    &UNANSWERED,
    &PARAMS,
    &ID_REUSED,
    &NEVER,
    &MANY,
];

/// Calls that wait for their next round and are remembered; when full, the oldest is forgotten.
const MAX_PENDING: usize = 256;

/// Inputs of one round that are remembered, and bytes of their names; of a round with more, answers are not compared.
const MAX_INPUTS: usize = 64;
const MAX_NAMES: usize = 8 << 10;

/// Rounds of one call that nobody wonders about.
const MANY_ROUNDS: u32 = 8;

/// What it remembers: the calls that wait for their next round, by exchange.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    pending: BTreeMap<u64, Pending>,
    /// Rounds of calls that go on, by exchange.
    n_rounds: BTreeMap<u64, u32>,
}

/// A call that was answered by a question.
#[derive(Debug)]
struct Pending {
    method: String,
    /// A number for the id of its latest request.
    id: Option<u64>,
    /// Of what a retry repeats.
    params: u64,
    state: Option<u64>,
    /// The names of the inputs, `None` when there were too many.
    inputs: Option<BTreeSet<Bytes>>,
    place: Place,
    at: Nanos,
}

impl Family for Rounds {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        match event {
            Event::Message(heard) if heard.revision >= Some(Revision::V2026_07_28) => {
                match (heard.shape().kind, heard.from) {
                    (Kind::Result, Leg::Server) => self.result(cx, heard),
                    (Kind::Request, Leg::Client) => self.request(cx, heard),
                    _ => {}
                }
            }
            Event::Closed(exchange) => {
                self.n_rounds.remove(&exchange.n);
                if let Some(pending) = self.pending.remove(&exchange.n) {
                    never(cx, &pending, Some(exchange));
                }
            }
            Event::Ended => {
                for (_, pending) in std::mem::take(&mut self.pending) {
                    never(cx, &pending, None);
                }
            }
            _ => {}
        }
    }
}

impl Rounds {
    fn result(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let shape = heard.shape();
        let Some(call) = heard.call else { return };
        let method = quote(call.method.as_bytes());
        let Some(kind) = shape.raw(Member::ResultType) else {
            if heard.message.is_whole() && shape.raw(Member::Result).is_some_and(|raw| raw.starts_with(b"{"))
            {
                let text = format!("The result of `{method}` has no resultType.");
                cx.find(&NO_TYPE, heard, &method, text);
            }
            return;
        };
        if json::is(kind, "complete") || json::is(kind, "task") {
            return;
        }
        if !json::is(kind, "input_required") {
            // An extension that the client declared may have result types of its own.
            let extensions = call.request.shape().inside(Member::MetaCapabilities, &["extensions"]);
            if !kind.starts_with(b"\"") || extensions.is_none_or(|declared| &*declared == b"{}") {
                let text = format!("The result of `{method}` has the resultType `{}`.", told(kind));
                cx.find(&WRONG_TYPE, heard, &method, text);
            }
            return;
        }
        if !may_ask(&call.method) {
            let text = format!("`{method}` was answered by a question, which only three methods allow.");
            cx.find(&WRONG_METHOD, heard, &method, text);
        }
        let inputs = shape.raw(Member::InputRequests);
        let state = shape.raw(Member::ResultState);
        let names = inputs.and_then(|inputs| inputs_of(cx, heard, inputs, call.request.shape()));
        let has_input = inputs.is_some_and(|inputs| inputs.len() > 2);
        if !has_input && state.is_none() && heard.message.is_whole() {
            let text = format!("The answer to `{method}` asks for input and names none, nor a state.");
            cx.find(&EMPTY, heard, &method, text);
            // Nobody could take that up again.
            return;
        }
        let n_rounds = self.n_rounds.get(&call.exchange).copied().unwrap_or_default() + 1;
        if n_rounds == MANY_ROUNDS + 1 {
            let text = format!("`{method}` was answered by a question for the {n_rounds}th time.");
            cx.find(&MANY, heard, &method, text);
        }
        while self.pending.len() >= MAX_PENDING || self.n_rounds.len() >= MAX_PENDING {
            self.pending.pop_first();
            self.n_rounds.pop_first();
        }
        self.n_rounds.insert(call.exchange, n_rounds);
        let pending = Pending {
            method,
            // What is remembered is a copy, because a message may be large.
            id: call.request.shape().id.as_ref().map(|id| json::hash(&id.0)),
            params: params(call.request.shape()),
            state: state.map(|raw| json::hash(&unescape(raw))),
            inputs: if inputs.is_some() { names } else { Some(BTreeSet::new()) },
            place: Place::of(&NEVER, heard),
            at: heard.last,
        };
        self.pending.insert(call.exchange, pending);
    }

    fn request(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let shape = heard.shape();
        let state = shape.raw(Member::RequestState);
        let answers = shape.raw(Member::InputResponses);
        if self.pending.is_empty() || (state.is_none() && answers.is_none()) {
            return;
        }
        // tasks/update brings input too, and names a task instead.
        if shape.raw(Member::TaskId).is_some() || !heard.message.is_whole() {
            return;
        }
        if let Some(pending) = heard.exchange.and_then(|exchange| self.pending.remove(&exchange)) {
            retry(cx, heard, &pending, answers);
            return;
        }
        let meant = self.stranger(cx, heard, state).or_else(|| self.changed(cx, heard, (state, answers)));
        if let Some(exchange) = meant {
            self.pending.remove(&exchange);
        }
    }

    /// A retry whose state was given to no call: whose it is can be seen where only one call fits, which is given.
    fn stranger(&self, cx: &mut Cx<'_>, heard: &Heard<'_>, state: Option<&Bytes>) -> Option<u64> {
        let shape = heard.shape();
        let asked = params(shape);
        let method = shape.method().unwrap_or_default();
        let mut fitting =
            self.pending.iter().filter(|(_, pending)| pending.params == asked && *pending.method == *method);
        let (Some((&exchange, pending)), None) = (fitting.next(), fitting.next()) else { return None };
        let method = &pending.method;
        match (pending.state, state) {
            (Some(_), None) => {
                let text =
                    format!("The retry of `{method}` lacks the requestState that the server gave for it.");
                cx.find(&STATE_MISSING, heard, method, text);
            }
            (Some(given), Some(told)) if json::hash(&unescape(told)) != given => {
                let text = format!(
                    "The retry of `{method}` brings another requestState than the server gave for it."
                );
                cx.find(&STATE_CHANGED, heard, method, text);
            }
            (None, Some(_)) => {
                let text = format!(
                    "The retry of `{method}` brings a requestState, and the server gave none for it."
                );
                cx.find(&STATE_CHANGED, heard, method, text);
            }
            _ => {}
        }
        Some(exchange)
    }
}

impl Rounds {
    /// A retry that needs no state and has another target or other arguments: it means the only call that was asked for
    /// these very inputs.
    fn changed(
        &self,
        cx: &mut Cx<'_>,
        heard: &Heard<'_>,
        (state, answers): (Option<&Bytes>, Option<&Bytes>),
    ) -> Option<u64> {
        let method = heard.shape().method().unwrap_or_default();
        let given = names_of(answers.filter(|_| state.is_none())?);
        let mut fitting = self.pending.iter().filter(|(_, pending)| {
            pending.state.is_none() && *pending.method == *method && pending.inputs.as_ref() == Some(&given)
        });
        let (Some((&exchange, pending)), None) = (fitting.next(), fitting.next()) else { return None };
        other_params(cx, heard, pending);
        Some(exchange)
    }
}

/// The names of the inputs that a retry brings, as many as are compared.
fn names_of(answers: &Bytes) -> BTreeSet<Bytes> {
    let mut given = BTreeSet::new();
    each(answers, &mut |name, _| {
        if given.len() <= MAX_INPUTS {
            given.insert(Bytes::from(unescape(name).into_owned()));
        }
    });
    given
}

fn other_params(cx: &mut Cx<'_>, heard: &Heard<'_>, pending: &Pending) {
    let method = &pending.method;
    let text = format!("The retry of `{method}` has another target or other arguments than its request.");
    cx.find(&PARAMS, heard, method, text);
}

/// The request that continues a call.
fn retry(cx: &mut Cx<'_>, heard: &Heard<'_>, pending: &Pending, answers: Option<&Bytes>) {
    let shape = heard.shape();
    let method = &pending.method;
    if pending.id.is_some() && shape.id.as_ref().map(|id| json::hash(&id.0)) == pending.id {
        let id = shape.id.as_ref().map(|id| quote(&id.0)).unwrap_or_default();
        let text = format!("The retry of `{method}` has the id {id} of the request before it.");
        cx.find(&ID_REUSED, heard, method, text);
    }
    if params(shape) != pending.params {
        other_params(cx, heard, pending);
    }
    let Some(asked) = &pending.inputs else { return };
    let given = answers.map(names_of).unwrap_or_default();
    if let Some(name) = given.iter().find(|name| !asked.contains(*name)) {
        let name = quote(name);
        let text = format!("The retry of `{method}` answers `{name}`, which the server did not ask for.");
        cx.find(&UNASKED, heard, &name, text);
    }
    if let Some(name) = asked.iter().find(|name| !given.contains(*name)) {
        let name = quote(name);
        let text = format!("The retry of `{method}` does not answer `{name}`, which the server asked for.");
        cx.find(&UNANSWERED, heard, &name, text);
    }
}

/// Judges what a result asks for; gives the names of the inputs.
fn inputs_of(cx: &mut Cx<'_>, heard: &Heard<'_>, inputs: &[u8], request: &Shape) -> Option<BTreeSet<Bytes>> {
    let (mut names, mut n_bytes) = (BTreeSet::new(), 0);
    each(inputs, &mut |name, input| {
        if names.len() > MAX_INPUTS {
            return;
        }
        let name = unescape(name);
        let told = quote(&name);
        let method = find(input, &["method"]).filter(|method| method.starts_with(b"\""));
        let method = method.map(unescape_lossy).unwrap_or_default();
        let is_legal =
            revision::method(&method).is_some_and(|method| method.as_input.contains(Revision::V2026_07_28));
        if is_legal {
            let params = find(input, &["params"]).unwrap_or_default();
            let lacking = lacks(request, &method, params);
            if let Some(capability) = lacking {
                let text =
                    format!("The input `{told}` needs {capability}, which the request did not declare.");
                cx.find(&UNDECLARED, heard, &told, text);
            }
        } else {
            let method = quote(method.as_bytes());
            let text = format!("The input `{told}` has the method `{method}`, which cannot be asked for so.");
            cx.find(&ILLEGAL, heard, &told, text);
        }
        n_bytes += name.len();
        if n_bytes <= MAX_NAMES {
            names.insert(Bytes::from(name.into_owned()));
        }
    });
    Some(names).filter(|names| names.len() <= MAX_INPUTS && n_bytes <= MAX_NAMES)
}

/// The capability that an input needs and that the request does not declare.
///
/// Spec 2026-07-28, client/elicitation, Capabilities: an empty object stands for forms alone.
fn lacks(request: &Shape, method: &str, params: &[u8]) -> Option<&'static str> {
    let declared = request.raw(Member::MetaCapabilities)?;
    let can = |path: &[&str]| find(declared, path).is_some_and(|raw| raw != b"false" && raw != b"null");
    let is_there = |name: &str| find(params, &[name]).is_some();
    let (capability, can) = match method {
        "roots/list" => ("roots", can(&["roots"])),
        "sampling/createMessage" if is_there("tools") || is_there("toolChoice") => {
            ("sampling.tools", can(&["sampling", "tools"]))
        }
        "sampling/createMessage" => ("sampling", can(&["sampling"])),
        _ if find(params, &["mode"]) == Some(b"\"url\"") => ("elicitation.url", can(&["elicitation", "url"])),
        _ => {
            let is_only_url = can(&["elicitation", "url"]) && !can(&["elicitation", "form"]);
            ("elicitation.form", can(&["elicitation"]) && !is_only_url)
        }
    };
    (!can).then_some(capability)
}

/// A call that nobody took up again.
fn never(cx: &mut Cx<'_>, pending: &Pending, exchange: Option<&Exchange>) {
    let is_unanswered = exchange.is_none_or(|exchange| exchange.status == Status::Unanswered);
    if is_unanswered && !cx.session.partial {
        let waited = cx.now.0.saturating_sub(pending.at.0) / 1_000_000_000;
        let method = &pending.method;
        let text = format!("`{method}` was answered by a question and never asked again; {waited} s passed.");
        cx.find_at(&NEVER, pending.place, method, text);
    }
}

/// Spec 2026-07-28, basic/patterns/mrtr, Supported Requests.
fn may_ask(method: &str) -> bool {
    matches!(method, "tools/call" | "prompts/get" | "resources/read")
}

/// What a retry repeats: target and arguments, however they are written.
fn params(shape: &Shape) -> u64 {
    let of = |member| shape.raw(member).map(|raw| digest(raw));
    json::hash(&(of(Member::Name), of(Member::Uri), of(Member::Arguments)))
}
