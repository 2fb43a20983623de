//! Tools that a lock does not have do not pass, whoever speaks what.

use std::sync::Arc;

use serde_json::{Value, json};
use tapgate_engine::surface::{Lock, Page};
use tapgate_wire::record::Offered;

use super::stage::{Kind, Stage, words};

/// The names that a client sees, over all pages.
fn names(stage: &mut Stage) -> Vec<String> {
    let mut names = Vec::new();
    let mut params = json!({});
    loop {
        let answer = stage.ask("tools/list", params);
        let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        names.extend(tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()));
        match &answer["result"]["nextCursor"] {
            Value::Null => return names,
            cursor => params = json!({ "cursor": cursor }),
        }
    }
}

/// A lock with all that a server of this kind lists, without what `keep` takes out.
fn lock(server: Kind, keep: impl Fn(&str) -> bool) -> Arc<Lock> {
    let mut stage = Stage::new(server, server);
    stage.begin();
    let mut items = Vec::new();
    let mut params = json!({});
    loop {
        let answer = stage.ask("tools/list", params);
        let tools: Vec<String> =
            answer["result"]["tools"].as_array().unwrap().iter().map(Value::to_string).collect();
        items.extend(Page::of(Offered::Tools, tools.iter().map(String::as_bytes), None).items);
        match &answer["result"]["nextCursor"] {
            Value::Null => break,
            cursor => params = json!({ "cursor": cursor }),
        }
    }
    items.retain(|item| keep(&item.name));
    let mut lock = Lock::default();
    lock.surface.set(Offered::Tools, items);
    Arc::new(lock)
}

fn locked(client: Kind, server: Kind, lock: Arc<Lock>) -> Stage {
    let mut stage = Stage::new(client, server);
    let now = stage.world.now;
    stage.world.bridge.0.lock(now, &lock, &mut Vec::new());
    stage.begin();
    stage
}

fn relock(stage: &mut Stage, lock: Arc<Lock>) {
    let (now, mut acts) = (stage.world.now, Vec::new());
    stage.world.bridge.0.lock(now, &lock, &mut acts);
    for act in acts {
        stage.world.act(act);
    }
    stage.settle();
}

#[test]
fn what_the_lock_does_not_have_is_neither_listed_nor_called_between_any_two() {
    for server in Kind::all() {
        let lock = lock(server, |name| name != "echo");
        for client in Kind::all() {
            let pair = format!("{client:?} and {server:?}");
            let mut stage = locked(client, server, Arc::clone(&lock));
            let names = names(&mut stage);
            assert!(names.len() > 10, "{pair}: {names:?}");
            assert!(!names.contains(&"echo".to_owned()), "{pair}: {names:?}");
            let answer = stage.call("echo", json!({ "text": "x" }));
            assert_eq!(answer["error"]["code"], -32602, "{pair}: {answer}");
            let text = answer["error"]["message"].as_str().unwrap();
            assert!(text.contains("tapgate lock approve echo"), "{pair}: {text}");
            let answer = stage.call("count", json!({}));
            assert!(answer["result"].is_object(), "{pair}: {answer}");
            assert_eq!(stage.faults(), Vec::<String>::new(), "{pair}");
        }
    }
}

#[test]
fn with_everything_in_the_lock_nothing_is_missed() {
    for server in Kind::all() {
        let lock = lock(server, |_| true);
        for client in Kind::all() {
            let mut free = Stage::new(client, server);
            free.begin();
            let mut stage = locked(client, server, Arc::clone(&lock));
            assert_eq!(names(&mut stage), names(&mut free), "{client:?} and {server:?}");
            let answer = stage.call("echo", json!({ "text": "hi" }));
            assert!(words(&answer).contains("hi"), "{answer}");
        }
    }
}

#[test]
fn a_lock_that_is_replaced_lets_a_tool_pass_and_the_client_hears_of_it() {
    for server in Kind::all() {
        let (before, after) = (lock(server, |name| name != "echo"), lock(server, |_| true));
        for client in Kind::all() {
            let pair = format!("{client:?} and {server:?}");
            let mut stage = locked(client, server, Arc::clone(&before));
            stage.me().listen();
            if client.is_modern() {
                stage
                    .me()
                    .ask("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
            }
            stage.settle();
            assert!(!names(&mut stage).contains(&"echo".to_owned()), "{pair}");
            relock(&mut stage, Arc::clone(&after));
            let told: Vec<_> = {
                let me = stage.me();
                let of_calls = me.calls.values().flat_map(|call| call.told.clone());
                me.pushed.iter().cloned().chain(of_calls).collect()
            };
            let is_told = told.iter().any(|message| message["method"] == "notifications/tools/list_changed");
            assert!(is_told, "{pair}: {told:?}");
            assert!(names(&mut stage).contains(&"echo".to_owned()), "{pair}");
            assert!(words(&stage.call("echo", json!({ "text": "hi" }))).contains("hi"), "{pair}");
            assert_eq!(stage.faults(), Vec::<String>::new(), "{pair}");
        }
    }
}
