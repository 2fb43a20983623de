//! Questions in the midst of a call.

use std::time::Duration;

use tapgate_wire::StreamId;
use tapgate_wire::edge::Heard;
use tapgate_wire::json::find;

use super::stage::{ABLE, ASKABLE, Got, Legs, Stage, Told, text};

const COLLECT: Duration = Duration::from_millis(25);
const FORM: &str = r#"{"jsonrpc":"2.0","id":"e","method":"elicitation/create","params":{"message":"who?","requestedSchema":{"type":"object","properties":{}}}}"#;
const URL: &str = r#"{"jsonrpc":"2.0","id":"u","method":"elicitation/create","params":{"mode":"url","message":"go","url":"https://a.example/","elicitationId":"77"}}"#;
const SAMPLE: &str = r#"{"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{"messages":[],"maxTokens":10,"_meta":{"progressToken":1}}}"#;
const ROOTS: &str = r#"{"jsonrpc":"2.0","id":6,"method":"roots/list"}"#;
const CALL: &str = r#"{"name":"p","arguments":{"a":1.0}}"#;

/// A call of `prompts/get` in which the server asks.
fn asked(stage: &mut Stage, questions: &[&str]) -> (Got, Told) {
    stage.asks("1", "prompts/get", CALL);
    let call = stage.gets("prompts/get");
    for question in questions {
        stage.says(&call, question);
    }
    assert!(stage.heard.is_empty());
    stage.wait(COLLECT);
    let told = stage.hears();
    assert_eq!(told.at(&["result", "resultType"]), "\"input_required\"");
    stage.is_quiet();
    (call, told)
}

/// The key of the question that contains a text.
fn key(told: &Told, part: &str) -> String {
    let requests = told.at(&["result", "inputRequests"]);
    let keys: Vec<&str> = requests.split('"').filter(|word| word.starts_with(['q', 'u'])).collect();
    let has = |key: &&&str| {
        let entry = find(requests.as_bytes(), &[key]);
        entry.is_some_and(|entry| text(entry).contains(part))
    };
    (*keys.iter().find(has).unwrap_or_else(|| panic!("{part} in {requests}"))).to_owned()
}

fn retry(stage: &mut Stage, id: &str, told: &Told, responses: &str) -> StreamId {
    let state = told.at(&["result", "requestState"]);
    let inside = CALL.strip_suffix('}').unwrap();
    stage.asks(
        id,
        "prompts/get",
        &format!(r#"{inside},"inputResponses":{{{responses}}},"requestState":{state}}}"#),
    )
}

const CONSENT: &str = r#"{"action":"accept","content":{"n":1.0}}"#;

#[test]
fn all_kinds_of_questions_go_to_the_client_and_its_answers_to_the_server() {
    for legs in [Legs::HttpToPipe, Legs::HttpToHttp, Legs::PipeToPipe, Legs::HttpToSse] {
        let mut stage = Stage::greeted(legs, ASKABLE);
        let (call, told) = asked(&mut stage, &[FORM, URL, SAMPLE, ROOTS]);
        let entry = |part| {
            let key = key(&told, part);
            (told.at(&["result", "inputRequests", &key]), key)
        };
        let (form, form_key) = entry("who?");
        let (url, url_key) = entry("a.example");
        let (sample, sample_key) = entry("sampling");
        let (roots, roots_key) = entry("roots");
        assert_eq!(
            form,
            r#"{"method":"elicitation/create","params":{"message":"who?","requestedSchema":{"type":"object","properties":{}}}}"#
        );
        assert_eq!(
            url,
            r#"{"method":"elicitation/create","params":{"mode":"url","message":"go","url":"https://a.example/"}}"#
        );
        assert_eq!(sample, r#"{"method":"sampling/createMessage","params":{"messages":[],"maxTokens":10}}"#);
        assert_eq!(roots, r#"{"method":"roots/list"}"#);
        let model = r#"{"role":"assistant","content":{"type":"text","text":"x"},"model":"m"}"#;
        let responses = format!(
            r#""{form_key}":{CONSENT},"{url_key}":{{"action":"accept"}},"{sample_key}":{model},"{roots_key}":{{"roots":[]}},"other":1"#
        );
        let stream = retry(&mut stage, "\"2\"", &told, &responses);
        assert_eq!(stage.gets_answer("\"e\"").at(&["result"]), CONSENT);
        assert_eq!(stage.gets_answer("\"u\"").at(&["result"]), r#"{"action":"accept"}"#);
        assert_eq!(stage.gets_answer("5").at(&["result"]), model);
        assert_eq!(stage.gets_answer("6").at(&["result"]), r#"{"roots":[]}"#);
        stage.is_quiet();
        stage.answers(&call, r#"{"messages":[]}"#);
        let told = stage.hears();
        assert_eq!((told.stream, told.at(&["id"])), (stream, "\"2\"".into()));
        assert_eq!(told.at(&["result", "resultType"]), "\"complete\"");
        stage.is_quiet();
        stage.is_empty();
    }
}

#[test]
fn what_is_missing_or_malformed_is_asked_for_again() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    let (call, told) = asked(&mut stage, &[FORM, ROOTS]);
    let (form, roots) = (key(&told, "who?"), key(&told, "roots"));
    retry(&mut stage, "2", &told, &format!(r#""{form}":{{"action":"accept"}},"{roots}":{{"roots":[]}}"#));
    stage.gets_answer("6");
    let again = stage.hears();
    assert_eq!(again.at(&["id"]), "2");
    assert_eq!(key(&again, "who?"), form);
    assert!(!again.at(&["result", "inputRequests"]).contains("roots"));
    assert_ne!(again.at(&["result", "requestState"]), told.at(&["result", "requestState"]));
    retry(&mut stage, "3", &again, &format!(r#""{form}":{{"action":"decline"}}"#));
    assert_eq!(stage.gets_answer("\"e\"").at(&["result"]), r#"{"action":"decline"}"#);
    stage.answers(&call, r#"{"messages":[]}"#);
    assert_eq!(stage.hears().at(&["id"]), "3");
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn a_state_is_good_once() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    let (call, told) = asked(&mut stage, &[FORM]);
    let form = key(&told, "who?");
    let answer = format!(r#""{form}":{CONSENT}"#);
    retry(&mut stage, "2", &told, &answer);
    stage.gets_answer("\"e\"");
    retry(&mut stage, "3", &told, &answer);
    let refused = stage.hears();
    assert_eq!((refused.at(&["id"]), refused.code()), ("3".into(), "-32602".into()));
    stage.answers(&call, r#"{"messages":[]}"#);
    assert_eq!(stage.hears().at(&["id"]), "2");
    retry(&mut stage, "4", &told, &answer);
    assert_eq!(stage.hears().code(), "-32602");
    // The call never ran again.
    stage.is_quiet();
}

#[test]
fn a_state_is_good_only_for_its_request_and_its_principal() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    let (_, told) = asked(&mut stage, &[FORM]);
    let state = told.at(&["result", "requestState"]);
    let tampered = format!("\"{}A\"", &state[1..state.len() - 2]);
    for (method, params) in [
        ("prompts/get", format!(r#"{{"name":"p","arguments":{{"a":2}},"requestState":{state}}}"#)),
        ("prompts/get", format!(r#"{{"name":"q","arguments":{{"a":1.0}},"requestState":{state}}}"#)),
        ("tools/call", format!(r#"{{"name":"p","arguments":{{"a":1.0}},"requestState":{state}}}"#)),
        ("prompts/get", format!(r#"{{"name":"p","arguments":{{"a":1.0}},"requestState":{tampered}}}"#)),
        ("prompts/get", r#"{"name":"p","arguments":{"a":1.0},"requestState":17}"#.to_owned()),
        (
            "prompts/get",
            format!(r#"{{"name":"p","arguments":{{"a":1.0}},"inputResponses":[],"requestState":{state}}}"#),
        ),
    ] {
        stage.asks("2", method, &params);
        let refused = stage.hears();
        assert_eq!(refused.code(), "-32602", "{params}");
    }
    stage.who = "bob".into();
    retry(&mut stage, "3", &told, "");
    assert_eq!(stage.hears().code(), "-32602");
    // Another process with the same keys holds another call of the same number.
    let mut other = Stage::new(Legs::HttpToPipe);
    other.seal = crate::bridge::seal::Seal::new(&[[7; 32]], [8; 32], 1_700_000_000_000_000_000);
    other.capabilities = ASKABLE.into();
    other.asks("0", "server/discover", "{}");
    other.greets(super::stage::ABLE);
    other.hears();
    asked(&mut other, &[FORM]);
    retry(&mut other, "2", &told, "");
    assert_eq!(other.hears().code(), "-32602");
    // It is still good for whom it was given to.
    stage.who = "ann".into();
    let form = key(&told, "who?");
    retry(&mut stage, "4", &told, &format!(r#""{form}":{CONSENT}"#));
    assert_eq!(stage.gets_answer("\"e\"").at(&["result"]), CONSENT);
}

#[test]
fn what_nobody_comes_back_for_ends() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    let (call, told) = asked(&mut stage, &[FORM, SAMPLE, ROOTS]);
    stage.wait(stage.settings.bounds.suspend_for);
    let cancelled = stage.gets("notifications/cancelled");
    assert_eq!(cancelled.at(&["params", "requestId"]), call.id());
    assert_eq!(stage.gets_answer("\"e\"").at(&["result"]), r#"{"action":"cancel"}"#);
    assert_eq!(stage.gets_answer("5").at(&["error", "code"]), "-1");
    assert_eq!(stage.gets_answer("6").at(&["error", "code"]), "-32603");
    retry(&mut stage, "2", &told, "");
    assert_eq!(stage.hears().code(), "-32602");
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn what_came_meanwhile_waits_for_the_retry() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    let (call, told) = asked(&mut stage, &[FORM]);
    stage.answers(&call, r#"{"messages":[]}"#);
    stage.is_quiet();
    retry(&mut stage, "2", &told, "");
    let done = stage.hears();
    assert_eq!((done.at(&["id"]), done.at(&["result", "messages"])), ("2".into(), "[]".into()));
    stage.is_quiet();

    let (call, told) = asked(&mut stage, &[FORM]);
    stage.breaks(&call);
    stage.is_quiet();
    retry(&mut stage, "2", &told, "");
    let failed = stage.hears();
    assert_eq!(failed.code(), "-32603");
    assert!(failed.says().contains("exit status 3"), "{}", failed.says());
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn more_questions_make_more_rounds_up_to_a_bound() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    let (call, mut told) = asked(&mut stage, &[FORM]);
    for round in 0..4 {
        let form = key(&told, "who?");
        retry(&mut stage, "2", &told, &format!(r#""{form}":{CONSENT}"#));
        stage.gets_answer("\"e\"");
        stage.says(&call, FORM);
        stage.wait(COLLECT);
        told = stage.hears();
        if round == 3 {
            assert_eq!(told.code(), "-32603");
        }
    }
    stage.gets("notifications/cancelled");
    stage.gets_answer("\"e\"");
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn a_call_ends_in_which_the_server_asks_for_what_was_not_declared() {
    const TOOLS: &str = r#"{"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1,"tools":[]}}"#;
    for legs in [Legs::HttpToPipe, Legs::HttpToHttp, Legs::PipeToPipe, Legs::HttpToSse] {
        for (capabilities, question, lacking) in [
            ("{}", SAMPLE, r#"{"sampling":{}}"#),
            ("{}", FORM, r#"{"elicitation":{"form":{}}}"#),
            (r#"{"elicitation":{}}"#, URL, r#"{"elicitation":{"url":{}}}"#),
            (r#"{"elicitation":{"url":{}}}"#, FORM, r#"{"elicitation":{"form":{}}}"#),
            (r#"{"roots":{}}"#, SAMPLE, r#"{"sampling":{}}"#),
            (r#"{"sampling":{}}"#, TOOLS, r#"{"sampling":{"tools":{}}}"#),
        ] {
            let mut stage = Stage::greeted(legs, capabilities);
            stage.asks("1", "prompts/get", CALL);
            let call = stage.gets("prompts/get");
            stage.says(&call, question);
            let told = stage.hears();
            assert_eq!(told.code(), "-32021", "{capabilities} {question}");
            assert_eq!(told.at(&["error", "data", "requiredCapabilities"]), lacking);
            assert!(matches!(told.status, 0 | 400), "{}", told.status);
            assert_eq!(stage.gets("notifications/cancelled").at(&["params", "requestId"]), call.id());
            assert_eq!(stage.gets("").at(&["error", "code"]), "-32601");
            stage.wait(COLLECT);
            stage.is_quiet();
            stage.is_empty();
        }
    }
}

#[test]
fn among_several_calls_only_the_question_is_refused() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.asks("1", "prompts/get", CALL);
    stage.asks("2", "prompts/get", CALL);
    let calls = [stage.gets("prompts/get"), stage.gets("prompts/get")];
    stage.says(&calls[0], SAMPLE);
    assert_eq!(stage.gets_answer("5").at(&["error", "code"]), "-32602");
    for call in calls {
        stage.answers(&call, r#"{"messages":[]}"#);
        assert_eq!(stage.hears().at(&["result", "resultType"]), "\"complete\"");
    }
    stage.is_quiet();
}

#[test]
fn roots_that_are_asked_for_of_nobody_end_no_call() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.asks("1", "prompts/get", CALL);
    let call = stage.gets("prompts/get");
    stage.says(&call, ROOTS);
    assert_eq!(stage.gets_answer("6").at(&["error", "code"]), "-32601");
    stage.answers(&call, r#"{"messages":[]}"#);
    assert_eq!(stage.hears().at(&["result", "resultType"]), "\"complete\"");
    // Where the question names its call, it ends as with all others.
    let mut stage = Stage::greeted(Legs::HttpToHttp, "{}");
    stage.asks("1", "prompts/get", CALL);
    let call = stage.gets("prompts/get");
    stage.says(&call, ROOTS);
    assert_eq!(stage.hears().at(&["error", "data", "requiredCapabilities"]), r#"{"roots":{}}"#);
}

#[test]
fn what_is_still_asked_in_a_call_that_was_given_up_is_not_taken_for_the_next_one() {
    for capabilities in ["{}", r#"{"roots":{},"sampling":{}}"#] {
        let mut stage = Stage::greeted(Legs::HttpToPipe, capabilities);
        stage.asks("1", "prompts/get", CALL);
        let first = stage.gets("prompts/get");
        stage.says(&first, FORM);
        assert_eq!(stage.hears().code(), "-32021");
        stage.gets("notifications/cancelled");
        stage.gets_answer("\"e\"");
        stage.asks("2", "prompts/get", CALL);
        if capabilities != "{}" {
            stage.greets(ABLE);
        }
        let second = stage.gets("prompts/get");
        assert_eq!(first.child() == second.child(), capabilities == "{}");
        stage.says(&first, SAMPLE);
        assert_eq!(stage.gets_answer("5").at(&["error", "code"]), "-32602");
        stage.is_quiet();
        stage.answers(&second, r#"{"messages":[]}"#);
        assert_eq!(stage.hears().at(&["result", "resultType"]), "\"complete\"");
    }
}

#[test]
fn no_other_request_is_answered_with_a_question() {
    let mut stage = Stage::greeted(Legs::HttpToHttp, ASKABLE);
    stage.asks("1", "prompts/list", "{}");
    let list = stage.gets("prompts/list");
    stage.says(&list, FORM);
    assert_eq!(stage.gets_answer("\"e\"").at(&["error", "code"]), "-32602");
    stage.wait(COLLECT);
    stage.is_quiet();
}

#[test]
fn who_leaves_while_questions_gather_cancels_and_later_does_not() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    let stream = stage.asks("1", "prompts/get", CALL);
    let call = stage.gets("prompts/get");
    stage.says(&call, FORM);
    stage.hear(Heard::Left { stream });
    stage.gets("notifications/cancelled");
    assert_eq!(stage.gets_answer("\"e\"").at(&["result"]), r#"{"action":"cancel"}"#);
    stage.wait(COLLECT * 10);
    stage.is_quiet();

    let (_, told) = asked(&mut stage, &[FORM]);
    stage.hear(Heard::Left { stream: told.stream });
    stage.is_quiet();
    let form = key(&told, "who?");
    retry(&mut stage, "2", &told, &format!(r#""{form}":{CONSENT}"#));
    stage.gets_answer("\"e\"");
}

#[test]
fn the_retry_says_anew_which_progress_it_wants() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    stage.meta = r#","progressToken":"old""#.into();
    let (call, told) = asked(&mut stage, &[FORM]);
    let token = call.at(&["params", "_meta", "progressToken"]);
    let progress = |value: u32| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{value}}}}}"#
        )
    };
    stage.says(&call, &progress(9));
    stage.is_quiet();
    stage.meta = r#","progressToken":7"#.into();
    let form = key(&told, "who?");
    retry(&mut stage, "2", &told, &format!(r#""{form}":{CONSENT}"#));
    stage.gets_answer("\"e\"");
    stage.says(&call, &progress(10));
    assert_eq!(stage.hears().at(&["params", "progressToken"]), "7");
}

#[test]
fn a_question_that_is_taken_back_is_not_asked() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    stage.asks("1", "prompts/get", CALL);
    let call = stage.gets("prompts/get");
    stage.says(&call, FORM);
    stage.says(&call, r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"e"}}"#);
    stage.wait(COLLECT);
    stage.is_quiet();
    stage.answers(&call, r#"{"messages":[]}"#);
    assert_eq!(stage.hears().at(&["result", "resultType"]), "\"complete\"");
}

#[test]
fn held_calls_are_bounded_for_each_principal_and_for_all() {
    let mut stage = Stage::greeted(Legs::HttpToHttp, ASKABLE);
    stage.settings.bounds.suspended = 65;
    for n in 0..65 {
        stage.asks(&n.to_string(), "prompts/get", CALL);
        let call = stage.gets("prompts/get");
        stage.says(&call, FORM);
        stage.wait(COLLECT);
        let told = stage.hears();
        if n < 64 {
            assert_eq!(told.at(&["result", "resultType"]), "\"input_required\"");
        } else {
            assert_eq!(told.code(), "-32603");
            let cancelled = stage.gets("notifications/cancelled");
            stage.takes(&cancelled);
            let answer = stage.gets_answer("\"e\"");
            stage.takes(&answer);
        }
    }
    stage.who = "bob".into();
    for n in 0..2 {
        stage.asks(&n.to_string(), "prompts/get", CALL);
        if n == 0 {
            stage.greets(super::stage::ABLE);
        }
        let call = stage.gets("prompts/get");
        stage.says(&call, FORM);
        stage.wait(COLLECT);
        let told = stage.hears();
        assert_eq!(told.code(), if n == 0 { "" } else { "-32603" });
    }
}

const REQUIRED: &str = r#""error":{"code":-32042,"message":"go","data":{"elicitations":[{"mode":"url","elicitationId":"9","url":"https://b.example/","message":"sign in"}]}}"#;

#[test]
fn a_page_to_open_is_a_question_and_the_retry_a_new_call() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    stage.asks("1", "prompts/get", CALL);
    let call = stage.gets("prompts/get");
    stage.answers(&call, REQUIRED);
    let told = stage.hears();
    assert_eq!(
        told.at(&["result", "inputRequests", "u0"]),
        r#"{"method":"elicitation/create","params":{"mode":"url","url":"https://b.example/","message":"sign in"}}"#
    );
    stage.is_quiet();
    retry(&mut stage, "2", &told, r#""u0":{"action":"accept"}"#);
    let call = stage.gets("prompts/get");
    assert_eq!(call.at(&["params"]), CALL);
    stage.answers(&call, REQUIRED);
    let again = stage.hears();
    assert_eq!(again.at(&["id"]), "2");
    retry(&mut stage, "3", &again, r#""u0":{"action":"decline"}"#);
    let declined = stage.hears();
    assert_eq!((declined.at(&["id"]), declined.code()), ("3".into(), "-32603".into()));
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn pages_are_not_asked_for_without_end() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    stage.asks("1", "prompts/get", CALL);
    for round in 0..5 {
        let call = stage.gets("prompts/get");
        stage.answers(&call, REQUIRED);
        let told = stage.hears();
        if round == 4 {
            assert_eq!(told.code(), "-32603");
        } else {
            retry(&mut stage, "2", &told, r#""u0":{"action":"accept"}"#);
        }
    }
    stage.is_quiet();
}

#[test]
fn a_client_that_opens_no_pages_hears_what_it_lacks() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    stage.asks("1", "prompts/get", CALL);
    let call = stage.gets("prompts/get");
    stage.answers(&call, REQUIRED);
    let told = stage.hears();
    assert_eq!((told.code(), told.status), ("-32021".into(), 400));
    assert_eq!(told.at(&["error", "data"]), r#"{"requiredCapabilities":{"elicitation":{"url":{}}}}"#);
}

#[test]
fn a_server_cannot_ask_without_end_in_one_call() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    stage.asks("1", "prompts/get", CALL);
    let call = stage.gets("prompts/get");
    for _ in 0..33 {
        stage.says(&call, ROOTS);
    }
    assert_eq!(stage.gets_answer("6").at(&["error", "code"]), "-32603");
    stage.is_quiet();
    stage.wait(COLLECT);
    assert_eq!(stage.hears().at(&["result", "inputRequests"]).matches("roots/list").count(), 32);
}

#[test]
fn a_task_asks_as_its_call_would() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, ASKABLE);
    stage.asks("1", "tools/call", r#"{"name":"t"}"#);
    let list = stage.gets("tools/list");
    stage.answers(&list, r#"{"tools":[{"name":"t","execution":{"taskSupport":"required"}}]}"#);
    let call = stage.gets("tools/call");
    stage.answers(&call, r#"{"task":{"taskId":"t1","status":"working"}}"#);
    let wait = stage.gets("tasks/result");
    stage.says(&wait, FORM);
    stage.wait(COLLECT);
    let told = stage.hears();
    let (form, state) = (key(&told, "who?"), told.at(&["result", "requestState"]));
    stage.asks(
        "2",
        "tools/call",
        &format!(r#"{{"name":"t","inputResponses":{{"{form}":{CONSENT}}},"requestState":{state}}}"#),
    );
    assert_eq!(stage.gets_answer("\"e\"").at(&["result"]), CONSENT);
    stage.answers(&wait, r#"{"content":[]}"#);
    assert_eq!(stage.hears().at(&["result", "content"]), "[]");
    // One that nobody comes back for is cancelled as a task.
    stage.asks("3", "tools/call", r#"{"name":"t"}"#);
    let call = stage.gets("tools/call");
    stage.answers(&call, r#"{"task":{"taskId":"t2","status":"working"}}"#);
    let wait = stage.gets("tasks/result");
    stage.says(&wait, FORM);
    stage.wait(COLLECT);
    stage.hears();
    stage.wait(stage.settings.bounds.suspend_for);
    assert_eq!(stage.gets("tasks/cancel").at(&["params"]), r#"{"taskId":"t2"}"#);
    stage.gets_answer("\"e\"");
    stage.is_quiet();
}
