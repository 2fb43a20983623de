//! From legacy to modern: requests of legacy clients, results of legacy servers.

pub mod client;
pub mod server;
