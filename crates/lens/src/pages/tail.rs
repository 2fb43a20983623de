//! What happens now, a line each.

use std::collections::{BTreeSet, VecDeque};

use tapgate_store::{ExchangeId, MessageRow};
use tapgate_wire::record::{Piece, Status};

use super::calls::table;
use super::message::piece_word;
use crate::Call;
use crate::capture::is_full;
use crate::page::{Block, Cell, Column, Layout, Page, Table, Tone};
use crate::plain::lossless;

/// How many exchanges are remembered as told.
const MAX_TOLD: usize = 10_000;

/// What the server wrote beside the protocol, and what tapgate has to say, in the columns of the exchanges.
const COLUMNS: &[Column] = &[
    Column::seen("id", "id", 0, 4, 7),
    Column::seen("at", "time (UTC)", 5, 12, 12),
    Column::seen("server", "server", 4, 6, 12),
    Column::seen("piece", "piece", 0, 6, 6),
    Column::seen("text", "text", 0, 8, 60),
    Column::unseen("session"),
    Column::unseen("full"),
];

/// Follows the journal: takes rows as they appear or change, and gives a page of the lines that are new.
///
/// The first page also carries the marks of full captures; a later line of a full capture says so itself.
#[derive(Debug, Default)]
pub struct Tail {
    /// What was told, as far as it can still change.
    told: BTreeSet<(ExchangeId, Status, bool)>,
    order: VecDeque<(ExchangeId, Status, bool)>,
}

/// A row that is new or changed.
pub enum Line<'a> {
    /// An exchange.
    Call(Call<'a>),
    /// A line of stderr, a note, or another piece that belongs to no exchange; and the exchange's neighbours.
    Piece(&'a MessageRow, Call<'a>),
    /// The same without an exchange around it: the name of its source.
    Stray(&'a MessageRow, Option<&'a tapgate_store::SourceRow>),
}

impl Tail {
    /// A tail that has told nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lines for `rows`, in their order: each exchange once when it is over, and again if it changes after that.
    pub fn page(&mut self, rows: Vec<Line<'_>>) -> Page {
        let mut blocks = Vec::new();
        for row in rows {
            match row {
                Line::Call(call) if self.is_new(&call) => {
                    blocks.push(Block::Table(table(&[call], Layout::Streaming)));
                }
                Line::Call(_) => {}
                Line::Piece(message, call) => blocks.extend(piece(message, call.source)),
                Line::Stray(message, source) => blocks.extend(piece(message, source)),
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
            self.order.pop_front().inspect(|oldest| drop(self.told.remove(oldest)));
        }
        true
    }
}

fn piece(message: &MessageRow, source: Option<&tapgate_store::SourceRow>) -> Option<Block> {
    if !matches!(message.piece, Piece::Stderr | Piece::Note | Piece::Other) {
        return None;
    }
    let tone = if message.piece == Piece::Other { Tone::Odd } else { Tone::Quiet };
    let row = vec![
        Cell::Told(message.id.to_string()),
        Cell::At(message.at),
        Cell::told(source.map(|source| source.name.as_str())),
        Cell::Word(tone, piece_word(message.piece)),
        Cell::Told(lossless(&message.body).trim_end().to_owned()),
        Cell::Told(message.session.to_string()),
        Cell::Flag(source.is_some_and(|source| is_full(source, message.at))),
    ];
    Some(Block::Table(Table { kind: "message", columns: COLUMNS.to_vec(), rows: vec![row], layout: Layout::Streaming }))
}
