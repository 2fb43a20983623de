//! Licence expressions (SPDX 2.3, annex D), with the `/` that old packages write for `OR`.

/// Whether the expression is satisfied by the licences that `allowed` accepts; an unreadable one is not.
pub(super) fn holds(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    matches!(any(&words, allowed), Some((true, [])))
}

/// `AND` binds stronger than `OR`.
fn any<'a>(words: &'a [&'a str], allowed: &dyn Fn(&str) -> bool) -> Option<(bool, &'a [&'a str])> {
    let (mut value, mut rest) = all(words, allowed)?;
    while let ["OR", after @ ..] = rest {
        let (right, after) = all(after, allowed)?;
        value |= right;
        rest = after;
    }
    Some((value, rest))
}

fn all<'a>(words: &'a [&'a str], allowed: &dyn Fn(&str) -> bool) -> Option<(bool, &'a [&'a str])> {
    let (mut value, mut rest) = one(words, allowed)?;
    while let ["AND", after @ ..] = rest {
        let (right, after) = one(after, allowed)?;
        value &= right;
        rest = after;
    }
    Some((value, rest))
}

fn one<'a>(words: &'a [&'a str], allowed: &dyn Fn(&str) -> bool) -> Option<(bool, &'a [&'a str])> {
    match words {
        ["(", inside @ ..] => match any(inside, allowed)? {
            (value, [")", rest @ ..]) => Some((value, rest)),
            _ => None,
        },
        ["AND" | "OR" | "WITH" | ")", ..] | [] => None,
        [id, "WITH", exception, rest @ ..] => Some((allowed(&format!("{id} WITH {exception}")), rest)),
        [id, rest @ ..] => Some((allowed(id), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_holds_when_the_allowed_licences_satisfy_it() {
        let cases = [
            ("MIT", true),
            ("GPL-3.0", false),
            ("", false),
            ("MIT OR GPL-3.0", true),
            ("MIT AND GPL-3.0", false),
            ("GPL-3.0 OR MIT AND ISC", true),
            ("(GPL-3.0 OR MIT) AND GPL-3.0", false),
            ("(GPL-3.0 OR MIT) AND ISC", true),
            ("GPL-3.0/MIT", true),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0", false),
            ("MIT OR", false),
            ("(MIT", false),
            ("MIT MIT", false),
        ];
        let allowed = |id: &str| ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].contains(&id);
        for (expression, expected) in cases {
            assert_eq!(holds(expression, &allowed), expected, "{expression}");
        }
    }
}
