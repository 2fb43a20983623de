//! What the judge finds while the suite plays, against what is true of it: `xtask/conformance/findings.toml`.
//!
//! The suite plants faults on purpose in some scenarios, and its fixture is no model server in everything; what else is
//! found is a rule that finds what is not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use toml::Table;

use crate::house;

/// Where the list is.
const FILE: &str = "xtask/conformance/findings.toml";

/// The list, and which entries were needed.
pub(super) struct Expected(Vec<Entry>);

struct Entry {
    rule: String,
    side: String,
    /// Where it is found; everywhere, if none is named.
    scenarios: Vec<String>,
    is_used: bool,
}

/// Something that was found.
#[derive(Debug)]
pub(super) struct Found {
    rule: String,
    side: String,
    /// The scenario that was played then; also the one before it, whose last words may come after it began.
    scenarios: Vec<String>,
    text: String,
}

impl Expected {
    /// Reads the committed list.
    pub(super) fn read() -> anyhow::Result<Self> {
        let text = fs::read_to_string(house::root().join(FILE)).with_context(|| format!("read {FILE}"))?;
        Self::parse(&text).with_context(|| format!("read {FILE}"))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let table: Table = text.parse()?;
        ensure!(table.keys().all(|key| key == "finding"), "there is nothing but [[finding]]");
        let entries = table.get("finding").and_then(|list| list.as_array()).context("write [[finding]]")?;
        Ok(Self(entries.iter().map(Entry::parse).collect::<anyhow::Result<_>>()?))
    }

    /// What was found and is not in the list, as sentences.
    pub(super) fn unexpected(&mut self, found: &[Found]) -> BTreeSet<String> {
        let mut unexpected = BTreeSet::new();
        for found in found {
            if let Some(entry) = self.0.iter_mut().find(|entry| entry.covers(found)) {
                entry.is_used = true;
                continue;
            }
            let scenario = found.scenarios.first().map_or("no scenario", String::as_str);
            let Found { rule, side, text, .. } = found;
            unexpected.insert(format!("{scenario}: found {rule} of the {side}: {text}"));
        }
        unexpected
    }

    /// The entries that nothing needed, as sentences.
    pub(super) fn unused(&self) -> Vec<String> {
        let unused = self.0.iter().filter(|entry| !entry.is_used);
        let line = |Entry { rule, side, .. }: &Entry| {
            format!("{rule} of the {side} is not found any more: take it out of {FILE}")
        };
        unused.map(line).collect()
    }
}

impl Entry {
    fn parse(value: &toml::Value) -> anyhow::Result<Self> {
        let text = |key: &str| {
            let text = value.get(key).and_then(toml::Value::as_str).filter(|text| !text.is_empty());
            text.map(str::to_owned).with_context(|| format!("an entry needs `{key}`: {value:?}"))
        };
        text("reason")?;
        let scenarios = value.get("scenarios").and_then(toml::Value::as_array).into_iter().flatten();
        let scenarios = scenarios.map(|name| Some(name.as_str()?.to_owned()));
        let scenarios = scenarios.collect::<Option<_>>().context("a scenario is a text")?;
        Ok(Self { rule: text("rule")?, side: text("side")?, scenarios, is_used: false })
    }

    fn covers(&self, found: &Found) -> bool {
        let is_here =
            self.scenarios.is_empty() || self.scenarios.iter().any(|name| found.scenarios.contains(name));
        self.rule == found.rule && self.side == found.side && is_here
    }
}

/// What `tapgate check` says of every session below `home`, in the scenarios that have a folder in `played`.
pub(super) fn of(tapgate: &Path, home: &Path, played: &Path) -> anyhow::Result<Vec<Found>> {
    let began = began(played)?;
    let mut found = Vec::new();
    for session in run(tapgate, home, &["ls", "--json", "--limit", "0"])? {
        let Some(id) = session.get("session").and_then(Value::as_str) else { continue };
        for report in run(tapgate, home, &["check", "--json", id])? {
            for finding in report.get("findings").and_then(Value::as_array).into_iter().flatten() {
                let text =
                    |path: &str| finding.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
                let at = stamp(&text("/evidence/at"));
                let before = began.iter().rev().filter(|(time, _)| *time <= at);
                found.push(Found {
                    rule: text("/rule"),
                    side: text("/side"),
                    scenarios: before.take(2).map(|(_, name)| name.clone()).collect(),
                    text: text("/evidence/text"),
                });
            }
        }
    }
    Ok(found)
}

/// When each scenario began, in order: the suite names its folders `server-NAME-2026-11-22T13-33-10-390Z`.
fn began(played: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut began = Vec::new();
    for entry in fs::read_dir(played)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some(scenario) = super::suite::scenario_name(&name) else { continue };
        let time = name.get("server--".len() + scenario.len()..).unwrap_or_default().to_owned();
        began.push((time, scenario.to_owned()));
    }
    began.sort();
    Ok(began)
}

/// A time as the suite writes it: `2026-11-22T19:31:09.749948058Z` is `2026-11-22T19-31-09-749Z`.
fn stamp(at: &str) -> String {
    format!("{}Z", at.get(..23).unwrap_or_default().replace([':', '.'], "-"))
}

/// The objects that a command prints, whatever it ends with: a session with findings ends `check` with 1.
fn run(tapgate: &Path, home: &Path, words: &[&str]) -> anyhow::Result<Vec<Value>> {
    let out = Command::new(tapgate).args(words).env("TAPGATE_HOME", home).output()?;
    ensure!(matches!(out.status.code(), Some(0 | 1)), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout)?;
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("read {line}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"
        [[finding]]
        rule = "header.missing"
        side = "client"
        scenarios = ["http-header-validation"]
        reason = "planted"
    "#;

    fn found(rule: &str, scenario: &str) -> [Found; 1] {
        let (rule, scenarios) = (rule.to_owned(), vec![scenario.to_owned()]);
        [Found { rule, side: "client".to_owned(), scenarios, text: "x.".to_owned() }]
    }

    #[test]
    fn what_is_not_in_the_list_is_named_and_so_is_what_nothing_needs() {
        let mut expected = Expected::parse(LIST).unwrap();
        assert_eq!(expected.unexpected(&found("header.missing", "ping")).len(), 1);
        assert_eq!(expected.unexpected(&found("header.other", "http-header-validation")).len(), 1);
        assert_eq!(expected.unused().len(), 1);
        assert!(expected.unexpected(&found("header.missing", "http-header-validation")).is_empty());
        assert!(expected.unused().is_empty());
        assert!(Expected::parse("[[finding]]\nrule = \"a.b\"\nside = \"client\"").is_err());
    }

    #[test]
    fn times_compare_as_the_suite_writes_them() {
        assert_eq!(stamp("2026-11-22T19:31:09.749948058Z"), "2026-11-22T19-31-09-749Z");
    }
}
