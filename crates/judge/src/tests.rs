//! Every rule keeps to its examples.

mod clean;
mod hostile;
mod play;
mod transcripts;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use tapgate_engine::fact::Finding;
use tapgate_engine::oddity::ODDITIES;
use tapgate_testkit::{Script, Step};
use tapgate_wire::fault::FaultKind;
use tapgate_wire::record::Transport;
use tapgate_wire::stream::Ending;
use tapgate_wire::{Leg, Nanos, StreamId};

pub(crate) use self::play::{KNOWN, facts, found, held};
use crate::scene::{Piece, Scene, What};
use crate::{rule, rules};

#[test]
fn every_rule_fires_where_it_says_and_nowhere_else() {
    let mut report = String::new();
    for rule in rules() {
        for (texts, fires) in [(rule.fires, true), (rule.quiet, false)] {
            assert!(!texts.is_empty(), "{}: an example is missing", rule.id);
            for text in texts {
                let ids: BTreeSet<_> = found(text).iter().map(|finding| finding.rule.id).collect();
                if ids.contains(rule.id) != fires {
                    let says = if fires { "does not fire" } else { "fires" };
                    let _ = write!(report, "\n{} {says} in:{text}found: {ids:?}\n", rule.id);
                }
            }
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn every_fault_and_every_oddity_is_a_rule() {
    let codes = FaultKind::ALL.iter().map(|kind| kind.code()).chain(ODDITIES.iter().map(|row| row.1));
    for code in codes {
        assert!(rule(code).is_some(), "{code}");
    }
}

#[test]
fn every_rule_has_a_name_of_its_own_and_says_what_to_do() {
    let mut ids = BTreeSet::new();
    for rule in rules() {
        assert!(ids.insert(rule.id), "{} is there twice", rule.id);
        assert!(rule.id.split_once('.').is_some_and(|(family, name)| !family.is_empty() && !name.is_empty()));
        for text in [rule.about, rule.fix] {
            assert!(text.ends_with('.') && !text.trim_end_matches('.').contains(". "), "{}: {text}", rule.id);
        }
        assert!(!rule.source.is_empty(), "{}", rule.id);
    }
}

#[test]
fn what_cannot_follow_from_a_fault_on_purpose_is_judged() {
    let rules = |text: &str| -> Vec<_> { found(text).iter().map(|finding| finding.rule.id).collect() };
    let pipes = "hello 2025-06-18
        client> ask 1 tools/list
        note injected: stray-output in tools/list
        ";
    for (after, is_judged) in [
        ("server> stray output", false),
        ("client> stray output", true),
        ("wait 2s\nserver> stray output", true),
    ] {
        let rules = rules(&format!("{pipes}{after}"));
        assert!(rules.contains(&"injected.fault"), "{rules:?}");
        assert_eq!(rules.iter().any(|rule| rule.starts_with("frame.")), is_judged, "{after}: {rules:?}");
    }
    let http = |fault: &str, stream: u64| {
        format!(
            r#"legs client=http server=http
            client[1] POST /mcp | ask 1 initialize {{"protocolVersion":"2025-06-18","capabilities":{{}},"clientInfo":{{"name":"c","version":"1"}}}}
            server[1] 200 json  mcp-session-id: s1 | answer 1 {{"protocolVersion":"2025-06-18","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"s","version":"1"}}}}
            client[3] GET /mcp  mcp-session-id: s1; accept: text/event-stream
            client[3] end
            server[3] 200 sse
            client[2] POST /mcp  mcp-session-id: s1 | ask 2 tools/list
            note[2] injected: {fault} in tools/list
            server[2] 200 sse
            server[{stream}]> {{"jsonrpc":"2.0","id":99,"result":{{}}}}"#
        )
    };
    for (fault, stream, is_judged) in
        [("duplicate-answer", 2, false), ("duplicate-answer", 3, true), ("lost-session", 3, false)]
    {
        let rules = rules(&http(fault, stream));
        let is_found = rules.iter().any(|rule| rule.starts_with("track.") || rule.starts_with("pairing."));
        assert_eq!(is_found, is_judged, "{fault} {stream}: {rules:?}");
    }
}

/// What a transcript plays, as a scene.
fn scene(text: &str) -> Scene {
    let (lock, text) = match text.strip_prefix("locked") {
        Some(rest) => (Some(Arc::new(play::lock())), rest),
        None => (None, text),
    };
    let mut scene = Scene { transports: (Transport::Stdio, Transport::Stdio), pieces: Vec::new(), lock };
    let mut now = 0;
    for step in Script::of(text).steps {
        now += 2_000_000;
        let mut put = |stream: StreamId, from, head, event, what| {
            scene.pieces.push(Piece {
                at: Nanos(now),
                part: (0, 0),
                stream: stream.0,
                from,
                head,
                event,
                odd: Vec::new(),
                what,
            });
        };
        match step {
            Step::Legs(client, server) => {
                let read = |name: &str| match name {
                    "http" => Transport::Http,
                    "sse" => Transport::Sse,
                    _ => Transport::Stdio,
                };
                scene.transports = (read(&client), read(&server));
            }
            Step::Asked(stream, head) => {
                let start = format!("{} {} HTTP/1.1", head.method, head.uri);
                put(stream, Leg::Client, Some(lines(start, &head.headers)), None, What::Head);
            }
            Step::Answered(stream, head) => {
                let start = format!("HTTP/1.1 {}", head.status);
                put(stream, Leg::Server, Some(lines(start, &head.headers)), None, What::Head);
            }
            Step::Frame(stream, from, event, text) => {
                put(stream, from, None, event, What::Frame(text.into()));
            }
            Step::Odd(stream, from, kind, text) => {
                let (what, odd) = (What::Frame(text.into()), vec![kind]);
                let (head, event) = (None, None);
                scene.pieces.push(Piece {
                    at: Nanos(now),
                    part: (0, 0),
                    stream: stream.0,
                    from,
                    head,
                    event,
                    odd,
                    what,
                });
            }
            Step::Closed(stream, from, Ending::Cut) => put(stream, from, None, None, What::Cut),
            Step::Started(_) => put(StreamId(0), Leg::Server, None, None, What::Started),
            Step::Stderr(text) => put(StreamId(0), Leg::Server, None, None, What::Stderr(text.into())),
            Step::Exited(status) => put(StreamId(0), Leg::Server, None, None, What::Exited(status)),
            Step::Wait(nanos) => now += nanos,
            Step::Note(..) | Step::Closed(..) | Step::Lost(_) | Step::End => {}
        }
    }
    scene
}

fn lines(start: String, headers: &http::HeaderMap) -> String {
    let headers = headers.iter().map(|(name, value)| format!("\n{name}: {}", value.to_str().unwrap()));
    std::iter::once(start).chain(headers).collect()
}

/// Rules about how often something happens, which few pieces cannot show.
const COUNTS: &[&str] = &["rounds.many"];

#[test]
fn a_planted_fault_shrinks_to_a_few_pieces_that_still_show_it() {
    let (mut n_shown, mut n_all) = (0, 0);
    for rule in rules() {
        // What a client asked in vain before, and what is kept from it, is no piece of a recording.
        let is_a_scene = |text: &&&str| !["holds", "restarted"].iter().any(|word| text.starts_with(word));
        for text in rule.fires.iter().filter(is_a_scene) {
            n_all += 1;
            // Some rules need what no piece holds: how a stream ended, that bytes were lost.
            let scene = scene(text);
            // What needs thousands of pieces cannot be shown in a few.
            if scene.pieces.len() > 1_000 {
                continue;
            }
            let Some(small) = scene.shrink(&|finding| finding.rule.id == rule.id) else { continue };
            n_shown += 1;
            let most = if COUNTS.contains(&rule.id) { 20 } else { 10 };
            assert!(small.pieces.len() <= most, "{} takes {} pieces", rule.id, small.pieces.len());
            assert!(small.findings().iter().any(|finding| finding.rule.id == rule.id), "{}", rule.id);
        }
    }
    assert!(n_shown * 10 >= n_all * 9, "only {n_shown} of {n_all} are shown");
}

#[test]
fn a_finding_that_needs_two_sessions_keeps_both_and_no_third() {
    let rule = rule("retry.session").unwrap();
    let example = scene(rule.fires[0]);
    let mut many = example.clone();
    let apart = 1_000;
    for n in 1..4 {
        // The same again as other sessions of other clients, before it and on streams of their own.
        for piece in &example.pieces {
            let mut piece = piece.clone();
            piece.stream += n * apart;
            piece.part = (n, n * apart + piece.stream);
            piece.head =
                piece.head.map(|head| head.replace("mcp-session-id: ", &format!("mcp-session-id: {n}")));
            many.pieces.push(piece);
        }
    }
    many.pieces.sort_by_key(|piece| piece.at);
    let is_meant = |finding: &Finding| finding.rule.id == rule.id;
    let small = many.shrink(&is_meant).unwrap();
    assert!(small.pieces.len() <= example.pieces.len(), "{} of {}", small.pieces.len(), many.pieces.len());
    assert!(small.findings().iter().any(is_meant));
}

#[test]
fn an_answer_whose_id_has_the_other_type_keeps_the_request_that_it_means() {
    let rule = rule("track.unmatched-answer").unwrap();
    let is_meant = |finding: &Finding| finding.rule.id == rule.id && *finding.subject == *b"ping";
    let small = scene(rule.fires[0]).shrink(&is_meant).unwrap();
    let found = small.findings();
    let text = &found.iter().find(|finding| is_meant(finding)).unwrap().text;
    assert!(String::from_utf8_lossy(text).contains("ping (id 1), which is open"), "{text:?}");
}

#[test]
fn a_lock_shrinks_to_the_pin_that_differs() {
    let held = rule("lock.held").unwrap();
    let small = scene(held.fires[0]).shrink(&|finding| finding.rule.id == held.id).unwrap();
    let lock = small.lock.unwrap();
    let n_pins: usize = lock.surface.kinds.values().map(Vec::len).sum();
    assert!(n_pins <= 1, "{lock:?}");
}
