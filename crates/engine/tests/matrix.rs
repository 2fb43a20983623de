//! Every revision on every transport in every shape: each request finds its answer.

#[path = "support/stage.rs"]
mod stage;

use stage::Stage;
use tapgate_testkit::Script;
use tapgate_wire::record::Status;

const REVISIONS: &[&str] = &[
    "2024-11-05",
    "2025-03-26",
    "2025-06-18",
    "2025-11-25",
    "2026-07-28",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    Stdio,
    Http,
    HttpWithoutSession,
    Sse,
}

const CARRIERS: &[Carrier] = &[
    Carrier::Stdio,
    Carrier::Http,
    Carrier::HttpWithoutSession,
    Carrier::Sse,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    AnswerInline,
    AnswerOnGetStream,
    Resume,
    CancelElsewhere,
    ServerRequest,
}

const SHAPES: &[Shape] = &[
    Shape::AnswerInline,
    Shape::AnswerOnGetStream,
    Shape::Resume,
    Shape::CancelElsewhere,
    Shape::ServerRequest,
];

/// Whether the revision, as the specification or as peers speak it, has this shape on this carrier.
fn exists(revision: &str, carrier: Carrier, shape: Shape) -> bool {
    let is_modern = revision == "2026-07-28";
    let is_spoken = match carrier {
        Carrier::Stdio => true,
        // Streamable HTTP came with 2025-03-26 in place of the event stream; sessions went with the modern era.
        Carrier::Sse => revision == "2024-11-05",
        Carrier::Http => revision != "2024-11-05" && !is_modern,
        Carrier::HttpWithoutSession => revision != "2024-11-05",
    };
    let happens = match shape {
        Shape::AnswerInline | Shape::CancelElsewhere => true,
        // Pipes have one stream, and without a session nothing ties a GET stream to a call.
        Shape::AnswerOnGetStream => matches!(carrier, Carrier::Http | Carrier::Sse),
        Shape::Resume => matches!(carrier, Carrier::Http | Carrier::HttpWithoutSession) && !is_modern,
        // A modern server asks by its answers.
        Shape::ServerRequest => !is_modern,
    };
    is_spoken && happens
}

/// Writes a script for one cell; numbers of streams go up.
struct Writer {
    revision: &'static str,
    carrier: Carrier,
    lines: Vec<String>,
    n_streams: u64,
}

impl Writer {
    fn new(revision: &'static str, carrier: Carrier) -> Self {
        let leg = match carrier {
            Carrier::Stdio => "stdio",
            Carrier::Http | Carrier::HttpWithoutSession => "http",
            Carrier::Sse => "sse",
        };
        Self {
            revision,
            carrier,
            lines: vec![format!("legs client={leg} server={leg}")],
            n_streams: 0,
        }
    }

    fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn is_modern(&self) -> bool {
        self.revision == "2026-07-28"
    }

    fn headers(&self) -> String {
        match self.carrier {
            Carrier::Http => "mcp-session-id: s; user-agent: a".into(),
            Carrier::HttpWithoutSession if self.is_modern() => {
                format!(
                    "mcp-protocol-version: {}; mcp-method: x; user-agent: a",
                    self.revision
                )
            }
            _ => "user-agent: a".into(),
        }
    }

    /// A client's message; gives the stream whose answer is its, 0 for pipes.
    fn client(&mut self, message: &str) -> u64 {
        if self.carrier == Carrier::Stdio {
            self.line(format!("client> {message}"));
            return 0;
        }
        self.n_streams += 1;
        let n = self.n_streams;
        let path = if self.carrier == Carrier::Sse {
            "/m?s=1"
        } else {
            "/mcp"
        };
        let headers = self.headers();
        self.line(format!("client[{n}] POST {path}  {headers} | {message}"));
        if self.carrier == Carrier::Sse {
            self.line(format!("server[{n}] 202 | -"));
        }
        n
    }

    fn events(&mut self, path: &str, extra: &str) -> u64 {
        self.n_streams += 1;
        let n = self.n_streams;
        let headers = self.headers();
        self.line(format!("client[{n}] GET {path}  {extra}{headers} | -"));
        self.line(format!("server[{n}] 200 sse"));
        n
    }

    /// What the server says on a stream; over SSE always on the first, on pipes on the pipe.
    fn server(&mut self, stream: u64, message: &str) {
        match self.carrier {
            Carrier::Stdio => self.line(format!("server> {message}")),
            Carrier::Sse => self.line(format!("server[1]> {message}")),
            _ => self.line(format!("server[{stream}]> {message}")),
        }
    }

    fn is_http(&self) -> bool {
        matches!(self.carrier, Carrier::Http | Carrier::HttpWithoutSession)
    }

    fn greet(&mut self) {
        if self.carrier == Carrier::Sse {
            self.events("/sse", "");
            self.line("server[1]> (event=endpoint) /m?s=1");
        }
        if self.is_modern() {
            return;
        }
        let revision = self.revision;
        let stream = self.client(&format!(
            r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{revision}","capabilities":{{}},"clientInfo":{{"name":"c","version":"1"}}}}}}"#
        ));
        let answer = format!(
            r#"{{"jsonrpc":"2.0","id":0,"result":{{"protocolVersion":"{revision}","capabilities":{{}},"serverInfo":{{"name":"s","version":"1"}}}}}}"#
        );
        match self.carrier {
            Carrier::Http => self.line(format!("server[{stream}] 200 json  mcp-session-id: s | {answer}")),
            Carrier::HttpWithoutSession => self.line(format!("server[{stream}] 200 json | {answer}")),
            _ => self.server(stream, &answer),
        }
    }

    fn call(&mut self, id: u64) -> u64 {
        let meta = if self.is_modern() {
            format!(
                r#","_meta":{{"io.modelcontextprotocol/protocolVersion":"{}"}}"#,
                self.revision
            )
        } else {
            String::new()
        };
        self.client(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo","arguments":{{"n":{id}}}{meta}}}}}"#
        ))
    }

    fn open_answer(&mut self, stream: u64) {
        if self.is_http() {
            self.line(format!("server[{stream}] 200 sse"));
        }
    }
}

fn answer(id: u64) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[]}}}}"#)
}

fn script(revision: &'static str, carrier: Carrier, shape: Shape) -> String {
    let mut writer = Writer::new(revision, carrier);
    writer.greet();
    let get = match shape {
        Shape::AnswerOnGetStream if carrier == Carrier::Http => writer.events("/mcp", ""),
        _ => 1,
    };
    let first = writer.call(1);
    let second = writer.call(2);
    match shape {
        Shape::AnswerInline => {
            writer.open_answer(second);
            writer.open_answer(first);
            writer.server(second, &answer(2));
            writer.server(first, &answer(1));
        }
        Shape::AnswerOnGetStream => {
            for (stream, id) in [(second, 2), (first, 1)] {
                if carrier == Carrier::Http {
                    writer.line(format!("server[{stream}] 202 | -"));
                }
                writer.server(get, &answer(id));
            }
        }
        Shape::Resume => {
            for (stream, id) in [(first, 1), (second, 2)] {
                writer.open_answer(stream);
                writer.server(stream, &format!("(id=e{id}) "));
                writer.line(format!("server[{stream}] cut"));
            }
            for id in [2, 1] {
                let stream = writer.events("/mcp", &format!("last-event-id: e{id}; "));
                writer.server(stream, &answer(id));
            }
        }
        Shape::CancelElsewhere => {
            writer.open_answer(first);
            writer.open_answer(second);
            if carrier == Carrier::HttpWithoutSession && revision == "2026-07-28" {
                writer.line(format!("server[{first}] abandoned"));
            } else {
                writer.client(
                    r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
                );
            }
            writer.server(second, &answer(2));
        }
        Shape::ServerRequest => {
            writer.open_answer(first);
            writer.open_answer(second);
            // The same id as the client's, and the other call is open too.
            writer.server(first, r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#);
            writer.client(r#"{"jsonrpc":"2.0","id":1,"result":{"roots":[]}}"#);
            writer.server(first, &answer(1));
            writer.server(second, &answer(2));
        }
    }
    writer.lines.join("\n")
}

#[test]
fn every_revision_pairs_on_every_transport_in_every_shape() {
    let mut n_cells = 0;
    for &revision in REVISIONS {
        for &carrier in CARRIERS {
            for &shape in SHAPES.iter().filter(|shape| exists(revision, carrier, **shape)) {
                n_cells += 1;
                let text = script(revision, carrier, shape);
                let stage = Stage::play(&Script::of(&text));
                check(
                    &stage,
                    revision,
                    shape,
                    &format!("{revision} {carrier:?} {shape:?}\n{text}"),
                );
            }
        }
    }
    assert_eq!(n_cells, 47, "cells of the matrix");
}

fn check(stage: &Stage, revision: &str, shape: Shape, cell: &str) {
    let lines = stage.lines().join("\n");
    let expected = |id: &str| match shape {
        Shape::CancelElsewhere if id == "1" => Status::Cancelled,
        _ => Status::Ok,
    };
    let calls = stage
        .exchanges
        .values()
        .filter(|exchange| exchange.method == "tools/call");
    let mut ids = Vec::new();
    for call in calls {
        let id = String::from_utf8_lossy(call.rpc_id.as_deref().unwrap_or_default()).into_owned();
        assert_eq!(call.status, expected(&id), "{cell}\n{lines}");
        assert_eq!(call.findings, Vec::<&str>::new(), "{cell}\n{lines}");
        ids.push(id);
    }
    assert_eq!(ids, ["1", "2"], "{cell}\n{lines}");
    let n_greetings = usize::from(revision != "2026-07-28");
    let greetings = stage
        .exchanges
        .values()
        .filter(|exchange| exchange.method == "initialize");
    assert_eq!(
        greetings.filter(|greeting| greeting.status == Status::Ok).count(),
        n_greetings,
        "{lines}"
    );
    assert!(
        stage.messages.iter().all(|message| message.findings.is_empty()),
        "{cell}\n{lines}"
    );
    if shape == Shape::ServerRequest {
        let roots = stage
            .exchanges
            .values()
            .find(|exchange| exchange.method == "roots/list");
        assert_eq!(
            roots.map(|roots| roots.status),
            Some(Status::Ok),
            "{cell}\n{lines}"
        );
    }
    assert_eq!(stage.sessions.len(), 1, "{cell}\n{lines}");
}
