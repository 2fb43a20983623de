//! Draws bars below each other on one axis of time.

use tapgate_wire::record::Status;

use super::text::Canvas;
use crate::page::{Bar, Tone, Waterfall};
use crate::{Plain, unit};

/// The fewest columns of the axis.
const LEAST_AXIS: usize = 8;

/// Blanks between what it is, its bar and its numbers.
const GAP: usize = 2;

/// Stands where a pause is folded.
const PAUSE: char = '┆';

/// Which part of the time in which something happened is left of a pause that is folded.
const LEFT: i64 = 20;

pub(super) fn draw(canvas: &mut Canvas, waterfall: &Waterfall) {
    let labels: Vec<Plain> = waterfall
        .bars
        .iter()
        .map(|bar| {
            let sign = if has_failed(bar) { "✗ " } else { "" };
            Plain::of(&format!("{}{sign}{}", "  ".repeat(bar.depth), bar.what))
        })
        .collect();
    let numbers: Vec<Plain> = waterfall.bars.iter().map(|bar| Plain::of(&times(bar, waterfall))).collect();
    let widest = |texts: &[Plain]| texts.iter().map(Plain::width).max().unwrap_or(0);
    let width = canvas.style.width;
    // The numbers say the same as the bar, but only the bar shows what overlaps.
    let right = if width >= 60 { widest(&numbers) } else { 0 };
    let left = widest(&labels).min(width * 2 / 5);
    let gaps = if right > 0 { 2 * GAP } else { GAP };
    let axis = Axis::of(waterfall, width.saturating_sub(left + right + gaps).max(LEAST_AXIS));
    for ((bar, label), numbers) in waterfall.bars.iter().zip(&labels).zip(&numbers) {
        let label = label.clipped(left);
        canvas.put(if bar.depth == 0 { Tone::Strong } else { Tone::Usual }, &label);
        canvas.space(left.saturating_sub(label.width()) + GAP);
        canvas.put(if has_failed(bar) { Tone::Bad } else { Tone::Good }, &Plain::of(&axis.line(bar)));
        if right > 0 {
            canvas.space(GAP + right.saturating_sub(numbers.width()));
            canvas.put(Tone::Quiet, numbers);
        }
        canvas.end_line();
    }
    if !axis.pauses.is_empty() {
        let text = format!("{PAUSE} a pause, shortened");
        canvas.line(&[(Tone::Quiet, Plain::of(&text))]);
    }
    if waterfall.n_left > 0 {
        canvas.line(&[(Tone::Quiet, Plain::of(&format!("… and {} more", waterfall.n_left)))]);
    }
}

fn has_failed(bar: &Bar) -> bool {
    matches!(bar.status, Some(Status::Error | Status::ToolError | Status::Cancelled | Status::Unanswered))
}

/// When it began, counted from the first, and how long it took.
fn times(bar: &Bar, waterfall: &Waterfall) -> String {
    let after = format!("+{}", unit::span(bar.from.saturating_sub(waterfall.from)));
    if bar.marks.is_empty() {
        format!("{after:<7} {:>7}", unit::span(bar.until.saturating_sub(bar.from)))
    } else {
        format!("{after:<7} {:>7}", "")
    }
}

/// Where moments stand, pauses folded.
struct Axis {
    width: usize,
    from: i64,
    /// Its length without what is folded away.
    length: i64,
    /// What is folded away: from when to when, oldest first.
    pauses: Vec<(i64, i64)>,
}

impl Axis {
    /// Folds each time in which nothing happened that is longer than all the time in which something did: between two
    /// calls a session waits for its user, and minutes of that would hide all else.
    fn of(waterfall: &Waterfall, width: usize) -> Self {
        let mut spans: Vec<_> = waterfall
            .bars
            .iter()
            .flat_map(|bar| {
                let own = bar.marks.is_empty().then_some((bar.from, bar.until));
                own.into_iter().chain(bar.marks.iter().map(|mark| (*mark, *mark)))
            })
            .collect();
        spans.sort_unstable();
        let (mut gaps, mut busy, mut at) = (Vec::new(), 0_i64, waterfall.from);
        for (from, until) in spans {
            if from > at {
                gaps.push((at, from));
            }
            busy = busy.saturating_add(until.saturating_sub(from.max(at)).max(0));
            at = at.max(until);
        }
        let left = busy / LEFT / 2;
        let is_long = |(from, until): &(i64, i64)| busy > 0 && until.saturating_sub(*from) > busy;
        let pauses: Vec<_> = gaps
            .into_iter()
            .filter(is_long)
            .map(|(from, until)| (from.saturating_add(left), until.saturating_sub(left)))
            .collect();
        let folded: i64 = pauses.iter().map(|(from, until)| until.saturating_sub(*from)).sum();
        let length = waterfall.until.saturating_sub(waterfall.from).saturating_sub(folded).max(1);
        Self { width, from: waterfall.from, length, pauses }
    }

    fn column(&self, at: i64) -> usize {
        let folded = |(from, until): &(i64, i64)| at.clamp(*from, *until).saturating_sub(*from);
        let folded: i64 = self.pauses.iter().map(folded).sum();
        let after = at.saturating_sub(self.from).saturating_sub(folded).clamp(0, self.length);
        let share = after as f64 / self.length as f64;
        ((share * self.width as f64) as usize).min(self.width.saturating_sub(1))
    }

    /// The line of one bar, exactly as wide as the axis.
    fn line(&self, bar: &Bar) -> String {
        let mut cells = vec![' '; self.width];
        let mut set = |n: usize, c: char| {
            if let Some(cell) = cells.get_mut(n) {
                *cell = c;
            }
        };
        self.pauses.iter().for_each(|(from, _)| set(self.column(*from), PAUSE));
        if bar.marks.is_empty() {
            (self.column(bar.from)..=self.column(bar.until)).for_each(|n| set(n, '█'));
        } else {
            bar.marks.iter().for_each(|mark| set(self.column(*mark), '▪'));
        }
        cells.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::PAUSE;
    use crate::draw::{Colour, Style, text};
    use crate::page::{Bar, Block, Page, Waterfall};

    #[test]
    fn bars_stand_where_they_happened_in_any_width() {
        let bar = |what: &str, depth, from, until, marks: &[i64]| Bar {
            kind: "exchange",
            id: None,
            what: what.to_owned(),
            depth,
            status: None,
            from,
            until,
            marks: marks.to_vec(),
        };
        let bars = vec![
            bar("search", 0, 0, 1_000_000_000, &[]),
            bar("\u{1b}[2J日本語", 1, 500_000_000, 1_000_000_000, &[]),
            bar("progress ×2", 1, 0, 250_000_000, &[0, 250_000_000]),
        ];
        let page = Page {
            blocks: vec![Block::Waterfall(Waterfall { from: 0, until: 1_000_000_000, bars, n_left: 1 })],
        };
        for width in [20, 80, 200] {
            let drawn = text(&page, &Style { width, colour: Colour::Off, now: 0 });
            let lines: Vec<Vec<char>> = drawn.lines().map(|line| line.chars().collect()).collect();
            assert!(lines.iter().all(|line| line.len() <= width), "{drawn}");
            let filled = |n: usize, c: char| lines[n].iter().filter(|own| **own == c).count();
            assert_eq!(filled(0, '█').div_ceil(2), filled(1, '█'), "{drawn}");
            assert_eq!(filled(2, '▪'), 2, "{drawn}");
            assert!(!drawn.contains(PAUSE), "{drawn}");
            assert!(!drawn.contains('\u{1b}') && drawn.ends_with("… and 1 more\n"), "{drawn}");
        }
    }
    #[test]
    fn a_pause_is_folded_and_what_is_around_it_keeps_its_length() {
        let bar = |from, until| Bar {
            kind: "exchange",
            id: None,
            what: "x".to_owned(),
            depth: 0,
            status: None,
            from,
            until,
            marks: Vec::new(),
        };
        let bars = vec![bar(0, 1_000), bar(3_600_000_000_000, 3_600_000_001_000)];
        let waterfall = Waterfall { from: 0, until: 3_600_000_001_000, bars, n_left: 0 };
        let page = Page { blocks: vec![Block::Waterfall(waterfall)] };
        let drawn = text(&page, &Style { width: 80, colour: Colour::Off, now: 0 });
        let lines: Vec<&str> = drawn.lines().collect();
        let n_filled = |n: usize| lines[n].matches('█').count();
        assert!(n_filled(0) > 20 && n_filled(0).abs_diff(n_filled(1)) <= 2, "{drawn}");
        assert_eq!(drawn.matches(PAUSE).count(), 3, "{drawn}");
    }
}
