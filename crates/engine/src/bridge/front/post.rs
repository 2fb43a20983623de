//! Streamable HTTP: one path for POST, and for sessions also GET and DELETE.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tapgate_wire::edge::Act;
use tapgate_wire::header::{LAST_EVENT_ID, RequestHead, SESSION_ID};
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::{Kind, Message, StreamId};

use super::super::number::SessionNo;
use super::super::seal::Seal;
use super::lane::{LaneNo, Resume, Style};
use super::ports::Opens;
use super::refusal::{INVALID, Refusal};
use super::sessions::{self, Phase, Via};
use super::{Caller, FromClient, Front, Turn, check};

impl Front {
    /// Hears a request on the path of Streamable HTTP.
    pub(super) fn streamable(
        &mut self,
        turn: &mut Turn<'_>,
        stream: StreamId,
        head: &RequestHead,
        body: Bytes,
        seal: &Seal,
    ) {
        let caller = Caller::of(&head.headers);
        let mut id = None;
        let taken = match head.method {
            Method::POST => {
                let message = Message::parse(body);
                id = message.shape().id.clone().filter(|_| message.shape().kind == Kind::Request);
                self.post(turn, stream, &head.headers, &caller, message, seal)
            }
            // Spec 2026-07-28, basic/transports/streamable-http, Earlier Streamable HTTP Revisions.
            _ if self.era.map_or(check::is_modern(&head.headers), |era| era == Era::Modern) => {
                Err(Refusal::method("POST", "2026-07-28 is served by POST only"))
            }
            Method::GET => self.listen(turn, stream, &head.headers, &caller, seal),
            Method::DELETE => self.delete(turn, stream, &head.headers, &caller, seal),
            _ => Err(Refusal::method("GET, POST, DELETE", "only GET, POST and DELETE are served here")),
        };
        if let Err(refusal) = taken {
            turn.acts.push(refusal.respond(stream, id.as_ref()));
        }
    }

    fn post(
        &mut self,
        turn: &mut Turn<'_>,
        stream: StreamId,
        headers: &HeaderMap,
        caller: &Caller,
        message: Message,
        seal: &Seal,
    ) -> Result<(), Refusal> {
        check::media(headers)?;
        check::form(&message)?;
        if check::era(&message, Some(headers), self.era) == Era::Modern {
            return self.post_modern(turn, stream, headers, caller, message);
        }
        check::legacy_version(headers)?;
        let kind = message.shape().kind;
        if kind == Kind::Request && message.shape().method().as_deref() == Some("initialize") {
            self.admit(None, &message)?;
            let session = self.begin_session(turn, Via::Http, None)?;
            if let Some(session) = self.sessions.find_mut(session) {
                session.phase = Phase::Opening;
            }
            let style = Style::Legacy { primes: false };
            let lane = self.lanes.open(turn.now, style, Some(session), Some(stream), 1, None);
            self.ask(turn, self.from(session, caller), message, Some(lane), Opens::Session);
            return Ok(());
        }
        let session = self.session(turn, headers, caller, seal)?;
        match kind {
            Kind::Batch => {
                let lane = self.batch(turn, session, caller, &message, Some(stream))?;
                self.begin_late(turn, lane, headers);
            }
            Kind::Request => {
                self.admit(Some(session), &message)?;
                let primes = self.revision(session) >= Some(Revision::V2025_11_25)
                    && check::takes_events(headers).is_ok();
                let style = Style::Legacy { primes };
                let lane = self.lanes.open(turn.now, style, Some(session), Some(stream), 1, None);
                self.begin_late(turn, lane, headers);
                self.ask(turn, self.from(session, caller), message, Some(lane), Opens::Nothing);
            }
            _ => {
                turn.acts.push(accepted(stream));
                turn.out.push(FromClient::Told { from: self.from(session, caller), message });
            }
        }
        Ok(())
    }

    /// Spec 2026-07-28, basic/transports/streamable-http, Server Validation; what follows these checks needs to know
    /// methods and tools.
    fn post_modern(
        &mut self,
        turn: &mut Turn<'_>,
        stream: StreamId,
        headers: &HeaderMap,
        caller: &Caller,
        message: Message,
    ) -> Result<(), Refusal> {
        match message.shape().kind {
            Kind::Request => {
                let revision = check::meta(&message)?;
                check::version(headers, &revision)?;
                let revision = check::served(&message, &revision)?;
                check::mirrors(headers, &message)?;
                self.admit(None, &message)?;
                let lane = self.lanes.open(turn.now, Style::Modern, None, Some(stream), 1, None);
                self.begin_late(turn, lane, headers);
                self.ask(turn, caller.modern(Some(revision)), message, Some(lane), Opens::Nothing);
            }
            Kind::Notification => {
                turn.acts.push(accepted(stream));
                turn.out.push(FromClient::Told { from: caller.modern(check::named(&message)), message });
            }
            _ => return Err(Refusal::invalid("2026-07-28 takes one request or notification in a POST")),
        }
        Ok(())
    }

    /// Opens the stream on which a session is pushed to, or resumes one.
    fn listen(
        &mut self,
        turn: &mut Turn<'_>,
        stream: StreamId,
        headers: &HeaderMap,
        caller: &Caller,
        seal: &Seal,
    ) -> Result<(), Refusal> {
        check::takes_events(headers)?;
        check::legacy_version(headers)?;
        let session = self.session(turn, headers, caller, seal)?;
        let last = headers.get(LAST_EVENT_ID).map(|last| last.as_bytes().trim_ascii());
        let resume = last.map_or(Resume::Unknown, |last| self.lanes.resume(session, last));
        let push = LaneNo::push(session);
        let (lane, after) = match resume {
            Resume::After(lane, after) => (lane, Some(after)),
            Resume::Unknown => (push, None),
            Resume::Lost => {
                return Err(Refusal::invalid("the events after Last-Event-ID are not kept any more"));
            }
        };
        if lane == push {
            self.lanes.push_lane(turn.now, session, Style::Push);
        }
        self.lanes.attach(turn.now, lane, stream, after, turn.acts);
        if lane == push {
            self.listens(turn, session);
        }
        Ok(())
    }

    fn delete(
        &mut self,
        turn: &mut Turn<'_>,
        stream: StreamId,
        headers: &HeaderMap,
        caller: &Caller,
        seal: &Seal,
    ) -> Result<(), Refusal> {
        check::legacy_version(headers)?;
        let session = self.session(turn, headers, caller, seal)?;
        self.end_session(turn.now, session, true, turn.acts);
        turn.out.push(FromClient::Closed { session });
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        turn.acts.push(Act::Respond { stream, status: 200, headers, body });
        Ok(())
    }

    /// The session that a request names; one that only its id remembers begins again.
    ///
    /// Spec 2025-11-25, basic/transports, Session Management: 400 without an id, 404 for one that is not known.
    fn session(
        &mut self,
        turn: &mut Turn<'_>,
        headers: &HeaderMap,
        caller: &Caller,
        seal: &Seal,
    ) -> Result<SessionNo, Refusal> {
        let mut ids = headers.get_all(SESSION_ID).iter();
        let Some(id) = ids.next() else {
            let says = "send initialize first and Mcp-Session-Id with all that follows, or, with 2026-07-28, \
                        params._meta with each request";
            return Err(Refusal::invalid(says));
        };
        let unknown =
            || Refusal::new(StatusCode::NOT_FOUND, INVALID, "the session is not known: initialize again");
        let id = id.to_str().ok().filter(|_| ids.next().is_none()).ok_or_else(unknown)?;
        let sealed = sessions::read(turn.now, id, caller.principal, seal).ok_or_else(unknown)?;
        if let Some(no) = self.sessions.born(sealed.birth) {
            // A session that lives needs its id for its name only, however old that is.
            let is_http = self.sessions.find(no).is_some_and(|session| session.via == Via::Http);
            self.sessions.touch(turn.now, no);
            return is_http.then_some(no).ok_or_else(unknown);
        }
        let restores = sealed.is_good && !self.sessions.has_ended(sealed.birth);
        let kept = sealed.kept.filter(|_| restores).ok_or_else(unknown)?;
        let session = self.begin_session(turn, Via::Http, Some(sealed.birth))?;
        if let Some(state) = self.sessions.find_mut(session) {
            (state.phase, state.revision) = (Phase::Open, sealed.revision);
        }
        turn.out.push(FromClient::Restored { session, kept, from: self.from(session, caller) });
        Ok(session)
    }

    /// Lets the answer to a POST begin before it is there, if its client takes events.
    fn begin_late(&mut self, turn: &Turn<'_>, lane: LaneNo, headers: &HeaderMap) {
        if check::takes_events(headers).is_ok() {
            self.lanes.begin_late(turn.now, lane, self.bounds.keep_alive);
        }
    }
}

/// The answer to a POST that asks nothing.
pub(super) fn accepted(stream: StreamId) -> Act {
    Act::Respond { stream, status: 202, headers: HeaderMap::new(), body: Bytes::new() }
}
