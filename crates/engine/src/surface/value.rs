//! A JSON value in one form: names sorted, the last of repeated ones, numbers and strings as their meaning is.

use std::collections::BTreeMap;

use tapgate_wire::Fault;
use tapgate_wire::json::{Container, Event, Literal, escape_into, scan, unescape};

/// A JSON value. Strings are bytes, because a lone surrogate (as WTF-8) has no other form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `true`, `false` or `null`.
    Word(&'static str),
    /// A number as `number` writes it.
    Number(String),
    /// A string without its escapes.
    Text(Vec<u8>),
    /// What is nested too deeply to be read, as it came.
    Deep(Vec<u8>),
    /// An array.
    List(Vec<Value>),
    /// An object.
    Object(BTreeMap<Vec<u8>, Value>),
}

/// An array or object that is not closed yet, and the name that the next value gets.
enum Open {
    List(Vec<Value>),
    Object(BTreeMap<Vec<u8>, Value>, Vec<u8>),
}

impl Value {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// That of [`scan`], with the offset of the first byte that cannot be.
    pub fn parse(document: &[u8]) -> Result<Self, Fault> {
        Self::parse_once(document).map(|(value, _)| value)
    }

    /// Reads a document, and says whether an object in it names a member twice.
    ///
    /// # Errors
    ///
    /// As of [`Value::parse`].
    pub fn parse_once(document: &[u8]) -> Result<(Self, bool), Fault> {
        let (mut open, mut done) = (Vec::new(), None);
        let mut repeats = false;
        scan(document, &mut |event| {
            let of = |span: tapgate_wire::json::Span| span.of(document).unwrap_or_default();
            let value = match event {
                Event::Open { container: Container::Object, .. } => {
                    open.push(Open::Object(BTreeMap::new(), Vec::new()));
                    return;
                }
                Event::Open { container: Container::Array, .. } => {
                    open.push(Open::List(Vec::new()));
                    return;
                }
                Event::Key { span, .. } => {
                    if let Some(Open::Object(_, name)) = open.last_mut() {
                        *name = unescape(of(span)).into_owned();
                    }
                    return;
                }
                Event::Odd(_) => return,
                Event::Close { .. } => match open.pop() {
                    Some(Open::List(items)) => Self::List(items),
                    Some(Open::Object(members, _)) => Self::Object(members),
                    None => return,
                },
                Event::String { span, .. } => Self::Text(unescape(of(span)).into_owned()),
                Event::Number(span) => Self::Number(number(of(span))),
                Event::Literal(Literal::True, _) => Self::Word("true"),
                Event::Literal(Literal::False, _) => Self::Word("false"),
                Event::Literal(Literal::Null, _) => Self::Word("null"),
                Event::Deep(span) => Self::Deep(of(span).to_vec()),
            };
            match open.last_mut() {
                None => done = Some(value),
                Some(Open::List(items)) => items.push(value),
                Some(Open::Object(members, name)) => {
                    repeats |= members.insert(std::mem::take(name), value).is_some();
                }
            }
        })?;
        Ok((done.unwrap_or(Self::Word("null")), repeats))
    }

    /// Its canonical form: no blanks, names sorted by their bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Appends its canonical form.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Word(word) => out.extend_from_slice(word.as_bytes()),
            Self::Number(digits) => out.extend_from_slice(digits.as_bytes()),
            Self::Text(text) => quote(text, out),
            Self::Deep(raw) => out.extend_from_slice(raw),
            Self::List(items) => {
                out.push(b'[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Object(members) => {
                out.push(b'{');
                for (n, (name, value)) in members.iter().enumerate() {
                    if n > 0 {
                        out.push(b',');
                    }
                    quote(name, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }

    /// A text.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Self::Text(text.as_ref().to_vec())
    }

    /// An object of these members.
    pub fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.as_bytes().to_vec(), value)).collect())
    }

    /// The member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members().and_then(|members| members.get(name.as_bytes()))
    }

    /// The members of an object.
    pub fn members(&self) -> Option<&BTreeMap<Vec<u8>, Self>> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The items of an array.
    pub fn items(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// The bytes of a string.
    pub fn bytes(&self) -> Option<&[u8]> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A string for people: what is no Unicode text becomes U+FFFD.
    pub fn as_str(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.bytes().map(String::from_utf8_lossy)
    }
}

fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    escape_into(text, out);
    out.push(b'"');
}

/// Longest exponent with which a number is written out.
const PLAIN: i64 = 21;

/// Writes a JSON number as its value is: `1.50e1`, `15.0` and `15` are all `15`.
fn number(raw: &[u8]) -> String {
    let raw = String::from_utf8_lossy(raw);
    let (sign, rest) = raw.strip_prefix('-').map_or(("", &*raw), |rest| ("-", rest));
    let (mantissa, power) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let Ok(power) = power.parse::<i64>() else { return raw.into_owned() };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{part}");
    let digits = all.trim_start_matches('0').trim_end_matches('0');
    if digits.is_empty() {
        return "0".to_owned();
    }
    let n_cut = all.len() - all.trim_end_matches('0').len();
    let power = power.saturating_sub(part.len() as i64).saturating_add(n_cut as i64);
    let point = (digits.len() as i64).saturating_add(power);
    if power >= 0 && point <= PLAIN {
        return format!("{sign}{digits}{}", "0".repeat(power as usize));
    }
    if power < 0 && point > 0 && point <= PLAIN {
        let (whole, part) = digits.split_at(point as usize);
        return format!("{sign}{whole}.{part}");
    }
    if point <= 0 && point > -PLAIN {
        return format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize));
    }
    format!("{sign}{digits}e{power}")
}

#[cfg(test)]
mod tests;
