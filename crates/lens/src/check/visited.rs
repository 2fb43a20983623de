//! The visits that were made for a report, and what they did not see.

use serde_json::{Value as Json, json};
use tapgate_wire::rule::Side;

use super::{Report, Verdict};
use crate::page::{Block, Note, Tone};

/// What came of a visit that was made for a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visited {
    /// The revision that was offered.
    pub revision: &'static str,
    /// How it ended: `spoken`, `answered` (with another revision), `refused`, `unreachable`, `silent`, `gone`, or `left
    /// out`.
    pub outcome: &'static str,
    /// More about it, or nothing.
    pub why: String,
    /// Whether something kept it from seeing all.
    pub is_odd: bool,
}

impl Visited {
    pub(super) fn block(&self) -> Block {
        let tone = match self.outcome {
            _ if self.is_odd => Tone::Bad,
            "spoken" => Tone::Good,
            "answered" | "refused" => Tone::Usual,
            _ => Tone::Odd,
        };
        let why = if self.why.is_empty() { String::new() } else { format!(" ({})", self.why) };
        Block::Note(Note::new(tone, "", format!("{}: {}{why}", self.revision, self.outcome)))
    }

    pub(super) fn json(&self) -> Json {
        json!({ "revision": self.revision, "outcome": self.outcome, "why": self.why })
    }
}

impl Report {
    /// Doubts what rests on visits that did not see all: their calls are not as they should be.
    pub fn doubt(&mut self) {
        self.doubt_handshake();
        let odd = self.visits.iter().find(|visit| visit.is_odd);
        let check = self.checks.iter_mut().find(|check| check.name == "visible");
        let (Some(visit), Some(check)) = (odd, check) else { return };
        check.verdict = Verdict::Fail;
        check.side = Some(Side::Server);
        check.why = format!("{} In {}: {}.", check.why, visit.revision, visit.why);
        check.next = Some("See what it said: `tapgate calls source:check`.".to_owned());
    }

    /// Says why no revision was spoken as the visits know it: in a recording an end of theirs looks like one of the server.
    fn doubt_handshake(&mut self) {
        if self.visits.iter().any(|visit| matches!(visit.outcome, "spoken" | "answered")) {
            return;
        }
        let is_unheard =
            |visit: &&Visited| visit.outcome == "silent" || visit.outcome == "refused" && visit.is_odd;
        let silent = self.visits.iter().find(is_unheard);
        let check = self.checks.iter_mut().find(|check| check.name == "handshake");
        let (Some(visit), Some(check)) = (silent, check) else { return };
        check.verdict = Verdict::Fail;
        check.why = format!("In {} the server does not answer: {}.", visit.revision, visit.why);
        check.side = Some(Side::Server);
        check.next = Some("See what it said: `tapgate calls source:check`.".to_owned());
    }
}
