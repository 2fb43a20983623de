//! Check 3: tool schemas are valid and small enough.

use tapgate_store::FindingRow;
use tapgate_wire::record::Offered;
use tapgate_wire::rule::Side;

use super::{Budgets, Check, Session, Sizes, Verdict, items, newest, tools, verdict_of, worst};
use crate::unit;

/// Families that are about definitions.
const FAMILIES: &[&str] = &["schema", "hidden", "result"];

pub(super) fn check(sessions: &[Session<'_>], findings: &[FindingRow], budgets: &Budgets) -> Check {
    let lists = sessions.iter().filter_map(|session| newest(session, Offered::Tools));
    let largest = lists.map(items).max_by_key(|items| items.iter().map(|(_, bytes)| bytes).sum::<u64>());
    let finish = |verdict, why: String, side, next: Option<&str>| Check {
        name: "schemas",
        title: "tool schemas are valid and small enough",
        verdict,
        why,
        side,
        next: next.map(str::to_owned),
    };
    let Some(listed) = largest else {
        return finish(Verdict::Unknown, "No list of tools was seen.".to_owned(), None, None);
    };
    if tools::is_unread(sessions) {
        let why = "The list of tools holds what cannot be read.".to_owned();
        return finish(Verdict::Unknown, why, Some(Side::Server), None);
    }
    let total: u64 = listed.iter().map(|(_, bytes)| bytes).sum();
    let heaviest = listed.iter().max_by_key(|(_, bytes)| *bytes);
    let size = format!("{} tools are {}", listed.len(), unit::size(total));
    if let Some(finding) = worst(findings, FAMILIES).filter(|finding| verdict_of(finding) == Verdict::Fail) {
        let next = "Mend what the findings below name, the gravest first.";
        return finish(Verdict::Fail, finding.text.clone(), Some(finding.side), Some(next));
    }
    if total > budgets.fail {
        let why = format!("{size}, more than {}.", unit::size(budgets.fail));
        let next = "Shorten descriptions, share schemas, or offer fewer tools.";
        return finish(Verdict::Fail, why, Some(Side::Server), Some(next));
    }
    let heavy = weigh(sessions, budgets);
    if let Some((Verdict::Fail, why)) = heavy {
        let next = "Shorten descriptions, share schemas, or offer fewer tools.";
        return finish(Verdict::Fail, why, Some(Side::Server), Some(next));
    }
    if let Some(finding) = worst(findings, FAMILIES).filter(|finding| verdict_of(finding) == Verdict::Warn) {
        return finish(Verdict::Warn, finding.text.clone(), Some(finding.side), None);
    }
    if let Some((name, bytes)) = heaviest.filter(|(_, bytes)| *bytes > budgets.tool) {
        let why = format!(
            "{size}; {name} alone is {}, more than {}.",
            unit::size(*bytes),
            unit::size(budgets.tool)
        );
        return finish(Verdict::Warn, why, Some(Side::Server), None);
    }
    if total > budgets.warn {
        let why = format!("{size}, more than {}.", unit::size(budgets.warn));
        return finish(Verdict::Warn, why, Some(Side::Server), None);
    }
    if let Some((verdict, why)) = heavy {
        return finish(verdict, why, Some(Side::Server), None);
    }
    finish(Verdict::Pass, format!("{size}."), None, None)
}

/// Holds the tools against budgets in tokens, if there are some: the verdict and why, unless they keep to them.
fn weigh(sessions: &[Session<'_>], budgets: &Budgets) -> Option<(Verdict, String)> {
    let budgets = budgets.tokens?;
    let sizes = Sizes::of(sessions, Some(budgets.tokenizer))?;
    let (total, name) = (sizes.total.tokens, budgets.tokenizer.name);
    let all =
        |most: u64| format!("{} tools are {total} tokens ({name}), more than {most}.", sizes.tools.len());
    if total > budgets.fail {
        return Some((Verdict::Fail, all(budgets.fail)));
    }
    if let Some(tool) = sizes.tools.iter().find(|tool| tool.size.tokens > budgets.tool) {
        let why = format!(
            "{} alone is {} tokens ({name}), more than {}.",
            tool.tool, tool.size.tokens, budgets.tool
        );
        return Some((Verdict::Warn, why));
    }
    (total > budgets.warn).then(|| (Verdict::Warn, all(budgets.warn)))
}
