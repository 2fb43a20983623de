//! The demo shows itself and nothing else.

use std::collections::BTreeSet;

use crate::support::Home;

#[test]
fn a_second_demo_shows_nothing_of_the_first() {
    let home = Home::new();
    let ids = || -> BTreeSet<String> {
        let shown = home.json(&["demo", "--fast"]);
        shown.iter().filter_map(|line| line["id"].as_str().map(str::to_owned)).collect()
    };
    let first = ids();
    assert!(first.len() > 10, "{first:?}");
    let again: Vec<String> = ids().intersection(&first).cloned().collect();
    assert!(again.is_empty(), "{again:?}");
}
