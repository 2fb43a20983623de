//! Nothing private is committed: no path of somebody's machine, no address of a package mirror, no secret.

use std::sync::LazyLock;
use std::{env, fs};

use regex::bytes::{Regex, RegexBuilder};

use super::Breach;
use crate::house::House;

/// Shapes of real secrets: name and expression.
///
/// Each is written so that it does not match itself.
pub(super) const SECRETS: &[(&str, &str)] = &[
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
    let mut breaches = Vec::new();
    for path in house.paths() {
        let Ok(bytes) = fs::read(house.root().join(path)) else {
            continue;
        };
        breaches.extend(secrets_in(&bytes).into_iter().map(|(name, line)| {
            Breach::new(
                path,
                line,
                format!("looks like {name}: build it while the test runs"),
            )
        }));
    }
    breaches
}

/// The names of what looks like a secret in `bytes`, each with its line.
pub(crate) fn secrets_in(bytes: &[u8]) -> Vec<(&'static str, usize)> {
    static SHAPES: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
        let compiled = SECRETS
            .iter()
            .map(|(name, shape)| Some((*name, RegexBuilder::new(shape).unicode(false).build().ok()?)));
        compiled.flatten().collect()
    });
    let mut found = Vec::new();
    for (name, shape) in SHAPES.iter() {
        found.extend(shape.find_iter(bytes).map(|place| {
            let before = bytes.get(..place.start()).unwrap_or_default();
            (*name, before.split(|byte| *byte == b'\n').count())
        }));
    }
    found
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
