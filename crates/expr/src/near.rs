//! The nearest name to a misspelt one.

/// The one of `names` that a person most likely meant by `word`, if any is near enough.
///
/// Near is an edit distance (insert, remove, replace, swap neighbours) of at most a third of the longer of the two,
/// at least 1; case is ignored.
pub fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let word: Vec<char> = word.chars().take(64).flat_map(char::to_lowercase).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let letters: Vec<char> = name.chars().take(64).flat_map(char::to_lowercase).collect();
            let far = distance(&word, &letters);
            (far <= (word.len().max(letters.len()) / 3).max(1)).then_some((far, name))
        })
        .min_by_key(|(far, _)| *far)
        .map(|(_, name)| name)
}

/// The optimal string alignment distance, three rows at a time.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut two_ago: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut best =
                (at(&above, j) + usize::from(x != y)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&two_ago, j - 1) + 1);
            }
            row.push(best);
        }
        two_ago = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        let names = ["status", "server", "session", "tool", "error.code"];
        for (word, meant) in [
            ("statsu", Some("status")),
            ("Tool", Some("tool")),
            ("tol", Some("tool")),
            ("sesion", Some("session")),
            ("error.cod", Some("error.code")),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, names), meant, "{word}");
        }
    }
}
