//! What happens during one input, and who caused it.

use std::sync::Arc;

use http::header::{AUTHORIZATION, COOKIE, HeaderName};
use http::{HeaderMap, HeaderValue};
use tapgate_wire::edge::Act;
use tapgate_wire::header::{
    LAST_EVENT_ID, METHOD, NAME, PROTOCOL_VERSION, SESSION_ID, connection_names, is_hop_by_hop,
};
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::{Id, Message, Nanos};

use super::super::number::{Principal, SessionNo};
use super::lane::LaneNo;
use super::ports::{Opens, Wait};
use super::refusal::Refusal;
use super::sessions::{Birth, Via};
use super::{From, FromClient, Front};

/// One input and what comes of it.
pub(super) struct Turn<'a> {
    pub(super) now: Nanos,
    pub(super) out: &'a mut Vec<FromClient>,
    pub(super) acts: &'a mut Vec<Act>,
}

/// Who sent a message; on the pipe nobody in particular.
#[derive(Clone, Debug, Default)]
pub(super) struct Caller {
    pub(super) principal: Principal,
    headers: Arc<HeaderMap>,
}

impl Caller {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let all = |name: &HeaderName| {
            let values: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
            values.join(&b"\n"[..])
        };
        let principal = Principal::of(&[&all(&AUTHORIZATION), &all(&COOKIE)]);
        Self { principal, headers: Arc::new(end_to_end(headers)) }
    }

    /// Whose a modern message is.
    pub(super) fn modern(&self, revision: Option<Revision>) -> From {
        From {
            era: Era::Modern,
            revision,
            session: None,
            principal: self.principal,
            headers: Arc::clone(&self.headers),
        }
    }
}

impl Front {
    /// Whose a message of a session is.
    pub(super) fn from(&self, session: SessionNo, caller: &Caller) -> From {
        From {
            era: Era::Legacy,
            revision: self.revision(session),
            session: Some(session),
            principal: caller.principal,
            headers: Arc::clone(&caller.headers),
        }
    }

    /// The revision that a session agreed on.
    pub(super) fn revision(&self, session: SessionNo) -> Option<Revision> {
        self.sessions.find(session).and_then(|session| session.revision)
    }

    /// Checks that one more request may wait, and that its id names no other one in its session or, on the pipe, of
    /// the other era: answers name nothing but ids.
    pub(super) fn admit(&self, session: Option<SessionNo>, message: &Message) -> Result<(), Refusal> {
        if !self.ports.have_room(1) {
            return Err(Refusal::full("too many requests wait for their answers"));
        }
        let id = message.shape().id.as_ref();
        let waits = |id: &Id| self.ports.named(session, id).or(self.ports.named(None, id)).is_some();
        if id.is_some_and(waits) {
            return Err(Refusal::invalid("a request with this id waits for its answer already"));
        }
        Ok(())
    }

    /// Passes a request on; its answer goes to the lane, or on a line of its own.
    pub(super) fn ask(
        &mut self,
        turn: &mut Turn<'_>,
        from: From,
        message: Message,
        lane: Option<LaneNo>,
        opens: Opens,
    ) {
        let Some(id) = message.shape().id.clone() else { return };
        if let Some(session) = from.session.and_then(|session| self.sessions.find_mut(session)) {
            session.n_waiting += 1;
        }
        let is_named = from.session.is_some() || lane.is_none();
        let listens = message.shape().method().as_deref() == Some("subscriptions/listen");
        let wait =
            Wait { id, session: from.session, lane, principal: from.principal, opens, is_named, listens };
        let port = self.ports.insert(wait);
        turn.out.push(FromClient::Asked { port, from, message });
    }

    /// Says once that the client of a session can be pushed to.
    pub(super) fn listens(&mut self, turn: &mut Turn<'_>, session: SessionNo) {
        if let Some(state) = self.sessions.find_mut(session)
            && !std::mem::replace(&mut state.listens, true)
        {
            turn.out.push(FromClient::Listens { session });
        }
    }

    /// Begins a session, for which the quietest one may have to end.
    pub(super) fn begin_session(
        &mut self,
        turn: &mut Turn<'_>,
        via: Via,
        born: Option<Birth>,
    ) -> Result<SessionNo, Refusal> {
        let full = |()| Refusal::full("too many sessions are open");
        if let Some(session) = self.sessions.make_room().map_err(full)? {
            self.end_session(turn.now, session, false, turn.acts);
            turn.out.push(FromClient::Closed { session });
        }
        Ok(self.sessions.begin(turn.now, via, self.lanes.tag, born))
    }

    /// Ends a session, the requests that wait in it, and its streams.
    pub(super) fn end_session(
        &mut self,
        now: Nanos,
        session: SessionNo,
        for_good: bool,
        acts: &mut Vec<Act>,
    ) {
        let ended = Refusal::new(http::StatusCode::NOT_FOUND, super::refusal::INTERNAL, "the session ended");
        for port in self.ports.of(session) {
            let Some(wait) = self.ports.take(port) else { continue };
            self.deliver(now, &wait, (ended.status, HeaderMap::new(), ended.json(Some(&wait.id))), acts);
        }
        self.lanes.end_all(session, acts);
        self.sessions.end(session, for_good);
        if self.pipe == Some(session) {
            self.pipe = None;
        }
    }
}

/// The headers that concern the server: not those of this hop, of the body, or of MCP's transport.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    const OURS: [HeaderName; 5] = [SESSION_ID, PROTOCOL_VERSION, METHOD, NAME, LAST_EVENT_ID];
    let listed: Vec<_> = connection_names(headers).collect();
    let passes = |name: &HeaderName| {
        !(is_hop_by_hop(name)
            || matches!(name.as_str(), "host" | "origin" | "expect" | "trailer")
            || name.as_str().starts_with("content-")
            || name.as_str().starts_with("accept")
            || OURS.contains(name)
            || listed.contains(name))
    };
    let kept = headers.iter().filter(|(name, _)| passes(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}
