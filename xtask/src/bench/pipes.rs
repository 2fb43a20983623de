//! The stdio tap: a call and its answer through pipes, direct and through tapgate, one at a time.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::load::now;
use super::wire::{self, Era};

/// Echoes calls from standard input on standard output until it ends.
pub fn serve() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = wire::answer(line?.as_bytes()).unwrap_or_default();
        out.write_all((answer + "\n").as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

/// A server behind pipes, direct or tapped.
pub struct Pipes {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    next: u64,
}

impl Pipes {
    /// Starts the command and tells how long it took to answer its first call.
    pub fn start(command: &mut Command) -> anyhow::Result<(Self, Duration)> {
        let start = now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let to = child.stdin.take().context("no standard input")?;
        let from = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut pipes = Self { child, to, from, next: 0 };
        pipes.call()?;
        Ok((pipes, start.elapsed()))
    }

    /// Makes `n` calls one after another and gives each one's latency in nanoseconds.
    pub fn calls(&mut self, n: usize) -> anyhow::Result<Vec<u64>> {
        (0..n).map(|_| self.call()).collect()
    }

    fn call(&mut self) -> anyhow::Result<u64> {
        let n = self.next;
        self.next += 1;
        let request = wire::body(Era::Legacy, n) + "\n";
        let mut answer = String::new();
        let asked = now();
        self.to.write_all(request.as_bytes())?;
        self.from.read_line(&mut answer)?;
        let took = asked.elapsed();
        ensure!(wire::is_right(answer.as_bytes(), n), "a wrong answer to call {n}: {answer}");
        Ok(u64::try_from(took.as_nanos())?)
    }

    /// The resident memory of the command in KiB.
    pub fn memory_kib(&self) -> anyhow::Result<u64> {
        super::proc::memory_kib(self.child.id(), "VmRSS")
    }

    /// Closes the pipes and waits for the end.
    pub fn end(mut self) -> anyhow::Result<()> {
        drop(self.to);
        drop(self.from);
        self.child.wait()?;
        Ok(())
    }
}
