use std::time::Duration;

use tapgate_engine::fact::{Content, Fact};
use tapgate_engine::{Action, Limits, Source};
use tapgate_transport::{Observer, queue};
use tapgate_wire::Message;
use tapgate_wire::edge::FetchId;
use tapgate_wire::record::Transport;

use super::*;
use crate::decode::Decode;

/// Two legs and, of each, the observer and how it travels.
struct Stage {
    legs: Legs,
    ears: [(Observer, Transport); 2],
    at: u64,
}

impl Stage {
    fn new(client: Transport, server: Transport) -> Self {
        let (to_client, of_client) = queue(1 << 20);
        let (to_server, of_server) = queue(1 << 20);
        let mut given = HeaderMap::new();
        given.insert("x-key", "s3cret".parse().unwrap());
        let target = Uri::from_static("/mcp?k=1");
        let legs = Legs::new(to_client, to_server, target, given);
        Self { legs, ears: [(of_client, client), (of_server, server)], at: 0 }
    }

    fn heard(&mut self, heard: &Heard) -> &mut Self {
        self.at += 1;
        self.legs.heard(Nanos(self.at), heard);
        self
    }

    fn act(&mut self, act: &Act) -> &mut Self {
        self.at += 1;
        self.legs.act(Nanos(self.at), act);
        self
    }

    /// What the recorder of each leg is told, a line each: states as they are last.
    fn told(mut self) -> [Vec<String>; 2] {
        drop(self.legs);
        self.ears.each_mut().map(|(observer, transport)| facts(observer, *transport))
    }
}

fn facts(observer: &mut Observer, transport: Transport) -> Vec<String> {
    let mut decode = Decode::new(transport);
    let mut source = Source::new((transport, transport), Limits::default());
    let (mut batch, mut actions) = (Vec::new(), Vec::new());
    observer.recv_batch(&mut batch, Duration::ZERO);
    for seen in batch {
        decode.on(seen, &mut |at, input| source.on(at, input, &mut actions));
    }
    source.end(Nanos(1_000), &mut actions);
    let mut lines = std::collections::BTreeMap::new();
    for Action::Record(fact) in actions {
        match fact {
            Fact::Session(session) => {
                let key = session.key.map(|key| String::from_utf8_lossy(&key).into_owned());
                let ended = session.closed.is_some_and(|at| at < Nanos(1_000));
                let text = format!("session {} {:?} key={key:?} ended={ended}", session.n, session.transport);
                lines.insert((0, session.n), text);
            }
            Fact::Exchange(exchange) => {
                let method = String::from_utf8_lossy(&exchange.method).into_owned();
                let (n, status, http) = (exchange.n, exchange.status, exchange.http_status);
                lines.insert(
                    (1, n),
                    format!("exchange in {}: {method} {status:?} {http:?}", exchange.session),
                );
            }
            Fact::Message(message) => {
                let text = match &message.content {
                    Content::Message(message) => String::from_utf8_lossy(message.raw()).into_owned(),
                    Content::Raw(bytes, _) => String::from_utf8_lossy(bytes).into_owned(),
                };
                let n_reads = message.carried.chunks.len();
                let event = message.carried.event.map(|event| format!(" {event:?}")).unwrap_or_default();
                let text = format!("{:?} {:?} in {n_reads}: {text}{event}", message.from, message.piece);
                lines.insert((2, message.n), text);
            }
            _ => {}
        }
    }
    lines.into_values().collect()
}

fn message(text: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(text.as_bytes()))
}

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const PONG: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

fn head(method: Method, accept: &'static str) -> Arc<RequestHead> {
    let mut headers = HeaderMap::new();
    headers.insert("accept", HeaderValue::from_static(accept));
    Arc::new(RequestHead { method, uri: Uri::from_static("/mcp"), version: Version::HTTP_11, headers })
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pairs = pairs.iter();
    pairs.map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
}

fn response(headers: &HeaderMap) -> Arc<ResponseHead> {
    Arc::new(ResponseHead { status: StatusCode::OK, version: Version::HTTP_11, headers: headers.clone() })
}

#[test]
fn a_head_is_told_as_it_is_whatever_was_told_before() {
    let mut stage = Stage::new(Transport::Http, Transport::Http);
    let sent = [
        (Method::POST, None, vec![("x-key", "s3cret"), ("accept", "a")]),
        (Method::POST, None, vec![("x-key", "other"), ("accept", "a")]),
        (Method::POST, None, vec![("x-key", "other"), ("accept", "b")]),
        (Method::DELETE, None, vec![("x-key", "other"), ("accept", "b")]),
        (Method::DELETE, Some("/other"), vec![("x-key", "other"), ("accept", "b")]),
        (Method::DELETE, None, vec![("accept", "b"), ("x-key", "other")]),
    ];
    for (n, (method, target, pairs)) in (1..).zip(sent) {
        let (target, body) = (target.map(str::to_owned), Bytes::new());
        stage.act(&Act::Fetch { fetch: FetchId(n), method, target, headers: headers(&pairs), body });
        stage.heard(&Heard::Asked {
            stream: StreamId(n),
            head: head(Method::POST, "*/*"),
            body: PING.into(),
        });
    }
    let answers = [(200, "a"), (200, "a"), (200, "b"), (404, "b")];
    for (n, (status, value)) in (1..).zip(answers) {
        let (stream, headers, body) = (StreamId(n), headers(&[("x-a", value)]), Bytes::new());
        stage.act(&Act::Respond { stream, status, headers, body });
    }
    let Stage { legs, ears: [(mut of_client, _), (mut of_server, _)], .. } = stage;
    drop(legs);
    let told = |observer: &mut Observer| {
        let mut batch = Vec::new();
        observer.recv_batch(&mut batch, Duration::ZERO);
        let fields = |headers: &HeaderMap| {
            let text = |(name, value): (&_, &HeaderValue)| format!("{name}={}", value.to_str().unwrap());
            headers.iter().map(text).collect::<Vec<_>>().join(" ")
        };
        batch
            .iter()
            .filter_map(|seen| match seen {
                Seen::Asked { head, .. } => {
                    Some(format!("{} {} {}", head.method, head.uri, fields(&head.headers)))
                }
                Seen::Answered { head, .. } => {
                    Some(format!("{} {}", head.status.as_u16(), fields(&head.headers)))
                }
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(&mut of_server),
        [
            "POST /mcp?k=1 x-key=[given by --header] accept=a",
            "POST /mcp?k=1 x-key=[given by --header] accept=a",
            "POST /mcp?k=1 x-key=[given by --header] accept=b",
            "DELETE /mcp?k=1 x-key=[given by --header] accept=b",
            "DELETE /other x-key=[given by --header] accept=b",
            "DELETE /mcp?k=1 accept=b x-key=[given by --header]",
        ]
    );
    assert_eq!(told(&mut of_client).split_off(6), ["200 x-a=a", "200 x-a=a", "200 x-a=b", "404 x-a=b"]);
}

#[test]
fn a_line_is_a_message_in_one_read_on_its_leg() {
    let mut stage = Stage::new(Transport::Stdio, Transport::Stdio);
    let (child, bytes) = (ChildId(7), Bytes::from_static(PING.as_bytes()));
    stage
        .heard(&Heard::Line { message: message(PING) })
        .act(&Act::Spawn { child })
        .act(&Act::Write { child, bytes })
        .heard(&Heard::Started { child, pid: 42 })
        .heard(&Heard::ChildLine { child, message: message(PONG) })
        .act(&Act::Line("{\"jsonrpc\":\"2.0\",\n\"id\":1,\"result\":{}}".into()))
        .heard(&Heard::LineEnd)
        .act(&Act::End { child })
        .heard(&Heard::Exited { child, how: "signal 15".into(), last_words: "bye".into() });
    let [client, server] = stage.told();
    assert_eq!(
        client,
        [
            "session 1 Stdio key=None ended=false",
            "exchange in 1: ping Ok None",
            &format!("Client Request in 1: {PING}"),
            r#"Server Result in 1: {"jsonrpc":"2.0", "id":1,"result":{}}"#,
        ]
    );
    assert_eq!(
        server,
        [
            "session 1 Stdio key=None ended=true",
            "exchange in 1: ping Ok None",
            &format!("Client Request in 1: {PING}"),
            "Server Note in 1: server started with process id 42",
            &format!("Server Result in 1: {PONG}"),
            "Server Stderr in 1: bye",
            "Server Note in 1: server exited with status 143",
        ]
    );
}

#[test]
fn children_are_sessions_of_their_own() {
    let mut stage = Stage::new(Transport::Http, Transport::Stdio);
    for n in [1, 2] {
        stage.act(&Act::Write { child: ChildId(n), bytes: PING.into() });
    }
    stage.heard(&Heard::ChildLine { child: ChildId(2), message: message(PONG) });
    stage.heard(&Heard::Exited {
        child: ChildId(1),
        how: "no such command".into(),
        last_words: String::new(),
    });
    let [client, server] = stage.told();
    assert_eq!(client, [""; 0]);
    assert_eq!(
        server,
        [
            "session 1 Stdio key=None ended=true",
            "session 2 Stdio key=None ended=false",
            "exchange in 1: ping Unanswered None",
            "exchange in 2: ping Ok None",
            &format!("Client Request in 1: {PING}"),
            &format!("Client Request in 1: {PING}"),
            &format!("Server Result in 1: {PONG}"),
            "Server Note in 1: the server's pipe ended early: no such command",
        ]
    );
}

#[test]
fn requests_of_clients_end_with_the_answer_and_once() {
    let mut stage = Stage::new(Transport::Http, Transport::Http);
    let body = Bytes::from_static(PING.as_bytes());
    let ask = |n| Heard::Asked { stream: StreamId(n), head: head(Method::POST, "*/*"), body: body.clone() };
    let json = headers(&[("content-type", "application/json")]);
    let events = headers(&[("content-type", "text/event-stream")]);
    let emit =
        |n, bytes: &str| Act::Emit { stream: StreamId(n), bytes: Bytes::copy_from_slice(bytes.as_bytes()) };
    stage
        .heard(&ask(1))
        .act(&Act::Respond { stream: StreamId(1), status: 200, headers: json, body: PONG.into() })
        .heard(&Heard::Left { stream: StreamId(1) })
        .act(&Act::Finish { stream: StreamId(1) })
        .heard(&ask(2))
        .act(&Act::Begin { stream: StreamId(2), headers: events.clone() })
        .act(&emit(2, ": hello\n\n"))
        .act(&emit(2, &format!("id: e1\ndata: {PONG}\n\n")))
        .act(&Act::Finish { stream: StreamId(2) })
        .heard(&ask(3))
        .act(&Act::Begin { stream: StreamId(3), headers: events })
        .heard(&Heard::Left { stream: StreamId(3) })
        .act(&emit(3, &format!("data: {PONG}\n\n")));
    let [client, server] = stage.told();
    assert_eq!(server, [""; 0]);
    let exchanges: Vec<_> = client.iter().filter(|line| line.starts_with("exchange")).collect();
    assert_eq!(exchanges[..2], ["exchange in 1: ping Ok Some(200)"; 2], "{client:?}");
    assert_eq!(exchanges.len(), 3, "what comes after the client left makes no session: {client:?}");
    let answers: Vec<_> = client.iter().filter(|line| line.contains("Result")).collect();
    assert_eq!(answers.len(), 2, "{client:?}");
    assert!(answers[1].contains(r#"id: Some("e1")"#), "{answers:?}");
}

#[test]
fn requests_to_the_server_are_told_without_what_header_gave() {
    let mut stage = Stage::new(Transport::Stdio, Transport::Http);
    let fetch = |n| Act::Fetch {
        fetch: FetchId(n),
        method: Method::POST,
        target: None,
        headers: headers(&[("x-key", "s3cret"), ("accept", "*/*")]),
        body: PING.into(),
    };
    let answered = |n, pairs: &[_]| Heard::Answered { fetch: FetchId(n), head: response(&headers(pairs)) };
    let event = Event { name: Some("message".into()), id: Some("9".into()), retry: Some(5) };
    stage
        .act(&fetch(1))
        // The edge decodes bodies, so the coding of the head says nothing about what is told.
        .heard(&answered(1, &[("content-type", "application/json"), ("content-encoding", "gzip")]))
        .heard(&Heard::Body { fetch: FetchId(1), body: PONG.into() })
        .act(&fetch(2))
        .heard(&answered(2, &[("content-type", "text/event-stream")]))
        .heard(&Heard::Event {
            fetch: FetchId(2),
            event: Event { id: Some("8".into()), ..Event::default() },
            message: message(""),
        })
        .heard(&Heard::Event {
            fetch: FetchId(2),
            event,
            message: message("{\"jsonrpc\":\"2.0\",\n\"id\":1,\"result\":{}}"),
        })
        .heard(&Heard::Ended { fetch: FetchId(2), how: Ending::Clean, sent: true })
        .act(&Act::Abort { fetch: FetchId(2) })
        .act(&fetch(3))
        .heard(&Heard::Ended { fetch: FetchId(3), how: Ending::Failed("no route".into()), sent: false });
    let heads = {
        let mut batch = Vec::new();
        let (observer, _) = &mut stage.ears[1];
        observer.recv_batch(&mut batch, Duration::ZERO);
        batch
    };
    let Seen::Asked { head, .. } = &heads[0] else { panic!("{:?}", heads[0]) };
    assert_eq!((head.uri.to_string().as_str(), &head.headers["x-key"]), ("/mcp?k=1", &GIVEN));
    assert!(!format!("{heads:?}").contains("s3cret"));

    // What was read is told again, to see what recorders make of it.
    for seen in heads {
        stage.legs.server.witness.see(seen);
    }
    let [client, server] = stage.told();
    assert_eq!(client, [""; 0]);
    let exchanges: Vec<_> = server.iter().filter(|line| line.starts_with("exchange")).collect();
    assert_eq!(
        exchanges,
        [
            "exchange in 1: ping Ok Some(200)",
            "exchange in 1: ping Ok Some(200)",
            "exchange in 1: ping Unanswered None",
        ]
    );
    assert!(server.iter().any(|line| line.contains("retry: Some(5)")), "{server:?}");
    assert!(server.iter().any(|line| line.contains(r#"id: Some("8")"#)), "{server:?}");
}

#[test]
fn what_is_large_is_told_without_a_copy() {
    let mut stage = Stage::new(Transport::Stdio, Transport::Stdio);
    let large = Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":1,"result":"{}"}}"#, "x".repeat(COPY)));
    stage.act(&Act::Line(large.clone()));
    let mut batch = Vec::new();
    stage.ears[0].0.recv_batch(&mut batch, Duration::ZERO);
    let Seen::Bytes { chunk, .. } = &batch[0] else { panic!("{:?}", batch[0]) };
    assert_eq!(chunk.bytes.as_ptr(), large.as_ptr());
    assert_eq!(batch.len(), 2);
}

#[test]
fn what_was_decided_about_is_told_as_passed_on_each_leg_once() {
    let mut stage = Stage::new(Transport::Stdio, Transport::Stdio);
    let message = Message::parse(Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#));
    stage
        .heard(&Heard::Line { message: message.clone() })
        .act(&Act::Write { child: ChildId(3), bytes: message.raw().clone() });
    stage.legs.passed(Clock::start());
    stage.legs.passed(Clock::start());
    for (leg, stream) in [(0, PIPES), (1, StreamId(3))] {
        let mut batch = Vec::new();
        stage.ears[leg].0.recv_batch(&mut batch, Duration::ZERO);
        assert!(
            matches!(&batch[..], [Seen::Bytes { .. }, Seen::Passed { stream: on, from: Leg::Client, .. }] if *on == stream),
            "{batch:?}"
        );
    }
}

#[test]
fn the_end_of_a_child_has_the_status_that_shells_give() {
    let cases =
        [("exit status 3", Some(3)), ("signal 9", Some(137)), ("no such command", None), ("signal x", None)];
    for (how, expected) in cases {
        assert_eq!(status(how), expected, "{how}");
    }
}
