//! The only crate that opens sockets and starts processes.
//!
//! *Promises*: bytes pass as they come, whoever watches; nobody who watches can slow or stop them.
//!
//! *Must never know*: the meaning of messages.

pub mod seen;

pub use seen::Seen;
