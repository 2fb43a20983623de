//! Check 3: tool schemas are valid and small enough.

use tapgate_wire::record::Offered;
use tapgate_wire::rule::Side;

use super::{Budgets, Check, Session, Sizes, Verdict, items, newest, tools};
use crate::unit::{self, counted};

pub(super) fn check(sessions: &[Session<'_>], budgets: &Budgets) -> Check {
    let lists = sessions.iter().filter_map(|session| newest(session, Offered::Tools));
    let largest = lists.map(items).max_by_key(|items| items.iter().map(|(_, bytes)| bytes).sum::<u64>());
    let (verdict, why, side) = match largest {
        None => (Verdict::Unknown, "No list of tools was seen.".to_owned(), None),
        Some(_) if tools::is_unread(sessions) => {
            (Verdict::Unknown, "The list of tools holds what cannot be read.".to_owned(), Some(Side::Server))
        }
        Some(listed) => {
            let over: Vec<_> = heavy(&listed, budgets).into_iter().chain(weigh(sessions, budgets)).collect();
            let verdict = over.iter().map(|(verdict, _)| *verdict).max().unwrap_or(Verdict::Pass);
            let total: u64 = listed.iter().map(|(_, bytes)| bytes).sum();
            let size =
                format!("{} {}.", counted(listed.len() as u64, "tool is", "tools are"), unit::size(total));
            let told: Vec<String> =
                std::iter::once(size).chain(over.into_iter().map(|(_, why)| why)).collect();
            (verdict, told.join(" "), (verdict > Verdict::Pass).then_some(Side::Server))
        }
    };
    let next = "Shorten descriptions, share schemas, or offer fewer tools.";
    Check {
        name: "schemas",
        title: "tool schemas are valid and small enough",
        verdict,
        why,
        side,
        next: (verdict == Verdict::Fail).then(|| next.to_owned()),
    }
}

/// The budgets in bytes that tools are over.
fn heavy(listed: &[(String, u64)], budgets: &Budgets) -> Vec<(Verdict, String)> {
    let total: u64 = listed.iter().map(|(_, bytes)| bytes).sum();
    let more = |most| format!("Together they are more than {}.", unit::size(most));
    let mut over = Vec::new();
    if total > budgets.fail {
        over.push((Verdict::Fail, more(budgets.fail)));
    } else if total > budgets.warn {
        over.push((Verdict::Warn, more(budgets.warn)));
    }
    let heaviest = listed.iter().max_by_key(|(_, bytes)| *bytes);
    if let Some((name, bytes)) = heaviest.filter(|(_, bytes)| *bytes > budgets.tool) {
        let (size, most) = (unit::size(*bytes), unit::size(budgets.tool));
        over.push((Verdict::Warn, format!("{name} alone is {size}, more than {most}.")));
    }
    over
}

/// The budgets in tokens, if there are some, that tools are over.
fn weigh(sessions: &[Session<'_>], budgets: &Budgets) -> Vec<(Verdict, String)> {
    let Some(budgets) = budgets.tokens else { return Vec::new() };
    let Some(sizes) = Sizes::of(sessions, Some(budgets.tokenizer)) else { return Vec::new() };
    let (total, name) = (sizes.total.tokens, budgets.tokenizer.name);
    let more = |most: u64| format!("Together they are {total} tokens ({name}), more than {most}.");
    let mut over = Vec::new();
    if total > budgets.fail {
        over.push((Verdict::Fail, more(budgets.fail)));
    } else if total > budgets.warn {
        over.push((Verdict::Warn, more(budgets.warn)));
    }
    if let Some(tool) = sizes.tools.iter().find(|tool| tool.size.tokens > budgets.tool) {
        let (tool, tokens, most) = (&tool.tool, tool.size.tokens, budgets.tool);
        over.push((Verdict::Warn, format!("{tool} alone is {tokens} tokens ({name}), more than {most}.")));
    }
    over
}
