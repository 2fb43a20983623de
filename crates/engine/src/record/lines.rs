//! Text that comes line by line, with secrets that may stand over several.

use tapgate_wire::mask::{Level, Masker, Outcome, TextStream};
use tapgate_wire::record::{Body, Message};

use super::add_hits;

/// Most pieces of one record; later ones add their bytes to the last.
const MAX_CHUNKS: usize = 1024;

/// Joins lines as long as what they hold may go on in the next one.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: TextStream,
    /// The record of the lines that wait, without their text.
    waiting: Option<Message>,
}

impl Lines {
    /// Takes a line or several; gives the record of all that can be told by now.
    pub(super) fn push(&mut self, masker: &mut Masker, record: Message, bytes: &[u8]) -> Option<Message> {
        match &mut self.waiting {
            None => self.waiting = Some(record),
            Some(waiting) => join(waiting, &record),
        }
        let mut outcome = self.text.push(masker, bytes);
        // A frame is a line whether it keeps its end or not.
        if !bytes.ends_with(b"\n") {
            outcome = self.text.push(masker, b"\n").or(outcome);
        }
        outcome.and_then(|outcome| self.told(masker, outcome))
    }

    /// Gives the record of what is left when nothing follows.
    pub(super) fn finish(&mut self, masker: &mut Masker) -> Option<Message> {
        let outcome = self.text.finish(masker)?;
        self.told(masker, outcome)
    }

    fn told(&mut self, masker: &Masker, outcome: Outcome) -> Option<Message> {
        let mut record = self.waiting.take()?;
        record.stored = if matches!(masker.level(), Level::Full(_)) {
            Body::Full
        } else {
            Body::Masked
        };
        record.body = outcome.masked;
        add_hits(&mut record.hits, &outcome.hits);
        Some(record)
    }
}

fn join(waiting: &mut Message, more: &Message) {
    let later = u64::try_from(more.at.saturating_sub(waiting.at)).unwrap_or_default();
    let room = MAX_CHUNKS.saturating_sub(waiting.chunks.len());
    let (kept, rest) = more.chunks.split_at(more.chunks.len().min(room));
    waiting.chunks.extend(
        kept.iter()
            .map(|(after, size)| (later.saturating_add(*after), *size)),
    );
    if let Some(last) = waiting.chunks.last_mut() {
        last.1 = rest
            .iter()
            .fold(last.1, |sum, (_, size)| sum.saturating_add(*size));
    }
    waiting.size = waiting.size.saturating_add(more.size);
    for fault in &more.faults {
        if !waiting.faults.contains(fault) && waiting.faults.len() < MAX_CHUNKS {
            waiting.faults.push(*fault);
        }
    }
}
