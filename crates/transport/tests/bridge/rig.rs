//! Edges in the test's own thread, and peers that say what a test wrote down.

use std::io::{self, PipeReader, PipeWriter};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use tapgate_transport::Clock;
use tapgate_transport::bridge::{ClientEdge, Edges, Listen, MAX_MESSAGE, ServerEdge, Url};
use tapgate_transport::http::{Guard, ProxyVariables, Reach, Upstream};
use tapgate_transport::stdio::ClientPipes;
use tapgate_wire::Nanos;
use tapgate_wire::edge::{Act, ChildId, FetchId, Heard};
use tapgate_wire::header::RequestHead;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::time::timeout;

/// Longer than anything here takes, even on a busy machine; only a defect waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(50);

/// Short enough for a test to wait for.
pub(crate) const GRACE: Duration = Duration::from_millis(300);

/// Runs a test in a runtime of one thread.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
    runtime.block_on(async { timeout(PATIENCE, test).await.unwrap() });
}

/// The one clock of a test.
fn clock() -> Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    *CLOCK.get_or_init(Clock::start)
}

/// A few milliseconds from now.
pub(crate) fn soon() -> Nanos {
    Nanos(clock().now().0 + 5_000_000)
}

/// A file beside the tests, which `cargo test` and `cargo nextest run` build.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("examples").join(name)
}

/// A server that is started as `words`, and has all the time it wants to end.
pub(crate) fn command(words: &[&str]) -> ServerEdge {
    command_within(PATIENCE, words)
}

/// A server that is started as `words`, and has so much time to end by itself, and as much after TERM.
pub(crate) fn command_within(grace: Duration, words: &[&str]) -> ServerEdge {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    let make = move || {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
    };
    let guard = || {
        let mut guard = Command::new(example("tap_stdio"));
        guard.arg0("tap-guard").arg("--guard");
        guard
    };
    ServerEdge::Command { make: Box::new(make), guard: Box::new(guard), grace }
}

/// A server that is a Python program.
pub(crate) fn python(program: &str) -> ServerEdge {
    command(&["python3", "-uSc", program])
}

/// A server at a URL.
pub(crate) fn url(url: &str) -> ServerEdge {
    ServerEdge::Url(Box::new(Url {
        upstream: Upstream::parse(url).unwrap(),
        ca_file: None,
        proxy: ProxyVariables::default(),
        connect_timeout: Duration::from_secs(10),
    }))
}

/// Our ends of a client's pipes.
pub(crate) struct PipeClient {
    pub(crate) stdin: Option<PipeWriter>,
    pub(crate) stdout: PipeReader,
    pub(crate) stderr: PipeReader,
}

/// Edges with a client on pipes.
pub(crate) fn piped(server: ServerEdge) -> (Edges, PipeClient) {
    let ((stdin, to_stdin), (stdout, to_stdout), (stderr, to_stderr)) =
        (io::pipe().unwrap(), io::pipe().unwrap(), io::pipe().unwrap());
    let pipes = ClientPipes { stdin: stdin.into(), stdout: to_stdout.into(), stderr: to_stderr.into() };
    let edges = Edges::bind(ClientEdge::Pipe(pipes), server, clock(), MAX_MESSAGE).unwrap();
    (edges, PipeClient { stdin: Some(to_stdin), stdout, stderr })
}

pub(crate) fn listen() -> Listen {
    Listen {
        at: "127.0.0.1:0".parse().unwrap(),
        reach: Reach::Loopback,
        guard: Guard::default(),
        paths: vec!["/mcp".to_owned(), "/sse".to_owned()],
        max_body: 1 << 20,
        max_connections: 8,
        head_timeout: Duration::from_secs(30),
        body_timeout: Duration::from_secs(30),
        explain: |_, prefix, cause| format!("told {} {cause}", prefix.len()).into(),
    }
}

/// Edges with a listener.
pub(crate) fn listening(listen: Listen, server: ServerEdge) -> (Edges, SocketAddr) {
    let edges = Edges::bind(ClientEdge::Http(listen), server, clock(), 1 << 20).unwrap();
    let addr = edges.addr().unwrap();
    (edges, addr)
}

/// A fetch of the server's own URL.
pub(crate) fn fetch(number: u64, body: &'static str) -> Act {
    Act::Fetch {
        fetch: FetchId(number),
        method: Method::POST,
        target: None,
        headers: headers(&[("content-type", "application/json")]),
        body: Bytes::from(body),
    }
}

pub(crate) fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

/// What was heard, short enough to compare.
pub(crate) fn short(heard: &Heard) -> String {
    match heard {
        Heard::Line { message } => format!("line {}", text(message.raw())),
        Heard::LineEnd => "line end".to_owned(),
        Heard::Asked { head, body, .. } => format!("asked {} {} {}", head.method, head.uri, text(body)),
        Heard::Left { .. } => "left".to_owned(),
        Heard::Started { child: ChildId(n), .. } => format!("started {n}"),
        Heard::ChildLine { child: ChildId(n), message } => format!("child {n} {}", text(message.raw())),
        Heard::Exited { child: ChildId(n), how, last_words } => format!("exited {n} {how} {last_words:?}"),
        Heard::Answered { fetch: FetchId(n), head } => format!("answered {n} {}", head.status.as_u16()),
        Heard::Event { fetch: FetchId(n), event, message } => {
            format!("event {n} {:?} {:?} {:?} {}", event.name, event.id, event.retry, text(message.raw()))
        }
        Heard::Body { fetch: FetchId(n), body } => format!("body {n} {}", text(body)),
        Heard::Ended { fetch: FetchId(n), how, sent } => format!("ended {n} {how:?} {sent}"),
        Heard::Tick => "tick".to_owned(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes)).into_owned()
}

/// Hears `n` things.
pub(crate) async fn hear(edges: &mut Edges, n: usize) -> Vec<String> {
    let mut heard = Vec::new();
    while heard.len() < n {
        heard.push(short(&edges.hear(None).await));
    }
    heard
}

/// Hears a request of a client.
pub(crate) async fn asked(edges: &mut Edges) -> (tapgate_wire::StreamId, std::sync::Arc<RequestHead>, Bytes) {
    match edges.hear(None).await {
        Heard::Asked { stream, head, body } => (stream, head, body),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn connect(addr: SocketAddr) -> TcpStream {
    TcpStream::connect(addr).await.unwrap()
}

/// A request with a body.
pub(crate) fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Reads until `end` came.
pub(crate) async fn read_to(tcp: &mut (impl tokio::io::AsyncRead + Unpin), end: &str) -> String {
    let mut came = Vec::new();
    while !came.ends_with(end.as_bytes()) {
        let n = tcp.read_buf(&mut came).await.unwrap();
        assert!(n > 0, "only {:?} came", String::from_utf8_lossy(&came));
    }
    String::from_utf8(came).unwrap()
}

/// Reads until the peer closes the connection, however.
pub(crate) async fn read_all(tcp: &mut TcpStream) -> String {
    let mut came = Vec::new();
    let _ = tcp.read_to_end(&mut came).await;
    String::from_utf8_lossy(&came).into_owned()
}

/// A server whose connections a test serves one after the other.
pub(crate) struct Server {
    listener: TcpListener,
    pub(crate) addr: SocketAddr,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        Self { listener, addr }
    }

    pub(crate) fn url(&self) -> ServerEdge {
        url(&format!("http://{}/mcp?k=1", self.addr))
    }

    pub(crate) async fn accept(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    /// Accepts a connection, reads one request whose body ends in `end`, and says `answer`.
    pub(crate) async fn answer(&self, end: &str, answer: &[u8]) -> (TcpStream, String) {
        let mut tcp = self.accept().await;
        let request = read_to(&mut tcp, end).await;
        tcp.write_all(answer).await.unwrap();
        (tcp, request)
    }
}

/// Whether a process runs; one that ended and that nobody reaped does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    !matches!(stat.rsplit_once(") ").unwrap().1.as_bytes()[0], b'Z' | b'X')
}

/// Waits until none of `pids` is alive.
pub(crate) fn until_gone(pids: &[u32]) {
    let look = Duration::from_millis(10);
    for _ in 0..PATIENCE.as_millis() / look.as_millis() {
        if !pids.iter().any(|&pid| is_alive(pid)) {
            return;
        }
        std::thread::sleep(look);
    }
    panic!("some of {pids:?} are alive");
}
