//! Processes under test: started, measured from outside, ended with the benchmark.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
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

    /// Seconds of CPU that the process and its children (nginx's workers) have used.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let mut ticks = 0;
        for pid in self.family() {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
            // The second field is the name in parentheses and may hold blanks; counting starts behind it.
            let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
            for at in [11, 12] {
                ticks += fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
            }
        }
        Ok(ticks as f64 / 100.0)
    }

    /// A memory line of `/proc/PID/status` (`VmRSS`, `VmHWM`) in KiB, summed over the process and its children.
    pub fn memory_kib(&self, line: &str) -> anyhow::Result<u64> {
        let mut sum = 0;
        for pid in self.family() {
            sum += memory_kib(pid, line)?;
        }
        Ok(sum)
    }

    fn family(&self) -> Vec<u32> {
        let mut family = vec![self.child.id()];
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        let children = fs::read_to_string(children).unwrap_or_default();
        family.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        family
    }
}

impl Drop for Proc {
    fn drop(&mut self) {
        // SIGTERM lets nginx end its workers and tapgate flush its journal.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A memory line of one process's `/proc/PID/status` in KiB.
pub fn memory_kib(pid: u32, line: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let row = status.lines().find(|row| row.starts_with(line)).unwrap_or_default();
    Ok(row.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0))
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
