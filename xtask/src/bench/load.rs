//! The load: a number of connections, each asking again as soon as it has its answer; every answer is checked.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::wire::{self, Era};

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

/// Loads `addr` for `duration` with `connections` closed loops. An error or a wrong answer fails the turn.
pub async fn run(addr: SocketAddr, era: Era, connections: u64, duration: Duration) -> anyhow::Result<Turn> {
    let start = now();
    let loops =
        (0..connections).map(|worker| tokio::task::spawn_local(ask(addr, era, worker, start + duration)));
    let mut latencies = Vec::new();
    for asked in loops.collect::<Vec<_>>() {
        latencies.extend(asked.await??);
    }
    let seconds = start.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let calls = latencies.len() as u64;
    Ok(Turn { calls, seconds, p50: percentile(&latencies, 50), p99: percentile(&latencies, 99) })
}

/// The `percent`th percentile of sorted nanoseconds, in microseconds; 0 when there are none.
pub fn percentile(sorted: &[u64], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |nanos| *nanos as f64 / 1000.0)
}

async fn ask(addr: SocketAddr, era: Era, worker: u64, until: Instant) -> anyhow::Result<Vec<u64>> {
    let mut stream = TcpStream::connect(addr).await.with_context(|| format!("cannot connect to {addr}"))?;
    stream.set_nodelay(true)?;
    let host = addr.to_string();
    let mut latencies = Vec::with_capacity(1 << 16);
    let mut buffer = Vec::with_capacity(16 << 10);
    for turn in 0_u64.. {
        let n = worker << 32 | turn;
        let request = wire::request(era, n, &host);
        let asked = now();
        if asked >= until {
            break;
        }
        stream.write_all(&request).await?;
        buffer.clear();
        while wire::head(&buffer).is_none_or(|(start, length)| buffer.len() < start + length) {
            if stream.read_buf(&mut buffer).await? == 0 {
                bail!("{addr} closed the connection after {turn} calls");
            }
        }
        latencies.push(u64::try_from(asked.elapsed().as_nanos())?);
        let Some((start, _)) = wire::head(&buffer) else { bail!("an answer without a head") };
        let body = buffer.get(start..).unwrap_or_default();
        if !buffer.starts_with(b"HTTP/1.1 200") || !wire::is_right(body, n) {
            bail!("a wrong answer to call {n}: {}", String::from_utf8_lossy(&buffer));
        }
    }
    Ok(latencies)
}

/// The clock of the benchmark.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub fn now() -> Instant {
    Instant::now()
}
