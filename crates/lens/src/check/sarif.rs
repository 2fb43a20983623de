//! A report for code scanning: SARIF 2.1.0.

use serde_json::{Value as Json, json};
use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;

use super::alike::{places, stable};
use super::{Report, Verdict};
use crate::pages::Rules;

/// Most results; code scanning takes no more of one run.
const MAX_RESULTS: usize = 5_000;

/// The name of what tells a result of one run from those of others.
const FINGERPRINT: &str = "tapgate/v1";

impl Report {
    /// The report as SARIF: all findings alike are a result, and each check that fails is one of the rule `check.NAME`.
    ///
    /// `place` is the lock file, relative to the project, and its text. A result points at the line where the lock names
    /// what it is about, or at its beginning: code scanning refuses results that point nowhere.
    pub fn sarif(&self, rules: Rules<'_>, place: Option<(&str, &str)>) -> Json {
        let location = |subject: &str| -> Vec<Json> {
            let name = format!("\"name\": {}", json!(subject));
            let at = |text: &str| text.lines().position(|line| line.trim().trim_end_matches(',') == name);
            let place = place.map(|(uri, text)| {
                let line = at(text).filter(|_| !subject.is_empty()).map_or(1, |at| at + 1);
                json!({ "artifactLocation": { "uri": uri }, "region": { "startLine": line } })
            });
            let about = if subject.is_empty() { self.server() } else { subject.to_owned() };
            place
                .map(|place| json!({ "physicalLocation": place, "logicalLocations": [{ "name": about }] }))
                .into_iter()
                .collect()
        };
        let mut named: Vec<&'static Rule> =
            self.findings.iter().filter_map(|finding| rules(&finding.rule)).collect();
        named.sort_by_key(|rule| rule.id);
        named.dedup_by_key(|rule| rule.id);
        let mut described: Vec<Json> = named
            .iter()
            .map(|rule| {
                json!({
                    "id": rule.id,
                    "shortDescription": { "text": rule.about },
                    "help": { "text": format!("{} See: {}.", rule.fix, rule.source) },
                    "defaultConfiguration": { "level": rule.severity.word() },
                })
            })
            .collect();
        let failed = self.checks.iter().filter(|check| check.verdict == Verdict::Fail);
        let mut results = Vec::new();
        for check in failed {
            let id = format!("check.{}", check.name);
            let next = check.next.as_deref().unwrap_or(check.title);
            described.push(json!({
                "id": id,
                "shortDescription": { "text": check.title },
                "help": { "text": next },
                "defaultConfiguration": { "level": Severity::Error.word() },
            }));
            results.push(json!({
                "ruleId": id,
                "level": Severity::Error.word(),
                "message": { "text": check.why },
                "locations": location(""),
                "partialFingerprints": { FINGERPRINT: id },
            }));
        }
        let alike = self.alike();
        results.extend(alike.iter().filter_map(|alike| Some((alike.first()?, alike))).map(
            |(finding, alike)| {
                let exchange = finding.exchange.map(|id| id.to_string());
                json!({
                    "ruleId": finding.rule,
                    "level": finding.severity.word(),
                    "message": { "text": format!("{}: {}", finding.side.word(), finding.text) },
                    "locations": location(&finding.subject),
                    "partialFingerprints": { FINGERPRINT: stable(finding) },
                    "properties": {
                        "seen": places(alike),
                        "revision": finding.revision,
                        "session": finding.session.to_string(),
                        "exchange": exchange,
                        "subject": finding.subject,
                    },
                })
            },
        ));
        results.truncate(MAX_RESULTS);
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "tapgate",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": described,
                } },
                "results": results,
            }],
        })
    }
}
