//! What families ask of raw JSON values.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use tapgate_wire::json::{Container, Event, Span, scan, unescape, unescape_lossy};

/// The text of a string, decoded; `None` for any other value.
pub(crate) fn text(raw: &[u8]) -> Option<Cow<'_, str>> {
    raw.starts_with(b"\"").then(|| unescape_lossy(raw))
}

/// Whether a value is a JSON string with this text and no escapes in it.
pub(crate) fn is(raw: &[u8], text: &str) -> bool {
    raw.strip_prefix(b"\"").and_then(|raw| raw.strip_suffix(b"\"")) == Some(text.as_bytes())
}

/// The value of a number.
pub(crate) fn number(raw: &[u8]) -> Option<f64> {
    let is_number = raw.first().is_some_and(|byte| matches!(byte, b'-' | b'0'..=b'9'));
    std::str::from_utf8(raw).ok().filter(|_| is_number)?.parse().ok()
}

/// Whether a value is a number without a fraction, however it is written.
pub(crate) fn is_integer(raw: &[u8]) -> bool {
    number(raw).is_some_and(|number| number.fract() == 0.0)
}

/// A type of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

impl Type {
    /// The type of a value that the scanner accepted.
    pub fn of(raw: &[u8]) -> Self {
        match raw.first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::String,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') => Self::Null,
            _ => Self::Number,
        }
    }

    /// Its name with its article.
    pub fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
        }
    }
}

/// A number that is the same for values that mean the same: neither the order of members nor spaces nor escapes count.
pub(crate) fn digest(raw: &[u8]) -> u64 {
    let mut levels: Vec<Level> = Vec::new();
    let mut whole = 0;
    let mut told = |levels: &mut Vec<Level>, value: u64| match levels.last_mut() {
        None => whole = value,
        Some(level) if level.container == Container::Object => {
            level.sum = level.sum.wrapping_add(hash(&(level.name, value)));
        }
        Some(level) => level.sum = hash(&(level.sum, value)),
    };
    // Of what is not JSON, what stands before the fault counts.
    let _ = scan(raw, &mut |event| match event {
        Event::Key { span, .. } => {
            if let Some(level) = levels.last_mut() {
                level.name = hash_text(raw, span);
            }
        }
        Event::Open { container, .. } => levels.push(Level { container, sum: 0, name: 0 }),
        Event::Close { .. } => {
            if let Some(level) = levels.pop() {
                let value = hash(&(level.container == Container::Object, level.sum));
                told(&mut levels, value);
            }
        }
        Event::String { span, .. } => {
            let value = hash_text(raw, span);
            told(&mut levels, value);
        }
        Event::Number(span) => {
            let value = span.of(raw).and_then(number).unwrap_or_default();
            told(&mut levels, hash(&value.to_bits()));
        }
        Event::Literal(_, span) | Event::Deep(span) => told(&mut levels, hash(&span.of(raw))),
        Event::Odd(_) => {}
    });
    whole
}

/// An open bracket while a value is digested.
struct Level {
    container: Container,
    sum: u64,
    /// Of the member at hand.
    name: u64,
}

fn hash_text(raw: &[u8], span: Span) -> u64 {
    hash(&unescape(span.of(raw).unwrap_or_default()))
}

/// The same number for the same value, in every process.
pub(crate) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What a peer said, as a finding quotes it.
pub(crate) fn quote(raw: &[u8]) -> String {
    crate::quote::quote(raw).to_string()
}

/// What a value says, as a finding quotes it: the text of a string, else the value as it is written.
pub(crate) fn told(raw: &[u8]) -> String {
    match text(raw) {
        Some(text) => quote(text.as_bytes()),
        None => quote(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_sees_what_is_meant_and_not_how_it_is_written() {
        let same = [r#"{"a":1,"b":[true,"x/y"]}"#, r#"{ "b" : [ true, "x\/y" ], "a" : 1.0 }"#];
        assert_eq!(digest(same[0].as_bytes()), digest(same[1].as_bytes()));
        let other =
            ["{}", "[]", r#"{"a":1}"#, r#"{"b":1}"#, r#"["a",1]"#, "[1,2]", "[2,1]", "[[1],2]", "\"1\""];
        for (n, left) in other.iter().enumerate() {
            for right in &other[n + 1..] {
                assert_ne!(digest(left.as_bytes()), digest(right.as_bytes()), "{left} {right}");
            }
        }
    }
}
