//! Scripted clients and servers of every revision on every transport, in memory.
//!
//! They speak in what edges hear and do, so a whole bridge runs between them without a socket. Each is strict: what
//! its revision does not allow is written down in `faults`, and a test that ends with a fault has failed.
#![expect(
    clippy::indexing_slicing,
    clippy::cmp_owned,
    clippy::needless_pass_by_value,
    reason = "indexing JSON gives null or makes the member, an id's text is not the id, and scripts read better by value"
)]

pub mod client;
pub mod event;
pub mod server;
pub mod skill;
pub mod world;

pub use client::{Client, Manner};
pub use server::Server;
pub use world::{Bridged, World};

use serde_json::Value;
use tapgate_wire::revision::Revision;

/// How a peer is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Over {
    /// stdio.
    Pipe,
    /// Streamable HTTP.
    Http,
    /// HTTP+SSE (2024-11-05).
    Sse,
}

impl Over {
    /// Every transport.
    pub const ALL: [Self; 3] = [Self::Pipe, Self::Http, Self::Sse];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pipe => "stdio",
            Self::Http => "HTTP",
            Self::Sse => "SSE",
        }
    }

    /// Whether peers of a revision are found on it.
    pub fn has(self, revision: Revision) -> bool {
        self != Self::Sse || revision < Revision::V2026_07_28
    }
}

/// Where the keys of `_meta` that the specification defines begin.
pub const META: &str = "io.modelcontextprotocol/";

/// The value at a path of names, `Null` where there is none.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, name| value.get(name).unwrap_or(&Value::Null))
}

/// The text at a path of names, empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    at(value, path).as_str().unwrap_or_default()
}
