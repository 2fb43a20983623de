//! What the specification asks of who stands between its peers: the list, and the page that is made from it.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, bail, ensure};
use toml::{Table, Value};

use crate::house::{self, House};

/// Where the list is.
pub(crate) const FILE: &str = "crates/engine/tests/requirements.toml";

/// The page that is made from it.
pub(crate) const PAGE: &str = "docs/reference/requirements.md";

/// Requirements that belong together.
pub(crate) struct Topic {
    title: String,
    /// Its requirements.
    pub(crate) requirements: Vec<Requirement>,
}

/// One thing that the specification asks for.
pub(crate) struct Requirement {
    /// What, as a sentence.
    pub(crate) says: String,
    level: String,
    revisions: String,
    source: String,
    /// What proves it.
    pub(crate) proof: Proof,
}

/// Why a requirement counts as met.
pub(crate) enum Proof {
    /// These tests would fail if it were not.
    Tests(Vec<String>),
    /// It does not apply, for this reason.
    Why(String),
    /// It is not met yet: what is missing.
    Open(String),
}

/// Writes the page.
pub(crate) fn write() -> anyhow::Result<()> {
    let house = House::open(house::root())?;
    let list = house.text(FILE).with_context(|| format!("read {FILE}"))?;
    fs::write(house.root().join(PAGE), page(&read(&list)?)).with_context(|| format!("write {PAGE}"))?;
    println!("requirements: {PAGE} is written");
    Ok(())
}

/// Reads the list.
pub(crate) fn read(text: &str) -> anyhow::Result<Vec<Topic>> {
    let table: Table = text.parse()?;
    list(&table, "topic", 1)?.iter().map(Topic::read).collect()
}

/// The array `name` of a table that has so many members.
fn list<'a>(table: &'a Table, name: &str, members: usize) -> anyhow::Result<&'a [Value]> {
    ensure!(table.len() == members, "there is more in this than is read: {table:?}");
    let list = table.get(name).and_then(Value::as_array).with_context(|| format!("write [[{name}]]"))?;
    Ok(list)
}

impl Topic {
    fn read(value: &Value) -> anyhow::Result<Self> {
        let table = value.as_table().context("a topic is a table")?;
        let requirements = list(table, "requirement", 2)?;
        let requirements = requirements.iter().map(Requirement::read).collect::<anyhow::Result<_>>()?;
        Ok(Self { title: text(value, "title")?, requirements })
    }
}

impl Requirement {
    fn read(value: &Value) -> anyhow::Result<Self> {
        let proof = match ["tests", "why", "open"].map(|name| value.get(name)) {
            [Some(tests), None, None] => Proof::Tests(names(tests)?),
            [None, Some(_), None] => Proof::Why(text(value, "why")?),
            [None, None, Some(_)] => Proof::Open(text(value, "open")?),
            _ => bail!("a requirement has one of `tests`, `why` and `open`: {value:?}"),
        };
        let level = text(value, "level")?;
        ensure!(["must", "should", "may"].contains(&&*level), "`level` is must, should or may: {value:?}");
        ensure!(
            value.as_table().is_some_and(|table| table.len() == 5),
            "a requirement has five members: {value:?}"
        );
        let says = text(value, "says")?;
        Ok(Self { says, level, revisions: text(value, "revisions")?, source: text(value, "source")?, proof })
    }
}

fn names(tests: &Value) -> anyhow::Result<Vec<String>> {
    let names = tests.as_array().into_iter().flatten().map(|name| name.as_str().map(str::to_owned));
    let names = names.collect::<Option<Vec<_>>>().filter(|names| !names.is_empty());
    names.with_context(|| format!("`tests` names tests: {tests:?}"))
}

fn text(value: &Value, name: &str) -> anyhow::Result<String> {
    let text = value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.map(str::to_owned).with_context(|| format!("`{name}` is missing: {value:?}"))
}

/// Makes the page.
pub(crate) fn page(topics: &[Topic]) -> String {
    let all = || topics.iter().flat_map(|topic| &topic.requirements);
    let n_proven = all().filter(|requirement| matches!(requirement.proof, Proof::Tests(_))).count();
    let n_open = all().filter(|requirement| matches!(requirement.proof, Proof::Open(_))).count();
    let mut page = format!(
        "# Requirements\n\n\
         What the MCP specification asks of a program between clients and servers, in our words, and the tests that would fail without it.\n\
         This page is generated from `{FILE}`: `cargo xtask requirements`.\n\n\
         Of {} requirements, {n_proven} have tests and {n_open} are not met yet; of the others the reason stands here why they do not apply.\n\
         Sources are pages of the specification at <https://modelcontextprotocol.io/specification>, each with the revision that says it most clearly, or proposals (SEP).\n",
        all().count(),
    );
    let mut number = 0;
    for Topic { title, requirements } in topics {
        let _ = write!(
            page,
            "\n## {title}\n\n| | Requirement | Level | Revisions | Source | Proof |\n|---|---|---|---|---|---|\n"
        );
        for Requirement { says, level, revisions, source, proof } in requirements {
            number += 1;
            let proof = match proof {
                Proof::Tests(tests) => {
                    tests.iter().map(|test| format!("`{test}`")).collect::<Vec<_>>().join(", ")
                }
                Proof::Why(why) => format!("does not apply: {why}"),
                Proof::Open(open) => format!("**not met yet**: {open}"),
            };
            let _ = writeln!(page, "| {number} | {says} | {level} | {revisions} | {source} | {proof} |");
        }
    }
    page
}
