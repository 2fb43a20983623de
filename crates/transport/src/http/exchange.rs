//! One request and its answer.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{CONTENT_TYPE, EXPECT, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version, request};
use http_body::Body;
use hyper::body::Incoming;
use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::stream::Ending;
use tapgate_wire::{Leg, StreamId};
use tokio::time::timeout;

use super::Explain;
use super::body::{Answer, AskBody};
use super::dial::{Broken, BrokenKind, Dialer};
use super::guard::Guard;
use super::heads::{self, Framing};
use super::ledger::{Ledger, Watch};
use super::pool::{KEEP, Lane, Link, Pool, Unsent, Upload};
use super::pulse::Pulse;
use crate::seen::Seen;

/// How long a request that cannot be sent may take to show its id.
const PREFIX_PATIENCE: Duration = Duration::from_secs(1);

/// The longest time that an idle connection is kept because its server asked for it.
const MAX_KEEP: Duration = Duration::from_mins(1);

/// What all connections of one worker share.
pub(super) struct Tap {
    pub(super) dialer: Arc<Dialer>,
    pub(super) guard: Arc<Guard>,
    pub(super) explain: Explain,
    pub(super) ledger: Rc<Ledger>,
    pub(super) pool: Rc<Pool<AskBody>>,
}

/// Passes one request to the server and its answer to the client, or says why not.
pub(super) async fn exchange(
    tap: Rc<Tap>,
    pulse: Rc<Pulse>,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    pulse.begin();
    let (parts, incoming) = request.into_parts();
    let stream = tap.ledger.next_stream();
    let refused = refuse(&tap.guard, &parts);
    let request::Parts { method, uri, version, headers, extensions, .. } = parts;
    let head = pulse.heads.request(RequestHead { method, uri, version, headers });
    tap.ledger.tell(Seen::Asked { stream, at: tap.ledger.now(), head: Arc::clone(&head) });
    let watch = |from| Watch::new(Rc::clone(&tap.ledger), stream, from);
    let ask = AskBody::new(incoming, watch(Leg::Client), Rc::clone(&pulse));
    let mut answering = watch(Leg::Server);
    let mut onward = Request::new(ask);
    // The case of the names as the client wrote them.
    *onward.extensions_mut() = extensions;
    let failed = match refused {
        Some((status, why)) => (status, why),
        None => match send(&tap.pool, onward, |request, link| dress(request, &head, &tap.dialer, link)).await
        {
            Ok((response, lane)) => {
                return Ok(pass(&tap, stream, response, lane, answering, pulse));
            }
            Err((broken, unsent)) => {
                if let Some(ask) = unsent {
                    Box::pin(read_prefix(ask, &pulse)).await;
                }
                let status = match broken.kind {
                    BrokenKind::Gateway => StatusCode::BAD_GATEWAY,
                    BrokenKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
                };
                (status, broken.cause)
            }
        },
    };
    let (status, cause) = failed;
    let told = (tap.explain)(&head, &pulse.prefix(), &cause);
    answering.end(Ending::Instead { status: status.as_u16(), why: cause });
    let mut response = Response::new(Answer::own(told, pulse));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Says why a request is not for the server at all.
fn refuse(guard: &Guard, parts: &request::Parts) -> Option<(StatusCode, String)> {
    if let Err(why) = guard.check(&parts.uri, &parts.headers) {
        return Some((StatusCode::FORBIDDEN, why));
    }
    if parts.method == Method::CONNECT || heads::wants_websocket(&parts.headers) {
        let why = "the tap passes HTTP requests; it neither tunnels nor upgrades to WebSocket";
        return Some((StatusCode::NOT_IMPLEMENTED, why.to_owned()));
    }
    None
}

/// The answer with the lane that still carries its body, or the cause and what of the request is left.
type Sent<B> = Result<(Response<Incoming>, Option<Lane<B>>), (Broken, Option<B>)>;

/// Sends a request, which `dress` writes as the link needs it, on a connection that stands or on a new one.
pub(super) async fn send<B: Upload>(
    pool: &Pool<B>,
    mut request: Request<B>,
    dress: impl Fn(&mut Request<B>, &Link<B>),
) -> Sent<B> {
    let mut link = match pool.reuse() {
        Some(link) => link,
        None => match open(pool).await {
            Ok(link) => link,
            Err(broken) => return Err((broken, Some(request.into_body()))),
        },
    };
    loop {
        dress(&mut request, &link);
        let (sent, lane, fresh) = match link {
            Link::Reused(mut lane) => (lane.send(request).await, Some(lane), false),
            Link::Fresh(mut lane) => (lane.send(request).await, Some(lane), true),
            Link::Shared(mut sender) => {
                (sender.try_send_request(request).await.map_err(Unsent::from), None, false)
            }
        };
        let unsent = match sent {
            Ok(response) if response.status() != StatusCode::SWITCHING_PROTOCOLS => {
                return Ok((response, lane));
            }
            Ok(_) => {
                let cause = "the server switched to another protocol, for which nobody asked".to_owned();
                return Err((Broken::new(cause), None));
            }
            Err(unsent) => unsent,
        };
        // A connection that was idle may have been closed just now. When hyper gives the request back, no byte
        // of it went out, so sending it again is not a repetition. Nothing else is ever sent twice.
        match unsent.request {
            Some(given_back) if !fresh => {
                request = given_back;
                link = match open(pool).await {
                    Ok(link) => link,
                    Err(broken) => return Err((broken, Some(request.into_body()))),
                };
            }
            given_back => {
                let why = unsent.why.as_ref().map_or_else(
                    || "the server closed the connection before it answered".to_owned(),
                    describe,
                );
                return Err((Broken::new(why), given_back.map(Request::into_body)));
            }
        }
    }
}

/// Opens a connection. Boxed, because it happens rarely and is large, and every exchange is as large as the
/// largest thing that it may wait for.
fn open<B: Upload>(pool: &Pool<B>) -> Pin<Box<dyn Future<Output = Result<Link<B>, Broken>> + '_>> {
    Box::pin(pool.open())
}

/// Writes the head as the link needs it, and holds back a body that waits for `100 Continue`.
fn dress(request: &mut Request<AskBody>, head: &RequestHead, dialer: &Dialer, link: &Link<AskBody>) {
    address(request, head, dialer, link);
    if head.headers.contains_key(EXPECT) && !request.body().is_end_stream() {
        let go = Arc::new(AtomicBool::new(false));
        request.body_mut().wait_for(Arc::clone(&go));
        hyper::ext::on_informational(request, move |_| go.store(true, Ordering::Relaxed));
    }
}

/// Writes the head as the link needs it.
pub(super) fn address<B: Upload>(
    request: &mut Request<B>,
    head: &RequestHead,
    dialer: &Dialer,
    link: &Link<B>,
) {
    let framing = if matches!(link, Link::Shared(_)) { Framing::Frames } else { Framing::Fields };
    let mut headers = heads::to_server(&head.headers, &dialer.upstream, framing);
    request.method_mut().clone_from(&head.method);
    *request.version_mut() = Version::HTTP_11;
    *request.uri_mut() = if framing == Framing::Frames || dialer.names_whole_target() {
        dialer.upstream.absolute(&head.uri)
    } else {
        heads::origin_form(head.uri.clone())
    };
    if dialer.names_whole_target()
        && let Some(credentials) = dialer.proxy.as_ref().and_then(|proxy| proxy.credentials.as_ref())
    {
        headers.insert(http::header::PROXY_AUTHORIZATION, credentials.clone());
    }
    *request.headers_mut() = headers;
}

fn pass(
    tap: &Tap,
    stream: StreamId,
    response: Response<Incoming>,
    lane: Option<Lane<AskBody>>,
    watch: Watch,
    pulse: Rc<Pulse>,
) -> Response<Answer> {
    pulse.forget_prefix();
    let (parts, incoming) = response.into_parts();
    let framing = if lane.is_some() { Framing::Fields } else { Framing::Frames };
    let headers = heads::to_client(&parts.headers, framing);
    let keep = keep(&parts.headers);
    let head = ResponseHead { status: parts.status, version: parts.version, headers: parts.headers };
    let head = pulse.heads.response(head);
    tap.ledger.tell(Seen::Answered { stream, at: tap.ledger.now(), head });
    let body = match lane {
        Some(lane) => Answer::from_lane(incoming, watch, lane, Rc::clone(&tap.pool), keep, pulse),
        None => Answer::from_stream(incoming, watch, pulse),
    };
    let mut response = Response::new(body);
    *response.status_mut() = parts.status;
    *response.headers_mut() = headers;
    // The case of the names and the reason as the server wrote them.
    *response.extensions_mut() = parts.extensions;
    response
}

/// How long the server keeps an idle connection, less a second for what is on its way then.
pub(super) fn keep(headers: &HeaderMap) -> Duration {
    let Some(value) = headers.get("keep-alive").and_then(|value| value.to_str().ok()) else { return KEEP };
    let timeout = value.split(',').find_map(|item| item.trim().strip_prefix("timeout=")?.parse().ok());
    timeout.map_or(KEEP, |seconds: u64| Duration::from_secs(seconds.saturating_sub(1)).min(MAX_KEEP))
}

/// Reads as much of a request that cannot be sent as is needed to answer it.
async fn read_prefix(mut ask: AskBody, pulse: &Pulse) {
    ask.open();
    let read = async {
        while !pulse.prefix_is_full() {
            match poll_fn(|cx| Pin::new(&mut ask).poll_frame(cx)).await {
                Some(Ok(_)) if !ask.is_end_stream() => {}
                _ => break,
            }
        }
    };
    // What came in time is what there is.
    let _ = timeout(PREFIX_PATIENCE, read).await;
}

/// Says in words what broke between us and the server.
pub(super) fn describe(why: &hyper::Error) -> String {
    if why.is_incomplete_message() {
        return "the server closed the connection before its answer was complete".to_owned();
    }
    let mut root: &dyn std::error::Error = why;
    while let Some(source) = root.source() {
        root = source;
    }
    if why.is_parse() {
        return format!("the server's answer is not HTTP: {root}");
    }
    format!("the connection to the server broke: {root}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_is_kept_as_long_as_its_server_says() {
        for (value, seconds) in [
            (None, 4),
            (Some("timeout=5"), 4),
            (Some("max=100, timeout=30"), 29),
            (Some("timeout=100000"), 60),
            (Some("timeout=0"), 0),
            (Some("timeout=soon"), 4),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert("keep-alive", HeaderValue::from_static(value));
            }
            assert_eq!(keep(&headers), Duration::from_secs(seconds), "{value:?}");
        }
    }
}
