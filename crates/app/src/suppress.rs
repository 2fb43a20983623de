//! Findings that somebody knows and accepts for a while: a file that says which, why, and until when.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use tapgate_store::FindingRow;
use tapgate_wire::record::UnixNanos;

use crate::problem::Problem;

/// What a file of suppressions holds.
#[derive(Clone, Debug, Default)]
pub struct Suppressions {
    valid: Vec<Suppression>,
    expired: Vec<Suppression>,
}

/// One of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Suppression {
    /// The rule's id, or its family and `*`.
    rule: String,
    /// Only of the server with this name.
    server: Option<String>,
    /// Only about this tool, header or member.
    subject: Option<String>,
    /// Why it is accepted.
    reason: String,
    /// The last day on which it counts, `YYYY-MM-DD`.
    until: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    suppress: Vec<Suppression>,
}

impl Suppressions {
    /// Reads a file; `now` decides what has expired.
    pub fn read(path: &Path, now: UnixNanos) -> Result<Self, Problem> {
        let wrong = |cause: String| {
            Problem::usage(
                "check.bad-suppressions",
                format!("the file of suppressions {} cannot be used", path.display()),
                "give each entry as: [[suppress]] rule = \"header.missing\", reason = \"…\", until = \"2027-01-31\"; server and subject are optional",
            )
            .because(cause)
        };
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let file: File = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let now = tapgate_wire::clock::stamp(now);
        let today = now.get(..10).unwrap_or_default();
        let mut read = Self::default();
        for entry in file.suppress {
            if !is_day(&entry.until) {
                return Err(wrong(format!("`until` of {} is {}, which is no day", entry.rule, entry.until)));
            }
            if entry.reason.trim().is_empty() {
                return Err(wrong(format!("{} has no reason", entry.rule)));
            }
            let is_known = entry.rule.ends_with(".*") || tapgate_judge::rule(&entry.rule).is_some();
            if !is_known {
                return Err(wrong(format!("no rule is called {}", entry.rule)));
            }
            // Days compare as texts.
            if entry.until.as_str() < today { read.expired.push(entry) } else { read.valid.push(entry) }
        }
        Ok(read)
    }

    /// Whether a finding on a server is accepted.
    pub fn cover(&self, finding: &FindingRow, server: Option<&str>) -> bool {
        self.valid.iter().any(|entry| {
            let is_rule = match entry.rule.strip_suffix('*') {
                Some(family) => finding.rule.starts_with(family),
                None => finding.rule == entry.rule,
            };
            is_rule
                && entry.server.as_deref().is_none_or(|name| server == Some(name))
                && entry.subject.as_deref().is_none_or(|subject| finding.subject == subject)
        })
    }

    /// What to say of those that have expired.
    pub fn expired(&self) -> impl Iterator<Item = String> {
        self.expired.iter().map(|entry| {
            format!("The suppression of {} ended on {} ({}).", entry.rule, entry.until, entry.reason)
        })
    }
}

/// Whether a text is a day, `YYYY-MM-DD`.
fn is_day(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}
