use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tapgate_store::{ExchangeId, ExchangeRow, MessageId, SessionId, SessionRow, SourceId};
use tapgate_wire::Leg;
use tapgate_wire::record::{Era, Status, Transport};

use super::*;
use crate::capture::Turn;

/// What a mock says to a message.
fn on(mock: &mut Mock, message: &Json) -> Vec<Json> {
    mock.on(Nanos(0), message);
    mock.say(Nanos(u64::MAX - 1))
}

fn mock(capture: Capture, how: Match) -> Mock {
    Mock::new(capture, how, Pace::AtOnce)
}

/// A capture of calls; each turn is the side that spoke and what it said.
fn capture(era: Era, calls: &[(&str, &[(Leg, Json)])]) -> Capture {
    let session = SessionRow {
        id: SessionId(1),
        source: SourceId(1),
        opened: 0,
        closed: None,
        era: Some(era),
        transport: Transport::Stdio,
        revision: Some("2025-06-18".to_owned()),
        client: None,
        server: Some(("srv".to_owned(), "2".to_owned())),
        key: None,
    };
    let mut last = 0;
    let mut calls: Vec<Call> = calls
        .iter()
        .map(|(method, said)| {
            let turns = said.iter().map(|(from, said)| {
                last += 10;
                Turn { id: MessageId(last), at: last * 1_000_000, from: *from, said: Some(said.clone()) }
            });
            Call::new(turns.collect(), row(method)).unwrap()
        })
        .collect();
    for (at, call) in calls.iter_mut().enumerate() {
        call.row.id = ExchangeId(at as i64 + 1);
    }
    Capture { session, calls, asides: Vec::new(), effects: BTreeMap::new() }
}

fn row(method: &str) -> ExchangeRow {
    ExchangeRow {
        id: ExchangeId(0),
        session: SessionId(1),
        parent: None,
        asked_by: Leg::Client,
        method: method.to_owned(),
        target: None,
        rpc_id: None,
        status: Status::Ok,
        error_code: None,
        error_text: None,
        http_status: None,
        era: None,
        revision: None,
        opened: 0,
        first_answer: None,
        closed: None,
        bytes_in: 0,
        bytes_out: 0,
        n_progress: 0,
        n_rounds: 0,
        n_retries: 0,
        late: false,
        duplicate: false,
        task: None,
        clock: None,
        in_hand: None,
        chain: None,
        again: None,
        findings: Vec::new(),
        messages: Vec::new(),
    }
}

fn call(id: i64, text: &str) -> Json {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": "echo", "arguments": { "text": text } } })
}

fn answer(id: i64, text: &str) -> Json {
    json!({ "jsonrpc": "2.0", "id": id, "result": { "text": text } })
}

#[test]
fn the_same_call_gets_the_answers_in_order_and_the_last_one_again() {
    let calls: Vec<(&str, Vec<(Leg, Json)>)> = ["a", "b"]
        .map(|text| ("tools/call", vec![(Leg::Client, call(1, "x")), (Leg::Server, answer(1, text))]))
        .into();
    let calls: Vec<(&str, &[(Leg, Json)])> =
        calls.iter().map(|(name, said)| (*name, said.as_slice())).collect();
    let mut mock = mock(capture(Era::Legacy, &calls), Match::Exact);
    for (id, text) in [(7, "a"), (8, "b"), (9, "b")] {
        assert_eq!(on(&mut mock, &call(id, "x")), [answer(id, text)]);
    }
}

#[test]
fn what_was_never_asked_is_said_to_be_unknown_unless_loose() {
    let said = [(Leg::Client, call(1, "x")), (Leg::Server, answer(1, "a"))];
    let recorded = || capture(Era::Legacy, &[("tools/call", &said)]);
    let refused = on(&mut mock(recorded(), Match::Exact), &call(5, "y"));
    assert_eq!(refused[0]["error"]["code"], NOT_RECORDED);
    assert!(refused[0]["error"]["message"].as_str().unwrap().contains("echo"), "{refused:?}");
    assert_eq!(on(&mut mock(recorded(), Match::Loose), &call(5, "y")), [answer(5, "a")]);
}

#[test]
fn a_question_waits_for_the_client_and_progress_has_its_token() {
    let said = [
        (Leg::Client, call(1, "x")),
        (
            Leg::Server,
            json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": { "progressToken": 1, "progress": 1 } }),
        ),
        (Leg::Server, json!({ "jsonrpc": "2.0", "id": 4, "method": "roots/list" })),
        (Leg::Client, json!({ "jsonrpc": "2.0", "id": 4, "result": { "roots": [] } })),
        (Leg::Server, answer(1, "done")),
    ];
    let mut mock = mock(capture(Era::Legacy, &[("tools/call", &said)]), Match::Exact);
    let mut asked = call(9, "x");
    asked["params"]["_meta"] = json!({ "progressToken": "mine" });
    let heard = on(&mut mock, &asked);
    assert_eq!(heard[0]["params"]["progressToken"], "mine");
    assert_eq!(heard[1]["method"], "roots/list");
    assert_eq!(heard.len(), 2);
    let reply = json!({ "jsonrpc": "2.0", "id": heard[1]["id"], "result": { "roots": [1] } });
    assert_eq!(on(&mut mock, &reply), [answer(9, "done")]);
    assert_eq!(on(&mut mock, &reply), Vec::<Json>::new(), "an answer counts once");
    // Without a token nobody hears of progress.
    assert_eq!(on(&mut mock, &call(10, "x")).len(), 1);
}

#[test]
fn a_round_goes_on_with_its_state() {
    let needs = json!({ "jsonrpc": "2.0", "id": 1, "result": { "resultType": "input_required", "requestState": "st", "inputRequests": {} } });
    let mut again = call(2, "x");
    again["params"]["requestState"] = json!("st");
    let said = [
        (Leg::Client, call(1, "x")),
        (Leg::Server, needs),
        (Leg::Client, again.clone()),
        (Leg::Server, answer(2, "done")),
    ];
    let mut mock = mock(capture(Era::Modern, &[("tools/call", &said)]), Match::Exact);
    let first = on(&mut mock, &call(5, "x"));
    assert_eq!(first[0]["result"]["resultType"], "input_required");
    // Two calls that are alike have states of their own.
    assert_ne!(on(&mut mock, &call(8, "x"))[0]["result"]["requestState"], first[0]["result"]["requestState"]);
    again["id"] = json!(6);
    again["params"]["requestState"] = first[0]["result"]["requestState"].clone();
    assert_eq!(on(&mut mock, &again), [answer(6, "done")]);
    assert_eq!(on(&mut mock, &again)[0]["error"]["code"], NOT_RECORDED, "a state is good once");
}

#[test]
fn greetings_are_answered_in_the_recorded_era_alone() {
    let greeting = |method: &str| json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "protocolVersion": "2025-11-25" } });
    for (era, mine, other) in
        [(Era::Legacy, "initialize", "server/discover"), (Era::Modern, "server/discover", "initialize")]
    {
        let mut mock = mock(capture(era, &[]), Match::Exact);
        assert!(on(&mut mock, &greeting(mine))[0]["result"].is_object(), "{mine}");
        assert_eq!(on(&mut mock, &greeting(other))[0]["error"]["code"], -32_601, "{other}");
    }
}

#[test]
fn what_was_stored_as_a_summary_is_not_made_up() {
    let said = [(Leg::Client, call(1, "x")), (Leg::Server, answer(1, "a"))];
    let mut recorded = capture(Era::Legacy, &[("tools/call", &said)]);
    recorded.calls[0].turns[1].said = None;
    let heard = on(&mut mock(recorded, Match::Exact), &call(5, "x"));
    assert!(heard[0]["error"]["message"].as_str().unwrap().contains("summary"), "{heard:?}");
}

fn note(text: &str) -> Json {
    json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": { "data": text } })
}

#[test]
fn what_was_told_beside_a_call_is_told_beside_it_again() {
    let said = [(Leg::Client, call(1, "x")), (Leg::Server, answer(1, "a"))];
    let mut recorded = capture(Era::Legacy, &[("tools/call", &said), ("tools/call", &said)]);
    for (id, text) in [(15, "meanwhile"), (25, "after"), (35, "later")] {
        let (from, said) = (Leg::Server, Some(note(text)));
        recorded.asides.push(Turn { id: MessageId(id), at: id * 1_000_000, from, said });
    }
    let mut mock = mock(recorded, Match::Exact);
    assert_eq!(on(&mut mock, &call(5, "x")), [note("meanwhile"), answer(5, "a"), note("after")]);
    assert_eq!(on(&mut mock, &call(6, "x")), [note("later"), answer(6, "a")]);
}

#[test]
fn recorded_pauses_are_kept_and_calls_overlap_and_what_is_cancelled_is_not_said() {
    let said = [(Leg::Client, call(1, "x")), (Leg::Server, note("soon")), (Leg::Server, answer(1, "a"))];
    let recorded = capture(Era::Legacy, &[("tools/call", &said)]);
    let mut mock = Mock::new(recorded, Match::Exact, Pace::Recorded(0.5));
    let at = |ms: u64| Nanos(ms * 1_000_000);
    mock.on(at(100), &call(5, "x"));
    mock.on(at(102), &call(6, "x"));
    assert_eq!((mock.due(), mock.say(at(104))), (Some(at(105)), Vec::new()));
    assert_eq!(mock.say(at(105)), [note("soon")]);
    assert_eq!(mock.say(at(111)), [note("soon"), answer(5, "a")]);
    mock.on(at(111), &json!({ "method": "notifications/cancelled", "params": { "requestId": 6 } }));
    assert_eq!((mock.due(), mock.say(at(1000))), (None, Vec::new()));
}

#[test]
fn a_call_that_was_cancelled_then_waits_to_be_cancelled_again() {
    let mut recorded = capture(Era::Legacy, &[("tools/call", &[(Leg::Client, call(1, "x"))])]);
    let unended = on(&mut mock_of(&recorded.session, &recorded.calls[0].turns), &call(5, "x"));
    assert!(unended[0]["error"]["message"].as_str().unwrap().contains("ends before"), "{unended:?}");
    recorded.calls[0].row.status = Status::Cancelled;
    assert_eq!(on(&mut mock(recorded, Match::Exact), &call(5, "x")), Vec::<Json>::new());
}

/// A mock of one call.
fn mock_of(session: &SessionRow, turns: &[Turn]) -> Mock {
    let calls = vec![Call::new(turns.to_vec(), row("tools/call")).unwrap()];
    let session = session.clone();
    mock(Capture { session, calls, asides: Vec::new(), effects: BTreeMap::new() }, Match::Exact)
}

#[test]
fn a_subscription_hears_what_follows_from_other_calls() {
    let key = "io.modelcontextprotocol/subscriptionId";
    let on_it = |method: &str, id: i64| json!({ "jsonrpc": "2.0", "method": method, "params": { "_meta": { key: id } } });
    let listen = |id: i64| json!({ "jsonrpc": "2.0", "id": id, "method": "subscriptions/listen", "params": { "notifications": { "toolsListChanged": true } } });
    let change = "notifications/tools/list_changed";
    let said = [
        (Leg::Client, listen(1)),
        (Leg::Server, on_it("notifications/subscriptions/acknowledged", 1)),
        (Leg::Server, on_it(change, 1)),
    ];
    let called = [(Leg::Client, call(2, "x")), (Leg::Server, answer(2, "a"))];
    let mut recorded = capture(Era::Modern, &[("subscriptions/listen", &said), ("tools/call", &called)]);
    // The change came after the call.
    recorded.calls[0].turns[2].id = MessageId(60);
    let mut mock = mock(recorded, Match::Exact);
    let confirmed = on(&mut mock, &listen(7));
    assert_eq!(confirmed[0]["params"]["_meta"][key], 7);
    assert_eq!(
        (confirmed.len(), &confirmed[0]["params"]["notifications"]["toolsListChanged"]),
        (1, &json!(true))
    );
    assert_eq!(on(&mut mock, &ask(6, "subscriptions/listen", &json!({}))).len(), 1, "it asks for nothing");
    assert_eq!(on(&mut mock, &call(8, "x")), [answer(8, "a"), on_it(change, 7)]);
    on(&mut mock, &json!({ "method": "notifications/cancelled", "params": { "requestId": 7 } }));
    assert_eq!(on(&mut mock, &call(9, "x")), [answer(9, "a")], "nobody listens");
}

fn ask(id: i64, method: &str, params: &Json) -> Json {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn told(id: i64, result: &Json) -> Json {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

#[test]
fn a_legacy_task_is_polled_asked_back_and_has_its_result_under_an_id_of_its_own() {
    let begin = ask(1, "tools/call", &json!({ "name": "slow", "task": { "ttl": 5 } }));
    let state = |status: &str| json!({ "taskId": "T", "status": status });
    let question = json!({ "jsonrpc": "2.0", "id": 40, "method": "elicitation/create", "params": {
        "_meta": { "io.modelcontextprotocol/related-task": { "taskId": "T" } } } });
    let said = [
        (Leg::Client, begin),
        (Leg::Server, told(1, &json!({ "task": state("working") }))),
        (Leg::Client, ask(2, "tasks/get", &json!({ "taskId": "T" }))),
        (Leg::Server, told(2, &state("working"))),
        (Leg::Client, ask(3, "tasks/result", &json!({ "taskId": "T" }))),
        (Leg::Server, question),
        (Leg::Client, told(40, &json!({ "action": "accept" }))),
        (Leg::Server, told(3, &json!({ "content": [] }))),
    ];
    let mut mock = mock(capture(Era::Legacy, &[("tools/call", &said)]), Match::Exact);
    let mut ids = Vec::new();
    for n in [10, 20] {
        let created = on(&mut mock, &ask(n, "tools/call", &json!({ "name": "slow", "task": {} })));
        let id = created[0]["result"]["task"]["taskId"].clone();
        let about = json!({ "taskId": id });
        assert_eq!(on(&mut mock, &ask(n + 1, "tasks/get", &about))[0]["result"]["status"], "working");
        assert_eq!(on(&mut mock, &ask(n + 2, "tasks/get", &about))[0]["result"]["status"], "completed");
        let asked = on(&mut mock, &ask(n + 3, "tasks/result", &about));
        assert_eq!(asked[0]["params"]["_meta"]["io.modelcontextprotocol/related-task"], about);
        let reply = json!({ "jsonrpc": "2.0", "id": asked[0]["id"], "result": {} });
        assert_eq!(on(&mut mock, &reply), [told(n + 3, &json!({ "content": [] }))]);
        ids.push(id);
    }
    assert_ne!(ids[0], ids[1]);
    let unknown = on(&mut mock, &ask(30, "tasks/get", &json!({ "taskId": "other" })));
    assert_eq!(unknown[0]["error"]["code"], NOT_RECORDED);
}

#[test]
fn a_task_that_was_not_cancelled_then_can_be_cancelled_now() {
    let said = [
        (Leg::Client, ask(1, "tools/call", &json!({ "name": "slow", "task": {} }))),
        (Leg::Server, told(1, &json!({ "task": { "taskId": "T", "status": "working" } }))),
        (Leg::Client, ask(2, "tasks/result", &json!({ "taskId": "T" }))),
        (Leg::Server, told(2, &json!({ "content": [] }))),
    ];
    let mut mock = mock(capture(Era::Legacy, &[("tools/call", &said)]), Match::Exact);
    on(&mut mock, &ask(9, "tools/call", &json!({ "name": "slow", "task": {} })));
    let about = json!({ "taskId": "T" });
    for method in ["tasks/cancel", "tasks/get"] {
        assert_eq!(on(&mut mock, &ask(10, method, &about))[0]["result"]["status"], "cancelled", "{method}");
    }
    for method in ["tasks/cancel", "tasks/result"] {
        assert_eq!(on(&mut mock, &ask(11, method, &about))[0]["error"]["code"], -32_602, "{method}");
    }
}

#[test]
fn a_modern_task_waits_for_its_input_and_is_for_those_who_know_tasks() {
    let known = json!({ "io.modelcontextprotocol/clientCapabilities": { "extensions": { "io.modelcontextprotocol/tasks": {} } } });
    let begin = |id: i64| ask(id, "tools/call", &json!({ "name": "slow", "_meta": known }));
    let state = |status: &str| json!({ "resultType": "complete", "taskId": "T", "status": status });
    let mut created = state("working");
    created["resultType"] = json!("task");
    let mut end = state("completed");
    end["result"] = json!({ "content": [] });
    let about = json!({ "taskId": "T" });
    let said = [
        (Leg::Client, begin(1)),
        (Leg::Server, told(1, &created)),
        (Leg::Client, ask(2, "tasks/get", &about)),
        (Leg::Server, told(2, &state("input_required"))),
        (Leg::Client, ask(3, "tasks/update", &about)),
        (Leg::Server, told(3, &json!({ "resultType": "complete" }))),
        (Leg::Client, ask(4, "tasks/get", &about)),
        (Leg::Server, told(4, &end)),
    ];
    let recorded = || capture(Era::Modern, &[("tools/call", &said)]);
    let mut known_to = mock(recorded(), Match::Exact);
    assert_eq!(on(&mut known_to, &begin(7))[0]["result"]["resultType"], "task");
    for id in [8, 9] {
        let get = on(&mut known_to, &ask(id, "tasks/get", &about));
        assert_eq!(get[0]["result"]["status"], "input_required", "input is still to come");
    }
    assert_eq!(
        on(&mut known_to, &ask(10, "tasks/update", &about)),
        [told(10, &json!({ "resultType": "complete" }))]
    );
    assert_eq!(on(&mut known_to, &ask(11, "tasks/get", &about)), [told(11, &end)]);
    assert_eq!(on(&mut known_to, &ask(12, "tasks/get", &about)), [told(12, &end)]);

    let unaware = ask(5, "tools/call", &json!({ "name": "slow" }));
    assert_eq!(on(&mut mock(recorded(), Match::Exact), &unaware), [told(5, &json!({ "content": [] }))]);
}

#[test]
fn what_is_not_recorded_is_answered_with_what_is_nearest() {
    let said = [(Leg::Client, call(1, "x")), (Leg::Server, answer(1, "a"))];
    let recorded = || capture(Era::Legacy, &[("tools/call", &said)]);
    for (asked, text, data) in [
        (
            call(5, "y"),
            "/arguments/text is \"x\"",
            json!({ "nearest": "x11", "differs": ["/arguments/text"] }),
        ),
        (
            ask(5, "tools/call", &json!({ "name": "ecko" })),
            "recorded are echo",
            json!({ "recorded": ["echo"] }),
        ),
        (
            ask(5, "prompts/get", &json!({ "name": "p" })),
            "recorded are tools/call",
            json!({ "recorded": ["tools/call"] }),
        ),
    ] {
        let refused = on(&mut mock(recorded(), Match::Exact), &asked);
        let message = refused[0]["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("not recorded") && message.contains(text), "{message}");
        assert_eq!(refused[0]["error"]["data"], data);
    }
    let empty = on(&mut mock(capture(Era::Legacy, &[]), Match::Exact), &call(5, "x"));
    assert!(empty[0]["error"]["message"].as_str().unwrap().contains("has no calls"), "{empty:?}");
}

#[test]
fn calls_that_wait_for_the_client_are_bounded() {
    let question = json!({ "jsonrpc": "2.0", "id": 4, "method": "roots/list" });
    let said = [(Leg::Client, call(1, "x")), (Leg::Server, question)];
    let mut mock = mock(capture(Era::Legacy, &[("tools/call", &said)]), Match::Exact);
    for id in 0..256 {
        assert_eq!(on(&mut mock, &call(id, "x")).len(), 1);
    }
    let more = on(&mut mock, &call(256, "x"));
    let given_up = more.iter().find(|said| said.get("error").is_some()).unwrap();
    assert_eq!((more.len(), &given_up["id"]), (2, &json!(0)), "{more:?}");
}
