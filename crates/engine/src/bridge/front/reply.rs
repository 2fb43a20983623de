//! What goes back to clients.

use bytes::Bytes;
use http::header::HeaderValue;
use http::{HeaderMap, StatusCode};
use tapgate_wire::Nanos;
use tapgate_wire::edge::Act;
use tapgate_wire::header::{SESSION_ID, connection_names, is_hop_by_hop};
use tapgate_wire::json::find;
use tapgate_wire::revision::Revision;
use tapgate_wire::{Kind, Message};

use super::super::number::{Port, SessionNo};
use super::super::seal::Seal;
use super::lane::{LaneNo, Style};
use super::ports::{Opens, Wait};
use super::refusal::{INTERNAL, Refusal};
use super::sessions::{Phase, Via};
use super::{Answer, Front, frame};

/// How much of a body that is no JSON-RPC is told in an error.
const EXCERPT: usize = 500;

impl Front {
    pub(super) fn agree(
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
        }
        wait.opens = Opens::Agreed(header);
    }

    pub(super) fn reply(&mut self, now: Nanos, port: Port, answer: Answer, acts: &mut Vec<Act>) {
        let Some(wait) = self.take(now, port) else { return };
        let code = find(&answer.bytes, &["error", "code"]);
        let usual = if wait.session.is_none() { status(code) } else { 200 };
        let status = answer.status.filter(has_body).unwrap_or(usual);
        let mut headers = passing(answer.headers);
        let is_error = find(&answer.bytes, &["error"]).is_some();
        let agreed = match &wait.opens {
            Opens::Agreed(id) if !is_error => {
                headers.extend(id.clone().map(|id| (SESSION_ID, id)));
                true
            }
            _ => false,
        };
        self.deliver(now, &wait, (status, headers, answer.bytes), acts);
        self.opened(now, &wait, agreed, acts);
    }

    pub(super) fn pass_on(
        &mut self,
        now: Nanos,
        port: Port,
        (status, headers, body): (u16, HeaderMap, Bytes),
        acts: &mut Vec<Act>,
    ) {
        let Some(wait) = self.take(now, port) else { return };
        let headers = passing(headers);
        let status = Some(status).filter(has_body).unwrap_or(502);
        let is_told = wait.lane.is_some_and(|lane| self.lanes.refuse(lane, status, &headers, &body, acts));
        if !is_told {
            let end = body.len().min(EXCERPT);
            let excerpt = String::from_utf8_lossy(body.get(..end).unwrap_or_default());
            let says = format!("{} answered HTTP {status}: {excerpt}", self.server_name);
            let error = Refusal::new(StatusCode::OK, INTERNAL, says);
            self.deliver(now, &wait, (error.status, headers, error.json(Some(&wait.id))), acts);
        }
        self.opened(now, &wait, false, acts);
    }

    pub(super) fn push_to(&mut self, now: Nanos, session: SessionNo, bytes: Bytes, acts: &mut Vec<Act>) {
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
fn has_body(status: &u16) -> bool {
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
