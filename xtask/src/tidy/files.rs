//! Files: which must be there, how long they may be, what they may be called.

use std::path::Path;

use super::Breach;
use super::code::Code;
use crate::generated::FILES;
use crate::house::House;

/// Lines of code without tests above which the first line must say why.
const EXPLAIN: usize = 400;

/// Lines of code without tests above which nothing helps.
const REFUSE: usize = 600;

/// How the first line of a long file begins.
const REASON: &str = "// Long because ";

/// Names that hide a missing idea.
const EMPTY_NAMES: &[&str] = &["manager", "handler", "helper", "util", "common", "data", "info", "process"];

/// What a reader of the project expects at its root.
const PAPERS: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    ".ci/run",
    "changelog.d/README.md",
    "deny.toml",
];

/// Refuses a house without its papers.
pub(super) fn papers(house: &House) -> Vec<Breach> {
    PAPERS.iter().filter(|path| !house.holds(path)).map(|path| Breach::new(*path, 0, "is missing")).collect()
}

/// Refuses a long source file, tests not counted.
pub(super) fn budget(house: &House) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for path in house.with_extension("rs").filter(|path| !is_test(path) && !FILES.contains(path)) {
        let Some(text) = house.text(path) else { continue };
        let Ok(code) = Code::read(&text) else { continue };
        let in_tests: usize = code.test_items.iter().map(|(first, last)| last + 1 - first).sum();
        let lines = text.lines().count().saturating_sub(in_tests);
        if lines > REFUSE {
            breaches.push(Breach::new(
                path,
                0,
                format!("has {lines} lines without tests, more than {REFUSE}: split it"),
            ));
        } else if lines > EXPLAIN && !text.starts_with(REASON) {
            let says = format!("has {lines} lines without tests: split it, or begin it with `{REASON}…`");
            breaches.push(Breach::new(path, 0, says));
        }
    }
    breaches
}

/// Refuses `mod.rs` and names that say nothing.
pub(super) fn names(house: &House) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for path in house.with_extension("rs") {
        let parts: Vec<_> = path.trim_end_matches(".rs").split('/').collect();
        if parts.last() == Some(&"mod") {
            breaches.push(Breach::new(path, 0, "modules are `foo.rs` beside `foo/`, never `mod.rs`"));
        }
        for part in &parts {
            let singular = part.strip_suffix('s').unwrap_or(part);
            if EMPTY_NAMES.iter().any(|name| name == part || *name == singular) {
                breaches.push(Breach::new(
                    path,
                    0,
                    format!("`{part}` hides a missing idea: name what it is"),
                ));
            }
        }
    }
    breaches
}

fn is_test(path: &str) -> bool {
    let folders = Path::new(path).components().filter_map(|part| part.as_os_str().to_str());
    path.ends_with("/tests.rs") || folders.into_iter().any(|folder| folder == "tests" || folder == "benches")
}
