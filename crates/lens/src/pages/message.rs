//! A message as a piece of a page.

use serde::de::IgnoredAny;
use tapgate_store::MessageRow;
use tapgate_wire::Leg;
use tapgate_wire::record::{Body, Piece, UnixNanos};

use super::Meaning;
use crate::call::leg_word;
use crate::page::{Author, Block, Cell, Dump, DumpLine, Fact, Tone};
use crate::plain::lossless;
use crate::unit;

/// How many bytes of a body a page shows.
const MAX_SHOWN: usize = 64 * 1024;

/// How many reads a wire page lists for one message.
const MAX_READS: usize = 1_000;

/// A message for reading: JSON is laid out, what is long is cut.
pub(super) fn read(message: &MessageRow, began: UnixNanos, meaning: Meaning<'_>) -> Block {
    let mut lines = Vec::new();
    lines.extend(head_lines(message).filter(|_| message.piece == Piece::Http));
    let text = lossless(&message.body);
    let shown = laid_out(&text).unwrap_or_else(|| text.trim_end_matches('\n').to_owned());
    let cut = shown.char_indices().map(|(at, _)| at).find(|at| *at >= MAX_SHOWN);
    let kept = cut.and_then(|cut| shown.get(..cut)).unwrap_or(&shown);
    if !kept.is_empty() {
        // Only what peers sent must be seen blank for blank.
        let by = if message.piece == Piece::Note { Author::Us } else { Author::Peer };
        lines.push(DumpLine { margin: "", tone: Tone::Usual, text: kept.to_owned(), by });
    }
    if let Some(cut) = cut {
        let left = unit::size((shown.len() - cut) as u64);
        lines.push(quiet("…", format!("{left} more; `show --wire` has all of it")));
    }
    Block::Dump(Dump {
        head: heading(message, began),
        facts: facts(message),
        lines: with_faults(message, lines, meaning),
    })
}

/// A message as it was on the wire: heads, event fields, and the stored bytes with the reads that brought them.
pub(super) fn wire(message: &MessageRow, began: UnixNanos, meaning: Meaning<'_>) -> Block {
    let mut lines: Vec<DumpLine> = head_lines(message).collect();
    if let Some(event) = &message.event {
        lines.push(quiet("~", lossless(event).trim_end_matches('\n').to_owned()));
    }
    // Masking changes lengths; only where it changed none are the places of the reads known.
    let is_exact = message.size == message.body.len() as u64 && message.chunks.len() <= MAX_READS;
    let mut rest = message.body.as_slice();
    for (after, n_bytes) in message.chunks.iter().take(MAX_READS) {
        let since =
            message.at.saturating_sub(began).saturating_add(i64::try_from(*after).unwrap_or(i64::MAX));
        lines.push(quiet("┊", format!("+{}  {} read", unit::span(since), unit::size(u64::from(*n_bytes)))));
        if is_exact {
            let (piece, later) = rest.split_at_checked(*n_bytes as usize).unwrap_or((rest, &[]));
            rest = later;
            lines.extend(bytes(piece));
        }
    }
    lines.extend(bytes(rest));
    Block::Dump(Dump {
        head: heading(message, began),
        facts: facts(message),
        lines: with_faults(message, lines, meaning),
    })
}

/// Bytes with their line ends made visible, so that what was sent can be told from how it is shown.
fn bytes(piece: &[u8]) -> Option<DumpLine> {
    let text = lossless(piece).replace("\r\n", "␍␊\n").replace('\n', "␊\n").replace("␍␊␊\n", "␍␊\n");
    let text = text.strip_suffix('\n').unwrap_or(&text);
    (!piece.is_empty()).then(|| DumpLine {
        margin: "",
        tone: Tone::Usual,
        text: text.to_owned(),
        by: Author::Peer,
    })
}

fn head_lines(message: &MessageRow) -> impl Iterator<Item = DumpLine> {
    let head = message.head.as_deref().map(|head| lossless(head).trim_end().to_owned());
    head.into_iter().map(|head| quiet("~", head))
}

fn quiet(margin: &'static str, text: String) -> DumpLine {
    DumpLine { margin, tone: Tone::Quiet, text, by: Author::Peer }
}

fn with_faults(message: &MessageRow, mut lines: Vec<DumpLine>, meaning: Meaning<'_>) -> Vec<DumpLine> {
    lines.extend(message.faults.iter().map(|(code, at)| DumpLine {
        margin: "!",
        tone: Tone::Odd,
        by: Author::Us,
        text: match at {
            0 => explained(code, meaning),
            _ => format!("{} (at byte {at})", explained(code, meaning)),
        },
    }));
    lines
}

/// A finding's sentence and its code.
pub(super) fn explained(code: &str, meaning: Meaning<'_>) -> String {
    match meaning(code) {
        Some(sentence) => format!("{sentence} [{code}]"),
        None => code.to_owned(),
    }
}

fn heading(message: &MessageRow, began: UnixNanos) -> Vec<Cell> {
    let (tone, stored) = match message.stored {
        Body::Masked if message.hits.is_empty() => (Tone::Quiet, Cell::None),
        Body::Masked => (Tone::Quiet, Cell::Told(format!("masked: {}", hits(message)))),
        Body::Summary if message.hits.is_empty() => {
            (Tone::Quiet, Cell::Word(Tone::Odd, "stored as a summary"))
        }
        Body::Summary => {
            (Tone::Quiet, Cell::Told(format!("stored as a summary because of {}", hits(message))))
        }
        Body::Full => (Tone::Quiet, Cell::Word(Tone::Bad, "FULL: stored unmasked")),
    };
    let arrow = match message.from {
        Leg::Client => "→",
        Leg::Server => "←",
    };
    vec![
        Cell::Word(Tone::Strong, arrow),
        Cell::Word(Tone::Strong, piece_word(message.piece)),
        Cell::Told(format!("+{}", unit::span(message.at.saturating_sub(began)))),
        Cell::Bytes(message.size),
        Cell::Told(message.id.to_string()),
        Cell::Word(tone, if stored == Cell::None { "" } else { "·" }),
        stored,
    ]
}

fn hits(message: &MessageRow) -> String {
    let hits: Vec<String> = message.hits.iter().map(|(class, n)| format!("{class} ×{n}")).collect();
    hits.join(", ")
}

/// The members of a message in JSON.
fn facts(message: &MessageRow) -> Vec<Fact> {
    let text = |bytes: &Option<Vec<u8>>| {
        bytes.as_deref().map_or(Cell::None, |bytes| Cell::Told(lossless(bytes).into_owned()))
    };
    vec![
        Fact::unseen("id", Cell::Told(message.id.to_string())),
        Fact::unseen("session", Cell::Told(message.session.to_string())),
        Fact::unseen("exchange", message.exchange.map_or(Cell::None, |id| Cell::Told(id.to_string()))),
        Fact::unseen("piece", Cell::Word(Tone::Usual, piece_word(message.piece))),
        Fact::unseen("from", Cell::Word(Tone::Usual, leg_word(message.from))),
        Fact::unseen("at", Cell::At(message.at)),
        Fact::unseen("size", Cell::Bytes(message.size)),
        Fact::unseen("stored", Cell::Word(Tone::Usual, stored_word(message.stored))),
        Fact::unseen(
            "masked",
            Cell::Several(message.hits.iter().map(|(class, n)| format!("{class} ×{n}")).collect()),
        ),
        Fact::unseen("head", text(&message.head)),
        Fact::unseen("event", text(&message.event)),
        Fact::unseen("chunks", Cell::Reads(message.chunks.clone())),
        Fact::unseen(
            "faults",
            Cell::Several(message.faults.iter().map(|(code, at)| format!("{code}@{at}")).collect()),
        ),
        Fact::unseen("body", Cell::Told(lossless(&message.body).into_owned())),
    ]
}

/// The word of a piece, as JSON has it.
pub(super) fn piece_word(piece: Piece) -> &'static str {
    match piece {
        Piece::Request => "request",
        Piece::Notification => "notification",
        Piece::Result => "result",
        Piece::Error => "error",
        Piece::Batch => "batch",
        Piece::Other => "other",
        Piece::Stderr => "stderr",
        Piece::Http => "http",
        Piece::Note => "note",
    }
}

fn stored_word(stored: Body) -> &'static str {
    match stored {
        Body::Masked => "masked",
        Body::Summary => "summary",
        Body::Full => "full",
    }
}

/// JSON with each member and item on its own line; every other character stays, also of numbers and doubled names.
///
/// `None` if the text is no JSON document.
fn laid_out(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push(c);
                let mut escaped = false;
                for c in chars.by_ref() {
                    out.push(c);
                    if c == '"' && !escaped {
                        break;
                    }
                    escaped = c == '\\' && !escaped;
                }
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(close) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    begin_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                begin_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                begin_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    Some(out)
}

fn begin_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth.min(40)));
}

#[cfg(test)]
mod tests {
    use super::laid_out;

    #[test]
    fn laying_out_changes_blanks_alone() {
        for (text, shown) in [
            (
                r#"{"a":1.0,"a":12345678901234567890123}"#,
                Some("{\n  \"a\": 1.0,\n  \"a\": 12345678901234567890123\n}"),
            ),
            (" [ ] ", Some("[]")),
            (
                r#"{ "x" : [1, {"y":{}}] }"#,
                Some("{\n  \"x\": [\n    1,\n    {\n      \"y\": {}\n    }\n  ]\n}"),
            ),
            (r#"{"a\\":"{,\":}"}"#, Some("{\n  \"a\\\\\": \"{,\\\":}\"\n}")),
            ("{", None),
            ("", None),
        ] {
            assert_eq!(laid_out(text).as_deref(), shown, "{text}");
        }
    }
}
