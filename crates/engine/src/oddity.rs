//! What tracking finds odd: stable codes and one sentence for each.

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
    /// The same request again after it failed.
    Retry,
    /// An exchange that was given up to keep memory bounded.
    Forgotten,
}

/// Each finding with its stable public name and what it says to people.
pub const ODDITIES: &[(Oddity, &str, &str)] = &[
    (
        Oddity::UnmatchedAnswer,
        "track.unmatched-answer",
        "An answer came that belongs to no request that is open or remembered.",
    ),
    (
        Oddity::Ambiguous,
        "track.ambiguous",
        "The message names an id without a session, and several open requests have that id.",
    ),
    (
        Oddity::AnswerWithoutId,
        "track.answer-without-id",
        "An error came without an id, so the request that it answers is unknown.",
    ),
    (Oddity::DuplicateAnswer, "track.duplicate-answer", "A request was answered more than once."),
    (Oddity::LateAnswer, "track.late-answer", "An answer came after its request was cancelled or given up."),
    (Oddity::MissingAnswer, "track.missing-answer", "The response ended as it should, without the answer."),
    (Oddity::UpstreamFailed, "track.upstream-failed", "The server could not be reached or read."),
    (Oddity::RefusedHere, "track.refused-here", "tapgate refused the request before it reached the server."),
    (
        Oddity::IdReused,
        "track.id-reused",
        "A request has the id of another that is still open, so their answers may be taken for each other.",
    ),
    (Oddity::IdTooLong, "track.id-too-long", "An id or a progress token is too long to be paired."),
    (
        Oddity::TokenReused,
        "track.token-reused",
        "A request has the progress token of another that is still open.",
    ),
    (
        Oddity::CancelUnknown,
        "track.cancel-unknown",
        "A cancellation names a request that is neither open nor remembered.",
    ),
    (
        Oddity::CancelInitialize,
        "track.cancel-initialize",
        "The handshake was cancelled, which no revision allows.",
    ),
    (
        Oddity::CancelTask,
        "track.cancel-task",
        "A request that became a task was cancelled like a call; a task is cancelled by tasks/cancel.",
    ),
    (
        Oddity::ProgressUnknownToken,
        "track.progress-unknown-token",
        "Progress names a token that no open or remembered request gave.",
    ),
    (Oddity::ProgressLate, "track.progress-late", "Progress came after its request had ended."),
    (Oddity::ProgressNotIncreasing, "track.progress-not-increasing", "Progress did not grow."),
    (
        Oddity::StateUnknown,
        "track.state-unknown",
        "A retry shows a requestState that no open exchange was given.",
    ),
    (
        Oddity::StateAmbiguous,
        "track.state-ambiguous",
        "Several open exchanges were given the same requestState, so which of them the retry continues is unknown.",
    ),
    (Oddity::Retry, "track.retry", "The request repeats one that failed shortly before."),
    (
        Oddity::Forgotten,
        "track.forgotten",
        "Too much was open at once, so this exchange was given up before it ended.",
    ),
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

    /// What it says to people, one sentence.
    pub fn text(self) -> &'static str {
        ODDITIES.iter().find(|row| row.0 == self).map_or("", |row| row.2)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ODDITIES, Oddity};

    #[test]
    fn every_code_is_its_own_and_every_text_is_a_sentence() {
        let codes: BTreeSet<_> = ODDITIES.iter().map(|row| row.1).collect();
        assert_eq!(codes.len(), ODDITIES.len());
        for (finding, code, text) in ODDITIES {
            assert_eq!(finding.code(), *code);
            assert!(code.starts_with("track."), "{code}");
            assert!(text.ends_with('.') && !text.trim_end_matches('.').contains(". "), "{text}");
        }
    }

    #[test]
    fn every_finding_has_a_row() {
        // The match makes a new finding fail to compile here until somebody counts it in the table.
        let last = Oddity::Forgotten;
        assert_eq!(ODDITIES.len(), last as usize + 1);
    }
}
