//! What the specification requires is proven by tests that exist, and the page says what the list says.

use std::collections::HashSet;

use super::Breach;
use super::code::Code;
use crate::house::House;
use crate::requirements::{FILE, PAGE, Proof, page, read};

/// Refuses a requirement without proof, a proof that names no test, and a page that is not made from the list.
pub(super) fn requirements(house: &House) -> Vec<Breach> {
    let Some(list) = house.text(FILE) else { return Vec::new() };
    let topics = match read(&list) {
        Ok(topics) => topics,
        Err(error) => return vec![Breach::new(FILE, 0, format!("{error:#}"))],
    };
    let tests = tests(house);
    let mut breaches = Vec::new();
    for requirement in topics.iter().flat_map(|topic| &topic.requirements) {
        let Proof::Tests(named) = &requirement.proof else { continue };
        for name in named.iter().filter(|name| !tests.contains(*name)) {
            let line =
                list.lines().position(|line| line.contains(&format!("\"{name}\""))).map_or(0, |at| at + 1);
            breaches.push(Breach::new(FILE, line, format!("there is no test `{name}`")));
        }
    }
    if house.text(PAGE).as_deref() != Some(&page(&topics)) {
        breaches.push(Breach::new(PAGE, 0, "is old: run `cargo xtask requirements`"));
    }
    breaches
}

/// Every test by its path: crate, modules, name.
fn tests(house: &House) -> HashSet<String> {
    let mut all = HashSet::new();
    for path in house.with_extension("rs") {
        let Some((module, code)) = module(path).zip(house.text(path).and_then(|text| Code::read(&text).ok()))
        else {
            continue;
        };
        // A module inside a file is `tests`; others have files of their own.
        let paths = code
            .tests
            .iter()
            .flat_map(|name| [format!("{module}::{name}"), format!("{module}::tests::{name}")]);
        all.extend(paths);
    }
    all
}

/// The module that a file of a crate is: `crates/wire/src/json/tests.rs` is `wire::json::tests`.
fn module(path: &str) -> Option<String> {
    let (name, inside) = path.strip_prefix("crates/")?.split_once('/')?;
    let inside = inside.strip_prefix("src/").unwrap_or(inside).strip_suffix(".rs")?;
    let inside = inside.strip_suffix("main").or_else(|| inside.strip_suffix("lib")).unwrap_or(inside);
    let parts = std::iter::once(name).chain(inside.split('/').filter(|part| !part.is_empty()));
    Some(parts.collect::<Vec<_>>().join("::"))
}
