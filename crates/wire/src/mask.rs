//! Takes secrets out of what is about to be stored.

use bytes::Bytes;

/// Bytes from which secrets were taken; only this module makes them, and the journal takes nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Masked(Bytes);

impl Masked {
    /// Words of tapgate's own, which hold no secret; `'static` keeps traffic out.
    pub fn own(words: &'static str) -> Self {
        Self(Bytes::from_static(words.as_bytes()))
    }

    /// The masked bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}
