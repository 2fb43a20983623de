//! The bridge between scripted peers of every revision and transport.
#![expect(
    clippy::indexing_slicing,
    clippy::cmp_owned,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets the unexpected ends, and reads better by value"
)]

mod cannot;
mod crowd_of_tasks;
mod detection;
mod ends;
mod feature;
mod features;
mod interleave;
mod locked;
mod matrix;
mod raw;
mod rules;
mod stage;
