//! The static part of what must hold before a change lands.

use std::path::Path;

use anyhow::Context;

use crate::house::{self, House};
use crate::steps::Steps;
use crate::{changelog, generated, licences, shell, tidy};

/// How much is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Everything.
    Whole,
    /// What takes seconds: no compiler is started.
    Quick,
}

/// Runs every check and says which failed.
///
/// With `schemas`, the folder of the specification's schemas, generated code is made anew and compared;
/// without, it is held against what was recorded when it was made.
pub(crate) fn run(schemas: Option<&Path>, depth: Depth) -> anyhow::Result<()> {
    let mut steps = Steps::of("check");
    steps.run("format", || {
        shell::read(&mut shell::cargo(&["fmt", "--all", "--", "--check", "-l"]))
            .map(drop)
            .context("run `cargo fmt --all`")
    });
    steps.run("tidy", tidy::run);
    steps.run("generated files", || {
        generated::check(&House::open(house::root())?, schemas)
    });
    steps.run("changelog", || changelog::check(&House::open(house::root())?));
    if depth == Depth::Whole {
        steps.run("licences", licences::check);
        steps.run("clippy", clippy);
        steps.run("docs", docs);
    }
    steps.finish()
}

fn clippy() -> anyhow::Result<()> {
    let args = [
        "clippy",
        "--quiet",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    shell::show(&mut shell::cargo(&args))
}

fn docs() -> anyhow::Result<()> {
    let mut command = shell::cargo(&["doc", "--quiet", "--locked", "--workspace", "--no-deps"]);
    shell::show(command.env("RUSTDOCFLAGS", "-D warnings"))
}
