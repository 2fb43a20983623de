//! The bridge between scripted peers of every revision and transport.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets the unexpected ends"
)]

mod feature;
mod features;
mod interleave;
mod matrix;
mod stage;
