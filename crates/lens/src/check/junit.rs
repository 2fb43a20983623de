//! A report for CI systems that read the XML of `JUnit`: one test case for each check and each finding.

use std::fmt::Write as _;

use tapgate_wire::fault::Severity;

use super::{Check, Report, Verdict};
use crate::pages::Rules;

impl Report {
    /// The report as `JUnit` XML (the dialect that Jenkins, GitLab and GitHub read); findings at least
    /// this grave are failures.
    pub fn junit(&self, rules: Rules<'_>, least: Severity) -> String {
        let is_bad = |check: &&Check| check.verdict == Verdict::Fail;
        let is_open = |check: &&Check| check.verdict == Verdict::Unknown;
        let n_failed = self.checks.iter().filter(is_bad).count()
            + self.findings.iter().filter(|finding| finding.severity >= least).count();
        let n_skipped = self.checks.iter().filter(is_open).count();
        let n_all = self.checks.len() + self.findings.len();
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "<testsuite name=\"tapgate check\" tests=\"{n_all}\" failures=\"{n_failed}\" skipped=\"{n_skipped}\">"
        );
        if !self.subjects.is_empty() {
            out.push_str("  <properties>\n");
            for subject in &self.subjects {
                let told = text(&subject.told());
                let _ = writeln!(out, "    <property name=\"checked\" value=\"{told}\"/>");
            }
            out.push_str("  </properties>\n");
        }
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
        for finding in &self.findings {
            let fix = rules(&finding.rule).map_or("", |rule| rule.fix);
            let name = text(&format!("{} in {}", finding.rule, self.place(finding)));
            let said = text(&format!("{}: {}", finding.side.word(), finding.text));
            let _ = write!(out, "  <testcase classname=\"finding\" name=\"{name}\">");
            let _ = if finding.severity >= least {
                let severity = finding.severity.word();
                write!(out, "<failure type=\"{severity}\" message=\"{said}\">{}</failure>", text(fix))
            } else {
                write!(out, "<system-out>{said} {}</system-out>", text(fix))
            };
            out.push_str("</testcase>\n");
        }
        out.push_str("</testsuite>\n");
        out
    }
}

/// Text that may stand in an attribute or between tags; what XML 1.0 has no character for becomes U+FFFD.
fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' | '\r' => out.push(' '),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
