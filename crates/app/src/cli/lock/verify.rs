//! `lock verify`: whether a server offers what the lock file says.

use std::process::ExitCode;

use clap::ValueEnum;
use tapgate_engine::surface::{Class, Lock, drift, word};
use tapgate_lens::pages::{self, LockState};
use tapgate_wire::record::Offered;

use super::seen::Seen;
use super::{Place, Target, file, seen, view};
use crate::look::{self, Look};
use crate::output::Output;
use crate::problem::{Exit, Problem};

/// Compare what a server offers with the lock file
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 when both are the same (but for classes that are allowed), 1 when they differ or when something that the lock has was not listed, 2 for wrong usage or when there is no lock file yet, 3 when the server wants a login, 4 when it cannot be asked, 5 when the lock file or the journal cannot be read."
)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    place: Place,
    /// Do not fail for changes of this class; may be given several times
    #[arg(long, value_enum, value_name = "CLASS")]
    allow: Vec<Allowed>,
}

/// The classes of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Allowed {
    /// What worked may fail now
    Breaking,
    /// A description, instructions, annotations or a default is another text
    ChangedText,
    /// The same tool has another name
    Renamed,
    /// What worked still works
    Compatible,
    /// Only titles, icons, white space or the server's version changed
    Cosmetic,
}

impl Args {
    /// Prints what differs.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let lock = file::expect(&self.place.file)?;
        let look = Look::open()?;
        let seen = seen::surface_of(&look, &self.target, Some(&lock))?;
        let changes = drift(&lock.surface, &seen.lock.surface);
        let unlisted = unlisted(&lock, &seen);
        let is_fine = changes.iter().all(|change| self.allows(change.class));
        let state = match (changes.is_empty(), is_fine) {
            _ if !unlisted.is_empty() && is_fine => LockState::Unknown,
            (true, _) => LockState::Same,
            (_, true) => LockState::Allowed,
            _ => LockState::Drift,
        };
        let path = self.place.file.display().to_string();
        let mut view = view(state, &path, &seen.from, &changes);
        if !unlisted.is_empty() {
            let kinds = unlisted.join(", ");
            view.notes.push(format!(
                "Not listed to their end in {}, so nobody knows whether they changed: {kinds}.",
                seen.from
            ));
        }
        look::print(&pages::lock(&view), output, look.now);
        let is_good = matches!(state, LockState::Same | LockState::Allowed);
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(Exit::Found as u8) })
    }

    fn allows(&self, class: Class) -> bool {
        self.allow.iter().any(|allowed| match allowed {
            Allowed::Breaking => class == Class::Breaking,
            Allowed::ChangedText => class == Class::ChangedText,
            Allowed::Renamed => class == Class::Renamed,
            Allowed::Compatible => class == Class::Compatible,
            Allowed::Cosmetic => class == Class::Cosmetic,
        })
    }
}

/// What the lock has and nobody listed. The server itself is told in a handshake, which a modern client may leave out.
fn unlisted(lock: &Lock, seen: &Seen) -> Vec<&'static str> {
    let kinds = lock.surface.kinds.iter().filter(|(_, items)| !items.is_empty()).map(|(kind, _)| *kind);
    let is_unlisted = |kind: &Offered| !seen.lock.surface.kinds.contains_key(kind);
    kinds.filter(is_unlisted).map(word).collect()
}
