//! Many clients at once.

use std::collections::BTreeMap;
use std::time::Duration;

use tapgate_wire::StreamId;
use tapgate_wire::edge::Heard;

use super::stage::{ABLE, ASKABLE, Got, Legs, Stage};

#[test]
fn fifty_clients_with_one_id_get_their_own_answers() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "{}");
    let mut calls = Vec::new();
    for n in 0..50 {
        let stream = stage.asks("1000", "prompts/get", &format!(r#"{{"name":"p{n}"}}"#));
        calls.push((stream, stage.gets("prompts/get")));
    }
    for (stream, call) in calls.iter().rev() {
        let name = call.at(&["params", "name"]);
        stage.answers(call, &format!(r#"{{"messages":[],"for":{name}}}"#));
        let told = stage.hears();
        assert_eq!(
            (told.stream, told.at(&["id"]), told.at(&["result", "for"])),
            (*stream, "1000".into(), name)
        );
    }
    stage.is_quiet();
    stage.is_empty();
}

/// A generator of numbers: the same seed gives the same run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // Marsaglia, "Xorshift RNGs" (2003).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

/// Whose a request is, and what it is about; all else on its stream has to say the same.
type Marks = BTreeMap<StreamId, (String, String)>;

fn play(legs: Legs, seed: u64) {
    let mut dice = Dice(seed | 1);
    let mut stage = Stage::new(legs);
    let mut marks = Marks::new();
    let mut calls: Vec<Got> = Vec::new();
    let mut n_mark = 0;
    for _ in 0..400 {
        match dice.roll(8) {
            0 | 1 => {
                stage.who = ["ann", "bob", "cid"][dice.roll(3)].to_owned();
                stage.capabilities = ["{}", ASKABLE][dice.roll(2)].to_owned();
                n_mark += 1;
                let mark = format!("{}-{n_mark}", stage.who);
                stage.meta = r#","progressToken":1"#.into();
                let stream = stage.asks("7", "prompts/get", &format!(r#"{{"name":"{mark}"}}"#));
                marks.insert(stream, (stage.who.clone(), mark));
            }
            2 if !calls.is_empty() => {
                let call = calls.swap_remove(dice.roll(calls.len()));
                let name = call.at(&["params", "name"]);
                stage.answers(&call, &format!(r#"{{"messages":[],"mark":{name}}}"#));
            }
            3 if !calls.is_empty() => {
                let call = calls[dice.roll(calls.len())].clone();
                let (name, token) =
                    (call.at(&["params", "name"]), call.at(&["params", "_meta", "progressToken"]));
                let value = stage.now.0 + 1;
                stage.says(&call, &format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{value},"mark":{name}}}}}"#));
            }
            4 | 5 if !calls.is_empty() => {
                let call = calls[dice.roll(calls.len())].clone();
                let name = call.at(&["params", "name"]);
                stage.says(&call, &format!(r#"{{"jsonrpc":"2.0","id":{name},"method":"elicitation/create","params":{{"message":{name},"requestedSchema":{{}}}}}}"#));
            }
            6 if !marks.is_empty() => {
                let stream = *marks.keys().nth(dice.roll(marks.len())).unwrap();
                marks.remove(&stream);
                stage.hear(Heard::Left { stream });
            }
            _ => stage.wait(Duration::from_millis(10)),
        }
        while let Some(got) = stage.got.front().cloned() {
            match got.method().as_str() {
                "initialize" => {
                    stage.greets(ABLE);
                }
                "prompts/get" => {
                    stage.got.pop_front();
                    calls.push(got);
                }
                "notifications/cancelled" => {
                    stage.got.pop_front();
                    let id = got.at(&["params", "requestId"]);
                    calls.retain(|call| call.id() != id || !same_way(call, &got));
                    stage.takes(&got);
                }
                "" => {
                    stage.got.pop_front();
                    // An answer to a question carries the mark of who asked it.
                    let id = got.id();
                    let answer = got.at(&["result", "content", "mark"]);
                    assert!(answer.is_empty() || answer == id, "{id} was answered with {answer}");
                    stage.takes(&got);
                }
                other => panic!("{other}"),
            }
        }
        while let Some(told) = stage.heard.pop_front() {
            let Some((who, mark)) = marks.get(&told.stream).cloned() else {
                panic!("{:?} is for nobody", told.message.raw());
            };
            let quoted = format!("\"{mark}\"");
            if told.at(&["method"]) == "\"notifications/progress\"" {
                assert_eq!(told.at(&["params", "mark"]), quoted);
                continue;
            }
            marks.remove(&told.stream);
            assert_eq!(told.at(&["id"]), "7");
            if told.at(&["result", "resultType"]) != "\"input_required\"" {
                assert_eq!(told.at(&["result", "mark"]), quoted, "{:?}", told.message.raw());
                continue;
            }
            let requests = told.at(&["result", "inputRequests"]);
            let state = told.at(&["result", "requestState"]);
            assert!(requests.contains(&quoted));
            let keys = requests
                .split('"')
                .filter(|word| word.strip_prefix('q').is_some_and(|n| n.parse::<u64>().is_ok()));
            let responses: Vec<String> = keys
                .map(|key| format!(r#""{key}":{{"action":"accept","content":{{"mark":{quoted}}}}}"#))
                .collect();
            stage.who = who.clone();
            stage.capabilities = ASKABLE.into();
            let stream = stage.asks(
                "7",
                "prompts/get",
                &format!(
                    r#"{{"name":{quoted},"inputResponses":{{{}}},"requestState":{state}}}"#,
                    responses.join(",")
                ),
            );
            marks.insert(stream, (who, mark));
        }
    }
    // Everybody goes; nothing stays.
    for stream in marks.keys() {
        stage.hear(Heard::Left { stream: *stream });
    }
    stage.wait(stage.settings.bounds.suspend_for);
    stage.is_empty();
}

/// Whether a cancellation went where a call went.
fn same_way(call: &Got, cancelled: &Got) -> bool {
    use super::stage::Place;
    match (call.place, cancelled.place) {
        (Place::Child(one), Place::Child(other)) => one == other,
        _ => true,
    }
}

#[test]
fn answers_never_cross() {
    for seed in 1..40 {
        play(Legs::HttpToPipe, seed * 7919);
        play(Legs::HttpToHttp, seed * 104_729);
    }
}
