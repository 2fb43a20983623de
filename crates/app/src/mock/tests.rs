use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tapgate_store::{ExchangeId, ExchangeRow, MessageId, SessionId, SessionRow, SourceId};
use tapgate_wire::Leg;
use tapgate_wire::record::{Era, Status, Transport};

use super::*;
use crate::capture::Turn;

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
                Turn { id: MessageId(last), from: *from, said: Some(said.clone()) }
            });
            Call { row: row(method), turns: turns.collect() }
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
    let mut mock = Mock::new(capture(Era::Legacy, &calls), Match::Exact);
    for (id, text) in [(7, "a"), (8, "b"), (9, "b")] {
        assert_eq!(mock.on(&call(id, "x")), [answer(id, text)]);
    }
}

#[test]
fn what_was_never_asked_is_said_to_be_unknown_unless_loose() {
    let said = [(Leg::Client, call(1, "x")), (Leg::Server, answer(1, "a"))];
    let recorded = || capture(Era::Legacy, &[("tools/call", &said)]);
    let refused = Mock::new(recorded(), Match::Exact).on(&call(5, "y"));
    assert_eq!(refused[0]["error"]["code"], NOT_RECORDED);
    assert!(refused[0]["error"]["message"].as_str().unwrap().contains("echo"), "{refused:?}");
    assert_eq!(Mock::new(recorded(), Match::Loose).on(&call(5, "y")), [answer(5, "a")]);
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
    let mut mock = Mock::new(capture(Era::Legacy, &[("tools/call", &said)]), Match::Exact);
    let mut asked = call(9, "x");
    asked["params"]["_meta"] = json!({ "progressToken": "mine" });
    let heard = mock.on(&asked);
    assert_eq!(heard[0]["params"]["progressToken"], "mine");
    assert_eq!(heard[1]["method"], "roots/list");
    assert_eq!(heard.len(), 2);
    let reply = json!({ "jsonrpc": "2.0", "id": heard[1]["id"], "result": { "roots": [1] } });
    assert_eq!(mock.on(&reply), [answer(9, "done")]);
    assert_eq!(mock.on(&reply), Vec::<Json>::new(), "an answer counts once");
    // Without a token nobody hears of progress.
    assert_eq!(mock.on(&call(10, "x")).len(), 1);
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
    let mut mock = Mock::new(capture(Era::Modern, &[("tools/call", &said)]), Match::Exact);
    assert_eq!(mock.on(&call(5, "x"))[0]["result"]["resultType"], "input_required");
    again["id"] = json!(6);
    assert_eq!(mock.on(&again), [answer(6, "done")]);
}

#[test]
fn greetings_are_answered_in_the_recorded_era_alone() {
    let greeting = |method: &str| json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "protocolVersion": "2025-11-25" } });
    for (era, mine, other) in
        [(Era::Legacy, "initialize", "server/discover"), (Era::Modern, "server/discover", "initialize")]
    {
        let mut mock = Mock::new(capture(era, &[]), Match::Exact);
        assert!(mock.on(&greeting(mine))[0]["result"].is_object(), "{mine}");
        assert_eq!(mock.on(&greeting(other))[0]["error"]["code"], -32_601, "{other}");
    }
}

#[test]
fn what_was_stored_as_a_summary_is_not_made_up() {
    let said = [(Leg::Client, call(1, "x")), (Leg::Server, answer(1, "a"))];
    let mut recorded = capture(Era::Legacy, &[("tools/call", &said)]);
    recorded.calls[0].turns[1].said = None;
    let heard = Mock::new(recorded, Match::Exact).on(&call(5, "x"));
    assert!(heard[0]["error"]["message"].as_str().unwrap().contains("summary"), "{heard:?}");
}
