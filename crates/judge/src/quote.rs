//! What a finding quotes of a peer: short, on one line, and nothing that a terminal would obey.

use std::fmt::{self, Display, Write as _};

use tapgate_wire::json::unescape_lossy;

/// The most characters of one quotation.
const MAX: usize = 80;

/// The beginning of what a peer sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quote<'a>(&'a [u8]);

/// The beginning of what a peer sent, to be written between quotation marks.
pub(crate) fn quote(bytes: &(impl AsRef<[u8]> + ?Sized)) -> Quote<'_> {
    Quote(bytes.as_ref())
}

impl Display for Quote<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.0.get(..4 * MAX).unwrap_or(self.0);
        let text = String::from_utf8_lossy(head);
        let mut letters = text.trim_end().chars();
        for letter in letters.by_ref().take(MAX) {
            if letter.is_control() { out.write_char(' ')? } else { out.write_char(letter)? }
        }
        if letters.next().is_some() || head.len() < self.0.len() { out.write_char('…') } else { Ok(()) }
    }
}

/// The text of a JSON string, or any other value as it stands, no longer than a name may be.
pub(crate) fn plain(raw: &[u8]) -> String {
    let raw = raw.get(..1024).unwrap_or(raw);
    match raw.first() {
        Some(b'"') => unescape_lossy(raw).into_owned(),
        _ => String::from_utf8_lossy(raw).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn a_quotation_is_short_and_harmless() {
        assert_eq!(quote("a\u{1b}[31mb\n").to_string(), "a [31mb");
        assert_eq!(quote(&"ä".repeat(80)).to_string(), "ä".repeat(80));
        assert_eq!(quote(&"ä".repeat(81)).to_string(), "ä".repeat(80) + "…");
        assert_eq!(quote(&"x".repeat(9999)).to_string().chars().count(), 81);
    }
}
