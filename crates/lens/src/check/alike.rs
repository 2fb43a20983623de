//! Findings that say the same, for reports that are compared with those of other runs.

use std::collections::HashMap;

use tapgate_store::FindingRow;

use super::{MAX_NAMED, Report};

impl Report {
    /// The findings that say the same of the same in the same revision, together; in order.
    pub(super) fn alike(&self) -> Vec<Vec<&FindingRow>> {
        let same = |finding: &FindingRow| {
            (finding.rule.clone(), finding.subject.clone(), finding.revision.clone(), finding.side)
        };
        let mut places = HashMap::new();
        let mut alike: Vec<Vec<&FindingRow>> = Vec::new();
        for finding in &self.findings {
            let at = *places.entry(same(finding)).or_insert(alike.len());
            match alike.get_mut(at) {
                Some(others) => others.push(finding),
                None => alike.push(vec![finding]),
            }
        }
        alike
    }
}

/// What a finding is about, without anything that is another in each run: `header.missing of Mcp-Method in 2026-07-28`.
pub(super) fn stable(finding: &FindingRow) -> String {
    let about = if finding.subject.is_empty() { String::new() } else { format!(" of {}", finding.subject) };
    let revision = finding.revision.as_ref().map(|revision| format!(" in {revision}")).unwrap_or_default();
    format!("{}{about}{revision} ({})", finding.rule, finding.side.word())
}

/// Where findings alike are, the first of them by their ids.
pub(super) fn places(alike: &[&FindingRow]) -> String {
    let place = |finding: &&FindingRow| {
        finding.exchange.map_or_else(|| finding.session.to_string(), |id| id.to_string())
    };
    let first: Vec<String> = alike.iter().take(MAX_NAMED).map(place).collect();
    let more = alike.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", first.join(", "))
}
