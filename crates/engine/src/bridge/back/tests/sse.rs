//! HTTP+SSE.

use super::check;
use super::rig::play;

#[test]
fn messages_wait_for_the_endpoint() {
    check(
        r#"
        headers x-key: k
        open 1 sse legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"initialize"}
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"ping"}
        tell 1 {"jsonrpc":"2.0","method":"notifications/x"} | authorization: a
        held
        cancel c2
        head f1 200 sse
        event f1 (event=endpoint) /messages?sessionId=1
        event f1 (event=endpoint) /elsewhere
        head f2 202 json
        ended f2 clean
        event f1 (event=message) {"jsonrpc":"2.0","id":1,"result":{}}
        agreed 1 2025-06-18
        event f1 () {"jsonrpc":"2.0","method":"notifications/message"}
        event f1 (event=ping) 1
        ask 1 c3 {"jsonrpc":"2.0","id":3,"method":"ping"}
        cancel c3 why
        ask 1 c4 {"jsonrpc":"2.0","id":4,"method":"ping"}
        head f6 400 json
        body f6 {"error":"no"}
        ask 1 c5 {"jsonrpc":"2.0","id":5,"method":"ping"}
        ended f7 refused unsent
        ask 1 c6 {"jsonrpc":"2.0","id":6,"method":"ping"}
        ended f1 clean
        held
    "#,
    );
}

#[test]
fn an_answer_may_come_before_the_post_is_accepted() {
    check(
        r#"
        open 1 sse legacy own
        head f1 200 sse
        event f1 (event=endpoint) messages
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
        event f1 () {"jsonrpc":"2.0","id":1,"result":{}}
        head f2 202 json
        body f2 Accepted
        held
        close 1
        held
    "#,
    );
}

#[test]
fn a_stream_that_does_not_open_brings_the_link_down() {
    check(
        r#"
        open 1 sse legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"initialize"}
        head f1 405 json; allow: POST
        body f1 no
        open 2 sse legacy own
        ask 2 c2 {"jsonrpc":"2.0","id":1,"method":"initialize"}
        ended f2 refused unsent
        open 3 sse legacy own
        ask 3 c3 {"jsonrpc":"2.0","id":1,"method":"initialize"}
        ended f3 cut sent
        open 4 sse legacy own
        head f4 200 sse
        ask 4 c4 {"jsonrpc":"2.0","id":1,"method":"initialize"}
        ended f4 clean
        open 5 sse legacy own
        head f5 503 json
        body f5 later
        held
    "#,
    );
}

#[test]
fn the_endpoint_stays_at_the_origin() {
    let cases = [
        ("/messages?s=1", "POST /messages?s=1 "),
        ("messages/?s=1#x", "POST /api/messages/?s=1 "),
        ("./a/../b?u=..", "POST /api/b?u=.. "),
        ("../../../b", "POST /b "),
        ("?s=1", "POST /api/sse?s=1 "),
        ("/a:b", "POST /a:b "),
        ("https://example.com/m?s=1", "POST /m?s=1 "),
        ("HTTPS://Example.COM:443/m", "POST /m "),
        ("https://example.com", "POST / "),
        ("//example.com/m", "POST /m "),
        ("//example.com:443/m", "POST /m "),
        ("http://example.com/m", "other origin"),
        ("https://example.com:8443/m", "other origin"),
        ("https://example.com.evil.net/m", "other origin"),
        ("https://example.com@evil.net/m", "other origin"),
        ("//evil.net/m", "other origin"),
        ("javascript:alert(1)", "no URI"),
        ("ftp://example.com/m", "other origin"),
        ("/a b", "no URI"),
        ("/\u{1}", "no URI"),
    ];
    for (said, expected) in cases {
        let script = format!(
            "open 1 sse legacy own\nhead f1 200 sse\nevent f1 (event=endpoint) {said}\n\
             ask 1 c1 {{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}}\n"
        );
        let played = play(&script);
        assert!(played.contains(expected), "{said}: {played}");
        assert_eq!(played.contains("POST"), expected.starts_with("POST"), "{said}: {played}");
        assert_eq!(played.contains("down"), !expected.starts_with("POST"), "{said}: {played}");
    }
}

#[test]
fn the_queue_for_the_endpoint_is_bounded() {
    let mut script = String::from("open 1 sse legacy own\n");
    for call in 1..=257 {
        script += &format!("ask 1 c{call} {{\"jsonrpc\":\"2.0\",\"id\":{call},\"method\":\"ping\"}}\n");
    }
    script += "tell 1 {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\ntell 1 {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\ntick\nheld\nclose 1\nheld\n";
    let played = play(&script);
    assert!(played.contains("< 1 failed c257 full"), "{played}");
    assert_eq!(played.matches("failed").count(), 1);
    assert_eq!(played.matches("> note").count(), 1);
    assert!(played.contains("queued: 256"));
    assert!(played.ends_with("  held nothing\n"));
}
