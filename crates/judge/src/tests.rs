//! Every rule keeps to its examples.

mod clean;
mod play;

use std::collections::BTreeSet;

pub(crate) use self::play::found;
use crate::rules;

#[test]
fn every_rule_fires_where_it_says_and_nowhere_else() {
    let mut report = String::new();
    for rule in rules() {
        for (texts, fires) in [(rule.fires, true), (rule.quiet, false)] {
            assert!(!texts.is_empty(), "{}: an example is missing", rule.id);
            for text in texts {
                let ids: BTreeSet<_> = found(text).iter().map(|finding| finding.rule.id).collect();
                if ids.contains(rule.id) != fires {
                    let says = if fires { "does not fire" } else { "fires" };
                    report += &format!("\n{} {says} in:{text}found: {ids:?}\n", rule.id);
                }
            }
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn every_rule_has_a_name_of_its_own_and_says_what_to_do() {
    let mut ids = BTreeSet::new();
    for rule in rules() {
        assert!(ids.insert(rule.id), "{} is there twice", rule.id);
        assert!(rule.id.split_once('.').is_some_and(|(family, name)| !family.is_empty() && !name.is_empty()));
        for text in [rule.about, rule.fix] {
            assert!(text.ends_with('.') && !text.trim_end_matches('.').contains(". "), "{}: {text}", rule.id);
        }
        assert!(!rule.source.is_empty(), "{}", rule.id);
    }
}
