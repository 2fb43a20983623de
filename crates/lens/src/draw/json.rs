//! Draws a page as JSON, one object a line.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};
use tapgate_wire::clock;

use crate::page::{Block, Cell, Page, status_word};
use crate::plain::steers;

/// The version of the objects. It grows when a member changes its meaning or goes, not when one is added.
const VERSION: u64 = 1;

/// Draws `page` as one object a line, each with its version `v` and what it is, `kind`.
///
/// Times are RFC 3339 in UTC, lengths of time are seconds, sizes are bytes, what is not known is null. Members that
/// show fields of the exchange have the names of expressions. Characters that could steer a terminal are escaped.
pub fn json(page: &Page) -> String {
    let mut out = String::new();
    for block in &page.blocks {
        match block {
            // They are for people; what they say is in the members `full`, `lost_bytes` and `findings`.
            Block::Title(_) | Block::Note(_) => {}
            Block::Table(table) => {
                for row in &table.rows {
                    let members = table.columns.iter().zip(row).filter(|(column, _)| !column.key.is_empty());
                    line(&mut out, table.kind, members.map(|(column, cell)| (column.key, value(cell))));
                }
            }
            Block::Facts(facts) => {
                let members = facts.facts.iter().filter(|fact| !fact.key.is_empty());
                line(&mut out, facts.kind, members.map(|fact| (fact.key, value(&fact.value))));
            }
            Block::Waterfall(waterfall) => {
                for bar in &waterfall.bars {
                    let members = [
                        ("what", json!(bar.what)),
                        ("of", json!(bar.kind)),
                        ("id", json!(bar.id)),
                        ("depth", json!(bar.depth)),
                        ("status", json!(bar.status.map(status_word))),
                        ("after", seconds(bar.from.saturating_sub(waterfall.from))),
                        ("took", seconds(bar.until.saturating_sub(bar.from))),
                        (
                            "marks",
                            bar.marks
                                .iter()
                                .map(|mark| seconds(mark.saturating_sub(waterfall.from)))
                                .collect(),
                        ),
                    ];
                    line(&mut out, "span", members.into_iter());
                }
            }
            // What stands only on a page for people has no facts.
            Block::Dump(dump) if dump.facts.is_empty() => {}
            Block::Dump(dump) => {
                line(&mut out, "message", dump.facts.iter().map(|fact| (fact.key, value(&fact.value))));
            }
        }
    }
    out
}

fn line<'k>(out: &mut String, kind: &str, members: impl Iterator<Item = (&'k str, Json)>) {
    let mut object = Map::new();
    object.insert("v".to_owned(), json!(VERSION));
    object.insert("kind".to_owned(), json!(kind));
    object.extend(members.map(|(key, value)| (key.to_owned(), value)));
    out.push_str(&escaped(&Json::Object(object).to_string()));
    out.push('\n');
}

/// The text of JSON with the characters escaped that could steer a terminal; it means the same.
pub fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // Such characters stand inside strings only, but for the ends of lines, which never do.
        if steers(c) && c != '\n' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// A word without the sign that people see before it: `live` of `● live`.
fn unsigned(word: &str) -> &str {
    match word.split_once(' ') {
        Some((sign, rest)) if !sign.contains(char::is_alphanumeric) => rest,
        _ => word,
    }
}

fn seconds(nanos: i64) -> Json {
    json!(nanos as f64 / 1e9)
}

fn value(cell: &Cell) -> Json {
    match cell {
        Cell::None => Json::Null,
        Cell::Told(text) => json!(text),
        Cell::Several(texts) => json!(texts),
        Cell::Word(_, word) => json!(unsigned(word)),
        Cell::Count(n) | Cell::Rare(n) | Cell::Bytes(n) => json!(n),
        Cell::Number(n) => json!(n),
        Cell::Span(nanos) => seconds(*nanos),
        Cell::At(when) | Cell::Ago(when) => json!(clock::stamp(*when)),
        Cell::Share(share) => json!(share),
        Cell::Status(status) => json!(status_word(*status)),
        Cell::Flag(truth) => json!(truth),
        Cell::Reads(reads) => json!(reads),
    }
}
