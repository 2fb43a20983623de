//! Checks 4 and 5: input is masked before anything is stored, and output is summarised when it may contain secrets.

use tapgate_wire::rule::Side;

use super::{Check, Session, Stored, Verdict};
use crate::unit::counted;

pub(super) fn input(sessions: &[Session<'_>]) -> Check {
    let stored = sum(sessions);
    let (verdict, why) = match stored {
        Stored { n_inputs: 0, .. } => (Verdict::Unknown, "No input was recorded.".to_owned()),
        Stored { n_full_inputs: 0, n_inputs, n_masked, .. } => {
            let masked =
                if n_masked == 0 { "no secret".to_owned() } else { counted(n_masked, "secret", "secrets") };
            let searched = counted(n_inputs, "message was", "messages were");
            (Verdict::Pass, format!("{searched} searched before they were stored; {masked} in them."))
        }
        Stored { n_full_inputs, .. } => {
            let stored = counted(n_full_inputs, "message is", "messages are");
            (Verdict::Fail, format!("{stored} stored as they came, because of `--full`."))
        }
    };
    finish("input", "tool input is masked before it is stored", verdict, why)
}

pub(super) fn output(sessions: &[Session<'_>]) -> Check {
    let stored = sum(sessions);
    let (verdict, why) = match stored {
        Stored { n_outputs: 0, .. } => (Verdict::Unknown, "No output was recorded.".to_owned()),
        Stored { n_full_outputs: 0, n_outputs, n_summaries, n_masked_outputs, .. } => {
            let searched = counted(n_outputs, "answer was", "answers were");
            let summaries = counted(n_summaries, "is stored as a summary", "are stored as summaries");
            (
                Verdict::Pass,
                format!("{searched} searched: {summaries}, {n_masked_outputs} with secrets masked."),
            )
        }
        Stored { n_full_outputs, .. } => {
            let stored = counted(n_full_outputs, "answer is", "answers are");
            (Verdict::Fail, format!("{stored} stored as they came, because of `--full`."))
        }
    };
    finish("output", "tool output is summarised when it may hold secrets", verdict, why)
}

fn finish(name: &'static str, title: &'static str, verdict: Verdict, why: String) -> Check {
    let is_full = verdict == Verdict::Fail;
    let next = "Record without `--full`, and delete this capture: `tapgate prune --help`.".to_owned();
    Check { name, title, verdict, why, side: is_full.then_some(Side::Tapgate), next: is_full.then_some(next) }
}

fn sum(sessions: &[Session<'_>]) -> Stored {
    let mut all = Stored::default();
    for Session { stored, .. } in sessions {
        all.n_inputs += stored.n_inputs;
        all.n_full_inputs += stored.n_full_inputs;
        all.n_masked += stored.n_masked;
        all.n_outputs += stored.n_outputs;
        all.n_full_outputs += stored.n_full_outputs;
        all.n_summaries += stored.n_summaries;
        all.n_masked_outputs += stored.n_masked_outputs;
    }
    all
}
