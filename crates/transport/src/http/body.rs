//! Bodies on their way: each piece goes on as it comes, and is told.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tapgate_wire::stream::Ending;
use tokio::time::{Sleep, sleep};

use super::exchange::describe;
use super::ledger::Watch;
use super::pool::{Lane, Pool};
use super::pulse::Pulse;

/// How long a body waits for `100 Continue` before it goes anyway. RFC 9110, 10.1.1: do not wait forever.
const CONTINUE_PATIENCE: Duration = Duration::from_secs(1);

/// The request's body on its way to the server.
pub(super) struct AskBody {
    incoming: Incoming,
    watch: Watch,
    pulse: Rc<Pulse>,
    gate: Option<Gate>,
}

impl AskBody {
    pub(super) fn new(incoming: Incoming, mut watch: Watch, pulse: Rc<Pulse>) -> Self {
        if incoming.is_end_stream() {
            watch.end(Ending::Clean);
        }
        pulse.set_uploading(!incoming.is_end_stream());
        Self { incoming, watch, pulse, gate: None }
    }

    /// Holds the body back until the server says `100 Continue`, which opens `go`.
    pub(super) fn wait_for(&mut self, go: Arc<AtomicBool>) {
        self.gate = Some(Gate { go, patience: Box::pin(sleep(CONTINUE_PATIENCE)) });
    }

    /// Lets the body be read although nobody said `100 Continue`.
    pub(super) fn open(&mut self) {
        self.gate = None;
    }

    fn end(&mut self, how: Ending) {
        self.watch.end(how);
        self.pulse.set_uploading(false);
    }
}

impl Body for AskBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        if let Some(gate) = &mut this.gate {
            if !gate.is_open(cx) {
                return Poll::Pending;
            }
            this.gate = None;
        }
        let (polled, missed) = this.pulse.deafen(|| Pin::new(&mut this.incoming).poll_frame(cx));
        if missed && !this.incoming.is_end_stream() {
            // More comes from the client as soon as its connection knows that there is room.
            this.pulse.wake_session();
        }
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(bytes) = frame.data_ref() {
                    this.pulse.keep(bytes);
                }
                this.watch.saw(frame);
                if this.incoming.is_end_stream() {
                    this.end(Ending::Clean);
                }
            }
            Poll::Ready(Some(Err(_))) => this.end(Ending::Cut),
            Poll::Ready(None) => this.end(Ending::Clean),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for AskBody {
    fn drop(&mut self) {
        self.pulse.set_uploading(false);
    }
}

struct Gate {
    go: Arc<AtomicBool>,
    patience: Pin<Box<Sleep>>,
}

impl Gate {
    fn is_open(&mut self, cx: &mut Context<'_>) -> bool {
        self.go.load(Ordering::Relaxed) || self.patience.as_mut().poll(cx).is_ready()
    }
}

/// The response's body on its way to the client.
pub(super) struct Answer {
    source: Source,
    pulse: Rc<Pulse>,
    /// A break that waits until everything before it is with the client.
    broken: Option<hyper::Error>,
}

enum Source {
    /// Our own words.
    Own(Option<Bytes>),
    /// The server's, with what carries them; the lane goes back to the pool when the body is complete.
    Lane {
        incoming: Incoming,
        watch: Watch,
        lane: Option<Lane<AskBody>>,
        pool: Rc<Pool<AskBody>>,
        keep: Duration,
    },
    /// The server's, carried by a connection of many streams that drives itself.
    Stream { incoming: Incoming, watch: Watch },
}

impl Answer {
    pub(super) fn own(bytes: Bytes, pulse: Rc<Pulse>) -> Self {
        Self { source: Source::Own(Some(bytes).filter(|bytes| !bytes.is_empty())), pulse, broken: None }
    }

    /// Passes what `lane` carries, and gives it back to `pool` for `keep` afterwards.
    pub(super) fn from_lane(
        incoming: Incoming,
        watch: Watch,
        lane: Lane<AskBody>,
        pool: Rc<Pool<AskBody>>,
        keep: Duration,
        pulse: Rc<Pulse>,
    ) -> Self {
        let mut answer = Self {
            source: Source::Lane { incoming, watch, lane: Some(lane), pool, keep },
            pulse,
            broken: None,
        };
        answer.end_if_complete();
        answer
    }

    pub(super) fn from_stream(incoming: Incoming, watch: Watch, pulse: Rc<Pulse>) -> Self {
        let mut answer = Self { source: Source::Stream { incoming, watch }, pulse, broken: None };
        answer.end_if_complete();
        answer
    }

    /// hyper does not poll a body again that says it is complete.
    fn end_if_complete(&mut self) {
        let (Source::Lane { incoming, .. } | Source::Stream { incoming, .. }) = &self.source else { return };
        if incoming.is_end_stream() {
            self.end(Ending::Clean);
        }
    }

    fn end(&mut self, how: Ending) {
        match &mut self.source {
            Source::Own(_) => {}
            Source::Stream { watch, .. } => watch.end(how),
            Source::Lane { watch, lane, pool, keep, .. } => {
                // A lane that still uploads, or that broke, is of no use to anybody else.
                if how == Ending::Clean
                    && !self.pulse.is_uploading()
                    && let Some(lane) = lane.take()
                {
                    pool.put(lane, *keep);
                }
                watch.end(how);
            }
        }
    }
}

impl Answer {
    /// Tells the break once the socket has taken all bytes: hyper drops the others as soon as it learns of it.
    fn poll_break(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        ready!(self.pulse.poll_flushed(cx));
        let Some(why) = self.broken.take() else { return Poll::Ready(None) };
        let cut = why.is_incomplete_message()
            || std::error::Error::source(&why).is_some_and(<dyn std::error::Error>::is::<io::Error>);
        self.end(if cut { Ending::Cut } else { Ending::Failed(describe(&why)) });
        Poll::Ready(Some(Err(why)))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        if this.broken.is_some() {
            return this.poll_break(cx);
        }
        let polled = match &mut this.source {
            Source::Own(bytes) => return Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Source::Stream { incoming, .. } => Pin::new(incoming).poll_frame(cx),
            Source::Lane { incoming, lane, .. } => poll_lane(incoming, lane.as_mut(), &this.pulse, cx),
        };
        match polled {
            Poll::Ready(Some(Err(why))) => {
                this.broken = Some(why);
                return this.poll_break(cx);
            }
            Poll::Ready(Some(Ok(ref frame))) => {
                this.pulse.bytes_wait();
                if let Source::Lane { watch, .. } | Source::Stream { watch, .. } = &this.source {
                    watch.saw(frame);
                }
                this.end_if_complete();
            }
            Poll::Pending => {}
            Poll::Ready(None) => this.end(Ending::Clean),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(bytes) => bytes.is_none(),
            Source::Lane { incoming, .. } | Source::Stream { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Source::Lane { incoming, .. } | Source::Stream { incoming, .. } => incoming.size_hint(),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.pulse.end();
    }
}

/// Takes the next piece, reading from the server only when there is none.
fn poll_lane(
    incoming: &mut Incoming,
    lane: Option<&mut Lane<AskBody>>,
    pulse: &Pulse,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
    // Only driving the lane can bring a piece, and that is done right here: nobody needs to be woken for it.
    let mut quiet = Context::from_waker(Waker::noop());
    let (ready, _) = pulse.deafen(|| Pin::new(&mut *incoming).poll_frame(&mut quiet));
    let (Poll::Pending, Some(lane)) = (&ready, lane) else { return ready };
    lane.drive(cx);
    let (ready, _) = pulse.deafen(|| Pin::new(incoming).poll_frame(&mut quiet));
    ready
}
