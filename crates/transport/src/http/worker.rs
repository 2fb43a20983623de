//! A thread that serves its share of the client connections.
//!
//! Everything that an exchange touches lives in the thread that accepted it: no lock, no wake across threads.

use std::future::poll_fn;
use std::io;
use std::net::TcpStream as StdTcpStream;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::Explain;
use super::dial::Dialer;
use super::exchange::{Tap, exchange};
use super::guard::Guard;
use super::ledger::Ledger;
use super::pool::{Case, MAX_BUFFER, Pool};
use super::pulse::Pulse;
use super::socket::ClientSocket;
use crate::clock::Clock;
use crate::queue::Witness;

/// Bytes of a head that we take from a client.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// How often a worker looks for slow clients and for connections to the server that are old.
pub(super) const GLANCE: Duration = Duration::from_secs(1);

/// What a worker needs to begin; goes into its thread.
pub(super) struct Start {
    pub(super) dialer: Arc<Dialer>,
    pub(super) guard: Arc<Guard>,
    pub(super) explain: Explain,
    pub(super) witness: Witness,
    pub(super) clock: Clock,
    pub(super) grace: Duration,
    pub(super) head_timeout: Duration,
    pub(super) n_open: Arc<AtomicUsize>,
    pub(super) clients: mpsc::UnboundedReceiver<StdTcpStream>,
}

/// Serves the clients that come through the channel until it closes, then lets running exchanges end in grace.
pub(super) fn run(start: Start) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(serve(start));
    // A name that is being resolved in a thread of its own may take long, and nobody waits for it any more.
    runtime.shutdown_background();
    Ok(())
}

async fn serve(start: Start) {
    let Start { dialer, guard, explain, witness, clock, grace, head_timeout, n_open, mut clients } = start;
    let ledger = Rc::new(Ledger::new(witness, clock));
    let pool = Rc::new(Pool::new(Arc::clone(&dialer), Rc::clone(&ledger), Case::Keep));
    let tap = Rc::new(Tap { dialer, guard, explain, ledger, pool });
    let mut pulses: Vec<Weak<Pulse>> = Vec::new();
    let mut sessions = JoinSet::new();
    let mut glance = glances(GLANCE.min(head_timeout));
    loop {
        tokio::select! {
            client = clients.recv() => {
                let Some(client) = client else { break };
                let open = Open(Arc::clone(&n_open));
                let Ok(tcp) = TcpStream::from_std(client) else { continue };
                let pulse = Rc::new(Pulse::new(clock));
                pulses.push(Rc::downgrade(&pulse));
                let service = {
                    let (tap, pulse) = (Rc::clone(&tap), Rc::clone(&pulse));
                    service_fn(move |request| exchange(Rc::clone(&tap), Rc::clone(&pulse), request))
                };
                sessions.spawn_local(session(Rc::clone(&tap.ledger), tcp, pulse, Case::Keep, open, service));
            }
            Some(_) = sessions.join_next() => {}
            _ = glance.tick() => {
                tap.pool.sweep();
                tap.ledger.flush();
                pulses.retain(|pulse| {
                    let Some(pulse) = pulse.upgrade() else { return false };
                    pulse.end_if_late(head_timeout);
                    true
                });
            }
        }
    }
    pulses.iter().filter_map(Weak::upgrade).for_each(|pulse| pulse.stop());
    let finish = async { while sessions.join_next().await.is_some() {} };
    // What is not done by then ends with the runtime, and its client sees the connection break.
    let _ = timeout(grace, finish).await;
    sessions.shutdown().await;
}

/// Serves one client connection.
pub(super) async fn session<B>(
    ledger: Rc<Ledger>,
    tcp: TcpStream,
    pulse: Rc<Pulse>,
    case: Case,
    _open: Open,
    service: impl HttpService<Incoming, ResBody = B, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
) where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
{
    // Declared first, so dropped last: what the connection tells when it is dropped is told too.
    let _tells = Tells(Rc::clone(&ledger));
    // Failing to turn off Nagle's algorithm only costs time.
    let _ = tcp.set_nodelay(true);
    let socket = ClientSocket::new(tcp, Rc::clone(&pulse));
    // A transparent tap adds no Date.
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .auto_date_header(false)
            .preserve_header_case(case == Case::Keep)
            .max_header_size(MAX_HEAD)
            .max_buf_size(MAX_BUFFER)
            .serve_connection(socket, service)
    );
    poll_fn(|cx| {
        if pulse.take_stop() {
            connection.as_mut().graceful_shutdown();
        }
        let waker = pulse.session(cx);
        // What broke was told to the witness with the stream, and the client knows it.
        let done = connection.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        ledger.flush();
        if done || pulse.is_over() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Tells what is left when a session ends, also when it is broken off.
struct Tells(Rc<Ledger>);

impl Drop for Tells {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// Counts an open connection as long as it lives.
pub(super) struct Open(pub(super) Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) fn glances(every: Duration) -> Interval {
    let mut glance = interval(every);
    glance.set_missed_tick_behavior(MissedTickBehavior::Delay);
    glance
}
