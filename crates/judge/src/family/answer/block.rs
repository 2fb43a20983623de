//! A block of content: text, a picture, a resource.

use tapgate_wire::json::each;
use tapgate_wire::revision::Revision;

use crate::json::{self, Type, quote};

/// What is wrong with a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is no object.
    Type(Type),
    /// Its type, which its revision does not know.
    Unknown(String),
    /// Its type, and a member that it lacks.
    Lacks(&'static str, &'static str),
}

/// The members that matter, in the order of [`Seen`].
const NAMES: [&str; 7] = ["type", "text", "data", "mimeType", "resource", "uri", "name"];

/// Checks a block.
///
/// # Errors
///
/// What is wrong first.
pub(super) fn judge(block: &[u8], revision: Option<Revision>) -> Result<(), Wrong> {
    if !block.starts_with(b"{") {
        return Err(Wrong::Type(Type::of(block)));
    }
    let mut seen = [&b""[..]; NAMES.len()];
    each(block, &mut |name, value| {
        let place = NAMES.iter().position(|known| json::is(name, known));
        if let Some(place) = place.and_then(|place| seen.get_mut(place)) {
            *place = value;
        }
    });
    let [kind, text, data, media, resource_of, uri, name] = seen;
    let is_text = |value: &[u8]| value.starts_with(b"\"");
    let need = |kind, all: &[(&'static str, bool)]| match all.iter().find(|(_, is_there)| !is_there) {
        Some((member, _)) => Err(Wrong::Lacks(kind, member)),
        None => Ok(()),
    };
    // Without a revision, a block that any of them knows is known.
    let since = |first| revision.is_none_or(|revision| revision >= first);
    match json::text(kind).as_deref() {
        Some("text") => need("text", &[("text", is_text(text))]),
        Some("image") => need("image", &[("data", is_text(data)), ("mimeType", is_text(media))]),
        Some("audio") if since(Revision::V2025_03_26) => {
            need("audio", &[("data", is_text(data)), ("mimeType", is_text(media))])
        }
        Some("resource_link") if since(Revision::V2025_06_18) => {
            need("resource_link", &[("uri", is_text(uri)), ("name", is_text(name))])
        }
        Some("resource") => match resource(resource_of) {
            _ if !resource_of.starts_with(b"{") => Err(Wrong::Lacks("resource", "resource")),
            Ok(()) => Ok(()),
            Err(member) => Err(Wrong::Lacks("resource", member)),
        },
        Some(other) => Err(Wrong::Unknown(quote(other.as_bytes()))),
        None => Err(Wrong::Unknown(if kind.is_empty() { "none".to_owned() } else { quote(kind) })),
    }
}

/// Checks what stands for a resource.
///
/// # Errors
///
/// The member that it lacks.
pub(super) fn resource(raw: &[u8]) -> Result<(), &'static str> {
    let (mut has_uri, mut has_body) = (false, false);
    each(raw, &mut |name, value| {
        has_uri |= json::is(name, "uri") && value.starts_with(b"\"");
        has_body |= (json::is(name, "text") || json::is(name, "blob")) && value.starts_with(b"\"");
    });
    match (has_uri, has_body) {
        (false, _) => Err("uri"),
        (_, false) => Err("text or blob"),
        _ => Ok(()),
    }
}
