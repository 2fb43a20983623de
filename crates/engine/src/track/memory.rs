//! Closed exchanges, for what comes too late or twice, and failed requests, for what repeats them.

use std::collections::VecDeque;

use tapgate_wire::record::{Again, Root, Status};
use tapgate_wire::{Leg, Nanos};

use super::call::Call;
use super::text::request_digest;
use super::waiting::Scope;
use crate::limits::Limits;
use crate::past::Failed;

/// The exchanges that closed last, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    calls: VecDeque<Box<Call>>,
}

impl Memory {
    /// Keeps a closed exchange; says whether it is the first one.
    pub(crate) fn keep(&mut self, call: Box<Call>, room: usize) -> bool {
        let is_first = self.calls.is_empty();
        if self.calls.len() >= room {
            self.calls.pop_front();
        }
        if room > 0 {
            self.calls.push_back(call);
        }
        is_first && room > 0
    }

    /// Drops what closed before `then`; says whether anything is left.
    pub(crate) fn forget_before(&mut self, then: Nanos) -> bool {
        let is_old = |call: &Call| call.exchange.closed.is_none_or(|closed| closed < then);
        while self.calls.front().is_some_and(|call| is_old(call)) {
            self.calls.pop_front();
        }
        if self.calls.is_empty() {
            self.calls = VecDeque::new();
        }
        !self.calls.is_empty()
    }

    pub(crate) fn by_number(&mut self, n: u64) -> Option<&mut Call> {
        self.calls.iter_mut().rev().find(|call| call.n() == n).map(Box::as_mut)
    }

    /// The exchange that closed last with this id; any scope if none is given.
    pub(crate) fn by_id(&mut self, asked_by: Leg, scope: Option<Scope>, id: &[u8]) -> Option<&mut Call> {
        self.newest(|call| {
            call.key.as_ref().is_some_and(|key| {
                key.asked_by == asked_by && scope.is_none_or(|scope| scope == key.scope) && key.id == id
            })
        })
    }

    /// The exchange that closed last with this progress token.
    pub(crate) fn by_token(
        &mut self,
        asked_by: Leg,
        scope: Option<Scope>,
        token: &[u8],
    ) -> Option<&mut Call> {
        self.newest(|call| {
            call.token.as_ref().is_some_and(|key| {
                key.asked_by == asked_by && scope.is_none_or(|scope| scope == key.scope) && key.id == token
            })
        })
    }

    /// The exchange that closed last and was this task.
    pub(crate) fn by_task(&mut self, asked_by: Leg, task: &[u8]) -> Option<&mut Call> {
        self.newest(|call| {
            call.exchange.asked_by == asked_by && call.exchange.task.as_ref().is_some_and(|own| own == task)
        })
    }

    fn newest(&mut self, fits: impl Fn(&Call) -> bool) -> Option<&mut Call> {
        self.calls.iter_mut().rev().find(|call| fits(call)).map(Box::as_mut)
    }
}

/// A request that failed, as far as what repeats it must know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    digest: u64,
    first_id: u64,
    at: Nanos,
    /// How often it had been repeated itself.
    pub(crate) n_retries: u32,
    /// The exchange that all of them repeat.
    pub(crate) chain: Root,
    http_status: Option<u16>,
    /// An answer refused it, or its asker gave it up; otherwise no answer came.
    was_settled: bool,
    /// The server had forgotten its session.
    was_gone: bool,
    /// The server was started again since.
    was_ended: bool,
}

impl Failure {
    pub(crate) fn of(call: &Call, at: Nanos) -> Self {
        let exchange = &call.exchange;
        let was_answered = exchange.status == Status::Error && exchange.error_code.is_some();
        Self {
            digest: call.digest,
            first_id: call.first_id,
            at,
            n_retries: exchange.n_retries,
            chain: exchange.chain.unwrap_or(Root::Own(exchange.n)),
            http_status: exchange.http_status,
            was_settled: was_answered || exchange.status == Status::Cancelled,
            was_gone: false,
            was_ended: false,
        }
    }

    /// How a request with this id repeats it.
    pub(crate) fn repeated_by(&self, id: u64) -> Again {
        match self.http_status {
            _ if self.was_ended => Again::Restart,
            _ if self.was_gone => Again::Session,
            Some(401 | 403) => Again::Login,
            Some(429 | 503) => Again::Throttle,
            _ if self.was_settled || self.first_id != id || id == 0 => Again::Application,
            _ => Again::Transport,
        }
    }

    /// Nanoseconds for which something still repeats it: logins take a person, and waiting was asked for.
    fn lasts(&self, limits: &Limits) -> u64 {
        match self.http_status {
            Some(401 | 403 | 429 | 503) => limits.relogin_within,
            _ => limits.retry_within,
        }
    }
}

/// Requests that failed, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    recent: VecDeque<Failure>,
}

impl Failures {
    /// What failed before the server was started again, oldest first.
    pub(crate) fn before(failed: &[Failed]) -> Self {
        let failure = |failed: &Failed| Failure {
            digest: request_digest(failed.request.shape()),
            // Ids begin anew.
            first_id: 0,
            at: Nanos(0),
            n_retries: failed.n_retries,
            chain: Root::Row(failed.root),
            http_status: None,
            was_settled: false,
            was_gone: false,
            was_ended: true,
        };
        Self { recent: failed.iter().map(failure).collect() }
    }

    pub(crate) fn keep(&mut self, failure: Failure, room: usize) {
        if self.recent.len() >= room {
            self.recent.pop_front();
        }
        if room > 0 {
            self.recent.push_back(failure);
        }
    }

    /// Takes the failure that a request of this digest repeats: the one with its id, else the latest.
    pub(crate) fn take(&mut self, digest: u64, id: u64, now: Nanos, limits: &Limits) -> Option<Failure> {
        while self.recent.front().is_some_and(|failure| now.since(failure.at) > limits.relogin_within) {
            self.recent.pop_front();
        }
        let fits =
            |failure: &Failure| failure.digest == digest && now.since(failure.at) <= failure.lasts(limits);
        let own = |failure: &Failure| fits(failure) && failure.first_id == id;
        let place = self.recent.iter().rposition(own).or_else(|| self.recent.iter().rposition(fits))?;
        self.recent.remove(place)
    }

    /// Notes that their session was forgotten by the server, which it says by 404; gives the chain of the last that was
    /// told so.
    pub(crate) fn note_gone(&mut self) -> Option<Root> {
        let gone = self.recent.iter_mut().filter(|failure| failure.http_status == Some(404));
        gone.fold(None, |_, failure| {
            failure.was_gone = true;
            Some(failure.chain)
        })
    }
}
