//! TLS, HTTP/2 and forward proxies.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tapgate_transport::http::{self, Error, Options, ProxyVariables};
use tapgate_wire::Leg;
use tapgate_wire::stream::Ending;
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use crate::stage::{Server, Tap, connect, options, post, read_answer, read_head, text};

/// A certificate authority of a test, and a server's certificate from it.
struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Self { folder, issuer };
        std::fs::write(authority.file(), authority.issuer.pem()).expect("a file");
        authority
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn server(&self, name: &str, until: i32, protocols: &[&[u8]]) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a pair");
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }
}

/// What the server got: the version, the target, `host` and the body; and `end` when a stream was given up.
type Log = Sender<String>;

/// Serves HTTP over TLS on its own thread.
fn serve(config: Arc<ServerConfig>) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("an option");
    let (log, logged) = channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default())
            .expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            loop {
                let (tcp, _) = listener.accept().await.expect("a connection");
                let (acceptor, log) = (TlsAcceptor::from(Arc::clone(&config)), log.clone());
                tokio::task::spawn_local(async move {
                    let Ok(tls) = acceptor.accept(tcp).await else { return };
                    let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
                    // The test may have everything that it wanted.
                    let _ = log.send("connected".to_owned());
                    let service = service_fn(move |request| answer(request, log.clone()));
                    let io = TokioIo::new(tls);
                    let _ = if http2 {
                        hyper::server::conn::http2::Builder::new(Local).serve_connection(io, service).await
                    } else {
                        hyper::server::conn::http1::Builder::new().serve_connection(io, service).await
                    };
                });
            }
        });
    });
    (addr, logged)
}

#[derive(Clone)]
struct Local;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        drop(tokio::task::spawn_local(task));
    }
}

/// Tells when it is dropped: the request was given up.
struct Given(Log);

impl Drop for Given {
    fn drop(&mut self) {
        let _ = self.0.send("given up".to_owned());
    }
}

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

async fn answer(request: Request<Incoming>, log: Log) -> Result<Response<Body>, Infallible> {
    let (version, uri) = (request.version(), request.uri().clone());
    let host = request.headers().get("host").map(|host| text(host.as_bytes())).unwrap_or_default();
    let path = uri.path().to_owned();
    if path == "/never" {
        let given = Given(log.clone());
        let _ = log.send("waiting".to_owned());
        std::future::pending::<()>().await;
        drop(given);
    }
    let body = request.into_body().collect().await.expect("a body");
    let trailers = body.trailers().is_some();
    let line = format!("{version:?} {uri} host={host} {} trailers={trailers}", text(&body.to_bytes()));
    let _ = log.send(line);
    if path == "/endless" {
        let given = Given(log);
        let stream = futures_stream(given);
        return Ok(Response::new(stream));
    }
    let full = http_body_util::Full::new(Bytes::from_static(b"secure")).boxed_unsync();
    let response = Response::builder().header("x-from", "server");
    Ok(response
        .version(if version == Version::HTTP_2 { Version::HTTP_2 } else { Version::HTTP_11 })
        .body(full)
        .expect("a response"))
}

/// One piece, and then nothing until the body is dropped.
fn futures_stream(given: Given) -> Body {
    struct Endless(Option<Bytes>, #[expect(dead_code, reason = "its drop is what counts")] Given);
    impl hyper::body::Body for Endless {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.0.take() {
                Some(piece) => std::task::Poll::Ready(Some(Ok(Frame::data(piece)))),
                None => std::task::Poll::Pending,
            }
        }
    }
    Endless(Some(Bytes::from_static(b"begin")), given).boxed_unsync()
}

fn over_tls(authority: &Authority, addr: SocketAddr, path: &str) -> Options {
    let mut options = options(&format!("https://localhost:{}{path}", addr.port()));
    options.ca_file = Some(authority.file());
    options
}

#[test]
fn a_server_with_tls_is_reached_in_the_protocol_that_it_chooses() {
    for (protocols, want) in [
        (
            &[b"h2".as_slice(), b"http/1.1"][..],
            "HTTP/2.0 https://localhost:PORT/mcp?q=1 host= ask trailers=false",
        ),
        (&[b"http/1.1"], "HTTP/1.1 /mcp?q=1 host=localhost:PORT ask trailers=false"),
        (&[], "HTTP/1.1 /mcp?q=1 host=localhost:PORT ask trailers=false"),
    ] {
        let authority = Authority::new();
        let (addr, log) = serve(authority.server("localhost", 2999, protocols));
        let tap = Tap::start(over_tls(&authority, addr, "/mcp"));
        for _ in 0..3 {
            let told = tap.ask(&post("/mcp?q=1", "ask"));
            assert!(told.starts_with("HTTP/1.1 200 OK\r\n") && told.ends_with("\r\n\r\nsecure"), "{told}");
        }
        let lines: Vec<String> = log.iter().take(4).collect();
        let want = want.replace("PORT", &addr.port().to_string());
        assert_eq!(lines, ["connected", &want, &want, &want], "one connection for all");
        assert_eq!(text(&tap.bytes(0, Leg::Server)), "secure");
        assert_eq!(tap.ending(0, Leg::Server), Ending::Clean);
    }
}

#[test]
fn many_requests_share_one_http2_connection() {
    let authority = Authority::new();
    let (addr, log) = serve(authority.server("localhost", 2999, &[b"h2"]));
    let tap = Tap::start(over_tls(&authority, addr, "/mcp"));
    let mut clients: Vec<TcpStream> = (0..20).map(|_| tap.client()).collect();
    for client in &mut clients {
        client.write_all(&post("/mcp", "ask")).expect("the tap reads");
    }
    for client in &mut clients {
        assert!(text(&read_answer(client)).ends_with("secure"));
    }
    let connected = log.iter().take(21).filter(|line| line == "connected").count();
    assert_eq!(connected, 1);
}

#[test]
fn a_client_that_goes_away_resets_its_http2_stream_and_no_other() {
    let authority = Authority::new();
    let (addr, log) = serve(authority.server("localhost", 2999, &[b"h2"]));
    let tap = Tap::start(over_tls(&authority, addr, "/mcp"));
    for (path, wait) in [("/never", "waiting"), ("/endless", "HTTP/2.0 ")] {
        let mut client = tap.client();
        client.write_all(&post(path, "x")).expect("the tap reads");
        while !log.recv().expect("the server has it").starts_with(wait) {}
        if path == "/endless" {
            read_head(&mut client).expect("a head");
            let mut piece = [0; 10];
            client.read_exact(&mut piece).expect("the first piece");
        }
        drop(client);
        assert_eq!(log.recv().expect("the server notices"), "given up", "{path}");
    }
    assert!(tap.ask(&post("/mcp", "y")).ends_with("secure"));
    assert!(log.recv().expect("a request").ends_with("y trailers=false"), "on the same connection");
}

#[test]
fn a_certificate_that_does_not_verify_is_named_with_what_to_do() {
    for (name, until, trusted, cause) in [
        ("localhost", 2999, false, "--ca-file"),
        ("other.test", 2999, true, "not for localhost"),
        ("localhost", 2002, true, "has expired"),
    ] {
        let authority = Authority::new();
        let (addr, _log) = serve(authority.server(name, until, &[b"h2"]));
        let mut options = over_tls(&authority, addr, "/mcp");
        if !trusted {
            options.ca_file = None;
        }
        let told = Tap::start(options).ask(&post("/mcp", "x"));
        assert!(told.starts_with("HTTP/1.1 502 ") && told.contains(cause), "{told}");
    }
}

#[test]
fn a_ca_file_that_is_none_is_known_before_the_first_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").expect("a file");
    for file in [empty, folder.path().join("missing.pem")] {
        let options = Options { ca_file: Some(file.clone()), ..options("https://localhost/mcp") };
        let Some(Error::Roots(why)) = http::bind(options).err() else { panic!("{file:?}") };
        assert!(why.to_string().contains(&*file.to_string_lossy()), "{why}");
    }
}

#[test]
fn http_over_tls_to_a_plain_server_is_a_502() {
    let server = Server::start(|mut tcp, _| {
        let mut hello = [0; 5];
        // It is no request, whatever it is.
        let _ = tcp.read_exact(&mut hello);
        let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let told = Tap::start(options(&format!("https://{}/mcp", server.addr))).ask(&post("/mcp", "x"));
    assert!(told.starts_with("HTTP/1.1 502 ") && told.contains("TLS handshake"), "{told}");
}

/// A proxy that opens every tunnel to `to`, and hands over the heads it got.
fn proxy(to: SocketAddr, answer: &'static str) -> (Server, Receiver<String>) {
    let (asked, asks) = channel();
    let asked = Mutex::new(asked);
    let server = Server::start(move |mut tcp, _| {
        let head = text(&read_head(&mut tcp).expect("a head"));
        asked.lock().expect("nobody fails").send(head).expect("the test waits");
        tcp.write_all(answer.as_bytes()).expect("the tap reads");
        let far = connect(to);
        let (mut from, mut into) = (tcp.try_clone().expect("a handle"), far.try_clone().expect("a handle"));
        thread::spawn(move || std::io::copy(&mut from, &mut into));
        // Either side may reset.
        let _ = std::io::copy(&mut { far }, &mut tcp);
    });
    (server, asks)
}

#[test]
fn a_server_with_tls_is_reached_through_the_proxys_tunnel() {
    let authority = Authority::new();
    let (addr, log) = serve(authority.server("server.test", 2999, &[b"h2"]));
    let (proxy, asks) = proxy(addr, "HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n");
    let mut options = options("https://server.test/mcp");
    options.ca_file = Some(authority.file());
    let login = ["some", "one:word"].concat();
    options.proxy.https = Some(format!("http://{login}@{}", proxy.addr));
    let tap = Tap::start(options);
    let told = tap.ask(&post("/mcp", "ask"));
    assert!(told.ends_with("secure"), "{told}");
    assert_eq!(
        asks.recv().expect("a tunnel"),
        "CONNECT server.test:443 HTTP/1.1\r\nHost: server.test:443\r\n\
         Proxy-Authorization: Basic c29tZW9uZTp3b3Jk\r\n\r\n"
    );
    assert_eq!(
        log.iter().nth(1).expect("a request"),
        "HTTP/2.0 https://server.test/mcp host= ask trailers=false"
    );
}

#[test]
fn a_proxy_that_refuses_is_named_without_its_password() {
    for (answer, cause) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "wants a user name"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "refuses to open a tunnel to server.test:443"),
        ("nonsense\r\n\r\n", "refuses to open a tunnel"),
        ("HTTP/1.1 200 OK\r\n\r\nmore", "no HTTP head"),
        ("", "closed the connection"),
    ] {
        let server = Server::start(move |mut tcp, _| {
            read_head(&mut tcp);
            tcp.write_all(answer.as_bytes()).expect("the tap reads");
        });
        let mut options = options("https://server.test/mcp");
        let word = ["hun", "ter2"].concat();
        options.proxy.all = Some(format!("http://me:{word}@{}", server.addr));
        let told = Tap::start(options).ask(&post("/mcp", "x"));
        assert!(told.starts_with("HTTP/1.1 502 ") && told.contains(cause), "{answer:?}: {told}");
        assert!(!told.contains(&word), "{told}");
    }
}

#[test]
fn a_plain_server_behind_a_proxy_is_asked_for_by_its_whole_name() {
    let (server, asks) = Server::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let mut options = options("http://server.test:81/mcp");
    options.proxy =
        ProxyVariables { http: Some(format!("http://me@{}", server.addr)), ..ProxyVariables::default() };
    let tap = Tap::start(options);
    assert!(tap.ask(b"GET /mcp?q HTTP/1.1\r\nHost: localhost\r\n\r\n").ends_with("ok"));
    assert_eq!(
        text(&asks.recv().expect("a request")).to_ascii_lowercase(),
        "get http://server.test:81/mcp?q http/1.1\r\nhost: server.test:81\r\nproxy-authorization: basic bwu6\r\n\r\n"
    );
}
