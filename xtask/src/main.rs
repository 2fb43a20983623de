//! Development tasks: `cargo xtask help` lists them.
//!
//! *Promises*: a task says what it does, may be repeated, and exits non-zero if anything failed; what a
//! person runs is what CI runs.
//!
//! *Start reading* at [`check`], whose list is the static half of what must hold, then [`tidy`].
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the person who started it")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

mod bench;
mod changelog;
mod check;
mod conformance;
mod fuzz;
mod generate;
mod generated;
mod house;
mod licences;
mod requirements;
mod setup;
mod shell;
mod steps;
mod test;
mod tidy;

/// The development tasks of tapgate.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Task {
    /// Installs what the tests need into `.setup/`; quick when it is already there.
    Setup {
        /// Also installs what `bench` needs (nginx and other people's bridges).
        #[arg(long)]
        bench: bool,
    },
    /// The static part: format, lints, docs, licences, tidy, generated files, changelog.
    Check {
        /// The folder with the specification's JSON schemas; generates anew and compares.
        #[arg(long, value_name = "DIR", env = "TAPGATE_SCHEMAS")]
        schemas: Option<PathBuf>,
    },
    /// Writes the table of revisions, methods, headers and `_meta` keys from the specification's schemas.
    Generate {
        /// The folder with one JSON schema per revision, which the project does not contain.
        #[arg(long, value_name = "DIR", env = "TAPGATE_SCHEMAS")]
        schemas: PathBuf,
    },
    /// Runs every feature between scripted peers of every revision, and writes docs/reference/compatibility.md from
    /// what came out.
    Compatibility,
    /// Writes docs/reference/requirements.md from the list of what the specification asks for.
    Requirements,
    /// Only the house rules: crates, files, names, links, examples.
    Tidy,
    /// Set-up, check and every test: exactly what CI runs.
    Test {
        /// Leaves out set-up, lints, docs and the journeys that need set-up, and says so.
        #[arg(long)]
        fast: bool,
    },
    /// Plays the official conformance suite direct and through tapgate, and compares check by check.
    Conformance(conformance::Plan),
    /// Measures direct, tapgate, nginx and other people's bridges in turns, and writes the report.
    Bench {
        /// Few and short turns: enough to see that it works.
        #[arg(long)]
        quick: bool,
        /// Where the report goes; without it the committed one, of a quick run a scratch file.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
        /// One of the processes that a run starts.
        #[arg(long, hide = true)]
        part: Option<String>,
    },
    /// Runs the fuzz targets and keeps what they find; a crash is saved and printed.
    Fuzz {
        /// One target instead of all.
        target: Option<String>,
        /// How long each target runs.
        #[arg(long, default_value_t = 60, value_name = "SECONDS")]
        seconds: u32,
    },
}

fn main() -> ExitCode {
    let outcome = match Task::parse() {
        Task::Setup { bench } => setup::run(bench),
        Task::Check { schemas } => check::run(schemas.as_deref(), check::Depth::Whole),
        Task::Generate { schemas } => generated::write(&schemas),
        Task::Compatibility => test::write_compatibility(),
        Task::Requirements => requirements::write(),
        Task::Tidy => tidy::run(),
        Task::Test { fast } => test::run(fast),
        Task::Conformance(plan) => conformance::run(&plan),
        Task::Bench { part: Some(part), .. } => bench::part(&part),
        Task::Bench { quick, report, part: None } => measure(quick, report),
        Task::Fuzz { target, seconds } => fuzz::run(target.as_deref(), seconds),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(quick: bool, report: Option<PathBuf>) -> anyhow::Result<()> {
    setup::run(true)?;
    let (plan, usual) = if quick {
        (bench::Plan::QUICK, "target/benchmarks.md")
    } else {
        (bench::Plan::FULL, "docs/reference/benchmarks.md")
    };
    let report = report.unwrap_or_else(|| house::root().join(usual));
    bench::run(house::root(), plan, &report)?;
    println!("bench: the report is in {}", report.display());
    Ok(())
}
