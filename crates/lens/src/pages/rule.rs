//! One rule: what is wrong, whose fault it is, what to do, where that is written, and how it looks.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;

use crate::page::{
    Author, Block, Cell, Column, Dump, DumpLine, Fact, Facts, Layout, Note, Page, Table, Tone,
};

/// The rule for reading.
pub fn rule(rule: &'static Rule) -> Page {
    let tone = match rule.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Odd,
        Severity::Note => Tone::Usual,
    };
    let revisions = rule.revisions.iter().map(|revision| revision.as_str().to_owned()).collect();
    let facts = vec![
        Fact::unseen("rule", Cell::Word(Tone::Usual, rule.id)),
        Fact::seen("about", "what is wrong", Cell::Word(Tone::Strong, rule.about)),
        Fact::seen("fix", "what to do", Cell::Word(Tone::Usual, rule.fix)),
        Fact::seen("side", "at fault", Cell::Word(Tone::Usual, rule.side.word())),
        Fact::seen("severity", "severity", Cell::Word(tone, rule.severity.word())),
        Fact::seen("revisions", "revisions", Cell::Several(revisions)),
        Fact::seen("source", "written in", Cell::Word(Tone::Usual, rule.source)),
    ];
    let mut blocks = vec![Block::Title(rule.id.to_owned()), Block::Facts(Facts { kind: "rule", facts })];
    for (title, texts) in [("It is found in", rule.fires), ("and not in", rule.quiet)] {
        if let Some(text) = texts.first() {
            blocks.push(example(title, text));
        }
    }
    Page::of(blocks)
}

const COLUMNS: &[Column] = &[
    Column::seen("rule", "rule", 0, 12, 32),
    Column::seen("severity", "severity", 1, 0, 8),
    Column::seen("about", "what is wrong", 0, 20, 80),
];

/// The rules of a family.
pub fn rules(family: &str, rules: &[&'static Rule]) -> Page {
    let row = |rule: &&'static Rule| {
        [rule.id, rule.severity.word(), rule.about].map(|word| Cell::Word(Tone::Usual, word)).into()
    };
    let rows = rules.iter().map(row).collect();
    let check = crate::check::light(family).unwrap_or_default();
    let text = format!("An error or a warning of this family turns the check `{check}`.");
    Page::of(vec![
        Block::Title(family.to_owned()),
        Block::Table(Table { kind: "rule", columns: COLUMNS.to_vec(), rows, layout: Layout::Fitted }),
        Block::Note(Note::new(Tone::Quiet, "", text)),
    ])
}

fn example(title: &'static str, text: &str) -> Block {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines =
        lines.map(|line| DumpLine { margin: "", tone: Tone::Usual, text: line.to_owned(), by: Author::Peer });
    Block::Dump(Dump {
        head: vec![Cell::Word(Tone::Quiet, title)],
        facts: Vec::new(),
        lines: lines.collect(),
    })
}
