//! What this layer reads, stores, where and for how long.

use tapgate_store::{SourceRow, Trouble};
use tapgate_wire::record::UnixNanos;

use crate::capture::marks;
use crate::page::{Block, Cell, Fact, Facts, Note, Page, Tone};
use crate::unit;

/// What the page needs to know; whoever read the configuration says it.
pub struct Explained<'a> {
    /// The directory of everything that is kept.
    pub home: &'a str,
    /// The journal's file.
    pub journal: &'a str,
    /// Its size in bytes, with what belongs to it; `None` when there is none yet.
    pub journal_bytes: Option<u64>,
    /// What happens to bodies.
    pub keeping: Keeping,
    /// How long records are kept, in nanoseconds.
    pub retention: i64,
    /// How long full captures are kept, in nanoseconds.
    pub full_retention: i64,
    /// How many rules the masker has.
    pub n_rules: usize,
    /// What is wrong with the journal, if anything is.
    pub trouble: Option<&'a Trouble>,
    /// Sources that are recorded now.
    pub sources: &'a [SourceRow],
    /// Now.
    pub now: UnixNanos,
}

/// What happens to bodies before they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Secrets are masked; large or sensitive results become a summary.
    Masked,
    /// They are stored as they came, for a while.
    Full,
}

/// The page.
pub fn explain(told: &Explained<'_>) -> Page {
    let mut blocks: Vec<Block> = Vec::new();
    if let Some(trouble) = told.trouble {
        blocks.push(Block::Note(Note::new(Tone::Bad, "JOURNAL", format!("{trouble}; {}", trouble.help()))));
    }
    blocks.extend(marks(told.sources, told.now));
    for (title, kind, sentences) in sections(told) {
        blocks.push(Block::Title(title.to_owned()));
        let facts = sentences.into_iter().map(|(key, text)| Fact::seen(key, key, Cell::Told(text))).collect();
        blocks.push(Block::Facts(Facts { kind, facts }));
    }
    Page::of(blocks)
}

type Section = (&'static str, &'static str, Vec<(&'static str, String)>);

fn sections(told: &Explained<'_>) -> Vec<Section> {
    let bodies = match told.keeping {
        Keeping::Masked => "masked; results that are large or look sensitive become a summary without values".to_owned(),
        Keeping::Full => "stored as they came, because --full asked for it; at most 24 hours".to_owned(),
    };
    let size = told.journal_bytes.map_or_else(|| "nothing is recorded yet".to_owned(), unit::size);
    vec![
        ("Reads", "explain.reads", vec![
            ("stdio", "every byte of the server's standard input, output and error".to_owned()),
            ("http", "heads and bodies of every request and answer that passes through the tap".to_owned()),
            ("not read", "other programs, other connections, files, the environment's values".to_owned()),
            ("changes", "nothing: bytes leave as they came, before they are looked at".to_owned()),
        ]),
        ("Stores", "explain.stores", vec![
            ("bodies", bodies),
            ("secrets", format!("{} rules find them in headers, arguments, results, stderr and command lines; each becomes its class, length class and a digest keyed to its capture", told.n_rules)),
            ("timing", "when each read brought which part of a message".to_owned()),
        ]),
        ("Where", "explain.where", vec![
            ("home", format!("{} (for its owner alone)", told.home)),
            ("journal", told.journal.to_owned()),
            ("size", size),
            ("leaves", "nothing leaves this machine".to_owned()),
        ]),
        ("How long", "explain.retention", vec![
            ("masked", format!("{}, then it is deleted", whole(told.retention))),
            ("full", format!("{}, then it is deleted", whole(told.full_retention))),
            ("now", "`tapgate prune` deletes at once".to_owned()),
        ]),
    ]
}

/// Whole days or hours in words.
fn whole(nanos: i64) -> String {
    let hours = nanos / 3_600_000_000_000;
    match (hours / 24, hours % 24) {
        (1, 0) => "24 hours".to_owned(),
        (days, 0) if days > 0 => format!("{days} days"),
        _ if hours > 0 => format!("{hours} hours"),
        _ => unit::span(nanos),
    }
}
