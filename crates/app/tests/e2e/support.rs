//! What the tests share: homes, processes with an end, and the two peers of a tap.

mod http;
mod run;
mod stdio;

pub(crate) use http::{Answer, HttpTap, connect, listening, read_head};
pub(crate) use run::{Home, Ran, Running, TAPGATE, drain, eventually, send};
pub(crate) use stdio::{Relayed, StdioTap};
