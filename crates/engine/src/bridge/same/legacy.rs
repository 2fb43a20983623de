//! A legacy client and a legacy server: one session there for each session here.

use std::collections::HashMap;

use bytes::Bytes;
use tapgate_wire::json::{escape_into, find};
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::Member;
use tapgate_wire::{Id, Kind, Message, Nanos};

use super::Doubt;
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
    sessions: HashMap<SessionNo, Session>,
    links: HashMap<LinkNo, SessionNo>,
    calls: HashMap<CallNo, Call>,
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
enum What {
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

/// The most bytes of a handshake that are sealed into a session id, which travels in a header.
const MAX_KEPT: usize = 2048;

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
        // Over HTTP a link costs no more than its session, of which there are only so many.
        let max = cx.settings.bounds.links;
        if cx.settings.reaches == Reaches::Command && cx.back.n_links() >= max {
            let name = &cx.settings.server_name;
            let why = format!("all {max} processes of `{name}` are in use; try again later");
            return asked.fail(cx, &Failure::Unreachable(why));
        }
        let link = self.open(cx, n, &asked.from);
        self.sessions.insert(n, Session::new(link, &asked.from, asked.message.raw().clone()));
        self.send(cx, n, &asked.message.clone(), What::Greet(asked));
    }

    fn open(&mut self, cx: &mut Cx<'_>, n: SessionNo, from: &From) -> LinkNo {
        let link = cx.link();
        cx.back.open(cx.now, link, opening(cx, from), cx.acts);
        self.links.insert(link, n);
        link
    }

    fn pass(&mut self, cx: &mut Cx<'_>, n: SessionNo, asked: Asked) {
        self.send(cx, n, &asked.message.clone(), What::Pass(asked));
    }

    fn send(&mut self, cx: &mut Cx<'_>, n: SessionNo, message: &Message, what: What) {
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
        for call in session.ports.values() {
            self.calls.remove(call);
        }
        self.calls.retain(|_, call| call.session != n || matches!(call.what, What::Pass(_)));
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
    fn opened(&mut self, cx: &mut Cx<'_>, n: SessionNo) {
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
                    Failure::Broken(_) => cx.settings.reaches == crate::bridge::settings::Reaches::Command,
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
                let text = failure.text(&cx.settings.server_name);
                session.fall(cx.now, text, &cx.settings.bounds);
                for held in std::mem::take(&mut session.held) {
                    held.fail(cx, &failure);
                }
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

    fn down(&mut self, cx: &mut Cx<'_>, link: LinkNo, why: &Failure) {
        let Some(n) = self.links.remove(&link) else { return };
        let Some(session) = self.sessions.get_mut(&n) else { return };
        if session.state == State::Greeting {
            // Its handshake failed too, and that is dealt with.
            return;
        }
        let is_forgotten = *why == Failure::Forgotten;
        session.fall(cx.now, why.text(&cx.settings.server_name), &cx.settings.bounds);
        if is_forgotten || !session.held.is_empty() {
            self.regreet(cx, n);
        }
    }

    /// Shakes hands again in the client's words.
    fn regreet(&mut self, cx: &mut Cx<'_>, n: SessionNo) {
        let Some(session) = self.sessions.get_mut(&n) else { return };
        let Some(initialize) = session.initialize.clone() else {
            for held in std::mem::take(&mut session.held) {
                held.fail(cx, &Failure::Forgotten);
            }
            return cx.front.forget(cx.now, n, cx.acts);
        };
        session.state = State::Greeting;
        let link = cx.link();
        let opening = Opening {
            owner: Pair::Same,
            via: cx.server.via,
            era: Era::Legacy,
            sharing: Sharing::Own,
            headers: session.headers.clone(),
        };
        session.link = link;
        cx.back.open(cx.now, link, opening, cx.acts);
        self.links.insert(link, n);
        self.send(cx, n, &Message::parse(initialize), What::Regreet);
    }

    fn regreeted(&mut self, cx: &mut Cx<'_>, n: SessionNo, message: &Message) {
        let Some(session) = self.sessions.get_mut(&n) else { return };
        if message.shape().kind == Kind::Error {
            let text = message.shape().text(Member::ErrorMessage).unwrap_or_default().into_owned();
            let failure = Failure::Broken(format!("it refused the handshake: {text}"));
            session.fall(cx.now, failure.text(&cx.settings.server_name), &cx.settings.bounds);
            for held in std::mem::take(&mut session.held) {
                held.fail(cx, &failure);
            }
            return;
        }
        session.learn(message);
        let (link, headers) = (session.link, session.headers.clone());
        cx.back.agreed(link, session.agreed);
        let initialized = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        let initialized = Message::parse(Bytes::from_static(initialized));
        cx.back.tell(cx.now, link, &initialized, Pass { headers, mirrors: Vec::new() }, cx.acts);
        let restores = session.restores(cx);
        let changes = session.changes();
        for message in restores {
            self.send(cx, n, &message, What::Restore);
        }
        self.opened(cx, n);
        // What the client knows may have changed with the server.
        for change in changes {
            cx.front.push(cx.now, n, change, cx.acts);
        }
    }

    /// A session of a process before us: over HTTP it goes on with the server's session, otherwise the server is
    /// greeted again.
    fn restored(&mut self, cx: &mut Cx<'_>, n: SessionNo, kept: &Bytes, from: &From) {
        let initialize = find(kept, &["initialize"]).map(|raw| kept.slice_ref(raw));
        let revision = find(kept, &["revision"]).map(text);
        let mut session = Session::new(LinkNo(0), from, Bytes::new());
        session.initialize = initialize;
        session.is_initialized = true;
        session.agreed = revision.as_deref().and_then(Revision::parse);
        session.state = State::Down { until: cx.now, why: String::new() };
        if let Some(id) = find(kept, &["session"]).map(text) {
            let link = cx.link();
            cx.back.restore(cx.now, link, opening(cx, from), &Bytes::from(id), cx.acts);
            cx.back.agreed(link, session.agreed);
            session.link = link;
            session.state = State::Open;
            self.links.insert(link, n);
        }
        self.sessions.insert(n, session);
    }

    pub(super) fn tick(&mut self, cx: &mut Cx<'_>) {
        let due = |session: &Session| session.restart_at().is_some_and(|at| at <= cx.now);
        let due: Vec<_> = self.sessions.iter().filter(|(_, session)| due(session)).map(|(n, _)| *n).collect();
        for n in due {
            self.regreet(cx, n);
        }
    }

    pub(super) fn deadline(&self) -> Option<Nanos> {
        // Few sessions are down at a time; none is looked at while all are up.
        self.sessions.values().filter_map(Session::restart_at).min()
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

fn opening(cx: &Cx<'_>, from: &From) -> Opening {
    Opening {
        owner: Pair::Same,
        via: cx.server.via,
        era: Era::Legacy,
        sharing: Sharing::Own,
        headers: from.headers.clone(),
    }
}

/// What the client's session id has to hold so that another process can go on: the server's session and the
/// client's handshake.
fn kept(cx: &Cx<'_>, link: LinkNo, revision: Option<Revision>, initialize: &Message) -> Bytes {
    let mut out = br#"{"pair":"same""#.to_vec();
    if let Some(revision) = revision {
        out.extend_from_slice(format!(r#","revision":"{}""#, revision.as_str()).as_bytes());
    }
    if let Some(id) = cx.back.kept(link) {
        out.extend_from_slice(br#","session":""#);
        escape_into(&id, &mut out);
        out.push(b'"');
    }
    if initialize.raw().len() <= MAX_KEPT {
        out.extend_from_slice(br#","initialize":"#);
        out.extend_from_slice(initialize.raw());
    }
    out.push(b'}');
    out.into()
}

fn text(raw: &[u8]) -> String {
    tapgate_wire::json::unescape_lossy(raw).into_owned()
}
