//! Hears facts, asks each family, and adds what they find.

use std::collections::{HashMap, VecDeque};

use tapgate_engine::Fact;
use tapgate_engine::fact::{self, Content, Exchange};
use tapgate_wire::record::Piece;
use tapgate_wire::shape::MAX_PARTS;
use tapgate_wire::{Kind, Message, Nanos};

use crate::event::{Cx, Event, Heard, Stray};
use crate::family::{self, Family};
use crate::world::Session;

/// Findings of one rule that one session gets; further ones are counted in nothing but the traffic itself.
const MAX_ALIKE: u32 = 20;

/// Exchanges that ended whose findings are remembered, because their state may be told again.
const MAX_CLOSED: usize = 1024;

/// Exchanges with findings that are remembered while they are open.
const MAX_JUDGED: usize = 65_536;

/// Judges the facts of one source.
///
/// Every fact goes through [`Judge::on`] on its way to the recorder: what is found comes out after the fact that shows it,
/// and the state of an exchange leaves with the codes of all that was found about it.
#[derive(Debug)]
pub struct Judge {
    sessions: HashMap<u64, Bench>,
    /// Codes of what was found about exchanges.
    judged: HashMap<u64, Vec<&'static str>>,
    /// Of these, the ones that ended, oldest first.
    closed: VecDeque<u64>,
    found: Vec<fact::Finding>,
}

/// A session and its families.
#[derive(Debug)]
struct Bench {
    session: Session,
    families: Vec<Box<dyn Family>>,
    /// How often each rule was found.
    n_found: HashMap<&'static str, u32>,
}

impl Default for Judge {
    fn default() -> Self {
        Self::new()
    }
}

impl Judge {
    /// A judge that has seen nothing.
    pub fn new() -> Self {
        Self { sessions: HashMap::new(), judged: HashMap::new(), closed: VecDeque::new(), found: Vec::new() }
    }

    /// Judges one fact; adds to an exchange the codes of what was found about it, and pushes the findings to `more`.
    pub fn on(&mut self, fact: &mut Fact, more: &mut Vec<Fact>) {
        match fact {
            Fact::Session(session) => self.session(session),
            Fact::Message(message) => self.message(message),
            Fact::Exchange(exchange) => {
                if exchange.closed.is_some() {
                    self.close(exchange);
                } else if let Some(bench) = self.sessions.get_mut(&exchange.session) {
                    bench.session.note_hand(exchange);
                }
                self.settle(more);
                self.stamp(exchange);
            }
            Fact::Exited { at, status } => self.every(*at, Event::Exited { status: *status }),
            Fact::Lost { .. } => {
                for bench in self.sessions.values_mut() {
                    bench.session.partial = true;
                }
            }
            Fact::Ended { at } => self.every(*at, Event::Ended),
            Fact::Finding(_) | Fact::Surface(_) | Fact::Started { .. } => {}
        }
        self.settle(more);
    }

    /// Lets time pass; needed about once a second.
    pub fn tick(&mut self, now: Nanos, more: &mut Vec<Fact>) {
        self.every(now, Event::Tick);
        self.settle(more);
    }

    fn session(&mut self, told: &fact::Session) {
        if told.closed.is_some() {
            if let Some(mut bench) = self.sessions.remove(&told.n) {
                bench.session.learn(told);
                bench.hear(told.closed.unwrap_or_default(), &Event::Ended, &mut self.found);
            }
            return;
        }
        match self.sessions.get_mut(&told.n) {
            Some(bench) => bench.session.learn(told),
            None => {
                let mut bench = Bench::new(Session::new(told));
                bench.hear(told.opened, &Event::Opened, &mut self.found);
                self.sessions.insert(told.n, bench);
            }
        }
    }

    fn message(&mut self, told: &fact::Message) {
        let Some(bench) = self.sessions.get_mut(&told.session) else { return };
        let time = |chunk: Option<&(Nanos, u32)>| chunk.map(|chunk| chunk.0).unwrap_or_default();
        let (first, last) = (time(told.carried.chunks.first()), time(told.carried.chunks.last()));
        match &told.content {
            Content::Message(message) if told.piece != Piece::Http => {
                let parts = &message.shape().parts;
                let whole = std::slice::from_ref(message);
                let in_batch = !parts.is_empty();
                let parts = if in_batch { parts.as_slice() } else { whole };
                for part in parts.iter().take(MAX_PARTS) {
                    bench.message(told, part, in_batch, (first, last), &mut self.found);
                }
            }
            content => {
                let (bytes, faults) = match content {
                    Content::Message(message) => (message.raw(), message.shape().faults.as_slice()),
                    Content::Raw(bytes, faults) => (bytes, faults.as_slice()),
                };
                let stray = Stray {
                    n: told.n,
                    piece: told.piece,
                    from: told.from,
                    at: first,
                    bytes,
                    faults,
                    head: told.head.as_ref(),
                    exchange: told.exchange,
                    carried: &told.carried,
                };
                bench.hear(first, &Event::Piece(&stray), &mut self.found);
            }
        }
    }

    fn close(&mut self, exchange: &Exchange) {
        if let Some(bench) = self.sessions.get_mut(&exchange.session) {
            bench.hear(exchange.closed.unwrap_or_default(), &Event::Closed(exchange), &mut self.found);
            bench.session.close(exchange.n);
        }
    }

    fn every(&mut self, now: Nanos, event: Event<'_>) {
        for bench in self.sessions.values_mut() {
            bench.hear(now, &event, &mut self.found);
        }
    }

    /// Hands out what was found and notes it with the exchanges.
    fn settle(&mut self, more: &mut Vec<Fact>) {
        for finding in self.found.drain(..) {
            let Some(bench) = self.sessions.get_mut(&finding.session) else {
                more.push(Fact::Finding(Box::new(finding)));
                continue;
            };
            let n = bench.n_found.entry(finding.rule.id).or_default();
            *n += 1;
            if let Some(exchange) = finding.exchange
                && (self.judged.len() < MAX_JUDGED || self.judged.contains_key(&exchange))
            {
                let codes = self.judged.entry(exchange).or_default();
                if !codes.contains(&finding.rule.id) {
                    codes.push(finding.rule.id);
                }
            }
            if *n <= MAX_ALIKE {
                more.push(Fact::Finding(Box::new(finding)));
            }
        }
    }

    /// Adds the codes of what was found about an exchange to its state.
    fn stamp(&mut self, exchange: &mut Exchange) {
        let Some(codes) = self.judged.get(&exchange.n) else { return };
        for code in codes {
            if !exchange.findings.contains(code) {
                exchange.findings.push(code);
            }
        }
        if exchange.closed.is_some() && !self.closed.contains(&exchange.n) {
            self.closed.push_back(exchange.n);
            if self.closed.len() > MAX_CLOSED
                && let Some(oldest) = self.closed.pop_front()
            {
                self.judged.remove(&oldest);
            }
        }
    }
}

impl Bench {
    fn new(session: Session) -> Self {
        Self { session, families: family::all(), n_found: HashMap::new() }
    }

    fn hear(&mut self, now: Nanos, event: &Event<'_>, found: &mut Vec<fact::Finding>) {
        let mut cx = Cx::new(now, &self.session, found);
        for family in &mut self.families {
            family.on(&mut cx, event);
        }
    }

    fn message(
        &mut self,
        told: &fact::Message,
        message: &Message,
        in_batch: bool,
        (first, last): (Nanos, Nanos),
        found: &mut Vec<fact::Finding>,
    ) {
        self.session.before(message, told.exchange, told.from, told.n, first);
        let session = &self.session;
        let heard = Heard {
            n: told.n,
            from: told.from,
            message,
            in_batch,
            first,
            last,
            carried: &told.carried,
            head: told.head.as_ref(),
            exchange: told.exchange,
            call: told
                .exchange
                .and_then(|exchange| session.call(exchange))
                .filter(|call| message.shape().kind != Kind::Request || call.asked_by != told.from),
            revision: session.revision_of(message, told.exchange),
        };
        let mut cx = Cx::new(last, session, found);
        for family in &mut self.families {
            family.on(&mut cx, &Event::Message(&heard));
        }
    }
}
