//! What a modern server asks for in a result, and what a legacy client says to it.

use std::time::Duration;

use tapgate_wire::{Kind, Message};

use super::stage::{Got, LEGS, Legs, Stage, at, is_error};

const ALL: &str = r#"{"roots":{},"sampling":{},"elicitation":{"form":{},"url":{}}}"#;
const READ: &str = r#"{"jsonrpc":"2.0","id":"r1","method":"resources/read","params":{"uri":"file:///a","_meta":{"progressToken":"p"}}}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":"c1","method":"tools/call","params":{"name":"t"}}"#;
const FORM: &str = r#"{"method":"elicitation/create","params":{"mode":"form","message":"?","requestedSchema":{"type":"object","properties":{}}}}"#;
const SAMPLING: &str = r#"{"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}"#;
const ROOTS: &str = r#"{"method":"roots/list"}"#;
const URL: &str =
    r#"{"method":"elicitation/create","params":{"mode":"url","message":"go","url":"https://a/b"}}"#;

/// A stage whose client asked for `request`, and what the server got.
fn asked(legs: Legs, revision: &str, capabilities: &str, request: &str) -> (Stage, Got) {
    let mut stage = Stage::greeted(legs, revision, capabilities);
    stage.client(request);
    if stage.got.front().unwrap().method() == "tools/list" {
        let list = stage.gets("tools/list");
        stage.answers(&list, r#"{"tools":[]}"#);
    }
    let got = stage.got.pop_front().unwrap();
    (stage, got)
}

/// A result that asks for entries, `"k":{…}` each.
fn requires(entries: &[(&str, &str)], state: Option<&str>) -> String {
    let entries: Vec<_> = entries.iter().map(|(key, entry)| format!("\"{key}\":{entry}")).collect();
    let state = state.map_or(String::new(), |state| format!(",\"requestState\":{state}"));
    format!(r#"{{"resultType":"input_required","inputRequests":{{{}}}{state}}}"#, entries.join(","))
}

fn answers(stage: &mut Stage, asked: &Message, result: &str) {
    let member =
        if result.starts_with("\"error\"") { result.to_owned() } else { format!("\"result\":{result}") };
    stage.client(&format!(r#"{{"jsonrpc":"2.0","id":{},{member}}}"#, at(asked, &["id"])));
}

#[track_caller]
fn hears(stage: &mut Stage, method: &str) -> Message {
    let heard = stage.hears();
    assert_eq!(heard.shape().method().as_deref(), Some(method), "{:?}", heard.raw());
    heard
}

#[test]
fn three_kinds_of_input_are_asked_for_and_go_back_with_the_very_state() {
    for legs in LEGS {
        let (mut stage, got) = asked(legs, "2025-11-25", ALL, READ);
        let state = r#""\u00e9 \"q\" \\ ü / \/""#;
        stage.answers(&got, &requires(&[("k\\n1", FORM), ("k2", SAMPLING), ("k3", ROOTS)], Some(state)));
        let form = hears(&mut stage, "elicitation/create");
        let sampling = hears(&mut stage, "sampling/createMessage");
        let roots = hears(&mut stage, "roots/list");
        assert_eq!(at(&form, &["params", "message"]), r#""?""#);
        assert_eq!(at(&form, &["params", "elicitationId"]), "");
        assert_eq!(at(&sampling, &["params"]), r#"{"messages":[],"maxTokens":1}"#);
        assert_eq!(roots.shape().kind, Kind::Request);
        let ids = [&form, &sampling, &roots].map(|asked| at(asked, &["id"]));
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
        answers(&mut stage, &roots, r#"{"roots":[{"uri":"file:///"}],"_meta":{"x":1}}"#);
        answers(&mut stage, &form, r#"{"action":"accept","content":{"a":1.50},"_meta":{}}"#);
        stage.is_quiet();
        answers(&mut stage, &sampling, r#"{"role":"assistant","content":{},"model":"m"}"#);
        let retry = stage.gets("resources/read");
        assert_ne!(retry.id(), got.id());
        assert_eq!(retry.at(&["params", "requestState"]), state);
        assert_eq!(
            retry.at(&["params", "inputResponses"]),
            r#"{"k\n1":{"action":"accept","content":{"a":1.50}},"k2":{"role":"assistant","content":{},"model":"m"},"k3":{"roots":[{"uri":"file:///"}]}}"#
        );
        assert_eq!(retry.at(&["params", "uri"]), r#""file:///a""#);
        stage.answers(&retry, r#"{"resultType":"complete","contents":[]}"#);
        let answer = stage.hears();
        assert_eq!(
            (at(&answer, &["id"]), at(&answer, &["result"])),
            (r#""r1""#.into(), r#"{"contents":[]}"#.into())
        );
        stage.is_quiet();
    }
}

#[test]
fn a_state_that_is_absent_stays_absent_and_rounds_forget_the_last_one() {
    let (mut stage, got) = asked(Legs::PipeToHttp, "2025-06-18", ALL, READ);
    stage.answers(&got, &requires(&[("a", FORM)], Some(r#""s""#)));
    let form = hears(&mut stage, "elicitation/create");
    assert_eq!(at(&form, &["params", "mode"]), "");
    answers(&mut stage, &form, r#"{"action":"decline"}"#);
    let retry = stage.gets("resources/read");
    assert_eq!(retry.at(&["params", "inputResponses"]), r#"{"a":{"action":"decline"}}"#);
    stage.answers(&retry, &requires(&[("b", FORM)], None));
    let form = hears(&mut stage, "elicitation/create");
    answers(&mut stage, &form, r#"{"action":"accept"}"#);
    let retry = stage.gets("resources/read");
    assert_eq!(retry.at(&["params", "inputResponses"]), r#"{"b":{"action":"accept"}}"#);
    assert_eq!(retry.at(&["params", "requestState"]), "");
    stage.answers(&retry, "{}");
    assert_eq!(stage.hears().shape().kind, Kind::Result);
    stage.is_quiet();
}

#[test]
fn an_elicitation_that_fails_or_is_no_answer_is_a_cancel() {
    for said in [r#""error":{"code":-32601,"message":"x"}"#, "{}", "[]"] {
        let (mut stage, got) = asked(Legs::PipeToHttp, "2025-11-25", ALL, READ);
        stage.answers(&got, &requires(&[("a", FORM)], None));
        let form = stage.hears();
        answers(&mut stage, &form, said);
        let retry = stage.gets("resources/read");
        assert_eq!(retry.at(&["params", "inputResponses"]), r#"{"a":{"action":"cancel"}}"#);
    }
}

#[test]
fn an_elicitation_that_the_client_cannot_show_is_a_cancel() {
    for (revision, capabilities, entry) in [
        ("2025-11-25", "{}", FORM),
        ("2025-11-25", r#"{"elicitation":{}}"#, URL),
        ("2025-06-18", r#"{"elicitation":{"form":{},"url":{}}}"#, URL),
        ("2024-11-05", r#"{"elicitation":{}}"#, FORM),
    ] {
        let (mut stage, got) = asked(Legs::PipeToHttp, revision, capabilities, READ);
        stage.answers(&got, &requires(&[("a", entry)], None));
        let retry = stage.gets("resources/read");
        assert_eq!(retry.at(&["params", "inputResponses"]), r#"{"a":{"action":"cancel"}}"#);
        stage.is_quiet();
    }
}

#[test]
fn a_client_that_declines_sampling_or_roots_ends_the_request() {
    for (entry, others) in [(SAMPLING, FORM), (ROOTS, SAMPLING)] {
        let (mut stage, got) = asked(Legs::PipeToHttp, "2025-11-25", ALL, CALL);
        stage.answers(&got, &requires(&[("a", entry), ("b", others)], Some("\"s\"")));
        let declined = stage.hears();
        let other = stage.hears();
        answers(&mut stage, &declined, r#""error":{"code":-1,"message":"I will not"}"#);
        let cancelled = hears(&mut stage, "notifications/cancelled");
        assert_eq!(at(&cancelled, &["params", "requestId"]), at(&other, &["id"]));
        let answer = stage.hears();
        assert_eq!(at(&answer, &["result", "isError"]), "true");
        assert!(at(&answer, &["result", "content"]).contains("I will not"));
        answers(&mut stage, &other, "{}");
        stage.is_quiet();
    }
    let (mut stage, got) = asked(Legs::PipeToHttp, "2025-11-25", ALL, READ);
    stage.answers(&got, &requires(&[("a", ROOTS)], None));
    let roots = stage.hears();
    answers(&mut stage, &roots, r#""error":{"code":-32601,"message":"no roots"}"#);
    is_error(&stage.hears(), -32603);
}

#[test]
fn what_the_client_did_not_declare_it_is_not_asked_for() {
    for (capabilities, entry) in [
        ("{}", SAMPLING),
        ("{}", ROOTS),
        (
            r#"{"sampling":{}}"#,
            r#"{"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1,"tools":[]}}"#,
        ),
    ] {
        let (mut stage, got) = asked(Legs::PipeToHttp, "2025-11-25", capabilities, CALL);
        stage.answers(&got, &requires(&[("f", FORM), ("a", entry)], None));
        let answer = stage.hears();
        assert_eq!(at(&answer, &["result", "isError"]), "true", "{:?}", answer.raw());
        stage.is_quiet();
    }
}

#[test]
fn nonsense_is_an_error_and_input_only_belongs_to_three_methods() {
    for said in [
        r#"{"resultType":"input_required"}"#,
        r#"{"resultType":"input_required","inputRequests":[]}"#,
        r#"{"resultType":"input_required","requestState":5}"#,
        r#"{"resultType":"input_required","inputRequests":{"a":{"method":"x/y"}}}"#,
        r#"{"resultType":"input_required","inputRequests":{"a":5}}"#,
    ] {
        let (mut stage, got) = asked(Legs::PipeToHttp, "2025-11-25", ALL, CALL);
        stage.answers(&got, said);
        is_error(&stage.hears(), -32603);
        stage.is_quiet();
    }
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"prompts/list"}"#;
    let (mut stage, got) = asked(Legs::PipeToHttp, "2025-11-25", ALL, list);
    stage.answers(&got, &requires(&[("a", FORM)], None));
    is_error(&stage.hears(), -32603);
    stage.is_quiet();
    let many: Vec<_> = (0..65).map(|n| format!("\"k{n}\":{FORM}")).collect();
    let many = format!(r#"{{"resultType":"input_required","inputRequests":{{{}}}}}"#, many.join(","));
    let (mut stage, got) = asked(Legs::PipeToHttp, "2025-11-25", ALL, CALL);
    stage.answers(&got, &many);
    is_error(&stage.hears(), -32603);
    stage.is_quiet();
}

#[test]
fn a_state_alone_means_again_later() {
    let (mut stage, got) = asked(Legs::PipeToHttp, "2025-11-25", "{}", CALL);
    stage.answers(&got, r#"{"resultType":"input_required","requestState":"busy"}"#);
    stage.is_quiet();
    stage.wait(Duration::from_millis(199));
    stage.is_quiet();
    stage.wait(Duration::from_millis(1));
    let retry = stage.gets("tools/call");
    assert_eq!(retry.at(&["params", "requestState"]), r#""busy""#);
    assert_eq!(retry.at(&["params", "inputResponses"]), "");
    stage.answers(&retry, r#"{"resultType":"input_required","requestState":"busy"}"#);
    stage.wait(Duration::from_millis(399));
    stage.is_quiet();
    stage.wait(Duration::from_millis(1));
    let retry = stage.gets("tools/call");
    stage.answers(&retry, r#"{"content":[]}"#);
    assert_eq!(stage.hears().shape().kind, Kind::Result);
}

#[test]
fn rounds_end_at_their_bound() {
    let (mut stage, mut got) = asked(Legs::HttpToPipe, "2025-11-25", ALL, CALL);
    for _ in 0..stage.settings.bounds.rounds {
        stage.answers(&got, &requires(&[("a", FORM)], None));
        let form = stage.hears();
        answers(&mut stage, &form, r#"{"action":"accept"}"#);
        got = stage.gets("tools/call");
    }
    stage.answers(&got, &requires(&[("a", FORM)], None));
    is_error(&stage.hears(), -32603);
    stage.is_quiet();
}

#[test]
fn an_answer_that_never_comes_ends_the_request() {
    let (mut stage, got) = asked(Legs::PipeToHttp, "2025-11-25", ALL, CALL);
    let held = stage.up.held();
    stage.answers(&got, &requires(&[("a", FORM)], None));
    let form = stage.hears();
    stage.wait(stage.settings.bounds.suspend_for);
    let cancelled = hears(&mut stage, "notifications/cancelled");
    assert_eq!(at(&cancelled, &["params", "requestId"]), at(&form, &["id"]));
    assert_eq!(at(&stage.hears(), &["result", "isError"]), "true");
    assert!(stage.up.held() < held);
    answers(&mut stage, &form, r#"{"action":"accept"}"#);
    stage.is_quiet();
}

#[test]
fn a_request_that_is_cancelled_while_its_client_is_asked_is_over() {
    for legs in LEGS {
        let (mut stage, got) = asked(legs, "2025-11-25", ALL, READ);
        stage.answers(&got, &requires(&[("a", FORM)], None));
        let form = stage.hears();
        stage.client(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"r1"}}"#);
        let cancelled = hears(&mut stage, "notifications/cancelled");
        assert_eq!(at(&cancelled, &["params", "requestId"]), at(&form, &["id"]));
        answers(&mut stage, &form, r#"{"action":"accept"}"#);
        stage.wait(Duration::from_hours(1));
        stage.is_quiet();
        stage.leave();
        assert_eq!(stage.up.held(), 0);
    }
}

#[test]
fn nobody_answers_what_another_session_was_asked() {
    let (mut stage, got) = asked(Legs::HttpToPipe, "2025-11-25", ALL, READ);
    stage.answers(&got, &requires(&[("a", FORM)], None));
    let form = stage.hears();
    stage.speaker = 1;
    stage.greet("2025-11-25", ALL);
    stage.hears();
    answers(&mut stage, &form, r#"{"action":"accept"}"#);
    stage.is_quiet();
    stage.speaker = 0;
    answers(&mut stage, &form, r#"{"action":"decline"}"#);
    answers(&mut stage, &form, r#"{"action":"accept"}"#);
    let retry = stage.gets("resources/read");
    assert_eq!(retry.at(&["params", "inputResponses"]), r#"{"a":{"action":"decline"}}"#);
    stage.is_quiet();
}

#[test]
fn a_url_gets_an_id_is_asked_on_and_completed() {
    let (mut stage, got) = asked(Legs::PipeToHttp, "2025-11-25", ALL, CALL);
    stage.answers(&got, &requires(&[("a", URL)], Some("\"s1\"")));
    let visit = hears(&mut stage, "elicitation/create");
    let id = at(&visit, &["params", "elicitationId"]);
    assert!(id.len() > 2);
    assert_eq!(at(&visit, &["params", "url"]), r#""https://a/b""#);
    answers(&mut stage, &visit, r#"{"action":"accept"}"#);
    let retry = stage.gets("tools/call");
    // The person agreed already, so the server is asked on instead of them.
    stage.answers(&retry, &requires(&[("a", URL)], Some("\"s2\"")));
    stage.is_quiet();
    stage.wait(Duration::from_millis(400));
    let retry = stage.gets("tools/call");
    assert_eq!(retry.at(&["params", "inputResponses"]), r#"{"a":{"action":"accept"}}"#);
    assert_eq!(retry.at(&["params", "requestState"]), r#""s2""#);
    stage.answers(&retry, r#"{"content":[]}"#);
    let done = hears(&mut stage, "notifications/elicitation/complete");
    assert_eq!(at(&done, &["params"]), format!("{{\"elicitationId\":{id}}}"));
    assert_eq!(stage.hears().shape().kind, Kind::Result);
    stage.is_quiet();
}

#[test]
fn a_person_who_agreed_is_asked_again_after_a_while() {
    let (mut stage, mut got) = asked(Legs::PipeToHttp, "2025-11-25", ALL, CALL);
    stage.settings.bounds.rounds = 16;
    stage.answers(&got, &requires(&[("a", URL)], None));
    let first = hears(&mut stage, "elicitation/create");
    answers(&mut stage, &first, r#"{"action":"accept"}"#);
    got = stage.gets("tools/call");
    for _ in 0..8 {
        stage.answers(&got, &requires(&[("a", URL)], None));
        stage.is_quiet();
        stage.wait(Duration::from_secs(30));
        got = stage.gets("tools/call");
    }
    stage.answers(&got, &requires(&[("a", URL)], None));
    let second = hears(&mut stage, "elicitation/create");
    assert_ne!(at(&second, &["params", "elicitationId"]), at(&first, &["params", "elicitationId"]));
    answers(&mut stage, &second, r#"{"action":"cancel"}"#);
    got = stage.gets("tools/call");
    stage.answers(&got, r#""error":{"code":-32602,"message":"no"}"#);
    is_error(&stage.hears(), -32602);
    stage.is_quiet();
}

#[test]
fn a_url_that_was_declined_is_asked_again() {
    let (mut stage, got) = asked(Legs::PipeToHttp, "2025-11-25", ALL, CALL);
    stage.answers(&got, &requires(&[("a", URL)], None));
    let visit = stage.hears();
    answers(&mut stage, &visit, r#"{"action":"decline"}"#);
    let retry = stage.gets("tools/call");
    stage.answers(&retry, &requires(&[("a", URL)], None));
    let second = hears(&mut stage, "elicitation/create");
    assert_ne!(at(&second, &["id"]), at(&visit, &["id"]));
}

#[test]
fn progress_keeps_its_mark_over_rounds() {
    let (mut stage, got) = asked(Legs::PipeToHttp, "2025-11-25", ALL, READ);
    let progress = |value: u32| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":"p","progress":{value}}}}}"#
        )
    };
    stage.says(&got, &progress(5));
    stage.answers(&got, &requires(&[("a", FORM)], None));
    assert_eq!(at(&stage.hears(), &["params", "progress"]), "5");
    let form = stage.hears();
    answers(&mut stage, &form, r#"{"action":"accept"}"#);
    let retry = stage.gets("resources/read");
    stage.says(&retry, &progress(1));
    stage.is_quiet();
    stage.says(&retry, &progress(6));
    assert_eq!(at(&stage.hears(), &["params", "progress"]), "6");
}
