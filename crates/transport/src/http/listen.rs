//! The listener of a bridge: whole requests in, answers and event streams out.
//!
//! What asks for a path that is not the bridge's own passes to the server as through the HTTP tap, if it has an
//! origin.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tapgate_wire::StreamId;
use tapgate_wire::edge::Heard;
use tapgate_wire::header::{RequestHead, is_hop_by_hop};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::body::Answer;
use super::exchange::{Tap, exchange};
use super::guard::Guard;
use super::ledger::Ledger;
use super::pulse::{MAX_PREFIX, Pulse};
use super::worker::{GLANCE, Open, glances, session};
use super::{Error, Explain, Reach, keep, turn_away};
use crate::bridge::ear::Ear;
use crate::clock::Clock;

/// Bytes that wait for a client that does not read; with one more message it is cut off.
const MAX_UNREAD: usize = 8 << 20;

/// Bytes of all bodies that are on their way at once.
const MAX_ARRIVING: usize = 512 << 20;

/// How much of a body that is too large is read, and for how long, so that its client can see the answer.
const WASTE: usize = 64 << 20;
const WASTE_TIME: Duration = Duration::from_secs(2);

/// Where and how a bridge hears HTTP clients.
pub struct Listen {
    /// Where clients connect; port 0 takes a free one.
    pub at: SocketAddr,
    /// Who may connect.
    pub reach: Reach,
    /// The hosts and origins that are allowed besides this machine's.
    pub guard: Guard,
    /// The paths that are the bridge's own.
    pub paths: Vec<String>,
    /// Bytes of the largest body; a larger one is answered 413.
    pub max_body: usize,
    /// How many client connections may be open; one more is answered 503 and closed.
    pub max_connections: usize,
    /// How long a client may take for its first request, and for the head of each.
    pub head_timeout: Duration,
    /// How long a client may take for a body.
    pub body_timeout: Duration,
    /// Words for the edge's own answers.
    pub explain: Explain,
}

impl Listen {
    /// Takes the address; call it within a runtime.
    pub(crate) fn bind(&self) -> Result<(TcpListener, SocketAddr), Error> {
        let at = self.at;
        if self.reach == Reach::Loopback && !at.ip().is_loopback() {
            return Err(Error::NotLoopback(at));
        }
        let bind = || -> io::Result<_> {
            let listener = StdTcpListener::bind(at)?;
            listener.set_nonblocking(true)?;
            let addr = listener.local_addr()?;
            Ok((TcpListener::from_std(listener)?, addr))
        };
        bind().map_err(|why| Error::Bind { at, why })
    }
}

/// The clients of a bridge.
pub(crate) struct Clients {
    options: Listen,
    clock: Clock,
    ear: Ear,
    ledger: Rc<Ledger>,
    /// What passes to the server as it is.
    pass: Option<Rc<Tap>>,
    streams: RefCell<HashMap<StreamId, Rc<Reply>>>,
    /// Streams whose client left and of which the engine was not told yet.
    gone: RefCell<HashSet<StreamId>>,
    n_arriving: Cell<usize>,
    stop: Notify,
}

impl Clients {
    pub(super) fn new(
        options: Listen,
        clock: Clock,
        ear: Ear,
        ledger: Rc<Ledger>,
        pass: Option<Rc<Tap>>,
    ) -> Rc<Self> {
        Rc::new(Self {
            options,
            clock,
            ear,
            ledger,
            pass,
            streams: RefCell::default(),
            gone: RefCell::default(),
            n_arriving: Cell::new(0),
            stop: Notify::new(),
        })
    }

    /// Answers a request with a whole body.
    pub(crate) fn respond(&self, stream: StreamId, status: u16, headers: &HeaderMap, body: Bytes) {
        if let Some(reply) = self.take(stream) {
            reply.push(body);
            reply.begin(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), headers);
            reply.finish();
        }
    }

    /// Begins an event stream.
    pub(crate) fn begin(&self, stream: StreamId, headers: &HeaderMap) {
        if let Some(reply) = self.streams.borrow().get(&stream) {
            reply.begin(StatusCode::OK, headers);
        }
    }

    /// Sends a piece of an event stream, or cuts a client off that does not read.
    pub(crate) fn emit(&self, stream: StreamId, bytes: Bytes) {
        let Some(reply) = self.streams.borrow().get(&stream).cloned() else { return };
        if reply.n_bytes.get() > MAX_UNREAD {
            self.leave(stream);
            reply.pulse.cut();
        } else {
            reply.push(bytes);
        }
    }

    /// Ends an event stream.
    pub(crate) fn finish(&self, stream: StreamId) {
        if let Some(reply) = self.take(stream) {
            reply.finish();
        }
    }

    /// Whether the engine still wants to know that the client of a stream left.
    pub(crate) fn take_gone(&self, stream: StreamId) -> bool {
        self.gone.borrow_mut().remove(&stream)
    }

    /// Takes no new clients, and lets those go who wait for nothing.
    pub(crate) fn stop(&self) {
        self.stop.notify_one();
    }

    fn take(&self, stream: StreamId) -> Option<Rc<Reply>> {
        self.gone.borrow_mut().remove(&stream);
        self.streams.borrow_mut().remove(&stream)
    }

    fn leave(&self, stream: StreamId) {
        if self.streams.borrow_mut().remove(&stream).is_some() {
            self.gone.borrow_mut().insert(stream);
            self.ear.tell_now(Heard::Left { stream });
        }
    }

    /// Serves until it is stopped and the last connection ended.
    pub(crate) async fn serve(self: Rc<Self>, listener: TcpListener) {
        let n_open = Arc::new(AtomicUsize::new(0));
        let mut pulses: Vec<Weak<Pulse>> = Vec::new();
        let mut sessions = JoinSet::new();
        let mut glance = glances(GLANCE.min(self.options.head_timeout));
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((tcp, _)) if n_open.load(Ordering::Relaxed) >= self.options.max_connections => {
                        if let Ok(tcp) = tcp.into_std() {
                            turn_away(tcp, self.options.explain);
                        }
                    }
                    Ok((tcp, _)) => {
                        n_open.fetch_add(1, Ordering::Relaxed);
                        let pulse = Rc::new(Pulse::new(self.clock));
                        pulses.push(Rc::downgrade(&pulse));
                        self.connect(&mut sessions, tcp, pulse, Open(Arc::clone(&n_open)));
                    }
                    // Out of descriptors or memory: those who are served go on, the others wait.
                    Err(_) => sleep(Duration::from_millis(50)).await,
                },
                Some(_) = sessions.join_next() => {}
                _ = glance.tick() => {
                    self.ledger.flush();
                    if let Some(tap) = &self.pass {
                        tap.pool.sweep();
                    }
                    pulses.retain(|pulse| {
                        let Some(pulse) = pulse.upgrade() else { return false };
                        pulse.end_if_late(self.options.head_timeout);
                        true
                    });
                }
                () = self.stop.notified() => break,
            }
        }
        drop(listener);
        pulses.iter().filter_map(Weak::upgrade).for_each(|pulse| pulse.stop());
        while sessions.join_next().await.is_some() {}
    }

    fn connect(self: &Rc<Self>, sessions: &mut JoinSet<()>, tcp: TcpStream, pulse: Rc<Pulse>, open: Open) {
        let service = {
            let (clients, pulse) = (Rc::clone(self), Rc::clone(&pulse));
            service_fn(move |request| answer(Rc::clone(&clients), Rc::clone(&pulse), request))
        };
        sessions.spawn_local(session(Rc::clone(&self.ledger), tcp, pulse, open, service));
    }

    /// Reads a body; `so_far` has what came of it when it is refused.
    async fn collect(
        &self,
        mut incoming: Incoming,
        expects: bool,
        so_far: &mut BytesMut,
    ) -> Result<Bytes, (StatusCode, String)> {
        let limit = self.options.max_body;
        let mut arriving = Arriving { all: &self.n_arriving, n_bytes: 0 };
        let too_large =
            || (StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes, the limit"));
        if incoming.size_hint().lower() > limit as u64 {
            // Who waits for `100 Continue` sends nothing that could be wasted.
            if !expects {
                waste(incoming).await;
            }
            return Err(too_large());
        }
        loop {
            let data = match poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await {
                None => return Ok(so_far.split().freeze()),
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(why)) => {
                    return Err((StatusCode::BAD_REQUEST, format!("the body is not complete: {why}")));
                }
            };
            if so_far.len() + data.len() > limit {
                waste(incoming).await;
                return Err(too_large());
            }
            if !arriving.add(data.len()) {
                let why = "too many large requests arrive at once; try again later".to_owned();
                return Err((StatusCode::SERVICE_UNAVAILABLE, why));
            }
            if so_far.is_empty() && incoming.is_end_stream() {
                return Ok(keep::piece(&data));
            }
            so_far.extend_from_slice(&data);
        }
    }

    fn explain(&self, head: &RequestHead, prefix: &[u8], cause: &str) -> Bytes {
        (self.options.explain)(head, prefix.get(..MAX_PREFIX).unwrap_or(prefix), cause)
    }
}

/// Counts the bytes of a body while it arrives.
struct Arriving<'a> {
    all: &'a Cell<usize>,
    n_bytes: usize,
}

impl Arriving<'_> {
    fn add(&mut self, n_bytes: usize) -> bool {
        self.n_bytes += n_bytes;
        self.all.set(self.all.get() + n_bytes);
        self.all.get() <= MAX_ARRIVING
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        self.all.set(self.all.get().saturating_sub(self.n_bytes));
    }
}

async fn waste(mut incoming: Incoming) {
    let read = async {
        let mut n_bytes = 0;
        while n_bytes < WASTE
            && let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await
        {
            n_bytes += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    let _ = timeout(WASTE_TIME, read).await;
}

/// Hears one request and waits for what the engine makes of it.
async fn answer(
    clients: Rc<Clients>,
    pulse: Rc<Pulse>,
    request: Request<Incoming>,
) -> Result<Response<Told>, Infallible> {
    let is_own = clients.options.paths.iter().any(|path| path == request.uri().path());
    if let Some(tap) = clients.pass.as_ref().filter(|_| !is_own) {
        return Ok(exchange(Rc::clone(tap), pulse, request).await?.map(Told::Passed));
    }
    pulse.begin();
    let (parts, incoming) = request.into_parts();
    let head =
        RequestHead { method: parts.method, uri: parts.uri, version: parts.version, headers: parts.headers };
    let reply = Rc::new(Reply::new(Rc::clone(&pulse)));
    let mut stay = Stay { clients: Rc::clone(&clients), stream: None, reply: Rc::clone(&reply) };
    let mut so_far = BytesMut::new();
    let refused = if let Err(why) = clients.options.guard.check(&head.uri, &head.headers) {
        Some((StatusCode::FORBIDDEN, why))
    } else if !is_own {
        let paths = clients.options.paths.join(" and ");
        Some((StatusCode::NOT_FOUND, format!("nothing is served at {}; MCP is at {paths}", head.uri.path())))
    } else {
        let expects = head.headers.contains_key(EXPECT);
        let body = clients.collect(incoming, expects, &mut so_far);
        match timeout(clients.options.body_timeout, body).await {
            Ok(Ok(body)) => {
                let stream = clients.ledger.next_stream();
                let n_bytes = body.len();
                let head = clients.ledger.heads.request(head.clone());
                // In the map only when it is told: who leaves while there is no room was never here.
                clients.ear.tell(Heard::Asked { stream, head, body }, n_bytes).await;
                clients.streams.borrow_mut().insert(stream, Rc::clone(&reply));
                stay.stream = Some(stream);
                None
            }
            Ok(Err(refused)) => Some(refused),
            Err(_) => Some((StatusCode::REQUEST_TIMEOUT, "the body took too long".to_owned())),
        }
    };
    if let Some((status, why)) = refused {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // What is left of its body is not read.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        reply.push(clients.explain(&head, &so_far, &why));
        reply.begin(status, &headers);
        reply.finish();
    }
    let (status, headers) = poll_fn(|cx| reply.poll_head(cx)).await;
    let mut response = Response::new(Told::Reply(stay));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// What goes back to a client, between the engine and the connection.
struct Reply {
    head: RefCell<Option<(StatusCode, HeaderMap)>>,
    queue: RefCell<VecDeque<Bytes>>,
    n_bytes: Cell<usize>,
    is_over: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    pulse: Rc<Pulse>,
}

impl Reply {
    fn new(pulse: Rc<Pulse>) -> Self {
        Self {
            head: RefCell::default(),
            queue: RefCell::default(),
            n_bytes: Cell::new(0),
            is_over: Cell::new(false),
            waker: RefCell::default(),
            pulse,
        }
    }

    fn begin(&self, status: StatusCode, headers: &HeaderMap) {
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

    fn push(&self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.n_bytes.set(self.n_bytes.get() + bytes.len());
            self.queue.borrow_mut().push_back(bytes);
            self.wake();
        }
    }

    fn finish(&self) {
        self.is_over.set(true);
        self.wake();
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

    fn poll_head(&self, cx: &mut Context<'_>) -> Poll<(StatusCode, HeaderMap)> {
        match self.head.borrow_mut().take() {
            Some(head) => Poll::Ready(head),
            None => self.wait(cx),
        }
    }

    fn poll_bytes(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.queue.borrow_mut().pop_front() {
            Some(bytes) => {
                self.n_bytes.set(self.n_bytes.get() - bytes.len());
                Poll::Ready(Some(bytes))
            }
            None if self.is_over.get() => Poll::Ready(None),
            None => self.wait(cx),
        }
    }
}

/// The presence of a client: when it is dropped before the engine is done, the client left.
struct Stay {
    clients: Rc<Clients>,
    stream: Option<StreamId>,
    reply: Rc<Reply>,
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
enum Told {
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
