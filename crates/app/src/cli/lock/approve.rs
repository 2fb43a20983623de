//! `lock approve`: lets single tools be as they are now.

use std::process::ExitCode;

use tapgate_engine::bridge::hold::KINDS;
use tapgate_engine::surface::{Change, Item, drift};
use tapgate_lens::pages::{self, LockState};
use tapgate_wire::record::Offered;

use super::{Place, file, seen, view};
use crate::look::{self, Look, printable};
use crate::output::Output;
use crate::problem::Problem;

/// Write the newest definition of tools and prompts into the lock file, so that a locked tap passes them
///
/// A tap that runs with --locked sees the new file within a second.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tapgate lock approve search     one tool, as it was listed last\n  tapgate lock approve            all tools and prompts; those that are gone leave the file"
)]
pub struct Args {
    /// The tools or prompts to approve (default: all of them)
    #[arg(value_name = "NAME")]
    names: Vec<String>,

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
        if !seen.lock.surface.kinds.contains_key(&Offered::Tools) {
            seen::enough(&seen)?;
            return Err(unknown("tools", &seen.from));
        }
        let before = lock.surface.clone();
        let is_listed = |name: &&String| KINDS.iter().any(|kind| seen.lists(*kind, name));
        if let Some(name) = self.names.iter().find(|name| !is_listed(name)) {
            return Err(unknown(&format!("tool or prompt `{}`", printable(name)), &seen.from));
        }
        for kind in KINDS {
            let Some(listed) = seen.lock.surface.kinds.get(&kind) else { continue };
            let names: Vec<&String> = self.names.iter().filter(|name| seen.lists(kind, name)).collect();
            if self.names.is_empty() {
                lock.surface.set(kind, listed.clone());
            } else if !names.is_empty() {
                let items = merged(lock.surface.kinds.remove(&kind), listed, &names);
                lock.surface.set(kind, items);
            }
        }
        let changes: Vec<Change> = drift(&before, &lock.surface);
        file::write(&self.place.file, &lock)?;
        let path = self.place.file.display().to_string();
        look::print(&pages::lock(&view(LockState::Written, &path, &seen.from, &changes)), output, look.now);
        Ok(ExitCode::SUCCESS)
    }
}

/// The items that the lock has, with those of these names as they were listed.
fn merged(before: Option<Vec<Item>>, listed: &[Item], names: &[&String]) -> Vec<Item> {
    let is_named = |item: &&Item| names.contains(&&item.name);
    let mut items = before.unwrap_or_default();
    items.retain(|item| !is_named(&item));
    items.extend(listed.iter().filter(is_named).cloned());
    items
}

fn unknown(what: &str, from: &str) -> Problem {
    Problem::usage(
        "lock.unknown-tool",
        format!("no {what} were listed in {from}").replace("` were", "` was"),
        "see what it offers with `tapgate lock diff mcp.lock last`, or name another session with --session",
    )
}
