//! `check`: the six checks on a session, or on a server that is visited for it.

mod capture;
mod visits;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use tapgate_lens::check::{
    self, Budgets, CallBudgets, Expected, Report, Session, Sizes, TokenBudgets, Verdict,
};
use tapgate_lens::draw::{self, Colour, Style};
use tapgate_store::{FindingRow, SessionId};
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revision;

use self::capture::Capture;
use self::visits::told;
use crate::bundle;
use crate::cli::lock;
use crate::look::{self, Look, printable};
use crate::output::{self, Output};
use crate::play::Server;
use crate::play::visit::Outcome;
use crate::problem::Problem;
use crate::small;
use crate::suppress::Suppressions;
use crate::tokens::Tokenizer;

/// Say what is wrong, whose fault it is, and what to do
///
/// Checks a recorded session (the latest if none is named), a server at a URL, or a command that is started for it.
/// A server is visited by a careful client in every revision, on its own transport: it greets, fetches all lists, asks
/// one thing that no server has, says a few things that a server must refuse, and leaves; it calls no tool. A server may
/// say 16 MB and take a minute in each visit, 48 MB and two minutes in all; then the visit is broken off, and that fails.
/// The visits are recorded like any traffic, under the name `check`.
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

    /// Seconds to wait for the first answer of the server, which may have to be installed first (default: 30)
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    patience: Option<u64>,

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

    /// Fail if a call takes longer than this, such as 500ms or 2s
    #[arg(long, value_name = "SPAN", value_parser = span)]
    max_duration: Option<i64>,

    /// Fail if 95 of 100 calls of a tool or a method take longer than this
    #[arg(long, value_name = "SPAN", value_parser = span)]
    max_p95: Option<i64>,

    /// Fail if a call is repeated more often than this after failures
    #[arg(long, value_name = "TIMES")]
    max_retries: Option<u32>,

    /// Fail if the result of a tool's call has more bytes than this
    #[arg(long, value_name = "BYTES")]
    max_result_bytes: Option<u64>,

    /// Say how much each tool takes, which fields are the heaviest, and what sharing would save
    #[arg(long)]
    sizes: bool,

    /// With --sizes, say which share of a window of so many tokens the tools take
    #[arg(long, value_name = "TOKENS", requires = "tokenizer", requires = "sizes")]
    window: Option<u64>,

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
  tapgate check last --max-p95 800ms --max-result-bytes 50000
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

impl Args {
    /// Checks and reports.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let suppressions = match &self.suppress {
            Some(path) => Suppressions::read(path, crate::wall::now())?,
            None => Suppressions::default(),
        };
        if self.what.is_none() && self.command.is_empty() && std::env::args_os().any(|word| word == "--") {
            return Err(Problem::usage(
                "check.no-command",
                "nothing stands after `--`",
                "put the server's command there (is its variable empty?), or leave out `--` for the latest session",
            ));
        }
        if let Some(path) = self.bundle() {
            self.refuse_flags_of_visits("a bundle")?;
            self.refuse_flags_of_sessions()?;
            let (scene, rule) = bundle::read(path)?;
            // What else is found comes from what was cut away.
            let shown = scene.findings().into_iter().filter(|finding| finding.rule.id == rule);
            let findings: Vec<FindingRow> = shown.map(|finding| bundle::row(&finding)).collect();
            if findings.is_empty() {
                return Err(bundle::lacks(path, &rule));
            }
            let mut report = check::of_findings(findings, &|finding| suppressions.cover(finding, None));
            report.from_file(&path.file_name().unwrap_or_default().to_string_lossy());
            report.notes = suppressions.notes(None);
            self.print(&report, output);
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
            calls: CallBudgets {
                duration: self.max_duration,
                p95: self.max_p95,
                retries: self.max_retries,
                result: self.max_result_bytes,
            },
        };
        let name =
            captures.iter().find_map(|capture| capture.source.as_ref()).map(|source| source.name.clone());
        let is_suppressed = |finding: &FindingRow| suppressions.cover(finding, name.as_deref());
        let mut report = check::check(&sessions, &expected, &is_suppressed);
        let is_spoken = visits.iter().any(|visit| matches!(visit.outcome, Outcome::Spoke(_)));
        report.visits = visits.iter().map(|visit| told(visit, is_spoken)).collect();
        report.doubt();
        report.other_leg = captures.first().and_then(|capture| capture.other_leg);
        self.judge_strictly(&mut report);
        report.portability = check::portability(&sessions, crate::wall::now());
        if self.sizes {
            report.sizes = Sizes::of(&sessions, self.tokenizer.map(Tokenizer::counter));
            if let Some(sizes) = &mut report.sizes {
                sizes.window = self.window;
            }
        }
        report.notes = suppressions.notes(name.as_deref());
        self.print(&report, output);
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

    /// Refuses flags that are about visits, where this is not visited.
    fn refuse_flags_of_visits(&self, what: &str) -> Result<(), Problem> {
        let unused = [
            ("--header", !self.headers.is_empty()),
            ("--revision", !self.revisions.is_empty()),
            ("--patience", self.patience.is_some()),
        ];
        let Some((flag, _)) = unused.into_iter().find(|(_, is_given)| *is_given) else { return Ok(()) };
        Err(Problem::usage(
            "check.needs-server",
            format!("{flag} is about a visit, and {what} is not visited"),
            format!("name a server's URL, or its command after `--`; or leave {flag} out"),
        ))
    }

    /// Refuses flags that need a whole session, of which a bundle is a part.
    fn refuse_flags_of_sessions(&self) -> Result<(), Problem> {
        let usual = Budgets::default();
        let unused = [
            ("--expect-tool", !self.expected.is_empty()),
            ("--forbid-tool", !self.forbidden.is_empty()),
            ("--allow-empty", self.allow_empty),
            ("--max-tool-bytes", self.max_tool_bytes != usual.tool),
            ("--max-bytes", self.max_bytes != usual.fail),
            ("--tokenizer", self.tokenizer.is_some()),
            ("--max-duration", self.max_duration.is_some()),
            ("--max-p95", self.max_p95.is_some()),
            ("--max-retries", self.max_retries.is_some()),
            ("--max-result-bytes", self.max_result_bytes.is_some()),
            ("--sizes", self.sizes),
        ];
        let Some((flag, _)) = unused.into_iter().find(|(_, is_given)| *is_given) else { return Ok(()) };
        Err(Problem::usage(
            "check.needs-session",
            format!("{flag} needs a whole session, and a bundle holds what shows one finding"),
            format!("name the session, or a server; or leave {flag} out"),
        ))
    }

    /// The named session.
    fn recorded(&self) -> Result<Vec<Capture>, Problem> {
        self.refuse_flags_of_visits("a recorded session")?;
        let look = Look::open()?;
        let named = self.what.as_deref().unwrap_or("last");
        let row = look.session(named).map_err(|problem| {
            let is_id = named == "last" || named.parse::<SessionId>().is_ok();
            let help =
                || format!("put `--` before a server's command: tapgate check -- {} …", printable(named));
            if is_id { problem } else { Problem { help: help(), ..problem } }
        })?;
        let mut capture = Capture::read(&look, row)?;
        capture.forgive();
        capture.find_other_leg(&look)?;
        Ok(vec![capture])
    }

    fn print(&self, report: &Report, output: &Output) {
        let rules = &tapgate_judge::rule;
        let wanted = if output.wants_json() { Format::Json } else { Format::Text };
        let format = self.format.unwrap_or(wanted);
        match format {
            Format::Json => output::print(&draw::escaped(&format!("{}\n", report.json(rules)))),
            Format::Junit => output::print(&report.junit(rules, self.least())),
            Format::Sarif => {
                let text = small::read(Path::new(lock::file::NAME)).ok();
                let place = text.as_deref().map(|text| (lock::file::NAME, text));
                output::print(&draw::escaped(&format!("{:#}\n", report.sarif(rules, place))));
            }
            Format::Text => look::print_text(&report.page(rules), output),
        }
        // What reads the report is no person; the log of the job is for one.
        if matches!(format, Format::Junit | Format::Sarif) {
            let style = Style {
                width: Output::width_of(std::io::stderr()),
                colour: Colour::Off,
                now: crate::wall::now(),
            };
            output::complain(&draw::text(&report.brief(), &style));
        }
    }
}

fn span(text: &str) -> Result<i64, String> {
    tapgate_expr::duration(text)
        .filter(|span| *span > 0)
        .ok_or_else(|| "give a number and a unit: 500ms, 2s, 1m".to_owned())
}

fn revision(text: &str) -> Result<Revision, String> {
    let known: Vec<&str> = Revision::ALL.iter().map(|revision| revision.as_str()).collect();
    Revision::parse(text).ok_or_else(|| format!("give one of {}", known.join(", ")))
}
