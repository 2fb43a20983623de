// Long because a session and its repair stand together.
//! A legacy client and a legacy server: one session there for each session here.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use http::HeaderMap;
use tapgate_wire::record::Era;
use tapgate_wire::shape::Member;
use tapgate_wire::{Id, Kind, Message};

use super::Doubt;
use super::repair::kept;
use super::session::{Session, State, is_safe};
use crate::bridge::back::{Failure, FromServer, Opening, Pass, Sharing};
use crate::bridge::cx::Cx;
use crate::bridge::failure::INVALID_REQUEST;
use crate::bridge::front::{Answer, From, FromClient};
use crate::bridge::number::{CallNo, LinkNo, Pair, Port, SessionNo};
use crate::bridge::settings::Reaches;

/// Legacy sessions, each joined with a link of its own.
#[derive(Debug, Default)]
pub(super) struct Legacy {
    pub(super) sessions: HashMap<SessionNo, Session>,
    pub(super) links: HashMap<LinkNo, SessionNo>,
    calls: HashMap<CallNo, Call>,
    /// Sessions that are greeted again by themselves.
    pub(super) fallen: BTreeSet<SessionNo>,
    pub(super) doubts: Vec<Doubt>,
}

/// A request on its way.
#[derive(Debug)]
struct Call {
    session: SessionNo,
    what: What,
}

/// What a call is for.
#[derive(Debug)]
pub(super) enum What {
    /// The client's own handshake.
    Greet(Asked),
    /// The same handshake again, because the server lost the session.
    Regreet,
    /// Something of the old session that is set again; the client has its answer.
    Restore,
    /// A request of the client.
    Pass(Asked),
}

/// A request of a client.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) port: Port,
    pub(super) from: From,
    pub(super) message: Message,
    /// It was sent before and may not be sent a third time.
    pub(super) is_again: bool,
}

impl Legacy {
    pub(super) fn on_client(&mut self, cx: &mut Cx<'_>, event: FromClient) {
        match event {
            FromClient::Asked { port, from, message } => {
                self.asked(cx, Asked { port, from, message, is_again: false });
            }
            FromClient::Told { from, message } => self.told(cx, &from, &message),
            FromClient::Listens { session } => self.listens(cx, session),
            FromClient::Restored { session, kept, from } => self.restored(cx, session, &kept, &from),
            FromClient::Closed { session } => self.closed(cx, session),
            FromClient::Gone { .. } | FromClient::End => {}
        }
    }

    fn asked(&mut self, cx: &mut Cx<'_>, asked: Asked) {
        let Some(n) = asked.from.session else { return };
        if asked.message.shape().method().as_deref() == Some("initialize") {
            return self.begin(cx, n, asked);
        }
        let Some(session) = self.sessions.get_mut(&n) else {
            if let Some(id) = &asked.message.shape().id {
                cx.refuse(asked.port, id, INVALID_REQUEST, "the session was not initialized");
            }
            return;
        };
        session.heard = cx.now;
        match &session.state {
            State::Open => self.pass(cx, n, asked),
            State::Greeting => session.hold(cx, asked),
            State::Down { until, why } if cx.now < *until => {
                let failure = Failure::Unreachable(format!("{why}; it is started again soon"));
                asked.fail(cx, &failure);
            }
            State::Down { .. } => {
                session.hold(cx, asked);
                self.regreet(cx, n);
            }
        }
    }

    fn begin(&mut self, cx: &mut Cx<'_>, n: SessionNo, asked: Asked) {
        self.closed(cx, n);
        if let Err(failure) = self.make_room(cx) {
            return asked.fail(cx, &failure);
        }
        let link = self.open(cx, n, &asked.from);
        self.sessions.insert(n, Session::new(cx.now, link, &asked.from, asked.message.raw().clone()));
        self.send(cx, n, &asked.message.clone(), What::Greet(asked));
    }

    fn open(&mut self, cx: &mut Cx<'_>, n: SessionNo, from: &From) -> LinkNo {
        let link = cx.link();
        cx.back.open(cx.now, link, opening(cx, &from.headers), cx.acts);
        self.links.insert(link, n);
        link
    }

    fn pass(&mut self, cx: &mut Cx<'_>, n: SessionNo, asked: Asked) {
        self.send(cx, n, &asked.message.clone(), What::Pass(asked));
    }

    pub(super) fn send(&mut self, cx: &mut Cx<'_>, n: SessionNo, message: &Message, what: What) {
        let Some(session) = self.sessions.get_mut(&n) else { return };
        let call = cx.call(Pair::Same);
        let headers = match &what {
            What::Greet(asked) | What::Pass(asked) => {
                session.ports.insert(asked.port, call);
                asked.from.headers.clone()
            }
            What::Regreet | What::Restore => session.headers.clone(),
        };
        let link = session.link;
        self.calls.insert(call, Call { session: n, what });
        cx.back.ask(cx.now, link, call, message, Pass { headers, mirrors: Vec::new() }, cx.acts);
    }

    fn told(&mut self, cx: &mut Cx<'_>, from: &From, message: &Message) {
        let Some((n, session)) =
            from.session.and_then(|n| self.sessions.get_mut(&n).map(|session| (n, session)))
        else {
            return;
        };
        session.heard = cx.now;
        let pass = Pass { headers: from.headers.clone(), mirrors: Vec::new() };
        match message.shape().method().as_deref() {
            Some("notifications/initialized") => session.is_initialized = true,
            Some("notifications/cancelled") => {
                cx.back.tell(cx.now, session.link, message, pass, cx.acts);
                if let Some(id) = message.shape().id_in(Member::CancelledId) {
                    self.cancelled(cx, n, &id);
                }
                return;
            }
            _ => {}
        }
        if !matches!(session.state, State::Down { .. }) {
            cx.back.tell(cx.now, session.link, message, pass, cx.acts);
        }
    }

    /// Forgets a request that the client cancelled: whether the server still answers is of no interest.
    ///
    /// Spec 2025-11-25, basic/utilities/cancellation, Behavior Requirements.
    fn cancelled(&mut self, cx: &mut Cx<'_>, n: SessionNo, id: &Id) {
        let Some(port) = cx.front.port_of(Some(n), id) else { return };
        let Some(session) = self.sessions.get_mut(&n) else { return };
        session.held.retain(|held| held.port != port);
        if let Some(call) = session.ports.remove(&port) {
            self.calls.remove(&call);
            cx.back.drop_call(cx.now, call, cx.acts);
        }
        cx.front.drop_port(port);
    }

    fn listens(&mut self, cx: &mut Cx<'_>, n: SessionNo) {
        let Some(session) = self.sessions.get_mut(&n) else { return };
        session.is_listening = true;
        if session.state == State::Open {
            cx.back.listen(cx.now, session.link, cx.acts);
        }
    }

    fn closed(&mut self, cx: &mut Cx<'_>, n: SessionNo) {
        let Some(session) = self.sessions.remove(&n) else { return };
        self.fallen.remove(&n);
        for call in session.ports.values() {
            self.calls.remove(call);
        }
        if session.was_lost() {
            // Calls of our own, which no port leads to.
            self.calls.retain(|_, call| call.session != n);
        }
        self.links.remove(&session.link);
        cx.back.close(cx.now, session.link, cx.acts);
    }

    /// Lets a session go without closing its link, which somebody else speaks on from now on.
    pub(super) fn release(&mut self, n: SessionNo) -> Vec<Asked> {
        let Some(session) = self.sessions.remove(&n) else { return Vec::new() };
        self.links.remove(&session.link);
        self.calls.retain(|_, call| call.session != n);
        session.held
    }

    pub(super) fn on_server(&mut self, cx: &mut Cx<'_>, event: FromServer) {
        match event {
            FromServer::Answered { call, link, message, status } => {
                let Some(Call { session, what }) = self.calls.remove(&call) else { return };
                match what {
                    What::Greet(asked) => self.greeted(cx, session, asked, link, message, status, call),
                    What::Regreet => self.regreeted(cx, session, &message),
                    What::Restore => {}
                    What::Pass(asked) => self.answered(cx, session, &asked, &message, status),
                }
            }
            FromServer::Said { link, call, message, .. } => self.said(cx, link, call, &message),
            FromServer::Failed { call, link, failure } => self.failed(cx, call, link, failure),
            FromServer::Paused { call, retry, .. } => {
                if let Some(Call { what: What::Pass(asked), .. }) = self.calls.get(&call) {
                    cx.front.pause(cx.now, asked.port, retry, cx.acts);
                }
            }
            FromServer::Down { link, why, .. } => self.down(cx, link, &why),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one event")]
    fn greeted(
        &mut self,
        cx: &mut Cx<'_>,
        n: SessionNo,
        asked: Asked,
        link: LinkNo,
        message: Message,
        status: Option<u16>,
        call: CallNo,
    ) {
        let Some(session) = self.sessions.get_mut(&n) else { return };
        session.ports.remove(&asked.port);
        if message.shape().kind == Kind::Error {
            let answer = FromServer::Answered { call, link, message, status };
            return self.doubt(cx, n, asked, answer);
        }
        cx.server.legacy = Some(true);
        session.learn(&message);
        let revision = session.agreed;
        cx.back.agreed(link, revision);
        let kept = kept(cx, link, revision, &asked.message);
        cx.front.open(cx.now, asked.port, revision, &kept, cx.seal);
        let answer = Answer { status, ..Answer::new(message.to_wire()) };
        cx.front.answer(cx.now, asked.port, answer, cx.acts);
        self.opened(cx, n);
    }

    /// The session can be used: what waited goes on.
    pub(super) fn opened(&mut self, cx: &mut Cx<'_>, n: SessionNo) {
        let Some(session) = self.sessions.get_mut(&n) else { return };
        session.state = State::Open;
        if session.is_listening {
            cx.back.listen(cx.now, session.link, cx.acts);
        }
        for asked in std::mem::take(&mut session.held) {
            self.pass(cx, n, asked);
        }
    }

    /// A handshake failed: if the server may be a modern one, somebody asks it.
    fn doubt(&mut self, cx: &mut Cx<'_>, n: SessionNo, asked: Asked, answer: FromServer) {
        let Some(session) = self.sessions.get(&n) else { return };
        let Asked { port, from, message, .. } = asked;
        let doubt = Doubt { port, from, message, link: session.link, answer };
        if cx.server.legacy == Some(true) || cx.settings.server_era == Some(Era::Legacy) {
            return self.undoubted(cx, &doubt);
        }
        self.doubts.push(doubt);
    }

    pub(super) fn undoubted(&mut self, cx: &mut Cx<'_>, doubt: &Doubt) {
        let Some(id) = doubt.message.shape().id.clone() else { return };
        match &doubt.answer {
            FromServer::Answered { message, status, .. } => {
                let answer = Answer { status: *status, ..Answer::new(message.to_wire()) };
                cx.front.answer(cx.now, doubt.port, answer, cx.acts);
            }
            FromServer::Failed { failure, .. } => cx.fail(doubt.port, &id, failure),
            FromServer::Said { .. } | FromServer::Paused { .. } | FromServer::Down { .. } => {}
        }
        if let Some(n) = doubt.from.session {
            self.closed(cx, n);
        }
    }

    fn answered(
        &mut self,
        cx: &mut Cx<'_>,
        n: SessionNo,
        asked: &Asked,
        message: &Message,
        status: Option<u16>,
    ) {
        if let Some(session) = self.sessions.get_mut(&n) {
            session.ports.remove(&asked.port);
            if message.shape().kind == Kind::Result {
                session.remember(&asked.message);
            }
        }
        let answer = Answer { status, ..Answer::new(message.to_wire()) };
        cx.front.answer(cx.now, asked.port, answer, cx.acts);
    }

    fn said(&mut self, cx: &mut Cx<'_>, link: LinkNo, call: Option<CallNo>, message: &Message) {
        let Some(&n) = self.links.get(&link) else { return };
        let Some(session) = self.sessions.get(&n) else { return };
        let bytes = message.to_wire();
        let asked = call.and_then(|call| self.calls.get(&call)).and_then(|call| match &call.what {
            What::Greet(asked) | What::Pass(asked) => Some(asked.port),
            What::Regreet | What::Restore => None,
        });
        match asked.or_else(|| session.concerned(message)) {
            Some(port) => cx.front.aside(cx.now, port, bytes, cx.acts),
            None => cx.front.push(cx.now, n, bytes, cx.acts),
        }
    }

    fn failed(&mut self, cx: &mut Cx<'_>, call: CallNo, link: LinkNo, failure: Failure) {
        let Some(Call { session: n, what }) = self.calls.remove(&call) else { return };
        let Some(session) = self.sessions.get_mut(&n) else { return };
        match what {
            What::Greet(asked) => {
                session.ports.remove(&asked.port);
                let is_doubtful = match &failure {
                    Failure::Http { status, .. } => {
                        (400..500).contains(status) && !matches!(status, 401 | 403 | 429)
                    }
                    Failure::Broken(_) => cx.settings.reaches == Reaches::Command,
                    _ => false,
                };
                let answer = FromServer::Failed { call, link, failure };
                if is_doubtful {
                    return self.doubt(cx, n, asked, answer);
                }
                let Asked { port, from, message, .. } = asked;
                self.undoubted(cx, &Doubt { port, from, message, link, answer });
            }
            What::Regreet => {
                for held in std::mem::take(&mut session.held) {
                    held.fail(cx, &failure);
                }
                self.fall(cx, n, failure.text(&cx.settings.server_name));
            }
            What::Restore => {}
            What::Pass(mut asked) => {
                session.ports.remove(&asked.port);
                // A request that the server did not look at, or that changes nothing, may be sent once more.
                let may_repeat = failure == Failure::Forgotten
                    || matches!(failure, Failure::Broken(_)) && is_safe(&asked.message);
                if !may_repeat || asked.is_again {
                    return asked.fail(cx, &failure);
                }
                asked.is_again = true;
                if cx.back.is_open(link) {
                    self.pass(cx, n, asked);
                } else {
                    session.hold(cx, asked);
                }
            }
        }
    }

    pub(super) fn held(&self) -> usize {
        self.sessions.len() + self.links.len() + self.calls.len()
    }
}

impl Asked {
    pub(super) fn fail(&self, cx: &mut Cx<'_>, failure: &Failure) {
        if let Some(id) = &self.message.shape().id {
            cx.fail(self.port, id, failure);
        }
    }
}

/// A link for one session.
pub(super) fn opening(cx: &Cx<'_>, headers: &Arc<HeaderMap>) -> Opening {
    Opening {
        owner: Pair::Same,
        via: cx.server.via,
        era: Era::Legacy,
        sharing: Sharing::Own,
        headers: Arc::clone(headers),
    }
}
