//! A report for CI systems that read the XML of `JUnit`: one test case for each check and for all findings alike.

use std::fmt::Write as _;

use tapgate_wire::fault::Severity;

use super::alike::{places, stable};
use super::{Check, Report, Verdict};
use crate::Plain;
use crate::pages::Rules;

impl Report {
    /// The report as `JUnit` XML (the dialect that Jenkins, GitLab and GitHub read); findings at least
    /// this grave are failures. A test case has the same name in each run.
    pub fn junit(&self, rules: Rules<'_>, least: Severity) -> String {
        let is_bad = |check: &&Check| check.verdict == Verdict::Fail;
        let is_open = |check: &&Check| check.verdict == Verdict::Unknown;
        let alike = self.alike();
        let kinds = || alike.iter().filter_map(|alike| alike.split_first());
        let n_failed = self.checks.iter().filter(is_bad).count()
            + kinds().filter(|(finding, _)| finding.severity >= least).count();
        let n_skipped = self.checks.iter().filter(is_open).count();
        let n_all = self.checks.len() + alike.len();
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "<testsuite name=\"tapgate check\" tests=\"{n_all}\" failures=\"{n_failed}\" skipped=\"{n_skipped}\">"
        );
        self.properties(&mut out);
        for check in &self.checks {
            let _ = write!(out, "  <testcase classname=\"check\" name=\"{}\">", text(check.title));
            let why = text(&check.why);
            let _ = match check.verdict {
                Verdict::Fail => write!(out, "<failure message=\"{why}\"/>"),
                Verdict::Unknown => write!(out, "<skipped message=\"{why}\"/>"),
                Verdict::Warn => write!(out, "<system-out>warning: {why}</system-out>"),
                Verdict::Pass => write!(out, "<system-out>{why}</system-out>"),
            };
            out.push_str("</testcase>\n");
        }
        for (finding, others) in kinds() {
            let told = rules(&finding.rule).map(|rule| format!("{} See: {}.", rule.fix, rule.source));
            let all: Vec<_> = std::iter::once(*finding).chain(others.iter().copied()).collect();
            let more = text(&format!("{} Seen in {}.", told.unwrap_or_default(), places(&all)));
            let name = text(&stable(finding));
            let said = text(&format!("{}: {}", finding.side.word(), finding.text));
            let _ = write!(out, "  <testcase classname=\"finding\" name=\"{name}\">");
            let _ = if finding.severity >= least {
                let severity = finding.severity.word();
                write!(out, "<failure type=\"{severity}\" message=\"{said}\">{more}</failure>")
            } else {
                write!(out, "<system-out>{said} {more}</system-out>")
            };
            out.push_str("</testcase>\n");
        }
        out.push_str("</testsuite>\n");
        out
    }

    /// What was checked, and what came of the visits.
    fn properties(&self, out: &mut String) {
        let visits = self.visits.iter().map(|visit| {
            let why = if visit.why.is_empty() { String::new() } else { format!(" ({})", visit.why) };
            (format!("visit {}", visit.revision), format!("{}{why}", visit.outcome))
        });
        out.push_str("  <properties>\n");
        let checked = self.subjects.iter().map(|subject| ("checked".to_owned(), subject.told()));
        for (name, value) in checked.chain(visits) {
            let _ = writeln!(out, "    <property name=\"{}\" value=\"{}\"/>", text(&name), text(&value));
        }
        out.push_str("  </properties>\n");
    }
}

/// Text that may stand in an attribute or between tags; what steers a terminal is shown as in other reports.
fn text(raw: &str) -> String {
    let line = Plain::of(&raw.replace(['\n', '\t', '\r'], " "));
    let mut out = String::with_capacity(raw.len());
    for c in line.as_str().chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no such characters.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
