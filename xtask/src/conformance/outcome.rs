//! What the suite found: the status of every check of every scenario.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde_json::Value;

/// How a check ended, the worst first: ids repeat inside a scenario, and the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    /// A requirement is not met.
    Failure,
    /// A recommendation is not met.
    Warning,
    /// Met.
    Success,
    /// Does not apply.
    Skipped,
}

impl Status {
    /// Reads what the suite writes; `None` for its log entries, which judge nothing.
    fn parse(text: &str) -> anyhow::Result<Option<Self>> {
        Ok(Some(match text {
            "FAILURE" => Self::Failure,
            "WARNING" => Self::Warning,
            "SUCCESS" => Self::Success,
            "SKIPPED" => Self::Skipped,
            "INFO" => return Ok(None),
            _ => bail!("the suite knows a status that this task does not: {text}"),
        }))
    }

    /// The word in reports.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Failure => "failed",
            Self::Warning => "warned",
            Self::Success => "passed",
            Self::Skipped => "skipped",
        }
    }
}

/// One check: how it ended, and what the suite says of it if that is not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// How it ended.
    pub(super) status: Status,
    /// The suite's words, if any.
    pub(super) says: String,
}

/// The checks of one scenario, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scenario(pub(super) BTreeMap<String, Check>);

/// The scenarios of one leg, by name.
pub(super) type Outcome = BTreeMap<String, Scenario>;

impl Scenario {
    /// Reads a `checks.json` of the suite.
    pub(super) fn parse(json: &str) -> anyhow::Result<Self> {
        let mut scenario = Self::default();
        let checks: Vec<Value> = serde_json::from_str(json).context("read the suite's checks")?;
        for check in &checks {
            let text = |key: &str| check.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Some(status) = Status::parse(&text("status"))? {
                scenario.add(text("id"), Check { status, says: text("errorMessage") });
            }
        }
        Ok(scenario)
    }

    /// Adds a check, unless a worse one of this id is there.
    pub(super) fn add(&mut self, id: String, check: Check) {
        let entry = self.0.entry(id).or_insert_with(|| check.clone());
        if check.status < entry.status {
            *entry = check;
        }
    }

    /// Whether something passed, and nothing failed or, for who is strict, warned.
    pub(super) fn is_green(&self, worst: Status) -> bool {
        let mut checks = self.0.values();
        checks.clone().all(|check| check.status >= worst)
            && checks.any(|check| check.status == Status::Success)
    }
}

/// Adds what another run found; the worst of both counts.
pub(super) fn merge(outcome: &mut Outcome, other: Outcome) {
    for (name, scenario) in other {
        let into = outcome.entry(name).or_default();
        for (id, check) in scenario.0 {
            into.add(id, check);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKS: &str = r#"[
        {"id":"a","status":"SUCCESS"},{"id":"a","status":"FAILURE","errorMessage":"no"},{"id":"a","status":"SUCCESS"},
        {"id":"log","status":"INFO"},{"id":"b","status":"SKIPPED"}]"#;

    #[test]
    fn the_worst_status_of_an_id_counts_and_log_entries_do_not() {
        let scenario = Scenario::parse(CHECKS).unwrap();
        assert_eq!(scenario.0.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(scenario.0["a"], Check { status: Status::Failure, says: "no".to_owned() });
    }

    #[test]
    fn a_scenario_in_which_nothing_passed_is_not_green() {
        let of = |checks: &str| Scenario::parse(checks).unwrap().is_green(Status::Success);
        assert!(of(r#"[{"id":"a","status":"SUCCESS"},{"id":"b","status":"SKIPPED"}]"#));
        assert!(!of(r#"[{"id":"b","status":"SKIPPED"}]"#));
        assert!(!of(r#"[{"id":"a","status":"SUCCESS"},{"id":"b","status":"WARNING"}]"#));
        assert!(!of("[]"));
    }

    #[test]
    fn a_warning_does_not_stop_who_is_not_strict() {
        let scenario =
            Scenario::parse(r#"[{"id":"a","status":"SUCCESS"},{"id":"b","status":"WARNING"}]"#).unwrap();
        assert!(scenario.is_green(Status::Warning));
    }

    #[test]
    fn a_status_that_nobody_knows_is_refused() {
        assert!(Scenario::parse(r#"[{"id":"a","status":"GLORY"}]"#).is_err());
    }
}
