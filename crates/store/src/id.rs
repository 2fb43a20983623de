//! Public ids: short, never reused, and sorted as text the way they are sorted as numbers.

use std::fmt;
use std::str::FromStr;

/// Crockford's base 32 in lower case: no `i`, `l`, `o`, `u`, and in ASCII order.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A text that is no id of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind} id, which looks like {example}")]
pub struct ParseIdError {
    /// What was given.
    pub text: String,
    /// What was asked for.
    pub kind: &'static str,
    /// An id of that kind.
    pub example: &'static str,
}

/// Writes `number` as a letter, the number of digits, and the digits; the second keeps text order numeric.
fn write(out: &mut fmt::Formatter<'_>, letter: char, number: i64) -> fmt::Result {
    let mut rest = number.max(0) as u64;
    let mut text = [b'0'; 14];
    let mut at = text.len();
    loop {
        at -= 1;
        if let (Some(place), Some(digit)) = (text.get_mut(at), DIGITS.get((rest & 31) as usize)) {
            *place = *digit;
        }
        rest >>= 5;
        if rest == 0 {
            break;
        }
    }
    let digits = text.get(at..).unwrap_or_default();
    let length = DIGITS.get(digits.len()).copied().unwrap_or(b'z');
    write!(out, "{letter}{}{}", char::from(length), String::from_utf8_lossy(digits))
}

/// Reads what [`write`] wrote; upper case and the look-alikes `i`, `l` and `o` are understood.
fn read(text: &str, letter: char) -> Option<i64> {
    let mut symbols = text.chars();
    if symbols.next()?.to_ascii_lowercase() != letter {
        return None;
    }
    let length = digit(symbols.next()?)?;
    let mut number = 0u64;
    let mut n_digits = 0;
    for symbol in symbols {
        let digit = digit(symbol)?;
        if n_digits == 0 && digit == 0 && length > 1 {
            return None;
        }
        n_digits += 1;
        number = number.checked_mul(32)?.checked_add(digit)?;
    }
    if n_digits == 0 || n_digits != length {
        return None;
    }
    i64::try_from(number).ok()
}

fn digit(symbol: char) -> Option<u64> {
    let symbol = match symbol.to_ascii_lowercase() {
        'i' | 'l' => '1',
        'o' => '0',
        other => other,
    };
    DIGITS.iter().position(|digit| char::from(*digit) == symbol).map(|place| place as u64)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $letter:literal, $kind:literal, $example:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(out, $letter, self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let error = || ParseIdError { text: text.to_owned(), kind: $kind, example: $example };
                read(text, $letter).map(Self).ok_or_else(error)
            }
        }
    )*};
}

ids! {
    /// A source: one `tap` or `serve` process. As text `t` and digits, like `t13`.
    SourceId, 't', "source", "t13";
    /// A session. As text `s` and digits, like `s21a`.
    SessionId, 's', "session", "s21a";
    /// An exchange. As text `x` and digits, like `x34g7`.
    ExchangeId, 'x', "exchange", "x34g7";
    /// A message. As text `m` and digits, like `m34g7`.
    MessageId, 'm', "message", "m34g7";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_order_is_numeric_order(a in 0..i64::MAX, b in 0..i64::MAX, shift in 0u32..63) {
            for (a, b) in [(a, b), (a >> shift, b >> shift), (a >> shift, b)] {
                let texts = ExchangeId(a).to_string().cmp(&ExchangeId(b).to_string());
                prop_assert_eq!(texts, a.cmp(&b));
            }
        }

        #[test]
        fn an_id_reads_back_from_its_text(a in 0..i64::MAX, shift in 0u32..63) {
            let id = SessionId(a >> shift);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        }
    }

    #[test]
    fn a_text_that_is_no_id_is_refused() {
        for text in ["", "s", "s1", "s12a", "s201", "x11", "s1u", "s1é", "sdzzzzzzzzzzzzz", "s11 ", "11"] {
            assert!(text.parse::<SessionId>().is_err(), "{text:?} is taken for a session");
        }
        assert_eq!("s1l".parse(), Ok(SessionId(1)));
    }

    #[test]
    fn small_numbers_are_short() {
        assert_eq!(SourceId(1).to_string(), "t11");
        assert_eq!(ExchangeId(1_000_000).to_string(), "x4ygj0");
        assert_eq!(MessageId(i64::MAX).to_string(), "md7zzzzzzzzzzzz");
    }
}
