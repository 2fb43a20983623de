//! Draws a table in any width: columns shrink, then go, the least important first.

use super::text::{At, Canvas, drawn};
use crate::Plain;
use crate::page::{Cell, Column, Layout, Table, Tone};

/// Blanks between columns.
const GAP: usize = 2;

/// The rank from which a column is given up already when texts would have to shrink below their usual width.
const LUXURY: u8 = 6;

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
        let titles: Vec<_> = fields
            .iter()
            .map(|field| (Tone::Quiet, Plain::of(field.column.title.unwrap_or_default())))
            .collect();
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
        let widest =
            rows.iter().filter_map(|row| row.get(n)).map(|(_, text)| text.width()).max().unwrap_or(0);
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

    /// The width that a text likes to have.
    fn comfortable(&self) -> usize {
        if self.column.least == 0 { self.width } else { self.column.usual.min(self.width) }
    }

    /// The width below which the column is given up.
    fn least(&self) -> usize {
        if self.column.least == 0 { self.width } else { self.column.least.min(self.width) }
    }
}

fn is_number(cell: &Cell) -> bool {
    matches!(
        cell,
        Cell::Count(_) | Cell::Rare(_) | Cell::Number(_) | Cell::Bytes(_) | Cell::Span(_) | Cell::Share(_)
    )
}

/// Makes the columns fit: gives up the least important until the rest fits when shrunk, then shrinks the widest.
fn fit(fields: &mut Vec<Field<'_>>, width: usize) {
    while fields.len() > 1 {
        let worst = fields.iter().map(|field| field.column.rank).max().unwrap_or(0);
        let is_tight = over_by(fields, width, Field::least) > 0;
        // What is merely nice to know goes before texts become hard to read.
        let is_luxury = worst >= LUXURY && over_by(fields, width, Field::comfortable) > 0;
        let place = fields.iter().rposition(|field| field.column.rank == worst);
        match place {
            Some(place) if is_tight || is_luxury => drop(fields.remove(place)),
            _ => break,
        }
    }
    for _ in 0..over_by(fields, width, |field| field.width) {
        let shrinks = |field: &&mut Field<'_>| field.width > field.least().max(1);
        match fields.iter_mut().filter(shrinks).max_by_key(|field| field.width - field.least()) {
            Some(widest) => widest.width -= 1,
            None => break,
        }
    }
}

/// By how many columns the fields exceed the width if each has the one that `of` says.
fn over_by<'t>(fields: &[Field<'t>], width: usize, of: impl Fn(&Field<'t>) -> usize) -> usize {
    let gaps = fields.len().saturating_sub(1) * GAP;
    (fields.iter().map(of).sum::<usize>() + gaps).saturating_sub(width)
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
