//! Base64 and hexadecimal digits.

use super::decoded::hex;

/// The alphabets of RFC 4648.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base64 {
    /// Section 4, with `+` and `/`.
    Standard,
    /// Section 5, with `-` and `_`.
    Url,
}

/// The hexadecimal digits of `value`.
pub(super) fn hex_of(value: &[u8], upper: bool) -> Vec<u8> {
    let text: String =
        value.iter().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect();
    text.into_bytes()
}

/// The base64 digits that `value` alone determines when `shift` bytes stand before it in a group of three.
pub(super) fn base64_core(value: &[u8], shift: usize, alphabet: Base64) -> Vec<u8> {
    let bit = |at: usize| {
        let byte = at.checked_sub(shift * 8).and_then(|at| value.get(at / 8));
        byte.map(|byte| byte >> (7 - at % 8) & 1)
    };
    let first = (shift * 8).div_ceil(6);
    let last = (shift + value.len()) * 8 / 6;
    (first..last)
        .map(|digit| {
            let bits = (0..6).filter_map(|n| bit(digit * 6 + n));
            base64_digit(bits.fold(0, |value, bit| value << 1 | bit), alphabet)
        })
        .collect()
}

fn base64_digit(value: u8, alphabet: Base64) -> u8 {
    match (value, alphabet) {
        (0..26, _) => b'A' + value,
        (26..52, _) => b'a' + value - 26,
        (52..62, _) => b'0' + value - 52,
        (62, Base64::Standard) => b'+',
        (62, Base64::Url) => b'-',
        (_, Base64::Standard) => b'/',
        (_, Base64::Url) => b'_',
    }
}

/// What a digit of either alphabet stands for.
pub(super) fn base64_value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Decodes base64 of either alphabet up to `max` bytes; line ends are skipped, padding and a rest of bits end it.
pub(super) fn base64_decode(digits: &[u8], max: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(max.min(digits.len() / 4 * 3 + 3));
    let (mut bits, mut n_bits) = (0_u32, 0_u32);
    for &digit in digits {
        let Some(value) = base64_value(digit) else {
            if matches!(digit, b'\r' | b'\n') {
                continue;
            }
            break;
        };
        bits = bits << 6 | u32::from(value);
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            out.push((bits >> n_bits) as u8);
            if out.len() >= max {
                break;
            }
        }
    }
    out
}

/// Decodes pairs of hexadecimal digits, `None` when there is anything else.
pub(super) fn hex_decode(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    pairs.iter().map(|[high, low]| Some(hex(*high)? << 4 | hex(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_of_base64_is_the_same_wherever_the_value_stands() {
        let value = b"a planted value?>";
        for shift in 0..9 {
            for alphabet in [Base64::Standard, Base64::Url] {
                let whole = [&b"123456789"[..shift], value, b"tail"].concat();
                let encoded = base64_core(&whole, 0, alphabet);
                let core = base64_core(value, shift % 3, alphabet);
                assert!(memchr::memmem::find(&encoded, &core).is_some(), "{shift} {alphabet:?}");
                assert!(whole.starts_with(&base64_decode(&encoded, 26)));
            }
        }
    }
}
