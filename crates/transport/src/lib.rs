//! The only crate that opens sockets and starts processes.
//!
//! *Promises*: bytes pass as they come, whoever watches; nobody who watches can slow or stop them.
//!
//! *Must never know*: the meaning of messages.

pub mod allowance;
pub mod bridge;
pub mod clock;
pub mod error;
pub mod guard;
pub mod http;
pub mod queue;
pub mod seen;
pub mod stdio;

pub use allowance::Allowance;
pub use clock::Clock;
pub use error::{Error, Obstacle};
pub use queue::{Observer, Witness, queue};
pub use seen::Seen;
