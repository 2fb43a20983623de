//! Private keys in PEM and in the armour of PGP, whole or cut.

use std::ops::Range;

use super::hit::{Hit, Sure};
use super::scan::Scan;

const PRIVATE: &[u8] = b"PRIVATE KEY";
/// The longest label: `ENCRYPTED PRIVATE KEY`, `PGP PRIVATE KEY BLOCK` and some room.
const MAX_LABEL: usize = 48;
/// A begin line without an end and without such a run behind it is only talked about.
const MIN_RUN: usize = 20;
/// A key of 16,384 bits is 12,700 bytes long.
const MAX_KEY: usize = 64 * 1024;

/// Finds the private key that begins with the `-----BEGIN ` at `start`; its end may be missing.
pub(super) fn find(scan: &mut Scan<'_>, text: &[u8], start: usize, hits: &mut Vec<Hit>) {
    if let Some(span) = block(text, start) {
        scan.hit(text, span, "private-key", Sure::Certain, hits);
    }
}

/// Finds the private key that ends with the `-----END ` at `start` and whose begin is missing.
pub(super) fn find_headless(scan: &mut Scan<'_>, text: &[u8], start: usize, hits: &mut Vec<Hit>) {
    let rest = text.get(start..).unwrap_or_default();
    let Some(label) = rest.strip_prefix(b"-----END ").and_then(label) else {
        return;
    };
    let before = text.get(start.saturating_sub(MAX_KEY)..start).unwrap_or_default();
    if memchr::memmem::rfind(before, b"-----BEGIN ").is_some() {
        return;
    }
    let body = before.iter().rev().take_while(|byte| is_body(**byte) && **byte != b' ').count();
    let end = start + "-----END ".len() + label.len() + "-----".len();
    scan.hit(text, start - body..end.min(text.len()), "private-key", Sure::Certain, hits);
}

/// Whether `text` ends inside a private key that began in it.
pub(super) fn is_open(text: &[u8]) -> bool {
    let Some(begin) = memchr::memmem::rfind(text, b"-----BEGIN ") else {
        return false;
    };
    let rest = text.get(begin..).unwrap_or_default();
    memchr::memmem::find(rest, b"-----END ").is_none() && rest.len() < MAX_KEY
}

fn block(text: &[u8], start: usize) -> Option<Range<usize>> {
    let label = label(text.get(start..)?.get("-----BEGIN ".len()..)?)?;
    let body_at = start + "-----BEGIN ".len() + label.len();
    let body = text.get(body_at..)?;
    let body = body.get(..body.len().min(MAX_KEY))?;
    let footer = memchr::memmem::find(body, b"-----END ");
    let length = match footer {
        // What is between the lines is the key, whatever it looks like.
        Some(at) => {
            let behind = body.get(at + "-----END ".len()..)?;
            let dashes = memchr::memmem::find(behind.get(..behind.len().min(MAX_LABEL))?, b"-----");
            at + "-----END ".len() + dashes.map_or(0, |at| at + "-----".len())
        }
        None => cut_body(body)?,
    };
    Some(start..body_at + length)
}

/// The length of a body whose footer is missing: headers, long words of base64, and a shorter last one.
fn cut_body(body: &[u8]) -> Option<usize> {
    let length = body.iter().take_while(|byte| is_body(**byte) || is_header(**byte)).count();
    let mut at = 0;
    let mut end = None;
    for word in body.get(..length)?.split(|byte| byte.is_ascii_whitespace() || *byte == b'\\') {
        at += word.len() + 1;
        let long = word.len() >= MIN_RUN;
        if !long && end.is_some() && word.len() > 1 {
            end = Some(at - 1);
            break;
        }
        if long || end.is_some() {
            end = Some(at - 1);
        }
    }
    end
}

/// The label that `text` begins with, if it is that of a private key.
fn label(text: &[u8]) -> Option<&[u8]> {
    let window = text.get(..text.len().min(MAX_LABEL))?;
    let line_end = window.iter().position(|byte| matches!(byte, b'-' | b'\n' | b'\r' | b'\\'));
    let label = window.get(..line_end.unwrap_or(window.len()))?;
    memchr::memmem::find(label, PRIVATE).is_some().then_some(label)
}

/// Base64 and what separates its lines, also when the line ends are escaped or the lines are quoted.
fn is_body(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=\r\n\t \\-".contains(&byte)
}

/// What the headers of an encrypted key hold besides (`Proc-Type: 4,ENCRYPTED`).
fn is_header(byte: u8) -> bool {
    b":,".contains(&byte)
}
