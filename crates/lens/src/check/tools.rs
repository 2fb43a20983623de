//! Check 2: the server advertises the expected tools.

use std::collections::BTreeSet;

use tapgate_store::FindingRow;
use tapgate_wire::record::Offered;
use tapgate_wire::rule::Side;

use super::{Check, Expected, Session, Verdict, items, newest};
use crate::unit::counted;

pub(super) fn check(sessions: &[Session<'_>], findings: &[FindingRow], expected: &Expected) -> Check {
    let lists: Vec<_> = sessions.iter().filter_map(|session| newest(session, Offered::Tools)).collect();
    let names: BTreeSet<String> = lists.iter().flat_map(|list| items(list)).map(|(name, _)| name).collect();
    let missing: Vec<_> = expected.tools.iter().filter(|name| !names.contains(*name)).cloned().collect();
    let extra: Vec<_> = expected.no_tools.iter().filter(|name| names.contains(*name)).cloned().collect();
    let too_large = findings.iter().find(|finding| finding.rule == "frame.too-large");
    let (verdict, why, side) = if let (true, Some(large)) = (lists.is_empty(), too_large) {
        let is_asked =
            sessions.iter().any(|session| session.exchanges.iter().any(|e| e.method == "tools/list"));
        let list = if is_asked { ", most likely the list" } else { "" };
        let why = format!("An answer is larger than the 1 MiB that is read{list}: {}", large.text);
        (Verdict::Fail, why, Some(Side::Server))
    } else if is_unread(sessions) {
        (Verdict::Unknown, "The list of tools holds what cannot be read.".to_owned(), Some(Side::Server))
    } else if lists.is_empty() {
        let has_tools =
            sessions.iter().any(|session| session.exchanges.iter().any(|e| e.method == "tools/list"));
        let why = if has_tools {
            "The list of tools was asked for, and no answer to it was seen."
        } else {
            "Nobody asked for the list of tools."
        };
        let is_needed = !expected.tools.is_empty();
        (if is_needed { Verdict::Fail } else { Verdict::Unknown }, why.to_owned(), None)
    } else if !missing.is_empty() || !extra.is_empty() {
        let told = [("Missing", &missing), ("Must not be there", &extra)];
        let told = told.into_iter().filter(|(_, tools)| !tools.is_empty());
        let told: Vec<_> = told.map(|(what, tools)| format!("{what}: {}.", tools.join(", "))).collect();
        (Verdict::Fail, told.join(" "), Some(Side::Server))
    } else if names.is_empty() && !expected.may_be_empty {
        (Verdict::Fail, "The list of tools is empty.".to_owned(), Some(Side::Server))
    } else if lists.iter().any(|list| !list.whole) {
        let seen = counted(names.len() as u64, "tool was", "tools were");
        (Verdict::Warn, format!("{seen} seen, and not all pages were fetched."), Some(Side::Client))
    } else {
        (Verdict::Pass, told(&names), None)
    };
    let next = (verdict == Verdict::Fail || verdict == Verdict::Unknown && lists.is_empty())
        .then(|| "See the lists: `tapgate calls method:tools/list`.".to_owned());
    Check { name: "tools", title: "the server advertises the expected tools", verdict, why, side, next }
}

/// Whether a list of tools came and could not be read.
pub(super) fn is_unread(sessions: &[Session<'_>]) -> bool {
    let lists: Vec<_> = sessions.iter().filter_map(|session| newest(session, Offered::Tools)).collect();
    lists.iter().all(|list| items(list).iter().all(|(name, _)| name.is_empty()))
        && lists.iter().any(|list| list.items.len() > 2)
}

fn told(names: &BTreeSet<String>) -> String {
    const SHOWN: usize = 5;
    let first: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = names.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    match names.len() {
        0 => "There are no tools, and none are expected.".to_owned(),
        n => format!("{}: {}{more}.", counted(n as u64, "tool", "tools"), first.join(", ")),
    }
}
