//! How values of `Mcp-Name` and `Mcp-Param-*` are written so that every text fits in a header.
//!
//! Spec 2026-07-28, basic/transports/streamable-http, Value Encoding: a text that a header cannot carry
//! as it is travels as `=?base64?…?=` with the standard alphabet and its padding.

use std::borrow::Cow;

const OPEN: &str = "=?base64?";
const CLOSE: &str = "?=";

/// Writes `text` as a header value: as it is where that is safe, otherwise in Base64.
///
/// Plain text is visible ASCII with spaces and tabs inside; what begins or ends with one, holds anything
/// else or looks like an encoded value itself is encoded. The empty text is the empty value.
///
/// ```
/// use tapgate_wire::header::value::encode;
///
/// assert_eq!(encode("read_file"), "read_file");
/// assert_eq!(encode("größe"), "=?base64?Z3LDtsOfZQ==?=");
/// ```
pub fn encode(text: &str) -> Cow<'_, str> {
    let edge = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let bytes = text.as_bytes();
    let plain = bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    if plain && !edge(bytes.first()) && !edge(bytes.last()) && marked(text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(OPEN.len() + bytes.len().div_ceil(3) * 4 + CLOSE.len());
    out.push_str(OPEN);
    encode_base64(bytes, &mut out);
    out.push_str(CLOSE);
    Cow::Owned(out)
}

/// Why a header value cannot be read; a server answers it with -32020.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A plain value holds a byte that is neither visible ASCII nor a space or tab inside.
    #[error("header value holds a character that must be encoded")]
    NotPlain,
    /// What stands between the markers is not Base64 with the standard alphabet and padding.
    #[error("header value is not valid Base64")]
    NotBase64,
    /// The encoded bytes are not UTF-8.
    #[error("encoded header value is not UTF-8")]
    NotUtf8,
}

/// Reads a header value that [`encode`] wrote; white space around it is not part of it.
///
/// The markers are case-sensitive, and a value that lacks either of them is plain text.
///
/// # Errors
///
/// See [`Error`].
pub fn decode(value: &[u8]) -> Result<Cow<'_, str>, Error> {
    let value = trim(value);
    let plain = value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    let Some(text) = std::str::from_utf8(value).ok().filter(|_| plain) else {
        return Err(Error::NotPlain);
    };
    let Some(inner) = marked(text) else {
        return Ok(Cow::Borrowed(text));
    };
    let bytes = decode_base64(inner.as_bytes()).ok_or(Error::NotBase64)?;
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| Error::NotUtf8)
}

/// What stands between the markers, if both are there.
fn marked(text: &str) -> Option<&str> {
    text.strip_prefix(OPEN)?.strip_suffix(CLOSE)
}

/// Takes optional white space away: RFC 9110, section 5.6.3.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encode_base64(bytes: &[u8], out: &mut String) {
    for three in bytes.chunks(3) {
        let byte = |n: usize| u32::from(three.get(n).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            let digit = ALPHABET.get((bits >> (18 - 6 * n) & 0x3f) as usize);
            let digit = digit.filter(|_| n as usize <= three.len()).unwrap_or(&b'=');
            out.push(char::from(*digit));
        }
    }
}

/// Decodes padded Base64; `None` for another alphabet, wrong padding or bits behind the last byte.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let digits = match text {
        [rest @ .., b'=', b'='] | [rest @ .., b'='] => rest,
        all => all,
    };
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for four in digits.chunks(4) {
        let mut bits = 0;
        for &digit in four {
            bits = bits << 6 | sextet(digit)?;
        }
        bits <<= 6 * (4 - four.len());
        let n_bytes = four.len() - 1;
        let [_, bytes @ ..] = bits.to_be_bytes();
        let (kept, spare) = bytes.split_at(n_bytes);
        if spare.iter().any(|byte| *byte != 0) {
            return None;
        }
        out.extend_from_slice(kept);
    }
    Some(out)
}

fn sextet(digit: u8) -> Option<u32> {
    let place = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(place))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_a_header_cannot_carry_is_encoded() {
        let cases = [
            ("", ""),
            ("us-west1", "us-west1"),
            ("a b\tc", "a b\tc"),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("\ttab", "=?base64?CXRhYg==?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("日本", "=?base64?5pel5pys?="),
            ("\x7f", "=?base64?fw==?="),
            ("=?base64?eA==?=", "=?base64?PT9iYXNlNjQ/ZUE9PT89?="),
            ("=?base64?x", "=?base64?x"),
            ("=?BASE64?eA==?=", "=?BASE64?eA==?="),
        ];
        for (text, value) in cases {
            assert_eq!(encode(text), value);
            assert_eq!(decode(value.as_bytes()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_says_why() {
        let cases: &[(&[u8], Result<&str, Error>)] = &[
            (b"  x ", Ok("x")),
            (b"=?base64??=", Ok("")),
            (b"=?base64?=", Ok("=?base64?=")),
            (b"=?base64?eA==?= ", Ok("x")),
            (b"=?base64?eA?=", Err(Error::NotBase64)),
            (b"=?base64?eA=?=", Err(Error::NotBase64)),
            (b"=?base64?eB==?=", Err(Error::NotBase64)),
            (b"=?base64?e===?=", Err(Error::NotBase64)),
            (b"=?base64?====?=", Err(Error::NotBase64)),
            (b"=?base64?eA==eA==?=", Err(Error::NotBase64)),
            (b"=?base64?_-8=?=", Err(Error::NotBase64)),
            (b"=?base64?/w==?=", Err(Error::NotUtf8)),
            (b"\xc3\xa9", Err(Error::NotPlain)),
            (b"a\x01b", Err(Error::NotPlain)),
        ];
        for (value, expected) in cases {
            assert_eq!(decode(value).as_deref(), expected.as_ref().copied(), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in any::<String>()) {
            let value = encode(&text);
            prop_assert!(http::HeaderValue::from_str(&value).is_ok());
            let back = decode(value.as_bytes());
            prop_assert_eq!(back.as_deref(), Ok(text.as_str()));
        }
    }
}
