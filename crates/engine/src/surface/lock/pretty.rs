//! JSON as people review it: one member a line, short lists of plain values on one line, nothing invisible.

use std::fmt::Write as _;

use crate::surface::Value;

/// Characters of a list that stands on one line.
const LINE: usize = 80;

/// Appends an object with these members, in this order; `depth` is that of the line that it begins on.
pub(super) fn members(members: &[(&str, Value)], depth: usize, out: &mut String) {
    let members = members.iter().map(|(name, value)| (name.as_bytes(), value));
    object(members.collect(), depth, out);
}

fn object(members: Vec<(&[u8], &Value)>, depth: usize, out: &mut String) {
    if members.is_empty() {
        out.push_str("{}");
        return;
    }
    out.push('{');
    for (n, (name, value)) in members.into_iter().enumerate() {
        out.push_str(if n > 0 { ",\n" } else { "\n" });
        indent(depth + 1, out);
        plain(&Value::text(name), out);
        out.push_str(": ");
        write(value, depth + 1, out);
    }
    out.push('\n');
    indent(depth, out);
    out.push('}');
}

fn write(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(all) => {
            object(all.iter().map(|(name, value)| (name.as_slice(), value)).collect(), depth, out);
        }
        Value::List(items) => list(items, depth, out),
        value => plain(value, out),
    }
}

fn list(items: &[Value], depth: usize, out: &mut String) {
    if !items.iter().any(|item| matches!(item, Value::Object(_) | Value::List(_))) {
        let mut line = String::from("[");
        for (n, item) in items.iter().enumerate() {
            if n > 0 {
                line.push_str(", ");
            }
            plain(item, &mut line);
        }
        line.push(']');
        if line.len() <= LINE {
            out.push_str(&line);
            return;
        }
    }
    out.push('[');
    for (n, item) in items.iter().enumerate() {
        out.push_str(if n > 0 { ",\n" } else { "\n" });
        indent(depth + 1, out);
        write(item, depth + 1, out);
    }
    out.push('\n');
    indent(depth, out);
    out.push(']');
}

/// A value on one line, with nothing invisible.
pub fn visible(value: &Value) -> String {
    let mut out = String::new();
    plain(value, &mut out);
    out
}

/// A value on one line; characters that nobody sees stand as escapes, so that a review shows them.
fn plain(value: &Value, out: &mut String) {
    let json = value.to_json();
    for c in String::from_utf8_lossy(&json).chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
}

/// Whether a character is invisible, or changes how others are shown.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{7f}'..='\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}'
        | '\u{3000}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn indent(depth: usize, out: &mut String) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}
