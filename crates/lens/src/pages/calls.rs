//! Many exchanges, one a line.

use tapgate_store::ExchangeRow;
use tapgate_wire::Leg;
use tapgate_wire::record::Clock;

use super::again_word;
use crate::Call;
use crate::call::{era_word, hand_word, leg_word, transport_word};
use crate::capture::marks;
use crate::page::{Block, Cell, Column, Fact, Layout, Note, Page, Table, Tone};
use crate::unit;

/// The columns of an exchange; the keys are the names of expressions.
pub(crate) const COLUMNS: &[Column] = &[
    Column::seen("id", "id", 0, 0, 7),
    Column::seen("at", "time (UTC)", 5, 0, 12),
    Column::seen("server", "server", 4, 6, 12),
    Column::seen("session", "session", 8, 0, 6),
    Column::seen("", "call", 0, 12, 28),
    Column::seen("status", "status", 0, 0, 12),
    Column::seen("duration", "took", 1, 0, 7),
    Column::seen("bytes.in", "in", 7, 0, 6),
    Column::seen("bytes.out", "out", 6, 0, 6),
    Column::seen("retries", "retries", 7, 0, 2),
    Column::seen("rounds", "rounds", 7, 0, 2),
    Column::seen("", "notes", 3, 10, 20),
    Column::unseen("source"),
    Column::unseen("method"),
    Column::unseen("tool"),
    Column::unseen("target"),
    Column::unseen("asked_by"),
    Column::unseen("error.code"),
    Column::unseen("error.message"),
    Column::unseen("http.status"),
    Column::unseen("client.name"),
    Column::unseen("client.version"),
    Column::unseen("era"),
    Column::unseen("revision"),
    Column::unseen("transport"),
    Column::unseen("leg"),
    Column::unseen("duration.first"),
    Column::unseen("duration.rest"),
    Column::unseen("time.client"),
    Column::unseen("time.tapgate"),
    Column::unseen("time.wire"),
    Column::unseen("time.server"),
    Column::unseen("time.person"),
    Column::unseen("time.injected"),
    Column::unseen("blocked"),
    Column::unseen("chain"),
    Column::unseen("again"),
    Column::unseen("progress"),
    Column::unseen("late"),
    Column::unseen("duplicate"),
    Column::unseen("findings"),
    Column::unseen("parent"),
    Column::unseen("task"),
    Column::unseen("rpc_id"),
    Column::unseen("full"),
];

/// The exchanges in the order given.
pub fn calls(calls: &[Call<'_>]) -> Page {
    let Some(now) = calls.first().map(|call| call.now) else {
        return Page::of(vec![Block::Note(Note::new(
            Tone::Quiet,
            "",
            "No calls match. `tapgate ls` shows what is recorded; `tapgate calls` without a filter shows every call.",
        ))]);
    };
    let mut blocks = marks(calls.iter().filter_map(|call| call.source), now);
    blocks.push(Block::Table(table(calls, Layout::Fitted)));
    Page::of(blocks)
}

/// The table of exchanges.
pub(crate) fn table(calls: &[Call<'_>], layout: Layout) -> Table {
    Table { kind: "exchange", columns: COLUMNS.to_vec(), rows: calls.iter().map(cells).collect(), layout }
}

/// The same on a page about one session: its server stands on top, and the room is for what was called.
pub(crate) fn table_of_session(calls: &[Call<'_>]) -> Table {
    let mut table = table(calls, Layout::Fitted);
    for column in table.columns.iter_mut().filter(|column| column.key == "server") {
        column.title = None;
    }
    table
}

/// The members of an exchange in JSON.
pub(crate) fn facts(call: &Call<'_>) -> Vec<Fact> {
    let named = COLUMNS.iter().zip(cells(call)).filter(|(column, _)| !column.key.is_empty());
    named.map(|(column, cell)| Fact::unseen(column.key, cell)).collect()
}

fn cells(call: &Call<'_>) -> Vec<Cell> {
    let exchange = call.exchange;
    vec![
        Cell::Told(exchange.id.to_string()),
        Cell::At(exchange.opened),
        Cell::told(Some(call.server())),
        Cell::Told(exchange.session.to_string()),
        Cell::Told(what(call)),
        Cell::Status(exchange.status),
        Cell::Span(call.duration()),
        Cell::Bytes(exchange.bytes_in),
        Cell::Bytes(exchange.bytes_out),
        Cell::Rare(exchange.n_retries.into()),
        Cell::Rare(exchange.n_rounds.into()),
        notes(call),
        Cell::told(call.source.map(|source| source.name.as_str())),
        Cell::Told(exchange.method.clone()),
        Cell::told(call.tool()),
        Cell::told(exchange.target.as_deref()),
        Cell::Word(Tone::Usual, leg_word(exchange.asked_by)),
        exchange.error_code.map_or(Cell::None, Cell::Number),
        Cell::told(exchange.error_text.as_deref()),
        exchange.http_status.map_or(Cell::None, |status| Cell::Count(status.into())),
        Cell::told(call.client().map(|(name, _)| name)),
        Cell::told(call.client().map(|(_, version)| version)),
        call.era().map_or(Cell::None, |era| Cell::Word(Tone::Usual, era_word(era))),
        Cell::told(call.revision()),
        call.session.map_or(Cell::None, |session| Cell::Word(Tone::Usual, transport_word(session.transport))),
        Cell::Word(Tone::Usual, leg_word(call.leg())),
        Cell::Span(call.first()),
        Cell::Span(call.rest()),
        part(exchange, |clock| clock.client),
        part(exchange, |clock| clock.tapgate),
        part(exchange, |clock| clock.wire),
        part(exchange, |clock| clock.server),
        part(exchange, |clock| clock.person),
        part(exchange, |clock| clock.injected),
        call.waits_for().map_or(Cell::None, |(hand, _)| Cell::Word(Tone::Usual, hand_word(hand))),
        exchange.chain.map_or(Cell::None, |chain| Cell::Told(chain.to_string())),
        exchange.again.map_or(Cell::None, |again| Cell::Word(Tone::Usual, again_word(again))),
        Cell::Count(exchange.n_progress.into()),
        Cell::Flag(exchange.late),
        Cell::Flag(exchange.duplicate),
        Cell::Several(exchange.findings.clone()),
        exchange.parent.map_or(Cell::None, |parent| Cell::Told(parent.to_string())),
        Cell::told(exchange.task.as_deref()),
        Cell::told(exchange.rpc_id.as_deref()),
        Cell::Flag(call.is_full()),
    ]
}

/// A part of the clock; nothing while that is not known.
fn part(exchange: &ExchangeRow, part: impl Fn(&Clock) -> u64) -> Cell {
    let nanos = exchange.clock.as_ref().map(part);
    nanos.map_or(Cell::None, |nanos| Cell::Span(i64::try_from(nanos).unwrap_or(i64::MAX)))
}

/// What was asked, in as few words as tell it: the tool alone, or the method and its target.
pub(crate) fn what(call: &Call<'_>) -> String {
    let exchange = call.exchange;
    let what = match (call.tool(), &exchange.target) {
        (Some(tool), _) => tool.to_owned(),
        (None, Some(target)) => format!("{} {target}", exchange.method),
        (None, None) => exchange.method.clone(),
    };
    match exchange.asked_by {
        Leg::Client => what,
        // The server asks the client.
        Leg::Server => format!("← {what}"),
    }
}

/// The error, then what else is worth a look.
fn notes(call: &Call<'_>) -> Cell {
    let exchange = call.exchange;
    let mut notes = Vec::new();
    if call.is_full() {
        notes.push("FULL".to_owned());
    }
    let code = exchange.error_code.map(|code| code.to_string());
    let http = exchange.http_status.filter(|status| *status >= 400).map(|status| format!("HTTP {status}"));
    match (code.or(http), &exchange.error_text) {
        (Some(code), Some(text)) => notes.push(format!("{code} {text}")),
        (Some(code), None) => notes.push(code),
        (None, Some(text)) => notes.push(text.clone()),
        (None, None) => {}
    }
    notes.extend(call.waits_for().map(|(hand, since)| {
        format!("waits for {} {}", hand_word(hand), unit::span(call.now.saturating_sub(since)))
    }));
    notes.extend(exchange.late.then(|| "late".to_owned()));
    notes.extend(exchange.duplicate.then(|| "duplicate".to_owned()));
    notes.extend(exchange.findings.iter().cloned());
    if notes.is_empty() { Cell::None } else { Cell::Several(notes) }
}
