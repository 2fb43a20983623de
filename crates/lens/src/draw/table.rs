//! Draws a table in any width: columns shrink, then go, the least important first.

use super::text::{At, Canvas, drawn};
use crate::Plain;
use crate::page::{Cell, Column, Layout, Table, Tone};

/// Blanks between columns.
const GAP: usize = 2;

pub(super) fn draw(canvas: &mut Canvas, table: &Table) {
    let shown: Vec<usize> = (0..table.columns.len())
        .filter(|n| table.columns.get(*n).is_some_and(|column| column.title.is_some()))
        .collect();
    let rows: Vec<Vec<(Tone, Plain)>> = table
        .rows
        .iter()
        .map(|row| row.iter().map(|cell| drawn(cell, &canvas.style, At::Clock)).collect())
        .collect();
    let mut fields: Vec<Field<'_>> = shown
        .into_iter()
        .filter_map(|n| Some(Field::new(n, table.columns.get(n)?, table, &rows)))
        .filter(|field| table.layout == Layout::Streaming || field.has_content)
        .collect();
    fit(&mut fields, canvas.style.width);
    if table.layout == Layout::Fitted {
        let titles: Vec<_> =
            fields.iter().map(|field| (Tone::Quiet, Plain::of(field.column.title.unwrap_or_default()))).collect();
        line(canvas, &fields, titles.iter());
    }
    for row in &rows {
        let empty = (Tone::Usual, Plain::default());
        let cells: Vec<_> = fields.iter().map(|field| row.get(field.n).unwrap_or(&empty)).collect();
        line(canvas, &fields, cells.into_iter());
    }
}

/// A column that is drawn.
struct Field<'t> {
    n: usize,
    column: &'t Column,
    width: usize,
    right: bool,
    has_content: bool,
}

impl<'t> Field<'t> {
    fn new(n: usize, column: &'t Column, table: &Table, rows: &[Vec<(Tone, Plain)>]) -> Self {
        let widest = rows.iter().filter_map(|row| row.get(n)).map(|(_, text)| text.width()).max().unwrap_or(0);
        let title = column.title.map_or(0, |title| title.chars().count());
        let width = match table.layout {
            Layout::Fitted => widest.min(column.usual * 4).max(title),
            Layout::Streaming => column.usual,
        };
        let right = table.rows.iter().filter_map(|row| row.get(n)).any(is_number);
        // A column that says nothing in any row is left out, unless it is one of those that always stand.
        let has_content = widest > 0 || column.rank == 0;
        Self { n, column, width, right, has_content }
    }
}

fn is_number(cell: &Cell) -> bool {
    matches!(cell, Cell::Count(_) | Cell::Number(_) | Cell::Bytes(_) | Cell::Span(_) | Cell::Share(_))
}

/// Makes the columns fit: gives up the least important until the rest fits when shrunk, then shrinks the widest.
fn fit(fields: &mut Vec<Field<'_>>, width: usize) {
    let gaps = |n: usize| n.saturating_sub(1) * GAP;
    let least = |field: &Field<'_>| field.column.least.min(field.width);
    while fields.iter().map(least).sum::<usize>() + gaps(fields.len()) > width {
        let worst = fields.iter().map(|field| field.column.rank).max().unwrap_or(0);
        let Some(place) = fields.iter().rposition(|field| field.column.rank == worst) else { break };
        if fields.len() == 1 {
            break;
        }
        fields.remove(place);
    }
    let mut over = (fields.iter().map(|field| field.width).sum::<usize>() + gaps(fields.len())).saturating_sub(width);
    while over > 0 {
        let shrinks = |field: &&mut Field<'_>| field.width > field.column.least.min(field.width).max(1);
        let Some(widest) = fields.iter_mut().filter(shrinks).max_by_key(|field| field.width - field.column.least) else {
            break;
        };
        widest.width -= 1;
        over -= 1;
    }
}

fn line<'c>(canvas: &mut Canvas, fields: &[Field<'_>], cells: impl Iterator<Item = &'c (Tone, Plain)>) {
    let mut left = canvas.style.width;
    for (n, (field, (tone, text))) in fields.iter().zip(cells).enumerate() {
        let gap = if n == 0 { 0 } else { GAP.min(left) };
        canvas.space(gap);
        left -= gap;
        let is_last = n + 1 == fields.len();
        // What stands last may use the rest of the line.
        let room = if is_last && !field.right { left } else { field.width.min(left) };
        let text = text.clipped(room);
        let blank = room.min(field.width).saturating_sub(text.width());
        if field.right {
            canvas.space(blank);
        }
        canvas.put(*tone, &text);
        if !field.right {
            canvas.space(blank);
        }
        left -= text.width().max(room.min(field.width)).min(left);
    }
    canvas.end_line();
}
