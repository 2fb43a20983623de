//! The few values that tracking keeps of a message, small and without its buffer.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use tapgate_wire::Shape;
use tapgate_wire::json;
use tapgate_wire::revision;
use tapgate_wire::shape::Member;

use crate::cut::at_most;

/// The text of a JSON string for keeping: decoded, at most `most` bytes, its own memory.
///
/// A message's buffer may be megabytes large, so nothing that outlives the message may point into it.
pub(crate) fn unquoted(raw: &Bytes, most: usize) -> Bytes {
    cut(&json::unescape(raw), most)
}

/// A method's name; see [`unquoted`]. One of the protocol's own costs no memory.
pub(crate) fn method_name(raw: &Bytes, most: usize) -> Bytes {
    let text = json::unescape(raw);
    match std::str::from_utf8(&text).ok().and_then(revision::method) {
        Some(known) => Bytes::from_static(known.name.as_bytes()),
        None => cut(&text, most),
    }
}

/// A copy of at most the first `most` bytes.
pub(crate) fn cut(text: &[u8], most: usize) -> Bytes {
    Bytes::copy_from_slice(at_most(text, most))
}

/// The text of a string member of a raw JSON object; empty if there is none.
pub(crate) fn object_text(raw: &Bytes, member: &str, most: usize) -> Bytes {
    match json::find(raw, &[member]) {
        Some(value) => cut(&json::unescape(value), most),
        None => Bytes::new(),
    }
}

/// The same number for the same bytes, in this process and in every other.
pub(crate) fn digest(parts: &[&[u8]]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

/// What a retry repeats: method, target and arguments, without ids, tokens and round states.
pub(crate) fn request_digest(shape: &Shape) -> u64 {
    let member = |member| shape.raw(member).map_or(&[][..], |raw| raw.as_ref());
    let target = [member(Member::Name), member(Member::Uri), member(Member::TaskId)];
    let method = member(Member::Method);
    if target.iter().any(|raw| !raw.is_empty()) {
        let [name, uri, task] = target;
        return digest(&[method, name, uri, task, member(Member::Arguments)]);
    }
    let (before, after) = around(member(Member::Params), member(Member::Meta));
    digest(&[method, before, after])
}

/// What stands in `whole` before and behind `part`, if `part` is a piece of it.
fn around<'a>(whole: &'a [u8], part: &[u8]) -> (&'a [u8], &'a [u8]) {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize);
    let pieces = start.filter(|_| !part.is_empty()).and_then(|start| {
        let after = whole.get(start.checked_add(part.len())?..)?;
        Some((whole.get(..start)?, after))
    });
    pieces.unwrap_or((whole, &[]))
}

#[cfg(test)]
mod tests {
    use super::around;

    #[test]
    fn what_stands_around_a_piece_is_all_but_the_piece() {
        let whole = b"0123456789";
        assert_eq!(around(whole, &whole[3..5]), (&b"012"[..], &b"56789"[..]));
        assert_eq!(around(whole, b"elsewhere"), (&whole[..], &b""[..]));
        assert_eq!(around(whole, &[]), (&whole[..], &b""[..]));
    }
}
