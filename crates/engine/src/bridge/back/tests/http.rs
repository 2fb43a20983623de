//! Streamable HTTP of both eras.

use std::fmt::Write as _;
use std::time::Duration;

use super::check;
use super::rig::play;

#[test]
fn a_legacy_session_is_learned_named_and_deleted() {
    check(
        r#"
        headers x-key: ours; mcp-session-id: forged; accept: no
        open 1 http legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"initialize"} | authorization: a; x-key: theirs; mcp-protocol-version: 1; content-type: no; connection: x-hop; x-hop: 1
          > f1 POST {"jsonrpc":"2.0","id":1,"method":"initialize"} | P; authorization: a; x-key: ours
        head f1 200 json mcp-session-id: s1
        kept 1
          kept Some(b"s1")
        body f1 {"jsonrpc":"2.0","id":1,"result":{}}
          < 1 answered c1 (200) {"jsonrpc":"2.0","id":1,"result":{}}
        agreed 1 2025-11-25
        tell 1 {"jsonrpc":"2.0","method":"notifications/initialized"} | authorization: b
          > f2 POST {"jsonrpc":"2.0","method":"notifications/initialized"} | P; authorization: b; mcp-protocol-version: 2025-11-25; mcp-session-id: s1; x-key: ours
        head f2 202 json
        ended f2 clean
        agreed 1 2025-03-26
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"ping"}
          > f3 POST {"jsonrpc":"2.0","id":2,"method":"ping"} | P; mcp-session-id: s1; x-key: ours
        # A session id on another answer is none.
        head f3 200 json mcp-session-id: s2
        body f3 {"jsonrpc":"2.0","id":2,"result":{}}
          < 1 answered c2 (200) {"jsonrpc":"2.0","id":2,"result":{}}
        close 1
          > f4 DELETE | mcp-session-id: s1; x-key: ours; x-link: 1
        held
          held nothing
        restore 2 http legacy own | s9
        agreed 2 2025-11-25
        ask 2 c3 {"jsonrpc":"2.0","id":2,"method":"ping"}
          > f5 POST {"jsonrpc":"2.0","id":2,"method":"ping"} | P; mcp-protocol-version: 2025-11-25; mcp-session-id: s9; x-key: ours
        # A handshake begins without a session.
        ask 2 c4 {"jsonrpc":"2.0","id":3,"method":"initialize"}
          > f6 POST {"jsonrpc":"2.0","id":3,"method":"initialize"} | P; x-key: ours
        restore 3 http legacy own | two words
        kept 3
          kept None
    "#,
    );
}

#[test]
fn no_request_overtakes_the_end_of_the_handshake() {
    const TOLD: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    for end in ["head f1 202 json", "head f1 500 json", "ended f1 refused unsent", "wait 5000"] {
        let ask =
            |n: u32| format!("ask 1 c{n} {{\"jsonrpc\":\"2.0\",\"id\":{n},\"method\":\"tools/list\"}}\n");
        let script = format!(
            "restore 1 http legacy own | s1\ntell 1 {TOLD}\n{}{}{}cancel c2\n{end}\n{}",
            ask(1),
            ask(2),
            ask(3),
            ask(4)
        );
        let played = play(&script);
        let posts: Vec<&str> =
            played.lines().filter_map(|line| line.split_once("POST ")).map(|(_, post)| post).collect();
        let asked = |n: usize| {
            format!(r#"{{"jsonrpc":"2.0","id":{n},"method":"tools/list"}} | P; mcp-session-id: s1"#)
        };
        assert_eq!(
            posts,
            [format!("{TOLD} | P; mcp-session-id: s1"), asked(1), asked(3), asked(4)],
            "{played}"
        );
        let before = played.split(end).next().unwrap();
        assert_eq!(before.matches("POST").count(), 1, "{played}");
    }
    // A modern server knows no handshake, and a pipe keeps the order by itself.
    for opening in ["http modern own", "pipe legacy own"] {
        let ask = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
        let played = play(&format!("open 1 {opening}\ntell 1 {TOLD}\nask 1 c1 {ask}\n"));
        assert!(
            played.contains(&format!("> f2 POST {ask}")) || played.contains(&format!("> k1 {ask}")),
            "{played}"
        );
    }
}

#[test]
fn a_session_id_that_cannot_be_used_is_none() {
    let long = "x".repeat(4097);
    for (id, expected) in [("a b", "None"), ("é", "None"), (&*long, "None"), (&long[1..], "Some")] {
        let script = format!(
            "open 1 http legacy own\nask 1 c1 {{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}}\n\
             head f1 200 json mcp-session-id: {id}\nkept 1\n"
        );
        let played = play(&script);
        assert!(played.contains(&format!("kept {expected}")), "{played}");
        assert_eq!(played.contains("> note"), expected == "None", "{played}");
    }
}

#[test]
fn an_answer_may_be_json_or_a_batch_or_a_stream() {
    check(
        r#"
        open 1 http legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > f1 POST {"jsonrpc":"2.0","id":1,"method":"ping"} | P
        head f1 200 json
        body f1 [{"jsonrpc":"2.0","method":"notifications/message"},{"jsonrpc":"2.0","id":1,"result":{}}]
          < 1 said c1 {"jsonrpc":"2.0","method":"notifications/message"}
          < 1 answered c1 (200) {"jsonrpc":"2.0","id":1,"result":{}}
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"_meta":{"progressToken":"t"}}}
          > f2 POST {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"_meta":{"progressToken":"t"}}} | P
        head f2 200 sse
        event f2 () {"jsonrpc":"2.0","id":"s","method":"roots/list"}
          < 1 said c2 {"jsonrpc":"2.0","id":"s","method":"roots/list"}
        event f2 (event=message) {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}
          < 1 said c2 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}
        event f2 (event=other) {"jsonrpc":"2.0","id":2,"result":{"other":1}}
        event f2 () {"jsonrpc":"2.0","id":2,"result":{}}
          < 1 answered c2 (200) {"jsonrpc":"2.0","id":2,"result":{}}
        event f2 () {"jsonrpc":"2.0","method":"notifications/late"}
        held
          Held { links: 1, calls: 0, fetches: 1, children: 0, appointments: 1, names: 0, queued: 0 }
        ended f2 clean
        held
          Held { links: 1, calls: 0, fetches: 0, children: 0, appointments: 0, names: 0, queued: 0 }
        # A server that does not end the stream is given a second.
        ask 1 c3 {"jsonrpc":"2.0","id":3,"method":"ping"}
          > f3 POST {"jsonrpc":"2.0","id":3,"method":"ping"} | P
        head f3 200 sse
        event f3 () {"jsonrpc":"2.0","id":3,"result":{}}
          < 1 answered c3 (200) {"jsonrpc":"2.0","id":3,"result":{}}
        wait 999
        wait 1
          > abort f3
        held
          Held { links: 1, calls: 0, fetches: 0, children: 0, appointments: 0, names: 0, queued: 0 }
    "#,
    );
}

#[test]
fn on_a_shared_legacy_session_ids_and_tokens_are_replaced() {
    check(
        r#"
        open 1 http legacy shared
        ask 1 c1 {"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"_meta":{"progressToken":"t"}}}
          > f1 POST {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":2}}} | P
        ask 1 c2 {"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"_meta":{"progressToken":"t"}}}
          > f2 POST {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"_meta":{"progressToken":4}}} | P
        head f1 200 sse
        head f2 200 json
        event f1 () {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":1}}
          < 1 said c1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}
        event f1 () {"jsonrpc":"2.0","method":"notifications/message","params":{}}
          < 1 said c1 {"jsonrpc":"2.0","method":"notifications/message","params":{}}
        body f2 {"jsonrpc":"2.0","id":3,"result":{}}
          < 1 answered c2 (200) {"jsonrpc":"2.0","id":"a","result":{}}
        event f1 () {"jsonrpc":"2.0","id":1,"result":{}}
          < 1 answered c1 (200) {"jsonrpc":"2.0","id":"a","result":{}}
    "#,
    );
}

#[test]
fn what_is_no_answer_is_a_failure() {
    check(
        r#"
        open 1 http legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > f1 POST {"jsonrpc":"2.0","id":1,"method":"ping"} | P
        head f1 202 json
        ended f1 clean
          < 1 failed c1 http 202 ["content-type"]
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"ping"}
          > f2 POST {"jsonrpc":"2.0","id":2,"method":"ping"} | P
        head f2 200 json
        body f2 {"jsonrpc":"2.0","id":9,"result":{}}
          > note `srv` answered a request that nobody asked
          < 1 failed c2 http 200 ["content-type"] {"jsonrpc":"2.0","id":9,"result":{}}
        ask 1 c3 {"jsonrpc":"2.0","id":3,"method":"ping"}
          > f3 POST {"jsonrpc":"2.0","id":3,"method":"ping"} | P
        head f3 400 json
        body f3 {"jsonrpc":"2.0","id":3,"error":{"code":-32600,"message":"?"}}
          < 1 answered c3 (400) {"jsonrpc":"2.0","id":3,"error":{"code":-32600,"message":"?"}}
        ask 1 c4 {"jsonrpc":"2.0","id":4,"method":"ping"}
          > f4 POST {"jsonrpc":"2.0","id":4,"method":"ping"} | P
        head f4 400 json
        body f4 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"?"}}
          < 1 answered c4 (400) {"jsonrpc":"2.0","id":4,"error":{"code":-32600,"message":"?"}}
        ask 1 c5 {"jsonrpc":"2.0","id":5,"method":"ping"}
          > f5 POST {"jsonrpc":"2.0","id":5,"method":"ping"} | P
        head f5 400 json
        body f5 {"error":"invalid_request"}
          < 1 failed c5 http 400 ["content-type"] {"error":"invalid_request"}
        ask 1 c6 {"jsonrpc":"2.0","id":6,"method":"ping"}
          > f6 POST {"jsonrpc":"2.0","id":6,"method":"ping"} | P
        head f6 401 json www-authenticate: Bearer
        body f6 {"jsonrpc":"2.0","id":6,"error":{"code":-32600,"message":"?"}}
          < 1 failed c6 http 401 ["www-authenticate", "content-type"] {"jsonrpc":"2.0","id":6,"error":{"code":-32600,"message":"?"}}
        ask 1 c7 {"jsonrpc":"2.0","id":7,"method":"ping"}
          > f7 POST {"jsonrpc":"2.0","id":7,"method":"ping"} | P
        head f7 404 json
        body f7 no
          < 1 failed c7 http 404 ["content-type"] no
        ask 1 c8 {"jsonrpc":"2.0","id":8,"method":"ping"}
          > f8 POST {"jsonrpc":"2.0","id":8,"method":"ping"} | P
        ended f8 refused unsent
          < 1 failed c8 unreachable: `srv` could not be reached: refused
        ask 1 c9 {"jsonrpc":"2.0","id":9,"method":"ping"}
          > f9 POST {"jsonrpc":"2.0","id":9,"method":"ping"} | P
        ended f9 cut sent
          < 1 failed c9 broken: `srv` did not answer: the connection broke
        ask 1 c10 {"jsonrpc":"2.0","id":10,"method":"ping"}
          > f10 POST {"jsonrpc":"2.0","id":10,"method":"ping"} | P
        head f10 200 sse
        ended f10 clean
          < 1 failed c10 broken: `srv` ended the stream before the answer: it closed the connection
        ask 1 c11 {"jsonrpc":"2.0","id":11,"method":"ping"}
          > f11 POST {"jsonrpc":"2.0","id":11,"method":"ping"} | P
        head f11 200 json
        ended f11 cut
          < 1 failed c11 broken: `srv` ended the stream before the answer: the connection broke
        ask 1 c12 {"jsonrpc":"2.0","id":12,"method":"ping"}
          > f12 POST {"jsonrpc":"2.0","id":12,"method":"ping"} | P
        head f12 200 json
        body f12 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"?"}}
          < 1 answered c12 (200) {"jsonrpc":"2.0","id":12,"error":{"code":-32600,"message":"?"}}
        held
          Held { links: 1, calls: 0, fetches: 0, children: 0, appointments: 0, names: 0, queued: 0 }
    "#,
    );
}

#[test]
fn a_session_that_the_server_forgot_brings_the_link_down() {
    check(
        r#"
        restore 1 http legacy own | s1
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > f1 POST {"jsonrpc":"2.0","id":1,"method":"ping"} | P; mcp-session-id: s1
        head f1 200 sse
        event f1 (id=1)
        ended f1 clean
          < 1 paused c1 None
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"ping"}
          > f2 POST {"jsonrpc":"2.0","id":2,"method":"ping"} | P; mcp-session-id: s1
        listen 1
          > f3 GET | E; mcp-session-id: s1; x-link: 1
        head f2 404 json
          > abort f2
          > abort f3
          < 1 failed c2 forgotten
          < 1 failed c1 broken: `srv` forgot the session
          < 1 down same forgotten
        body f2 {"jsonrpc":"2.0","id":2,"error":{"code":-32001,"message":"?"}}
        held
          held nothing
        restore 2 http legacy own | s1
        tell 2 {"jsonrpc":"2.0","method":"x"}
          > f4 POST {"jsonrpc":"2.0","method":"x"} | P; mcp-session-id: s1
        head f4 404 json
          > abort f4
          < 2 down same forgotten
        held
          held nothing
    "#,
    );
}

#[test]
fn a_stream_that_was_primed_is_resumed_after_the_wait_that_the_server_asked_for() {
    check(
        r#"
        restore 1 http legacy own | s1
        agreed 1 2025-11-25
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"tools/call"} | authorization: a
          > f1 POST {"jsonrpc":"2.0","id":1,"method":"tools/call"} | P; authorization: a; mcp-protocol-version: 2025-11-25; mcp-session-id: s1
        head f1 200 sse
        event f1 (id=e1 retry=500)
        ended f1 clean
          < 1 paused c1 Some(500)
        due
          due Some(500ms)
        wait 499
        wait 1
          > f2 GET | E; authorization: a; last-event-id: e1; mcp-protocol-version: 2025-11-25; mcp-session-id: s1
        head f2 200 sse
        event f2 (id=e2)
        ended f2 clean
          < 1 paused c1 Some(500)
        wait 500
          > f3 GET | E; authorization: a; last-event-id: e2; mcp-protocol-version: 2025-11-25; mcp-session-id: s1
        head f3 200 sse
        event f3 (id=e3) {"jsonrpc":"2.0","method":"notifications/message"}
          < 1 said c1 {"jsonrpc":"2.0","method":"notifications/message"}
        event f3 () {"jsonrpc":"2.0","id":1,"result":{}}
          < 1 answered c1 (200) {"jsonrpc":"2.0","id":1,"result":{}}
        ended f3 clean
        held
          Held { links: 1, calls: 0, fetches: 0, children: 0, appointments: 0, names: 0, queued: 0 }
        # Without a wait it is ours, and a wait of nothing is not quite nothing.
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"tools/call"}
          > f4 POST {"jsonrpc":"2.0","id":2,"method":"tools/call"} | P; mcp-protocol-version: 2025-11-25; mcp-session-id: s1
        head f4 200 sse
        event f4 (id=e1)
        ended f4 clean
          < 1 paused c2 None
        due
          due Some(200ms)
        wait 200
          > f5 GET | E; last-event-id: e1; mcp-protocol-version: 2025-11-25; mcp-session-id: s1
        head f5 200 sse
        event f5 (retry=0)
        ended f5 clean
          < 1 paused c2 Some(0)
        due
          due Some(10ms)
        cancel c2
          > f6 POST {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}} | P; mcp-protocol-version: 2025-11-25; mcp-session-id: s1
        held
          Held { links: 1, calls: 0, fetches: 1, children: 0, appointments: 0, names: 0, queued: 0 }
    "#,
    );
}

#[test]
fn a_stream_that_breaks_is_resumed_five_times() {
    check(
        r#"
        open 1 http legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"tools/call"}
          > f1 POST {"jsonrpc":"2.0","id":1,"method":"tools/call"} | P
        head f1 200 sse
        event f1 (id=e1)
        ended f1 cut
        due
          due Some(141.894531ms)
        wait 60000
          > f2 GET | E; last-event-id: e1
        ended f2 cut unsent
        wait 60000
          > f3 GET | E; last-event-id: e1
        head f3 503 json
        body f3 later
        due
          due Some(521.09375ms)
        wait 60000
          > f4 GET | E; last-event-id: e1
        head f4 200 sse
        ended f4 cut
        wait 60000
          > f5 GET | E; last-event-id: e1
        head f5 200 sse
        ended f5 clean
          < 1 paused c1 None
        due
          due Some(2.76875s)
        wait 60000
          > f6 GET | E; last-event-id: e1
        ended f6 cut
          < 1 failed c1 broken: `srv` did not answer: the connection broke
        held
          Held { links: 1, calls: 0, fetches: 0, children: 0, appointments: 0, names: 0, queued: 0 }
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"tools/call"}
          > f7 POST {"jsonrpc":"2.0","id":2,"method":"tools/call"} | P
        head f7 200 sse
        event f7 (id=e1)
        ended f7 cut
        wait 60000
          > f8 GET | E; last-event-id: e1
        head f8 405 json
        ended f8 clean
          < 1 failed c2 broken: `srv` does not resume the stream: 405 Method Not Allowed
        # An id that cannot be said in a header, or that is taken back, resumes nothing.
        ask 1 c3 {"jsonrpc":"2.0","id":3,"method":"tools/call"}
          > f9 POST {"jsonrpc":"2.0","id":3,"method":"tools/call"} | P
        head f9 200 sse
        event f9 (id=e1)
        event f9 (id=)
        ended f9 clean
          < 1 failed c3 broken: `srv` ended the stream before the answer: it closed the connection
        held
          Held { links: 1, calls: 0, fetches: 0, children: 0, appointments: 0, names: 0, queued: 0 }
    "#,
    );
}

#[test]
fn a_stream_that_always_ends_without_a_message_waits_longer_each_time() {
    let mut script = "restore 1 http legacy own | s1\nlisten 1\n".to_owned();
    let get = |script: &mut String, n: usize, last: &str| {
        writeln!(script, "  > f{n} GET | E; {last}mcp-session-id: s1; x-link: 1\nhead f{n} 200 sse").unwrap();
    };
    get(&mut script, 1, "");
    let waits = [10, 20, 40, 80, 160, 320, 640, 1000, 1000];
    for (n, wait) in (1..).zip(waits) {
        let due = Duration::from_millis(wait);
        writeln!(
            script,
            "event f{n} (id=g retry=0)\nended f{n} clean\ndue\n  due Some({due:?})\nwait {wait}"
        )
        .unwrap();
        get(&mut script, n + 1, "last-event-id: g; ");
    }
    // A message says that it is of use.
    script += "event f10 () {\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"ping\"}\n";
    script += "  < 1 said same {\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"ping\"}\n";
    script += "ended f10 clean\ndue\n  due Some(10ms)\n";
    check(&script);
}

#[test]
fn what_concerns_no_call_comes_on_a_stream_that_opens_again() {
    check(
        r#"
        restore 1 http legacy own | s1
        agreed 1 2025-06-18
        listen 1
          > f1 GET | E; mcp-protocol-version: 2025-06-18; mcp-session-id: s1; x-link: 1
        listen 1
        head f1 200 sse
        event f1 (id=g1 retry=70) {"jsonrpc":"2.0","id":"s","method":"ping"}
          < 1 said same {"jsonrpc":"2.0","id":"s","method":"ping"}
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > f2 POST {"jsonrpc":"2.0","id":1,"method":"ping"} | P; mcp-protocol-version: 2025-06-18; mcp-session-id: s1
        event f1 () {"jsonrpc":"2.0","id":1,"result":{}}
          < 1 answered c1 (200) {"jsonrpc":"2.0","id":1,"result":{}}
        ended f1 clean
        due
          due Some(70ms)
        wait 1000
          > f3 GET | E; last-event-id: g1; mcp-protocol-version: 2025-06-18; mcp-session-id: s1; x-link: 1
          > abort f2
        ended f3 refused unsent
        due
          due Some(141.894531ms)
        wait 1000
          > f4 GET | E; last-event-id: g1; mcp-protocol-version: 2025-06-18; mcp-session-id: s1; x-link: 1
        head f4 500 json
        body f4
        due
          due Some(223.046875ms)
        wait 1000
          > f5 GET | E; last-event-id: g1; mcp-protocol-version: 2025-06-18; mcp-session-id: s1; x-link: 1
        head f5 405 json
        ended f5 clean
        held
          Held { links: 1, calls: 0, fetches: 0, children: 0, appointments: 0, names: 0, queued: 0 }
        listen 1
        due
          due None
        close 1
          > f6 DELETE | mcp-protocol-version: 2025-06-18; mcp-session-id: s1; x-link: 1
        held
          held nothing
        # A link that is down does not come back.
        restore 2 http legacy own | s1
        listen 2
          > f7 GET | E; mcp-session-id: s1; x-link: 1
        ended f7 cut
        close 2
          > f8 DELETE | mcp-session-id: s1; x-link: 1
        due
          due None
        open 3 http modern shared
        listen 3
        open 4 pipe legacy own
        listen 4
    "#,
    );
}

#[test]
fn a_modern_request_carries_its_headers() {
    check(
        r#"
        headers x-key: ours; mcp-method: forged
        open 1 http modern shared
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"größe","_meta":{"io.modelcontextprotocol/protocolVersion":"2027-01-01","progressToken":1}}} | mcp-param-a: theirs; mcp-param-b: theirs; mcp-name: forged; mcp-session-id: no; last-event-id: no; authorization: a | mcp-param-a: computed
          > f1 POST {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"größe","_meta":{"io.modelcontextprotocol/protocolVersion":"2027-01-01","progressToken":1}}} | P; authorization: a; mcp-method: tools/call; mcp-name: =?base64?Z3LDtsOfZQ==?=; mcp-param-a: computed; mcp-param-b: theirs; mcp-protocol-version: 2027-01-01; x-key: ours
        ask 1 c2 {"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a://b"}}
          > f2 POST {"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a://b"}} | P; mcp-method: resources/read; mcp-name: a://b; mcp-protocol-version: 2026-07-28; x-key: ours
        ask 1 c3 {"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":" t","name":"n"}}
          > f3 POST {"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":" t","name":"n"}} | P; mcp-method: tasks/get; mcp-name: =?base64?IHQ=?=; mcp-protocol-version: 2026-07-28; x-key: ours
        ask 1 c4 {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"name":"n","_meta":{"io.modelcontextprotocol/protocolVersion":"a\nb"}}}
          > f4 POST {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"name":"n","_meta":{"io.modelcontextprotocol/protocolVersion":"a\nb"}}} | P; mcp-method: tools/list; mcp-protocol-version: 2026-07-28; x-key: ours
        tell 1 {"jsonrpc":"2.0","method":"notifications/x"}
          > f5 POST {"jsonrpc":"2.0","method":"notifications/x"} | P; mcp-method: notifications/x; mcp-protocol-version: 2026-07-28; x-key: ours
    "#,
    );
}

#[test]
fn modern_calls_of_one_id_have_streams_of_their_own() {
    check(
        r#"
        open 1 http modern shared
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":1}}}
          > f1 POST {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":1}}} | P; mcp-method: tools/call; mcp-protocol-version: 2026-07-28
        ask 1 c2 {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":1}}}
          > f2 POST {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":1}}} | P; mcp-method: tools/call; mcp-protocol-version: 2026-07-28
        head f1 200 sse mcp-session-id: no
        head f2 200 sse
        event f2 (id=e) {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}
          < 1 said c2 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}
        event f1 () {"jsonrpc":"2.0","id":1,"result":{}}
          < 1 answered c1 (200) {"jsonrpc":"2.0","id":1,"result":{}}
        event f2 () {"jsonrpc":"2.0","id":2,"result":{}}
          > note `srv` answered a request that nobody asked
        ended f2 clean
          < 1 failed c2 broken: `srv` ended the stream before the answer: it closed the connection
        ask 1 c3 {"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"}
          > f3 POST {"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"} | P; mcp-method: subscriptions/listen; mcp-protocol-version: 2026-07-28
        head f3 200 sse
        event f3 () {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}}
          < 1 said c3 {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}}
        cancel c3
          > abort f3
        event f3 () {"jsonrpc":"2.0","id":1,"result":{}}
        ask 1 c4 {"jsonrpc":"2.0","id":1,"method":"x"}
          > f4 POST {"jsonrpc":"2.0","id":1,"method":"x"} | P; mcp-method: x; mcp-protocol-version: 2026-07-28
        head f4 404 json
        body f4 {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"?"}}
          < 1 answered c4 (404) {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"?"}}
        ask 1 c5 {"jsonrpc":"2.0","id":1,"method":"x"}
          > f5 POST {"jsonrpc":"2.0","id":1,"method":"x"} | P; mcp-method: x; mcp-protocol-version: 2026-07-28
        head f5 200 json
        body f5 [{"jsonrpc":"2.0","id":1,"result":{}}]
          > note `srv` sent something that is no message; it was dropped
          < 1 failed c5 http 200 ["content-type"] [{"jsonrpc":"2.0","id":1,"result":{}}]
        close 1
          > abort f1
        held
          held nothing
    "#,
    );
}

#[test]
fn a_legacy_call_is_cancelled_by_a_message() {
    check(
        r#"
        restore 1 http legacy shared | s1
        ask 1 c1 {"jsonrpc":"2.0","id":"a","method":"tools/call"} | authorization: a
          > f1 POST {"jsonrpc":"2.0","id":1,"method":"tools/call"} | P; authorization: a; mcp-session-id: s1
        cancel c1 "\
          > f2 POST {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"\"\\"}} | P; authorization: a; mcp-session-id: s1
          > abort f1
        head f1 200 json
        body f1 {"jsonrpc":"2.0","id":1,"result":{}}
        held
          Held { links: 1, calls: 0, fetches: 1, children: 0, appointments: 0, names: 0, queued: 0 }
        head f2 202 json
        ended f2 clean
        held
          Held { links: 1, calls: 0, fetches: 0, children: 0, appointments: 0, names: 0, queued: 0 }
    "#,
    );
}

#[test]
fn a_stream_as_the_answer_to_a_notification_is_given_up() {
    check(
        r#"
        open 1 http legacy own
        tell 1 {"jsonrpc":"2.0","method":"x"}
          > f1 POST {"jsonrpc":"2.0","method":"x"} | P
        head f1 200 sse
          > abort f1
        tell 1 {"jsonrpc":"2.0","method":"x"}
          > f2 POST {"jsonrpc":"2.0","method":"x"} | P
        head f2 500 json
        body f2 no
        tell 1 {"jsonrpc":"2.0","method":"x"}
          > f3 POST {"jsonrpc":"2.0","method":"x"} | P
        ended f3 refused unsent
        held
          Held { links: 1, calls: 0, fetches: 0, children: 0, appointments: 0, names: 0, queued: 0 }
    "#,
    );
}
