//! Children.

use ::http::HeaderMap;
use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::edge::{ChildId, Heard};

use super::check;
use super::rig::{Rig, call, opening};
use crate::bridge::back::{LinkNo, Pass};

#[test]
fn a_child_starts_with_the_first_message_and_ends_with_its_link() {
    check(
        r#"
        open 1 pipe legacy own
        tell 1 {"jsonrpc":"2.0","method":"notifications/initialized"}
          > spawn k1
          > k1 {"jsonrpc":"2.0","method":"notifications/initialized"}
        started k1
        tell 1 {"jsonrpc":"2.0","id":"s1","result":{}}
          > k1 {"jsonrpc":"2.0","id":"s1","result":{}}
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > k1 {"jsonrpc":"2.0","id":1,"method":"ping"}
        close 1
          > end k1
        held
          held nothing
    "#,
    );
}

#[test]
fn on_an_own_link_nothing_is_changed() {
    check(
        r#"
        open 1 pipe legacy own
        ask 1 c1 {"jsonrpc":"2.0", "id":"a\u0062", "method":"tools/call","params":{"_meta":{"progressToken":1.0}}}
          > spawn k1
          > k1 {"jsonrpc":"2.0", "id":"a\u0062", "method":"tools/call","params":{"_meta":{"progressToken":1.0}}}
        ask 1 c2 {"id":2e0,"jsonrpc":"2.0","method":"ping","method":"ping"}
          > k1 {"id":2e0,"jsonrpc":"2.0","method":"ping","method":"ping"}
        line k1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1.0,"progress":1}}
          < 1 said c1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1.0,"progress":1}}
        line k1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":2}}
          < 1 said same {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":2}}
        line k1 {"jsonrpc":"2.0","method":"notifications/message","params":{}}
          < 1 said same {"jsonrpc":"2.0","method":"notifications/message","params":{}}
        line k1 {"jsonrpc":"2.0","id":1,"method":"roots/list"}
          < 1 said same {"jsonrpc":"2.0","id":1,"method":"roots/list"}
        line k1 {"jsonrpc":"2.0","id":2e0,"result":{"x": 1.50}}
          < 1 answered c2 {"jsonrpc":"2.0","id":2e0,"result":{"x": 1.50}}
        line k1 {"jsonrpc":"2.0","id":"ab","result":{}}
          < 1 answered c1 {"jsonrpc":"2.0","id":"ab","result":{}}
        held
          Held { links: 1, calls: 0, fetches: 0, children: 1, appointments: 0, names: 0, queued: 0 }
        close 1
          > end k1
        held
          held nothing
    "#,
    );
}

#[test]
fn on_a_shared_link_ids_and_tokens_are_replaced_and_put_back_exactly() {
    check(
        r#"
        open 1 pipe modern shared up
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"n":12345678901234567890123,"_meta":{"progressToken":"\u0074"}}}
          > spawn k1
          > k1 {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"n":12345678901234567890123,"_meta":{"progressToken":2}}}
        ask 1 c2 {"method" : "tools/call", "id" : 1 , "params":{"_meta":{"progressToken":1.0},"x":"\ud800"}}
          > k1 {"method" : "tools/call", "id" : 3 , "params":{"_meta":{"progressToken":4},"x":"\ud800"}}
        # Nobody reads but the last of two names; whoever reads the first finds ours too.
        ask 1 c3 {"id":1,"id":"\u0061","method":"tools/call","params":{"_meta":{"progressToken":1}},"params":{"_meta":{"progressToken":[1]}}}
          > k1 {"id":5,"id":5,"method":"tools/call","params":{"_meta":{"progressToken":6}},"params":{"_meta":{"progressToken":[1]}}}
        line k1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":4,"progress":1}}
          < 1 said c2 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1.0,"progress":1}}
        line k1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1, "progressToken" : 2 }}
          < 1 said c1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1, "progressToken" : "\u0074" }}
        line k1 {"jsonrpc":"2.0","id":5,"result":{"n":1e400,"n":-0}}
          < 1 answered c3 {"jsonrpc":"2.0","id":"\u0061","result":{"n":1e400,"n":-0}}
        line k1 { "result":{"id":1,"s":"\udc00"}, "id": 1, "jsonrpc":"2.0"}
          < 1 answered c1 { "result":{"id":1,"s":"\udc00"}, "id": 1, "jsonrpc":"2.0"}
        line k1 {"jsonrpc":"2.0","id":3,"error":{"code":-1,"message":"3"}}
          < 1 answered c2 {"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"3"}}
        # Late and unknown tokens are for nobody.
        line k1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":2}}
        line k1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":2}}
        line k1 {"jsonrpc":"2.0","method":"notifications/message","params":{}}
          < 1 said up {"jsonrpc":"2.0","method":"notifications/message","params":{}}
        held
          Held { links: 1, calls: 0, fetches: 0, children: 1, appointments: 0, names: 0, queued: 0 }
    "#,
    );
}

#[test]
fn a_subscription_speaks_with_the_id_that_opened_it() {
    check(
        r#"
        open 1 pipe modern shared
        ask 1 c1 {"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{}}
          > spawn k1
          > k1 {"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{}}
        ask 1 c2 {"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{}}
          > k1 {"jsonrpc":"2.0","id":2,"method":"subscriptions/listen","params":{}}
        line k1 {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":2},"notifications":{}}}
          < 1 said c2 {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"l"},"notifications":{}}}
        line k1 {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol\/subscriptionId": 1}}}
          < 1 said c1 {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol\/subscriptionId": "l"}}}
        line k1 {"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":1}}}
          < 1 answered c1 {"jsonrpc":"2.0","id":"l","result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":"l"}}}
        # The subscription is over, so this is for nobody.
        line k1 {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}}
        cancel c2
          > k1 {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}
        line k1 {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":2}}}
        held
          Held { links: 1, calls: 0, fetches: 0, children: 1, appointments: 0, names: 0, queued: 0 }
    "#,
    );
}

#[test]
fn an_answer_that_nobody_asked_for_is_noted_once() {
    check(
        r#"
        open 1 pipe legacy shared
        ask 1 c1 {"jsonrpc":"2.0","id":7,"method":"ping"}
          > spawn k1
          > k1 {"jsonrpc":"2.0","id":1,"method":"ping"}
        line k1 {"jsonrpc":"2.0","id":7,"result":{}}
          > note `srv` answered a request that nobody asked
        line k1 {"jsonrpc":"2.0","id":1,"result":{"a":1}}
          < 1 answered c1 {"jsonrpc":"2.0","id":7,"result":{"a":1}}
        line k1 {"jsonrpc":"2.0","id":1,"result":{"a":2}}
        line k1 {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}
        line k1 Listening on stdio
          > note `srv` sent something that is no message; it was dropped
        line k1
        line k1 {"level":"info"}
    "#,
    );
}

#[test]
fn an_answer_that_nobody_can_read_fails_its_call() {
    let mut rig = Rig::new(HeaderMap::new());
    rig.back.open(rig.now, LinkNo(1), opening("pipe legacy own"), &mut rig.acts);
    let size = 100 << 20;
    let head = Message::parse(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.into());
    let cut =
        Message::oversized(r#"{"jsonrpc":"2.0","id":1,"result":{"a":"xx"#.into(), head.shape().clone(), size);
    let no_text =
        Message::parse(Bytes::from_static(b"{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"a\":\"\xff\"}}"));
    for (n, message, why) in [(1, cut, "too large: 104857600 bytes"), (2, no_text, "not in UTF-8")] {
        rig.ask(
            1,
            call(&format!("c{n}")),
            &format!(r#"{{"jsonrpc":"2.0","id":{n},"method":"ping"}}"#),
            Pass::default(),
        );
        rig.said();
        rig.hear(Heard::ChildLine { child: ChildId(1), message: message.clone() });
        let failed = format!("< 1 failed c{n} broken: the answer of `srv` is {why}");
        assert_eq!(rig.said(), [failed]);
        // Nor is it anything else that could be passed on.
        rig.hear(Heard::ChildLine { child: ChildId(1), message });
        assert!(rig.said().iter().all(|said| said.starts_with("> note")));
    }
}

#[test]
fn an_error_with_a_null_id_is_the_answer_to_the_only_call_of_an_own_link() {
    check(
        r#"
        open 1 pipe modern shared detect
        ask 1 c1 {"jsonrpc":"2.0","id":"probe","method":"server/discover"}
          > spawn k1
          > k1 {"jsonrpc":"2.0","id":1,"method":"server/discover"}
        line k1 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"?"}}
          < 1 answered c1 {"jsonrpc":"2.0","id":"probe","error":{"code":-32600,"message":"?"}}
        assign 1 legacy own
        ask 1 c2 {"jsonrpc":"2.0","id":"a","method":"initialize"}
          > k1 {"jsonrpc":"2.0","id":"a","method":"initialize"}
        line k1 { "jsonrpc":"2.0","error":{"code":-32600,"message":"?"}}
          < 1 answered c2 {"id":"a", "jsonrpc":"2.0","error":{"code":-32600,"message":"?"}}
        ask 1 c3 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > k1 {"jsonrpc":"2.0","id":1,"method":"ping"}
        ask 1 c4 {"jsonrpc":"2.0","id":2,"method":"ping"}
          > k1 {"jsonrpc":"2.0","id":2,"method":"ping"}
        line k1 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"?"}}
          > note `srv` answered a request that nobody asked
        # Shared, nobody knows whose it is.
        open 2 pipe legacy shared
        ask 2 c5 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > spawn k2
          > k2 {"jsonrpc":"2.0","id":1,"method":"ping"}
        line k2 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"?"}}
          > note `srv` answered a request that nobody asked
    "#,
    );
}

#[test]
fn a_batch_is_split_on_a_legacy_link_only() {
    check(
        r#"
        open 1 pipe legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > spawn k1
          > k1 {"jsonrpc":"2.0","id":1,"method":"ping"}
        line k1 [{"jsonrpc":"2.0","method":"notifications/message"}, [{"jsonrpc":"2.0","id":1,"result":{}}], {"jsonrpc":"2.0","id":1,"result":{}}]
          > note `srv` sent something that is no message; it was dropped
          < 1 said same {"jsonrpc":"2.0","method":"notifications/message"}
          < 1 answered c1 {"jsonrpc":"2.0","id":1,"result":{}}
        assign 1 modern shared
        line k1 [{"jsonrpc":"2.0","method":"notifications/message"}]
    "#,
    );
}

#[test]
fn a_child_that_ends_fails_its_calls_and_then_its_link() {
    check(
        r#"
        open 1 pipe legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"progressToken":1}}}
          > spawn k1
          > k1 {"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"progressToken":1}}}
        started k1
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"ping"}
          > k1 {"jsonrpc":"2.0","id":2,"method":"ping"}
        exit k1 exit status 1 | panic: no key
          < 1 failed c1 broken: `srv` ended (exit status 1); its last words: panic: no key
          < 1 failed c2 broken: `srv` ended (exit status 1); its last words: panic: no key
          < 1 down same broken: `srv` ended (exit status 1); its last words: panic: no key
        line k1 {"jsonrpc":"2.0","id":1,"result":{}}
        held
          held nothing
        # A call on a link that is gone fails at the next occasion.
        ask 1 c3 {"jsonrpc":"2.0","id":3,"method":"ping"}
        due
          due Some(0ns)
        tick
          < 1 failed c3 unreachable: `srv` was not asked: its link is closed
        open 2 pipe legacy own
        ask 2 c4 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > spawn k2
          > k2 {"jsonrpc":"2.0","id":1,"method":"ping"}
        exit k2 no such command
          < 2 failed c4 unreachable: `srv` could not be started (no such command)
          < 2 down same unreachable: `srv` could not be started (no such command)
        held
          held nothing
    "#,
    );
}

#[test]
fn a_cancelled_call_gets_no_answer() {
    check(
        r#"
        open 1 pipe modern shared
        ask 1 c1 {"jsonrpc":"2.0","id":"x","method":"tools/call"}
          > spawn k1
          > k1 {"jsonrpc":"2.0","id":1,"method":"tools/call"}
        cancel c1 no "time"
          > k1 {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"no \"time\""}}
        line k1 {"jsonrpc":"2.0","id":1,"result":{}}
        cancel c1
        held
          Held { links: 1, calls: 0, fetches: 0, children: 1, appointments: 0, names: 0, queued: 0 }
        # Its id is not given to another call.
        ask 1 c2 {"jsonrpc":"2.0","id":"x","method":"tools/call"}
          > k1 {"jsonrpc":"2.0","id":2,"method":"tools/call"}
        open 2 pipe legacy own
        ask 2 c3 {"jsonrpc":"2.0","id":"\u0078","method":"tools/call"}
          > spawn k2
          > k2 {"jsonrpc":"2.0","id":"\u0078","method":"tools/call"}
        cancel c3
          > k2 {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"x"}}
        # The handshake is not cancelled by a notification, and neither is a question that begins a link.
        ask 2 c4 {"jsonrpc":"2.0","id":3,"method":"initialize"}
          > k2 {"jsonrpc":"2.0","id":3,"method":"initialize"}
        cancel c4
        open 3 pipe modern shared detect
        ask 3 c5 {"jsonrpc":"2.0","id":40,"method":"server/discover"}
          > spawn k3
          > k3 {"jsonrpc":"2.0","id":1,"method":"server/discover"}
        cancel c5
        # A late answer to it meets nobody, although the link is shared now and counts its ids itself.
        assign 3 legacy shared
        ask 3 c6 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > k3 {"jsonrpc":"2.0","id":2,"method":"ping"}
        line k3 {"jsonrpc":"2.0","id":1,"result":{"late":true}}
        line k3 {"jsonrpc":"2.0","id":2,"result":{}}
          < 3 answered c6 {"jsonrpc":"2.0","id":1,"result":{}}
        open 4 pipe legacy own detect
        ask 4 c7 {"jsonrpc":"2.0","id":40,"method":"server/discover"}
          > spawn k4
          > k4 {"jsonrpc":"2.0","id":40,"method":"server/discover"}
        cancel c7
        assign 4 legacy shared
        ask 4 c8 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > k4 {"jsonrpc":"2.0","id":41,"method":"ping"}
    "#,
    );
}

#[test]
fn a_call_that_somebody_else_cancelled_is_forgotten_without_a_word() {
    check(
        r#"
        open 1 pipe legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > spawn k1
          > k1 {"jsonrpc":"2.0","id":1,"method":"ping"}
        drop c1
        line k1 {"jsonrpc":"2.0","id":1,"result":{}}
        drop c1
        open 2 http legacy own
        ask 2 c2 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > f2 POST {"jsonrpc":"2.0","id":1,"method":"ping"} | P
        drop c2
          > abort f2
        open 3 sse legacy own
          > f3 GET | E; x-link: 1
        ask 3 c3 {"jsonrpc":"2.0","id":1,"method":"ping"}
        drop c3
        held
          Held { links: 3, calls: 0, fetches: 1, children: 1, appointments: 0, names: 0, queued: 0 }
    "#,
    );
}

#[test]
fn two_open_calls_of_one_link_do_not_have_one_id() {
    check(
        r#"
        open 1 pipe legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
          > spawn k1
          > k1 {"jsonrpc":"2.0","id":1,"method":"ping"}
        ask 1 c2 {"jsonrpc":"2.0","id":1,"method":"ping"}
        ask 1 c3 {"jsonrpc":"2.0","method":"notifications/x"}
        tick
          < 1 failed c2 unreachable: `srv` was not asked: a request with the same id is still open
          < 1 failed c3 unreachable: `srv` was not asked: the message is no request
        line k1 {"jsonrpc":"2.0","id":1,"result":{}}
          < 1 answered c1 {"jsonrpc":"2.0","id":1,"result":{}}
        # Whoever gives up before it is told hears nothing.
        ask 1 c4 {"jsonrpc":"2.0","method":"notifications/x"}
        cancel c4
        ask 1 c5 {"jsonrpc":"2.0","method":"notifications/x"}
        close 1
          > end k1
        tick
        held
          held nothing
    "#,
    );
}

#[test]
fn a_message_leaves_with_the_changes_that_were_made_to_it() {
    let mut rig = Rig::new(HeaderMap::new());
    let mut message = Message::parse(r#"{"id":1,"method":"tools/call","params":{"name":"a"}}"#.into());
    message.splice(6..7, "\"b\"".into()).unwrap();
    message.splice(47..50, "\"c\"".into()).unwrap();
    for (no, how) in [(1, "pipe modern shared"), (2, "http modern shared")] {
        rig.back.open(rig.now, LinkNo(no), opening(how), &mut rig.acts);
        let asked = call(&no.to_string());
        rig.back.ask(rig.now, LinkNo(no), asked, &message, Pass::default(), &mut rig.acts);
    }
    rig.line(1, r#"{"id":1,"result":{}}"#);
    let expected = [
        "> spawn k1",
        r#"> k1 {"id":1,"method":"tools/call","params":{"name":"c"}}"#,
        r#"> f2 POST {"id":"b","method":"tools/call","params":{"name":"c"}} | P; mcp-method: tools/call; mcp-name: c; mcp-protocol-version: 2026-07-28"#,
        r#"< 1 answered c1 {"id":"b","result":{}}"#,
    ];
    assert_eq!(rig.said(), expected);
}
