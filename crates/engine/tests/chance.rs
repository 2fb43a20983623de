//! Random interleavings and floods: answers never cross, and memory stays bounded.

#[path = "support/stage.rs"]
mod stage;

use stage::Stage;
use tapgate_engine::{Limits, Oddity};
use tapgate_testkit::{Chance, Script, Step};
use tapgate_wire::record::{Status, Transport};

/// The steps of one conversation, in their order; `{n}` stands for the number of a stream.
type Talk = Vec<Step>;

fn steps(text: &str) -> Talk {
    Script::of(text).steps
}

fn initialize(n: u64, session: &str) -> String {
    format!(
        r#"client[{n}] POST /mcp  user-agent: same | {{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"2025-11-25","capabilities":{{}},"clientInfo":{{"name":"c","version":"1"}}}}}}
server[{n}] 200 json  mcp-session-id: {session} | {{"jsonrpc":"2.0","id":0,"result":{{"protocolVersion":"2025-11-25","capabilities":{{}},"serverInfo":{{"name":"s","version":"1"}}}}}}"#
    )
}

/// A call whose answer names it, in one of the shapes that HTTP allows, with ids that all sessions share.
fn call(chance: &mut Chance, session: usize, id: usize, next: &mut u64) -> String {
    let n = *next;
    *next += 3;
    let head = format!("mcp-session-id: s{session}; user-agent: same");
    let tool = format!("t-{session}-{id}");
    let call = format!(
        r#"client[{n}] POST /mcp  {head} | {{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","_meta":{{"progressToken":{id}}}}}}}"#
    );
    let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32000,"message":"{tool}"}}}}"#);
    let progress = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{id},"progress":1}}}}"#
    );
    let (a, b) = (n + 1, n + 2);
    match chance.below(4) {
        0 => format!("{call}\nserver[{n}] 200 json | {answer}"),
        1 => format!(
            "{call}\nserver[{n}] 200 sse\nserver[{n}]> {progress}\nserver[{n}]> {answer}\nserver[{n}] end"
        ),
        2 => format!(
            "{call}\nserver[{n}] 200 sse\nserver[{n}]> (id=e{n}) {progress}\nserver[{n}] cut\n\
             client[{a}] GET /mcp  last-event-id: e{n}; {head} | -\nserver[{a}] 200 sse\n\
             server[{a}]> {answer}\nserver[{a}] end"
        ),
        _ => format!(
            "client[{a}] GET /mcp  {head} | -\nserver[{a}] 200 sse\n{call}\nserver[{n}] 200 sse\n\
             server[{n}]> {{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"roots/list\"}}\nserver[{a}]> {progress}\n\
             client[{b}] POST /mcp  {head} | {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"roots\":[]}}}}\n\
             server[{b}] 202 | -\nserver[{a}]> {answer}\nserver[{n}] end\nserver[{a}] end"
        ),
    }
}

/// Plays conversations interleaved by chance, each in its own order.
fn interleave(chance: &mut Chance, stage: &mut Stage, talks: Vec<Talk>) {
    let mut talks: Vec<_> = talks.into_iter().map(Vec::into_iter).collect();
    while !talks.is_empty() {
        let turn = chance.below(talks.len());
        match talks.get_mut(turn).and_then(Iterator::next) {
            Some(step) => stage.step(step),
            None => drop(talks.swap_remove(turn)),
        }
    }
}

#[test]
fn answers_never_cross_between_sessions_with_the_same_ids() {
    const SESSIONS: usize = 8;
    const CALLS: usize = 12;
    for seed in 0..40 {
        let mut chance = Chance::new(seed);
        let mut stage = Stage::new((Transport::Http, Transport::Http), Limits::default());
        let mut next = 1;
        let greetings = (0..SESSIONS).map(|session| {
            next += 1;
            steps(&initialize(next - 1, &format!("s{session}")))
        });
        let greetings = greetings.collect();
        interleave(&mut chance, &mut stage, greetings);
        let mut talks = Vec::new();
        for session in 0..SESSIONS {
            for id in 1..=CALLS {
                talks.push(steps(&call(&mut chance, session, id, &mut next)));
            }
        }
        interleave(&mut chance, &mut stage, talks);
        stage.wait(1_000_000_000);
        let calls: Vec<_> =
            stage.exchanges.values().filter(|exchange| exchange.method == "tools/call").collect();
        assert_eq!(calls.len(), SESSIONS * CALLS, "seed {seed}");
        for call in calls {
            assert_eq!(call.status, Status::Error, "seed {seed}: {call:?}");
            assert_eq!(call.error_text, call.target, "seed {seed}: {call:?}");
            assert_eq!(call.n_retries, 0, "seed {seed}: {call:?}");
        }
        let roots = stage.exchanges.values().filter(|exchange| exchange.method == "roots/list");
        for asked in roots {
            assert_eq!(asked.status, Status::Ok, "seed {seed}: {asked:?}");
            let parent = asked.parent.and_then(|parent| stage.exchanges.get(&parent));
            assert_eq!(parent.map(|parent| &parent.rpc_id), Some(&asked.rpc_id), "seed {seed}: {asked:?}");
            assert_eq!(parent.map(|parent| parent.session), Some(asked.session), "seed {seed}: {asked:?}");
        }
        assert!(stage.messages.iter().all(|message| message.findings.is_empty()), "seed {seed}");
    }
}

#[test]
fn ten_thousand_sessions_opened_and_ended_leave_nothing_behind() {
    let limits = Limits::default();
    let mut stage = Stage::new((Transport::Http, Transport::Http), limits.clone());
    let mut most = 0;
    for n in 0..10_000_u64 {
        let head = format!("mcp-session-id: s{n}; user-agent: same");
        let stream = 3 * n + 1;
        let (call, end) = (stream + 1, stream + 2);
        for step in steps(&format!(
            r#"{}
client[{call}] POST /mcp  {head} | {{"jsonrpc":"2.0","id":1,"method":"tools/list"}}
server[{call}] 200 json | {{"jsonrpc":"2.0","id":1,"result":{{"tools":[]}}}}
client[{end}] DELETE /mcp  {head} | -
server[{end}] 200 | -"#,
            initialize(stream, &format!("s{n}"))
        )) {
            stage.step(step);
        }
        stage.forget();
        most = most.max(stage.source.held().n_sessions);
    }
    stage.wait(2 * limits.remembered_for + 1);
    let held = stage.source.held();
    assert!(most <= limits.ended_sessions + 1, "{most} sessions at once");
    assert!(held.n_sessions <= limits.ended_sessions, "{held:?}");
    assert!(held.n_routes <= 3 * limits.ended_sessions, "{held:?}");
    assert_eq!((held.n_streams, held.n_open, held.n_due), (0, 0, 0), "{held:?}");
}

#[test]
fn what_is_too_much_is_forgotten_and_says_so() {
    let limits = Limits { open: 4, sessions: 4, streams: 8, ..Limits::default() };
    let mut stage = Stage::new((Transport::Stdio, Transport::Stdio), limits.clone());
    for id in 0..10 {
        stage.step(
            steps(&format!(
                r#"client> {{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"x"}}}}"#
            ))
            .remove(0),
        );
    }
    let forgotten = stage.exchanges.values().filter(|exchange| exchange.status == Status::Unknown);
    let findings: Vec<_> = forgotten.map(|exchange| exchange.findings.clone()).collect();
    assert_eq!(findings, vec![vec![Oddity::Forgotten.code()]; 6]);
    assert_eq!(stage.source.held().n_open, limits.open);

    let mut stage = Stage::new((Transport::Http, Transport::Http), limits.clone());
    for n in 1..=20_u64 {
        for step in steps(&initialize(n, &format!("s{n}"))) {
            stage.step(step);
        }
        let open = format!("client[{}] GET /mcp  mcp-session-id: s{n}; user-agent: same", 100 + n);
        stage.step(steps(&open).remove(0));
    }
    let held = stage.source.held();
    assert!(held.n_sessions <= limits.sessions && held.n_streams <= limits.streams, "{held:?}");
    let ended = stage.sessions.values().filter(|session| session.closed.is_some()).count();
    assert_eq!(ended + held.n_sessions, 20);
    let lost = stage.exchanges.values().filter(|exchange| {
        exchange.method == "http/get" && exchange.findings.contains(&Oddity::Forgotten.code())
    });
    assert!(lost.count() >= 15);
}
