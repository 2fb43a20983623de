// Long because it is one state machine over three transports, which are alike but for their heads.
//! A server of any revision on any transport.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use serde_json::{Value, json};
use tapgate_wire::edge::{Act, ChildId, FetchId, Heard};
use tapgate_wire::header::ResponseHead;
use tapgate_wire::revision::Revision;
use tapgate_wire::stream::{Ending, Event};
use tapgate_wire::{Message, Nanos};

use super::skill::{Say, Skill, Talk};
use super::{META, Over, at, text};

/// A scripted server.
#[derive(Debug)]
pub struct Server {
    /// How it is connected.
    pub over: Over,
    /// What it can do and remembers.
    pub skill: Skill,
    /// What was against the rules.
    pub faults: Vec<String>,
    /// Conversations: by child, or by session id.
    pub talks: BTreeMap<String, Talk>,
    /// Whether requests may come without sessions (it keeps none).
    pub is_sessionless: bool,
    fetches: BTreeMap<FetchId, Open>,
    /// GET streams by session.
    gets: BTreeMap<String, FetchId>,
    kept: BTreeMap<String, VecDeque<Value>>,
    next: u64,
    out: Vec<Heard>,
}

/// A POST that waits for its answer.
#[derive(Debug)]
struct Open {
    talk: String,
    id: Value,
    began: bool,
}

impl Server {
    /// A server that nobody has spoken to.
    pub fn new(over: Over, revision: Revision) -> Self {
        Self {
            over,
            skill: Skill::new(revision),
            faults: Vec::new(),
            talks: BTreeMap::new(),
            is_sessionless: false,
            fetches: BTreeMap::new(),
            gets: BTreeMap::new(),
            kept: BTreeMap::new(),
            next: 0,
            out: Vec::new(),
        }
    }

    fn is_modern(&self) -> bool {
        self.skill.revision >= Revision::V2026_07_28
    }

    /// Everything that was against the rules.
    pub fn all_faults(&self) -> Vec<String> {
        self.faults.iter().chain(&self.skill.faults).cloned().collect()
    }

    /// Forgets every session, as a restart does.
    pub fn forget_sessions(&mut self) {
        self.talks.clear();
        self.gets.clear();
    }

    /// Processes that run, or sessions that are open.
    pub fn n_talks(&self) -> usize {
        self.talks.len()
    }

    pub(crate) fn take(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.out)
    }

    /// When it does something by itself.
    pub fn deadline(&self) -> Option<Nanos> {
        None
    }

    /// Time passed.
    pub fn tick(&mut self, _now: Nanos) {}

    pub(crate) fn act(&mut self, _now: Nanos, act: Act) {
        match act {
            Act::Spawn { child } => {
                self.talks.insert(child_key(child), Talk::default());
                self.out.push(Heard::Started { child, pid: 1 });
            }
            Act::Write { child, bytes } => self.line(child, &bytes),
            Act::End { child } => {
                if self.talks.remove(&child_key(child)).is_some() {
                    self.exit(child, "exit status 0");
                }
            }
            Act::Fetch { fetch, method, target, headers, body } => {
                self.fetched(fetch, &method, target.as_deref(), &headers, &body);
            }
            Act::Abort { fetch } => self.aborted(fetch),
            _ => self.faults.push("an act of the client's leg reached the server".to_owned()),
        }
    }

    fn exit(&mut self, child: ChildId, how: &str) {
        let last_words = "last words".to_owned();
        self.out.push(Heard::Exited { child, how: how.to_owned(), last_words });
    }

    fn line(&mut self, child: ChildId, bytes: &Bytes) {
        let key = child_key(child);
        let Some(mut talk) = self.talks.remove(&key) else { return };
        self.skill.last_raw = String::from_utf8_lossy(bytes).into_owned();
        let says = match serde_json::from_slice::<Value>(bytes) {
            Ok(message) => self.skill.hear(&mut talk, &message),
            Err(why) => {
                self.faults.push(format!("the server read a line that is no JSON: {why}"));
                Vec::new()
            }
        };
        self.talks.insert(key.clone(), talk);
        for say in says {
            match say {
                Say::Answer(id, result) => self.write(child, &answer(&id, result)),
                Say::About(_, message) | Say::General(message) => self.write(child, &message),
                Say::Die => {
                    self.talks.remove(&key);
                    self.exit(child, "exit status 3");
                }
            }
        }
    }

    fn write(&mut self, child: ChildId, message: &Value) {
        let message = Message::parse(message.to_string().into());
        self.out.push(Heard::ChildLine { child, message });
    }

    fn fetched(
        &mut self,
        fetch: FetchId,
        method: &Method,
        target: Option<&str>,
        headers: &HeaderMap,
        body: &Bytes,
    ) {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if method == Method::POST && !header("content-type").starts_with("application/json") {
            self.faults.push("a POST without the content type of JSON".to_owned());
        }
        if self.over == Over::Sse {
            return self.fetched_sse(fetch, method, target, body);
        }
        let session = header("mcp-session-id").to_owned();
        if self.is_modern() {
            if method != Method::POST {
                return self.status(fetch, 405, &json!({}));
            }
            if !session.is_empty() {
                self.faults.push("a session id reached a modern server".to_owned());
            }
        } else if *method == Method::GET {
            if !self.talks.contains_key(&session) {
                return self.status(fetch, 404, &json!({}));
            }
            self.begin(fetch, None);
            self.gets.insert(session.clone(), fetch);
            for message in self.kept.remove(&session).unwrap_or_default() {
                self.event(fetch, &message);
            }
            return;
        } else if *method == Method::DELETE {
            self.talks.remove(&session);
            return self.status(fetch, 200, &json!({}));
        }
        self.skill.last_raw = String::from_utf8_lossy(body).into_owned();
        let Ok(message) = serde_json::from_slice::<Value>(body) else {
            self.faults.push("the server read a body that is no JSON".to_owned());
            return self.status(fetch, 400, &json!({}));
        };
        let asked = text(&message, &["method"]).to_owned();
        let mut key = session.clone();
        if self.is_modern() {
            "modern".clone_into(&mut key);
            if !self.check_headers(fetch, &message, &asked, header) {
                return;
            }
            self.talks.entry(key.clone()).or_default();
        } else if asked == "initialize" {
            self.next += 1;
            key = format!("session-{}", self.next);
            self.talks.insert(key.clone(), Talk::default());
        } else if asked == "server/discover" && session.is_empty() {
            let id = &message["id"];
            let error =
                json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32000, "message": "no session" } });
            return self.status(fetch, 400, &error);
        } else if !self.talks.contains_key(&key) {
            return self.status(fetch, 404, &json!({}));
        } else if self.skill.revision >= Revision::V2025_06_18 && !asked.is_empty() {
            let agreed = text(
                &self.talks.get(&key).map(|talk| talk.initialize.clone()).unwrap_or_default(),
                &["protocolVersion"],
            )
            .to_owned();
            let agreed = Revision::parse(&agreed)
                .filter(|agreed| *agreed <= self.skill.revision)
                .unwrap_or(self.skill.revision);
            if agreed >= Revision::V2025_06_18 && header("mcp-protocol-version") != agreed.as_str() {
                self.faults
                    .push(format!("{asked} came with the version {:?}", header("mcp-protocol-version")));
            }
        }
        let is_request = message.get("method").is_some() && message.get("id").is_some();
        if is_request {
            self.fetches.insert(fetch, Open { talk: key.clone(), id: message["id"].clone(), began: false });
        }
        let Some(mut talk) = self.talks.remove(&key) else { return };
        let says = self.skill.hear(&mut talk, &message);
        self.talks.insert(key.clone(), talk);
        if !is_request {
            self.out.push(answered(fetch, 202, None));
            self.out.push(Heard::Body { fetch, body: Bytes::new() });
        }
        self.say(&key, says);
    }

    fn check_headers<'a>(
        &mut self,
        fetch: FetchId,
        message: &Value,
        asked: &str,
        header: impl Fn(&str) -> &'a str,
    ) -> bool {
        let version = at(message, &["params", "_meta", &format!("{META}protocolVersion")]);
        let mut wrong = Vec::new();
        if version.as_str().unwrap_or_default() != header("mcp-protocol-version") {
            wrong.push("mcp-protocol-version");
        }
        if header("mcp-method") != asked {
            wrong.push("mcp-method");
        }
        let name = tapgate_wire::revision::mirrored_param(asked).map(|name| text(message, &["params", name]));
        let decoded = tapgate_wire::header::value::decode(header("mcp-name").as_bytes());
        if name.is_some_and(|name| decoded.is_ok_and(|decoded| decoded != name)) {
            wrong.push("mcp-name");
        }
        let region = at(message, &["params", "arguments", "region"]).as_str();
        let mirrored = tapgate_wire::header::value::decode(header("mcp-param-region").as_bytes());
        if asked == "tools/call"
            && region.is_some_and(|region| mirrored.is_ok_and(|mirrored| mirrored != region))
        {
            wrong.push("mcp-param-region");
        }
        if asked == "initialize" || asked == "ping" {
            wrong.clear();
        } else if !wrong.is_empty() {
            self.faults.push(format!("{asked} came with wrong headers: {wrong:?}"));
            let error = json!({ "jsonrpc": "2.0", "id": message["id"], "error": { "code": -32020, "message": "header" } });
            self.status(fetch, 400, &error);
            return false;
        }
        true
    }

    fn fetched_sse(&mut self, fetch: FetchId, method: &Method, target: Option<&str>, body: &Bytes) {
        if *method == Method::GET {
            self.next += 1;
            let key = format!("sse-{}", self.next);
            self.begin(fetch, None);
            let event = Event { name: Some("endpoint".to_owned()), ..Event::default() };
            let message = Message::parse(format!("/messages?session={key}").into());
            self.out.push(Heard::Event { fetch, event, message });
            self.talks.insert(key.clone(), Talk::default());
            self.gets.insert(key, fetch);
            return;
        }
        let key = target
            .and_then(|target| target.strip_prefix("/messages?session="))
            .unwrap_or_default()
            .to_owned();
        let Some(mut talk) = self.talks.remove(&key) else { return self.status(fetch, 404, &json!({})) };
        self.skill.last_raw = String::from_utf8_lossy(body).into_owned();
        let message = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let says = self.skill.hear(&mut talk, &message);
        self.talks.insert(key.clone(), talk);
        self.out.push(answered(fetch, 202, None));
        self.out.push(Heard::Body { fetch, body: Bytes::from_static(b"Accepted") });
        for say in says {
            match say {
                Say::Answer(id, result) => self.general(&key, &answer(&id, result)),
                Say::About(_, message) | Say::General(message) => self.general(&key, &message),
                Say::Die => self.cut(&key),
            }
        }
    }

    fn cut(&mut self, key: &str) {
        self.talks.remove(key);
        let open: Vec<FetchId> =
            self.fetches.iter().filter(|(_, open)| open.talk == key).map(|(fetch, _)| *fetch).collect();
        for fetch in open.into_iter().chain(self.gets.remove(key)) {
            self.fetches.remove(&fetch);
            self.out.push(Heard::Ended { fetch, how: Ending::Cut, sent: true });
        }
    }

    fn say(&mut self, key: &str, says: Vec<Say>) {
        for say in says {
            match say {
                Say::Answer(id, result) => {
                    let Some(fetch) = self.fetch_of(key, &id) else { continue };
                    let message = answer(&id, result);
                    if self.fetches.remove(&fetch).is_some_and(|open| open.began) {
                        self.event(fetch, &message);
                        self.out.push(Heard::Ended { fetch, how: Ending::Clean, sent: true });
                        continue;
                    }
                    let code = at(&message, &["error", "code"]).as_i64().filter(|_| self.is_modern());
                    let status = match code {
                        Some(-32601) => 404,
                        Some(-32022..=-32020) => 400,
                        _ => 200,
                    };
                    let session = (!self.is_modern() && !self.is_sessionless).then_some(key);
                    self.out.push(answered(fetch, status, session));
                    self.out.push(Heard::Body { fetch, body: message.to_string().into() });
                }
                Say::About(id, message) => {
                    let Some(fetch) = self.fetch_of(key, &id) else { continue };
                    if let Some(open) = self.fetches.get_mut(&fetch)
                        && !std::mem::replace(&mut open.began, true)
                    {
                        self.begin(fetch, None);
                    }
                    self.event(fetch, &message);
                }
                Say::General(message) => self.general(key, &message),
                Say::Die => self.cut(key),
            }
        }
    }

    fn general(&mut self, key: &str, message: &Value) {
        match self.gets.get(key) {
            Some(fetch) => self.event(*fetch, message),
            None => self.kept.entry(key.to_owned()).or_default().push_back(message.clone()),
        }
    }

    fn fetch_of(&self, key: &str, id: &Value) -> Option<FetchId> {
        let mut open = self.fetches.iter();
        open.find(|(_, open)| open.talk == key && open.id == *id).map(|(fetch, _)| *fetch)
    }

    fn aborted(&mut self, fetch: FetchId) {
        let session = self.gets.iter().find(|(_, get)| **get == fetch).map(|(session, _)| session.clone());
        if let Some(session) = session {
            self.gets.remove(&session);
            if self.over == Over::Sse {
                // The stream is the session.
                self.talks.remove(&session);
            }
        }
        let Some(open) = self.fetches.remove(&fetch) else { return };
        // Spec 2026-07-28: a closed stream cancels; before, it does not.
        if self.is_modern()
            && let Some(mut talk) = self.talks.remove(&open.talk)
        {
            self.skill.gave_up(&mut talk, &open.id.to_string());
            self.talks.insert(open.talk, talk);
        }
    }

    fn begin(&mut self, fetch: FetchId, session: Option<&str>) {
        let mut head = answered(fetch, 200, session);
        if let Heard::Answered { head, .. } = &mut head {
            let mut headers = head.headers.clone();
            headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            *head = Arc::new(ResponseHead { headers, ..ResponseHead::clone(head) });
        }
        self.out.push(head);
    }

    fn event(&mut self, fetch: FetchId, message: &Value) {
        let message = Message::parse(message.to_string().into());
        self.out.push(Heard::Event { fetch, event: Event::default(), message });
    }

    fn status(&mut self, fetch: FetchId, status: u16, body: &Value) {
        self.out.push(answered(fetch, status, None));
        self.out.push(Heard::Body { fetch, body: body.to_string().into() });
    }
}

fn child_key(child: ChildId) -> String {
    format!("child-{}", child.0)
}

fn answer(id: &Value, mut result: Value) -> Value {
    match result.get_mut("\u{0}error").map(Value::take) {
        Some(error) => json!({ "jsonrpc": "2.0", "id": id, "error": error }),
        None => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
    }
}

fn answered(fetch: FetchId, status: u16, session: Option<&str>) -> Heard {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(session) = session.and_then(|session| HeaderValue::from_str(session).ok()) {
        headers.insert(HeaderName::from_static("mcp-session-id"), session);
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    Heard::Answered { fetch, head: Arc::new(ResponseHead { status, version: Version::HTTP_11, headers }) }
}
