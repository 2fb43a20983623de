//! Which headers mirror which arguments of which tool (`x-mcp-header`, 2026-07-28), learned from `tools/list`.
//!
//! Spec 2026-07-28, server/tools, x-mcp-header; basic/transports/streamable-http, Value Encoding.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use tapgate_wire::Message;

/// What is known of tools.
#[derive(Debug, Default)]
pub struct Tools {}

/// A tool that is left out of a list because its annotations are invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its name.
    pub tool: String,
    /// What is wrong, for people.
    pub why: String,
}

impl Tools {
    /// Learns the annotations in the result of `tools/list`. Says which tools a client over HTTP must not see.
    pub fn learn(&mut self, result: &Message) -> Vec<Dropped> {
        let _ = (result, &self);
        Vec::new()
    }

    /// Whether the definition of a tool was seen.
    pub fn knows(&self, tool: &str) -> bool {
        let _ = (tool, &self);
        false
    }

    /// Forgets everything, because the list changed.
    pub fn forget(&mut self) {}

    /// The headers that a `tools/call` with these parameters carries.
    pub fn mirrors(&self, call: &Message) -> Vec<(HeaderName, HeaderValue)> {
        let _ = (call, &self);
        Vec::new()
    }

    /// Checks the headers that came with a `tools/call` against its arguments.
    ///
    /// # Errors
    ///
    /// What differs, for the message of a -32020.
    pub fn check(&self, call: &Message, headers: &HeaderMap) -> Result<(), String> {
        let _ = (call, headers, &self);
        Ok(())
    }
}

/// The list without tools that were dropped.
pub fn strip(list: &Message, dropped: &[Dropped]) -> Message {
    let _ = dropped;
    list.clone()
}
