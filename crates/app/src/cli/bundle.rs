//! `bundle`: the smallest recording that still shows a finding.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use tapgate_engine::fact::Finding;
use tapgate_store::{FindingRow, SessionRow};

use crate::look::Look;
use crate::output::{self, Output};
use crate::problem::{Exit, Problem};
use crate::{bundle, home};

/// Messages that are looked at; what comes after the finding's own is left out anyway.
const MAX_MESSAGES: usize = 20_000;

/// Make the smallest masked file that shows a finding
///
/// Leaves out sessions, messages, members of messages and headers as long as the finding stays. What is in the file was
/// masked when it was recorded. `tapgate check FILE` shows the finding again, from the file alone.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The session (or `last`)
    #[arg(value_name = "SESSION", default_value = "last")]
    session: String,

    /// The rule, such as header.missing (default: the gravest finding of the session)
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,

    /// Where to write it; a file that is there stays as it is
    #[arg(long, short, value_name = "FILE", default_value = "bundle.json")]
    output: PathBuf,
}

const EXAMPLES: &str = "Examples:
  tapgate bundle last
  tapgate bundle s21 --rule header.missing -o missing-header.json
  tapgate check missing-header.json";

impl Args {
    /// Makes the file.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let look = Look::open()?;
        let session = look.session(&self.session)?;
        let wanted = self.wanted(&look, &session)?;
        let around = look.around(session.id)?;
        let transports = around.source.as_ref().map_or((session.transport, session.transport), |source| {
            (session.transport, source.transports.1)
        });
        let mut messages = Vec::new();
        let seen = look.reader.messages_of_session(session.id, |message| {
            messages.push(message.clone());
            if messages.len() < MAX_MESSAGES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        seen.map_err(|trouble| home::problem(&trouble))?;
        let scene = bundle::scene(transports, &messages);
        let is_alike = |finding: &Finding| finding.rule.id == wanted.rule && finding.side == wanted.side;
        // Otherwise the smallest recording could miss another header than the one that is missing.
        let is_meant =
            |finding: &Finding| is_alike(finding) && *finding.subject == *wanted.subject.as_bytes();
        let Some(small) = scene.shrink(&is_meant).or_else(|| scene.shrink(&is_alike)) else {
            return Err(Problem::usage(
                "bundle.not-shown",
                format!("{} cannot be shown from what is stored of {}", wanted.rule, session.id),
                "parts of it were masked, stored as a summary, or are past their retention; record it again with --full",
            )
            .exit(Exit::Unreadable));
        };
        let found = small.findings();
        let Some(finding) = found.iter().find(|finding| is_alike(finding)) else {
            return Ok(ExitCode::FAILURE);
        };
        self.write(&format!("{:#}\n", bundle::write(&small, finding)))?;
        let n = small.pieces.len();
        let path = self.output.display();
        if output.wants_json() {
            let line = serde_json::json!({ "v": 1, "kind": "bundled", "file": self.output, "rule": wanted.rule, "messages": n, "of": messages.len() });
            output::print(&format!("{line}\n"));
        } else {
            output::print(&format!(
                "{path}: {} in {n} of {} messages\n\n  tapgate check {path}\n",
                wanted.rule,
                messages.len()
            ));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The finding that is to be shown.
    fn wanted(&self, look: &Look, session: &SessionRow) -> Result<FindingRow, Problem> {
        let found = look.reader.findings(session.id).map_err(|trouble| home::problem(&trouble))?;
        let fits = |finding: &&FindingRow| self.rule.as_ref().is_none_or(|rule| *rule == finding.rule);
        found.iter().filter(fits).max_by_key(|finding| finding.severity).cloned().ok_or_else(|| {
            let mut rules: Vec<&str> = found.iter().map(|finding| finding.rule.as_str()).collect();
            rules.sort_unstable();
            rules.dedup();
            let known = if rules.is_empty() { "nothing".to_owned() } else { rules.join(", ") };
            Problem::usage(
                "bundle.no-finding",
                format!("nothing like that was found in {}", session.id),
                format!("found there: {known}; see `tapgate check {}`", session.id),
            )
        })
    }

    fn write(&self, text: &str) -> Result<(), Problem> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.output);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
            Problem::usage(
                "bundle.unwritable",
                format!("{} cannot be written", self.output.display()),
                "name a file that is not there yet, in a directory that you may write to: -o FILE",
            )
            .because(error)
        })
    }
}
