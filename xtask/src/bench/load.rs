//! The load: a number of clients, each with a connection and a session, each asking again as soon as it has its answer; every answer is checked.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::wire::{self, Era};

/// How long after its end a turn waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What one turn measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn {
    /// Calls that were answered rightly.
    pub calls: u64,
    /// How long the turn took, in seconds.
    pub seconds: f64,
    /// The median latency, in microseconds.
    pub p50: f64,
    /// The 99th percentile, in microseconds.
    pub p99: f64,
}

/// Clients of one address, each with a session of its own if their era has sessions.
#[derive(Clone, Debug)]
pub struct Crowd {
    addr: SocketAddr,
    era: Era,
    sessions: Vec<Option<String>>,
}

impl Crowd {
    /// Opens the sessions, one after another on one connection.
    pub async fn open(addr: SocketAddr, era: Era, clients: u64) -> anyhow::Result<Self> {
        let mut crowd = Self { addr, era, sessions: Vec::new() };
        if era == Era::Modern {
            crowd.sessions = vec![None; usize::try_from(clients)?];
            return Ok(crowd);
        }
        let mut line = Line::connect(addr).await?;
        for _ in 0..clients {
            let opened = line.ask(&wire::post(era, wire::INITIALIZE, &line.host, None)).await?;
            ensure!(opened.starts_with(b"HTTP/1.1 200"), "no session: {}", String::from_utf8_lossy(opened));
            let session = wire::header(opened, b"mcp-session-id").map(str::to_owned);
            let done = wire::post(era, wire::INITIALIZED, &line.host, session.as_deref());
            let said = line.ask(&done).await?;
            ensure!(said.starts_with(b"HTTP/1.1 20"), "no session: {}", String::from_utf8_lossy(said));
            crowd.sessions.push(session);
        }
        Ok(crowd)
    }

    /// Loads the address for `duration`, a closed loop per client. An error or a wrong answer fails the turn.
    pub async fn run(&self, duration: Duration) -> anyhow::Result<Turn> {
        let start = now();
        let loops: Vec<_> = (0_u64..)
            .zip(&self.sessions)
            .map(|(client, session)| {
                tokio::task::spawn_local(ask(self.addr, self.era, client, session.clone(), start + duration))
            })
            .collect();
        let mut latencies = Vec::new();
        for asked in loops {
            latencies.extend(timeout(duration + PATIENCE, asked).await.context("no answer any more")???);
        }
        Ok(Turn::of(latencies, start.elapsed()))
    }
}

impl Turn {
    /// A turn with these latencies in nanoseconds.
    pub fn of(mut latencies: Vec<u64>, took: Duration) -> Self {
        latencies.sort_unstable();
        let calls = latencies.len() as u64;
        let (p50, p99) = (percentile(&latencies, 50), percentile(&latencies, 99));
        Self { calls, seconds: took.as_secs_f64(), p50, p99 }
    }
}

/// The `percent`th percentile of sorted nanoseconds, in microseconds; 0 when there are none.
pub fn percentile(sorted: &[u64], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |nanos| *nanos as f64 / 1000.0)
}

/// One connection.
struct Line {
    stream: TcpStream,
    host: String,
    buffer: Vec<u8>,
}

impl Line {
    async fn connect(addr: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(addr).await.with_context(|| format!("cannot connect to {addr}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host: addr.to_string(), buffer: Vec::with_capacity(16 << 10) })
    }

    async fn ask(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        while !wire::is_whole(&self.buffer) {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("{} closed the connection", self.host);
            }
        }
        Ok(&self.buffer)
    }
}

async fn ask(
    addr: SocketAddr,
    era: Era,
    client: u64,
    session: Option<String>,
    until: Instant,
) -> anyhow::Result<Vec<u64>> {
    let mut line = Line::connect(addr).await?;
    let mut latencies = Vec::with_capacity(1 << 16);
    for turn in 1_u64.. {
        let n = client << 32 | turn;
        let request = wire::request(era, n, &line.host, session.as_deref());
        let asked = now();
        if asked >= until {
            break;
        }
        let answer = line.ask(&request).await.with_context(|| format!("call {turn} of a client fails"))?;
        latencies.push(u64::try_from(asked.elapsed().as_nanos())?);
        if !answer.starts_with(b"HTTP/1.1 200") || wire::said(answer) != Some(n) {
            bail!("a wrong answer to call {n}: {}", String::from_utf8_lossy(answer));
        }
    }
    Ok(latencies)
}

/// The clock of the benchmark.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub fn now() -> Instant {
    Instant::now()
}
