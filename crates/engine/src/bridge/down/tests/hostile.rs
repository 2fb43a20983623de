//! Peers that say anything at any time.

use tapgate_wire::edge::Heard;

use super::stage::{ABLE, ASKABLE, Got, Legs, Place, Stage};

/// Values that may stand anywhere.
const ODD: &[&str] = &[
    "null",
    "true",
    "-1",
    "1e999",
    "18446744073709551616",
    "\"\"",
    "\"x\"",
    r#""\ud800""#,
    "[]",
    "[[],{},null]",
    "{}",
    r#"{"":{}}"#,
    r#"{"action":"accept"}"#,
    r#"{"taskId":{}}"#,
    r#"{"taskId":"t","status":"working","ttl":1}"#,
    r#"{"taskId":"t","status":"completed","ttl":null}"#,
    "\"cancelled\"",
    r#"{"elicitations":[null,{},{"url":7}]}"#,
];

/// What a client declares that takes tasks.
const TAKES: &str =
    r#"{"roots":{},"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{},"a/b":{}}}"#;

struct Play {
    stage: Stage,
    /// The ids of tasks that clients were given.
    tasks: Vec<String>,
    dice: u64,
    got: Vec<Got>,
    n_questions: usize,
    n_results: usize,
    n_ended: usize,
}

impl Play {
    fn roll(&mut self, sides: usize) -> usize {
        // Marsaglia, "Xorshift RNGs" (2003).
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        usize::try_from(self.dice % sides as u64).unwrap()
    }

    fn pick(&mut self, list: &[&str]) -> String {
        list[self.roll(list.len())].to_owned()
    }

    fn object(&mut self, names: &[&str]) -> String {
        let mut members = Vec::new();
        for _ in 0..self.roll(4) {
            members.push(format!("\"{}\":{}", self.pick(names), self.pick(ODD)));
        }
        format!("{{{}}}", members.join(","))
    }

    /// The client asks for something, with odd parameters.
    fn ask(&mut self) {
        let method = self.pick(&[
            "tools/call",
            "tools/call",
            "tools/call",
            "tools/list",
            "prompts/get",
            "prompts/get",
            "resources/read",
            "resources/read",
            "server/discover",
            "subscriptions/listen",
            "initialize",
            "tasks/get",
            "tasks/get",
            "tasks/update",
            "tasks/cancel",
            "x/list",
        ]);
        let names = ["arguments", "cursor", "requestState", "inputResponses", "notifications", "task"];
        let named = if self.tasks.is_empty() || self.roll(8) == 0 {
            self.pick(ODD)
        } else {
            let at = self.roll(self.tasks.len());
            self.tasks[at].clone()
        };
        let params = match self.roll(3) {
            _ if method.starts_with("tasks/") => {
                let responses = self.object(&["q1", "q40", "q90"]);
                format!(r#"{{"taskId":{named},"inputResponses":{responses}}}"#)
            }
            0 if self.roll(4) == 0 => {
                format!(r#"{{"name":"n","uri":"u","notifications":{{"taskIds":[{named}]}}}}"#)
            }
            0 => {
                r#"{"name":"n","uri":"u","notifications":{"toolsListChanged":true,"resourceSubscriptions":["u",1]}}"#
                    .to_owned()
            }
            1 => r#"{"name":"n","uri":"u"}"#.to_owned(),
            _ => self.object(&names),
        };
        self.stage.capabilities =
            self.pick(&["{}", ASKABLE, TAKES, TAKES, r#"{"elicitation":7,"roots":[]}"#]);
        self.stage.asks("1", &method, &params);
    }

    /// The server says something about something that it got.
    fn say(&mut self) {
        if self.got.is_empty() {
            return;
        }
        let at = self.roll(self.got.len());
        let got = self.got[at].clone();
        let id = got.message.shape().id.as_ref().map_or_else(|| "9".into(), |_| got.id());
        let said = match self.roll(6) {
            0 => {
                let names = [
                    "tools",
                    "nextCursor",
                    "task",
                    "capabilities",
                    "protocolVersion",
                    "content",
                    "_meta",
                    "contents",
                    "status",
                    "taskId",
                ];
                let result = if got.method().starts_with("tasks/") && self.roll(2) == 0 {
                    self.pick(&ODD[ODD.len() - 4..])
                } else if got.method() == "tools/call" && self.roll(2) == 0 {
                    r#"{"task":{"taskId":"t","status":"working"}}"#.to_owned()
                } else if self.roll(2) == 0 {
                    self.pick(ODD)
                } else {
                    self.object(&names)
                };
                format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
            }
            1 => {
                let (code, data) = (self.pick(&["-32042", "-32002", "1", "\"x\""]), self.pick(ODD));
                format!(
                    r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"m","data":{data}}}}}"#
                )
            }
            2 | 3 => {
                let method =
                    self.pick(&["elicitation/create", "sampling/createMessage", "roots/list", "ping", "x"]);
                let params = self.object(&["mode", "message", "_meta", "task", "tools"]);
                let question = self.pick(&["1", "\"a\"", "2.5"]);
                format!(r#"{{"jsonrpc":"2.0","id":{question},"method":"{method}","params":{params}}}"#)
            }
            _ => {
                let method = self.pick(&[
                    "notifications/progress",
                    "notifications/message",
                    "notifications/cancelled",
                    "notifications/tools/list_changed",
                    "notifications/resources/updated",
                    "notifications/tasks/status",
                    "x",
                ]);
                let params = self.object(&[
                    "progressToken",
                    "progress",
                    "requestId",
                    "uri",
                    "level",
                    "_meta",
                    "taskId",
                    "status",
                ]);
                format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
            }
        };
        if matches!(got.place, Place::Fetch(_)) && self.roll(2) == 0 {
            self.got.swap_remove(at);
            self.stage.refuses(&got, 200, &[("content-type", "application/json")], &said);
        } else {
            self.stage.says(&got, &said);
        }
    }

    fn step(&mut self) {
        match self.roll(13) {
            0..=3 => self.ask(),
            4..=8 => self.say(),
            9 => {
                let stream = tapgate_wire::StreamId(self.roll(300) as u64 + 1);
                self.stage.hear(Heard::Left { stream });
            }
            10 | 11 => {
                let short = std::time::Duration::from_millis(25);
                let time = if self.roll(8) == 0 { self.stage.settings.bounds.suspend_for / 2 } else { short };
                self.stage.wait(time);
            }
            _ if self.got.is_empty() => {}
            _ => {
                let at = self.roll(self.got.len());
                let got = self.got.swap_remove(at);
                self.stage.breaks(&got);
            }
        }
        while let Some(got) = self.stage.got.front().cloned() {
            if got.method() == "initialize" && self.roll(8) > 0 {
                self.stage.got.pop_front();
                self.stage.welcomes(&got, "2025-11-25", ABLE);
                continue;
            }
            self.stage.got.pop_front();
            if got.method() == "tools/list" && self.roll(4) > 0 {
                let tools = r#"{"tools":[{"name":"n","execution":{"taskSupport":"optional"}}]}"#;
                self.stage.answers(&got, tools);
                continue;
            }
            if got.method() == "tools/call" && self.roll(2) == 0 {
                let id = self.roll(3);
                let task = format!(r#"{{"task":{{"taskId":"t{id}","status":"working","ttl":{id}}}}}"#);
                self.stage.answers(&got, &task);
                continue;
            }
            if got.message.shape().id.is_some() || self.roll(4) == 0 {
                self.got.push(got);
            } else {
                self.stage.takes(&got);
            }
        }
        // A retry tells what was sealed, so that what lies behind it is reached too.
        while let Some(told) = self.stage.heard.pop_front() {
            let state = told.at(&["result", "requestState"]);
            if told.at(&["result", "resultType"]) == "\"task\"" {
                self.tasks.push(told.at(&["result", "taskId"]));
            }
            let status = told.at(&["result", "status"]);
            self.n_ended += usize::from(["\"completed\"", "\"failed\"", "\"cancelled\""].contains(&&*status));
            self.n_questions += usize::from(!state.is_empty());
            self.n_results += usize::from(told.at(&["result", "resultType"]) == "\"complete\"");
            if !state.is_empty() && self.roll(2) == 0 {
                let responses = self.object(&["q1", "u0", "u1"]);
                let method = self.pick(&["tools/call", "prompts/get", "resources/read"]);
                self.stage.asks(
                    "2",
                    &method,
                    &format!(
                        r#"{{"name":"n","uri":"u","inputResponses":{responses},"requestState":{state}}}"#
                    ),
                );
            }
        }
    }
}

#[test]
fn whatever_peers_say_nothing_breaks_and_nothing_stays() {
    let (mut n_questions, mut n_results, mut n_tasks, mut n_ended) = (0, 0, 0, 0);
    for seed in 1..16_u64 {
        for legs in [Legs::HttpToPipe, Legs::HttpToHttp] {
            let mut stage = Stage::new(legs);
            stage.settings.bounds.links = 6;
            let (tasks, got, dice) = (Vec::new(), Vec::new(), seed * 6_364_136_223);
            let mut play = Play { stage, tasks, dice, got, n_questions: 0, n_results: 0, n_ended: 0 };
            for _ in 0..300 {
                play.step();
            }
            n_questions += play.n_questions;
            n_results += play.n_results;
            n_tasks += play.tasks.len();
            n_ended += play.n_ended;
            let mut stage = play.stage;
            for stream in 1..=1000 {
                stage.hear(Heard::Left { stream: tapgate_wire::StreamId(stream) });
            }
            stage.got.clear();
            stage.wait(stage.settings.bounds.suspend_for);
            stage.wait(std::time::Duration::from_hours(24));
            stage.heard.clear();
            stage.is_empty();
        }
    }
    // Else nothing was tried.
    assert!(n_questions > 30 && n_results > 200, "{n_questions} {n_results}");
    assert!(n_tasks > 50 && n_ended > 20, "{n_tasks} {n_ended}");
}
