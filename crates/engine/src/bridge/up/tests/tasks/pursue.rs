//! Calls that a server makes tasks of although their client did not ask for one.

use super::*;

/// A stage whose server made a task of a call; the client knows nothing of it.
fn pursued(legs: Legs, revision: &str) -> Stage {
    let mut stage = Stage::tasked(legs, revision, ALL);
    let got = call(&mut stage, "");
    let declared = got.at(&["params", "_meta", "io.modelcontextprotocol/clientCapabilities", "extensions"]);
    assert_eq!(declared, EXTENSION);
    stage.answers(&got, &state("task", "working", ""));
    stage.is_quiet();
    stage
}

#[test]
fn a_task_that_nobody_wanted_is_followed_to_its_end() {
    for legs in LEGS {
        for revision in ["2025-11-25", "2025-06-18", "2025-03-26"] {
            let mut stage = pursued(legs, revision);
            stage.wait(TICK);
            let got = stage.gets("tasks/get");
            stage.answers(&got, &working());
            stage.wait(TICK);
            let got = stage.gets("tasks/get");
            stage.answers(&got, &completed());
            let answer = stage.hears();
            assert_eq!(
                (at(&answer, &["id"]), at(&answer, &["result"])),
                (r#""c1""#.into(), r#"{"content":[]}"#.into())
            );
            stage.is_quiet();
            leaves_nothing(stage);
        }
    }
}

#[test]
fn what_it_asks_for_its_client_is_asked_as_in_any_call() {
    let mut stage = pursued(Legs::HttpToPipe, "2025-06-18");
    stage.wait(TICK);
    let got = stage.gets("tasks/get");
    stage.answers(&got, &asking(&[("a", FORM)]));
    let form = stage.hears();
    assert_eq!((at(&form, &["params", "_meta"]), at(&form, &["params", "mode"])), Default::default());
    answers(&mut stage, &form, r#"{"action":"accept","_meta":{}}"#);
    let update = stage.gets("tasks/update");
    assert_eq!(update.at(&["params", "inputResponses"]), r#"{"a":{"action":"accept"}}"#);
    stage.answers(&update, "{}");
    stage.wait(TICK);
    let got = stage.gets("tasks/get");
    stage.answers(&got, &state("complete", "failed", r#","error":{"code":-32017,"message":"no"}"#));
    is_error(&stage.hears(), -32017);
    leaves_nothing(stage);
}

#[test]
fn rounds_before_the_task_are_not_given_to_it() {
    let mut stage = Stage::tasked(Legs::PipeToHttp, "2025-11-25", ALL);
    let got = call(&mut stage, "");
    stage.answers(&got, &format!(r#"{{"resultType":"input_required","inputRequests":{{"k":{FORM}}}}}"#));
    let form = stage.hears();
    answers(&mut stage, &form, r#"{"action":"accept"}"#);
    let again = stage.gets("tools/call");
    stage.answers(&again, &state("task", "working", ""));
    stage.wait(TICK);
    let got = stage.gets("tasks/get");
    stage.answers(&got, &completed());
    assert_eq!(stage.hears().shape().kind, Kind::Result);
}

#[test]
fn a_client_that_cancels_its_call_cancels_the_task() {
    for legs in LEGS {
        for is_asked in [false, true] {
            let mut stage = pursued(legs, "2025-11-25");
            stage.wait(TICK);
            let got = stage.gets("tasks/get");
            if is_asked {
                stage.answers(&got, &asking(&[("a", FORM)]));
                stage.hears();
            }
            stage.client(
                r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c1"}}"#,
            );
            if is_asked {
                assert_eq!(stage.hears().shape().method().as_deref(), Some("notifications/cancelled"));
            } else if legs == Legs::HttpToPipe {
                // It is the question that this cancels.
                let told = stage.gets("notifications/cancelled");
                assert_eq!(told.at(&["params", "requestId"]), got.id());
            }
            let cancel = stage.gets("tasks/cancel");
            assert_eq!(cancel.at(&["params", "taskId"]), r#""job""#);
            stage.answers(&cancel, "{}");
            stage.is_quiet();
            stage.leave();
            assert_eq!(stage.up.held(), 0);
        }
    }
}

#[test]
fn a_session_that_ends_cancels_the_tasks_of_its_calls() {
    for legs in LEGS {
        let mut stage = pursued(legs, "2025-11-25");
        stage.leave();
        stage.got.retain(|got| got.method() != "notifications/cancelled");
        stage.gets("tasks/cancel");
        // The server says nothing to that.
        stage.wait(Duration::from_secs(30));
        assert_eq!((stage.up.held(), stage.back.held().calls), (0, 0));
    }
}

#[test]
fn a_client_that_declines_ends_its_call_and_the_task() {
    let mut stage = pursued(Legs::HttpToPipe, "2025-11-25");
    stage.wait(TICK);
    let got = stage.gets("tasks/get");
    stage.answers(&got, &asking(&[("a", ROOTS)]));
    let roots = stage.hears();
    answers(&mut stage, &roots, r#""error":{"code":-1,"message":"not mine"}"#);
    let answer = stage.hears();
    assert_eq!(at(&answer, &["result", "isError"]), "true");
    assert!(at(&answer, &["result", "content"]).contains("not mine"));
    stage.gets("tasks/cancel");
    stage.is_quiet();
    leaves_nothing(stage);
}

#[test]
fn questions_about_a_task_are_asked_again_when_they_break() {
    for legs in [Legs::PipeToHttp, Legs::HttpToHttp] {
        let mut stage = pursued(legs, "2025-11-25");
        stage.wait(TICK);
        for wait in [200, 400, 800, 1600, 3200] {
            let got = stage.gets("tasks/get");
            stage.breaks(&got, true);
            stage.wait(Duration::from_millis(wait - 1));
            stage.is_quiet();
            stage.wait(Duration::from_millis(1));
        }
        let got = stage.gets("tasks/get");
        stage.refuses(&got, 503, &[], "busy");
        is_error(&stage.hears(), -32603);
        stage.gets("tasks/cancel");
        leaves_nothing(stage);
    }
}

#[test]
fn a_server_that_answers_in_between_may_fail_again() {
    let mut stage = pursued(Legs::PipeToHttp, "2025-11-25");
    stage.wait(TICK);
    for _ in 0..20 {
        let got = stage.gets("tasks/get");
        stage.breaks(&got, true);
        stage.wait(TICK);
        let got = stage.gets("tasks/get");
        stage.answers(&got, &working());
        stage.wait(TICK);
    }
    stage.gets("tasks/get");
    stage.is_quiet();
    leaves_nothing(stage);
}

#[test]
fn an_answer_that_got_lost_is_given_again() {
    let mut stage = pursued(Legs::PipeToHttp, "2025-11-25");
    stage.wait(TICK);
    let got = stage.gets("tasks/get");
    stage.answers(&got, &asking(&[("a", FORM)]));
    let form = stage.hears();
    answers(&mut stage, &form, r#"{"action":"accept"}"#);
    let update = stage.gets("tasks/update");
    stage.breaks(&update, true);
    stage.wait(Duration::from_millis(200));
    let again = stage.gets("tasks/update");
    assert_eq!(again.at(&["params", "inputResponses"]), update.at(&["params", "inputResponses"]));
    stage.answers(&again, "{}");
    stage.wait(TICK);
    let got = stage.gets("tasks/get");
    stage.answers(&got, &completed());
    assert_eq!(stage.hears().shape().kind, Kind::Result);
    leaves_nothing(stage);
}

#[test]
fn a_call_whose_task_failed_is_not_made_again() {
    for error in [-32020, -32022, -32001] {
        let mut stage = pursued(Legs::PipeToHttp, "2025-11-25");
        stage.wait(TICK);
        let got = stage.gets("tasks/get");
        let data = r#""data":{"supported":["2026-07-28"]}"#;
        let error = format!(r#","error":{{"code":{error},"message":"HeaderMismatch",{data}}}"#);
        stage.answers(&got, &state("complete", "failed", &error));
        is_error(&stage.hears(), -32603);
        stage.is_quiet();
        leaves_nothing(stage);
    }
}

#[test]
fn a_task_that_has_ended_when_it_is_made_is_asked_for_its_outcome_at_once() {
    for status in ["completed", "failed", "cancelled"] {
        let mut stage = Stage::tasked(Legs::PipeToHttp, "2025-11-25", ALL);
        let got = call(&mut stage, "");
        stage.answers(&got, &state("task", status, ""));
        let got = stage.gets("tasks/get");
        stage.answers(&got, &completed());
        assert_eq!(stage.hears().shape().kind, Kind::Result);
        stage.is_quiet();
        leaves_nothing(stage);
    }
}

#[test]
fn a_task_without_an_interval_is_asked_about_less_and_less() {
    let mut stage = Stage::tasked(Legs::PipeToHttp, "2025-11-25", ALL);
    let got = call(&mut stage, "");
    let plain = r#"{"resultType":"task","taskId":"job","status":"working"}"#;
    stage.answers(&got, plain);
    for wait in [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000] {
        stage.wait(Duration::from_millis(wait - 1));
        stage.is_quiet();
        stage.wait(Duration::from_millis(1));
        let got = stage.gets("tasks/get");
        stage.answers(&got, &plain.replace("\"task\"", "\"complete\""));
    }
    leaves_nothing(stage);
}
