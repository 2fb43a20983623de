//! Nothing private is committed: no path of somebody's machine, no address of a package mirror, no secret.

use std::env;

use regex::Regex;

use super::Breach;
use crate::house::House;

/// Shapes of real secrets: name and expression.
///
/// Each is written so that it does not match itself.
const SECRETS: &[(&str, &str)] = &[
    (
        "a GitHub token",
        r"\b(ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{36}\b|\bgithub_pat_[A-Za-z0-9_]{60,}",
    ),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("an AWS key id", r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("a Slack token", r"\bxox[abprs]-[0-9]{6,}-[0-9A-Za-z-]{10,}"),
    ("an Anthropic key", r"\bsk-ant-[a-z0-9]+-[A-Za-z0-9_-]{40,}"),
    ("an OpenAI key", r"\bsk-(proj-)?[A-Za-z0-9]{40,}"),
    ("a Stripe key", r"\b[sr]k_live_[0-9A-Za-z]{20,}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    (
        "a private key",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40,}",
    ),
    (
        "a JSON web token",
        r"\beyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{20,}",
    ),
];

/// Refuses a literal that looks like a real secret; tests build theirs while they run.
pub(super) fn secrets(house: &House) -> Vec<Breach> {
    let shapes: Vec<_> = SECRETS
        .iter()
        .filter_map(|(name, shape)| Some((*name, Regex::new(shape).ok()?)))
        .collect();
    let mut breaches = Vec::new();
    for path in house.paths() {
        let Some(text) = house.text(path) else { continue };
        for (name, shape) in &shapes {
            breaches.extend(shape.find_iter(&text).map(|found| {
                let line = text
                    .get(..found.start())
                    .map_or(0, |before| before.matches('\n').count() + 1);
                Breach::new(
                    path,
                    line,
                    format!("looks like {name}: build it while the test runs"),
                )
            }));
        }
    }
    breaches
}

/// Refuses a path of the machine that the project is checked out on, and download addresses in a lock file.
pub(super) fn machine_paths(house: &House) -> Vec<Breach> {
    let mut places = vec![house.root().display().to_string()];
    if let Some(home) = env::home_dir() {
        places.extend(
            [".cargo/", ".rustup/", ".npm/", ".cache/"].map(|below| home.join(below).display().to_string()),
        );
    }
    let mut breaches = Vec::new();
    for path in house.paths() {
        let Some(text) = house.text(path) else { continue };
        for (line, number) in text.lines().zip(1..) {
            if places.iter().any(|place| line.contains(place)) {
                breaches.push(Breach::new(path, number, "names a path of this machine"));
            }
            if path.ends_with("package-lock.json") && line.contains("\"resolved\"") {
                let says =
                    "names where a package was downloaded: make it with `--omit-lockfile-registry-resolved`";
                breaches.push(Breach::new(path, number, says));
            }
        }
    }
    breaches
}
