//! Draws a page for a terminal.

use tapgate_wire::record::Status;

use super::{Colour, Style, table, waterfall};
use crate::Plain;
use crate::page::{Author, Block, Cell, Dump, Facts, Note, Page, Tone};
use crate::unit;

/// The narrowest width that is honoured.
const LEAST_WIDTH: usize = 20;

/// Draws `page` as lines of at most `style.width` columns, each ended by a line feed.
pub fn text(page: &Page, style: &Style) -> String {
    let style = Style { width: style.width.max(LEAST_WIDTH), ..*style };
    let mut canvas = Canvas { style, out: String::new() };
    let mut before = None;
    for block in page.blocks.iter().filter(|block| !is_for_json(block)) {
        if before.is_some_and(|before| apart(before, block)) {
            canvas.end_line();
        }
        before = Some(block);
        match block {
            Block::Title(title) => canvas.line(&[(Tone::Strong, Plain::of(title))]),
            Block::Table(rows) => table::draw(&mut canvas, rows),
            Block::Facts(facts) => draw_facts(&mut canvas, facts),
            Block::Dump(dump) => draw_dump(&mut canvas, dump),
            Block::Waterfall(bars) => waterfall::draw(&mut canvas, bars),
            Block::Note(note) => draw_note(&mut canvas, note),
        }
    }
    canvas.out
}

/// Whether people see nothing of a block.
fn is_for_json(block: &Block) -> bool {
    matches!(block, Block::Facts(facts) if facts.facts.iter().all(|fact| fact.title.is_none()))
}

/// Whether an empty line stands between two blocks.
fn apart(before: &Block, block: &Block) -> bool {
    !matches!(
        (before, block),
        (Block::Title(_), _) | (Block::Note(_), Block::Note(_)) | (Block::Table(_), Block::Table(_))
    )
}

/// Lines under construction; takes text only as [`Plain`].
pub(super) struct Canvas {
    pub(super) style: Style,
    out: String,
}

impl Canvas {
    /// Writes text in a tone.
    pub(super) fn put(&mut self, tone: Tone, text: &Plain) {
        let code = match tone {
            _ if self.style.colour == Colour::Off || text.width() == 0 => None,
            Tone::Usual => None,
            Tone::Quiet => Some("2"),
            Tone::Strong => Some("1"),
            Tone::Good => Some("32"),
            Tone::Odd => Some("33"),
            Tone::Bad => Some("31"),
        };
        match code {
            Some(code) => {
                self.out.push_str("\x1b[");
                self.out.push_str(code);
                self.out.push('m');
                self.out.push_str(text.as_str());
                self.out.push_str("\x1b[0m");
            }
            None => self.out.push_str(text.as_str()),
        }
    }

    /// Moves right.
    pub(super) fn space(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
    }

    /// Ends the line; blanks at its end go.
    pub(super) fn end_line(&mut self) {
        let end = self.out.trim_end_matches(' ').len();
        self.out.truncate(end);
        self.out.push('\n');
    }

    /// Writes a line of pieces with a blank between them, cut at the width.
    pub(super) fn line(&mut self, pieces: &[(Tone, Plain)]) {
        let mut left = self.style.width;
        for (n, (tone, text)) in pieces.iter().enumerate() {
            let gap = usize::from(n > 0);
            if left <= gap {
                break;
            }
            self.space(gap);
            let text = text.clipped(left - gap);
            left -= gap + text.width();
            self.put(*tone, &text);
        }
        self.end_line();
    }

    /// Writes text below each other at `indent`, broken at blanks where it can be.
    pub(super) fn paragraph(&mut self, tone: Tone, text: &Plain, indent: usize) {
        let columns = self.style.width.saturating_sub(indent).max(LEAST_WIDTH / 2);
        for (n, piece) in text.wrapped(columns).iter().enumerate() {
            self.space(if n == 0 { 0 } else { indent });
            self.put(tone, piece);
            self.end_line();
        }
    }
}

fn draw_note(canvas: &mut Canvas, note: &Note) {
    let word = Plain::of(note.word);
    let indent = word.width() + usize::from(word.width() > 0) * 2;
    let tone = if note.tone == Tone::Quiet { Tone::Quiet } else { Tone::Usual };
    canvas.put(if note.tone == Tone::Quiet { Tone::Strong } else { note.tone }, &word);
    canvas.space(indent - word.width());
    for (n, line) in Plain::lines(&note.text).enumerate() {
        if n > 0 {
            canvas.space(indent);
        }
        canvas.paragraph(tone, &line, indent);
    }
}

fn draw_facts(canvas: &mut Canvas, facts: &Facts) {
    let shown: Vec<_> = facts
        .facts
        .iter()
        .filter(|fact| !matches!(fact.value, Cell::None | Cell::Rare(0)))
        .filter_map(|fact| Some((fact.title?, drawn(&fact.value, &canvas.style, At::Moment))))
        .filter(|(_, (_, text))| text.width() > 0)
        .collect();
    let widest = shown.iter().map(|(title, _)| title.chars().count()).max().unwrap_or(0);
    for (title, (tone, value)) in shown {
        let title = Plain::of(title);
        canvas.put(Tone::Quiet, &title);
        canvas.space(widest - title.width() + 2);
        canvas.paragraph(tone, &value, widest + 2);
    }
}

fn draw_dump(canvas: &mut Canvas, dump: &Dump) {
    let mut head: Vec<_> = dump.head.iter().map(|cell| drawn(cell, &canvas.style, At::Clock)).collect();
    head.retain(|(_, text)| text.width() > 0);
    canvas.line(&head);
    for line in &dump.lines {
        for text in Plain::lines(&line.text) {
            // Traffic is folded, never cut: what is on the page is all that was kept.
            let columns = canvas.style.width.saturating_sub(4).max(LEAST_WIDTH - 4);
            let pieces = match line.by {
                Author::Peer => text.folded(columns),
                Author::Us => text.wrapped(columns),
            };
            for (n, piece) in pieces.iter().enumerate() {
                let margin = if n == 0 { Plain::of(line.margin) } else { Plain::default() };
                canvas.space(2_usize.saturating_sub(margin.width()).max(usize::from(margin.width() < 2)));
                canvas.put(line.tone, &margin);
                canvas.space(2);
                canvas.put(line.tone, piece);
                canvas.end_line();
            }
        }
    }
}

/// How a point in time is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Clock,
    Moment,
}

/// A value as text, and its tone.
pub(super) fn drawn(cell: &Cell, style: &Style, at: At) -> (Tone, Plain) {
    let usual = |text: String| (Tone::Usual, Plain::of(&text));
    match cell {
        Cell::None | Cell::Rare(0) | Cell::Reads(_) => (Tone::Quiet, Plain::default()),
        Cell::Told(text) => (Tone::Usual, Plain::of(text)),
        Cell::Several(texts) => (Tone::Odd, Plain::of(&texts.join(", "))),
        Cell::Word(tone, word) => (*tone, Plain::of(word)),
        Cell::Count(n) | Cell::Rare(n) => usual(n.to_string()),
        Cell::Number(n) => usual(n.to_string()),
        Cell::Bytes(n) => usual(unit::size(*n)),
        Cell::Span(nanos) => usual(unit::span(*nanos)),
        Cell::At(when) if at == At::Clock => (Tone::Quiet, Plain::of(&unit::clock(*when, style.now))),
        Cell::At(when) => usual(unit::moment(*when)),
        Cell::Ago(when) => usual(unit::ago(style.now.saturating_sub(*when))),
        Cell::Share(share) => {
            let percent = format!("{:.1} %", share * 100.0);
            (if *share > 0.0 { Tone::Bad } else { Tone::Usual }, Plain::of(&percent))
        }
        Cell::Status(status) => {
            let (tone, text) = shown(*status);
            (tone, Plain::of(text))
        }
        Cell::Flag(truth) => (Tone::Usual, Plain::of(if *truth { "yes" } else { "no" })),
    }
}

/// A status with its sign.
fn shown(status: Status) -> (Tone, &'static str) {
    match status {
        Status::Pending => (Tone::Usual, "… pending"),
        Status::Ok => (Tone::Good, "✓ ok"),
        Status::ToolError => (Tone::Bad, "✗ tool error"),
        Status::Error => (Tone::Bad, "✗ error"),
        Status::Cancelled => (Tone::Odd, "⊘ cancelled"),
        Status::Unanswered => (Tone::Odd, "– unanswered"),
        Status::Unknown => (Tone::Odd, "? unknown"),
    }
}
