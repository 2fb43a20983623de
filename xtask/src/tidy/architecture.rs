//! `ARCHITECTURE.md` tells the truth: its paths exist, its invariants name tests that exist.

use std::collections::HashSet;

use super::Breach;
use super::code::Code;
use super::markdown;
use crate::house::House;

const PAGE: &str = "ARCHITECTURE.md";

/// Folders that a path in backticks may begin with; other words in backticks are not paths.
const ROOTS: &[&str] = &["crates/", "xtask/", "docs/", "fuzz/", "tests/", ".ci/", ".config/", "changelog.d/"];

/// Refuses a path that is not there, and an invariant without a test.
pub(super) fn architecture(house: &House) -> Vec<Breach> {
    let Some(page) = house.text(PAGE) else {
        return Vec::new();
    };
    let mut breaches = Vec::new();
    for (line, number) in page.lines().zip(1..) {
        let missing = markdown::code_spans(line)
            .filter(|span| ROOTS.iter().any(|root| span.starts_with(root)) && !span.contains(['*', '…', ' ']))
            .filter(|path| !house.holds(path));
        breaches.extend(missing.map(|path| Breach::new(PAGE, number, format!("`{path}` does not exist"))));
    }
    let tests = tests(house);
    breaches.extend(invariants(&page).into_iter().filter_map(|(number, item)| {
        let says = unproven(house, &tests, &item)?;
        Some(Breach::new(PAGE, number, says))
    }));
    breaches
}

/// The list items below the headings that speak of invariants, continuation lines joined.
fn invariants(page: &str) -> Vec<(usize, String)> {
    let mut items: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (line, number) in page.lines().zip(1..) {
        if let Some(heading) = markdown::heading(line) {
            inside = heading.to_lowercase().contains("invariant");
        } else if inside && starts_item(line) {
            items.push((number, line.to_owned()));
        } else if let (true, true, Some((_, item))) = (inside, line.starts_with(' '), items.last_mut()) {
            item.push_str(line);
        }
    }
    items
}

fn starts_item(line: &str) -> bool {
    let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with("- ")
        || line.starts_with("* ")
        || (digits.len() < line.len() && digits.starts_with(". "))
}

/// Why an invariant is not proven, `None` if all tests it names exist; the name of a test is a word with `_`.
fn unproven(house: &House, tests: &HashSet<String>, item: &str) -> Option<String> {
    let names: Vec<_> = markdown::code_spans(item)
        .map(|span| span.rsplit("::").next().unwrap_or(span))
        .filter(|span| span.contains('_') && span.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        .collect();
    let proven_by_file =
        markdown::code_spans(item).any(|span| span.contains("/transcripts/") && house.holds(span));
    if names.is_empty() && !proven_by_file {
        return Some("an invariant names the test that proves it, in backticks".to_owned());
    }
    let missing = names.iter().find(|name| !tests.contains(**name))?;
    Some(format!("there is no test `{missing}`"))
}

fn tests(house: &House) -> HashSet<String> {
    let sources = house.with_extension("rs").filter_map(|path| house.text(path));
    sources.filter_map(|text| Code::read(&text).ok()).flat_map(|code| code.tests).collect()
}
