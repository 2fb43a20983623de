//! The reference pages that are made from the program itself, and the test that keeps them fresh.
//!
//! `UPDATE=1 cargo nextest run -p tapgate reference` writes them; without it the test compares.

use std::fmt::Write as _;
use std::path::Path;

use tapgate_engine::oddity::ODDITIES;
use tapgate_expr::field::{FIELDS, Type};
use tapgate_wire::fault::{FaultKind, Severity};

use crate::cli;
use crate::problem::codes::CODES;

type Page = (&'static str, fn() -> String);

const PAGES: &[Page] = &[
    ("commands.md", commands),
    ("filters.md", filters),
    ("findings.md", findings),
    ("problems.md", problems),
];

#[test]
fn the_reference_is_what_the_program_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    for (name, page) in PAGES {
        let (path, fresh) = (folder.join(name), page());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == fresh,
            "docs/reference/{name} is stale: UPDATE=1 cargo nextest run -p tapgate reference"
        );
    }
}

const GENERATED: &str = "Generated from the program; do not edit.\n\n";

fn commands() -> String {
    let mut out = format!("# Commands\n\n{GENERATED}");
    let mut command = cli::command().term_width(100);
    command.build();
    section(&mut out, &mut command);
    for subcommand in command.get_subcommands_mut().filter(|subcommand| !subcommand.is_hide_set()) {
        section(&mut out, subcommand);
        for verb in subcommand.get_subcommands_mut().filter(|verb| verb.get_name() != "help") {
            section(&mut out, verb);
        }
    }
    out
}

fn section(out: &mut String, command: &mut clap::Command) {
    let name = command.get_bin_name().unwrap_or("tapgate").to_owned();
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    writeln!(out, "## `{name}`\n\n```text\n{}\n```\n", lines.join("\n").trim_end()).unwrap();
}

fn filters() -> String {
    let mut out = format!("# Filters\n\n{GENERATED}");
    out += "The fields of an exchange, as filters, and later rules, see them.\n\
            A field that is not known has its empty value: `\"\"`, `0`, `false`, `null` or an empty list.\n\
            What the gateway fills is always empty in this version, which has none.\n\n\
            | Field | Short | Type | Meaning | Example |\n|---|---|---|---|---|\n";
    for spec in FIELDS {
        let words = match spec.kind {
            Type::Word(words) => format!("{}: {}", spec.kind.name(), words.join(", ")),
            kind => kind.name().to_owned(),
        };
        let example = spec.example.replace('|', "\\|");
        writeln!(
            out,
            "| `{}` | {} | {words} | {} | `{example}` |",
            spec.name,
            spec.short.map_or(String::new(), |short| format!("`{short}`")),
            spec.doc
        )
        .unwrap();
    }
    out
}

fn findings() -> String {
    let mut out = format!("# Findings\n\n{GENERATED}");
    out += "What tapgate calls odd about a frame, a message, or how messages belong together.\n\n\
            ## In frames and messages\n\n| Code | Weight | Meaning |\n|---|---|---|\n";
    for kind in FaultKind::ALL {
        let weight = match kind.severity() {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        writeln!(out, "| `{}` | {weight} | {} |", kind.code(), kind.about()).unwrap();
    }
    out += "\n## Between messages\n\n| Code | Meaning |\n|---|---|\n";
    for (_, code, text) in ODDITIES {
        writeln!(out, "| `{code}` | {text} |").unwrap();
    }
    out
}

fn problems() -> String {
    let mut out = format!("# Problems\n\n{GENERATED}");
    out += "What tapgate says when it cannot do what it was asked: a sentence, its cause, and what to do.\n\
            With `--json` it is one object on standard error with the members `code`, `message`, `cause` and `help`.\n\n\
            | Code | What happened | What to do |\n|---|---|---|\n";
    for (code, meaning, help) in CODES {
        writeln!(out, "| `{code}` | {meaning} | {help} |").unwrap();
    }
    out
}
