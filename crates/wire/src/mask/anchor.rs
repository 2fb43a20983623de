//! The one pass over raw bytes that tells where to look closer, or that there is nothing to look at.

use std::sync::LazyLock;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind, StartKind};

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
    automaton: DFA,
    start: StateID,
    meanings: Vec<Anchor>,
    at_runs: Vec<(&'static Rule, &'static str)>,
}

impl Anchors {
    /// Whether `text` holds any anchor.
    pub(super) fn any(&self, text: &[u8]) -> bool {
        self.next(text, 0, self.start).is_some()
    }

    /// Tells `on` the anchors in `text` in order of their ends, overlapping ones included.
    pub(super) fn each(&self, text: &[u8], mut on: impl FnMut(Stop)) {
        let mut from = (0, self.start);
        while let Some((end, state)) = self.next(text, from.0, from.1) {
            self.tell(state, end, &mut on);
            from = (end, state);
        }
    }

    /// The end of the next match behind `at`, and the state there. Apart, so that the loop stays in registers.
    #[inline(never)]
    fn next(&self, text: &[u8], at: usize, state: StateID) -> Option<(usize, StateID)> {
        let mut state = state;
        let n = text.get(at..)?.iter().position(|byte| {
            state = self.automaton.next_state(Anchored::No, state, *byte);
            // Without a prefilter only matches are special, and the first test alone is one comparison.
            self.automaton.is_special(state) && self.automaton.is_match(state)
        })?;
        Some((at + n + 1, state))
    }

    fn tell(&self, state: StateID, end: usize, on: &mut impl FnMut(Stop)) {
        for n in 0..self.automaton.match_len(state) {
            let pattern = self.automaton.match_pattern(state, n);
            if let Some(&anchor) = self.meanings.get(pattern.as_usize()) {
                let start = end - self.automaton.pattern_len(pattern);
                on(Stop { start, end, anchor });
            }
        }
    }

    /// The rules to try at long runs, with their prefixes.
    pub(super) fn at_runs(&self) -> impl Iterator<Item = (&'static Rule, &'static str)> + '_ {
        self.at_runs.iter().copied()
    }

    fn build() -> Self {
        let mut patterns: Vec<&str> = Vec::new();
        let mut meanings = Vec::new();
        let mut at_runs = Vec::new();
        let mut add = |pattern, anchor| {
            patterns.push(pattern);
            meanings.push(anchor);
        };
        for rule in &RULES.shapes {
            for prefix in &rule.prefixes {
                if prefix.len() < MIN_PREFIX {
                    at_runs.push((rule, prefix.as_str()));
                } else {
                    add(prefix, Anchor::Rule(rule, prefix));
                }
            }
        }
        for word in WORDS {
            add(word, Anchor::Word);
        }
        for scheme in ["bearer ", "basic ", "dpop ", "token "] {
            add(scheme, Anchor::Scheme);
        }
        add("://", Anchor::Url);
        add("-----BEGIN ", Anchor::PemBegin);
        add("-----END ", Anchor::PemEnd);
        add("eyJ", Anchor::Jwt);
        add("grant_type=", Anchor::Form);
        let built = DFA::builder()
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .ascii_case_insensitive(true)
            .prefilter(false)
            .build(patterns);
        #[expect(clippy::expect_used, reason = "a few hundred literals of the binary; a test builds it")]
        let automaton = built.expect("the literals fit an automaton");
        #[expect(clippy::expect_used, reason = "it was built for unanchored searches")]
        let start = automaton.start_state(Anchored::No).expect("an unanchored search begins somewhere");
        Self { automaton, start, meanings, at_runs }
    }
}
