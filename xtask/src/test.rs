//! Everything that must hold before a change lands: what CI runs is what a person runs.

use std::process::Command;

use anyhow::Context;

use crate::check::{self, Depth};
use crate::conformance;
use crate::setup;
use crate::shell;
use crate::steps::Steps;

/// Runs set-up, check and every test, and says at the end which of them failed.
///
/// `fast` leaves out what takes minutes: set-up, the checks that compile, and what needs set-up, which are the
/// journeys and the conformance suite.
pub(crate) fn run(fast: bool) -> anyhow::Result<()> {
    let mut steps = Steps::of("test");
    if fast {
        println!(
            "test: fast, so without set-up, licences, lints, docs, journeys and conformance; CI runs them all"
        );
        steps.run("check", || check::run(None, Depth::Quick));
        steps.run("tests", || nextest("fast"));
    } else {
        steps.run("set-up", || setup::run(false));
        steps.run("check", || check::run(None, Depth::Whole));
        steps.run("examples in the documentation of code", || {
            shell::show(&mut shell::cargo(&["test", "--quiet", "--locked", "--workspace", "--doc"]))
        });
        steps.run("tests", || nextest("ci"));
        // After the tests, which say more closely what is broken.
        steps.run("conformance", || conformance::run(&conformance::Plan::USUAL));
    }
    steps.finish()
}

/// Writes the page that says what clients get from servers: the test that fills its cells does it.
pub(crate) fn write_compatibility() -> anyhow::Result<()> {
    let mut command = shell::cargo(&["test", "--quiet", "--package", "tapgate-engine", "--test", "bridge"]);
    command.arg("every_client_meets_every_server").env("UPDATE", "1");
    shell::show(&mut command)?;
    println!("compatibility: docs/reference/compatibility.md is written");
    Ok(())
}

fn nextest(profile: &str) -> anyhow::Result<()> {
    let program = setup::nextest_program().context("cargo-nextest is missing: run `cargo xtask setup`")?;
    let mut command: Command = shell::cargo(&[]);
    let cargo = command.get_program().to_owned();
    command = shell::command(program.to_str().context("the path of nextest is not UTF-8")?, &[]);
    command.env("CARGO", cargo).args(["nextest", "run", "--locked", "--workspace", "--profile", profile]);
    shell::show(&mut command)
}
