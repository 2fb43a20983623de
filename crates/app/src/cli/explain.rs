//! `explain`: what this layer can read, what it stores, where, and for how long.

use std::process::ExitCode;

use tapgate_lens::pages::{self, Explained, Keeping};
use tapgate_store::Retention;

use super::{ls, tap};
use crate::home;
use crate::look::{self, Look};
use crate::output::Output;
use crate::problem::Problem;

/// Say what a tap reads, what it stores, where and for how long, for this configuration
///
/// Takes the arguments of `tap` and starts nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tapgate explain\n  tapgate explain --full=2 -- npx -y some-server")]
pub struct Args {
    #[command(flatten)]
    tap: tap::Args,
}

impl Args {
    /// Prints the explanation.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let home = home::resolve()?;
        let journal = home.join("journal.db");
        let trouble = tapgate_store::trouble_noted(&home);
        let look = Look::open()?;
        let mut sources = look.reader.sources().map_err(|trouble| home::problem(&trouble))?;
        sources.retain(ls::is_alive);
        let retention = Retention::default();
        let nanos = |duration: std::time::Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let bytes = look.reader.health().map_err(|trouble| home::problem(&trouble))?.bytes;
        let page = pages::explain(&Explained {
            home: &home.to_string_lossy(),
            journal: &journal.to_string_lossy(),
            journal_bytes: journal.exists().then_some(bytes),
            keeping: if self.tap.full.is_some() { Keeping::Full } else { Keeping::Masked },
            retention: nanos(retention.keep),
            full_retention: nanos(retention.keep_full),
            n_rules: tapgate_wire::mask::n_rules(),
            trouble: trouble.as_deref(),
            sources: &sources,
            now: look.now,
        });
        look::print(&page, output, look.now);
        Ok(ExitCode::SUCCESS)
    }
}
