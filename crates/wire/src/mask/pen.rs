//! Writes a text piece by piece, each masked as its place asks for.

use bytes::Bytes;

use super::hit::Hit;
use super::pair::is_reference;
use super::scan::Scan;
use super::{Masked, Masker, Outcome, key, placeholder, text};

/// A text under way.
pub(super) struct Pen<'m> {
    masker: &'m mut Masker,
    text: Vec<u8>,
    outcome: Outcome,
}

impl<'m> Pen<'m> {
    /// A pen that masks as `masker` does.
    pub(super) fn new(masker: &'m mut Masker) -> Self {
        Self { masker, text: Vec::new(), outcome: Outcome::nothing() }
    }

    /// Writes our own words.
    pub(super) fn plain(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    /// Writes a peer's text with what is secret in it taken out, and controls as blanks.
    pub(super) fn text(&mut self, raw: &[u8]) {
        self.search(raw, text::find);
    }

    /// Writes what `find` leaves of `raw`.
    pub(super) fn search(&mut self, raw: &[u8], find: fn(&mut Scan<'_>, &[u8], &mut Vec<Hit>)) {
        let found = self.masker.search(raw, find);
        if !found.outcome.complete {
            return self.secret("unscanned", raw);
        }
        self.put(&found.text);
        self.outcome.add(&found.outcome);
    }

    /// Writes a placeholder for a secret, and learns it.
    pub(super) fn secret(&mut self, class: &'static str, raw: &[u8]) {
        if raw.is_empty() || is_reference(raw) || placeholder::length_at(raw) == Some(raw.len()) {
            self.put(raw);
            return;
        }
        self.masker.known.learn(class, raw);
        let placeholder = placeholder::make(&self.masker.key, class, raw);
        self.plain(&placeholder);
        self.outcome.count(class);
    }

    /// Writes a value as its name asks for.
    pub(super) fn value(&mut self, name: &[u8], raw: &[u8]) {
        match key::class_of(name) {
            Some(class) => self.secret(class, raw),
            None => self.text(raw),
        }
    }

    /// What was written.
    pub(super) fn done(mut self) -> Outcome {
        self.outcome.masked = Masked(Bytes::from(self.text));
        self.outcome
    }

    /// A line stays a line, whatever a peer put into it.
    fn put(&mut self, text: &[u8]) {
        self.text.extend(text.iter().map(|byte| if byte.is_ascii_control() { b' ' } else { *byte }));
    }
}
