//! What the parts of one client connection know about each other.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tapgate_wire::Nanos;

use super::keep::Heads;
use super::muffle::Muffle;
use crate::clock::Clock;

/// How much of a request's body is kept, as references, until the server answers.
pub(super) const MAX_PREFIX: usize = 64 * 1024;

/// The state of one client connection; its socket, its exchange and its bodies share it within one thread.
pub(super) struct Pulse {
    clock: Clock,
    /// Since when a head has begun to arrive; `None` while an exchange runs or nothing came.
    head_since: Cell<Option<Nanos>>,
    busy: Cell<bool>,
    uploading: Cell<bool>,
    unflushed: Cell<bool>,
    stopping: Cell<bool>,
    over: Cell<bool>,
    flushed: RefCell<Option<Waker>>,
    session: RefCell<Option<(Arc<Muffle>, Waker)>>,
    prefix: RefCell<Prefix>,
    /// Makes the heads that are told; those of one client are mostly the same.
    pub(super) heads: Heads,
}

#[derive(Default)]
struct Prefix {
    chunks: Vec<Bytes>,
    n_bytes: usize,
    closed: bool,
}

impl Pulse {
    /// Begins with a connection that owes us a first head.
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            head_since: Cell::new(Some(clock.now())),
            busy: Cell::new(false),
            uploading: Cell::new(false),
            unflushed: Cell::new(false),
            stopping: Cell::new(false),
            over: Cell::new(false),
            flushed: RefCell::default(),
            session: RefCell::default(),
            prefix: RefCell::default(),
            heads: Heads::default(),
        }
    }

    /// A request's head is complete.
    pub(super) fn begin(&self) {
        self.busy.set(true);
        self.head_since.set(None);
        let mut prefix = self.prefix.borrow_mut();
        prefix.chunks.clear();
        prefix.n_bytes = 0;
        prefix.closed = false;
    }

    /// The exchange is over, one way or the other.
    pub(super) fn end(&self) {
        self.busy.set(false);
        self.forget_prefix();
    }

    pub(super) fn bytes_came(&self) {
        if !self.busy.get() && self.head_since.get().is_none() {
            self.head_since.set(Some(self.clock.now()));
        }
    }

    /// Ends the connection when a head began to arrive `limit` ago and is not complete.
    pub(super) fn end_if_late(&self, limit: Duration) {
        let limit = limit.as_nanos() as u64;
        if self.head_since.get().is_some_and(|since| self.clock.now().since(since) >= limit) {
            self.cut();
        }
    }

    /// Closes the connection without another word.
    pub(super) fn cut(&self) {
        self.over.set(true);
        self.wake_session();
    }

    /// Whether the connection is to be closed without another word.
    pub(super) fn is_over(&self) -> bool {
        self.over.get()
    }

    pub(super) fn set_uploading(&self, uploading: bool) {
        self.uploading.set(uploading);
    }

    pub(super) fn is_uploading(&self) -> bool {
        self.uploading.get()
    }

    /// Bytes were handed to the connection that its socket has not taken yet.
    pub(super) fn bytes_wait(&self) {
        self.unflushed.set(true);
    }

    pub(super) fn all_bytes_went(&self) {
        if self.unflushed.replace(false)
            && let Some(waker) = self.flushed.borrow_mut().take()
        {
            waker.wake();
        }
    }

    /// Waits until the socket has taken every byte: a break must not overtake what came before it.
    pub(super) fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.unflushed.get() {
            return Poll::Ready(());
        }
        *self.flushed.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Keeps a reference to a piece of the request's body while no answer has come.
    pub(super) fn keep(&self, bytes: &Bytes) {
        let mut prefix = self.prefix.borrow_mut();
        if !prefix.closed && prefix.n_bytes < MAX_PREFIX {
            let piece = bytes.slice(..bytes.len().min(MAX_PREFIX - prefix.n_bytes));
            prefix.n_bytes += piece.len();
            prefix.chunks.push(piece);
        }
    }

    pub(super) fn prefix_is_full(&self) -> bool {
        self.prefix.borrow().n_bytes >= MAX_PREFIX
    }

    /// The answer has come: nobody will ask for the prefix any more.
    pub(super) fn forget_prefix(&self) {
        let mut prefix = self.prefix.borrow_mut();
        prefix.closed = true;
        prefix.chunks.clear();
    }

    pub(super) fn prefix(&self) -> Bytes {
        let prefix = self.prefix.borrow();
        if let [only] = prefix.chunks.as_slice() {
            return only.clone();
        }
        let mut whole = BytesMut::with_capacity(prefix.n_bytes);
        prefix.chunks.iter().for_each(|chunk| whole.extend_from_slice(chunk));
        whole.freeze()
    }

    /// The waker for everything that the session waits for; it wakes the session whose turn this is.
    pub(super) fn session(&self, cx: &Context<'_>) -> Waker {
        let mut session = self.session.borrow_mut();
        match session.as_ref() {
            Some((muffle, waker)) if muffle.is_around(cx.waker()) => waker.clone(),
            _ => {
                let muffle = Muffle::new(cx.waker());
                let waker = Waker::from(Arc::clone(&muffle));
                *session = Some((muffle, waker.clone()));
                waker
            }
        }
    }

    /// Takes a piece out of a body without waking ourselves for the next; says whether we would have been.
    pub(super) fn deafen<T>(&self, step: impl FnOnce() -> T) -> (T, bool) {
        let muffle = self.session.borrow().as_ref().map(|(muffle, _)| Arc::clone(muffle));
        match muffle {
            Some(muffle) => muffle.deafen(step),
            None => (step(), true),
        }
    }

    pub(super) fn wake_session(&self) {
        if let Some((muffle, _)) = self.session.borrow().as_ref() {
            muffle.ring();
        }
    }

    pub(super) fn stop(&self) {
        self.stopping.set(true);
        self.wake_session();
    }

    /// Whether the tap began to stop since the last time somebody asked.
    pub(super) fn take_stop(&self) -> bool {
        self.stopping.replace(false)
    }
}
