//! A server behind pipes: calls through its standard input and output, one at a time or many in flight.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::load::{PATIENCE, Turn, now};
use super::proc::Proc;
use super::wire::{self, Era};

/// Answers on standard output what comes on standard input until it ends.
pub fn serve(serves: Option<Era>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        if let Some(answer) = wire::answer(line?.as_bytes(), serves) {
            out.write_all((answer + "\n").as_bytes())?;
            out.flush()?;
        }
    }
    Ok(())
}

/// A server behind pipes, direct or with something between.
pub struct Pipes {
    to: ChildStdin,
    from: BufReader<UnixStream>,
    /// What was started.
    pub proc: Proc,
    era: Era,
    next: u64,
    line: Vec<u8>,
}

impl Pipes {
    /// Starts the command, whose calls will be of this era.
    pub fn start(command: &mut Command, era: Era) -> anyhow::Result<Self> {
        // A socket, as many clients use one, because waiting for it can be bounded.
        let (from, theirs) = UnixStream::pair()?;
        from.set_read_timeout(Some(PATIENCE))?;
        let mut proc = Proc::start(command.stdin(Stdio::piped()).stdout(OwnedFd::from(theirs)))?;
        // The command holds their end too, and would keep it open for us.
        command.stdout(Stdio::null());
        let to = proc.take_stdin().context("no standard input")?;
        Ok(Self { to, from: BufReader::new(from), proc, era, next: 1, line: Vec::new() })
    }

    /// Opens the session if nothing was asked yet; where the era has none, a call shows that somebody is there.
    pub fn greet(&mut self) -> anyhow::Result<()> {
        match self.era {
            _ if self.next > 1 => {}
            Era::Modern => drop(self.calls(1)?),
            Era::Legacy => {
                self.to.write_all(format!("{}\n", wire::INITIALIZE).as_bytes())?;
                self.read()?;
                let line = String::from_utf8_lossy(&self.line);
                ensure!(line.contains("\"protocolVersion\""), "no session: {line}");
                self.to.write_all(format!("{}\n", wire::INITIALIZED).as_bytes())?;
            }
        }
        Ok(())
    }

    /// Makes `n` calls one after another and gives each one's latency in nanoseconds.
    pub fn calls(&mut self, n: usize) -> anyhow::Result<Vec<u64>> {
        let mut latencies = Vec::with_capacity(n);
        self.ask(1, |done| done < n, &mut latencies)?;
        Ok(latencies)
    }

    /// Keeps so many calls in flight for `duration`. An error or a wrong answer fails the turn.
    pub fn run(&mut self, in_flight: u64, duration: Duration) -> anyhow::Result<Turn> {
        let start = now();
        let mut latencies = Vec::with_capacity(1 << 16);
        self.ask(in_flight, |_| start.elapsed() < duration, &mut latencies)?;
        Ok(Turn::of(latencies, start.elapsed()))
    }

    /// Asks again with every answer while `more` says so of the number of answers and those to come.
    fn ask(
        &mut self,
        in_flight: u64,
        more: impl Fn(usize) -> bool,
        latencies: &mut Vec<u64>,
    ) -> anyhow::Result<()> {
        let (mut asked, mut batch) = (HashMap::new(), String::new());
        for _ in 0..in_flight {
            self.add(&mut asked, &mut batch);
        }
        while !asked.is_empty() {
            // One write for all that was answered together: the load must stay light.
            if !batch.is_empty() && self.from.buffer().is_empty() {
                self.to.write_all(batch.as_bytes())?;
                batch.clear();
            }
            self.read()?;
            let Some(since) = wire::said(&self.line).and_then(|n| asked.remove(&n)) else {
                bail!("a wrong answer: {}", String::from_utf8_lossy(&self.line));
            };
            latencies.push(u64::try_from(since.elapsed().as_nanos())?);
            if more(latencies.len() + asked.len()) {
                self.add(&mut asked, &mut batch);
            }
        }
        Ok(())
    }

    fn add(&mut self, asked: &mut HashMap<u64, Instant>, batch: &mut String) {
        batch.push_str(&wire::body(self.era, self.next));
        batch.push('\n');
        asked.insert(self.next, now());
        self.next += 1;
    }

    /// Reads the next line that is no notification.
    fn read(&mut self) -> anyhow::Result<()> {
        loop {
            self.line.clear();
            let n = self.from.read_until(b'\n', &mut self.line).context("no answer any more")?;
            ensure!(n > 0, "standard output ended");
            if !wire::is_notification(&self.line) {
                return Ok(());
            }
        }
    }

    /// Closes the pipes and waits for the end.
    pub fn end(self) {
        let Self { to, from, mut proc, .. } = self;
        drop(to);
        drop(from);
        proc.wait();
    }
}
