//! Edits of a text: what is not edited keeps its bytes.

use std::ops::Range;

/// A part of the text gives way to another text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What gives way; empty where something is put in.
    pub span: Range<usize>,
    /// What comes in its place.
    pub with: String,
}

impl Edit {
    /// Replaces this part.
    pub fn new(span: Range<usize>, with: impl Into<String>) -> Self {
        Self { span, with: with.into() }
    }
}

/// The text with the edits, which are sorted and do not overlap.
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        out += text.get(at..edit.span.start).unwrap_or_default();
        out += &edit.with;
        at = edit.span.end;
    }
    out + text.get(at..).unwrap_or_default()
}

/// The edits that undo these: each where it is in the edited text, with what the text had there.
pub fn inverse(text: &str, edits: &[Edit]) -> Vec<Edit> {
    let mut shift = 0isize;
    let one = |edit: &Edit| {
        let start = edit.span.start.saturating_add_signed(shift);
        shift += edit.with.len() as isize - edit.span.len() as isize;
        Edit::new(start..start + edit.with.len(), text.get(edit.span.clone()).unwrap_or_default())
    };
    edits.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_of_edits_gives_the_text_back() {
        let text = "one two three";
        let edits =
            [Edit::new(0..3, "1"), Edit::new(4..4, "and "), Edit::new(4..7, ""), Edit::new(13..13, "!")];
        let edited = apply(text, &edits);
        assert_eq!(edited, "1 and  three!");
        assert_eq!(apply(&edited, &inverse(text, &edits)), text);
    }
}
