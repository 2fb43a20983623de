//! The real binary from end to end: planted secrets, sudden ends, wrong input, changed configurations.
//!
//! The tests play both peers themselves, so that they know every byte that was said.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod bad_input;
mod bridge;
mod bundle;
mod canary;
mod clock;
mod demo;
mod hostile;
mod judge;
mod kill;
mod lock;
mod planted;
mod replay;
mod restart;
mod support;
mod visit;
mod wrap;
