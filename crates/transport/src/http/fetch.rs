//! Requests of a bridge to its server, and what comes of them: whole bodies, or events one by one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, Uri, Version};
use http_body::{Body as _, Frame as Piece};
use http_body_util::Full;
use hyper::body::Incoming;
use tapgate_wire::Chunk;
use tapgate_wire::edge::{FetchId, Heard};
use tapgate_wire::fault::FaultKind;
use tapgate_wire::frame::Sse;
use tapgate_wire::frame::coding::{Decoder, Limits};
use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::stream::Ending;
use tokio::task::AbortHandle;

use super::call::COST;
use super::collect::Arriving;
use super::dial::Dialer;
use super::exchange::{address, describe, keep, send};
use super::ledger::Ledger;
use super::pool::{Case, Lane, Pool};
use crate::allowance::Allowance;
use crate::bridge::ear::Ear;
use crate::clock::Clock;

/// A request to the server.
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) target: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The server of a bridge, by HTTP.
pub(crate) struct Origin {
    dialer: Arc<Dialer>,
    ledger: Rc<Ledger>,
    pool: Rc<Pool<Full<Bytes>>>,
    ear: Ear,
    clock: Clock,
    max_message: usize,
    allowance: Allowance,
    arriving: Arriving,
    running: RefCell<HashMap<FetchId, AbortHandle>>,
}

impl Origin {
    pub(super) fn new(
        dialer: Arc<Dialer>,
        ledger: Rc<Ledger>,
        ear: Ear,
        clock: Clock,
        max_message: usize,
        allowance: Allowance,
    ) -> Rc<Self> {
        let pool = Rc::new(Pool::new(Arc::clone(&dialer), Rc::clone(&ledger), Case::Forget));
        let (arriving, running) = (Arriving::default(), RefCell::default());
        Rc::new(Self { dialer, ledger, pool, ear, clock, max_message, allowance, arriving, running })
    }

    /// Notes the task that runs a fetch.
    pub(crate) fn add(&self, fetch: FetchId, task: AbortHandle) {
        self.running.borrow_mut().insert(fetch, task);
    }

    /// Gives a fetch up. Its connection closes with it.
    pub(crate) fn abort(&self, fetch: FetchId) {
        if let Some(task) = self.running.borrow_mut().remove(&fetch) {
            task.abort();
        }
    }

    /// Gives all fetches up.
    pub(crate) fn abort_all(&self) {
        self.running.borrow_mut().drain().for_each(|(_, task)| task.abort());
    }

    /// Whether the engine still wants to hear of a fetch; after its `last` it does not.
    pub(crate) fn wants(&self, fetch: FetchId, is_last: bool) -> bool {
        let mut running = self.running.borrow_mut();
        if is_last { running.remove(&fetch).is_some() } else { running.contains_key(&fetch) }
    }

    /// Drops connections that are idle for too long.
    pub(crate) fn sweep(&self) {
        self.ledger.flush();
        self.pool.sweep();
    }

    /// Sends a request and tells what comes.
    pub(crate) async fn run(self: Rc<Self>, fetch: FetchId, ask: Ask) {
        let (how, sent) = match self.exchange(fetch, ask).await {
            Ok(None) => return,
            Ok(Some(how)) => (how, true),
            Err((why, sent)) => (Ending::Failed(why), sent),
        };
        self.ear.tell_now(Heard::Ended { fetch, how, sent });
    }

    /// Gives how the answer ended if its body was not told; or why there is no answer, and whether the request may
    /// have reached the server.
    async fn exchange(&self, fetch: FetchId, ask: Ask) -> Result<Option<Ending>, (String, bool)> {
        let uri = self.target(ask.target.as_deref()).map_err(|why| (why, false))?;
        let mut headers = ask.headers;
        headers.remove(CONTENT_LENGTH);
        headers.remove(ACCEPT_ENCODING);
        let head = RequestHead { method: ask.method, uri, version: Version::HTTP_11, headers };
        // The time of this turn, for what the pool keeps.
        self.ledger.flush();
        let request = Request::new(Full::new(ask.body));
        let dress = |request: &mut Request<_>, link: &_| address(request, &head, &self.dialer, link);
        let (response, lane) = send(&self.pool, request, dress).await.map_err(|(broken, unsent)| {
            let host = self.dialer.upstream.host();
            let names = broken.cause.contains(host);
            let cause = if names { broken.cause } else { format!("{host}: {}", broken.cause) };
            (cause, unsent.is_none())
        })?;
        let (parts, incoming) = response.into_parts();
        let keep = keep(&parts.headers);
        let mut coming = Coming { incoming, lane, allowance: &self.allowance };
        let head = ResponseHead { status: parts.status, version: parts.version, headers: parts.headers };
        let is_stream = is_event_stream(&head.headers);
        let coding = self.coding(&head.headers, is_stream);
        self.ear.tell(Heard::Answered { fetch, head: Arc::new(head) }, 0).await;
        let decoder = match coding {
            Ok(decoder) => decoder,
            Err(why) => return Ok(Some(Ending::Failed(why))),
        };
        let how = if is_stream {
            Some(self.events(fetch, &mut coming, decoder).await)
        } else {
            self.body(fetch, &mut coming, decoder).await
        };
        if let (None | Some(Ending::Clean), Some(lane)) = (&how, coming.lane) {
            self.ledger.flush();
            self.pool.put(lane, keep);
        }
        Ok(how)
    }

    /// The target at the server; a full URL must name the server's own origin.
    fn target(&self, target: Option<&str>) -> Result<Uri, String> {
        let upstream = &self.dialer.upstream;
        let Some(target) = target else { return Ok(upstream.target()) };
        let uri: Uri = target.parse().map_err(|why| format!("{target:?} is no target: {why}"))?;
        let full = upstream.absolute(&uri);
        if uri.authority().is_some() && (uri.scheme() != full.scheme() || uri.authority() != full.authority())
        {
            return Err(format!("{target:?} is not at {}", upstream.origin()));
        }
        Ok(uri)
    }

    fn coding(&self, headers: &HeaderMap, is_stream: bool) -> Result<Option<Decoder>, String> {
        let Some(coding) = headers.get(CONTENT_ENCODING) else { return Ok(None) };
        let size = if is_stream { u64::MAX } else { self.max_message as u64 };
        let limits = Limits { size, ..Limits::default() };
        Decoder::new(coding.as_bytes(), limits)
            .map_err(|_| format!("the server's answer is in a coding that nobody asked for: {coding:?}"))
    }

    /// Tells the body; gives how it ended when it cannot be told.
    async fn body(
        &self,
        fetch: FetchId,
        coming: &mut Coming<'_>,
        mut decoder: Option<Decoder>,
    ) -> Option<Ending> {
        let too_large = || Some(Ending::Failed(format!("answer larger than {} bytes", self.max_message)));
        let mut arrived = self.arriving.begin();
        let mut body = BytesMut::new();
        loop {
            let piece = match coming.next().await {
                Ok(piece) => piece,
                Err(how) => return Some(how),
            };
            let is_end = piece.is_none();
            let had = body.len();
            match decode(&mut decoder, piece, &mut |bytes| body.extend_from_slice(&bytes)) {
                Err(FaultKind::CodingTooLarge) => return too_large(),
                Err(_) => return Some(Ending::Failed(BAD_CODING.to_owned())),
                Ok(()) if body.len() > self.max_message => return too_large(),
                Ok(()) if !arrived.add(body.len() - had) => {
                    return Some(Ending::Failed(TOO_MANY.to_owned()));
                }
                Ok(()) => {}
            }
            if is_end {
                break;
            }
        }
        let n_bytes = body.len();
        self.ear.tell(Heard::Body { fetch, body: body.freeze() }, n_bytes).await;
        None
    }

    /// Tells events until the stream ends; gives how.
    async fn events(&self, fetch: FetchId, coming: &mut Coming<'_>, mut decoder: Option<Decoder>) -> Ending {
        let mut sse = Sse::new(self.max_message);
        let mut found = Vec::new();
        // What came of an event that is not complete.
        let mut arrived = self.arriving.begin();
        loop {
            let piece = match coming.next().await {
                Ok(piece) => piece,
                // An event that is not complete does not count.
                Err(how) => return how,
            };
            let is_end = piece.is_none();
            let (mut n_bytes, mut n_frames) = (0, 0);
            let decoded = decode(&mut decoder, piece, &mut |bytes| {
                n_bytes += bytes.len();
                let chunk = Chunk { at: self.clock.now(), bytes };
                sse.push(&chunk, &mut |frame| {
                    n_frames += 1;
                    found.extend(frame.into_message());
                });
            });
            // What is no message is recorded too; messages are paid for by who takes them.
            let n_idle = n_frames - found.len();
            if n_idle > 0 && !coming.allowance.take(COST * n_idle as u64) {
                return Ending::Failed(SPENT.to_owned());
            }
            if n_frames > 0 {
                arrived = self.arriving.begin();
            } else if !arrived.add(n_bytes) {
                return Ending::Failed(TOO_MANY.to_owned());
            }
            for (message, event) in found.drain(..) {
                let n_bytes = message.raw().len();
                self.ear.tell(Heard::Event { fetch, event, message }, n_bytes).await;
            }
            match decoded {
                Err(_) => return Ending::Failed(BAD_CODING.to_owned()),
                Ok(()) if is_end => return Ending::Clean,
                Ok(()) => {}
            }
        }
    }
}

const TOO_MANY: &str = "too many large answers arrive at once";

const SPENT: &str = "the server says more than it may";

const BAD_CODING: &str = "the server's answer cannot be decoded";

fn is_event_stream(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let name = value.split(|&byte| byte == b';').next().unwrap_or_default();
    name.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

/// Decodes a piece, or the end.
fn decode(
    decoder: &mut Option<Decoder>,
    piece: Option<Bytes>,
    sink: &mut impl FnMut(Bytes),
) -> Result<(), FaultKind> {
    match (decoder.as_mut(), piece) {
        (Some(decoder), Some(bytes)) => decoder.push(&bytes, sink),
        (None, Some(bytes)) => {
            sink(bytes);
            Ok(())
        }
        (_, None) => decoder.take().map_or(Ok(()), |decoder| decoder.finish(sink)),
    }
    .map_err(|fault| fault.kind)
}

/// An answer on its way, with the connection that brings it alone.
struct Coming<'o> {
    incoming: Incoming,
    lane: Option<Lane<Full<Bytes>>>,
    allowance: &'o Allowance,
}

impl Coming<'_> {
    /// The next piece of the body, `None` at its end.
    async fn next(&mut self) -> Result<Option<Bytes>, Ending> {
        loop {
            match poll_fn(|cx| self.poll(cx)).await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    // Trailers say nothing here.
                    if let Ok(bytes) = frame.into_data() {
                        if !self.allowance.take(bytes.len() as u64) {
                            return Err(Ending::Failed(SPENT.to_owned()));
                        }
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(why)) => {
                    let cut = why.is_incomplete_message()
                        || std::error::Error::source(&why)
                            .is_some_and(<dyn std::error::Error>::is::<io::Error>);
                    return Err(if cut { Ending::Cut } else { Ending::Failed(describe(&why)) });
                }
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Piece<Bytes>>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        let (Poll::Pending, Some(lane)) = (&polled, &mut self.lane) else { return polled };
        // Nobody else drives the connection.
        lane.drive(cx);
        Pin::new(&mut self.incoming).poll_frame(cx)
    }
}
