//! Peers that say anything: nothing panics, nothing stays.

use tapgate_testkit::Chance;

use super::stage::{Got, LEGS, Legs, Stage, at};

const NAMES: &[&str] = &[
    "resultType",
    "inputRequests",
    "requestState",
    "method",
    "params",
    "mode",
    "url",
    "action",
    "content",
    "_meta",
    "tools",
    "name",
    "inputSchema",
    "nextCursor",
    "capabilities",
    "notifications",
    "resourceSubscriptions",
    "data",
    "supported",
    "uri",
    "level",
    "progressToken",
    "progress",
    "requestId",
    "messages",
    "elicitation",
    "cursor",
];
const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "-1e999",
    "\"\"",
    "\"input_required\"",
    "\"complete\"",
    "\"elicitation/create\"",
    "\"sampling/createMessage\"",
    "\"roots/list\"",
    "\"url\"",
    "\"\\ud800\"",
    "\"accept\"",
    "[]",
    "{}",
    "\"p\"",
];
const METHODS: &[&str] = &[
    "tools/call",
    "tools/list",
    "prompts/get",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "logging/setLevel",
    "ping",
    "initialize",
    "tasks/get",
    "x",
    "completion/complete",
];
const TOLD: &[&str] = &[
    "notifications/cancelled",
    "notifications/initialized",
    "notifications/progress",
    "notifications/message",
    "notifications/subscriptions/acknowledged",
    "notifications/tools/list_changed",
    "notifications/resources/updated",
];

/// Some JSON that is made of what protocols are made of.
fn json(chance: &mut Chance, depth: usize) -> String {
    let n = chance.below(4);
    match chance.below(if depth == 0 { 1 } else { 3 }) {
        0 => chance.pick(VALUES).to_owned(),
        1 => format!("[{}]", (0..n).map(|_| json(chance, depth - 1)).collect::<Vec<_>>().join(",")),
        _ => object(chance, depth, n + 1),
    }
}

fn object(chance: &mut Chance, depth: usize, n: usize) -> String {
    let members =
        (0..n).map(|_| format!("\"{}\":{}", chance.pick(NAMES), json(chance, depth.saturating_sub(1))));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

#[test]
fn whatever_peers_say_nothing_stays() {
    for legs in LEGS {
        for seed in 0..20 {
            play(legs, seed);
        }
    }
}

fn play(legs: Legs, seed: u64) {
    let chance = &mut Chance::new(seed);
    let mut stage = Stage::new(legs);
    stage.greet("2025-11-25", r#"{"elicitation":{"url":{},"form":{}},"roots":{},"sampling":{}}"#);
    stage.client(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    let mut open: Vec<Got> = Vec::new();
    for step in 0..300 {
        match chance.below(8) {
            0 | 1 => {
                let (method, params) = (chance.pick(METHODS), json(chance, 3));
                stage.client(&format!(
                    r#"{{"jsonrpc":"2.0","id":{step},"method":"{method}","params":{params}}}"#
                ));
            }
            2 => {
                let (method, params) = (chance.pick(TOLD), json(chance, 3));
                stage.client(&format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#));
            }
            3 => {
                let heard = stage.heard.iter().map(|(_, heard)| at(heard, &["id"])).next_back();
                let (id, result) = (heard.unwrap_or("7".into()), json(chance, 2));
                let id = if id.is_empty() { "7".into() } else { id };
                stage.client(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#));
            }
            4 | 5 => {
                let Some(got) = chance.take(&mut open) else { continue };
                let what = json(chance, 4);
                match chance.below(4) {
                    0 => stage.answers(&got, &format!("\"error\":{what}")),
                    1 => stage.answers(&got, &what),
                    2 => stage.answers(&got, &format!(
                        r#"{{"resultType":"input_required","inputRequests":{{"k":{{"method":"elicitation/create","params":{what}}},"l":{what}}}}}"#
                    )),
                    _ => stage.breaks(&got, true),
                }
            }
            6 => {
                let Some(got) = open.last().cloned() else { continue };
                let (method, params) = (chance.pick(TOLD), json(chance, 3));
                stage.says(&got, &format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#));
            }
            _ => stage.wait(std::time::Duration::from_secs(chance.below(40) as u64)),
        }
        open.extend(stage.got.drain(..).filter(|got| !got.at(&["id"]).is_empty()));
    }
    // Each `initialize` over HTTP opened one.
    for session in std::mem::take(&mut stage.every_session) {
        stage.sessions.insert(0, session);
        stage.leave();
    }
    stage.leave();
    // The list of tools may still be read, for nobody.
    stage.wait(std::time::Duration::from_secs(30));
    assert_eq!(stage.up.held(), 0, "seed {seed}");
    assert_eq!(stage.back.held().calls, 0, "seed {seed}");
}
