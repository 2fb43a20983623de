//! Tasks that never end, are odd, or are too many.

use std::time::Duration;

use super::stage::{ABLE, Legs};
use super::task_ends::begin_for_ever;
use super::tasks::{DAY, able, asks, begin, get, get_ended, keys, stage, stage_of, state, takes};

#[test]
fn a_task_is_known_as_long_as_its_server_says() {
    for (ttl, known_for) in [
        ("120000", Duration::from_mins(2)),
        ("1", Duration::from_mins(1)),
        ("null", DAY),
        ("1e30", DAY),
        ("\"x\"", DAY),
    ] {
        let mut stage = stage(Legs::HttpToPipe);
        stage.asks("1", "tools/call", r#"{"name":"optional"}"#);
        let call = stage.gets("tools/call");
        stage.answers(&call, &format!(r#"{{"task":{{"taskId":"t1","status":"working","ttl":{ttl}}}}}"#));
        let told = stage.hears();
        let (id, said) = (told.at(&["result", "taskId"]), told.at(&["result", "ttlMs"]));
        assert_eq!(said, if known_for == DAY { "86400000" } else { ttl });
        stage.gets("tasks/result");
        stage.wait(known_for.saturating_sub(Duration::from_secs(1)));
        assert_eq!(get(&mut stage, &id, "7").at(&["result", "status"]), "\"working\"");
        // A task that never ends is ended where nobody can ask for it any more.
        stage.wait(Duration::from_secs(1));
        assert_eq!(stage.gets("tasks/cancel").at(&["params"]), r#"{"taskId":"t1"}"#);
        assert_eq!(get_ended(&mut stage, &id).code(), "-32602");
        stage.is_quiet();
        stage.is_empty();
    }
}

#[test]
fn what_is_no_task_is_an_error() {
    let large = format!(r#"{{"taskId":"t","status":"working","ttl":1,"x":"{}"}}"#, "x".repeat(70_000));
    let long = format!(r#"{{"taskId":"{}","status":"working","ttl":1}}"#, "x".repeat(5_000));
    for odd in ["{\"taskId\":7}", "{\"taskId\":null}", &large, &long] {
        let mut stage = stage(Legs::HttpToPipe);
        stage.asks("1", "tools/call", r#"{"name":"required"}"#);
        let call = stage.gets("tools/call");
        stage.answers(&call, &format!(r#"{{"task":{odd}}}"#));
        assert_eq!(stage.hears().code(), "-32603");
        stage.is_empty();
    }
}

#[test]
fn what_was_not_declared_is_the_end_of_a_task_that_asks_for_it() {
    let mut stage = stage_of(Legs::HttpToPipe, &takes(r#","roots":{}"#), &able());
    let (id, wait) = begin(&mut stage, "t1");
    stage.says(&wait, &asks("9", "sampling/createMessage", "t1", "{}"));
    assert_eq!(stage.gets("tasks/cancel").at(&["params"]), r#"{"taskId":"t1"}"#);
    assert_eq!(stage.gets_answer("9").at(&["error", "code"]), "-32601");
    let told = get_ended(&mut stage, &id);
    assert_eq!(told.at(&["result", "error", "code"]), "-32021");
    assert_eq!(told.at(&["result", "error", "data"]), r#"{"requiredCapabilities":{"sampling":{}}}"#);
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn a_flood_of_questions_is_bounded() {
    let mut stage = stage(Legs::HttpToPipe);
    let (id, wait) = begin(&mut stage, "t1");
    for n in 0..40 {
        stage.says(&wait, &asks(&n.to_string(), "roots/list", "t1", "{}"));
    }
    for n in 32..40 {
        assert_eq!(stage.gets_answer(&n.to_string()).at(&["error", "code"]), "-32603");
    }
    assert_eq!(keys(&get(&mut stage, &id, &state("t1", "working", ""))).len(), 32);
    // Questions may be long, but not many long ones are kept.
    let (two, _) = begin(&mut stage, "t2");
    let long = format!(r#"{{"message":"{}"}}"#, "x".repeat(10 << 20));
    for n in 50..55 {
        stage.says(&wait, &asks(&n.to_string(), "elicitation/create", "t2", &long));
    }
    for n in 53..55 {
        assert_eq!(stage.gets_answer(&n.to_string()).at(&["error", "code"]), "-32603");
    }
    assert_eq!(keys(&get(&mut stage, &two, &state("t2", "working", ""))).len(), 3);
    stage.wait(Duration::from_mins(1));
    stage.heard.clear();
    stage.is_empty();
}

#[test]
fn tasks_are_bounded_and_those_that_ended_first_make_room() {
    let mut stage = stage(Legs::HttpToPipe);
    let mut all = Vec::new();
    for n in 0..256 {
        let theirs = format!("t{n}");
        all.push((theirs.clone(), begin(&mut stage, &theirs)));
    }
    // No room: who has to be called as a task is waited for, and who may be is called as it is.
    stage.asks("1", "tools/call", r#"{"name":"optional"}"#);
    let call = stage.gets("tools/call");
    assert_eq!(call.at(&["params", "task"]), "");
    stage.answers(&call, r#"{"content":[]}"#);
    assert_eq!(stage.hears().at(&["result", "resultType"]), "\"complete\"");
    stage.asks("1", "tools/call", r#"{"name":"required"}"#);
    let call = stage.gets("tools/call");
    stage.answers(&call, &format!(r#"{{"task":{}}}"#, state("x", "working", "")));
    let wait = stage.gets("tasks/result");
    stage.answers(&wait, r#"{"content":[]}"#);
    assert_eq!(stage.hears().at(&["result", "resultType"]), "\"complete\"");

    let (theirs, (id, wait)) = all[7].clone();
    stage.answers(&wait, r#"{"content":[]}"#);
    let last = stage.gets("tasks/get");
    stage.answers(&last, &state(&theirs, "completed", ""));
    assert_eq!(get_ended(&mut stage, &id).at(&["result", "status"]), "\"completed\"");
    begin(&mut stage, "new");
    assert_eq!(get_ended(&mut stage, &id).code(), "-32602");
    stage.wait(Duration::from_mins(1));
    stage.is_empty();
}

#[test]
fn results_are_kept_within_bounds() {
    let mut stage = stage(Legs::HttpToPipe);
    let large = format!(r#"{{"content":[{{"type":"text","text":"{}"}}]}}"#, "x".repeat(12 << 20));
    let mut all = Vec::new();
    for n in 0..3 {
        let theirs = format!("t{n}");
        let (id, wait) = begin(&mut stage, &theirs);
        stage.answers(&wait, &large);
        let last = stage.gets("tasks/get");
        stage.answers(&last, &state(&theirs, "completed", ""));
        all.push(id);
    }
    let codes = all.iter().map(|id| get_ended(&mut stage, id).code()).collect::<Vec<_>>();
    assert_eq!(codes, ["-32602", "", ""]);
    // One that alone is more than what is kept is told to be too large.
    let huge = format!(r#"{{"content":[{{"type":"text","text":"{}"}}]}}"#, "x".repeat(33 << 20));
    let (id, wait) = begin(&mut stage, "t9");
    stage.answers(&wait, &huge);
    let last = stage.gets("tasks/get");
    stage.answers(&last, &state("t9", "completed", ""));
    let told = get_ended(&mut stage, &id);
    assert!(told.at(&["result", "error", "message"]).contains("too large"), "{}", told.code());
    assert_eq!(get_ended(&mut stage, &all[1]).code(), "");
}

#[test]
fn tasks_that_nobody_asks_for_make_room_for_other_clients() {
    for legs in [Legs::HttpToPipe, Legs::HttpToHttp] {
        let mut stage = stage(legs);
        stage.settings.bounds.links = 1;
        let (id, _) = begin_for_ever(&mut stage);
        let ask_as = |stage: &mut super::stage::Stage, who: &str| {
            stage.who = who.into();
            stage.asks("9", "prompts/list", "{}");
        };
        stage.wait(Duration::from_mins(9));
        get(&mut stage, &id, "7");
        stage.wait(Duration::from_mins(9));
        ask_as(&mut stage, "bob");
        assert!(stage.hears().says().contains("all 1 links"));
        stage.wait(Duration::from_mins(1));
        ask_as(&mut stage, "bob");
        if legs == Legs::HttpToHttp {
            // The session that made room is deleted.
            assert_eq!(stage.got.pop_front().unwrap().verb, http::Method::DELETE);
        }
        stage.greets(ABLE);
        stage.gets("prompts/list");
        stage.who = "ann".into();
        let told = get_ended(&mut stage, &id);
        assert_eq!(told.at(&["result", "status"]), "\"failed\"");
        assert!(told.at(&["result", "error", "message"]).contains("made room"), "{told:?}");
    }
}
