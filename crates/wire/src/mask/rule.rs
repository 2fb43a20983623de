//! Rules: shapes of secrets as data, from `rules.toml`.

use std::ops::Range;
use std::sync::LazyLock;

use serde::Deserialize;

use super::alphabet::{Alphabet, BASE62};
use super::hit::Sure;

/// All rules, parsed once in a process.
pub(super) static RULES: LazyLock<Rules> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the binary and a test parses it")]
    parse(include_str!("rules.toml")).expect("rules.toml is valid")
});

/// What `rules.toml` says.
#[derive(Debug)]
pub(super) struct Rules {
    /// The shapes of secrets.
    pub(super) shapes: Vec<Rule>,
    /// The targets whose results are sensitive.
    pub(super) sensitive: Sensitive,
}

/// Targets whose results are stored as a summary whatever they hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sensitive {
    /// Segments of the names of tools, in lower case.
    pub(super) words: Vec<String>,
    /// Parts of paths and URIs, in lower case.
    pub(super) paths: Vec<String>,
}

/// The longest piece that an open-ended run may take, so that one run of megabytes stays cheap.
const MAX_RUN: usize = 8 * 1024;

/// One shape of secret.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the file")]
pub(super) struct Rule {
    /// What it is called in placeholders.
    pub(super) class: String,
    /// The literals that begin it.
    pub(super) prefixes: Vec<String>,
    before: Vec<Piece>,
    tail: Vec<Piece>,
    keep: bool,
    exact: bool,
    mixed: bool,
    checksum: bool,
    sure: Sure,
    #[cfg(test)]
    pub(super) entry: Entry,
}

impl Rule {
    /// Finds the secret whose prefix `prefix` stands at `at` in `text`.
    pub(super) fn find(&self, text: &[u8], at: usize, prefix: &str) -> Option<(Range<usize>, Sure)> {
        let behind = at + prefix.len();
        if text.get(at..behind)? != prefix.as_bytes() {
            return None;
        }
        let start = match_back(&self.before, text, at)?;
        let end = behind + match_forward(&self.tail, text.get(behind..)?, self.exact)?;
        let secret = if self.keep { behind..end } else { start..end };
        let (tail, found) = (text.get(behind..end)?, text.get(secret.clone())?);
        if self.mixed && !is_mixed(found) {
            return None;
        }
        let proven = self.checksum && has_crc32(tail);
        // A checksum that fits is proof enough; else the secret must not be the middle of a word.
        if !proven && !self.keep && !self.may_begin(text, start) {
            return None;
        }
        Some((secret, self.sure))
    }
}

impl Rule {
    /// Whether a secret of this shape may begin at `start`: not in a word, nor in a longer run of its first piece.
    fn may_begin(&self, text: &[u8], start: usize) -> bool {
        let last = start.checked_sub(1).and_then(|at| text.get(at));
        match (self.before.first(), last) {
            (Some(Piece::Run { of, .. }), Some(last)) => !of.has(*last),
            _ => begins_word(text, start),
        }
    }
}

/// An entry of `rules.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(test), expect(dead_code, reason = "the examples are read by tests only"))]
pub(super) struct Entry {
    pub(super) id: String,
    class: String,
    prefixes: Vec<String>,
    tail: String,
    #[serde(default)]
    before: String,
    #[serde(default)]
    keep: bool,
    #[serde(default)]
    exact: bool,
    #[serde(default)]
    mixed: bool,
    checksum: Option<Checksum>,
    confidence: Confidence,
    pub(super) leak: Vec<String>,
    pub(super) safe: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Checksum {
    Crc32,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Confidence {
    High,
    Medium,
}

/// A part of a shape.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// These bytes.
    Literal(Vec<u8>),
    /// So many bytes of an alphabet.
    Run { of: &'static Alphabet, min: usize, max: usize },
}

/// Parses the notation of `tail` and of the examples: literals, `{alphabet:n}`, `{alphabet:min-max}`.
pub(super) fn pieces(template: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((literal, run)) = rest.split_once('{') {
        let (run, behind) = run.split_once('}')?;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.into()));
        }
        let (name, length) = run.split_once(':')?;
        let (min, max) = length.split_once('-').unwrap_or((length, length));
        pieces.push(Piece::Run {
            of: Alphabet::named(name)?,
            min: min.parse().ok()?,
            max: max.parse().ok()?,
        });
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.into()));
    }
    Some(pieces)
}

/// The last six characters of tokens in the manner of GitHub: the base62 CRC-32 of what stands before them.
pub(super) fn crc32_base62(text: &[u8]) -> [u8; 6] {
    let mut crc = !0_u32;
    for byte in text {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let mut rest = !crc;
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        let value = (rest % 62) as u8;
        *digit = match value {
            0..10 => b'0' + value,
            10..36 => b'A' + value - 10,
            _ => b'a' + value - 36,
        };
        rest /= 62;
    }
    digits
}

/// Whether a secret may begin at `at`: the byte before is no letter or digit, or it belongs to an escape (`\n`).
pub(super) fn begins_word(text: &[u8], at: usize) -> bool {
    let Some(before) = text.get(..at) else {
        return false;
    };
    match before {
        [] | [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., last] => !BASE62.has(*last),
    }
}

/// Whether `text` holds a digit and a letter and is not words glued by dashes.
pub(super) fn is_mixed(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_digit) && text.iter().any(u8::is_ascii_alphabetic)
}

fn parse(toml: &str) -> Option<Rules> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        sensitive: Sensitive,
        rule: Vec<Entry>,
    }
    let file: File = toml::from_str(toml).ok()?;
    let shapes = file.rule.into_iter().map(rule).collect::<Option<_>>()?;
    Some(Rules { shapes, sensitive: file.sensitive })
}

#[cfg_attr(
    not(test),
    expect(clippy::needless_pass_by_value, reason = "tests keep the entry for its examples")
)]
fn rule(entry: Entry) -> Option<Rule> {
    Some(Rule {
        class: entry.class.clone(),
        prefixes: entry.prefixes.clone(),
        before: pieces(&entry.before)?,
        tail: pieces(&entry.tail)?,
        keep: entry.keep,
        exact: entry.exact,
        mixed: entry.mixed,
        checksum: entry.checksum == Some(Checksum::Crc32),
        sure: match entry.confidence {
            Confidence::High => Sure::Certain,
            Confidence::Medium => Sure::Likely,
        },
        #[cfg(test)]
        entry,
    })
}

/// The length of what `pieces` match at the beginning of `text`.
fn match_forward(pieces: &[Piece], text: &[u8], exact: bool) -> Option<usize> {
    let mut at = 0;
    for (n, piece) in pieces.iter().enumerate() {
        let rest = text.get(at..)?;
        at += match piece {
            Piece::Literal(literal) => rest.starts_with(literal).then_some(literal.len())?,
            Piece::Run { of, min, max } => {
                let last = n + 1 == pieces.len();
                let bound = if last { MAX_RUN } else { *max };
                let run = rest.iter().take(bound).take_while(|byte| of.has(**byte)).count();
                if run < *min || (last && exact && run > *max) {
                    return None;
                }
                // A token that grew longer than the rule knows is a token all the same.
                run
            }
        };
    }
    Some(at)
}

/// Where what `pieces` match in front of `end` begins.
fn match_back(pieces: &[Piece], text: &[u8], end: usize) -> Option<usize> {
    let mut at = end;
    for piece in pieces.iter().rev() {
        let rest = text.get(..at)?;
        at -= match piece {
            Piece::Literal(literal) => rest.ends_with(literal).then_some(literal.len())?,
            Piece::Run { of, min, max } => {
                let run = rest.iter().rev().take(*max).take_while(|byte| of.has(**byte)).count();
                (run >= *min).then_some(run)?
            }
        };
    }
    Some(at)
}

/// Whether the last six of `tail` are the checksum of the rest.
fn has_crc32(tail: &[u8]) -> bool {
    let Some((text, sum)) = tail.split_last_chunk::<6>() else {
        return false;
    };
    crc32_base62(text) == *sum
}
