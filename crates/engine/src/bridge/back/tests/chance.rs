//! Seeded interleavings, and bounds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, HeaderValue, StatusCode, Version};
use tapgate_testkit::Chance;
use tapgate_wire::Message;
use tapgate_wire::edge::{FetchId, Heard};
use tapgate_wire::header::ResponseHead;
use tapgate_wire::stream::{Ending, Event};

use super::rig::{Rig, call, held, opening};
use crate::bridge::back::{Act, Failure, FromServer, LinkNo, Pass};

/// Spellings of one id that differ for whoever asked.
const SPELLINGS: &[&str] = &["1", "\"1\"", "1.0", "\"\\u0031\"", "-0", "2", "12345678901234567890"];

/// JSON that must come back as it went.
const ODD: &[&str] = &[
    "12345678901234567890123",
    "1.0e+00",
    r#"{"id":1,"id":2,"progressToken":3}"#,
    r#""\ud800\u0041""#,
    "{\"b\" :\t1,  \"a\":-0}",
    r#"[{"_meta":{"progressToken":1}}]"#,
];

struct Asked {
    n: u64,
    id: &'static str,
    token: &'static str,
    odd: &'static str,
    wire_id: String,
    wire_token: String,
}

/// The raw value behind a key that occurs once.
fn between<'a>(text: &'a str, before: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split([',', '}']).next().unwrap()
}

fn one_round(seed: u64) {
    let mut chance = Chance::new(seed);
    let mut rig = Rig::new(HeaderMap::new());
    let how = if seed.is_multiple_of(2) { "pipe modern shared" } else { "pipe legacy shared" };
    rig.back.open(rig.now, LinkNo(1), opening(how), &mut rig.acts);
    let mut open: Vec<Asked> = Vec::new();
    let mut over: Vec<Asked> = Vec::new();
    let (mut n_asked, mut n_ended) = (0, 0);
    while n_asked < 50 || !open.is_empty() {
        let turn = chance.below(6);
        if turn < 2 && n_asked < 50 {
            n_asked += 1;
            let (id, token, odd) = (chance.pick(SPELLINGS), chance.pick(SPELLINGS), chance.pick(ODD));
            let text = |id: &str, token: &str| {
                format!(
                    r#"{{"x":{odd},"id" : {id},"method":"tools/call","params":{{"_meta":{{"progressToken":{token}}},"o":{odd}}}}}"#
                )
            };
            rig.ask(1, call(&n_asked.to_string()), &text(id, token), Pass::default());
            let Some(Act::Write { bytes, .. }) = rig.acts.pop() else { panic!("seed {seed}") };
            let line = String::from_utf8(bytes.to_vec()).unwrap();
            let wire_id = between(&line, "\"id\" : ").to_owned();
            let wire_token = line
                .split_once("params")
                .map(|(_, rest)| between(rest, "progressToken\":"))
                .unwrap()
                .to_owned();
            assert_eq!(line, text(&wire_id, &wire_token), "seed {seed}");
            open.push(Asked { n: n_asked, id, token, odd, wire_id, wire_token });
            rig.acts.clear();
            continue;
        }
        let n_open = open.len();
        match (turn, n_open) {
            // A wrong id, or one that was answered or cancelled before.
            (2, _) => {
                let id = over.get(chance.below(over.len())).map_or("\"w\"", |over| &over.wire_id);
                rig.line(1, &format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
                let token = over.get(chance.below(over.len())).map_or("\"w\"", |over| &over.wire_token);
                rig.line(
                    1,
                    &format!(r#"{{"method":"notifications/progress","params":{{"progressToken":{token}}}}}"#),
                );
                assert!(rig.out.is_empty(), "seed {seed}");
            }
            (_, 0) => {}
            (3, _) => {
                let asked = &open[chance.below(n_open)];
                let text = |token: &str| {
                    format!(
                        r#"{{"method":"notifications/progress","params":{{"o":{},"progressToken":{token}}}}}"#,
                        asked.odd
                    )
                };
                rig.line(1, &text(&asked.wire_token));
                let [FromServer::Said { call, message, .. }] = &rig.out[..] else { panic!("seed {seed}") };
                assert_eq!(call.map(|call| call.n), Some(asked.n), "seed {seed}");
                assert_eq!(message.raw(), &text(asked.token), "seed {seed}");
            }
            (4, _) => {
                let asked = chance.take(&mut open).unwrap();
                let text = |id: &str| format!(r#"{{"result" :{} , "id":{id} }}"#, asked.odd);
                rig.line(1, &text(&asked.wire_id));
                let [FromServer::Answered { call, message, .. }] = &rig.out[..] else {
                    panic!("seed {seed}")
                };
                assert_eq!(call.n, asked.n, "seed {seed}");
                assert_eq!(message.raw(), &text(asked.id), "seed {seed}");
                n_ended += 1;
                over.push(asked);
            }
            _ if chance.below(4) == 0 => {
                let asked = chance.take(&mut open).unwrap();
                rig.back.cancel(rig.now, call(&asked.n.to_string()), None, &mut rig.acts);
                n_ended += 1;
                over.push(asked);
            }
            _ => {}
        }
        rig.out.clear();
        rig.acts.clear();
    }
    assert_eq!(n_ended, 50);
    rig.back.close(rig.now, LinkNo(1), &mut rig.acts);
    assert_eq!(held(rig.back.held()), "held nothing");
}

#[test]
fn no_answer_crosses_and_no_other_byte_changes() {
    for seed in 0..300 {
        one_round(seed);
    }
}

/// What a server may say at any time, with ids that may be ours.
const SAID: &[&str] = &[
    r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    r#"{"jsonrpc":"2.0","id":2,"error":{"code":-1,"message":"2"}}"#,
    r#"{"jsonrpc":"2.0","id":3,"result":{"_meta":{"io.modelcontextprotocol/subscriptionId":3}}}"#,
    r#"{"jsonrpc":"2.0","id":4,"method":"ping"}"#,
    r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":1}}"#,
    r#"{"method":"x","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}}"#,
    r#"[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":5,"result":{}},[1],{"error":{"code":1}}]"#,
    r#"{"error":"no"}"#,
    "/messages",
    "https://evil.example/",
    "[[",
    "",
];

const STATUSES: &[u16] = &[200, 200, 200, 202, 400, 401, 404, 405, 500];

/// Hears anything about a request to the server; says whether that was its end.
fn answer(rig: &mut Rig, fetch: FetchId, chance: &mut Chance) -> bool {
    match chance.below(12) {
        0..=4 => {
            let status = StatusCode::from_u16(chance.pick(STATUSES)).unwrap();
            let mut headers = HeaderMap::new();
            let kind = chance.pick(&["text/event-stream", "application/json"]);
            headers.insert("content-type", HeaderValue::from_static(kind));
            headers.insert("mcp-session-id", HeaderValue::from_static(chance.pick(&["s", "a b"])));
            let head = Arc::new(ResponseHead { status, version: Version::HTTP_11, headers });
            rig.hear(Heard::Answered { fetch, head });
        }
        5..=8 => {
            let id = chance.pick(&[None, Some("e"), Some("é\n"), Some("")]).map(str::to_owned);
            let name = chance.pick(&[None, Some("endpoint"), Some("message")]).map(str::to_owned);
            let event = Event { id, name, retry: chance.pick(&[None, Some(0), Some(70), Some(u64::MAX)]) };
            let message = Message::parse(chance.pick(SAID).into());
            rig.hear(Heard::Event { fetch, event, message });
        }
        9 => {
            rig.hear(Heard::Body { fetch, body: chance.pick(SAID).into() });
            return true;
        }
        _ => {
            let how = if chance.below(2) == 0 { Ending::Clean } else { Ending::Cut };
            rig.hear(Heard::Ended { fetch, how, sent: chance.below(2) == 0 });
            return true;
        }
    }
    false
}

/// A server that says anything to anything; gives how many calls it answered.
fn hostile_round(how: &str, seed: u64) -> usize {
    let mut chance = Chance::new(seed);
    let mut rig = Rig::new(HeaderMap::new());
    rig.back.restore(rig.now, LinkNo(1), opening(how), &"s".into(), &mut rig.acts);
    rig.back.listen(rig.now, LinkNo(1), &mut rig.acts);
    let mut live = BTreeSet::new();
    let mut open = BTreeSet::new();
    let (mut n_asked, mut n_answered, mut is_down) = (0, 0, false);
    for _ in 0..200 {
        match chance.below(8) {
            0 => {
                n_asked += 1;
                let (id, token) = (chance.below(4), chance.below(4));
                let method = chance.pick(&["tools/call", "initialize", "subscriptions/listen"]);
                let text = format!(
                    r#"{{"id":{id},"method":"{method}","params":{{"_meta":{{"progressToken":{token}}}}}}}"#
                );
                rig.ask(1, call(&n_asked.to_string()), &text, Pass::default());
                open.insert(n_asked);
            }
            1 if chance.below(3) == 0 => {
                if let Some(n) = open.pop_first() {
                    rig.back.cancel(rig.now, call(&n.to_string()), None, &mut rig.acts);
                }
            }
            2 => rig.wait(Duration::from_millis(chance.below(2000) as u64)),
            _ => {
                let fetches: Vec<_> = live.iter().copied().collect();
                if let Some(fetch) = fetches.get(chance.below(fetches.len())).copied()
                    && answer(&mut rig, fetch, &mut chance)
                {
                    live.remove(&fetch);
                }
            }
        }
        for act in rig.acts.drain(..) {
            match act {
                Act::Fetch { fetch, .. } => assert!(live.insert(fetch), "{how} {seed}"),
                Act::Abort { fetch } => assert!(live.remove(&fetch), "{how} {seed}"),
                Act::Note(_) => {}
                act => panic!("{how} {seed}: {act:?}"),
            }
        }
        for told in rig.out.drain(..) {
            match told {
                FromServer::Answered { call, .. } => {
                    n_answered += 1;
                    assert!(open.remove(&call.n), "{how} {seed}");
                }
                FromServer::Failed { call, .. } => assert!(open.remove(&call.n), "{how} {seed}"),
                FromServer::Paused { call, .. } => assert!(!is_down, "{how} {seed}: {call:?}"),
                FromServer::Said { call, .. } => {
                    assert!(call.is_none_or(|call| open.contains(&call.n)), "{how} {seed}");
                }
                FromServer::Down { .. } => {
                    assert!(!is_down && open.is_empty() && !rig.back.is_open(LinkNo(1)), "{how} {seed}");
                    is_down = true;
                }
            }
        }
        assert_eq!(rig.back.held().fetches, live.len(), "{how} {seed}");
    }
    rig.back.close(rig.now, LinkNo(1), &mut rig.acts);
    for act in rig.acts.drain(..) {
        if let Act::Abort { fetch } = act {
            assert!(live.remove(&fetch), "{how} {seed}");
        }
    }
    assert!(live.is_empty(), "{how} {seed}");
    assert_eq!(held(rig.back.held()), "held nothing", "{how} {seed}");
    n_answered
}

#[test]
fn a_server_that_says_anything_ends_each_call_once_and_leaves_nothing_behind() {
    for how in
        ["http legacy own", "http legacy shared", "http modern shared", "sse legacy own", "sse legacy shared"]
    {
        let n_answered: usize = (0..200).map(|seed| hostile_round(how, seed)).sum();
        assert!(n_answered > 0, "{how}");
    }
}

#[test]
fn a_link_holds_so_many_calls_and_no_more() {
    // All clients of a modern server over HTTP share a link, with their streams of subscriptions.
    for (how, most) in [("pipe legacy shared", 4096), ("http legacy own", 4096), ("http modern shared", 4500)]
    {
        let mut rig = Rig::new(HeaderMap::new());
        assert_eq!(rig.back.most, 120_000);
        rig.back.most = 4500;
        rig.back.open(rig.now, LinkNo(1), opening(how), &mut rig.acts);
        for n in 0..5000 {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{n},"method":"ping"}}"#);
            rig.ask(1, call(&n.to_string()), &text, Pass::default());
        }
        rig.back.tick(rig.now, &mut rig.out, &mut rig.acts);
        assert_eq!(rig.out.len(), 5000 - most);
        assert!(rig.out.iter().all(|told| matches!(told, FromServer::Failed { failure: Failure::Full, .. })));
        rig.back.close(rig.now, LinkNo(1), &mut rig.acts);
        assert_eq!(held(rig.back.held()), "held nothing");
    }
}

#[test]
fn messages_that_are_never_accepted_do_not_pile_up() {
    let mut rig = Rig::new(HeaderMap::new());
    rig.back.open(rig.now, LinkNo(1), opening("http legacy own"), &mut rig.acts);
    let message = Message::parse(r#"{"jsonrpc":"2.0","method":"x"}"#.into());
    for _ in 0..10_000 {
        rig.back.tell(rig.now, LinkNo(1), &message, Pass::default(), &mut rig.acts);
    }
    assert_eq!(rig.back.held().fetches, 8192);
    assert_eq!(rig.said().iter().filter(|line| line.starts_with("> note")).count(), 1);
}
