//! Findings that somebody knows and accepts for a while: a file that says which, why, and until when.

use std::cell::Cell;
use std::path::Path;

use serde::Deserialize;
use tapgate_store::FindingRow;
use tapgate_wire::record::UnixNanos;

use crate::problem::Problem;
use crate::small;

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
    /// Whether it covered anything.
    #[serde(skip)]
    is_used: Cell<bool>,
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
        let text = small::read(path).map_err(|error| wrong(error.to_string()))?;
        let file: File = toml::from_str(&text).map_err(|error| wrong(small::brief(&error)))?;
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
            if let Err(near) = known(&entry.rule) {
                let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
                return Err(wrong(format!("no rule is called {}{near}", entry.rule)));
            }
            // Days compare as texts.
            if entry.until.as_str() < today { read.expired.push(entry) } else { read.valid.push(entry) }
        }
        Ok(read)
    }

    /// Whether a finding on a server is accepted.
    pub fn cover(&self, finding: &FindingRow, server: Option<&str>) -> bool {
        let entry = self.valid.iter().find(|entry| {
            let is_rule = match entry.rule.strip_suffix('*') {
                Some(family) => finding.rule.starts_with(family),
                None => finding.rule == entry.rule,
            };
            is_rule
                && entry.server.as_deref().is_none_or(|name| server == Some(name))
                && entry.subject.as_deref().is_none_or(|subject| finding.subject == subject)
        });
        if let Some(entry) = entry {
            entry.is_used.set(true);
        }
        entry.is_some()
    }

    /// What to say of those that have expired, and of those for this server that covered nothing.
    pub fn notes(&self, server: Option<&str>) -> Vec<String> {
        let expired = self.expired.iter().map(|entry| {
            format!("The suppression of {} ended on {} ({}).", entry.rule, entry.until, entry.reason)
        });
        let is_idle = |entry: &&Suppression| {
            !entry.is_used.get() && entry.server.as_deref().is_none_or(|name| server == Some(name))
        };
        let idle = self.valid.iter().filter(is_idle).map(|entry| {
            let about = entry.subject.as_ref().map(|subject| format!(" about {subject}")).unwrap_or_default();
            format!("The suppression of {}{about} covers nothing here ({}).", entry.rule, entry.reason)
        });
        expired.chain(idle).collect()
    }
}

/// Whether there is a rule with this id or, as `family.*`, a family; else the name that is near.
fn known(rule: &str) -> Result<(), Option<String>> {
    let ids = || tapgate_judge::rules().map(|rule| rule.id);
    let families = || ids().filter_map(|id| id.split('.').next());
    match rule.strip_suffix(".*") {
        Some(family) if families().any(|other| other == family) => Ok(()),
        Some(family) => Err(tapgate_expr::nearest(family, families()).map(|near| format!("{near}.*"))),
        None if tapgate_judge::rule(rule).is_some() => Ok(()),
        None => Err(tapgate_expr::nearest(rule, ids()).map(str::to_owned)),
    }
}

/// Whether a text is a day of the calendar, `YYYY-MM-DD`.
fn is_day(text: &str) -> bool {
    let is_written_so = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let number =
        |at: std::ops::Range<usize>| text.get(at).and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    let (year, month) = (number(0..4), number(5..7));
    let days = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    is_written_so && (1..=days).contains(&number(8..10))
}

#[cfg(test)]
mod tests {
    use super::{is_day, known};

    #[test]
    fn only_days_of_the_calendar_are_days() {
        for (text, is) in [
            ("2027-01-31", true),
            ("2028-02-29", true),
            ("2027-02-29", false),
            ("2027-02-31", false),
            ("2027-13-01", false),
            ("2027-00-10", false),
            ("2027-1-310", false),
        ] {
            assert_eq!(is_day(text), is, "{text}");
        }
    }

    #[test]
    fn a_family_that_there_is_none_of_is_not_known() {
        assert_eq!(known("schema.*"), Ok(()));
        assert_eq!(known("schemas.*"), Err(Some("schema.*".to_owned())));
        assert_eq!(known("header.missing"), Ok(()));
        assert!(known("header.mising").is_err_and(|near| near.as_deref() == Some("header.missing")));
    }
}
