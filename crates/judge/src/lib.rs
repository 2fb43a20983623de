//! Says what is wrong, whose fault it is, where that is written, and what to do.
//!
//! *Promises*: it judges what was sent, raw and in memory, before anything is masked; it says nothing that it did not
//! see (what a partial capture leaves open stays open); the same facts give the same findings; memory and the number of
//! findings are bounded whatever peers send.
//!
//! *Must never know*: I/O, clocks, async, storage; and it must never touch traffic: it hears facts, after the bytes are
//! gone.
//!
//! *Start reading* at [`Judge`], then `world.rs` (what it remembers), then any file of `family/`: each is one family of
//! rules, and a new family is one file there and one line in `family.rs`.

mod event;
mod family;
mod json;
mod judge;
mod members;
mod page;
pub mod probe;
mod quote;
pub mod scene;
mod surface;
mod world;

pub use family::{rule, rules};
pub use judge::Judge;

#[cfg(test)]
mod tests;
