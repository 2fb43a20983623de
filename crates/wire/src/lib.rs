//! Bytes to messages and back, without loss.
//!
//! *Promises*: a message that nobody edited leaves byte for byte as it came; reading never fails, it
//! yields a message and the [`Fault`]s seen on the way; nothing here allocates without a bound that the
//! caller chose.
//!
//! *Must never know*: I/O, clocks, async, policy. Time arrives as a number beside the bytes.
//!
//! *Start reading* at [`message`], then [`shape`], then [`frame`].

pub mod clock;
pub mod edge;
pub mod fault;
pub mod frame;
pub mod header;
pub mod json;
pub mod leg;
pub mod mask;
pub mod message;
pub mod record;
pub mod revision;
pub mod rule;
pub mod shape;
pub mod stream;

pub use clock::{Chunk, Nanos};
pub use fault::Fault;
pub use leg::Leg;
pub use mask::Masked;
pub use message::Message;
pub use rule::Rule;
pub use shape::{Id, Kind, Shape};
pub use stream::StreamId;
