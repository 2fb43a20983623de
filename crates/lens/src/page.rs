//! A page as data: what every drawing shows.
//!
//! Text inside is as the journal holds it. A drawing makes it harmless in its own way: the one for terminals by
//! [`Plain`](crate::Plain), the one for JSON by escapes.

use tapgate_wire::record::{Status, UnixNanos};

/// What one look shows, from top to bottom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The blocks.
    pub blocks: Vec<Block>,
}

/// A part of a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A title over what follows; JSON has none.
    Title(String),
    /// Rows of the same kind.
    Table(Table),
    /// Names and values of one thing.
    Facts(Facts),
    /// Lines of traffic as it was.
    Dump(Dump),
    /// What happened when, on one axis.
    Waterfall(Waterfall),
    /// Something to know.
    Note(Note),
}

/// Rows of the same kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What a row is, as JSON names it.
    pub kind: &'static str,
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// Cells in the order of the columns.
    pub rows: Vec<Vec<Cell>>,
    /// Whether rows of later pages continue this table: no header, and widths that do not depend on the rows.
    pub layout: Layout,
}

/// How a table finds its widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// From its rows, below a header.
    Fitted,
    /// From its columns, without a header, so that lines that come later stand below each other.
    Streaming,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name in JSON; where it shows a field of the exchange, the field's name in expressions.
    pub key: &'static str,
    /// The header; a column without one is for JSON alone.
    pub title: Option<&'static str>,
    /// Which columns a narrow terminal gives up first: those with the highest number; 0 is never given up.
    pub rank: u8,
    /// The fewest columns of a terminal in which it still says something; 0 for what is shown whole or not at all.
    pub least: usize,
    /// The width in a table that streams, and no column's width exceeds four times that.
    pub usual: usize,
}

/// Names and values of one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// What the thing is, as JSON names it.
    pub kind: &'static str,
    /// Its values.
    pub facts: Vec<Fact>,
}

/// A named value.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The name in JSON.
    pub key: &'static str,
    /// The name on a terminal; a fact without one is for JSON alone.
    pub title: Option<&'static str>,
    /// The value.
    pub value: Cell,
}

/// What happened when, on one axis of time; a bar for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Waterfall {
    /// Where the axis begins.
    pub from: UnixNanos,
    /// Where it ends.
    pub until: UnixNanos,
    /// The bars, from top to bottom.
    pub bars: Vec<Bar>,
    /// How many more there would be.
    pub n_left: usize,
}

/// One line of a waterfall.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What it stands for: `exchange`, `http`, `round`, `progress`, `note`.
    pub kind: &'static str,
    /// The exchange or message that it stands for.
    pub id: Option<String>,
    /// What that was.
    pub what: String,
    /// How far inside of the first it happened.
    pub depth: usize,
    /// How it stands, where it is an exchange.
    pub status: Option<Status>,
    /// When it began.
    pub from: UnixNanos,
    /// When it ended.
    pub until: UnixNanos,
    /// Single moments that are shown in place of the whole length.
    pub marks: Vec<UnixNanos>,
}

/// A piece of traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct Dump {
    /// The line above it: what it is, from whom, when.
    pub head: Vec<Cell>,
    /// The same for JSON.
    pub facts: Vec<Fact>,
    /// Its lines.
    pub lines: Vec<DumpLine>,
}

/// A line of a dump.
#[derive(Clone, Debug, PartialEq)]
pub struct DumpLine {
    /// What stands in the margin.
    pub margin: &'static str,
    /// How it is meant.
    pub tone: Tone,
    /// The text; line ends inside of it begin new lines.
    pub text: String,
    /// Who wrote it.
    pub by: Author,
}

/// Who wrote a line of a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// A peer: a long line is folded anywhere, nothing is left out.
    Peer,
    /// We: a long line is broken at blanks.
    Us,
}

/// Something to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// How it is meant.
    pub tone: Tone,
    /// One word that stands first on a terminal and names the note in JSON.
    pub word: &'static str,
    /// The sentence.
    pub text: String,
}

/// How something is meant; a colour shows it too, never alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As any other text.
    Usual,
    /// Less important.
    Quiet,
    /// Stands out.
    Strong,
    /// As it should be.
    Good,
    /// Worth a look.
    Odd,
    /// Wrong.
    Bad,
}

/// A value on a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Not known, or not there.
    None,
    /// Text from a peer or a person.
    Told(String),
    /// Several of them.
    Several(Vec<String>),
    /// A word of ours.
    Word(Tone, &'static str),
    /// How many.
    Count(u64),
    /// How many of what is rare; people see it when there are some.
    Rare(u64),
    /// A number that may be below 0.
    Number(i64),
    /// Bytes.
    Bytes(u64),
    /// Nanoseconds.
    Span(i64),
    /// When.
    At(UnixNanos),
    /// When, shown as how long ago.
    Ago(UnixNanos),
    /// A part of a whole, 0 to 1.
    Share(f64),
    /// Where an exchange stands.
    Status(Status),
    /// Whether.
    Flag(bool),
    /// Nanoseconds after the first byte and bytes of each read; for JSON alone.
    Reads(Vec<(u64, u32)>),
}

impl Column {
    /// A column that people see.
    pub(crate) const fn seen(
        key: &'static str,
        title: &'static str,
        rank: u8,
        least: usize,
        usual: usize,
    ) -> Self {
        Self { key, title: Some(title), rank, least, usual }
    }

    /// A column that JSON has.
    pub(crate) const fn unseen(key: &'static str) -> Self {
        Self { key, title: None, rank: u8::MAX, least: 0, usual: 0 }
    }
}

impl Fact {
    /// A fact that people see.
    pub(crate) fn seen(key: &'static str, title: &'static str, value: Cell) -> Self {
        Self { key, title: Some(title), value }
    }

    /// A fact that JSON has.
    pub(crate) fn unseen(key: &'static str, value: Cell) -> Self {
        Self { key, title: None, value }
    }
}

impl Cell {
    /// Text from a peer, if there is any.
    pub(crate) fn told(text: Option<&str>) -> Self {
        text.filter(|text| !text.is_empty()).map_or(Self::None, |text| Self::Told(text.to_owned()))
    }
}

impl Page {
    /// A page of these blocks.
    pub(crate) fn of(blocks: Vec<Block>) -> Self {
        Self { blocks }
    }
}

impl Note {
    /// A note.
    pub fn new(tone: Tone, word: &'static str, text: impl Into<String>) -> Self {
        Self { tone, word, text: text.into() }
    }
}

/// The word of a status, as expressions and JSON have it.
pub fn status_word(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::Ok => "ok",
        Status::ToolError => "tool_error",
        Status::Error => "error",
        Status::Cancelled => "cancelled",
        Status::Unanswered => "unanswered",
        Status::Unknown => "unknown",
    }
}
