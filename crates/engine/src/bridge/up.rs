//! Serves a legacy client from a modern server: answers the handshake, turns `input_required` into requests.

mod diary;
mod exchange;
mod greet;
mod input;
mod kept;
mod listen;
mod schemas;
mod tasks;

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tapgate_wire::shape::{Id, Member};
use tapgate_wire::{Kind, Message, Nanos};

use self::diary::{Diary, Due};
use self::exchange::Exchange;
use self::greet::Session;
use self::kept::Kept;
use self::listen::Wish;
use self::schemas::Schemas;
use self::tasks::Goal;
use super::back::{Failure, FromServer};
use super::cx::Cx;
use super::failure::{self, INTERNAL, INVALID_PARAMS, NO_METHOD};
use super::front::{Answer, From, FromClient};
use super::number::{CallNo, Port, SessionNo};
use super::translate::fall;

/// How long a request of the bridge's own waits for the server.
const PATIENCE: Duration = Duration::from_secs(30);

/// Legacy sessions of clients that a modern server serves.
#[derive(Debug, Default)]
pub struct Up {
    sessions: HashMap<SessionNo, Session>,
    exchanges: HashMap<Port, Exchange>,
    calls: HashMap<CallNo, Purpose>,
    diary: Diary,
    schemas: Schemas,
    kept: Kept,
}

/// What a call to the server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To answer the `initialize` of a session.
    Greet(SessionNo),
    /// To answer a client's request.
    Serve(Port),
    /// To hear what a session's client wants to be told.
    Listen(SessionNo),
    /// To learn the tools.
    Learn,
    /// To cancel a task that nobody follows.
    Leave,
}

impl Up {
    /// Hears from a client whose messages are this pair's.
    pub fn on_client(&mut self, cx: &mut Cx<'_>, event: FromClient) {
        match event {
            FromClient::Asked { port, from, message } => self.asked(cx, port, &from, &message),
            FromClient::Told { from, message } => self.told(cx, &from, &message),
            FromClient::Listens { session } => self.may_push(cx, session),
            FromClient::Restored { session, kept, from } => self.restored(session, &kept, &from),
            FromClient::Closed { session } => self.closed(cx, session),
            // A legacy request goes on without the client that made it.
            FromClient::Gone { .. } | FromClient::End => {}
        }
    }

    /// Hears from the server: what concerns a call or a link of this pair.
    pub fn on_server(&mut self, cx: &mut Cx<'_>, event: FromServer) {
        match event {
            FromServer::Answered { call, message, .. } => match self.calls.remove(&call) {
                Some(Purpose::Greet(session)) => self.discovered(cx, session, &message),
                Some(Purpose::Serve(port)) => self.answered(cx, port, &message),
                Some(Purpose::Listen(session)) => self.stream_ended(cx, session, call, Some(&message)),
                Some(Purpose::Learn) => self.listed(cx, &message),
                Some(Purpose::Leave) => self.left(cx, call),
                None => {}
            },
            FromServer::Failed { call, failure, .. } => match self.calls.remove(&call) {
                Some(Purpose::Greet(session)) => self.unreached(cx, session, &failure),
                Some(Purpose::Serve(port)) => self.failed(cx, port, failure),
                Some(Purpose::Listen(session)) => self.stream_ended(cx, session, call, None),
                Some(Purpose::Learn) => self.learned(cx),
                Some(Purpose::Leave) => self.left(cx, call),
                None => {}
            },
            FromServer::Said { call: Some(call), message, .. } => match self.calls.get(&call) {
                Some(&Purpose::Serve(port)) => self.said_aside(cx, port, &message),
                Some(&Purpose::Listen(session)) => self.said_on_stream(cx, session, call, &message),
                Some(Purpose::Greet(_) | Purpose::Learn | Purpose::Leave) | None => {}
            },
            FromServer::Said { call: None, message, .. } => self.said_at_large(cx, &message),
            // A modern server has no stream to come back to, and who finds the link again tells it by `relinked`.
            FromServer::Paused { .. } | FromServer::Down { .. } => {}
        }
    }

    /// The modern link was opened anew ([`Modern::link`](super::detect::Modern::link)): streams of subscriptions have to be
    /// opened again there.
    pub fn relinked(&mut self, cx: &mut Cx<'_>) {
        self.schemas.forget();
        let sessions: Vec<SessionNo> = self.sessions.keys().copied().collect();
        for session in sessions {
            self.listen_again(cx, session);
        }
    }

    /// Keeps appointments.
    pub fn tick(&mut self, cx: &mut Cx<'_>) {
        while let Some(due) = self.diary.take(cx.now) {
            match due {
                Due::Request(port) => self.request_due(cx, port),
                Due::Listen(session) => self.listen_due(cx, session),
                Due::Greet(session) => self.undiscovered(cx, session),
                Due::Learn => self.learned(cx),
                Due::Leave(call) => self.left(cx, call),
                Due::Forget(number) => self.forget_kept(number),
            }
        }
    }

    /// When [`Up::tick`] is due.
    pub fn deadline(&self) -> Option<Nanos> {
        self.diary.next()
    }

    /// How many things are remembered: nothing when no session is open, no request waits, and nobody is to come for an
    /// answer.
    pub fn held(&self) -> usize {
        let maps = self.sessions.len() + self.exchanges.len() + self.calls.len();
        maps + self.diary.len() + self.schemas.held() + self.kept.held()
    }

    fn asked(&mut self, cx: &mut Cx<'_>, port: Port, from: &From, message: &Message) {
        let shape = message.shape();
        let id = shape.id.as_ref();
        if let Some(session) = from.session.and_then(|number| self.sessions.get_mut(&number)) {
            session.headers = from.headers.clone();
        }
        let method = shape.method().unwrap_or_default();
        match &*method {
            "initialize" => self.greet(cx, port, from, message),
            "ping" => reply(cx, port, failure::result(id, b"{}")),
            "logging/setLevel" => self.set_level(cx, port, from, message),
            "resources/subscribe" => self.subscribe(cx, port, from, message, Wish::Follow),
            "resources/unsubscribe" => self.subscribe(cx, port, from, message, Wish::Leave),
            "tasks/get" => self.asked_about(cx, port, from, message, Goal::State),
            "tasks/result" => self.asked_about(cx, port, from, message, Goal::Outcome),
            "tasks/cancel" => self.asked_about(cx, port, from, message, Goal::Cancel),
            // Methods of 2026-07-28 alone, and what its tasks do not have.
            "server/discover" | "subscriptions/listen" => {
                refuse(cx, port, id, NO_METHOD, "method not found");
            }
            name if name.starts_with("tasks/") => refuse(cx, port, id, NO_METHOD, "method not found"),
            _ => self.exchange(cx, port, from, message, None),
        }
    }

    fn told(&mut self, cx: &mut Cx<'_>, from: &From, message: &Message) {
        let Some(number) = from.session else { return };
        match message.shape().kind {
            Kind::Result | Kind::Error => self.told_input(cx, number, message),
            Kind::Notification if message.shape().method().as_deref() == Some("notifications/cancelled") => {
                self.cancelled(cx, number, message);
            }
            // What else a legacy client tells, a modern server does not want to know.
            Kind::Notification | Kind::Request | Kind::Batch | Kind::Other => {}
        }
    }

    /// Remembers the level, which is stamped on later requests.
    ///
    /// Spec 2025-11-25, server/utilities/logging; 2026-07-28, server/utilities/logging.
    fn set_level(&mut self, cx: &mut Cx<'_>, port: Port, from: &From, message: &Message) {
        const LEVELS: &[&[u8]] = &[
            b"\"debug\"",
            b"\"info\"",
            b"\"notice\"",
            b"\"warning\"",
            b"\"error\"",
            b"\"critical\"",
            b"\"alert\"",
            b"\"emergency\"",
        ];
        let shape = message.shape();
        let id = shape.id.as_ref();
        let Some(session) = from.session.and_then(|number| self.sessions.get_mut(&number)) else {
            return refuse(cx, port, id, INVALID_PARAMS, "no session to remember the level for");
        };
        if greet::offers(cx, &["logging"]) == Some(false) {
            return refuse(cx, port, id, NO_METHOD, "the server does not log");
        }
        let level = shape.inside(Member::Params, &["level"]);
        let Some(level) = level.filter(|level| LEVELS.contains(&&**level)) else {
            return refuse(cx, port, id, INVALID_PARAMS, "unknown log level");
        };
        session.profile.log_level = Some(Bytes::copy_from_slice(&level));
        reply(cx, port, failure::result(id, b"{}"));
    }

    fn cancelled(&mut self, cx: &mut Cx<'_>, number: SessionNo, message: &Message) {
        let Some(id) = message.shape().id_in(Member::CancelledId) else { return };
        let Some(port) = cx.front.port_of(number, &id) else { return };
        if self.exchanges.contains_key(&port) {
            let reason = message.shape().inside(Member::Params, &["reason"]);
            let reason = reason.filter(|raw| raw.starts_with(b"\""));
            let reason = reason.map(|raw| tapgate_wire::json::unescape_lossy(&raw).into_owned());
            self.drop_exchange(cx, port, reason.as_deref());
            cx.front.drop_port(port);
        }
    }

    fn closed(&mut self, cx: &mut Cx<'_>, number: SessionNo) {
        let Some(session) = self.sessions.remove(&number) else { return };
        for port in &session.ports {
            self.drop_exchange(cx, *port, Some("the session ended"));
        }
        self.diary.clear(Due::Listen(number));
        self.diary.clear(Due::Greet(number));
        let streams = session.ears.calls();
        for call in session.greeting.iter().map(|greeting| greeting.call).chain(streams) {
            self.calls.remove(&call);
            cx.back.cancel(cx.now, call, None, cx.acts);
        }
    }
}

/// Answers a client's request.
fn reply(cx: &mut Cx<'_>, port: Port, bytes: Bytes) {
    cx.front.answer(cx.now, port, Answer::new(bytes), cx.acts);
}

/// Answers a client's request with an error of the bridge's own.
fn refuse(cx: &mut Cx<'_>, port: Port, id: Option<&Id>, code: i64, text: &str) {
    reply(cx, port, failure::error(id, code, text, None));
}

/// Answers a client's request with an error that has the server as its cause.
fn blame(cx: &mut Cx<'_>, port: Port, id: Option<&Id>, text: &str) {
    let upstream = fall::server::quoted(&cx.settings.server_name);
    let named = [b"{\"upstream\":", upstream.as_slice(), b"}"].concat();
    reply(cx, port, failure::error(id, INTERNAL, text, Some(&named)));
}

/// Answers a client's request with why the server did not.
fn tell_failure(cx: &mut Cx<'_>, port: Port, id: Option<&Id>, failure: &Failure) {
    if let Some(id) = id {
        cx.fail(port, id, failure);
    }
}

#[cfg(test)]
mod tests;
