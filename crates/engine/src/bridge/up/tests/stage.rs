//! A legacy client and a modern server, played by hand around the real legs.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use tapgate_wire::edge::{Act, ChildId, FetchId, Heard};
use tapgate_wire::header::{RequestHead, ResponseHead, SESSION_ID};
use tapgate_wire::json::find;
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::Member;
use tapgate_wire::stream::{Ending, Event};
use tapgate_wire::{Kind, Message, Nanos, StreamId};

use crate::bridge::back::{Back, FromServer, Opening, Sharing, Via};
use crate::bridge::cx::Cx;
use crate::bridge::detect::{Modern, Server};
use crate::bridge::front::{FromClient, Front};
use crate::bridge::number::{LinkNo, Pair};
use crate::bridge::seal::Seal;
use crate::bridge::settings::{Bounds, Listens, Reaches, Settings};
use crate::bridge::tools::Tools;
use crate::bridge::up::Up;

pub(super) const DISCOVER: &str = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true,"listChanged":true},"logging":{},"completions":{}},"instructions":"be kind","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"files","version":"2"}}}"#;

/// Where a request to the server can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Fetch(FetchId),
    Child(ChildId),
}

/// Something that the server got.
#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) place: Place,
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

    /// The raw JSON at a path of the message.
    pub(super) fn at(&self, path: &[&str]) -> String {
        at(&self.message, path)
    }
}

/// The raw JSON at a path of a message, empty where there is none.
pub(super) fn at(message: &Message, path: &[&str]) -> String {
    text(find(message.raw(), path).unwrap_or_default())
}

pub(super) fn text(raw: &[u8]) -> String {
    String::from_utf8(raw.to_vec()).unwrap()
}

pub(super) struct Stage {
    pub(super) up: Up,
    pub(super) front: Front,
    pub(super) back: Back,
    pub(super) server: Server,
    pub(super) settings: Settings,
    tools: Tools,
    seal: Seal,
    next: u64,
    pub(super) now: Nanos,
    /// What clients got and nobody looked at yet, and which client.
    pub(super) heard: VecDeque<(usize, Message)>,
    /// The client that speaks now, and whose HTTP requests are whose.
    pub(super) speaker: usize,
    streams: HashMap<StreamId, usize>,
    /// What the server got and nobody looked at yet.
    pub(super) got: VecDeque<Got>,
    pub(super) aborted: Vec<FetchId>,
    pub(super) notes: Vec<String>,
    /// Statuses and headers of answers that are no event streams.
    pub(super) statuses: Vec<(u16, HeaderMap)>,
    begun: HashSet<FetchId>,
    n_streams: u64,
    /// The headers by which HTTP clients name their sessions.
    pub(super) sessions: HashMap<usize, HeaderValue>,
    pub(super) every_session: Vec<HeaderValue>,
    /// The stream of subscriptions that a client's coming opened.
    pub(super) opened: Option<Got>,
    /// What HTTP clients show.
    pub(super) credentials: Option<&'static str>,
}

/// How the legs talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Legs {
    PipeToHttp,
    HttpToPipe,
    HttpToHttp,
}

pub(super) const LEGS: [Legs; 3] = [Legs::PipeToHttp, Legs::HttpToPipe, Legs::HttpToHttp];

impl Stage {
    /// Legs that stand, a server that was asked who it is.
    pub(super) fn new(legs: Legs) -> Self {
        let listens = if legs == Legs::PipeToHttp {
            Listens::Pipe
        } else {
            Listens::Http { path: "/mcp".into(), sse_path: "/sse".into() }
        };
        let (reaches, via) = if legs == Legs::HttpToPipe {
            (Reaches::Command, Via::Pipe)
        } else {
            (Reaches::Url { url: "http://127.0.0.1:1/mcp".into() }, Via::Http)
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
        let discover = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{DISCOVER}}}"#);
        let modern = Modern {
            link: LinkNo(1),
            revision: Revision::V2026_07_28,
            discover: Some(Message::parse(discover.into())),
            headers: Arc::default(),
        };
        let mut stage = Self {
            up: Up::default(),
            front: Front::new(&settings),
            back: Back::new(&settings),
            server: Server { via, legacy: Some(false), modern: Some(modern), is_doubtful: false },
            settings,
            tools: Tools::default(),
            seal: Seal::new(&[[7; 32]], [9; 32], 1_700_000_000_000_000_000),
            next: 1,
            now: Nanos(1),
            heard: VecDeque::new(),
            speaker: 0,
            streams: HashMap::new(),
            got: VecDeque::new(),
            aborted: Vec::new(),
            notes: Vec::new(),
            statuses: Vec::new(),
            begun: HashSet::new(),
            n_streams: 0,
            sessions: HashMap::new(),
            every_session: Vec::new(),
            opened: None,
            credentials: None,
        };
        stage.open_link(LinkNo(1));
        stage
    }

    /// A stage whose client shook hands, with these capabilities, in this revision.
    pub(super) fn greeted(legs: Legs, revision: &str, capabilities: &str) -> Self {
        Self::new(legs).shaken(revision, capabilities)
    }

    /// Such a stage whose server offers tasks.
    pub(super) fn tasked(legs: Legs, revision: &str, capabilities: &str) -> Self {
        Self::with_tasks(legs).shaken(revision, capabilities)
    }

    /// A stage whose server offers tasks.
    pub(super) fn with_tasks(legs: Legs) -> Self {
        let mut stage = Self::new(legs);
        let extensions = r#""extensions":{"io.modelcontextprotocol/tasks":{}},"completions":{}"#;
        let discover = DISCOVER.replace(r#""completions":{}"#, extensions);
        let discover = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{discover}}}"#);
        stage.server.modern.as_mut().unwrap().discover = Some(Message::parse(discover.into()));
        stage
    }

    /// Becomes another process with the same keys.
    pub(super) fn seed(&mut self, seed: [u8; 32]) {
        self.seal = Seal::new(&[[7; 32]], seed, 1_700_000_000_000_000_000);
    }

    fn shaken(mut self, revision: &str, capabilities: &str) -> Self {
        let stage = &mut self;
        stage.greet(revision, capabilities);
        let answer = stage.hears();
        assert_eq!(at(&answer, &["result", "protocolVersion"]), format!("\"{revision}\""));
        stage.client(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        if stage.settings.listens != Listens::Pipe {
            stage.get();
        }
        stage.opened = Some(stage.listens());
        stage.statuses.clear();
        stage.is_quiet();
        self
    }

    pub(super) fn greet(&mut self, revision: &str, capabilities: &str) {
        self.client(&format!(
            r#"{{"jsonrpc":"2.0","id":"init","method":"initialize","params":{{"protocolVersion":"{revision}","capabilities":{capabilities},"clientInfo":{{"name":"old","version":"1"}}}}}}"#
        ));
    }

    fn open_link(&mut self, link: LinkNo) {
        let opening = Opening {
            owner: Pair::Up,
            via: self.server.via,
            era: Era::Modern,
            sharing: Sharing::Shared,
            headers: Arc::default(),
        };
        let mut acts = Vec::new();
        self.back.open(self.now, link, opening, &mut acts);
        self.perform(acts);
    }

    /// Opens the modern link anew, as after the end of the child.
    pub(super) fn relink(&mut self) {
        self.next += 1;
        let link = LinkNo(self.next);
        self.open_link(link);
        self.server.modern.as_mut().unwrap().link = link;
        self.with(Up::relinked);
    }

    pub(super) fn with(&mut self, work: impl FnOnce(&mut Up, &mut Cx<'_>)) {
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
        work(&mut self.up, &mut cx);
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
        self.pass(asked, said);
        self.with(Up::tick);
    }

    fn pass(&mut self, asked: Vec<FromClient>, said: Vec<FromServer>) {
        for event in asked {
            self.with(|up, cx| up.on_client(cx, event));
        }
        for event in said {
            if let FromServer::Down { .. } = event {
                self.relink();
            }
            self.with(|up, cx| up.on_server(cx, event));
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
                Act::Line(bytes) => self.heard.push_back((0, Message::parse(bytes))),
                Act::Respond { stream, status, headers, body } => {
                    self.learn_session(stream, &headers);
                    self.statuses.push((status, headers));
                    if !body.is_empty() {
                        self.heard.push_back((self.streams[&stream], Message::parse(body)));
                    }
                }
                Act::Begin { stream, headers } => self.learn_session(stream, &headers),
                Act::Emit { stream, bytes } => {
                    let who = self.streams[&stream];
                    for line in text(&bytes).lines() {
                        if let Some(told) = line.strip_prefix("data: ").filter(|told| !told.is_empty()) {
                            self.heard.push_back((who, Message::parse(told.to_owned().into())));
                        }
                    }
                }
                Act::Spawn { child } => self.hear(Heard::Started { child, pid: 1 }),
                Act::Write { child, bytes } => {
                    let (place, message) = (Place::Child(child), Message::parse(bytes));
                    self.got.push_back(Got { place, headers: HeaderMap::new(), message });
                }
                Act::Fetch { fetch, headers, body, .. } => {
                    let (place, message) = (Place::Fetch(fetch), Message::parse(body));
                    self.got.push_back(Got { place, headers, message });
                }
                Act::Abort { fetch } => self.aborted.push(fetch),
                Act::Note(note) => self.notes.push(note),
                Act::Finish { .. } | Act::End { .. } | Act::Exit(_) => {}
            }
        }
    }

    fn learn_session(&mut self, stream: StreamId, headers: &HeaderMap) {
        if let Some(id) = headers.get(SESSION_ID) {
            self.sessions.insert(self.streams[&stream], id.clone());
            self.every_session.push(id.clone());
        }
    }

    /// The client says something.
    pub(super) fn client(&mut self, said: &str) {
        let body = Bytes::from(said.to_owned());
        if self.settings.listens == Listens::Pipe {
            return self.hear(Heard::Line { message: Message::parse(body) });
        }
        self.request(Method::POST, body);
    }

    /// The client opens the stream on which it is told things.
    pub(super) fn get(&mut self) {
        self.request(Method::GET, Bytes::new());
    }

    /// The client ends: its pipe, or its session.
    pub(super) fn leave(&mut self) {
        if self.settings.listens == Listens::Pipe {
            let (mut acts, mut asked) = (Vec::new(), Vec::new());
            self.front.close(self.now, &mut asked, &mut acts);
            self.perform(acts);
            return self.pass(asked, Vec::new());
        }
        self.request(Method::DELETE, Bytes::new());
    }

    /// The connection of the latest HTTP request of a client is gone.
    pub(super) fn goes(&mut self) {
        self.hear(Heard::Left { stream: StreamId(self.n_streams) });
    }

    fn request(&mut self, method: Method, body: Bytes) {
        let mut headers = HeaderMap::new();
        let accept =
            if method == Method::GET { "text/event-stream" } else { "application/json, text/event-stream" };
        headers.insert("accept", accept.parse().unwrap());
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.insert("host", "127.0.0.1:9".parse().unwrap());
        if let Some(session) = self.sessions.get(&self.speaker) {
            headers.insert(SESSION_ID, session.clone());
        }
        if let Some(credentials) = self.credentials {
            headers.insert("authorization", credentials.parse().unwrap());
        }
        self.n_streams += 1;
        self.streams.insert(StreamId(self.n_streams), self.speaker);
        let head = RequestHead { method, uri: "/mcp".parse().unwrap(), version: Version::HTTP_11, headers };
        self.hear(Heard::Asked { stream: StreamId(self.n_streams), head: Arc::new(head), body });
    }

    /// The next thing that the client got.
    #[track_caller]
    pub(super) fn hears(&mut self) -> Message {
        self.heard.pop_front().expect("the client hears something").1
    }

    /// The next thing that the server got.
    #[track_caller]
    pub(super) fn gets(&mut self, method: &str) -> Got {
        let got = self.got.pop_front().expect("the server gets something");
        assert_eq!(got.method(), method, "{:?}", got.message.raw());
        got
    }

    /// Nothing is left that nobody looked at.
    #[track_caller]
    pub(super) fn is_quiet(&self) {
        assert!(self.heard.is_empty(), "{:?}", self.heard);
        assert!(self.got.is_empty(), "{:?}", self.got);
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
        let member =
            if result.starts_with("\"error\"") { result.to_owned() } else { format!("\"result\":{result}") };
        let said = format!(r#"{{"jsonrpc":"2.0","id":{},{member}}}"#, got.id());
        match got.place {
            Place::Fetch(fetch) if !self.begun.contains(&fetch) => {
                self.head(fetch, 200, "application/json");
                self.hear(Heard::Body { fetch, body: said.into() });
            }
            Place::Fetch(fetch) => {
                self.says(got, &said);
                self.hear(Heard::Ended { fetch, how: Ending::Clean, sent: true });
            }
            Place::Child(_) => self.says(got, &said),
        }
    }

    /// The server answers with an HTTP status and no JSON-RPC.
    pub(super) fn refuses(&mut self, got: &Got, status: u16, headers: &[(&'static str, &str)], body: &str) {
        let Place::Fetch(fetch) = got.place else { panic!("not on pipes") };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        let head = Arc::new(ResponseHead { status, version: Version::HTTP_11, headers: map });
        self.hear(Heard::Answered { fetch, head });
        self.hear(Heard::Body { fetch, body: body.to_owned().into() });
    }

    /// The connection of a request breaks, or the child ends.
    pub(super) fn breaks(&mut self, got: &Got, sent: bool) {
        match got.place {
            Place::Fetch(fetch) => self.hear(Heard::Ended { fetch, how: Ending::Cut, sent }),
            Place::Child(child) => {
                self.hear(Heard::Exited { child, how: "signal 9".into(), last_words: String::new() });
            }
        }
    }

    fn head(&mut self, fetch: FetchId, status: u16, kind: &str) {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", kind.parse().unwrap());
        let status = StatusCode::from_u16(status).unwrap();
        let head = Arc::new(ResponseHead { status, version: Version::HTTP_11, headers });
        self.hear(Heard::Answered { fetch, head });
    }

    /// Acknowledges a listen with the filter that it asked for.
    pub(super) fn acknowledges(&mut self, got: &Got) {
        let filter = got.at(&["params", "notifications"]);
        self.acknowledges_as(got, &filter);
    }

    pub(super) fn acknowledges_as(&mut self, got: &Got, filter: &str) {
        let id = got.id();
        self.says(got, &format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"notifications":{filter},"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
        ));
    }

    /// Takes the opening of list notifications out of the way, acknowledged.
    pub(super) fn listens(&mut self) -> Got {
        let listen = self.gets("subscriptions/listen");
        self.acknowledges(&listen);
        listen
    }
}

/// Whether a message is an error with this code.
#[track_caller]
pub(super) fn is_error(message: &Message, code: i64) {
    assert_eq!(message.shape().kind, Kind::Error, "{:?}", message.raw());
    assert_eq!(message.shape().int(Member::ErrorCode), Some(code), "{:?}", message.raw());
}
