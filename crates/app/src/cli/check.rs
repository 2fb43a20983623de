//! `check`: the six checks on a session, or on a server that is visited for it.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use tapgate_lens::check::{self, Budgets, Expected, Report, Session, Sizes, Stored, TokenBudgets, Verdict};
use tapgate_lens::page::{Block, Note, Page, Tone};
use tapgate_store::{ExchangeRow, FindingRow, Query, SessionRow, SourceRow, SurfaceRow};
use tapgate_wire::Leg;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revision;
use tapgate_wire::rule::Side;

use crate::bundle;
use crate::home;
use crate::look::{self, Look};
use crate::output::{self, Output};
use crate::play::visit::{self, Outcome, Visit};
use crate::play::{self, Server};
use crate::problem::Problem;
use crate::suppress::Suppressions;
use crate::tokens::Tokenizer;

/// Say what is wrong, whose fault it is, and what to do
///
/// Checks a recorded session (the latest if none is named), a server at a URL, or a command that is started for it.
/// A server is visited by a careful client in every revision: it greets, fetches all lists, asks one thing that no server
/// has, and leaves; it calls no tool. The visits are recorded like any traffic, under the name `check`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A session (or `last`), a server's URL, or the file of a bundle
    #[arg(value_name = "SESSION|URL|FILE")]
    what: Option<String>,

    /// A server's command and its arguments
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "what")]
    command: Vec<String>,

    /// Visit in this revision only; may be repeated (default: all)
    #[arg(long = "revision", value_name = "DATE", value_parser = revision)]
    revisions: Vec<Revision>,

    /// Send this header with every request to the URL: `Name: value`, `Name: env:VARIABLE` or `Name: file:PATH`
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,

    /// Fail unless the server has this tool; may be repeated
    #[arg(long = "expect-tool", value_name = "NAME")]
    expected: Vec<String>,

    /// Fail if the server has this tool; may be repeated
    #[arg(long = "forbid-tool", value_name = "NAME")]
    forbidden: Vec<String>,

    /// A server without tools is fine
    #[arg(long)]
    allow_empty: bool,

    /// Warn if the definition of one tool has more bytes than this
    #[arg(long, value_name = "BYTES", default_value_t = Budgets::default().tool)]
    max_tool_bytes: u64,

    /// Fail if the definitions of all tools have more bytes than this; four tenths of it is a warning
    #[arg(long, value_name = "BYTES", default_value_t = Budgets::default().fail)]
    max_bytes: u64,

    /// Count tokens too, by this tokenizer; models differ, so this is a measure for its own models alone
    #[arg(long, value_enum, value_name = "NAME")]
    tokenizer: Option<Tokenizer>,

    /// Warn if the definition of one tool has more tokens than this
    #[arg(long, value_name = "TOKENS", default_value_t = 1_000, requires = "tokenizer")]
    max_tool_tokens: u64,

    /// Fail if the definitions of all tools have more tokens than this; four tenths of it is a warning
    #[arg(long, value_name = "TOKENS", default_value_t = 25_000, requires = "tokenizer")]
    max_tokens: u64,

    /// Say how much each tool takes, which fields are the heaviest, and what sharing would save
    #[arg(long)]
    sizes: bool,

    /// Leave out the findings that this file names, each with a reason and an end
    #[arg(long, value_name = "FILE")]
    suppress: Option<PathBuf>,

    /// How strict to be: `ci` also fails on warnings, and on a handshake or tools that nobody saw
    #[arg(long, value_enum, default_value_t = Profile::Usual, value_name = "PROFILE")]
    profile: Profile,

    /// How to print the report (default: text on a terminal, else JSON)
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
}

const EXAMPLES: &str = "Examples:
  tapgate check
      the latest session
  tapgate check -- npx -y @modelcontextprotocol/server-everything
  tapgate check https://example.com/mcp --header 'Authorization: env:EXAMPLE_KEY'
  tapgate check --sizes --tokenizer o200k_base --max-tokens 10000 https://example.com/mcp
  tapgate check --profile ci --format junit -- ./server > report.xml
  tapgate check s21 --expect-tool search --suppress known.toml

Exit status: 0 fine, 1 a check fails or something is wrong, 2 wrong usage, 4 the server cannot be started or reached, 5 the journal or the bundle cannot be read.";

/// How strict to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Profile {
    /// A check that fails and a finding that is an error fail.
    #[value(name = "default")]
    Usual,
    /// Warnings fail too, and so does a handshake or a list of tools that was not seen.
    Ci,
}

/// How to print the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Junit,
    Sarif,
}

/// What a session is judged by.
#[derive(Debug, Default)]
struct Capture {
    row: Option<SessionRow>,
    source: Option<SourceRow>,
    exchanges: Vec<ExchangeRow>,
    findings: Vec<FindingRow>,
    surfaces: Vec<SurfaceRow>,
    stored: Stored,
}

impl Args {
    /// Checks and reports.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let suppressions = match &self.suppress {
            Some(path) => Suppressions::read(path, crate::wall::now())?,
            None => Suppressions::default(),
        };
        if let Some(path) = self.bundle() {
            let (scene, rule) = bundle::read(path)?;
            // What else is found comes from what was cut away.
            let shown = scene.findings().into_iter().filter(|finding| finding.rule.id == rule);
            let findings: Vec<FindingRow> = shown.map(|finding| bundle::row(&finding)).collect();
            let report = check::of_findings(findings, &|finding| suppressions.cover(finding, None));
            self.print(&report, &[], &suppressions, output);
            return Ok(ExitCode::from(u8::from(report.fails(self.least()))));
        }
        let (captures, visits) = match self.server() {
            Some(server) => self.visit(&server)?,
            None => (self.recorded()?, Vec::new()),
        };
        let sessions: Vec<Session<'_>> = captures.iter().filter_map(Capture::session).collect();
        let expected = Expected {
            tools: self.expected.clone(),
            no_tools: self.forbidden.clone(),
            may_be_empty: self.allow_empty,
            budgets: Budgets {
                tool: self.max_tool_bytes,
                warn: self.max_bytes / 10 * 4,
                fail: self.max_bytes,
                tokens: self.tokenizer.map(|tokenizer| TokenBudgets {
                    tokenizer: tokenizer.counter(),
                    tool: self.max_tool_tokens,
                    warn: self.max_tokens / 10 * 4,
                    fail: self.max_tokens,
                }),
            },
        };
        let name =
            captures.iter().find_map(|capture| capture.source.as_ref()).map(|source| source.name.clone());
        let is_suppressed = |finding: &FindingRow| suppressions.cover(finding, name.as_deref());
        let mut report = check::check(&sessions, &expected, &is_suppressed);
        self.judge_strictly(&mut report);
        report.portability = check::portability(&sessions, crate::wall::now());
        if self.sizes {
            report.sizes = Sizes::of(&sessions, self.tokenizer.map(Tokenizer::counter));
        }
        self.print(&report, &visits, &suppressions, output);
        Ok(ExitCode::from(u8::from(report.fails(self.least()))))
    }

    /// The least grave finding that fails.
    fn least(&self) -> Severity {
        if self.profile == Profile::Ci { Severity::Warning } else { Severity::Error }
    }

    /// The file of a bundle, if one is named.
    fn bundle(&self) -> Option<&Path> {
        let path = Path::new(self.what.as_deref()?);
        let is_named = path.extension().is_some() && !path.to_string_lossy().contains("://");
        (is_named || path.is_file()).then_some(path)
    }

    /// Under a strict profile what was not seen has failed.
    fn judge_strictly(&self, report: &mut Report) {
        if self.profile != Profile::Ci {
            return;
        }
        for check in &mut report.checks {
            if check.verdict == Verdict::Unknown && ["handshake", "tools"].contains(&check.name) {
                check.verdict = Verdict::Fail;
            }
        }
    }

    fn server(&self) -> Option<Server> {
        match (&self.what, self.command.as_slice()) {
            (Some(url), _) if url.contains("://") => Some(Server::Url(url.clone())),
            (None, command @ [_, ..]) => Some(Server::Command(command.to_owned())),
            _ => None,
        }
    }

    /// The named session.
    fn recorded(&self) -> Result<Vec<Capture>, Problem> {
        let look = Look::open()?;
        let row = look.session(self.what.as_deref().unwrap_or("last"))?;
        Ok(vec![Capture::read(&look, row)?])
    }

    /// Visits the server in each revision and gives what was recorded of it.
    fn visit(&self, server: &Server) -> Result<(Vec<Capture>, Vec<Visit>), Problem> {
        server.check()?;
        let revisions = if self.revisions.is_empty() { Revision::ALL } else { self.revisions.as_slice() };
        let more: Vec<OsString> =
            self.headers.iter().flat_map(|header| ["--header".into(), header.into()]).collect();
        let mut visits = Vec::new();
        // The newest first: what it tells of a server is the most.
        for revision in revisions.iter().rev() {
            let visit = visit::visit(server, "check", *revision, visits.is_empty(), &more);
            let visit = visit.map_err(|error| play::cannot_start(&error))?;
            if let (true, Outcome::Unreachable(why)) = (visits.is_empty(), &visit.outcome) {
                return Err(play::unreachable(server, why));
            }
            visits.push(visit);
        }
        let look = Look::open()?;
        let mut captures = Vec::new();
        let is_spoken = visits.iter().any(|visit| matches!(visit.outcome, Outcome::Spoke(_)));
        for visit in &visits {
            let mut recorded = recorded_by(&look, visit)?;
            if is_spoken && matches!(visit.outcome, Outcome::Refused(_)) {
                // A server may refuse a revision in its own way, as long as it speaks another one.
                for capture in &mut recorded {
                    capture.findings.clear();
                }
            }
            captures.extend(recorded);
        }
        for capture in &mut captures {
            // The client of a visit is our own, and asks on purpose for what no server has.
            capture.findings.retain(|finding| finding.side != Side::Client);
        }
        Ok((captures, visits))
    }

    fn print(&self, report: &Report, visits: &[Visit], suppressions: &Suppressions, output: &Output) {
        let rules = &tapgate_judge::rule;
        let wanted = if output.wants_json() { Format::Json } else { Format::Text };
        match self.format.unwrap_or(wanted) {
            Format::Json => output::print(&format!("{}\n", report.json(rules))),
            Format::Junit => output::print(&report.junit(rules, self.least())),
            Format::Sarif => output::print(&format!("{:#}\n", report.sarif(rules, "mcp.lock"))),
            Format::Text => {
                let mut blocks: Vec<Block> = visits.iter().map(told).collect();
                blocks
                    .extend(suppressions.expired().map(|text| Block::Note(Note::new(Tone::Odd, "!", text))));
                blocks.extend(report.page(rules).blocks);
                look::print_text(&Page { blocks }, output);
            }
        }
    }
}

/// What was recorded of a visit: of a bridge what its server said, else the one leg there is.
fn recorded_by(look: &Look, visit: &Visit) -> Result<Vec<Capture>, Problem> {
    let read = |trouble| home::problem(&trouble);
    let sources = look.reader.sources().map_err(read)?;
    let sources: Vec<_> = sources.into_iter().filter(|source| source.pid == visit.pid).collect();
    let newest = sources.iter().map(|source| source.started).max().unwrap_or_default();
    let of_visit = sources.iter().filter(|source| source.started == newest);
    let source =
        of_visit.clone().find(|source| source.leg == Leg::Server).or_else(|| of_visit.clone().next());
    let Some(source) = source else { return Ok(Vec::new()) };
    let sessions = look.reader.sessions(Some(source.id), None).map_err(read)?;
    sessions.into_iter().rev().map(|row| Capture::read(look, row)).collect()
}

fn told(visit: &Visit) -> Block {
    let revision = visit.revision.as_str();
    let (tone, text) = match &visit.outcome {
        Outcome::Spoke(agreed) if agreed == revision => (Tone::Good, format!("{revision}: spoken")),
        Outcome::Spoke(agreed) => (Tone::Usual, format!("{revision}: answered with {agreed}")),
        Outcome::Refused(why) => (Tone::Usual, format!("{revision}: refused ({why})")),
        Outcome::Unreachable(why) => (Tone::Odd, format!("{revision}: not reached ({why})")),
        Outcome::Silent => (Tone::Odd, format!("{revision}: no answer")),
        Outcome::Over => (Tone::Odd, format!("{revision}: the server went away")),
    };
    Block::Note(Note::new(tone, "", text))
}

impl Capture {
    fn read(look: &Look, row: SessionRow) -> Result<Self, Problem> {
        let read = |trouble| home::problem(&trouble);
        let mut capture = Self {
            source: look.reader.source(row.source).map_err(read)?,
            findings: look.reader.findings(row.id).map_err(read)?,
            surfaces: look.reader.surfaces(row.id).map_err(read)?,
            ..Self::default()
        };
        let query = Query { session: Some(row.id), ..Query::default() };
        let seen = look.reader.exchanges(&query, |exchange| {
            capture.exchanges.push(exchange.clone());
            ControlFlow::Continue(())
        });
        seen.map_err(read)?;
        let seen = look.reader.messages_of_session(row.id, |message| {
            capture.stored.count(message);
            ControlFlow::Continue(())
        });
        seen.map_err(read)?;
        capture.row = Some(row);
        Ok(capture)
    }

    fn session(&self) -> Option<Session<'_>> {
        Some(Session {
            row: self.row.as_ref()?,
            source: self.source.as_ref(),
            exchanges: &self.exchanges,
            findings: &self.findings,
            surfaces: &self.surfaces,
            stored: self.stored,
        })
    }
}

fn revision(text: &str) -> Result<Revision, String> {
    let known: Vec<&str> = Revision::ALL.iter().map(|revision| revision.as_str()).collect();
    Revision::parse(text).ok_or_else(|| format!("give one of {}", known.join(", ")))
}
