//! What a finding quotes of a peer: short, on one line, and nothing that a terminal would obey.
//!
//! Findings are masked like all that is kept, but a secret that is cut in the middle looks like none. So nothing is ever
//! cut inside a word, and where only a part of something is at hand, words that could be a secret are left out.

use std::fmt::{self, Display, Write as _};

use tapgate_wire::json::unescape_lossy;

/// The most characters of one quotation.
const MAX: usize = 80;

/// A word of so many characters can be a secret, or a part of one.
const LONG: usize = 10;

/// So many letters of both cases in a row are hardly a name.
const VERY_LONG: usize = 16;

/// What a peer sent, to be written between quotation marks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quote<'a> {
    bytes: &'a [u8],
    is_whole: bool,
}

/// A value that is at hand as a whole: a name, an id, a message of an error.
pub(crate) fn quote(bytes: &(impl AsRef<[u8]> + ?Sized)) -> Quote<'_> {
    Quote { bytes: bytes.as_ref(), is_whole: true }
}

/// A line of output, which may be a piece of something longer.
pub(crate) fn line(bytes: &(impl AsRef<[u8]> + ?Sized)) -> Quote<'_> {
    Quote { bytes: bytes.as_ref(), is_whole: false }
}

impl Display for Quote<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.bytes.get(..8 * MAX).unwrap_or(self.bytes);
        let text = String::from_utf8_lossy(head);
        let text = text.trim();
        let is_short = head.len() == self.bytes.len() && text.chars().count() <= MAX;
        if self.is_whole && is_short {
            return plainly(text, out);
        }
        let mut room = MAX;
        let mut words = text.split_inclusive(is_between).peekable();
        let is_alone = !text.contains(is_between);
        while let Some(word) = words.next() {
            let (name, mark) = match word.char_indices().next_back() {
                Some((at, mark)) if is_between(mark) => word.split_at(at),
                _ => (word, ""),
            };
            let is_cut = words.peek().is_none() && head.len() < self.bytes.len();
            let n = word.chars().count();
            if is_cut || n > room {
                return out.write_char('…');
            }
            room -= n;
            let shown = if is_opaque(name, is_alone) { "…" } else { name };
            plainly(shown, out)?;
            plainly(mark, out)?;
        }
        Ok(())
    }
}

fn plainly(text: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    text.chars().try_for_each(|letter| out.write_char(if letter.is_control() { ' ' } else { letter }))
}

/// What stands between words, in prose and in JSON.
fn is_between(letter: char) -> bool {
    letter.is_whitespace() || "\"'`()[]{}<>,;=&?|:".contains(letter)
}

/// Whether a word, or a segment of a path, looks drawn rather than written.
fn is_opaque(word: &str, is_alone: bool) -> bool {
    word.split('/').any(|part| {
        let n = part.chars().count();
        let has = |kind: fn(&char) -> bool| part.chars().any(|letter| kind(&letter));
        let has_digit = has(char::is_ascii_digit);
        let has_letter = has(|letter| letter.is_ascii_alphabetic() && !matches!(letter, 'T' | 'Z'));
        let is_mixed =
            has(char::is_ascii_lowercase) && part.chars().skip(1).any(|letter| letter.is_ascii_uppercase());
        n >= LONG && (has_digit && has_letter || is_mixed && (is_alone || n >= VERY_LONG)) || n > MAX / 2
    })
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
    use super::{line, quote};

    #[test]
    fn a_quotation_is_short_and_harmless() {
        assert_eq!(quote("a\u{1b}[31mb\n").to_string(), "a [31mb");
        assert_eq!(quote(&"ä".repeat(80)).to_string(), "ä".repeat(80));
        assert_eq!(quote(&"word ".repeat(40)).to_string(), "word ".repeat(16) + "…");
        assert!(line(&"x".repeat(9999)).to_string().chars().count() <= 81);
    }

    #[test]
    fn a_word_is_never_cut() {
        let text = format!("the key is {}", "k3y".repeat(30));
        assert_eq!(quote(&text).to_string(), "the key is …");
        assert_eq!(quote("getForecastDaily2").to_string(), "getForecastDaily2");
    }

    #[test]
    fn a_line_of_output_says_what_was_written_and_not_what_was_drawn() {
        let cases = [
            ("Server running on stdio", "Server running on stdio"),
            ("2026-11-22T16:40:17Z INFO start", "2026-11-22T16:40:17Z INFO start"),
            ("Cannot find module '/usr/lib/node/app.js'", "Cannot find module '/usr/lib/node/app.js'"),
            ("token=a1b2c3d4e5f6 used", "token=… used"),
            ("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "…"),
            ("qFzKpWnEbXtY", "…"),
        ];
        for (said, quoted) in cases {
            assert_eq!(line(said).to_string(), quoted);
        }
    }
}
