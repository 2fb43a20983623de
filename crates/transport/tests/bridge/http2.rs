//! A server that speaks HTTP/2 over TLS.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tapgate_transport::bridge::{ServerEdge, Url};
use tapgate_transport::http::{ProxyVariables, Upstream};
use tapgate_wire::edge::{Act, FetchId};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use super::rig::{fetch, headers, hear, piped, run};

/// One event, then silence; tells when nobody wants more.
struct Quiet(Option<&'static str>, Rc<Notify>);

impl Body for Quiet {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(text) => Poll::Ready(Some(Ok(Frame::data(Bytes::from(text))))),
            None => Poll::Pending,
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        self.1.notify_one();
    }
}

async fn answer(
    request: Request<Incoming>,
    dropped: Rc<Notify>,
) -> Result<Response<http_body_util::Either<Quiet, String>>, Infallible> {
    assert_eq!(request.version(), Version::HTTP_2);
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Ok(if parts.uri.path() == "/stream" {
        let body = http_body_util::Either::Left(Quiet(Some("data: {}\n\n"), dropped));
        Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
    } else {
        let told = format!("{} {}", parts.uri, String::from_utf8_lossy(&body));
        Response::new(http_body_util::Either::Right(told))
    })
}

#[derive(Clone)]
struct Local;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        drop(tokio::task::spawn_local(task));
    }
}

#[test]
fn one_connection_carries_all_fetches_and_one_of_them_can_be_given_up() {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, pair.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let dropped = Rc::new(Notify::new());
        let dropping = Rc::clone(&dropped);
        // Takes one connection only.
        tokio::task::spawn_local(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            let tls = TlsAcceptor::from(Arc::new(config)).accept(tcp).await.unwrap();
            let service = service_fn(move |request| answer(request, Rc::clone(&dropping)));
            let _ = hyper::server::conn::http2::Builder::new(Local)
                .serve_connection(TokioIo::new(tls), service)
                .await;
        });
        let (mut edges, _client) = piped(ServerEdge::Url(Box::new(Url {
            upstream: Upstream::parse(&format!("https://localhost:{}/mcp?k=1", addr.port())).unwrap(),
            ca_file: Some(ca_file),
            proxy: ProxyVariables::default(),
            connect_timeout: Duration::from_secs(10),
        })));
        edges.perform(Act::Fetch {
            fetch: FetchId(1),
            method: http::Method::GET,
            target: Some("/stream".to_owned()),
            headers: headers(&[("accept", "text/event-stream")]),
            body: Bytes::new(),
        });
        assert_eq!(hear(&mut edges, 2).await, ["answered 1 200", "event 1 None None None {}"]);
        edges.perform(fetch(2, "{\"id\":1}"));
        let told = format!("body 2 https://localhost:{}/mcp?k=1 {{\"id\":1}}", addr.port());
        assert_eq!(hear(&mut edges, 2).await, ["answered 2 200".to_owned(), told.clone()]);
        edges.perform(Act::Abort { fetch: FetchId(1) });
        dropped.notified().await;
        edges.perform(fetch(3, "{\"id\":1}"));
        let told = told.replace("body 2", "body 3");
        assert_eq!(hear(&mut edges, 2).await, ["answered 3 200".to_owned(), told]);
    });
}
