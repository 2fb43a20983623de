//! Check 6: latency, retries and errors are visible per call.

use std::collections::BTreeMap;

use tapgate_store::{ExchangeRow, FindingRow};
use tapgate_wire::record::Status;
use tapgate_wire::rule::Side;

use super::{CallBudgets, Check, Session, Verdict, verdict_of, worst};
use crate::unit::{self, counted};

/// Families that are about time and what is tried again.
const FAMILIES: &[&str] = &["timing", "retry", "track"];

pub(super) fn check(sessions: &[Session<'_>], findings: &[FindingRow], budgets: CallBudgets) -> Check {
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
    let p95 = p95(calls.iter().filter_map(|call| took(call)).collect());
    let p95 = p95.map_or_else(|| "unknown".to_owned(), unit::span);
    let facts = format!(
        "{}, p95 {p95}, {}, {}, {n_open} still open.",
        counted(calls.len() as u64, "call", "calls"),
        counted(n_errors as u64, "error", "errors"),
        counted(u64::from(n_retries), "retry", "retries"),
    );
    if let Some((why, side)) = over(&calls, budgets) {
        let next = "See the slowest and the largest: `tapgate stats`.";
        return finish(Verdict::Fail, format!("{facts} {why}"), Some(side), Some(next));
    }
    match worst(findings, FAMILIES) {
        Some(finding) if verdict_of(finding) > Verdict::Pass => {
            finish(Verdict::Warn, format!("{facts} {}", finding.text), Some(finding.side), None)
        }
        _ => finish(Verdict::Pass, facts, None, None),
    }
}

/// The first budget that calls are over, and by whose fault.
fn over(calls: &[&ExchangeRow], budgets: CallBudgets) -> Option<(String, Side)> {
    let longest = calls.iter().filter_map(|call| Some((took(call)?, *call))).max_by_key(|(took, _)| *took);
    if let (Some(most), Some((took, call))) = (budgets.duration, longest)
        && took > most
    {
        let why = format!("{} took {}, more than {}.", named(call), unit::span(took), unit::span(most));
        return Some((why, Side::Server));
    }
    if let Some(most) = budgets.p95 {
        let mut spans: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for call in calls {
            spans.entry(named(call)).or_default().extend(took(call));
        }
        let slowest = spans.into_iter().filter_map(|(name, spans)| Some((p95(spans)?, name))).max();
        if let Some((p95, name)) = slowest.filter(|(p95, _)| *p95 > most) {
            let why = format!("The p95 of {name} is {}, more than {}.", unit::span(p95), unit::span(most));
            return Some((why, Side::Server));
        }
    }
    let repeated = calls.iter().max_by_key(|call| call.n_retries);
    if let (Some(most), Some(call)) = (budgets.retries, repeated)
        && call.n_retries > most
    {
        let why = format!("{} was repeated {} times, more than {most}.", named(call), call.n_retries);
        return Some((why, Side::Unknown));
    }
    let largest = calls.iter().filter(|call| call.method == "tools/call").max_by_key(|call| call.bytes_out);
    if let (Some(most), Some(call)) = (budgets.result, largest)
        && call.bytes_out > most
    {
        let (size, most) = (unit::size(call.bytes_out), unit::size(most));
        return Some((format!("The result of {} has {size}, more than {most}.", named(call)), Side::Server));
    }
    None
}

/// How long a call took, once it is over.
fn took(call: &ExchangeRow) -> Option<i64> {
    Some(call.closed? - call.opened)
}

/// The span within which 95 of 100 are.
fn p95(mut spans: Vec<i64>) -> Option<i64> {
    spans.sort_unstable();
    let rank = (spans.len() * 95).div_ceil(100).max(1) - 1;
    spans.get(rank).copied()
}

fn named(call: &ExchangeRow) -> String {
    let target = call.target.as_ref().map(|target| format!(" `{target}`")).unwrap_or_default();
    format!("{}{target}", call.method)
}
