//! What happened in which order inside of one exchange, and around it in its chain.

use tapgate_store::{ExchangeRow, MessageRow};
use tapgate_wire::Leg;
use tapgate_wire::record::{Again, Piece, UnixNanos};

use super::calls::what;
use crate::Call;
use crate::page::{Bar, Block, Waterfall};

/// The most bars of one waterfall; what began later is counted.
const MAX_BARS: usize = 60;

/// How deep exchanges inside of exchanges are drawn.
const MAX_DEPTH: usize = 8;

/// The waterfall of an exchange, `None` when nothing but itself happened.
///
/// `around` holds what belongs to it, in any order: what was asked inside of it, the others of its chain, and the
/// plain HTTP of logins between them.
pub(super) fn of(call: &Call<'_>, around: &[ExchangeRow], messages: &[MessageRow]) -> Option<Block> {
    let own = call.exchange;
    let root = own.chain.unwrap_or(own.id);
    let mut bars = Vec::new();
    let in_chain = |other: &&ExchangeRow| {
        (other.id == root || other.chain == Some(root)) && other.parent.is_none_or(|parent| parent != own.id)
    };
    let mut attempts: Vec<&ExchangeRow> =
        around.iter().filter(|other| other.id != own.id).filter(in_chain).collect();
    attempts.push(own);
    attempts.sort_by_key(|exchange| (exchange.opened, exchange.id));
    let mut before: Option<&ExchangeRow> = None;
    for exchange in attempts {
        if let (Some(Again::Login), Some(before)) = (exchange.again, before) {
            detour(call, around, (before.closed.unwrap_or(before.opened), exchange.opened), &mut bars);
        }
        add(call, exchange, 0, &mut bars);
        if exchange.id == own.id {
            rounds(own, messages, call.now, &mut bars);
            progress(messages, &mut bars);
        }
        inside(call, around, exchange, 1, &mut bars);
        before = Some(exchange);
    }
    if bars.len() < 2 {
        return None;
    }
    let n_left = bars.len().saturating_sub(MAX_BARS);
    bars.truncate(MAX_BARS);
    let from = bars.iter().map(|bar| bar.from).min().unwrap_or(own.opened);
    let until = bars.iter().map(|bar| bar.until).max().unwrap_or(own.opened);
    Some(Block::Waterfall(Waterfall { from, until, bars, n_left }))
}

/// The word of how an exchange repeats another, as JSON and expressions have it.
pub(crate) fn again_word(again: Again) -> &'static str {
    match again {
        Again::Transport => "transport",
        Again::Application => "application",
        Again::Resume => "resume",
        Again::Session => "session",
        Again::Login => "login",
        Again::Throttle => "throttle",
    }
}

/// The same as people read it.
pub(super) fn again_text(again: Again) -> &'static str {
    match again {
        Again::Transport => "sent again on a new connection",
        Again::Application => "asked again",
        Again::Resume => "goes on behind the last event",
        Again::Session => "again, because the session was gone",
        Again::Login => "again, after the server refused it unauthorized",
        Again::Throttle => "again, after the server said to wait",
    }
}

fn add(call: &Call<'_>, exchange: &ExchangeRow, depth: usize, bars: &mut Vec<Bar>) {
    let what = what(&Call::new(exchange, call.session, call.source, call.now));
    let what = match exchange.again {
        Some(again) => format!("{}: {what}", again_word(again)),
        None => what,
    };
    let until = exchange.closed.unwrap_or(call.now);
    bars.push(Bar {
        kind: if exchange.method.starts_with("http/") { "http" } else { "exchange" },
        id: Some(exchange.id.to_string()),
        what,
        depth,
        from: exchange.opened,
        until: until.max(exchange.opened),
        marks: Vec::new(),
    });
}

/// What was asked inside of an exchange, and inside of that.
fn inside(call: &Call<'_>, around: &[ExchangeRow], outer: &ExchangeRow, depth: usize, bars: &mut Vec<Bar>) {
    if depth > MAX_DEPTH {
        return;
    }
    let mut inner: Vec<_> = around.iter().filter(|other| other.parent == Some(outer.id)).collect();
    inner.sort_by_key(|exchange| (exchange.opened, exchange.id));
    for exchange in inner {
        add(call, exchange, depth, bars);
        inside(call, around, exchange, depth + 1, bars);
    }
}

/// The HTTP of a login: what was fetched between a refusal and the attempt after it.
fn detour(
    call: &Call<'_>,
    around: &[ExchangeRow],
    (from, until): (UnixNanos, UnixNanos),
    bars: &mut Vec<Bar>,
) {
    let is_between = |other: &&ExchangeRow| {
        other.method.starts_with("http/") && (from..=until).contains(&other.opened) && other.again.is_none()
    };
    let mut fetched: Vec<_> = around.iter().filter(is_between).collect();
    fetched.sort_by_key(|exchange| (exchange.opened, exchange.id));
    for exchange in fetched {
        add(call, exchange, 1, bars);
    }
}

/// Each round from its request to the answer that ends it, when there are several.
fn rounds(own: &ExchangeRow, messages: &[MessageRow], now: UnixNanos, bars: &mut Vec<Bar>) {
    if own.n_rounds == 0 {
        return;
    }
    let asks = |message: &&MessageRow| message.piece == Piece::Request && message.from == own.asked_by;
    for (n, request) in messages.iter().filter(asks).enumerate() {
        let answers = |message: &&MessageRow| {
            matches!(message.piece, Piece::Result | Piece::Error) && message.at >= request.at
        };
        let answer = messages.iter().find(answers);
        bars.push(Bar {
            kind: "round",
            id: Some(request.id.to_string()),
            what: format!("round {}", n + 1),
            depth: 1,
            from: request.at,
            until: answer.map_or(own.closed.unwrap_or(now), end_of).max(request.at),
            marks: Vec::new(),
        });
    }
}

/// When each progress came, in one line.
fn progress(messages: &[MessageRow], bars: &mut Vec<Bar>) {
    let is_progress = |message: &&MessageRow| {
        message.piece == Piece::Notification
            && message.from == Leg::Server
            && String::from_utf8_lossy(&message.body).contains("\"notifications/progress\"")
    };
    let marks: Vec<UnixNanos> = messages.iter().filter(is_progress).map(|message| message.at).collect();
    if let (Some(first), Some(last)) = (marks.first(), marks.last()) {
        bars.push(Bar {
            kind: "progress",
            id: None,
            what: format!("progress ×{}", marks.len()),
            depth: 1,
            from: *first,
            until: *last,
            marks,
        });
    }
}

fn end_of(message: &MessageRow) -> UnixNanos {
    let last = message.chunks.last().map_or(0, |(after, _)| *after);
    message.at.saturating_add(i64::try_from(last).unwrap_or(i64::MAX))
}
