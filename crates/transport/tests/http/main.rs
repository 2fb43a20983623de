//! The HTTP tap between clients and servers that speak real bytes over real sockets.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test stands on fails loudly, and a test reads better so"
)]

mod breaks;
mod bytes;
mod flow;
mod guard;
mod life;
mod secure;
mod stage;
