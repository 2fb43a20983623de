//! `man`: the manual pages.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::problem::{Exit, Problem};

/// Write the manual pages into a directory
///
/// Example: tapgate man ~/.local/share/man/man1
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Where to write tapgate.1, tapgate-tap.1, …
    directory: PathBuf,
}

impl Args {
    /// Writes one page per command.
    pub fn run(&self) -> Result<ExitCode, Problem> {
        let written = std::fs::create_dir_all(&self.directory)
            .and_then(|()| clap_mangen::generate_to(super::command(), &self.directory));
        written.map_err(|error| {
            let at = self.directory.display();
            Problem::usage(
                "man.unwritable",
                format!("cannot write manual pages to {at}"),
                "name a directory that you may write to",
            )
            .because(error)
            .exit(Exit::Unreachable)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
