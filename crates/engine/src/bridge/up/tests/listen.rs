//! What a client is told without asking, and many clients at once.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tapgate_testkit::Chance;
use tapgate_wire::Kind;

use super::stage::{Got, LEGS, Legs, Stage, at, is_error};

fn note(got: &Got, method: &str, uri: Option<&str>) -> String {
    let uri = uri.map_or(String::new(), |uri| format!("\"uri\":\"{uri}\","));
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/{method}","params":{{{uri}"_meta":{{"io.modelcontextprotocol/subscriptionId":{}}}}}}}"#,
        got.id()
    )
}

fn subscribe(stage: &mut Stage, id: u32, method: &str, uri: &str) {
    stage.client(&format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"resources/{method}","params":{{"uri":"{uri}"}}}}"#
    ));
}

#[test]
fn a_client_that_can_be_told_is_told_of_all_lists_that_change() {
    for legs in LEGS {
        let mut stage = Stage::greeted(legs, "2025-11-25", "{}");
        let opened = stage.opened.clone().unwrap();
        let filter = opened.at(&["params", "notifications"]);
        assert_eq!(filter, r#"{"toolsListChanged":true,"resourcesListChanged":true}"#);
        for method in ["tools/list_changed", "resources/list_changed"] {
            stage.says(&opened, &note(&opened, method, None));
            let heard = stage.hears();
            assert_eq!(heard.shape().method().unwrap(), format!("notifications/{method}"));
            assert_eq!(at(&heard, &["params"]), "{}");
        }
        // Neither progress nor logs nor questions belong on such a stream.
        for method in ["progress", "message", "own", "subscriptions/acknowledged"] {
            stage.says(&opened, &note(&opened, method, None));
        }
        stage.is_quiet();
    }
}

#[test]
fn a_subscription_takes_over_before_the_last_one_ends() {
    for legs in LEGS {
        let mut stage = Stage::greeted(legs, "2025-11-25", "{}");
        let first = stage.opened.clone().unwrap();
        subscribe(&mut stage, 1, "subscribe", "file:///\u{fc}");
        let second = stage.gets("subscriptions/listen");
        assert_eq!(second.at(&["params", "notifications", "resourceSubscriptions"]), "[\"file:///\u{fc}\"]");
        assert_eq!(second.at(&["params", "notifications", "toolsListChanged"]), "true");
        stage.is_quiet();
        assert!(stage.aborted.is_empty());
        // The old one still tells.
        stage.says(&first, &note(&first, "tools/list_changed", None));
        stage.hears();
        stage.acknowledges(&second);
        if legs == Legs::HttpToPipe {
            let told = stage.gets("notifications/cancelled");
            assert_eq!(told.at(&["params", "requestId"]), first.id());
        } else {
            assert_eq!(stage.aborted.len(), 1);
        }
        assert_eq!(*stage.hears().raw(), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
        stage.says(&second, &note(&second, "resources/updated", Some("file:///\u{fc}")));
        assert_eq!(at(&stage.hears(), &["params"]), "{\"uri\":\"file:///\u{fc}\"}");
        stage.is_quiet();
    }
}

#[test]
fn subscriptions_that_come_meanwhile_share_the_next_stream() {
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    subscribe(&mut stage, 1, "subscribe", "a:1");
    subscribe(&mut stage, 2, "subscribe", "a:2");
    subscribe(&mut stage, 3, "unsubscribe", "a:1");
    let first = stage.gets("subscriptions/listen");
    stage.is_quiet();
    stage.acknowledges(&first);
    assert_eq!(at(&stage.hears(), &["id"]), "1");
    let second = stage.gets("subscriptions/listen");
    assert_eq!(second.at(&["params", "notifications", "resourceSubscriptions"]), r#"["a:2"]"#);
    stage.acknowledges(&second);
    assert_eq!([stage.hears(), stage.hears()].map(|heard| at(&heard, &["id"])), ["2", "3"]);
    stage.is_quiet();
}

#[test]
fn a_resource_that_the_server_does_not_take_is_refused() {
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    subscribe(&mut stage, 1, "subscribe", "a:1");
    let listen = stage.gets("subscriptions/listen");
    stage.acknowledges_as(&listen, r#"{"toolsListChanged":true}"#);
    is_error(&stage.hears(), -32602);
    subscribe(&mut stage, 2, "subscribe", "a:2");
    let listen = stage.gets("subscriptions/listen");
    assert_eq!(listen.at(&["params", "notifications", "resourceSubscriptions"]), r#"["a:2"]"#);
    stage.answers(&listen, r#""error":{"code":-32602,"message":"no"}"#);
    is_error(&stage.hears(), -32603);
    // The stream that was there before goes on.
    stage.wait(Duration::from_hours(1));
    stage.is_quiet();
}

#[test]
fn a_stream_that_breaks_is_opened_again_and_what_may_be_missed_is_told() {
    for legs in [Legs::PipeToHttp, Legs::HttpToHttp] {
        let mut stage = Stage::greeted(legs, "2025-11-25", "{}");
        subscribe(&mut stage, 1, "subscribe", "a:1");
        let listen = stage.gets("subscriptions/listen");
        stage.acknowledges(&listen);
        stage.hears();
        stage.breaks(&listen, true);
        stage.is_quiet();
        stage.wait(Duration::from_millis(200));
        let again = stage.gets("subscriptions/listen");
        // It fails at first, so the wait grows.
        stage.breaks(&again, false);
        stage.wait(Duration::from_millis(399));
        stage.is_quiet();
        stage.wait(Duration::from_millis(1));
        let again = stage.gets("subscriptions/listen");
        stage.acknowledges(&again);
        let told: Vec<_> = std::iter::from_fn(|| stage.heard.pop_front().map(|(_, heard)| heard)).collect();
        let methods: Vec<_> = told.iter().map(|told| told.shape().method().unwrap().into_owned()).collect();
        assert_eq!(
            methods,
            [
                "notifications/tools/list_changed",
                "notifications/resources/list_changed",
                "notifications/resources/updated"
            ]
        );
        assert_eq!(at(&told[2], &["params"]), r#"{"uri":"a:1"}"#);
        stage.is_quiet();
    }
}

#[test]
fn a_stream_that_the_server_ends_is_opened_again() {
    for legs in LEGS {
        let mut stage = Stage::greeted(legs, "2025-11-25", "{}");
        let opened = stage.opened.clone().unwrap();
        stage.answers(
            &opened,
            &format!(
                r#"{{"resultType":"complete","_meta":{{"io.modelcontextprotocol/subscriptionId":{}}}}}"#,
                opened.id()
            ),
        );
        stage.is_quiet();
        stage.wait(Duration::from_millis(200));
        stage.gets("subscriptions/listen");
    }
}

#[test]
fn a_server_that_does_not_know_subscriptions_is_not_asked_again() {
    let mut stage = Stage::new(Legs::PipeToHttp);
    stage.greet("2025-11-25", "{}");
    stage.hears();
    stage.client(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    let listen = stage.gets("subscriptions/listen");
    stage.answers(&listen, r#""error":{"code":-32601,"message":"what?"}"#);
    stage.wait(Duration::from_hours(1));
    stage.is_quiet();
}

#[test]
fn what_is_told_before_the_acknowledgement_is_not_passed_on() {
    let mut stage = Stage::new(Legs::PipeToHttp);
    stage.greet("2025-11-25", "{}");
    stage.hears();
    stage.client(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    let listen = stage.gets("subscriptions/listen");
    stage.says(&listen, &note(&listen, "tools/list_changed", None));
    stage.is_quiet();
}

#[test]
fn a_list_of_tools_that_changed_is_read_anew_before_a_call() {
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    let opened = stage.opened.clone().unwrap();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#;
    for _ in 0..2 {
        stage.client(call);
        let list = stage.gets("tools/list");
        stage.answers(&list, r#"{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}"#);
        let got = stage.gets("tools/call");
        stage.answers(&got, "{}");
        stage.hears();
        stage.says(&opened, &note(&opened, "tools/list_changed", None));
        stage.hears();
        stage.is_quiet();
    }
}

/// Sessions that call, are asked, cancel and leave in any order: each hears its own answers once and nothing of the
/// others, and nothing is left.
#[test]
fn many_sessions_in_any_order_never_meet() {
    for legs in [Legs::HttpToPipe, Legs::HttpToHttp] {
        for seed in 0..40 {
            play(legs, seed);
        }
    }
}

const N_CLIENTS: usize = 8;

fn play(legs: Legs, seed: u64) {
    let mut chance = Chance::new(seed);
    let mut stage = Stage::new(legs);
    for speaker in 0..N_CLIENTS {
        stage.speaker = speaker;
        stage.greet("2025-11-25", r#"{"elicitation":{}}"#);
        assert_eq!(stage.heard.pop_front().unwrap().0, speaker);
        stage.client(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    }
    let mut waits: HashMap<(usize, String), String> = HashMap::new();
    let mut gone = HashSet::new();
    let mut at_server: Vec<Got> = Vec::new();
    let mut asked: Vec<(usize, String, String)> = Vec::new();
    let mut n = 0;
    for step in 0..400 {
        let is_ending = step > 300;
        match chance.below(5) {
            0 | 1 if !is_ending => {
                stage.speaker = chance.below(N_CLIENTS);
                if gone.contains(&stage.speaker) {
                    continue;
                }
                // All clients use the same few ids.
                let id = (chance.below(6)).to_string();
                n += 1;
                let mark = format!("{}-{n}", stage.speaker);
                if waits.contains_key(&(stage.speaker, id.clone())) {
                    continue;
                }
                stage.client(&format!(
                    r#"{{"jsonrpc":"2.0","id":{id},"method":"prompts/get","params":{{"name":"{mark}","_meta":{{"progressToken":{id}}}}}}}"#
                ));
                waits.insert((stage.speaker, id), mark);
            }
            2 => {
                let Some(got) = chance.take(&mut at_server) else { continue };
                let mark = got.at(&["params", "name"]);
                let is_asked = got.at(&["params", "requestState"]).is_empty();
                if is_asked && chance.below(2) == 0 {
                    stage.answers(&got, &format!(
                        r#"{{"resultType":"input_required","inputRequests":{{"k":{{"method":"elicitation/create","params":{{"message":{mark},"requestedSchema":{{}}}}}}}},"requestState":{mark}}}"#
                    ));
                } else {
                    assert!(is_asked || got.at(&["params", "inputResponses", "k", "content"]) == mark);
                    stage.answers(&got, &format!(r#"{{"resultType":"complete","mark":{mark}}}"#));
                }
            }
            3 => {
                let Some((speaker, id, mark)) = chance.take(&mut asked) else { continue };
                if gone.contains(&speaker) {
                    continue;
                }
                stage.speaker = speaker;
                stage.client(&format!(
                    r#"{{"jsonrpc":"2.0","id":{id},"result":{{"action":"accept","content":{mark}}}}}"#
                ));
            }
            4 if chance.below(4) == 0 => {
                let mut keys: Vec<_> = waits.keys().cloned().collect();
                keys.sort();
                let Some((speaker, id)) = chance.take(&mut keys) else { continue };
                stage.speaker = speaker;
                if chance.below(10) == 0 {
                    stage.leave();
                    gone.insert(speaker);
                    waits.retain(|(who, _), _| *who != speaker);
                } else {
                    stage.client(&format!(
                        r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#
                    ));
                    waits.remove(&(speaker, id));
                }
            }
            _ => {}
        }
        at_server.extend(stage.got.drain(..).filter(|got| got.method() == "prompts/get"));
        for (who, heard) in std::mem::take(&mut stage.heard) {
            let id = at(&heard, &["id"]);
            match heard.shape().kind {
                Kind::Result => {
                    let mark = waits.remove(&(who, id)).expect("an answer that is waited for");
                    assert_eq!(at(&heard, &["result", "mark"]), format!("\"{mark}\""), "seed {seed}");
                }
                Kind::Request => {
                    let mark = at(&heard, &["params", "message"]);
                    assert!(mark.starts_with(&format!("\"{who}-")), "seed {seed}");
                    asked.push((who, id, mark));
                }
                _ => assert_eq!(
                    heard.shape().method().unwrap(),
                    "notifications/cancelled",
                    "{:?}",
                    heard.raw()
                ),
            }
        }
    }
    for speaker in (0..N_CLIENTS).filter(|speaker| !gone.contains(speaker)) {
        stage.speaker = speaker;
        stage.leave();
    }
    assert_eq!(stage.up.held(), 0, "seed {seed}");
    assert_eq!(stage.back.held().calls, 0, "seed {seed}");
}
