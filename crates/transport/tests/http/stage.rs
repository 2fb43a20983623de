//! A tap, servers that answer what a test wrote down, and clients that say what a test wrote down.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tapgate_transport::http::{self, Error, Guard, Options, ProxyVariables, Reach, Served, Upstream};
use tapgate_transport::queue::Turn;
use tapgate_transport::{Clock, Seen, queue};
use tapgate_wire::stream::Ending;
use tapgate_wire::{Leg, StreamId};
use tokio::sync::oneshot;

/// How long a test waits for what must happen before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running tap and what it told.
pub(crate) struct Tap {
    pub(crate) addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<Result<Served, Error>>>,
    told: Arc<(Mutex<Vec<Seen>>, Condvar)>,
}

pub(crate) fn options(url: &str) -> Options {
    Options {
        listen: "127.0.0.1:0".parse().expect("an address"),
        reach: Reach::Loopback,
        upstream: Upstream::parse(url).expect("a URL"),
        ca_file: None,
        proxy: ProxyVariables::default(),
        guard: Guard::default(),
        workers: 1,
        max_connections: 64,
        connect_timeout: Duration::from_secs(10),
        head_timeout: Duration::from_secs(30),
        grace: Duration::from_secs(10),
        explain,
    }
}

/// Shows the test what the tap gave: the target, the start of the body and the cause.
fn explain(head: &tapgate_wire::header::RequestHead, prefix: &[u8], cause: &str) -> Bytes {
    let prefix = String::from_utf8_lossy(prefix.get(..40).unwrap_or(prefix)).into_owned();
    format!("told {} {prefix:?} {cause}", head.uri.path()).into()
}

impl Tap {
    pub(crate) fn to(addr: SocketAddr) -> Self {
        Self::start(options(&format!("http://{addr}/mcp")))
    }

    pub(crate) fn start(options: Options) -> Self {
        let (witness, mut observer) = queue(256 << 20);
        let told: Arc<(Mutex<Vec<Seen>>, Condvar)> = Arc::default();
        let telling = Arc::clone(&told);
        thread::spawn(move || {
            let mut batch = Vec::new();
            while observer.recv_batch(&mut batch, Duration::from_secs(1)) != Turn::Closed {
                telling.0.lock().expect("no test holds it and fails").append(&mut batch);
                telling.1.notify_all();
            }
        });
        let bound = http::bind(options).expect("a free port");
        let addr = bound.addr();
        let (stop, stopped) = oneshot::channel();
        let serving = thread::spawn(move || {
            bound.serve(&witness, Clock::start(), async {
                let _ = stopped.await;
            })
        });
        Self { addr, stop: Some(stop), serving: Some(serving), told }
    }

    pub(crate) fn client(&self) -> TcpStream {
        connect(self.addr)
    }

    /// Sends `request` on a new connection and reads one answer.
    pub(crate) fn ask(&self, request: &[u8]) -> String {
        let mut client = self.client();
        client.write_all(request).expect("the tap reads");
        text(&read_answer(&mut client))
    }

    /// Waits until what was told fits.
    pub(crate) fn told<T>(&self, find: impl Fn(&[Seen]) -> Option<T>) -> T {
        let deadline = now() + PATIENCE;
        let mut told = self.told.0.lock().expect("no test holds it and fails");
        loop {
            if let Some(found) = find(&told) {
                return found;
            }
            let left =
                deadline.checked_duration_since(now()).unwrap_or_else(|| panic!("told only {told:#?}"));
            told = self.told.1.wait_timeout(told, left).expect("no test holds it and fails").0;
        }
    }

    /// How the direction `from` of the `nth` stream ended.
    pub(crate) fn ending(&self, nth: usize, from: Leg) -> Ending {
        self.told(|told| {
            let stream = stream(told, nth)?;
            told.iter().find_map(|seen| match seen {
                Seen::Closed { stream: of, from: leg, how, .. } if *of == stream && *leg == from => {
                    Some(how.clone())
                }
                _ => None,
            })
        })
    }

    /// The bytes of a direction of the `nth` stream, after it ended.
    pub(crate) fn bytes(&self, nth: usize, from: Leg) -> Vec<u8> {
        self.ending(nth, from);
        self.told(|told| {
            let stream = stream(told, nth)?;
            let pieces = told.iter().filter_map(|seen| match seen {
                Seen::Bytes { stream: of, from: leg, chunk } if *of == stream && *leg == from => {
                    Some(&chunk.bytes[..])
                }
                _ => None,
            });
            Some(pieces.collect::<Vec<_>>().concat())
        })
    }

    pub(crate) fn begin_stop(&mut self) {
        drop(self.stop.take());
    }

    pub(crate) fn join(&mut self) -> Served {
        let serving = self.serving.take().expect("joined once");
        serving.join().expect("the tap does not panic").expect("the tap serves")
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.begin_stop();
    }
}

fn stream(told: &[Seen], nth: usize) -> Option<StreamId> {
    let asked = told.iter().filter_map(|seen| match seen {
        Seen::Asked { stream, .. } => Some(*stream),
        _ => None,
    });
    asked.into_iter().nth(nth)
}

/// A server whose every connection is served by a function of the test, in a thread of its own.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
}

impl Server {
    /// `serve` gets each connection and its number.
    pub(crate) fn start(serve: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("a bound address");
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for (n, tcp) in listener.incoming().enumerate() {
                let tcp = tcp.expect("a connection");
                tcp.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                tcp.set_nodelay(true).expect("an option");
                let serve = Arc::clone(&serve);
                thread::spawn(move || serve(tcp, n));
            }
        });
        Self { addr }
    }

    /// Answers every request with `answer` and hands over what came.
    pub(crate) fn answering(answer: &'static [u8]) -> (Self, Receiver<Vec<u8>>) {
        let (asked, asks) = channel();
        let asked = Mutex::new(asked);
        let server = Self::start(move |mut tcp, _| {
            let asked: Sender<Vec<u8>> = asked.lock().expect("nobody fails").clone();
            while let Some(request) = read_request(&mut tcp) {
                // A test that does not look at what came is done with it.
                let _ = asked.send(request);
                if tcp.write_all(answer).is_err() {
                    break;
                }
            }
        });
        (server, asks)
    }
}

pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(addr).expect("a listener");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client.set_nodelay(true).expect("an option");
    client
}

/// Reads one message's head, `None` at the end of the connection.
pub(crate) fn read_head(tcp: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match tcp.read(&mut byte) {
            Ok(1) => head.extend_from_slice(&byte),
            _ => return None,
        }
    }
    Some(head)
}

/// Reads one request with its body as its bytes are.
pub(crate) fn read_request(tcp: &mut TcpStream) -> Option<Vec<u8>> {
    let head = read_head(tcp)?;
    Some(read_body(tcp, head))
}

/// Reads one answer with its body, or until the connection ends.
pub(crate) fn read_answer(tcp: &mut TcpStream) -> Vec<u8> {
    let Some(head) = read_head(tcp) else { return Vec::new() };
    let told = text(&head).to_ascii_lowercase();
    let empty = ["http/1.1 204", "http/1.1 304"].iter().any(|status| told.starts_with(status));
    if empty {
        return head;
    }
    read_body(tcp, head)
}

fn read_body(tcp: &mut TcpStream, mut message: Vec<u8>) -> Vec<u8> {
    let head = text(&message).to_ascii_lowercase();
    if head.contains("\r\ntransfer-encoding: chunked\r\n") {
        let mut byte = [0];
        let start = message.len();
        // The last chunk is `0` on its own line; trailers and an empty line follow.
        loop {
            match tcp.read(&mut byte) {
                Ok(1) => message.extend_from_slice(&byte),
                _ => return message,
            }
            let body = &message[start..];
            let last = body
                .windows(5)
                .position(|five| five == b"\r\n0\r\n")
                .map(|at| at + 2)
                .or(body.starts_with(b"0\r\n").then_some(0));
            if last.is_some() && body.ends_with(b"\r\n\r\n") {
                return message;
            }
        }
    }
    let length =
        head.split("\r\ncontent-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let mut n = 0;
    while n < body.len() {
        match tcp.read(&mut body[n..]) {
            Ok(0) | Err(_) => break,
            Ok(more) => n += more,
        }
    }
    message.extend_from_slice(&body[..n]);
    message
}

/// Everything until the connection ends; a reset is an end too.
pub(crate) fn read_to_end(tcp: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = tcp.read_to_end(&mut all);
    all
}

/// Whether the peer closed or reset the connection within [`PATIENCE`]; what it still sends is skipped.
pub(crate) fn sees_the_end(tcp: &mut TcpStream) -> bool {
    let mut buffer = [0; 4096];
    loop {
        match tcp.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(why) => return why.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[expect(clippy::disallowed_methods, reason = "a test that waits for the impossible must fail one day")]
fn now() -> Instant {
    Instant::now()
}
