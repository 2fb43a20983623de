//! Calls that were to be tasks and were answered at once.

use super::*;

/// A stage whose client wanted a task for a call that was answered with `result`; and what it calls it.
fn kept(stage: &mut Stage, result: &str) -> String {
    let got = call(stage, r#","task":{}"#);
    stage.answers(&got, result);
    let answer = stage.hears();
    let alias = at(&answer, &["result", "task", "taskId"]);
    assert!(alias.len() > 20, "{:?}", answer.raw());
    alias
}

#[test]
fn a_call_that_is_answered_at_once_is_a_task_that_has_ended() {
    for legs in LEGS {
        for (is_error_too, status) in [("", "completed"), (r#","isError":true"#, "failed")] {
            let mut stage = Stage::tasked(legs, "2025-11-25", ALL);
            let result =
                format!(r#"{{"resultType":"complete","content":[]{is_error_too},"_meta":{{"x":1}}}}"#);
            let alias = kept(&mut stage, &result);
            for _ in 0..2 {
                about(&mut stage, "tasks/get", &alias);
                assert_eq!(
                    at(&stage.hears(), &["result"]),
                    format!(
                        r#"{{"taskId":{alias},"status":"{status}","createdAt":"2023-11-14T22:13:20.000000001Z","lastUpdatedAt":"2023-11-14T22:13:20.000000001Z","ttl":600000,"pollInterval":200}}"#
                    )
                );
                about(&mut stage, "tasks/result", &alias);
                assert_eq!(
                    at(&stage.hears(), &["result"]),
                    format!(
                        r#"{{"content":[]{is_error_too},"_meta":{{"x":1,"io.modelcontextprotocol/related-task":{{"taskId":{alias}}}}}}}"#
                    )
                );
                about(&mut stage, "tasks/cancel", &alias);
                is_error(&stage.hears(), -32602);
            }
            stage.is_quiet();
            stage.wait(stage.settings.bounds.suspend_for);
            for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
                about(&mut stage, method, &alias);
                is_error(&stage.hears(), -32602);
            }
            leaves_nothing(stage);
        }
    }
}

#[test]
fn a_call_that_asks_before_it_is_a_task_is_one() {
    let mut stage = Stage::tasked(Legs::PipeToHttp, "2025-11-25", ALL);
    let got = call(&mut stage, r#","task":{}"#);
    let asks =
        format!(r#"{{"resultType":"input_required","inputRequests":{{"k":{FORM}}},"requestState":"s"}}"#);
    stage.answers(&got, &asks);
    let form = stage.hears();
    assert_eq!(at(&form, &["params", "_meta"]), "");
    answers(&mut stage, &form, r#"{"action":"accept"}"#);
    let again = stage.gets("tools/call");
    assert_eq!(again.at(&["params", "task"]), "");
    stage.answers(&again, &state("task", "working", ""));
    assert!(at(&stage.hears(), &["result", "task", "taskId"]).len() > 20);
    stage.is_quiet();
    leaves_nothing(stage);
}

#[test]
fn a_call_whose_questions_are_declined_is_a_task_that_failed() {
    let mut stage = Stage::tasked(Legs::PipeToHttp, "2025-11-25", ALL);
    let got = call(&mut stage, r#","task":{}"#);
    let asks = format!(r#"{{"resultType":"input_required","inputRequests":{{"a":{ROOTS},"b":{FORM}}}}}"#);
    stage.answers(&got, &asks);
    let (roots, form) = (stage.hears(), stage.hears());
    answers(&mut stage, &roots, r#""error":{"code":-1,"message":"not mine"}"#);
    assert_eq!(at(&stage.hears(), &["params", "requestId"]), at(&form, &["id"]));
    let task = stage.hears();
    assert_eq!(at(&task, &["result", "task", "status"]), r#""failed""#, "{:?}", task.raw());
    about(&mut stage, "tasks/result", &at(&task, &["result", "task", "taskId"]));
    assert!(at(&stage.hears(), &["result", "content"]).contains("not mine"));
    stage.is_quiet();
    leaves_nothing(stage);
}

#[test]
fn an_error_is_no_task() {
    let mut stage = Stage::tasked(Legs::PipeToHttp, "2025-11-25", ALL);
    let got = call(&mut stage, r#","task":{}"#);
    stage.answers(&got, r#""error":{"code":-32602,"message":"no such tool"}"#);
    is_error(&stage.hears(), -32602);
    leaves_nothing(stage);
}

#[test]
fn the_oldest_answer_makes_room() {
    let mut stage = Stage::tasked(Legs::HttpToPipe, "2025-11-25", ALL);
    (stage.settings.bounds.suspended, stage.settings.bounds.kept_bytes) = (3, 1000);
    let held = stage.up.held();
    let all: Vec<String> = (0..5).map(|_| kept(&mut stage, r#"{"content":[]}"#)).collect();
    // Each is an answer and the appointment to forget it.
    assert_eq!(stage.up.held() - held, 3 * 2);
    for (n, alias) in all.iter().enumerate() {
        about(&mut stage, "tasks/get", alias);
        assert_eq!(stage.hears().shape().kind, if n < 2 { Kind::Error } else { Kind::Result });
    }
    let large = "x".repeat(600);
    let large = format!(r#"{{"content":[],"x":"{large}"}}"#);
    let first = kept(&mut stage, &large);
    let second = kept(&mut stage, &large);
    for (alias, kind) in [(first, Kind::Error), (second, Kind::Result)] {
        about(&mut stage, "tasks/get", &alias);
        assert_eq!(stage.hears().shape().kind, kind);
    }
    let got = call(&mut stage, r#","task":{}"#);
    let huge = "x".repeat(1000);
    stage.answers(&got, &format!(r#"{{"content":[],"x":"{huge}"}}"#));
    let answer = stage.hears();
    is_error(&answer, -32603);
    assert!(at(&answer, &["error", "message"]).contains("without `task`"));
    leaves_nothing(stage);
}

#[test]
fn a_kept_answer_is_not_mistaken_for_that_of_another_process() {
    let mut first = Stage::tasked(Legs::HttpToHttp, "2025-11-25", ALL);
    let alias = kept(&mut first, r#"{"content":["first"]}"#);
    let mut stage = Stage::tasked(Legs::HttpToHttp, "2025-11-25", ALL);
    stage.seed([8; 32]);
    kept(&mut stage, r#"{"content":["second"]}"#);
    about(&mut stage, "tasks/result", &alias);
    is_error(&stage.hears(), -32602);
    stage.is_quiet();
}
