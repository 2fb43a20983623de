//! `bundle`: the smallest recording that still shows a finding.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use tapgate_engine::fact::Finding;
use tapgate_engine::surface::Lock;
use tapgate_judge::scene::Scene;
use tapgate_store::{FindingRow, SessionRow, SourceId};
use tapgate_wire::record::Transport;

use super::explain;
use super::lock::file as lock;
use crate::bundle::{self, Taken};
use crate::home;
use crate::look::{Around, Look};
use crate::output::{self, Output};
use crate::problem::{Exit, Problem};

/// Messages that are looked at; what comes after the finding's own is left out anyway.
const MAX_MESSAGES: usize = 20_000;

/// Sessions of one tap that are looked through.
const MAX_SESSIONS: u64 = 1_000;

/// How the rules about the lock file begin.
const LOCK: &str = "lock.";

/// Make the smallest masked file that shows a finding
///
/// Leaves out sessions, calls, members of messages and headers as long as the finding stays. A finding that needs more
/// than its own session is looked for in all sessions of the same tap. What is in the file was masked when it was
/// recorded; the file says where the finding was made, what it lacks, and how to see it again: `tapgate check FILE`
/// needs nothing else.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The session (or `last`); several of one tap for what they show together
    #[arg(value_name = "SESSION", default_value = "last")]
    sessions: Vec<String>,

    /// The rule, such as header.missing (default: the gravest finding of the sessions)
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,

    /// The lock file that the server's offer was judged by, for findings about it
    #[arg(long, value_name = "FILE", default_value = lock::NAME)]
    lock: PathBuf,

    /// Where to write it; a file that is there stays as it is
    #[arg(long, short, value_name = "FILE", default_value = "bundle.json")]
    output: PathBuf,
}

const EXAMPLES: &str = "Examples:
  tapgate bundle last
  tapgate bundle s21 --rule header.missing -o missing-header.json
  tapgate bundle s21 s22 --rule session.used-after-404
  tapgate check missing-header.json

Exit status: 0 it is written, 2 wrong usage, nothing of the kind was found, or the file is there already, 4 the file cannot be written, 5 the journal cannot be read or does not hold what shows the finding.";

impl Args {
    /// Makes the file.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        if let Some(word) = self.rule.as_ref().filter(|word| tapgate_judge::rule(word).is_none()) {
            return Err(explain::no_rule(word));
        }
        let look = Look::open()?;
        let mut sessions = Vec::new();
        for id in &self.sessions {
            sessions.push(look.session(id)?);
        }
        let wanted = wanted(&look, &sessions, self.rule.as_deref())?;
        // A bridge has a leg of its own to the server, in whose sessions some findings stand.
        let around = look.around(wanted.session)?;
        if !sessions.iter().any(|session| session.id == wanted.session) {
            sessions = around.session.as_deref().cloned().into_iter().collect();
        }
        let lock = if wanted.rule.starts_with(LOCK) { lock::read(&self.lock)? } else { None };
        let mut shown = shrunk(&look, &sessions, &around, &wanted, lock.clone())?;
        if shown.small.is_none() {
            let all = look.reader.sessions(Some(sessions_source(&sessions)), Some(MAX_SESSIONS));
            let all = all.map_err(|trouble| home::problem(&trouble))?;
            if all.len() > sessions.len() {
                shown = shrunk(&look, &all, &around, &wanted, lock)?;
            }
        }
        let Shown { taken, small: Some((small, finding)) } = &shown else {
            return Err(not_shown(&wanted, &shown.taken));
        };
        let path = self.output.display().to_string();
        // Who gets the file has it somewhere else.
        let file = self.output.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let bundle = bundle::write(small, finding, &around, taken, &file);
        // What is written is what has to show it.
        let again = bundle::parse(&bundle).map(|(scene, _)| scene.findings()).unwrap_or_default();
        if !again.iter().any(|found| found.rule.id == finding.rule.id && found.side == finding.side) {
            return Err(not_shown(&wanted, taken));
        }
        self.write(&format!("{bundle:#}\n"))?;
        let (n, of) = (small.pieces.len(), taken.scene.pieces.len() + taken.n_summaries + taken.n_beyond);
        if output.wants_json() {
            let line = serde_json::json!({
                "v": 1, "kind": "bundled", "file": self.output, "rule": wanted.rule, "messages": n, "of": of,
                "summaries": taken.n_summaries,
            });
            output::print(&format!("{line}\n"));
            return Ok(ExitCode::SUCCESS);
        }
        let lacks = match taken.n_summaries {
            0 => String::new(),
            1 => "1 message was stored as a summary and is not in it.\n".to_owned(),
            n => format!("{n} messages were stored as summaries and are not in it.\n"),
        };
        output::print(&format!(
            "{path}: {} in {n} of {of} messages\n{lacks}\n  tapgate check {path}\n",
            wanted.rule
        ));
        Ok(ExitCode::SUCCESS)
    }

    fn write(&self, text: &str) -> Result<(), Problem> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.output);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
            let exit = if error.kind() == ErrorKind::AlreadyExists { Exit::Usage } else { Exit::Unreachable };
            Problem::usage(
                "bundle.unwritable",
                format!("{} cannot be written", self.output.display()),
                "name a file that is not there yet, in a directory that you may write to: -o FILE",
            )
            .because(error)
            .exit(exit)
        })
    }
}

/// What came of making a scene small.
struct Shown {
    taken: Taken,
    /// The small scene and what is found in it; `None` when the whole one does not show it.
    small: Option<(Scene, Finding)>,
}

/// Shows a finding in what some sessions hold.
fn shrunk(
    look: &Look,
    sessions: &[SessionRow],
    around: &Around,
    wanted: &FindingRow,
    lock: Option<Lock>,
) -> Result<Shown, Problem> {
    let (mut messages, mut n_beyond) = (Vec::new(), 0);
    for session in sessions {
        let seen = look.reader.messages_of_session(session.id, |message| {
            if messages.len() < MAX_MESSAGES {
                messages.push(message.clone());
            } else {
                n_beyond += 1;
            }
            ControlFlow::Continue(())
        });
        seen.map_err(|trouble| home::problem(&trouble))?;
    }
    messages.sort_by_key(|message| message.id);
    let client = around.session.as_ref().map_or(Transport::Stdio, |session| session.transport);
    let server = around.source.as_ref().map_or(client, |source| source.transports.1);
    let taken = bundle::taken((client, server), &messages, n_beyond, lock);
    let is_alike = |finding: &Finding| finding.rule.id == wanted.rule && finding.side == wanted.side;
    let is_same =
        |finding: &Finding| is_alike(finding) && String::from_utf8_lossy(&finding.subject) == wanted.subject;
    let found = taken.scene.findings();
    let is_meant: &dyn Fn(&Finding) -> bool = if found.iter().any(is_same) {
        &is_same
    } else if taken.n_summaries + taken.n_beyond == 0 {
        &is_alike
    } else {
        // What is missing may itself look like a fault, so another one of its kind would show nothing.
        return Ok(Shown { taken, small: None });
    };
    let small = taken.scene.shrink(is_meant).and_then(|small| {
        let finding = small.findings().into_iter().find(|finding| is_meant(finding))?;
        Some((small, finding))
    });
    Ok(Shown { taken, small })
}

/// The gravest finding of some sessions, and of those that a bridge had with the server for them.
fn wanted(look: &Look, sessions: &[SessionRow], rule: Option<&str>) -> Result<FindingRow, Problem> {
    let read = |trouble| home::problem(&trouble);
    let source = sessions_source(sessions);
    if sessions.iter().any(|session| session.source != source) {
        return Err(Problem::usage(
            "bundle.several-taps",
            "these sessions are of several taps, and no finding needs more than one",
            "name sessions of one tap, or one alone; `tapgate ls` shows them",
        ));
    }
    let fits = |finding: &FindingRow| rule.is_none_or(|rule| rule == finding.rule);
    let mut found = Vec::new();
    for session in sessions {
        found.extend(look.reader.findings(session.id).map_err(read)?);
    }
    let is_of_lock = |finding: &FindingRow| finding.rule.starts_with(LOCK);
    if (!found.iter().any(fits) || found.iter().any(is_of_lock))
        && let Some(source) = look.reader.source(source).map_err(read)?
        && let Some(twin) = look.twin(&source)?
    {
        let mut theirs = Vec::new();
        for session in look.reader.sessions(Some(twin.id), Some(MAX_SESSIONS)).map_err(read)? {
            theirs.extend(look.reader.findings(session.id).map_err(read)?);
        }
        if theirs.iter().any(is_of_lock) {
            // The client only misses what was held back; what differs from the lock is what the server said.
            found.retain(|finding| !is_of_lock(finding));
        }
        let is_needed = !found.iter().any(fits);
        found.extend(theirs.into_iter().filter(|finding| is_needed || is_of_lock(finding)));
    }
    found.iter().filter(|finding| fits(finding)).max_by_key(|finding| finding.severity).cloned().ok_or_else(
        || {
            let ids: Vec<String> = sessions.iter().map(|session| session.id.to_string()).collect();
            let mut rules: Vec<&str> = found.iter().map(|finding| finding.rule.as_str()).collect();
            rules.sort_unstable();
            rules.dedup();
            let known = if rules.is_empty() { "nothing".to_owned() } else { rules.join(", ") };
            Problem::usage(
                "bundle.no-finding",
                format!("nothing like that was found in {}", ids.join(" and ")),
                format!(
                    "found there: {known}; see `tapgate check {}`",
                    ids.first().map_or("last", String::as_str)
                ),
            )
        },
    )
}

/// The tap that recorded them, by the first one.
fn sessions_source(sessions: &[SessionRow]) -> SourceId {
    sessions.first().map_or(SourceId(0), |session| session.source)
}

/// What helps where too little was stored.
const AGAIN: &str = "record it again with `tapgate tap --full`, and bundle it within a day";

fn not_shown(wanted: &FindingRow, taken: &Taken) -> Problem {
    let (lacks, help) = match taken {
        Taken { n_beyond: beyond @ 1.., .. } => (
            format!("of its messages {beyond} come after the first {MAX_MESSAGES}, and were not looked at"),
            "let it happen again in a shorter session, and bundle that one",
        ),
        Taken { n_summaries: 0, n_masked: 0, .. } if wanted.rule.starts_with(LOCK) => (
            "it is about a lock file, and the one that is there does not show it".to_owned(),
            "name the lock file of then with --lock",
        ),
        Taken { n_summaries: 0, n_masked: 0, .. } => (
            "it needs what no message holds, such as how a connection ended, or what is deleted since"
                .to_owned(),
            AGAIN,
        ),
        Taken { n_summaries, n_masked, .. } => (
            format!("{n_summaries} messages were stored as summaries, and {n_masked} have masked places"),
            AGAIN,
        ),
    };
    Problem::usage(
        "bundle.not-shown",
        format!("{} cannot be shown from what is stored of {}", wanted.rule, wanted.session),
        help,
    )
    .because(lacks)
    .exit(Exit::Unreadable)
}
