//! Messages: where each belongs, and what it tells about the session.

use bytes::Bytes;
use tapgate_wire::record::{Era, Piece};
use tapgate_wire::shape::Member;
use tapgate_wire::stream::Carried;
use tapgate_wire::{Kind, Leg, Message, Nanos, Shape, StreamId};

use super::stream::Stream;
use super::{Handshake, Session, is_initialize, timed};
use crate::fact::{self, Content, Fact};
use crate::input::Action;
use crate::ledger::Ledger;
use crate::track::{Part, Place, Scope, Tracker, Via, object_text, unquoted};

/// Where a message with all its parts belongs.
struct Placed {
    exchange: Option<u64>,
    target: Option<Bytes>,
    findings: Vec<&'static str>,
}

impl Session {
    pub(super) fn message(
        &mut self,
        now: Nanos,
        (id, from): (StreamId, Leg),
        carried: Carried,
        message: Message,
        ledger: &mut Ledger<'_>,
    ) {
        let shape = message.shape();
        if shape.kind == Kind::Other && from == Leg::Client {
            self.open_http(now, id, ledger);
        }
        self.note_event(id, &carried, ledger);
        self.learn(shape, from, ledger);
        let n = ledger.next_message();
        let before = ledger.actions.len();
        let placed = self.place(now, (id, from), n, &carried, &message, ledger);
        let stream = self.streams.get_mut(&id);
        let (head, is_http) =
            stream.map_or((None, false), |stream| (stream.head_to_tell(from), stream.http.is_some()));
        let piece = match message.shape().kind {
            Kind::Request => Piece::Request,
            Kind::Notification => Piece::Notification,
            Kind::Result => Piece::Result,
            Kind::Error => Piece::Error,
            Kind::Batch => Piece::Batch,
            Kind::Other if is_http => Piece::Http,
            Kind::Other => Piece::Other,
        };
        let told = Fact::Message(Box::new(fact::Message {
            n,
            session: self.state.n,
            exchange: placed.exchange,
            target: placed.target,
            piece,
            stream: Some(id),
            from,
            carried: timed(carried, now),
            content: Content::Message(message),
            head,
            findings: placed.findings,
        }));
        // Whoever listens hears what was said before what came of it.
        ledger.actions.insert(before, Action::Record(told));
    }

    /// Where a message belongs: each part of a batch by itself, the batch where all its parts do.
    fn place(
        &mut self,
        now: Nanos,
        (id, from): (StreamId, Leg),
        n: u64,
        carried: &Carried,
        message: &Message,
        ledger: &mut Ledger<'_>,
    ) -> Placed {
        let stream = self.streams.get(&id);
        let scope = if self.is_pipe(id) { Scope::Session } else { Scope::Stream(id) };
        let via = Via {
            stream: stream.map(|_| id),
            scope: stream.map_or(scope, |stream| stream.scope),
            calls: stream.map_or(&[], |stream| &stream.calls),
            http: stream.and_then(|stream| stream.http),
            status: stream.and_then(Stream::status),
            era: stream.map_or(Era::Legacy, |stream| stream.era),
            revision: stream
                .and_then(|stream| stream.revision.clone())
                .or_else(|| self.state.revision.clone()),
            began: stream.filter(|stream| !stream.is_request_told).map(|stream| stream.asked),
        };
        let first = carried.chunks.first().map_or(now, |chunk| chunk.0);
        let last = carried.chunks.last().map_or(now, |chunk| chunk.0);
        let part = Part { n, from, shape: message.shape(), first, last, size: carried.size, via: &via };
        let mut places = Vec::new();
        let mut hear = |part, track: &mut Tracker| {
            let place = track.hear(part, ledger);
            if places.last() != Some(&place) {
                places.push(place);
            }
        };
        if message.shape().parts.is_empty() {
            hear(part, &mut self.track);
        }
        for inner in &message.shape().parts {
            let size = inner.raw().len() as u64;
            hear(Part { shape: inner.shape(), size, ..part }, &mut self.track);
        }
        self.follow(id, message.shape(), &places);
        let exchange = places.first().and_then(|place| place.exchange);
        let is_shared = places.iter().any(|place| place.exchange != exchange);
        Placed {
            exchange: exchange.filter(|_| !is_shared),
            findings: places.iter().flat_map(|place| &place.odd).map(|odd| odd.code()).collect(),
            target: places.into_iter().find_map(|place| place.target),
        }
    }

    /// Notes what the placed messages mean for their stream and for the handshake.
    fn follow(&mut self, id: StreamId, shape: &Shape, places: &[Place]) {
        if let Some(stream) = self.streams.get_mut(&id) {
            let carries = places.iter().filter(|place| place.carries_answer);
            stream.calls.extend(carries.filter_map(|place| place.exchange));
            // Spec 2026-07-28, streamable-http: an unknown method is answered with 404.
            stream.is_answered |= shape.kind == Kind::Error && shape.id.is_some();
        }
        match (shape.kind, places) {
            (Kind::Request, [place]) if is_initialize(shape) => {
                self.handshake = place.exchange.map_or(Handshake::None, Handshake::Asked);
            }
            (Kind::Result, [place]) => {
                if matches!(self.handshake, Handshake::Asked(n) if place.exchange == Some(n)) {
                    self.handshake = Handshake::Done;
                }
            }
            _ => {}
        }
    }

    /// Learns who takes part, from the handshake or from what every modern message says.
    fn learn(&mut self, shape: &Shape, from: Leg, ledger: &mut Ledger<'_>) {
        let most = ledger.limits.text;
        let names = |raw: &Bytes| (object_text(raw, "name", most), object_text(raw, "version", most));
        let mut next = None;
        let state = &self.state;
        if from == Leg::Client && is_initialize(shape) {
            let state = next.get_or_insert_with(|| state.clone());
            state.era = Some(Era::Legacy);
            state.client = shape.raw(Member::ClientInfo).map(names).or_else(|| state.client.take());
        } else if from == Leg::Client && (state.era.is_none() || state.client.is_none()) {
            if let Some(revision) = shape.raw(Member::MetaRevision).filter(|_| state.era.is_none()) {
                let state = next.get_or_insert_with(|| state.clone());
                state.era = Some(Era::Modern);
                state.revision = Some(unquoted(revision, most));
            }
            if let Some(client) = shape.raw(Member::MetaClient).filter(|_| state.client.is_none()) {
                next.get_or_insert_with(|| state.clone()).client = Some(names(client));
            }
        } else if from == Leg::Server && shape.kind == Kind::Result {
            let is_handshake = matches!(self.handshake, Handshake::Asked(_));
            if let Some(revision) = shape.raw(Member::AgreedRevision).filter(|_| is_handshake) {
                next.get_or_insert_with(|| state.clone()).revision = Some(unquoted(revision, most));
            }
            let server = shape.raw(Member::ServerInfo).or_else(|| shape.raw(Member::MetaServer));
            if let Some(server) = server.filter(|_| is_handshake || state.server.is_none()) {
                next.get_or_insert_with(|| state.clone()).server = Some(names(server));
            }
        }
        if let Some(next) = next {
            self.state = next;
            self.tell(ledger);
            // Another client may ask the same, and repeats nothing.
            if self.state.client.is_some()
                && self.before.take().is_some_and(|before| self.state.client.as_ref() != Some(&before))
            {
                self.track.leave();
            }
        }
    }
}
