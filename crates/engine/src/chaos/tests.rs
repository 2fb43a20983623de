use std::sync::Arc;

use http::{Method, Version};
use tapgate_wire::header::RequestHead;

use super::*;

fn fault(what: What) -> Fault {
    Fault { what, method: None, tool: None, from: 1, times: None, percent: 100 }
}

fn line(text: &str) -> Heard {
    Heard::Line { message: Message::parse(text.to_owned().into()) }
}

fn asked(stream: u64, session: bool) -> Heard {
    let mut headers = HeaderMap::new();
    if session {
        headers.insert(SESSION_ID, HeaderValue::from_static("s"));
    }
    let head = RequestHead {
        method: Method::POST,
        uri: "/mcp".parse().unwrap(),
        version: Version::HTTP_11,
        headers,
    };
    Heard::Asked { stream: StreamId(stream), head: Arc::new(head), body: Bytes::from_static(CALL.as_bytes()) }
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#;
const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

/// What leaves on pipes for one call and its answer, at once and later, and what is said about it.
fn on_pipes(what: What) -> (Vec<String>, Vec<String>, Vec<String>) {
    let mut chaos = Chaos::new(vec![fault(what)], 1);
    let (mut acts, mut injected) = (Vec::new(), Vec::new());
    if chaos.heard(&line(CALL), &mut acts, &mut injected) == Verdict::Pass {
        acts.push(Act::Line(Bytes::from_static(ANSWER.as_bytes())));
        chaos.alter(Nanos(0), &mut acts, &mut injected);
    }
    let mut later = Vec::new();
    if let Some(due) = chaos.deadline() {
        chaos.tick(Nanos(due.0 - 1), &mut later);
        assert!(later.is_empty());
        chaos.tick(due, &mut later);
    }
    let told = |acts: Vec<Act>| -> Vec<String> {
        acts.into_iter()
            .map(|act| match act {
                Act::Line(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                other => format!("{other:?}"),
            })
            .collect()
    };
    (told(acts), told(later), injected.into_iter().map(|injected| injected.text).collect())
}

#[test]
fn each_fault_does_on_pipes_what_it_says() {
    let whole = || ANSWER.to_owned();
    for (what, now, later) in [
        (What::SlowFirstByte(5), vec![], vec![whole()]),
        (What::TruncatedStream, vec![ANSWER[..ANSWER.len() / 2].to_owned()], vec![]),
        (What::DuplicateAnswer, vec![whole(), whole()], vec![]),
        (What::NoAnswer, vec![], vec![]),
        (What::StrayOutput, vec!["stray output on purpose".to_owned(), whole()], vec![]),
        (What::WrongIdType, vec![ANSWER.replace("\"id\":1", "\"id\":\"1\"")], vec![]),
        (What::Crash, vec!["Exit(70)".to_owned()], vec![]),
    ] {
        let (found, found_later, said) = on_pipes(what);
        assert_eq!((found, found_later), (now, later), "{what:?}");
        assert_eq!(said, [format!("injected: {} in tools/call echo", what.name())]);
    }
}

#[test]
fn what_cannot_be_on_a_transport_is_left_alone() {
    for what in [What::LostSession, What::DamagedHeader, What::Unauthorized, What::Unavailable] {
        let (found, _, said) = on_pipes(what);
        assert_eq!((found, said), (vec![ANSWER.to_owned()], vec![]), "{what:?}");
    }
    let mut chaos = Chaos::new(vec![fault(What::LostSession)], 1);
    let (mut acts, mut injected) = (Vec::new(), Vec::new());
    assert_eq!(
        chaos.heard(&asked(1, false), &mut acts, &mut injected),
        Verdict::Pass,
        "there is no session to lose"
    );
}

#[test]
fn refusals_are_answered_before_the_bridge_hears() {
    for (what, status) in [(What::LostSession, 404), (What::Unauthorized, 401), (What::Unavailable, 503)] {
        let mut chaos = Chaos::new(vec![fault(what)], 1);
        let (mut acts, mut injected) = (Vec::new(), Vec::new());
        assert_eq!(chaos.heard(&asked(7, true), &mut acts, &mut injected), Verdict::Swallow);
        assert!(
            matches!(acts[..], [Act::Respond { stream: StreamId(7), status: found, .. }] if found == status)
        );
        assert_eq!(injected[0].stream, Some(StreamId(7)));
    }
}

#[test]
fn streams_are_cut_doubled_delayed_and_silenced() {
    let stream = StreamId(3);
    let bytes = Bytes::from_static(b"data: 12345678\n\n");
    let play = |what| {
        let mut chaos = Chaos::new(vec![fault(what)], 1);
        let (mut acts, mut injected) = (Vec::new(), Vec::new());
        assert_eq!(chaos.heard(&asked(3, true), &mut acts, &mut injected), Verdict::Pass);
        acts.extend([
            Act::Begin { stream, headers: HeaderMap::new() },
            Act::Emit { stream, bytes: bytes.clone() },
            Act::Finish { stream },
        ]);
        chaos.alter(Nanos(0), &mut acts, &mut injected);
        let now: Vec<String> = acts.iter().map(|act| format!("{act:?}")).collect();
        let mut later = Vec::new();
        chaos.tick(Nanos(u64::MAX), &mut later);
        assert_eq!(injected.len(), 1, "{what:?}");
        (now, later.len())
    };
    let (now, later) = play(What::TruncatedStream);
    assert_eq!((now.len(), later), (3, 0));
    assert!(
        now[1].contains("data: 12") && !now[1].contains("345678") && now[2].contains("Finish"),
        "{now:?}"
    );
    let (now, _) = play(What::DuplicateAnswer);
    assert_eq!((now.len(), &now[1]), (4, &now[2]));
    assert_eq!(play(What::SlowFirstByte(9)), (vec![], 3));
    assert_eq!(play(What::NoAnswer), (vec![], 0));
    let (now, _) = play(What::DamagedHeader);
    assert!(now[0].contains("text/plain"), "{now:?}");
}

#[test]
fn method_tool_place_number_and_chance_choose() {
    let armed = Fault {
        method: Some("tools/call".to_owned()),
        tool: Some("echo".to_owned()),
        from: 2,
        times: Some(1),
        ..fault(What::NoAnswer)
    };
    let mut chaos = Chaos::new(vec![armed], 1);
    let mut n_done = Vec::new();
    for (id, method, tool) in [
        (1, "tools/call", "echo"),
        (2, "tools/list", ""),
        (3, "tools/call", "other"),
        (4, "tools/call", "echo"),
        (5, "tools/call", "echo"),
    ] {
        let text =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"name":"{tool}"}}}}"#);
        let (mut acts, mut injected) = (Vec::new(), Vec::new());
        assert_eq!(chaos.heard(&line(&text), &mut acts, &mut injected), Verdict::Pass);
        acts.push(Act::Line(ANSWER.replace("\"id\":1", &format!("\"id\":{id}")).into()));
        chaos.alter(Nanos(0), &mut acts, &mut injected);
        if acts.is_empty() {
            n_done.push(id);
        }
    }
    assert_eq!(n_done, [4], "the second call of echo, and no further one");
    let half = Fault { percent: 50, ..fault(What::NoAnswer) };
    let draw = |seed| {
        let mut chaos = Chaos::new(vec![half.clone()], seed);
        (0..200).map(|_| chaos.draw("a", "", false, false).is_some()).collect::<Vec<_>>()
    };
    assert_eq!(draw(5), draw(5), "the same seed gives the same chance");
    let n = draw(5).into_iter().filter(|is_hit| *is_hit).count();
    assert!((70..130).contains(&n), "{n} of 200");
}

#[test]
fn names_are_told_apart() {
    for (name, what) in What::ALL {
        assert_eq!(what.name(), *name);
    }
}
