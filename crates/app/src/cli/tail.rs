//! `tail`: what happens, as it happens.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use tapgate_expr::Filter;
use tapgate_lens::page::Page;
use tapgate_lens::pages::{Line, Tail};
use tapgate_store::{ExchangeId, ExchangeRow, MessageId, MessageRow, Query};
use tapgate_wire::record::Status;

use super::calls::FILTERS;
use crate::home;
use crate::look::{self, Around, Look};
use crate::output::{self, Output};
use crate::problem::Problem;

/// Follow traffic live: every call when it ends, and what servers write to stderr
#[derive(Debug, clap::Args)]
#[command(after_help = FILTERS)]
pub struct Args {
    /// What to show, in CEL or in the short form; everything if left out
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,

    /// Begin with this many of the latest calls
    #[arg(long, short = 'n', default_value_t = 10, value_name = "N")]
    lines: u64,

    /// Print what is there and end
    #[arg(long)]
    once: bool,

    /// Follow, which `tail` does anyway; fingers know it from other tails
    #[arg(long, short = 'f', hide = true)]
    follow: bool,
}

/// How often a follower asks whether the journal changed; asking costs microseconds.
const BEAT: Duration = Duration::from_millis(100);

impl Args {
    /// Prints lines until it is stopped.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let mut follower = Follower::new(look::filter(&self.filter)?, self.lines)?;
        loop {
            let page = follower.page()?;
            look::print(&page, output, follower.look.now);
            if self.once && !self.follow {
                return Ok(ExitCode::SUCCESS);
            }
            follower.wait()?;
        }
    }
}

/// Follows the journal from a place near its end.
pub struct Follower {
    /// The journal.
    pub look: Look,
    filter: Filter,
    tail: Tail,
    /// The newest exchange and message that were read.
    after: (Option<ExchangeId>, Option<MessageId>),
    /// Exchanges that may still change; a bounded number of the latest.
    open: BTreeSet<ExchangeId>,
}

/// Exchanges that are watched for changes at once; the oldest are given up first.
const MAX_OPEN: usize = 4096;

impl Follower {
    /// A follower that begins with the latest `lines` exchanges.
    pub fn new(filter: Filter, lines: u64) -> Result<Self, Problem> {
        let look = Look::open()?;
        let mut after = (None, None);
        let query = Query { newest_first: true, ..Query::default() };
        let mut n = 0;
        look.each(&query, |exchange, around| {
            n += u64::from(around.is_meant(&query, &filter));
            if n <= lines {
                return ControlFlow::Continue(());
            }
            after.0 = Some(exchange.id);
            after.1 = exchange.messages.last().copied();
            ControlFlow::Break(())
        })?;
        if lines == 0 {
            // What stands behind the last exchange is over, too.
            after.1 = look.reader.last_message().map_err(|trouble| home::problem(&trouble))?;
        }
        Ok(Self { look, filter, tail: Tail::new(), after, open: BTreeSet::new() })
    }

    /// Waits until the journal changed.
    pub fn wait(&mut self) -> Result<(), Problem> {
        while !self.look.reader.changed().map_err(|trouble| home::problem(&trouble))? {
            thread::sleep(BEAT);
            output::end_without_reader();
        }
        self.look.refresh();
        Ok(())
    }

    /// The lines that are new since the last page.
    pub fn page(&mut self) -> Result<Page, Problem> {
        let mut exchanges: Vec<(ExchangeRow, Around)> = Vec::new();
        for id in std::mem::take(&mut self.open) {
            let row = self.look.reader.exchange(id).map_err(|trouble| home::problem(&trouble))?;
            if let Some(row) = row {
                let around = self.look.around(row.session)?;
                exchanges.push((row, around));
            }
        }
        let query = Query { since: self.after.0, ..Query::default() };
        self.look.each(&query, |exchange, around| {
            exchanges.push((exchange.clone(), around.clone()));
            ControlFlow::Continue(())
        })?;
        for (exchange, _) in &exchanges {
            self.after.0 = self.after.0.max(Some(exchange.id));
            if exchange.status == Status::Pending {
                self.open.insert(exchange.id);
            }
        }
        while self.open.len() > MAX_OPEN {
            self.open.pop_first();
        }
        let pieces = self.pieces()?;
        let mut rows: Vec<_> = exchanges
            .iter()
            .filter(|(exchange, around)| self.look.matches(&query, &self.filter, exchange, around))
            .map(|(exchange, around)| {
                (exchange.closed.unwrap_or(exchange.opened), Line::Call(self.look.call(exchange, around)))
            })
            .chain(
                pieces
                    .iter()
                    .map(|(message, around)| (message.at, Line::Piece(message, around.source.as_deref()))),
            )
            .collect();
        rows.sort_by_key(|(at, _)| *at);
        Ok(self.tail.page(rows.into_iter().map(|(_, line)| line).collect(), self.look.now))
    }

    /// What belongs to no exchange; a filter asks for exchanges, so with one there is none.
    fn pieces(&mut self) -> Result<Vec<(MessageRow, Around)>, Problem> {
        let mut rows = Vec::new();
        let seen = self.look.reader.messages_since(self.after.1, |message| {
            self.after.1 = Some(message.id);
            if message.exchange.is_none() && self.filter.is_everything() {
                rows.push(message.clone());
            }
            ControlFlow::Continue(())
        });
        seen.map_err(|trouble| home::problem(&trouble))?;
        rows.into_iter()
            .map(|message| self.look.around(message.session).map(|around| (message, around)))
            .collect()
    }
}
