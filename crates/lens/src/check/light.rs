//! Which of the six checks a finding turns.

use tapgate_store::FindingRow;
use tapgate_wire::fault::Severity;

use super::{Check, Verdict};

/// The check that the findings of each family turn: an error fails it, a warning warns.
const LIGHTS: &[(&str, &[&str])] = &[
    (
        "handshake",
        &[
            "frame",
            "rpc",
            "handshake",
            "era",
            "session",
            "process",
            "auth",
            "meta",
            "header",
            "refusal",
            "resume",
        ],
    ),
    ("tools", &["list", "adv", "capability", "cache", "subscription", "lock"]),
    ("schemas", &["schema", "hidden", "result"]),
    (
        "visible",
        &[
            "timing", "retry", "track", "request", "answer", "rounds", "progress", "cancel", "task",
            "injected",
        ],
    ),
];

/// The name of the check that the findings of a rule turn.
pub fn light(rule: &str) -> Option<&'static str> {
    let family = rule.split_once('.').map_or(rule, |(family, _)| family);
    LIGHTS.iter().find(|(_, families)| families.contains(&family)).map(|(check, _)| *check)
}

impl Check {
    /// Makes the verdict as bad as the gravest of its findings, the first of these.
    pub(super) fn turn(&mut self, findings: &[FindingRow]) {
        let Some(worst) = findings.iter().find(|finding| light(&finding.rule) == Some(self.name)) else {
            return;
        };
        let verdict = match worst.severity {
            Severity::Error => Verdict::Fail,
            Severity::Warning => Verdict::Warn,
            Severity::Note => return,
        };
        if verdict < self.verdict {
            return;
        }
        let but = if self.verdict == Verdict::Pass { " But:" } else { "" };
        self.why = format!("{}{but} {}", self.why, worst.text);
        self.verdict = verdict;
        self.side = Some(worst.side);
        self.next.get_or_insert_with(|| "Mend what the findings below name, the gravest first.".to_owned());
    }
}
