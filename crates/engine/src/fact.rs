//! What happened, raw: the recorder masks it before anything is kept.

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Fact {}
