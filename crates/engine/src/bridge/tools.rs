//! Which headers mirror which arguments of which tool (`x-mcp-header`, 2026-07-28), learned from `tools/list`.
//!
//! Spec 2026-07-28, server/tools, x-mcp-header; basic/transports/streamable-http, Value Encoding.

mod annotation;
mod argument;

use std::collections::{BTreeMap, BTreeSet};

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use tapgate_wire::Message;
use tapgate_wire::header::value::{Error, decode, encode};
use tapgate_wire::json::unescape_lossy;

use super::translate::Draft;
use annotation::Mirror;
use argument::Argument;

/// How many tools are remembered, and how many bytes their names and annotations take at most; a tool beyond that is
/// called without mirrors until the server asks for them.
const MAX_TOOLS: usize = 10_000;
const MAX_BYTES: usize = 8 << 20;

/// What is known of tools.
#[derive(Debug, Default)]
pub struct Tools {
    known: BTreeMap<String, Vec<Mirror>>,
    n_bytes: usize,
    n_mirrors: usize,
}

/// A tool that is left out of a list because its annotations are invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its name.
    pub tool: String,
    /// What is wrong, for people.
    pub why: String,
}

/// How the headers of a call differ from its arguments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Differs {
    /// An annotated argument is given and its header is not there.
    #[error("header {0} is missing")]
    Missing(HeaderName),
    /// A header is there and cannot be read.
    #[error("{0}: {1}")]
    Unreadable(HeaderName, Error),
    /// A header says something else than its argument, or there is no such argument.
    #[error("header {0} does not match the arguments")]
    Other(HeaderName),
}

impl Tools {
    /// Learns the annotations in the result of `tools/list`, one page at a time. Says which tools a client over HTTP
    /// must not see.
    pub fn learn(&mut self, result: &Message) -> Vec<Dropped> {
        let mut dropped = Vec::new();
        Draft::of(result).each(&["result", "tools"], &mut |tool| {
            let schema = tool.get(&["inputSchema"]).unwrap_or_default();
            dropped.extend(self.learn_tool(name(&tool), &schema));
            Some(tool)
        });
        dropped
    }

    /// Learns the annotations in the raw input schema of one tool. Says why a client over HTTP must not see it, if so.
    pub fn learn_tool(&mut self, tool: String, schema: &[u8]) -> Option<Dropped> {
        self.forget_tool(&tool);
        match annotation::read(schema) {
            Ok(mirrors) => {
                self.remember(tool, mirrors);
                None
            }
            Err(why) => Some(Dropped { tool, why }),
        }
    }

    /// Whether the definition of a tool was seen.
    pub fn knows(&self, tool: &str) -> bool {
        self.known.contains_key(tool)
    }

    /// Forgets everything, because the list changed.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// The headers that a `tools/call` with these parameters carries.
    pub fn mirrors(&self, call: &Message) -> Vec<(HeaderName, HeaderValue)> {
        let told = |(mirror, argument): (&Mirror, Argument)| {
            let text = argument.text()?;
            let value = HeaderValue::from_str(&encode(&text)).ok()?;
            Some((mirror.header.clone(), value))
        };
        self.arguments(call).into_iter().filter_map(told).collect()
    }

    /// Checks the headers that came with a `tools/call` against its arguments.
    ///
    /// # Errors
    ///
    /// What differs first; its text is the message of a -32020.
    pub fn check(&self, call: &Message, headers: &HeaderMap) -> Result<(), Differs> {
        for (Mirror { header, .. }, argument) in self.arguments(call) {
            let mut values = headers.get_all(header).iter().peekable();
            if values.peek().is_none() && argument.text().is_some() {
                return Err(Differs::Missing(header.clone()));
            }
            for value in values {
                let text =
                    decode(value.as_bytes()).map_err(|why| Differs::Unreadable(header.clone(), why))?;
                if !argument.is(&text) {
                    return Err(Differs::Other(header.clone()));
                }
            }
        }
        Ok(())
    }

    /// What a call gives for each mirror of its tool.
    fn arguments(&self, call: &Message) -> Vec<(&Mirror, Argument)> {
        // Most servers annotate nothing, so their calls are not read again.
        if self.n_mirrors == 0 {
            return Vec::new();
        }
        let params = Draft::of_value(Draft::of(call).get(&["params"]).unwrap_or_default());
        let Some(mirrors) = self.known.get(&name(&params)) else { return Vec::new() };
        let given = Draft::of_value(params.get(&["arguments"]).unwrap_or_default());
        let argument = |mirror: &Mirror| {
            let path: Vec<_> = mirror.path.iter().map(String::as_str).collect();
            Argument::of(given.get(&path))
        };
        mirrors.iter().map(|mirror| (mirror, argument(mirror))).collect()
    }

    fn remember(&mut self, tool: String, mirrors: Vec<Mirror>) {
        let n_bytes = size(&tool, &mirrors);
        if self.known.len() < MAX_TOOLS && self.n_bytes + n_bytes <= MAX_BYTES {
            self.n_bytes += n_bytes;
            self.n_mirrors += mirrors.len();
            self.known.insert(tool, mirrors);
        }
    }

    fn forget_tool(&mut self, tool: &str) {
        if let Some(mirrors) = self.known.remove(tool) {
            self.n_bytes -= size(tool, &mirrors);
            self.n_mirrors -= mirrors.len();
        }
    }
}

/// The result of `tools/list` without the tools that were dropped.
pub fn strip(list: &Message, dropped: &[Dropped]) -> Message {
    if dropped.is_empty() {
        return list.clone();
    }
    let dropped: BTreeSet<_> = dropped.iter().map(|dropped| &dropped.tool).collect();
    let mut draft = Draft::of(list);
    draft.each(&["result", "tools"], &mut |tool| (!dropped.contains(&name(&tool))).then_some(tool));
    draft.into_message()
}

/// The name of a tool in its definition or in the parameters of a call; empty when there is none.
fn name(draft: &Draft) -> String {
    let name = draft.get(&["name"]).filter(|name| name.starts_with(b"\""));
    name.map(|name| unescape_lossy(&name).into_owned()).unwrap_or_default()
}

fn size(tool: &str, mirrors: &[Mirror]) -> usize {
    tool.len() + mirrors.iter().map(Mirror::size).sum::<usize>()
}

#[cfg(test)]
mod tests;
