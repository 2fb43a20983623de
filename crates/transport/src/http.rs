//! The transparent HTTP tap: a listener on this machine in front of one server.
//!
//! [`bind`] takes the address, so that the caller can say which port it is; [`Bound::serve`] runs until it is
//! told to stop. What a client sends leaves for the same path of the server's origin as it came: method, target,
//! fields in their order and case, body and trailers piece by piece; answers walk back the same way.
//! Only what belongs to one hop stays behind, and `Host` names the server.
//!
//! `Origin` passes as it came, because it is the truth about the page that asks; only the tap's own origin is
//! written as the server's, for pages that the server serves through the tap.
//!
//! Start reading at `exchange.rs`: one request and its answer. `worker.rs` is the thread around it.

pub(crate) mod bridge;

mod body;
mod call;
mod collect;
mod dial;
mod exchange;
mod fetch;
mod guard;
mod heads;
mod keep;
mod ledger;
mod listen;
mod muffle;
mod pool;
mod proxy;
mod pulse;
mod reply;
mod socket;
mod tls;
mod upstream;
mod worker;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener as StdTcpListener, TcpStream as StdTcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, Version};
use tapgate_wire::header::RequestHead;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

use self::dial::Dialer;
use crate::clock::Clock;
use crate::queue::Witness;

pub use self::call::Caller;
pub use self::guard::Guard;
pub use self::listen::Listen;
pub use self::proxy::ProxyVariables;
pub use self::tls::BadRoots;
pub use self::upstream::{BadUrl, Upstream};

/// Makes the body of an answer that the tap itself gives, as `application/json`: from the request's head, the
/// first bytes of its body (at most 64 KiB, as much as had come) and the cause, one sentence for people.
pub type Explain = fn(head: &RequestHead, body_prefix: &[u8], cause: &str) -> Bytes;

/// What a tap is told when it starts.
pub struct Options {
    /// Where clients connect; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who may connect.
    pub reach: Reach,
    /// The server.
    pub upstream: Upstream,
    /// Certificates in PEM that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The proxy variables of the environment.
    pub proxy: ProxyVariables,
    /// The hosts and origins that are allowed besides this machine's.
    pub guard: Guard,
    /// How many threads serve; at least one does.
    pub workers: usize,
    /// How many client connections may be open; one more is answered 503 and closed.
    pub max_connections: usize,
    /// How long a connection to the server may take until it can carry a request.
    pub connect_timeout: Duration,
    /// How long a client may take for its first request, and for the head of each.
    pub head_timeout: Duration,
    /// How long running exchanges may take after the stop.
    pub grace: Duration,
    /// Words for the tap's own answers.
    pub explain: Explain,
}

/// Who may connect to a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Only programs on this machine: an address that is not loopback is refused.
    Loopback,
    /// Whoever reaches the address.
    Network,
}

/// What a tap did, told when it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Client connections that were served.
    pub n_connections: u64,
    /// Client connections that were answered 503 because too many were open.
    pub n_turned_away: u64,
}

/// Why a tap does not start or ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, forbidden or not of this machine.
    #[error("cannot listen at {at}: {why}")]
    Bind {
        /// The address.
        at: SocketAddr,
        /// What the system said; its kind tells a port in use from a missing permission.
        why: io::Error,
    },
    /// The address can be reached from other machines and nobody allowed that.
    #[error("cannot listen at {0}: other machines could reach it")]
    NotLoopback(SocketAddr),
    /// A proxy variable holds no URL that can be used.
    #[error("the proxy variable of the environment is not usable: {0}")]
    Proxy(BadUrl),
    /// The certificates to trust cannot be read.
    #[error(transparent)]
    Roots(#[from] BadRoots),
    /// The system gives no thread or no event queue.
    #[error("cannot start serving: {0}")]
    Start(io::Error),
    /// A worker ended although nobody stopped it.
    #[error("a worker of the tap failed")]
    Worker,
}

/// Takes the address and checks what can be wrong before the first request; serves nothing yet.
pub fn bind(options: Options) -> Result<Bound, Error> {
    let at = options.listen;
    if options.reach == Reach::Loopback && !at.ip().is_loopback() {
        return Err(Error::NotLoopback(at));
    }
    let proxy = options.proxy.proxy_for(&options.upstream).map_err(Error::Proxy)?;
    let dialer =
        Dialer::new(options.upstream.clone(), proxy, options.ca_file.clone(), options.connect_timeout);
    dialer.check_roots()?;
    let listener = StdTcpListener::bind(at).map_err(|why| Error::Bind { at, why })?;
    let addr = listener.local_addr().map_err(|why| Error::Bind { at, why })?;
    listener.set_nonblocking(true).map_err(Error::Start)?;
    Ok(Bound { addr, listener, dialer, options })
}

/// A listener that has its address; clients wait in its queue until it serves.
pub struct Bound {
    addr: SocketAddr,
    listener: StdTcpListener,
    dialer: Dialer,
    options: Options,
}

impl Bound {
    /// Says where clients connect, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `stop` ends, then lets running exchanges end in grace. Blocks the calling thread, which
    /// accepts connections and hands each to the worker that has the fewest.
    pub fn serve(
        self,
        witness: &Witness,
        clock: Clock,
        stop: impl Future<Output = ()>,
    ) -> Result<Served, Error> {
        let Self { listener, dialer, options, .. } = self;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::Start)?;
        let dialer = Arc::new(dialer);
        let guard = Arc::new(options.guard.clone());
        let workers = (0..options.workers.max(1))
            .map(|_| Worker::start(&options, &dialer, &guard, witness, clock))
            .collect::<io::Result<Vec<_>>>()
            .map_err(Error::Start)?;
        let served = runtime.block_on(async {
            let listener = TcpListener::from_std(listener).map_err(Error::Start)?;
            let mut served = Served::default();
            let mut stop = std::pin::pin!(stop);
            loop {
                tokio::select! {
                    biased;
                    () = &mut stop => return Ok(served),
                    accepted = listener.accept() => match accepted {
                        Ok((tcp, _)) => hand_out(tcp, &workers, &options, &mut served)?,
                        // Out of descriptors or memory: those who are served go on, the others wait.
                        Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    },
                }
            }
        });
        let ended: Vec<_> = workers.into_iter().map(Worker::stop).collect();
        ended.into_iter().collect::<Result<Vec<()>, Error>>()?;
        served
    }
}

struct Worker {
    clients: mpsc::UnboundedSender<StdTcpStream>,
    n_open: Arc<AtomicUsize>,
    thread: JoinHandle<io::Result<()>>,
}

impl Worker {
    fn start(
        options: &Options,
        dialer: &Arc<Dialer>,
        guard: &Arc<Guard>,
        witness: &Witness,
        clock: Clock,
    ) -> io::Result<Self> {
        // Bounded by `max_connections`, which counts those that wait in the channel too.
        let (clients, waiting) = mpsc::unbounded_channel();
        let n_open = Arc::new(AtomicUsize::new(0));
        let start = worker::Start {
            dialer: Arc::clone(dialer),
            guard: Arc::clone(guard),
            explain: options.explain,
            witness: witness.clone(),
            clock,
            grace: options.grace,
            head_timeout: options.head_timeout,
            n_open: Arc::clone(&n_open),
            clients: waiting,
        };
        let thread = thread::Builder::new().name("tap-http".to_owned()).spawn(move || worker::run(start))?;
        Ok(Self { clients, n_open, thread })
    }

    fn n_open(&self) -> usize {
        self.n_open.load(Ordering::Relaxed)
    }

    fn stop(self) -> Result<(), Error> {
        drop(self.clients);
        match self.thread.join() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(Error::Start(why)),
            Err(_) => Err(Error::Worker),
        }
    }
}

fn hand_out(
    tcp: tokio::net::TcpStream,
    workers: &[Worker],
    options: &Options,
    served: &mut Served,
) -> Result<(), Error> {
    let n_open: usize = workers.iter().map(Worker::n_open).sum();
    let Ok(tcp) = tcp.into_std() else { return Ok(()) };
    if n_open >= options.max_connections {
        served.n_turned_away += 1;
        turn_away(tcp, options.explain);
        return Ok(());
    }
    let Some(worker) = workers.iter().min_by_key(|worker| worker.n_open()) else { return Err(Error::Worker) };
    worker.n_open.fetch_add(1, Ordering::Relaxed);
    served.n_connections += 1;
    worker.clients.send(tcp).map_err(|_| Error::Worker)
}

/// Says that too many connections are open, without reading and without waiting.
fn turn_away(mut tcp: StdTcpStream, explain: Explain) {
    let head = RequestHead {
        method: Method::POST,
        uri: Uri::from_static("/"),
        version: Version::HTTP_11,
        headers: HeaderMap::new(),
    };
    let body =
        explain(&head, b"", "too many connections to the tap are open; close some, or try again later");
    let mut answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(&body);
    // A new socket has room for it, and who does not read it learns from the closing.
    let _ = tcp.write_all(&answer);
}
