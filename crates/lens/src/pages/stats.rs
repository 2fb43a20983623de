//! Counts and latencies per server and call.

use std::collections::BTreeMap;

use tapgate_store::SourceRow;
use tapgate_wire::record::{Status, UnixNanos};

use crate::Call;
use crate::capture::marks;
use crate::page::{Block, Cell, Column, Layout, Note, Page, Table, Tone};

/// How many groups are counted; what comes after them is counted together.
const MAX_GROUPS: usize = 2_000;

const COLUMNS: &[Column] = &[
    Column::seen("server", "server", 2, 6, 16),
    Column::seen("call", "call", 0, 8, 28),
    Column::seen("calls", "calls", 0, 0, 8),
    Column::seen("errors", "errors", 1, 0, 8),
    Column::seen("error_share", "error %", 5, 0, 7),
    Column::seen("p50", "p50", 3, 0, 7),
    Column::seen("p95", "p95", 4, 0, 7),
    Column::seen("p99", "p99", 1, 0, 7),
    Column::seen("max", "max", 6, 0, 7),
    Column::seen("bytes.in", "in", 7, 0, 7),
    Column::seen("bytes.out", "out", 7, 0, 7),
    Column::unseen("full"),
];

#[derive(Default)]
struct Group {
    n_calls: u64,
    n_errors: u64,
    /// Nanoseconds of those that were answered.
    spans: Vec<i64>,
    bytes_in: u64,
    bytes_out: u64,
    is_full: bool,
}

/// Counts exchanges one by one, so that a scan of a journal need not keep its rows.
#[derive(Default)]
pub struct Stats {
    groups: BTreeMap<(String, String), Group>,
}

impl Stats {
    /// Counts an exchange.
    pub fn count(&mut self, call: &Call<'_>) {
        let mut key = (call.server().to_owned(), call.tool().unwrap_or(&call.exchange.method).to_owned());
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&key) {
            key = (String::new(), "everything else".to_owned());
        }
        self.groups.entry(key).or_default().count(call);
    }

    /// What was called, the most called first. Percentiles are exact (nearest rank), over calls that were answered.
    pub fn page<'s>(self, sources: impl IntoIterator<Item = &'s SourceRow>, now: UnixNanos) -> Page {
        let mut blocks = marks(sources, now);
        if self.groups.is_empty() {
            let text = "No calls match. `tapgate ls` shows what is recorded.";
            blocks.push(Block::Note(Note::new(Tone::Quiet, "", text)));
            return Page::of(blocks);
        }
        let mut groups: Vec<_> = self.groups.into_iter().collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.n_calls));
        let rows = groups.into_iter().map(|((server, call), group)| group.cells(&server, call)).collect();
        blocks.push(Block::Table(Table {
            kind: "stats",
            columns: COLUMNS.to_vec(),
            rows,
            layout: Layout::Fitted,
        }));
        Page::of(blocks)
    }
}

impl Group {
    fn count(&mut self, call: &Call<'_>) {
        self.n_calls += 1;
        self.n_errors += u64::from(call.exchange.has_failed());
        self.bytes_in = self.bytes_in.saturating_add(call.exchange.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(call.exchange.bytes_out);
        self.is_full |= call.is_full();
        if matches!(call.exchange.status, Status::Ok | Status::Error | Status::ToolError) {
            self.spans.push(call.duration());
        }
    }

    fn cells(mut self, server: &str, call: String) -> Vec<Cell> {
        self.spans.sort_unstable();
        let at = |percent| percentile(&self.spans, percent).map_or(Cell::None, Cell::Span);
        vec![
            Cell::told(Some(server)),
            Cell::Told(call),
            Cell::Count(self.n_calls),
            Cell::Count(self.n_errors),
            Cell::Share(self.n_errors as f64 / self.n_calls.max(1) as f64),
            at(50),
            at(95),
            at(99),
            at(100),
            Cell::Bytes(self.bytes_in),
            Cell::Bytes(self.bytes_out),
            Cell::Flag(self.is_full),
        ]
    }
}

/// The smallest value that at least `percent` of the sorted values do not exceed.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let hundred: Vec<i64> = (1..=100).collect();
        for (sorted, percent, value) in [
            (&hundred[..], 50, Some(50)),
            (&hundred[..], 99, Some(99)),
            (&hundred[..], 100, Some(100)),
            (&hundred[..3], 50, Some(2)),
            (&hundred[..1], 99, Some(1)),
            (&hundred[..0], 50, None),
        ] {
            assert_eq!(percentile(sorted, percent), value, "{percent} of {}", sorted.len());
        }
    }
}
