use super::*;

const TIMES: &str = r#""createdAt":"2025-11-25T10:30:00Z","lastUpdatedAt":"2025-11-25T10:40:00Z""#;

fn answer(result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":"1","result":{result}}}"#)
}

fn notice(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
}

fn message(json: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(json.as_bytes()))
}

fn changed(json: &str, change: impl FnOnce(&mut Draft)) -> String {
    let mut draft = Draft::of(&message(json));
    change(&mut draft);
    String::from_utf8(draft.into_bytes().to_vec()).unwrap()
}

#[test]
fn a_created_task_is_flat_in_the_extension_and_wrapped_in_the_core() {
    let flat = format!(
        r#"{{"resultType":"task","taskId":"t","status":"working",{TIMES},"ttlMs":6e4,"pollIntervalMs":500,"x":1,"_meta":{{"a":1}}}}"#
    );
    let wrapped = format!(
        r#"{{"_meta":{{"a":1}},"task":{{"taskId":"t","status":"working",{TIMES},"x":1,"ttl":6e4,"pollInterval":500}}}}"#
    );
    assert_eq!(changed(&answer(&flat), created_down), answer(&wrapped));
    let back = format!(
        r#"{{"taskId":"t","status":"working",{TIMES},"x":1,"ttlMs":6e4,"pollIntervalMs":500,"resultType":"task","_meta":{{"a":1}}}}"#
    );
    assert_eq!(changed(&answer(&wrapped), created_up), answer(&back));
}

#[test]
fn a_task_that_does_not_say_how_long_it_lives_lives_for_ever() {
    let down = changed(&answer(r#"{"taskId":"t","status":"working"}"#), created_down);
    assert_eq!(down, answer(r#"{"task":{"taskId":"t","status":"working","ttl":null}}"#));
    let up = changed(&answer(r#"{"task":{"taskId":"t"}}"#), created_up);
    assert_eq!(up, answer(r#"{"taskId":"t","ttlMs":null,"resultType":"task"}"#));
}

#[test]
fn the_state_of_a_task_loses_what_the_core_does_not_have() {
    let cases = [
        (
            r#"{"resultType":"complete","taskId":"t","status":"input_required","ttlMs":1,"inputRequests":{"k":{}}}"#,
            r#"{"taskId":"t","status":"input_required","ttl":1}"#,
        ),
        (
            r#"{"resultType":"task","taskId":"t","status":"completed","ttlMs":1,"result":{"isError":false}}"#,
            r#"{"taskId":"t","status":"completed","ttl":1}"#,
        ),
        (
            r#"{"taskId":"t","status":"completed","ttlMs":1,"result":{"isError":true}}"#,
            r#"{"taskId":"t","status":"failed","ttl":1}"#,
        ),
        (
            r#"{"taskId":"t","status":"failed","ttlMs":1,"error":{"code":-32603,"message":"no"}}"#,
            r#"{"taskId":"t","status":"failed","ttl":1,"statusMessage":"no"}"#,
        ),
        (
            r#"{"taskId":"t","status":"failed","statusMessage":"so","ttlMs":1,"error":{"message":"no"}}"#,
            r#"{"taskId":"t","status":"failed","statusMessage":"so","ttl":1}"#,
        ),
    ];
    for (extension, core) in cases {
        assert_eq!(changed(&answer(extension), status_down), answer(core));
        let down = changed(&notice("notifications/tasks", extension), status_down);
        assert_eq!(down, notice("notifications/tasks/status", core));
    }
}

#[test]
fn the_state_of_a_task_gains_its_outcome() {
    let result = answer(
        r#"{"content":[],"isError":true,"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"},"a":1}}"#,
    );
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32017,"message":"no","data":[1.0]}}"#;
    let cases = [
        ("working", None, r#""working","ttlMs":null"#),
        ("input_required", Some(result.as_str()), r#""input_required","ttlMs":null"#),
        ("cancelled", Some(error), r#""cancelled","ttlMs":null"#),
        ("completed", None, r#""completed","ttlMs":null"#),
        (
            "failed",
            Some(result.as_str()),
            r#""completed","ttlMs":null,"result":{"content":[],"isError":true,"_meta":{"a":1}}"#,
        ),
        (
            "completed",
            Some(error),
            r#""failed","ttlMs":null,"error":{"code":-32017,"message":"no","data":[1.0]}"#,
        ),
        ("failed", Some("[]"), r#""failed","ttlMs":null"#),
    ];
    for (status, outcome, expected) in cases {
        let core = format!(r#"{{"taskId":"t","status":"{status}"}}"#);
        let outcome = outcome.map(message);
        let up = changed(&answer(&core), |draft| status_up(draft, outcome.as_ref()));
        assert_eq!(up, answer(&format!(r#"{{"taskId":"t","status":{expected},"resultType":"complete"}}"#)));
        let up =
            changed(&notice("notifications/tasks/status", &core), |draft| status_up(draft, outcome.as_ref()));
        assert_eq!(up, notice("notifications/tasks", &format!(r#"{{"taskId":"t","status":{expected}}}"#)));
    }
}

#[test]
fn the_outcome_of_a_task_answers_the_question_for_it() {
    let named = |task: &str, name: Option<&str>| {
        outcome_down(&message(&answer(task)), name)
            .map(|answer| String::from_utf8(answer.to_wire().to_vec()).unwrap())
    };
    let outcome = |task: &str| named(task, Some("mine"));
    assert_eq!(
        named(r#"{"taskId":"t","status":"completed","result":{"content":[]}}"#, None),
        Some(answer(r#"{"content":[]}"#))
    );
    let related = r#"{"io.modelcontextprotocol/related-task":{"taskId":"mine"}}"#;
    assert_eq!(
        outcome(r#"{"taskId":"t","status":"completed","result":{"resultType":"complete","content":[ ]}}"#),
        Some(answer(&format!(r#"{{"content":[ ],"_meta":{related}}}"#)))
    );
    let error = |error: &str| Some(format!(r#"{{"jsonrpc":"2.0","id":"1","error":{error}}}"#));
    let no = r#"{"code":-32017,"message":"no"}"#;
    assert_eq!(outcome(&format!(r#"{{"taskId":"t","status":"failed","error":{no}}}"#)), error(no));
    assert_eq!(
        outcome(r#"{"taskId":"t","status":"cancelled"}"#),
        error(r#"{"code":-32603,"message":"the task is cancelled"}"#)
    );
    for open in [
        r#"{"taskId":"t","status":"working"}"#,
        r#"{"taskId":"t","status":"input_required","inputRequests":{}}"#,
        r#"{"taskId":"t","status":"completed"}"#,
        r#"{"taskId":"t","status":"completed","result":7}"#,
        r#"{"taskId":7,"status":"completed","result":{}}"#,
        r#"{"taskId":"t","status":["failed"]}"#,
        "7",
    ] {
        assert_eq!(outcome(open), None, "{open}");
    }
}

#[test]
fn every_tool_may_be_called_as_a_task() {
    let list = answer(r#"{"tools":[{"name":"a","execution":7},{"name":"b"},5]}"#);
    let support = r#""execution":{"taskSupport":"optional"}"#;
    assert_eq!(
        changed(&list, offer),
        answer(&format!(r#"{{"tools":[{{"name":"a",{support}}},{{"name":"b",{support}}},5]}}"#))
    );
}

#[test]
fn what_is_no_task_stays() {
    let outcome = message(&answer("{}"));
    for odd in [
        String::new(),
        "[]".to_owned(),
        "7".to_owned(),
        answer("7"),
        answer("[]"),
        answer(r#"{"taskId":7,"task":{"taskId":null}}"#),
        answer(r#"{"task":[{"taskId":"t"}]}"#),
        notice("notifications/tasks", r#"{"status":"completed","result":{}}"#),
        r#"{"id":1,"error":{"taskId":"t"}}"#.to_owned(),
    ] {
        for change in [created_down, created_up, status_down] {
            assert_eq!(changed(&odd, change), odd);
        }
        assert_eq!(changed(&odd, |draft| status_up(draft, Some(&outcome))), odd);
        assert!(outcome_down(&message(&odd), None).is_none());
    }
}
