//! Check 6: latency, retries and errors are visible per call.

use tapgate_store::{ExchangeRow, FindingRow};
use tapgate_wire::record::Status;
use tapgate_wire::rule::Side;

use super::{Check, Session, Verdict, verdict_of, worst};
use crate::unit::{self, counted};

/// Families that are about time and what is tried again.
const FAMILIES: &[&str] = &["timing", "retry", "track"];

pub(super) fn check(sessions: &[Session<'_>], findings: &[FindingRow]) -> Check {
    let finish = |verdict, why, side, next: Option<&str>| Check {
        name: "visible",
        title: "latency, retries and errors are visible per call",
        verdict,
        why,
        side,
        next: next.map(str::to_owned),
    };
    let is_call = |exchange: &&ExchangeRow| !exchange.method.starts_with("http/");
    let calls: Vec<_> = sessions.iter().flat_map(|session| session.exchanges).filter(is_call).collect();
    if calls.is_empty() {
        return finish(Verdict::Unknown, "No call was recorded.".to_owned(), None, None);
    }
    let n_lost: u64 = sessions
        .iter()
        .filter_map(|session| session.source)
        .map(|source| source.lost_bytes + source.lost_records)
        .sum();
    let n_unknown = calls.iter().filter(|exchange| exchange.status == Status::Unknown).count();
    if n_lost > 0 || n_unknown > 0 {
        let why = format!("Parts of the traffic were not recorded; {n_unknown} calls ended unseen.");
        let next = "Record again while the machine has less to do; traffic itself was not touched.";
        return finish(Verdict::Warn, why, Some(Side::Tapgate), Some(next));
    }
    let n_errors =
        calls.iter().filter(|exchange| matches!(exchange.status, Status::Error | Status::ToolError)).count();
    let n_open = calls.iter().filter(|exchange| exchange.status == Status::Pending).count();
    let n_retries: u32 = calls.iter().map(|exchange| exchange.n_retries).sum();
    let mut spans: Vec<i64> =
        calls.iter().filter_map(|exchange| Some(exchange.closed? - exchange.opened)).collect();
    spans.sort_unstable();
    let rank = (spans.len() * 95).div_ceil(100).max(1) - 1;
    let p95 = spans.get(rank).map_or_else(|| "unknown".to_owned(), |span| unit::span(*span));
    let facts = format!(
        "{}, p95 {p95}, {}, {}, {n_open} still open.",
        counted(calls.len() as u64, "call", "calls"),
        counted(n_errors as u64, "error", "errors"),
        counted(u64::from(n_retries), "retry", "retries"),
    );
    match worst(findings, FAMILIES) {
        Some(finding) if verdict_of(finding) > Verdict::Pass => {
            finish(Verdict::Warn, format!("{facts} {}", finding.text), Some(finding.side), None)
        }
        _ => finish(Verdict::Pass, facts, None, None),
    }
}
