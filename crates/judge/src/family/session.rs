//! Sessions over HTTP: ids that are issued, sent, forgotten and outlived, and what POST, GET and DELETE are answered with.

mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, Method};
use tapgate_engine::fact::{Exchange, Head};
use tapgate_wire::header::{RequestHead, ResponseHead, SESSION_ID};
use tapgate_wire::record::{Era, Piece, Transport};
use tapgate_wire::rule::Side;
use tapgate_wire::{Kind, Leg, Nanos, Rule};

use self::rules as rule;
pub(super) use self::rules::RULES;
use super::Family;
use crate::event::{Cx, Event, Heard, Place, Stray};
use crate::quote::quote;

/// Requests of which it is remembered how they were sent; when full, the oldest is forgotten and not judged.
const MAX_SENT: usize = 1024;

/// Nanoseconds after the end of a session in which its client may not have heard of it.
const GRACE: u64 = 1_000_000_000;

/// What it remembers.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// The id that the server issued, and the path of the handshake.
    id: Option<Bytes>,
    path: Option<String>,
    /// How it ended, as far as the client was told.
    end: Option<End>,
    /// Open HTTP requests by their exchange.
    sent: BTreeMap<u64, Arc<RequestHead>>,
    /// Rules of which one finding a session is enough.
    told: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Expired,
    Deleted,
}

impl Family for Sessions {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        if cx.session.transport == Transport::Stdio {
            return;
        }
        match event {
            Event::Message(heard) => match heard.head {
                Some(Head::Request(head)) => self.asked(cx, heard, head),
                Some(Head::Response(head)) => self.answered(cx, heard, head),
                None => {}
            },
            Event::Piece(piece) if piece.piece == Piece::Http => match piece.head {
                Some(Head::Request(head)) => self.plain_asked(cx, piece, head),
                Some(Head::Response(head)) => self.plain_answered(cx, piece, head),
                None => {}
            },
            // A stream that can be resumed begins with an event that holds nothing but its id.
            Event::Piece(piece) => {
                if let Some(Head::Response(head)) = piece.head {
                    self.named(cx, head, piece.place(cx.session, Side::Server));
                }
            }
            Event::Closed(exchange) => self.closed(cx, exchange),
            _ => {}
        }
    }
}

impl Sessions {
    fn once(&mut self, rule: &'static Rule) -> bool {
        let is_new = !self.told.contains(&rule.id);
        if is_new {
            self.told.push(rule.id);
        }
        is_new
    }

    fn note_sent(&mut self, exchange: Option<u64>, head: &Arc<RequestHead>) {
        let Some(exchange) = exchange else { return };
        if self.sent.len() >= MAX_SENT {
            self.sent.pop_first();
        }
        self.sent.insert(exchange, head.clone());
    }

    /// A POST with a message, or with the first of several.
    fn asked(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>, head: &Arc<RequestHead>) {
        self.note_sent(heard.exchange, head);
        let Some(revision) = heard.revision else { return };
        let id = value(&head.headers, &SESSION_ID);
        if cx.session.transport == Transport::Http {
            self.types(cx, heard, &head.headers);
        }
        if revision.era() == Era::Modern {
            if id.is_some() && self.once(&rule::IN_MODERN) {
                let text = format!("The client sent Mcp-Session-Id with a request of {}.", revision.as_str());
                let place = place_of(heard, Side::Client);
                cx.find_at(&rule::IN_MODERN, place, "Mcp-Session-Id", text);
            }
            return;
        }
        if heard.asks("initialize") {
            if id.is_some() {
                let text = "The client sent initialize with Mcp-Session-Id.";
                cx.find(&rule::ID_IN_HANDSHAKE, heard, "Mcp-Session-Id", text);
            }
            self.path = Some(head.uri.path().to_owned());
            return;
        }
        self.check_id(cx, id, head, heard.first, place_of(heard, Side::Client));
    }

    /// Whether a request of the session names it, and whether the session still is.
    fn check_id(&mut self, cx: &mut Cx<'_>, id: Option<&[u8]>, head: &RequestHead, at: Nanos, place: Place) {
        let is_here = self.path.as_deref() == Some(head.uri.path());
        if id.is_none() && self.id.is_some() && is_here && self.once(&rule::ID_MISSING) {
            let text = format!(
                "{} {} came without the session id that the server issued.",
                head.method,
                quote(head.uri.path())
            );
            cx.find_at(&rule::ID_MISSING, place, "Mcp-Session-Id", text);
        }
        let (Some(_), Some(end), Some(ended)) = (id, self.end, cx.session.ended) else { return };
        if at.since(ended) <= GRACE {
            return;
        }
        let (rule, how) = match end {
            End::Expired => (&rule::AFTER_EXPIRY, "the server answered 404"),
            End::Deleted => (&rule::AFTER_DELETE, "it was ended by DELETE"),
        };
        if self.once(rule) {
            let span = at.since(ended) / 1_000_000_000;
            let text = format!("The client used the session {span} s after {how}.");
            cx.find_at(rule, place, "Mcp-Session-Id", text);
        }
    }

    /// Whether a POST says what it carries and what it takes.
    fn types(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>, headers: &HeaderMap) {
        let accepts = |what: &[u8]| headers.get_all(ACCEPT).iter().any(|value| holds(value.as_bytes(), what));
        if !(accepts(b"application/json") && accepts(b"text/event-stream")) && self.once(&rule::ACCEPT) {
            let text = match value(headers, &ACCEPT) {
                Some(value) => format!("The POST says Accept: {}.", quote(value)),
                None => "The POST has no header Accept.".into(),
            };
            cx.find(&rule::ACCEPT, heard, "Accept", text);
        }
        let kind = value(headers, &CONTENT_TYPE);
        if !kind.is_some_and(|kind| holds(kind, b"application/json")) && self.once(&rule::CONTENT_TYPE) {
            let text = match kind {
                Some(kind) => format!("The POST says Content-Type: {}.", quote(kind)),
                None => "The POST has no header Content-Type.".into(),
            };
            cx.find(&rule::CONTENT_TYPE, heard, "Content-Type", text);
        }
    }

    /// A response, with the first message in it.
    fn answered(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>, head: &Arc<ResponseHead>) {
        let status = head.status;
        let place = place_of(heard, Side::Server);
        let Some(call) = heard.exchange.and_then(|exchange| cx.session.call(exchange)) else {
            if heard.exchange.is_none() && heard.shape().kind == Kind::Other {
                self.accepted(cx, place, status.as_u16());
            }
            return;
        };
        let is_asked_by_client = call.asked_by == Leg::Client;
        self.named(cx, head, place);
        let kind = value(&head.headers, &CONTENT_TYPE);
        let is_known =
            kind.is_some_and(|kind| holds(kind, b"application/json") || holds(kind, b"text/event-stream"));
        if status.is_success()
            && is_asked_by_client
            && !is_known
            && heard.revision.is_some()
            && self.once(&rule::ANSWER_TYPE)
        {
            let text = match kind {
                Some(kind) => format!("The answer says Content-Type: {}.", quote(kind)),
                None => "The answer has no header Content-Type.".into(),
            };
            cx.find_at(&rule::ANSWER_TYPE, place, "Content-Type", text);
        }
    }

    /// The head of a response to a call: whether it names the session, and rightly.
    fn named(&mut self, cx: &mut Cx<'_>, head: &ResponseHead, place: Place) {
        let call = place.exchange.and_then(|exchange| cx.session.call(exchange));
        let (Some(call), Some(id)) = (call, value(&head.headers, &SESSION_ID)) else { return };
        if call.revision.is_some_and(|revision| revision.era() == Era::Modern) {
            // Who refuses the request may know nothing of requests without sessions.
            if head.status.is_success() && self.once(&rule::IN_MODERN) {
                let text = "The server issued Mcp-Session-Id to a request without sessions.";
                cx.find_at(&rule::IN_MODERN, place, "Mcp-Session-Id", text);
            }
        } else if call.method == "initialize" && head.status.is_success() {
            self.issued(cx, id, place);
        } else if self.id.as_ref().is_some_and(|issued| *issued != *id) && self.once(&rule::ID_CHANGED) {
            let text = "The response names another session id than the answer to initialize.";
            cx.find_at(&rule::ID_CHANGED, place, "Mcp-Session-Id", text);
        }
    }

    fn issued(&mut self, cx: &mut Cx<'_>, id: &[u8], place: Place) {
        if !id.iter().all(|byte| (0x21..=0x7e).contains(byte)) {
            let text = format!("The session id has {} bytes, and not all are visible ASCII.", id.len());
            cx.find_at(&rule::ID_CHARACTERS, place, "Mcp-Session-Id", text);
        }
        self.id = Some(Bytes::copy_from_slice(id.get(..1024).unwrap_or(id)));
        self.end = None;
    }

    /// What the server answers to a POST that asked nothing.
    fn accepted(&mut self, cx: &mut Cx<'_>, place: Place, status: u16) {
        let is_wrong = (200..300).contains(&status) && status != 202;
        if is_wrong
            && cx.session.transport == Transport::Http
            && place.revision.is_some()
            && self.once(&rule::NOTIFICATION_STATUS)
        {
            let text = format!("A POST that asks nothing was answered with {status}.");
            cx.find_at(&rule::NOTIFICATION_STATUS, place, "", text);
        }
    }

    /// GET, DELETE, or a POST without a message.
    fn plain_asked(&mut self, cx: &mut Cx<'_>, piece: &Stray<'_>, head: &Arc<RequestHead>) {
        self.note_sent(piece.exchange, head);
        let place = piece.place(cx.session, Side::Client);
        let id = value(&head.headers, &SESSION_ID);
        let accepts =
            head.headers.get_all(ACCEPT).iter().any(|value| holds(value.as_bytes(), b"text/event-stream"));
        if head.method == Method::GET && (id.is_some() || accepts) {
            self.check_id(cx, id, head, piece.at, place);
            if !accepts && cx.session.revision.is_some() && self.once(&rule::GET_ACCEPT) {
                let text = "A GET with a session id does not accept text/event-stream.";
                cx.find_at(&rule::GET_ACCEPT, place, "Accept", text);
            }
        }
    }

    /// The head of a response without a message, or a body that is none.
    fn plain_answered(&mut self, cx: &mut Cx<'_>, piece: &Stray<'_>, head: &Arc<ResponseHead>) {
        let place = piece.place(cx.session, Side::Server);
        let status = head.status.as_u16();
        let Some(exchange) = piece.exchange else {
            self.accepted(cx, place, status);
            return;
        };
        let Some(sent) = self.sent.get(&exchange) else { return };
        let with_id = sent.headers.contains_key(SESSION_ID);
        let is_here = with_id || self.path.as_deref() == Some(sent.uri.path());
        let is_stream =
            value(&head.headers, &CONTENT_TYPE).is_some_and(|kind| holds(kind, b"text/event-stream"));
        match sent.method {
            Method::GET if is_here && self.path.is_some() => {
                let is_odd = (head.status.is_success() && !is_stream) || head.status.is_server_error();
                if is_odd && cx.session.revision.is_some() && self.once(&rule::GET_ANSWER) {
                    let kind = value(&head.headers, &CONTENT_TYPE)
                        .map_or("nothing".into(), |kind| quote(kind).to_string());
                    let text = format!("GET was answered with {status} and {kind}.");
                    cx.find_at(&rule::GET_ANSWER, place, "", text);
                }
            }
            Method::DELETE if is_here => {
                if head.status.is_success() {
                    self.end = Some(End::Deleted);
                }
                let is_odd = head.status.is_server_error() || head.status.is_redirection();
                if is_odd && cx.session.revision.is_some() && self.once(&rule::DELETE_ANSWER) {
                    let text = format!("DELETE was answered with {status}.");
                    cx.find_at(&rule::DELETE_ANSWER, place, "", text);
                }
            }
            Method::POST if with_id && status >= 400 && says_gone(piece.bytes) => {
                self.wrong_status(cx, place, status);
            }
            _ => {}
        }
    }

    fn wrong_status(&mut self, cx: &mut Cx<'_>, place: Place, status: u16) {
        if status != 404 && self.once(&rule::WRONG_STATUS) {
            let text = format!("The server says that the session is gone, with HTTP status {status}.");
            cx.find_at(&rule::WRONG_STATUS, place, "", text);
        }
    }

    fn closed(&mut self, cx: &mut Cx<'_>, exchange: &Exchange) {
        let Some(sent) = self.sent.remove(&exchange.n) else { return };
        let (true, Some(status)) = (sent.headers.contains_key(SESSION_ID), exchange.http_status) else {
            return;
        };
        if status == 404 {
            self.end = Some(End::Expired);
        } else if exchange.error_text.as_ref().is_some_and(|text| says_gone(text)) {
            let place = Place {
                exchange: Some(exchange.n),
                message: exchange.messages.last().copied(),
                at: cx.now,
                revision: cx.session.revision,
                side: Side::Server,
            };
            self.wrong_status(cx, place, status);
        }
    }
}

fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    headers.get(name).map(http::HeaderValue::as_bytes)
}

/// Whether a header's value names a media type, given in lower case.
fn holds(value: &[u8], what: &[u8]) -> bool {
    let begins = |window: &[u8]| window.first().map(u8::to_ascii_lowercase) == what.first().copied();
    value.windows(what.len()).any(|window| begins(window) && window.eq_ignore_ascii_case(what))
}

/// Whether an error says that a session is unknown or over.
fn says_gone(text: &[u8]) -> bool {
    let text = text.get(..1024).unwrap_or(text);
    let gone: [&[u8]; 7] =
        [b"not found", b"expired", b"invalid", b"unknown", b"does not exist", b"terminated", b"no valid"];
    holds(text, b"session") && gone.iter().any(|word| holds(text, word))
}

fn place_of(heard: &Heard<'_>, side: Side) -> Place {
    Place {
        exchange: heard.exchange,
        message: Some(heard.n),
        at: heard.first,
        revision: heard.revision,
        side,
    }
}
