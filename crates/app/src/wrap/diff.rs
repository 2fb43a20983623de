//! A change as a unified diff, as people know it from other tools.

use std::fmt::Write as _;
use std::ops::Range;

use super::edit::Edit;

/// How many unchanged lines stand around a change.
const CONTEXT: usize = 3;

/// A run of lines that gives way.
struct Piece {
    /// Which lines of the text.
    lines: Range<usize>,
    /// What comes in their place.
    with: String,
}

/// The edits of `text` as a unified diff, with `name` as the file's name; empty if nothing changes.
pub fn unified(name: &str, text: &str, edits: &[Edit]) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let pieces = pieces(text, &lines, edits);
    let mut out = String::new();
    if !pieces.is_empty() {
        // Writing to a string does not fail.
        let _ = write!(out, "--- {name}\n+++ {name}\n");
    }
    let mut rest = pieces.as_slice();
    let mut shift = 0isize;
    while !rest.is_empty() {
        let is_near =
            |pair: &[Piece]| matches!(pair, [one, next] if next.lines.start - one.lines.end <= 2 * CONTEXT);
        let n_together = 1 + rest.windows(2).take_while(|pair| is_near(pair)).count();
        let (hunk, after) = rest.split_at(n_together);
        shift += write_hunk(&mut out, &lines, hunk, shift);
        rest = after;
    }
    out
}

/// Writes one hunk; tells how many lines it adds.
fn write_hunk(out: &mut String, lines: &[&str], hunk: &[Piece], shift: isize) -> isize {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { return 0 };
    let from = first.lines.start.saturating_sub(CONTEXT);
    let to = (last.lines.end + CONTEXT).min(lines.len());
    let added: isize = hunk
        .iter()
        .map(|piece| piece.with.split_inclusive('\n').count() as isize - piece.lines.len() as isize)
        .sum();
    let before = to - from;
    let _ = writeln!(
        out,
        "@@ -{},{before} +{},{} @@",
        from + 1,
        (from + 1).saturating_add_signed(shift),
        before.saturating_add_signed(added)
    );
    let mut at = from;
    for piece in hunk {
        write_lines(out, ' ', lines.get(at..piece.lines.start).unwrap_or_default());
        write_lines(out, '-', lines.get(piece.lines.clone()).unwrap_or_default());
        write_lines(out, '+', &piece.with.split_inclusive('\n').collect::<Vec<_>>());
        at = piece.lines.end;
    }
    write_lines(out, ' ', lines.get(at..to).unwrap_or_default());
    added
}

fn write_lines(out: &mut String, sign: char, lines: &[&str]) {
    for line in lines {
        let _ = writeln!(out, "{sign}{}", line.trim_end_matches(['\r', '\n']));
        if !line.ends_with('\n') {
            *out += "\\ No newline at end of file\n";
        }
    }
}

/// The runs of lines that the edits change, without equal lines at their ends.
fn pieces(text: &str, lines: &[&str], edits: &[Edit]) -> Vec<Piece> {
    let mut starts = Vec::with_capacity(lines.len() + 1);
    let mut at = 0;
    for line in lines {
        starts.push(at);
        at += line.len();
    }
    starts.push(at);
    // Behind a last line without a line break is still that line.
    let last = if text.ends_with('\n') { lines.len() } else { lines.len().saturating_sub(1) };
    let line_of = |at: usize| starts.partition_point(|start| *start <= at).saturating_sub(1).min(last);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut done = 0;
    for edit in edits {
        let first = line_of(edit.span.start);
        let end = line_of(edit.span.end.max(edit.span.start + 1) - 1) + 1;
        let end = end.min(lines.len());
        let line_end = starts.get(end).copied().unwrap_or(text.len());
        if let Some(piece) = pieces.last_mut().filter(|piece| first < piece.lines.end) {
            // The tail of the last line was taken whole; this edit is in it.
            let tail = starts.get(piece.lines.end).copied().unwrap_or(text.len()) - done;
            piece.with.truncate(piece.with.len() - tail);
            piece.with += text.get(done..edit.span.start).unwrap_or_default();
            piece.lines.end = end;
        } else {
            let start = starts.get(first).copied().unwrap_or_default();
            let with = text.get(start..edit.span.start).unwrap_or_default().to_owned();
            pieces.push(Piece { lines: first..end, with });
        }
        if let Some(piece) = pieces.last_mut() {
            piece.with += &edit.with;
            piece.with += text.get(edit.span.end..line_end).unwrap_or_default();
        }
        done = edit.span.end;
    }
    pieces
        .into_iter()
        .map(|piece| trimmed(piece, lines))
        .filter(|piece| !piece.lines.is_empty() || !piece.with.is_empty())
        .collect()
}

/// Takes lines that stay the same off both ends.
fn trimmed(mut piece: Piece, lines: &[&str]) -> Piece {
    let with: Vec<&str> = piece.with.split_inclusive('\n').collect();
    let old = lines.get(piece.lines.clone()).unwrap_or_default();
    let head = old.iter().zip(&with).take_while(|(old, new)| old == new).count();
    let room = old.len().min(with.len()) - head;
    let tail = old.iter().rev().zip(with.iter().rev()).take_while(|(old, new)| old == new).count().min(room);
    let kept: String = with.get(head..with.len() - tail).unwrap_or_default().concat();
    piece.lines = piece.lines.start + head..piece.lines.end - tail;
    piece.with = kept;
    piece
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_what_changes_and_three_lines_around_it() {
        let text = "1\n2\n3\n4\nfive six\n7\n8\n9\n10\n11\n12\n13\n14\nend";
        let edits = [
            Edit::new(8..12, "FIVE"),
            Edit::new(13..16, "SIX\nmore"),
            Edit::new(text.len()..text.len(), "!"),
        ];
        let expected = "--- f\n+++ f\n@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-five six\n+FIVE SIX\n+more\n 7\n 8\n 9\n@@ -11,4 +12,4 @@\n 12\n 13\n 14\n-end\n\\ No newline at end of file\n+end!\n\\ No newline at end of file\n";
        assert_eq!(unified("f", text, &edits), expected);
    }

    #[test]
    fn what_does_not_change_is_not_shown() {
        assert_eq!(unified("f", "a\nb\n", &[]), "");
        assert_eq!(
            unified("f", "a\nb\nc\n", &[Edit::new(0..5, "a\nB\nc")]),
            "--- f\n+++ f\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"
        );
        assert_eq!(
            unified("f", "a\r\nb\r\n", &[Edit::new(3..4, "B")]),
            "--- f\n+++ f\n@@ -1,2 +1,2 @@\n a\n-b\n+B\n"
        );
    }
}
