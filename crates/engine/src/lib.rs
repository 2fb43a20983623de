//! Decides: sessions, exchanges, what belongs to what.
//!
//! *Promises*: input in, actions out; the same inputs give the same actions; memory is bounded whatever peers send.
//!
//! *Must never know*: I/O, clocks, async, storage.
//!
//! *Start reading* at [`source`], then [`session`], then [`track`].

pub mod fact;
pub mod input;

pub use fact::Fact;
pub use input::{Action, Input};
