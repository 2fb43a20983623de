//! The programs of a leg: started with a log, awaited with a limit, ended with their value.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};

/// How long a program may take to say where it listens, or to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often something is looked at while it is waited for.
const STEP: Duration = Duration::from_millis(20);

/// A server: the fixture, or tapgate in front of it.
pub(super) struct Peer {
    child: Child,
    log: PathBuf,
}

impl Peer {
    /// Starts `command`, which writes to `log`.
    pub(super) fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let file = File::create(log).with_context(|| format!("create {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("start {command:?}"))?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Waits for the URL of loopback that the program says it listens at.
    pub(super) fn url(&mut self) -> anyhow::Result<String> {
        for _ in 0..steps(PATIENCE) {
            let said = fs::read_to_string(&self.log)?;
            // A line that is not ended yet may hold half an address.
            let lines = said.rsplit_once('\n').map_or("", |(lines, _)| lines);
            if let Some(url) = lines.split_whitespace().find(|word| word.starts_with("http://127.0.0.1:")) {
                return Ok(url.to_owned());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended before it listened ({status}): {}", said.trim());
            }
            thread::sleep(STEP);
        }
        bail!("it does not listen after {} s, see {}", PATIENCE.as_secs(), self.log.display());
    }

    /// Refuses a program that ended by itself.
    pub(super) fn still_runs(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("it ended by itself ({status}), see {}", self.log.display()),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // SIGTERM lets tapgate flush its journal and end its server.
        signal("-TERM", &self.child.id().to_string());
        for _ in 0..steps(PATIENCE) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(STEP);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `command` with its output in `log` and returns how it ended, `None` when the limit ended it.
///
/// It is a process group of its own, and nothing of the group is left: on a timeout the suite ends the shell that it
/// started and leaves what the shell started.
pub(super) fn bounded(
    command: &mut Command,
    log: &Path,
    limit: Duration,
) -> anyhow::Result<Option<ExitStatus>> {
    let file = File::options().create(true).append(true).open(log)?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
    let mut child = command.spawn().with_context(|| format!("start {command:?}"))?;
    let mut status = None;
    for _ in 0..steps(limit) {
        status = child.try_wait()?;
        if status.is_some() {
            break;
        }
        thread::sleep(STEP);
    }
    signal("-KILL", &format!("-{}", child.id()));
    child.wait()?;
    Ok(status)
}

fn steps(limit: Duration) -> u128 {
    limit.as_millis() / STEP.as_millis()
}

/// Sends a signal to a process or, with a minus, a group; there may be nobody left to hear it.
fn signal(name: &str, to: &str) {
    let _ = Command::new("kill").args([name, "--", to]).stderr(Stdio::null()).status();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        command
    }

    #[test]
    fn what_a_program_says_of_its_address_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let mut peer = Peer::start(
            &mut shell("echo at http://127.0.0.1:7/mcp now; exec sleep 60"),
            &folder.path().join("log"),
        )
        .unwrap();
        assert_eq!(peer.url().unwrap(), "http://127.0.0.1:7/mcp");
        peer.still_runs().unwrap();
    }

    #[test]
    fn a_program_that_ends_before_it_listens_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let mut peer =
            Peer::start(&mut shell("echo no such flag >&2; exit 2"), &folder.path().join("log")).unwrap();
        let error = peer.url().unwrap_err().to_string();
        assert!(error.contains("exit status: 2") && error.contains("no such flag"), "{error}");
    }

    #[test]
    fn nothing_of_a_group_outlives_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let status =
            bounded(&mut shell("sleep 60 & echo $!; wait"), &log, Duration::from_millis(300)).unwrap();
        assert_eq!(status, None);
        let grandchild = fs::read_to_string(log).unwrap();
        let gone = || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", grandchild.trim())).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        // The kernel may take a moment to end what was killed.
        assert!(
            (0..steps(PATIENCE)).any(|_| gone() || {
                thread::sleep(STEP);
                false
            }),
            "it still runs"
        );
    }

    #[test]
    fn a_program_that_ends_in_time_says_how() {
        let folder = tempfile::tempdir().unwrap();
        let status =
            bounded(&mut shell("exit 3"), &folder.path().join("log"), Duration::from_secs(20)).unwrap();
        assert_eq!(status.unwrap().code(), Some(3));
    }
}
