//! How much of a model's window the definitions of tools take, and what of it could be saved.

use std::collections::HashMap;

use serde_json::{Value as Json, json};
use tapgate_wire::record::Offered;

use super::{Session, listed, newest};
use crate::page::{Block, Cell, Column, Layout, Note, Table, Tone};
use crate::unit::counted;

/// Fields that are shown.
const MAX_FIELDS: usize = 10;

/// Bytes of definitions that are looked into; the tools behind them count with their bytes alone.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Bytes from which a part of a schema that stands there again is worth sharing.
const WORTH: usize = 64;

/// What stands where a shared part stood, and what it takes to share one.
const REFERENCE: &str = r##"{"$ref":"#/$defs/a"}"##;
const ENTRY: usize = r#""a":,"#.len();

/// Turns text into the units that a model reads.
#[derive(Clone, Copy, Debug)]
pub struct Tokenizer {
    /// Its name; numbers of tokens mean nothing without it.
    pub name: &'static str,
    /// How many tokens a text has.
    pub count: fn(&str) -> u64,
}

/// How much something takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// Bytes, exact.
    pub bytes: u64,
    /// Tokens by the tokenizer that was named, 0 without one.
    pub tokens: u64,
}

/// A tool, or a field of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The tool's name.
    pub tool: String,
    /// Where in the tool; empty for the whole.
    pub field: String,
    /// How much it takes.
    pub size: Size,
}

/// How much the tools of a server take.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// The tokenizer by which tokens are counted.
    pub tokenizer: Option<&'static str>,
    /// All tools together.
    pub total: Size,
    /// The tools, the heaviest first.
    pub tools: Vec<Part>,
    /// The heaviest fields.
    pub fields: Vec<Part>,
    /// What would be saved if parts that a schema repeats stood once, under `$defs`: an estimate.
    pub saving: Size,
    /// Tools whose definition is not recorded, so that nothing but their bytes is known.
    pub n_unread: u64,
    /// The tokens of the window that they take a share of, where somebody named one.
    pub window: Option<u64>,
}

impl Sizes {
    /// Measures the largest list of tools that was seen; `None` if none was.
    ///
    /// The bytes of a tool are those that its server sent. All else is measured in the definition as it is recorded, in
    /// which secrets are masked.
    pub fn of(sessions: &[Session<'_>], tokenizer: Option<Tokenizer>) -> Option<Self> {
        let bytes = |tools: &[Json]| tools.iter().map(|tool| number(tool, "bytes")).sum::<u64>();
        let lists = sessions.iter().filter_map(|session| newest(session, Offered::Tools));
        let tools =
            lists.filter(|list| list.items.starts_with(b"[")).map(listed).max_by_key(|tools| bytes(tools))?;
        let mut sizes = Self {
            tokenizer: tokenizer.map(|tokenizer| tokenizer.name),
            total: Size::default(),
            tools: Vec::new(),
            fields: Vec::new(),
            saving: Size::default(),
            n_unread: 0,
            window: None,
        };
        let mut n_read = 0;
        for tool in &tools {
            let definition =
                tool.get("definition").filter(|definition| definition.is_object() && n_read < MAX_BYTES);
            n_read += sizes.tool(tool, definition, tokenizer);
        }
        sizes.tools.sort_by_key(|part| std::cmp::Reverse(part.size.heaviness()));
        sizes.fields.sort_by_key(|part| std::cmp::Reverse(part.size.heaviness()));
        sizes.fields.truncate(MAX_FIELDS);
        Some(sizes)
    }

    /// Adds a tool; gives the bytes that were looked into.
    fn tool(&mut self, tool: &Json, definition: Option<&Json>, tokenizer: Option<Tokenizer>) -> usize {
        let name = tool.get("name").and_then(Json::as_str).unwrap_or_default();
        let measure = |text: &str| Size {
            bytes: text.len() as u64,
            tokens: tokenizer.map_or(0, |tokenizer| (tokenizer.count)(text)),
        };
        let text = definition.map(Json::to_string).unwrap_or_default();
        let size = Size { bytes: number(tool, "bytes"), tokens: measure(&text).tokens };
        self.total.add(size);
        self.tools.push(Part { tool: name.to_owned(), field: String::new(), size });
        let Some(Json::Object(members)) = definition else {
            self.n_unread += 1;
            return 0;
        };
        let mut fields = Vec::new();
        for (member, value) in members {
            match value.get("properties").and_then(Json::as_object) {
                Some(properties) if member.ends_with("Schema") => {
                    fields.extend(properties.iter().map(|(name, value)| (format!("{member}/{name}"), value)));
                    self.saving.add(repeated(value, &measure));
                }
                _ => fields.push((member.clone(), value)),
            }
        }
        for (field, value) in fields {
            let size = measure(&value.to_string());
            self.fields.push(Part { tool: name.to_owned(), field, size });
        }
        // Only the heaviest are of use; there may be very many.
        if self.fields.len() > 100 * MAX_FIELDS {
            self.fields.sort_by_key(|part| std::cmp::Reverse(part.size.heaviness()));
            self.fields.truncate(MAX_FIELDS);
        }
        text.len()
    }

    /// What they are, for people.
    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks = vec![Block::Title("Sizes".to_owned())];
        let share = self.window.zip(self.share()).map_or_else(String::new, |(window, share)| {
            format!(" That is {share:.1}% of a window of {window} tokens.")
        });
        let n_tools = counted(self.tools.len() as u64, "tool", "tools");
        let all = format!("{n_tools}: {}.{share}", self.told(self.total));
        blocks.push(Block::Note(Note::new(Tone::Usual, "", all)));
        blocks.push(Block::Table(self.table("tool", &self.tools)));
        if !self.fields.is_empty() {
            blocks.push(Block::Title("Heaviest fields".to_owned()));
            blocks.push(Block::Table(self.table("field", &self.fields)));
        }
        if self.saving.bytes > 0 {
            let text = format!(
                "Sharing what schemas repeat under `$defs` would save about {}.",
                self.told(self.saving)
            );
            blocks.push(Block::Note(Note::new(Tone::Usual, "", text)));
        }
        if self.n_unread > 0 {
            let text = format!("Of {} only the bytes are known.", counted(self.n_unread, "tool", "tools"));
            blocks.push(Block::Note(Note::new(Tone::Quiet, "", text)));
        }
        blocks
    }

    /// Of the window, in percent.
    fn share(&self) -> Option<f64> {
        Some(self.total.tokens as f64 * 100.0 / self.window.filter(|window| *window > 0)? as f64)
    }

    fn table(&self, kind: &'static str, parts: &[Part]) -> Table {
        let mut columns = vec![Column::seen("tool", "tool", 0, 0, 30)];
        if kind == "field" {
            columns.push(Column::seen("field", "field", 0, 0, 30));
        }
        columns.push(Column::seen("bytes", "bytes", 0, 0, 8));
        if self.tokenizer.is_some() {
            columns.push(Column::seen("tokens", "tokens", 0, 0, 8));
        }
        columns.push(Column::seen("share", "share", 1, 0, 6));
        let row = |part: &Part| {
            let mut cells = vec![Cell::Told(part.tool.clone())];
            if kind == "field" {
                cells.push(Cell::Told(part.field.clone()));
            }
            cells.push(Cell::Count(part.size.bytes));
            if self.tokenizer.is_some() {
                cells.push(Cell::Count(part.size.tokens));
            }
            cells.push(Cell::Share(part.size.heaviness() as f64 / (self.total.heaviness().max(1)) as f64));
            cells
        };
        Table { kind, columns, rows: parts.iter().map(row).collect(), layout: Layout::Fitted }
    }

    /// A size in words.
    pub(super) fn told(&self, size: Size) -> String {
        match self.tokenizer {
            Some(name) => format!("{} bytes, {} tokens ({name})", size.bytes, size.tokens),
            None => format!("{} bytes", size.bytes),
        }
    }

    /// What they are, as JSON.
    pub(super) fn json(&self) -> Json {
        let has_tokens = self.tokenizer.is_some();
        let tokens = |size: Size| has_tokens.then_some(size.tokens);
        let size = |size: Size| json!({ "bytes": size.bytes, "tokens": tokens(size) });
        let part = |part: &Part| {
            let field = Some(part.field.as_str()).filter(|field| !field.is_empty());
            json!({ "tool": part.tool, "field": field, "bytes": part.size.bytes, "tokens": tokens(part.size) })
        };
        json!({
            "tokenizer": self.tokenizer,
            "total": size(self.total),
            "tools": self.tools.iter().map(part).collect::<Vec<_>>(),
            "fields": self.fields.iter().map(part).collect::<Vec<_>>(),
            "saving": size(self.saving),
            "unread": self.n_unread,
            "window": self.window.map(|tokens| json!({ "tokens": tokens, "percent": self.share() })),
        })
    }
}

impl Size {
    fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.tokens = self.tokens.saturating_add(other.tokens);
    }

    /// What things are sorted by: tokens where they are known.
    fn heaviness(self) -> u64 {
        if self.tokens > 0 { self.tokens } else { self.bytes }
    }
}

fn number(tool: &Json, member: &str) -> u64 {
    tool.get(member).and_then(Json::as_u64).unwrap_or_default()
}

/// What a schema would lose if each part that it repeats stood in it once.
fn repeated(schema: &Json, measure: &dyn Fn(&str) -> Size) -> Size {
    let mut seen = HashMap::new();
    count(schema, &mut seen);
    let mut saved = Size::default();
    save(schema, &mut seen, measure, &mut saved);
    saved
}

/// How often each part of a schema stands in it; 0 once it stands under `$defs`.
fn count(value: &Json, seen: &mut HashMap<String, u32>) {
    match value {
        Json::Object(members) => {
            let text = value.to_string();
            if text.len() >= WORTH {
                *seen.entry(text).or_default() += 1;
                members.values().for_each(|value| count(value, seen));
            }
        }
        Json::Array(items) => items.iter().for_each(|value| count(value, seen)),
        _ => {}
    }
}

/// Adds what is saved by sharing the largest parts that stand there more than once.
fn save(value: &Json, seen: &mut HashMap<String, u32>, measure: &dyn Fn(&str) -> Size, saved: &mut Size) {
    match value {
        Json::Object(members) => {
            let text = value.to_string();
            if text.len() < WORTH {
                return;
            }
            match seen.get_mut(&text) {
                Some(n @ 2..) => {
                    let (each, reference) = (measure(&text), measure(REFERENCE));
                    let gain = |part: u64, reference: u64, entry: u64| {
                        let n = u64::from(*n);
                        ((n - 1) * part).saturating_sub(n * reference + entry)
                    };
                    let bytes = gain(each.bytes, reference.bytes, ENTRY as u64);
                    // The entry's name takes two tokens or so.
                    let tokens = gain(each.tokens, reference.tokens, 2);
                    saved.add(Size { bytes, tokens });
                    *n = 0;
                }
                // What is shared is gone from here, with all that it repeats inside.
                Some(0) => {}
                _ => members.values().for_each(|value| save(value, seen, measure, saved)),
            }
        }
        Json::Array(items) => items.iter().for_each(|value| save(value, seen, measure, saved)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
