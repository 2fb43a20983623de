//! `completions`: a script that completes commands and flags in a shell.

use std::process::ExitCode;

use clap_complete::Shell;

use crate::output;

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
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "tapgate", &mut script);
        output::print(&String::from_utf8_lossy(&script));
        ExitCode::SUCCESS
    }
}
