//! One session: the handshake and what followed.

use serde_json::Value as Json;
use tapgate_store::{ExchangeRow, FindingRow, MessageRow, SessionRow, SourceRow};
use tapgate_wire::Leg;
use tapgate_wire::record::{Piece, UnixNanos};

use super::calls::table_of_session;
use super::{Meaning, Rules, found, message, waterfall};
use crate::Call;
use crate::call::{era_word, leg_word, transport_word};
use crate::capture::{is_full, marks};
use crate::page::{Block, Cell, Fact, Facts, Note, Page, Tone};
use crate::unit;

/// Pieces outside of calls that are shown from the beginning of a session, and as many from its end.
const MAX_OUTSIDE: usize = 50;

/// What a page about one session needs.
pub struct SessionView<'a> {
    /// The session.
    pub row: &'a SessionRow,
    /// Its source, if it is still there.
    pub source: Option<&'a SourceRow>,
    /// The messages of its handshake: `initialize` or `server/discover`, and the answer.
    pub handshake: &'a [MessageRow],
    /// Its exchanges in order.
    pub calls: &'a [Call<'a>],
    /// What is wrong in it outside of calls.
    pub findings: &'a [FindingRow],
    /// What came outside of calls: standard error, what is no message, what happened to the server's process.
    pub outside: &'a [MessageRow],
    /// What the codes of findings mean.
    pub meaning: Meaning<'a>,
    /// The rules that findings name.
    pub rules: Rules<'a>,
    /// Now.
    pub now: UnixNanos,
}

/// The session's calls on one axis of time, with what happened inside of them and to the server between them.
///
/// `messages` holds those of calls with several rounds or with progress, and notes.
pub fn session_waterfall(
    row: &SessionRow,
    source: Option<&SourceRow>,
    exchanges: &[ExchangeRow],
    messages: &[MessageRow],
    now: UnixNanos,
) -> Page {
    let mut blocks = top(row, source, now);
    blocks.push(Block::Facts(Facts { kind: "session", facts: names(row, source) }));
    let drawn = waterfall::of_session(row, source, now, exchanges, messages);
    blocks.push(drawn.unwrap_or_else(nothing));
    Page::of(blocks)
}

/// The session.
pub fn session(view: &SessionView<'_>) -> Page {
    let row = view.row;
    let mut blocks = top(row, view.source, view.now);
    blocks.push(Block::Facts(Facts { kind: "session", facts: facts(view) }));
    if row.client.is_none() && view.handshake.is_empty() {
        let text =
            "No handshake was seen: the session began before recording did, or the client never sent one.";
        blocks.push(Block::Note(Note::new(Tone::Odd, "!", text)));
    }
    match view.calls {
        [] => blocks.push(nothing()),
        calls => blocks.push(Block::Table(table_of_session(calls))),
    }
    let leg = view.source.map_or(Leg::Client, |source| source.leg);
    if !view.findings.is_empty() {
        blocks.push(Block::Title("Wrong outside of calls".to_owned()));
    }
    blocks.extend(
        view.findings.iter().flat_map(|finding| found(finding, &super::place(finding), leg, view.rules)),
    );
    blocks.extend(outside(view));
    Page::of(blocks)
}

/// Standard error, stray output, and what happened to the process; the beginning and the end of it.
fn outside(view: &SessionView<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !view.outside.is_empty() {
        blocks.push(Block::Title("Outside of calls".to_owned()));
    }
    let n_left = view.outside.len().saturating_sub(2 * MAX_OUTSIDE);
    for (n, piece) in view.outside.iter().enumerate() {
        if n_left > 0 && n == MAX_OUTSIDE {
            let text = format!("… {n_left} more, each with a page of its own: `tapgate show ID`");
            blocks.push(Block::Note(Note::new(Tone::Quiet, "", text)));
        }
        if n < MAX_OUTSIDE || n >= MAX_OUTSIDE + n_left {
            blocks.push(message::read(piece, view.row.opened, view.meaning));
        }
    }
    blocks
}

fn top(row: &SessionRow, source: Option<&SourceRow>, now: UnixNanos) -> Vec<Block> {
    let mut blocks = marks(source, now);
    let server = source.map_or("", |source| &source.name);
    blocks.push(Block::Title(format!("{}  {server}", row.id).trim_end().to_owned()));
    blocks
}

fn nothing() -> Block {
    Block::Note(Note::new(Tone::Quiet, "", "It has no calls."))
}

fn facts(view: &SessionView<'_>) -> Vec<Fact> {
    let row = view.row;
    let offer = said(view.handshake, Piece::Request, "/params");
    let answer = said(view.handshake, Piece::Result, "/result");
    let named = |names: &Option<(String, String)>| {
        Cell::told(names.as_ref().map(|(name, version)| format!("{name} {version}")).as_deref())
    };
    let leg = view.source.map_or(Leg::Client, |source| source.leg);
    let leg = Cell::Word(Tone::Usual, leg_word(leg));
    let n_errors = view.calls.iter().filter(|call| call.exchange.has_failed()).count() as u64;
    let lasted = row.closed.unwrap_or(view.now).saturating_sub(row.opened);
    let mut facts = names(row, view.source);
    facts.extend([
        Fact::seen("client", "client", named(&row.client)),
        Fact::seen("server", "server", named(&row.server)),
        Fact::seen("run", "reached by", Cell::told(view.source.map(|source| source.server.as_str()))),
        Fact::seen("offered", "offered", Cell::told(text(offer.as_ref(), "/protocolVersion").as_deref())),
        Fact::seen("revision", "agreed", Cell::told(row.revision.as_deref())),
        Fact::seen("era", "era", row.era.map_or(Cell::None, |era| Cell::Word(Tone::Usual, era_word(era)))),
        Fact::seen("transport", "transport", Cell::Word(Tone::Usual, transport_word(row.transport))),
        Fact::seen("leg", "leg", leg),
        Fact::seen("client.capabilities", "client can", capabilities(offer.as_ref())),
        Fact::seen("server.capabilities", "server can", capabilities(answer.as_ref())),
        Fact::seen("key", "session id", Cell::told(row.key.as_deref())),
        Fact::seen("opened", "began", Cell::At(row.opened)),
        Fact::seen("closed", "ended", row.closed.map_or(Cell::None, Cell::At)),
        Fact::seen("", "lasted", Cell::Told(unit::span(lasted))),
        Fact::seen("calls", "calls", Cell::Count(view.calls.len() as u64)),
        Fact::seen("errors", "errors", Cell::Rare(n_errors)),
    ]);
    facts
}

/// Which session it is, for JSON.
fn names(row: &SessionRow, source: Option<&SourceRow>) -> Vec<Fact> {
    vec![
        Fact::unseen("session", Cell::Told(row.id.to_string())),
        Fact::unseen("full", Cell::Flag(source.is_some_and(|source| is_full(source, row.opened)))),
        Fact::unseen("source", Cell::Told(row.source.to_string())),
    ]
}

/// The part of the first message of that kind.
fn said(messages: &[MessageRow], piece: Piece, part: &str) -> Option<Json> {
    let message = messages.iter().find(|message| message.piece == piece)?;
    let mut json: Json = serde_json::from_slice(&message.body).ok()?;
    json.pointer_mut(part).map(Json::take)
}

fn text(json: Option<&Json>, part: &str) -> Option<String> {
    Some(json?.pointer(part)?.as_str()?.to_owned())
}

/// The names of the capabilities, with what is switched on inside of them.
fn capabilities(json: Option<&Json>) -> Cell {
    let members = json.and_then(|json| json.pointer("/capabilities")).and_then(Json::as_object);
    let Some(members) = members else { return Cell::None };
    let names = members.iter().map(|(name, inner)| {
        let on: Vec<&str> = inner
            .as_object()
            .map(|inner| {
                inner
                    .iter()
                    .filter(|(_, value)| **value != Json::Bool(false))
                    .map(|(name, _)| name.as_str())
                    .collect()
            })
            .unwrap_or_default();
        if on.is_empty() { name.clone() } else { format!("{name} ({})", on.join(", ")) }
    });
    Cell::Told(names.collect::<Vec<_>>().join(", "))
}
