//! Sessions that call, are asked, cancel and leave in any order: each hears its own answers once and nothing of the
//! others, and nothing is left.

use std::collections::{HashMap, HashSet};

use tapgate_testkit::Chance;
use tapgate_wire::Kind;

use super::stage::{Got, Legs, Stage, at};

const N_CLIENTS: usize = 8;

#[test]
fn many_sessions_in_any_order_never_meet() {
    for legs in [Legs::HttpToPipe, Legs::HttpToHttp] {
        // In some plays all clients leave early, so what was played is counted over all of them.
        let n_asked: usize = (0..20).map(|seed| Play::new(legs, seed).run()).sum();
        assert!(n_asked > 1000, "{legs:?} {n_asked}");
    }
}

struct Play {
    stage: Stage,
    chance: Chance,
    seed: u64,
    /// What waits for its answer: whose, under which id, and the mark that tells it from all others.
    waits: HashMap<(usize, String), String>,
    gone: HashSet<usize>,
    at_server: Vec<Got>,
    /// What clients were asked: who, under which id, with which mark.
    asked: Vec<(usize, String, String)>,
    n: usize,
}

impl Play {
    fn new(legs: Legs, seed: u64) -> Self {
        let mut stage = Stage::new(legs);
        for speaker in 0..N_CLIENTS {
            stage.speaker = speaker;
            stage.greet("2025-11-25", r#"{"elicitation":{}}"#);
            assert_eq!(stage.heard.pop_front().unwrap().0, speaker);
            stage.client(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        }
        Self {
            stage,
            chance: Chance::new(seed),
            seed,
            waits: HashMap::new(),
            gone: HashSet::new(),
            at_server: Vec::new(),
            asked: Vec::new(),
            n: 0,
        }
    }

    /// Plays; says how much was asked.
    fn run(&mut self) -> usize {
        for step in 0..400 {
            match self.chance.below(6) {
                0 | 1 if step < 300 => self.ask(),
                2 | 3 => self.answer(),
                4 => self.give(),
                5 if self.chance.below(4) == 0 => self.cancel(),
                _ => {}
            }
            self.look();
        }
        for speaker in (0..N_CLIENTS).filter(|speaker| !self.gone.contains(speaker)) {
            self.stage.speaker = speaker;
            self.stage.leave();
        }
        assert_eq!(self.stage.up.held(), 0, "seed {}", self.seed);
        assert_eq!(self.stage.back.held().calls, 0, "seed {}", self.seed);
        self.n
    }

    /// A client asks, under one of the few ids that all of them use.
    fn ask(&mut self) {
        let (speaker, id) = (self.chance.below(N_CLIENTS), self.chance.below(6).to_string());
        if self.gone.contains(&speaker) || self.waits.contains_key(&(speaker, id.clone())) {
            return;
        }
        self.n += 1;
        let mark = format!("{speaker}-{}", self.n);
        self.stage.speaker = speaker;
        self.stage.client(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"prompts/get","params":{{"name":"{mark}","_meta":{{"progressToken":{id}}}}}}}"#
        ));
        self.waits.insert((speaker, id), mark);
    }

    /// The server answers, or asks for something first.
    fn answer(&mut self) {
        let Some(got) = self.chance.take(&mut self.at_server) else { return };
        let mark = got.at(&["params", "name"]);
        let is_first = got.at(&["params", "requestState"]).is_empty();
        if is_first && self.chance.below(2) == 0 {
            self.stage.answers(&got, &format!(
                r#"{{"resultType":"input_required","inputRequests":{{"k":{{"method":"elicitation/create","params":{{"message":{mark},"requestedSchema":{{}}}}}}}},"requestState":{mark}}}"#
            ));
        } else {
            assert!(is_first || got.at(&["params", "inputResponses", "k", "content"]) == mark);
            self.stage.answers(&got, &format!(r#"{{"resultType":"complete","mark":{mark}}}"#));
        }
    }

    /// A client gives what it was asked for.
    fn give(&mut self) {
        let Some((speaker, id, mark)) = self.chance.take(&mut self.asked) else { return };
        if !self.gone.contains(&speaker) {
            self.stage.speaker = speaker;
            self.stage.client(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"action":"accept","content":{mark}}}}}"#
            ));
        }
    }

    /// A client cancels, or leaves.
    fn cancel(&mut self) {
        let mut keys: Vec<_> = self.waits.keys().cloned().collect();
        keys.sort();
        let Some((speaker, id)) = self.chance.take(&mut keys) else { return };
        self.stage.speaker = speaker;
        if self.chance.below(10) == 0 {
            self.stage.leave();
            self.gone.insert(speaker);
            self.waits.retain(|(who, _), _| *who != speaker);
        } else {
            self.stage.client(&format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#
            ));
            self.waits.remove(&(speaker, id));
        }
    }

    /// Looks at what everybody got.
    fn look(&mut self) {
        self.at_server.extend(self.stage.got.drain(..).filter(|got| got.method() == "prompts/get"));
        for (who, heard) in std::mem::take(&mut self.stage.heard) {
            let id = at(&heard, &["id"]);
            match heard.shape().kind {
                Kind::Result => {
                    let mark = self.waits.remove(&(who, id)).expect("an answer that is waited for");
                    assert_eq!(at(&heard, &["result", "mark"]), format!("\"{mark}\""), "seed {}", self.seed);
                }
                Kind::Request => {
                    let mark = at(&heard, &["params", "message"]);
                    assert!(mark.starts_with(&format!("\"{who}-")), "seed {}", self.seed);
                    self.asked.push((who, id, mark));
                }
                // The front ends what waits when its client leaves.
                Kind::Error => assert!(self.gone.contains(&who), "{:?}", heard.raw()),
                _ => {
                    let method = heard.shape().method();
                    assert_eq!(method.as_deref(), Some("notifications/cancelled"), "{:?}", heard.raw());
                }
            }
        }
    }
}
