//! A report for code scanning: SARIF 2.1.0.

use serde_json::{Value as Json, json};
use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;

use super::{Report, Verdict};
use crate::pages::Rules;

/// Most results; code scanning takes no more of one run.
const MAX_RESULTS: usize = 5_000;

impl Report {
    /// The report as SARIF: each finding is a result, and each check that fails is one of the rule `check.NAME`.
    ///
    /// `place` is the file that results point at (the lock file, or the client's configuration), relative to the project;
    /// without one they point nowhere.
    pub fn sarif(&self, rules: Rules<'_>, place: Option<&str>) -> Json {
        let location: Vec<Json> = place
            .map(|place| {
                json!({ "physicalLocation": { "artifactLocation": { "uri": place }, "region": { "startLine": 1 } } })
            })
            .into_iter()
            .collect();
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
            described.push(json!({ "id": id, "shortDescription": { "text": check.title } }));
            results.push(json!({
                "ruleId": id,
                "level": Severity::Error.word(),
                "message": { "text": check.why },
                "locations": location,
            }));
        }
        results.extend(self.findings.iter().map(|finding| {
            let exchange = finding.exchange.map(|id| id.to_string());
            json!({
                "ruleId": finding.rule,
                "level": finding.severity.word(),
                "message": { "text": format!("{}: {}", finding.side.word(), finding.text) },
                "locations": location,
                "properties": {
                    "session": finding.session.to_string(),
                    "exchange": exchange,
                    "subject": finding.subject,
                },
            })
        }));
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
