//! The one pass over raw bytes that tells where to look closer, or that there is nothing to look at.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::rule::{RULES, Rule};

/// All anchors, built once in a process.
pub(super) static ANCHORS: LazyLock<Anchors> = LazyLock::new(Anchors::build);

/// A shorter prefix would stop the pass everywhere.
const MIN_PREFIX: usize = 3;

/// Every name that [`super::key`] knows holds one of these.
const WORDS: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "cred",
    "authoriz",
    "auth\"",
    "auth'",
    "auth=",
    "auth:",
    "cookie",
    "jwt",
    "bearer",
    "sess",
    "verifier",
    "assertion",
    "device_code",
    "devicecode",
    "dsn",
    "otp",
    "mnemonic",
    "conn",
];

/// What stands at a place that a pass stops at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    /// A prefix of a rule.
    Rule(&'static Rule, &'static str),
    /// A word that names of secrets hold.
    Word,
    /// `://`.
    Url,
    /// `-----BEGIN `.
    PemBegin,
    /// `-----END `.
    PemEnd,
    /// `eyJ`, how base64 of a JSON object begins.
    Jwt,
    /// An authentication scheme and a blank.
    Scheme,
    /// `grant_type=`, so a form of OAuth.
    Form,
}

/// A place that a pass stops at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    /// Offset of its first byte.
    pub(super) start: usize,
    /// Offset behind its last byte.
    pub(super) end: usize,
    /// What stands there.
    pub(super) anchor: Anchor,
}

/// The automaton over all anchors, and the rules that it does not know.
#[derive(Debug)]
pub(super) struct Anchors {
    automaton: AhoCorasick,
    anchors: Vec<Anchor>,
    at_runs: Vec<(&'static Rule, &'static str)>,
}

impl Anchors {
    /// Whether `text` holds any anchor.
    pub(super) fn any(&self, text: &[u8]) -> bool {
        self.automaton.is_match(text)
    }

    /// The anchors in `text` in order of their ends, overlapping ones included.
    pub(super) fn stops<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Stop> + 'a {
        self.automaton.find_overlapping_iter(text).filter_map(|found| {
            let anchor = *self.anchors.get(found.pattern().as_usize())?;
            Some(Stop {
                start: found.start(),
                end: found.end(),
                anchor,
            })
        })
    }

    /// The rules to try at long runs, with their prefixes.
    pub(super) fn at_runs(&self) -> impl Iterator<Item = (&'static Rule, &'static str)> + '_ {
        self.at_runs.iter().copied()
    }

    fn build() -> Self {
        let mut patterns: Vec<&str> = Vec::new();
        let mut anchors = Vec::new();
        let mut at_runs = Vec::new();
        let mut add = |pattern, anchor| {
            patterns.push(pattern);
            anchors.push(anchor);
        };
        for rule in RULES.shapes.iter() {
            for prefix in &rule.prefixes {
                if prefix.len() < MIN_PREFIX {
                    at_runs.push((rule, prefix.as_str()));
                } else {
                    add(prefix, Anchor::Rule(rule, prefix));
                }
            }
        }
        WORDS.iter().for_each(|word| add(word, Anchor::Word));
        ["bearer ", "basic ", "dpop ", "token "]
            .iter()
            .for_each(|scheme| add(scheme, Anchor::Scheme));
        add("://", Anchor::Url);
        add("-----BEGIN ", Anchor::PemBegin);
        add("-----END ", Anchor::PemEnd);
        add("eyJ", Anchor::Jwt);
        add("grant_type=", Anchor::Form);
        let built = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(patterns);
        #[expect(
            clippy::expect_used,
            reason = "a few hundred literals of the binary; a test builds it"
        )]
        let automaton = built.expect("the literals fit an automaton");
        Self {
            automaton,
            anchors,
            at_runs,
        }
    }
}
