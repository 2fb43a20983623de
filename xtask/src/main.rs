//! Development tasks: `cargo xtask help` lists them.
//!
//! *Promises*: a task says what it does, may be repeated, and exits non-zero if anything failed; what a
//! person runs is what CI runs.
//!
//! *Start reading* at [`check`], whose list is the static half of what must hold, then [`tidy`].
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task talks to the person who started it"
)]

use std::process::ExitCode;

use clap::Parser;

mod changelog;
mod check;
mod fuzz;
mod generated;
mod house;
mod licences;
mod setup;
mod shell;
mod steps;
mod test;
mod tidy;

/// The development tasks of tapgate.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Task {
    /// Installs what the tests need into `.setup/`; quick when it is already there.
    Setup {
        /// Also installs what `bench` needs (nginx).
        #[arg(long)]
        bench: bool,
    },
    /// The static part: format, lints, docs, licences, tidy, generated files, changelog.
    Check,
    /// Only the house rules: crates, files, names, links, examples.
    Tidy,
    /// Set-up, check and every test: exactly what CI runs.
    Test {
        /// Leaves out set-up, lints, docs and the journeys that need set-up, and says so.
        #[arg(long)]
        fast: bool,
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
        Task::Check => check::run(check::Depth::Whole),
        Task::Tidy => tidy::run(),
        Task::Test { fast } => test::run(fast),
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
