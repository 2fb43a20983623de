//! What may follow from a fault that tapgate injected, and is nobody's fault then.

use tapgate_engine::fact::{self, Finding};
use tapgate_wire::{Leg, Nanos, StreamId};

/// The rule of what tapgate did on purpose.
pub(super) const RULE: &str = "injected.fault";

/// Nanoseconds after an injected fault in which what belongs to no exchange may be its result.
const AFTER_INJECTED: u64 = 1_000_000_000;

/// How the note of a fault begins that makes a client believe another session than the server has, so that everything
/// may follow from it.
const OF_SESSION: &[&str] = &["injected: lost-session", "injected: damaged-header"];

/// A fault that was injected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Injected {
    at: Nanos,
    /// The stream whose answer it hit; `None` on pipes.
    stream: Option<StreamId>,
    /// The session is another one for the client than for the server.
    is_of_session: bool,
}

impl Injected {
    /// The fault that this finding tells of, `about` being its note.
    pub(super) fn of(finding: &Finding, about: Option<&fact::Message>) -> Option<Self> {
        (finding.rule.id == RULE).then(|| Self {
            at: finding.at,
            stream: about.and_then(|message| message.stream),
            is_of_session: OF_SESSION.iter().any(|name| finding.text.starts_with(name.as_bytes())),
        })
    }

    /// Whether a finding in its session that belongs to no exchange may be its result; `about` is what was just heard.
    ///
    /// Only one answer of the server is touched. So what a client sends is as the client made it, and so is what comes
    /// on another stream.
    pub(super) fn explains(&self, finding: &Finding, about: Option<&fact::Message>) -> bool {
        if finding.at.since(self.at) >= AFTER_INJECTED {
            return false;
        }
        let Some(message) = about.filter(|message| finding.message == Some(message.n)) else { return true };
        self.is_of_session
            || match (message.stream, self.stream) {
                (Some(stream), Some(hit)) => stream == hit,
                _ => message.from == Leg::Server,
            }
    }
}
