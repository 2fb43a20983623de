//! The listener of a bridge: whole requests in, answers and event streams out.
//!
//! What asks for a path that is not the bridge's own passes to the server as through the HTTP tap, if it has an
//! origin.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_TYPE, EXPECT, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tapgate_wire::StreamId;
use tapgate_wire::edge::Heard;
use tapgate_wire::header::RequestHead;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::collect::{Arriving, Refused};
use super::exchange::{Tap, exchange};
use super::guard::Guard;
use super::ledger::Ledger;
use super::pool::Case;
use super::pulse::{MAX_PREFIX, Pulse};
use super::reply::{Reply, Stay, Told};
use super::worker::{GLANCE, Open, glances, session};
use super::{Error, Explain, Reach, turn_away};
use crate::bridge::ear::Ear;
use crate::clock::Clock;

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
    arriving: Arriving,
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
            arriving: Arriving::default(),
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
        if reply.is_full() {
            self.leave(stream);
            reply.cut();
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

    /// Tells that a client went before the engine was done with it.
    pub(super) fn leave(&self, stream: StreamId) {
        if self.streams.borrow_mut().remove(&stream).is_some() {
            self.gone.borrow_mut().insert(stream);
            self.ear.tell_now(Heard::Left { stream });
        }
    }

    /// Serves until it is stopped and the last connection ended.
    pub(crate) async fn serve(self: Rc<Self>, listener: TcpListener) {
        let n_open = Arc::new(AtomicUsize::new(0));
        let mut places: Vec<Weak<Place>> = Vec::new();
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
                        let place = Rc::new(Place::new(self.clock));
                        places.push(Rc::downgrade(&place));
                        self.connect(&mut sessions, tcp, place, Open(Arc::clone(&n_open)));
                    }
                    // Out of descriptors or memory: those who are served go on, the others wait.
                    Err(_) => sleep(Duration::from_millis(50)).await,
                },
                Some(_) = sessions.join_next() => {}
                _ = glance.tick() => {
                    self.ledger.flush();
                    let now = self.ledger.now();
                    if let Some(tap) = &self.pass {
                        tap.pool.sweep();
                    }
                    places.retain(|place| {
                        let Some(place) = place.upgrade() else { return false };
                        if let Some(reply) = place.reply.borrow().upgrade() {
                            reply.cut_if_stalled(now);
                        }
                        place.pulse.end_if_late(self.options.head_timeout);
                        true
                    });
                }
                () = self.stop.notified() => break,
            }
        }
        drop(listener);
        places.iter().filter_map(Weak::upgrade).for_each(|place| place.pulse.stop());
        while sessions.join_next().await.is_some() {}
    }

    fn connect(self: &Rc<Self>, sessions: &mut JoinSet<()>, tcp: TcpStream, place: Rc<Place>, open: Open) {
        let (clients, pulse) = (Rc::clone(self), Rc::clone(&place.pulse));
        let service = service_fn(move |request| answer(Rc::clone(&clients), Rc::clone(&place), request));
        let case = if self.pass.is_some() { Case::Keep } else { Case::Forget };
        sessions.spawn_local(session(Rc::clone(&self.ledger), tcp, pulse, case, open, service));
    }

    /// Hears one request whole; `so_far` has what came of a body that is refused.
    async fn hear(
        &self,
        head: &Arc<RequestHead>,
        incoming: Incoming,
        so_far: &mut BytesMut,
        stay: &mut Stay,
    ) -> Result<(), Refused> {
        self.options.guard.check(&head.uri, &head.headers).map_err(|why| (StatusCode::FORBIDDEN, why))?;
        if !self.is_own(head.uri.path()) {
            let paths = self.options.paths.join(" and ");
            let why = format!("nothing is served at {}; MCP is at {paths}", head.uri.path());
            return Err((StatusCode::NOT_FOUND, why));
        }
        let expects = head.headers.contains_key(EXPECT);
        let mut arrived = self.arriving.begin();
        let body = arrived.collect(incoming, self.options.max_body, expects, so_far);
        let body = timeout(self.options.body_timeout, body)
            .await
            .map_err(|_| (StatusCode::REQUEST_TIMEOUT, "the body took too long".to_owned()))??;
        let stream = self.ledger.next_stream();
        let n_bytes = body.len();
        // In the map only when it is told: who leaves while there is no room was never here.
        self.ear.tell(Heard::Asked { stream, head: Arc::clone(head), body }, n_bytes).await;
        self.streams.borrow_mut().insert(stream, Rc::clone(&stay.reply));
        stay.stream = Some(stream);
        Ok(())
    }

    fn is_own(&self, path: &str) -> bool {
        self.options.paths.iter().any(|own| own == path)
    }
}

/// A connection of a client.
struct Place {
    pulse: Rc<Pulse>,
    /// What it may still have to take; one reply at a time, as HTTP/1.1 has it.
    reply: RefCell<Weak<Reply>>,
}

impl Place {
    fn new(clock: Clock) -> Self {
        Self { pulse: Rc::new(Pulse::new(clock)), reply: RefCell::default() }
    }
}

/// Hears one request and waits for what the engine makes of it.
async fn answer(
    clients: Rc<Clients>,
    place: Rc<Place>,
    request: Request<Incoming>,
) -> Result<Response<Told>, Infallible> {
    if let Some(tap) = clients.pass.as_ref().filter(|_| !clients.is_own(request.uri().path())) {
        return Ok(exchange(Rc::clone(tap), Rc::clone(&place.pulse), request).await?.map(Told::Passed));
    }
    place.pulse.begin();
    let reply = Rc::new(Reply::new(Rc::clone(&place.pulse)));
    place.reply.replace(Rc::downgrade(&reply));
    let mut stay = Stay { clients: Rc::clone(&clients), stream: None, reply: Rc::clone(&reply) };
    let (parts, incoming) = request.into_parts();
    let (method, uri, version, headers) = (parts.method, parts.uri, parts.version, parts.headers);
    let head = place.pulse.heads.request(RequestHead { method, uri, version, headers });
    let mut so_far = BytesMut::new();
    if let Err((status, why)) = clients.hear(&head, incoming, &mut so_far, &mut stay).await {
        let prefix = so_far.get(..MAX_PREFIX).unwrap_or(&so_far);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // What is left of its body is not read.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        reply.push((clients.options.explain)(&head, prefix, &why));
        reply.begin(status, &headers);
        reply.finish();
    }
    let (status, headers) = poll_fn(|cx| reply.poll_head(cx)).await;
    let mut response = Response::new(Told::Reply(stay));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
