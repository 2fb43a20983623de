//! JSON Web Tokens, signed or encrypted, whole or cut.

use super::alphabet::URL;
use super::codec::base64_decode;
use super::hit::{Hit, Sure};
use super::rule::begins_word;
use super::scan::Scan;

/// Longer tokens end here.
const MAX_LENGTH: usize = 64 * 1024;

/// Finds the token whose header begins at `start`: base64 of a JSON object that names an algorithm.
pub(super) fn find(scan: &mut Scan<'_>, text: &[u8], start: usize, hits: &mut Vec<Hit>) {
    if !text.get(start..).is_some_and(|rest| rest.starts_with(b"eyJ")) || !begins_word(text, start) {
        return;
    }
    let rest = text.get(start..).unwrap_or_default();
    let rest = rest.get(..rest.len().min(MAX_LENGTH)).unwrap_or_default();
    let length = rest.iter().take_while(|byte| URL.has(**byte) || **byte == b'.').count();
    let token = rest.get(..length).unwrap_or_default();
    let mut segments = token.split(|byte| *byte == b'.');
    let header = base64_decode(segments.next().unwrap_or_default(), 1024);
    let names_algorithm =
        [&br#""alg""#[..], br#""enc""#].iter().any(|name| memchr::memmem::find(&header, name).is_some());
    let payload = segments.next().unwrap_or_default();
    if names_algorithm && payload.len() >= 4 {
        let dots = token.iter().rev().take_while(|byte| **byte == b'.').count();
        scan.hit(text, start..start + length - dots, "jwt", Sure::Certain, hits);
    }
}
