//! Traffic without rhyme or reason: the judge neither panics nor grows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tapgate_testkit::Chance;

use super::transcripts::all;
use super::{KNOWN, facts, found, held};
use crate::rules;

/// Findings of one rule that a session gets.
const MAX_ALIKE: usize = 20;

/// Lines of all transcripts and examples that are about pipes, or about HTTP.
fn lines(is_http: bool) -> Vec<String> {
    let examples = rules().flat_map(|rule| rule.fires.iter().chain(rule.quiet));
    let texts = examples.map(ToString::to_string).chain(all().into_iter().map(|(_, text)| text));
    let mut lines = Vec::new();
    for text in texts {
        let is_stdio = !text.contains("=http") && !text.contains("=sse");
        if is_stdio == is_http || text.contains("$LONG") {
            continue;
        }
        let kept = text.lines().map(str::trim).filter(|line| {
            !["#", "legs", "end", "times", "wait"].iter().chain(&KNOWN).any(|word| line.starts_with(word))
                && !line.is_empty()
        });
        lines.extend(kept.map(str::to_owned));
    }
    lines.sort();
    lines.dedup();
    lines
}

/// A script of lines in any order, some of them damaged.
fn script(chance: &mut Chance, lines: &[String], legs: &str) -> String {
    let mut text = format!("legs {legs}\n");
    for _ in 0..120 {
        let line = lines.get(chance.below(lines.len())).cloned().unwrap_or_default();
        let is_frame = line.split_whitespace().next().is_some_and(|word| word.ends_with('>'));
        match chance.below(12) {
            0 if is_frame => {
                let (word, body) = line.split_once(' ').unwrap_or((&line, ""));
                let cut = chance.below(body.len() + 1);
                let cut = (0..=cut).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0);
                let _ = writeln!(text, "{word} x{}", body.get(..cut).unwrap_or_default());
            }
            1 => text += "wait 7s\n",
            2 => text += "lost 10\n",
            _ => {
                text += &line;
                text.push('\n');
            }
        }
    }
    text + "end\n"
}

#[test]
fn any_order_of_things_is_judged_within_bounds() {
    for (is_http, legs) in [
        (false, "client=stdio server=stdio"),
        (true, "client=http server=http"),
        (true, "client=sse server=sse"),
        (true, "client=http server=stdio"),
    ] {
        let lines = lines(is_http);
        assert!(lines.len() > 80, "only {} lines", lines.len());
        for seed in 0..20 {
            let text = script(&mut Chance::new(seed), &lines, legs);
            let mut alike: BTreeMap<_, usize> = BTreeMap::new();
            for finding in found(&text) {
                let said = String::from_utf8(finding.text.to_vec()).unwrap();
                assert!(said.chars().count() < 700, "seed {seed}: {said}");
                *alike.entry((finding.session, finding.rule.id)).or_default() += 1;
            }
            assert!(alike.values().all(|n| *n <= MAX_ALIKE), "seed {seed}: {alike:?}");
            assert_eq!(held(&text), 0, "seed {seed}");
        }
    }
}

#[test]
fn the_same_traffic_gives_the_same_findings() {
    let lines = lines(false);
    for seed in 0..5 {
        let text = script(&mut Chance::new(seed), &lines, "client=stdio server=stdio");
        let told = || format!("{:?}", facts(&text));
        assert_eq!(told(), told(), "seed {seed}");
    }
}

#[test]
fn sessions_that_ended_are_forgotten() {
    let hello = "hello 2025-06-18\nclient> ask 1 tools/call {\"name\":\"a\"}\n";
    let text = format!("legs client=stdio server=stdio\n{}", hello.repeat(300));
    assert!(held(&text) <= 66, "{} sessions are held", held(&text));
}

#[test]
fn a_message_with_many_faults_gives_few_findings() {
    let blocks = vec!["7"; 40_000].join(",");
    let text = format!(
        "legs client=stdio server=stdio\nhello 2025-06-18 {{}} {{\"tools\":{{}}}}\n\
         client> ask 1 tools/call {{\"name\":\"t\"}}\nserver> answer 1 {{\"content\":[{blocks}]}}"
    );
    let found = found(&text);
    let n_blocks = found.iter().filter(|finding| finding.rule.id == "answer.wrong-type").count();
    assert!((1..=MAX_ALIKE).contains(&n_blocks), "{n_blocks} findings");
}

#[test]
fn a_flood_of_odd_messages_gives_few_findings() {
    let text = "legs client=stdio server=stdio\nhello 2025-06-18\n\
                times 3000 server> noise $N\ntimes 3000 server> answer 9$N {}\n\
                times 3000 client> ask 1 tools/call {\"name\":\"t$N\"}";
    assert!(found(text).len() < 200, "{} findings", found(text).len());
}
