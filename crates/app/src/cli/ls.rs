//! `ls`: what is and was recorded.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::process::ExitCode;

use rustix::process::{Pid, test_kill_process};
use tapgate_lens::pages::{self, SessionSummary, SourceSummary};
use tapgate_store::{Query, SessionId, SourceRow};
use tapgate_wire::record::UnixNanos;

use crate::home;
use crate::look::{self, Look};
use crate::output::Output;
use crate::problem::Problem;

/// List sources (taps) and their sessions, the newest last
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tapgate ls\n  tapgate ls --json | jq 'select(.errors > 0)'")]
pub struct Args {
    /// Show at most this many of the newest sessions (0: all)
    #[arg(long, short = 'n', default_value_t = 50, value_name = "N")]
    limit: u64,
}

impl Args {
    /// Prints the list.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let look = Look::open()?;
        let read = |trouble| home::problem(&trouble);
        let sources = look.reader.sources().map_err(read)?;
        let limit = (self.limit > 0).then_some(self.limit);
        let mut sessions = look.reader.sessions(None, limit).map_err(read)?;
        sessions.reverse();
        let last = last_times(&look, sessions.first().map(|session| session.id))?;
        let mut summaries = Vec::new();
        for source in &sources {
            let mut rows = Vec::new();
            for row in sessions.iter().filter(|session| session.source == source.id) {
                let totals = look.reader.totals(row.id).map_err(read)?;
                rows.push(SessionSummary { row, totals, last: last.get(&row.id).copied() });
            }
            let is_alive = is_alive(source);
            // A source without a session is worth a line while it runs: it waits for its client.
            if is_alive || !rows.is_empty() || source.lost_bytes > 0 {
                summaries.push(SourceSummary { row: source, is_alive, sessions: rows });
            }
        }
        let trouble = tapgate_store::trouble_noted(&home::resolve()?);
        look::print(&pages::ls(&summaries, trouble.as_deref(), look.now), output, look.now);
        Ok(ExitCode::SUCCESS)
    }
}

/// When the last exchange of each session began or ended.
fn last_times(look: &Look, oldest: Option<SessionId>) -> Result<HashMap<SessionId, UnixNanos>, Problem> {
    let mut last: HashMap<SessionId, UnixNanos> = HashMap::new();
    let Some(oldest) = oldest else { return Ok(last) };
    let seen = look.reader.exchanges(&Query { newest_first: true, ..Query::default() }, |exchange| {
        let at = exchange.closed.unwrap_or(exchange.opened);
        let entry = last.entry(exchange.session).or_insert(at);
        *entry = at.max(*entry);
        if exchange.session < oldest { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    seen.map_err(|trouble| home::problem(&trouble))?;
    Ok(last)
}

/// Whether the process of a source still runs.
pub fn is_alive(source: &SourceRow) -> bool {
    let pid = i32::try_from(source.pid).ok().and_then(Pid::from_raw);
    source.ended.is_none() && pid.is_some_and(|pid| test_kill_process(pid).is_ok())
}
