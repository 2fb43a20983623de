//! A sample server and a sample client, so that a newcomer sees traffic before configuring anything.

pub mod client;
pub mod server;
