//! The official suite as a program: which scenarios it has, and what it finds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::outcome::{Check, Outcome, Scenario, Status};
use super::peers;
use super::routes::TASKS;
use crate::house;
use crate::shell;

/// Where the suite is, below `.setup/`.
const PROGRAM: &str = "node/node_modules/@modelcontextprotocol/conformance/dist/index.js";

/// The scenarios of the tasks extension; one more, `tasks-status-notifications`, skips itself.
const TASK_SCENARIOS: &[&str] = &[
    "tasks-capability-negotiation",
    "tasks-dispatch-and-envelope",
    "tasks-lifecycle",
    "tasks-mrtr-composition",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-request-state-removal",
    "tasks-required-task-error",
    "tasks-wire-fields",
];

/// How long the suite waits in one scenario.
const SCENARIO: Duration = Duration::from_secs(20);

/// How long a run of the suite may take; a whole leg takes seconds when nothing hangs.
const RUN: Duration = Duration::from_mins(2);

/// The suite, as set-up installed it.
pub(super) struct Suite {
    node: PathBuf,
    /// Where its files go.
    work: PathBuf,
}

impl Suite {
    /// Finds the suite; it writes below `work`.
    pub(super) fn find(work: &Path) -> anyhow::Result<Self> {
        let node = house::setup_folder().join("bin/node");
        let there = node.exists() && house::setup_folder().join(PROGRAM).exists();
        ensure!(there, "Node.js or the suite is missing: run `cargo xtask setup`");
        Ok(Self { node, work: work.to_owned() })
    }

    /// The suite's own version.
    pub(super) fn version(&self) -> anyhow::Result<String> {
        Ok(shell::read(self.command().arg("--version"))?.trim().to_owned())
    }

    /// The names of the client scenarios of a leg.
    pub(super) fn client_scenarios(&self, leg: &str) -> anyhow::Result<Vec<String>> {
        let said = shell::read(self.command().args(["list", "--client", "--spec-version", leg]))?;
        let names = said.lines().filter_map(|line| line.trim().strip_prefix("- ")?.split(' ').next());
        Ok(names.map(str::to_owned).collect())
    }

    /// Plays the server scenarios of a leg, or one of them, against `url`.
    pub(super) fn against(
        &self,
        url: &str,
        leg: &str,
        only: Option<&str>,
        label: &str,
    ) -> anyhow::Result<Outcome> {
        let (folder, log) = self.places(label)?;
        let jobs: Vec<Vec<&str>> = match (leg, only) {
            (TASKS, only) => {
                let wanted = TASK_SCENARIOS.iter().filter(|name| only.is_none_or(|only| only == **name));
                wanted.map(|name| vec!["--scenario", name]).collect()
            }
            (_, Some(name)) => vec![vec!["--scenario", name, "--spec-version", leg]],
            (_, None) => vec![vec!["--suite", "all", "--spec-version", leg]],
        };
        let mut outcome = Outcome::new();
        for job in jobs {
            let mut command = self.command();
            command.args(["server", "--url", url]).args(job);
            bound(&mut command, &folder);
            if peers::bounded(&mut command, &log, RUN)?.is_none() {
                // What was played until then says more than an error would.
                let says = format!("the suite does not end in {} s, see {}", RUN.as_secs(), log.display());
                let hangs = outcome.entry("the suite".to_owned()).or_default();
                hangs.add("suite-ends".to_owned(), Check { status: Status::Failure, says });
            }
        }
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let checks = entry.path().join("checks.json");
            if let Some(name) = scenario_name(&name).filter(|_| checks.exists()) {
                outcome.insert(name.to_owned(), Scenario::parse(&fs::read_to_string(checks)?)?);
            }
        }
        Ok(outcome)
    }

    /// Plays one client scenario, with `tapgate` as the client's leg; the suite is the server.
    pub(super) fn serve(
        &self,
        scenario: &str,
        leg: &str,
        tapgate: &Path,
        home: &Path,
    ) -> anyhow::Result<Scenario> {
        let (folder, log) = self.places(&format!("client-{leg}-{}", scenario.replace('/', "-")))?;
        let mut command = self.command();
        // The suite cuts this at blanks and gives it to a shell, so it names what stands below the project's root.
        command.args(["client", "--command", ".setup/bin/node xtask/conformance/client.mjs"]);
        command.args(["--scenario", scenario, "--spec-version", leg]);
        command.env("NODE_OPTIONS", "--require ./xtask/conformance/loopback.cjs");
        command.env("TAPGATE", tapgate).env("TAPGATE_HOME", home);
        bound(&mut command, &folder);
        let ended = peers::bounded(&mut command, &log, RUN)?;
        let mut found = match checks_below(&folder)? {
            Some(path) => Scenario::parse(&fs::read_to_string(path)?)?,
            None => Scenario::default(),
        };
        if !ended.is_some_and(|status| status.success()) {
            let says = format!("the suite does not end well, see {}", log.display());
            found.add("client-ends-well".to_owned(), Check { status: Status::Failure, says });
        }
        Ok(found)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.node);
        command.arg(house::setup_folder().join(PROGRAM)).current_dir(house::root());
        command
    }

    /// An empty folder for the suite's files, and the path of a log that is not there yet.
    fn places(&self, label: &str) -> anyhow::Result<(PathBuf, PathBuf)> {
        let folder = self.work.join(label);
        let log = self.work.join(format!("{label}.suite.log"));
        let _ = fs::remove_dir_all(&folder);
        let _ = fs::remove_file(&log);
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        Ok((folder, log))
    }
}

/// Says where the suite writes, and how long it waits.
fn bound(command: &mut Command, folder: &Path) {
    command.arg("-o").arg(folder).args(["--timeout", &SCENARIO.as_millis().to_string()]);
}

/// Cuts the scenario's name out of a folder's name: `server-NAME-2026-11-22T13-33-10-390Z`.
pub(super) fn scenario_name(folder: &str) -> Option<&str> {
    let named = folder.strip_prefix("server-")?;
    named.get(..named.len().checked_sub("-2026-11-22T13-33-10-390Z".len())?)
}

/// The first `checks.json` below a folder; a client scenario's name may hold a slash.
fn checks_below(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if let Some(found) = checks_below(&entry.path())? {
                return Ok(Some(found));
            }
        } else if entry.file_name() == "checks.json" {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_names_its_scenario() {
        assert_eq!(scenario_name("server-tools-list-2026-11-22T13-33-10-390Z"), Some("tools-list"));
        assert_eq!(scenario_name("tools-list"), None);
        assert_eq!(scenario_name("server-short"), None);
    }
}
