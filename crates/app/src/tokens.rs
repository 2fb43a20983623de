//! Counts the tokens of texts, by a tokenizer that somebody named.

use std::sync::OnceLock;

use clap::ValueEnum;
use tapgate_lens::check;
use tiktoken_rs::CoreBPE;

/// Bytes of a text that are counted at once.
///
/// The tokenizer's pattern gives up on a text that makes it look back too often, which takes far more than this; a longer
/// text is counted in pieces, and each cut may cost a token or two.
const MAX_PIECE: usize = 64 * 1024;

/// A tokenizer that is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tokenizer {
    /// Of `OpenAI`'s models since GPT-4o.
    #[value(name = "o200k_base")]
    O200kBase,
}

impl Tokenizer {
    /// The tokenizer, for reports.
    pub fn counter(self) -> check::Tokenizer {
        match self {
            Self::O200kBase => check::Tokenizer { name: "o200k_base", count: o200k_base },
        }
    }
}

/// How many tokens of `o200k_base` a text has.
fn o200k_base(text: &str) -> u64 {
    // The table takes a while to read, so it is read only when it is needed, and once.
    static TABLE: OnceLock<Option<CoreBPE>> = OnceLock::new();
    let Some(table) = TABLE.get_or_init(|| tiktoken_rs::o200k_base().ok()) else { return 0 };
    pieces(text).map(|piece| table.encode_ordinary(piece).len() as u64).sum()
}

/// The text in pieces of at most [`MAX_PIECE`] bytes.
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let (piece, rest) = text.split_at(text.floor_char_boundary(MAX_PIECE));
        text = rest;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_those_of_the_named_tokenizer() {
        let count = Tokenizer::O200kBase.counter().count;
        assert_eq!(count(""), 0);
        assert_eq!(count("hello world"), 2);
        assert_eq!(count("Hallo, schöne neue Welt!"), 6);
        assert_eq!(count("<|endoftext|>"), 7);
    }

    #[test]
    fn no_text_is_too_much_for_the_tokenizer() {
        let count = Tokenizer::O200kBase.counter().count;
        for part in [" ", "\n ", "A", "a", "語", "\u{301}", "0", "{", "'s", "\u{200b}", "\t\u{a0}"] {
            let text = part.repeat(3 * MAX_PIECE / part.len() + 1);
            assert!(count(&text) > 0, "{part:?}");
        }
    }

    #[test]
    fn pieces_are_the_whole_text() {
        let text = "ä".repeat(MAX_PIECE);
        assert_eq!(pieces(&text).collect::<String>(), text);
        assert!(pieces(&text).all(|piece| piece.len() <= MAX_PIECE));
    }
}
