//! Which message belongs to which exchange.
//!
//! Pairing is by session, direction and id, never by socket. Where nothing but an HTTP stream says
//! that messages belong together (no session id, modern requests), ids count inside that stream.
//! Invariant: a link that could be wrong is not made; a finding says why.

mod answer;
mod call;
mod memory;
mod notice;
mod request;
mod split;
mod text;
mod turn;
mod waiting;

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use tapgate_wire::record::{Again, Era, Root, Status};
use tapgate_wire::{Kind, Leg, Nanos, Shape, StreamId};

pub(crate) use self::call::{Awaits, Call, Opening, Verb};
pub(crate) use self::memory::Failures;
use self::memory::{Failure, Memory};
pub(crate) use self::request::era_of;
pub(crate) use self::text::{cut, digest, object_text, unquoted};
pub(crate) use self::waiting::Scope;
use self::waiting::{Key, Waiting};
use crate::ledger::Ledger;
use crate::oddity::Oddity;
use crate::past::Failed;

/// What carried a message, as far as pairing asks.
#[derive(Clone, Debug)]
pub(crate) struct Via<'a> {
    /// The HTTP stream, `None` for pipes.
    pub(crate) stream: Option<StreamId>,
    /// How far its ids reach.
    pub(crate) scope: Scope,
    /// The exchanges whose answers the stream carries, oldest first; some may have closed.
    pub(crate) calls: &'a [u64],
    /// The exchange of the HTTP request itself, if that carried no message.
    pub(crate) http: Option<u64>,
    /// The status of the HTTP response, once known.
    pub(crate) status: Option<u16>,
    /// Whether the HTTP request's headers are those of a modern client.
    pub(crate) era: Era,
    /// The revision that the HTTP request or else the session names.
    pub(crate) revision: Option<Bytes>,
    /// When the HTTP request began that brought nothing yet.
    pub(crate) began: Option<Nanos>,
}

/// One message, or one part of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    /// Its number; parts of one batch share it.
    pub(crate) n: u64,
    pub(crate) from: Leg,
    pub(crate) shape: &'a Shape,
    /// When its first and its last byte were read.
    pub(crate) first: Nanos,
    pub(crate) last: Nanos,
    pub(crate) size: u64,
    pub(crate) via: &'a Via<'a>,
}

/// Where a message belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) exchange: Option<u64>,
    /// The message's stream carries the answer of that exchange from now on.
    pub(crate) carries_answer: bool,
    /// The tool, prompt or resource that an answer is about.
    pub(crate) target: Option<Bytes>,
    /// What is odd about the message itself.
    pub(crate) odd: Vec<Oddity>,
}

impl Place {
    fn of(n: u64) -> Self {
        Self { exchange: Some(n), ..Self::default() }
    }

    fn nowhere(odd: Option<Oddity>) -> Self {
        Self { odd: odd.into_iter().collect(), ..Self::default() }
    }
}

/// The exchanges of one session.
#[derive(Debug)]
pub(crate) struct Tracker {
    session: u64,
    open: BTreeMap<u64, Box<Call>>,
    ids: Waiting,
    tokens: Waiting,
    /// Open exchanges that became tasks, by who asked and the raw task id.
    tasks: HashMap<(Leg, Bytes), u64>,
    memory: Memory,
    failures: Failures,
    /// What repeats the handshake of a session that the server forgot begins with this exchange's chain.
    gone: Option<Root>,
    /// Exchanges of which a message was read that nobody told yet to be passed on: by stream and sender, oldest first.
    passing: VecDeque<(Option<StreamId>, Leg, u64)>,
    /// Bytes were lost: that something was not seen proves nothing.
    lossy: bool,
}

impl Tracker {
    pub(crate) fn new(session: u64, lossy: bool) -> Self {
        Self {
            session,
            open: BTreeMap::new(),
            ids: Waiting::default(),
            tokens: Waiting::default(),
            tasks: HashMap::new(),
            memory: Memory::default(),
            failures: Failures::default(),
            gone: None,
            passing: VecDeque::new(),
            lossy,
        }
    }

    /// Hears one message and says where it belongs.
    pub(crate) fn hear(&mut self, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        match part.shape.kind {
            Kind::Request => self.request(part, ledger),
            Kind::Result | Kind::Error => self.answer(part, ledger),
            Kind::Notification => self.notification(part, ledger),
            Kind::Batch | Kind::Other => self.by_stream(part, ledger),
        }
    }

    /// Gives away what failed here.
    pub(crate) fn leave(&mut self) -> Failures {
        std::mem::take(&mut self.failures)
    }

    /// Takes over what failed in a session that the server forgot.
    pub(crate) fn inherit(&mut self, mut failures: Failures) {
        self.gone = failures.note_gone();
        self.failures = failures;
    }

    /// Takes over what failed before the client started the server again.
    pub(crate) fn recall(&mut self, failed: &[Failed]) {
        self.failures = Failures::before(failed);
    }

    pub(crate) fn n_open(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn call(&mut self, n: u64) -> Option<&mut Call> {
        self.open.get_mut(&n).map(Box::as_mut)
    }

    /// What was asked on a stream and still waits for its answer.
    pub(crate) fn carried_by(&self, stream: StreamId) -> Vec<u64> {
        let is_carried = |call: &Call| call.stream == Some(stream) && call.is_waiting_for_answer();
        self.open.values().filter(|call| is_carried(call)).map(|call| call.n()).collect()
    }

    /// Whether an open exchange waits for an answer with this id anywhere in the session.
    pub(crate) fn awaits(&self, asked_by: Leg, id: &Bytes) -> bool {
        !self.ids.of(&Key { asked_by, scope: Scope::Session, id: id.clone() }).is_empty()
    }

    /// The open exchange that was asked with this id somewhere in the session, the oldest if there are several.
    pub(crate) fn asked_with(&self, asked_by: Leg, id: &Bytes) -> Option<u64> {
        self.ids.of(&Key { asked_by, scope: Scope::Session, id: id.clone() }).first().copied()
    }

    /// Whether a closed exchange with this id is remembered.
    pub(crate) fn remembers(&mut self, asked_by: Leg, id: &[u8]) -> bool {
        self.memory.by_id(asked_by, None, id).is_some()
    }

    /// Opens an exchange, making room by giving up the oldest.
    pub(crate) fn open(&mut self, opening: Opening, ledger: &mut Ledger<'_>) -> &mut Call {
        if self.open.len() >= ledger.limits.open
            && let Some((&oldest, call)) = self.open.iter_mut().next()
        {
            call.find(Oddity::Forgotten);
            let now = opening.opened;
            self.close(oldest, Status::Unknown, now, ledger);
        }
        let n = ledger.next_exchange();
        let repeated = self.failures.take(opening.digest, opening.first_id, opening.opened, ledger.limits);
        let gone = if opening.verb == Verb::Initialize { self.gone.take() } else { None };
        let call = self.open.entry(n).or_insert_with(|| Box::new(Call::open(n, opening)));
        if let Some(failure) = repeated {
            call.exchange.n_retries = failure.n_retries.saturating_add(1);
            call.exchange.chain = Some(failure.chain);
            call.exchange.again = Some(failure.repeated_by(call.first_id));
        } else if let Some(chain) = gone {
            call.exchange.chain = Some(chain);
            call.exchange.again = Some(Again::Session);
        }
        call
    }

    /// Closes an open exchange; without an answer and with bytes lost, nobody knows how it ended.
    pub(crate) fn close(&mut self, n: u64, status: Status, at: Nanos, ledger: &mut Ledger<'_>) {
        let Some(mut call) = self.open.remove(&n) else {
            return;
        };
        if let Some(key) = &call.key {
            self.ids.remove(key, n);
        }
        if let Some(token) = &call.token {
            self.tokens.remove(token, n);
        }
        if let Some(task) = &call.exchange.task {
            let key = (call.exchange.asked_by, task.clone());
            if self.tasks.get(&key) == Some(&n) {
                self.tasks.remove(&key);
            }
        }
        let status = match status {
            Status::Unanswered if call.unsure => Status::Unknown,
            status => status,
        };
        call.exchange.status = status;
        call.exchange.closed = Some(at);
        let (clock, shift) = call.split.finish(at);
        call.exchange.clock = clock.filter(|_| !call.unsure);
        if may_be_repeated(&call) {
            self.failures.keep(Failure::of(&call, at), ledger.limits.failures);
        }
        if let Some(parent) = call.exchange.parent {
            self.shift(parent, at, shift, ledger);
        }
        call.tell(ledger);
        if self.memory.keep(call, ledger.limits.remembered) {
            self.remember_until(at, ledger);
        }
    }

    /// Closes what is open of one asker, or of both, because nothing can answer it any more.
    pub(crate) fn close_all(
        &mut self,
        asked_by: Option<Leg>,
        finding: Option<Oddity>,
        at: Nanos,
        ledger: &mut Ledger<'_>,
    ) {
        let is_meant = |call: &Call| asked_by.is_none_or(|leg| leg == call.exchange.asked_by);
        let all: Vec<u64> = self.open.values().filter(|call| is_meant(call)).map(|call| call.n()).collect();
        for n in all {
            let Some(call) = self.call(n) else { continue };
            let status = match call.exchange.http_status {
                Some(status) if call.verb == Verb::Http && status < 400 => Status::Ok,
                _ if finding.is_some() => Status::Unknown,
                _ => Status::Unanswered,
            };
            if let Some(finding) = finding {
                call.find(finding);
            }
            self.close(n, status, at, ledger);
        }
    }

    /// Bytes were lost: what is open may have been answered without our seeing it.
    pub(crate) fn lose(&mut self) {
        self.lossy = true;
        for call in self.open.values_mut() {
            call.unsure = true;
        }
    }

    /// Tells the last change of an exchange if it is still open and nobody told it since.
    pub(crate) fn settle(&mut self, n: u64, ledger: &mut Ledger<'_>) {
        if let Some(call) = self.open.get_mut(&n).filter(|call| call.untold) {
            call.tell(ledger);
        }
    }

    /// Drops what was remembered long enough.
    pub(crate) fn forget(&mut self, now: Nanos, ledger: &mut Ledger<'_>) {
        let then = Nanos(now.0.saturating_sub(ledger.limits.remembered_for));
        if self.memory.forget_before(then) {
            self.remember_until(now, ledger);
        }
    }

    fn remember_until(&self, now: Nanos, ledger: &mut Ledger<'_>) {
        let due = Nanos(now.0.saturating_add(ledger.limits.remembered_for));
        ledger.agenda.remembering.push_back((due, self.session));
    }

    /// Belongs to the request whose answer the stream carries, else to the HTTP exchange.
    fn by_stream(&mut self, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let via = part.via;
        let is_asked = |n: &u64| self.open.get(n).is_some_and(|call| call.exchange.asked_by == Leg::Client);
        match via.calls.iter().copied().find(is_asked).or(via.http) {
            Some(n) => self.attach(n, part, ledger),
            None => Place::nowhere(None),
        }
    }

    fn attach(&mut self, n: u64, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let Some(call) = self.call(n) else {
            return Place::nowhere(None);
        };
        // The body of plain HTTP need not be a message.
        if call.verb != Verb::Http {
            note_faults(call, part.shape);
        }
        call.attach(part.n, part.from, part.size, part.first, ledger);
        Place::of(n)
    }

    /// The one among exchanges with the same id that this message means: the one that its stream carries, else the oldest.
    fn pick(alike: &[u64], via: &Via<'_>) -> Option<u64> {
        match alike {
            [] => None,
            [one] => Some(*one),
            [oldest, ..] => Some(alike.iter().copied().find(|n| via.calls.contains(n)).unwrap_or(*oldest)),
        }
    }

    /// The only open exchange that fits; `Err` when there are several, so that a choice would be a guess.
    fn only(&self, fits: impl Fn(&Call) -> bool) -> Result<Option<u64>, Oddity> {
        let mut fitting = self.open.values().filter(|call| fits(call)).map(|call| call.n());
        match (fitting.next(), fitting.next()) {
            (first, None) => Ok(first),
            (_, Some(_)) => Err(Oddity::Ambiguous),
        }
    }

    /// A finding that says that something was never seen, unless bytes were lost.
    fn unseen(&self, finding: Oddity) -> Place {
        Place::nowhere((!self.lossy).then_some(finding))
    }
}

/// Open exchanges by an id or token, first where the message came, then in its stream alone:
/// `initialize` was asked before its answer's head named the session.
fn waiting_for<'a>(table: &'a Waiting, asked_by: Leg, id: &Bytes, via: &Via<'_>) -> &'a [u64] {
    let mut key = Key { asked_by, scope: via.scope, id: id.clone() };
    let found = table.of(&key);
    match (via.scope, via.stream) {
        (Scope::Session, Some(stream)) if found.is_empty() => {
            key.scope = Scope::Stream(stream);
            table.of(&key)
        }
        _ => found,
    }
}

fn note_faults(call: &mut Call, shape: &Shape) {
    for fault in &shape.faults {
        call.find_code(fault.kind.code());
    }
}

/// Whether what is asked like this again repeats it, because it failed.
///
/// What ended unseen may have ended well, a subscription ends when its client goes, and a handshake that the path does
/// not know is the way to the transport of 2024-11-05.
fn may_be_repeated(call: &Call) -> bool {
    let has_failed = matches!(call.exchange.status, Status::Error | Status::Cancelled | Status::Unanswered);
    let is_fallback = call.verb == Verb::Initialize
        && call.exchange.error_code.is_none()
        && matches!(call.exchange.http_status, Some(400 | 404 | 405));
    has_failed && call.verb != Verb::Listen && !is_fallback
}
