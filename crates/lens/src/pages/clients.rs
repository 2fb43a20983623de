//! Clients: what each really does, and where two of them differ.

use std::collections::BTreeMap;

use crate::page::{Block, Cell, Column, Fact, Facts, Layout, Note, Page, Table, Tone};
use crate::passport::{Habit, Passport};

/// A client by its name and version.
pub type ClientName = (String, String);

const COLUMNS: &[Column] = &[
    Column::seen("client", "client", 0, 8, 20),
    Column::seen("version", "version", 0, 5, 10),
    Column::seen("sessions", "sessions", 1, 0, 8),
    Column::seen("calls", "calls", 1, 0, 8),
    Column::seen("offered", "offers", 2, 0, 12),
    Column::seen("transport", "transport", 3, 0, 10),
    Column::seen("capabilities", "declares", 4, 10, 40),
];

/// All clients that were recorded.
pub fn clients(all: &BTreeMap<ClientName, Passport>) -> Page {
    if all.is_empty() {
        let text = "No client is recorded yet. Put `tapgate tap --` in front of a server's command.";
        return Page::of(vec![Block::Note(Note::new(Tone::Quiet, "", text))]);
    }
    let rows = all.iter().map(|((name, version), passport)| {
        let of = |habit| Cell::Several(passport.of(habit).map(str::to_owned).collect());
        vec![
            Cell::Told(name.clone()),
            Cell::told(Some(version)),
            Cell::Count(passport.n_sessions),
            Cell::Count(passport.n_calls),
            of(Habit::Offered),
            of(Habit::Transport),
            of(Habit::Capabilities),
        ]
    });
    let table =
        Table { kind: "client", columns: COLUMNS.to_vec(), rows: rows.collect(), layout: Layout::Fitted };
    Page::of(vec![Block::Table(table)])
}

/// One client.
pub fn client((name, version): &ClientName, passport: &Passport) -> Page {
    let mut facts = vec![
        Fact::unseen("client", Cell::Told(name.clone())),
        Fact::unseen("version", Cell::told(Some(version))),
        Fact::seen("sessions", "sessions", Cell::Count(passport.n_sessions)),
        Fact::seen("calls", "calls", Cell::Count(passport.n_calls)),
    ];
    for habit in Habit::ALL {
        let values: Vec<String> = passport.of(*habit).map(str::to_owned).collect();
        facts.push(Fact::unseen(habit.key(), some(values)));
        // Why is said of each tool.
        if *habit != Habit::Idle {
            facts.push(Fact::seen("", habit.title(), some(passport.told(*habit))));
        }
    }
    let title = format!("{name} {version}");
    let mut blocks =
        vec![Block::Title(title.trim_end().to_owned()), Block::Facts(Facts { kind: "passport", facts })];
    blocks.extend(Habit::ALL.iter().flat_map(|habit| shares(*habit, passport)));
    Page::of(blocks)
}

fn some(values: Vec<String>) -> Cell {
    if values.is_empty() { Cell::None } else { Cell::Several(values) }
}

/// How often each value of a habit was seen, for JSON.
fn shares(habit: Habit, passport: &Passport) -> Vec<Block> {
    let Some(seen) = passport.seen(habit).filter(|_| !habit.unit().is_empty()) else { return Vec::new() };
    let share = |(value, n): (&String, &u64)| {
        let facts = vec![
            Fact::unseen("habit", Cell::Told(habit.key().to_owned())),
            Fact::unseen("value", Cell::Told(value.clone())),
            Fact::unseen("n", Cell::Count(*n)),
            Fact::unseen("of", Cell::Count(seen.of)),
            Fact::unseen("unit", Cell::Told(habit.unit().to_owned())),
        ];
        Block::Facts(Facts { kind: "habit", facts })
    };
    seen.values.iter().map(share).collect()
}

const WHY: &[Column] = &[
    Column::seen("client", "client", 0, 8, 20),
    Column::seen("version", "version", 0, 5, 10),
    Column::seen("why", "why", 0, 20, 60),
];

/// Why each client never called a tool.
pub fn why(tool: &str, all: &[(&ClientName, &Passport)]) -> Page {
    let row = |(name, passport): &(&ClientName, &Passport)| {
        let why = passport.why(tool).unwrap_or_else(|| "its servers never offered it".to_owned());
        vec![Cell::Told(name.0.clone()), Cell::told(Some(&name.1)), Cell::Told(why)]
    };
    let rows = all.iter().map(row).collect();
    Page::of(vec![
        Block::Title(tool.to_owned()),
        Block::Table(Table { kind: "why", columns: WHY.to_vec(), rows, layout: Layout::Fitted }),
    ])
}

/// Where two clients differ, and only there; and whether they do.
pub fn clients_differ(a: (&ClientName, &Passport), b: (&ClientName, &Passport)) -> (Page, bool) {
    let row = |habit: &Habit| {
        let (of_a, of_b) = a.1.differs(b.1, *habit)?;
        // A habit may have many values, which a table would cut.
        let facts = vec![
            Fact::seen("habit", "what", Cell::Word(Tone::Strong, habit.title())),
            Fact::seen("a", "first", some(of_a)),
            Fact::seen("b", "second", some(of_b)),
        ];
        Some(Block::Facts(Facts { kind: "difference", facts }))
    };
    let rows: Vec<_> = Habit::ALL.iter().filter(|habit| **habit != Habit::Idle).filter_map(row).collect();
    let name = |(name, version): &ClientName| format!("{name} {version}").trim_end().to_owned();
    let title = format!("first: {}, second: {}", name(a.0), name(b.0));
    if rows.is_empty() {
        let text = "Both do the same, as far as it was recorded.";
        return (Page::of(vec![Block::Title(title), Block::Note(Note::new(Tone::Good, "", text))]), false);
    }
    (Page::of(std::iter::once(Block::Title(title)).chain(rows).collect()), true)
}
