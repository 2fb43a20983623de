//! Time: what gets no answer, what stalls, what comes too late or begins late.

mod rules;

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use tapgate_engine::fact::Exchange;
use tapgate_wire::record::{Hand, Piece, Status};
use tapgate_wire::rule::Side;
use tapgate_wire::{Kind, Leg, Nanos, Rule};

use self::rules::{LATE, NO_ANSWER, SLOW_START, STALLED};
use super::Family;
use crate::event::{Cx, Event, Heard, Place};
use crate::quote::line;
use crate::world::Call;

pub(super) const RULES: &[&Rule] = &[&NO_ANSWER, &STALLED, &LATE, &SLOW_START];

/// Nanoseconds without an answer or progress that are worth a finding.
const PATIENCE: u64 = 30 * SECOND;

/// Nanoseconds without an answer after which a client that leaves has given up: on work, which may take its time, and on
/// what is answered at once.
const GAVE_UP_WORK: u64 = 10 * SECOND;
const GAVE_UP: u64 = 3 * SECOND;

/// Bytes of the server's last line on standard error that are quoted.
const MAX_WORDS: usize = 200;

/// Nanoseconds to the first byte of an answer that are worth a finding.
const SLOW: u64 = 10 * SECOND;

/// An answer that crosses its cancellation on the way is nobody's fault.
const CROSSING: u64 = SECOND;

const SECOND: u64 = 1_000_000_000;

/// Cancelled calls that are remembered for answers that come all the same.
const MAX_GIVEN_UP: usize = 64;

/// Open calls whose progress is remembered.
const MAX_PROGRESS: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Timing {
    /// When the last notification about a call came.
    progress: HashMap<u64, Nanos>,
    /// Calls that were found to wait; each is found once.
    told: Vec<u64>,
    given_up: VecDeque<GivenUp>,
    /// The last line of the server's standard error.
    words: Bytes,
}

/// A call that its asker cancelled.
#[derive(Debug)]
struct GivenUp {
    exchange: u64,
    asked_by: Leg,
    what: String,
    opened: Nanos,
    closed: Nanos,
}

impl Family for Timing {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        match event {
            Event::Message(heard) => self.message(cx, heard),
            Event::Closed(exchange) => self.closed(cx, exchange),
            Event::Piece(piece) if piece.piece == Piece::Stderr => {
                let said = piece.bytes.trim_ascii();
                if !said.is_empty() {
                    self.words = Bytes::copy_from_slice(said.get(..MAX_WORDS).unwrap_or(said));
                }
            }
            Event::Left => self.waits(cx, "; then the client left", gave_up_after),
            Event::Tick => self.waits(cx, "", |_| PATIENCE),
            _ => {}
        }
    }
}

impl Timing {
    fn message(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let Some(exchange) = heard.exchange else { return };
        match heard.shape().kind {
            Kind::Notification
                if self.progress.len() < MAX_PROGRESS && cx.session.call(exchange).is_some() =>
            {
                self.progress.insert(exchange, heard.last);
            }
            Kind::Result | Kind::Error => {
                let late = self.given_up.iter().find(|call| call.exchange == exchange);
                if let Some(call) = late.filter(|call| call.asked_by != heard.from)
                    && heard.first.since(call.closed) >= CROSSING
                {
                    let took = seconds(heard.first.since(call.opened));
                    let gave_up = seconds(call.closed.since(call.opened));
                    let asker = if call.asked_by == Leg::Client { "client" } else { "server" };
                    let text = format!(
                        "The answer to {} came after {took}; the {asker} had given up after {gave_up}.",
                        call.what
                    );
                    cx.find(&LATE, heard, "", text);
                }
            }
            _ => {}
        }
    }

    fn closed(&mut self, cx: &mut Cx<'_>, exchange: &Exchange) {
        self.progress.remove(&exchange.n);
        self.told.retain(|told| *told != exchange.n);
        let what = || named(&exchange.method, exchange.target.as_deref());
        let closed = exchange.closed.unwrap_or_default();
        if exchange.status == Status::Cancelled {
            if self.given_up.len() >= MAX_GIVEN_UP {
                self.given_up.pop_front();
            }
            self.given_up.push_back(GivenUp {
                exchange: exchange.n,
                asked_by: exchange.asked_by,
                what: what(),
                opened: exchange.opened,
                closed,
            });
            return;
        }
        let (Some(first), Some(clock)) = (exchange.first_answer, exchange.clock) else { return };
        let is_plain = exchange.asked_by == Leg::Client
            && exchange.n_rounds == 0
            && exchange.task.is_none()
            && exchange.status != Status::Unknown
            && answers_soon(&exchange.method);
        // Whoever waited for a person, the client or a fault on purpose did not wait for the server.
        let waited =
            first.since(exchange.opened).saturating_sub(clock.client + clock.person + clock.injected);
        if is_plain && waited.min(clock.server) >= SLOW {
            let place = Place {
                exchange: Some(exchange.n),
                message: None,
                at: first,
                revision: None,
                side: SLOW_START.side,
            };
            let text = format!("The first byte of the answer to {} came after {}.", what(), seconds(waited));
            cx.find_at(&SLOW_START, place, exchange.target.as_deref().unwrap_or_default(), text);
        }
    }

    /// Looks for calls that wait longer than somebody is patient; what was lost may have answered them.
    fn waits(&mut self, cx: &mut Cx<'_>, then: &str, patience: impl Fn(&Call) -> u64) {
        if cx.session.partial {
            return;
        }
        let session = cx.session;
        for call in session.calls() {
            let Some((hand, since)) = call.in_hand else { continue };
            let progress = self.progress.get(&call.exchange).copied();
            let since = progress.map_or(since, |at| at.max(since));
            let waited = cx.now.since(since);
            if waited < patience(call)
                || !answers_soon(call.method.as_bytes())
                || self.told.contains(&call.exchange)
            {
                continue;
            }
            if let Some((side, whom)) = blocked_on(call, hand) {
                self.told.push(call.exchange);
                let rule = if progress.is_some() { &STALLED } else { &NO_ANSWER };
                let what = named(call.method.as_bytes(), call.target.as_deref());
                let ever = if progress.is_some() { "progress nor an answer" } else { "answer" };
                let words = if self.words.is_empty() || side != Side::Server {
                    String::new()
                } else {
                    format!("; the last line on its standard error is `{}`", line(&self.words))
                };
                let waited = seconds(waited);
                let text = format!("{what} waits for the {whom}: no {ever} for {waited}{then}{words}.");
                let place = Place {
                    exchange: Some(call.exchange),
                    message: Some(call.message),
                    at: cx.now,
                    revision: call.revision,
                    side,
                };
                cx.find_at(rule, place, call.target.as_deref().unwrap_or_default(), text);
            }
        }
    }
}

/// How long a client waits before its leaving says that it gave up.
fn gave_up_after(call: &Call) -> u64 {
    match (call.asked_by, &*call.method) {
        // A server whose client is gone has nobody to wait for.
        (Leg::Server, _) => u64::MAX,
        (Leg::Client, "tools/call" | "prompts/get" | "resources/read" | "completion/complete") => GAVE_UP_WORK,
        (Leg::Client, _) => GAVE_UP,
    }
}

/// Whom a call waits for, if waiting is somebody's to end: people take their time, and what waits for something that was
/// asked inside of it is found there.
fn blocked_on(call: &Call, hand: Hand) -> Option<(Side, &'static str)> {
    match (call.asked_by, hand) {
        (Leg::Client, Hand::Server | Hand::Tapgate) => Some((Side::Server, "server")),
        (Leg::Server, Hand::Client | Hand::Tapgate) => Some((Side::Client, "client")),
        _ => None,
    }
}

/// Whether a method is answered when its work is done, and not when something happens.
fn answers_soon(method: &[u8]) -> bool {
    !matches!(method, b"tasks/result" | b"subscriptions/listen") && !method.starts_with(b"http/")
}

/// A call in words: `tools/call search`.
pub(super) fn named(method: &[u8], target: Option<&[u8]>) -> String {
    let method = String::from_utf8_lossy(method);
    match target {
        Some(target) => {
            let target: String = String::from_utf8_lossy(target).chars().take(80).collect();
            format!("{method} `{target}`")
        }
        None => method.into_owned(),
    }
}

/// A length of time in seconds, as people say it.
pub(super) fn seconds(nanos: u64) -> String {
    match nanos / SECOND {
        0..10 => format!("{:.1} s", nanos as f64 / 1e9),
        seconds => format!("{seconds} s"),
    }
}
