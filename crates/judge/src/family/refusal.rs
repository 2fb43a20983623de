//! What a server must refuse, and did not.
//!
//! Clients that ask for it on purpose are told so by another rule; here it is about whoever answered.

mod rules;

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::ORIGIN;
use tapgate_engine::fact::{Exchange, Head};
use tapgate_wire::header::{METHOD, PROTOCOL_VERSION, SESSION_ID};
use tapgate_wire::record::{Era, Piece, Status, Transport};
use tapgate_wire::revision::Revision;
use tapgate_wire::rule::Side;
use tapgate_wire::{Kind, Leg, Rule};

use super::Family;
use crate::event::{Cx, Event, Heard, Place};
use crate::probe;
use crate::quote::quote;
pub(super) use rules::RULES;
use rules::{DELETED, DISAGREES, FOREIGN_PAGE, NO_METHOD, NO_REVISION, NO_SESSION, STATUS};

/// Requests whose answer is awaited; when full, the oldest is forgotten.
const MAX_AWAITED: usize = 64;

/// What it remembers: what is to be refused, and whether the session was ended.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    awaited: BTreeMap<u64, Awaited>,
    /// A DELETE whose answer is awaited, and whether one was granted.
    deleting: Option<u64>,
    is_deleted: bool,
    told: Vec<&'static str>,
}

/// A request that is to be refused.
#[derive(Debug)]
struct Awaited {
    wrong: Wrong,
    revision: Option<Revision>,
}

/// Why it is to be refused.
#[derive(Debug)]
struct Wrong {
    rule: &'static Rule,
    /// What is wrong with it, after "A request".
    what: String,
    /// The code of the error that says so, where there is one.
    code: Option<i64>,
}

impl Family for Refusals {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        match event {
            Event::Message(heard) if heard.from == Leg::Client && heard.shape().kind == Kind::Request => {
                self.asked(cx, heard);
            }
            Event::Piece(piece) if piece.piece == Piece::Http && piece.from == Leg::Client => {
                let is_delete =
                    |head: &Head| matches!(head, Head::Request(head) if head.method == http::Method::DELETE);
                if piece.head.is_some_and(is_delete) {
                    self.deleting = piece.exchange;
                }
            }
            Event::Closed(exchange) => self.closed(cx, exchange),
            _ => {}
        }
    }
}

impl Refusals {
    fn asked(&mut self, cx: &Cx<'_>, heard: &Heard<'_>) {
        let Some(exchange) = heard.exchange else { return };
        let headers = match heard.head {
            Some(Head::Request(head)) => Some(&head.headers),
            _ => None,
        };
        let wrong = headers.filter(|_| cx.session.transport == Transport::Http);
        let wrong = wrong.and_then(|headers| self.wrong(heard, headers));
        let method = || {
            let wrong = || Wrong::new(&NO_METHOD, "of a method that no revision has").told_by(-32_601);
            heard.asks(probe::METHOD).then(wrong)
        };
        let Some(wrong) = wrong.or_else(method) else { return };
        if self.awaited.len() >= MAX_AWAITED {
            self.awaited.pop_first();
        }
        self.awaited.insert(exchange, Awaited { wrong, revision: heard.revision });
    }

    /// Why a request is to be refused, if it is.
    fn wrong(&self, heard: &Heard<'_>, headers: &HeaderMap) -> Option<Wrong> {
        let value = |name: &http::HeaderName| headers.get(name).map(|value| value.as_bytes().trim_ascii());
        if let Some(page) = value(&ORIGIN).filter(|page| page.ends_with(b".invalid")) {
            let what = format!("from the page `{}`, which cannot exist,", quote(page));
            return Some(Wrong::new(&FOREIGN_PAGE, what));
        }
        if value(&SESSION_ID) == Some(probe::SESSION.as_bytes()) {
            return Some(Wrong::new(&NO_SESSION, "of a session that the server has not begun"));
        }
        let version = value(&PROTOCOL_VERSION);
        if let Some(version) = version.filter(|version| is_no_revision(version)) {
            let wrong = Wrong::new(
                &NO_REVISION,
                format!("of the revision `{}`, which there never was,", quote(version)),
            );
            let is_modern = heard.revision.is_none_or(|revision| revision.era() == Era::Modern);
            return Some(if is_modern { wrong.told_by(-32_022) } else { wrong });
        }
        let body = heard.shape().method().unwrap_or_default();
        if heard.revision.is_some_and(|revision| revision.era() == Era::Modern)
            && let Some(method) = value(&METHOD).filter(|method| *method != body.as_bytes())
        {
            let what =
                format!("whose Mcp-Method is `{}` and whose body says `{}`", quote(method), quote(&*body));
            return Some(Wrong::new(&DISAGREES, what).told_by(-32_020));
        }
        (self.is_deleted && value(&SESSION_ID).is_some())
            .then(|| Wrong::new(&DELETED, "of a session that a DELETE ended"))
    }

    fn closed(&mut self, cx: &mut Cx<'_>, exchange: &Exchange) {
        let is_granted = |status: u16| (200..300).contains(&status);
        if self.deleting == Some(exchange.n) {
            self.deleting = None;
            self.is_deleted |= exchange.http_status.is_some_and(is_granted);
            return;
        }
        self.status(cx, exchange);
        let Some(Awaited { wrong, revision }) = self.awaited.remove(&exchange.n) else { return };
        let how = match (exchange.status, exchange.error_code) {
            (Status::Ok | Status::ToolError, _) => "with a result".to_owned(),
            (Status::Error, Some(code)) if wrong.is_other(code) => {
                format!("with the error {code}")
            }
            // Refused, if not with the status that HTTP has for it.
            _ => return,
        };
        self.find(cx, wrong.rule, exchange, revision, format!("A request {} was answered {how}.", wrong.what));
    }

    /// Whether an error came with the status that it has.
    fn status(&mut self, cx: &mut Cx<'_>, exchange: &Exchange) {
        let revision = exchange.revision.as_ref();
        let revision = revision.and_then(|name| Revision::parse(std::str::from_utf8(name).ok()?));
        let wanted = match exchange.error_code {
            Some(-32_601) => 404,
            Some(-32_020 | -32_022) => 400,
            _ => return,
        };
        let (Some(code), Some(status)) = (exchange.error_code, exchange.http_status) else { return };
        let is_meant = cx.session.transport == Transport::Http && exchange.asked_by == Leg::Client;
        // A revision that is not known may say otherwise.
        if is_meant && status != wanted && revision.is_some() {
            let text = format!("The error {code} came with the HTTP status {status}, not {wanted}.");
            self.find(cx, &STATUS, exchange, revision, text);
        }
    }

    /// Finds what is told once in a session.
    fn find(
        &mut self,
        cx: &mut Cx<'_>,
        rule: &'static Rule,
        exchange: &Exchange,
        revision: Option<Revision>,
        text: String,
    ) {
        if self.told.contains(&rule.id) {
            return;
        }
        let message = exchange.messages.last().copied();
        let place = Place { exchange: Some(exchange.n), message, at: cx.now, revision, side: Side::Server };
        if revision.is_none_or(|revision| rule.revisions.contains(revision)) {
            self.told.push(rule.id);
        }
        cx.find_at(rule, place, "", text);
    }
}

impl Wrong {
    fn new(rule: &'static Rule, what: impl Into<String>) -> Self {
        Self { rule, what: what.into(), code: None }
    }

    fn told_by(self, code: i64) -> Self {
        Self { code: Some(code), ..self }
    }

    /// Whether a refusal with this code says something else than what was wrong.
    fn is_other(&self, code: i64) -> bool {
        // Those of drafts are told by a rule of their own.
        self.code.is_some_and(|expected| code != expected) && !(-32_004..=-32_001).contains(&code)
    }
}

/// Whether a header names no revision that ever was, nor one that may come.
fn is_no_revision(version: &[u8]) -> bool {
    let name = std::str::from_utf8(version).unwrap_or_default();
    let is_future = Revision::era_of(name) == Some(Era::Modern);
    Revision::parse(name).is_none() && !is_future
}
