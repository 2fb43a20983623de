//! What tracking finds odd: stable codes; the rules of the same names say what they mean.

/// Something odd about how messages belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// An answer to no request.
    UnmatchedAnswer,
    /// An answer, a cancellation or progress that several open requests could have.
    Ambiguous,
    /// An error without an id that no stream gives to a request.
    AnswerWithoutId,
    /// A second final answer.
    DuplicateAnswer,
    /// An answer after the exchange was closed.
    LateAnswer,
    /// The carrier ended properly and the answer was not in it.
    MissingAnswer,
    /// The server could not be reached or read.
    UpstreamFailed,
    /// tapgate refused the request.
    RefusedHere,
    /// A request with the id of another that is open.
    IdReused,
    /// An id or a token that is too long to be paired.
    IdTooLong,
    /// A request with the progress token of another that is open.
    TokenReused,
    /// A cancellation of no request.
    CancelUnknown,
    /// A cancellation of `initialize`.
    CancelInitialize,
    /// A cancellation of a request that became a task.
    CancelTask,
    /// Progress with a token that no request gave.
    ProgressUnknownToken,
    /// Progress after the final answer.
    ProgressLate,
    /// Progress that does not grow.
    ProgressNotIncreasing,
    /// A retry that shows a `requestState` that no open exchange gave.
    StateUnknown,
    /// A retry that several open exchanges could have asked for.
    StateAmbiguous,
    /// An exchange that was given up to keep memory bounded.
    Forgotten,
}

/// Each oddity with its stable public name.
pub const ODDITIES: &[(Oddity, &str)] = &[
    (Oddity::UnmatchedAnswer, "track.unmatched-answer"),
    (Oddity::Ambiguous, "track.ambiguous"),
    (Oddity::AnswerWithoutId, "track.answer-without-id"),
    (Oddity::DuplicateAnswer, "track.duplicate-answer"),
    (Oddity::LateAnswer, "track.late-answer"),
    (Oddity::MissingAnswer, "track.missing-answer"),
    (Oddity::UpstreamFailed, "track.upstream-failed"),
    (Oddity::RefusedHere, "track.refused-here"),
    (Oddity::IdReused, "track.id-reused"),
    (Oddity::IdTooLong, "track.id-too-long"),
    (Oddity::TokenReused, "track.token-reused"),
    (Oddity::CancelUnknown, "track.cancel-unknown"),
    (Oddity::CancelInitialize, "track.cancel-initialize"),
    (Oddity::CancelTask, "track.cancel-task"),
    (Oddity::ProgressUnknownToken, "track.progress-unknown-token"),
    (Oddity::ProgressLate, "track.progress-late"),
    (Oddity::ProgressNotIncreasing, "track.progress-not-increasing"),
    (Oddity::StateUnknown, "track.state-unknown"),
    (Oddity::StateAmbiguous, "track.state-ambiguous"),
    (Oddity::Forgotten, "track.forgotten"),
];

impl Oddity {
    /// The finding with this public name.
    pub fn from_code(code: &str) -> Option<Self> {
        ODDITIES.iter().find(|row| row.1 == code).map(|row| row.0)
    }

    /// The stable public name.
    pub fn code(self) -> &'static str {
        ODDITIES.iter().find(|row| row.0 == self).map_or("track.unknown", |row| row.1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ODDITIES, Oddity};

    #[test]
    fn every_code_is_its_own() {
        let codes: BTreeSet<_> = ODDITIES.iter().map(|row| row.1).collect();
        assert_eq!(codes.len(), ODDITIES.len());
        for (finding, code) in ODDITIES {
            assert_eq!(finding.code(), *code);
            assert!(code.starts_with("track."), "{code}");
        }
    }

    #[test]
    fn every_finding_has_a_row() {
        // The match makes a new finding fail to compile here until somebody counts it in the table.
        let last = Oddity::Forgotten;
        assert_eq!(ODDITIES.len(), last as usize + 1);
    }
}
