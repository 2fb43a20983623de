//! Streamable HTTP of both eras.

use super::check;
use super::rig::play;

#[test]
fn a_legacy_session_is_learned_named_and_deleted() {
    check(
        r#"
        headers x-key: ours; mcp-session-id: forged; accept: no
        open 1 http legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"initialize"} | authorization: a; x-key: theirs; mcp-protocol-version: 1; content-type: no; connection: x-hop; x-hop: 1
        head f1 200 json mcp-session-id: s1
        kept 1
        body f1 {"jsonrpc":"2.0","id":1,"result":{}}
        agreed 1 2025-11-25
        tell 1 {"jsonrpc":"2.0","method":"notifications/initialized"} | authorization: b
        head f2 202 json
        ended f2 clean
        agreed 1 2025-03-26
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"ping"}
        # A session id on another answer is none.
        head f3 200 json mcp-session-id: s2
        body f3 {"jsonrpc":"2.0","id":2,"result":{}}
        close 1
        held
        restore 2 http legacy own | s9
        agreed 2 2025-11-25
        ask 2 c3 {"jsonrpc":"2.0","id":2,"method":"ping"}
        # A handshake begins without a session.
        ask 2 c4 {"jsonrpc":"2.0","id":3,"method":"initialize"}
        restore 3 http legacy own | two words
        kept 3
    "#,
    );
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
        head f1 200 json
        body f1 [{"jsonrpc":"2.0","method":"notifications/message"},{"jsonrpc":"2.0","id":1,"result":{}}]
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"_meta":{"progressToken":"t"}}}
        head f2 200 sse
        event f2 () {"jsonrpc":"2.0","id":"s","method":"roots/list"}
        event f2 (event=message) {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}
        event f2 (event=other) {"jsonrpc":"2.0","id":2,"result":{"other":1}}
        event f2 () {"jsonrpc":"2.0","id":2,"result":{}}
        event f2 () {"jsonrpc":"2.0","method":"notifications/late"}
        held
        ended f2 clean
        held
        # A server that does not end the stream is given a second.
        ask 1 c3 {"jsonrpc":"2.0","id":3,"method":"ping"}
        head f3 200 sse
        event f3 () {"jsonrpc":"2.0","id":3,"result":{}}
        wait 999
        wait 1
        held
    "#,
    );
}

#[test]
fn on_a_shared_legacy_session_ids_and_tokens_are_replaced() {
    check(
        r#"
        open 1 http legacy shared
        ask 1 c1 {"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"_meta":{"progressToken":"t"}}}
        ask 1 c2 {"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"_meta":{"progressToken":"t"}}}
        head f1 200 sse
        head f2 200 json
        event f1 () {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":1}}
        event f1 () {"jsonrpc":"2.0","method":"notifications/message","params":{}}
        body f2 {"jsonrpc":"2.0","id":3,"result":{}}
        event f1 () {"jsonrpc":"2.0","id":1,"result":{}}
    "#,
    );
}

#[test]
fn what_is_no_answer_is_a_failure() {
    check(
        r#"
        open 1 http legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
        head f1 202 json
        ended f1 clean
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"ping"}
        head f2 200 json
        body f2 {"jsonrpc":"2.0","id":9,"result":{}}
        ask 1 c3 {"jsonrpc":"2.0","id":3,"method":"ping"}
        head f3 400 json
        body f3 {"jsonrpc":"2.0","id":3,"error":{"code":-32600,"message":"?"}}
        ask 1 c4 {"jsonrpc":"2.0","id":4,"method":"ping"}
        head f4 400 json
        body f4 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"?"}}
        ask 1 c5 {"jsonrpc":"2.0","id":5,"method":"ping"}
        head f5 400 json
        body f5 {"error":"invalid_request"}
        ask 1 c6 {"jsonrpc":"2.0","id":6,"method":"ping"}
        head f6 401 json www-authenticate: Bearer
        body f6 {"jsonrpc":"2.0","id":6,"error":{"code":-32600,"message":"?"}}
        ask 1 c7 {"jsonrpc":"2.0","id":7,"method":"ping"}
        head f7 404 json
        body f7 no
        ask 1 c8 {"jsonrpc":"2.0","id":8,"method":"ping"}
        ended f8 refused unsent
        ask 1 c9 {"jsonrpc":"2.0","id":9,"method":"ping"}
        ended f9 cut sent
        ask 1 c10 {"jsonrpc":"2.0","id":10,"method":"ping"}
        head f10 200 sse
        ended f10 clean
        ask 1 c11 {"jsonrpc":"2.0","id":11,"method":"ping"}
        head f11 200 json
        ended f11 cut
        ask 1 c12 {"jsonrpc":"2.0","id":12,"method":"ping"}
        head f12 200 json
        body f12 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"?"}}
        held
    "#,
    );
}

#[test]
fn a_session_that_the_server_forgot_brings_the_link_down() {
    check(
        r#"
        restore 1 http legacy own | s1
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
        head f1 200 sse
        event f1 (id=1) 
        ended f1 clean
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"ping"}
        listen 1
        head f2 404 json
        body f2 {"jsonrpc":"2.0","id":2,"error":{"code":-32001,"message":"?"}}
        held
        restore 2 http legacy own | s1
        tell 2 {"jsonrpc":"2.0","method":"x"}
        head f4 404 json
        held
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
        head f1 200 sse
        event f1 (id=e1 retry=500)
        ended f1 clean
        due
        wait 499
        wait 1
        head f2 200 sse
        event f2 (id=e2)
        ended f2 clean
        wait 500
        head f3 200 sse
        event f3 (id=e3) {"jsonrpc":"2.0","method":"notifications/message"}
        event f3 () {"jsonrpc":"2.0","id":1,"result":{}}
        ended f3 clean
        held
        # Without a wait it is ours, and a wait of nothing is not quite nothing.
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"tools/call"}
        head f4 200 sse
        event f4 (id=e1)
        ended f4 clean
        due
        wait 200
        head f5 200 sse
        event f5 (retry=0)
        ended f5 clean
        due
        cancel c2
        held
    "#,
    );
}

#[test]
fn a_stream_that_breaks_is_resumed_five_times() {
    check(
        r#"
        open 1 http legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"tools/call"}
        head f1 200 sse
        event f1 (id=e1)
        ended f1 cut
        due
        wait 60000
        ended f2 cut unsent
        wait 60000
        head f3 503 json
        body f3 later
        due
        wait 60000
        head f4 200 sse
        ended f4 cut
        wait 60000
        head f5 200 sse
        ended f5 clean
        due
        wait 60000
        ended f6 cut
        held
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"tools/call"}
        head f7 200 sse
        event f7 (id=e1)
        ended f7 cut
        wait 60000
        head f8 405 json
        ended f8 clean
        # An id that cannot be said in a header, or that is taken back, resumes nothing.
        ask 1 c3 {"jsonrpc":"2.0","id":3,"method":"tools/call"}
        head f9 200 sse
        event f9 (id=e1)
        event f9 (id=)
        ended f9 clean
        held
    "#,
    );
}

#[test]
fn what_concerns_no_call_comes_on_a_stream_that_opens_again() {
    check(
        r#"
        restore 1 http legacy own | s1
        agreed 1 2025-06-18
        listen 1
        listen 1
        head f1 200 sse
        event f1 (id=g1 retry=70) {"jsonrpc":"2.0","id":"s","method":"ping"}
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
        event f1 () {"jsonrpc":"2.0","id":1,"result":{}}
        ended f1 clean
        due
        wait 1000
        ended f3 refused unsent
        due
        wait 1000
        head f4 500 json
        body f4
        due
        wait 1000
        head f5 405 json
        ended f5 clean
        held
        listen 1
        due
        close 1
        held
        # A link that is down does not come back.
        restore 2 http legacy own | s1
        listen 2
        ended f7 cut
        close 2
        due
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
        ask 1 c2 {"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a://b"}}
        ask 1 c3 {"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":" t","name":"n"}}
        ask 1 c4 {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"name":"n","_meta":{"io.modelcontextprotocol/protocolVersion":"a\nb"}}}
        tell 1 {"jsonrpc":"2.0","method":"notifications/x"}
    "#,
    );
}

#[test]
fn modern_calls_of_one_id_have_streams_of_their_own() {
    check(
        r#"
        open 1 http modern shared
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":1}}}
        ask 1 c2 {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":1}}}
        head f1 200 sse mcp-session-id: no
        head f2 200 sse
        event f2 (id=e) {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}
        event f1 () {"jsonrpc":"2.0","id":1,"result":{}}
        event f2 () {"jsonrpc":"2.0","id":2,"result":{}}
        ended f2 clean
        ask 1 c3 {"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"}
        head f3 200 sse
        event f3 () {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}}
        cancel c3
        event f3 () {"jsonrpc":"2.0","id":1,"result":{}}
        ask 1 c4 {"jsonrpc":"2.0","id":1,"method":"x"}
        head f4 404 json
        body f4 {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"?"}}
        ask 1 c5 {"jsonrpc":"2.0","id":1,"method":"x"}
        head f5 200 json
        body f5 [{"jsonrpc":"2.0","id":1,"result":{}}]
        close 1
        held
    "#,
    );
}

#[test]
fn a_legacy_call_is_cancelled_by_a_message() {
    check(
        r#"
        restore 1 http legacy shared | s1
        ask 1 c1 {"jsonrpc":"2.0","id":"a","method":"tools/call"} | authorization: a
        cancel c1 "\
        head f1 200 json
        body f1 {"jsonrpc":"2.0","id":1,"result":{}}
        held
        head f2 202 json
        ended f2 clean
        held
    "#,
    );
}

#[test]
fn a_stream_as_the_answer_to_a_notification_is_given_up() {
    check(
        r#"
        open 1 http legacy own
        tell 1 {"jsonrpc":"2.0","method":"x"}
        head f1 200 sse
        tell 1 {"jsonrpc":"2.0","method":"x"}
        head f2 500 json
        body f2 no
        tell 1 {"jsonrpc":"2.0","method":"x"}
        ended f3 refused unsent
        held
    "#,
    );
}
