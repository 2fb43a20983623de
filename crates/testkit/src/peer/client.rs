// Long because what a client says on each transport stands together.
//! A client of any revision on any transport.

mod hear;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};
use serde_json::{Value, json};
use tapgate_wire::Message;
use tapgate_wire::edge::{Act, Heard};
use tapgate_wire::header::RequestHead;
use tapgate_wire::revision::Revision;
use tapgate_wire::stream::StreamId;

use super::event::Events;
use super::{META, Over, at, text};

/// How a client answers what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It gives what is asked for.
    Accepts,
    /// It declines elicitation, and refuses sampling and roots with an error.
    Declines,
    /// It declared nothing, and is asked nothing.
    Declares,
    /// It never answers.
    Ignores,
}

/// What a client does next.
#[derive(Debug)]
pub enum Out {
    /// It writes a line, or closes its pipe.
    Line(Heard),
    /// It sends an HTTP request.
    Post(Post),
    /// It closes a stream.
    Leave(StreamId),
}

/// An HTTP request before it has a stream.
#[derive(Debug)]
pub struct Post {
    head: RequestHead,
    body: Bytes,
    /// The requests in it.
    ids: Vec<Value>,
}

/// A request and all that came of it.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Its method.
    pub method: String,
    /// Its parameters as the caller gave them.
    pub params: Value,
    /// The answer, the whole message.
    pub answer: Option<Value>,
    /// The answer's bytes.
    pub raw: Bytes,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// Notifications that came for it before the answer.
    pub told: Vec<Value>,
    /// How often it was sent again with answers (2026-07-28).
    pub rounds: usize,
    /// It was given up.
    pub is_cancelled: bool,
}

/// A scripted client.
#[derive(Debug)]
pub struct Client {
    /// How it is connected.
    pub over: Over,
    /// The revision that it speaks.
    pub revision: Revision,
    /// How it answers.
    pub manner: Manner,
    /// Its requests by their ids, as JSON text; a request that is sent again keeps its first id here.
    pub calls: BTreeMap<String, Call>,
    /// What it was asked: method and parameters.
    pub asked: Vec<(String, Value)>,
    /// Notifications that belong to no call.
    pub pushed: Vec<Value>,
    /// What was against the rules of its revision.
    pub faults: Vec<String>,
    /// `Authorization`, if it has one.
    pub credentials: Option<String>,
    /// The extensions that it declares; null for none.
    pub extensions: Value,
    /// The log level that goes with each request (2026-07-28).
    pub level: Option<&'static str>,
    /// The server's answer to the handshake.
    pub server: Value,
    /// The session id that it was given.
    pub session: Option<String>,
    /// The GET stream.
    pub get: Option<StreamId>,
    endpoint: Option<String>,
    streams: BTreeMap<StreamId, Stream>,
    /// Ids of later rounds, and the first id.
    rounds: BTreeMap<String, String>,
    seen: BTreeSet<String>,
    held: Vec<Value>,
    next: u64,
    out: Vec<Out>,
}

#[derive(Debug, Default)]
struct Stream {
    ids: Vec<Value>,
    events: Events,
    began: bool,
    is_get: bool,
}

impl Client {
    /// A client that has said nothing yet.
    pub fn new(over: Over, revision: Revision) -> Self {
        Self {
            over,
            revision,
            manner: Manner::Accepts,
            calls: BTreeMap::new(),
            asked: Vec::new(),
            pushed: Vec::new(),
            faults: Vec::new(),
            credentials: None,
            extensions: Value::Null,
            level: None,
            server: Value::Null,
            session: None,
            get: None,
            endpoint: None,
            streams: BTreeMap::new(),
            rounds: BTreeMap::new(),
            seen: BTreeSet::new(),
            held: Vec::new(),
            next: 0,
            out: Vec::new(),
        }
    }

    /// Whether it speaks without handshake.
    pub fn is_modern(&self) -> bool {
        self.revision >= Revision::V2026_07_28
    }

    /// What it can be asked for.
    pub fn capabilities(&self) -> Value {
        let mut all = json!({ "sampling": {}, "roots": {} });
        if self.manner == Manner::Declares {
            return json!({});
        }
        if self.revision >= Revision::V2025_06_18 {
            all["elicitation"] = json!({});
        }
        if self.revision >= Revision::V2025_11_25 {
            all["elicitation"] = json!({ "form": {}, "url": {} });
        }
        if !self.extensions.is_null() {
            all["extensions"] = self.extensions.clone();
        }
        all
    }

    /// Begins: a legacy client shakes hands, a modern one asks what the server can do.
    pub fn begin(&mut self) -> String {
        if self.is_modern() {
            return self.ask("server/discover", json!({}));
        }
        let params = json!({
            "protocolVersion": self.revision.as_str(),
            "capabilities": self.capabilities(),
            "clientInfo": { "name": "scripted", "version": "1", "x-kept": [1, 2] },
        });
        if self.over == Over::Sse {
            self.post(Method::GET, "/sse", Bytes::new(), Vec::new(), &Value::Null);
        }
        self.ask("initialize", params)
    }

    /// Sends a request and says its id as JSON text.
    pub fn ask(&mut self, method: &str, params: Value) -> String {
        self.next += 1;
        let id = json!(self.next);
        self.ask_as(id, method, params)
    }

    /// Sends a request with an id of the caller's choice.
    pub fn ask_as(&mut self, id: Value, method: &str, params: Value) -> String {
        let key = id.to_string();
        let call = Call { method: method.to_owned(), params: params.clone(), ..Call::default() };
        self.calls.insert(key.clone(), call);
        self.request(id, method, params);
        key
    }

    fn request(&mut self, id: Value, method: &str, mut params: Value) {
        self.dress(&mut params);
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
    }

    /// Adds what every modern request carries.
    pub fn dress(&self, params: &mut Value) {
        if !self.is_modern() {
            return;
        }
        let capabilities = self.capabilities();
        let meta = params
            .as_object_mut()
            .map(|params| params.entry("_meta").or_insert_with(|| json!({})))
            .and_then(Value::as_object_mut);
        let Some(meta) = meta else { return };
        meta.insert(format!("{META}protocolVersion"), json!(self.revision.as_str()));
        meta.insert(format!("{META}clientInfo"), json!({ "name": "scripted", "version": "1" }));
        meta.insert(format!("{META}clientCapabilities"), capabilities);
        if let Some(level) = self.level {
            meta.insert(format!("{META}logLevel"), json!(level));
        }
    }

    /// Sends a message, which is held until the transport is ready for it.
    pub fn send(&mut self, message: &Value) {
        self.send_raw(message.to_string(), message);
    }

    /// Sends a message in a spelling of the caller's choice.
    pub fn send_raw(&mut self, spelling: String, message: &Value) {
        let body = Bytes::from(spelling);
        let parts = message.as_array().map_or_else(|| std::slice::from_ref(message), Vec::as_slice);
        let ids: Vec<Value> = parts
            .iter()
            .filter(|part| part.get("method").is_some())
            .filter_map(|part| part.get("id").cloned())
            .collect();
        match self.over {
            Over::Pipe => {
                self.out.push(Out::Line(Heard::Line { message: Message::parse(body) }));
            }
            Over::Http => self.post(Method::POST, "/mcp", body, ids, message),
            Over::Sse => match self.endpoint.clone() {
                Some(endpoint) => self.post(Method::POST, &endpoint, body, Vec::new(), message),
                None => self.held.push(message.clone()),
            },
        }
    }

    fn post(&mut self, method: Method, target: &str, body: Bytes, ids: Vec<Value>, message: &Value) {
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        set("accept", "application/json, text/event-stream");
        set("host", "127.0.0.1");
        if method == Method::POST {
            set("content-type", "application/json");
        }
        if let Some(credentials) = &self.credentials {
            set("authorization", credentials);
        }
        if self.over == Over::Http {
            if let Some(session) = &self.session {
                set("mcp-session-id", session);
            }
            let is_greeting = !self.is_modern() && text(message, &["method"]) == "initialize";
            if self.revision >= Revision::V2025_06_18 && !is_greeting {
                set("mcp-protocol-version", self.revision.as_str());
            }
            if self.is_modern() {
                let asked = text(message, &["method"]);
                set("mcp-method", asked);
                if let Some(name) = tapgate_wire::revision::mirrored_param(asked) {
                    set("mcp-name", &tapgate_wire::header::value::encode(text(message, &["params", name])));
                }
                if let Some(region) = at(message, &["params", "arguments", "region"]).as_str() {
                    set("mcp-param-region", &tapgate_wire::header::value::encode(region));
                }
            }
        }
        let uri = target.parse().unwrap_or_else(|_| Uri::from_static("/unreadable"));
        let head = RequestHead { method, uri, version: Version::HTTP_11, headers };
        self.out.push(Out::Post(Post { head, body, ids }));
    }

    /// Opens the stream for what belongs to no request.
    pub fn listen(&mut self) {
        if self.over == Over::Http && !self.is_modern() {
            self.post(Method::GET, "/mcp", Bytes::new(), Vec::new(), &Value::Null);
        }
    }

    /// Opens a stream again after an event that it has seen.
    pub fn resume(&mut self, event: &str) {
        self.listen();
        if let Some(Out::Post(post)) = self.out.last_mut()
            && let Ok(value) = HeaderValue::from_str(event)
        {
            post.head.headers.insert(tapgate_wire::header::LAST_EVENT_ID, value);
        }
    }

    /// Ends the session.
    pub fn end(&mut self) {
        match self.over {
            Over::Pipe => self.stop(),
            Over::Http if !self.is_modern() => {
                self.post(Method::DELETE, "/mcp", Bytes::new(), Vec::new(), &Value::Null);
            }
            Over::Http => {}
            Over::Sse => self.leave_get(),
        }
    }

    /// Stops the tap, as the end of its standard input or a signal does.
    pub fn stop(&mut self) {
        self.out.push(Out::Line(Heard::LineEnd));
    }

    fn leave_get(&mut self) {
        if let Some(stream) = self.get.take() {
            self.streams.remove(&stream);
            self.out.push(Out::Leave(stream));
        }
    }

    /// Gives a request up as its revision does it.
    pub fn cancel(&mut self, key: &str) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.is_cancelled = true;
        let id: Value = serde_json::from_str(key).unwrap_or_default();
        if self.is_modern() && self.over == Over::Http {
            return self.drop_stream(key);
        }
        let params = json!({ "requestId": id, "reason": "enough" });
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }));
    }

    /// Closes the stream that a request's answer is to come on.
    pub fn drop_stream(&mut self, key: &str) {
        let found = self.streams.iter().find(|(_, stream)| stream.ids.iter().any(|id| id.to_string() == key));
        if let Some(stream) = found.map(|(stream, _)| *stream) {
            self.streams.remove(&stream);
            self.out.push(Out::Leave(stream));
        }
    }

    /// The answer to a request, `Null` while there is none.
    pub fn answer(&self, key: &str) -> &Value {
        self.calls.get(key).and_then(|call| call.answer.as_ref()).unwrap_or(&Value::Null)
    }

    /// What it does next.
    pub(crate) fn take(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }

    /// Its request has a stream now.
    pub(crate) fn opened(&mut self, stream: StreamId, post: Post) -> Heard {
        let is_get = post.head.method == Method::GET;
        if is_get {
            self.get = Some(stream);
        }
        self.streams.insert(stream, Stream { ids: post.ids, is_get, ..Stream::default() });
        Heard::Asked { stream, head: Arc::new(post.head), body: post.body }
    }

    /// A line came on its pipe.
    pub(crate) fn line(&mut self, bytes: &Bytes) {
        match serde_json::from_slice::<Value>(bytes) {
            Ok(Value::Array(parts)) => {
                if !self.revision.has_batches() {
                    self.faults.push("a batch came".to_owned());
                }
                for part in parts {
                    self.came(&part, bytes, None, None);
                }
            }
            Ok(message) => self.came(&message, bytes, None, None),
            Err(why) => self.faults.push(format!("a line is no JSON: {why}")),
        }
    }

    /// Something came on one of its streams.
    pub(crate) fn act(&mut self, n: StreamId, act: Act) {
        // What comes on a stream that the client left is nobody's fault.
        let Some(mut stream) = self.streams.remove(&n) else { return };
        match act {
            Act::Respond { status, headers, body, .. } => self.responded(&stream, status, &headers, &body),
            Act::Begin { headers, .. } => {
                stream.began = true;
                self.learn(&headers);
                if headers.get("content-type").is_none_or(|kind| kind != "text/event-stream") {
                    self.faults.push("a stream is no event stream".to_owned());
                }
                self.streams.insert(n, stream);
            }
            Act::Emit { bytes, .. } => {
                for event in stream.events.push(&bytes) {
                    if self.over == Over::Sse && event.name.as_deref() == Some("endpoint") {
                        self.endpoint = event.data;
                        for held in std::mem::take(&mut self.held) {
                            self.send(&held);
                        }
                        continue;
                    }
                    let Some(data) = event.data.filter(|data| !data.is_empty()) else { continue };
                    if let Some(id) = &event.id
                        && !self.seen.insert(id.clone())
                    {
                        self.faults.push(format!("event {id} came twice"));
                    }
                    match serde_json::from_str::<Value>(&data) {
                        Ok(message) => {
                            let on = (!stream.is_get).then_some(stream.ids.as_slice());
                            self.came(&message, &Bytes::from(data), Some(200), on);
                        }
                        Err(why) => self.faults.push(format!("an event is no JSON: {why}")),
                    }
                }
                self.streams.insert(n, stream);
            }
            Act::Finish { .. } if stream.is_get && self.get == Some(n) => self.get = None,
            _ => {}
        }
    }

    fn responded(&mut self, stream: &Stream, status: u16, headers: &HeaderMap, body: &Bytes) {
        self.learn(headers);
        if stream.is_get {
            self.get = None;
        }
        if body.is_empty() {
            let is_open = |id: &Value| self.calls.get(&id.to_string()).is_some_and(|call| !call.is_cancelled);
            if stream.ids.iter().any(is_open) {
                self.faults.push(format!("a request was answered {status} without a body"));
            }
            return;
        }
        match serde_json::from_slice::<Value>(body) {
            Ok(Value::Array(parts)) => {
                for part in parts {
                    self.came(&part, body, Some(status), Some(&stream.ids));
                }
            }
            Ok(message) => self.came(&message, body, Some(status), Some(&stream.ids)),
            Err(why) => self.faults.push(format!("a body is no JSON: {why}")),
        }
    }

    fn learn(&mut self, headers: &HeaderMap) {
        if let Some(session) = headers.get("mcp-session-id").and_then(|value| value.to_str().ok()) {
            if self.is_modern() {
                self.faults.push("a modern client got a session id".to_owned());
            }
            self.session = Some(session.to_owned());
        }
    }
}
