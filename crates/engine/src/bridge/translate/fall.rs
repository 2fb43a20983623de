//! From modern to legacy.

pub mod client;
pub mod server;
