//! Which clients and model providers are known to refuse which tools.
//!
//! Each line of the table has a source and the day of it. What one program refused once it may take today, so a line
//! that is older than a year says nothing any more, until somebody looks again.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Value as Json, json};
use tapgate_wire::record::{Offered, UnixNanos};

use super::{Session, Verdict, newest};
use crate::page::{Block, Note, Tone};

/// What a client or a provider does not take.
#[derive(Clone, Copy, Debug)]
enum Limit {
    /// Names with other letters than these, or longer ones: ASCII letters, digits, `_` and `-`.
    PlainNames { longest: usize },
    /// Names longer than this, with the name that the user gave to the server before them.
    NamesWithServer { longest: usize },
    /// More tools than this.
    Tools { most: usize },
    /// These words at the root of an input schema.
    Root(&'static [&'static str]),
    /// Names of properties with other letters than these, or longer ones: ASCII letters, digits, `_`, `.` and `-`.
    PlainProperties { longest: usize },
    /// References that lead round.
    Recursion,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Who refuses.
    client: &'static str,
    limit: Limit,
    /// What happens then.
    effect: &'static str,
    /// Where that is reported.
    source: &'static str,
    /// When that was, and the first day on which it is too old.
    seen: &'static str,
    stale: &'static str,
}

/// The table, sorted by client.
const KNOWN: &[Known] = &[
    Known {
        client: "Claude API",
        limit: Limit::Root(&["oneOf", "anyOf", "allOf"]),
        effect: "the whole request is refused",
        source: "https://github.com/kenn-io/kata/pull/365",
        seen: "2026-09-14",
        stale: "2027-09-14",
    },
    Known {
        client: "Claude API",
        limit: Limit::PlainProperties { longest: 64 },
        effect: "the whole request is refused",
        source: "https://github.com/diegosouzapw/OmniRoute/issues/13552",
        seen: "2026-09-15",
        stale: "2027-09-15",
    },
    Known {
        client: "Claude Desktop",
        limit: Limit::PlainNames { longest: 64 },
        effect: "no conversation starts",
        source: "https://github.com/l22-io/orchard-mcp/issues/14",
        seen: "2026-06-21",
        stale: "2027-06-21",
    },
    Known {
        client: "Codex",
        limit: Limit::PlainNames { longest: usize::MAX },
        effect: "the whole request is refused",
        source: "https://github.com/openai/codex/issues/8174",
        seen: "2025-12-17",
        stale: "2026-12-17",
    },
    Known {
        client: "Cursor",
        limit: Limit::NamesWithServer { longest: 60 },
        effect: "the tool is left out",
        source: "https://github.com/ComposioHQ/composio/issues/2788",
        seen: "2026-02-27",
        stale: "2027-02-27",
    },
    Known {
        client: "Cursor",
        limit: Limit::Tools { most: 40 },
        effect: "the tools after them are left out",
        source: "https://github.com/anyproto/anytype-mcp/issues/5",
        seen: "2025-06-25",
        stale: "2026-06-25",
    },
    Known {
        client: "Google ADK",
        limit: Limit::Recursion,
        effect: "the client breaks",
        source: "https://github.com/google/adk-python/issues/3870",
        seen: "2025-12-08",
        stale: "2026-12-08",
    },
    Known {
        client: "OpenAI API",
        limit: Limit::Root(&["oneOf", "anyOf", "allOf", "enum", "not"]),
        effect: "the whole request is refused",
        source: "https://github.com/langchain-ai/langchainjs/issues/9804",
        seen: "2026-01-14",
        stale: "2027-01-14",
    },
    Known {
        client: "VS Code",
        limit: Limit::Tools { most: 128 },
        effect: "the whole request is refused",
        source: "https://github.com/microsoft/vscode-copilot-release/issues/9375",
        seen: "2025-05-10",
        stale: "2026-05-10",
    },
];

/// What one line of the table says of a server's tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portability {
    /// The client or provider.
    pub client: &'static str,
    /// `Pass`, `Warn`, or `Unknown` where the line is too old or the definitions are not recorded.
    pub verdict: Verdict,
    /// Why, as one sentence.
    pub why: String,
    /// Where that is reported, and when that was.
    pub source: (&'static str, &'static str),
}

/// Holds the newest list of tools of each session against what is known of clients, at this time.
pub fn portability(sessions: &[Session<'_>], now: UnixNanos) -> Vec<Portability> {
    let lists = sessions.iter().filter_map(|session| newest(session, Offered::Tools));
    let lists = lists.filter_map(|list| serde_json::from_slice::<Vec<Json>>(&list.items).ok());
    let Some(tools) = lists.max_by_key(Vec::len) else { return Vec::new() };
    let today = tapgate_wire::clock::stamp(now);
    KNOWN.iter().map(|known| known.judge(&tools, &today)).collect()
}

/// The names of the tools that a client of this name is known to leave out, of a list in its order.
pub(crate) fn left_out<'t>(client: &str, tools: &[&'t Json], now: UnixNanos) -> BTreeSet<&'t str> {
    let today = tapgate_wire::clock::stamp(now);
    let client = client.to_lowercase();
    let is_meant = |known: &&Known| {
        let word = known.client.split(' ').next().unwrap_or_default();
        client.contains(&word.to_lowercase())
            && today.as_str() < known.stale
            && known.effect.contains("left out")
    };
    let mut out = BTreeSet::new();
    for known in KNOWN.iter().filter(is_meant) {
        for (n, tool) in tools.iter().enumerate() {
            let name = tool.get("name").and_then(Json::as_str).unwrap_or_default();
            let is_refused = match known.limit {
                Limit::Tools { most } => n >= most,
                _ => known.refuses(name, Some(tool)).is_ok_and(|what| what.is_some()),
            };
            if is_refused {
                out.insert(name);
            }
        }
    }
    out
}

/// The definition of a tool is not recorded.
struct Unrecorded;

impl Known {
    fn judge(&self, tools: &[Json], today: &str) -> Portability {
        let say = |verdict, why| Portability {
            client: self.client,
            verdict,
            why,
            source: (self.source, self.seen),
        };
        // Days compare as text.
        if today >= self.stale {
            return say(
                Verdict::Unknown,
                format!("What is known of it is from {}, which is too old.", self.seen),
            );
        }
        match self.refused(tools) {
            Ok((0, _)) => say(Verdict::Pass, "Nothing that it is known to refuse was seen.".to_owned()),
            Ok((n, what)) => {
                let more = if n > 1 { format!(" and {} more", n - 1) } else { String::new() };
                say(Verdict::Warn, format!("{what}{more}: {}.", self.effect))
            }
            Err(Unrecorded) => {
                say(Verdict::Unknown, "The definitions of the tools are not recorded.".to_owned())
            }
        }
    }

    /// How much is refused, and the first of it.
    fn refused(&self, tools: &[Json]) -> Result<(usize, String), Unrecorded> {
        if let Limit::Tools { most } = self.limit {
            let n = usize::from(tools.len() > most);
            return Ok((n, format!("{} tools, more than {most}", tools.len())));
        }
        let mut refused = (0, String::new());
        for tool in tools {
            let name = tool.get("name").and_then(Json::as_str).unwrap_or_default();
            if let Some(what) = self.refuses(name, tool.get("definition"))? {
                if refused.0 == 0 {
                    refused.1 = what;
                }
                refused.0 += 1;
            }
        }
        Ok(refused)
    }

    /// What of a tool is refused.
    fn refuses(&self, name: &str, definition: Option<&Json>) -> Result<Option<String>, Unrecorded> {
        let is_plain = |text: &str, more: &str, longest: usize| {
            let is_fine = |letter: char| letter.is_ascii_alphanumeric() || more.contains(letter);
            !text.is_empty() && text.len() <= longest && text.chars().all(is_fine)
        };
        let schema = || {
            let schema = definition.map(|definition| definition.get("inputSchema").unwrap_or(&Json::Null));
            schema.ok_or(Unrecorded)
        };
        let found = match self.limit {
            Limit::PlainNames { longest } => {
                (!is_plain(name, "_-", longest)).then(|| format!("the name `{name}`"))
            }
            // A server's own name has at least one letter.
            Limit::NamesWithServer { longest } => {
                (name.chars().count() >= longest).then(|| format!("the long name `{name}`"))
            }
            Limit::Root(words) => {
                let schema = schema()?;
                let word = words.iter().find(|word| schema.get(**word).is_some());
                word.map(|word| format!("`{word}` at the root of `{name}`"))
            }
            Limit::PlainProperties { longest } => {
                let schema = schema()?;
                let odd = property(schema, &|property| !is_plain(property, "_.-", longest));
                odd.map(|property| format!("the property `{property}` of `{name}`"))
            }
            Limit::Recursion => {
                let schema = schema()?;
                leads_round(schema, schema, &mut Way::default())
                    .then(|| format!("a schema of `{name}` that contains itself"))
            }
            Limit::Tools { .. } => None,
        };
        Ok(found)
    }
}

/// The first property of a schema, however deep, whose name is so.
fn property<'a>(schema: &'a Json, is: &dyn Fn(&str) -> bool) -> Option<&'a str> {
    match schema {
        Json::Object(members) => members.iter().find_map(|(member, value)| {
            let named = value.as_object().filter(|_| member == "properties");
            let odd = named.and_then(|named| named.keys().find(|name| is(name)));
            odd.map(String::as_str).or_else(|| property(value, is))
        }),
        Json::Array(items) => items.iter().find_map(|item| property(item, is)),
        _ => None,
    }
}

/// References of one chain that are followed.
const MAX_CHAIN: usize = 32;

/// References on the way to a place, and those that are known to lead nowhere round.
#[derive(Default)]
struct Way<'a> {
    above: Vec<&'a str>,
    done: HashSet<&'a str>,
}

/// Whether a reference below this value leads to a place that it stands in.
fn leads_round<'a>(root: &'a Json, value: &'a Json, way: &mut Way<'a>) -> bool {
    match value {
        Json::Object(members) => members.iter().any(|(member, value)| match value {
            Json::String(target) if member == "$ref" => {
                if way.above.contains(&target.as_str()) || target == "#" {
                    return true;
                }
                let place = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
                let Some(place) = place.filter(|_| way.above.len() < MAX_CHAIN) else { return false };
                if !way.done.insert(target) {
                    return false;
                }
                way.above.push(target);
                let found = leads_round(root, place, way);
                way.above.pop();
                found
            }
            value => leads_round(root, value, way),
        }),
        Json::Array(items) => items.iter().any(|item| leads_round(root, item, way)),
        _ => false,
    }
}

impl Portability {
    /// What it is, for people; nothing where there is nothing to say.
    pub(super) fn block(&self) -> Option<Block> {
        let (source, seen) = self.source;
        let text = format!("{}: {} ({source}, {seen})", self.client, self.why);
        (self.verdict == Verdict::Warn).then(|| Block::Note(Note::new(Tone::Odd, "!", text)))
    }

    pub(super) fn json(&self) -> Json {
        let (source, seen) = self.source;
        json!({ "client": self.client, "status": self.verdict.word(), "why": self.why, "source": source, "seen": seen })
    }
}

#[cfg(test)]
mod tests;
