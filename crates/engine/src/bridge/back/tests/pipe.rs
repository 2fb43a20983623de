//! Children.

use super::check;

#[test]
fn a_child_starts_with_the_first_message_and_ends_with_its_link() {
    check(
        r#"
        open 1 pipe legacy own
        tell 1 {"jsonrpc":"2.0","method":"notifications/initialized"}
        started k1
        tell 1 {"jsonrpc":"2.0","id":"s1","result":{}}
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
        close 1
        held
    "#,
    );
}

#[test]
fn on_an_own_link_nothing_is_changed() {
    check(
        r#"
        open 1 pipe legacy own
        ask 1 c1 {"jsonrpc":"2.0", "id":"a\u0062", "method":"tools/call","params":{"_meta":{"progressToken":1.0}}}
        ask 1 c2 {"id":2e0,"jsonrpc":"2.0","method":"ping","method":"ping"}
        line k1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1.0,"progress":1}}
        line k1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":2}}
        line k1 {"jsonrpc":"2.0","method":"notifications/message","params":{}}
        line k1 {"jsonrpc":"2.0","id":1,"method":"roots/list"}
        line k1 {"jsonrpc":"2.0","id":2e0,"result":{"x": 1.50}}
        line k1 {"jsonrpc":"2.0","id":"ab","result":{}}
        held
        close 1
        held
    "#,
    );
}

#[test]
fn on_a_shared_link_ids_and_tokens_are_replaced_and_put_back_exactly() {
    check(
        r#"
        open 1 pipe modern shared up
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"n":12345678901234567890123,"_meta":{"progressToken":"\u0074"}}}
        ask 1 c2 {"method" : "tools/call", "id" : 1 , "params":{"_meta":{"progressToken":1.0},"x":"\ud800"}}
        # Nobody reads but the last of two names; whoever reads the first finds ours too.
        ask 1 c3 {"id":1,"id":"\u0061","method":"tools/call","params":{"_meta":{"progressToken":1}},"params":{"_meta":{"progressToken":[1]}}}
        line k1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":4,"progress":1}}
        line k1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1, "progressToken" : 2 }}
        line k1 {"jsonrpc":"2.0","id":5,"result":{"n":1e400,"n":-0}}
        line k1 { "result":{"id":1,"s":"\udc00"}, "id": 1, "jsonrpc":"2.0"}
        line k1 {"jsonrpc":"2.0","id":3,"error":{"code":-1,"message":"3"}}
        # Late and unknown tokens are for nobody.
        line k1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":2}}
        line k1 {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":2}}
        line k1 {"jsonrpc":"2.0","method":"notifications/message","params":{}}
        held
    "#,
    );
}

#[test]
fn a_subscription_speaks_with_the_id_that_opened_it() {
    check(
        r#"
        open 1 pipe modern shared
        ask 1 c1 {"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{}}
        ask 1 c2 {"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{}}
        line k1 {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":2},"notifications":{}}}
        line k1 {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol\/subscriptionId": 1}}}
        line k1 {"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":1}}}
        # The subscription is over, so this is for nobody.
        line k1 {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}}
        cancel c2
        line k1 {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":2}}}
        held
    "#,
    );
}

#[test]
fn an_answer_that_nobody_asked_for_is_noted_once() {
    check(
        r#"
        open 1 pipe legacy shared
        ask 1 c1 {"jsonrpc":"2.0","id":7,"method":"ping"}
        line k1 {"jsonrpc":"2.0","id":7,"result":{}}
        line k1 {"jsonrpc":"2.0","id":1,"result":{"a":1}}
        line k1 {"jsonrpc":"2.0","id":1,"result":{"a":2}}
        line k1 {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}
        line k1 Listening on stdio
        line k1
        line k1 {"level":"info"}
    "#,
    );
}

#[test]
fn an_error_with_a_null_id_is_the_answer_to_the_only_call_of_an_own_link() {
    check(
        r#"
        open 1 pipe modern shared detect
        ask 1 c1 {"jsonrpc":"2.0","id":"probe","method":"server/discover"}
        line k1 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"?"}}
        assign 1 legacy own
        ask 1 c2 {"jsonrpc":"2.0","id":"a","method":"initialize"}
        line k1 { "jsonrpc":"2.0","error":{"code":-32600,"message":"?"}}
        ask 1 c3 {"jsonrpc":"2.0","id":1,"method":"ping"}
        ask 1 c4 {"jsonrpc":"2.0","id":2,"method":"ping"}
        line k1 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"?"}}
        # Shared, nobody knows whose it is.
        open 2 pipe legacy shared
        ask 2 c5 {"jsonrpc":"2.0","id":1,"method":"ping"}
        line k2 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"?"}}
    "#,
    );
}

#[test]
fn a_batch_is_split_on_a_legacy_link_only() {
    check(
        r#"
        open 1 pipe legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
        line k1 [{"jsonrpc":"2.0","method":"notifications/message"}, [{"jsonrpc":"2.0","id":1,"result":{}}], {"jsonrpc":"2.0","id":1,"result":{}}]
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
        started k1
        ask 1 c2 {"jsonrpc":"2.0","id":2,"method":"ping"}
        exit k1 exit status 1 | panic: no key
        line k1 {"jsonrpc":"2.0","id":1,"result":{}}
        held
        # A call on a link that is gone fails at the next occasion.
        ask 1 c3 {"jsonrpc":"2.0","id":3,"method":"ping"}
        due
        tick
        open 2 pipe legacy own
        ask 2 c4 {"jsonrpc":"2.0","id":1,"method":"ping"}
        exit k2 no such command
        held
    "#,
    );
}

#[test]
fn a_cancelled_call_gets_no_answer() {
    check(
        r#"
        open 1 pipe modern shared
        ask 1 c1 {"jsonrpc":"2.0","id":"x","method":"tools/call"}
        cancel c1 no "time"
        line k1 {"jsonrpc":"2.0","id":1,"result":{}}
        cancel c1
        held
        # Its id is not given to another call.
        ask 1 c2 {"jsonrpc":"2.0","id":"x","method":"tools/call"}
        open 2 pipe legacy own
        ask 2 c3 {"jsonrpc":"2.0","id":"\u0078","method":"tools/call"}
        cancel c3
        # The handshake is not cancelled by a notification, and neither is a question that begins a link.
        ask 2 c4 {"jsonrpc":"2.0","id":3,"method":"initialize"}
        cancel c4
        open 3 pipe modern shared detect
        ask 3 c5 {"jsonrpc":"2.0","id":40,"method":"server/discover"}
        cancel c5
        # A late answer to it meets nobody, although the link is shared now and counts its ids itself.
        assign 3 legacy shared
        ask 3 c6 {"jsonrpc":"2.0","id":1,"method":"ping"}
        line k3 {"jsonrpc":"2.0","id":1,"result":{"late":true}}
        line k3 {"jsonrpc":"2.0","id":2,"result":{}}
        open 4 pipe legacy own detect
        ask 4 c7 {"jsonrpc":"2.0","id":40,"method":"server/discover"}
        cancel c7
        assign 4 legacy shared
        ask 4 c8 {"jsonrpc":"2.0","id":1,"method":"ping"}
    "#,
    );
}

#[test]
fn two_open_calls_of_one_link_do_not_have_one_id() {
    check(
        r#"
        open 1 pipe legacy own
        ask 1 c1 {"jsonrpc":"2.0","id":1,"method":"ping"}
        ask 1 c2 {"jsonrpc":"2.0","id":1,"method":"ping"}
        ask 1 c3 {"jsonrpc":"2.0","method":"notifications/x"}
        tick
        line k1 {"jsonrpc":"2.0","id":1,"result":{}}
        # Whoever gives up before it is told hears nothing.
        ask 1 c4 {"jsonrpc":"2.0","method":"notifications/x"}
        cancel c4
        ask 1 c5 {"jsonrpc":"2.0","method":"notifications/x"}
        close 1
        tick
        held
    "#,
    );
}
