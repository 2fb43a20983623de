//! Every client with every server, feature by feature, and the page that says what came out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::cannot::{CASES, Case};
use super::feature::Outcome;
use super::features::FEATURES;
use super::stage::Kind;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/compatibility.md");

type Cells = BTreeMap<(usize, Kind, Kind), Outcome>;

fn run() -> Cells {
    let mut cells = Cells::new();
    for (n, feature) in FEATURES.iter().enumerate() {
        for client in Kind::all() {
            for server in Kind::all() {
                cells.insert((n, client, server), feature.between(client, server));
            }
        }
    }
    cells
}

#[test]
fn every_client_meets_every_server() {
    let cells = run();
    let mut failed: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((n, client, server), outcome) in &cells {
        if let Outcome::Failed(why) = outcome {
            let pair = format!("{} → {}: {why}", name(*client), name(*server));
            failed.entry(FEATURES[*n].name).or_default().push(pair);
        }
    }
    let mut report = String::new();
    for (feature, pairs) in &failed {
        let _ = writeln!(report, "{feature}: {} of {} pairs", pairs.len(), cells.len() / FEATURES.len());
        for pair in pairs.iter().take(if std::env::var_os("ALL").is_some() { 200 } else { 3 }) {
            let _ = writeln!(report, "    {}", pair.chars().take(600).collect::<String>());
        }
    }
    assert!(failed.is_empty(), "{report}");
    let page = page(&cells);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let found = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(found == page, "docs/reference/compatibility.md is old: run `cargo xtask compatibility`");
}

fn name(kind: Kind) -> String {
    format!("{} {}", kind.0.name(), kind.1.as_str())
}

fn page(cells: &Cells) -> String {
    let kinds = Kind::all();
    let mut page = String::from(
        "# Compatibility\n\n\
         What a client of one revision and transport gets from a server of another one through a bridge.\n\
         This page is generated from the results of the tests that run every feature between scripted peers of \
         every revision on every transport: `cargo xtask compatibility`.\n\n\
         - ✓ it works as if the two spoke alike\n\
         - a letter: it works, but something is said in other words, or it cannot be said; the letters stand below each table\n\
         - – one of the two revisions has no such thing\n\n\
         Rows are clients, columns are servers.\n\
         Revisions: 24 = 2024-11-05, M25 = 2025-03-26, J25 = 2025-06-18, N25 = 2025-11-25, 26 = 2026-07-28.\n\n",
    );
    let n_pairs = kinds.len() * kinds.len();
    page.push_str("## Summary\n\n| Feature | Works alike | In other words | Cannot be said | Does not apply |\n|---|---|---|---|---|\n");
    for (n, feature) in FEATURES.iter().enumerate() {
        let count = |is: fn(&Outcome) -> bool| {
            cells.iter().filter(|((m, _, _), outcome)| *m == n && is(outcome)).count()
        };
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} |",
            feature.name,
            count(|outcome| *outcome == Outcome::Passed),
            count(|outcome| matches!(outcome, Outcome::Lossy(_))),
            count(|outcome| matches!(outcome, Outcome::Impossible(_))),
            count(|outcome| *outcome == Outcome::Absent),
        );
    }
    let _ = write!(page, "\nOf {n_pairs} pairs each.\n");
    page.push_str(
        "\n## What cannot be said\n\nSome things have no words on the other side.\n\n\
         | What | Who to whom | What they get |\n|---|---|---|\n",
    );
    for Case { what, who, run } in CASES {
        let _ = writeln!(page, "| {what} | {who} | {} |", run());
    }
    for (n, feature) in FEATURES.iter().enumerate() {
        let of = |client: Kind, server: Kind| &cells[&(n, client, server)];
        let all: BTreeSet<&Outcome> =
            kinds.iter().flat_map(|client| kinds.iter().map(|server| of(*client, *server))).collect();
        let _ = write!(page, "\n## {}\n\n", feature.name);
        if all.iter().all(|outcome| **outcome == Outcome::Passed) {
            let _ = writeln!(page, "Works alike in all {n_pairs} pairs.");
            continue;
        }
        let notes: Vec<&Outcome> = all
            .iter()
            .filter(|outcome| matches!(outcome, Outcome::Lossy(_) | Outcome::Impossible(_)))
            .copied()
            .collect();
        let heads: Vec<String> = kinds.iter().map(|kind| short(*kind)).collect();
        let _ = writeln!(page, "| | {} |\n|---|{}", heads.join(" | "), "---|".repeat(kinds.len()));
        for client in &kinds {
            let _ = write!(page, "| {} |", short(*client));
            for server in &kinds {
                let outcome = of(*client, *server);
                let letter = notes.iter().position(|note| *note == outcome);
                let letter = letter.map(|at| char::from(b'a' + at as u8).to_string());
                let sign = match outcome {
                    Outcome::Passed => "✓".to_owned(),
                    Outcome::Absent => "–".to_owned(),
                    _ => letter.unwrap_or_default(),
                };
                let _ = write!(page, " {sign} |");
            }
            page.push('\n');
        }
        for (at, note) in notes.iter().enumerate() {
            let (kind, why) = match note {
                Outcome::Lossy(why) => ("in other words", why),
                Outcome::Impossible(why) => ("cannot be said", why),
                _ => continue,
            };
            let _ = write!(page, "\n{} — {kind}: {why}.\n", char::from(b'a' + at as u8));
        }
    }
    page
}

fn short(kind: Kind) -> String {
    let revision = match kind.1.as_str() {
        "2024-11-05" => "24",
        "2025-03-26" => "M25",
        "2025-06-18" => "J25",
        "2025-11-25" => "N25",
        _ => "26",
    };
    format!("{} {revision}", kind.0.name())
}
