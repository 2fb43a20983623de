//! `lock update`: writes the lock file.

use std::process::ExitCode;

use tapgate_engine::surface::{drift, word};
use tapgate_lens::pages::{self, LockState};

use super::{Place, Target, file, seen, view};
use crate::look::{self, Look};
use crate::output::Output;
use crate::problem::Problem;

/// Write what a server offers into the lock file, and show what that changes
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    place: Place,
}

impl Args {
    /// Writes the file and prints what it changes.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let look = Look::open()?;
        let before = file::read(&self.place.file)?;
        let seen = seen::surface_of(&look, &self.target, before.as_ref())?;
        seen::enough(&seen)?;
        let before = before.unwrap_or_default();
        if let (Some(was), Some(is)) = (&before.server.name, &seen.lock.server.name)
            && was != is
        {
            return Err(Problem::usage(
                "lock.other-server",
                format!(
                    "{} is of `{}`, and {} is a session of `{}`",
                    self.place.file.display(),
                    look::printable(was),
                    seen.from,
                    look::printable(is)
                ),
                "name a session of that server, or another file with --file",
            ));
        }
        let changes = drift(&before.surface, &seen.lock.surface);
        let mut lock = seen.lock;
        let mut kept = Vec::new();
        for (kind, items) in before.surface.kinds {
            lock.surface.kinds.entry(kind).or_insert_with(|| {
                kept.push(word(kind));
                items
            });
        }
        file::write(&self.place.file, &lock)?;
        let path = self.place.file.display().to_string();
        let mut view = view(LockState::Written, &path, &seen.from, &changes);
        if !kept.is_empty() {
            let kept = kept.join(", ");
            view.notes.push(format!("Not listed in {}, and left as the file had them: {kept}.", seen.from));
        }
        look::print(&pages::lock(&view), output, look.now);
        Ok(ExitCode::SUCCESS)
    }
}
