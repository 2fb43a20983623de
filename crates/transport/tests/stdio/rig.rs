//! A tap as a client sees it: a child process with three pipes.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything here takes, even on a busy machine; only a defect waits for it.
const PATIENCE: Duration = Duration::from_mins(1);

/// The tap's binary, which `cargo test` and `cargo nextest run` build beside the tests.
pub(crate) fn tap_binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples/tap_stdio");
    assert!(path.is_file(), "{} is missing: cargo build --examples", path.display());
    path
}

/// A command that runs `server` behind a tap whose grace is short enough for a test to wait for.
pub(crate) fn tapped(server: &[&str]) -> Command {
    let mut command = Command::new(tap_binary());
    command.args(server).env("TAP_GRACE_MS", "300");
    command
}

/// A server that is a Python program.
pub(crate) fn python(program: &str) -> [&str; 4] {
    ["python3", "-uSc", program, "-"]
}

/// A running process with pipes; it is killed when it is dropped, or when a test has lost patience with it.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<BufReader<ChildStdout>>,
    pub(crate) stderr: Option<ChildStderr>,
    patience: Option<Sender<()>>,
    watchdog: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (patience, lost) = mpsc::channel();
        let pid = child.id();
        let watchdog = thread::spawn(move || {
            if lost.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                signal(pid, Signal::KILL);
            }
        });
        Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take().map(BufReader::new),
            stderr: child.stderr.take(),
            child,
            patience: Some(patience),
            watchdog: Some(watchdog),
        }
    }

    /// Starts `server` behind a tap.
    pub(crate) fn tap(server: &[&str]) -> Self {
        Self::start(tapped(server))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().unwrap().read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "the end came after {line:?}");
        line.trim_end().to_owned()
    }

    /// Reads a line that is a process id.
    pub(crate) fn pid_line(&mut self) -> u32 {
        self.line().parse().unwrap()
    }

    pub(crate) fn rest_of_stdout(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stdout.take().unwrap().read_to_end(&mut rest).unwrap();
        rest
    }

    pub(crate) fn rest_of_stderr(&mut self) -> String {
        let mut rest = Vec::new();
        self.stderr.take().unwrap().read_to_end(&mut rest).unwrap();
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Waits for the end, which must not come from the watchdog.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        drop(self.patience.take());
        status
    }

    /// The exit status, or 128 + signal.
    pub(crate) fn status(&mut self) -> i32 {
        let status = self.wait();
        status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.patience.take());
        drop(self.watchdog.take().map(JoinHandle::join));
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    // The process may have ended already, which is what most signals here are for.
    let _ = kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal);
}

/// The processes that `pid` started and has not reaped.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let is_child = |stat: &String| field(stat, 1) == Some(pid.to_string().as_str());
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if fs::read_to_string(entry.path().join("stat")).is_ok_and(|stat| is_child(&stat)) {
            children.push(child);
        }
    }
    children
}

/// The guard and the server of the tap `pid`.
pub(crate) fn guard_and_server_of(pid: u32) -> (u32, u32) {
    let is_guard = |pid: &u32| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words.starts_with(b"tap-guard\0"))
    };
    let (guards, servers): (Vec<u32>, Vec<u32>) = children_of(pid).into_iter().partition(is_guard);
    assert_eq!((guards.len(), servers.len()), (1, 1));
    (guards[0], servers[0])
}

/// A field of `/proc/PID/stat` after the name: 0 is the state, 1 the parent.
fn field(stat: &str, n: usize) -> Option<&str> {
    stat.rsplit_once(") ")?.1.split(' ').nth(n)
}

/// Whether a process runs; one that ended and that nobody reaped does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| field(&stat, 0).is_some_and(|state| state != "Z" && state != "X"))
}

/// Waits until `condition` holds, and fails the test when patience ends.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let look = Duration::from_millis(10);
    for _ in 0..PATIENCE.as_millis() / look.as_millis() {
        if condition() {
            return;
        }
        thread::sleep(look);
    }
    panic!("still waiting until {what}");
}

/// Waits until none of `pids` is alive.
pub(crate) fn until_gone(pids: &[u32]) {
    until(&format!("{pids:?} are gone"), || !pids.iter().any(|&pid| is_alive(pid)));
}

/// Numbers that look random and are the same for the same seed (xorshift).
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    pub(crate) fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.roll(256) as u8).collect()
    }
}
