//! What is recorded: sources and their sessions.

use tapgate_store::{SessionRow, SourceRow, Totals};
use tapgate_wire::Leg;
use tapgate_wire::record::{Transport, UnixNanos};

use crate::call::{era_word, leg_word, transport_word};
use crate::capture::{is_full, lost, marks};
use crate::page::{Block, Cell, Column, Layout, Note, Page, Table, Tone};

/// A source and what is known of it.
pub struct SourceSummary<'a> {
    /// The source.
    pub row: &'a SourceRow,
    /// Whether its process lives.
    pub is_alive: bool,
    /// Its sessions.
    pub sessions: Vec<SessionSummary<'a>>,
}

/// A session and what was counted in it.
pub struct SessionSummary<'a> {
    /// The session.
    pub row: &'a SessionRow,
    /// How many exchanges it has.
    pub totals: Totals,
    /// When the last of them began or ended.
    pub last: Option<UnixNanos>,
}

const COLUMNS: &[Column] = &[
    Column::seen("session", "session", 0, 0, 6),
    Column::seen("server", "server", 0, 6, 12),
    Column::seen("", "client", 3, 8, 16),
    Column::seen("revision", "revision", 4, 0, 10),
    Column::seen("era", "era", 7, 0, 6),
    Column::seen("transport", "transport", 6, 0, 9),
    Column::seen("", "leg", 1, 0, 6),
    Column::seen("calls", "calls", 1, 0, 5),
    Column::seen("errors", "errors", 2, 0, 5),
    Column::seen("last", "last", 2, 0, 8),
    Column::seen("state", "state", 0, 0, 10),
    Column::seen("", "notes", 1, 8, 16),
    Column::unseen("leg"),
    Column::unseen("source"),
    Column::unseen("run"),
    Column::unseen("client.name"),
    Column::unseen("client.version"),
    Column::unseen("server.name"),
    Column::unseen("server.version"),
    Column::unseen("opened"),
    Column::unseen("closed"),
    Column::unseen("pid"),
    Column::unseen("exit_status"),
    Column::unseen("full"),
    Column::unseen("full_until"),
    Column::unseen("lost_bytes"),
    Column::unseen("lost_records"),
];

/// The sources in the order given, each session a row; what is wrong with the journal, if anything is, stands on top.
pub fn ls(sources: &[SourceSummary<'_>], trouble: Option<&str>, now: UnixNanos) -> Page {
    let mut blocks: Vec<Block> = Vec::new();
    blocks.extend(trouble.map(|trouble| Block::Note(Note::new(Tone::Bad, "JOURNAL", trouble))));
    if sources.is_empty() {
        blocks.push(Block::Note(Note::new(
            Tone::Quiet,
            "",
            "Nothing is recorded yet. Put `tapgate tap --` in front of a server's command in your client's \
             configuration, as in `tapgate tap -- npx -y some-server`, and use the client; or run `tapgate demo`.",
        )));
        return Page::of(blocks);
    }
    blocks.extend(marks(sources.iter().map(|source| source.row), now));
    let mut rows = Vec::new();
    for source in sources {
        // A bridge is two sources of one process.
        let is_bridge = sources.iter().any(|other| {
            other.row.leg != source.row.leg
                && (other.row.pid, other.row.started) == (source.row.pid, source.row.started)
        });
        if source.sessions.is_empty() {
            rows.push(cells(source, None, is_bridge));
        }
        rows.extend(source.sessions.iter().map(|session| cells(source, Some(session), is_bridge)));
    }
    blocks.push(Block::Table(Table {
        kind: "session",
        columns: COLUMNS.to_vec(),
        rows,
        layout: Layout::Fitted,
    }));
    Page::of(blocks)
}

/// The transport of the leg that a source records.
fn of_leg(source: &SourceRow) -> Transport {
    match source.leg {
        Leg::Client => source.transports.0,
        Leg::Server => source.transports.1,
    }
}

fn cells(source: &SourceSummary<'_>, session: Option<&SessionSummary<'_>>, is_bridge: bool) -> Vec<Cell> {
    let row = session.map(|session| session.row);
    let client = row.and_then(|row| row.client.as_ref());
    let server = row.and_then(|row| row.server.as_ref());
    let source_row = source.row;
    let leg = Cell::Word(Tone::Usual, leg_word(source_row.leg));
    vec![
        row.map_or(Cell::None, |row| Cell::Told(row.id.to_string())),
        Cell::told(Some(&source_row.name)),
        client.map_or(Cell::None, |(name, version)| {
            Cell::Told(format!("{name} {version}").trim_end().to_owned())
        }),
        Cell::told(row.and_then(|row| row.revision.as_deref())),
        row.and_then(|row| row.era).map_or(Cell::None, |era| Cell::Word(Tone::Usual, era_word(era))),
        Cell::Word(Tone::Usual, transport_word(row.map_or(of_leg(source_row), |row| row.transport))),
        if is_bridge { leg.clone() } else { Cell::None },
        Cell::Count(session.map_or(0, |session| session.totals.exchanges)),
        Cell::Rare(session.map_or(0, |session| session.totals.errors)),
        session.and_then(|session| session.last).map_or(Cell::Ago(source_row.started), Cell::Ago),
        state(source, row),
        notes(source_row, row),
        leg,
        Cell::Told(source_row.id.to_string()),
        Cell::told(Some(&source_row.server)),
        Cell::told(client.map(|(name, _)| name.as_str())),
        Cell::told(client.map(|(_, version)| version.as_str())),
        Cell::told(server.map(|(name, _)| name.as_str())),
        Cell::told(server.map(|(_, version)| version.as_str())),
        Cell::At(row.map_or(source_row.started, |row| row.opened)),
        row.map_or(source_row.ended, |row| row.closed).map_or(Cell::None, Cell::At),
        Cell::Count(source_row.pid.into()),
        source_row.exit_status.map_or(Cell::None, |status| Cell::Number(status.into())),
        Cell::Flag(is_full_since(source_row, row)),
        source_row.full_until.map_or(Cell::None, Cell::At),
        Cell::Count(source_row.lost_bytes),
        Cell::Count(source_row.lost_records),
    ]
}

/// `live` while it goes on, `ended` as it should, `killed` when tapgate died before it could say how it ended.
fn state(source: &SourceSummary<'_>, session: Option<&SessionRow>) -> Cell {
    let is_over = session.is_some_and(|row| row.closed.is_some());
    match (source.row.ended.is_some() || is_over, source.is_alive) {
        (false, true) => Cell::Word(Tone::Good, "● live"),
        (false, false) => Cell::Word(Tone::Odd, "✗ killed"),
        (true, _) => Cell::Word(Tone::Quiet, "○ ended"),
    }
}

fn notes(source: &SourceRow, session: Option<&SessionRow>) -> Cell {
    let mut notes = Vec::new();
    if is_full_since(source, session) {
        notes.push("FULL".to_owned());
    }
    if lost(source).is_some() {
        notes.push("LOST".to_owned());
    }
    if session.is_none() {
        notes.push("no message yet".to_owned());
    }
    if let Some(status) = source.exit_status.filter(|status| *status != 0) {
        notes.push(format!("exit status {status}"));
    }
    if notes.is_empty() { Cell::None } else { Cell::Several(notes) }
}

/// Whether bodies of the session, or of the source, were stored unmasked.
fn is_full_since(source: &SourceRow, session: Option<&SessionRow>) -> bool {
    is_full(source, session.map_or(source.started, |row| row.opened))
}

#[cfg(test)]
mod tests {
    use tapgate_store::SourceId;

    use super::*;
    use crate::sample;

    /// The words of the column for people.
    fn legs(rows: &[SourceRow]) -> Vec<Cell> {
        let summary = |row| SourceSummary { row, is_alive: true, sessions: Vec::new() };
        let summaries: Vec<_> = rows.iter().map(summary).collect();
        let page = ls(&summaries, None, sample::NOW);
        let at = COLUMNS.iter().position(|column| column.title == Some("leg")).unwrap();
        let rows = page.blocks.into_iter().filter_map(|block| match block {
            Block::Table(table) => Some(table.rows),
            _ => None,
        });
        rows.flatten().map(|mut row| row.swap_remove(at)).collect()
    }

    #[test]
    fn only_the_sources_of_a_bridge_name_their_leg() {
        let client = sample::world().sources[0].clone();
        let server = SourceRow { id: SourceId(77), leg: Leg::Server, ..client.clone() };
        let other = SourceRow { id: SourceId(78), pid: client.pid + 1, ..client.clone() };
        let word = |word| Cell::Word(Tone::Usual, word);
        assert_eq!(legs(&[client.clone(), other.clone()]), [Cell::None, Cell::None]);
        assert_eq!(legs(&[client, other, server]), [word("client"), Cell::None, word("server")]);
    }
}
