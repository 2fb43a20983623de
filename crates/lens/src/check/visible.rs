//! Check 6: latency, retries and errors are visible per call.

use std::collections::BTreeMap;

use tapgate_store::ExchangeRow;
use tapgate_wire::record::Status;
use tapgate_wire::rule::Side;

use super::{CallBudgets, Check, Session, Verdict};
use crate::unit::{self, counted};

pub(super) fn check(sessions: &[Session<'_>], budgets: CallBudgets) -> Check {
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
        let why = format!(
            "Parts of the traffic were not recorded; {} ended unseen.",
            counted(n_unknown as u64, "call", "calls")
        );
        let next = "Record again while the machine has less to do; traffic itself was not touched.";
        return finish(Verdict::Warn, why, Some(Side::Tapgate), Some(next));
    }
    let failed: Vec<_> = calls.iter().filter(|exchange| exchange.has_failed()).collect();
    let n_lost = failed.iter().filter(|exchange| exchange.status == Status::Unanswered).count();
    let unanswered = if n_lost > 0 { format!(" ({n_lost} unanswered)") } else { String::new() };
    let n_open = calls.iter().filter(|exchange| exchange.status == Status::Pending).count();
    let n_retries: u32 = calls.iter().map(|exchange| exchange.n_retries).sum();
    let p95 = p95(calls.iter().filter_map(|call| answered(call)).collect());
    let p95 = p95.map_or_else(|| "unknown".to_owned(), unit::span);
    let facts = format!(
        "{}, p95 {p95}, {}{unanswered}, {}, {n_open} still open.",
        counted(calls.len() as u64, "call", "calls"),
        counted(failed.len() as u64, "error", "errors"),
        counted(u64::from(n_retries), "retry", "retries"),
    );
    let over = over(&calls, budgets);
    let Some((_, side)) = over.first() else { return finish(Verdict::Pass, facts, None, None) };
    let why: Vec<&str> = over.iter().map(|(why, _)| why.as_str()).collect();
    let next = "See the slowest and the largest: `tapgate stats`.";
    finish(Verdict::Fail, format!("{facts} {}", why.join(" ")), Some(*side), Some(next))
}

/// The budgets that calls are over, and by whose fault.
fn over(calls: &[&ExchangeRow], budgets: CallBudgets) -> Vec<(String, Side)> {
    let mut over = Vec::new();
    let longest = calls.iter().filter_map(|call| Some((took(call)?, *call))).max_by_key(|(took, _)| *took);
    if let (Some(most), Some((took, call))) = (budgets.duration, longest)
        && took > most
    {
        let why = format!("{} took {}, more than {}.", named(call), unit::span(took), unit::span(most));
        over.push((why, Side::Server));
    }
    if let Some(most) = budgets.p95 {
        let mut spans: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for call in calls {
            spans.entry(named(call)).or_default().extend(answered(call));
        }
        let slowest = spans.into_iter().filter_map(|(name, spans)| Some((p95(spans)?, name))).max();
        if let Some((p95, name)) = slowest.filter(|(p95, _)| *p95 > most) {
            let why = format!("The p95 of {name} is {}, more than {}.", unit::span(p95), unit::span(most));
            over.push((why, Side::Server));
        }
    }
    let repeated = calls.iter().max_by_key(|call| call.n_retries);
    if let (Some(most), Some(call)) = (budgets.retries, repeated)
        && call.n_retries > most
    {
        let why = format!("{} was repeated {} times, more than {most}.", named(call), call.n_retries);
        over.push((why, Side::Unknown));
    }
    let largest = calls.iter().filter(|call| call.method == "tools/call").max_by_key(|call| call.bytes_out);
    if let (Some(most), Some(call)) = (budgets.result, largest)
        && call.bytes_out > most
    {
        let (size, most) = (unit::size(call.bytes_out), unit::size(most));
        over.push((format!("The result of {} has {size}, more than {most}.", named(call)), Side::Server));
    }
    over
}

/// How long a call took, once it is over.
fn took(call: &ExchangeRow) -> Option<i64> {
    Some(call.closed? - call.opened)
}

/// How long a call took that was answered; one that never was has only waited.
fn answered(call: &ExchangeRow) -> Option<i64> {
    matches!(call.status, Status::Ok | Status::Error | Status::ToolError).then(|| took(call)).flatten()
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
