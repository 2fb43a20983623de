//! Secrets in URIs and forms: user information, parameters, fragments.

use std::ops::Range;

use super::decoded::Decoded;
use super::hit::{Hit, Sure};
use super::pair::{is_reference, is_short_code};
use super::scan::Scan;
use super::{key, text};

/// Longer URIs end here.
const MAX_LENGTH: usize = 16 * 1024;
/// A user name that is kept because the secret stands beside it is no longer than this.
const MAX_USER: usize = 32;

/// Finds the secrets in a text that is a URI or the target of a request.
pub(super) fn find(scan: &mut Scan<'_>, uri: &[u8], hits: &mut Vec<Hit>) {
    text::find(scan, uri, hits);
    let mut at = 0;
    for word in uri.split(|byte| ends_uri(*byte)) {
        find_parameters(scan, uri, at..at + word.len(), hits);
        at += word.len() + 1;
    }
}

/// Finds the secrets in the URI whose `://` stands at `colon`.
pub(super) fn find_at(scan: &mut Scan<'_>, text: &[u8], colon: usize, hits: &mut Vec<Hit>) {
    let behind = text.get(colon + 3..).unwrap_or_default();
    let behind = behind.get(..behind.len().min(MAX_LENGTH)).unwrap_or_default();
    let length = behind.iter().position(|byte| ends_uri(*byte)).unwrap_or(behind.len());
    let uri = behind.get(..length).unwrap_or_default();
    let before = text.get(..colon).unwrap_or_default();
    let scheme =
        before.iter().rev().take(16).take_while(|b| b.is_ascii_alphanumeric() || b"+.-".contains(b)).count();
    let is_web = before.ends_with(b"http") || before.ends_with(b"https");
    if scheme > 0 {
        find_userinfo(scan, text, colon + 3, uri, is_web, hits);
    }
    find_parameters(scan, text, colon + 3..colon + 3 + length, hits);
}

/// Finds the secrets in the OAuth form that holds the `grant_type=` at `at`.
pub(super) fn find_form(scan: &mut Scan<'_>, text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let before = text.get(at.saturating_sub(MAX_LENGTH)..at).unwrap_or_default();
    let behind = text.get(at..text.len().min(at + MAX_LENGTH)).unwrap_or_default();
    let left = before.iter().rev().position(|byte| ends_uri(*byte)).unwrap_or(before.len());
    let right = behind.iter().position(|byte| ends_uri(*byte)).unwrap_or(behind.len());
    for parameter in parameters(text, at - left..at + right) {
        find_parameter(scan, text, parameter, hits);
    }
}

/// `user:password@host`: the password, or all of it when the user may be the secret.
fn find_userinfo(scan: &mut Scan<'_>, text: &[u8], at: usize, uri: &[u8], is_web: bool, hits: &mut Vec<Hit>) {
    let authority = uri.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(uri.len());
    let within = |length| uri.get(..length).and_then(|part| memchr::memrchr(b'@', part));
    // Passwords of databases often hold an unencoded slash.
    let end = within(authority).or_else(|| if is_web { None } else { within(uri.len()) });
    let Some(userinfo) = end.and_then(|end| uri.get(..end)) else {
        return;
    };
    let (user, password) = match memchr::memchr(b':', userinfo) {
        Some(colon) => {
            (userinfo.get(..colon).unwrap_or_default(), userinfo.get(colon + 1..).unwrap_or_default())
        }
        None => (userinfo, &[][..]),
    };
    if is_reference(password) || is_reference(userinfo) {
        return;
    }
    let end = at + userinfo.len();
    let is_name =
        user.len() <= MAX_USER && user.iter().all(|byte| byte.is_ascii_lowercase() || b"_.-".contains(byte));
    if !password.is_empty() && is_name && password != b"x-oauth-basic" {
        scan.hit(text, end - password.len()..end, "connection", Sure::Certain, hits);
    } else if !password.is_empty() || (is_web && !user.is_empty()) {
        scan.hit(text, at..end, "userinfo", Sure::Certain, hits);
    }
}

fn find_parameters(scan: &mut Scan<'_>, text: &[u8], uri: Range<usize>, hits: &mut Vec<Hit>) {
    let bytes = text.get(uri.clone()).unwrap_or_default();
    let Some(question) = bytes.iter().position(|byte| matches!(byte, b'?' | b'#')) else {
        return;
    };
    for parameter in parameters(text, uri.start + question + 1..uri.end) {
        find_parameter(scan, text, parameter, hits);
    }
}

/// The `name=value` between `&`, `;`, `?` and `#`.
fn parameters(text: &[u8], query: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.get(query.clone()).unwrap_or_default();
    let mut at = query.start;
    bytes.split(|byte| matches!(byte, b'&' | b';' | b'?' | b'#')).map(move |parameter| {
        let start = at;
        at += parameter.len() + 1;
        start..start + parameter.len()
    })
}

fn find_parameter(scan: &mut Scan<'_>, text: &[u8], parameter: Range<usize>, hits: &mut Vec<Hit>) {
    let bytes = text.get(parameter.clone()).unwrap_or_default();
    let Some(equals) = memchr::memchr(b'=', bytes) else {
        return;
    };
    let (name, value) =
        (bytes.get(..equals).unwrap_or_default(), bytes.get(equals + 1..).unwrap_or_default());
    let Some(class) = key::class_of_parameter(&Decoded::percent(name).text) else {
        return;
    };
    let decoded = Decoded::percent(value);
    if is_reference(value) || is_short_code(value, class) {
        return;
    }
    let start = parameter.start + equals + 1;
    // The digest is that of the decoded value, so that it equals the same value elsewhere.
    let mut inner = Vec::new();
    scan.hit(&decoded.text, 0..decoded.text.len(), class, Sure::Certain, &mut inner);
    let is_masked = super::placeholder::touches(text, start, parameter.end);
    hits.extend(
        inner.into_iter().filter(|_| !is_masked).map(|hit| Hit { span: start..parameter.end, ..hit }),
    );
}

fn ends_uri(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\' | b'|' | b'^')
}
