//! Hears facts, asks each family, and adds what they find.

mod injected;

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tapgate_engine::Fact;
use tapgate_engine::bridge::hold::Withheld;
use tapgate_engine::fact::{self, Content, Exchange};
use tapgate_engine::surface::Lock;
use tapgate_wire::record::{Piece, Transport};
use tapgate_wire::shape::MAX_PARTS;
use tapgate_wire::{Kind, Message, Nanos};

use self::injected::Injected;
use crate::event::{Cx, Event, Findings, Heard, MAX_ALIKE, Stray};
use crate::family::{Families, said_by};
use crate::surface::{Surfaces, Told};
use crate::world::Session;

/// Exchanges that ended whose findings are remembered, because their state may be told again.
const MAX_CLOSED: usize = 1024;

/// Exchanges with findings that are remembered while they are open.
const MAX_JUDGED: usize = 65_536;

/// Sessions that ended and are remembered for what still comes for them; when full, the one that ended first is forgotten.
const MAX_ENDED: usize = 64;

/// Judges the facts of one source.
///
/// Every fact goes through [`Judge::on`] on its way to the recorder: what is found comes out after the fact that shows it,
/// and the state of an exchange leaves with the codes of all that was found about it.
#[derive(Debug)]
pub struct Judge {
    /// Each in a place of its own: a table of them would keep room for twice as many.
    sessions: HashMap<u64, Box<Bench>>,
    /// Codes of what was found about exchanges.
    judged: HashMap<u64, Vec<&'static str>>,
    /// Of these, the ones that ended, oldest first.
    closed: VecDeque<u64>,
    /// Sessions that ended, oldest first.
    ended: VecDeque<u64>,
    /// The session on pipes that ended with the fact before this one.
    before: Option<(u64, Nanos)>,
    /// The process whose exit was told and not yet noted in a session.
    exited: Option<(Nanos, i32)>,
    /// Bytes of the source were not observed.
    is_lossy: bool,
    found: Found,
    /// What the server may offer, if that is pinned.
    lock: Option<Arc<Lock>>,
    /// What a lock keeps from the client whose leg this is.
    withheld: Option<Arc<Withheld>>,
}

/// What came of one fact.
#[derive(Debug, Default)]
struct Found {
    findings: Findings,
    told: Told,
}

/// A session and its families.
#[derive(Debug)]
struct Bench {
    session: Session,
    families: Families,
    surfaces: Surfaces,
    /// How often each rule was found.
    n_found: HashMap<&'static str, u32>,
    /// The fault that was injected last.
    injected: Option<Injected>,
}

impl Default for Judge {
    fn default() -> Self {
        Self::new()
    }
}

impl Judge {
    /// A judge that has seen nothing.
    pub fn new() -> Self {
        Self {
            sessions: HashMap::new(),
            judged: HashMap::new(),
            closed: VecDeque::new(),
            ended: VecDeque::new(),
            before: None,
            exited: None,
            is_lossy: false,
            found: Found::default(),
            lock: None,
            withheld: None,
        }
    }

    /// Judges what the server offers by this lock from now on.
    pub fn lock(&mut self, lock: &Arc<Lock>) {
        if self.lock.as_ref().is_some_and(|known| Arc::ptr_eq(known, lock)) {
            return;
        }
        self.lock = Some(Arc::clone(lock));
        for bench in self.sessions.values_mut() {
            bench.session.lock = Some(Arc::clone(lock));
        }
    }

    /// Judges what the client sees and does by what is held back from it, from now on.
    pub fn withhold(&mut self, withheld: &Arc<Withheld>) {
        if self.withheld.as_ref().is_some_and(|known| Arc::ptr_eq(known, withheld)) {
            return;
        }
        self.withheld = Some(Arc::clone(withheld));
        for bench in self.sessions.values_mut() {
            bench.session.withheld = Some(Arc::clone(withheld));
        }
    }

    /// Judges one fact; adds to an exchange the codes of what was found about it, and pushes the findings to `more`.
    pub fn on(&mut self, fact: &mut Fact, more: &mut Vec<Fact>) {
        let before = self.before.take();
        match fact {
            Fact::Session(session) => self.session(session, before),
            Fact::Message(message) => {
                self.message(message);
                self.settle(Some(message), more);
            }
            Fact::Exchange(exchange) => {
                if !exchange.findings.is_empty() {
                    self.tell(exchange.session, exchange.opened, &Event::Told(exchange));
                }
                if exchange.closed.is_some() {
                    self.close(exchange);
                } else if let Some(bench) = self.sessions.get_mut(&exchange.session) {
                    bench.session.note_hand(exchange);
                }
                self.settle(None, more);
                self.stamp(exchange);
            }
            // The session that the process belonged to notes it next.
            Fact::Exited { at, status } => self.exited = Some((*at, *status)),
            Fact::Left { at, session } => self.tell(*session, *at, &Event::Left),
            Fact::Lost { .. } => {
                self.is_lossy = true;
                for bench in self.sessions.values_mut() {
                    bench.session.partial = true;
                }
            }
            Fact::Ended { at } => {
                self.every(*at, Event::Ended);
                self.settle(None, more);
                self.sessions.clear();
            }
            Fact::Finding(_) | Fact::Surface(_) | Fact::Started { .. } => {}
        }
        self.settle(None, more);
    }

    /// Lets time pass; needed about once a second.
    pub fn tick(&mut self, now: Nanos, more: &mut Vec<Fact>) {
        self.every(now, Event::Tick);
        self.settle(None, more);
    }

    /// How many sessions it remembers, for tests and for an account of memory.
    pub fn held(&self) -> usize {
        self.sessions.len()
    }

    fn session(&mut self, told: &fact::Session, before: Option<(u64, Nanos)>) {
        let is_new = !self.sessions.contains_key(&told.n);
        if is_new && told.closed.is_some() {
            return;
        }
        let bench = self.sessions.entry(told.n).or_insert_with(|| Box::new(Bench::new(Session::new(told))));
        bench.session.learn(told);
        if is_new {
            bench.session.lock.clone_from(&self.lock);
            bench.session.withheld.clone_from(&self.withheld);
            bench.session.partial |= self.is_lossy;
            let follows = before.filter(|(_, at)| told.transport == Transport::Stdio && *at == told.opened);
            bench.session.follows = follows.map(|(n, _)| n);
            bench.hear(told.opened, &Event::Opened, &mut self.found);
        }
        match (told.closed, bench.session.ended) {
            (Some(at), None) => {
                bench.hear(at, &Event::Ended, &mut self.found);
                bench.session.ended = Some(at);
                self.before = Some((told.n, at));
                self.ended.push_back(told.n);
                self.forget();
            }
            (None, Some(_)) => bench.session.ended = None,
            _ => {}
        }
    }

    /// Forgets sessions that ended long ago.
    fn forget(&mut self) {
        while self.ended.len() > MAX_ENDED {
            let Some(oldest) = self.ended.pop_front() else { return };
            if self.sessions.get(&oldest).is_some_and(|bench| bench.session.ended.is_some()) {
                self.sessions.remove(&oldest);
            }
        }
    }

    fn tell(&mut self, session: u64, now: Nanos, event: &Event<'_>) {
        if let Some(bench) = self.sessions.get_mut(&session) {
            bench.hear(now, event, &mut self.found);
        }
    }

    fn message(&mut self, told: &fact::Message) {
        let Some(bench) = self.sessions.get_mut(&told.session) else { return };
        let time = |chunk: Option<&(Nanos, u32)>| chunk.map(|chunk| chunk.0).unwrap_or_default();
        let (first, last) = (time(told.carried.chunks.first()), time(told.carried.chunks.last()));
        if let Some((at, status)) = self.exited.take_if(|(at, _)| told.piece == Piece::Note && *at == first) {
            bench.hear(at, &Event::Exited { status }, &mut self.found);
        }
        let (bytes, faults) = match &told.content {
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
            codes: &told.findings,
            head: told.head.as_ref(),
            exchange: told.exchange,
            carried: &told.carried,
        };
        let mut parts = &[][..];
        match &told.content {
            Content::Message(message) if told.piece != Piece::Http => {
                parts = message.shape().parts.as_slice();
                let in_batch = !parts.is_empty();
                let all = if in_batch { parts } else { std::slice::from_ref(message) };
                for part in all.iter().take(MAX_PARTS) {
                    bench.message(told, part, in_batch, (first, last), &mut self.found);
                }
            }
            _ => bench.hear(first, &Event::Piece(&stray), &mut self.found),
        }
        if !faults.is_empty() || !told.findings.is_empty() {
            bench.hear(first, &Event::Odd(&stray), &mut self.found);
        }
        for part in parts.iter().take(MAX_PARTS).filter(|part| !part.shape().faults.is_empty()) {
            let (bytes, faults) = (part.raw(), part.shape().faults.as_slice());
            let odd = Stray { bytes, faults, codes: &[], ..stray };
            bench.hear(first, &Event::Odd(&odd), &mut self.found);
        }
    }

    fn close(&mut self, exchange: &Exchange) {
        if let Some(bench) = self.sessions.get_mut(&exchange.session) {
            bench.hear(exchange.closed.unwrap_or_default(), &Event::Closed(exchange), &mut self.found);
            bench.session.close(exchange.n);
        }
    }

    fn every(&mut self, now: Nanos, event: Event<'_>) {
        for bench in self.sessions.values_mut().filter(|bench| bench.session.ended.is_none()) {
            bench.hear(now, &event, &mut self.found);
        }
    }

    /// Hands out what was found, when that message was heard, and notes it with the exchanges.
    fn settle(&mut self, about: Option<&fact::Message>, more: &mut Vec<Fact>) {
        more.extend(self.found.told.surfaces.drain(..).map(|surface| Fact::Surface(Box::new(surface))));
        for finding in once(self.found.findings.take()) {
            let Some(bench) = self.sessions.get_mut(&finding.session) else {
                more.push(Fact::Finding(Box::new(finding)));
                continue;
            };
            // What follows from a fault that was injected is nobody's fault.
            let is_injected =
                |exchange| self.judged.get(&exchange).is_some_and(|codes| codes.contains(&injected::RULE));
            if let Some(injected) = Injected::of(&finding, about) {
                bench.injected = Some(injected);
            } else if match finding.exchange {
                Some(exchange) => is_injected(exchange),
                None => bench.injected.is_some_and(|injected| injected.explains(&finding, about)),
            } {
                continue;
            }
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

/// The findings without those that another one of the same message says more exactly: one fault is one finding.
fn once(mut found: Vec<fact::Finding>) -> Vec<fact::Finding> {
    let said: HashSet<(u64, &str)> = found
        .iter()
        .flat_map(|finding| said_by(finding.rule).iter().filter_map(|rule| Some((finding.message?, *rule))))
        .collect();
    found.retain(|finding| finding.message.is_none_or(|message| !said.contains(&(message, finding.rule.id))));
    found
}

impl Bench {
    fn new(session: Session) -> Self {
        Self {
            session,
            families: Families::default(),
            surfaces: Surfaces::default(),
            n_found: HashMap::new(),
            injected: None,
        }
    }

    fn hear(&mut self, now: Nanos, event: &Event<'_>, found: &mut Found) {
        self.surfaces.on(self.session.n, now, event, &mut found.told);
        let mut cx = Cx::new(now, &self.session, &mut found.findings);
        self.families.on(&mut cx, event);
    }

    fn message(
        &mut self,
        told: &fact::Message,
        message: &Message,
        in_batch: bool,
        (first, last): (Nanos, Nanos),
        found: &mut Found,
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
            page: OnceCell::new(),
        };
        let event = Event::Message(&heard);
        self.surfaces.on(session.n, last, &event, &mut found.told);
        let mut cx = Cx::new(last, session, &mut found.findings);
        self.families.on(&mut cx, &event);
    }
}
