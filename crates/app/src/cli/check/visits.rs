//! The visits that a check makes, and what of them a report is told.

use std::time::Duration;

use tapgate_lens::check::Visited;
use tapgate_wire::revision::Revision;

use super::Args;
use super::capture::{Capture, recorded_by};
use crate::cli::tap::header;
use crate::look::Look;
use crate::play::visit::{CUT, Outcome, Visit, Visits};
use crate::play::{self, Server, UNREADABLE};
use crate::problem::Problem;

impl Args {
    /// Visits the server in each revision and gives what was recorded of it.
    pub(super) fn visit(&self, server: &Server) -> Result<(Vec<Capture>, Vec<Visit>), Problem> {
        server.check()?;
        if matches!(server, Server::Command(_)) && !self.headers.is_empty() {
            return Err(Problem::usage(
                "tap.bad-header",
                "--header goes with requests to a URL, and this server is a command",
                "give the command its secrets in its environment",
            ));
        }
        let revisions = if self.revisions.is_empty() { Revision::ALL } else { self.revisions.as_slice() };
        let headers = header::read(&self.headers)?;
        let mut visits = Visits::new(server, &headers, Duration::from_secs(self.patience.unwrap_or(30)));
        // The newest first: what it tells of a server is the most.
        for (at, revision) in revisions.iter().rev().enumerate() {
            if let Some(why) = visits.enough() {
                visits.leave_out(*revision, why);
                continue;
            }
            let visit = visits.visit(*revision).map_err(|error| play::cannot_start(&error))?;
            if let (0, Outcome::Unreachable(why)) = (at, &visit.outcome) {
                return Err(play::unreachable(server, why));
            }
        }
        let mut visits = visits.done();
        let look = Look::open()?;
        let mut captures = Vec::new();
        let is_spoken = visits.iter().any(|visit| matches!(visit.outcome, Outcome::Spoke(_)));
        for visit in visits.iter_mut().filter(|visit| !matches!(visit.outcome, Outcome::LeftOut(_))) {
            let mut recorded = recorded_by(&look, visit)?;
            visit.troubles.extend(unjudged(&recorded, visit));
            for capture in &mut recorded {
                capture.forgive();
                if visit.troubles.iter().any(|trouble| trouble.starts_with(CUT)) {
                    // It was ours to cut.
                    capture.findings.retain(|finding| finding.rule != "frame.cut-short");
                }
                if visit.troubles.iter().any(|trouble| trouble.ends_with(UNREADABLE)) {
                    // The visit ended because of that, and not because of a revision.
                    capture.findings.retain(|finding| finding.rule != "handshake.revision-refused");
                }
                if is_spoken && matches!(visit.outcome, Outcome::Refused(_)) {
                    // A server may refuse a revision in its own way, as long as it speaks another one.
                    capture.findings.clear();
                }
            }
            captures.extend(recorded);
        }
        Ok((captures, visits))
    }
}

/// What came of a visit, for a report; whether any of them `is_spoken`.
pub(super) fn told(visit: &Visit, is_spoken: bool) -> Visited {
    let revision = visit.revision.as_str();
    let (outcome, mut why) = match &visit.outcome {
        Outcome::Spoke(agreed) if agreed == revision => ("spoken", String::new()),
        Outcome::Spoke(agreed) => ("answered", format!("with {agreed}")),
        Outcome::Refused(why) => ("refused", why.clone()),
        Outcome::Unreachable(why) => ("unreachable", why.clone()),
        Outcome::Silent => ("silent", String::new()),
        Outcome::Over => ("gone", String::new()),
        Outcome::LeftOut(why) => ("left out", (*why).to_owned()),
    };
    for trouble in &visit.troubles {
        why.push_str(if why.is_empty() { "" } else { "; " });
        why.push_str(trouble);
    }
    // A server need not answer the greeting of one revision, as long as it speaks another one.
    let is_unknown = is_spoken && matches!(visit.outcome, Outcome::Silent | Outcome::Over);
    let is_left_out = matches!(visit.outcome, Outcome::LeftOut(_));
    let is_odd = visit.troubles.iter().any(|trouble| !is_unknown || trouble.starts_with(CUT));
    Visited { revision, outcome, why, is_odd: is_odd || is_left_out }
}

/// What of a visit came and was not judged, in words.
fn unjudged(recorded: &[Capture], visit: &Visit) -> Vec<String> {
    let lost = recorded.iter().filter_map(|capture| capture.source.as_ref()).map(|source| source.lost_bytes);
    let mut troubles = Vec::new();
    let is_cut = visit.troubles.iter().any(|trouble| trouble.starts_with(CUT));
    if let Some(lost) = lost.max().filter(|lost| *lost > 0 && !is_cut) {
        troubles
            .push(format!("{lost} bytes came faster than they could be recorded, and nobody judged them"));
    }
    if visit.lists.contains(&"tools/list") && !recorded.iter().any(Capture::has_tools) {
        troubles
            .push("the list of tools came and was not judged: it is too large, or came too fast".to_owned());
    }
    troubles
}
