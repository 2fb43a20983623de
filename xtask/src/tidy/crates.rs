//! Which crate may know which: dependencies point one way, and what is absent is tested.

use toml::{Table, Value};

use super::Breach;
use super::code::Code;
use crate::house::House;

/// Our crates, and which of ours each may depend on; a crate that is not here has no place in the house.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("expr", &[]),
    ("engine", &["wire"]),
    ("judge", &["wire", "engine"]),
    ("auth", &["wire"]),
    ("transport", &["wire"]),
    ("store", &["wire"]),
    ("lens", &["wire", "store", "expr"]),
    ("app", &["wire", "expr", "engine", "judge", "auth", "transport", "store", "lens"]),
    ("testkit", &["wire", "engine"]),
];

/// What a crate must never mention: a path with `::` as a prefix, a single name anywhere in a path.
const MUST_NOT_MENTION: &[(&str, &[&str])] = &[
    ("wire", PURE),
    ("expr", PURE),
    ("engine", PURE),
    ("judge", PURE),
    ("auth", SOCKETS),
    (
        "transport",
        &[
            "tapgate_wire::message",
            "tapgate_wire::shape",
            "tapgate_wire::json",
            "tapgate_wire::Message",
            "tapgate_wire::Shape",
            "tapgate_wire::Kind",
            "tapgate_wire::Id",
            "serde_json",
            "rusqlite",
        ],
    ),
    ("store", &["tokio", "hyper", "std::net"]),
    ("lens", &["tokio", "hyper", "std::net", "std::process", "rusqlite"]),
];

/// I/O, clocks, async and storage: what a crate that only decides must not know.
const PURE: &[&str] = &[
    "std::net",
    "std::fs",
    "std::process",
    "std::thread",
    "std::env",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::os",
    "Instant",
    "SystemTime",
    "tokio",
    "hyper",
    "rustix",
    "rusqlite",
    "libc",
];

const SOCKETS: &[&str] = &["std::net", "std::os", "tokio", "hyper", "rustix", "rusqlite"];

/// Development crates that a shipped crate may use in its tests only.
const DEVELOPMENT: &[&str] = &["testkit"];

/// Refuses a dependency that points the wrong way.
pub(super) fn dependencies(house: &House) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for path in house.paths().filter(|path| path.starts_with("crates/") && path.ends_with("/Cargo.toml")) {
        let name = folder(path);
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(known, _)| *known == name) else {
            breaches.push(Breach::new(path, 0, "a new crate needs its rule in xtask/src/tidy/crates.rs"));
            continue;
        };
        let Some(manifest) = house.text(path).and_then(|text| text.parse::<Table>().ok()) else {
            breaches.push(Breach::new(path, 0, "is not readable as TOML"));
            continue;
        };
        for (section, dependency) in ours(&manifest) {
            let development = section == "dev-dependencies" && DEVELOPMENT.contains(&dependency.as_str());
            if !allowed.contains(&dependency.as_str()) && !development {
                breaches.push(Breach::new(path, 0, format!("{name} must not know {dependency} ({section})")));
            }
        }
    }
    breaches
}

/// Refuses a name that a crate must never mention, in code that is not for tests.
pub(super) fn absence(house: &House) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for path in house.with_extension("rs").filter(|path| is_shipped(path)) {
        let name = folder(path);
        let Some((_, forbidden)) = MUST_NOT_MENTION.iter().find(|(known, _)| *known == name) else {
            continue;
        };
        let Some(text) = house.text(path) else { continue };
        match Code::read(&text) {
            Err(says) => breaches.push(Breach::new(path, 0, says)),
            Ok(code) => {
                let mentions =
                    code.paths.iter().filter(|(mention, _)| forbidden.iter().any(|f| covers(f, mention)));
                breaches.extend(mentions.map(|(mention, line)| {
                    Breach::new(path, *line, format!("{name} must not know `{mention}`"))
                }));
            }
        }
    }
    breaches
}

/// Whether a source file of a crate ships; test files do not.
fn is_shipped(path: &str) -> bool {
    path.starts_with("crates/")
        && path.split('/').nth(2) == Some("src")
        && !path.ends_with("/tests.rs")
        && !path.contains("/tests/")
}

fn covers(forbidden: &str, mention: &str) -> bool {
    if forbidden.contains("::") {
        return mention.strip_prefix(forbidden).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    }
    mention.split("::").any(|part| part == forbidden)
}

fn folder(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

/// The dependencies on crates of ours, by section, `target.….dependencies` included.
fn ours(manifest: &Table) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (key, value) in manifest {
        let Value::Table(section) = value else { continue };
        if key.ends_with("dependencies") {
            let names = section.keys().filter_map(|name| name.strip_prefix("tapgate-"));
            found.extend(names.map(|name| (key.clone(), name.to_owned())));
        } else if key == "target" {
            found.extend(section.values().filter_map(Value::as_table).flat_map(ours));
        }
    }
    found
}
