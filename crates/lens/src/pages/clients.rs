//! Clients: what each really does, and where two of them differ.

use std::collections::{BTreeMap, BTreeSet};

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
    facts.extend(Habit::ALL.iter().map(|habit| {
        let values: Vec<String> = passport.of(*habit).map(str::to_owned).collect();
        let cell = if values.is_empty() { Cell::None } else { Cell::Several(values) };
        Fact::seen(habit.key(), habit.title(), cell)
    }));
    let title = format!("{name} {version}");
    Page::of(vec![Block::Title(title.trim_end().to_owned()), Block::Facts(Facts { kind: "passport", facts })])
}

const DIFFERENCES: &[Column] = &[
    Column::seen("habit", "what", 0, 8, 20),
    Column::seen("a", "", 0, 12, 40),
    Column::seen("b", "", 0, 12, 40),
];

/// Where two clients differ, and only there.
pub fn clients_differ(a: (&ClientName, &Passport), b: (&ClientName, &Passport)) -> Page {
    let mut rows = Vec::new();
    for habit in Habit::ALL {
        let (of_a, of_b): (BTreeSet<&str>, BTreeSet<&str>) =
            (a.1.of(*habit).collect(), b.1.of(*habit).collect());
        if of_a == of_b {
            continue;
        }
        let only = |mine: &BTreeSet<&str>, other: &BTreeSet<&str>| {
            let only: Vec<String> = mine.difference(other).map(|value| (*value).to_owned()).collect();
            if only.is_empty() { Cell::None } else { Cell::Several(only) }
        };
        rows.push(vec![Cell::Word(Tone::Usual, habit.title()), only(&of_a, &of_b), only(&of_b, &of_a)]);
    }
    let name = |(name, version): &ClientName| format!("{name} {version}").trim_end().to_owned();
    let title = format!("only {}  |  only {}", name(a.0), name(b.0));
    if rows.is_empty() {
        let text = "Both do the same, as far as it was recorded.";
        return Page::of(vec![Block::Title(title), Block::Note(Note::new(Tone::Good, "", text))]);
    }
    let table = Table { kind: "difference", columns: DIFFERENCES.to_vec(), rows, layout: Layout::Fitted };
    Page::of(vec![Block::Title(title), Block::Table(table)])
}
