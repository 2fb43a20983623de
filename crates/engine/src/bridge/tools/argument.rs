//! A tool's argument as the text of a header.

use std::borrow::Cow;

use bytes::Bytes;
use tapgate_wire::json::unescape_lossy;

/// How many digits an integer may have that is written out; JavaScript, which the specification follows, knows 16.
const MAX_DIGITS: usize = 40;

/// An argument of a call.
#[derive(Debug)]
pub(super) enum Argument {
    /// Not given, or null: no header is expected.
    Absent,
    /// An array or object, which no header can mirror.
    Compound,
    /// A string, number or boolean, raw.
    Scalar(Bytes),
}

impl Argument {
    pub fn of(raw: Option<Bytes>) -> Self {
        match raw {
            Some(raw) => match raw.first() {
                Some(b'n') => Self::Absent,
                Some(b'[' | b'{') => Self::Compound,
                _ => Self::Scalar(raw),
            },
            None => Self::Absent,
        }
    }

    /// What its header says, before it is encoded.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        let Self::Scalar(raw) = self else { return None };
        let text = unescape_lossy(raw);
        if raw.starts_with(b"\"") {
            return Some(text);
        }
        let written = Decimal::of(&text).and_then(|decimal| decimal.to_integer());
        Some(written.map_or(text, Cow::Owned))
    }

    /// Whether a header with this text, already decoded, says the same: numbers are compared as numbers.
    pub fn is(&self, told: &str) -> bool {
        let Some(text) = self.text() else { return false };
        if *text == *told {
            return true;
        }
        let is_string = matches!(self, Self::Scalar(raw) if raw.starts_with(b"\""));
        !is_string && Decimal::of(&text).is_some_and(|number| Decimal::of(told) == Some(number))
    }
}

/// A number of any size, in a form that is the same for the same number.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    /// How many places the point is behind the last digit.
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Option<Self> {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        if whole.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = all.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self { is_negative: false, digits: String::new(), exponent: 0 });
        }
        let places = (all.len() - digits.len()) as i64 - fraction.len() as i64;
        let exponent = exponent.parse::<i64>().ok()?.checked_add(places)?;
        Some(Self { is_negative, digits: digits.trim_start_matches('0').to_owned(), exponent })
    }

    /// The number in decimal digits, if it is an integer that is not too long.
    fn to_integer(&self) -> Option<String> {
        if self.digits.is_empty() {
            return Some("0".to_owned());
        }
        let n_zeros = usize::try_from(self.exponent).ok()?;
        if n_zeros > MAX_DIGITS || self.digits.len() + n_zeros > MAX_DIGITS {
            return None;
        }
        let sign = if self.is_negative { "-" } else { "" };
        Some(format!("{sign}{}{}", self.digits, "0".repeat(n_zeros)))
    }
}
