//! How new members and lists are set, so that they look like what stands around them.

use super::client::Format;
use super::tree::{Member, Value};

/// The look of a table, taken from one of its members.
#[derive(Debug)]
pub struct Layout {
    format: Format,
    /// What stands between one member and the next.
    between: String,
    /// What stands between a name and its value.
    colon: String,
    /// What stands between two values of a list.
    comma: &'static str,
    /// The line break and the indentation of a member, and one more step of indentation, if members have their own
    /// lines and so should the values of a list.
    lines: Option<(String, String)>,
}

impl Layout {
    /// The look of `member` in `table`; `None` if a member cannot be set beside it.
    pub fn of(text: &str, format: Format, table: &Value, member: &Member) -> Option<Self> {
        let colon = text.get(member.key_span.end..member.value.span.start)?;
        match format {
            Format::Json => Some(Self::of_json(text, table, member, colon)),
            Format::Toml => Self::of_toml(text, table, member, colon),
        }
    }

    fn of_json(text: &str, table: &Value, member: &Member, colon: &str) -> Self {
        let lead = own_line(text, member.key_span.start);
        let end = own_line(text, table.span.end.saturating_sub(1));
        let is_compact = colon == ":" && lead.is_none();
        let step = |lead: &str| {
            let step = end.and_then(|end| lead.strip_prefix(end)).filter(|step| !step.is_empty());
            step.unwrap_or("  ").to_owned()
        };
        Self {
            format: Format::Json,
            between: match lead {
                Some(lead) => format!(",{lead}"),
                None if is_compact => ",".to_owned(),
                None => ", ".to_owned(),
            },
            colon: if colon.trim() == ":" { colon } else { ": " }.to_owned(),
            comma: if is_compact { "," } else { ", " },
            lines: lead.map(|lead| (lead.to_owned(), step(lead))),
        }
    }

    fn of_toml(text: &str, table: &Value, member: &Member, colon: &str) -> Option<Self> {
        let is_inline = text.get(table.span.clone())?.starts_with('{');
        let before = text.get(..member.key_span.start)?;
        let lead = before.get(before.rfind('\n').map_or(0, |at| at + 1)..)?;
        let lead = lead.strip_prefix('\u{feff}').unwrap_or(lead);
        if !is_inline && lead.contains(['{', ',', '=']) {
            return None;
        }
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Some(Self {
            format: Format::Toml,
            between: if is_inline { ", ".to_owned() } else { format!("{newline}{lead}") },
            colon: if colon.trim() == "=" { colon } else { " = " }.to_owned(),
            comma: ", ",
            lines: None,
        })
    }

    /// A member; `value` is as the file writes it.
    pub fn member(&self, key: &str, value: &str) -> String {
        format!("{}{}{value}", self.key(key), self.colon)
    }

    /// Several members.
    pub fn members(&self, members: &[String]) -> String {
        members.join(&self.between)
    }

    /// A member that follows another one.
    pub fn next(&self, key: &str, value: &str) -> String {
        format!("{}{}", self.between, self.member(key, value))
    }

    /// A list of values, which are as the file writes them.
    pub fn list(&self, values: &[String]) -> String {
        let Some((lead, step)) = &self.lines else {
            return format!("[{}]", values.join(self.comma));
        };
        let values: Vec<String> = values.iter().map(|value| format!("{lead}{step}{value}")).collect();
        format!("[{}{lead}]", values.join(","))
    }

    /// A name as the file writes it.
    pub fn key(&self, key: &str) -> String {
        match self.format {
            Format::Json => quoted(key),
            Format::Toml => key.to_owned(),
        }
    }
}

/// What stands between two values of a list, seen before its first one at `first`.
pub fn comma(text: &str, first: usize) -> String {
    match own_line(text, first) {
        Some(lead) => format!(",{lead}"),
        None => ", ".to_owned(),
    }
}

/// A text as JSON writes it, which TOML reads, too.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// The line break and the indentation before `at`, if nothing else stands before it in its line.
fn own_line(text: &str, at: usize) -> Option<&str> {
    let before = text.get(..at)?;
    let newline = before.trim_end_matches([' ', '\t']).strip_suffix('\n')?;
    let newline = newline.strip_suffix('\r').unwrap_or(newline);
    before.get(newline.len()..)
}
