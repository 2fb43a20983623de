//! Subscriptions.

use std::time::Duration;

use tapgate_wire::edge::Heard;

use super::stage::{ABLE, Got, Legs, Stage};
use crate::bridge::down::Down;

const ID: &str = "io.modelcontextprotocol/subscriptionId";
const TOOLS: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
const PROMPTS: &str = r#"{"jsonrpc":"2.0","method":"notifications/prompts/list_changed","params":{"x":1.0}}"#;

fn updated(uri: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{"uri":"{uri}"}}}}"#)
}

/// A stage with a link, and something by which its server speaks.
fn stage() -> (Stage, Got) {
    let mut stage = Stage::new(Legs::HttpToPipe);
    stage.asks("0", "server/discover", "{}");
    let hello = stage.greets(ABLE);
    stage.hears();
    (stage, hello)
}

#[test]
fn the_acknowledgement_comes_first_and_says_what_will_come() {
    let (mut stage, server) = stage();
    let stream = stage.asks(
        "\"L\"",
        "subscriptions/listen",
        r#"{"notifications":{"toolsListChanged":true,"promptsListChanged":false,"resourceSubscriptions":["a://x","a://no",7]}}"#,
    );
    let subscriptions = [stage.gets("resources/subscribe"), stage.gets("resources/subscribe")];
    stage.says(&server, TOOLS);
    assert!(stage.heard.is_empty());
    for subscription in &subscriptions {
        if subscription.at(&["params", "uri"]) == "\"a://x\"" {
            stage.answers(subscription, "{}");
        } else {
            stage.answers(subscription, r#""error":{"code":-32602,"message":"no"}"#);
        }
    }
    let ack = stage.hears();
    assert_eq!((ack.stream, ack.status), (stream, 0));
    assert_eq!(ack.at(&["method"]), "\"notifications/subscriptions/acknowledged\"");
    assert_eq!(
        ack.at(&["params", "notifications"]),
        r#"{"toolsListChanged":true,"resourceSubscriptions":["a://x"]}"#
    );
    assert_eq!(ack.at(&["params", "_meta", ID]), "\"L\"");
    assert_eq!(stage.hears().at(&["method"]), "\"notifications/tools/list_changed\"");

    stage.says(&server, PROMPTS);
    stage.says(&server, &updated("a://y"));
    stage.is_quiet();
    stage.says(&server, &updated("a://x/part"));
    let told = stage.hears();
    assert_eq!(told.at(&["params"]), format!(r#"{{"uri":"a://x/part","_meta":{{"{ID}":"L"}}}}"#));
    stage.is_quiet();
}

#[test]
fn two_listens_share_a_subscription_until_the_last_one_leaves() {
    let (mut stage, server) = stage();
    let wish = r#"{"notifications":{"resourceSubscriptions":["a://x"]}}"#;
    let first = stage.asks("1", "subscriptions/listen", wish);
    let subscription = stage.gets("resources/subscribe");
    let second = stage.asks("1", "subscriptions/listen", wish);
    stage.is_quiet();
    stage.answers(&subscription, "{}");
    assert_eq!([stage.hears().stream, stage.hears().stream], [first, second]);
    let third = stage.asks("\"3\"", "subscriptions/listen", wish);
    assert_eq!(stage.hears().stream, third);
    stage.says(&server, &updated("a://x"));
    assert_eq!([stage.hears().stream, stage.hears().stream, stage.hears().stream], [first, second, third]);
    for stream in [first, third] {
        stage.hear(Heard::Left { stream });
    }
    stage.is_quiet();
    stage.says(&server, &updated("a://x"));
    assert_eq!(stage.hears().stream, second);
    stage.hear(Heard::Left { stream: second });
    let leaving = stage.gets("resources/unsubscribe");
    assert_eq!(leaving.at(&["params"]), r#"{"uri":"a://x"}"#);
    // Who comes while the subscription ends gets a new one.
    stage.asks("4", "subscriptions/listen", wish);
    stage.is_quiet();
    stage.answers(&leaving, "{}");
    let again = stage.gets("resources/subscribe");
    stage.answers(&again, "{}");
    let fourth = stage.hears().stream;
    stage.hear(Heard::Left { stream: fourth });
    stage.gets("resources/unsubscribe");
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn who_leaves_before_the_subscription_is_answered_leaves_none() {
    let (mut stage, _) = stage();
    let stream =
        stage.asks("1", "subscriptions/listen", r#"{"notifications":{"resourceSubscriptions":["a://x"]}}"#);
    let subscription = stage.gets("resources/subscribe");
    stage.hear(Heard::Left { stream });
    stage.is_quiet();
    stage.answers(&subscription, "{}");
    let leaving = stage.gets("resources/unsubscribe");
    stage.answers(&leaving, "{}");
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn a_server_that_tells_of_nothing_has_no_such_method() {
    let mut stage = Stage::new(Legs::HttpToPipe);
    stage.asks("1", "subscriptions/listen", r#"{"notifications":{"toolsListChanged":true}}"#);
    stage.greets(r#"{"tools":{},"resources":{"subscribe":false}}"#);
    let told = stage.hears();
    assert_eq!((told.code(), told.status), ("-32601".into(), 404));
    stage.asks("2", "subscriptions/listen", "{}");
    assert_eq!(stage.hears().code(), "-32602");
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn nothing_is_promised_that_the_server_does_not_tell() {
    let mut stage = Stage::new(Legs::HttpToPipe);
    stage.asks(
        "1",
        "subscriptions/listen",
        r#"{"notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["a://x"]}}"#,
    );
    stage.greets(r#"{"tools":{},"prompts":{"listChanged":true}}"#);
    assert_eq!(stage.hears().at(&["params", "notifications"]), r#"{"promptsListChanged":true}"#);
    stage.is_quiet();
}

#[test]
fn after_a_break_all_that_is_heard_of_counts_as_changed() {
    let (mut stage, server) = stage();
    stage.asks(
        "1",
        "subscriptions/listen",
        r#"{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a://x"]}}"#,
    );
    let subscription = stage.gets("resources/subscribe");
    stage.answers(&subscription, "{}");
    stage.hears();
    stage.breaks(&server);
    stage.is_quiet();
    let (first, _) = stage.settings.bounds.backoff;
    stage.wait(first);
    // It fails some times before it works.
    let hello = stage.gets("initialize");
    stage.breaks(&hello);
    stage.wait(first * 2);
    let server = stage.greets(ABLE);
    let subscription = stage.gets("resources/subscribe");
    stage.is_quiet();
    stage.answers(&subscription, "{}");
    let told = [stage.hears(), stage.hears()];
    assert_eq!(told[0].at(&["method"]), "\"notifications/tools/list_changed\"");
    assert_eq!(told[1].at(&["params"]), format!(r#"{{"uri":"a://x","_meta":{{"{ID}":1}}}}"#));
    stage.says(&server, TOOLS);
    assert_eq!(stage.hears().at(&["params", "_meta", ID]), "1");
    stage.is_quiet();
}

#[test]
fn a_forgotten_session_is_listened_to_again_at_once() {
    let mut stage = Stage::greeted(Legs::HttpToHttp, "{}");
    stage.asks("1", "subscriptions/listen", r#"{"notifications":{"toolsListChanged":true}}"#);
    stage.hears();
    stage.asks("2", "prompts/get", r#"{"name":"p"}"#);
    let call = stage.gets("prompts/get");
    stage.refuses(&call, 404, &[], "");
    stage.got.retain(|got| got.verb == http::Method::POST);
    let general = stage.greets(ABLE);
    let call = stage.gets("prompts/get");
    stage.wait(Duration::ZERO);
    assert_eq!(stage.hears().at(&["method"]), "\"notifications/tools/list_changed\"");
    stage.says(&general, TOOLS);
    assert_eq!(stage.hears().at(&["params", "_meta", ID]), "1");
    stage.answers(&call, r#"{"messages":[]}"#);
    assert_eq!(stage.hears().at(&["id"]), "2");
    stage.is_quiet();
}

#[test]
fn the_end_is_told_to_those_who_listen() {
    let (mut stage, _) = stage();
    stage.asks("\"L\"", "subscriptions/listen", r#"{"notifications":{"toolsListChanged":true}}"#);
    stage.hears();
    stage.with(Down::end);
    let told = stage.hears();
    assert_eq!(told.at(&["id"]), "\"L\"");
    assert_eq!(told.at(&["result"]), format!(r#"{{"resultType":"complete","_meta":{{"{ID}":"L"}}}}"#));
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn a_link_that_somebody_listens_to_stays() {
    let (mut stage, server) = stage();
    stage.asks("1", "subscriptions/listen", r#"{"notifications":{"toolsListChanged":true}}"#);
    stage.hears();
    stage.wait(stage.settings.bounds.link_idle * 3);
    assert!(stage.ended.is_empty());
    stage.says(&server, TOOLS);
    assert_eq!(stage.hears().at(&["params", "_meta", ID]), "1");
}

#[test]
fn a_listen_that_is_cancelled_on_pipes_hears_no_more() {
    let mut stage = Stage::new(Legs::PipeToPipe);
    stage.asks("\"L\"", "subscriptions/listen", r#"{"notifications":{"toolsListChanged":true}}"#);
    let server = stage.greets(ABLE);
    stage.hears();
    stage.line(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"L"}}"#);
    stage.says(&server, TOOLS);
    stage.is_quiet();
    stage.is_empty();
}

#[test]
fn progress_and_logs_never_come_where_changes_are_told() {
    let (mut stage, server) = stage();
    stage.meta = r#","progressToken":1,"io.modelcontextprotocol/logLevel":"debug""#.into();
    stage.asks("1", "subscriptions/listen", r#"{"notifications":{"toolsListChanged":true}}"#);
    stage.hears();
    stage.says(&server, r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error"}}"#);
    stage.says(
        &server,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#,
    );
    stage.is_quiet();
}
