//! `stats`: what was called how often, how fast and how well.

use std::ops::ControlFlow;
use std::process::ExitCode;

use tapgate_lens::pages;
use tapgate_store::Query;

use super::calls::FILTERS;
use crate::home;
use crate::look::{self, Look};
use crate::output::Output;
use crate::problem::Problem;

/// Count calls, errors and latencies (p50, p95, p99) per server and tool
#[derive(Debug, clap::Args)]
#[command(after_help = FILTERS)]
pub struct Args {
    /// What to count, in CEL or in the short form; everything if left out
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
}

impl Args {
    /// Prints the numbers.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let filter = look::filter(&self.filter)?;
        let look = Look::open()?;
        let sources = look.reader.sources().map_err(|trouble| home::problem(&trouble))?;
        let mut stats = pages::Stats::default();
        look.matching(&Query::default(), &filter, |exchange, around| {
            stats.count(&look.call(exchange, around));
            ControlFlow::Continue(())
        })?;
        look::print(&stats.page(&sources, look.now), output, look.now);
        Ok(ExitCode::SUCCESS)
    }
}
