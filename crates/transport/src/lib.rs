//! The only crate that opens sockets and starts processes.
//!
//! *Promises*: bytes pass as they come, whoever watches; nobody who watches can slow or stop them.
//!
//! *Must never know*: the meaning of messages.

pub mod clock;
pub mod http;
pub mod queue;
pub mod seen;

pub use clock::Clock;
pub use queue::{Observer, Witness, queue};
pub use seen::Seen;
