//! The stdio tap between real processes: what passes, what ends, and that nothing is left behind.
//!
//! The tap is the example `tap_stdio`, so that it is a process that can be signalled and killed.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod bytes;
mod ends;
mod pipes;
mod rig;
mod signals;
mod start;
