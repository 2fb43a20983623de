//! Two answers side by side, apart from what differs each time.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::capture::fits_text;

/// Most differences that are told of one answer.
const MAX_TOLD: usize = 50;

/// Most characters of a value that are told.
const MAX_VALUE: usize = 120;

/// Members that are new each time, wherever they stand.
const VOLATILE: &[&str] = &[
    "_meta",
    "createdAt",
    "lastUpdatedAt",
    "lastModified",
    "nextCursor",
    "progressToken",
    "requestState",
    "taskId",
    "ttlMs",
    "ttl",
];

/// A place where two answers differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where, as a JSON pointer (RFC 6901).
    pub path: String,
    /// What it was; `None` when it was not there.
    pub was: Option<String>,
    /// What it is; `None` when it is gone.
    pub is: Option<String>,
}

/// Places that are not compared.
#[derive(Clone, Debug, Default)]
pub struct Ignored {
    /// JSON pointers; a `*` stands for any one step.
    pub paths: Vec<String>,
}

impl Ignored {
    fn covers(&self, path: &str) -> bool {
        self.paths.iter().any(|pattern| {
            let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
            loop {
                match (pattern.next(), path.next()) {
                    // What is below an ignored place is ignored too.
                    (None, _) => return true,
                    (Some(wanted), Some(step)) if wanted == "*" || wanted == step => {}
                    _ => return false,
                }
            }
        })
    }
}

/// Where an answer differs from the recorded one, at most 50 places.
pub fn differences(recorded: &Json, live: &Json, ignored: &Ignored) -> Vec<Difference> {
    let mut found = Vec::new();
    for part in ["result", "error"] {
        compare_at(&format!("/{part}"), recorded.get(part), live.get(part), ignored, &mut found);
    }
    found
}

/// Where two values differ, at most 50 places.
pub fn compare(was: &Json, is: &Json, ignored: &Ignored) -> Vec<Difference> {
    let mut found = Vec::new();
    compare_at("", Some(was), Some(is), ignored, &mut found);
    found
}

fn compare_at(
    path: &str,
    was: Option<&Json>,
    is: Option<&Json>,
    ignored: &Ignored,
    found: &mut Vec<Difference>,
) {
    if found.len() >= MAX_TOLD || ignored.covers(path) {
        return;
    }
    match (was, is) {
        (None, None) => {}
        (Some(Json::Object(was)), Some(Json::Object(is))) => {
            let names = was.keys().chain(is.keys().filter(|name| !was.contains_key(*name)));
            for name in names.filter(|name| !VOLATILE.contains(&name.as_str())) {
                let step = name.replace('~', "~0").replace('/', "~1");
                compare_at(&format!("{path}/{step}"), was.get(name), is.get(name), ignored, found);
            }
        }
        (Some(Json::Array(was)), Some(Json::Array(is))) if named(was).is_some() && named(is).is_some() => {
            let (was, is) = (named(was).unwrap_or_default(), named(is).unwrap_or_default());
            for name in was.keys().chain(is.keys().filter(|name| !was.contains_key(*name))) {
                let (was, is) = (was.get(name).copied(), is.get(name).copied());
                match (was, is) {
                    // What is new or gone is told by its name alone.
                    (Some(_), Some(_)) => compare_at(&format!("{path}/{name}"), was, is, ignored, found),
                    (was, is) => {
                        let told = |there: Option<&Json>| there.map(|_| format!("\"{name}\""));
                        found.push(Difference { path: path.to_owned(), was: told(was), is: told(is) });
                    }
                }
            }
        }
        (Some(Json::Array(was)), Some(Json::Array(is))) => {
            for at in 0..was.len().max(is.len()) {
                compare_at(&format!("{path}/{at}"), was.get(at), is.get(at), ignored, found);
            }
        }
        (Some(was), Some(is)) if alike(was, is) => {}
        (was, is) => found.push(Difference { path: path.to_owned(), was: was.map(told), is: is.map(told) }),
    }
}

/// The objects of a list by their names or URIs; `None` when some have none, or two have the same.
fn named(list: &[Json]) -> Option<BTreeMap<&str, &Json>> {
    let mut named = BTreeMap::new();
    for item in list {
        let name = item.get("name").or_else(|| item.get("uri"))?.as_str()?;
        if named.insert(name, item).is_some() {
            return None;
        }
    }
    (!named.is_empty()).then_some(named)
}

/// Whether two values are the same, or differ only in what differs each time.
fn alike(was: &Json, is: &Json) -> bool {
    match (was, is) {
        (Json::String(was), Json::String(is)) => {
            was == is || fits_text(was, is) || inner(was, is) || steady(was) == steady(is)
        }
        (Json::Number(was), Json::Number(is)) => was == is || was.as_f64() == is.as_f64(),
        (was, is) => was == is,
    }
}

/// Whether two texts are the same as JSON documents.
fn inner(was: &str, is: &str) -> bool {
    let read =
        |text: &str| text.starts_with(['{', '[']).then(|| serde_json::from_str::<Json>(text).ok()).flatten();
    let (Some(was), Some(is)) = (read(was), read(is)) else { return false };
    compare(&was, &is, &Ignored::default()).is_empty()
}

/// A text with a sign in the place of each time, each long number and each long row of hexadecimal digits.
fn steady(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars().chain(std::iter::once(' ')) {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.' | '+' | '_') {
            word.push(c);
            continue;
        }
        out.push_str(if is_volatile(&word) { "<volatile>" } else { &word });
        word.clear();
        out.push(c);
    }
    out
}

/// Whether a word is a time, a duration, an identifier that was made at random, or a port.
fn is_volatile(word: &str) -> bool {
    let word = word.trim_end_matches(['.', ':']);
    let n_digits = word.chars().filter(char::is_ascii_digit).count();
    let only = |more: &[char]| word.chars().all(|c| c.is_ascii_digit() || more.contains(&c));
    let is_hex = word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let is_time = n_digits >= 4
        && (word.matches(':').count() >= 1 || word.matches('-').count() == 2)
        && word.chars().all(|c| c.is_ascii_digit() || "-:.+TZ".contains(c));
    is_time || n_digits >= 9 && only(&['.']) || is_hex && word.len() >= 16 && n_digits > 0
}

fn told(value: &Json) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_VALUE) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(was: &Json, is: &Json) -> Vec<String> {
        differences(&json!({ "result": was }), &json!({ "result": is }), &Ignored::default())
            .into_iter()
            .map(|difference| difference.path)
            .collect()
    }

    #[test]
    fn what_differs_each_time_is_no_difference() {
        for (was, is) in [
            (json!({ "a": 1, "b": 2 }), json!({ "b": 2, "a": 1 })),
            (json!({ "taskId": "a" }), json!({ "taskId": "b" })),
            (json!("at 2026-11-22T10:00:00Z"), json!("at 2027-01-02T11:12:13Z")),
            (json!("took 1732270000123 ms"), json!("took 1732270999999 ms")),
            (json!("id 3f9a1c2b3f9a1c2b"), json!("id aaaaaaaabbbbbbb1")),
            (json!("key [masked:github:33-64:3f9a1c2b] ok"), json!("key abcdef ok")),
            (json!("{\"a\":1,\"b\":[2]}"), json!("{ \"b\": [2], \"a\": 1 }")),
            (json!(1), json!(1.0)),
        ] {
            assert_eq!(paths(&was, &is), Vec::<String>::new(), "{was} {is}");
        }
    }

    #[test]
    fn what_changed_is_told_with_its_place() {
        for (was, is, path) in [
            (json!({ "a": { "b": [1, 2] } }), json!({ "a": { "b": [1, 3] } }), "/result/a/b/1"),
            (json!({ "a/b": 1 }), json!({}), "/result/a~1b"),
            (json!([]), json!([1]), "/result/0"),
            (json!("sum is 5"), json!("sum is 6"), "/result"),
            (json!("key [masked:x] ok"), json!("key abc no"), "/result"),
            (json!("port 1234"), json!("port 12345"), "/result"),
        ] {
            assert_eq!(paths(&was, &is), [path], "{was} {is}");
        }
    }

    #[test]
    fn ignored_places_are_patterns_that_cover_what_is_below() {
        let ignored = Ignored { paths: vec!["/result/*/time".to_owned()] };
        let was = json!({ "result": { "a": { "time": { "x": 1 }, "b": 1 } } });
        let is = json!({ "result": { "a": { "time": { "x": 2 }, "b": 2 } } });
        let found = differences(&was, &is, &ignored);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "/result/a/b");
    }
}
