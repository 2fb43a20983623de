//! Cutting text short without cutting a secret in two.

/// The beginning of a text that was cut off, up to its last sure end of a word.
///
/// Half of a secret has neither its shape nor its digest, so masking would not know it.
pub(crate) fn whole_words(cut_off: &[u8]) -> &[u8] {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"\",{}[]".contains(byte);
    let end = cut_off.iter().rposition(is_end).map_or(0, |place| place + 1);
    cut_off.get(..end).unwrap_or_default()
}

/// At most the first `most` bytes of a text, in whole words.
pub(crate) fn at_most(text: &[u8], most: usize) -> &[u8] {
    match text.get(..most) {
        Some(cut_off) if text.len() > most => whole_words(cut_off),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::at_most;

    #[test]
    fn a_text_is_cut_between_words() {
        let cases = [
            ("one two", 7, "one two"),
            ("one two", 6, "one "),
            (r#"{"a":"bc"}"#, 7, r#"{"a":""#),
            ("onlyoneword", 5, ""),
            ("", 0, ""),
        ];
        for (text, most, kept) in cases {
            assert_eq!(at_most(text.as_bytes(), most), kept.as_bytes(), "{text}");
        }
    }
}
