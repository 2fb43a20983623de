//! What is wrong with an expression, and where.

use std::fmt;
use std::ops::Range;

/// A mistake in an expression: what, where, and what to write instead.
///
/// `Display` shows the sentence, then the line with the place underlined, then the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistake {
    /// The expression as it was given, up to the bound that [`crate::MAX_TEXT`] sets.
    pub text: String,
    /// Byte positions in `text`.
    pub at: Range<usize>,
    /// What is wrong: a lower-case fragment.
    pub says: String,
    /// What to do: a sentence, if there is one.
    pub help: Option<String>,
}

/// A mistake before it knows the whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) at: Range<usize>,
    pub(crate) says: String,
    pub(crate) help: Option<String>,
}

impl Spot {
    pub(crate) fn new(at: Range<usize>, says: impl Into<String>) -> Self {
        Self { at, says: says.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds "did you mean" if one of `names` is near to `word`.
    pub(crate) fn near<'n>(self, word: &str, names: impl IntoIterator<Item = &'n str>) -> Self {
        match crate::nearest(word, names) {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    pub(crate) fn in_text(self, text: &str) -> Mistake {
        Mistake { text: text.to_owned(), at: self.at, says: self.says, help: self.help }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.says)?;
        let before = self.text.get(..self.at.start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.text.get(line_start..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        let indent = self.text.get(line_start..self.at.start).map_or(0, |text| text.chars().count());
        let marked = self.text.get(self.at.clone()).unwrap_or_default();
        let width = marked.lines().next().map_or(0, |text| text.chars().count()).max(1);
        // The expression may have been copied from anywhere: nothing in it may steer a terminal.
        let shown: String = line.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect();
        writeln!(f, "  {shown}")?;
        write!(f, "  {:indent$}{:^<width$}", "", "")?;
        match &self.help {
            Some(help) => write!(f, "\n  {help}"),
            None => Ok(()),
        }
    }
}

/// Whether a character moves, hides or recolours what follows it on a terminal.
pub(crate) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
