//! Text that cannot steer a terminal.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use unicode_width::UnicodeWidthChar;

/// The most characters that one piece of text keeps; what is longer ends in an ellipsis.
pub const MAX_CHARS: usize = 16 * 1024;

/// How many marks without a width may follow one character, as accents do.
const MAX_MARKS: usize = 2;

/// One line of text without anything that moves, hides, recolours or reorders what stands around it.
///
/// The drawing of text takes nothing else, so text from a peer reaches a terminal only through [`Plain::of`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plain {
    text: String,
    width: usize,
}

impl Plain {
    /// Makes `text` harmless: control characters become visible pictures (`␛`), what is invisible or reorders text
    /// becomes its code (`\u{202e}`), and what exceeds [`MAX_CHARS`] becomes an ellipsis.
    pub fn of(text: &str) -> Self {
        let mut plain = Self { text: String::with_capacity(text.len()), width: 0 };
        let mut n_marks = 0;
        for (n, c) in text.chars().enumerate() {
            if n == MAX_CHARS {
                plain.put('…', 1);
                break;
            }
            match width(c) {
                Some(0) if n_marks < MAX_MARKS && plain.width > 0 => {
                    n_marks += 1;
                    plain.put(c, 0);
                }
                Some(wide) if wide > 0 => {
                    n_marks = 0;
                    plain.put(c, wide);
                }
                _ => plain.put_escaped(c),
            }
        }
        plain
    }

    /// Makes bytes harmless that should be UTF-8; what is not becomes `\x` and its value.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::of(&lossless(bytes))
    }

    /// One for each line of `text`, and a new one after every [`MAX_CHARS`], so that nothing is left out.
    pub fn lines(text: &str) -> impl Iterator<Item = Self> + '_ {
        text.split('\n').flat_map(|line| {
            let mut rest = Some(line.strip_suffix('\r').unwrap_or(line));
            std::iter::from_fn(move || {
                let line = rest.take()?;
                let end = line.char_indices().nth(MAX_CHARS).map(|(end, _)| end);
                rest = end.and_then(|end| line.get(end..));
                Some(Self::of(end.and_then(|end| line.get(..end)).unwrap_or(line)))
            })
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many columns of a terminal it takes.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The text in at most `columns`, its end replaced by an ellipsis if it is longer.
    #[must_use]
    pub fn clipped(&self, columns: usize) -> Self {
        if self.width <= columns {
            return self.clone();
        }
        let mut clipped = Self::default();
        for c in self.text.chars() {
            let wide = c.width().unwrap_or(0);
            if clipped.width + wide + 1 > columns {
                break;
            }
            clipped.put(c, wide);
        }
        if clipped.width < columns {
            clipped.put('…', 1);
        }
        clipped
    }

    /// The text cut into pieces of at most `columns`, which must be at least 2.
    pub fn folded(&self, columns: usize) -> Vec<Self> {
        let mut pieces = vec![Self::default()];
        for c in self.text.chars() {
            let wide = c.width().unwrap_or(0);
            if pieces.last().is_some_and(|last| last.width + wide > columns) {
                pieces.push(Self::default());
            }
            if let Some(last) = pieces.last_mut() {
                last.put(c, wide);
            }
        }
        pieces
    }

    /// The text in pieces of at most `columns`, which must be at least 2, broken at blanks where it can be.
    pub fn wrapped(&self, columns: usize) -> Vec<Self> {
        let mut lines: Vec<String> = vec![String::new()];
        let mut used = 0;
        for word in self.as_str().split(' ') {
            for piece in Self::of(word).folded(columns) {
                let gap = usize::from(used > 0);
                if used + gap + piece.width() > columns {
                    lines.push(String::new());
                    used = 0;
                }
                if let Some(line) = lines.last_mut() {
                    if used > 0 {
                        line.push(' ');
                        used += 1;
                    }
                    line.push_str(piece.as_str());
                    used += piece.width();
                }
            }
        }
        lines.iter().map(|line| Self::of(line)).collect()
    }

    fn put(&mut self, c: char, wide: usize) {
        self.text.push(c);
        self.width += wide;
    }

    fn put_escaped(&mut self, c: char) {
        let picture = match c {
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)),
            '\x7f' => Some('␡'),
            _ => None,
        };
        match picture {
            Some(picture) => self.put(picture, 1),
            None => c.escape_unicode().for_each(|c| self.put(c, 1)),
        }
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Bytes as text, what is no UTF-8 as `\x` and its value.
pub(crate) fn lossless(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    Cow::Owned(text)
}

/// The width of a character; `None` if it must not reach a terminal as it is.
fn width(c: char) -> Option<usize> {
    if steers(c) { None } else { c.width() }
}

/// Whether a character moves, hides or reorders text, or is itself invisible.
pub(crate) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX_CHARS, Plain, steers};

    #[test]
    fn what_steers_a_terminal_is_shown_instead() {
        for (text, shown, width) in [
            ("plain", "plain", 5),
            ("\u{1b}[31mred", "␛[31mred", 8),
            ("a\r\nb\tc\u{7}", "a␍␊b␉c␇", 7),
            ("\u{7f}\u{9b}2J", "␡\\u{9b}2J", 9),
            ("\u{202e}evil\u{2066}", "\\u{202e}evil\\u{2066}", 20),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}", 18),
            ("日本", "日本", 4),
            ("e\u{301}", "e\u{301}", 1),
            ("e\u{301}\u{302}\u{303}", "e\u{301}\u{302}\\u{303}", 8),
            ("\u{301}", "\\u{301}", 7),
            ("\u{e0041}", "\\u{e0041}", 9),
        ] {
            let plain = Plain::of(text);
            assert_eq!((plain.as_str(), plain.width()), (shown, width), "{text:?}");
        }
        assert_eq!(Plain::of_bytes(b"a\xff\x1bz").as_str(), "a\\xff␛z");
    }

    #[test]
    fn long_text_ends_in_an_ellipsis() {
        let plain = Plain::of(&"x".repeat(MAX_CHARS + 1));
        assert_eq!((plain.width(), plain.as_str().ends_with("x…")), (MAX_CHARS + 1, true));
        let lines: Vec<_> =
            Plain::lines(&format!("{}\r\ny", "x".repeat(MAX_CHARS + 1))).map(|line| line.width()).collect();
        assert_eq!(lines, [MAX_CHARS, 1, 1]);
        assert_eq!(Plain::of("日本語").clipped(4).as_str(), "日…");
        assert_eq!(Plain::of("abc").clipped(3).as_str(), "abc");
        assert_eq!(Plain::of("abc").clipped(0).as_str(), "");
        let folded: Vec<_> = Plain::of("a日本").folded(3).into_iter().map(|piece| piece.text).collect();
        assert_eq!(folded, ["a日", "本"]);
    }

    proptest! {
        #[test]
        fn no_text_keeps_a_character_that_steers(text in any::<String>(), columns in 0_usize..40) {
            let plain = Plain::of(&text);
            prop_assert!(!plain.as_str().chars().any(steers));
            prop_assert!(plain.clipped(columns).width() <= columns);
        }
    }
}
