//! Where tapgate keeps its files.

use std::path::PathBuf;

use tapgate_store::{HomeVars, Trouble, home_from};

use crate::problem::{Exit, Problem};

/// The directory of the journal: `TAPGATE_HOME`, else the platform's state directory.
pub fn resolve() -> Result<PathBuf, Problem> {
    let read = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let vars = HomeVars { tapgate_home: read("TAPGATE_HOME"), xdg_state_home: read("XDG_STATE_HOME"), home: read("HOME") };
    home_from(&vars).ok_or_else(|| {
        Problem::usage(
            "home.unknown",
            "cannot tell where to keep the journal",
            "set TAPGATE_HOME to a directory of your own, or set HOME",
        )
    })
}

/// What a person is told about a journal that cannot be read.
pub fn problem(trouble: &Trouble) -> Problem {
    Problem::usage(trouble.code(), trouble.to_string(), trouble.help()).exit(Exit::Unreadable)
}
