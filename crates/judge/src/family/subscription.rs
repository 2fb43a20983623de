//! What a client asked to be told of, and what it was told.
//!
//! Spec 2026-07-28, basic/patterns/subscriptions; 2025-11-25, server/resources, Subscriptions.

mod filter;
mod rules;
mod stale;

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use tapgate_wire::json::unescape;
use tapgate_wire::record::{Era, Transport};
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::{Id, Member};
use tapgate_wire::{Kind, Leg, Nanos, Rule};

use super::Family;
use crate::event::{Cx, Event, Heard, Place};
use crate::json::quote;
use crate::world::Handshake;
use filter::Filter;
use rules::{
    ACK_MORE, AFTER_END, BEFORE_ACK, FOREIGN, NEVER_ACKED, NO_ID, NOT_ACKED, NOT_ASKED, NOT_SUBSCRIBED,
    STALE, WRONG_ID,
};
use stale::Stale;

pub(super) const RULES: &[&Rule] = &[
    &BEFORE_ACK,
    &NO_ID,
    &WRONG_ID,
    &NOT_ASKED,
    &ACK_MORE,
    &NOT_ACKED,
    &NEVER_ACKED,
    &AFTER_END,
    &FOREIGN,
    &NOT_SUBSCRIBED,
    &STALE,
];

/// Subscriptions that are remembered, open or over; when full, the oldest is forgotten and no id is called wrong.
const MAX_LISTENS: usize = 256;

/// Bytes of the resources of one session that are remembered; with more, no update is called unasked.
const MAX_URIS: usize = 256 << 10;

/// The most bytes of the id of a subscription; one with a longer id is not followed.
const MAX_ID: usize = 1024;

/// Nanoseconds that a server has for its acknowledgement.
const PATIENCE: u64 = 10_000_000_000;

const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// What it remembers: the subscriptions of both eras, and the lists that changed.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// By exchange.
    listens: BTreeMap<u64, Listen>,
    /// Some were forgotten.
    has_forgotten: bool,
    /// What legacy requests subscribed to.
    uris: HashSet<Bytes>,
    /// How many bytes these ever were; more than are allowed when some were left out.
    n_bytes: usize,
    stale: Stale,
}

/// A subscription of 2026-07-28.
#[derive(Debug)]
struct Listen {
    id: Id,
    asked: Filter,
    state: State,
    place: Place,
    at: Nanos,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing came for it, which was told or not yet.
    Waiting {
        is_told: bool,
    },
    Acknowledged,
    /// The server ended it with a result.
    Ended,
    /// It ended otherwise; what comes now may have crossed that.
    Gone,
}

impl Family for Subscriptions {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        match event {
            Event::Message(heard) => self.message(cx, heard),
            Event::Closed(exchange) => {
                if let Some(listen) = self.listens.get_mut(&exchange.n) {
                    if listen.state != State::Ended {
                        listen.state = State::Gone;
                    }
                    self.stale.forget(exchange.n);
                }
            }
            Event::Tick => {
                self.stale.check(cx, stale::PATIENCE);
                self.unacknowledged(cx);
            }
            Event::Ended => self.stale.check(cx, stale::BRIEF),
            _ => {}
        }
    }
}

impl Subscriptions {
    fn message(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let shape = heard.shape();
        match (shape.kind, heard.from) {
            (Kind::Request, Leg::Client) => {
                let method = shape.method().unwrap_or_default();
                self.stale.asked(&method);
                match &*method {
                    "subscriptions/listen" => self.listen(heard),
                    "resources/subscribe" if self.n_bytes <= MAX_URIS => {
                        let uri = shape.raw(Member::Uri).map(|uri| uri_of(uri)).unwrap_or_default();
                        if !self.uris.contains(&uri) {
                            self.n_bytes += uri.len();
                            self.uris.extend((self.n_bytes <= MAX_URIS).then_some(uri));
                        }
                    }
                    _ => {}
                }
            }
            (Kind::Notification, Leg::Server) => {
                self.stale.told(heard);
                if heard.revision >= Some(Revision::V2026_07_28) {
                    self.notification(cx, heard);
                } else if heard.tells("notifications/resources/updated") {
                    self.updated(cx, heard);
                }
            }
            (Kind::Result, Leg::Server) if heard.answers("subscriptions/listen") => self.ended(cx, heard),
            (Kind::Result, Leg::Server) if heard.answers("resources/unsubscribe") => {
                let uri = heard.call.and_then(|call| call.request.shape().raw(Member::Uri));
                if let Some(uri) = uri {
                    self.uris.remove(&uri_of(uri));
                }
            }
            _ => {}
        }
    }

    fn listen(&mut self, heard: &Heard<'_>) {
        let shape = heard.shape();
        // What is remembered is a copy, because a message may be large.
        let id = shape.id.as_ref().filter(|id| id.0.len() <= MAX_ID);
        let id = id.map(|id| Id(Bytes::copy_from_slice(&id.0)));
        let Some((exchange, id)) = heard.exchange.zip(id) else {
            self.has_forgotten = true;
            return;
        };
        if self.listens.len() >= MAX_LISTENS {
            self.listens.pop_first();
            self.has_forgotten = true;
        }
        let asked = shape.inside(Member::Params, &["notifications"]).unwrap_or_default();
        let listen = Listen {
            id,
            asked: Filter::of(&asked),
            state: State::Waiting { is_told: false },
            place: Place::of(&NEVER_ACKED, heard),
            at: heard.last,
        };
        self.listens.insert(exchange, listen);
    }

    /// A notification of 2026-07-28.
    fn notification(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let shape = heard.shape();
        let Some(method) = shape.method() else { return };
        let is_of_listen = heard.exchange.is_some_and(|exchange| self.listens.contains_key(&exchange));
        if matches!(&*method, "notifications/progress" | "notifications/message") {
            if is_of_listen && shape.raw(Member::ProgressToken).is_none()
                || shape.raw(Member::SubscriptionId).is_some()
            {
                let text = format!("`{method}` came for a subscription.");
                cx.find(&FOREIGN, heard, method.as_bytes(), text);
            }
            return;
        }
        if *method != *ACKNOWLEDGED && filter::topic_of(&method).is_none() {
            return;
        }
        let Some(told) = shape.raw(Member::SubscriptionId) else {
            let text = format!("`{method}` does not say to which subscription it belongs.");
            cx.find(&NO_ID, heard, method.as_bytes(), text);
            return;
        };
        let Some(exchange) = self.of_id(heard, told) else {
            self.wrong_id(cx, heard, &method, told);
            return;
        };
        let Some(listen) = self.listens.get_mut(&exchange) else { return };
        if *method == *ACKNOWLEDGED {
            acknowledge(cx, heard, listen);
            return;
        }
        let id = quote(&listen.id.0);
        match listen.state {
            State::Waiting { .. } if !cx.session.partial => {
                let text = format!("`{method}` came for the subscription {id} before its acknowledgement.");
                cx.find(&BEFORE_ACK, heard, method.as_bytes(), text);
            }
            State::Ended => {
                let text = format!("`{method}` came for the subscription {id} after its result.");
                cx.find(&AFTER_END, heard, method.as_bytes(), text);
            }
            _ => {}
        }
        let uri = shape.text(Member::Uri).unwrap_or_default();
        if !listen.asked.holds(&method, &uri) {
            let what =
                if uri.is_empty() { String::new() } else { format!(" of `{}`", quote(uri.as_bytes())) };
            let text = format!("`{method}`{what} came for the subscription {id}, which did not ask for it.");
            cx.find(&NOT_ASKED, heard, method.as_bytes(), text);
        }
    }

    /// The subscription with this id: that of the stream, or else any.
    fn of_id(&self, heard: &Heard<'_>, told: &Bytes) -> Option<u64> {
        let id = Id::of(told)?;
        if let Some((exchange, listen)) =
            heard.exchange.and_then(|exchange| self.listens.get(&exchange).map(|listen| (exchange, listen)))
        {
            return (listen.id == id).then_some(exchange);
        }
        self.listens.iter().rev().find(|(_, listen)| listen.id == id).map(|(exchange, _)| *exchange)
    }

    fn wrong_id(&self, cx: &mut Cx<'_>, heard: &Heard<'_>, what: &str, told: &Bytes) {
        // Several clients may be behind a session over HTTP, and each has ids of its own.
        let is_own = heard.exchange.is_some_and(|exchange| self.listens.contains_key(&exchange));
        if cx.session.partial || self.has_forgotten || !(is_own || cx.session.transport == Transport::Stdio) {
            return;
        }
        let bare = |raw: &[u8]| raw.trim_ascii() == told.trim_ascii() || unescape(raw) == unescape(told);
        let is_alike = self.listens.values().any(|listen| bare(&listen.id.0));
        let why = if is_alike {
            "which has another type than the id of its request"
        } else {
            "which nobody opened"
        };
        let text = format!("`{what}` names the subscription {}, {why}.", quote(told));
        cx.find(&WRONG_ID, heard, what, text);
    }

    /// The result that ends a subscription.
    fn ended(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let what = "subscriptions/listen";
        let Some(listen) = heard.exchange.and_then(|exchange| self.listens.get_mut(&exchange)) else {
            return;
        };
        let state = std::mem::replace(&mut listen.state, State::Ended);
        let is_unacknowledged = matches!(state, State::Waiting { is_told: false });
        if is_unacknowledged && !cx.session.partial {
            let text = format!("The subscription {} ended and was never acknowledged.", quote(&listen.id.0));
            cx.find_at(&NEVER_ACKED, listen.place, what, text);
        }
        let id = listen.id.clone();
        match heard.shape().raw(Member::SubscriptionId) {
            None if heard.message.is_whole() => {
                let text = "The result of the subscription does not say to which subscription it belongs.";
                cx.find(&NO_ID, heard, what, text);
            }
            Some(told) if Id::of(told).as_ref() != Some(&id) => self.wrong_id(cx, heard, what, told),
            _ => {}
        }
    }

    /// Subscriptions that wait too long.
    fn unacknowledged(&mut self, cx: &mut Cx<'_>) {
        for listen in self.listens.values_mut() {
            let is_due = cx.now.0.saturating_sub(listen.at.0) >= PATIENCE && !cx.session.partial;
            if is_due && listen.state == (State::Waiting { is_told: false }) {
                listen.state = State::Waiting { is_told: true };
                let text = format!("The subscription {} waits for its acknowledgement.", quote(&listen.id.0));
                cx.find_at(&NEVER_ACKED, listen.place, "subscriptions/listen", text);
            }
        }
    }

    /// An update of a legacy server.
    ///
    /// What came for a part of what was subscribed to is right too.
    fn updated(&self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let is_seen = !cx.session.partial && cx.session.handshake != Handshake::None;
        if !is_seen || cx.session.era != Some(Era::Legacy) || self.n_bytes > MAX_URIS {
            return;
        }
        let Some(uri) = heard.shape().raw(Member::Uri).map(|uri| uri_of(uri)) else { return };
        let is_meant = |subscribed: &Bytes| {
            let subscribed = subscribed.strip_suffix(b"/").unwrap_or(subscribed);
            uri.starts_with(subscribed)
        };
        if !self.uris.iter().any(is_meant) {
            let uri = quote(&uri);
            let text = format!("The server tells that `{uri}` was updated, and nobody subscribed to it.");
            cx.find(&NOT_SUBSCRIBED, heard, &uri, text);
        }
    }
}

/// The first notification of a subscription says what the server agrees to.
fn acknowledge(cx: &mut Cx<'_>, heard: &Heard<'_>, listen: &mut Listen) {
    let id = quote(&listen.id.0);
    if matches!(listen.state, State::Waiting { .. }) {
        listen.state = State::Acknowledged;
    }
    let agreed = heard.shape().inside(Member::Params, &["notifications"]).unwrap_or_default();
    let agreed = Filter::of(&agreed);
    if let Some(what) = agreed.beyond(&listen.asked) {
        let text =
            format!("The acknowledgement of the subscription {id} has {what}, which nobody asked for.");
        cx.find(&ACK_MORE, heard, what, text);
    }
    if let Some(what) = listen.asked.beyond(&agreed) {
        let text = format!("The server does not agree to tell {what} for the subscription {id}.");
        cx.find(&NOT_ACKED, heard, what, text);
    }
}

fn uri_of(raw: &[u8]) -> Bytes {
    unescape(raw).into_owned().into()
}
