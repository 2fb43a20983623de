//! What happened in which order, on one axis: inside of one exchange and around it in its chain, or in a session.

use std::collections::{BTreeMap, BTreeSet};

use tapgate_store::{ExchangeRow, MessageId, MessageRow, SessionRow, SourceRow};
use tapgate_wire::Leg;
use tapgate_wire::record::{Again, Piece, UnixNanos};

use super::calls::what;
use crate::Call;
use crate::page::{Bar, Block, Waterfall};

/// The most bars of one exchange and of one session; what began later is counted.
const MAX_BARS: usize = 60;
const MAX_BARS_OF_SESSION: usize = 500;

/// How deep exchanges inside of exchanges are drawn.
const MAX_DEPTH: usize = 8;

/// What bars are made of, and the bars.
struct Drawing<'a> {
    session: Option<&'a SessionRow>,
    source: Option<&'a SourceRow>,
    now: UnixNanos,
    around: &'a [ExchangeRow],
    messages: BTreeMap<MessageId, &'a MessageRow>,
    bars: Vec<Bar>,
}

/// The waterfall of an exchange, `None` when nothing but itself happened.
///
/// `around` holds what belongs to it, in any order: what was asked inside of it, the others of its chain, and the
/// plain HTTP of logins between them.
pub(super) fn of_exchange(call: &Call<'_>, around: &[ExchangeRow], messages: &[MessageRow]) -> Option<Block> {
    let own = call.exchange;
    let root = own.chain.unwrap_or(own.id);
    let mut drawing = Drawing::new((call.session, call.source, call.now), around, messages);
    let in_chain = |other: &&ExchangeRow| {
        (other.id == root || other.chain == Some(root)) && other.parent.is_none_or(|parent| parent != own.id)
    };
    let mut attempts: Vec<&ExchangeRow> =
        around.iter().filter(|other| other.id != own.id).filter(in_chain).collect();
    attempts.push(own);
    attempts.sort_by_key(|exchange| (exchange.opened, exchange.id));
    for exchange in attempts {
        for fetched in drawing.detour(exchange) {
            drawing.add(fetched, 1);
        }
        drawing.add(exchange, 0);
        drawing.inside(exchange, 1);
    }
    drawing.finish(MAX_BARS).filter(|waterfall| waterfall.bars.len() > 1).map(Block::Waterfall)
}

/// The waterfall of a session, `None` when nothing happened in it; `messages` holds those of what has several rounds or
/// progress, and notes.
pub(super) fn of_session(
    row: &SessionRow,
    source: Option<&SourceRow>,
    now: UnixNanos,
    exchanges: &[ExchangeRow],
    messages: &[MessageRow],
) -> Option<Block> {
    let mut drawing = Drawing::new((Some(row), source, now), exchanges, messages);
    let here: BTreeSet<_> = exchanges.iter().map(|exchange| exchange.id).collect();
    let is_top = |exchange: &&ExchangeRow| exchange.parent.is_none_or(|parent| !here.contains(&parent));
    let mut top: Vec<_> = exchanges.iter().filter(is_top).collect();
    top.sort_by_key(|exchange| (exchange.opened, exchange.id));
    top.truncate(MAX_BARS_OF_SESSION);
    let fetched: BTreeSet<_> =
        top.iter().flat_map(|exchange| drawing.detour(exchange)).map(|exchange| exchange.id).collect();
    let mut notes: Vec<_> = messages.iter().filter(|message| message.piece == Piece::Note).collect();
    notes.sort_by_key(|note| std::cmp::Reverse((note.at, note.id)));
    for exchange in top {
        while let Some(note) = notes.pop_if(|note| note.at < exchange.opened) {
            drawing.note(note);
        }
        drawing.add(exchange, usize::from(fetched.contains(&exchange.id)));
        drawing.inside(exchange, 1);
    }
    notes.iter().rev().for_each(|note| drawing.note(note));
    let n_drawn = drawing.bars.iter().filter(|bar| matches!(bar.kind, "exchange" | "http")).count();
    let n_left = exchanges.len().saturating_sub(n_drawn);
    let waterfall = drawing.finish(MAX_BARS_OF_SESSION)?;
    Some(Block::Waterfall(Waterfall { n_left: waterfall.n_left + n_left, ..waterfall }))
}

impl<'a> Drawing<'a> {
    fn new(
        (session, source, now): (Option<&'a SessionRow>, Option<&'a SourceRow>, UnixNanos),
        around: &'a [ExchangeRow],
        messages: &'a [MessageRow],
    ) -> Self {
        let messages = messages.iter().map(|message| (message.id, message)).collect();
        Self { session, source, now, around, messages, bars: Vec::new() }
    }

    /// An exchange with its rounds and its progress.
    fn add(&mut self, exchange: &ExchangeRow, depth: usize) {
        let what = what(&Call::new(exchange, self.session, self.source, self.now));
        let what = match exchange.again {
            Some(again) => format!("{}: {what}", again_word(again)),
            None => what,
        };
        let until = exchange.closed.unwrap_or(self.now);
        self.bars.push(Bar {
            kind: if exchange.method.starts_with("http/") { "http" } else { "exchange" },
            id: Some(exchange.id.to_string()),
            what,
            depth,
            status: Some(exchange.status),
            from: exchange.opened,
            until: until.max(exchange.opened),
            marks: Vec::new(),
        });
        let messages: Vec<_> =
            exchange.messages.iter().filter_map(|id| self.messages.get(id).copied()).collect();
        self.rounds(exchange, &messages, depth + 1);
        self.progress(&messages, depth + 1);
    }

    /// What was asked inside of an exchange, and inside of that.
    fn inside(&mut self, outer: &ExchangeRow, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let mut inner: Vec<_> = self.around.iter().filter(|other| other.parent == Some(outer.id)).collect();
        inner.sort_by_key(|exchange| (exchange.opened, exchange.id));
        for exchange in inner {
            self.add(exchange, depth);
            self.inside(exchange, depth + 1);
        }
    }

    /// The HTTP of a login: what was fetched between a refusal and this attempt after it.
    fn detour(&self, again: &ExchangeRow) -> Vec<&'a ExchangeRow> {
        let Some((Again::Login, root)) = again.again.zip(again.chain) else { return Vec::new() };
        let is_before = |other: &&ExchangeRow| {
            (other.id == root || other.chain == Some(root))
                && (other.opened, other.id) < (again.opened, again.id)
        };
        let before = self.around.iter().filter(is_before).max_by_key(|other| (other.opened, other.id));
        let Some(before) = before else { return Vec::new() };
        let between = before.closed.unwrap_or(before.opened)..=again.opened;
        let is_between = |other: &&ExchangeRow| {
            other.method.starts_with("http/") && between.contains(&other.opened) && other.again.is_none()
        };
        let mut fetched: Vec<_> = self.around.iter().filter(is_between).collect();
        fetched.sort_by_key(|exchange| (exchange.opened, exchange.id));
        fetched
    }

    /// Each round from its request to the answer that ends it, when there are several.
    fn rounds(&mut self, own: &ExchangeRow, messages: &[&MessageRow], depth: usize) {
        if own.n_rounds == 0 {
            return;
        }
        let asks = |message: &&&MessageRow| message.piece == Piece::Request && message.from == own.asked_by;
        for (n, request) in messages.iter().filter(asks).enumerate() {
            let answers = |message: &&&MessageRow| {
                matches!(message.piece, Piece::Result | Piece::Error) && message.at >= request.at
            };
            let answer = messages.iter().find(answers);
            self.bars.push(Bar {
                kind: "round",
                id: Some(request.id.to_string()),
                what: format!("round {}", n + 1),
                depth,
                status: None,
                from: request.at,
                until: answer.map_or(own.closed.unwrap_or(self.now), |answer| end_of(answer)).max(request.at),
                marks: Vec::new(),
            });
        }
    }

    /// When each progress came, in one line.
    fn progress(&mut self, messages: &[&MessageRow], depth: usize) {
        let is_progress = |message: &&&MessageRow| {
            message.piece == Piece::Notification
                && message.from == Leg::Server
                && String::from_utf8_lossy(&message.body).contains("\"notifications/progress\"")
        };
        let marks: Vec<UnixNanos> = messages.iter().filter(is_progress).map(|message| message.at).collect();
        if let (Some(first), Some(last)) = (marks.first(), marks.last()) {
            self.bars.push(Bar {
                kind: "progress",
                id: None,
                what: format!("progress ×{}", marks.len()),
                depth,
                status: None,
                from: *first,
                until: *last,
                marks,
            });
        }
    }

    /// What happened to the server's process, what was not seen, what was done on purpose: a moment.
    fn note(&mut self, note: &MessageRow) {
        self.bars.push(Bar {
            kind: "note",
            id: Some(note.id.to_string()),
            what: String::from_utf8_lossy(&note.body).into_owned(),
            depth: 0,
            status: None,
            from: note.at,
            until: note.at,
            marks: vec![note.at],
        });
    }

    fn finish(mut self, most: usize) -> Option<Waterfall> {
        let n_left = self.bars.len().saturating_sub(most);
        self.bars.truncate(most);
        let from = self.bars.iter().map(|bar| bar.from).min()?;
        let until = self.bars.iter().map(|bar| bar.until).max()?;
        Some(Waterfall { from, until, bars: self.bars, n_left })
    }
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
        Again::Restart => "restart",
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
        Again::Restart => "again, after the client had started the server again",
    }
}

fn end_of(message: &MessageRow) -> UnixNanos {
    let last = message.chunks.last().map_or(0, |(after, _)| *after);
    message.at.saturating_add(i64::try_from(last).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use tapgate_store::ExchangeId;

    use super::{MAX_BARS_OF_SESSION, of_session};
    use crate::page::Block;
    use crate::sample;

    #[test]
    fn each_call_is_a_bar_or_is_counted() {
        let world = sample::world();
        let calls: Vec<_> = (0..701)
            .map(|n| {
                let mut call = world.exchange("search").clone();
                // Each third is asked inside of the one before it.
                (call.id, call.parent) = (ExchangeId(n), (n % 3 == 2).then(|| ExchangeId(n - 1)));
                call
            })
            .collect();
        let drawn = of_session(&world.sessions[0], None, sample::NOW, &calls, &[]);
        let Some(Block::Waterfall(drawn)) = drawn else { panic!("nothing is drawn") };
        assert_eq!((drawn.bars.len(), drawn.n_left), (MAX_BARS_OF_SESSION, 201));
    }
}
