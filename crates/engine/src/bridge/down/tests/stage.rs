//! Modern clients and legacy servers, played by hand around the real legs.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};
use tapgate_wire::edge::{Act, ChildId, FetchId, Heard};
use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::json::find;
use tapgate_wire::stream::{Ending, Event};
use tapgate_wire::{Message, Nanos, StreamId};

use crate::bridge::back::{Back, FromServer, Via};
use crate::bridge::cx::Cx;
use crate::bridge::detect::Server;
use crate::bridge::down::Down;
use crate::bridge::front::Front;
use crate::bridge::seal::Seal;
use crate::bridge::settings::{Bounds, Listens, Reaches, Settings};
use crate::bridge::tools::Tools;

/// What a server says to the handshake that can do everything.
pub(super) const ABLE: &str = r#"{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"logging":{},"completions":{},"tasks":{"requests":{"tools":{"call":{}}}}}"#;
/// What a client says that can be asked for everything.
pub(super) const ASKABLE: &str = r#"{"roots":{},"sampling":{"tools":{}},"elicitation":{"form":{},"url":{}}}"#;

/// Where something of the server came from or goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Fetch(FetchId),
    Child(ChildId),
}

/// Something that the server got.
#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) place: Place,
    pub(super) verb: Method,
    pub(super) headers: HeaderMap,
    pub(super) message: Message,
}

impl Got {
    pub(super) fn method(&self) -> String {
        self.message.shape().method().unwrap_or_default().into_owned()
    }

    pub(super) fn id(&self) -> String {
        text(&self.message.shape().id.as_ref().unwrap().0)
    }

    pub(super) fn at(&self, path: &[&str]) -> String {
        at(&self.message, path)
    }

    pub(super) fn child(&self) -> ChildId {
        match self.place {
            Place::Child(child) => child,
            Place::Fetch(_) => panic!("no child"),
        }
    }
}

/// Something that a client got.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) stream: StreamId,
    /// 0 for an event or a line.
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) message: Message,
}

impl Told {
    pub(super) fn at(&self, path: &[&str]) -> String {
        at(&self.message, path)
    }

    pub(super) fn code(&self) -> String {
        self.at(&["error", "code"])
    }

    pub(super) fn says(&self) -> String {
        self.at(&["error", "message"])
    }
}

/// The raw JSON at a path of a message, empty where there is none.
pub(super) fn at(message: &Message, path: &[&str]) -> String {
    text(find(message.raw(), path).unwrap_or_default())
}

pub(super) fn text(raw: &[u8]) -> String {
    String::from_utf8(raw.to_vec()).unwrap()
}

/// How the legs talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Legs {
    HttpToPipe,
    HttpToHttp,
    PipeToPipe,
    HttpToSse,
}

pub(super) struct Stage {
    pub(super) down: Down,
    front: Front,
    pub(super) back: Back,
    server: Server,
    pub(super) settings: Settings,
    tools: Tools,
    pub(super) seal: Seal,
    next: u64,
    pub(super) now: Nanos,
    /// What clients got and nobody looked at yet.
    pub(super) heard: VecDeque<Told>,
    /// What the server got and nobody looked at yet.
    pub(super) got: VecDeque<Got>,
    pub(super) aborted: Vec<FetchId>,
    pub(super) ended: Vec<ChildId>,
    begun: HashSet<FetchId>,
    /// The stream of HTTP+SSE on which the server answers what is posted to a target.
    streams: HashMap<String, FetchId>,
    n_streams: u64,
    /// The bearer token of who asks next.
    pub(super) who: String,
    /// The capabilities that the next request declares.
    pub(super) capabilities: String,
    /// Further members of `_meta` of the next request, each behind a comma.
    pub(super) meta: String,
    /// Further headers of the next request.
    pub(super) headers: HeaderMap,
}

impl Stage {
    pub(super) fn new(legs: Legs) -> Self {
        let listens = if legs == Legs::PipeToPipe {
            Listens::Pipe
        } else {
            Listens::Http { path: "/mcp".into(), sse_path: "/sse".into() }
        };
        let url = Reaches::Url { url: "http://127.0.0.1:1/mcp".into() };
        let (reaches, via) = match legs {
            Legs::HttpToHttp => (url, Via::Http),
            Legs::HttpToSse => (url, Via::Sse),
            Legs::HttpToPipe | Legs::PipeToPipe => (Reaches::Command, Via::Pipe),
        };
        let settings = Settings {
            listens,
            reaches,
            server_name: "files".into(),
            client_era: None,
            server_era: None,
            server_revision: None,
            headers: HeaderMap::new(),
            bounds: Bounds { rounds: 4, ..Bounds::default() },
        };
        Self {
            down: Down::default(),
            front: Front::new(&settings),
            back: Back::new(&settings),
            server: Server { via, legacy: Some(true), modern: None, is_doubtful: false },
            settings,
            tools: Tools::default(),
            seal: Seal::new(&[[7; 32]], [9; 32], 1_700_000_000_000_000_000),
            next: 1,
            now: Nanos(1),
            heard: VecDeque::new(),
            got: VecDeque::new(),
            aborted: Vec::new(),
            ended: Vec::new(),
            begun: HashSet::new(),
            streams: HashMap::new(),
            n_streams: 0,
            who: "ann".into(),
            capabilities: "{}".into(),
            meta: String::new(),
            headers: HeaderMap::new(),
        }
    }

    /// A stage on which a server was greeted by a client with these capabilities.
    pub(super) fn greeted(legs: Legs, capabilities: &str) -> Self {
        let mut stage = Self::new(legs);
        stage.capabilities = capabilities.into();
        stage.asks("0", "server/discover", "{}");
        stage.greets(ABLE);
        assert_eq!(stage.hears().at(&["id"]), "0");
        stage.is_quiet();
        stage
    }

    pub(super) fn with(&mut self, work: impl FnOnce(&mut Down, &mut Cx<'_>)) {
        let mut acts = Vec::new();
        let mut cx = Cx {
            now: self.now,
            front: &mut self.front,
            back: &mut self.back,
            server: &mut self.server,
            tools: &mut self.tools,
            seal: &mut self.seal,
            settings: &self.settings,
            acts: &mut acts,
            next: &mut self.next,
        };
        work(&mut self.down, &mut cx);
        self.perform(acts);
    }

    /// Hears one input as a bridge does.
    pub(super) fn hear(&mut self, heard: Heard) {
        let (mut acts, mut asked, mut said) = (Vec::new(), Vec::new(), Vec::new());
        match &heard {
            Heard::Line { .. } | Heard::LineEnd | Heard::Asked { .. } | Heard::Left { .. } => {
                self.front.hear(self.now, heard, &mut self.seal, &mut asked, &mut acts);
            }
            Heard::Tick => {
                self.front.tick(self.now, &mut asked, &mut acts);
                self.back.tick(self.now, &mut said, &mut acts);
            }
            _ => self.back.hear(self.now, heard, &mut said, &mut acts),
        }
        self.perform(acts);
        for event in asked {
            self.with(|down, cx| down.on_client(cx, event));
        }
        self.pass(said);
        self.with(Down::tick);
        // What the legs kept for their next turn.
        if self.back.deadline().is_some_and(|at| at <= self.now) {
            let (mut said, mut acts) = (Vec::new(), Vec::new());
            self.back.tick(self.now, &mut said, &mut acts);
            self.perform(acts);
            self.pass(said);
        }
    }

    fn pass(&mut self, said: Vec<FromServer>) {
        for event in said {
            self.with(|down, cx| down.on_server(cx, event));
        }
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, time: Duration) {
        self.now = Nanos(self.now.0 + u64::try_from(time.as_nanos()).unwrap());
        self.hear(Heard::Tick);
    }

    fn perform(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Line(bytes) => self.tell(StreamId(0), 0, HeaderMap::new(), bytes),
                Act::Respond { stream, status, headers, body } => self.tell(stream, status, headers, body),
                Act::Emit { stream, bytes } => {
                    for line in text(&bytes).lines() {
                        if let Some(told) = line.strip_prefix("data: ").filter(|told| !told.is_empty()) {
                            self.tell(stream, 0, HeaderMap::new(), told.to_owned().into());
                        }
                    }
                }
                Act::Spawn { child } => self.hear(Heard::Started { child, pid: 1 }),
                Act::Write { child, bytes } => {
                    let (place, message) = (Place::Child(child), Message::parse(bytes));
                    let (verb, headers) = (Method::POST, HeaderMap::new());
                    self.got.push_back(Got { place, verb, headers, message });
                }
                Act::Fetch { fetch, method: Method::GET, .. } if self.server.via == Via::Sse => {
                    let target = format!("/post?{}", fetch.0);
                    self.begun.insert(fetch);
                    self.head(fetch, 200, "text/event-stream");
                    let event = Event { name: Some("endpoint".into()), ..Event::default() };
                    self.streams.insert(target.clone(), fetch);
                    self.hear(Heard::Event { fetch, event, message: Message::parse(target.into()) });
                }
                Act::Fetch { fetch, method, target, headers, body } => {
                    let stream = target.and_then(|target| self.streams.get(&target).copied());
                    if stream.is_some() {
                        self.head(fetch, 202, "text/plain");
                        self.hear(Heard::Body { fetch, body: Bytes::new() });
                    }
                    let (place, message) = (Place::Fetch(stream.unwrap_or(fetch)), Message::parse(body));
                    self.got.push_back(Got { place, verb: method, headers, message });
                }
                Act::Abort { fetch } => self.aborted.push(fetch),
                Act::End { child } => self.ended.push(child),
                Act::Begin { .. } | Act::Note(_) | Act::Finish { .. } | Act::Exit(_) => {}
            }
        }
    }

    fn tell(&mut self, stream: StreamId, status: u16, headers: HeaderMap, body: Bytes) {
        self.heard.push_back(Told { stream, status, headers, message: Message::parse(body) });
    }

    /// The client asks; `params` is an object to which `_meta` is added.
    pub(super) fn asks(&mut self, id: &str, method: &str, params: &str) -> StreamId {
        let inside = params.strip_prefix('{').unwrap();
        let comma = if inside == "}" { "" } else { "," };
        let message = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{{"name":"new","version":"1"}},"io.modelcontextprotocol/clientCapabilities":{}{}}}{comma}{inside}}}"#,
            self.capabilities, self.meta
        );
        let message = Message::parse(message.into());
        if self.settings.listens == Listens::Pipe {
            self.hear(Heard::Line { message });
            return StreamId(0);
        }
        let mut headers = self.headers.clone();
        headers.insert("accept", "application/json, text/event-stream".parse().unwrap());
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.insert("host", "127.0.0.1:9".parse().unwrap());
        headers.insert("authorization", format!("Bearer {}", self.who).parse().unwrap());
        headers.insert("mcp-protocol-version", "2026-07-28".parse().unwrap());
        headers.insert("mcp-method", method.parse().unwrap());
        let name = ["name", "uri", "taskId"]
            .iter()
            .find_map(|field| find(message.raw(), &["params", field]))
            .filter(|_| tapgate_wire::revision::mirrored_param(method).is_some());
        if let Some(name) = name {
            headers.insert("mcp-name", text(name).trim_matches('"').parse().unwrap());
        }
        self.n_streams += 1;
        let stream = StreamId(self.n_streams);
        let (method, uri) = (Method::POST, "/mcp".parse().unwrap());
        let head = Arc::new(RequestHead { method, uri, version: Version::HTTP_11, headers });
        self.hear(Heard::Asked { stream, head, body: message.to_wire() });
        stream
    }

    /// A client on pipes says something.
    pub(super) fn line(&mut self, said: &str) {
        self.hear(Heard::Line { message: Message::parse(said.to_owned().into()) });
    }

    /// The next thing that a client got.
    #[track_caller]
    pub(super) fn hears(&mut self) -> Told {
        let told = self.heard.pop_front().expect("a client hears something");
        if let Some(fault) = told.message.shape().faults.first() {
            panic!("{fault:?} in {:?}", told.message.raw());
        }
        told
    }

    /// The next thing that the server got.
    #[track_caller]
    pub(super) fn gets(&mut self, method: &str) -> Got {
        let got = self.got.pop_front().expect("the server gets something");
        assert_eq!(got.method(), method, "{} {:?}", got.verb, got.message.raw());
        got
    }

    /// The server gets the answer to a question of its own.
    #[track_caller]
    pub(super) fn gets_answer(&mut self, id: &str) -> Got {
        let got = self.gets("");
        assert_eq!(got.id(), id, "{:?}", got.message.raw());
        got
    }

    /// Nothing is left that nobody looked at.
    #[track_caller]
    pub(super) fn is_quiet(&self) {
        assert!(self.heard.is_empty(), "{:?}", self.heard);
        assert!(self.got.is_empty(), "{:?}", self.got);
    }

    /// The server takes the handshake.
    #[track_caller]
    pub(super) fn greets(&mut self, capabilities: &str) -> Got {
        self.greets_as("2025-11-25", capabilities)
    }

    #[track_caller]
    pub(super) fn greets_as(&mut self, revision: &str, capabilities: &str) -> Got {
        let hello = self.gets("initialize");
        self.welcomes(&hello, revision, capabilities);
        let told = self.gets("notifications/initialized");
        if let Place::Fetch(fetch) = told.place
            && self.server.via == Via::Http
        {
            self.head(fetch, 202, "text/plain");
            self.hear(Heard::Body { fetch, body: Bytes::new() });
            let listens = self.got.pop_front().expect("a stream");
            assert_eq!(listens.verb, Method::GET);
            self.open_stream(&listens);
            return listens;
        }
        hello
    }

    /// The server answers a handshake.
    pub(super) fn welcomes(&mut self, hello: &Got, revision: &str, capabilities: &str) {
        let result = format!(
            r#"{{"protocolVersion":"{revision}","capabilities":{capabilities},"serverInfo":{{"name":"old","version":"3"}},"instructions":"be kind"}}"#
        );
        if self.server.via != Via::Http {
            self.answers(hello, &result);
        } else if let Place::Fetch(fetch) = hello.place {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, hello.id());
            let session = format!("s{}", fetch.0);
            self.head_with(fetch, 200, &[("content-type", "application/json"), ("mcp-session-id", &session)]);
            self.hear(Heard::Body { fetch, body: body.into() });
        }
    }

    /// The server opens its event stream.
    fn open_stream(&mut self, got: &Got) {
        let Place::Fetch(fetch) = got.place else { panic!("not on pipes") };
        self.begun.insert(fetch);
        self.head(fetch, 200, "text/event-stream");
    }

    /// The server says something about a request before its answer, or on its stream.
    pub(super) fn says(&mut self, got: &Got, said: &str) {
        let message = Message::parse(said.to_owned().into());
        match got.place {
            Place::Child(child) => self.hear(Heard::ChildLine { child, message }),
            Place::Fetch(fetch) => {
                if self.begun.insert(fetch) {
                    self.head(fetch, 200, "text/event-stream");
                }
                self.hear(Heard::Event { fetch, event: Event::default(), message });
            }
        }
    }

    /// The server answers a request with a result or, with `"error":…`, with an error.
    pub(super) fn answers(&mut self, got: &Got, result: &str) {
        let is_error = result.starts_with("\"error\"");
        let member = if is_error { result.to_owned() } else { format!("\"result\":{result}") };
        let said = format!(r#"{{"jsonrpc":"2.0","id":{},{member}}}"#, got.id());
        match got.place {
            Place::Fetch(fetch) if !self.begun.contains(&fetch) => {
                self.head(fetch, 200, "application/json");
                self.hear(Heard::Body { fetch, body: said.into() });
            }
            Place::Fetch(fetch) => {
                self.says(got, &said);
                if self.server.via == Via::Http {
                    self.hear(Heard::Ended { fetch, how: Ending::Clean, sent: true });
                }
            }
            Place::Child(_) => self.says(got, &said),
        }
    }

    /// The server answers with an HTTP status and no JSON-RPC.
    pub(super) fn refuses(&mut self, got: &Got, status: u16, headers: &[(&'static str, &str)], body: &str) {
        let Place::Fetch(fetch) = got.place else { panic!("not on pipes") };
        self.head_with(fetch, status, headers);
        self.hear(Heard::Body { fetch, body: body.to_owned().into() });
    }

    /// The server takes what is no request, over HTTP.
    pub(super) fn takes(&mut self, got: &Got) {
        if let Place::Fetch(fetch) = got.place
            && self.server.via == Via::Http
        {
            self.head(fetch, 202, "text/plain");
            self.hear(Heard::Body { fetch, body: Bytes::new() });
        }
    }

    /// The connection of a request breaks, or the child ends.
    pub(super) fn breaks(&mut self, got: &Got) {
        match got.place {
            Place::Fetch(fetch) => self.hear(Heard::Ended { fetch, how: Ending::Cut, sent: true }),
            Place::Child(child) => {
                let (how, last_words) = ("exit status 3".into(), "no such table".into());
                self.hear(Heard::Exited { child, how, last_words });
            }
        }
    }

    /// Everybody is gone, and so is all that was kept for them.
    #[track_caller]
    pub(super) fn is_empty(&mut self) {
        self.got.clear();
        let idle = self.settings.bounds.link_idle;
        self.wait(idle);
        self.wait(idle);
        assert_eq!(self.down.held(), 0, "{:?}", self.down);
        assert_eq!(self.down.deadline(), None);
        assert_eq!(self.back.n_links(), 0);
    }

    fn head(&mut self, fetch: FetchId, status: u16, kind: &str) {
        self.head_with(fetch, status, &[("content-type", kind)]);
    }

    fn head_with(&mut self, fetch: FetchId, status: u16, headers: &[(&'static str, &str)]) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        let head = Arc::new(ResponseHead { status, version: Version::HTTP_11, headers: map });
        self.hear(Heard::Answered { fetch, head });
    }
}
