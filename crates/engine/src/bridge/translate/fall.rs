//! From modern to legacy: results of modern servers, requests of modern clients.

pub mod client;
