use super::letters::odd;
use super::{shown, visible};
use crate::tests::found;

fn ids(text: &str, is_name: bool) -> Vec<&'static str> {
    odd(text, is_name).into_iter().filter(|(_, hits)| hits.n > 0).map(|(rule, _)| rule.id).collect()
}

#[test]
fn a_finding_says_where_and_which_and_never_shows_the_character() {
    let found = found(
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a\u200bb","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"x \u202e\u202e y"}}}}]}
        "#,
    );
    let hidden: Vec<_> = found.iter().filter(|finding| finding.rule.id.starts_with("hidden.")).collect();
    let texts: Vec<_> = hidden.iter().map(|finding| String::from_utf8_lossy(&finding.text)).collect();
    assert_eq!(
        texts,
        [
            "The name of `a<U+200B>b` holds U+200B at character 2.",
            "/inputSchema/properties/q/description of `a<U+200B>b` holds U+202E at character 3 and 1 more like it.",
        ]
    );
    for finding in &found {
        for bytes in [&finding.text, &finding.subject] {
            assert!(bytes.is_ascii(), "{finding:?}");
        }
    }
}

#[test]
fn scripts_pictures_and_prose_are_left_alone() {
    for text in ["Größe", "読む", "résumé — “x”…", "👩🏽‍🚀", "नि\u{200d}", "🏴\u{e0067}\u{e0062}\u{e007f}"]
    {
        assert!(ids(text, false).is_empty(), "{text}: {:?}", ids(text, false));
    }
    for name in ["Größe", "чтение", "λογος", "read_файл", "tool-1.2"] {
        assert!(ids(name, true).is_empty(), "{name}: {:?}", ids(name, true));
    }
}

#[test]
fn each_trick_has_its_rule() {
    let cases = [
        ("a\u{200d}b", false, "hidden.invisible"),
        ("a\u{fe01}\u{fe02}", false, "hidden.invisible"),
        ("x\u{3164}", false, "hidden.invisible"),
        ("\u{9b}2J", false, "hidden.control"),
        ("\u{1f3f4}\u{e0067}\u{e007f}\u{e0041}", false, "hidden.tags"),
        ("p\u{440}int", true, "hidden.lookalike"),
        ("ｒead", true, "hidden.lookalike"),
    ];
    for (text, is_name, id) in cases {
        assert_eq!(ids(text, is_name), [id], "{}", visible(text));
    }
}

#[test]
fn what_is_shown_of_a_peer_can_be_read() {
    assert_eq!(shown("a\u{200b}b"), "a<U+200B>b");
    assert_eq!(shown("plain"), "plain");
    assert!(shown(&"x\u{e0041}".repeat(9999)).len() < 400);
}
