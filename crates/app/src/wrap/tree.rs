//! A configuration file as a tree whose every part knows its place in the text.

use std::ops::Range;

/// Most values in a file: far more than any client writes, and few enough to hold.
pub const MAX_VALUES: usize = 1 << 20;
/// Most tables and lists that may be open at once.
pub const MAX_DEPTH: usize = 100;

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Value {
    /// Byte offsets in the text.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A string, without quotes and escapes.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object of JSON, a table of TOML.
    Table(Vec<Member>),
    /// A number, a date, `true`, `false` or `null`.
    Other,
}

/// A named value of a table.
#[derive(Clone, Debug)]
pub struct Member {
    /// The name, without quotes and escapes.
    pub key: String,
    /// Where the name stands, quotes included.
    pub key_span: Range<usize>,
    /// The value.
    pub value: Value,
}

/// Why a text is no tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What is wrong, as a fragment.
    pub what: String,
}

impl Value {
    /// The members, none if it is no table.
    pub fn members(&self) -> &[Member] {
        match &self.kind {
            Kind::Table(members) => members,
            _ => &[],
        }
    }

    /// The member of this name; of several the last one, which is the one that clients take.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members().iter().rfind(|member| member.key == name)
    }

    /// Whether it is a table.
    pub fn is_table(&self) -> bool {
        matches!(self.kind, Kind::Table(_))
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub fn list(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::List(values) => Some(values),
            _ => None,
        }
    }

    /// The value that these names lead to.
    #[cfg(test)]
    pub fn at(&self, path: &[String]) -> Option<&Value> {
        path.iter().try_fold(self, |value, name| Some(&value.member(name)?.value))
    }
}

impl Member {
    /// From the name to the end of the value.
    pub fn span(&self) -> Range<usize> {
        self.key_span.start..self.value.span.end
    }
}

impl Mistake {
    /// A mistake at this byte of the text.
    pub fn at(text: &str, at: usize, what: impl Into<String>) -> Self {
        let before = text.get(..text.floor_char_boundary(at)).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        Self { line: before.matches('\n').count() + 1, column: line.chars().count() + 1, what: what.into() }
    }
}
