//! Authentication schemes: `Bearer`, `Basic` and their like, and the credentials behind them.

use std::ops::Range;

use super::alphabet::TOKEN;
use super::codec::base64_decode;
use super::hit::{Hit, Sure};
use super::rule::begins_word;
use super::scan::Scan;

/// Schemes that stay readable, in lower case (the IANA registry, and what APIs use besides).
const SCHEMES: &[&[u8]] = &[
    b"bearer",
    b"basic",
    b"dpop",
    b"digest",
    b"negotiate",
    b"ntlm",
    b"token",
    b"apikey",
    b"api-key",
    b"key",
    b"aws4-hmac-sha256",
    b"hoba",
    b"mutual",
    b"gnap",
    b"oauth",
    b"privatetoken",
    b"ssws",
    b"vapid",
    b"signature",
    b"sharedaccesssignature",
];
/// Shorter words behind a scheme are prose.
const MIN_TOKEN: usize = 8;
/// A longer word behind a scheme is a credential even without a digit.
const LONG_TOKEN: usize = 24;

/// Where the credential begins in the value of an authorization header: behind the scheme, if that is a known one.
pub(super) fn credential_start(value: &[u8]) -> usize {
    let blank = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (word, rest) = value.split_at(blank);
    let credential = rest.trim_ascii_start();
    let known = SCHEMES.contains(&word.to_ascii_lowercase().as_slice());
    if known && !credential.is_empty() { value.len() - credential.len() } else { 0 }
}

/// The class of what stands behind the scheme that `value` begins with.
pub(super) fn class_of(value: &[u8]) -> &'static str {
    let is = |scheme: &str| {
        value.get(..scheme.len()).is_some_and(|word| word.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    if is("basic ") {
        "password"
    } else if is("bearer ") || is("dpop ") {
        "bearer"
    } else {
        "credential"
    }
}

/// Finds the credential behind the scheme at `word` in free text, where the scheme may be just a word.
pub(super) fn find(scan: &mut Scan<'_>, text: &[u8], word: Range<usize>, hits: &mut Vec<Hit>) {
    if !begins_word(text, word.start) {
        return;
    }
    let rest = text.get(word.end..).unwrap_or_default();
    let start = word.end + (rest.len() - rest.trim_ascii_start().len()).min(4);
    let rest = text.get(start..).unwrap_or_default();
    let length = rest.iter().take_while(|byte| TOKEN.has(**byte)).count();
    let token = rest.get(..length).unwrap_or_default();
    let dots = token.iter().rev().take_while(|byte| **byte == b'.').count();
    let token = token.get(..length - dots).unwrap_or_default();
    let scheme = text.get(word).unwrap_or_default();
    if is_credential(scheme, token) {
        scan.hit(text, start..start + token.len(), class_of(scheme), Sure::Certain, hits);
    }
}

fn is_credential(scheme: &[u8], token: &[u8]) -> bool {
    if scheme.eq_ignore_ascii_case(b"basic ") {
        let decoded = base64_decode(token, 256);
        return token.len() >= MIN_TOKEN && decoded.contains(&b':') && decoded.iter().all(|b| *b >= b' ');
    }
    if scheme.eq_ignore_ascii_case(b"token ") {
        // In prose and in code a token is mentioned more often than it is shown.
        return token.len() >= LONG_TOKEN && has_digit(token) && !token.contains(&b'/');
    }
    let mixed = has_digit(token) && token.iter().any(u8::is_ascii_alphabetic);
    let both_cases = token.iter().any(u8::is_ascii_lowercase) && token.iter().any(u8::is_ascii_uppercase);
    (token.len() >= MIN_TOKEN && mixed) || (token.len() >= LONG_TOKEN && (both_cases || has_digit(token)))
}

fn has_digit(token: &[u8]) -> bool {
    token.iter().any(u8::is_ascii_digit)
}
