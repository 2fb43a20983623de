//! Draws bars below each other on one axis of time.

use super::text::Canvas;
use crate::page::{Bar, Tone, Waterfall};
use crate::{Plain, unit};

/// The fewest columns of the axis.
const LEAST_AXIS: usize = 8;

/// Blanks between what it is, its bar and its numbers.
const GAP: usize = 2;

pub(super) fn draw(canvas: &mut Canvas, waterfall: &Waterfall) {
    let labels: Vec<Plain> = waterfall
        .bars
        .iter()
        .map(|bar| Plain::of(&format!("{}{}", "  ".repeat(bar.depth), bar.what)))
        .collect();
    let numbers: Vec<Plain> = waterfall.bars.iter().map(|bar| Plain::of(&times(bar, waterfall))).collect();
    let widest = |texts: &[Plain]| texts.iter().map(Plain::width).max().unwrap_or(0);
    let width = canvas.style.width;
    // The numbers say the same as the bar, but only the bar shows what overlaps.
    let right = if width >= 60 { widest(&numbers) } else { 0 };
    let left = widest(&labels).min(width * 2 / 5);
    let gaps = if right > 0 { 2 * GAP } else { GAP };
    let axis = width.saturating_sub(left + right + gaps).max(LEAST_AXIS);
    for ((bar, label), numbers) in waterfall.bars.iter().zip(&labels).zip(&numbers) {
        let label = label.clipped(left);
        canvas.put(if bar.depth == 0 { Tone::Strong } else { Tone::Usual }, &label);
        canvas.space(left.saturating_sub(label.width()) + GAP);
        canvas.put(Tone::Good, &Plain::of(&line(bar, waterfall, axis)));
        if right > 0 {
            canvas.space(GAP + right.saturating_sub(numbers.width()));
            canvas.put(Tone::Quiet, numbers);
        }
        canvas.end_line();
    }
    if waterfall.n_left > 0 {
        canvas.line(&[(Tone::Quiet, Plain::of(&format!("… and {} more", waterfall.n_left)))]);
    }
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

/// The axis of one bar, exactly as wide as asked.
fn line(bar: &Bar, waterfall: &Waterfall, axis: usize) -> String {
    let whole = waterfall.until.saturating_sub(waterfall.from).max(1);
    let column = |at: i64| {
        let share = at.saturating_sub(waterfall.from).clamp(0, whole) as f64 / whole as f64;
        ((share * axis as f64) as usize).min(axis.saturating_sub(1))
    };
    let mut cells = vec![' '; axis];
    let mut set = |n: usize, c: char| {
        if let Some(cell) = cells.get_mut(n) {
            *cell = c;
        }
    };
    if bar.marks.is_empty() {
        (column(bar.from)..=column(bar.until)).for_each(|n| set(n, '█'));
    } else {
        bar.marks.iter().for_each(|mark| set(column(*mark), '▪'));
    }
    cells.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use crate::draw::{Colour, Style, text};
    use crate::page::{Bar, Block, Page, Waterfall};

    #[test]
    fn bars_stand_where_they_happened_in_any_width() {
        let bar = |what: &str, depth, from, until, marks: &[i64]| Bar {
            kind: "exchange",
            id: None,
            what: what.to_owned(),
            depth,
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
            assert!(!drawn.contains('\u{1b}') && drawn.ends_with("… and 1 more\n"), "{drawn}");
        }
    }
}
