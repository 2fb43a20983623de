//! `show`: one exchange or one session, in full.

use std::ops::ControlFlow;
use std::process::ExitCode;

use tapgate_lens::page::Page;
use tapgate_lens::pages::{self, ExchangeView, SessionView};
use tapgate_store::{ExchangeId, ExchangeRow, MessageId, MessageRow, Query, SessionId, SessionRow};
use tapgate_wire::record::Piece;

use crate::home;
use crate::look::{self, Look};
use crate::output::Output;
use crate::problem::Problem;

/// Calls of a waterfall whose rounds and progress are read.
const MAX_READ: usize = 500;

/// Show one call or one session: messages, timing, what was odd
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tapgate show last\n  tapgate show --waterfall last   what happened when, on one axis of time\n  tapgate show x217\n  tapgate show --wire x217     the masked bytes as they came, with the time of each read"
)]
pub struct Args {
    /// The id of a call, of a session or of a message, or `last` for the latest session
    #[arg(value_name = "ID")]
    id: String,

    /// Show the masked bytes exactly as they were on the wire, with the time of each read
    #[arg(long)]
    wire: bool,

    /// Draw a session's calls on one axis of time, with the rounds, questions, polls and logins inside of them, repeated
    /// calls, and what happened to the server's process
    #[arg(long, conflicts_with = "wire")]
    waterfall: bool,
}

impl Args {
    /// Prints it.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let look = Look::open()?;
        if let Ok(id) = self.id.parse::<ExchangeId>() {
            look::print(&self.exchange(&look, id)?, output, look.now);
        } else if let Ok(id) = self.id.parse::<MessageId>() {
            look::print(&self.message(&look, id)?, output, look.now);
        } else {
            self.session(&look, &look.session(&self.id)?, output)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn exchange(&self, look: &Look, id: ExchangeId) -> Result<Page, Problem> {
        let found = look.reader.exchange(id).map_err(|trouble| home::problem(&trouble))?;
        page_of(look, &found.ok_or_else(|| look::no_such(&self.id))?, self.wire)
    }

    /// The exchange that a message belongs to, else the message alone.
    fn message(&self, look: &Look, id: MessageId) -> Result<Page, Problem> {
        let mut found = None;
        let seen = look.reader.messages_since(Some(MessageId(id.0 - 1)), |message| {
            found = (message.id == id).then(|| message.clone());
            ControlFlow::Break(())
        });
        seen.map_err(|trouble| home::problem(&trouble))?;
        let message = found.ok_or_else(|| look::no_such(&self.id))?;
        if let Some(id) = message.exchange {
            return self.exchange(look, id);
        }
        let around = look.around(message.session)?;
        let (session, source) = (around.session.as_deref(), around.source.as_deref());
        Ok(pages::lone(&message, session, source, &meaning, look.now))
    }

    fn session(&self, look: &Look, session: &SessionRow, output: &Output) -> Result<(), Problem> {
        let exchanges = exchanges_of(look, session.id)?;
        if self.wire {
            for exchange in &exchanges {
                look::print(&page_of(look, exchange, self.wire)?, output, look.now);
            }
            return Ok(());
        }
        let around = look.around(session.id)?;
        if self.waterfall {
            let messages = told(look, session.id, &exchanges)?;
            let source = around.source.as_deref();
            let page = pages::session_waterfall(session, source, &exchanges, &messages, look.now);
            look::print(&page, output, look.now);
            return Ok(());
        }
        let shakes =
            |exchange: &&ExchangeRow| ["initialize", "server/discover"].contains(&exchange.method.as_str());
        let handshake = match exchanges.iter().find(shakes) {
            Some(exchange) => look.reader.messages(exchange).map_err(|trouble| home::problem(&trouble))?,
            None => Vec::new(),
        };
        let calls: Vec<_> = exchanges.iter().map(|exchange| look.call(exchange, &around)).collect();
        let mut findings = look.reader.findings(session.id).map_err(|trouble| home::problem(&trouble))?;
        findings.retain(|finding| finding.exchange.is_none());
        let outside = pieces(look, session.id, |message| {
            message.exchange.is_none() && matches!(message.piece, Piece::Stderr | Piece::Other | Piece::Note)
        })?;
        let view = SessionView {
            row: session,
            source: around.source.as_deref(),
            handshake: &handshake,
            calls: &calls,
            findings: &findings,
            outside: &outside,
            meaning: &meaning,
            rules: &tapgate_judge::rule,
            now: look.now,
        };
        look::print(&pages::session(&view), output, look.now);
        Ok(())
    }
}

/// The page of one exchange: for reading, or as it was on the wire.
pub fn page_of(look: &Look, exchange: &ExchangeRow, wire: bool) -> Result<Page, Problem> {
    let around = look.around(exchange.session)?;
    let messages = look.reader.messages(exchange).map_err(|trouble| home::problem(&trouble))?;
    let siblings = exchanges_of(look, exchange.session)?;
    let children: Vec<_> =
        siblings.iter().filter(|other| other.parent == Some(exchange.id)).cloned().collect();
    let mut related = siblings;
    // A chain may begin in another session, which the server then forgot.
    let root = exchange.chain.filter(|root| related.iter().all(|other| other.id != *root));
    if let Some(root) = root {
        related.extend(look.reader.exchange(root).map_err(|trouble| home::problem(&trouble))?);
    }
    let until = exchange.closed.unwrap_or(look.now);
    let stderr = pieces(look, exchange.session, |message| {
        message.piece == Piece::Stderr && (exchange.opened..=until).contains(&message.at)
    })?;
    let findings = look.reader.findings_of(exchange.id).map_err(|trouble| home::problem(&trouble))?;
    let view = ExchangeView {
        call: look.call(exchange, &around),
        children: &children,
        around: &related,
        messages: &messages,
        findings: &findings,
        stderr: &stderr,
        meaning: &meaning,
        rules: &tapgate_judge::rule,
    };
    Ok(if wire { pages::wire(&view) } else { pages::show(&view) })
}

/// What a finding's code means.
fn meaning(code: &str) -> Option<&'static str> {
    tapgate_judge::rule(code).map(|rule| rule.about)
}

fn exchanges_of(look: &Look, session: SessionId) -> Result<Vec<ExchangeRow>, Problem> {
    let mut found = Vec::new();
    let query = Query { session: Some(session), ..Query::default() };
    let seen = look.reader.exchanges(&query, |exchange| {
        found.push(exchange.clone());
        ControlFlow::Continue(())
    });
    seen.map_err(|trouble| home::problem(&trouble))?;
    Ok(found)
}

/// What a waterfall reads of a session: the messages of calls with several rounds or with progress, and notes.
fn told(look: &Look, session: SessionId, exchanges: &[ExchangeRow]) -> Result<Vec<MessageRow>, Problem> {
    let mut told = Vec::new();
    let is_long = |exchange: &&ExchangeRow| exchange.n_rounds > 0 || exchange.n_progress > 0;
    for exchange in exchanges.iter().filter(is_long).take(MAX_READ) {
        told.extend(look.reader.messages(exchange).map_err(|trouble| home::problem(&trouble))?);
    }
    told.extend(pieces(look, session, |message| message.piece == Piece::Note)?);
    Ok(told)
}

fn pieces(
    look: &Look,
    session: SessionId,
    wanted: impl Fn(&MessageRow) -> bool,
) -> Result<Vec<MessageRow>, Problem> {
    let mut found = Vec::new();
    let seen = look.reader.messages_of_session(session, |message| {
        if wanted(message) {
            found.push(message.clone());
        }
        ControlFlow::Continue(())
    });
    seen.map_err(|trouble| home::problem(&trouble))?;
    Ok(found)
}
