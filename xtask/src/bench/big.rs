//! Large and endless answers: forwarded as they arrive, with memory that does not grow.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::load::now;
use super::proc::Proc;

/// What large and endless answers cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Large {
    /// Seconds for a result of 100 MB, direct.
    pub direct_seconds: f64,
    /// The same through tapgate.
    pub tapped_seconds: f64,
    /// How much the peak memory of tapgate grew meanwhile, in KiB.
    pub result_growth_kib: u64,
    /// Megabytes of an endless stream that passed.
    pub stream_megabytes: u64,
    /// How much the peak memory grew meanwhile, in KiB.
    pub stream_growth_kib: u64,
}

const RESULT: usize = 100_000_000;
const STREAM: usize = 500_000_000;

/// Fetches a 100 MB result and half a gigabyte of events, direct and through tapgate.
pub fn measure(tapgate: &Path, home: &Path) -> anyhow::Result<Large> {
    let (_server, origin) =
        Proc::start_with_port(Command::new(std::env::current_exe()?).args(["bench", "--part", "server"]))?;
    let (proc, tap) = super::start_tapgate(tapgate, home, origin, &[])?;
    let mut large = Large::default();
    // The queues to the recorder and the journal are bounded for the whole process; the first streams fill them
    // once, and what a further stream costs is what is asked here.
    fetch(tap, &format!("/mcp/big/{RESULT}"), usize::MAX)?;
    fetch(tap, "/events", STREAM)?;
    let before = proc.memory_kib("VmHWM");
    large.direct_seconds = fetch(origin, &format!("/mcp/big/{RESULT}"), usize::MAX)?.0;
    let (seconds, size) = fetch(tap, &format!("/mcp/big/{RESULT}"), usize::MAX)?;
    ensure!(size > RESULT, "only {size} bytes of the result arrived");
    large.tapped_seconds = seconds;
    let after = proc.memory_kib("VmHWM");
    large.result_growth_kib = after.saturating_sub(before);
    let (_, size) = fetch(tap, "/events", STREAM)?;
    ensure!(size >= STREAM, "the stream ended after {size} bytes");
    large.stream_megabytes = (size / 1_000_000) as u64;
    large.stream_growth_kib = proc.memory_kib("VmHWM").saturating_sub(after);
    Ok(large)
}

/// Reads an answer until its end or `limit` bytes, and gives the seconds and bytes.
fn fetch(addr: SocketAddr, path: &str, limit: usize) -> anyhow::Result<(f64, usize)> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let start = now();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {addr}\r\nAccept: application/json, text/event-stream\r\nConnection: close\r\n\r\n"
    )?;
    let mut piece = vec![0; 256 << 10];
    let (mut size, mut wanted) = (0, limit);
    while size < wanted {
        let n = stream.read(&mut piece)?;
        if n == 0 {
            break;
        }
        if size == 0 {
            // The server keeps its connection, so the end of a sized answer is its length.
            let (start, length) =
                super::wire::head(piece.get(..n).unwrap_or_default()).context("an answer without a head")?;
            wanted = if length > 0 { limit.min(start + length) } else { limit };
        }
        size += n;
    }
    Ok((start.elapsed().as_secs_f64(), size))
}
