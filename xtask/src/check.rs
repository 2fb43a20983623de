//! The static part of what must hold before a change lands.

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
pub(crate) fn run(depth: Depth) -> anyhow::Result<()> {
    let mut steps = Steps::of("check");
    steps.run("format", || {
        shell::show(&mut shell::cargo(&["fmt", "--all", "--check"])).context("run `cargo fmt --all`")
    });
    steps.run("tidy", tidy::run);
    steps.run("generated files", || {
        generated::check(&House::open(house::root())?)
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
