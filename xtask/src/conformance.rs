//! `cargo xtask conformance`: the official MCP conformance suite, direct and through tapgate, check by check.
//!
//! The suite is the client of a fixture server of our own, once directly and once through each route; the client
//! scenarios turn it around: the suite is the server, and tapgate the leg of a client.
//! Where both sides speak the same era every check must end as it does without tapgate; where tapgate translates, every
//! scenario must be green. Everywhere the judge must find what is known to be true of the suite, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde_json::json;

mod findings;
mod known;
mod outcome;
mod peers;
mod report;
mod routes;
mod suite;

use crate::{house, shell, steps};
use findings::{Expected, Found};
use known::Known;
use outcome::{Outcome, Status};
use peers::Peer;
use report::Row;
use routes::{LEGS, ROUTES, Route, Server, Turn, Via};
use suite::Suite;

/// Why scenarios are not played.
const NOT_PLAYED: &[(&str, &str)] = &[("auth/", "tapgate does not log in to servers yet")];

/// What is played.
#[derive(clap::Args)]
pub(crate) struct Plan {
    /// Plays every route, not only those of `cargo xtask test`.
    #[arg(long)]
    all: bool,
    /// Plays these routes (tap, stdio, bridge, client, …).
    #[arg(long, value_delimiter = ',', value_name = "ROUTE,…")]
    routes: Vec<String>,
    /// Plays these legs (2025-06-18, 2025-11-25, 2026-07-28, tasks).
    #[arg(long, value_delimiter = ',', value_name = "REVISION,…")]
    legs: Vec<String>,
    /// Plays one scenario.
    #[arg(long, value_name = "SCENARIO")]
    only: Option<String>,
    /// How often each leg is played through tapgate; the worst that a check came to counts.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    runs: u32,
    /// Plays this program, for example a release, instead of building one.
    #[arg(long, value_name = "FILE")]
    tapgate: Option<PathBuf>,
}

/// Plays what the plan says and prints a table; fails when something is not as wanted and nobody knows why.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    let (mut known, mut expected) = (Known::read()?, Expected::read()?);
    let routes = plan.routes()?;
    let work = house::root().join("target/conformance");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work)?;
    let tapgate = match &plan.tapgate {
        Some(program) => fs::canonicalize(program).with_context(|| format!("find {}", program.display()))?,
        None => build()?,
    };
    let stage = Stage { suite: Suite::find(&work)?, tapgate, work, plan };

    println!("{}", report::head());
    let mut rows = Vec::new();
    let mut direct = BTreeMap::new();
    for route in routes {
        for leg in route.legs.iter().filter(|leg| plan.plays(leg)) {
            let server = route.server.reference();
            if let Some(server) = server
                && !direct.contains_key(&(server, *leg))
            {
                direct.insert((server, *leg), stage.direct(server, leg)?);
            }
            let direct = server.and_then(|server| direct.get(&(server, *leg)));
            let row = stage.through(route, leg, direct, (&mut known, &mut expected));
            println!("{}", row.text());
            rows.push(row);
        }
    }
    ensure!(rows.iter().any(|row| row.n_scenarios > 0 || row.error.is_some()), "no scenario is played");
    fs::write(house::root().join("target/conformance.json"), stage.json(&rows)?)?;

    let played: Vec<_> = rows.iter().map(|row| (row.route, row.leg)).collect();
    let mut unused = if plan.only.is_some() { Vec::new() } else { known.unused(&played) };
    if plan.is_whole() {
        unused.extend(expected.unused());
    }
    for line in &unused {
        println!("{line}");
    }
    let n_failed = rows.iter().filter(|row| row.fails()).count() + unused.len();
    if n_failed > 0 {
        bail!("{n_failed} of {} legs are not as wanted, or better than expected", rows.len());
    }
    Ok(())
}

impl Plan {
    /// What `cargo xtask test` plays.
    pub(crate) const USUAL: Self =
        Self { all: false, routes: Vec::new(), legs: Vec::new(), only: None, runs: 1, tapgate: None };

    fn routes(&self) -> anyhow::Result<Vec<&'static Route>> {
        for name in &self.routes {
            ensure!(ROUTES.iter().any(|route| route.name == name), "there is no route {name}");
        }
        for leg in &self.legs {
            ensure!(LEGS.contains(&leg.as_str()), "the suite has no leg {leg}");
        }
        let wanted = |route: &&Route| {
            if self.routes.is_empty() {
                self.all || route.turn == Turn::Always
            } else {
                self.routes.iter().any(|name| name == route.name)
            }
        };
        Ok(ROUTES.iter().filter(wanted).collect())
    }

    /// Whether nothing is left out of what `cargo xtask test` plays.
    fn is_whole(&self) -> bool {
        self.routes.is_empty() && self.legs.is_empty() && self.only.is_none()
    }

    fn plays(&self, leg: &str) -> bool {
        self.legs.is_empty() || self.legs.iter().any(|wanted| wanted == leg)
    }
}

/// What every leg needs.
struct Stage<'a> {
    suite: Suite,
    tapgate: PathBuf,
    work: PathBuf,
    plan: &'a Plan,
}

impl Stage<'_> {
    /// Plays a leg without tapgate; the server must be green, or a comparison with it says nothing.
    fn direct(&self, server: Server, leg: &str) -> anyhow::Result<Outcome> {
        let label = format!("direct-{server:?}-{leg}").to_lowercase();
        let mut fixture = self.fixture(server, &label)?;
        let outcome = self.suite.against(&fixture.url()?, leg, self.plan.only.as_deref(), &label)?;
        fixture.still_runs().context("the fixture")?;
        let bad: Vec<_> = outcome
            .iter()
            .filter(|(_, scenario)| !scenario.is_green(Status::Warning))
            .map(|(name, _)| name)
            .collect();
        ensure!(bad.is_empty(), "the server ({server:?}) is not green itself in {leg}: {bad:?}");
        ensure!(!outcome.is_empty() || self.plan.only.is_some(), "the suite played nothing in {leg}");
        Ok(outcome)
    }

    /// Plays a leg through tapgate, as often as the plan says.
    fn through(
        &self,
        route: &Route,
        leg: &'static str,
        direct: Option<&Outcome>,
        (known, expected): (&mut Known, &mut Expected),
    ) -> Row {
        let began = steps::now();
        let mut through = Outcome::new();
        let mut unexpected = BTreeSet::new();
        let mut error = None;
        for run in 1..=self.plan.runs {
            match self.once(route, leg, &format!("{}-{leg}-{run}", route.name)) {
                Ok((outcome, found)) => {
                    outcome::merge(&mut through, outcome);
                    unexpected.append(&mut expected.unexpected(&found));
                }
                Err(because) => {
                    error = Some(format!("{because:#}"));
                    break;
                }
            }
        }
        // What could not be played would differ in everything; one line says so instead.
        let mut row = match error {
            None => Row::judge(route, leg, (direct, &through), known),
            Some(_) => Row { route: route.name, leg, error, ..Row::default() },
        };
        row.unexpected = unexpected;
        row.took = began.elapsed();
        row
    }

    fn once(&self, route: &Route, leg: &str, label: &str) -> anyhow::Result<(Outcome, Vec<Found>)> {
        if route.via == Via::Client {
            return Ok((self.clients(leg)?, Vec::new()));
        }
        let home = self.work.join(format!("{label}.home"));
        let mut fixture = None;
        let server = if route.via == Via::Command {
            words(route.server, "stdio")?
        } else {
            vec![fixture.insert(self.fixture(route.server, label)?).url().context("the fixture")?]
        };
        let mut command = Command::new(&self.tapgate);
        command.args(route.via.arguments(&server)).env("TAPGATE_HOME", &home);
        let mut tapgate = Peer::start(&mut command, &self.work.join(format!("{label}.tapgate.log")))?;
        let url = tapgate.url().context("tapgate")?;
        let outcome = self.suite.against(&url, leg, self.plan.only.as_deref(), label)?;
        tapgate.still_runs().context("tapgate")?;
        if let Some(fixture) = &mut fixture {
            fixture.still_runs().context("the fixture")?;
        }
        // Its journal is whole when it has ended.
        drop(tapgate);
        let found = findings::of(&self.tapgate, &home, &self.work.join(label)).context("what was found")?;
        Ok((outcome, found))
    }

    /// Plays the client scenarios of a leg, one after the other: the suite would start all at once.
    fn clients(&self, leg: &str) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome::new();
        for name in self.suite.client_scenarios(leg)? {
            let played = self.plan.only.as_ref().is_none_or(|only| *only == name);
            if played && why_not(&name).is_none() {
                let found = self.suite.serve(&name, leg, &self.tapgate, &self.work.join("home"))?;
                outcome.insert(name, found);
            }
        }
        Ok(outcome)
    }

    fn fixture(&self, server: Server, label: &str) -> anyhow::Result<Peer> {
        let line = words(server, "http")?;
        let (program, arguments) = line.split_first().context("a server is a command")?;
        let log = self.work.join(format!("{label}.fixture.log"));
        Peer::start(Command::new(program).args(arguments), &log)
    }

    fn json(&self, rows: &[Row]) -> anyhow::Result<String> {
        let mut not_played = Vec::new();
        for row in rows.iter().filter(|row| row.route == "client") {
            for name in self.suite.client_scenarios(row.leg)? {
                if let Some(reason) = why_not(&name) {
                    not_played.push(json!({ "leg": row.leg, "scenario": name, "reason": reason }));
                }
            }
        }
        let report = json!({
            "suite": self.suite.version()?,
            "legs": rows.iter().map(Row::json).collect::<Vec<_>>(),
            "not_played": not_played,
        });
        Ok(format!("{report:#}\n"))
    }
}

/// The command that starts a server on `stdio` or `http`.
fn words(server: Server, kind: &'static str) -> anyhow::Result<Vec<String>> {
    let (program, script, arguments) = server.words(kind);
    let files = [house::setup_folder().join(program), house::root().join("xtask/conformance").join(script)];
    let words = files.iter().map(|path| path.to_str()).chain(arguments.into_iter().map(Some));
    let words = words.map(|word| word.map(str::to_owned));
    words.collect::<Option<_>>().context("the project's path is not UTF-8")
}

fn why_not(scenario: &str) -> Option<&'static str> {
    NOT_PLAYED.iter().find(|(start, _)| scenario.starts_with(start)).map(|(_, reason)| *reason)
}

/// Builds tapgate in the profile of the tests.
fn build() -> anyhow::Result<PathBuf> {
    shell::show(&mut shell::cargo(&["build", "--quiet", "--locked", "--package", "tapgate"]))?;
    let beside = std::env::current_exe()?;
    let program = beside.parent().unwrap_or(Path::new("")).join("tapgate");
    ensure!(program.is_file(), "tapgate was not built into {}", program.display());
    Ok(program)
}
