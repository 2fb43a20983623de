//! Values that markup ties to their names: XML elements, fields of HTML forms, parts of `multipart/form-data`.
//!
//! A tap in front of a remote server sees login pages, the forms they send, and answers of token services in XML.

use std::ops::Range;

/// How far behind its name a value may begin.
const NEAR: usize = 160;
/// Longer values end here.
const MAX_VALUE: usize = 4096;

/// Where the value stands whose name is in markup at `name`.
pub(super) fn value(text: &[u8], name: &Range<usize>) -> Option<Range<usize>> {
    let before = *text.get(..name.start)?.last()?;
    let behind = text.get(name.end..text.len().min(name.end + NEAR))?;
    let (skip, ends): (usize, &[u8]) = match *behind.first()? {
        b'>' | b' ' if matches!(before, b'<' | b':') => (memchr::memchr(b'>', behind)? + 1, b"<"),
        // An attribute may have no quotes: `<input name=password value=x>`.
        b'"' | b'\'' | b' ' if matches!(before, b'"' | b'\'' | b'=') => {
            part(behind).map(|skip| (skip, &b"\r\n"[..])).or_else(|| attribute(behind))?
        }
        _ => return None,
    };
    let start = name.end + skip;
    let rest = text.get(start..text.len().min(start + MAX_VALUE))?;
    let length = rest.iter().position(|byte| ends.contains(byte)).unwrap_or(rest.len());
    Some(start..start + length)
}

/// The body of a part, behind the blank line (RFC 7578, 4.2).
fn part(behind: &[u8]) -> Option<usize> {
    let crlf = memchr::memmem::find(behind, b"\r\n\r\n").map(|at| at + 4);
    let blank = crlf.or_else(|| memchr::memmem::find(behind, b"\n\n").map(|at| at + 2))?;
    (memchr::memchr(b'>', behind.get(..blank)?).is_none()).then_some(blank)
}

/// The value of the field, or the content of the `meta` element, in the same tag.
fn attribute(behind: &[u8]) -> Option<(usize, &'static [u8])> {
    let tag = behind.get(..memchr::memchr(b'>', behind).unwrap_or(behind.len()))?;
    let at = [b" value=".as_slice(), b" content="]
        .iter()
        .find_map(|attribute| memchr::memmem::find(tag, attribute).map(|at| at + attribute.len()))?;
    match tag.get(at)? {
        b'"' => Some((at + 1, b"\"")),
        b'\'' => Some((at + 1, b"'")),
        _ => Some((at, b" />")),
    }
}
