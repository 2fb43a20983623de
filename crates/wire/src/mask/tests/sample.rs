//! Secrets that never existed, built at run time from templates.

use super::super::alphabet::Alphabet;
use super::super::rule::{Piece, crc32_base62, pieces};

/// A planted secret: the text that holds it, and the parts of it that must not be seen again.
pub(super) struct Sample {
    pub(super) text: String,
    pub(super) parts: Vec<String>,
}

/// A generator that gives the same numbers for the same seed (`SplitMix64`).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    pub(super) fn draw(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet = Alphabet::named(alphabet).expect("a known alphabet");
        // Signs that end a sentence or pad a code may stand in a token but not everywhere in it.
        let members: Vec<char> = (0..128_u8)
            .filter(|byte| alphabet.has(*byte) && !b"=.~".contains(byte))
            .map(char::from)
            .collect();
        let mut text: String = (0..length).map(|_| members[self.below(members.len())]).collect();
        // Rules may ask for a digit and a letter; so do those who make tokens.
        if length > 8 && alphabet.has(b'7') {
            text.replace_range(2..3, "7");
        }
        text
    }
}

/// Draws what `template` describes.
pub(super) fn expand(template: &str, dice: &mut Dice) -> Sample {
    let mut sample = Sample { text: String::new(), parts: Vec::new() };
    let mut drawn = String::new();
    for (n, plain) in template.split("{crc}").enumerate() {
        if n > 0 {
            let sum = crc32_base62(drawn.as_bytes());
            sample.text.push_str(std::str::from_utf8(&sum).unwrap());
        }
        for piece in pieces(plain).unwrap_or_else(|| panic!("{template} is no template")) {
            match piece {
                Piece::Literal(literal) => sample.text.push_str(std::str::from_utf8(&literal).unwrap()),
                Piece::Run { of, min, .. } => {
                    drawn = dice.draw(name_of(of), min);
                    sample.text.push_str(&drawn);
                    if min >= 12 {
                        sample.parts.push(drawn.clone());
                    }
                }
            }
        }
    }
    sample
}

fn name_of(alphabet: &'static Alphabet) -> &'static str {
    let names = [
        "digit", "hex", "anyhex", "base32", "lower", "lowernum", "upper", "uppernum", "base62", "word",
        "dash", "url", "dotted", "base64", "token",
    ];
    names.into_iter().find(|name| std::ptr::eq(Alphabet::named(name).unwrap(), alphabet)).unwrap()
}

/// Base64 with padding.
pub(super) fn base64(bytes: &[u8], url: bool) -> String {
    use super::super::codec::{Base64, base64_core};
    let alphabet = if url { Base64::Url } else { Base64::Standard };
    let padded = [bytes, &[0; 2][..(3 - bytes.len() % 3) % 3]].concat();
    let mut text = String::from_utf8(base64_core(&padded, 0, alphabet)).unwrap();
    let n_padding = padded.len() - bytes.len();
    text.truncate(text.len() - n_padding);
    if !url {
        text.push_str(&"=".repeat(n_padding));
    }
    text
}

/// Every byte behind a percent sign.
pub(super) fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |out, byte| out + &format!("%{byte:02X}"))
}

/// Every character as `\u0041`.
pub(super) fn unicode(text: &str) -> String {
    text.encode_utf16().fold(String::new(), |out, unit| out + &format!("\\u{unit:04x}"))
}

/// A JSON string, quotes included.
pub(super) fn quoted(text: &str) -> String {
    let mut out = vec![b'"'];
    crate::json::escape_into(text.as_bytes(), &mut out);
    out.push(b'"');
    String::from_utf8(out).unwrap()
}

/// All that `secret` may look like.
pub(super) fn forms(secret: &str) -> Vec<String> {
    use super::super::codec::{Base64, base64_core, hex_of};
    let bytes = secret.as_bytes();
    let escaped = quoted(secret);
    let mut forms = vec![
        secret.to_owned(),
        escaped[1..escaped.len() - 1].to_owned(),
        percent(secret),
        unicode(secret),
        String::from_utf8(hex_of(bytes, false)).unwrap(),
        String::from_utf8(hex_of(bytes, true)).unwrap(),
    ];
    for shift in 0..3 {
        for alphabet in [Base64::Standard, Base64::Url] {
            forms.push(String::from_utf8(base64_core(bytes, shift, alphabet)).unwrap());
        }
    }
    forms
}

/// Fails if `output` shows a part of a secret, 10 bytes in a row, in any form.
pub(super) fn assert_gone(output: &str, parts: &[String], context: &str) {
    for part in parts {
        let windows = (0..part.len().saturating_sub(9)).filter_map(|at| part.get(at..at + 10));
        for form in forms(part).into_iter().chain(windows.map(str::to_owned)) {
            assert!(!output.contains(&form), "{context}: {form:?} of {part:?} is in {output}");
        }
    }
}
