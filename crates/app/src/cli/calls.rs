//! `calls`: the exchanges, one a line, filtered.

use std::ops::ControlFlow;
use std::process::ExitCode;

use tapgate_lens::pages;
use tapgate_store::Query;

use crate::look::{self, Look};
use crate::output::Output;
use crate::problem::Problem;

/// List calls and other exchanges, filtered by an expression
#[derive(Debug, clap::Args)]
#[command(after_help = FILTERS)]
pub struct Args {
    /// What to show, in CEL or in the short form; everything if left out
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,

    /// Only of this session (an id, or `last`)
    #[arg(long, value_name = "ID")]
    session: Option<String>,

    /// Show at most this many of the newest (0: all)
    #[arg(long, short = 'n', default_value_t = 100, value_name = "N")]
    limit: usize,
}

/// Help on filters, for every command that takes one.
pub const FILTERS: &str = "Filters:
  'tool:search status:error dur>1s'
      the short form: terms that must all hold
  method:resources/read since:10m -client.name:inspector
      a `-` turns a term around
  'tool == \"search\" && duration > duration(\"1s\")'
      the long form: CEL
  'args.path.contains(\"/.ssh/\")'
      into the masked arguments

Fields: server, tool, method, target, args, status, error.code, error.message, http.status, duration, bytes.in, bytes.out, era, revision, transport, client.name, client.version, session, source, rounds, retries, findings, at.

Status: pending, ok, tool_error, error, cancelled, unanswered, unknown.

A misspelt field or word is an error with the nearest name.";

impl Args {
    /// Prints the calls.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let filter = look::filter(&self.filter)?;
        let look = Look::open()?;
        let session = self.session.as_ref().map(|id| look.session(id)).transpose()?;
        let query = Query { session: session.map(|row| row.id), newest_first: true, ..Query::default() };
        let mut found = Vec::new();
        look.matching(&query, &filter, |exchange, around| {
            found.push((exchange.clone(), around.clone()));
            if self.limit > 0 && found.len() >= self.limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        let calls: Vec<_> =
            found.iter().rev().map(|(exchange, around)| look.call(exchange, around)).collect();
        look::print(&pages::calls(&calls), output, look.now);
        Ok(ExitCode::SUCCESS)
    }
}
