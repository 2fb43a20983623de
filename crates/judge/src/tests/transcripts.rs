//! Every transcript of tracking, judged.

use std::path::Path;

use super::found;

/// The inputs of all transcripts of tracking, with their names.
pub(super) fn all() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/transcripts");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let input = text.split("\nexpect\n").next().unwrap_or_default().to_owned();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), input)
        })
        .collect();
    all.sort();
    all
}

/// The ids that are found in one transcript, without those of headers, which old transcripts leave out.
fn ids(name: &str) -> Vec<&'static str> {
    let (_, text) = all().into_iter().find(|(other, _)| other == name).unwrap();
    let mut ids: Vec<_> = found(&text).iter().map(|finding| finding.rule.id).collect();
    ids.retain(|id| {
        !id.starts_with("header.")
            && !id.starts_with("capability.")
            && !["session.accept", "session.content-type"].contains(id)
    });
    ids.dedup();
    ids
}

#[test]
fn every_transcript_is_judged_without_a_panic_and_in_plain_text() {
    let all = all();
    assert!(all.len() > 80, "only {} transcripts", all.len());
    for (name, text) in all {
        for finding in found(&text) {
            let said = String::from_utf8(finding.text.to_vec()).unwrap();
            assert!(said.ends_with('.') && said.chars().count() < 700, "{name}: {} {said}", finding.rule.id);
            assert!(!said.chars().any(char::is_control), "{name}: {} {said}", finding.rule.id);
        }
    }
}

#[test]
fn traffic_that_is_as_it_should_be_is_left_alone() {
    for name in ["stdio-handshake", "http-joined-midway", "sse-handshake", "http-handshake", "stdio-rounds"] {
        assert_eq!(ids(name), [""; 0], "{name}");
    }
}

#[test]
fn what_is_odd_is_named_once_by_its_own_rule() {
    let cases: &[(&str, &[&str])] = &[
        ("stdio-duplicate-answer", &["track.duplicate-answer"]),
        ("stdio-late-answer", &["track.late-answer"]),
        ("stdio-server-exits", &["process.killed"]),
        ("stdio-client-leaves", &[]),
        ("stdio-modern-cancelled", &["track.late-answer"]),
        (
            "stdio-initialize-refused",
            &["handshake.revision-unknown", "era.handshake-names-modern", "handshake.refused"],
        ),
        ("http-modern-stray-session-id", &["session.in-modern"]),
    ];
    for (name, expected) in cases {
        assert_eq!(&ids(name), expected, "{name}");
    }
}

#[test]
fn a_handshake_that_names_a_modern_revision_is_not_asked_for_modern_headers() {
    let text = r#"legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2026-07-28","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json | answer 0 {"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}"#;
    let ids: Vec<_> = found(text).iter().map(|finding| finding.rule.id).collect();
    assert_eq!(ids, ["era.handshake-names-modern"]);
}

#[test]
fn a_slow_handshake_says_what_was_installed_meanwhile() {
    let found = found(
        r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server stderr npm warn exec The following package was not found and will be installed: a@1
        wait 12s
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#,
    );
    let slow = found.iter().find(|finding| finding.rule.id == "handshake.slow").unwrap();
    let text = String::from_utf8_lossy(&slow.text);
    assert!(text.ends_with("; packages were installed meanwhile."), "{text}");
}
