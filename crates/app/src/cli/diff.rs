//! `diff`: two captures side by side.

use std::ops::ControlFlow;
use std::process::ExitCode;

use tapgate_engine::surface::{Surface, drift};
use tapgate_lens::pages::{self, Compared};
use tapgate_store::{Query, SessionRow};
use tapgate_wire::Leg;

use super::lock::{row, seen};
use crate::home;
use crate::look::{self, Look};
use crate::output::Output;
use crate::problem::Problem;

/// Compare two captures: what the server offers, calls and errors, latency, findings
///
/// Each side is a session (or `last`), or the name of a source, which means all its sessions. What the server offers is
/// compared in the classes of `lock diff`, as far as both sides listed it. A difference in latency is
/// told only when it is larger than chance makes it (Mann-Whitney, p below 0.01, at least 5 calls on both sides).
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Before
    #[arg(value_name = "A")]
    a: String,

    /// After
    #[arg(value_name = "B")]
    b: String,
}

const EXAMPLES: &str = "Examples:
  tapgate diff s21 last
  tapgate diff everything-1.0 everything-1.1

Exit status: 0 nothing is different, 1 something is, 2 wrong usage, 5 the journal cannot be read.";

impl Args {
    /// Compares and prints.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let look = Look::open()?;
        let (a, b) = (sessions(&look, &self.a)?, sessions(&look, &self.b)?);
        let (mut was, mut now) = (offered(&look, &a)?, offered(&look, &b)?);
        // What one side never listed is not known to be gone or new.
        was.kinds.retain(|kind, _| now.kinds.contains_key(kind));
        now.kinds.retain(|kind, _| was.kinds.contains_key(kind));
        let changes = drift(&was, &now);
        let changes: Vec<_> = changes.iter().map(row).collect();
        let diff = pages::diff(&capture(&look, &self.a, &a)?, &capture(&look, &self.b, &b)?, &changes);
        look::print(diff.page(), output, look.now);
        Ok(ExitCode::from(u8::from(!diff.is_empty())))
    }
}

/// The session or sessions that a word names, newest first.
fn sessions(look: &Look, word: &str) -> Result<Vec<SessionRow>, Problem> {
    let read = |trouble| home::problem(&trouble);
    let mut found = Vec::new();
    let sources = look.reader.sources().map_err(read)?;
    for source in sources.iter().filter(|source| source.name == word && source.leg == Leg::Client) {
        found.extend(look.reader.sessions(Some(source.id), None).map_err(read)?);
    }
    if found.is_empty() {
        found.push(look.session(word)?);
    }
    Ok(found)
}

/// What the server offered in sessions, the newest last word on each list.
fn offered(look: &Look, sessions: &[SessionRow]) -> Result<Surface, Problem> {
    let mut offered = Surface::default();
    for session in sessions.iter().rev() {
        offered.kinds.extend(seen::of_session(look, session)?.lock.surface.kinds);
    }
    Ok(offered)
}

fn capture(look: &Look, word: &str, sessions: &[SessionRow]) -> Result<Compared, Problem> {
    let read = |trouble| home::problem(&trouble);
    let mut capture = Compared { name: word.to_owned(), ..Compared::default() };
    for session in sessions {
        let query = Query { session: Some(session.id), ..Query::default() };
        let seen = look.reader.exchanges(&query, |exchange| {
            capture.exchanges.push(exchange.clone());
            ControlFlow::Continue(())
        });
        seen.map_err(read)?;
        capture.findings.extend(look.reader.findings(session.id).map_err(read)?);
    }
    Ok(capture)
}
