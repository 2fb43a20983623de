//! Servers that do not keep to what tasks are.

use tapgate_testkit::Chance;

use super::*;

/// Clients of calls that became tasks, and of tasks: a stage whose server is asked about `job`, and the answer.
fn both() -> Vec<(Stage, Got)> {
    let mut stage = Stage::tasked(Legs::PipeToHttp, "2025-11-25", ALL);
    let got = call(&mut stage, "");
    stage.answers(&got, &state("task", "working", ""));
    stage.wait(TICK);
    let asked = stage.gets("tasks/get");
    let (mut other, alias) = with_task(Legs::HttpToPipe);
    about(&mut other, "tasks/result", &alias);
    let other_asked = other.gets("tasks/get");
    vec![(stage, asked), (other, other_asked)]
}

/// The client got an error, and a task that only the bridge knew is cancelled.
#[track_caller]
fn gave_up(stage: &mut Stage) -> String {
    let answer = stage.hears();
    is_error(&answer, -32603);
    assert_eq!(at(&answer, &["error", "data", "upstream"]), r#""files""#);
    if at(&answer, &["id"]) == r#""c1""# {
        stage.gets("tasks/cancel");
    }
    stage.is_quiet();
    at(&answer, &["error", "message"])
}

#[test]
fn what_is_no_state_of_the_task_ends_the_wait() {
    let other = completed().replace("\"job\"", "\"jab\"");
    for odd in [
        other.as_str(),
        "{}",
        "[]",
        "7",
        r#"{"taskId":7,"status":"working"}"#,
        r#"{"taskId":"job"}"#,
        r#"{"taskId":"job","status":"done"}"#,
        r#"{"taskId":"job","status":["working"]}"#,
        r#"{"taskId":"job","status":"input_required","inputRequests":{"k":{"method":"x"}}}"#,
    ] {
        for (mut stage, got) in both() {
            stage.answers(&got, odd);
            gave_up(&mut stage);
            leaves_nothing(stage);
        }
    }
}

#[test]
fn an_end_without_an_outcome_is_an_error() {
    for odd in ["", r#","result":7"#, r#","result":[]"#, r#","error":{"code":1,"message":"no"}"#] {
        for (mut stage, got) in both() {
            stage.answers(&got, &state("complete", "completed", odd));
            let answer = stage.hears();
            is_error(&answer, -32603);
            assert!(at(&answer, &["error", "message"]).contains("without an outcome"));
            // What has ended is not cancelled.
            stage.is_quiet();
            leaves_nothing(stage);
        }
    }
}

#[test]
fn a_call_cannot_become_a_task_without_a_name() {
    let long = format!("\"{}\"", "x".repeat(1025));
    for name in ["7", "\"\"", "null", long.as_str()] {
        for wish in ["", r#","task":{}"#] {
            let mut stage = Stage::tasked(Legs::PipeToHttp, "2025-11-25", ALL);
            let got = call(&mut stage, wish);
            stage.answers(&got, &state("task", "working", "").replace("\"job\"", name));
            is_error(&stage.hears(), -32603);
            stage.is_quiet();
            leaves_nothing(stage);
        }
    }
}

#[test]
fn only_calls_that_say_that_they_may_become_tasks() {
    let mut stage = Stage::tasked(Legs::PipeToHttp, "2025-11-25", ALL);
    stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p"}}"#);
    let got = stage.gets("prompts/get");
    assert!(!got.at(&["params", "_meta"]).contains("extensions"));
    stage.answers(&got, &state("task", "working", ""));
    is_error(&stage.hears(), -32603);
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", ALL);
    let got = call(&mut stage, r#","task":{}"#);
    stage.answers(&got, &state("task", "working", ""));
    is_error(&stage.hears(), -32603);
    leaves_nothing(stage);
}

#[test]
fn a_task_that_never_ends_is_given_up_in_the_end() {
    for (mut stage, got) in both() {
        stage.answers(&got, &state("complete", "working", "").replace("1000", "1e300"));
        let mut n_polls = 0;
        while stage.heard.is_empty() {
            stage.wait(Duration::from_mins(10));
            while let Some(got) = stage.got.pop_front() {
                assert!(got.method() != "tools/call");
                n_polls += usize::from(got.method() == "tasks/get");
                stage.answers(&got, &working());
            }
            assert!(n_polls <= 6 * 24 * 7);
        }
        let answer = stage.hears();
        assert!(at(&answer, &["error", "message"]).contains("in time"), "{:?}", answer.raw());
        assert!(n_polls > 6 * 24 * 7 - 3);
        leaves_nothing(stage);
    }
}

#[test]
fn an_interval_is_kept_within_bounds() {
    for (said, least) in
        [("0", 200), ("-5", 200), ("1e-9", 200), ("1e9", 30_000), ("1e999", 200), ("\"x\"", 200)]
    {
        for (mut stage, got) in both() {
            let odd = working().replace("\"pollIntervalMs\":1000", &format!("\"pollIntervalMs\":{said}"));
            stage.answers(&got, &odd);
            stage.got.clear();
            let mut waited = 0;
            while stage.got.is_empty() {
                stage.wait(Duration::from_millis(100));
                waited += 100;
                assert!(waited <= 30_000);
            }
            assert!((least..=30_000).contains(&waited) && waited < least * 3, "{said} {waited}");
        }
    }
}

#[test]
fn a_thousand_questions_are_too_many() {
    let names: Vec<String> = (0..1000).map(|n| format!("k{n}")).collect();
    let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), FORM)).collect();
    for (mut stage, got) in both() {
        stage.answers(&got, &asking(&all));
        assert!(gave_up(&mut stage).contains("cannot be read"));
        leaves_nothing(stage);
    }
    // One after the other is as many as rounds are.
    for (mut stage, mut got) in both() {
        for entry in all.iter().take(4) {
            stage.answers(&got, &asking(&[*entry]));
            let form = stage.hears();
            answers(&mut stage, &form, r#"{"action":"accept"}"#);
            let update = stage.gets("tasks/update");
            stage.answers(&update, "{}");
            stage.wait(TICK);
            got = stage.gets("tasks/get");
        }
        stage.answers(&got, &asking(&all[4..5]));
        assert!(gave_up(&mut stage).contains("too many times"));
        leaves_nothing(stage);
    }
    let long = "k".repeat(1025);
    for (mut stage, got) in both() {
        stage.answers(&got, &asking(&[(&long, FORM)]));
        gave_up(&mut stage);
        leaves_nothing(stage);
    }
}

#[test]
fn a_server_that_says_nothing_is_asked_some_times() {
    for (mut stage, _) in both() {
        let mut n_asked = 1;
        for _ in 0..300 {
            stage.wait(TICK);
            n_asked += stage.got.drain(..).filter(|got| got.method() == "tasks/get").count();
        }
        assert_eq!(n_asked, 6);
        is_error(&stage.hears(), -32603);
        assert!(stage.heard.is_empty());
        leaves_nothing(stage);
    }
}

#[test]
fn a_server_that_loses_a_task_is_named() {
    let error = r#""error":{"code":-32602,"message":"no such task"}"#;
    for (mut stage, got) in both() {
        stage.answers(&got, error);
        let answer = stage.hears();
        let is_call = at(&answer, &["id"]) == r#""c1""#;
        is_error(&answer, if is_call { -32603 } else { -32602 });
        assert!(at(&answer, &["error", "message"]).contains("no such task"));
        leaves_nothing(stage);
    }
}

#[test]
fn whatever_is_said_about_tasks_nothing_stays() {
    for legs in LEGS {
        for seed in 0..15 {
            play(legs, seed);
        }
    }
}

fn play(legs: Legs, seed: u64) {
    let chance = &mut Chance::new(seed);
    let mut stage = Stage::tasked(legs, "2025-11-25", ALL);
    let mut aliases = vec!["\"job\"".to_owned()];
    let mut open: Vec<Got> = Vec::new();
    for step in 0..200 {
        match chance.below(8) {
            0 | 1 => {
                let wish = chance.pick(&["", r#","task":{}"#]);
                stage.client(&format!(
                    r#"{{"jsonrpc":"2.0","id":{step},"method":"tools/call","params":{{"name":"t"{wish}}}}}"#
                ));
            }
            2 => {
                let method = chance.pick(&["tasks/get", "tasks/result", "tasks/cancel"]);
                let alias = aliases[chance.below(aliases.len())].clone();
                stage.client(&format!(
                    r#"{{"jsonrpc":"2.0","id":{step},"method":"{method}","params":{{"taskId":{alias}}}}}"#
                ));
            }
            3 => {
                let of = chance.below(step + 1);
                stage.client(&format!(
                    r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{of}}}}}"#
                ));
            }
            4..=6 => {
                let Some(got) = chance.take(&mut open) else { continue };
                let kind = chance.pick(&["task", "complete", "input_required"]);
                let status =
                    chance.pick(&["working", "input_required", "completed", "failed", "cancelled", "odd"]);
                let key = chance.below(9);
                let asked = format!(r#","inputRequests":{{"k{key}":{FORM}}}"#);
                let more = chance.pick(&["", r#","result":{"content":[]}"#, asked.as_str()]);
                match chance.below(8) {
                    0 => stage.breaks(&got, true),
                    1 => stage.answers(&got, r#""error":{"code":-32602,"message":"no"}"#),
                    _ => stage.answers(&got, &state(kind, status, more)),
                }
            }
            _ => stage.wait(Duration::from_secs(chance.below(40) as u64)),
        }
        for (_, heard) in std::mem::take(&mut stage.heard) {
            let alias = at(&heard, &["result", "task", "taskId"]);
            if !alias.is_empty() {
                aliases.push(alias);
            }
            if heard.shape().kind == Kind::Request && chance.below(2) == 0 {
                answers(&mut stage, &heard, r#"{"action":"accept"}"#);
            }
        }
        open.extend(stage.got.drain(..).filter(|got| !got.at(&["id"]).is_empty()));
        open.retain(|got| got.method() != "subscriptions/listen");
    }
    stage.leave();
    stage.wait(Duration::from_mins(11));
    assert_eq!((stage.up.held(), stage.back.held().calls), (0, 0), "{legs:?} seed {seed}");
}
