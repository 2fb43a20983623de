//! Legs compared with what is wanted of them; a table for people, JSON for programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::known::Known;
use super::outcome::{Outcome, Scenario, Status};
use super::routes::{Route, Via, Wants};

/// Stands for the check that at least one check passes.
const NOTHING: &str = "something-passes";

/// One leg of one route, judged.
#[derive(Default)]
pub(super) struct Row {
    /// The route's name.
    pub(super) route: &'static str,
    /// The leg's revision.
    pub(super) leg: &'static str,
    /// How many scenarios were played, here or without tapgate.
    pub(super) n_scenarios: usize,
    /// How many end as they do without tapgate; none where there is nothing to compare with.
    pub(super) n_same: Option<usize>,
    /// How many are green.
    pub(super) n_green: usize,
    /// The checks that are not as wanted.
    pub(super) deviations: Vec<Deviation>,
    /// What was found and nobody knows to be true.
    pub(super) unexpected: BTreeSet<String>,
    /// How long it took.
    pub(super) took: Duration,
    /// Why it could not be played to its end, if so.
    pub(super) error: Option<String>,
}

/// A check that is not as wanted.
pub(super) struct Deviation {
    scenario: String,
    check: String,
    /// What happened instead.
    says: String,
    /// Why, if it is known.
    reason: Option<String>,
}

impl Row {
    /// Judges what a leg came to, next to what it comes to without tapgate.
    pub(super) fn judge(
        route: &Route,
        leg: &'static str,
        (direct, through): (Option<&Outcome>, &Outcome),
        known: &mut Known,
    ) -> Self {
        let mut row = Self { route: route.name, leg, n_same: direct.map(|_| 0), ..Self::default() };
        // A client that is warned did something that a server may hold against it, and the suite fails it too.
        let worst = if route.via == Via::Client { Status::Success } else { Status::Warning };
        let nothing = Scenario::default();
        let names: BTreeSet<&String> =
            direct.into_iter().flatten().chain(through).map(|(name, _)| name).collect();
        for name in names {
            let got = through.get(name).unwrap_or(&nothing);
            let differences = direct
                .map(|direct| differences(direct.get(name).unwrap_or(&nothing), got))
                .unwrap_or_default();
            let same = differences.is_empty();
            let green = got.is_green(worst);
            row.n_scenarios += 1;
            row.n_same = row.n_same.map(|n| n + usize::from(same));
            row.n_green += usize::from(green);
            let wrong = match route.wants {
                Wants::Same => differences,
                Wants::Green if green => Vec::new(),
                Wants::Green => blemishes(got, worst),
            };
            row.deviations.extend(wrong.into_iter().map(|(check, says)| {
                let reason = known.reason(route.name, leg, name, &check);
                Deviation { scenario: name.clone(), check, says, reason }
            }));
        }
        row
    }

    /// Whether something is wrong that nobody knows of.
    pub(super) fn fails(&self) -> bool {
        self.error.is_some()
            || !self.unexpected.is_empty()
            || self.deviations.iter().any(|deviation| deviation.reason.is_none())
    }

    /// The row of the table, and below it what is not as wanted.
    pub(super) fn text(&self) -> String {
        let same = self.n_same.map_or_else(|| "-".to_owned(), |n| format!("{n}/{}", self.n_scenarios));
        let green = format!("{}/{}", self.n_green, self.n_scenarios);
        let mut text =
            line(&[self.route, self.leg, &same, &green, &format!("{:.1} s", self.took.as_secs_f64())]);
        if let Some(error) = &self.error {
            let _ = write!(text, "\n  {error}");
        }
        for finding in &self.unexpected {
            let _ = write!(text, "\n  {finding}");
        }
        for Deviation { scenario, check, says, reason } in &self.deviations {
            let known = reason.as_ref().map(|reason| format!("\n    known: {reason}")).unwrap_or_default();
            let _ = write!(text, "\n  {scenario}: {check}: {says}{known}");
        }
        text
    }

    /// The row for programs.
    pub(super) fn json(&self) -> Value {
        let deviations = self.deviations.iter().map(|deviation| {
            json!({
                "scenario": deviation.scenario,
                "check": deviation.check,
                "says": deviation.says,
                "known": deviation.reason,
            })
        });
        json!({
            "route": self.route,
            "leg": self.leg,
            "scenarios": self.n_scenarios,
            "same": self.n_same,
            "green": self.n_green,
            "deviations": deviations.collect::<Vec<_>>(),
            "unexpected": self.unexpected,
            "seconds": self.took.as_secs_f64(),
            "error": self.error,
        })
    }
}

/// The head of the table.
pub(super) fn head() -> String {
    line(&["route", "leg", "same", "green", "time"])
}

fn line(cells: &[&str]) -> String {
    const WIDTHS: &[usize] = &[24, 12, 8, 8, 8];
    let padded = cells.iter().zip(WIDTHS).map(|(cell, width)| format!("{cell:<width$}"));
    padded.collect::<String>().trim_end().to_owned()
}

/// The checks that end differently, and how.
fn differences(direct: &Scenario, through: &Scenario) -> Vec<(String, String)> {
    let ids: BTreeSet<&String> = direct.0.keys().chain(through.0.keys()).collect();
    let word =
        |scenario: &Scenario, id: &String| scenario.0.get(id).map_or("absent", |check| check.status.word());
    let differ = ids.into_iter().filter(|id| word(direct, id) != word(through, id));
    let say = |id: &String| {
        let says = through.0.get(id).map_or("", |check| &check.says);
        (id.clone(), format!("{} -> {}{}", word(direct, id), word(through, id), quoted(says)))
    };
    differ.map(say).collect()
}

/// The checks that keep a scenario from being green, and how they ended.
fn blemishes(scenario: &Scenario, worst: Status) -> Vec<(String, String)> {
    let bad = scenario.0.iter().filter(|(_, check)| check.status < worst);
    let lines: Vec<_> = bad
        .map(|(id, check)| (id.clone(), format!("{}{}", check.status.word(), quoted(&check.says))))
        .collect();
    if lines.is_empty() { vec![(NOTHING.to_owned(), "nothing passed".to_owned())] } else { lines }
}

fn quoted(says: &str) -> String {
    let short: String = says.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect();
    if short.is_empty() { short } else { format!(" ({short})") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::routes::ROUTES;

    fn outcome(scenarios: &[(&str, &str)]) -> Outcome {
        scenarios
            .iter()
            .map(|(name, checks)| ((*name).to_owned(), Scenario::parse(checks).unwrap()))
            .collect()
    }

    fn route(name: &str) -> &'static Route {
        ROUTES.iter().find(|route| route.name == name).unwrap()
    }

    const PASSED: &str = r#"[{"id":"a","status":"SUCCESS"},{"id":"b","status":"SKIPPED"}]"#;
    const FAILED: &str = r#"[{"id":"a","status":"FAILURE","errorMessage":"no\n answer"}]"#;
    const WARNED: &str = r#"[{"id":"a","status":"SUCCESS"},{"id":"b","status":"WARNING"}]"#;

    #[test]
    fn legs_that_end_alike_are_as_wanted() {
        let direct = outcome(&[("ping", PASSED), ("pong", WARNED)]);
        let row =
            Row::judge(route("tap"), "2025-11-25", (Some(&direct), &direct), &mut Known::parse("").unwrap());
        assert!(!row.fails());
        assert_eq!((row.n_scenarios, row.n_same, row.n_green), (2, Some(2), 2));
    }

    #[test]
    fn a_check_that_ends_differently_is_named_with_both_ends() {
        let (direct, through) = (outcome(&[("ping", PASSED)]), outcome(&[("ping", FAILED)]));
        let row =
            Row::judge(route("tap"), "2025-11-25", (Some(&direct), &through), &mut Known::parse("").unwrap());
        assert!(row.fails());
        assert_eq!(
            row.text(),
            "tap                     2025-11-25  0/1     0/1     0.0 s\n  ping: a: passed -> failed (no answer)\n  \
             ping: b: skipped -> absent"
        );
    }

    #[test]
    fn a_scenario_that_only_one_side_played_is_a_difference() {
        let (one, none) = (outcome(&[("ping", PASSED)]), outcome(&[]));
        for sides in [(Some(&one), &none), (Some(&none), &one)] {
            assert!(Row::judge(route("tap"), "2025-11-25", sides, &mut Known::parse("").unwrap()).fails());
        }
    }

    #[test]
    fn a_known_difference_is_shown_and_does_not_fail() {
        let (direct, through) = (outcome(&[("ping", PASSED)]), outcome(&[("ping", FAILED)]));
        let list = "[[expected]]\nroute = 'tap'\nleg = '2025-11-25'\nscenario = 'ping'\n\
            checks = ['a', 'b']\nreason = 'not built'";
        let mut known = Known::parse(list).unwrap();
        let row = Row::judge(route("tap"), "2025-11-25", (Some(&direct), &through), &mut known);
        assert!(!row.fails());
        assert!(row.text().contains("ping: a: passed -> failed (no answer)\n    known: not built"));
        assert!(known.unused(&[("tap", "2025-11-25")]).is_empty());
    }

    #[test]
    fn a_translated_leg_must_be_green_and_may_differ() {
        let direct = outcome(&[("ping", PASSED)]);
        let judge = |through: &Outcome| {
            let sides = (Some(&direct), through);
            Row::judge(route("modern-to-legacy"), "2026-07-28", sides, &mut Known::parse("").unwrap())
        };
        assert!(!judge(&outcome(&[("ping", WARNED)])).fails());
        assert!(judge(&outcome(&[("ping", FAILED)])).fails());
        assert!(judge(&outcome(&[])).text().contains("nothing passed"));
    }

    #[test]
    fn a_client_that_is_warned_fails() {
        let judge = |checks| {
            let through = outcome(&[("ping", checks)]);
            Row::judge(route("client"), "2026-07-28", (None, &through), &mut Known::parse("").unwrap())
        };
        assert!(!judge(PASSED).fails());
        assert!(judge(WARNED).fails());
    }
}
