//! Where tapgate keeps its files.

use std::path::PathBuf;

use crate::problem::Problem;

/// The directory of the journal: `TAPGATE_HOME`, else the platform's state directory.
pub fn resolve() -> Result<PathBuf, Problem> {
    let read = |name: &str| std::env::var_os(name);
    tapgate_store::home::resolve(read).ok_or_else(|| {
        Problem::usage(
            "home.unknown",
            "cannot tell where to keep the journal",
            "set TAPGATE_HOME to a directory of your own, or set HOME",
        )
    })
}
