//! Takes secrets out of what is about to be stored.

use bytes::Bytes;

/// Bytes from which secrets were taken; only this module makes them, and the journal takes nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Masked(Bytes);

impl Masked {
    /// The masked bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}
