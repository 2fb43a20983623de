//! Finds the end of a value without checking it.

/// Follows the strings and brackets of an array or object from behind its first bracket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Skim {
    inside: Inside,
    /// How many brackets are open inside it.
    n_open: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Brackets,
    Text,
    Escape,
}

impl Skim {
    /// Reads the next byte; gives whether the value ends with it.
    pub(super) fn is_end(&mut self, byte: u8) -> bool {
        match (self.inside, byte) {
            (Inside::Brackets, b'[' | b'{') => self.n_open += 1,
            (Inside::Brackets, b']' | b'}') => match self.n_open.checked_sub(1) {
                Some(left) => self.n_open = left,
                None => return true,
            },
            (Inside::Brackets, b'"') | (Inside::Escape, _) => self.inside = Inside::Text,
            (Inside::Text, b'\\') => self.inside = Inside::Escape,
            (Inside::Text, b'"') => self.inside = Inside::Brackets,
            _ => {}
        }
        false
    }
}
