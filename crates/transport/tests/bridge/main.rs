//! The edges of the bridge between real pipes, processes and sockets.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod children;
mod fetch;
mod http2;
mod listen;
mod pass;
mod pipe;
mod rig;
