//! A driver that plays clients and writes what the front does as text; the tests stand in `tests/`.

mod batch;
mod hostile;
mod http;
mod modern;
mod pipe;
mod replay;
mod sse;

use std::fmt::Write;
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};
use tapgate_wire::Kind;

use super::super::settings::Reaches;
use super::*;

const SECOND: u64 = 1_000_000_000;

/// The front with what a bridge would keep beside it.
struct Stage {
    front: Front,
    seal: Seal,
    now: Nanos,
    n_streams: u64,
    out: Vec<FromClient>,
    acts: Vec<Act>,
}

fn settings(listens: Listens) -> Settings {
    Settings {
        listens,
        reaches: Reaches::Command,
        server_name: "weather".into(),
        client_era: None,
        server_era: None,
        server_revision: None,
        headers: HeaderMap::new(),
        bounds: Bounds::default(),
    }
}

impl Stage {
    fn http() -> Self {
        Self::with(|_| {})
    }

    fn pipe() -> Self {
        Self::of(&settings(Listens::Pipe))
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings(Listens::Http { path: "/mcp".into(), sse_path: "/sse".into() });
        change(&mut settings);
        Self::of(&settings)
    }

    fn of(settings: &Settings) -> Self {
        let seal = Seal::new(&[[1; 32]], [2; 32], 0);
        let (out, acts) = (Vec::new(), Vec::new());
        Self { front: Front::new(settings), seal, now: Nanos(SECOND), n_streams: 0, out, acts }
    }

    fn hear(&mut self, heard: Heard) {
        self.front.hear(self.now, heard, &mut self.seal, &mut self.out, &mut self.acts);
    }

    fn line(&mut self, line: &str) -> String {
        self.hear(Heard::Line { message: Message::parse(Bytes::copy_from_slice(line.as_bytes())) });
        self.told()
    }

    /// Sends an HTTP request written as `METHOD /path`, lines of headers, a blank line, and a body.
    fn send(&mut self, request: &str) -> StreamId {
        let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
        let mut lines = head.lines();
        let (method, path) = lines.next().unwrap().split_once(' ').unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value.trim()).unwrap());
        }
        self.n_streams += 1;
        let stream = StreamId(self.n_streams);
        let (method, uri) = (method.parse::<Method>().unwrap(), path.parse::<Uri>().unwrap());
        let head = Arc::new(RequestHead { method, uri, version: Version::HTTP_11, headers });
        self.hear(Heard::Asked { stream, head, body: Bytes::copy_from_slice(body.as_bytes()) });
        stream
    }

    fn ask(&mut self, request: &str) -> String {
        self.send(request);
        self.told()
    }

    /// A POST with what all clients send.
    fn post(&mut self, headers: &str, body: &str) -> String {
        self.ask(&post(headers, body))
    }

    fn leave(&mut self, stream: u64) -> String {
        self.hear(Heard::Left { stream: StreamId(stream) });
        self.told()
    }

    fn tick(&mut self, later: u64) -> String {
        self.now.0 += later;
        self.front.tick(self.now, &mut self.out, &mut self.acts);
        self.told()
    }

    fn close(&mut self) -> String {
        self.front.close(self.now, &mut self.out, &mut self.acts);
        self.told()
    }

    /// Answers a port with the result or error of its request's id.
    fn answer(&mut self, port: u64, body: &str) -> String {
        self.front.answer(self.now, Port(port), Answer::new(body.to_owned()), &mut self.acts);
        self.told()
    }

    fn aside(&mut self, port: u64, body: &str) -> String {
        self.front.aside(self.now, Port(port), body.to_owned().into(), &mut self.acts);
        self.told()
    }

    fn push(&mut self, session: u64, body: &str) -> String {
        self.front.push(self.now, SessionNo(session), body.to_owned().into(), &mut self.acts);
        self.told()
    }

    fn open(&mut self, port: u64, revision: Revision) {
        let kept = Bytes::from_static(b"kept");
        self.front.open(self.now, Port(port), Some(revision), &kept, &mut self.seal);
    }

    /// Goes through the handshake over Streamable HTTP; gives the session's id as a header line.
    fn session(&mut self, revision: Revision, headers: &str) -> String {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{revision:?}"}}}}"#
        );
        self.send(&post(headers, &body));
        let Some(FromClient::Asked { port, .. }) = self.out.pop() else { panic!("no initialize") };
        self.open(port.0, revision);
        let answer = Answer::new(r#"{"jsonrpc":"2.0","id":0,"result":{}}"#);
        self.front.answer(self.now, port, answer, &mut self.acts);
        let Some(Act::Respond { headers, .. }) = self.acts.pop() else { panic!("no answer") };
        format!("mcp-session-id: {}", headers["mcp-session-id"].to_str().unwrap())
    }

    /// What was told and done since the last time, one line for each; event ids lose the process's tag.
    fn told(&mut self) -> String {
        let mut text = String::new();
        for told in self.out.drain(..) {
            writeln!(text, "{}", heard_text(&told)).unwrap();
        }
        for act in self.acts.drain(..) {
            writeln!(text, "{}", act_text(&act)).unwrap();
        }
        let tag = format!("id: {:x}.", self.seal.tag());
        text.replace(&tag, "id: ").trim_end().to_owned()
    }
}

fn post(headers: &str, body: &str) -> String {
    let lines = if headers.is_empty() { String::new() } else { format!("\n{headers}") };
    format!(
        "POST /mcp\ncontent-type: application/json\naccept: application/json, text/event-stream{lines}\n\n{body}"
    )
}

fn request(id: u64, method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#)
}

fn result(id: u64) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
}

const LOG: &str = r#"{"jsonrpc":"2.0","method":"notifications/message"}"#;
const SAMPLE: &str = r#"{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage"}"#;

fn heard_text(told: &FromClient) -> String {
    let whose = |from: &From| {
        let session = from.session.map_or("-".into(), |session| session.0.to_string());
        format!("{:?} {session} {}", from.era, from.revision.map_or("-", Revision::as_str))
    };
    let what = |message: &Message| {
        let shape = message.shape();
        let id = shape.id.as_ref().map(|id| String::from_utf8_lossy(&id.0).into_owned());
        match shape.kind {
            Kind::Request => format!("{} {}", id.unwrap(), shape.method().unwrap()),
            Kind::Notification => shape.method().unwrap().into_owned(),
            kind => format!("{kind:?} {}", id.unwrap_or_default()),
        }
    };
    match told {
        FromClient::Asked { port, from, message } => {
            format!("asked {} [{}] {}", port.0, whose(from), what(message))
        }
        FromClient::Told { from, message } => format!("told [{}] {}", whose(from), what(message)),
        FromClient::Gone { port } => format!("gone {}", port.0),
        FromClient::Listens { session } => format!("listens {}", session.0),
        FromClient::Restored { session, kept, from } => {
            format!("restored {} [{}] {kept:?}", session.0, whose(from))
        }
        FromClient::Closed { session } => format!("closed {}", session.0),
        FromClient::End => "end".into(),
    }
}

fn act_text(act: &Act) -> String {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).replace("\n\n", "").replace('\n', " | ");
    match act {
        Act::Line(bytes) => format!("line {}", text(bytes)),
        Act::Respond { stream, status, headers, body } => {
            let mut line = format!("respond {} {status}", stream.0);
            for (name, value) in headers {
                let value = if name == "mcp-session-id" { "…" } else { value.to_str().unwrap() };
                if value != "application/json" {
                    write!(line, " ({name}: {value})").unwrap();
                }
            }
            if body.is_empty() { line } else { format!("{line} {}", text(body)) }
        }
        Act::Begin { stream, headers } => {
            assert_eq!(headers["content-type"], "text/event-stream");
            assert_eq!(headers["cache-control"], "no-store");
            assert_eq!(headers["x-accel-buffering"], "no");
            let ours = ["content-type", "cache-control", "x-accel-buffering"];
            let mut line = format!("begin {}", stream.0);
            for (name, value) in headers.iter().filter(|(name, _)| !ours.contains(&name.as_str())) {
                write!(line, " ({name}: {})", value.to_str().unwrap()).unwrap();
            }
            line
        }
        Act::Emit { stream, bytes } => {
            assert!(bytes.ends_with(b"\n\n"), "an event ends with a blank line");
            format!("emit {} {}", stream.0, text(bytes).replace("event: message | ", ""))
        }
        Act::Finish { stream } => format!("finish {}", stream.0),
        other => format!("{other:?}"),
    }
}

/// Compares text with what a test expects, indented as the test likes.
#[track_caller]
fn same(told: &str, expected: &str) {
    let expected: Vec<_> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(told.lines().map(str::trim).collect::<Vec<_>>(), expected);
}
