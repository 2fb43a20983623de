//! What stands where a secret stood: `[masked:github:33-64:3f9a1c2b]`.
//!
//! Class, length class and a keyed digest, in bytes that need no escape in JSON. The digest is that of
//! the decoded secret, so the same secret looks the same in plain text, in base64 and in a URL.

use super::rule::RULES;

/// The longest placeholder in bytes.
pub(super) const MAX_LENGTH: usize = 80;

/// Classes that no rule of `rules.toml` names.
pub(super) const BUILT_IN: &[&str] = &[
    "api-key",
    "bearer",
    "code",
    "connection",
    "cookie",
    "credential",
    "jwt",
    "known",
    "password",
    "private-key",
    "secret",
    "session",
    "token",
    "unscanned",
    "userinfo",
];

const OPEN: &[u8] = b"[masked:";
const LENGTHS: &[(usize, &str)] = &[(8, "1-8"), (16, "9-16"), (32, "17-32"), (64, "33-64"), (128, "65-128")];
const LONGEST: &str = "over128";
const NUMBER: &str = "number";

/// The placeholder for `secret`.
pub(super) fn make(key: &[u8; 32], class: &str, secret: &[u8]) -> String {
    format!("[masked:{class}:{}:{}]", length_class(secret.len()), digest(key, secret))
}

/// The placeholder for a number; it says what it stands for.
pub(super) fn make_number(key: &[u8; 32], class: &str, secret: &[u8]) -> String {
    format!("[masked:{class}:{}:{}:{NUMBER}]", length_class(secret.len()), digest(key, secret))
}

/// The first 32 bits of the keyed digest of `secret`, in hexadecimal.
pub(super) fn digest(key: &[u8; 32], secret: &[u8]) -> String {
    blake3::keyed_hash(key, secret).to_hex().chars().take(8).collect()
}

/// Whether `start..end` of `text` is a placeholder, lies in one, or begins or ends inside one.
pub(super) fn touches(text: &[u8], start: usize, end: usize) -> bool {
    let from = start.saturating_sub(MAX_LENGTH);
    let window = text.get(from..end).unwrap_or_default();
    memchr::memmem::find_iter(window, OPEN).any(|at| {
        let open = from + at;
        let Some(length) = length_at(text.get(open..).unwrap_or_default()) else {
            return false;
        };
        let close = open + length;
        let overlaps = open < end && start < close;
        let contains_more = start <= open && close <= end && (start, end) != (open, close);
        overlaps && !contains_more
    })
}

/// The length of the placeholder that `text` begins with.
///
/// Strict, so that nobody can hide a secret by writing brackets around it: the class must be one of ours.
pub(super) fn length_at(text: &[u8]) -> Option<usize> {
    let inside = text.strip_prefix(OPEN)?;
    let close = memchr::memchr(b']', inside.get(..MAX_LENGTH.min(inside.len()))?)?;
    let mut parts = std::str::from_utf8(inside.get(..close)?).ok()?.split(':');
    let (class, length, digest) = (parts.next()?, parts.next()?, parts.next()?);
    let known_class = BUILT_IN.contains(&class) || RULES.shapes.iter().any(|rule| rule.class == class);
    let known_length = length == LONGEST || LENGTHS.iter().any(|(_, name)| *name == length);
    let is_digest = digest.len() == 8 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let rest_fits = matches!((parts.next(), parts.next()), (None | Some(NUMBER), None));
    (known_class && known_length && is_digest && rest_fits).then_some(OPEN.len() + close + 1)
}

fn length_class(length: usize) -> &'static str {
    LENGTHS.iter().find(|(max, _)| length <= *max).map_or(LONGEST, |(_, name)| name)
}
