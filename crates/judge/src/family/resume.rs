//! Event ids, by which a client comes back for the rest of a stream.

mod rules;

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use tapgate_engine::fact::Head;
use tapgate_wire::header::LAST_EVENT_ID;
use tapgate_wire::record::Era;
use tapgate_wire::rule::Side;
use tapgate_wire::{Leg, Rule};

use self::rules as rule;
pub(super) use self::rules::RULES;
use super::Family;
use crate::event::{Cx, Event, Heard, Place, Stray};
use crate::quote::quote;

/// Event ids that are remembered; when full, the oldest may come again unnoticed, and no id counts as unknown.
const MAX_EVENTS: usize = 256;

/// What it remembers.
#[derive(Debug, Default)]
pub(super) struct Resumption {
    /// Digests of event ids, oldest first.
    events: VecDeque<u64>,
    /// The exchanges whose events have ids, oldest first.
    numbered: VecDeque<u64>,
    /// Ids were forgotten.
    is_full: bool,
    /// The client resumed a stream, so events may come twice.
    has_resumed: bool,
    /// Rules of which one finding a session is enough.
    told: Vec<&'static str>,
}

impl Family for Resumption {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        match event {
            Event::Message(heard) if heard.from == Leg::Server && heard.carried.event.is_some() => {
                self.event(cx, heard);
            }
            Event::Piece(piece) => match piece.head {
                Some(Head::Request(head)) => {
                    if let Some(id) = head.headers.get(LAST_EVENT_ID) {
                        self.resumed(cx, piece, id.as_bytes());
                    }
                }
                _ => {
                    if let Some(id) = piece.carried.event.as_ref().and_then(|event| event.id.as_deref()) {
                        self.note(id, piece.exchange);
                    }
                }
            },
            _ => {}
        }
    }
}

impl Resumption {
    fn once(&mut self, rule: &'static Rule) -> bool {
        let is_new = !self.told.contains(&rule.id);
        if is_new {
            self.told.push(rule.id);
        }
        is_new
    }

    /// A message in a stream of events.
    fn event(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let Some(event) = heard.carried.event.as_ref() else { return };
        let Some(revision) = heard.revision else { return };
        let place = Place {
            exchange: heard.exchange,
            message: Some(heard.n),
            at: heard.first,
            revision: heard.revision,
            side: Side::Server,
        };
        let Some(id) = event.id.as_deref() else {
            let is_numbered = heard.exchange.is_some_and(|exchange| self.numbered.contains(&exchange));
            if is_numbered && self.once(&rule::EVENT_ID_MISSING) {
                let text = "An event has no id, after events of the same stream that have one.";
                cx.find_at(&rule::EVENT_ID_MISSING, place, "", text);
            }
            return;
        };
        if revision.era() == Era::Modern {
            if self.once(&rule::RESUME_IN_MODERN) {
                let text = format!("The server sent an event with the id `{}`.", quote(id));
                cx.find_at(&rule::RESUME_IN_MODERN, place, "id", text);
            }
            return;
        }
        let is_again =
            self.events.contains(&digest(id.as_bytes())) && !self.has_resumed && !cx.session.partial;
        if is_again && self.once(&rule::EVENT_ID_REUSED) {
            let text = format!("Two events have the id `{}`.", quote(id));
            cx.find_at(&rule::EVENT_ID_REUSED, place, "id", text);
        }
        self.note(id, heard.exchange);
    }

    fn resumed(&mut self, cx: &mut Cx<'_>, piece: &Stray<'_>, id: &[u8]) {
        self.has_resumed = true;
        let is_known = self.events.contains(&digest(id));
        if is_known || self.is_full || cx.session.partial || cx.session.revision.is_none() {
            return;
        }
        if self.once(&rule::UNKNOWN_EVENT) {
            let text = format!("The client resumes after the event `{}`, which did not pass.", quote(id));
            cx.find_at(&rule::UNKNOWN_EVENT, piece.place(cx.session, Side::Client), "Last-Event-ID", text);
        }
    }

    fn note(&mut self, id: &str, exchange: Option<u64>) {
        self.is_full |= self.events.len() >= MAX_EVENTS;
        push(&mut self.events, digest(id.as_bytes()));
        if let Some(exchange) = exchange.filter(|exchange| !self.numbered.contains(exchange)) {
            push(&mut self.numbered, exchange);
        }
    }
}

fn push(queue: &mut VecDeque<u64>, value: u64) {
    if queue.len() >= MAX_EVENTS {
        queue.pop_front();
    }
    queue.push_back(value);
}

fn digest(id: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
