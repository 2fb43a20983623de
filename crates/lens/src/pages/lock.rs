//! What a lock file and a server differ in.

use crate::page::{Block, Cell, Column, Fact, Facts, Layout, Note, Page, Table, Tone};

/// Changes of which both texts are shown to people; JSON has all.
const MAX_SHOWN: usize = 100;

const COLUMNS: &[Column] = &[
    Column::seen("class", "class", 0, 0, 12),
    Column::seen("of", "kind", 4, 0, 9),
    Column::seen("item", "item", 0, 8, 20),
    Column::seen("path", "where", 1, 8, 28),
    Column::seen("change", "change", 2, 0, 8),
    Column::unseen("was"),
    Column::unseen("now"),
];

/// How a lock file and a server stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockState {
    /// They are the same.
    Same,
    /// They differ in what was allowed.
    Allowed,
    /// They differ.
    Drift,
    /// Something that the lock has was not seen.
    Unknown,
    /// The file was written.
    Written,
}

/// What the page is made of.
#[derive(Clone, Debug)]
pub struct LockView<'a> {
    /// How they stand.
    pub state: LockState,
    /// The lock file, or what takes its place.
    pub file: &'a str,
    /// Where the server was seen.
    pub from: &'a str,
    /// What changed.
    pub changes: Vec<DriftRow<'a>>,
    /// Further sentences.
    pub notes: Vec<String>,
}

/// One change.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the change that it shows explains the fields")]
pub struct DriftRow<'a> {
    pub class: &'static str,
    pub kind: &'static str,
    pub item: &'a str,
    pub path: &'a str,
    pub why: &'a str,
    pub was: Option<&'a str>,
    pub now: Option<&'a str>,
}

impl LockState {
    fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Allowed => "allowed",
            Self::Drift => "drift",
            Self::Unknown => "unknown",
            Self::Written => "written",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::Same | Self::Written => Tone::Good,
            Self::Allowed => Tone::Odd,
            Self::Drift | Self::Unknown => Tone::Bad,
        }
    }
}

/// The changes, the worst class first, and how that is meant.
pub fn lock(view: &LockView<'_>) -> Page {
    let (file, from) = (view.file, view.from);
    let n = view.changes.len();
    let changes = format!("{n} {}", if n == 1 { "change" } else { "changes" });
    let said = match view.state {
        LockState::Same => format!("{from} offers what {file} says."),
        LockState::Allowed => format!("{from} differs from {file} in {changes}, all of them allowed."),
        LockState::Drift => format!("{from} differs from {file} in {changes}."),
        LockState::Unknown => format!("{from} does not show all that {file} has."),
        LockState::Written if n == 0 => {
            format!("{file} is written from {from} and says what it said before.")
        }
        LockState::Written => format!("{file} is written from {from}: {changes}. Review and commit it."),
    };
    let facts = vec![
        Fact::unseen("state", Cell::Told(view.state.word().to_owned())),
        Fact::unseen("file", Cell::Told(file.to_owned())),
        Fact::unseen("from", Cell::Told(from.to_owned())),
        Fact::unseen("changes", Cell::Count(n as u64)),
    ];
    let mut blocks = vec![Block::Facts(Facts { kind: "lock", facts })];
    blocks.extend(changed("change", &view.changes));
    blocks.push(Block::Note(Note::new(view.state.tone(), "", said)));
    blocks.extend(view.notes.iter().map(|note| Block::Note(Note::new(Tone::Odd, "", note.clone()))));
    Page::of(blocks)
}

/// The changes, the worst class first: a table of rows of this kind, and below it what stood there and what does now.
pub(super) fn changed(kind: &'static str, changes: &[DriftRow<'_>]) -> Vec<Block> {
    if changes.is_empty() {
        return Vec::new();
    }
    let mut rows = changes.to_vec();
    let rank = |class: &str| {
        ["breaking", "changed-text", "renamed", "compatible"].iter().position(|other| *other == class)
    };
    rows.sort_by_key(|row| rank(row.class).unwrap_or(usize::MAX));
    let cells = rows.iter().map(cells).collect();
    let table = Table { kind, columns: COLUMNS.to_vec(), rows: cells, layout: Layout::Fitted };
    let texts = rows.iter().take(MAX_SHOWN).filter_map(both).map(Block::Note);
    std::iter::once(Block::Table(table)).chain(texts).collect()
}

/// What stood there and what stands there now, below each other; both in full, because a table would cut them.
fn both(row: &DriftRow<'_>) -> Option<Note> {
    let (was, now) = (row.was?, row.now?);
    let place = if row.path.is_empty() { row.item.to_owned() } else { format!("{} {}", row.item, row.path) };
    Some(Note::new(tone(row.class), row.class, format!("{place}\n- {was}\n+ {now}")))
}

fn tone(class: &str) -> Tone {
    match class {
        "breaking" => Tone::Bad,
        "changed-text" | "renamed" => Tone::Odd,
        "compatible" => Tone::Usual,
        _ => Tone::Quiet,
    }
}

fn cells(row: &DriftRow<'_>) -> Vec<Cell> {
    vec![
        Cell::Word(tone(row.class), row.class),
        Cell::Word(Tone::Quiet, row.kind),
        Cell::told(Some(row.item)),
        Cell::told(Some(row.path)),
        Cell::told(Some(row.why)),
        Cell::told(row.was),
        Cell::told(row.now),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{self, Colour, Style};

    fn view() -> LockView<'static> {
        let row =
            |class, item, path, why, was, now| DriftRow { class, kind: "tools", item, path, why, was, now };
        LockView {
            state: LockState::Drift,
            file: "mcp.lock",
            from: "s12",
            changes: vec![
                row("cosmetic", "read", "title", "changed", Some("\"a\""), Some("\"b\"")),
                row("compatible", "new", "", "added", None, None),
                row("breaking", "write\u{1b}[2J", "inputSchema.properties.path", "removed", Some("{}"), None),
            ],
            notes: vec!["Not listed: prompts.".to_owned()],
        }
    }

    #[test]
    fn the_worst_change_stands_first_and_both_texts_below() {
        let page = lock(&view());
        for width in [40, 80, 140] {
            let drawn = draw::text(&page, &Style { width, colour: Colour::Off, now: 0 });
            assert!(!drawn.contains('\u{1b}'), "{drawn}");
            let place = |word: &str| drawn.find(word).unwrap_or_else(|| panic!("{word} is missing: {drawn}"));
            assert!(
                place("breaking") < place("compatible") && place("compatible") < place("cosmetic"),
                "{drawn}"
            );
            assert!(place("- \"a\"") < place("+ \"b\""), "{drawn}");
            assert!(drawn.contains("3 changes") && drawn.contains("Not listed: prompts."), "{drawn}");
        }
    }

    #[test]
    fn json_has_the_state_first_and_then_each_change() {
        let drawn = draw::json(&lock(&view()));
        let objects: Vec<serde_json::Value> =
            drawn.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            (objects[0]["kind"].as_str(), objects[0]["state"].as_str()),
            (Some("lock"), Some("drift"))
        );
        assert_eq!(objects[1]["class"], "breaking");
        assert_eq!((objects[3]["was"].as_str(), objects[3]["now"].as_str()), (Some("\"a\""), Some("\"b\"")));
        assert_eq!(objects.len(), 4);
    }
}
