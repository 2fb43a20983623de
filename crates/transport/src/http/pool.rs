//! A worker's own connections to the server: no lock and no thread stands between them and its clients.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::TokioTimer;
use tapgate_wire::Nanos;
use tokio::sync::Mutex;
use tokio::task::{JoinSet, coop};

use super::dial::{Broken, Dialer, Protocol};
use super::ledger::Ledger;
use super::socket::Socket;

/// How many idle connections a worker keeps.
const MAX_IDLE: usize = 256;

/// How long an idle connection is kept for a server that does not say: shorter than the five seconds after
/// which the usual servers of Node and Python close theirs, so that no request meets a closing connection.
pub(super) const KEEP: Duration = Duration::from_secs(4);

/// Bytes of a head that we take from a server, and the most that is read at once.
pub(super) const MAX_BUFFER: usize = 128 * 1024;

/// What the server may send ahead on one HTTP/2 stream, and on all of one connection, before a client took it.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

/// One HTTP/1.1 connection to the server.
///
/// No task of its own drives it: whoever waits for the answer does. So an answer wakes one task and not two,
/// and a client that goes away closes the connection by dropping it.
pub(super) struct Lane<B: Upload> {
    sender: http1::SendRequest<B>,
    connection: Box<http1::Connection<Socket, B>>,
    ended: bool,
}

/// The body of a request to the server.
pub(super) trait Upload:
    Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Unpin + 'static
{
}

impl<B> Upload for B where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Unpin + 'static
{
}

/// What is kept of the case of header names, which says nothing, but shows when a message passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Keep,
    /// Nobody passes the names on, and keeping their case takes memory for each message.
    Forget,
}

impl<B: Upload> Lane<B> {
    async fn open(socket: Socket, case: Case) -> hyper::Result<Self> {
        let (sender, connection) = http1::Builder::new()
            .preserve_header_case(case == Case::Keep)
            .max_buf_size(MAX_BUFFER)
            .handshake(socket)
            .await?;
        Ok(Self { sender, connection: Box::new(connection), ended: false })
    }

    /// Reads and writes what is possible now.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        self.ended = self.ended || Pin::new(&mut *self.connection).poll(cx).is_ready();
    }

    /// Whether the next request may go; true only after [`Lane::drive`].
    fn is_ready(&self) -> bool {
        !self.ended && self.sender.is_ready()
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(&mut self, request: Request<B>) -> Result<Response<Incoming>, Unsent<B>> {
        // Driving the lane brings the answer, so the answer needs to wake nobody and takes no part in scheduling.
        let answer = coop::unconstrained(self.sender.try_send_request(request));
        let mut answer = std::pin::pin!(answer);
        std::future::poll_fn(|cx| {
            self.drive(cx);
            match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(answered) => Poll::Ready(answered.map_err(Unsent::from)),
                Poll::Pending if self.ended => Poll::Ready(Err(Unsent::closed())),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

/// Why a request got no answer; with the request if no byte of it went out.
pub(super) struct Unsent<B> {
    pub(super) request: Option<Request<B>>,
    pub(super) why: Option<hyper::Error>,
}

impl<B> Unsent<B> {
    fn closed() -> Self {
        Self { request: None, why: None }
    }
}

impl<B> From<TrySendError<Request<B>>> for Unsent<B> {
    fn from(mut failed: TrySendError<Request<B>>) -> Self {
        Self { request: failed.take_message(), why: Some(failed.into_error()) }
    }
}

/// What carries the next request.
pub(super) enum Link<B: Upload> {
    /// A connection that was used before.
    Reused(Lane<B>),
    /// A new connection.
    Fresh(Lane<B>),
    /// A stream on a connection of many.
    Shared(http2::SendRequest<B>),
}

/// The connections of one worker to the upstream.
pub(super) struct Pool<B: Upload> {
    dialer: Arc<Dialer>,
    ledger: Rc<Ledger>,
    case: Case,
    idle: RefCell<Vec<Idle<B>>>,
    shared: RefCell<Option<http2::SendRequest<B>>>,
    /// What the server spoke last; unknown until the first connection stands.
    protocol: Cell<Option<Protocol>>,
    /// Held while the first connection, or one that many will share, is opened.
    opening: Mutex<()>,
    /// The tasks that drive connections of many streams.
    drivers: RefCell<JoinSet<()>>,
}

struct Idle<B: Upload> {
    lane: Lane<B>,
    until: Nanos,
}

impl<B: Upload> Pool<B> {
    pub(super) fn new(dialer: Arc<Dialer>, ledger: Rc<Ledger>, case: Case) -> Self {
        Self {
            dialer,
            ledger,
            case,
            idle: RefCell::default(),
            shared: RefCell::default(),
            protocol: Cell::new(None),
            opening: Mutex::new(()),
            drivers: RefCell::default(),
        }
    }

    /// Finds a connection that stands, the latest used first, because it is the least likely to be closing.
    pub(super) fn reuse(&self) -> Option<Link<B>> {
        // The request that is sent next is sent from this very turn, which must not be woken by it.
        let mut quiet = Context::from_waker(Waker::noop());
        let now = self.ledger.now();
        let mut shared = self.shared.borrow_mut();
        if let Some(sender) = shared.as_ref() {
            if !sender.is_closed() {
                return Some(Link::Shared(sender.clone()));
            }
            *shared = None;
        }
        loop {
            let Idle { mut lane, until } = self.idle.borrow_mut().pop()?;
            lane.drive(&mut quiet);
            if until > now && lane.is_ready() {
                return Some(Link::Reused(lane));
            }
        }
    }

    /// Opens a connection, or joins the one that somebody else just opened.
    pub(super) async fn open(&self) -> Result<Link<B>, Broken> {
        if self.protocol.get() == Some(Protocol::Http1) {
            return self.dial().await;
        }
        let _turn = self.opening.lock().await;
        if let Some(sender) = self.shared.borrow().as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(Link::Shared(sender.clone()));
        }
        self.dial().await
    }

    async fn dial(&self) -> Result<Link<B>, Broken> {
        let (socket, protocol) = self.dialer.dial().await?;
        self.protocol.set(Some(protocol));
        let unusable =
            |why| Broken::new(format!("{} does not speak HTTP: {why}", self.dialer.upstream.origin()));
        match protocol {
            Protocol::Http1 => {
                let mut lane = Lane::open(socket, self.case).await.map_err(unusable)?;
                lane.drive(&mut Context::from_waker(Waker::noop()));
                Ok(Link::Fresh(lane))
            }
            Protocol::Http2 => {
                let (sender, connection) = http2::Builder::new(Local(Rc::clone(&self.ledger)))
                    .timer(TokioTimer::new())
                    .initial_stream_window_size(STREAM_WINDOW)
                    .initial_connection_window_size(CONNECTION_WINDOW)
                    .keep_alive_interval(Duration::from_secs(20))
                    .keep_alive_timeout(Duration::from_secs(10))
                    .handshake(socket)
                    .await
                    .map_err(unusable)?;
                let mut drivers = self.drivers.borrow_mut();
                while drivers.try_join_next().is_some() {}
                drivers.spawn_local(async move {
                    // Why it ended is told by the streams that it carried.
                    let _ = connection.await;
                });
                *self.shared.borrow_mut() = Some(sender.clone());
                Ok(Link::Shared(sender))
            }
        }
    }

    /// Keeps a connection for the next request.
    pub(super) fn put(&self, lane: Lane<B>, keep: Duration) {
        let mut idle = self.idle.borrow_mut();
        if !lane.ended && idle.len() < MAX_IDLE {
            let until = Nanos(self.ledger.now().0 + keep.as_nanos() as u64);
            idle.push(Idle { lane, until });
        }
    }

    /// Drops the connections that were idle too long or that the server closed.
    pub(super) fn sweep(&self) {
        let now = self.ledger.now();
        let mut cx = Context::from_waker(Waker::noop());
        self.idle.borrow_mut().retain_mut(|idle| {
            idle.lane.drive(&mut cx);
            idle.until > now && idle.lane.is_ready()
        });
    }
}

/// Runs the tasks of HTTP/2 connections in the worker's own thread.
#[derive(Clone)]
struct Local(Rc<Ledger>);

impl<F> hyper::rt::Executor<F> for Local
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, task: F) {
        let ledger = Rc::clone(&self.0);
        // Such a task ends with the stream or the connection that it belongs to.
        drop(tokio::task::spawn_local(async move {
            let mut task = std::pin::pin!(task);
            std::future::poll_fn(|cx| {
                let done = task.as_mut().poll(cx);
                // What such a task passes on is told at the end of its own turn.
                ledger.flush();
                done
            })
            .await;
        }));
    }
}
