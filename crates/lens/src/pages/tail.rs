//! What happens now, a line each.

use std::collections::{BTreeSet, VecDeque};

use tapgate_store::{ExchangeId, MessageRow, SourceId, SourceRow};
use tapgate_wire::record::{Piece, Status, UnixNanos};

use super::calls::table;
use super::message::piece_word;
use crate::Call;
use crate::capture::{is_full, marks};
use crate::page::{Block, Cell, Column, Layout, Page, Table, Tone};
use crate::plain::lossless;

/// How many exchanges are remembered as told.
const MAX_TOLD: usize = 10_000;

/// What the server wrote beside the protocol, and what tapgate has to say, in the columns of the exchanges.
const COLUMNS: &[Column] = &[
    Column::seen("id", "id", 0, 0, 7),
    Column::seen("at", "time (UTC)", 5, 0, 12),
    Column::seen("server", "server", 4, 6, 12),
    Column::seen("piece", "piece", 0, 0, 6),
    Column::seen("text", "text", 0, 12, 60),
    Column::unseen("session"),
    Column::unseen("full"),
];

/// Follows the journal: takes rows as they appear or change, and gives a page of the lines that are new.
///
/// The first line of a source that is a full capture, or that lost something, comes with a mark that says so.
#[derive(Debug, Default)]
pub struct Tail {
    /// What was told, as far as it can still change.
    told: BTreeSet<(ExchangeId, Status, bool)>,
    order: VecDeque<(ExchangeId, Status, bool)>,
    /// Sources whose marks were shown.
    marked: BTreeSet<SourceId>,
}

/// A row that is new or changed.
pub enum Line<'a> {
    /// An exchange.
    Call(Call<'a>),
    /// A line of stderr, a note, or another piece that is no message; and its source.
    Piece(&'a MessageRow, Option<&'a SourceRow>),
}

impl Tail {
    /// A tail that has told nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lines for `rows`, in their order: each exchange once when it is over, and again if it changes after that.
    pub fn page(&mut self, rows: Vec<Line<'_>>, now: UnixNanos) -> Page {
        let mut blocks = Vec::new();
        for row in rows {
            let (source, line) = match row {
                Line::Call(call) if self.is_new(&call) => {
                    (call.source, Some(Block::Table(table(&[call], Layout::Streaming))))
                }
                Line::Call(_) => (None, None),
                Line::Piece(message, source) => (source, piece(message, source)),
            };
            if let Some(line) = line {
                blocks.extend(
                    source
                        .filter(|source| self.marked.insert(source.id))
                        .into_iter()
                        .flat_map(|source| marks([source], now)),
                );
                blocks.push(line);
            }
        }
        Page::of(blocks)
    }

    fn is_new(&mut self, call: &Call<'_>) -> bool {
        let exchange = call.exchange;
        let state = (exchange.id, exchange.status, exchange.late || exchange.duplicate);
        if exchange.status == Status::Pending || !self.told.insert(state) {
            return false;
        }
        self.order.push_back(state);
        if self.order.len() > MAX_TOLD {
            // What is forgotten is long over; if it changes once more, it is told once more.
            self.order.pop_front().map(|oldest| self.told.remove(&oldest));
        }
        true
    }
}

fn piece(message: &MessageRow, source: Option<&SourceRow>) -> Option<Block> {
    if !matches!(message.piece, Piece::Stderr | Piece::Note | Piece::Other) {
        return None;
    }
    let tone = if message.piece == Piece::Other { Tone::Odd } else { Tone::Quiet };
    let row = |line: &str| {
        vec![
            Cell::Told(message.id.to_string()),
            Cell::At(message.at),
            Cell::told(source.map(|source| source.name.as_str())),
            Cell::Word(tone, piece_word(message.piece)),
            Cell::Told(line.trim_end().to_owned()),
            Cell::Told(message.session.to_string()),
            Cell::Flag(source.is_some_and(|source| is_full(source, message.at))),
        ]
    };
    let rows = lossless(&message.body).trim_end().lines().map(row).collect();
    Some(Block::Table(Table { kind: "message", columns: COLUMNS.to_vec(), rows, layout: Layout::Streaming }))
}
