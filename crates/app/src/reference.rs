//! The reference pages that are made from the program itself, and the test that keeps them fresh.
//!
//! `UPDATE=1 cargo nextest run -p tapgate reference` writes them; without it the test compares.

use std::fmt::Write as _;
use std::path::Path;

use tapgate_expr::field::{FIELDS, Type};
use tapgate_wire::Rule;
use tapgate_wire::revision::{Revision, Revisions};

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

/// The families of rules: what their ids begin with, and what they are about. In the order of the manual.
const FAMILIES: &[(&str, &str)] = &[
    ("frame", "How bytes travel"),
    ("rpc", "The shape of messages"),
    ("track", "Which message belongs to which"),
    ("handshake", "How sessions begin"),
    ("era", "Eras and revisions"),
    ("session", "Sessions over HTTP"),
    ("refusal", "What a server must refuse"),
    ("resume", "Streams that are resumed"),
    ("process", "The server's process"),
    ("capability", "What is declared and what is used"),
    ("header", "Headers against bodies"),
    ("meta", "What each modern request says of itself"),
    ("request", "What requests carry"),
    ("answer", "What answers carry"),
    ("rounds", "Requests that take several rounds"),
    ("list", "Lists and their pages"),
    ("adv", "What is offered and what a client makes of it"),
    ("cache", "How long results may be kept"),
    ("subscription", "Subscriptions and changes"),
    ("progress", "Progress"),
    ("cancel", "Cancellation"),
    ("task", "Tasks"),
    ("timing", "Answers that are late or missing"),
    ("retry", "What is tried again"),
    ("auth", "Logins and their challenges"),
    ("schema", "Schemas of tools"),
    ("result", "Results and arguments against their schemas"),
    ("hidden", "Characters that nobody sees"),
    ("lock", "What a lock pins"),
    ("injected", "What tapgate did on purpose"),
];

fn findings() -> String {
    let mut out = format!("# Findings\n\n{GENERATED}");
    out += "What tapgate says about traffic: what is wrong, its severity, whose fault it usually is, in which revisions \
            it is wrong, where that is written, and what to do.\n\
            The severity is `error` (something does not work, or is refused by who keeps to the specification), `warning` \
            (it works, and not as it should) or `note` (it is worth knowing).\n\
            An error or a warning turns the one of the six checks that it belongs to into `fail` or `warn`; a note changes \
            none.\n\
            A finding may name another side than its rule, when what was seen says so.\n";
    let mut families: Vec<(&str, Vec<&Rule>)> = Vec::new();
    for rule in tapgate_judge::rules() {
        let family = rule.id.split_once('.').map_or(rule.id, |(family, _)| family);
        match families.iter_mut().find(|(name, _)| *name == family) {
            Some((_, rules)) => rules.push(rule),
            None => families.push((family, vec![rule])),
        }
    }
    for (family, rules) in families {
        let title = FAMILIES.iter().find(|(name, _)| *name == family).map(|(_, title)| *title);
        match title {
            Some(title) => writeln!(out, "\n## `{family}`: {title}").unwrap(),
            None => writeln!(out, "\n## `{family}`").unwrap(),
        }
        let light = tapgate_lens::check::light(family).expect("each family turns a check");
        writeln!(out, "\nTurns the check `{light}`.").unwrap();
        for rule in rules {
            let (severity, side) = (rule.severity.word(), rule.side.word());
            writeln!(out, "\n### `{}`\n\n{}", rule.id, rule.about).unwrap();
            writeln!(out, "{}\n", rule.fix).unwrap();
            writeln!(
                out,
                "- Severity: {severity}\n- At fault: {side}\n- Revisions: {}",
                revisions(rule.revisions)
            )
            .unwrap();
            writeln!(out, "- Source: {}", rule.source).unwrap();
        }
    }
    out
}

fn revisions(set: Revisions) -> String {
    let names: Vec<&str> = set.iter().map(Revision::as_str).collect();
    match names.as_slice() {
        names if names.len() == Revision::ALL.len() => "all".into(),
        [first, .., last] if Revisions::NONE.with(parse(first), parse(last)) == set => {
            format!("{first} to {last}")
        }
        names => names.join(", "),
    }
}

fn parse(name: &str) -> Revision {
    Revision::parse(name).unwrap()
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
