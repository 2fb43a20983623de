//! Cuts an expression into tokens.

use std::ops::Range;

use crate::fault::Spot;

/// A token and the place where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Lexeme,
    pub(crate) at: Range<usize>,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Lexeme {
    Name(String),
    Int(String),
    Double(f64),
    Text(String),
    Sign(&'static str),
    End,
}

/// Longest first, so that `<=` is never `<` and `=`.
const SIGNS: [&str; 25] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", "[", "]", "{", "}", ".", ",", "?", ":", "+",
    "-", "*", "/", "%", "=",
];

/// Cuts `text` into tokens; the last one is [`Lexeme::End`].
pub(crate) fn lex(text: &str) -> Result<Vec<Token>, Spot> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let blank = rest.len() - rest.trim_start().len();
        if blank > 0 {
            at += blank;
        } else if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else {
            let (kind, length) = token(rest).map_err(|spot| shifted(spot, at))?;
            tokens.push(Token { kind, at: at..at + length });
            at += length;
        }
    }
    tokens.push(Token { kind: Lexeme::End, at: at..at });
    Ok(tokens)
}

fn shifted(mut spot: Spot, by: usize) -> Spot {
    spot.at = spot.at.start + by..spot.at.end + by;
    spot
}

/// The first token of `rest` and its length in bytes.
fn token(rest: &str) -> Result<(Lexeme, usize), Spot> {
    let mut chars = rest.chars();
    let first = chars.next().unwrap_or(' ');
    let second = chars.next();
    match first {
        '"' | '\'' => quoted(rest, 0),
        'r' | 'R' if matches!(second, Some('"' | '\'')) => quoted(rest, 1),
        'b' | 'B' if matches!(second, Some('"' | '\'')) => {
            Err(Spot::new(0..2, "byte strings have no use here").help("write the text without the `b`"))
        }
        '_' | 'a'..='z' | 'A'..='Z' => {
            let length = name_length(rest);
            Ok((Lexeme::Name(rest.get(..length).unwrap_or_default().to_owned()), length))
        }
        '0'..='9' => number(rest),
        '.' if second.is_some_and(|c| c.is_ascii_digit()) => number(rest),
        _ => match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            Some("=") => Err(Spot::new(0..1, "`=` compares nothing").help("write `==`")),
            Some(sign) => Ok((Lexeme::Sign(sign), sign.len())),
            None => Err(Spot::new(0..first.len_utf8(), "this character has no meaning here")),
        },
    }
}

fn name_length(rest: &str) -> usize {
    rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())
}

fn number(rest: &str) -> Result<(Lexeme, usize), Spot> {
    let mut length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
    let signed_exponent =
        rest.get(..length).is_some_and(|part| part.ends_with(['e', 'E']) && !part.starts_with("0x"));
    if let Some(after) = rest.get(length..).filter(|after| signed_exponent && after.starts_with(['+', '-'])) {
        let digits = after.get(1..).unwrap_or_default();
        length += 1 + digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    }
    let written = rest.get(..length).unwrap_or_default();
    if let Some(hex) = written.strip_prefix("0x").or_else(|| written.strip_prefix("0X")) {
        return match i64::from_str_radix(hex, 16) {
            Ok(whole) if !hex.starts_with('+') => Ok((Lexeme::Int(whole.to_string()), length)),
            _ => Err(Spot::new(0..length, "this is no number")),
        };
    }
    if written.bytes().all(|b| b.is_ascii_digit()) {
        return Ok((Lexeme::Int(written.to_owned()), length));
    }
    let plain = written.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    match written.parse::<f64>() {
        Ok(value) if plain && value.is_finite() => Ok((Lexeme::Double(value), length)),
        _ if crate::time::duration(written).is_some() => {
            Err(Spot::new(0..length, "a duration stands in quotes")
                .help(format!("write `duration(\"{written}\")`")))
        }
        _ => Err(Spot::new(0..length, "this is no number")),
    }
}

/// Reads a quoted text whose quote stands after `prefix` bytes; with a prefix, escapes mean nothing.
fn quoted(rest: &str, prefix: usize) -> Result<(Lexeme, usize), Spot> {
    let body = rest.get(prefix..).unwrap_or_default();
    let quote =
        ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| body.starts_with(quote)).unwrap_or("\"");
    let open = prefix + quote.len();
    let unclosed = || Spot::new(0..open, "this text has no closing quote");
    let mut text = String::new();
    let mut at = open;
    loop {
        let rest = rest.get(at..).ok_or_else(unclosed)?;
        if rest.starts_with(quote) {
            return Ok((Lexeme::Text(text), at + quote.len()));
        }
        let Some(c) = rest.chars().next() else {
            return Err(unclosed());
        };
        if c == '\\' && prefix == 0 {
            let (plain, length) = escape(rest).ok_or_else(|| {
                Spot::new(at..at + 1, "this escape means nothing").help("write `\\\\` for a backslash")
            })?;
            text.push(plain);
            at += length;
        } else if c == '\n' && quote.len() == 1 {
            return Err(unclosed());
        } else {
            text.push(c);
            at += c.len_utf8();
        }
    }
}

/// The character that the escape at the start of `rest` stands for, and the escape's length.
fn escape(rest: &str) -> Option<(char, usize)> {
    let kind = rest.chars().nth(1)?;
    let coded = |from: usize, digits: usize, radix: u32| {
        let code = rest.get(from..from + digits)?;
        let whole = code.chars().all(|c| c.is_digit(radix));
        let c = char::from_u32(u32::from_str_radix(code, radix).ok().filter(|_| whole)?)?;
        Some((c, from + digits))
    };
    let plain = match kind {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' | '\'' | '"' | '`' | '?' => kind,
        'x' | 'X' => return coded(2, 2, 16),
        'u' => return coded(2, 4, 16),
        'U' => return coded(2, 8, 16),
        '0'..='3' => return coded(1, 3, 8),
        _ => return None,
    };
    Some((plain, 2))
}
