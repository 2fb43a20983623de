//! Processes that end, and the homes that they write to.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The binary under test.
pub(crate) const TAPGATE: &str = env!("CARGO_BIN_EXE_tapgate");

/// Longer than anything here takes, even on a busy machine; only a defect waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// What must not come from outside into a test.
const FOREIGN: &[&str] = &[
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "COLUMNS",
    "NO_COLOR",
    "XDG_STATE_HOME",
];

/// A `TAPGATE_HOME` of the test's own.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        let for_the_owner = Permissions::from_mode(0o700);
        Self(tempfile::Builder::new().permissions(for_the_owner).tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.path().join("journal.db")
    }

    /// The binary with these arguments and this home.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(TAPGATE);
        command.args(args).env("TAPGATE_HOME", self.path());
        for name in FOREIGN {
            command.env_remove(name);
        }
        command
    }

    /// Runs the binary to its end, with nothing on its standard input.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args))
    }

    /// The objects that a command prints with `--json`.
    pub(crate) fn json(&self, args: &[&str]) -> Vec<Value> {
        let ran = self.run(&[args, &["--json"]].concat());
        assert_eq!((ran.code, ran.err().as_str()), (Some(0), ""), "{args:?}");
        ran.out().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The exchanges that are in the journal, oldest first.
    pub(crate) fn calls(&self) -> Vec<Value> {
        let mut calls = self.json(&["calls", "--limit", "0"]);
        calls.retain(|call| call["kind"] == "exchange");
        calls
    }
}

/// How a process ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit status; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Ran {
    pub(crate) fn of(mut command: Command) -> Self {
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let leash = Leash::on(&child);
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        drop(leash);
        Self { code: status.code(), stdout, stderr }
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// A running process that is killed when the test drops it or has waited too long.
pub(crate) struct Running {
    pub(crate) child: Child,
    leash: Option<Leash>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let leash = Some(Leash::on(&child));
        Self { child, leash }
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        drop(self.leash.take());
        status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills a process when patience ends, unless dropped before.
struct Leash {
    calm: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Leash {
    fn on(child: &Child) -> Self {
        let pid = i32::try_from(child.id()).unwrap();
        let (calm, lost) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            if lost.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let _ = writeln!(std::io::stderr(), "the test lost patience with process {pid}");
                send(pid, Signal::KILL);
            }
        });
        Self { calm: Some(calm), thread: Some(thread) }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.calm = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Sends a signal to a process that may be gone.
pub(crate) fn send(pid: i32, signal: Signal) {
    let _ = kill_process(Pid::from_raw(pid).unwrap(), signal);
}

/// Reads `from` to its end on a thread of its own.
pub(crate) fn drain(mut from: impl std::io::Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        // What a killed process said until then is what there is.
        let _ = from.read_to_end(&mut all);
        all
    })
}

/// Waits until `is_so` holds, as long as patience lasts; says whether it came to hold.
pub(crate) fn eventually(mut is_so: impl FnMut() -> bool) -> bool {
    let pause = Duration::from_millis(5);
    (0..PATIENCE.as_millis() / pause.as_millis()).any(|_| {
        is_so() || {
            thread::sleep(pause);
            false
        }
    })
}
