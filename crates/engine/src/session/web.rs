//! What HTTP itself says: heads, statuses, ends of streams.

use bytes::Bytes;
use std::sync::Arc;

use http::Method;
use tapgate_wire::header::{LAST_EVENT_ID, RequestHead, ResponseHead, SESSION_ID};
use tapgate_wire::record::{Again, Era, Hand, Piece, Root, Status, Transport};
use tapgate_wire::stream::{Carried, Ending};
use tapgate_wire::{Leg, Nanos, StreamId};

use super::stream::{Stream, header};
use super::{Session, timed, why_early};
use crate::fact::{self, Content, Fact};
use crate::ledger::Ledger;
use crate::oddity::Oddity;
use crate::track::{Awaits, Call, Opening, Scope, Verb, cut, digest};

impl Session {
    pub(super) fn asked(
        &mut self,
        now: Nanos,
        id: StreamId,
        head: Arc<RequestHead>,
        ledger: &mut Ledger<'_>,
    ) {
        let is_post = head.method == Method::POST;
        let resumed = header(&head.headers, LAST_EVENT_ID).and_then(|event| self.origin_of(event));
        let is_named = self.is_named_by(&head);
        let mut stream = Stream::new(now, resumed.unwrap_or(id), head);
        if is_named {
            stream.scope = Scope::Session;
        }
        if let Some(origin) = resumed {
            stream.is_resumable = true;
            stream.calls = self.track.carried_by(origin);
        }
        self.streams.insert(id, stream);
        if !is_post {
            self.open_http(now, id, ledger);
        }
    }

    /// Whether a request names this session, by header or by the URI of a 2024-11-05 endpoint.
    fn is_named_by(&self, head: &RequestHead) -> bool {
        let Some(key) = &self.state.key else {
            return false;
        };
        let by_header = header(&head.headers, SESSION_ID).is_some_and(|id| id == key);
        let by_uri = || head.uri.path_and_query().is_some_and(|uri| uri.as_str().as_bytes() == key);
        by_header || (self.state.transport == Transport::Sse && by_uri())
    }

    pub(super) fn answered(
        &mut self,
        now: Nanos,
        id: StreamId,
        head: Arc<ResponseHead>,
        ledger: &mut Ledger<'_>,
    ) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        let status = head.status.as_u16();
        stream.response = Some(head);
        let is_named = stream.scope == Scope::Session && stream.request.method != Method::DELETE;
        let is_refused = status >= 400 && stream.calls.is_empty();
        if is_refused {
            self.open_http(now, id, ledger);
        }
        let Some(stream) = self.streams.get(&id) else {
            return;
        };
        let failed = stream.calls.iter().filter(|_| status >= 400).copied();
        for n in failed.chain(stream.http) {
            if let Some(call) = self.track.call(n) {
                call.split.give(now, Hand::Wire);
                call.exchange.http_status = Some(status);
                call.exchange.first_answer.get_or_insert(now);
                call.touch(now, ledger);
            }
        }
        let is_open_stream = stream.http.is_some() && stream.is_event_stream();
        // A server that goes on answering has not ended the session after all.
        if is_named && status < 400 && self.state.closed.take().is_some() {
            self.tell(ledger);
        }
        if is_open_stream {
            self.tell_response_head(now, id, ledger);
        }
    }

    pub(super) fn closed(
        &mut self,
        now: Nanos,
        (id, from): (StreamId, Leg),
        how: &Ending,
        ledger: &mut Ledger<'_>,
    ) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        match from {
            Leg::Client => stream.ended.0 = true,
            Leg::Server => stream.ended.1 = Some(how.clone()),
        }
        let is_silent = stream.ended.0 && !stream.is_request_told;
        let response_end = stream.ended.1.clone();
        if is_silent {
            self.open_http(now, id, ledger);
        }
        if let Some(why) = why_early(how) {
            let side = if from == Leg::Client { "request" } else { "response" };
            let text = match how {
                Ending::Instead { status, .. } => format!("tapgate answered {status} for the server: {why}"),
                _ => format!("the {side} ended early: {why}"),
            };
            let content = Content::Raw(text.into(), Vec::new());
            self.tell_on_stream(Piece::Note, (id, from), timed(Carried::default(), now), content, ledger);
        }
        if let Some(how) = response_end.filter(|_| from == Leg::Server || is_silent) {
            self.response_ended(now, id, &how, ledger);
        }
        if self.streams.get(&id).is_some_and(|stream| stream.ended.0 && stream.ended.1.is_some()) {
            self.streams.remove(&id);
        }
    }

    fn response_ended(&mut self, now: Nanos, id: StreamId, how: &Ending, ledger: &mut Ledger<'_>) {
        let Some(stream) = self.streams.get(&id) else {
            return;
        };
        let status = stream.status();
        self.tell_response_head(now, id, ledger);
        let Some(stream) = self.streams.get(&id) else {
            return;
        };
        for n in stream.calls.iter().copied().chain(stream.http) {
            let is_carried =
                |call: &&mut Call| call.awaits == Awaits::Stream || call.stream == Some(stream.origin);
            let Some(call) = self.track.call(n).filter(is_carried) else {
                continue;
            };
            let Some((end, finding)) = fate(call, stream, how, self.state.transport) else {
                call.is_cut_off |= *how != Ending::Clean;
                continue;
            };
            if call.verb == Verb::Http && stream.is_event_stream() {
                // It stays open by design, and nobody waits for its end.
                call.split.break_off();
            }
            if call.exchange.asked_by == Leg::Client {
                call.exchange.http_status = call.exchange.http_status.or(status);
            }
            if let Ending::Instead { status, why } = how {
                call.exchange.http_status = Some(*status);
                call.exchange.error_text = Some(Bytes::from(why.clone()));
            }
            if let Some(finding) = finding.filter(|_| !call.unsure) {
                call.find(finding);
            }
            self.track.close(n, end, now, ledger);
        }
        let is_last = ends_session(stream, self.state.transport);
        if is_last {
            self.is_gone = status == Some(404);
            self.end(now, None, ledger);
        }
    }

    /// Opens the exchange of an HTTP request that carries no message, once.
    pub(super) fn open_http(&mut self, now: Nanos, id: StreamId, ledger: &mut Ledger<'_>) {
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.http.is_none()) else {
            return;
        };
        let method = format!("http/{}", stream.request.method.as_str().to_ascii_lowercase());
        let target = stream.request.uri.path_and_query().map_or("/", |uri| uri.as_str());
        let target = cut(target.as_bytes(), ledger.limits.text);
        // What a POST carried is not compared, so no POST repeats another.
        let own = if stream.request.method == Method::POST { id.0 } else { 0 };
        let opening = Opening {
            session: self.state.n,
            asked_by: Leg::Client,
            verb: Verb::Http,
            digest: digest(&[method.as_bytes(), &target, &own.to_le_bytes()]),
            method: cut(method.as_bytes(), ledger.limits.text),
            target: Some(target),
            era: None,
            revision: stream.revision.clone(),
            opened: stream.asked,
            stream: Some(id),
            first_id: 0,
        };
        let resumed = (stream.origin != id).then(|| stream.calls.first().copied()).flatten();
        let asked = stream.asked;
        let status = stream.status();
        let chain =
            resumed.map(|n| self.track.call(n).and_then(|call| call.exchange.chain).unwrap_or(Root::Own(n)));
        let call = self.track.open(opening, ledger);
        call.awaits = Awaits::Stream;
        call.split.give(asked, Hand::Server);
        if status.is_some() {
            call.split.give(now, Hand::Wire);
        }
        if let Some(chain) = chain {
            call.exchange.chain = Some(chain);
            call.exchange.again = Some(Again::Resume);
        }
        call.exchange.http_status = status;
        call.touch(now, ledger);
        stream.http = Some(call.n());
        if stream.ended.0 || stream.request.method != Method::POST {
            let carried = timed(Carried::default(), stream.asked);
            self.tell_head(Leg::Client, id, carried, ledger);
        }
    }

    fn tell_response_head(&mut self, now: Nanos, id: StreamId, ledger: &mut Ledger<'_>) {
        self.tell_head(Leg::Server, id, timed(Carried::default(), now), ledger);
    }

    /// Tells a head that no message took along.
    fn tell_head(&mut self, from: Leg, id: StreamId, carried: Carried, ledger: &mut Ledger<'_>) {
        let is_told = self.streams.get(&id).is_none_or(|stream| match from {
            Leg::Client => stream.is_request_told,
            Leg::Server => stream.is_response_told || stream.response.is_none(),
        });
        if !is_told {
            let content = Content::Raw(bytes::Bytes::new(), Vec::new());
            self.tell_on_stream(Piece::Http, (id, from), carried, content, ledger);
        }
    }

    /// Tells a piece of traffic with the exchange that its stream carries.
    pub(super) fn tell_on_stream(
        &mut self,
        piece: Piece,
        (id, from): (StreamId, Leg),
        carried: Carried,
        content: Content,
        ledger: &mut Ledger<'_>,
    ) {
        let n = ledger.next_message();
        let mut exchange = None;
        let mut head = None;
        if let Some(stream) = self.streams.get_mut(&id) {
            // A note of ours takes no head along.
            head = if piece == Piece::Note { None } else { stream.head_to_tell(from) };
            exchange = stream.http.or_else(|| stream.calls.last().copied());
        }
        if let Some(call) = exchange.and_then(|n| self.track.call(n)) {
            call.list(n, from, carried.size, self.heard, ledger);
        }
        ledger.tell(Fact::Message(Box::new(fact::Message {
            n,
            session: self.state.n,
            exchange,
            target: None,
            piece,
            stream: Some(id),
            from,
            carried,
            content,
            head,
            findings: Vec::new(),
        })));
    }

    /// Remembers an SSE event id, by which a client may resume the stream.
    pub(super) fn note_event(&mut self, id: StreamId, carried: &Carried, ledger: &Ledger<'_>) {
        let Some(event) = carried.event.as_ref().and_then(|event| event.id.as_ref()) else {
            return;
        };
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        stream.is_resumable = true;
        if self.events.len() >= ledger.limits.events {
            self.events.pop_front();
        }
        self.events.push_back((digest(&[event.as_bytes()]), stream.origin));
    }

    /// The stream on which an event came; a resumed stream stands for the one that it resumes.
    fn origin_of(&self, event: &[u8]) -> Option<StreamId> {
        let wanted = digest(&[event]);
        self.events.iter().rev().find(|(event, _)| *event == wanted).map(|(_, origin)| *origin)
    }
}

/// How an exchange ends with its response, `None` if its answer may still come on another stream.
fn fate(
    call: &Call,
    stream: &Stream,
    how: &Ending,
    transport: Transport,
) -> Option<(Status, Option<Oddity>)> {
    let status = stream.status();
    if status.is_some_and(|status| status >= 400) {
        return matches!(call.awaits, Awaits::Answer | Awaits::Stream | Awaits::Nothing)
            .then_some((Status::Error, None));
    }
    match (call.awaits, how) {
        (Awaits::Round(_) | Awaits::Task, _) => None,
        (_, Ending::Failed(_)) => Some((Status::Unanswered, Some(Oddity::UpstreamFailed))),
        (_, Ending::Instead { status: 502 | 504, .. }) => Some((Status::Error, Some(Oddity::UpstreamFailed))),
        (_, Ending::Instead { .. }) => Some((Status::Error, Some(Oddity::RefusedHere))),
        (Awaits::Stream, _) if status.is_some() => Some((Status::Ok, None)),
        (Awaits::Stream, Ending::Abandoned) => Some((Status::Cancelled, None)),
        (Awaits::Stream, _) => Some((Status::Unanswered, None)),
        // Spec 2026-07-28, streamable-http: a client that closes the response cancels the request.
        _ if call.exchange.era == Some(Era::Modern) => match how {
            Ending::Abandoned => Some((Status::Cancelled, None)),
            Ending::Clean => Some((Status::Unanswered, Some(Oddity::MissingAnswer))),
            _ => Some((Status::Unanswered, None)),
        },
        // The client answers the server's request by a POST, while the server still waits for it.
        _ if call.exchange.asked_by == Leg::Server && stream.scope == Scope::Session => None,
        _ if call.exchange.asked_by == Leg::Server => Some((Status::Unanswered, None)),
        // Spec 2025-11-25, streamable-http: a disconnect is no cancellation, and the stream can be resumed.
        _ if stream.is_resumable => None,
        _ if stream.scope == Scope::Session && may_answer_elsewhere(stream, transport) => None,
        (_, Ending::Clean) if status.is_some() => Some((Status::Unanswered, Some(Oddity::MissingAnswer))),
        _ => Some((Status::Unanswered, None)),
    }
}

/// Whether a legacy server may answer on another stream of the session although this response ended.
fn may_answer_elsewhere(stream: &Stream, transport: Transport) -> bool {
    transport == Transport::Sse || stream.is_event_stream() || stream.status() == Some(202)
}

/// Whether the end of this response ends its session.
fn ends_session(stream: &Stream, transport: Transport) -> bool {
    let method = &stream.request.method;
    let status = stream.status().unwrap_or_default();
    match transport {
        // Spec 2024-11-05, basic/transports: the session lives as long as its event stream.
        Transport::Sse => method == Method::GET && stream.is_event_stream(),
        // Spec 2025-03-26 and later, session management: DELETE ends it, 404 says that it has ended.
        _ if stream.scope != Scope::Session => false,
        _ => {
            (method == Method::DELETE && (200..300).contains(&status))
                || (status == 404 && !stream.is_answered)
        }
    }
}
