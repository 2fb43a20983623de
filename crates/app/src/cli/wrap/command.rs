//! The command that a client is to start: this program.

use std::env;
use std::fs;
use std::path::Path;

use crate::problem::Problem;

/// `tapgate` where that word starts this program, else its path.
pub fn tapgate() -> Result<String, Problem> {
    let unknown = || {
        Problem::usage(
            "wrap.no-command",
            "the path of this program cannot be told, so no client could start it",
            "install tapgate in a place that stays, and run it from there",
        )
    };
    let path = env::current_exe().and_then(fs::canonicalize).map_err(|why| unknown().because(why))?;
    let on_path = env::var_os("PATH").and_then(|dirs| {
        let mut files =
            env::split_paths(&dirs).filter(|dir| dir.is_absolute()).map(|dir| dir.join("tapgate"));
        files.find(|file| file.is_file())
    });
    command(&path, on_path.and_then(|file| fs::canonicalize(file).ok()).as_deref()).ok_or_else(unknown)
}

fn command(path: &Path, on_path: Option<&Path>) -> Option<String> {
    if on_path == Some(path) { Some("tapgate".to_owned()) } else { path.to_str().map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_name_is_written_only_where_it_means_this_program() {
        let here = Path::new("/opt/tapgate");
        assert_eq!(command(here, Some(here)).as_deref(), Some("tapgate"));
        assert_eq!(command(here, Some(Path::new("/usr/bin/tapgate"))).as_deref(), Some("/opt/tapgate"));
        assert_eq!(command(here, None).as_deref(), Some("/opt/tapgate"));
    }
}
