//! Links: who shares one, when they end, what happens then.

use std::time::Duration;

use tapgate_wire::edge::Heard;

use super::stage::{ABLE, ASKABLE, Got, Legs, Stage};

const FORM: &str = r#"{"jsonrpc":"2.0","id":"e","method":"elicitation/create","params":{"message":"who?","requestedSchema":{}}}"#;
const GET: &str = r#"{"name":"p"}"#;

#[test]
fn each_principal_has_links_of_its_own_for_each_thing_that_it_declares() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.asks("1", "prompts/get", GET);
    let ann = stage.gets("prompts/get").child();
    stage.who = "bob".into();
    stage.asks("1", "prompts/get", GET);
    // Nothing was declared: a tool that cannot do without is to be found out.
    assert_eq!(stage.got.front().unwrap().at(&["params", "capabilities"]), ASKABLE);
    stage.greets(ABLE);
    let bob = stage.gets("prompts/get").child();
    assert_ne!(ann, bob);
    stage.capabilities = r#"{"roots":{}}"#.into();
    stage.asks("2", "prompts/get", GET);
    assert_eq!(stage.got.front().unwrap().at(&["params", "capabilities"]), r#"{"roots":{}}"#);
    stage.greets(ABLE);
    let roots = stage.gets("prompts/get");
    assert!(roots.child() != ann && roots.child() != bob);
    stage.answers(&roots, r#"{"messages":[]}"#);
    stage.hears();
    stage.capabilities = r#"{"elicitation":{}}"#.into();
    stage.asks("3", "prompts/get", GET);
    assert_eq!(stage.got.front().unwrap().at(&["params", "capabilities"]), r#"{"elicitation":{"form":{}}}"#);
    stage.greets(ABLE);
    assert_ne!(stage.gets("prompts/get").child(), roots.child());
    // What a server can do is asked on any link of the principal.
    stage.capabilities = r#"{"sampling":{}}"#.into();
    stage.asks("3", "server/discover", "{}");
    assert_eq!(stage.hears().at(&["result", "resultType"]), "\"complete\"");
    stage.is_quiet();
}

#[test]
fn calls_without_questions_share_a_link() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    let mut children = Vec::new();
    for n in 0..20 {
        stage.asks(&n.to_string(), "prompts/get", GET);
        children.push(stage.gets("prompts/get").child());
    }
    children.dedup();
    assert_eq!(children.len(), 1);
}

#[test]
fn a_call_in_which_a_pipe_may_ask_has_its_link_alone() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    let mut calls: Vec<Got> = Vec::new();
    for n in 0..4 {
        stage.asks(&n.to_string(), "prompts/get", GET);
        if n > 0 {
            stage.greets(ABLE);
        }
        calls.push(stage.gets("prompts/get"));
    }
    let children: std::collections::BTreeSet<_> = calls.iter().map(Got::child).collect();
    assert_eq!(children.len(), 4);
    stage.asks("4", "prompts/get", GET);
    stage.is_quiet();
    // Other requests need not wait.
    stage.asks("5", "prompts/list", "{}");
    stage.gets("prompts/list");
    stage.answers(&calls[2], r#"{"messages":[]}"#);
    assert_eq!(stage.gets("prompts/get").child(), calls[2].child());
    assert_eq!(stage.hears().at(&["id"]), "2");

    let stream = stage.asks("6", "prompts/get", GET);
    stage.hear(Heard::Left { stream });
    stage.answers(&calls[0], r#"{"messages":[]}"#);
    assert_eq!(stage.hears().at(&["id"]), "0");
    stage.is_quiet();
}

#[test]
fn too_many_waiting_calls_are_refused() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    for n in 0..4 {
        stage.asks(&n.to_string(), "prompts/get", GET);
        if n > 0 {
            stage.greets(ABLE);
        }
        stage.gets("prompts/get");
    }
    for n in 4..68 {
        stage.asks(&n.to_string(), "prompts/get", GET);
    }
    stage.is_quiet();
    stage.asks("68", "prompts/get", GET);
    assert_eq!(stage.hears().code(), "-32603");
}

#[test]
fn over_http_the_stream_says_which_call_asks() {
    let mut stage = Stage::greeted(Legs::HttpToHttp, ASKABLE);
    let streams = [stage.asks("1", "prompts/get", GET), stage.asks("1", "prompts/get", GET)];
    let calls = [stage.gets("prompts/get"), stage.gets("prompts/get")];
    stage.says(&calls[1], FORM);
    stage.wait(Duration::from_millis(25));
    let told = stage.hears();
    assert_eq!(told.stream, streams[1]);
    assert_eq!(told.at(&["result", "resultType"]), "\"input_required\"");
    stage.is_quiet();
}

#[test]
fn a_question_on_the_general_stream_is_of_the_only_call() {
    let mut stage = Stage::new(Legs::HttpToHttp);
    stage.capabilities = ASKABLE.into();
    stage.asks("1", "prompts/get", GET);
    let general = stage.greets(ABLE);
    stage.gets("prompts/get");
    stage.says(&general, FORM);
    stage.wait(Duration::from_millis(25));
    assert_eq!(stage.hears().at(&["result", "resultType"]), "\"input_required\"");
    stage.asks("2", "prompts/get", GET);
    stage.gets("prompts/get");
    stage.says(&general, FORM);
    assert_eq!(stage.gets_answer("\"e\"").at(&["error", "code"]), "-32602");
    stage.is_quiet();
}

#[test]
fn a_child_that_ends_fails_its_calls_and_the_next_one_starts_another() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.asks("1", "tools/call", r#"{"name":"t"}"#);
    let list = stage.gets("tools/list");
    stage.answers(&list, r#"{"tools":[]}"#);
    let call = stage.gets("tools/call");
    stage.breaks(&call);
    let told = stage.hears();
    assert_eq!(told.code(), "-32603");
    assert!(
        told.says().contains("exit status 3") && told.says().contains("no such table"),
        "{}",
        told.says()
    );
    stage.is_quiet();
    stage.asks("2", "prompts/get", GET);
    stage.greets(ABLE);
    let next = stage.gets("prompts/get");
    assert_ne!(next.child(), call.child());
}

#[test]
fn what_only_reads_is_asked_once_more() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.asks("1", "prompts/get", GET);
    let first = stage.gets("prompts/get");
    stage.breaks(&first);
    stage.greets(ABLE);
    let second = stage.gets("prompts/get");
    assert_ne!(first.child(), second.child());
    stage.breaks(&second);
    assert_eq!(stage.hears().code(), "-32603");
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn a_child_that_cannot_be_greeted_is_started_ever_more_rarely() {
    let mut stage = Stage::new(Legs::HttpToPipe);
    let (first, _) = stage.settings.bounds.backoff;
    for wait in [first, first * 2, first * 4] {
        stage.asks("1", "server/discover", "{}");
        let hello = stage.gets("initialize");
        stage.breaks(&hello);
        let told = stage.hears();
        assert!(told.says().contains("no such table"), "{}", told.says());
        // Until then it fails at once, and says why.
        stage.wait(wait.saturating_sub(Duration::from_nanos(1)));
        stage.asks("2", "server/discover", "{}");
        let told = stage.hears();
        assert_eq!(told.code(), "-32603");
        assert!(told.says().contains("no such table"), "{}", told.says());
        stage.is_quiet();
        stage.wait(Duration::from_nanos(1));
    }
    stage.asks("3", "server/discover", "{}");
    stage.greets(ABLE);
    assert_eq!(stage.hears().at(&["id"]), "3");
    stage.is_empty();
}

#[test]
fn a_refused_handshake_is_told_to_all_who_wait() {
    let mut stage = Stage::new(Legs::HttpToPipe);
    for n in 0..3 {
        stage.asks(&n.to_string(), "prompts/get", GET);
    }
    let hello = stage.gets("initialize");
    stage.is_quiet();
    stage.answers(&hello, r#""error":{"code":-32000,"message":"no licence"}"#);
    for _ in 0..3 {
        let told = stage.hears();
        assert_eq!(told.code(), "-32603");
        assert!(told.says().contains("no licence"), "{}", told.says());
    }
    assert_eq!(stage.ended, [hello.child()]);
    stage.is_empty();
}

#[test]
fn a_revision_that_nobody_knows_is_said_to_be_one() {
    for revision in ["2031-01-01", "2026-07-28", "x"] {
        let mut stage = Stage::new(Legs::HttpToPipe);
        stage.asks("1", "prompts/get", GET);
        let hello = stage.gets("initialize");
        stage.answers(
            &hello,
            &format!(r#"{{"protocolVersion":"{revision}","capabilities":{{}},"serverInfo":{{}}}}"#),
        );
        let told = stage.hears();
        assert_eq!(told.code(), "-32022");
        assert_eq!(
            told.at(&["error", "data"]),
            r#"{"supported":["2024-11-05","2025-03-26","2025-06-18","2025-11-25"],"requested":"2026-07-28"}"#
        );
        stage.is_empty();
    }
}

#[test]
fn older_revisions_are_served_too() {
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18"] {
        let mut stage = Stage::new(Legs::HttpToHttp);
        stage.asks("1", "completion/complete", "{}");
        stage.greets_as(revision, "{}");
        if revision == "2024-11-05" {
            let call = stage.gets("completion/complete");
            stage.answers(&call, r#"{"completion":{"values":[]}}"#);
            assert_eq!(stage.hears().at(&["result", "resultType"]), "\"complete\"");
        } else {
            assert_eq!(stage.hears().code(), "-32601");
        }
    }
}

#[test]
fn a_forgotten_session_is_opened_anew_and_the_request_sent_once_more() {
    let mut stage = Stage::greeted(Legs::HttpToHttp, "{}");
    stage.asks("1", "tools/call", r#"{"name":"t"}"#);
    let list = stage.gets("tools/list");
    stage.answers(&list, r#"{"tools":[]}"#);
    let call = stage.gets("tools/call");
    stage.refuses(&call, 404, &[], "");
    stage.got.retain(|got| got.verb != http::Method::DELETE);
    stage.greets(ABLE);
    let list = stage.gets("tools/list");
    stage.answers(&list, r#"{"tools":[]}"#);
    let call = stage.gets("tools/call");
    stage.answers(&call, r#"{"content":[]}"#);
    assert_eq!(stage.hears().at(&["result", "resultType"]), "\"complete\"");
    stage.is_quiet();
}

#[test]
fn a_broken_tool_call_is_never_made_again() {
    let mut stage = Stage::greeted(Legs::HttpToHttp, "{}");
    stage.asks("1", "tools/call", r#"{"name":"t"}"#);
    let list = stage.gets("tools/list");
    stage.answers(&list, r#"{"tools":[]}"#);
    let call = stage.gets("tools/call");
    stage.breaks(&call);
    assert_eq!(stage.hears().code(), "-32603");
    stage.is_quiet();
}

#[test]
fn a_challenge_passes_to_the_client() {
    let mut stage = Stage::new(Legs::HttpToHttp);
    stage.asks("1", "prompts/get", GET);
    stage.asks("2", "prompts/get", GET);
    let hello = stage.gets("initialize");
    stage.refuses(&hello, 401, &[("www-authenticate", "Bearer realm=\"x\""), ("x-secret", "1")], "who?");
    for _ in 0..2 {
        let told = stage.heard.pop_front().unwrap();
        assert_eq!(told.status, 401);
        assert_eq!(told.headers["www-authenticate"], "Bearer realm=\"x\"");
        assert!(!told.headers.contains_key("x-secret"));
    }
    stage.is_quiet();
    stage.asks("3", "prompts/get", GET);
    stage.greets(ABLE);
    let call = stage.gets("prompts/get");
    stage.refuses(&call, 403, &[], "no");
    assert_eq!(stage.heard.pop_front().unwrap().status, 403);
}

#[test]
fn an_http_failure_is_an_error_that_names_it() {
    let mut stage = Stage::greeted(Legs::HttpToHttp, "{}");
    stage.asks("1", "prompts/get", GET);
    let call = stage.gets("prompts/get");
    stage.refuses(&call, 503, &[], "<html>");
    let told = stage.hears();
    assert_eq!(told.code(), "-32603");
    assert!(told.says().contains("503"), "{}", told.says());
    assert_eq!(told.status, 503);

    // What the client has to act on passes, but nothing that describes the bytes of another connection.
    stage.asks("2", "prompts/get", GET);
    let call = stage.gets("prompts/get");
    let headers =
        [("retry-after", "7"), ("content-length", "9"), ("content-encoding", "gzip"), ("set-cookie", "a")];
    stage.refuses(&call, 503, &headers, "busy");
    let told = stage.heard.pop_front().unwrap();
    assert_eq!((told.status, told.message.raw().as_ref()), (503, &b"busy"[..]));
    assert_eq!(told.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["retry-after"]);
}

#[test]
fn links_that_nobody_uses_are_closed() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.asks("1", "prompts/get", GET);
    let call = stage.gets("prompts/get");
    let idle = stage.settings.bounds.link_idle;
    stage.wait(idle * 2);
    assert!(stage.ended.is_empty());
    stage.answers(&call, r#"{"messages":[]}"#);
    stage.hears();
    stage.wait(idle.saturating_sub(Duration::from_nanos(1)));
    assert!(stage.ended.is_empty());
    stage.wait(Duration::from_nanos(1));
    assert_eq!(stage.ended, [call.child()]);
    stage.is_empty();
}

#[test]
fn an_idle_link_makes_room_for_a_new_one() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.settings.bounds.links = 1;
    stage.who = "bob".into();
    stage.asks("1", "prompts/get", GET);
    assert_eq!(stage.ended.len(), 1);
    stage.greets(ABLE);
    stage.gets("prompts/get");
    stage.who = "cid".into();
    stage.asks("2", "prompts/get", GET);
    let told = stage.hears();
    assert_eq!(told.code(), "-32603");
    assert!(told.says().contains("all 1 links"), "{}", told.says());
    stage.is_quiet();
}

#[test]
fn the_child_of_the_probe_becomes_the_first_link() {
    use crate::bridge::back::{Opening, Sharing, Via};
    use crate::bridge::number::{LinkNo, Pair};
    let mut stage = Stage::new(Legs::HttpToPipe);
    let opening = Opening {
        owner: Pair::Down,
        via: Via::Pipe,
        era: tapgate_wire::record::Era::Legacy,
        sharing: Sharing::Shared,
        headers: std::sync::Arc::default(),
    };
    let now = stage.now;
    stage.back.open(now, LinkNo(1), opening, &mut Vec::new());
    stage.with(|down, cx| down.adopt(cx, LinkNo(1)));
    stage.asks("1", "server/discover", "{}");
    stage.greets(ABLE);
    assert_eq!(stage.hears().at(&["id"]), "1");
    assert_eq!(stage.back.n_links(), 1);
    stage.is_empty();
}
