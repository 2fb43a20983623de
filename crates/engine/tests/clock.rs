//! Where the time of an exchange went, as a source with all its parts tells it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/stage.rs"]
mod stage;

use stage::Stage;
use tapgate_engine::fact::Exchange;
use tapgate_engine::past::{Failed, Past};
use tapgate_engine::{Input, Limits};
use tapgate_testkit::{Chance, Script, Step};
use tapgate_wire::record::{Again, Clock, Hand, Root, Transport};
use tapgate_wire::{Leg, Message, Nanos, StreamId};

const MS: u64 = 1_000_000;

/// Plays lines of which each takes a millisecond to come; what it brought is passed on half a millisecond later.
fn play(text: &str) -> Stage {
    let mut stage = Stage::new((Transport::Stdio, Transport::Stdio), Limits::default());
    for step in Script::of(text).steps {
        let passes = match &step {
            Step::Frame(stream, from, ..) | Step::Closed(stream, from, _) => Some((*stream, *from)),
            _ => None,
        };
        stage.step(step);
        if let Some((stream, from)) = passes {
            passed(&mut stage, stream, from, MS / 2);
        }
    }
    stage.wait(MS * 1000);
    stage
}

fn passed(stage: &mut Stage, stream: StreamId, from: Leg, later: u64) {
    stage.now = Nanos(stage.now.0 + later - MS);
    stage.hear(Input::Passed { stream, from });
}

fn clock(stage: &Stage, method: &str) -> Clock {
    let exchange = find(stage, method);
    let clock = exchange.clock.unwrap_or_else(|| panic!("{exchange:?}"));
    let Clock { client, tapgate, wire, server, person, injected } = clock;
    let closed = exchange.closed.unwrap();
    assert_eq!(
        client + tapgate + wire + server + person + injected,
        closed.0 - exchange.opened.0,
        "{exchange:?}"
    );
    clock
}

fn find<'s>(stage: &'s Stage, method: &str) -> &'s Exchange {
    stage.exchanges.values().find(|exchange| exchange.method == method).unwrap()
}

#[test]
fn a_call_on_pipes_is_tapgates_until_it_is_passed_and_then_the_servers() {
    let stage = play(
        r#"client> ask 1 tools/call {"name":"a"}
           wait 70ms
           server> answer 1 {}"#,
    );
    let expected = Clock { tapgate: MS / 2, server: 71 * MS, ..Clock::default() };
    assert_eq!(clock(&stage, "tools/call"), expected);
}

#[test]
fn what_is_held_back_on_purpose_is_nobody_elses_time() {
    let mut stage = play("client> ask 1 tools/call {}\nwait 9ms");
    let note = "injected: slow-first-byte in tools/call";
    stage.hear(Input::Note { stream: StreamId(0), id: Some("1".into()), text: note.into() });
    stage.wait(300 * MS);
    stage.step(Script::of("server> answer 1 {}").steps.remove(0));
    let clock = clock(&stage, "tools/call");
    assert!((300 * MS..303 * MS).contains(&clock.injected), "{clock:?}");
}

#[test]
fn what_is_held_back_on_one_stream_is_the_time_of_no_other() {
    let mut stage = Stage::new((Transport::Http, Transport::Http), Limits::default());
    let ask = |n: u64, tool: &str| {
        format!(r#"client[{n}] POST /mcp  mcp-session-id: s | ask {n} tools/call {{"name":"{tool}"}}"#)
    };
    let before = [ask(2, "held"), ask(3, "free"), "note[2] injected: slow-first-byte".to_owned()];
    let after = ["server[3] 200 json | answer 3 {}", "server[2] 200 json | answer 2 {}"];
    for step in Script::of(&before.join("\n")).steps {
        stage.step(step);
    }
    stage.wait(200 * MS);
    for step in Script::of(&after.join("\n")).steps {
        stage.step(step);
    }
    stage.wait(MS * 1000);
    let injected = |tool: &str| {
        let call = stage.exchanges.values().find(|exchange| exchange.target == Some(tool.to_owned().into()));
        call.unwrap().clock.unwrap_or_else(|| panic!("{call:?}")).injected
    };
    assert!(injected("held") >= 200 * MS && injected("free") == 0);
}

#[test]
fn a_question_to_a_person_is_the_persons_and_one_to_the_client_is_the_clients() {
    let stage = play(
        r#"client> ask 1 tools/call {"name":"a"}
           wait 10ms
           server> ask 7 elicitation/create {"message":"sure?"}
           wait 400ms
           client> answer 7 {"action":"accept"}
           wait 20ms
           server> ask 8 roots/list
           wait 30ms
           client> answer 8 {"roots":[]}
           wait 40ms
           server> answer 1 {}"#,
    );
    let call = clock(&stage, "tools/call");
    assert_eq!((call.person, call.client, call.server), (401 * MS, 31 * MS, 73 * MS));
    assert_eq!(call.tapgate, 5 * MS / 2);
    assert_eq!(clock(&stage, "elicitation/create").person, 401 * MS);
}

#[test]
fn rounds_are_the_persons_who_was_asked_or_the_clients() {
    for (method, is_person) in [("elicitation/create", true), ("roots/list", false)] {
        let stage = play(&format!(
            r#"legs client=http server=http
               client[1] POST /mcp  mcp-method: tools/call | ask 1 tools/call {{"name":"a","_meta":{{$META}}}}
               wait 50ms
               server[1] 200 json | answer 1 {{"resultType":"input_required","inputRequests":{{"k":{{"method":"{method}"}}}},"requestState":"st"}}
               wait 300ms
               client[2] POST /mcp  mcp-method: tools/call | ask 2 tools/call {{"name":"a","inputResponses":{{"k":{{}}}},"requestState":"st","_meta":{{$META}}}}
               wait 60ms
               server[2] 200 json | answer 2 {{"resultType":"complete"}}"#
        ));
        let call = clock(&stage, "tools/call");
        let (asked, other) = if is_person { (call.person, call.client) } else { (call.client, call.person) };
        assert!((299 * MS..304 * MS).contains(&asked) && other == 0, "{call:?}");
        assert!((110 * MS..120 * MS).contains(&call.server), "{call:?}");
    }
}

#[test]
fn a_task_is_the_clients_between_polls_and_the_servers_when_it_tells_its_end() {
    let stage = play(
        r#"client> ask 1 tools/call {"name":"a","task":{}}
           wait 10ms
           server> answer 1 {"task":{"taskId":"t","status":"working"}}
           wait 500ms
           client> ask 2 tasks/get {"taskId":"t"}
           wait 20ms
           server> answer 2 {"taskId":"t","status":"working"}
           wait 300ms
           server> tell notifications/tasks/status {"taskId":"t","status":"completed"}"#,
    );
    let call = clock(&stage, "tools/call");
    // Until the request of the poll began, which is a millisecond after the wait.
    assert!((500 * MS..502 * MS).contains(&call.client), "{call:?}");
    assert!(call.server >= 332 * MS && call.server <= 336 * MS, "{call:?}");
}

#[test]
fn an_open_exchange_says_in_whose_hand_it_is() {
    let stage = play(
        r#"client> ask 1 tools/call {"name":"a"}
           wait 100ms
           server> ask 7 sampling/createMessage {}"#,
    );
    assert_eq!(find(&stage, "tools/call").in_hand.map(|(hand, _)| hand), Some(Hand::Person));
    assert_eq!(find(&stage, "tools/call").clock, None);
    let stage = play(r#"client> ask 1 tools/call {"name":"a"}"#);
    assert_eq!(find(&stage, "tools/call").in_hand.map(|(hand, _)| hand), Some(Hand::Server));
}

#[test]
fn what_was_lost_may_have_been_part_of_it() {
    let stage = play(
        r#"client> ask 1 tools/call {"name":"a"}
           lost 10
           server> answer 1 {}"#,
    );
    assert_eq!(find(&stage, "tools/call").clock, None);
}

#[test]
fn what_is_sent_again_after_the_client_lost_its_connection_is_linked_within_its_session_alone() {
    for (session, again) in [("; mcp-session-id: s1", Some(Again::Transport)), ("", None)] {
        let stage = play(&format!(
            r#"legs client=http server=http
               client[1] POST /mcp  user-agent: same | ask 0 initialize {{"protocolVersion":"2025-06-18","capabilities":{{}},"clientInfo":{{"name":"c","version":"1"}}}}
               server[1] 200 json  x-a: b{session} | answer 0 {{"protocolVersion":"2025-06-18","capabilities":{{}},"serverInfo":{{"name":"s","version":"1"}}}}
               client[2] POST /mcp  user-agent: same{session} | ask 1 tools/call {{"name":"a"}}
               server[2] 200 sse
               server[2]> (id=e1) tell notifications/message {{"level":"info","data":"x"}}
               server[2] abandoned
               client[3] POST /mcp  user-agent: same{session} | ask 1 tools/call {{"name":"a"}}
               server[3] 200 json | answer 1 {{}}"#
        ));
        let calls: Vec<_> =
            stage.exchanges.values().filter(|exchange| exchange.method == "tools/call").collect();
        let [first, second] = calls[..] else { panic!("{calls:?}") };
        assert_eq!((second.again, second.chain), (again, again.map(|_| Root::Own(first.n))), "{calls:?}");
    }
}

/// A story of one client: a failure, what the client does about it, and what that must be called.
fn story(kind: usize, client: usize, turn: usize, next: &mut u64) -> (String, Option<Again>) {
    let (a, b) = (*next, *next + 1);
    *next += 3;
    let head = format!("mcp-session-id: s{client}; user-agent: agent-{client}");
    let (id, other) = (10 * turn + 1, 10 * turn + 2);
    let tool = format!("t-{client}-{turn}");
    let ask = |stream: u64, id: usize| {
        format!(r#"client[{stream}] POST /mcp  {head} | ask {id} tools/call {{"name":"{tool}"}}"#)
    };
    let done = |stream: u64, id: usize| format!("server[{stream}] 200 json | answer {id} {{}}");
    let (failed, again) = match kind {
        0 => ("failed connection reset".to_owned(), Again::Transport),
        1 => (format!("200 json | fail {id} -32603 busy"), Again::Application),
        2 => ("401  www-authenticate: Bearer | -".to_owned(), Again::Login),
        3 => ("429  retry-after: 1 | -".to_owned(), Again::Throttle),
        4 => {
            // Another tool is called after a failure: nothing is repeated.
            let text = format!(
                "{}\nserver[{a}] 503 | -\nclient[{b}] POST /mcp  {head} | ask {other} tools/call {{\"name\":\"{tool}-x\"}}\n{}",
                ask(a, id),
                done(b, other)
            );
            return (text, None);
        }
        _ => {
            // The same call after it went well is a call of its own.
            let text = format!("{}\n{}\n{}\n{}", ask(a, id), done(a, id), ask(b, other), done(b, other));
            return (text, None);
        }
    };
    let second = if kind == 0 || kind == 2 { id } else { other };
    let text = format!("{}\nserver[{a}] {failed}\n{}\n{}", ask(a, id), ask(b, second), done(b, second));
    (text, Some(again))
}

/// Ten thousand ways in which clients that fail and come back get into each other's way.
#[test]
fn what_is_repeated_is_named_and_linked_in_any_order_and_never_across() {
    const CLIENTS: usize = 3;
    const TURNS: usize = 2;
    for seed in 0..10_000 {
        let mut chance = Chance::new(seed);
        let mut stage = Stage::new((Transport::Http, Transport::Http), Limits::default());
        let mut next = 1;
        let mut talks = Vec::new();
        let mut expected = Vec::new();
        for client in 0..CLIENTS {
            let hello = format!(
                r#"client[{next}] POST /mcp  user-agent: agent-{client} | ask 0 initialize {{"protocolVersion":"2025-06-18","capabilities":{{}},"clientInfo":{{"name":"c","version":"1"}}}}
                   server[{next}] 200 json  mcp-session-id: s{client} | answer 0 {{"protocolVersion":"2025-06-18","capabilities":{{}},"serverInfo":{{"name":"s","version":"1"}}}}"#
            );
            next += 1;
            for step in Script::of(&hello).steps {
                stage.step(step);
            }
            for turn in 0..TURNS {
                let kind = chance.below(6);
                let (text, again) = story(kind, client, turn, &mut next);
                talks.push(Script::of(&text).steps.into_iter());
                expected.push((format!("t-{client}-{turn}"), again));
            }
        }
        while !talks.is_empty() {
            let turn = chance.below(talks.len());
            match talks[turn].next() {
                Some(step) => stage.step(step),
                None => drop(talks.swap_remove(turn)),
            }
        }
        for (tool, again) in expected {
            let target = Some(tool.clone().into());
            let mut calls: Vec<_> =
                stage.exchanges.values().filter(|exchange| exchange.target == target).collect();
            calls.sort_by_key(|exchange| exchange.n);
            let (first, rest) = calls.split_first().unwrap();
            assert_eq!((first.again, first.chain), (None, None), "seed {seed}: {tool}");
            for call in rest {
                assert_eq!(call.again, again, "seed {seed}: {tool}");
                assert_eq!(call.chain, again.map(|_| Root::Own(first.n)), "seed {seed}: {tool}");
            }
        }
        let n_others = stage.exchanges.values().filter(|exchange| match exchange.chain {
            Some(Root::Own(n)) => stage.exchanges[&n].target != exchange.target,
            chain => chain.is_some(),
        });
        assert_eq!(n_others.count(), 0, "seed {seed}");
    }
}

/// Ten thousand clients that start their server again: they ask some of what got no answer once more, in any order and
/// among other calls.
#[test]
fn what_is_repeated_after_a_restart_is_linked_to_what_it_repeats_and_to_nothing_else() {
    const HELLO: &str = r#"client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}"#;
    for seed in 0..10_000 {
        let mut chance = Chance::new(seed);
        let call = |id: usize, tool: usize| {
            format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t{tool}","arguments":{{"a":1}}}}}}"#
            )
        };
        // The same call may have failed several times.
        let before: Vec<usize> = (0..chance.below(5)).map(|_| chance.below(4)).collect();
        let failed = before.iter().enumerate().map(|(n, tool)| Failed {
            request: Message::parse(call(n, *tool).into()),
            root: n as i64,
            n_retries: 0,
        });
        let is_same_client = chance.below(4) > 0;
        let client = (if is_same_client { "c" } else { "d" }.into(), "1".into());
        let mut stage = Stage::new((Transport::Stdio, Transport::Stdio), Limits::default());
        stage.source.recall(Past { client, failed: failed.collect() });
        let mut lines = vec![HELLO.to_owned()];
        let after: Vec<usize> = (0..6).map(|_| chance.below(6)).collect();
        let mut open = Vec::new();
        for (n, tool) in after.iter().enumerate() {
            lines.push(format!("client> {}", call(n + 10, *tool)));
            open.push(n + 10);
            while !open.is_empty() && chance.below(2) == 0 {
                let id = open.swap_remove(chance.below(open.len()));
                lines.push(format!("server> answer {id} {{}}"));
            }
        }
        for step in Script::of(&lines.join("\n")).steps {
            stage.step(step);
        }
        // What is open is told a little later.
        stage.wait(MS * 1000);
        let mut left: Vec<Option<usize>> = before.iter().copied().map(Some).collect();
        let mut calls: Vec<_> =
            stage.exchanges.values().filter(|exchange| exchange.method == "tools/call").collect();
        calls.sort_by_key(|exchange| exchange.n);
        assert_eq!(calls.len(), after.len(), "seed {seed}");
        for (exchange, tool) in calls.into_iter().zip(&after) {
            // Each is repeated once, the latest first.
            let repeats = left.iter().rposition(|failed| *failed == Some(*tool)).filter(|_| is_same_client);
            let expected = repeats.map(|n| {
                left[n] = None;
                (Again::Restart, Root::Row(n as i64))
            });
            assert_eq!(exchange.again.zip(exchange.chain), expected, "seed {seed}: {before:?} {after:?}");
        }
    }
}
