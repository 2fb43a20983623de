//! `diff`: two captures side by side.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::process::ExitCode;

use serde_json::Value as Json;
use tapgate_lens::pages::{self, Compared};
use tapgate_store::{Query, SessionRow};
use tapgate_wire::Leg;
use tapgate_wire::record::Offered;

use crate::home;
use crate::look::{self, Look};
use crate::output::Output;
use crate::problem::Problem;

/// Compare two captures: what the server offers, calls and errors, latency, findings
///
/// Each side is a session (or `last`), or the name of a source, which means all its sessions. A difference in latency is
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
        let diff = pages::diff(&capture(&look, &self.a)?, &capture(&look, &self.b)?);
        look::print(diff.page(), output, look.now);
        Ok(ExitCode::from(u8::from(!diff.is_empty())))
    }
}

/// The session or sessions that a word names.
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

fn capture(look: &Look, word: &str) -> Result<Compared, Problem> {
    let read = |trouble| home::problem(&trouble);
    let mut capture = Compared { name: word.to_owned(), ..Compared::default() };
    for session in sessions(look, word)? {
        let query = Query { session: Some(session.id), ..Query::default() };
        let seen = look.reader.exchanges(&query, |exchange| {
            capture.exchanges.push(exchange.clone());
            ControlFlow::Continue(())
        });
        seen.map_err(read)?;
        capture.findings.extend(look.reader.findings(session.id).map_err(read)?);
        let mut newest = BTreeMap::new();
        for surface in look.reader.surfaces(session.id).map_err(read)? {
            newest.insert(surface.kind, surface.items);
        }
        for (kind, items) in newest {
            let items: Json = serde_json::from_slice(&items).unwrap_or_default();
            for item in items.as_array().into_iter().flatten() {
                let text = |name: &str| item.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
                capture.offered.insert((word_of(kind), text("name")), text("digest"));
            }
        }
    }
    Ok(capture)
}

fn word_of(kind: Offered) -> &'static str {
    match kind {
        Offered::Server => "server",
        Offered::Tools => "tool",
        Offered::Prompts => "prompt",
        Offered::Resources => "resource",
        Offered::Templates => "template",
    }
}
