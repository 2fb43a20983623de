//! `completions`: a script that completes commands and flags in a shell.

use std::io;
use std::process::ExitCode;

use clap_complete::Shell;

/// Print a completion script for a shell
///
/// Example: tapgate completions bash > ~/.local/share/bash-completion/completions/tapgate
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The shell
    shell: Shell,
}

impl Args {
    /// Prints the script.
    pub fn run(&self) -> ExitCode {
        clap_complete::generate(self.shell, &mut super::command(), "tapgate", &mut io::stdout());
        ExitCode::SUCCESS
    }
}
