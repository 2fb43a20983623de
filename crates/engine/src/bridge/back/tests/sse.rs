//! HTTP+SSE.

use super::check;
use super::rig::play;

#[test]
fn messages_wait_for_the_endpoint() {
    check(
        r#"
        headers x-key: k
        open 1 sse legacy own
          > f1 GET | E; x-key: k; x-link: 1
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"initialize"}
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"ping"}
        tell 1 {"jsonrpc":"2.0","method":"notifications/x"} | authorization: a
        held
          Held { links: 1, calls: 2, fetches: 1, children: 0, appointments: 0, names: 2, queued: 3 }
        cancel c2
        head f1 200 sse
        event f1 (event=endpoint) /messages?sessionId=1
          > f2 POST /messages?sessionId=1 {"jsonrpc":"2.0","id":1,"method":"initialize"} | P; x-key: k
          > f3 POST /messages?sessionId=1 {"jsonrpc":"2.0","method":"notifications/x"} | P; authorization: a; x-key: k
        event f1 (event=endpoint) /elsewhere
        head f2 202 json
        ended f2 clean
        event f1 (event=message) {"jsonrpc":"2.0","id":1,"result":{}}
          < 1 answered c1 (200) {"jsonrpc":"2.0","id":1,"result":{}}
        agreed 1 2025-06-18
        event f1 () {"jsonrpc":"2.0","method":"notifications/message"}
          < 1 said same {"jsonrpc":"2.0","method":"notifications/message"}
        event f1 (event=ping) 1
        ask 1 c3 {"jsonrpc":"2.0","id":3,"method":"ping"}
          > f4 POST /messages?sessionId=1 {"jsonrpc":"2.0","id":3,"method":"ping"} | P; mcp-protocol-version: 2025-06-18; x-key: k
        cancel c3 why
          > f5 POST /messages?sessionId=1 {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3,"reason":"why"}} | P; mcp-protocol-version: 2025-06-18; x-key: k
          > abort f4
        ask 1 c4 {"jsonrpc":"2.0","id":4,"method":"ping"}
          > f6 POST /messages?sessionId=1 {"jsonrpc":"2.0","id":4,"method":"ping"} | P; mcp-protocol-version: 2025-06-18; x-key: k
        head f6 400 json
        body f6 {"error":"no"}
          < 1 failed c4 http 400 ["content-type"] {"error":"no"}
        ask 1 c5 {"jsonrpc":"2.0","id":5,"method":"ping"}
          > f7 POST /messages?sessionId=1 {"jsonrpc":"2.0","id":5,"method":"ping"} | P; mcp-protocol-version: 2025-06-18; x-key: k
        ended f7 refused unsent
          < 1 failed c5 unreachable: `srv` could not be reached: refused
        ask 1 c6 {"jsonrpc":"2.0","id":6,"method":"ping"}
          > f8 POST /messages?sessionId=1 {"jsonrpc":"2.0","id":6,"method":"ping"} | P; mcp-protocol-version: 2025-06-18; x-key: k
        ended f1 clean
          > abort f3
          > abort f5
          > abort f8
          < 1 failed c6 broken: `srv` ended the stream: it closed the connection
          < 1 down same broken: `srv` ended the stream: it closed the connection
        held
          held nothing
    "#,
    );
}

#[test]
fn an_answer_may_come_before_the_post_is_accepted() {
    check(
        r#"
        open 1 sse legacy own
          > f1 GET | E; x-link: 1
        head f1 200 sse
        event f1 (event=endpoint) messages
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > f2 POST /api/messages {"jsonrpc":"2.0","id":1,"method":"ping"} | P
        event f1 () {"jsonrpc":"2.0","id":1,"result":{}}
          < 1 answered c1 (200) {"jsonrpc":"2.0","id":1,"result":{}}
        head f2 202 json
        body f2 Accepted
        held
          Held { links: 1, calls: 0, fetches: 1, children: 0, appointments: 0, names: 0, queued: 0 }
        close 1
          > abort f1
        held
          held nothing
    "#,
    );
}

#[test]
fn a_stream_that_does_not_open_brings_the_link_down() {
    check(
        r#"
        open 1 sse legacy own
          > f1 GET | E; x-link: 1
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"initialize"}
        head f1 405 json; allow: POST
        body f1 no
          < 1 failed c1 http 405 ["allow", "content-type"] no
          < 1 down same http 405 ["allow", "content-type"] no
        open 2 sse legacy own
          > f2 GET | E; x-link: 1
        ask 2 c2 {"jsonrpc":"2.0","id":1,"method":"initialize"}
        ended f2 refused unsent
          < 2 failed c2 unreachable: `srv` could not be reached: refused
          < 2 down same unreachable: `srv` could not be reached: refused
        open 3 sse legacy own
          > f3 GET | E; x-link: 1
        ask 3 c3 {"jsonrpc":"2.0","id":1,"method":"initialize"}
        ended f3 cut sent
          < 3 failed c3 unreachable: `srv` did not answer: the connection broke
          < 3 down same broken: `srv` did not answer: the connection broke
        open 4 sse legacy own
          > f4 GET | E; x-link: 1
        head f4 200 sse
        ask 4 c4 {"jsonrpc":"2.0","id":1,"method":"initialize"}
        ended f4 clean
          < 4 failed c4 unreachable: `srv` ended the stream: it closed the connection
          < 4 down same broken: `srv` ended the stream: it closed the connection
        open 5 sse legacy own
          > f5 GET | E; x-link: 1
        head f5 503 json
        body f5 later
          < 5 down same http 503 ["content-type"] later
        held
          held nothing
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
        ("javascript:alert(1)", "other origin"),
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
    let ask = |call| format!(r#"ask 1 c{call} {{"jsonrpc":"2.0","id":{call},"method":"ping"}}"#);
    let tell = r#"tell 1 {"jsonrpc":"2.0","method":"x"}"#.to_owned();
    let mut script = vec!["open 1 sse legacy own".to_owned()];
    script.extend((1..=257).map(ask));
    script.extend([tell.clone(), tell]);
    script.extend(["tick", "held", "close 1", "held"].map(str::to_owned));
    let script = script.join("\n");
    let played = play(&script);
    assert!(played.contains("< 1 failed c257 full"), "{played}");
    assert_eq!(played.matches("failed").count(), 1);
    assert_eq!(played.matches("> note").count(), 1);
    assert!(played.contains("queued: 256"));
    assert!(played.ends_with("  held nothing\n"));
}
