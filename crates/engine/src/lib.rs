//! Decides: sessions, exchanges, what belongs to what.
//!
//! *Promises*: input in, actions out; the same inputs give the same actions; memory is bounded whatever
//! peers send ([`Limits`] says how, and what happens when something is full).
//!
//! *Must never know*: I/O, clocks, async, storage.
//!
//! *Start reading* at [`source`], which finds the session of a stream, then `session.rs`, then
//! `track.rs`, which pairs. [`record`] masks what came out. [`bridge`] stands between legs that do not
//! speak alike.

pub mod bridge;
pub mod chaos;
pub mod fact;
pub mod input;
pub mod limits;
pub mod oddity;
pub mod past;
pub mod record;
pub mod source;
pub mod surface;

mod cut;
mod ledger;
mod session;
mod track;

pub use fact::Fact;
pub use input::{Action, Input};
pub use limits::Limits;
pub use oddity::Oddity;
pub use record::Recorder;
pub use source::Source;
