//! One exchange while tracking knows it.

use bytes::Bytes;
use tapgate_wire::record::{Era, Hand, Status};
use tapgate_wire::{Leg, Nanos, StreamId};

use super::split::Split;
use super::waiting::Key;
use crate::fact::{Exchange, Fact};
use crate::ledger::Ledger;
use crate::oddity::Oddity;

/// What tracking does differently for a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Initialize,
    Ping,
    Listen,
    TaskGet,
    TaskResult,
    TaskCancel,
    /// `tasks/update` and `tasks/list`.
    TaskOther,
    /// An HTTP exchange that carries no message.
    Http,
    Other,
}

impl Verb {
    pub(crate) fn of(method: &[u8]) -> Self {
        match method {
            b"initialize" => Self::Initialize,
            b"ping" => Self::Ping,
            b"subscriptions/listen" => Self::Listen,
            b"tasks/get" => Self::TaskGet,
            b"tasks/result" => Self::TaskResult,
            b"tasks/cancel" => Self::TaskCancel,
            b"tasks/update" | b"tasks/list" => Self::TaskOther,
            _ => Self::Other,
        }
    }

    /// Whether the method is about a task that another exchange became.
    pub(crate) fn is_poll(self) -> bool {
        matches!(self, Self::TaskGet | Self::TaskResult | Self::TaskCancel | Self::TaskOther)
    }

    /// Whether the server may ask the client something because of such a request.
    pub(crate) fn may_ask_back(self) -> bool {
        !matches!(self, Self::Http | Self::Listen | Self::Ping | Self::Initialize)
    }
}

/// What an open exchange waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaits {
    /// The answer to its id.
    Answer,
    /// The request that continues it, which shows this state (a digest) or none.
    Round(Option<u64>),
    /// The end of its task.
    Task,
    /// The end of its HTTP stream.
    Stream,
    /// Nothing that tracking could recognise: its id is unusable.
    Nothing,
}

/// An exchange: what is told of it, and what pairing needs besides.
#[expect(clippy::struct_excessive_bools, reason = "each says that one thing happened, in any order")]
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) exchange: Exchange,
    pub(crate) verb: Verb,
    pub(crate) awaits: Awaits,
    /// The id that it waits for or waited for last.
    pub(crate) key: Option<Key>,
    /// Under which its progress comes.
    pub(crate) token: Option<Key>,
    /// The HTTP stream on which it was asked, or asked to go on.
    pub(crate) stream: Option<StreamId>,
    /// The last progress.
    pub(crate) progress: Option<f64>,
    /// Digest of method, target and arguments: what a retry repeats.
    pub(crate) digest: u64,
    /// Its request asked for a task (2025-11-25).
    pub(crate) task_asked: bool,
    /// Bytes were lost while it was open: how it ended may have been missed.
    pub(crate) unsure: bool,
    /// Its state differs from what was told.
    pub(crate) untold: bool,
    /// The client left before the answer, and may come back for it.
    pub(crate) is_cut_off: bool,
    /// Where its time goes.
    pub(crate) split: Split,
    /// Digest of the id of its first request; 0 without one.
    pub(crate) first_id: u64,
}

/// What a call opens with; the rest comes as traffic passes.
pub(crate) struct Opening {
    pub(crate) session: u64,
    pub(crate) asked_by: Leg,
    pub(crate) verb: Verb,
    pub(crate) method: Bytes,
    pub(crate) target: Option<Bytes>,
    pub(crate) era: Option<Era>,
    pub(crate) revision: Option<Bytes>,
    pub(crate) opened: Nanos,
    pub(crate) stream: Option<StreamId>,
    pub(crate) digest: u64,
    /// Digest of the request's id; 0 without one.
    pub(crate) first_id: u64,
}

impl Call {
    pub(crate) fn open(n: u64, opening: Opening) -> Self {
        let Opening { session, asked_by, verb, method, target, era, revision, opened, .. } = opening;
        let exchange = Exchange {
            n,
            session,
            parent: None,
            asked_by,
            method,
            target,
            rpc_id: None,
            status: Status::Pending,
            error_code: None,
            error_text: None,
            http_status: None,
            era,
            revision,
            opened,
            first_answer: None,
            closed: None,
            bytes_in: 0,
            bytes_out: 0,
            n_progress: 0,
            n_rounds: 0,
            n_retries: 0,
            late: false,
            duplicate: false,
            task: None,
            clock: None,
            in_hand: None,
            chain: None,
            again: None,
            findings: Vec::new(),
            messages: Vec::new(),
        };
        Self {
            exchange,
            verb,
            awaits: Awaits::Nothing,
            key: None,
            token: None,
            stream: opening.stream,
            progress: None,
            digest: opening.digest,
            task_asked: false,
            unsure: false,
            untold: false,
            is_cut_off: false,
            split: Split::new(opened),
            first_id: opening.first_id,
        }
    }

    pub(crate) fn n(&self) -> u64 {
        self.exchange.n
    }

    pub(crate) fn is_waiting_for_answer(&self) -> bool {
        self.awaits == Awaits::Answer
    }

    /// Notes a finding once.
    pub(crate) fn find(&mut self, finding: Oddity) {
        self.find_code(finding.code());
    }

    pub(crate) fn find_code(&mut self, code: &'static str) {
        if !self.exchange.findings.contains(&code) {
            self.exchange.findings.push(code);
        }
    }

    /// Lists a message that asks, answers or tells of progress, and counts its bytes.
    pub(crate) fn attach(&mut self, n: u64, from: Leg, size: u64, first: Nanos, ledger: &mut Ledger<'_>) {
        if from != self.exchange.asked_by {
            self.exchange.first_answer.get_or_insert(first);
        }
        self.list(n, from, size, first, ledger);
    }

    /// Lists a piece of traffic that is no answer, and counts its bytes.
    pub(crate) fn list(&mut self, n: u64, from: Leg, size: u64, now: Nanos, ledger: &mut Ledger<'_>) {
        let exchange = &mut self.exchange;
        if exchange.messages.len() < ledger.limits.listed {
            exchange.messages.push(n);
        }
        match from {
            Leg::Client => exchange.bytes_in += size,
            Leg::Server => exchange.bytes_out += size,
        }
        self.touch(now, ledger);
    }

    /// Lets the change of an open exchange be told when it has settled.
    pub(crate) fn touch(&mut self, now: Nanos, ledger: &mut Ledger<'_>) {
        if self.exchange.closed.is_some() || ledger.limits.settle == 0 {
            self.tell(ledger);
        } else if !self.untold {
            self.untold = true;
            let due = Nanos(now.0.saturating_add(ledger.limits.settle));
            ledger.agenda.untold.push_back((due, self.exchange.session, self.exchange.n));
        }
    }

    pub(crate) fn tell(&mut self, ledger: &mut Ledger<'_>) {
        self.untold = false;
        self.exchange.in_hand = self.in_hand();
        ledger.tell(Fact::Exchange(Box::new(self.exchange.clone())));
    }

    /// Whom it waits for, unless nobody waits: it is over, or a stream that stays open by design.
    fn in_hand(&self) -> Option<(Hand, Nanos)> {
        if self.exchange.closed.is_some() || matches!(self.verb, Verb::Listen | Verb::Http) {
            return None;
        }
        let (hand, since) = self.split.in_hand();
        match (self.awaits, hand) {
            (Awaits::Nothing, _) => None,
            // Between two looks of the client, the task is the server's.
            (Awaits::Task, Hand::Client) => Some((Hand::Server, since)),
            _ => Some((hand, since)),
        }
    }
}
