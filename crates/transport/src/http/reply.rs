//! What goes back to a client of a bridge, between the engine and the connection.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tapgate_wire::header::is_hop_by_hop;
use tapgate_wire::{Nanos, StreamId};

use super::body::Answer;
use super::listen::Clients;
use super::pulse::Pulse;

/// Bytes that wait for a client that does not read; with one more message it is cut off.
const MAX_UNREAD: usize = 8 << 20;

/// How long a client may take nothing of what waits for it.
const STALL: Duration = Duration::from_mins(1);

/// The head and the bytes that the connection has not taken yet.
pub(super) struct Reply {
    head: RefCell<Option<(StatusCode, HeaderMap)>>,
    queue: RefCell<VecDeque<Bytes>>,
    n_bytes: Cell<usize>,
    /// Since when the oldest piece waits, as far as anybody looked.
    waits_since: Cell<Option<Nanos>>,
    is_over: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    pulse: Rc<Pulse>,
}

impl Reply {
    pub(super) fn new(pulse: Rc<Pulse>) -> Self {
        Self {
            head: RefCell::default(),
            queue: RefCell::default(),
            n_bytes: Cell::new(0),
            waits_since: Cell::new(None),
            is_over: Cell::new(false),
            waker: RefCell::default(),
            pulse,
        }
    }

    pub(super) fn begin(&self, status: StatusCode, headers: &HeaderMap) {
        // The length and all that concerns one connection is ours to say.
        let mut own = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            if *name != CONTENT_LENGTH && (!is_hop_by_hop(name) || *value == "close") {
                own.append(name.clone(), value.clone());
            }
        }
        *self.head.borrow_mut() = Some((status, own));
        self.wake();
    }

    pub(super) fn push(&self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.n_bytes.set(self.n_bytes.get() + bytes.len());
            self.queue.borrow_mut().push_back(bytes);
            self.wake();
        }
    }

    pub(super) fn finish(&self) {
        self.is_over.set(true);
        self.wake();
    }

    /// Whether more waits than a client may leave unread.
    pub(super) fn is_full(&self) -> bool {
        self.n_bytes.get() > MAX_UNREAD
    }

    /// Breaks the connection off.
    pub(super) fn cut(&self) {
        self.pulse.cut();
    }

    /// Breaks the connection off when its client took nothing for too long.
    pub(super) fn cut_if_stalled(&self, now: Nanos) {
        match self.waits_since.get() {
            Some(since) if now.since(since) > STALL.as_nanos() as u64 => self.cut(),
            Some(_) => {}
            None => self.waits_since.set((self.n_bytes.get() > 0).then_some(now)),
        }
    }

    /// Waits for the head.
    pub(super) fn poll_head(&self, cx: &mut Context<'_>) -> Poll<(StatusCode, HeaderMap)> {
        match self.head.borrow_mut().take() {
            Some(head) => Poll::Ready(head),
            None => self.wait(cx),
        }
    }

    fn poll_bytes(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.queue.borrow_mut().pop_front() {
            Some(bytes) => {
                self.n_bytes.set(self.n_bytes.get() - bytes.len());
                self.waits_since.set(None);
                Poll::Ready(Some(bytes))
            }
            None if self.is_over.get() => Poll::Ready(None),
            None => self.wait(cx),
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    fn wait<T>(&self, cx: &mut Context<'_>) -> Poll<T> {
        *self.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// The presence of a client: when it is dropped before the engine is done, the client left.
pub(super) struct Stay {
    pub(super) clients: Rc<Clients>,
    /// `None` as long as the engine does not know of it.
    pub(super) stream: Option<StreamId>,
    pub(super) reply: Rc<Reply>,
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.reply.pulse.end();
        if let Some(stream) = self.stream {
            self.clients.leave(stream);
        }
    }
}

/// The body of a response.
pub(super) enum Told {
    /// The engine's, or the edge's own.
    Reply(Stay),
    /// The server's, as it came.
    Passed(Answer),
}

impl Body for Told {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Reply(stay) => {
                stay.reply.poll_bytes(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Passed(answer) => Pin::new(answer).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Reply(stay) => stay.reply.is_over.get() && stay.reply.n_bytes.get() == 0,
            Self::Passed(answer) => answer.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Reply(stay) if stay.reply.is_over.get() => {
                SizeHint::with_exact(stay.reply.n_bytes.get() as u64)
            }
            Self::Reply(_) => SizeHint::default(),
            Self::Passed(answer) => answer.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::clock::Clock;

    fn reply() -> (Reply, Rc<Pulse>) {
        let pulse = Rc::new(Pulse::new(Clock::start()));
        (Reply::new(Rc::clone(&pulse)), pulse)
    }

    fn take(reply: &Reply) -> Poll<Option<Bytes>> {
        reply.poll_bytes(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_client_that_takes_nothing_for_too_long_is_cut_off() {
        let (reply, pulse) = reply();
        let at = |seconds: u64| Nanos(seconds * 1_000_000_000);
        // Nothing waits for a client whose stream is quiet.
        reply.cut_if_stalled(at(0));
        reply.cut_if_stalled(at(100));
        reply.push("a".into());
        reply.push("b".into());
        reply.cut_if_stalled(at(101));
        reply.cut_if_stalled(at(160));
        assert!(!pulse.is_over());
        // It is slow, but it reads.
        assert_eq!(take(&reply), Poll::Ready(Some("a".into())));
        reply.cut_if_stalled(at(165));
        reply.cut_if_stalled(at(225));
        assert!(!pulse.is_over());
        reply.cut_if_stalled(at(226));
        assert!(pulse.is_over());
    }

    #[test]
    fn what_belongs_to_one_connection_is_not_the_engines_to_say() {
        let (reply, _) = reply();
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("content-length", "7"), ("transfer-encoding", "chunked"), ("connection", "close"), ("x-a", "1")]
        {
            headers.append(name, HeaderValue::from_static(value));
        }
        reply.begin(StatusCode::OK, &headers);
        let Poll::Ready((_, headers)) = reply.poll_head(&mut Context::from_waker(Waker::noop())) else {
            panic!("it began");
        };
        let names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
        assert_eq!(names, ["connection", "x-a"]);
    }
}
