//! What a capture says about itself: that it is full, that it lost something.

use tapgate_store::SourceRow;
use tapgate_wire::record::UnixNanos;

use crate::page::{Block, Note, Tone};
use crate::unit;

/// Whether what `source` saw at `at` was stored unmasked.
pub(crate) fn is_full(source: &SourceRow, at: UnixNanos) -> bool {
    source.full_until.is_some_and(|until| at < until)
}

/// The notes that stand on top of every page that shows these sources, each source once.
pub(crate) fn marks<'a>(sources: impl IntoIterator<Item = &'a SourceRow>, now: UnixNanos) -> Vec<Block> {
    let mut seen = Vec::new();
    let mut notes = Vec::new();
    for source in sources {
        if seen.contains(&source.id) {
            continue;
        }
        seen.push(source.id);
        if let Some(until) = source.full_until {
            let text = if now < until && source.ended.is_none() {
                format!("{}: bodies are stored unmasked until {}", source.name, unit::moment(until))
            } else {
                format!(
                    "{}: bodies were stored unmasked until {}",
                    source.name,
                    unit::moment(source.ended.unwrap_or(until).min(until))
                )
            };
            notes.push(Block::Note(Note::new(Tone::Bad, "FULL", text)));
        }
        if let Some(lost) = lost(source) {
            let text = format!("{}: {lost} could not be recorded; traffic was not affected", source.name);
            notes.push(Block::Note(Note::new(Tone::Odd, "LOST", text)));
        }
    }
    notes
}

/// How much of a source is missing, if anything is.
pub(crate) fn lost(source: &SourceRow) -> Option<String> {
    let bytes = (source.lost_bytes > 0).then(|| format!("{} of traffic", unit::size(source.lost_bytes)));
    let records = (source.lost_records > 0).then(|| format!("{} records", source.lost_records));
    let parts: Vec<String> = bytes.into_iter().chain(records).collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}
