//! HTTP: many sessions at once, found by what requests and answers say.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::header::USER_AGENT;
use tapgate_wire::header::{RequestHead, SESSION_ID};
use tapgate_wire::record::{Era, Transport};
use tapgate_wire::shape::Member;
use tapgate_wire::stream::Ending;
use tapgate_wire::{Leg, Nanos, Shape, StreamId};

use super::Source;
use super::endpoint::{endpoint_of, names_endpoint};
use super::routes::Route;
use crate::input::{Action, Input};
use crate::session::{Session, era_of_head, header, is_event_stream, is_initialize};
use crate::track::{Failures, digest, era_of, object_text};

/// Streams that ended of which it is remembered whose they were.
const MAX_PARTED: usize = 64;

/// Which session an HTTP stream belongs to.
#[derive(Debug)]
pub(super) enum Belongs {
    Session(u64),
    Undecided(Undecided),
}

/// Nothing says yet whose stream it is; what was heard waits.
#[derive(Debug)]
pub(super) struct Undecided {
    asked: Arc<RequestHead>,
    /// The answer is a stream of events, and the first one will tell.
    awaits_event: bool,
    /// The heads and the end of the request: never more than three inputs.
    held: Vec<(Nanos, Input)>,
}

impl Source {
    pub(super) fn asked(
        &mut self,
        now: Nanos,
        stream: StreamId,
        head: &Arc<RequestHead>,
        actions: &mut Vec<Action>,
    ) {
        if self.streams.len() >= self.limits.streams
            && let Some((&oldest, _)) = self.streams.first_key_value()
        {
            self.forget_stream(now, oldest, actions);
        }
        let n = self.named_session(now, head, actions);
        let input = Input::Asked { stream, head: head.clone() };
        if let Some(n) = n {
            self.streams.insert(stream, Belongs::Session(n));
            self.hear(n, now, input, actions);
            return;
        }
        let undecided = Undecided { asked: head.clone(), awaits_event: false, held: vec![(now, input)] };
        self.streams.insert(stream, Belongs::Undecided(undecided));
        // A POST is decided by its message, a GET by the first event of its answer.
        if head.method != Method::POST && head.method != Method::GET {
            let n = self.agent_session(now, head, actions);
            self.decide(stream, n, actions);
        }
    }

    /// The session that a legacy request names by header or by the URI of a 2024-11-05 endpoint.
    fn named_session(&mut self, now: Nanos, head: &RequestHead, actions: &mut Vec<Action>) -> Option<u64> {
        let uri = head.uri.path_and_query().map_or("/", |uri| uri.as_str());
        if head.method == Method::POST
            && let Some(n) = self.routes.find(&Route::Endpoint(uri.as_bytes()))
        {
            return Some(n);
        }
        let id = header(&head.headers, SESSION_ID).filter(|id| id.len() <= self.limits.id)?;
        // Spec 2026-07-28, streamable-http: a modern request ignores a session id.
        if era_of_head(head) == Era::Modern {
            return None;
        }
        if let Some(n) = self.routes.find(&Route::Id(id)) {
            return Some(n);
        }
        let n = self.open(now, Transport::Http, Some(Bytes::copy_from_slice(id)), actions);
        // It began before it was observed.
        self.with(n, actions, |session, _| session.tracker().lose());
        self.routes.add(&Route::Id(id), n);
        self.routes.add(&agent(head), n);
        Some(n)
    }

    pub(super) fn on_stream(
        &mut self,
        now: Nanos,
        stream: StreamId,
        input: Input,
        actions: &mut Vec<Action>,
    ) {
        let n = match self.streams.get(&stream) {
            Some(Belongs::Session(n)) => *n,
            Some(Belongs::Undecided(undecided)) => {
                let (head, awaits_event) = (undecided.asked.clone(), undecided.awaits_event);
                let Some(n) = self.session_for(now, &head, awaits_event, &input, actions) else {
                    self.hold(now, stream, input);
                    return;
                };
                self.decide(stream, n, actions);
                n
            }
            // Its head was lost, so nothing says whose it is.
            None => self.pipes_session(now, stream, actions),
        };
        self.bind(stream, n, &input, actions);
        let is_end = matches!(input, Input::Closed { .. });
        self.hear(n, now, input, actions);
        if is_end && !self.sessions.get(&n).is_some_and(|session| session.has_stream(stream)) {
            self.streams.remove(&stream);
            if self.parted.len() >= MAX_PARTED {
                self.parted.pop_front();
            }
            self.parted.push_back((stream, n));
        }
    }

    /// Decides every stream that waits, because nothing more will come.
    pub(super) fn decide_all(&mut self, now: Nanos, actions: &mut Vec<Action>) {
        let undecided: Vec<(StreamId, Arc<RequestHead>)> = self
            .streams
            .iter()
            .filter_map(|(stream, belongs)| match belongs {
                Belongs::Undecided(undecided) => Some((*stream, undecided.asked.clone())),
                Belongs::Session(_) => None,
            })
            .collect();
        for (stream, head) in undecided {
            let n = self.agent_session(now, &head, actions);
            self.decide(stream, n, actions);
        }
    }

    /// Lets a session hear what waited for the decision.
    fn decide(&mut self, stream: StreamId, n: u64, actions: &mut Vec<Action>) {
        if let Some(Belongs::Undecided(undecided)) = self.streams.insert(stream, Belongs::Session(n)) {
            for (then, input) in undecided.held {
                self.hear(n, then, input, actions);
            }
        }
    }

    fn hold(&mut self, now: Nanos, stream: StreamId, input: Input) {
        if let Some(Belongs::Undecided(undecided)) = self.streams.get_mut(&stream) {
            undecided.awaits_event |= matches!(input, Input::Answered { .. });
            undecided.held.push((now, input));
        }
    }

    /// Gives up a stream whose end was never heard, as if it had been cut.
    fn forget_stream(&mut self, now: Nanos, stream: StreamId, actions: &mut Vec<Action>) {
        for from in [Leg::Client, Leg::Server] {
            self.on_stream(now, stream, Input::Closed { stream, from, how: Ending::Cut }, actions);
        }
        self.streams.remove(&stream);
    }

    /// The session of an undecided stream, `None` while nothing says whose it is.
    fn session_for(
        &mut self,
        now: Nanos,
        head: &RequestHead,
        awaits_event: bool,
        input: &Input,
        actions: &mut Vec<Action>,
    ) -> Option<u64> {
        let is_get = head.method == Method::GET;
        match input {
            Input::Message { from: Leg::Client, message, .. } => {
                let shape = message.shape();
                // The parts of a batch come from one client.
                let shape = shape.parts.first().map_or(shape, |part| part.shape());
                Some(self.session_of_message(now, head, shape, actions))
            }
            Input::Answered { head: response, .. }
                if is_get && is_event_stream(response) && !awaits_event =>
            {
                None
            }
            // The end of a GET's request says nothing about its answer.
            Input::Closed { from: Leg::Client, how: Ending::Clean, .. } if is_get => None,
            input => match endpoint_of(input, &head.uri).filter(|_| awaits_event) {
                Some(endpoint) => Some(self.endpoint_session(now, head, &endpoint, actions)),
                None => Some(self.agent_session(now, head, actions)),
            },
        }
    }

    fn session_of_message(
        &mut self,
        now: Nanos,
        head: &RequestHead,
        shape: &Shape,
        actions: &mut Vec<Action>,
    ) -> u64 {
        let latest = self.latest(head);
        if era_of_head(head) == Era::Modern || era_of(shape).is_some() {
            let client = shape.raw(Member::MetaClient).map_or(&[][..], |raw| raw.as_ref());
            let identity = Route::Identity(digest(&[client, user_agent(head)]));
            if let Some(n) = self.live(&identity) {
                return n;
            }
            let blank = latest.filter(|n| self.is_blank(*n));
            let n = blank.unwrap_or_else(|| self.open(now, Transport::Http, None, actions));
            self.routes.add(&identity, n);
            self.routes.add(&agent(head), n);
            return n;
        }
        if !is_initialize(shape) {
            return self.agent_session(now, head, actions);
        }
        let retried = latest.filter(|n| self.may_greet(*n));
        let gone = if retried.is_none() { self.gone(now, head, shape) } else { None };
        let n = retried.unwrap_or_else(|| self.open(now, Transport::Http, None, actions));
        if let (Some(failures), Some(session)) = (gone, self.sessions.get_mut(&n)) {
            session.tracker().inherit(failures);
        }
        self.routes.add(&agent(head), n);
        n
    }

    /// What failed in the latest session of the same client, if the server forgot that a moment ago.
    fn gone(&mut self, now: Nanos, head: &RequestHead, shape: &Shape) -> Option<Failures> {
        let n = self.routes.find(&agent(head))?;
        let within = self.limits.retry_within;
        let most = self.limits.text;
        let session = self.sessions.get_mut(&n).filter(|session| session.is_ended())?;
        let name = shape.raw(Member::ClientInfo).map(|raw| object_text(raw, "name", most));
        let is_same = session.client_name() == name.as_ref() && now.since(session.heard()) <= within;
        if is_same { session.leave() } else { None }
    }

    /// The session of a 2024-11-05 event stream; two streams with one endpoint cannot be told apart.
    fn endpoint_session(
        &mut self,
        now: Nanos,
        head: &RequestHead,
        endpoint: &[u8],
        actions: &mut Vec<Action>,
    ) -> u64 {
        if let Some(n) = self.live(&Route::Endpoint(endpoint)) {
            return n;
        }
        // A client that was refused over Streamable HTTP comes back this way.
        let latest = self.latest(head).filter(|n| self.may_greet(*n));
        let n = latest.unwrap_or_else(|| self.open(now, Transport::Sse, None, actions));
        self.routes.add(&agent(head), n);
        n
    }

    /// Whether a handshake would be the session's first, or repeats one that failed.
    fn may_greet(&mut self, n: u64) -> bool {
        self.sessions
            .get_mut(&n)
            .is_some_and(|session| session.is_fresh() && session.era() != Some(Era::Modern))
    }

    /// Whether nothing but plain HTTP happened in a session.
    fn is_blank(&mut self, n: u64) -> bool {
        self.sessions.get_mut(&n).is_some_and(|session| session.is_fresh() && session.era().is_none())
    }

    /// The latest session of the same user agent, for requests that name none: discovery, logins, servers without sessions.
    fn agent_session(&mut self, now: Nanos, head: &RequestHead, actions: &mut Vec<Action>) -> u64 {
        let n = match self.latest(head) {
            Some(n) => n,
            None => self.open(now, Transport::Http, None, actions),
        };
        self.routes.add(&agent(head), n);
        n
    }

    /// The latest session of a user agent; else the one that heard the server's process before any client.
    fn latest(&mut self, head: &RequestHead) -> Option<u64> {
        if let Some(n) = self.live(&agent(head)) {
            return Some(n);
        }
        let (_, pipes) = self.pipes.pop_first()?;
        Some(pipes.current).filter(|n| self.is_blank(*n))
    }

    fn live(&self, route: &Route<'_>) -> Option<u64> {
        let n = self.routes.find(route)?;
        self.sessions.get(&n).filter(|session| !session.is_ended()).map(Session::n)
    }

    /// Names a session by what its handshake's answer or its event stream says.
    fn bind(&mut self, stream: StreamId, n: u64, input: &Input, actions: &mut Vec<Action>) {
        let Some(session) = self.sessions.get(&n) else {
            return;
        };
        let (key, transport) = match input {
            Input::Answered { head, .. } if session.is_handshake(stream) => {
                let id = header(&head.headers, SESSION_ID);
                (id.map(Bytes::copy_from_slice), Transport::Http)
            }
            input if names_endpoint(input) => {
                let endpoint = session.event_uri(stream).and_then(|uri| endpoint_of(input, &uri));
                (endpoint.map(Bytes::from), Transport::Sse)
            }
            _ => return,
        };
        let Some(key) = key.filter(|key| key.len() <= self.limits.id) else {
            return;
        };
        match transport {
            Transport::Sse if session.key().is_some_and(|own| *own != key) => return,
            Transport::Sse => self.routes.add(&Route::Endpoint(&key), n),
            _ => self.routes.add(&Route::Id(&key), n),
        }
        self.with(n, actions, |session, ledger| {
            session.bind(key, transport, stream, ledger);
        });
    }
}

fn user_agent(head: &RequestHead) -> &[u8] {
    header(&head.headers, USER_AGENT).unwrap_or_default()
}

fn agent(head: &RequestHead) -> Route<'static> {
    Route::Agent(digest(&[user_agent(head)]))
}
