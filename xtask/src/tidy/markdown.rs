//! Markdown, as far as the rules read it: prose lines, headings, fenced blocks, links.

/// One piece of a page.
pub(super) enum Piece<'a> {
    /// A line of prose, code spans emptied, with its number.
    Prose(usize, String),
    /// A fenced block: its language, its text, the line where the text begins.
    Block { language: &'a str, text: String, line: usize },
}

/// Cuts a page into pieces.
pub(super) fn pieces(page: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut lines = page.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            pieces.push(Piece::Prose(number, without_code(line)));
            continue;
        };
        let mut text = String::new();
        for (inside, _) in lines.by_ref() {
            if inside.trim_start().starts_with("```") {
                break;
            }
            text.push_str(inside);
            text.push('\n');
        }
        pieces.push(Piece::Block { language: language.trim(), text, line: number + 1 });
    }
    pieces
}

/// The targets of the links in a line of prose.
pub(super) fn targets(prose: &str) -> Vec<&str> {
    prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::trim).collect()
}

/// The text of a heading, `None` for other lines.
pub(super) fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    if text.len() < line.len() { text.strip_prefix(' ').map(str::trim) } else { None }
}

/// The anchor that a heading gets: lower case, blanks to hyphens, signs dropped.
pub(super) fn anchor(heading: &str) -> String {
    let lower = heading.to_lowercase();
    let kept = lower.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The words in backticks in a line of a page.
pub(super) fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}
