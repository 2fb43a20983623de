//! The six checks: what a recording says about a client and a server, each with its evidence and the next step.
//!
//! A check says `unknown` where the data is missing, never `pass`.

mod alike;
mod expected;
mod handshake;
mod junit;
mod light;
mod masking;
pub(crate) mod portable;
mod sarif;
mod schemas;
mod sizes;
mod subject;
mod tools;
mod visible;
mod visited;

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use tapgate_store::{ExchangeRow, FindingRow, MessageRow, SessionId, SessionRow, SourceRow, SurfaceRow};
use tapgate_wire::Leg;
use tapgate_wire::clock::stamp;
use tapgate_wire::fault::Severity;
use tapgate_wire::record::Offered;
use tapgate_wire::rule::Side;

use crate::page::{Block, Note, Page, Tone};
use crate::pages::Rules;
use crate::unit::counted;

pub use self::expected::{Budgets, CallBudgets, Expected, TokenBudgets};
pub use self::light::light;
pub use self::portable::{Portability, portability};
pub use self::sizes::{Part, Size, Sizes, Tokenizer};
use self::subject::Subject;
pub use self::visited::Visited;

/// Subjects of findings alike that are named.
const MAX_NAMED: usize = 6;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It is as it should be.
    Pass,
    /// What was seen does not tell.
    Unknown,
    /// It works, and something about it is not as it should be.
    Warn,
    /// It does not work.
    Fail,
}

impl Verdict {
    /// Its word, the same in views and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Unknown => "unknown",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One check and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its stable name.
    pub name: &'static str,
    /// What it asks, as a statement.
    pub title: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// Why, as one sentence.
    pub why: String,
    /// Who is at fault, where somebody is.
    pub side: Option<Side>,
    /// What to do, where there is something to do.
    pub next: Option<String>,
}

/// One session with all that is recorded of it.
#[derive(Debug)]
pub struct Session<'a> {
    /// The session.
    pub row: &'a SessionRow,
    /// Its source, if it is still there.
    pub source: Option<&'a SourceRow>,
    /// Its exchanges in order.
    pub exchanges: &'a [ExchangeRow],
    /// What is wrong in it.
    pub findings: &'a [FindingRow],
    /// What its server was seen to offer, the newest list of a kind last.
    pub surfaces: &'a [SurfaceRow],
    /// How its messages were stored.
    pub stored: Stored,
}

/// How the messages of a session were stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Messages of the client.
    pub n_inputs: u64,
    /// Of these, the ones that hold what came, unmasked.
    pub n_full_inputs: u64,
    /// Secrets that were masked in them.
    pub n_masked: u64,
    /// Results of the server.
    pub n_outputs: u64,
    /// Of these, the ones that hold what came, unmasked.
    pub n_full_outputs: u64,
    /// Of these, the ones of which a summary was stored.
    pub n_summaries: u64,
    /// Of these, the ones with secrets in them that were masked and of which no summary was stored.
    pub n_masked_outputs: u64,
}

impl Stored {
    /// Counts a message.
    pub fn count(&mut self, message: &MessageRow) {
        use tapgate_wire::record::{Body, Piece};
        // The id of a session is masked in every head, and is no secret of anybody's input.
        let hits = message.hits.iter().filter(|(class, _)| class != "session");
        let n_hits: u64 = hits.map(|(_, n)| u64::from(*n)).sum();
        let is_full = u64::from(message.stored == Body::Full);
        match (message.piece, message.from) {
            (Piece::Result | Piece::Error, tapgate_wire::Leg::Server) => {
                self.n_outputs += 1;
                self.n_full_outputs += is_full;
                self.n_summaries += u64::from(message.stored == Body::Summary);
                self.n_masked_outputs += u64::from(message.stored == Body::Masked && n_hits > 0);
            }
            (_, tapgate_wire::Leg::Client) => {
                self.n_inputs += 1;
                self.n_full_inputs += is_full;
                self.n_masked += n_hits;
            }
            _ => {}
        }
    }
}

/// What came of the checks.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was checked.
    subjects: Vec<Subject>,
    /// The session on the other leg of the bridge that was checked.
    pub other_leg: Option<SessionId>,
    /// What else is to be said first.
    pub notes: Vec<String>,
    /// The visits that were made for it.
    pub visits: Vec<Visited>,
    /// The six, in order.
    pub checks: Vec<Check>,
    /// What is wrong, the gravest first; without what is suppressed.
    pub findings: Vec<FindingRow>,
    /// How many findings were suppressed.
    pub n_suppressed: u64,
    /// The sessions on the server's leg of a bridge.
    behind: BTreeSet<SessionId>,
    /// How much the tools take, where somebody asked for it.
    pub sizes: Option<Sizes>,
    /// What clients are known to refuse of the tools, where somebody asked for it.
    pub portability: Vec<Portability>,
}

/// Holds sessions against the six checks.
pub fn check(
    sessions: &[Session<'_>],
    expected: &Expected,
    is_suppressed: &dyn Fn(&FindingRow) -> bool,
) -> Report {
    let all = sessions.iter().flat_map(|session| session.findings.iter());
    let (suppressed, mut findings): (Vec<_>, Vec<_>) =
        all.cloned().partition(|finding| is_suppressed(finding));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut checks = vec![
        handshake::check(sessions),
        tools::check(sessions, &findings, expected),
        schemas::check(sessions, &expected.budgets),
        masking::input(sessions),
        masking::output(sessions),
        visible::check(sessions, expected.calls),
    ];
    for check in &mut checks {
        check.turn(&findings);
    }
    let is_behind = |session: &&Session<'_>| session.source.is_some_and(|source| source.leg == Leg::Server);
    let behind = sessions.iter().filter(is_behind).map(|session| session.row.id).collect();
    Report {
        subjects: sessions.iter().map(Subject::of).collect(),
        other_leg: None,
        notes: Vec::new(),
        visits: Vec::new(),
        checks,
        findings,
        n_suppressed: suppressed.len() as u64,
        behind,
        sizes: None,
        portability: Vec::new(),
    }
}

/// What is wrong where nothing but findings is known, as in a bundle.
pub fn of_findings(all: Vec<FindingRow>, is_suppressed: &dyn Fn(&FindingRow) -> bool) -> Report {
    let (suppressed, mut findings): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|finding| is_suppressed(finding));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Report {
        subjects: Vec::new(),
        other_leg: None,
        notes: Vec::new(),
        visits: Vec::new(),
        checks: Vec::new(),
        findings,
        n_suppressed: suppressed.len() as u64,
        behind: BTreeSet::new(),
        sizes: None,
        portability: Vec::new(),
    }
}

impl Report {
    /// Whether anything is worse than it may be: a check that fails, or a finding at least this grave.
    pub fn fails(&self, least: Severity) -> bool {
        self.checks.iter().any(|check| check.verdict == Verdict::Fail)
            || self.findings.iter().any(|finding| finding.severity >= least)
    }

    /// The report for people.
    pub fn page(&self, rules: Rules<'_>) -> Page {
        let mut blocks: Vec<Block> = self.subject_blocks().chain(self.noted()).collect();
        blocks.extend(self.visits.iter().map(Visited::block));
        for check in &self.checks {
            let (tone, word) = match check.verdict {
                Verdict::Pass => (Tone::Good, "✓ pass"),
                Verdict::Unknown => (Tone::Quiet, "? unknown"),
                Verdict::Warn => (Tone::Odd, "! warn"),
                Verdict::Fail => (Tone::Bad, "✗ fail"),
            };
            let side = check.side.map(|side| format!(" (at fault: {})", side.word())).unwrap_or_default();
            blocks.push(Block::Note(Note::new(
                tone,
                word,
                format!("{:<9} {}{side}", check.name, check.title),
            )));
            blocks.push(Block::Note(Note::new(Tone::Usual, "   ", check.why.clone())));
            if let Some(next) = &check.next {
                blocks.push(Block::Note(Note::new(Tone::Strong, "    →", next.clone())));
            }
        }
        if !self.findings.is_empty() {
            let kinds: BTreeSet<_> =
                self.findings.iter().map(|finding| (&finding.rule, finding.side)).collect();
            let (n, n_kinds) = (self.findings.len(), kinds.len());
            let title = counted(n as u64, "finding", "findings");
            // Of each kind one is shown.
            let kinds = if n_kinds < n {
                format!(", of {}", counted(n_kinds as u64, "kind", "kinds"))
            } else {
                String::new()
            };
            blocks.push(Block::Title(title + &kinds));
        }
        let mut told = BTreeSet::new();
        for finding in &self.findings {
            if !told.insert((&finding.rule, finding.side)) {
                continue;
            }
            let leg = if self.behind.contains(&finding.session) { Leg::Server } else { Leg::Client };
            blocks.extend(crate::pages::found(finding, &self.place(finding), leg, rules));
            let alike = |other: &&FindingRow| other.rule == finding.rule && other.side == finding.side;
            let more: Vec<&FindingRow> = self.findings.iter().filter(alike).skip(1).collect();
            if !more.is_empty() {
                let subjects: BTreeSet<&str> = more
                    .iter()
                    .map(|other| other.subject.as_str())
                    .filter(|subject| !subject.is_empty())
                    .collect();
                let named: Vec<&str> = subjects.iter().take(MAX_NAMED).copied().collect();
                let named = if named.is_empty() { String::new() } else { format!(": {}", named.join(", ")) };
                let rest = if subjects.len() > MAX_NAMED { " …" } else { "" };
                let text = format!("and {} more like it{named}{rest}", more.len());
                blocks.push(Block::Note(Note::new(Tone::Quiet, "   ", text)));
            }
        }
        if self.n_suppressed > 0 {
            let text = format!("{} suppressed.", counted(self.n_suppressed, "finding is", "findings are"));
            blocks.push(Block::Note(Note::new(Tone::Quiet, "", text)));
        }
        let mut refusals = self.portability.iter().filter_map(Portability::block).peekable();
        if refusals.peek().is_some() {
            blocks.push(Block::Title("Clients".to_owned()));
        }
        blocks.extend(refusals);
        blocks.extend(self.sizes.iter().flat_map(Sizes::blocks));
        Page::of(blocks)
    }

    /// What does not pass, in a line each, for the log of a job whose report is a file.
    pub fn brief(&self) -> Page {
        let mut blocks = self.noted();
        let odd = self.checks.iter().filter(|check| check.verdict > Verdict::Pass);
        let told = odd.map(|check| (check.verdict.word(), format!("{}: {}", check.name, check.why)));
        blocks.extend(told.map(|(word, text)| Block::Note(Note::new(Tone::Usual, word, text))));
        let n = |least| self.findings.iter().filter(|finding| finding.severity == least).count() as u64;
        let all = format!(
            "{}, {}, {}.",
            counted(n(Severity::Error), "error", "errors"),
            counted(n(Severity::Warning), "warning", "warnings"),
            counted(n(Severity::Note), "note", "notes"),
        );
        blocks.push(Block::Note(Note::new(Tone::Usual, "", all)));
        Page::of(blocks)
    }

    /// The report as one JSON object.
    pub fn json(&self, rules: Rules<'_>) -> Json {
        let checks: Vec<Json> = self
            .checks
            .iter()
            .map(|check| {
                json!({
                    "check": check.name,
                    "status": check.verdict.word(),
                    "why": check.why,
                    "side": check.side.map(Side::word),
                    "next": check.next,
                })
            })
            .collect();
        let is_in_journal = self.is_in_journal();
        let findings: Vec<Json> =
            self.findings.iter().map(|finding| finding_json(finding, is_in_journal, rules)).collect();
        json!({
            "v": 1,
            "kind": "report",
            "checked": self.subjects_json(),
            "other_leg": self.other_leg.map(|id| id.to_string()),
            "notes": self.notes,
            "visits": self.visits.iter().map(Visited::json).collect::<Vec<_>>(),
            "checks": checks,
            "findings": findings,
            "suppressed": self.n_suppressed,
            "sizes": self.sizes.as_ref().map(Sizes::json),
            "clients": self.portability.iter().map(Portability::json).collect::<Vec<_>>(),
        })
    }
}

fn finding_json(finding: &FindingRow, is_in_journal: bool, rules: Rules<'_>) -> Json {
    let rule = rules(&finding.rule);
    json!({
        "rule": finding.rule,
        "side": finding.side.word(),
        "severity": finding.severity.word(),
        "revision": finding.revision,
        "evidence": {
            "session": is_in_journal.then(|| finding.session.to_string()),
            "exchange": finding.exchange.map(|id| id.to_string()),
            "message": finding.message.map(|id| id.to_string()),
            "at": stamp(finding.at),
            "subject": finding.subject,
            "text": finding.text,
        },
        "source": rule.map(|rule| rule.source),
        "fix": rule.map(|rule| rule.fix),
    })
}

/// The newest list of a kind in each session, with its items.
fn newest<'s>(session: &'s Session<'_>, kind: Offered) -> Option<&'s SurfaceRow> {
    session.surfaces.iter().rev().find(|surface| surface.kind == kind)
}

/// The items of a list; what stands on two of its pages is there once.
fn listed(surface: &SurfaceRow) -> Vec<Json> {
    let mut items: Vec<Json> = serde_json::from_slice(&surface.items).unwrap_or_default();
    let mut seen = BTreeSet::new();
    items.retain(|item| seen.insert((text(item, "name"), text(item, "digest"))));
    items
}

/// The items of a list: name and bytes.
fn items(surface: &SurfaceRow) -> Vec<(String, u64)> {
    let bytes = |item: &Json| item.get("bytes").and_then(Json::as_u64).unwrap_or_default();
    listed(surface).iter().map(|item| (text(item, "name"), bytes(item))).collect()
}

fn text(item: &Json, name: &str) -> String {
    item.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
