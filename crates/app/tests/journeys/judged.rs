//! What the judge finds in a conversation of official peers: what is true of them, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::play::TAPGATE;
use crate::table::Journey;

/// What is found and true: the words that a journey's name contains, the rule, the side, and why.
const TRUE: &[(&str, &str, &str, &str)] = &[
    // What the plans do.
    ("", "capability.tool-unlisted", "client", "the plans call a tool that is not there"),
    ("", "era.unknown-method", "client", "the plans ask for a method that is not there"),
    ("", "result.arguments", "client", "the plans call a tool with wrong arguments"),
    ("", "capability.not-offered", "client", "the plans ask for prompts and log levels wherever they go"),
    ("everything", "result.huge", "server", "the plan lets a tool echo 300,000 letters"),
    // What clients are like.
    ("", "era.deprecated", "client", "they declare roots and sampling, which 2026-07-28 deprecates"),
    (
        "",
        "list.never-asked",
        "client",
        "a probe, one process a call, and a bridge at a legacy server list no tools",
    ),
    (
        "",
        "capability.extension-one-sided",
        "unknown",
        "the Inspector and one fixture have extensions that others lack",
    ),
    ("rmcp-legacy", "era.handshake-names-modern", "client", "it offers 2026-07-28 in initialize"),
    ("typescript-2 http", "cancel.over-http", "client", "it cancels by a message over HTTP too"),
    // What servers are like.
    ("", "era.deprecated", "server", "they log, which 2026-07-28 deprecates"),
    ("", "schema.undescribed", "server", "some arguments of their tools have no description"),
    ("", "schema.old-dialect", "server", "zod writes schemas in draft-07 and says so"),
    (
        "typescript-2",
        "schema.root-composition",
        "server",
        "the fixture's json_schema_2020_12_tool has allOf at its root",
    ),
    (
        "python",
        "capability.undeclared-notification",
        "server",
        "it logs and changes its tools without declaring that",
    ),
    (
        "python-1-on-http",
        "track.unmatched-answer",
        "server",
        "it answers what it refuses with the id \"server-error\"",
    ),
    ("", "retry.application", "server", "server-everything asks for roots again after the client refused"),
    ("everything-on-stdio", "process.lingers", "server", "its timers keep it alive when its input ends"),
    // What lies between.
    ("", "era.http-sse", "unknown", "the way goes over the transport of 2024-11-05"),
    (
        "typescript-2-modern",
        "era.legacy-to-modern",
        "unknown",
        "a bridge passes a handshake on as its probe, and is refused",
    ),
];

/// What is found in a journey and not known to be true.
pub fn unexpected(journey: &Journey, home: &Path) -> BTreeSet<String> {
    apart(&journey.to_string(), home).1.iter().map(ToString::to_string).collect()
}

/// How much of what is found in a journey of this name is known to be true, and the rest.
pub fn apart(name: &str, home: &Path) -> (usize, Vec<Found>) {
    let is_true = |found: &Found| {
        let mut fitting = TRUE.iter().filter(|(words, ..)| words.split(' ').all(|word| name.contains(word)));
        fitting.any(|(_, rule, side, _)| found.rule == *rule && found.side == *side)
    };
    let (usual, rest): (Vec<_>, Vec<_>) = all(home).into_iter().partition(is_true);
    (usual.len(), rest)
}

/// A finding.
#[derive(Debug)]
pub struct Found {
    pub rule: String,
    pub side: String,
    pub text: String,
    pub session: String,
    /// The message that shows it, or else the call.
    pub at: Option<String>,
}

impl std::fmt::Display for Found {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "found {} of the {}: {}", self.rule, self.side, self.text)
    }
}

/// What is found in all sessions of a home.
pub fn all(home: &Path) -> Vec<Found> {
    let sessions = lines(home, &["ls", "--json", "--limit", "0"]);
    let ids = sessions.iter().filter_map(|session| session["session"].as_str());
    let reports = ids.flat_map(|id| lines(home, &["check", "--json", id]));
    reports.flat_map(|report| report["findings"].as_array().cloned().unwrap_or_default()).map(found).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over values")]
fn found(finding: Value) -> Found {
    let text = |path: &str| finding.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let at = ["/evidence/message", "/evidence/exchange"].map(text).into_iter().find(|id| !id.is_empty());
    let (session, said) = (text("/evidence/session"), text("/evidence/text"));
    Found { rule: text("/rule"), side: text("/side"), text: said, session, at }
}

/// What a command prints, however it ends: `check` ends with 1 where something is wrong.
pub fn lines(home: &Path, args: &[&str]) -> Vec<Value> {
    let out = Command::new(TAPGATE).args(args).env("TAPGATE_HOME", home).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}
