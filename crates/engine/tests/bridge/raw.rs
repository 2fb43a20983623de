//! A bridge whose peers say what a test says, to the byte, and nothing else.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use serde_json::{Value, json};
use tapgate_engine::bridge::Settings;
use tapgate_testkit::peer::{Bridged as _, META, Over};
use tapgate_wire::edge::{Act, ChildId, FetchId, Heard};
use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::stream::{Ending, Event, StreamId};
use tapgate_wire::{Message, Nanos};

use super::stage::{Tested, bridge, settings};

/// Where something reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Child(ChildId),
    Fetch(FetchId),
}

/// Something that reached the server.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) place: Place,
    pub(crate) verb: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) message: Value,
}

impl Got {
    pub(crate) fn method(&self) -> &str {
        self.message["method"].as_str().unwrap_or_default()
    }
}

/// Something that reached a client; without a message where a body is empty.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The HTTP status, 0 where there is none.
    pub(crate) status: u16,
    pub(crate) message: Value,
}

impl Told {
    pub(crate) fn code(&self) -> i64 {
        self.message["error"]["code"].as_i64().unwrap_or_default()
    }
}

pub(crate) struct Raw {
    bridge: Tested,
    pub(crate) now: Nanos,
    pub(crate) got: VecDeque<Got>,
    pub(crate) told: VecDeque<Told>,
    pub(crate) aborted: Vec<FetchId>,
    pub(crate) notes: Vec<String>,
    pub(crate) child: ChildId,
    n_streams: u64,
}

/// The `_meta` of a modern request, with these capabilities.
pub(crate) fn meta(capabilities: Value) -> Value {
    json!({ format!("{META}protocolVersion"): "2026-07-28", format!("{META}clientCapabilities"): capabilities })
}

impl Raw {
    pub(crate) fn new(client: Over, server: Over) -> Self {
        Self::with(settings(client, server))
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self {
            bridge: bridge(settings),
            now: Nanos(1),
            got: VecDeque::new(),
            told: VecDeque::new(),
            aborted: Vec::new(),
            notes: Vec::new(),
            child: ChildId(0),
            n_streams: 0,
        }
    }

    pub(crate) fn hear(&mut self, heard: Heard) {
        let mut acts = Vec::new();
        self.bridge.on(self.now, heard, &mut acts);
        let mut taken = Vec::new();
        for act in acts {
            if let Act::Fetch { fetch, method: Method::POST, body, .. } = &act
                && serde_json::from_slice::<Value>(body).is_ok_and(|message| message.get("id").is_none())
            {
                taken.push(*fetch);
            }
            self.act(act);
        }
        // A server takes notifications without a word of the test.
        for fetch in taken {
            self.head(fetch, 202, "application/json");
            self.hear(Heard::Body { fetch, body: Bytes::new() });
        }
    }

    fn act(&mut self, act: Act) {
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap_or_default();
        match act {
            Act::Line(bytes) => {
                assert!(!bytes.contains(&b'\n'), "a line has a break inside");
                self.told.push_back(Told { status: 0, message: json(&bytes) });
            }
            Act::Respond { status, body, .. } => {
                self.told.push_back(Told { status, message: json(&body) });
            }
            Act::Emit { bytes, .. } => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
                    let message = json(data.as_bytes());
                    self.told.push_back(Told { status: 200, message });
                }
            }
            Act::Write { child, bytes } => self.got.push_back(Got {
                place: Place::Child(child),
                verb: Method::POST,
                headers: HeaderMap::new(),
                message: json(&bytes),
            }),
            Act::Fetch { fetch, method, headers, body, .. } => self.got.push_back(Got {
                place: Place::Fetch(fetch),
                verb: method,
                headers,
                message: json(&body),
            }),
            Act::Spawn { child } => {
                self.child = child;
                self.hear(Heard::Started { child, pid: 1 });
            }
            Act::Abort { fetch } => self.aborted.push(fetch),
            Act::Note(note) => self.notes.push(note),
            Act::Begin { .. } | Act::Finish { .. } | Act::End { .. } | Act::Exit(_) => {}
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let until = Nanos(self.now.0 + u64::try_from(time.as_nanos()).unwrap());
        while let Some(due) = self.bridge.deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.hear(Heard::Tick);
        }
        self.now = until;
    }

    /// A client on stdio says something.
    pub(crate) fn line(&mut self, message: &Value) {
        self.hear(Heard::Line { message: Message::parse(message.to_string().into()) });
    }

    /// A client sends an HTTP request, with headers as `name: value` lines.
    pub(crate) fn http(&mut self, verb: Method, headers: &str, body: &str) -> StreamId {
        self.n_streams += 1;
        let stream = StreamId(self.n_streams);
        let mut map = HeaderMap::new();
        for line in headers.lines().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap();
            let name = HeaderName::from_bytes(name.trim().as_bytes()).unwrap();
            map.append(name, HeaderValue::from_str(value.trim()).unwrap());
        }
        let uri = "/mcp".parse().unwrap();
        let head = Arc::new(RequestHead { method: verb, uri, version: Version::HTTP_11, headers: map });
        self.hear(Heard::Asked { stream, head, body: body.to_owned().into() });
        stream
    }

    pub(crate) fn post(&mut self, headers: &str, message: &Value) -> StreamId {
        let usual = "content-type: application/json\naccept: application/json, text/event-stream\n";
        self.http(Method::POST, &format!("{usual}{headers}"), &message.to_string())
    }

    /// A modern client asks over HTTP, with all that it has to say.
    pub(crate) fn asks(&mut self, id: Value, method: &str, params: Value) -> StreamId {
        self.asks_as("", id, method, params)
    }

    /// The same with further headers.
    pub(crate) fn asks_as(&mut self, more: &str, id: Value, method: &str, mut params: Value) -> StreamId {
        if params["_meta"].is_null() {
            params["_meta"] = meta(json!({}));
        }
        let mut headers = format!("mcp-protocol-version: 2026-07-28\nmcp-method: {method}\n{more}");
        for name in ["name", "uri", "taskId"] {
            if let Some(name) = params[name].as_str() {
                headers.push_str("\nmcp-name: ");
                headers.push_str(name);
            }
        }
        self.post(headers.trim(), &json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
    }

    /// What reached the server next: a request or notification of this method.
    #[track_caller]
    pub(crate) fn gets(&mut self, method: &str) -> Got {
        let got = self.got.pop_front().unwrap_or_else(|| panic!("no {method}; the client: {:?}", self.told));
        assert_eq!(got.method(), method, "{got:?}");
        got
    }

    #[track_caller]
    pub(crate) fn hears(&mut self) -> Told {
        self.told.pop_front().unwrap_or_else(|| panic!("nothing; the server: {:?}", self.got))
    }

    #[track_caller]
    pub(crate) fn is_quiet(&self) {
        assert!(self.got.is_empty() && self.told.is_empty(), "{:?} {:?}", self.got, self.told);
    }

    /// The server answers with a result.
    pub(crate) fn answers(&mut self, got: &Got, result: Value) {
        self.responds(
            got,
            200,
            &json!({ "jsonrpc": "2.0", "id": got.message["id"], "result": result }).to_string(),
        );
    }

    /// The server answers with an error, over HTTP with this status.
    pub(crate) fn refuses(&mut self, got: &Got, status: u16, error: Value) {
        let answer = json!({ "jsonrpc": "2.0", "id": got.message["id"], "error": error });
        self.responds(got, status, &answer.to_string());
    }

    /// The server answers with these bytes.
    pub(crate) fn responds(&mut self, got: &Got, status: u16, body: &str) {
        match got.place {
            Place::Child(child) => {
                self.hear(Heard::ChildLine { child, message: Message::parse(body.to_owned().into()) });
            }
            Place::Fetch(fetch) => {
                self.head(fetch, status, "application/json");
                self.hear(Heard::Body { fetch, body: body.to_owned().into() });
            }
        }
    }

    /// The server begins a stream as the answer to a request, or goes on with it.
    pub(crate) fn streams(&mut self, got: &Got, is_first: bool, message: &Value) {
        let message = Message::parse(message.to_string().into());
        match got.place {
            Place::Child(child) => self.hear(Heard::ChildLine { child, message }),
            Place::Fetch(fetch) => {
                if is_first {
                    self.head(fetch, 200, "text/event-stream");
                }
                self.hear(Heard::Event { fetch, event: Event::default(), message });
            }
        }
    }

    /// The connection of a request fails, or its process ends.
    pub(crate) fn breaks(&mut self, got: &Got, sent: bool) {
        match got.place {
            Place::Child(child) => {
                let (how, last_words) = ("exit status 3".to_owned(), "last words".to_owned());
                self.hear(Heard::Exited { child, how, last_words });
            }
            Place::Fetch(fetch) => {
                let how = if sent { Ending::Cut } else { Ending::Failed("refused".to_owned()) };
                self.hear(Heard::Ended { fetch, how, sent });
            }
        }
    }

    fn head(&mut self, fetch: FetchId, status: u16, kind: &'static str) {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(kind));
        let status = StatusCode::from_u16(status).unwrap();
        let head = Arc::new(ResponseHead { status, version: Version::HTTP_11, headers });
        self.hear(Heard::Answered { fetch, head });
    }

    /// The server greets who shakes hands, with these capabilities.
    #[track_caller]
    pub(crate) fn greets(&mut self, capabilities: Value) -> Got {
        let hello = self.gets("initialize");
        self.answers(
            &hello,
            json!({
                "protocolVersion": hello.message["params"]["protocolVersion"], "capabilities": capabilities,
                "serverInfo": { "name": "old", "version": "1" },
            }),
        );
        hello
    }

    /// A legacy client on stdio shakes hands with whatever server there is, which answers `initialize`.
    pub(crate) fn initialize(&mut self, capabilities: Value) {
        let info = json!({ "name": "old", "version": "1" });
        let params =
            json!({ "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": info });
        self.line(&json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params }));
    }
}

/// What a modern server says of itself.
pub(crate) fn discovered(more: Value) -> Value {
    let mut result = json!({
        "resultType": "complete", "supportedVersions": ["2026-07-28"], "ttlMs": 0, "cacheScope": "private",
        "capabilities": { "tools": { "listChanged": true }, "logging": {} },
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        result[name] = value.clone();
    }
    result
}
