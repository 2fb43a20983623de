//! Goes through the values that stand directly inside a value.

use super::{Event, Span, scan};

/// Calls `visit` with each member of the object `raw` (its name, quotes included, and its value), or with each item of
/// the array `raw` (without a name), in the order in which they stand. A repeated member is visited each time.
///
/// Any other value has nothing inside. Of what is not JSON, what stands before the fault is visited.
///
/// ```
/// use tapgate_wire::json::each;
///
/// let mut names = Vec::new();
/// each(br#"{"a":1,"b":{"c":2}}"#, &mut |name, value| names.push((name, value)));
/// assert_eq!(names, [(&b"\"a\""[..], &b"1"[..]), (b"\"b\"", br#"{"c":2}"#)]);
/// ```
pub fn each<'a>(raw: &'a [u8], visit: &mut impl FnMut(&'a [u8], &'a [u8])) {
    let (mut depth, mut name, mut start) = (0_usize, Span::default(), 0);
    let mut tell = |name: Span, value: Span| {
        if let (Some(name), Some(value)) = (name.of(raw), value.of(raw)) {
            visit(name, value);
        }
    };
    // What is behind a fault is not visited, which is all that a fault means here.
    let _ = scan(raw, &mut |event| match event {
        Event::Key { span, .. } if depth == 1 => name = span,
        Event::Open { at, .. } => {
            if depth == 1 {
                start = at;
            }
            depth += 1;
        }
        Event::Close { at, .. } => {
            depth -= 1;
            if depth == 1 {
                tell(name, Span { start, end: at + 1 });
            }
        }
        Event::String { span, .. } | Event::Number(span) | Event::Literal(_, span) | Event::Deep(span)
            if depth == 1 =>
        {
            tell(name, span);
        }
        _ => {}
    });
}

#[cfg(test)]
mod tests {
    use super::each;

    #[test]
    fn only_what_stands_directly_inside_is_visited() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("[1, [2,3], {\"a\":4}]", &[("", "1"), ("", "[2,3]"), ("", "{\"a\":4}")]),
            ("{\"a\" : [ ] ,\"a\":\"x\"}", &[("\"a\"", "[ ]"), ("\"a\"", "\"x\"")]),
            ("[1,2", &[("", "1"), ("", "2")]),
            ("7", &[]),
            ("", &[]),
        ];
        for (raw, expected) in cases {
            let mut seen = Vec::new();
            each(raw.as_bytes(), &mut |name, value| {
                seen.push((std::str::from_utf8(name).unwrap(), std::str::from_utf8(value).unwrap()));
            });
            assert_eq!(&seen, expected, "{raw}");
        }
    }
}
