use super::super::rule::RULES;
use super::sample::{Dice, assert_gone, expand};
use super::{masker, shown};

#[test]
fn every_rule_masks_what_it_says_leaks() {
    for rule in &RULES.shapes {
        for (n, template) in rule.entry.leak.iter().enumerate() {
            for seed in 0..20 {
                let sample = expand(template, &mut Dice(seed * 1000 + n as u64));
                for text in
                    [sample.text.clone(), format!("see {} and", sample.text), format!("x='{}'", sample.text)]
                {
                    let outcome = masker().text(text.as_bytes());
                    assert_gone(&shown(&outcome), &sample.parts, &rule.entry.id);
                    assert!(!outcome.hits.is_empty(), "{} misses {text}", rule.entry.id);
                }
            }
        }
    }
}

#[test]
fn every_rule_leaves_what_it_says_is_safe() {
    for rule in &RULES.shapes {
        for (n, template) in rule.entry.safe.iter().enumerate() {
            for seed in 0..20 {
                let sample = expand(template, &mut Dice(seed * 1000 + n as u64));
                let text = format!("see {} and", sample.text);
                let outcome = masker().text(text.as_bytes());
                assert_eq!(shown(&outcome), text, "{}", rule.entry.id);
            }
        }
    }
}

#[test]
fn rules_have_unique_names_and_examples_of_both_kinds() {
    let mut ids: Vec<_> = RULES.shapes.iter().map(|rule| rule.entry.id.as_str()).collect();
    ids.sort_unstable();
    let n_ids = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), n_ids);
    assert!(n_ids >= 90);
    for rule in &RULES.shapes {
        assert!(!rule.entry.leak.is_empty() && !rule.entry.safe.is_empty(), "{}", rule.entry.id);
        let plain =
            rule.class.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        assert!(plain && rule.class.len() <= 20, "{} has a class that fits a placeholder", rule.entry.id);
    }
}
