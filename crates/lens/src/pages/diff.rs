//! Two captures side by side: what was offered, what was called, how fast, and what was wrong.

use std::collections::BTreeMap;

use tapgate_store::{ExchangeRow, FindingRow};
use tapgate_wire::record::Status;

use super::lock::{DriftRow, changed};
use crate::page::{Block, Cell, Column, Layout, Note, Page, Table, Tone};

/// Answered calls that both sides need before their latency is compared.
const MIN_SAMPLES: usize = 5;

/// How sure a shift of latency has to be: one in a hundred such tables is wrong about a row by chance.
const MAX_CHANCE: f64 = 0.01;

/// How large it has to be to be worth a word.
const MIN_RATIO: f64 = 1.1;

/// One side of a comparison.
#[derive(Debug, Default)]
pub struct Compared {
    /// Its name, for the title.
    pub name: String,
    /// Its exchanges.
    pub exchanges: Vec<ExchangeRow>,
    /// What is wrong in it.
    pub findings: Vec<FindingRow>,
}

/// How the latency of a call differs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shift {
    /// Not by more than chance, or there is too little to tell.
    None,
    /// By this factor, with this chance of being wrong.
    By {
        /// Median of the second over median of the first.
        ratio: f64,
        /// The two-sided p-value of a Mann-Whitney U test.
        chance: f64,
    },
}

const CALLS: &[Column] = &[
    Column::seen("call", "call", 0, 10, 32),
    Column::seen("a.calls", "calls", 1, 0, 7),
    Column::seen("b.calls", "→", 1, 0, 7),
    Column::seen("a.errors", "errors", 1, 0, 7),
    Column::seen("b.errors", "→", 1, 0, 7),
    Column::seen("a.p50", "p50", 2, 0, 8),
    Column::seen("b.p50", "→", 2, 0, 8),
    Column::seen("shift", "latency", 0, 0, 24),
];

const FINDINGS: &[Column] = &[
    Column::seen("change", "", 0, 0, 8),
    Column::seen("rule", "finding", 0, 10, 28),
    Column::seen("subject", "about", 2, 6, 20),
    Column::seen("a", "before", 1, 0, 7),
    Column::seen("b", "after", 1, 0, 7),
];

/// What a comparison found.
#[derive(Debug)]
pub struct Diff {
    page: Page,
    n_differences: usize,
}

impl Diff {
    /// The page.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// Whether anything is different: latency counts only where it is sure.
    pub fn is_empty(&self) -> bool {
        self.n_differences == 0
    }
}

/// Compares two captures; `offered` is how what their servers offer differs, in the classes of a lock's drift.
pub fn diff(a: &Compared, b: &Compared, offered: &[DriftRow<'_>]) -> Diff {
    let mut blocks = vec![Block::Title(format!("{}  →  {}", a.name, b.name))];
    blocks.extend(changed("surface", offered));
    let mut n_differences = offered.len();
    let mut add =
        |title: Option<&str>, kind, columns: &[Column], rows: Vec<Vec<Cell>>, is_different: usize| {
            n_differences += is_different;
            if !rows.is_empty() {
                let layout = Layout::Fitted;
                // Tables that follow each other stand together, and these two tell of different things.
                if let Some(title) = title {
                    blocks.push(Block::Title(title.to_owned()));
                }
                blocks.push(Block::Table(Table { kind, columns: columns.to_vec(), rows, layout }));
            }
        };
    let (calls, n) = calls(a, b);
    let mut columns = CALLS.to_vec();
    // A column of rank 0 always stands; this one is the most important where it says something.
    if let Some(shift) =
        columns.last_mut().filter(|_| calls.iter().all(|row| row.last() == Some(&Cell::None)))
    {
        *shift = Column::unseen(shift.key);
    }
    add(None, "call", &columns, calls, n);
    let findings = findings(a, b);
    let n = findings.len();
    add(Some("Findings"), "finding", FINDINGS, findings, n);
    if n_differences == 0 {
        let text = "Nothing is different, apart from what chance makes.";
        blocks.push(Block::Note(Note::new(Tone::Good, "", text)));
    }
    Diff { page: Page::of(blocks), n_differences }
}

#[derive(Default)]
struct Calls {
    n: u64,
    n_errors: u64,
    spans: Vec<i64>,
}

fn calls(a: &Compared, b: &Compared) -> (Vec<Vec<Cell>>, usize) {
    let mut both: BTreeMap<String, [Calls; 2]> = BTreeMap::new();
    for (side, capture) in [a, b].into_iter().enumerate() {
        for exchange in capture.exchanges.iter().filter(|exchange| !exchange.method.starts_with("http/")) {
            let target = exchange.target.as_deref().map(|target| format!(" {target}")).unwrap_or_default();
            let entry = both.entry(format!("{}{target}", exchange.method)).or_default();
            let Some(calls) = entry.get_mut(side) else { continue };
            calls.n += 1;
            calls.n_errors += u64::from(exchange.has_failed());
            if let (Status::Ok, Some(closed)) = (exchange.status, exchange.closed) {
                calls.spans.push(closed - exchange.opened);
            }
        }
    }
    let mut n_differences = 0;
    let mut rows = Vec::new();
    for (name, [mut of_a, mut of_b]) in both {
        of_a.spans.sort_unstable();
        of_b.spans.sort_unstable();
        let share = |calls: &Calls| (calls.n_errors > 0, calls.n_errors == calls.n, calls.n == 0);
        let shift = shift(&of_a.spans, &of_b.spans);
        n_differences += usize::from(share(&of_a) != share(&of_b) || shift != Shift::None);
        let p50 = |spans: &[i64]| spans.get(spans.len() / 2).map_or(Cell::None, |span| Cell::Span(*span));
        let told = match shift {
            Shift::None => Cell::None,
            Shift::By { ratio, chance } => {
                let word = if ratio > 1.0 { "slower" } else { "faster" };
                let factor = if ratio > 1.0 { ratio } else { 1.0 / ratio };
                Cell::Told(format!("{word} ×{factor:.1} (p {chance:.3})"))
            }
        };
        rows.push(vec![
            Cell::Told(name),
            Cell::Count(of_a.n),
            Cell::Count(of_b.n),
            Cell::Count(of_a.n_errors),
            Cell::Count(of_b.n_errors),
            p50(&of_a.spans),
            p50(&of_b.spans),
            told,
        ]);
    }
    (rows, n_differences)
}

/// Whether one latency is above the other by more than chance (Mann-Whitney U, normal approximation with ties).
pub fn shift(a: &[i64], b: &[i64]) -> Shift {
    if a.len() < MIN_SAMPLES || b.len() < MIN_SAMPLES {
        return Shift::None;
    }
    let mut all: Vec<(i64, bool)> =
        a.iter().map(|span| (*span, true)).chain(b.iter().map(|span| (*span, false))).collect();
    all.sort_unstable();
    let (n_a, n_b, n) = (a.len() as f64, b.len() as f64, all.len() as f64);
    let (mut ranks_of_a, mut ties, mut at) = (0.0, 0.0, 0);
    while let Some((span, _)) = all.get(at) {
        let alike = all.iter().skip(at).take_while(|(other, _)| other == span).count();
        // Equal values share the mean of their ranks, which begin at 1.
        let rank = (2 * at + alike + 1) as f64 / 2.0;
        ranks_of_a += rank * all.iter().skip(at).take(alike).filter(|(_, is_a)| *is_a).count() as f64;
        ties += (alike as f64).powi(3) - alike as f64;
        at += alike;
    }
    let u = ranks_of_a - n_a * (n_a + 1.0) / 2.0;
    let variance = n_a * n_b / 12.0 * (n + 1.0 - ties / (n * (n - 1.0)));
    let distance = ((u - n_a * n_b / 2.0).abs() - 0.5).max(0.0);
    let chance = if variance > 0.0 { two_sided(distance / variance.sqrt()) } else { 1.0 };
    let median = |spans: &[i64]| {
        let mut sorted = spans.to_vec();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default().max(1) as f64
    };
    let ratio = median(b) / median(a);
    let is_large = !(1.0 / MIN_RATIO..=MIN_RATIO).contains(&ratio);
    if chance < MAX_CHANCE && is_large { Shift::By { ratio, chance } } else { Shift::None }
}

/// The chance that a normal variable is at least so far from its mean (Abramowitz and Stegun 7.1.26).
fn two_sided(z: f64) -> f64 {
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let sum = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let polynomial = sum.iter().fold(0.0, |value, factor| (value + factor) * t);
    (polynomial * (-x * x).exp()).clamp(0.0, 1.0)
}

fn findings(a: &Compared, b: &Compared) -> Vec<Vec<Cell>> {
    let mut both: BTreeMap<(&str, &str), [u64; 2]> = BTreeMap::new();
    for (side, capture) in [a, b].into_iter().enumerate() {
        for finding in &capture.findings {
            let counts = both.entry((&finding.rule, &finding.subject)).or_default();
            if let Some(count) = counts.get_mut(side) {
                *count += 1;
            }
        }
    }
    let row = |((rule, subject), [was, is]): (&(&str, &str), &[u64; 2])| {
        let (tone, word) = match (was, is) {
            (0, _) => (Tone::Bad, "new"),
            (_, 0) => (Tone::Good, "gone"),
            // How often depends on how long the capture is.
            _ => return None,
        };
        let cells = vec![Cell::Word(tone, word), Cell::Told((*rule).to_owned()), Cell::told(Some(subject))];
        Some(cells.into_iter().chain([Cell::Count(*was), Cell::Count(*is)]).collect())
    };
    both.iter().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_is_told_only_when_it_is_sure_and_large() {
        let even: Vec<i64> = (1_000..1_040).collect();
        let later: Vec<i64> = even.iter().map(|span| span * 2).collect();
        assert_eq!(shift(&even, &even), Shift::None);
        assert!(matches!(shift(&even, &later), Shift::By { ratio, chance } if ratio > 1.9 && chance < 1e-6));
        assert!(matches!(shift(&later, &even), Shift::By { ratio, .. } if ratio < 0.6));
        assert_eq!(shift(&even[..4], &later), Shift::None, "too few to tell");
        let little: Vec<i64> = even.iter().map(|span| span + 50).collect();
        assert_eq!(shift(&even, &little), Shift::None, "sure, but not worth a word");
        assert_eq!(shift(&[7; 20], &[7; 20]), Shift::None, "all alike");
    }

    #[test]
    fn the_chance_is_that_of_the_normal_distribution() {
        for (z, chance) in [(0.0, 1.0), (1.0, 0.317_3), (1.96, 0.05), (2.576, 0.01), (4.0, 0.000_063)] {
            assert!((two_sided(z) - chance).abs() < 2e-4, "{z}: {}", two_sided(z));
        }
    }

    #[test]
    fn latency_that_only_chance_moves_is_rarely_told() {
        // A fixed row of numbers that look random: 400 comparisons of two samples of the same distribution.
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            1_000 + (state >> 40) as i64 % 5_000
        };
        let n_told = (0..400)
            .filter(|_| {
                let (a, b): (Vec<i64>, Vec<i64>) = (0..12).map(|_| (next(), next())).unzip();
                shift(&a, &b) != Shift::None
            })
            .count();
        assert!(n_told <= 12, "{n_told} of 400");
    }
}
