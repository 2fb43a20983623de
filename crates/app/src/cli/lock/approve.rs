//! `lock approve`: lets single tools be as they are now.

use std::process::ExitCode;

use tapgate_engine::surface::{Change, Item, drift};
use tapgate_lens::pages::{self, LockState};
use tapgate_wire::record::Offered;

use super::{Place, file, seen, view};
use crate::look::{self, Look, printable};
use crate::output::Output;
use crate::problem::Problem;

/// Write the newest definition of tools into the lock file, so that a locked tap passes them
///
/// A tap that runs with --locked sees the new file within a second.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tapgate lock approve search     one tool, as it was listed last\n  tapgate lock approve            all tools; those that are gone leave the file"
)]
pub struct Args {
    /// The tools to approve (default: all of them)
    #[arg(value_name = "TOOL")]
    tools: Vec<String>,

    /// The session in which they were seen (default: the latest of this server)
    #[arg(long, value_name = "SESSION")]
    session: Option<String>,

    #[command(flatten)]
    place: Place,
}

impl Args {
    /// Writes the file and prints what it changes.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let mut lock = file::expect(&self.place.file)?;
        let look = Look::open()?;
        let seen = match &self.session {
            Some(id) => seen::of_session(&look, &look.session(id)?)?,
            None => seen::latest_of(&look, &lock)?,
        };
        let Some(listed) = seen.lock.surface.kinds.get(&Offered::Tools) else {
            seen::enough(&seen)?;
            return Err(unknown("tools", &seen.from));
        };
        let before = lock.surface.clone();
        let tools = match self.tools.as_slice() {
            [] => listed.clone(),
            names => merged(lock.surface.kinds.remove(&Offered::Tools), listed, names, &seen.from)?,
        };
        lock.surface.set(Offered::Tools, tools);
        let changes: Vec<Change> = drift(&before, &lock.surface);
        file::write(&self.place.file, &lock)?;
        let path = self.place.file.display().to_string();
        look::print(&pages::lock(&view(LockState::Written, &path, &seen.from, &changes)), output, look.now);
        Ok(ExitCode::SUCCESS)
    }
}

/// The tools that the lock has, with those of these names as they were listed.
fn merged(
    before: Option<Vec<Item>>,
    listed: &[Item],
    names: &[String],
    from: &str,
) -> Result<Vec<Item>, Problem> {
    let mut tools = before.unwrap_or_default();
    for name in names {
        let found: Vec<_> = listed.iter().filter(|item| item.name == *name).cloned().collect();
        if found.is_empty() {
            return Err(unknown(&format!("tool `{}`", printable(name)), from));
        }
        tools.retain(|item| item.name != *name);
        tools.extend(found);
    }
    Ok(tools)
}

fn unknown(what: &str, from: &str) -> Problem {
    Problem::usage(
        "lock.unknown-tool",
        format!("no {what} were listed in {from}").replace("` were", "` was"),
        "see what it offers with `tapgate lock diff mcp.lock last`, or name another session with --session",
    )
}
