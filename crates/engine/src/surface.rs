//! What a server offers: read from its answers, in one form, with a digest that stands for each definition.
//!
//! [`Item`]s are read from pages, joined by whoever hears them (the judge), kept in the journal as JSON, pinned in a
//! [`Lock`], and compared by [`drift`].
//!
//! What changes without the offer changing is left out: `_meta` and `ttlMs` of pages, the order of members, how strings
//! and numbers are written, `size` and `lastModified` of resources.

mod drift;
mod likeness;
mod lock;
mod schema;
mod server;
mod value;

use std::collections::BTreeMap;

use bytes::Bytes;
use tapgate_wire::record::Offered;

pub use self::drift::{Change, Class, drift};
pub use self::lock::{Lock, Mistake, Pinned};
pub use self::server::{challenge, identity, protected};
pub use self::value::Value;

/// Items of one kind that are read; a list with more of them counts as incomplete.
pub const MAX_ITEMS: usize = 10_000;

/// Bytes of canonical definitions of one kind that are kept; of longer lists names and digests are.
pub const MAX_BYTES: usize = 4 << 20;

/// One thing that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The name of a tool or prompt, the URI of a resource, the template of a template, or a part of the server:
    /// `identity`, `capabilities`, `instructions`, `auth`.
    pub name: String,
    /// BLAKE3 of the canonical definition, 128 bits, hexadecimal.
    pub digest: String,
    /// Bytes of the canonical definition.
    pub size: u64,
    /// The definition, unless there was no room for it: canonical, or masked where it comes from a journal.
    pub definition: Option<Bytes>,
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Its items.
    pub items: Vec<Item>,
    /// The raw cursor of the next one.
    pub next: Option<Bytes>,
    /// Whether items were left out, because there are too many.
    pub is_cut: bool,
}

/// What a server offers, of every kind that was listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surface {
    /// The items by kind, sorted by name and digest; a kind that is not there was not listed to its end.
    pub kinds: BTreeMap<Offered, Vec<Item>>,
}

/// All kinds, in the order in which people see them.
pub const KINDS: [Offered; 5] =
    [Offered::Server, Offered::Tools, Offered::Prompts, Offered::Resources, Offered::Templates];

impl Item {
    /// Reads a definition.
    pub fn of(kind: Offered, mut definition: Value) -> Self {
        quieten(kind, &mut definition);
        let name = definition.get(key(kind)).and_then(Value::as_str).unwrap_or_default().into_owned();
        Self::named(name, &definition)
    }

    /// An item with this name.
    pub fn named(name: impl Into<String>, definition: &Value) -> Self {
        let canonical = definition.to_json();
        Self {
            name: name.into(),
            digest: digest(&canonical),
            size: canonical.len() as u64,
            definition: Some(canonical.into()),
        }
    }

    /// Its definition as a value.
    pub fn value(&self) -> Option<Value> {
        Value::parse(self.definition.as_ref()?).ok()
    }
}

impl Page {
    /// Reads the raw items of a page and its raw `nextCursor`.
    pub fn of<'a>(kind: Offered, items: impl IntoIterator<Item = &'a [u8]>, next: Option<&[u8]>) -> Self {
        let next = next.filter(|cursor| *cursor != b"null").map(Bytes::copy_from_slice);
        let mut page = Self { next, ..Self::default() };
        for item in items {
            if page.items.len() >= MAX_ITEMS {
                page.is_cut = true;
                break;
            }
            if let Ok(definition) = Value::parse(item) {
                page.items.push(Item::of(kind, definition));
            }
        }
        page
    }
}

impl Surface {
    /// Takes over the items of a kind, as [`to_json`] wrote them; gives whether they could be read.
    pub fn learn(&mut self, kind: Offered, items: &[u8]) -> bool {
        let Some(items) = from_json(items) else { return false };
        self.set(kind, items);
        true
    }

    /// Sets the items of a kind.
    pub fn set(&mut self, kind: Offered, mut items: Vec<Item>) {
        items.sort_by(|one, other| (&one.name, &one.digest).cmp(&(&other.name, &other.digest)));
        self.kinds.insert(kind, items);
    }

    /// What the server calls itself.
    pub fn server_name(&self) -> Option<String> {
        let identity = self.kinds.get(&Offered::Server)?.iter().find(|item| item.name == "identity")?;
        Some(identity.value()?.get("name")?.as_str()?.into_owned())
    }
}

/// The word of a kind, the same in lock files, views and JSON.
pub fn word(kind: Offered) -> &'static str {
    match kind {
        Offered::Server => "server",
        Offered::Tools => "tools",
        Offered::Prompts => "prompts",
        Offered::Resources => "resources",
        Offered::Templates => "templates",
    }
}

/// The kind that a method lists.
pub fn listed_by(method: &str) -> Option<Offered> {
    match method {
        "tools/list" => Some(Offered::Tools),
        "prompts/list" => Some(Offered::Prompts),
        "resources/list" => Some(Offered::Resources),
        "resources/templates/list" => Some(Offered::Templates),
        _ => None,
    }
}

/// The digest of a canonical definition.
pub fn digest(canonical: &[u8]) -> String {
    blake3::hash(canonical).to_hex().chars().take(32).collect()
}

/// The same as bytes.
pub fn digest_bytes(canonical: &[u8]) -> [u8; 16] {
    blake3::hash(canonical).as_bytes().first_chunk().copied().unwrap_or_default()
}

/// The items as a JSON array, each with its definition unless that would make too much of it.
pub fn to_json(items: &[Item]) -> Vec<u8> {
    let n_bytes: u64 = items.iter().map(|item| item.size).sum();
    let is_whole = n_bytes <= MAX_BYTES as u64;
    let mut out = vec![b'['];
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        out.extend_from_slice(br#"{"name":"#);
        Value::text(&item.name).write(&mut out);
        out.extend_from_slice(br#","digest":""#);
        out.extend_from_slice(item.digest.as_bytes());
        out.extend_from_slice(format!(r#"","bytes":{}"#, item.size).as_bytes());
        if let Some(definition) = item.definition.as_ref().filter(|_| is_whole) {
            out.extend_from_slice(br#","definition":"#);
            out.extend_from_slice(definition);
        }
        out.push(b'}');
    }
    out.push(b']');
    out
}

/// Reads what [`to_json`] wrote, also after it was masked.
pub fn from_json(items: &[u8]) -> Option<Vec<Item>> {
    let mut items = Value::parse(items).ok()?;
    settle(&mut items);
    items.items()?.iter().map(item_from).collect()
}

/// Reads one item of [`to_json`] or of a lock file.
fn item_from(value: &Value) -> Option<Item> {
    let definition = value.get("definition").map(|definition| Bytes::from(definition.to_json()));
    let size = match value.get("bytes") {
        Some(Value::Number(digits)) => digits.parse().ok()?,
        _ => definition.as_ref().map_or(0, |definition| definition.len() as u64),
    };
    let digest = value.get("digest")?.as_str()?.into_owned();
    let is_digest = digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then_some(Item { name: value.get("name")?.as_str()?.into_owned(), digest, size, definition })
}

/// What stands where something was masked, up to the digest at its end.
const MASKED: &str = "[masked:";

/// Takes the digests out of placeholders: they have a key that each capture makes anew, and would be news each time.
fn settle(value: &mut Value) {
    match value {
        Value::Text(text) if memchr::memmem::find(text, MASKED.as_bytes()).is_some() => {
            *text = settled(&String::from_utf8_lossy(text)).into_bytes();
        }
        Value::List(items) => items.iter_mut().for_each(settle),
        Value::Object(members) => members.values_mut().for_each(settle),
        _ => {}
    }
}

/// A masked text without what a capture made anew: placeholders lose their digests.
pub fn settled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(MASKED) {
        let (before, placeholder) = rest.split_at(at);
        out.push_str(before);
        let end = placeholder.find(']').map_or(placeholder.len(), |end| end + 1);
        let (placeholder, behind) = placeholder.split_at(end);
        let parts: Vec<&str> = placeholder.split(':').collect();
        match parts.as_slice() {
            [open, class, length, digest, ..] if digest.trim_end_matches(']').len() == 8 => {
                out.extend([open, ":", class, ":", length, "]"]);
            }
            _ => out.push_str(placeholder),
        }
        rest = behind;
    }
    out + rest
}

/// The member of a result that lists a kind.
pub fn list(kind: Offered) -> Option<&'static str> {
    match kind {
        Offered::Server => None,
        Offered::Tools => Some("tools"),
        Offered::Prompts => Some("prompts"),
        Offered::Resources => Some("resources"),
        Offered::Templates => Some("resourceTemplates"),
    }
}

/// The member that names an item.
fn key(kind: Offered) -> &'static str {
    match kind {
        Offered::Server | Offered::Tools | Offered::Prompts => "name",
        Offered::Resources => "uri",
        Offered::Templates => "uriTemplate",
    }
}

/// Takes out what changes while the offer stays the same.
fn quieten(kind: Offered, definition: &mut Value) {
    if !matches!(kind, Offered::Resources | Offered::Templates) {
        return;
    }
    let Value::Object(members) = definition else { return };
    members.remove(&b"size"[..]);
    if let Some(Value::Object(annotations)) = members.get_mut(&b"annotations"[..]) {
        annotations.remove(&b"lastModified"[..]);
    }
}

#[cfg(test)]
mod tests;
