//! Names of secrets with a value behind them in free text: `password: …`, `API_KEY=…`, `?token=…`.
//!
//! Free text is also code and prose, so a value that looks like a name, a call, an attribute or a
//! variable of the environment is none.

use std::ops::Range;

use super::hit::{Hit, Sure};
use super::scan::Scan;
use super::{key, markup, scheme};

/// How far a name may reach from the word that tells it.
const MAX_NAME: usize = 64;
/// Longer values end here.
const MAX_VALUE: usize = 4096;
/// Shorter values without quotes are prose.
const MIN_VALUE: usize = 6;
/// An unquoted token or key is at least this long.
const MIN_TOKEN: usize = 12;

/// A name and the value behind it.
struct Pair {
    class: &'static str,
    value: Range<usize>,
    how: How,
}

/// How a value is tied to its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// `?name=value` or `&name=value`.
    Query,
    /// `"name": "value"`.
    Member,
    /// `NAME=value`.
    Variable,
    /// `name = "value"`, or in markup.
    Quoted,
    /// `name: value`.
    Bare,
}

/// Finds the value of the name around `word`; `name_end` remembers the last name, because one name may hold two words.
pub(super) fn find(
    scan: &mut Scan<'_>,
    text: &[u8],
    word: Range<usize>,
    name_end: &mut usize,
    hits: &mut Vec<Hit>,
) {
    let name = name_around(text, word);
    if name.end <= *name_end {
        return;
    }
    *name_end = name.end;
    let Some(pair) = read(text, &name) else { return };
    let value = text.get(pair.value.clone()).unwrap_or_default();
    if !is_plausible(value, &pair) {
        return;
    }
    let certain = match pair.how {
        How::Query => true,
        How::Variable => value.len() >= MIN_TOKEN && super::rule::is_mixed(value),
        How::Member | How::Quoted | How::Bare => pair.class == "bearer",
    };
    let sure = if certain { Sure::Certain } else { Sure::Likely };
    scan.hit(text, pair.value, pair.class, sure, hits);
}

fn name_around(text: &[u8], word: Range<usize>) -> Range<usize> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    let before = text.get(..word.start).unwrap_or_default();
    let behind = text.get(word.end..).unwrap_or_default();
    // An anchor may hold the character behind the name (`auth=`).
    let word_end = word.end - usize::from(!text.get(word.end - 1).is_some_and(is_name));
    let right =
        if word_end < word.end { 0 } else { behind.iter().take(MAX_NAME).take_while(|b| is_name(b)).count() };
    let mut left = before.iter().rev().take(MAX_NAME).take_while(|b| is_name(b)).count();
    // The n of an escaped line end is no part of the name.
    let first = before.len() - left;
    if left > 0
        && matches!(before.get(first), Some(b'n' | b'r' | b't'))
        && first.checked_sub(1).and_then(|at| before.get(at)) == Some(&b'\\')
    {
        left -= 1;
    }
    word.start - left..word_end + right
}

fn read(text: &[u8], name: &Range<usize>) -> Option<Pair> {
    let before = text.get(..name.start)?.last();
    let in_query = matches!(before, Some(b'?' | b'&' | b';'));
    let words = text.get(name.clone())?;
    if let Some(value) = markup::value(text, name) {
        return Some(Pair { class: key::class_of(words)?, value, how: How::Quoted });
    }
    let (separator, at) = separator(text, name.end)?;
    let class = if in_query { key::class_of_parameter(words) } else { class_with_word_before(text, name) }?;
    let quoted_name = matches!(before, Some(b'"' | b'\''));
    let (value, quoted) = value(text, at)?;
    let is_upper = !words.iter().any(u8::is_ascii_lowercase);
    let how = match separator {
        b'=' if in_query => How::Query,
        b':' if quoted && quoted_name => How::Member,
        b'=' if is_upper && at == name.end + 1 => How::Variable,
        _ if quoted => How::Quoted,
        _ => How::Bare,
    };
    Some(behind_scheme(text, Pair { class, value, how }, text.get(name.end) == Some(&b':') && !quoted))
}

/// The class of a name, which may be two words (`api key`).
fn class_with_word_before(text: &[u8], name: &Range<usize>) -> Option<&'static str> {
    let words = text.get(name.clone())?;
    key::class_of(words).or_else(|| {
        let before = text.get(..name.start)?.strip_suffix(b" ")?;
        let left = before.iter().rev().take(MAX_NAME).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let both = text.get(name.start - 1 - left..name.end)?;
        let one_word = words.iter().all(u8::is_ascii_alphabetic);
        (left > 0 && one_word).then(|| key::class_of(both)).flatten()
    })
}

/// What ties a value to a name that ends at `end`, and where the value or its quote begins.
fn separator(text: &[u8], end: usize) -> Option<(u8, usize)> {
    let rest = text.get(end..text.len().min(end + 24))?;
    let mut bytes = rest.iter().copied().enumerate().peekable();
    bytes.next_if(|(_, byte)| *byte == b'\\');
    bytes.next_if(|(_, byte)| matches!(byte, b'"' | b'\'' | b'`'));
    bytes.next_if(|(_, byte)| *byte == b']');
    while bytes.next_if(|(_, byte)| matches!(byte, b' ' | b'\t')).is_some() {}
    let (at, separator) = bytes.next()?;
    if !matches!(separator, b':' | b'=') {
        let is_prose = rest.get(at..)?.starts_with(b"is ") && at > 0;
        return is_prose.then_some((b':', end + at + 3));
    }
    let second = bytes.next_if(|(_, byte)| matches!(byte, b'=' | b'>'));
    if separator == b'=' && matches!(second, Some((_, b'='))) {
        return None;
    }
    while bytes.next_if(|(_, byte)| matches!(byte, b' ' | b'\t')).is_some() {}
    bytes.peek().map(|(at, _)| (separator, end + at))
}

/// Where the value that begins at `at` stands, and whether it has quotes, which are not part of it.
fn value(text: &[u8], at: usize) -> Option<(Range<usize>, bool)> {
    let rest = text.get(at..text.len().min(at + MAX_VALUE))?;
    let escaped = usize::from(rest.first() == Some(&b'\\'));
    let quote = *rest.get(escaped)?;
    if matches!(quote, b'"' | b'\'' | b'`') {
        let start = escaped + 1;
        let inside = rest.get(start..)?;
        let length = inside.iter().position(|byte| *byte == quote || *byte == b'\n').unwrap_or(inside.len());
        let before = inside.get(..length)?;
        let length = length - usize::from(escaped == 1 && before.ends_with(b"\\"));
        return Some((at + start..at + start + length, true));
    }
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace() || byte.is_ascii_control() || b",;&\"'`<>)}]|\\".contains(byte)
    };
    let length = rest.iter().position(ends).unwrap_or(rest.len());
    let dots = rest.get(..length)?.iter().rev().take_while(|byte| **byte == b'.').count();
    Some((at..at + length - dots, false))
}

/// For `authorization: Bearer …` the value is what stands behind the scheme; for cookies it is the rest of the line.
fn behind_scheme(text: &[u8], pair: Pair, is_header: bool) -> Pair {
    let start = pair.value.start;
    let line = text.get(start..text.len().min(start + MAX_VALUE)).unwrap_or_default();
    let line = line.get(
        ..line.iter().position(|b| matches!(b, b'\n' | b'\r' | b'"' | b'\'' | b'\\')).unwrap_or(line.len()),
    );
    let line = line.unwrap_or_default();
    match pair.class {
        "bearer" => {
            let skip = scheme::credential_start(line);
            let credential = line.get(skip..).unwrap_or_default();
            let length = credential.iter().position(u8::is_ascii_whitespace).unwrap_or(credential.len());
            Pair { value: start + skip..start + skip + length, ..pair }
        }
        "cookie" if is_header && line.contains(&b'=') => Pair { value: start..start + line.len(), ..pair },
        _ => pair,
    }
}

fn is_plausible(value: &[u8], pair: &Pair) -> bool {
    let is_block = value.starts_with(b"{") && pair.how != How::Member;
    if value.len() < 4 || is_reference(value) || is_block {
        return false;
    }
    let is_password = matches!(pair.class, "password" | "connection");
    let has_digit = value.iter().any(u8::is_ascii_digit);
    match pair.how {
        How::Query => !is_short_code(value, pair.class),
        How::Member => true,
        How::Variable => value.len() >= MIN_VALUE || is_password,
        How::Quoted => {
            let one_word = !value.iter().any(u8::is_ascii_whitespace);
            let telling = has_digit || pair.class == "password";
            one_word && value.len() >= MIN_VALUE && telling && !is_attribute(value)
        }
        How::Bare if pair.class == "cookie" => value.len() >= MIN_VALUE && value.contains(&b'='),
        How::Bare => {
            let long_enough = value.len() >= if is_password { MIN_VALUE } else { MIN_TOKEN };
            let is_number = value.iter().all(u8::is_ascii_digit);
            let plain = value.iter().all(u8::is_ascii_graphic) && !value.contains(&b'(');
            long_enough
                && has_digit
                && plain
                && (is_password || !is_number)
                && !is_attribute(value)
                && !is_path(value)
        }
    }
}

/// Whether a value names where the secret is, or stands for one.
pub(super) fn is_reference(value: &[u8]) -> bool {
    let template =
        matches!(value, [b'$', b'{' | b'(', ..] | [b'{', b'{', ..] | [b'<', .., b'>'] | [b'%', .., b'%']);
    let variable = value.strip_prefix(b"$").is_some_and(|name| {
        !name.is_empty()
            && name.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_' || byte.is_ascii_digit())
    });
    let same = value.len() >= 4 && value.iter().all(|byte| b"*xX.\xe2\x80\xa2".contains(byte));
    let lower = value.to_ascii_lowercase();
    let source =
        ["env:", "file:", "keyring:", "os.environ", "os.getenv", "process.env", "env[", "env.", "secrets."];
    template || variable || same || source.iter().any(|prefix| lower.starts_with(prefix.as_bytes()))
}

/// Codes of OAuth are long; `?code=US` is not one.
pub(super) fn is_short_code(value: &[u8], class: &str) -> bool {
    matches!(class, "code" | "api-key" | "session") && value.len() < 8
}

/// Longer words than this are no names that people write, but values that happen to hold few digits.
const LONGEST_NAME: usize = 32;

/// Whether a value is a name or a path of attributes (`config.token2`, `self._api_key`).
fn is_attribute(value: &[u8]) -> bool {
    let is_name = |part: &[u8]| {
        let letters = part.iter().filter(|byte| byte.is_ascii_alphabetic() || **byte == b'_').count();
        let begins = part.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        begins
            && part.len() <= LONGEST_NAME
            && part.len() - letters <= 2
            && part.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    let n_parts = value.split(|byte| *byte == b'.').count();
    let names = value.split(|byte| *byte == b'.').all(is_name);
    names && (n_parts > 1 || value.contains(&b'_'))
}

fn is_path(value: &[u8]) -> bool {
    value.starts_with(b"/")
        || value.starts_with(b"./")
        || value.starts_with(b"~/")
        || memchr::memmem::find(value, b"://").is_some()
}
