//! Processes under test: started, measured from outside, ended with the benchmark.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};

/// A child process that ends with this value.
pub struct Proc {
    child: Child,
}

impl Proc {
    /// Starts `command`; its standard error goes to ours.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self { child })
    }

    /// Starts `command` and reads the port that it prints first.
    pub fn start_with_port(command: &mut Command) -> anyhow::Result<(Self, SocketAddr)> {
        let mut proc = Self::start(command.stdout(Stdio::piped()))?;
        let mut line = String::new();
        let stdout = proc.child.stdout.take().context("no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let port: u16 = line
            .trim()
            .parse()
            .with_context(|| format!("{command:?} printed {line:?} where a port belongs"))?;
        Ok((proc, SocketAddr::from(([127, 0, 0, 1], port))))
    }

    /// The pipe to its standard input, if there is one and nobody took it.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Whether it did not end.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end, at most five seconds.
    pub fn wait(&mut self) {
        for _ in 0..500 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Seconds of CPU that the process and its family have used.
    pub fn cpu_seconds(&self) -> f64 {
        let mut ticks = 0;
        for pid in self.family() {
            // One that ended meanwhile is not counted.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // The second field is the name in parentheses and may hold blanks; counting starts behind it.
            let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
            for at in [11, 12] {
                ticks += fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
            }
        }
        ticks as f64 / 100.0
    }

    /// A memory line of `/proc/PID/status` (`VmRSS`, `VmHWM`) in KiB, summed over the process and its family.
    pub fn memory_kib(&self, line: &str) -> u64 {
        self.family().into_iter().map(|pid| memory_kib(pid, line)).sum()
    }

    /// The process and all that it started (nginx's workers, tapgate's guards), without the benchmark's own servers.
    fn family(&self) -> Vec<u32> {
        let ours = fs::read_link("/proc/self/exe").ok();
        let (mut family, mut todo) = (Vec::new(), vec![self.child.id()]);
        while let Some(pid) = todo.pop() {
            if fs::read_link(format!("/proc/{pid}/exe")).ok() == ours {
                continue;
            }
            family.push(pid);
            for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
                let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
                todo.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            }
        }
        family
    }
}

impl Drop for Proc {
    fn drop(&mut self) {
        // SIGTERM lets nginx end its workers and tapgate flush its journal.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        self.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn memory_kib(pid: u32, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let row = status.lines().find(|row| row.starts_with(line)).unwrap_or_default();
    row.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// A port of loopback that is free now.
pub fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Waits until something listens on `addr`, at most ten seconds.
pub fn wait_for(addr: SocketAddr) -> anyhow::Result<()> {
    for _ in 0..100 {
        if TcpStream::connect(addr).is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    bail!("nothing listens on {addr} after ten seconds")
}
