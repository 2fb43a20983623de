//! `lock diff`: what changed between two lock files or sessions.

use std::path::Path;
use std::process::ExitCode;

use tapgate_engine::surface::{Lock, drift};
use tapgate_lens::pages::{self, LockState};

use super::{file, seen, view};
use crate::look::{self, Look};
use crate::output::Output;
use crate::problem::{Exit, Problem};

/// Show what changed between two lock files or recorded sessions
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 when both are the same, 1 when they differ, 2 for wrong usage or a file that is not there, 5 when a file or the journal cannot be read."
)]
pub struct Args {
    /// A lock file, the id of a session, or `last`
    #[arg(value_name = "A")]
    was: String,

    /// A lock file, the id of a session, or `last`
    #[arg(value_name = "B", default_value = "last")]
    now: String,
}

impl Args {
    /// Prints the changes.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let look = Look::open()?;
        let (was, now) = (read(&look, &self.was)?, read(&look, &self.now)?);
        let changes = drift(&was.surface, &now.surface);
        let state = if changes.is_empty() { LockState::Same } else { LockState::Drift };
        look::print(&pages::lock(&view(state, &self.was, &self.now, &changes)), output, look.now);
        Ok(ExitCode::from(if changes.is_empty() { 0 } else { Exit::Found as u8 }))
    }
}

/// What a word names: a file if there is one, else a session.
fn read(look: &Look, name: &str) -> Result<Lock, Problem> {
    let path = Path::new(name);
    if path.exists() || name.contains(['/', '.']) {
        return file::expect(path);
    }
    let seen = seen::of_session(look, &look.session(name)?)?;
    Ok(seen.lock)
}
