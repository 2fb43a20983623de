//! Changelog fragments: one file per change that users notice, collected at a release.

use anyhow::bail;

use crate::house::House;

const FOLDER: &str = "changelog.d/";

/// The kinds of change, in the order of the changelog.
const KINDS: &[&str] = &["added", "changed", "fixed", "security"];

/// Refuses a fragment that could not be collected.
pub(crate) fn check(house: &House) -> anyhow::Result<()> {
    let fragments = house.paths().filter_map(|path| Some((path, path.strip_prefix(FOLDER)?)));
    let faults: Vec<_> = fragments
        .filter(|(_, name)| *name != "README.md")
        .filter_map(|(path, name)| {
            Some(format!("{path}: {}", fault(name, &house.text(path).unwrap_or_default())?))
        })
        .collect();
    if !faults.is_empty() {
        bail!("{} changelog fragments are not well-formed\n{}", faults.len(), faults.join("\n"));
    }
    Ok(())
}

fn fault(name: &str, text: &str) -> Option<&'static str> {
    let parts: Vec<_> = name.split('.').collect();
    let [topic, kind, "md"] = parts.as_slice() else {
        return Some("is not named <topic>.<kind>.md");
    };
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if topic.is_empty() || !topic.chars().all(is_plain) {
        return Some("a topic is lower-case words with hyphens");
    }
    if !KINDS.contains(kind) {
        return Some("the kind is added, changed, fixed or security");
    }
    if text.trim().is_empty() || text.lines().any(|line| line.starts_with('#')) {
        return Some("a fragment is sentences for users, without a heading");
    }
    if !text.trim_end().ends_with(['.', '`', '|']) {
        return Some("a fragment ends with a full stop");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_has_a_topic_a_kind_and_a_sentence() {
        let cases = [
            ("tail-follows.added.md", "`tapgate tail` follows all sessions.\n", None),
            ("tail.md", "Text.\n", Some("is not named <topic>.<kind>.md")),
            ("tail.added.txt", "Text.\n", Some("is not named <topic>.<kind>.md")),
            ("Tail_It.added.md", "Text.\n", Some("a topic is lower-case words with hyphens")),
            ("tail.broken.md", "Text.\n", Some("the kind is added, changed, fixed or security")),
            ("tail.fixed.md", "\n", Some("a fragment is sentences for users, without a heading")),
            (
                "tail.fixed.md",
                "# Tail\n\nText.\n",
                Some("a fragment is sentences for users, without a heading"),
            ),
            ("tail.fixed.md", "text", Some("a fragment ends with a full stop")),
        ];
        for (name, text, expected) in cases {
            assert_eq!(fault(name, text), expected, "{name} {text:?}");
        }
    }
}
