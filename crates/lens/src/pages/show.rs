//! One exchange, with all that belongs to it.

use tapgate_store::{ExchangeRow, FindingRow, MessageRow, SessionRow, SourceRow};
use tapgate_wire::Leg;
use tapgate_wire::fault::Severity;
use tapgate_wire::record::{Hand, UnixNanos};

use super::calls::{facts, table_of_session, what};
use super::waterfall::again_text;
use super::{Meaning, Rules, message, waterfall};
use crate::call::side_word;
use crate::capture::{is_full, marks};
use crate::page::{Block, Cell, Fact, Facts, Note, Page, Tone};
use crate::{Call, unit};

/// What a page about one exchange needs.
pub struct ExchangeView<'a> {
    /// The exchange.
    pub call: Call<'a>,
    /// Exchanges that were asked inside of it.
    pub children: &'a [ExchangeRow],
    /// What else belongs to it: exchanges inside of those, the others of its chain, and plain HTTP between them.
    pub around: &'a [ExchangeRow],
    /// Its messages in order.
    pub messages: &'a [MessageRow],
    /// What is wrong about it.
    pub findings: &'a [FindingRow],
    /// What the server wrote to standard error while it was open.
    pub stderr: &'a [MessageRow],
    /// What the codes of findings mean.
    pub meaning: Meaning<'a>,
    /// The rules that findings name.
    pub rules: Rules<'a>,
}

/// The exchange for reading: facts, findings, what was asked inside, messages laid out, stderr.
pub fn show(view: &ExchangeView<'_>) -> Page {
    let mut blocks = top(view);
    let exchange = view.call.exchange;
    let is_told = |code: &String| view.findings.iter().any(|finding| finding.rule == *code);
    blocks.extend(
        exchange
            .findings
            .iter()
            .filter(|code| !is_told(code))
            .map(|code| Block::Note(Note::new(Tone::Odd, "!", message::explained(code, view.meaning)))),
    );
    blocks.extend(
        view.findings.iter().flat_map(|finding| found(finding, &place(finding), view.call.leg(), view.rules)),
    );
    if !view.children.is_empty() {
        blocks.push(Block::Title("Asked inside of it".to_owned()));
        let call = &view.call;
        let children: Vec<_> =
            view.children.iter().map(|child| Call::new(child, call.session, call.source, call.now)).collect();
        blocks.push(Block::Table(table_of_session(&children)));
    }
    if let Some(drawn) = waterfall::of_exchange(&view.call, view.around, view.messages) {
        blocks.push(Block::Title("What happened when".to_owned()));
        blocks.push(drawn);
    }
    blocks.extend(view.messages.iter().map(|message| message::read(message, exchange.opened, view.meaning)));
    if view.messages.is_empty() {
        blocks.push(gone());
    }
    if !view.stderr.is_empty() {
        blocks.push(Block::Title("The server's standard error meanwhile".to_owned()));
        blocks
            .extend(view.stderr.iter().map(|message| message::read(message, exchange.opened, view.meaning)));
    }
    Page::of(blocks)
}

/// The exchange as it was on the wire: each message's masked bytes, reads, event fields and heads.
pub fn wire(view: &ExchangeView<'_>) -> Page {
    let mut blocks = top(view);
    blocks.extend(
        view.messages.iter().map(|message| message::wire(message, view.call.exchange.opened, view.meaning)),
    );
    if view.messages.is_empty() {
        blocks.push(gone());
    }
    Page::of(blocks)
}

/// A message that belongs to no exchange, such as a line of standard error.
pub fn lone(
    message: &MessageRow,
    session: Option<&SessionRow>,
    source: Option<&SourceRow>,
    meaning: Meaning<'_>,
    now: UnixNanos,
) -> Page {
    let mut blocks = marks(source, now);
    blocks.push(Block::Title(format!("{}  {}", message.id, message::piece_word(message.piece))));
    let facts = vec![
        Fact::unseen("id", Cell::Told(message.id.to_string())),
        Fact::seen("server", "server", Cell::told(source.map(|source| source.name.as_str()))),
        Fact::seen("session", "session", Cell::Told(message.session.to_string())),
        Fact::seen("at", "came", Cell::At(message.at)),
        Fact::unseen("full", Cell::Flag(source.is_some_and(|source| is_full(source, message.at)))),
    ];
    blocks.push(Block::Facts(Facts { kind: "piece", facts }));
    let began = session.map_or(message.at, |session| session.opened);
    blocks.push(message::read(message, began, meaning));
    Page::of(blocks)
}

fn top(view: &ExchangeView<'_>) -> Vec<Block> {
    let call = &view.call;
    let mut blocks = marks(call.source, call.now);
    blocks.push(Block::Title(format!("{}  {}", call.exchange.id, what(call))));
    blocks.push(Block::Facts(Facts { kind: "exchange", facts: headline(call) }));
    blocks
}

/// A finding on a leg: who is at fault and what was seen, then what to do and where that is written.
pub(crate) fn found(finding: &FindingRow, place: &str, leg: Leg, rules: Rules<'_>) -> Vec<Block> {
    let tone = if finding.severity == Severity::Error { Tone::Bad } else { Tone::Odd };
    let (severity, side) = (finding.severity.word(), finding.side.word());
    let whose = side_word(finding.side, leg);
    let text = format!("{whose}: {} [{}] in {place}", finding.text, finding.rule);
    let rule = rules(&finding.rule);
    let facts = vec![
        Fact::unseen("rule", Cell::Told(finding.rule.clone())),
        Fact::unseen("side", Cell::Word(Tone::Usual, side)),
        Fact::unseen("severity", Cell::Word(Tone::Usual, severity)),
        Fact::unseen("revision", Cell::told(finding.revision.as_deref())),
        Fact::unseen("exchange", finding.exchange.map_or(Cell::None, |id| Cell::Told(id.to_string()))),
        Fact::unseen("message", finding.message.map_or(Cell::None, |id| Cell::Told(id.to_string()))),
        Fact::unseen("at", Cell::At(finding.at)),
        Fact::unseen("subject", Cell::told(Some(&finding.subject))),
        Fact::unseen("text", Cell::Told(finding.text.clone())),
        Fact::unseen("fix", rule.map_or(Cell::None, |rule| Cell::Word(Tone::Usual, rule.fix))),
        Fact::unseen("source", rule.map_or(Cell::None, |rule| Cell::Word(Tone::Usual, rule.source))),
    ];
    let mut blocks = vec![Block::Note(Note::new(tone, severity, text))];
    if let Some(rule) = rule {
        blocks.push(Block::Note(Note::new(Tone::Usual, "    →", rule.fix)));
        blocks.push(Block::Note(Note::new(Tone::Quiet, "   ", rule.source)));
    }
    blocks.push(Block::Facts(Facts { kind: "finding", facts }));
    blocks
}

/// Where a finding was made, as an id of the journal.
pub(crate) fn place(finding: &FindingRow) -> String {
    finding.exchange.map_or_else(|| finding.session.to_string(), |id| id.to_string())
}

fn gone() -> Block {
    let text = "Its messages are not in the journal: they are past their retention, or were lost.";
    Block::Note(Note::new(Tone::Quiet, "", text))
}

fn headline(call: &Call<'_>) -> Vec<Fact> {
    let exchange = call.exchange;
    let asked = match exchange.asked_by {
        Leg::Client => Cell::None,
        Leg::Server => Cell::Word(Tone::Usual, "the server asked the client"),
    };
    let text = |text: String| {
        if text.is_empty() { Cell::None } else { Cell::Told(text) }
    };
    let client = call.client().map(|(name, version)| format!("{name} {version}"));
    let mut headline = vec![
        Fact::seen("", "status", Cell::Status(exchange.status)),
        Fact::seen("", "error", text(error(exchange))),
        Fact::seen("", "method", Cell::Told(exchange.method.clone())),
        Fact::seen("", "direction", asked),
        Fact::seen("", "server", Cell::told(Some(call.server()))),
        Fact::seen("", "client", Cell::told(client.as_deref())),
        Fact::seen("", "session", Cell::Told(exchange.session.to_string())),
        Fact::seen(
            "",
            "asked in",
            exchange.parent.map_or(Cell::None, |parent| Cell::Told(parent.to_string())),
        ),
        Fact::seen("", "revision", Cell::told(call.revision())),
        Fact::seen("", "HTTP", exchange.http_status.map_or(Cell::None, |status| Cell::Count(status.into()))),
        Fact::seen("", "began", Cell::At(exchange.opened)),
        Fact::seen("", "took", text(took(call))),
        Fact::seen("", "of that", text(split(exchange))),
        Fact::seen("", "waits", text(waits(call))),
        Fact::seen(
            "",
            "size",
            Cell::Told(format!(
                "{} in, {} out",
                unit::size(exchange.bytes_in),
                unit::size(exchange.bytes_out)
            )),
        ),
        Fact::seen("", "went on", text(went_on(exchange))),
        Fact::seen("", "repeats", text(repeats(exchange))),
        Fact::seen("", "task", Cell::told(exchange.task.as_deref())),
        Fact::seen("", "JSON-RPC id", Cell::told(exchange.rpc_id.as_deref())),
    ];
    headline.extend(facts(call));
    headline
}

fn error(exchange: &ExchangeRow) -> String {
    let code = exchange.error_code.map(|code| code.to_string());
    let parts: Vec<&str> = code.as_deref().into_iter().chain(exchange.error_text.as_deref()).collect();
    parts.join(" ")
}

/// The duration and where it went.
fn took(call: &Call<'_>) -> String {
    let total = unit::span(call.duration());
    match (call.exchange.closed, call.exchange.first_answer) {
        (None, _) => format!("{total} so far"),
        (Some(_), None) => format!("{total}, nothing came back"),
        (Some(_), Some(_)) if call.rest() <= 0 => format!("{total}, the answer came in one read"),
        (Some(_), Some(_)) => {
            format!(
                "{total}: {} to the first byte back, {} more to the last",
                unit::span(call.first()),
                unit::span(call.rest())
            )
        }
    }
}

/// Where the time went, as far as that is known.
fn split(exchange: &ExchangeRow) -> String {
    let Some(clock) = exchange.clock else { return String::new() };
    let parts = [
        ("server", clock.server),
        ("wire", clock.wire),
        ("tapgate", clock.tapgate),
        ("client", clock.client),
        ("person", clock.person),
    ];
    let span = |nanos| unit::span(i64::try_from(nanos).unwrap_or(i64::MAX));
    let said = parts.map(|(who, nanos)| match nanos {
        0 => format!("{who} –"),
        nanos => format!("{who} {}", span(nanos)),
    });
    let injected = (clock.injected > 0).then(|| format!(", held back on purpose {}", span(clock.injected)));
    said.join(", ") + &injected.unwrap_or_default()
}

/// Whom an open exchange waits for, as a sentence.
fn waits(call: &Call<'_>) -> String {
    let Some((hand, since)) = call.waits_for() else { return String::new() };
    let long = unit::span(call.now.saturating_sub(since));
    match hand {
        Hand::Server => format!("for the server, since {long}"),
        Hand::Client => format!("for the client to answer what the server asked, since {long}"),
        Hand::Person => format!("for a person to answer what the server asked, since {long}"),
        Hand::Wire => format!("for the rest of a message that is on its way, since {long}"),
        Hand::Injected => format!("for tapgate, which holds its answer back on purpose, since {long}"),
        Hand::Tapgate => format!("for a receiver that does not read what tapgate writes, since {long}"),
    }
}

/// Which exchange it repeats, and how.
fn repeats(exchange: &ExchangeRow) -> String {
    let how = exchange.again.map_or("", again_text);
    exchange.chain.map_or_else(String::new, |chain| format!("{chain}: {how}"))
}

/// Rounds, retries, progress, late and duplicate answers, in words.
fn went_on(exchange: &ExchangeRow) -> String {
    let counted = |n: u32, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let parts = [
        counted(exchange.n_progress, "progress notification", "progress notifications"),
        counted(exchange.n_rounds, "more round", "more rounds"),
        counted(exchange.n_retries, "retry", "retries"),
        exchange.late.then(|| "an answer came late".to_owned()),
        exchange.duplicate.then(|| "it was answered more than once".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
