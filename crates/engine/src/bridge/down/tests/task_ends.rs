//! How tasks end: with a result, with an error, cancelled, or with their server.

use std::time::Duration;

use tapgate_wire::edge::Heard;

use super::stage::{ABLE, Got, Legs, Stage, Told};
use super::tasks::{
    DAY, FORM, LEGS, TIMES, asks, begin, get, get_ended, stage, stage_of, state, takes, update,
};

#[test]
fn a_task_that_is_cancelled_is_cancelled_as_one() {
    for legs in LEGS {
        let mut stage = stage(legs);
        let (id, wait) = begin(&mut stage, "t1");
        stage.says(&wait, &asks("\"e\"", "elicitation/create", "t1", FORM));
        for _ in 0..3 {
            stage.asks("2", "tasks/cancel", &format!(r#"{{"taskId":{id}}}"#));
            assert_eq!(stage.hears().at(&["result"]), r#"{"resultType":"complete"}"#);
        }
        let answer = stage.gets_answer("\"e\"");
        assert_eq!(answer.at(&["result"]), r#"{"action":"cancel"}"#);
        stage.takes(&answer);
        let cancel = stage.gets("tasks/cancel");
        assert_eq!(cancel.at(&["params"]), r#"{"taskId":"t1"}"#);
        stage.is_quiet();
        stage.answers(&cancel, &state("t1", "cancelled", r#","statusMessage":"enough""#));
        let told = get_ended(&mut stage, &id);
        assert_eq!(
            told.at(&["result"]),
            format!(
                r#"{{"taskId":{id},"status":"cancelled",{TIMES},"statusMessage":"enough","ttlMs":60000,"resultType":"complete"}}"#
            )
        );
        // The late answer of the outcome is nobody's.
        if legs != Legs::HttpToHttp {
            stage.answers(&wait, r#""error":{"code":-32603,"message":"cancelled"}"#);
        }
        stage.is_quiet();
        stage.is_empty();
    }
}

#[test]
fn a_call_that_is_given_up_before_it_is_a_task_is_cancelled_as_one() {
    let mut stage = stage(Legs::HttpToPipe);
    let stream = stage.asks("1", "tools/call", r#"{"name":"optional"}"#);
    let call = stage.gets("tools/call");
    stage.hear(Heard::Left { stream });
    stage.is_quiet();
    stage.answers(&call, &format!(r#"{{"task":{}}}"#, state("t1", "working", "")));
    let cancel = stage.gets("tasks/cancel");
    assert_eq!(cancel.at(&["params"]), r#"{"taskId":"t1"}"#);
    stage.answers(&cancel, &state("t1", "cancelled", ""));
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn a_task_that_ends_all_the_same_has_its_result() {
    let mut stage = stage(Legs::HttpToPipe);
    let (id, wait) = begin(&mut stage, "t1");
    stage.asks("2", "tasks/cancel", &format!(r#"{{"taskId":{id}}}"#));
    stage.hears();
    let cancel = stage.gets("tasks/cancel");
    stage.answers(&cancel, r#""error":{"code":-32602,"message":"it has ended"}"#);
    stage.answers(&wait, r#"{"content":[]}"#);
    let last = stage.gets("tasks/get");
    stage.answers(&last, &state("t1", "completed", ""));
    assert_eq!(get_ended(&mut stage, &id).at(&["result", "result", "content"]), "[]");
    // One that has ended is not cancelled any more.
    stage.asks("2", "tasks/cancel", &format!(r#"{{"taskId":{id}}}"#));
    assert_eq!(stage.hears().at(&["result"]), r#"{"resultType":"complete"}"#);
    stage.is_quiet();
}

#[test]
fn a_server_that_cannot_cancel_is_not_asked_to() {
    let mut stage = stage_of(Legs::HttpToPipe, &takes(""), ABLE);
    let (id, _) = begin(&mut stage, "t1");
    stage.asks("2", "tasks/cancel", &format!(r#"{{"taskId":{id}}}"#));
    stage.hears();
    assert_eq!(get_ended(&mut stage, &id).at(&["result", "status"]), "\"cancelled\"");
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn an_error_is_the_end_of_a_task() {
    let mut stage = stage(Legs::HttpToPipe);
    let (id, wait) = begin(&mut stage, "t1");
    stage.answers(&wait, r#""error":{"code":-32017,"message":"no","data":[1.0]}"#);
    // Until it is known that the task has ended, it goes on for its client.
    let told = get_before(&mut stage, &id);
    assert_eq!(told.at(&["result", "status"]), "\"working\"");
    assert_eq!(told.at(&["result", "error"]), "");
    let last = stage.gets("tasks/get");
    stage.answers(&last, &state("t1", "failed", ""));
    let told = get_ended(&mut stage, &id);
    assert_eq!(told.at(&["result", "status"]), "\"failed\"");
    assert_eq!(told.at(&["result", "error"]), r#"{"code":-32017,"message":"no","data":[1.0]}"#);
}

/// Asks for a task while the bridge itself asks for it.
#[track_caller]
fn get_before(stage: &mut Stage, id: &str) -> Told {
    let own = stage.got.pop_front().unwrap();
    let told = get(stage, id, &state("t1", "completed", ""));
    stage.got.push_front(own);
    told
}

/// Calls a tool that becomes a task without an end.
#[track_caller]
pub(super) fn begin_for_ever(stage: &mut Stage) -> (String, Got) {
    stage.asks("1", "tools/call", r#"{"name":"required"}"#);
    let call = stage.gets("tools/call");
    stage.answers(&call, r#"{"task":{"taskId":"t1","status":"working"}}"#);
    let id = stage.hears().at(&["result", "taskId"]);
    (id, stage.gets("tasks/result"))
}

#[test]
fn a_server_that_does_not_wait_with_its_answer_is_asked_again() {
    const WORKING: &str = r#"{"taskId":"t1","status":"working"}"#;
    let mut stage = stage(Legs::HttpToPipe);
    let (id, mut wait) = begin_for_ever(&mut stage);
    for _ in 0..30 {
        stage.answers(&wait, r#""error":{"code":-32600,"message":"not ready"}"#);
        let last = stage.gets("tasks/get");
        stage.answers(&last, WORKING);
        assert_eq!(get(&mut stage, &id, WORKING).at(&["result", "error"]), "");
        stage.is_quiet();
        stage.wait(stage.settings.bounds.backoff.1);
        wait = stage.gets("tasks/result");
    }
    // As soon as a client hears that it has ended, it is asked at once.
    stage.answers(&wait, r#""error":{"code":-32600,"message":"not ready"}"#);
    let last = stage.gets("tasks/get");
    stage.answers(&last, WORKING);
    let told = get(&mut stage, &id, r#"{"taskId":"t1","status":"completed"}"#);
    assert_eq!(told.at(&["result", "status"]), "\"working\"");
    let wait = stage.gets("tasks/result");
    stage.answers(&wait, r#"{"content":[]}"#);
    let last = stage.gets("tasks/get");
    stage.answers(&last, r#""error":{"code":-32602,"message":"unknown"}"#);
    assert_eq!(get_ended(&mut stage, &id).at(&["result", "status"]), "\"completed\"");
    stage.wait(DAY);
    stage.is_empty();
}

#[test]
fn a_broken_wait_is_begun_again_and_not_for_ever() {
    let mut stage = stage(Legs::HttpToHttp);
    let (id, mut wait) = begin_for_ever(&mut stage);
    let mut n_tries = 1;
    while n_tries < 100 {
        stage.breaks(&wait);
        stage.wait(Duration::from_secs(31));
        if stage.got.is_empty() {
            break;
        }
        wait = stage.gets("tasks/result");
        n_tries += 1;
    }
    assert_eq!(n_tries, 12);
    let told = get_ended(&mut stage, &id);
    assert_eq!(told.at(&["result", "error", "code"]), "-32603");
    assert!(told.at(&["result", "error", "message"]).contains("files"), "{told:?}");
    stage.wait(DAY);
    stage.is_empty();
}

#[test]
fn a_server_that_dies_fails_its_tasks() {
    let mut stage = stage(Legs::HttpToPipe);
    let (one, wait) = begin(&mut stage, "t1");
    let (two, _) = begin(&mut stage, "t2");
    stage.asks("3", "tasks/get", &format!(r#"{{"taskId":{two}}}"#));
    stage.gets("tasks/get");
    stage.breaks(&wait);
    assert_eq!(stage.hears().at(&["result", "status"]), "\"failed\"");
    for id in [one, two] {
        let told = get_ended(&mut stage, &id);
        assert_eq!(told.at(&["result", "status"]), "\"failed\"");
        assert!(told.at(&["result", "error", "message"]).contains("`files` ended"), "{told:?}");
        assert_eq!(update(&mut stage, &id, "{}").at(&["result"]), r#"{"resultType":"complete"}"#);
    }
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn a_session_that_is_forgotten_fails_its_tasks() {
    let mut stage = stage(Legs::HttpToHttp);
    let (id, _) = begin(&mut stage, "t1");
    stage.asks("3", "prompts/get", r#"{"name":"p"}"#);
    let call = stage.gets("prompts/get");
    stage.refuses(&call, 404, &[("content-type", "text/plain")], "");
    let told = get_ended(&mut stage, &id);
    assert_eq!(told.at(&["result", "status"]), "\"failed\"");
    assert!(told.at(&["result", "error", "message"]).contains("session"), "{told:?}");
}
