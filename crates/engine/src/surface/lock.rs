//! The lock file: what a server may offer, pinned, as text that people review.
//!
//! ```text
//! {
//!   "version": 1,
//!   "server": { "name": "…", "run": "…" },
//!   "surface": { "tools": [ { "name": "…", "digest": "…", "definition": { … } } ] }
//! }
//! ```
//!
//! The digest is that of the definition before it was masked; the definition is there to be read and compared. When and
//! by whom it was written is what version control knows.

mod pretty;

pub(super) use self::pretty::visible;

use std::collections::BTreeSet;

use memchr::memmem;
use tapgate_wire::record::Offered;

use super::{Item, KINDS, MASKED, Surface, Value, digest, item_from, word};

/// The version that is written, and the newest that is read.
const VERSION: u32 = 1;

/// A lock file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// Whose it is.
    pub server: Pinned,
    /// What it may offer.
    pub surface: Surface,
}

/// The server that a lock file is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pinned {
    /// What it calls itself.
    pub name: Option<String>,
    /// Its command line, masked.
    pub run: Option<String>,
    /// Its URL, masked.
    pub url: Option<String>,
}

/// Why a lock file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong, as a fragment that names the place.
    pub text: String,
    /// What to do.
    pub help: &'static str,
}

const WRITE_AGAIN: &str = "take it from version control again, or write it anew with `tapgate lock update`";

impl Lock {
    /// Reads a lock file.
    ///
    /// # Errors
    ///
    /// What is wrong and where: the line and column of what is no JSON, else the members that lead to it.
    pub fn parse(text: &[u8]) -> Result<Self, Mistake> {
        if text.starts_with("\u{feff}".as_bytes()) {
            return Err(Mistake {
                text: "it begins with a byte order mark, which JSON does not have".to_owned(),
                help: "save it as UTF-8 without one, or write it anew with `tapgate lock update`",
            });
        }
        let (value, repeats) = Value::parse_once(text).map_err(|fault| not_json(text, fault.at))?;
        if repeats {
            // One of them would go unseen.
            return Err(wrong("an object has a member twice, as a merge may leave it"));
        }
        let version =
            value.get("version").ok_or_else(|| wrong("it has no `version`, so it is no lock file"))?;
        match version {
            Value::Number(digits) if digits.parse::<u32>().is_ok_and(|n| (1..=VERSION).contains(&n)) => {}
            Value::Number(digits) => {
                return Err(Mistake {
                    text: format!("its version is {digits}, and this tapgate reads version {VERSION}"),
                    help: "use a newer tapgate, or write the file anew with `tapgate lock update`",
                });
            }
            _ => return Err(wrong("its `version` is no number")),
        }
        let server = value.get("server");
        let said = |name: &str| Some(server?.get(name)?.as_str()?.into_owned());
        let server = Pinned { name: said("name"), run: said("run"), url: said("url") };
        let kinds =
            value.get("surface").and_then(Value::members).ok_or_else(|| wrong("it has no `surface`"))?;
        let mut surface = Surface::default();
        for (name, items) in kinds {
            let name = String::from_utf8_lossy(name);
            let Some(kind) = KINDS.into_iter().find(|kind| word(*kind) == name) else {
                return Err(wrong(&format!("`surface.{name}` is nothing that a server offers")));
            };
            surface.set(kind, items_of(kind, items)?);
        }
        Ok(Self { server, surface })
    }

    /// The text of the lock file: the same for the same content, one member a line.
    pub fn to_text(&self) -> String {
        let mut server = Vec::new();
        for (name, value) in
            [("name", &self.server.name), ("run", &self.server.run), ("url", &self.server.url)]
        {
            server.extend(value.as_ref().map(|value| (name, Value::text(value))));
        }
        let mut out = format!("{{\n  \"version\": {VERSION},\n  \"server\": ");
        pretty::members(&server, 1, &mut out);
        out += ",\n  \"surface\": {";
        for (n, (kind, items)) in self.surface.kinds.iter().enumerate() {
            out += if n > 0 { ",\n" } else { "\n" };
            out.extend(["    \"", word(*kind), "\": ["]);
            for (n, item) in items.iter().enumerate() {
                out += if n > 0 { ",\n      " } else { "\n      " };
                let mut members =
                    vec![("name", Value::text(&item.name)), ("digest", Value::text(&item.digest))];
                // Else the file could not be read again.
                members
                    .extend(item.value().filter(|_| fits(item)).map(|definition| ("definition", definition)));
                pretty::members(&members, 3, &mut out);
            }
            out += if items.is_empty() { "]" } else { "\n    ]" };
        }
        out += if self.surface.kinds.is_empty() { "}\n}\n" } else { "\n  }\n}\n" };
        out
    }

    /// Whether the lock has this very definition.
    pub fn has(&self, kind: Offered, name: &str, digest: &str) -> bool {
        self.named(kind, name).any(|item| item.digest == digest)
    }

    /// Why something of this name is held back that the lock does not have as it is.
    pub fn why_held(&self, kind: Offered, name: &str) -> &'static str {
        if self.knows(kind, name) { "is not what the lock file says" } else { "is not in the lock file" }
    }

    /// Whether the lock has something of this name.
    pub fn knows(&self, kind: Offered, name: &str) -> bool {
        self.named(kind, name).next().is_some()
    }

    /// The names that the lock has of a kind.
    pub fn names(&self, kind: Offered) -> BTreeSet<&str> {
        self.surface.kinds.get(&kind).into_iter().flatten().map(|item| item.name.as_str()).collect()
    }

    fn named<'a>(&'a self, kind: Offered, name: &'a str) -> impl Iterator<Item = &'a Item> {
        let items = self.surface.kinds.get(&kind).map_or(&[][..], Vec::as_slice);
        let first = items.partition_point(|item| item.name.as_str() < name);
        items.get(first..).unwrap_or_default().iter().take_while(move |item| item.name == name)
    }
}

fn items_of(kind: Offered, items: &Value) -> Result<Vec<Item>, Mistake> {
    let place = word(kind);
    let items = items.items().ok_or_else(|| wrong(&format!("`surface.{place}` is no array")))?;
    let read = |(n, value): (usize, &Value)| {
        let Some(item) = item_from(value) else {
            return Err(wrong(&format!(
                "`surface.{place}[{n}]` has no name or no digest of 32 hexadecimal digits"
            )));
        };
        let is_edited = item.definition.is_some() && !fits(&item);
        if is_edited {
            let name = &item.name;
            return Err(wrong(&format!(
                "the definition of `{name}` in `surface.{place}` does not fit its digest"
            )));
        }
        Ok(item)
    };
    items.iter().enumerate().map(read).collect()
}

/// Whether a definition is what its digest was made of, as far as masks let anybody tell.
fn fits(item: &Item) -> bool {
    let is_masked = |definition: &[u8]| memmem::find(definition, MASKED.as_bytes()).is_some();
    item.definition.as_ref().is_some_and(|definition| {
        digest(definition) == item.digest && std::str::from_utf8(definition).is_ok() || is_masked(definition)
    })
}

fn wrong(text: &str) -> Mistake {
    Mistake { text: text.to_owned(), help: WRITE_AGAIN }
}

fn not_json(text: &[u8], at: u64) -> Mistake {
    let before = text.get(..usize::try_from(at).unwrap_or(usize::MAX)).unwrap_or(text);
    let line = before.split(|byte| *byte == b'\n').count();
    let column = before.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len) + 1;
    let line_text = text.split(|byte| *byte == b'\n').nth(line - 1).unwrap_or_default();
    let is_conflict =
        [&b"<<<<<<<"[..], b"=======", b">>>>>>>"].iter().any(|mark| line_text.starts_with(mark));
    let help = if is_conflict { "settle the merge conflict there" } else { WRITE_AGAIN };
    Mistake { text: format!("line {line}, column {column} is no JSON"), help }
}

#[cfg(test)]
mod tests;
