//! What this layer reads, stores, where and for how long.

use tapgate_store::SourceRow;
use tapgate_wire::record::UnixNanos;

use crate::capture::{is_full, marks};
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
    /// What the tap in question connects, in named sentences; empty when none was named.
    pub connects: &'a [(&'static str, String)],
    /// What happens to bodies.
    pub keeping: Keeping,
    /// How long records are kept, in nanoseconds.
    pub retention: i64,
    /// How long full captures are kept, in nanoseconds.
    pub full_retention: i64,
    /// Bytes above which the oldest sessions go.
    pub max_bytes: u64,
    /// How many rules the masker has.
    pub n_rules: usize,
    /// What is wrong with the journal, if anything is.
    pub trouble: Option<&'a str>,
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
    /// They are stored as they came, for so many hours.
    Full(u32),
}

/// The page.
pub fn explain(told: &Explained<'_>) -> Page {
    let mut blocks: Vec<Block> = Vec::new();
    if let Some(trouble) = told.trouble {
        blocks.push(Block::Note(Note::new(Tone::Bad, "JOURNAL", trouble)));
    }
    blocks.extend(marks(told.sources, told.now));
    for (title, kind, sentences) in
        sections(told).into_iter().filter(|(_, _, sentences)| !sentences.is_empty())
    {
        blocks.push(Block::Title(title.to_owned()));
        let facts = sentences.into_iter().map(|(key, text)| Fact::seen(key, key, Cell::Told(text))).collect();
        blocks.push(Block::Facts(Facts { kind, facts }));
    }
    Page::of(blocks)
}

/// A title, what it is in JSON, and named sentences.
type Section = (&'static str, &'static str, Vec<(&'static str, String)>);

fn sections(told: &Explained<'_>) -> [Section; 6] {
    [
        ("This tap", "explain.tap", told.connects.to_vec()),
        ("Reads", "explain.reads", reads()),
        ("Stores", "explain.stores", stores(told)),
        ("Where", "explain.where", places(told)),
        ("How long", "explain.retention", retention(told)),
        ("Now", "explain.now", recording(told)),
    ]
}

fn reads() -> Vec<(&'static str, String)> {
    [
        ("stdio", "every byte of the server's standard input, output and error"),
        ("http", "heads and bodies of every request and answer that passes through the tap"),
        ("not read", "other programs, other connections, files"),
        (
            "changes",
            "nothing: bytes leave as they came, before they are looked at; a bridge alone translates, and only what \
             the two sides do not share",
        ),
    ]
    .map(|(key, text)| (key, text.to_owned()))
    .into()
}

fn stores(told: &Explained<'_>) -> Vec<(&'static str, String)> {
    let bodies = match told.keeping {
        Keeping::Masked => {
            "masked; results that are large or look sensitive become a summary without values".to_owned()
        }
        Keeping::Full(hours) => format!(
            "FULL: stored as they came, because --full asks for it, in the first {}; masked after that",
            if hours == 1 { "hour".to_owned() } else { format!("{hours} hours") }
        ),
    };
    let places = match told.keeping {
        Keeping::Masked => "headers, arguments, results, URLs, stderr and command lines",
        Keeping::Full(_) => "HTTP headers, URLs and command lines, but not in bodies while these are FULL",
    };
    let secrets = format!(
        "{} rules find them in {places}; each becomes its class, length class and a digest keyed to its capture",
        told.n_rules
    );
    vec![
        ("bodies", bodies),
        ("secrets", secrets),
        ("timing", "when each read brought which part of a message".to_owned()),
    ]
}

fn places(told: &Explained<'_>) -> Vec<(&'static str, String)> {
    vec![
        ("home", told.home.to_owned()),
        ("journal", told.journal.to_owned()),
        ("size", told.journal_bytes.map_or_else(|| "nothing is recorded yet".to_owned(), unit::size)),
        ("readable by", "you alone".to_owned()),
        ("leaves", "nothing leaves this machine".to_owned()),
    ]
}

fn retention(told: &Explained<'_>) -> Vec<(&'static str, String)> {
    vec![
        ("masked", format!("{}, then it is deleted", whole(told.retention))),
        ("full", format!("{}, then it is deleted", whole(told.full_retention))),
        ("at most", format!("{} GiB; above it the oldest sessions go first", told.max_bytes >> 30)),
        ("sooner", "`tapgate prune` deletes at once".to_owned()),
    ]
}

/// Who is recorded, and how.
fn recording(told: &Explained<'_>) -> Vec<(&'static str, String)> {
    let live = told.sources.iter().filter(|source| source.ended.is_none());
    let names: Vec<String> = live
        .map(|source| {
            let kept = if is_full(source, told.now) { "FULL: stored unmasked" } else { "masked" };
            format!("{} ({kept})", source.name)
        })
        .collect();
    if names.is_empty() { Vec::new() } else { vec![("recording", names.join(", "))] }
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
