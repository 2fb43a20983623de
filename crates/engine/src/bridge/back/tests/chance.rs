//! Seeded interleavings, and bounds.

use tapgate_testkit::Chance;

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
    let mut rig = Rig::new(Default::default());
    let how = if seed % 2 == 0 { "pipe modern shared" } else { "pipe legacy shared" };
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

#[test]
fn a_link_holds_so_many_calls_and_no_more() {
    for how in ["pipe legacy shared", "http legacy own", "http modern shared"] {
        let mut rig = Rig::new(Default::default());
        rig.back.open(rig.now, LinkNo(1), opening(how), &mut rig.acts);
        for n in 0..5000 {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{n},"method":"ping"}}"#);
            rig.ask(1, call(&n.to_string()), &text, Pass::default());
        }
        rig.back.tick(rig.now, &mut rig.out, &mut rig.acts);
        assert_eq!(rig.out.len(), 5000 - 4096);
        assert!(rig.out.iter().all(|told| matches!(told, FromServer::Failed { failure: Failure::Full, .. })));
        rig.back.close(rig.now, LinkNo(1), &mut rig.acts);
        assert_eq!(held(rig.back.held()), "held nothing");
    }
}

#[test]
fn messages_that_are_never_accepted_do_not_pile_up() {
    let mut rig = Rig::new(Default::default());
    rig.back.open(rig.now, LinkNo(1), opening("http legacy own"), &mut rig.acts);
    let message = tapgate_wire::Message::parse(r#"{"jsonrpc":"2.0","method":"x"}"#.into());
    for _ in 0..10_000 {
        rig.back.tell(rig.now, LinkNo(1), &message, Pass::default(), &mut rig.acts);
    }
    assert_eq!(rig.back.held().fetches, 8192);
    assert_eq!(rig.said().iter().filter(|line| line.starts_with("> note")).count(), 1);
}
