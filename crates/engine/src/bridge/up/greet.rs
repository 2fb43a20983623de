//! The handshake, and what is remembered of a session.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tapgate_wire::json::{find, unescape_lossy};
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::{Id, Member};
use tapgate_wire::{Kind, Message};

use super::diary::{Due, after};
use super::listen::Ears;
use super::{Purpose, Up, blame, refuse, reply, tell_failure};
use crate::bridge::back::{Failure, Pass};
use crate::bridge::cx::Cx;
use crate::bridge::failure::INTERNAL;
use crate::bridge::front::From;
use crate::bridge::number::{CallNo, Pair, Port, SessionNo};
use crate::bridge::translate::fall;
use crate::bridge::translate::rise::client::{self, Profile};

/// The revision that is agreed with a client that offers none that the bridge knows.
const NEWEST_LEGACY: Revision = Revision::V2025_11_25;

/// A legacy session of a client.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) revision: Revision,
    pub(super) profile: Profile,
    /// The headers of its latest message, for what no message of it causes.
    pub(super) headers: Arc<HeaderMap>,
    /// Its `initialize`, while the server is asked who it is.
    pub(super) greeting: Option<Greeting>,
    /// Its requests that wait.
    pub(super) ports: BTreeSet<Port>,
    /// Whether its client was offered tasks (2025-11-25).
    pub(super) has_tasks: bool,
    /// What its client was asked, and for which of its requests.
    pub(super) asks: HashMap<Id, Port>,
    pub(super) ears: Ears,
}

/// An `initialize` that waits for `server/discover`.
#[derive(Debug)]
pub(super) struct Greeting {
    pub(super) port: Port,
    pub(super) id: Option<Id>,
    pub(super) call: CallNo,
}

impl Session {
    fn new(revision: Revision, profile: Profile, from: &From) -> Self {
        Self {
            revision,
            profile,
            headers: Arc::clone(&from.headers),
            greeting: None,
            ports: BTreeSet::new(),
            has_tasks: false,
            asks: HashMap::new(),
            ears: Ears::default(),
        }
    }

    /// What the session is made of again, as compact as it can be: it travels in the session's id.
    fn kept(&self) -> Bytes {
        let mut out = format!(r#"{{"revision":"{}","capabilities":"#, self.revision.as_str()).into_bytes();
        out.extend_from_slice(&self.profile.capabilities);
        if let Some(client) = &self.profile.client {
            out.extend_from_slice(b",\"clientInfo\":");
            out.extend_from_slice(client);
        }
        if self.has_tasks {
            out.extend_from_slice(b",\"tasks\":true");
        }
        out.push(b'}');
        out.into()
    }
}

impl Up {
    /// Answers `initialize`, if need be after asking the server who it is.
    ///
    /// Spec 2025-11-25, basic/lifecycle, Version Negotiation.
    pub(super) fn greet(&mut self, cx: &mut Cx<'_>, port: Port, from: &From, message: &Message) {
        let id = message.shape().id.as_ref();
        let Some(number) = from.session else {
            return refuse(cx, port, id, INTERNAL, "no session can be opened here");
        };
        if self.sessions.contains_key(&number) {
            return refuse(cx, port, id, -32600, "the session is initialized already");
        }
        let offered = message.shape().text(Member::OfferedRevision);
        let offered =
            offered.and_then(|name| Revision::parse(&name)).filter(|offered| offered.era() == Era::Legacy);
        let revision = offered.unwrap_or(NEWEST_LEGACY);
        let mut session = Session::new(revision, Profile::of(message, revision), from);
        let Some(modern) = &cx.server.modern else {
            let text = format!("`{}` is not known yet", cx.settings.server_name);
            return blame(cx, port, id, &text);
        };
        let is_known = modern.known_to(&from.headers).is_some();
        let (link, spoken) = (modern.link, modern.revision);
        let call = cx.call(Pair::Up);
        session.greeting = Some(Greeting { port, id: id.cloned(), call });
        if !is_known {
            let discover = client::own("server/discover", "{}", cx.number(), &session.profile, spoken);
            let pass = Pass { headers: Arc::clone(&session.headers), mirrors: Vec::new() };
            self.calls.insert(call, Purpose::Greet(number));
            self.diary.set(Due::Greet(number), after(cx.now, cx.settings.bounds.probe));
            cx.back.ask(cx.now, link, call, &discover, pass, cx.acts);
        }
        self.sessions.insert(number, session);
        if is_known {
            self.welcome(cx, number);
        }
    }

    /// The server said who it is.
    pub(super) fn discovered(&mut self, cx: &mut Cx<'_>, number: SessionNo, message: &Message) {
        if message.shape().kind == Kind::Result {
            let headers = self.sessions.get(&number).map(|session| Arc::clone(&session.headers));
            if let (Some(modern), Some(headers)) = (&mut cx.server.modern, headers) {
                modern.discover = Some(message.clone());
                modern.headers = headers;
            }
            return self.welcome(cx, number);
        }
        if let Some(Greeting { port, id, .. }) = self.turn_away(cx, number) {
            let said = message.shape().text(Member::ErrorMessage);
            let (name, said) = (&cx.settings.server_name, said.as_deref().unwrap_or("no reason given"));
            let text = format!("`{name}` does not say who it is: {said}");
            blame(cx, port, id.as_ref(), &text);
        }
    }

    /// The server did not say who it is.
    pub(super) fn unreached(&mut self, cx: &mut Cx<'_>, number: SessionNo, failure: &Failure) {
        if let Some(Greeting { port, id, .. }) = self.turn_away(cx, number) {
            tell_failure(cx, port, id.as_ref(), failure);
        }
    }

    /// The server does not answer who it is, and the client waits.
    pub(super) fn undiscovered(&mut self, cx: &mut Cx<'_>, number: SessionNo) {
        let greeting = self.sessions.get(&number).and_then(|session| session.greeting.as_ref());
        let Some(call) = greeting.map(|greeting| greeting.call) else { return };
        self.calls.remove(&call);
        cx.back.cancel(cx.now, call, None, cx.acts);
        let why = format!("`{}` did not say in time who it is", cx.settings.server_name);
        self.unreached(cx, number, &Failure::Broken(why));
    }

    /// Ends a session that never began.
    fn turn_away(&mut self, cx: &mut Cx<'_>, number: SessionNo) -> Option<Greeting> {
        let greeting = self.sessions.get_mut(&number)?.greeting.take();
        self.closed(cx, number);
        greeting
    }

    fn welcome(&mut self, cx: &mut Cx<'_>, number: SessionNo) {
        self.diary.clear(Due::Greet(number));
        let Some(session) = self.sessions.get_mut(&number) else { return };
        let Some(greeting) = session.greeting.take() else { return };
        let Some(discover) = cx.server.modern.as_ref().and_then(|modern| modern.discover.as_ref()) else {
            return;
        };
        session.has_tasks = session.revision == Revision::V2025_11_25 && fall::server::offers_tasks(discover);
        let name = &cx.settings.server_name;
        let answer = fall::server::initialize(greeting.id.as_ref(), discover, session.revision, name);
        cx.front.open(cx.now, greeting.port, Some(session.revision), &session.kept(), cx.seal);
        reply(cx, greeting.port, answer);
    }

    /// Builds a session again from what [`Session::kept`] said, perhaps in another process. What the client said later
    /// is lost with the process that heard it: the log level, and which resources it follows.
    pub(super) fn restored(&mut self, number: SessionNo, kept: &Bytes, from: &From) {
        let raw = |name: &str| find(kept, &[name]).map(|value| kept.slice_ref(value));
        let revision = raw("revision").and_then(|name| Revision::parse(&unescape_lossy(&name)));
        let profile = Profile {
            capabilities: raw("capabilities").unwrap_or_else(|| Bytes::from_static(b"{}")),
            client: raw("clientInfo"),
            log_level: None,
        };
        let mut session = Session::new(revision.unwrap_or(NEWEST_LEGACY), profile, from);
        session.has_tasks = raw("tasks").as_deref() == Some(b"true");
        self.sessions.entry(number).or_insert(session);
    }
}

/// Whether the server declares the capability at a path; `None` while it did not say what it can.
pub(super) fn offers(cx: &Cx<'_>, path: &[&str]) -> Option<bool> {
    let discover = cx.server.modern.as_ref()?.discover.as_ref()?;
    let value = discover.shape().inside(Member::ServerCapabilities, path);
    Some(value.is_some_and(|raw| raw.starts_with(b"{") || *raw == *b"true"))
}
