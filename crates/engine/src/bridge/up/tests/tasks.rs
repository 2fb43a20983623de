//! Tasks of a modern server, as legacy clients have them.

mod hostile;
mod kept;
mod pursue;

use std::time::Duration;

use tapgate_wire::{Kind, Message};

use super::stage::{Got, LEGS, Legs, Stage, at, is_error};

const ALL: &str = r#"{"roots":{},"sampling":{},"elicitation":{"form":{},"url":{}},"tasks":{}}"#;
const FORM: &str = r#"{"method":"elicitation/create","params":{"mode":"form","message":"?","requestedSchema":{"type":"object","properties":{}}}}"#;
const ROOTS: &str = r#"{"method":"roots/list"}"#;
const EXTENSION: &str = r#"{"io.modelcontextprotocol/tasks":{}}"#;
const TICK: Duration = Duration::from_secs(1);

/// The state of the server's task `job`, with these further members.
fn state(kind: &str, status: &str, more: &str) -> String {
    format!(
        r#"{{"resultType":"{kind}","taskId":"job","status":"{status}","createdAt":"2026-07-28T00:00:00Z","lastUpdatedAt":"2026-07-28T00:00:01Z","ttlMs":60000,"pollIntervalMs":1000{more}}}"#
    )
}

fn working() -> String {
    state("complete", "working", "")
}

fn completed() -> String {
    state("complete", "completed", r#","result":{"resultType":"complete","content":[]}"#)
}

fn asking(entries: &[(&str, &str)]) -> String {
    let entries: Vec<_> = entries.iter().map(|(key, entry)| format!("\"{key}\":{entry}")).collect();
    state("complete", "input_required", &format!(r#","inputRequests":{{{}}}"#, entries.join(",")))
}

/// The client calls a tool, with these further parameters; the server gets it.
fn call(stage: &mut Stage, more: &str) -> Got {
    stage.client(&format!(
        r#"{{"jsonrpc":"2.0","id":"c1","method":"tools/call","params":{{"name":"t"{more}}}}}"#
    ));
    if stage.got.front().is_some_and(|got| got.method() == "tools/list") {
        let list = stage.gets("tools/list");
        stage.answers(&list, r#"{"tools":[]}"#);
    }
    stage.gets("tools/call")
}

/// A stage whose client wanted a task and got one, and what it calls it, as JSON.
fn with_task(legs: Legs) -> (Stage, String) {
    let mut stage = Stage::tasked(legs, "2025-11-25", ALL);
    let alias = made(&mut stage);
    (stage, alias)
}

fn made(stage: &mut Stage) -> String {
    let got = call(stage, r#","task":{"ttl":5}"#);
    stage.answers(&got, &state("task", "working", ""));
    let answer = stage.hears();
    let alias = at(&answer, &["result", "task", "taskId"]);
    assert!(alias.len() > 20, "{:?}", answer.raw());
    alias
}

/// The client asks about a task.
fn about(stage: &mut Stage, method: &str, alias: &str) {
    stage.client(&format!(
        r#"{{"jsonrpc":"2.0","id":"q","method":"{method}","params":{{"taskId":{alias},"_meta":{{"mine":1,"progressToken":"p"}}}}}}"#
    ));
}

fn answers(stage: &mut Stage, asked: &Message, result: &str) {
    let member =
        if result.starts_with("\"error\"") { result.to_owned() } else { format!("\"result\":{result}") };
    stage.client(&format!(r#"{{"jsonrpc":"2.0","id":{},{member}}}"#, at(asked, &["id"])));
}

/// Over all sessions' ends and all waits, nothing stays.
#[track_caller]
fn leaves_nothing(mut stage: Stage) {
    stage.leave();
    stage.wait(Duration::from_mins(11));
    assert_eq!((stage.up.held(), stage.back.held().calls), (0, 0));
}

#[test]
fn tasks_are_offered_to_clients_that_know_them() {
    for (revision, has_them) in [("2025-11-25", true), ("2025-06-18", false), ("2024-11-05", false)] {
        let mut stage = Stage::with_tasks(Legs::HttpToPipe);
        stage.greet(revision, ALL);
        let answer = stage.hears();
        let said = |name| at(&answer, &["result", "capabilities", name]);
        let offered = r#"{"cancel":{},"requests":{"tools":{"call":{}}}}"#;
        assert_eq!(said("tasks"), if has_them { offered } else { "" });
        assert_eq!(said("extensions"), "{}");
        stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
        let list = stage.gets("tools/list");
        stage.answers(&list, r#"{"tools":[{"name":"t"}]}"#);
        let tools = at(&stage.hears(), &["result", "tools"]);
        let support = if has_them { r#","execution":{"taskSupport":"optional"}"# } else { "" };
        assert_eq!(tools, format!(r#"[{{"name":"t"{support}}}]"#));
        if !has_them {
            about(&mut stage, "tasks/get", "\"x\"");
            is_error(&stage.hears(), -32601);
        }
    }
}

#[test]
fn a_server_without_tasks_hears_nothing_of_them() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "2025-11-25", ALL);
    let got = call(&mut stage, r#","task":{"ttl":5}"#);
    assert_eq!(got.at(&["params", "task"]), "");
    assert!(!got.at(&["params", "_meta"]).contains("tasks"), "{:?}", got.message.raw());
    stage.answers(&got, r#"{"content":[]}"#);
    assert_eq!(at(&stage.hears(), &["result"]), r#"{"content":[]}"#);
    stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    let list = stage.gets("tools/list");
    stage.answers(&list, r#"{"tools":[{"name":"t"}]}"#);
    assert_eq!(at(&stage.hears(), &["result", "tools"]), r#"[{"name":"t"}]"#);
    leaves_nothing(stage);
}

#[test]
fn a_call_that_becomes_a_task_is_one_for_a_client_that_wants_it() {
    for legs in LEGS {
        let mut stage = Stage::tasked(legs, "2025-11-25", ALL);
        let got = call(&mut stage, r#","task":{"ttl":5},"_meta":{"mine":1}"#);
        let declared = |got: &Got| {
            got.at(&["params", "_meta", "io.modelcontextprotocol/clientCapabilities", "extensions"])
        };
        assert_eq!((got.at(&["params", "task"]), declared(&got)), (String::new(), EXTENSION.to_owned()));
        stage.answers(
            &got,
            &state("task", "working", r#","_meta":{"io.modelcontextprotocol/serverInfo":{}}"#),
        );
        let answer = stage.hears();
        let alias = at(&answer, &["result", "task", "taskId"]);
        let times = r#""createdAt":"2026-07-28T00:00:00Z","lastUpdatedAt":"2026-07-28T00:00:01Z""#;
        let task = |status: &str| {
            format!(r#"{{"taskId":{alias},"status":"{status}",{times},"ttl":60000,"pollInterval":1000}}"#)
        };
        assert_eq!(at(&answer, &["result"]), format!(r#"{{"task":{}}}"#, task("working")));
        assert!(!alias.contains("job"), "{alias}");

        about(&mut stage, "tasks/get", &alias);
        let got = stage.gets("tasks/get");
        assert_eq!(
            (got.at(&["params", "taskId"]), declared(&got)),
            (r#""job""#.to_owned(), EXTENSION.to_owned())
        );
        assert_eq!(got.at(&["params", "_meta", "mine"]), "1");
        assert_eq!(got.at(&["params", "_meta", "progressToken"]), "");
        if legs != Legs::HttpToPipe {
            assert_eq!(got.headers["mcp-name"], "job");
        }
        stage.answers(&got, &state("complete", "input_required", r#","inputRequests":{"k":{}}"#));
        assert_eq!(at(&stage.hears(), &["result"]), task("input_required"));
        stage.is_quiet();
        leaves_nothing(stage);
    }
}

#[test]
fn what_the_server_says_of_a_task_that_is_over_reaches_the_client() {
    let (mut stage, alias) = with_task(Legs::HttpToHttp);
    about(&mut stage, "tasks/get", &alias);
    let got = stage.gets("tasks/get");
    let failed = r#","result":{"content":[],"isError":true}"#;
    stage.answers(&got, &state("complete", "completed", failed));
    let answer = stage.hears();
    assert_eq!(
        (at(&answer, &["result", "status"]), at(&answer, &["result", "result"])),
        (r#""failed""#.into(), String::new())
    );
    about(&mut stage, "tasks/get", &alias);
    let got = stage.gets("tasks/get");
    stage.answers(&got, r#""error":{"code":-32602,"message":"no such task"}"#);
    is_error(&stage.hears(), -32602);
    stage.is_quiet();
}

#[test]
fn the_outcome_of_a_task_is_waited_for() {
    for legs in LEGS {
        let (mut stage, alias) = with_task(legs);
        about(&mut stage, "tasks/result", &alias);
        let got = stage.gets("tasks/get");
        stage.answers(&got, &working());
        stage.wait(Duration::from_millis(999));
        stage.is_quiet();
        stage.wait(Duration::from_millis(1));
        let got = stage.gets("tasks/get");
        let result =
            r#","result":{"resultType":"complete","content":[],"structuredContent":[1],"_meta":{"x":1}}"#;
        stage.answers(&got, &state("complete", "completed", result));
        let answer = stage.hears();
        assert_eq!(at(&answer, &["id"]), r#""q""#);
        assert_eq!(
            at(&answer, &["result"]),
            format!(
                r#"{{"content":[{{"type":"text","text":"[1]"}}],"_meta":{{"x":1,"io.modelcontextprotocol/related-task":{{"taskId":{alias}}}}}}}"#
            )
        );
        for (status, error, code) in [
            ("failed", r#","error":{"code":-32017,"message":"no"}"#, -32017),
            ("failed", r#","error":{"code":-32022,"message":"no"}"#, -32603),
            ("cancelled", "", -32603),
        ] {
            about(&mut stage, "tasks/result", &alias);
            let got = stage.gets("tasks/get");
            stage.answers(&got, &state("complete", status, error));
            is_error(&stage.hears(), code);
            stage.is_quiet();
        }
        leaves_nothing(stage);
    }
}

#[test]
fn what_a_task_asks_for_is_asked_in_its_name() {
    for legs in LEGS {
        let (mut stage, alias) = with_task(legs);
        about(&mut stage, "tasks/result", &alias);
        let got = stage.gets("tasks/get");
        stage.answers(&got, &asking(&[("a", FORM), ("b", ROOTS)]));
        let (form, roots) = (stage.hears(), stage.hears());
        for asked in [&form, &roots] {
            let related = at(asked, &["params", "_meta", "io.modelcontextprotocol/related-task", "taskId"]);
            assert_eq!(related, alias);
        }
        answers(&mut stage, &form, r#"{"action":"accept","content":{"n":1.0}}"#);
        stage.is_quiet();
        answers(&mut stage, &roots, r#"{"roots":[]}"#);
        let update = stage.gets("tasks/update");
        assert_eq!(update.at(&["params", "taskId"]), r#""job""#);
        assert_eq!(
            update.at(&["params", "inputResponses"]),
            r#"{"a":{"action":"accept","content":{"n":1.0}},"b":{"roots":[]}}"#
        );
        if legs != Legs::HttpToPipe {
            assert_eq!(update.headers["mcp-name"], "job");
        }
        stage.answers(&update, r#"{"resultType":"complete"}"#);
        stage.is_quiet();
        stage.wait(TICK);
        // The server did not notice yet what it was given, and asks for one thing more.
        let got = stage.gets("tasks/get");
        assert_eq!(got.at(&["params", "inputResponses"]), "");
        stage.answers(&got, &asking(&[("a", FORM), ("c", FORM)]));
        let form = stage.hears();
        stage.is_quiet();
        answers(&mut stage, &form, r#"{"action":"decline"}"#);
        let update = stage.gets("tasks/update");
        assert_eq!(update.at(&["params", "inputResponses"]), r#"{"c":{"action":"decline"}}"#);
        stage.answers(&update, "{}");
        stage.wait(TICK);
        let got = stage.gets("tasks/get");
        stage.answers(&got, &completed());
        assert_eq!(at(&stage.hears(), &["result", "content"]), "[]");
        stage.is_quiet();
        leaves_nothing(stage);
    }
}

#[test]
fn a_client_that_declines_what_a_task_asks_for_is_told_and_may_ask_again() {
    let (mut stage, alias) = with_task(Legs::PipeToHttp);
    about(&mut stage, "tasks/result", &alias);
    let got = stage.gets("tasks/get");
    stage.answers(&got, &asking(&[("b", ROOTS)]));
    let roots = stage.hears();
    answers(&mut stage, &roots, r#""error":{"code":-1,"message":"not mine"}"#);
    let answer = stage.hears();
    is_error(&answer, -32603);
    assert!(at(&answer, &["error", "message"]).contains("not mine"));
    // The task is the client's: it goes on.
    stage.is_quiet();
    about(&mut stage, "tasks/result", &alias);
    stage.gets("tasks/get");
    leaves_nothing(stage);
}

#[test]
fn a_task_that_ends_while_its_client_is_asked_is_over() {
    let (mut stage, alias) = with_task(Legs::PipeToHttp);
    about(&mut stage, "tasks/result", &alias);
    let got = stage.gets("tasks/get");
    stage.answers(&got, &asking(&[("a", FORM)]));
    let form = stage.hears();
    stage.wait(TICK);
    let got = stage.gets("tasks/get");
    // The client answers while the server is asked: its answer goes out after the server's.
    answers(&mut stage, &form, r#"{"action":"accept"}"#);
    stage.is_quiet();
    stage.answers(&got, &asking(&[("a", FORM)]));
    let update = stage.gets("tasks/update");
    stage.answers(&update, "{}");
    stage.wait(TICK);
    let got = stage.gets("tasks/get");
    stage.answers(&got, &asking(&[("b", FORM)]));
    let form = stage.hears();
    stage.wait(TICK);
    let got = stage.gets("tasks/get");
    stage.answers(&got, &state("complete", "cancelled", ""));
    let withdrawn = stage.hears();
    assert_eq!(withdrawn.shape().method().as_deref(), Some("notifications/cancelled"));
    assert_eq!(at(&withdrawn, &["params", "requestId"]), at(&form, &["id"]));
    is_error(&stage.hears(), -32603);
    stage.is_quiet();
    leaves_nothing(stage);
}

#[test]
fn a_question_of_a_task_expires_as_every_other() {
    let (mut stage, alias) = with_task(Legs::PipeToHttp);
    about(&mut stage, "tasks/result", &alias);
    let got = stage.gets("tasks/get");
    stage.answers(&got, &asking(&[("a", FORM)]));
    stage.hears();
    let mut n_polls = 0;
    while stage.heard.is_empty() {
        stage.wait(Duration::from_secs(10));
        n_polls += 1;
        assert!(n_polls < 100);
        while let Some(got) = stage.got.pop_front() {
            stage.answers(&got, &asking(&[("a", FORM)]));
        }
    }
    assert_eq!(stage.hears().shape().method().as_deref(), Some("notifications/cancelled"));
    let answer = stage.hears();
    is_error(&answer, -32603);
    assert!(at(&answer, &["error", "message"]).contains("not given in time"));
    assert_eq!(n_polls, 60);
    leaves_nothing(stage);
}

#[test]
fn a_task_is_cancelled_as_a_task() {
    for legs in LEGS {
        let (mut stage, alias) = with_task(legs);
        about(&mut stage, "tasks/cancel", &alias);
        let got = stage.gets("tasks/get");
        stage.answers(&got, &working());
        let cancel = stage.gets("tasks/cancel");
        assert_eq!(cancel.at(&["params", "taskId"]), r#""job""#);
        stage.answers(&cancel, r#"{"resultType":"complete"}"#);
        let got = stage.gets("tasks/get");
        stage.answers(&got, &working());
        stage.is_quiet();
        stage.wait(Duration::from_millis(200));
        let got = stage.gets("tasks/get");
        stage.answers(&got, &state("complete", "cancelled", ""));
        let answer = stage.hears();
        assert_eq!(at(&answer, &["result", "status"]), r#""cancelled""#);
        assert_eq!(at(&answer, &["result", "taskId"]), alias);
        for status in ["cancelled", "completed", "failed"] {
            about(&mut stage, "tasks/cancel", &alias);
            let got = stage.gets("tasks/get");
            stage.answers(&got, &state("complete", status, ""));
            is_error(&stage.hears(), -32602);
            stage.is_quiet();
        }
        leaves_nothing(stage);
    }
}

#[test]
fn a_server_that_does_not_cancel_is_told_of_to_the_client() {
    let (mut stage, alias) = with_task(Legs::PipeToHttp);
    about(&mut stage, "tasks/cancel", &alias);
    let got = stage.gets("tasks/get");
    stage.answers(&got, &working());
    let cancel = stage.gets("tasks/cancel");
    stage.answers(&cancel, "{}");
    for _ in 0..8 {
        let got = stage.gets("tasks/get");
        stage.answers(&got, &working());
        stage.wait(Duration::from_secs(30));
    }
    let got = stage.gets("tasks/get");
    stage.answers(&got, &working());
    is_error(&stage.hears(), -32603);
    stage.is_quiet();
    leaves_nothing(stage);
}

#[test]
fn waiting_for_a_task_can_be_given_up_and_the_task_goes_on() {
    for legs in LEGS {
        let (mut stage, alias) = with_task(legs);
        about(&mut stage, "tasks/result", &alias);
        let got = stage.gets("tasks/get");
        stage.answers(&got, &working());
        stage.client(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q"}}"#);
        stage.wait(Duration::from_hours(1));
        stage.is_quiet();
        leaves_nothing(stage);
    }
}

/// A client with these credentials begins a session.
fn comes(stage: &mut Stage, speaker: usize, credentials: &'static str) {
    (stage.speaker, stage.credentials) = (speaker, Some(credentials));
    let known = at(stage.server.modern.as_ref().unwrap().discover.as_ref().unwrap(), &["result"]);
    stage.greet("2025-11-25", ALL);
    if !stage.got.is_empty() {
        let discover = stage.gets("server/discover");
        stage.answers(&discover, &known);
    }
    assert_eq!(stage.hears().shape().kind, Kind::Result);
}

#[test]
fn only_who_got_a_task_can_name_it() {
    let mut stage = Stage::with_tasks(Legs::HttpToHttp);
    comes(&mut stage, 0, "Bearer one");
    let alias = made(&mut stage);
    let mut broken = alias.clone();
    broken.replace_range(30..31, if &alias[30..31] == "A" { "B" } else { "A" });
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        for odd in [broken.as_str(), r#""job""#, r#""""#, "7", "null", r#"["x"]"#] {
            about(&mut stage, method, odd);
            is_error(&stage.hears(), -32602);
        }
        stage.client(&format!(r#"{{"jsonrpc":"2.0","id":"q","method":"{method}"}}"#));
        is_error(&stage.hears(), -32602);
    }
    for method in ["tasks/list", "tasks/update", "tasks/x"] {
        about(&mut stage, method, &alias);
        is_error(&stage.hears(), -32601);
    }
    // A name of one kind is no name of another one: that of the session is sealed with the same keys.
    let session = format!("\"{}\"", stage.sessions[&0].to_str().unwrap());
    about(&mut stage, "tasks/get", &session);
    is_error(&stage.hears(), -32602);
    stage.is_quiet();
    comes(&mut stage, 1, "Bearer two");
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        about(&mut stage, method, &alias);
        is_error(&stage.hears(), -32602);
    }
    stage.is_quiet();
    // Who shows the same credentials may come in another session.
    comes(&mut stage, 2, "Bearer one");
    about(&mut stage, "tasks/get", &alias);
    stage.gets("tasks/get");
}

#[test]
fn a_task_is_known_to_the_next_process() {
    let (first, alias) = with_task(Legs::HttpToHttp);
    let mut stage = Stage::new(Legs::HttpToHttp);
    stage.server.modern.as_mut().unwrap().discover = None;
    stage.sessions = first.sessions;
    about(&mut stage, "tasks/get", &alias);
    let got = stage.gets("tasks/get");
    stage.answers(&got, &working());
    assert_eq!(at(&stage.hears(), &["result", "taskId"]), alias);
    made(&mut stage);
}

#[test]
fn what_is_no_wish_for_a_task_is_refused() {
    let mut stage = Stage::tasked(Legs::HttpToPipe, "2025-11-25", ALL);
    for odd in ["7", "[]", "true"] {
        stage.client(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t","task":{odd}}}}}"#
        ));
        is_error(&stage.hears(), -32602);
    }
    let got = call(&mut stage, r#","task":null"#);
    stage.answers(&got, r#"{"content":[]}"#);
    assert_eq!(stage.hears().shape().kind, Kind::Result);
    leaves_nothing(stage);
}
