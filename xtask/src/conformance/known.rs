//! What is known not to be as wanted yet: `xtask/conformance/expected.toml`, checks of scenarios, with a reason.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, ensure};
use toml::{Table, Value};

use crate::house;

/// Where the list is.
const FILE: &str = "xtask/conformance/expected.toml";

/// The list, and which entries were needed.
pub(super) struct Known(Vec<Entry>);

struct Entry {
    route: String,
    leg: String,
    scenario: String,
    reason: String,
    /// The checks, and which of them were needed.
    checks: BTreeMap<String, bool>,
}

impl Known {
    /// Reads the committed list.
    pub(super) fn read() -> anyhow::Result<Self> {
        let text = fs::read_to_string(house::root().join(FILE)).with_context(|| format!("read {FILE}"))?;
        Self::parse(&text).with_context(|| format!("read {FILE}"))
    }

    /// Reads a list.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let table: Table = text.parse()?;
        ensure!(table.keys().all(|key| key == "expected"), "there is nothing but [[expected]]");
        let entries = table.get("expected").map_or(Some(&[][..]), |list| list.as_array().map(Vec::as_slice));
        let entries = entries.context("write [[expected]]")?;
        Ok(Self(entries.iter().map(Entry::parse).collect::<anyhow::Result<_>>()?))
    }

    /// Returns why a check of a scenario is not as wanted, if that is known.
    pub(super) fn reason(&mut self, route: &str, leg: &str, scenario: &str, check: &str) -> Option<String> {
        let entry = self.0.iter_mut().find(|entry| {
            (entry.route.as_str(), entry.leg.as_str(), entry.scenario.as_str()) == (route, leg, scenario)
                && entry.checks.contains_key(check)
        })?;
        *entry.checks.get_mut(check)? = true;
        Some(entry.reason.clone())
    }

    /// The checks of these legs that are as wanted and need no entry, as sentences.
    pub(super) fn unused(&self, played: &[(&str, &str)]) -> Vec<String> {
        let mut lines = Vec::new();
        for Entry { route, leg, scenario, checks, .. } in &self.0 {
            if played.contains(&(route.as_str(), leg.as_str())) {
                let unused = checks.iter().filter(|(_, used)| !**used);
                lines.extend(unused.map(|(check, _)| {
                    format!("{route} {leg} {scenario}: {check} is as wanted: take it out of {FILE}")
                }));
            }
        }
        lines
    }
}

impl Entry {
    fn parse(value: &Value) -> anyhow::Result<Self> {
        let text = |key: &str| {
            let text = value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.map(str::to_owned).with_context(|| format!("an entry needs `{key}`: {value:?}"))
        };
        let checks = value.get("checks").and_then(Value::as_array).into_iter().flatten();
        let checks = checks.map(|check| Some((check.as_str()?.to_owned(), false)));
        let checks: BTreeMap<_, _> = checks.collect::<Option<_>>().context("a check is a text")?;
        ensure!(!checks.is_empty(), "an entry needs `checks`: {value:?}");
        ensure!(value.as_table().is_some_and(|table| table.len() == 5), "an entry has more: {value:?}");
        Ok(Self {
            route: text("route")?,
            leg: text("leg")?,
            scenario: text("scenario")?,
            reason: text("reason")?,
            checks,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"
        [[expected]]
        route = "bridge"
        leg = "2025-11-25"
        scenario = "ping"
        checks = ["pong"]
        reason = "not built"
    "#;

    #[test]
    fn a_known_check_has_a_reason_and_its_entry_is_used() {
        let mut known = Known::parse(LIST).unwrap();
        assert_eq!(known.reason("bridge", "2025-06-18", "ping", "pong"), None);
        assert_eq!(known.reason("bridge", "2025-11-25", "ping", "pang"), None);
        assert_eq!(known.reason("bridge", "2025-11-25", "ping", "pong").as_deref(), Some("not built"));
        assert!(known.unused(&[("bridge", "2025-11-25")]).is_empty());
    }

    #[test]
    fn an_entry_that_nothing_needs_is_named_if_its_leg_was_played() {
        let known = Known::parse(LIST).unwrap();
        assert!(known.unused(&[("tap", "2025-11-25")]).is_empty());
        let unused = known.unused(&[("bridge", "2025-11-25")]);
        assert!(unused[0].starts_with("bridge 2025-11-25 ping: pong is as wanted"), "{unused:?}");
    }

    #[test]
    fn an_entry_without_a_reason_or_with_more_is_refused() {
        assert!(Known::parse("").is_ok());
        assert!(Known::parse(&LIST.replace("reason", "because")).is_err());
        assert!(Known::parse(&LIST.replace("[\"pong\"]", "[]")).is_err());
        assert!(Known::parse(&format!("{LIST}\nuntil = \"2027\"")).is_err());
        assert!(Known::parse(&LIST.replace("expected", "unexpected")).is_err());
    }
}
