//! What a detector found, and how it is taken out.

use std::ops::Range;

use super::placeholder;

/// How sure a detector is that it found a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sure {
    /// A name beside it says so, in free text.
    Likely,
    /// Its place or its shape says so.
    Certain,
}

/// A secret in a text.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    /// Where it stands.
    pub(super) span: Range<usize>,
    /// What it is.
    pub(super) class: &'static str,
    /// How sure that is.
    pub(super) sure: Sure,
    /// What stands for it.
    pub(super) placeholder: String,
    /// What stands around the placeholder: quotes where it takes the place of a number, escaped as the text is.
    pub(super) quote: String,
}

/// Sorts hits and joins those that overlap; the surest, then the longest of them gives the name.
pub(super) fn join(hits: &mut Vec<Hit>) {
    hits.sort_by_key(|hit| hit.span.start);
    let mut joined: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits.drain(..) {
        let Some(last) = joined.last_mut().filter(|last| hit.span.start < last.span.end) else {
            joined.push(hit);
            continue;
        };
        let span = last.span.start..last.span.end.max(hit.span.end);
        let quote = if last.quote.is_empty() { hit.quote.clone() } else { last.quote.clone() };
        if (hit.sure, hit.span.len()) > (last.sure, last.span.len()) {
            *last = hit;
        }
        last.span = span;
        last.quote = quote;
    }
    *hits = joined;
}

/// Writes `text` with a placeholder for each of `hits`, which are sorted and never overlap.
pub(super) fn splice(text: &[u8], hits: &[Hit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + hits.len() * placeholder::MAX_LENGTH);
    let mut at = 0;
    for hit in hits {
        out.extend_from_slice(text.get(at..hit.span.start).unwrap_or_default());
        for part in [&hit.quote, &hit.placeholder, &hit.quote] {
            out.extend_from_slice(part.as_bytes());
        }
        at = hit.span.end;
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    out
}

/// Counts classes into `counts`, which are sorted by class.
pub(super) fn count(classes: &[&'static str], counts: &mut Vec<(&'static str, u32)>) {
    for class in classes {
        match counts.binary_search_by_key(class, |(class, _)| class) {
            Ok(at) => {
                if let Some((_, n)) = counts.get_mut(at) {
                    *n = n.saturating_add(1);
                }
            }
            Err(at) => counts.insert(at, (class, 1)),
        }
    }
}
