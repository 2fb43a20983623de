//! Cuts the short form into its terms.

use std::borrow::Cow;
use std::ops::Range;

use crate::ast::Binary;
use crate::fault::Spot;

/// What stands between blanks that are not quoted.
pub(super) struct Piece<'t> {
    pub(super) bare: &'t str,
    pub(super) at: Range<usize>,
}

/// A term: what is compared with what, or free text.
pub(super) struct Term<'t> {
    /// Key and operator; free text has none.
    pub(super) key: Option<(&'t str, Sign)>,
    pub(super) value: Cow<'t, str>,
    pub(super) given: Given,
    /// A minus stands before it.
    pub(super) turned: bool,
    pub(super) at: Range<usize>,
    key_start: usize,
    value_start: usize,
}

/// How a value was written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    Bare,
    Quoted,
}

/// The operator of a term.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Colon,
    Compare(Binary),
}

impl Sign {
    /// As it is written.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Colon => ":",
            Self::Compare(Binary::Equal) => "=",
            Self::Compare(operator) => operator.sign(),
        }
    }

    /// The comparison that it stands for where a colon means "equal".
    pub(super) fn operator(self) -> Binary {
        match self {
            Self::Colon => Binary::Equal,
            Self::Compare(operator) => operator,
        }
    }

    /// The operator at the start of `rest`.
    fn at_start(rest: &str) -> Option<Self> {
        let signs = [
            ("!=", Binary::Differs),
            ("<=", Binary::LessOrEqual),
            (">=", Binary::GreaterOrEqual),
            ("<", Binary::Less),
            (">", Binary::Greater),
            ("=", Binary::Equal),
        ];
        if rest.starts_with(':') {
            return Some(Self::Colon);
        }
        signs
            .into_iter()
            .find(|(sign, _)| rest.starts_with(sign))
            .map(|(_, operator)| Self::Compare(operator))
    }
}

impl Term<'_> {
    /// Where the key stands; the whole term for free text.
    pub(super) fn key_at(&self) -> Range<usize> {
        match self.key {
            Some((key, _)) => self.key_start..self.key_start + key.len(),
            None => self.at.clone(),
        }
    }

    /// Where the value stands.
    pub(super) fn value_at(&self) -> Range<usize> {
        self.value_start..self.at.end
    }
}

/// Cuts `text` at blanks; a quote that opens a value holds it together.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut start: Option<usize> = None;
    let mut quote: Option<char> = None;
    let mut before = ' ';
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if let Some(open) = quote {
            if c == open && !escaped {
                quote = None;
            }
            escaped = c == '\\' && !escaped;
        } else if c.is_whitespace() {
            push(&mut pieces, text, start.take(), at);
        } else {
            start.get_or_insert(at);
            if matches!(c, '"' | '\'') && (before.is_whitespace() || ":=<>-([,+".contains(before)) {
                quote = Some(c);
                escaped = false;
            }
        }
        before = c;
    }
    push(&mut pieces, text, start, text.len());
    pieces
}

fn push<'t>(pieces: &mut Vec<Piece<'t>>, text: &'t str, start: Option<usize>, end: usize) {
    if let Some(start) = start {
        pieces.push(Piece { bare: text.get(start..end).unwrap_or_default(), at: start..end });
    }
}

impl<'t> Piece<'t> {
    /// Whether only CEL is written so: parentheses, doubled operators, operators that stand alone.
    pub(super) fn is_cel(&self) -> bool {
        if matches!(
            self.bare,
            "in" | "<" | ">" | "<=" | ">=" | "=" | "!=" | "+" | "-" | "*" | "/" | "%" | ":"
        ) {
            return true;
        }
        let mut rest = self.bare;
        let mut opening = true;
        while let Some(c) = rest.chars().next() {
            let next = rest.get(c.len_utf8()..).unwrap_or_default();
            match c {
                // What a quote holds is a value.
                '"' | '\'' if opening => return closing(next, c).is_some_and(|after| !after.is_empty()),
                '(' | ')' | '[' | ']' | '{' | '}' | '?' => return true,
                '&' | '|' | '=' if next.starts_with(c) => return true,
                '!' if !next.starts_with('=') => return true,
                _ => {}
            }
            opening = ":=<>-".contains(c);
            rest = next;
        }
        false
    }

    /// Reads the piece as a term.
    pub(super) fn term(&self) -> Result<Term<'t>, Spot> {
        let turned = self.bare.len() > 1 && self.bare.starts_with('-');
        let body = self.bare.get(usize::from(turned)..).unwrap_or_default();
        let key_start = self.at.start + usize::from(turned);
        let end = body
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-'))
            .unwrap_or(body.len());
        let (key, rest) = body.split_at_checked(end).unwrap_or((body, ""));
        let sign = Sign::at_start(rest).filter(|_| !key.is_empty());
        let (key, written) = match sign {
            Some(sign) => (Some((key, sign)), rest.get(sign.sign().len()..).unwrap_or_default()),
            None => (None, body),
        };
        let value_start = self.at.end - written.len();
        let (value, given) = match written.chars().next() {
            Some(quote @ ('"' | '\'')) => (unquoted(written, quote, value_start)?, Given::Quoted),
            _ => (Cow::Borrowed(written), Given::Bare),
        };
        Ok(Term { key, value, given, turned, at: self.at.clone(), key_start, value_start })
    }
}

/// What stands behind the closing quote, if there is one.
fn closing(text: &str, quote: char) -> Option<&str> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            return text.get(at + 1..);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

fn unquoted(written: &str, quote: char, start: usize) -> Result<Cow<'_, str>, Spot> {
    let inner = written.get(1..).unwrap_or_default();
    let Some(after) = closing(inner, quote) else {
        return Err(Spot::new(start..start + 1, "this text has no closing quote"));
    };
    let inner = inner.get(..inner.len() - after.len() - 1).unwrap_or_default();
    if !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner));
    }
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        // A backslash protects quotes and itself; elsewhere it is a character, as in Windows paths.
        match c {
            '\\' => match chars.next() {
                Some(next) if next == quote || next == '\\' => text.push(next),
                Some(next) => text.extend(['\\', next]),
                None => text.push('\\'),
            },
            _ => text.push(c),
        }
    }
    Ok(Cow::Owned(text))
}
