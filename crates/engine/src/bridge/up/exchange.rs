//! A client's request on its way through the server, with all its rounds.

use std::sync::Arc;

use http::HeaderMap;
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Message};

use super::diary::{Due, after};
use super::input::Rounds;
use super::tasks::Task;
use super::{Purpose, Up, blame, refuse, reply, tell_failure};
use crate::bridge::back::{Failure, Pass};
use crate::bridge::cx::Cx;
use crate::bridge::failure::INVALID_PARAMS;
use crate::bridge::front::From;
use crate::bridge::number::{CallNo, Pair, Port, Principal, SessionNo};
use crate::bridge::settings::Reaches;
use crate::bridge::translate::rise::client::{self, Profile};
use crate::bridge::translate::{Draft, fall, payload, tasks};

const HEADER_MISMATCH: i64 = -32020;
pub(super) const UNSUPPORTED_REVISION: i64 = -32022;

/// A client's request that waits for its answer.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) session: Option<SessionNo>,
    /// The client's revision.
    pub(super) revision: Revision,
    pub(super) headers: Arc<HeaderMap>,
    pub(super) method: String,
    /// The request as it came.
    pub(super) message: Message,
    /// The call that the server is to answer; none while the client is to answer, or time has to pass.
    pub(super) call: Option<CallNo>,
    pub(super) rounds: Rounds,
    /// Who asks.
    pub(super) principal: Principal,
    /// Whether the client wants a task as the answer (2025-11-25).
    pub(super) wants_task: bool,
    /// The task at the server that it is about.
    pub(super) task: Option<Box<Task>>,
    /// The greatest progress that the client was told; each round may begin at 0 again.
    progress: Option<f64>,
    /// What was tried again already, which happens once each.
    tried: Tried,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tried {
    headers: bool,
    revision: bool,
    connection: bool,
}

impl Exchange {
    /// Answers the client with what the server said, under the client's own id.
    pub(super) fn answer(&self, cx: &mut Cx<'_>, port: Port, mut draft: Draft) {
        draft.set(&["id"], self.message.shape().id.as_ref().map_or(b"null", |id| &id.0));
        reply(cx, port, draft.into_bytes());
    }

    /// A result as the client's revision has it.
    pub(super) fn lowered(&self, message: &Message) -> Draft {
        let mut draft = Draft::of(message);
        fall::server::strip(&mut draft);
        let method = if self.task.is_some() { "tools/call" } else { &self.method };
        payload::lower_result(&mut draft, method, self.revision);
        draft
    }
}

impl Up {
    /// Begins to serve a request of a client, about a `task` if it names one.
    pub(super) fn exchange(
        &mut self,
        cx: &mut Cx<'_>,
        port: Port,
        from: &From,
        message: &Message,
        task: Option<Box<Task>>,
    ) {
        let shape = message.shape();
        let method = shape.method().unwrap_or_default();
        let wish = shape.raw(Member::TaskAsked).filter(|wish| ***wish != *b"null");
        let wish = wish.filter(|_| method == "tools/call" && self.offered_tasks(from.session));
        if wish.is_some_and(|wish| !wish.starts_with(b"{")) {
            return refuse(cx, port, shape.id.as_ref(), INVALID_PARAMS, "`task` has to be an object");
        }
        let session = from.session.and_then(|number| self.sessions.get_mut(&number));
        let revision = session.as_ref().map(|session| session.revision).or(from.revision);
        let known = session.map(|session| session.ports.insert(port)).and(from.session);
        let exchange = Exchange {
            session: known,
            revision: revision.unwrap_or(Revision::V2025_03_26),
            headers: Arc::clone(&from.headers),
            method: method.into_owned(),
            message: message.clone(),
            call: None,
            rounds: Rounds::default(),
            principal: from.principal,
            wants_task: wish.is_some(),
            task,
            progress: None,
            tried: Tried::default(),
        };
        self.exchanges.insert(port, exchange);
        self.send(cx, port);
    }

    /// Makes the request to the server, with the answers that it asked for.
    pub(super) fn send(&mut self, cx: &mut Cx<'_>, port: Port) {
        if self.exchanges.get(&port).is_some_and(|exchange| exchange.task.is_some()) {
            return self.pursue(cx, port);
        }
        if self.has_to_learn(cx, port) {
            return;
        }
        let Some(exchange) = self.exchanges.get(&port) else { return };
        let Some(modern) = &cx.server.modern else {
            return self.give_up(cx, port, "is not known any more");
        };
        let (link, revision) = (modern.link, modern.revision);
        let mut profile = self.profile(exchange.session);
        if self.declares_tasks(cx, exchange) {
            profile = profile.with_tasks();
        }
        let input = exchange.rounds.input();
        let Some(request) = client::request(&exchange.message, cx.number(), &profile, revision, &input)
        else {
            let id = exchange.message.shape().id.clone();
            self.finish(cx, port);
            return refuse(cx, port, id.as_ref(), INVALID_PARAMS, "params and its _meta have to be objects");
        };
        let is_mirrored =
            matches!(cx.settings.reaches, Reaches::Url { .. }) && exchange.method == "tools/call";
        let mirrors = if is_mirrored { cx.tools.mirrors(&request) } else { Vec::new() };
        let pass = Pass { headers: Arc::clone(&exchange.headers), mirrors };
        let call = cx.call(Pair::Up);
        if let Some(exchange) = self.exchanges.get_mut(&port) {
            exchange.call = Some(call);
        }
        self.calls.insert(call, Purpose::Serve(port));
        cx.back.ask(cx.now, link, call, &request, pass, cx.acts);
    }

    /// What a session's client said of itself.
    pub(super) fn profile(&self, session: Option<SessionNo>) -> Profile {
        let session = session.and_then(|number| self.sessions.get(&number));
        session.map(|session| session.profile.clone()).unwrap_or_default()
    }

    /// The server answered a call.
    pub(super) fn answered(&mut self, cx: &mut Cx<'_>, port: Port, message: &Message) {
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        exchange.call = None;
        if exchange.task.is_some() {
            return self.reported(cx, port, message);
        }
        let shape = message.shape();
        if shape.kind != Kind::Result {
            return self.answered_error(cx, port, message);
        }
        // Spec 2026-07-28, basic/index, Results: no type means complete, an unknown one is invalid.
        match shape
            .raw(Member::ResultType)
            .map(|_| shape.text(Member::ResultType).unwrap_or_default())
            .as_deref()
        {
            None | Some("complete") if exchange.wants_task => self.became_kept(cx, port, message),
            None | Some("complete") => self.completed(cx, port, message),
            Some("input_required") => self.input_required(cx, port, message),
            Some("task") if self.exchanges.get(&port).is_some_and(|it| self.declares_tasks(cx, it)) => {
                self.became_task(cx, port, message);
            }
            Some(_) => self.give_up(cx, port, "answered with an unknown result type"),
        }
    }

    fn completed(&mut self, cx: &mut Cx<'_>, port: Port, message: &Message) {
        self.moved_on(cx, port, &[]);
        let Some(exchange) = self.finish(cx, port) else { return };
        let mut page = message.clone();
        if exchange.method == "tools/list" {
            if matches!(cx.settings.reaches, Reaches::Url { .. }) {
                page = cx.sift(message);
            } else {
                cx.tools.learn(message);
            }
        }
        let mut draft = exchange.lowered(&page);
        if exchange.method == "tools/list" && self.offered_tasks(exchange.session) {
            tasks::offer(&mut draft);
        }
        exchange.answer(cx, port, draft);
    }

    pub(super) fn answered_error(&mut self, cx: &mut Cx<'_>, port: Port, message: &Message) {
        let message = &payload::error_released(message);
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        match message.shape().int(Member::ErrorCode) {
            Some(HEADER_MISMATCH) => {
                let is_call = exchange.method == "tools/call";
                if is_call && !std::mem::replace(&mut exchange.tried.headers, true) {
                    cx.tools.forget();
                    self.schemas.forget();
                    return self.send(cx, port);
                }
                self.give_up(cx, port, "did not take the headers of the request");
            }
            Some(UNSUPPORTED_REVISION) => {
                let spoken = speakable(message);
                if let (Some(spoken), Some(modern)) = (spoken, &mut cx.server.modern)
                    && !std::mem::replace(&mut exchange.tried.revision, true)
                {
                    modern.revision = spoken;
                    return self.send(cx, port);
                }
                self.give_up(cx, port, "speaks no revision that is known here");
            }
            _ => self.refused(cx, port, message),
        }
    }

    /// Answers a request with the server's own error.
    pub(super) fn refused(&mut self, cx: &mut Cx<'_>, port: Port, message: &Message) {
        self.moved_on(cx, port, &[]);
        let Some(exchange) = self.finish(cx, port) else { return };
        let draft = Draft::of(&payload::error_down(message, &exchange.method));
        exchange.answer(cx, port, draft);
    }

    /// A call will not be answered.
    pub(super) fn failed(&mut self, cx: &mut Cx<'_>, port: Port, failure: Failure) {
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        exchange.call = None;
        if exchange.task.is_some() {
            return self.task_failed(cx, port, &failure);
        }
        match failure {
            Failure::Broken(_)
                if is_safe(&exchange.method) && !std::mem::replace(&mut exchange.tried.connection, true) =>
            {
                // Not at once: the link may be gone, and another one has to be opened first.
                self.diary.set(Due::Request(port), after(cx.now, cx.settings.bounds.backoff.0));
            }
            failure => {
                if let Some(exchange) = self.finish(cx, port) {
                    tell_failure(cx, port, exchange.message.shape().id.as_ref(), &failure);
                }
            }
        }
    }

    /// Answers a request with an error, because of something that the server did.
    pub(super) fn give_up(&mut self, cx: &mut Cx<'_>, port: Port, what: &str) {
        if let Some(exchange) = self.finish(cx, port) {
            let text = format!("`{}` {what}", cx.settings.server_name);
            blame(cx, port, exchange.message.shape().id.as_ref(), &text);
        }
    }

    /// The server said something about a call before its answer.
    pub(super) fn said_aside(&mut self, cx: &mut Cx<'_>, port: Port, message: &Message) {
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        let shape = message.shape();
        // A modern server makes no requests.
        if shape.kind != Kind::Notification {
            return;
        }
        match shape.method().as_deref() {
            Some("notifications/progress") => {
                let wanted = exchange.message.shape().id_in(Member::ProgressTokenAsked);
                let value = shape.inside(Member::Params, &["progress"]);
                let value: Option<f64> = value.and_then(|raw| std::str::from_utf8(&raw).ok()?.parse().ok());
                let Some(value) =
                    value.filter(|value| exchange.progress.is_none_or(|before| *value > before))
                else {
                    return;
                };
                if wanted.is_none() || shape.id_in(Member::ProgressToken) != wanted {
                    return;
                }
                exchange.progress = Some(value);
            }
            Some("notifications/cancelled") => return,
            _ => {}
        }
        cx.front.aside(cx.now, port, fall::server::notification(message), cx.acts);
    }

    /// The server said something that names no call: on pipes that is how logs come.
    ///
    /// They are passed on where no other client can be meant: when all requests that asked for logs are one session's.
    pub(super) fn said_at_large(&self, cx: &mut Cx<'_>, message: &Message) {
        let is_log = message.shape().method().as_deref() == Some("notifications/message");
        if !is_log || message.shape().kind != Kind::Notification {
            return;
        }
        let asked = |exchange: &&Exchange| {
            let session = exchange.session.and_then(|number| self.sessions.get(&number));
            exchange.call.is_some() && session.is_some_and(|session| session.profile.log_level.is_some())
        };
        let mut sessions = self.exchanges.values().filter(asked).filter_map(|exchange| exchange.session);
        if let Some(session) = sessions.next()
            && sessions.all(|other| other == session)
        {
            cx.front.push(cx.now, session, fall::server::notification(message), cx.acts);
        }
    }

    /// The time of a request has come: the client took too long, or the wait is over.
    pub(super) fn request_due(&mut self, cx: &mut Cx<'_>, port: Port) {
        match self.exchanges.get(&port) {
            Some(exchange) if exchange.task.is_some() => self.task_due(cx, port),
            Some(exchange) if exchange.rounds.is_open() => {
                self.stop(cx, port, "asked for input, which was not given in time");
            }
            Some(exchange) if exchange.call.is_none() => self.send(cx, port),
            Some(_) | None => {}
        }
    }

    /// Forgets a request, whose answer is known or not wanted.
    pub(super) fn finish(&mut self, cx: &mut Cx<'_>, port: Port) -> Option<Exchange> {
        let mut exchange = self.exchanges.remove(&port)?;
        self.diary.clear(Due::Request(port));
        self.schemas.leave(port);
        if let Some(session) = exchange.session.and_then(|number| self.sessions.get_mut(&number)) {
            session.ports.remove(&port);
            for id in exchange.rounds.take_open() {
                session.asks.remove(&id);
                let params = [b"{\"requestId\":", &*id.0, b"}"].concat();
                let notice = fall::server::request(None, "notifications/cancelled", Some(&params));
                cx.front.aside(cx.now, port, notice, cx.acts);
            }
        }
        self.leave_task(cx, &mut exchange);
        Some(exchange)
    }

    /// Forgets a request that nobody wants answered, here and at the server.
    pub(super) fn drop_exchange(&mut self, cx: &mut Cx<'_>, port: Port, reason: Option<&str>) {
        if let Some(call) = self.finish(cx, port).and_then(|exchange| exchange.call) {
            self.calls.remove(&call);
            cx.back.cancel(cx.now, call, reason, cx.acts);
        }
    }
}

/// Whether a request can be made twice without harm.
fn is_safe(method: &str) -> bool {
    let reads = ["resources/read", "prompts/get", "completion/complete", "server/discover"];
    reads.contains(&method) || method.ends_with("/list")
}

/// The newest modern revision among those that a -32022 names.
fn speakable(message: &Message) -> Option<Revision> {
    let supported = message.shape().inside(Member::ErrorData, &["supported"])?;
    let names = fall::server::strings(&supported).into_iter();
    let known = names.filter_map(|name| Revision::parse(&name));
    known.filter(|revision| revision.era() == Era::Modern).max()
}
