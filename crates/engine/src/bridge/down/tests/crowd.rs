//! Many clients at once.

use std::collections::BTreeMap;
use std::time::Duration;

use tapgate_wire::StreamId;
use tapgate_wire::edge::Heard;

use super::stage::{ABLE, ASKABLE, Got, Legs, Place, Stage, Told};

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
        assert_eq!((told.stream, told.at(&["id"])), (*stream, "1000".into()));
        assert_eq!(told.at(&["result", "for"]), name);
    }
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn answers_never_cross() {
    let mut n_seen = Seen::default();
    for seed in 1..25 {
        for legs in [Legs::HttpToPipe, Legs::HttpToHttp, Legs::HttpToSse] {
            let mut play = Play::new(legs, seed * 7919);
            for _ in 0..250 {
                play.step();
            }
            play.end();
            n_seen.answers += play.seen.answers;
            n_seen.questions += play.seen.questions;
            n_seen.progress += play.seen.progress;
        }
    }
    // Else the play would prove nothing.
    assert!(n_seen.answers > 500 && n_seen.questions > 200 && n_seen.progress > 100, "{n_seen:?}");
}

/// How much went right.
#[derive(Debug, Default)]
struct Seen {
    answers: usize,
    questions: usize,
    progress: usize,
}

/// Clients and servers that do something by chance; the same seed gives the same play. Each request has a mark, and
/// all that the server says of it bears the mark too.
struct Play {
    stage: Stage,
    dice: u64,
    /// Who asked on a stream, and the mark.
    asked: BTreeMap<StreamId, (String, String)>,
    calls: Vec<Got>,
    n_marks: usize,
    seen: Seen,
}

impl Play {
    fn new(legs: Legs, seed: u64) -> Self {
        let stage = Stage::new(legs);
        Self {
            stage,
            dice: seed,
            asked: BTreeMap::new(),
            calls: Vec::new(),
            n_marks: 0,
            seen: Seen::default(),
        }
    }

    fn roll(&mut self, sides: usize) -> usize {
        // Marsaglia, "Xorshift RNGs" (2003).
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        usize::try_from(self.dice % sides as u64).unwrap()
    }

    fn step(&mut self) {
        let choice = self.roll(8);
        let at = self.roll(self.calls.len().max(1));
        match (choice, self.calls.get(at).cloned()) {
            (0 | 1, _) => self.ask(),
            (2, Some(call)) => {
                self.calls.swap_remove(at);
                let mark = call.at(&["params", "name"]);
                self.stage.answers(&call, &format!(r#"{{"messages":[],"mark":{mark}}}"#));
            }
            (3, Some(call)) => {
                let token = call.at(&["params", "_meta", "progressToken"]);
                let (mark, value) = (call.at(&["params", "name"]), self.stage.now.0);
                self.stage.says(
                    &call,
                    &format!(
                        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{value},"mark":{mark}}}}}"#
                    ),
                );
            }
            (4 | 5, Some(call)) => {
                let mark = call.at(&["params", "name"]);
                self.stage.says(
                    &call,
                    &format!(
                        r#"{{"jsonrpc":"2.0","id":{mark},"method":"elicitation/create","params":{{"message":{mark},"requestedSchema":{{}}}}}}"#
                    ),
                );
            }
            (6, _) if !self.asked.is_empty() => {
                let at = self.roll(self.asked.len());
                let stream = *self.asked.keys().nth(at).unwrap();
                self.asked.remove(&stream);
                self.stage.hear(Heard::Left { stream });
            }
            _ => self.stage.wait(Duration::from_millis(10)),
        }
        self.settle();
    }

    fn ask(&mut self) {
        let who = ["ann", "bob", "cid"][self.roll(3)];
        self.n_marks += 1;
        let (sort, capabilities) = [("plain", "{}"), ("askable", ASKABLE)][self.roll(2)];
        let mark = format!("{who}-{}-{sort}", self.n_marks);
        self.stage.who = who.into();
        self.stage.capabilities = capabilities.into();
        self.stage.meta = r#","progressToken":1"#.into();
        let stream = self.stage.asks("7", "prompts/get", &format!(r#"{{"name":"{mark}"}}"#));
        self.asked.insert(stream, (who.into(), mark));
    }

    /// Looks at all that came out.
    fn settle(&mut self) {
        loop {
            if let Some(got) = self.stage.got.front().cloned() {
                self.serve(got);
            } else if let Some(told) = self.stage.heard.pop_front() {
                self.hear(&told);
            } else {
                return;
            }
        }
    }

    fn serve(&mut self, got: Got) {
        if got.method() == "initialize" {
            self.stage.greets(ABLE);
            return;
        }
        self.stage.got.pop_front();
        match got.method().as_str() {
            "prompts/get" => self.calls.push(got),
            "notifications/cancelled" => {
                let id = got.at(&["params", "requestId"]);
                let is_it = |call: &Got| call.id() == id && is_one_way(call.place, got.place);
                self.calls.retain(|call| !is_it(call));
                self.stage.takes(&got);
            }
            "" => {
                // The id of a question is the mark of the call.
                let answer = got.at(&["result", "content", "mark"]);
                assert!(answer.is_empty() || answer == got.id(), "{} got {answer}", got.id());
                self.stage.takes(&got);
            }
            other => panic!("{other}"),
        }
    }

    fn hear(&mut self, told: &Told) {
        let Some((who, mark)) = self.asked.get(&told.stream).cloned() else {
            panic!("{:?} is for nobody", told.message.raw());
        };
        let quoted = format!("\"{mark}\"");
        if told.at(&["method"]) == "\"notifications/progress\"" {
            assert_eq!(told.at(&["params", "mark"]), quoted);
            assert_eq!(told.at(&["params", "progressToken"]), "1");
            self.seen.progress += 1;
            return;
        }
        self.asked.remove(&told.stream);
        assert_eq!(told.at(&["id"]), "7");
        if told.at(&["result", "resultType"]) != "\"input_required\"" {
            match told.code().as_str() {
                // Who is asked too often, or waits too long in a queue, is told so.
                "-32603" => {}
                "-32021" => assert!(mark.ends_with("plain"), "{mark}"),
                _ => {
                    assert_eq!(told.at(&["result", "mark"]), quoted, "{:?}", told.message.raw());
                    self.seen.answers += 1;
                }
            }
            return;
        }
        self.seen.questions += 1;
        let requests = told.at(&["result", "inputRequests"]);
        assert!(requests.contains(&quoted), "{requests}");
        let is_key = |word: &&str| word.strip_prefix('q').is_some_and(|n| n.parse::<u64>().is_ok());
        let responses: Vec<String> = requests
            .split('"')
            .filter(is_key)
            .map(|key| format!(r#""{key}":{{"action":"accept","content":{{"mark":{quoted}}}}}"#))
            .collect();
        self.stage.who.clone_from(&who);
        self.stage.capabilities = ASKABLE.into();
        let (responses, state) = (responses.join(","), told.at(&["result", "requestState"]));
        let stream = self.stage.asks(
            "7",
            "prompts/get",
            &format!(r#"{{"name":{quoted},"inputResponses":{{{responses}}},"requestState":{state}}}"#),
        );
        self.asked.insert(stream, (who, mark));
    }

    /// Everybody goes; nothing stays.
    fn end(&mut self) {
        for stream in std::mem::take(&mut self.asked).into_keys() {
            self.stage.hear(Heard::Left { stream });
        }
        self.stage.heard.clear();
        self.stage.wait(self.stage.settings.bounds.suspend_for);
        self.stage.is_empty();
    }
}

/// Whether a cancellation went where a call went.
fn is_one_way(call: Place, cancelled: Place) -> bool {
    match (call, cancelled) {
        (Place::Child(one), Place::Child(other)) => one == other,
        _ => true,
    }
}
