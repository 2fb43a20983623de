//! Licences, bans and sources of every package in the lock file, by the rules in `deny.toml`.
//!
//! The file is in the format of cargo-deny, which is not needed here; of its checks only the advisories are
//! missing, whose database is fetched from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, bail};
use serde_json::Value as Json;
use toml::{Table, Value};

use crate::house;
use crate::shell;

mod expression;

/// Where packages may come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Holds every package that the lock file brings to the targets of `deny.toml` against its rules.
pub(crate) fn check() -> anyhow::Result<()> {
    let rules: Table =
        fs::read_to_string(house::root().join("deny.toml"))?.parse().context("read deny.toml")?;
    let mut packages = BTreeMap::new();
    for target in strings(&rules, "graph", "targets") {
        let metadata = shell::read(&mut shell::cargo(&[
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform",
            target,
        ]))?;
        packages.extend(packages_of(&serde_json::from_str(&metadata)?));
    }
    let packages: Vec<_> = packages.into_values().collect();
    let faults = faults(&rules, &packages);
    if !faults.is_empty() {
        bail!("{} packages break deny.toml\n{}", faults.len(), faults.join("\n"));
    }
    Ok(())
}

/// What the rules need to know of a package.
struct Package {
    name: String,
    version: String,
    /// The licence expression; empty if it has none.
    licence: String,
    /// Where it came from; `None` for a package of ours.
    source: Option<String>,
}

/// The packages that are part of the resolved graph, by their id.
fn packages_of(metadata: &Json) -> BTreeMap<String, Package> {
    let text = |value: Option<&Json>| value.and_then(Json::as_str).unwrap_or_default().to_owned();
    let list = |value: Option<&Json>| value.and_then(Json::as_array).cloned().unwrap_or_default();
    let nodes = list(metadata.get("resolve").and_then(|resolve| resolve.get("nodes")));
    let resolved: BTreeSet<_> = nodes.iter().map(|node| text(node.get("id"))).collect();
    let packages = list(metadata.get("packages")).into_iter().map(|package| {
        let source = package.get("source").and_then(Json::as_str).map(str::to_owned);
        let [name, version, licence] = ["name", "version", "license"].map(|key| text(package.get(key)));
        (text(package.get("id")), Package { name, version, licence, source })
    });
    packages.filter(|(id, _)| resolved.contains(id)).collect()
}

/// Every way in which the packages break the rules, one line each.
fn faults(rules: &Table, packages: &[Package]) -> Vec<String> {
    let allowed = strings(rules, "licenses", "allow");
    let mut faults = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        let Package { name, version, licence, source } = package;
        if !expression::holds(licence, &|id| allowed.contains(&id)) {
            faults.push(format!("{name} {version}: the licence `{licence}` is not allowed"));
        }
        if source.as_deref().is_some_and(|source| source != REGISTRY) {
            faults.push(format!("{name} {version}: comes from another place than crates.io"));
        }
        if let Some((_, reason)) = specs(rules, "deny").find(|(spec, _)| matches(spec, name, version)) {
            faults.push(format!("{name} {version}: is banned ({reason})"));
        }
        if !specs(rules, "skip").any(|(spec, _)| matches(spec, name, version)) {
            versions.entry(name).or_default().insert(version);
        }
    }
    for (name, versions) in versions.into_iter().filter(|(_, versions)| versions.len() > 1) {
        let versions = versions.into_iter().collect::<Vec<_>>().join(" and ");
        faults.push(format!(
            "{name}: is there as {versions}; unify them, or skip one in deny.toml with a reason"
        ));
    }
    faults.extend(
        specs(rules, "skip")
            .filter(|(_, reason)| reason.is_empty())
            .map(|(spec, _)| format!("{spec}: is skipped in deny.toml without a reason")),
    );
    faults.extend(specs(rules, "skip").filter_map(|(spec, _)| {
        let used = packages.iter().any(|package| matches(spec, &package.name, &package.version));
        (!used).then(|| format!("{spec}: is skipped in deny.toml, but there is no such package"))
    }));
    faults
}

/// The entries of a list in `[bans]`: a name with or without `@` and the beginning of a version, and the reason.
fn specs<'a>(rules: &'a Table, list: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let entries = rules.get("bans").and_then(|bans| bans.get(list)).and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(|entry| {
        let reason = entry.get("reason").and_then(Value::as_str).unwrap_or_default();
        Some((entry.get("crate").and_then(Value::as_str)?, reason))
    })
}

fn matches(spec: &str, name: &str, version: &str) -> bool {
    match spec.split_once('@') {
        None => spec == name,
        Some((wanted, begins)) => {
            let rest = version.strip_prefix(begins);
            wanted == name && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        }
    }
}

fn strings<'a>(rules: &'a Table, section: &str, key: &str) -> Vec<&'a str> {
    let list = rules.get(section).and_then(|section| section.get(key)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        licenses.allow = ["MIT"]
        bans.deny = [{ crate = "openssl", reason = "one TLS stack" }]
        bans.skip = [{ crate = "twice@0.2", reason = "an old friend asks for it" }]
    "#;

    fn package(name: &str, version: &str) -> Package {
        let source = Some(REGISTRY.to_owned());
        Package { name: name.to_owned(), version: version.to_owned(), licence: "MIT".to_owned(), source }
    }

    /// The faults of these packages beside the two versions that the rules know of.
    fn found(packages: Vec<Package>) -> Vec<String> {
        let known = [package("twice", "0.2.17"), package("twice", "0.4.0")];
        faults(&RULES.parse().unwrap(), &packages.into_iter().chain(known).collect::<Vec<_>>())
    }

    #[test]
    fn packages_within_the_rules_pass() {
        assert_eq!(found(vec![package("serde", "1.0.0")]), Vec::<String>::new());
    }

    #[test]
    fn each_way_to_break_the_rules_is_refused() {
        let copyleft = Package { licence: "GPL-3.0".to_owned(), ..package("copyleft", "1.0.0") };
        let unlicensed = Package { licence: String::new(), ..package("unlicensed", "1.0.0") };
        let fork =
            Package { source: Some("git+https://example.com/fork".to_owned()), ..package("fork", "1.0.0") };
        let cases = [
            (vec![copyleft], "copyleft 1.0.0: the licence `GPL-3.0` is not allowed"),
            (vec![unlicensed], "unlicensed 1.0.0: the licence `` is not allowed"),
            (vec![fork], "fork 1.0.0: comes from another place than crates.io"),
            (vec![package("openssl", "0.10.1")], "openssl 0.10.1: is banned (one TLS stack)"),
            (
                vec![package("twice", "0.3.1")],
                "twice: is there as 0.3.1 and 0.4.0; unify them, or skip one in deny.toml with a reason",
            ),
        ];
        for (packages, says) in cases {
            assert_eq!(found(packages), [says]);
        }
    }

    #[test]
    fn a_skip_that_skips_nothing_is_refused() {
        let says = "twice@0.2: is skipped in deny.toml, but there is no such package";
        assert_eq!(faults(&RULES.parse().unwrap(), &[package("twice", "0.21.0")]), [says]);
    }
}
