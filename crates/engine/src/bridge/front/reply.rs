//! What goes back to clients.

use bytes::Bytes;
use http::HeaderMap;
use http::header::HeaderValue;
use tapgate_wire::Nanos;
use tapgate_wire::edge::Act;
use tapgate_wire::header::{SESSION_ID, connection_names, is_hop_by_hop};
use tapgate_wire::json::find;
use tapgate_wire::revision::Revision;
use tapgate_wire::{Kind, Message};

use super::super::failure;
use super::super::number::{Port, SessionNo};
use super::super::seal::Seal;
use super::lane::{LaneNo, Style};
use super::ports::{Opens, Wait};
use super::refusal::INTERNAL;
use super::sessions::{Phase, Via};
use super::{Answer, Front, frame};

/// How much of a body that is no JSON-RPC is told in an error.
const EXCERPT: usize = 500;

impl Front {
    /// Says that the `initialize` on `port` succeeds: the session is agreed on `revision` and keeps `kept`, which is
    /// sealed into its id. Call it before [`Front::answer`].
    pub fn open(
        &mut self,
        now: Nanos,
        port: Port,
        revision: Option<Revision>,
        kept: &Bytes,
        seal: &mut Seal,
    ) {
        let Some(wait) = self.ports.find_mut(port).filter(|wait| wait.opens == Opens::Session) else {
            return;
        };
        let Some(no) = wait.session else { return };
        let Some(session) = self.sessions.find_mut(no) else { return };
        session.revision = revision;
        let mut header = None;
        if session.via == Via::Http {
            let age = self.bounds.session_age;
            let id = self.sessions.id(now, no, Some(kept), wait.principal, age, seal);
            header = id.and_then(|id| HeaderValue::try_from(id).ok());
            if let Some(id) = &mut header {
                // Who has the id has the session.
                id.set_sensitive(true);
            }
        }
        wait.opens = Opens::Agreed(header);
    }

    /// Answers the request on `port`, which ends with this; nothing happens when nobody waits there any more.
    pub fn answer(&mut self, now: Nanos, port: Port, answer: Answer, acts: &mut Vec<Act>) {
        let Some(wait) = self.take(now, port) else { return };
        // Some servers write the member that does not apply as null.
        let error = find(&answer.bytes, &["error"]).filter(|error| *error != b"null");
        let code = error.and_then(|error| find(error, &["code"]));
        let usual = if wait.session.is_none() { status(code) } else { 200 };
        let status = answer.status.filter(|status| has_body(*status)).unwrap_or(usual);
        let mut headers = passing(answer.headers);
        let agreed = match &wait.opens {
            Opens::Agreed(id) if error.is_none() => {
                headers.extend(id.clone().map(|id| (SESSION_ID, id)));
                true
            }
            _ => false,
        };
        self.deliver(now, &wait, (status, headers, answer.bytes), acts);
        self.opened(now, &wait, agreed, acts);
    }

    /// Refuses the HTTP request that brought `port` with an answer that is not JSON-RPC, such as the server's 401;
    /// on stdio the body becomes the message of an error.
    pub fn refuse(
        &mut self,
        now: Nanos,
        port: Port,
        status: u16,
        headers: HeaderMap,
        body: Bytes,
        acts: &mut Vec<Act>,
    ) {
        let Some(wait) = self.take(now, port) else { return };
        if let Some(lane) = wait.lane.filter(|lane| self.lanes.is_bare(*lane)) {
            let status = if has_body(status) { status } else { 502 };
            self.lanes.refuse(lane, (status, passing(headers), body), acts);
        } else {
            let end = body.len().min(EXCERPT);
            let excerpt = String::from_utf8_lossy(body.get(..end).unwrap_or_default());
            let colon = if excerpt.is_empty() { "" } else { ": " };
            let says = format!("`{}` answered with HTTP status {status}{colon}{excerpt}", self.server_name);
            let error =
                failure::error(Some(&wait.id), INTERNAL, &says, Some(&failure::upstream(&self.server_name)));
            self.deliver(now, &wait, (200, HeaderMap::new(), error), acts);
        }
        self.opened(now, &wait, false, acts);
    }

    /// Sends a notification or a request that concerns no request to the client of a legacy session. Kept for
    /// replay, within bounds, while the client has no stream open.
    pub fn push(&mut self, now: Nanos, session: SessionNo, bytes: Bytes, acts: &mut Vec<Act>) {
        let Some(state) = self.sessions.find(session) else { return };
        let push = LaneNo::push(session);
        let is_request = || Message::parse(bytes.clone()).shape().kind == Kind::Request;
        match state.via {
            Via::Pipe => acts.push(Act::Line(frame::line(bytes))),
            Via::Http if state.phase == Phase::Open && !self.lanes.is_open(push) && is_request() => {
                // What nobody waits for can wait for a listener; the answer to a request somebody waits for.
                let lane = self.lanes.oldest(session);
                let lane = lane.unwrap_or_else(|| self.lanes.push_lane(now, session, Style::Push));
                self.lanes.say(now, lane, &bytes, acts);
            }
            Via::Http | Via::Sse => {
                let lane = self.lanes.push_lane(now, session, Style::Push);
                self.lanes.say(now, lane, &bytes, acts);
            }
        }
    }

    /// Sends a notification or a request that concerns the request on `port`, before its answer.
    pub fn aside(&mut self, now: Nanos, port: Port, bytes: Bytes, acts: &mut Vec<Act>) {
        let Some(wait) = self.ports.find(port) else { return };
        let (lane, session) = (wait.lane, wait.session);
        // The head of the answer to `initialize` tells the session's id, so nothing can be said before it. Where
        // nobody listens and nobody can resume, the session's own stream is the only way to its client.
        let is_early = wait.opens != Opens::Nothing;
        match (lane, session) {
            (Some(lane), Some(session)) if is_early || !self.lanes.reaches(lane) => {
                self.push(now, session, bytes, acts);
            }
            _ => self.send(now, lane, bytes, acts),
        }
    }

    /// The server closed the stream of a call whose answer is still to come (2025-11-25, polling): a client of that
    /// revision is told to come back after `retry` milliseconds, any other one just waits.
    pub fn pause(&mut self, now: Nanos, port: Port, retry: Option<u64>, acts: &mut Vec<Act>) {
        if let Some(lane) = self.ports.find(port).and_then(|wait| wait.lane) {
            self.lanes.pause(now, lane, retry, acts);
        }
    }

    /// Forgets the request on `port` because its client cancelled it: nothing more is sent for it. Its POST, if it
    /// came by one, ends with the next input. `initialize` cannot be cancelled and stays.
    pub fn drop_port(&mut self, port: Port) {
        // Spec 2025-11-25, basic/utilities/cancellation, Behavior Requirements.
        if self.ports.find(port).is_some_and(|wait| wait.opens != Opens::Nothing) {
            return;
        }
        let wait = self.ports.take(port);
        if let Some(session) = wait.as_ref().and_then(|wait| wait.session)
            && let Some(session) = self.sessions.find_mut(session)
        {
            session.n_waiting = session.n_waiting.saturating_sub(1);
        }
        self.dropped.extend(wait.and_then(|wait| wait.lane));
    }

    /// Ends a legacy session: what its client sends later is answered 404, its streams end.
    pub fn forget(&mut self, now: Nanos, session: SessionNo, acts: &mut Vec<Act>) {
        self.end_session(now, session, true, acts);
    }

    /// Takes a request that is over.
    pub(super) fn take(&mut self, now: Nanos, port: Port) -> Option<Wait> {
        let wait = self.ports.take(port)?;
        if let Some(no) = wait.session
            && let Some(session) = self.sessions.find_mut(no)
        {
            session.n_waiting = session.n_waiting.saturating_sub(1);
            self.sessions.touch(now, no);
        }
        Some(wait)
    }

    pub(super) fn deliver(
        &mut self,
        now: Nanos,
        wait: &Wait,
        (status, headers, body): (u16, HeaderMap, Bytes),
        acts: &mut Vec<Act>,
    ) {
        match wait.lane {
            Some(lane) => self.lanes.answer(now, lane, (status, headers, body), acts),
            None => acts.push(Act::Line(frame::line(body))),
        }
    }

    /// Opens the session that the answer to its `initialize` agreed on, or ends it.
    fn opened(&mut self, now: Nanos, wait: &Wait, agreed: bool, acts: &mut Vec<Act>) {
        let Some(no) = wait.session.filter(|_| wait.opens != Opens::Nothing) else { return };
        let Some(session) = self.sessions.find_mut(no) else { return };
        if agreed {
            session.phase = Phase::Open;
        } else if session.via == Via::Sse {
            session.phase = Phase::New;
        } else {
            self.end_session(now, no, false, acts);
        }
    }
}

/// The HTTP status of a modern answer.
///
/// Spec 2026-07-28, basic/transports/streamable-http: 404 for a method that is not there, 400 for the three errors
/// that only modern servers know.
fn status(code: Option<&[u8]>) -> u16 {
    match code {
        Some(b"-32601") => 404,
        Some(b"-32020" | b"-32021" | b"-32022") => 400,
        _ => 200,
    }
}

/// Whether an answer with this status can have a body: RFC 9110, sections 15.2, 15.3.5 and 15.4.5.
fn has_body(status: u16) -> bool {
    matches!(status, 200..=599) && !matches!(status, 204 | 205 | 304)
}

/// The headers of a server's answer that concern its client: not those of that hop, its framing or its session.
fn passing(mut headers: HeaderMap) -> HeaderMap {
    let listed: Vec<_> = connection_names(&headers).collect();
    let names: Vec<_> = headers.keys().cloned().collect();
    for name in names {
        let is_framing = matches!(name.as_str(), "content-length" | "content-encoding" | "trailer");
        if is_hop_by_hop(&name) || listed.contains(&name) || is_framing || name == SESSION_ID {
            headers.remove(&name);
        }
    }
    headers
}
