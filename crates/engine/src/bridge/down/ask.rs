// Long because the whole way of a question, to the client and back, stands together.
//! What the server asks in the midst of a call: the call is held, the client is told to try again with answers.
//!
//! Spec 2026-07-28, basic/patterns/mrtr.

use std::time::Duration;

use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::json::find;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::{Id, Member, Shape};

use super::alarm::For;
use super::exchange::{Exchange, Input, Profile, What, id};
use super::pool::after;
use super::say::Refusal;
use super::task::questions;
use super::{Down, Errand, answer, say};
use crate::bridge::back::Pass;
use crate::bridge::cx::Cx;
use crate::bridge::failure;
use crate::bridge::number::{CallNo, LinkNo, Principal};
use crate::bridge::seal::Purpose;
use crate::bridge::translate::payload::error_up;
use crate::bridge::translate::rise::client::object;
use crate::bridge::translate::{Draft, fall, rise};

/// How long more questions are waited for, so that a person gets them together.
const COLLECT: Duration = Duration::from_millis(25);
/// How many questions one call has open, and how many calls of one principal are held.
const MAX_INPUTS: usize = 32;
const MAX_HELD: usize = 64;
const UNDECLARED: &str = "the client did not declare that it can be asked for this";

/// What a `requestState` says.
enum State {
    /// The call goes on at the server, in this process.
    Held { n: u64, turn: u64 },
    /// The server wants the request anew.
    Anew { n_rounds: u64 },
}

impl Down {
    /// The server asks.
    pub(super) fn requested(&mut self, cx: &mut Cx<'_>, no: LinkNo, call: Option<CallNo>, message: &Message) {
        let told = if message.shape().method().as_deref() == Some("ping") {
            say::result(b"{}")
        } else {
            match self.question(cx, no, call, message) {
                Ok((n, _)) if !self.has_room_in_task(cx, n, message.size()) => {
                    Refusal::new(failure::INTERNAL, "too much is kept for tasks").message()
                }
                Ok((n, what)) => match self
                    .exchanges
                    .get(&n)
                    .and_then(|exchange| lacks(exchange.asked.profile, what, message.shape()))
                {
                    None => return self.put(cx, n, what, message),
                    Some(lacking) => {
                        // Some servers ask for roots when a session begins, whatever is called first.
                        if call.is_some() || what != What::Roots {
                            self.undeclared(cx, n, lacking);
                        }
                        Refusal::new(failure::NO_METHOD, UNDECLARED).message()
                    }
                },
                Err(refusal) => refusal.message(),
            }
        };
        let told = say::with_id(&told, &id(message.shape()));
        let headers = self.links.get(&no).map(|link| link.headers.clone()).unwrap_or_default();
        cx.back.tell(cx.now, no, &told, Pass { headers, mirrors: Vec::new() }, cx.acts);
    }

    /// Whom the server asks and what for; else what it is answered at once.
    fn question(
        &self,
        cx: &Cx<'_>,
        no: LinkNo,
        call: Option<CallNo>,
        message: &Message,
    ) -> Result<(u64, What), Refusal> {
        let shape = message.shape();
        let what = match shape.method().unwrap_or_default().as_ref() {
            "elicitation/create" => match shape.text_inside(Member::Params, &["mode"]).as_deref() {
                Some("url") => What::Url,
                _ => What::Form,
            },
            "sampling/createMessage" => What::Sampling,
            "roots/list" => What::Roots,
            _ => return Err(Refusal::new(failure::NO_METHOD, "the method is not known")),
        };
        let named = shape.inside(Member::RelatedTask, &["taskId"]);
        let of_task = named.as_ref().and_then(|task| self.by_task(no, task));
        // What a server with one call at hand asks belongs to it, even where it does not say so.
        let asker = of_task.or_else(|| match call {
            Some(call) => self.jobs.get(&call.n).and_then(|job| match job.errand {
                Errand::Ask(n) => Some(n),
                _ => None,
            }),
            None => self.only_asker(cx, no),
        });
        let exchange = asker.and_then(|n| Some((n, self.exchanges.get(&n)?)));
        // It may be of a task that is not known yet, but not of another one.
        let fits = |exchange: &Exchange| named.is_none() || of_task.is_some() || exchange.task.is_none();
        let Some((n, exchange)) = exchange.filter(|(_, exchange)| exchange.may_ask() && fits(exchange))
        else {
            return Err(Refusal::params("the request belongs to no call in which somebody can be asked"));
        };
        if exchange.inputs.len() >= MAX_INPUTS {
            return Err(Refusal::new(failure::INTERNAL, "too many questions are open in one call"));
        }
        Ok((n, what))
    }

    /// The only call on a link in which its server may ask at the moment.
    fn only_asker(&self, cx: &Cx<'_>, no: LinkNo) -> Option<u64> {
        let link = self.links.get(&no).filter(|link| link.strays_until <= cx.now)?;
        let is_asked = |n: &&u64| self.exchanges.get(n).is_some_and(|exchange| exchange.call.is_some());
        let mut asked = link.askers.iter().filter(is_asked);
        if let Some(only) = asked.next() {
            return Some(*only).filter(|_| asked.next().is_none());
        }
        let is_task = |n: &&u64| self.exchanges.get(n).is_some_and(|exchange| exchange.task().is_some());
        let mut tasks = link.users.iter().filter(is_task);
        tasks.next().filter(|_| tasks.next().is_none()).copied()
    }

    /// Ends a call in which the server asks for what its request did not declare.
    ///
    /// Spec 2026-07-28, basic/index, Error Codes: -32021 names the capabilities that are missing.
    fn undeclared(&mut self, cx: &mut Cx<'_>, n: u64, lacking: &str) {
        self.drop_upstream(cx, n, UNDECLARED);
        let text =
            format!("the server {} asks for what the request did not declare", cx.settings.server_name);
        let data = say::object("requiredCapabilities", lacking.as_bytes());
        self.reply(cx, n, say::error(-32_021, &text, Some(&data)));
    }

    /// Puts a question to those that the client gets.
    fn put(&mut self, cx: &mut Cx<'_>, n: u64, what: What, message: &Message) {
        let key = format!("q{}", cx.number());
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let is_first = exchange.inputs.is_empty();
        let entry = rise::server::input(message);
        // Copied, because a slice would keep the whole question in memory.
        let id = Id(Bytes::copy_from_slice(&id(message.shape()).0));
        exchange.inputs.push(Input { key, id, what, entry });
        if exchange.task().is_some() {
            self.task_changed(cx, n);
        } else if is_first && exchange.asked.port.is_some() {
            self.alarms.set(For::Exchange(n), after(cx.now, COLLECT));
        }
    }

    /// Takes back a question that the server does not ask any more.
    pub(super) fn withdraw(&mut self, cx: &mut Cx<'_>, no: LinkNo, message: &Message) {
        let Some(id) = message.shape().id_in(Member::CancelledId) else { return };
        let users = self.links.get(&no).map(|link| link.users.clone()).unwrap_or_default();
        for n in users {
            let Some(exchange) = self.exchanges.get_mut(&n) else { continue };
            let n_open = exchange.inputs.len();
            exchange.inputs.retain(|input| input.id != id);
            if exchange.inputs.len() < n_open {
                self.task_changed(cx, n);
            }
        }
    }

    /// Hands the questions of a call to its client and holds the call.
    pub(super) fn collected(&mut self, cx: &mut Cx<'_>, n: u64) {
        let marker = self.marker(cx);
        let n_all: usize = self.n_held.values().sum();
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let Some(port) = exchange.asked.port.filter(|_| !exchange.inputs.is_empty()) else { return };
        let bounds = &cx.settings.bounds;
        let n_own = self.n_held.get(&exchange.principal).copied().unwrap_or(0);
        let full = if exchange.n_rounds >= bounds.rounds {
            Some("the server asked too often in one call")
        } else if n_all >= bounds.suspended || n_own >= MAX_HELD {
            Some("too many calls wait for input")
        } else {
            None
        };
        if let Some(why) = full {
            self.drop_upstream(cx, n, why);
            return self.reply(cx, n, say::failed(&cx.settings.server_name, why));
        }
        exchange.n_rounds += 1;
        exchange.turn = cx.number();
        let digest = exchange.digest();
        let content = [&b"h"[..], &digest, &marker, &n.to_be_bytes(), &exchange.turn.to_be_bytes()].concat();
        let age = bounds.suspend_for;
        let state = cx.seal.seal(cx.now, Purpose::State, exchange.principal, &content, age);
        let result = input_required(&questions(&exchange.inputs), &state);
        answer(cx, port, &exchange.asked.id, &result);
        exchange.asked.port = None;
        *self.n_held.entry(exchange.principal).or_default() += 1;
        exchange.shrink();
        self.ports.remove(&port);
        self.alarms.set(For::Exchange(n), after(cx.now, age));
    }

    /// A client tries again with the answers that it was asked for.
    pub(super) fn retried(
        &mut self,
        cx: &mut Cx<'_>,
        mut retry: Exchange,
        message: &Message,
    ) -> Result<(), Refusal> {
        let responses = message.shape().raw(Member::InputResponses);
        if responses.is_some_and(|responses| !responses.starts_with(b"{")) {
            return Err(Refusal::params("inputResponses is no object"));
        }
        let state = self.open_state(cx, &mut retry, message.shape());
        match state.ok_or_else(|| {
            Refusal::params("requestState is not valid, not for this request, or not good any more")
        })? {
            State::Anew { n_rounds } => self.anew(cx, retry, responses, n_rounds),
            State::Held { n, turn } => {
                let held = self.exchanges.get_mut(&n);
                let held = held.filter(|held| held.turn == turn && held.asked.port.is_none());
                let Some(held) = held.filter(|held| held.principal == retry.principal) else {
                    return Err(Refusal::params(
                        "requestState was used already, or the call is held no more",
                    ));
                };
                held.turn = 0;
                held.asked = retry.asked;
                let principal = held.principal;
                if let Some(port) = held.asked.port {
                    self.ports.insert(port, n);
                }
                self.release(principal);
                self.alarms.clear(For::Exchange(n));
                self.resume(cx, n, responses);
            }
        }
        Ok(())
    }

    /// Goes on with a held call.
    fn resume(&mut self, cx: &mut Cx<'_>, n: u64, responses: Option<&Bytes>) {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        if let Some(done) = exchange.done.take() {
            return self.reply(cx, n, done);
        }
        if exchange.link.is_none() {
            return;
        }
        self.deliver(cx, n, responses);
        // Spec 2026-07-28, basic/patterns/mrtr: what is missing is asked for again.
        if self.exchanges.get(&n).is_some_and(|exchange| !exchange.inputs.is_empty()) {
            return self.collected(cx, n);
        }
        self.set_level(cx, n, Errand::Nothing);
    }

    /// Tells the server the answers to its questions; what is missing stays open.
    pub(super) fn deliver(&mut self, cx: &mut Cx<'_>, n: u64, responses: Option<&Bytes>) {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let Some(no) = exchange.link else { return };
        let link = self.links.get(&no).and_then(|link| link.hello.as_ref());
        let revision = link.map_or(Revision::V2025_11_25, |hello| hello.revision);
        let pass = exchange.pass();
        let profile = exchange.asked.profile;
        exchange.inputs.retain(|input| {
            let response = responses.and_then(|all| find(all, &[&input.key]).map(|raw| all.slice_ref(raw)));
            let told = if let Some(response) = response.filter(|response| answers(input.what, response)) {
                fall::client::answer(&input.id, response, revision)
            } else if allows(profile, input.what) {
                return true;
            } else {
                say::with_id(&Refusal::new(failure::NO_METHOD, UNDECLARED).message(), &input.id)
            };
            cx.back.tell(cx.now, no, &told, pass.clone(), cx.acts);
            false
        });
    }

    /// Sends a request again whose URLs the client was asked to open.
    fn anew(&mut self, cx: &mut Cx<'_>, mut retry: Exchange, responses: Option<&Bytes>, n_rounds: u64) {
        let mut is_declined = false;
        let mut all = Draft::of_value(responses.cloned().unwrap_or_default());
        all.each_member(&[], &mut |_, response| {
            let action = response.get(&["action"]);
            is_declined |= action.is_some_and(|action| matches!(&action[..], b"\"decline\"" | b"\"cancel\""));
            Some(response)
        });
        if !is_declined {
            retry.n_rounds = usize::try_from(n_rounds).unwrap_or(usize::MAX);
            return self.begin(cx, retry);
        }
        let Some(port) = retry.asked.port else { return };
        let text = "the server needs a page to be opened, and that was declined";
        let message = if retry.method == "tools/call" {
            let content = r#"{"resultType":"complete","isError":true,"content":[{"type":"text","text":""#;
            say::result(format!("{content}{text}\"}}]}}").as_bytes())
        } else {
            say::failed(&cx.settings.server_name, text)
        };
        answer(cx, port, &retry.asked.id, &message);
    }

    /// The server wants URLs to be opened and then the same request (error -32042 of 2025-11-25).
    pub(super) fn url_required(&mut self, cx: &mut Cx<'_>, n: u64, message: &Message) {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        if !exchange.asked.profile.url {
            return self.reply(cx, n, error_up(message, None));
        }
        let urls = message.shape().inside(Member::ErrorData, &["elicitations"]).map(say::values);
        let urls = urls.unwrap_or_default();
        let entries: Vec<(String, Bytes)> = (0..MAX_INPUTS)
            .zip(&urls)
            .filter_map(|(at, url)| Some((format!("u{at}"), rise::server::url_input(url)?)))
            .collect();
        if entries.is_empty() || exchange.n_rounds >= cx.settings.bounds.rounds {
            let why = format!("the server {} asks for pages to be opened in vain", cx.settings.server_name);
            return self.reply(cx, n, say::failed(&cx.settings.server_name, &why));
        }
        let n_rounds = exchange.n_rounds as u64 + 1;
        let content = [&b"a"[..], &exchange.digest(), &n_rounds.to_be_bytes()].concat();
        let age = cx.settings.bounds.suspend_for;
        let state = cx.seal.seal(cx.now, Purpose::State, exchange.principal, &content, age);
        self.reply(cx, n, input_required(&object(&entries), &state));
    }

    /// Nobody came back with the answers to the questions of a held call.
    pub(super) fn expire(&mut self, cx: &mut Cx<'_>, n: u64) {
        self.drop_upstream(cx, n, "nobody answered in time");
        self.remove(cx, n);
    }

    /// Answers all open questions of an exchange whose client will not.
    pub(super) fn dismiss(&mut self, cx: &mut Cx<'_>, n: u64) {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let pass = exchange.pass();
        let Some(no) = exchange.link else { return };
        for input in exchange.inputs.drain(..) {
            let told = match input.what {
                What::Form | What::Url => say::result(br#"{"action":"cancel"}"#),
                // Spec 2025-11-25, client/sampling, Error Handling.
                What::Sampling => say::error(-1, "the person who was asked gave no answer", None),
                What::Roots => say::error(failure::INTERNAL, "the client gave no answer", None),
            };
            cx.back.tell(cx.now, no, &say::with_id(&told, &input.id), pass.clone(), cx.acts);
        }
    }

    /// One call less is held.
    pub(super) fn release(&mut self, principal: Principal) {
        if let Some(n_held) = self.n_held.get_mut(&principal) {
            *n_held -= 1;
            if *n_held == 0 {
                self.n_held.remove(&principal);
            }
        }
    }

    fn open_state(&mut self, cx: &mut Cx<'_>, retry: &mut Exchange, shape: &Shape) -> Option<State> {
        let state = shape.text(Member::RequestState)?;
        let content = cx.seal.open(cx.now, Purpose::State, retry.principal, &state)?;
        let (kind, rest) = content.split_first()?;
        let rest = rest.strip_prefix(&retry.digest())?;
        if *kind == b'a' {
            return Some(State::Anew { n_rounds: u64::from_be_bytes(*rest.first_chunk()?) });
        }
        let (n, turn) = rest.strip_prefix(&self.marker(cx))?.split_first_chunk()?;
        Some(State::Held { n: u64::from_be_bytes(*n), turn: u64::from_be_bytes(*turn.first_chunk()?) })
    }
}

impl Exchange {
    /// What a retry must have in common with the request.
    fn digest(&mut self) -> [u8; 16] {
        *self.digest.get_or_insert_with(|| {
            let shape = self.message.shape();
            let part = |member| shape.raw(member).map_or(&b""[..], |raw| raw);
            let subject = [Member::Method, Member::Name, Member::Uri, Member::Arguments].map(part);
            Principal::of(&subject).0
        })
    }

    /// Gives up what a held call needs no more, since it may be held for long: it is never sent again.
    pub(super) fn shrink(&mut self) {
        let mut draft = Draft::of(&self.message);
        draft.remove(&["params", "arguments"]);
        self.message = draft.into_message();
        self.asked.id = Id(Bytes::from_static(b"null"));
        self.asked.token = None;
        // Copied, because a slice would keep the whole request in memory.
        self.client = Bytes::copy_from_slice(&self.client);
    }
}

/// The capabilities that a client would have to declare, as raw JSON, if it did not.
fn lacks(profile: Profile, what: What, shape: &Shape) -> Option<&'static str> {
    let has = |name| shape.inside(Member::Params, &[name]).is_some();
    if what == What::Sampling && !profile.sampling_tools && (has("tools") || has("toolChoice")) {
        return Some(r#"{"sampling":{"tools":{}}}"#);
    }
    (!allows(profile, what)).then_some(match what {
        What::Form => r#"{"elicitation":{"form":{}}}"#,
        What::Url => r#"{"elicitation":{"url":{}}}"#,
        What::Sampling => r#"{"sampling":{}}"#,
        What::Roots => r#"{"roots":{}}"#,
    })
}

fn allows(profile: Profile, what: What) -> bool {
    match what {
        What::Form => profile.form,
        What::Url => profile.url,
        What::Sampling => profile.sampling,
        What::Roots => profile.roots,
    }
}

/// Whether a response is one to what was asked; else it counts as missing.
fn answers(what: What, response: &[u8]) -> bool {
    let begins =
        |name: &str, with: &[u8]| find(response, &[name]).is_some_and(|value| value.starts_with(with));
    match what {
        What::Form | What::Url => match find(response, &["action"]) {
            Some(b"\"accept\"") => what == What::Url || begins("content", b"{"),
            Some(b"\"decline\"" | b"\"cancel\"") => true,
            _ => false,
        },
        What::Sampling => {
            begins("role", b"\"")
                && begins("model", b"\"")
                && (begins("content", b"{") || begins("content", b"["))
        }
        What::Roots => begins("roots", b"["),
    }
}

/// The result that asks a client for input.
fn input_required(requests: &[u8], state: &str) -> Message {
    let mut result = br#"{"resultType":"input_required","inputRequests":"#.to_vec();
    result.extend_from_slice(requests);
    result.extend_from_slice(b",\"requestState\":");
    result.extend_from_slice(&say::string(state));
    result.push(b'}');
    say::result(&result)
}
