//! What a client is told without asking.

use std::time::Duration;

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

#[test]
fn an_acknowledgement_that_never_comes_is_not_waited_for() {
    for legs in LEGS {
        let mut stage = Stage::greeted(legs, "2025-11-25", "{}");
        subscribe(&mut stage, 1, "subscribe", "a:1");
        stage.gets("subscriptions/listen");
        subscribe(&mut stage, 2, "subscribe", "a:2");
        stage.wait(Duration::from_secs(30));
        is_error(&stage.hears(), -32603);
        if legs == Legs::HttpToPipe {
            stage.gets("notifications/cancelled");
        }
        let second = stage.gets("subscriptions/listen");
        assert_eq!(second.at(&["params", "notifications", "resourceSubscriptions"]), r#"["a:2"]"#);
        stage.acknowledges(&second);
        assert_eq!(at(&stage.hears(), &["id"]), "2");
    }
}

#[test]
fn subscriptions_are_bounded() {
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    for n in 0..1024 {
        subscribe(&mut stage, n, "subscribe", &format!("a:{n}"));
    }
    subscribe(&mut stage, 1024, "subscribe", "a:x");
    is_error(&stage.hears(), -32602);
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    subscribe(&mut stage, 1, "subscribe", &"x".repeat(200 << 10));
    subscribe(&mut stage, 2, "subscribe", &"y".repeat(200 << 10));
    assert_eq!(at(&stage.hears(), &["id"]), "2");
}

#[test]
fn a_client_that_follows_nothing_is_not_listened_for() {
    let discover = super::stage::DISCOVER.replace(r#""listChanged":true"#, r#""listChanged":false"#);
    let discover = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{discover}}}"#);
    let mut stage = Stage::new(Legs::PipeToHttp);
    stage.server.modern.as_mut().unwrap().discover = Some(tapgate_wire::Message::parse(discover.into()));
    stage.greet("2025-11-25", "{}");
    stage.hears();
    stage.client(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    stage.is_quiet();
    subscribe(&mut stage, 1, "subscribe", "a:1");
    let listen = stage.gets("subscriptions/listen");
    assert_eq!(listen.at(&["params", "notifications"]), r#"{"resourceSubscriptions":["a:1"]}"#);
    stage.acknowledges(&listen);
    stage.hears();
    subscribe(&mut stage, 2, "unsubscribe", "a:1");
    assert_eq!(at(&stage.hears(), &["result"]), "{}");
    assert_eq!(stage.aborted.len(), 1);
    stage.wait(Duration::from_hours(1));
    stage.is_quiet();
}

#[test]
fn streams_of_a_link_that_is_gone_are_opened_on_the_new_one() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "2025-11-25", "{}");
    let old = stage.opened.clone().unwrap();
    subscribe(&mut stage, 1, "subscribe", "a:1");
    stage.gets("subscriptions/listen");
    stage.relink();
    // A client waits for it, so it is opened at once.
    let listen = stage.gets("subscriptions/listen");
    assert_ne!(listen.place, old.place);
    assert_eq!(listen.at(&["params", "notifications", "resourceSubscriptions"]), r#"["a:1"]"#);
    stage.acknowledges(&listen);
    assert_eq!(at(&stage.hears(), &["id"]), "1");
    assert_eq!(stage.heard.len(), 3);
    stage.heard.clear();
    stage.says(&old, &note(&old, "tools/list_changed", None));
    stage.is_quiet();
}
