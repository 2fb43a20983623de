//! How the bridge finds out what a server speaks.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tapgate_testkit::peer::Over;

use super::raw::{Got, Raw, discovered, meta};

/// A modern client on stdio asks for a list, and the server is asked who it is.
fn asked(server: Over) -> (Raw, Got) {
    let mut raw = Raw::new(Over::Pipe, server);
    raw.line(&list(1));
    let probe = raw.gets("server/discover");
    raw.is_quiet();
    (raw, probe)
}

fn list(id: u64) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "resources/list", "params": { "_meta": meta(json!({})) } })
}

/// A body with the id of the question.
fn answering(probe: &Got, body: &str) -> String {
    body.replace("\"id\":1", &format!("\"id\":{}", probe.message["id"]))
}

#[test]
fn no_error_but_three_proves_a_modern_server() {
    for code in
        [-32601, -32602, -32600, -32603, -32700, -32000, -32001, -32003, -32004, -32019, -32023, -1, 7]
    {
        let (mut raw, probe) = asked(Over::Pipe);
        raw.refuses(&probe, 200, json!({ "code": code, "message": "no" }));
        raw.greets(json!({ "resources": {} }));
        assert_eq!(raw.gets("notifications/initialized").place, probe.place, "{code}");
        raw.gets("resources/list");
    }
}

#[test]
fn an_error_that_only_modern_servers_know_never_leads_to_a_handshake() {
    let newer =
        json!({ "code": -32022, "message": "no", "data": { "supported": ["2026-07-28"], "requested": "x" } });
    for over in [Over::Pipe, Over::Http] {
        for error in [json!({ "code": -32020, "message": "no" }), json!({ "code": -32021, "message": "no" })]
        {
            let (mut raw, probe) = asked(over);
            raw.refuses(&probe, 400, error);
            raw.gets("resources/list");
            raw.is_quiet();
        }
        let (mut raw, probe) = asked(over);
        raw.refuses(&probe, 400, newer.clone());
        let again = raw.gets("server/discover");
        raw.refuses(&again, 400, newer.clone());
        raw.gets("resources/list");
        raw.is_quiet();
        // Unless the only revision that both know is a legacy one.
        let (mut raw, probe) = asked(over);
        let older = json!({ "code": -32022, "message": "no", "data": { "supported": ["2025-11-25"] } });
        raw.refuses(&probe, 400, older);
        raw.gets("initialize");
    }
}

#[test]
fn silence_means_legacy_and_a_late_answer_is_nobodys() {
    let (mut raw, probe) = asked(Over::Pipe);
    raw.pass(Duration::from_millis(4999));
    raw.is_quiet();
    raw.pass(Duration::from_millis(1));
    let hello = raw.gets("initialize");
    assert_eq!(hello.place, probe.place);
    raw.answers(&probe, discovered(json!({})));
    raw.is_quiet();
    let result = json!({ "protocolVersion": "2025-11-25", "capabilities": { "resources": {} }, "serverInfo": { "name": "old", "version": "1" } });
    raw.answers(&hello, result);
    raw.gets("notifications/initialized");
    raw.gets("resources/list");
}

#[test]
fn a_child_that_the_question_ends_is_started_again_and_greeted() {
    let (mut raw, probe) = asked(Over::Pipe);
    raw.breaks(&probe, true);
    raw.pass(Duration::from_secs(1));
    let hello = raw.gets("initialize");
    assert_ne!(hello.place, probe.place);
}

#[test]
fn a_refusal_over_http_is_read_before_anything_follows_from_it() {
    let modern = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32021,"message":"no"}}"#;
    for status in [200, 400] {
        let (mut raw, probe) = asked(Over::Http);
        raw.responds(&probe, status, &answering(&probe, modern));
        raw.gets("resources/list");
    }
    for (status, body) in [
        (400, ""),
        (400, "Bad Request: No valid session ID provided"),
        (400, r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no session"}}"#),
        (400, r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"what?"}}"#),
        (400, r#"{"error":"invalid_request"}"#),
        (404, r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"what?"}}"#),
        (404, "invalid session"),
        (405, ""),
        (200, r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"what?"}}"#),
        (200, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#),
        (200, "hello"),
        (202, ""),
        (204, ""),
    ] {
        let (mut raw, probe) = asked(Over::Http);
        raw.responds(&probe, status, &answering(&probe, body));
        let hello = raw.gets("initialize");
        assert!(!hello.headers.contains_key("mcp-method"), "{status} {body}");
        raw.is_quiet();
    }
}

#[test]
fn what_says_nothing_of_the_era_is_passed_on_and_the_next_request_asks_again() {
    for status in [401, 403, 429, 500, 503, 0] {
        let (mut raw, probe) = asked(Over::Http);
        if status == 0 {
            raw.breaks(&probe, false);
        } else {
            raw.responds(&probe, status, "no");
        }
        assert_eq!(raw.hears().message["id"], 1, "{status}");
        raw.is_quiet();
        raw.line(&list(2));
        raw.gets("server/discover");
    }
}

#[test]
fn the_era_is_asked_for_once() {
    for over in [Over::Pipe, Over::Http] {
        for is_modern in [true, false] {
            let (mut raw, probe) = asked(over);
            raw.line(&list(2));
            raw.is_quiet();
            if is_modern {
                raw.answers(&probe, discovered(json!({ "capabilities": { "resources": {} } })));
            } else {
                raw.refuses(&probe, 200, json!({ "code": -32601, "message": "no" }));
                raw.greets(json!({ "resources": {} }));
            }
            raw.line(&list(3));
            let ours = ["notifications/initialized", ""];
            let methods: Vec<_> = raw.got.iter().map(|got| got.method().to_owned()).collect();
            let asked: Vec<_> = methods.iter().filter(|method| !ours.contains(&method.as_str())).collect();
            assert_eq!(asked, ["resources/list"; 3], "{over:?} {is_modern} {methods:?}");
        }
    }
}

#[test]
fn a_handshake_that_is_refused_over_http_is_tried_over_http_with_sse() {
    for status in [400, 404, 405] {
        let mut raw = Raw::new(Over::Pipe, Over::Http);
        raw.initialize(json!({}));
        let hello = raw.gets("initialize");
        raw.responds(&hello, status, "no");
        if raw.got.front().is_some_and(|got| got.method() == "server/discover") {
            let probe = raw.gets("server/discover");
            raw.responds(&probe, status, "no");
        }
        let stream = raw.got.pop_front().unwrap();
        assert_eq!((stream.verb, &stream.message), (Method::GET, &Value::Null), "{status}");
        assert_eq!(stream.headers["accept"], "text/event-stream");
    }
}

#[test]
fn a_server_that_became_modern_is_found_out() {
    let (mut raw, probe) = asked(Over::Http);
    raw.refuses(&probe, 400, json!({ "code": -32601, "message": "no" }));
    // What was a legacy server is one of 2026-07-28 now, which knows no handshake.
    let hello = raw.gets("initialize");
    raw.refuses(&hello, 404, json!({ "code": -32601, "message": "no" }));
    raw.hears();
    raw.line(&list(2));
    // What was assumed failed, so who the server is is asked again.
    // Spec 2026-07-28, basic/versioning, Backward Compatibility.
    raw.gets("server/discover");
}
