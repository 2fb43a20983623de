//! The journal as its users see it: written, read, pruned, in trouble, and shared by many processes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, also in what it shares with others"
)]

mod processes;
mod pruning;
mod reading;
mod support;
mod trouble;
