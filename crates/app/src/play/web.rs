//! A player's messages over HTTP, as the revision says that a client sends them.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde_json::{Value as Json, json};
use tapgate_transport::Clock;
use tapgate_transport::http::Caller;
use tapgate_wire::Message;
use tapgate_wire::edge::{Act, FetchId, Heard};
use tapgate_wire::header::{LAST_EVENT_ID, METHOD, PROTOCOL_VERSION, SESSION_ID};
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::Member;
use tapgate_wire::stream::{Ending, Event};

use super::{Came, left};

/// How often a stream that ended before its answer is resumed, and how long a server may ask to wait before.
const MAX_RESUMED: u32 = 3;
const MAX_PAUSE: Duration = Duration::from_secs(3);

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

/// A client of one server, in one revision.
#[derive(Debug)]
pub(super) struct Web {
    caller: Caller,
    heard: Receiver<Heard>,
    /// What `--header` gave.
    given: HeaderMap,
    /// Scheme, host and port of the server, which it may name in an endpoint.
    origin: String,
    revision: Revision,
    /// Since the handshake: what the session is called, and what was agreed on.
    session: Option<HeaderValue>,
    agreed: Option<Revision>,
    /// Where messages go over HTTP with SSE (2024-11-05).
    endpoint: Option<String>,
    last: u64,
    open: HashMap<FetchId, Open>,
    said: VecDeque<Bytes>,
    is_over: bool,
}

/// A request to the server, and what is known of its answer.
#[derive(Debug)]
struct Open {
    what: What,
    status: StatusCode,
    challenge: Option<String>,
    /// The last event of it, how long the server asks to wait, and how often it was resumed.
    event: Option<String>,
    retry: Duration,
    n_resumed: u32,
}

/// What a request to the server is.
#[derive(Debug)]
enum What {
    /// A message; the id of the request that it is, until that is answered.
    Post(Option<Json>),
    /// The handshake.
    Greeting(String),
    /// A stream that is to name an endpoint, after this handshake was refused in these words.
    Endpoint(String, Bytes),
    /// A stream of what the server says by itself.
    Listening,
    /// Something of which the status is wanted.
    Probe,
}

impl Web {
    pub(super) fn new(
        (caller, heard): (Caller, Receiver<Heard>),
        given: HeaderMap,
        origin: String,
        revision: Revision,
    ) -> Self {
        Self {
            caller,
            heard,
            given,
            origin,
            revision,
            session: None,
            agreed: None,
            endpoint: None,
            last: 0,
            open: HashMap::new(),
            said: VecDeque::new(),
            is_over: false,
        }
    }

    pub(super) fn send(&mut self, message: &Json) {
        let text = message.to_string();
        let method = message.get("method").and_then(Json::as_str);
        let id = message.get("id").filter(|_| method.is_some() && self.endpoint.is_none()).cloned();
        let what = match method {
            Some("initialize") if self.endpoint.is_none() => What::Greeting(text.clone()),
            _ => What::Post(id),
        };
        self.post(&text, what);
        if method == Some("notifications/initialized") && self.endpoint.is_none() {
            self.fetch(Method::GET, self.headers(STREAM), None, What::Listening);
        }
    }

    /// Notes what a handshake agreed on.
    pub(super) fn agree(&mut self, revision: &str) {
        self.agreed = Revision::parse(revision);
    }

    /// The id of the session, if the server gave one.
    pub(super) fn session(&self) -> Option<&HeaderValue> {
        self.session.as_ref()
    }

    /// Whether messages go over Streamable HTTP.
    pub(super) fn is_streamable(&self) -> bool {
        self.endpoint.is_none()
    }

    pub(super) fn next(&mut self, wait: Duration) -> Came {
        let clock = Clock::start();
        loop {
            if let Some(said) = self.said.pop_front() {
                return Came::Said(said);
            }
            if self.is_over {
                return Came::Over;
            }
            match self.heard.recv_timeout(left(&clock, wait)) {
                Ok(heard) => self.hear(heard),
                Err(RecvTimeoutError::Timeout) => return Came::Nothing,
                Err(RecvTimeoutError::Disconnected) => self.is_over = true,
            }
        }
    }

    /// Sends a request with other headers than usual and waits for the beginning of its answer: its status, if one came.
    pub(super) fn probe(
        &mut self,
        method: Method,
        message: Option<&Json>,
        change: impl FnOnce(&mut HeaderMap),
        wait: Duration,
    ) -> Option<StatusCode> {
        let text = message.map(Json::to_string);
        let mut headers = self.post_headers(text.as_deref().unwrap_or_default());
        change(&mut headers);
        let fetch = self.fetch(method, headers, text, What::Probe);
        let clock = Clock::start();
        let mut status = None;
        loop {
            let heard = self.heard.recv_timeout(left(&clock, wait)).ok();
            match &heard {
                Some(Heard::Answered { fetch: other, head }) if *other == fetch => status = Some(head.status),
                Some(Heard::Event { fetch: other, .. }) if *other == fetch => break,
                Some(Heard::Body { fetch: other, .. } | Heard::Ended { fetch: other, .. })
                    if *other == fetch =>
                {
                    break;
                }
                None => break,
                _ => {}
            }
            self.hear(heard?);
        }
        self.open.remove(&fetch);
        self.caller.perform(Act::Abort { fetch });
        status
    }

    fn post(&mut self, text: &str, what: What) {
        self.fetch(Method::POST, self.post_headers(text), Some(text.to_owned()), what);
    }

    fn post_headers(&self, text: &str) -> HeaderMap {
        let mut headers = self.headers(BOTH);
        headers.insert(CONTENT_TYPE, JSON);
        let message = Message::parse(Bytes::copy_from_slice(text.as_bytes()));
        let method = message.shape().method();
        // A visit asks for nothing that has a name, which would be mirrored too.
        if self.revision.era() == Era::Modern
            && let Some(method) = method.and_then(|method| HeaderValue::from_str(&method).ok())
        {
            headers.insert(METHOD, method);
        }
        headers
    }

    fn headers(&self, accept: HeaderValue) -> HeaderMap {
        let mut headers = self.given.clone();
        headers.insert(ACCEPT, accept);
        let is_modern = self.revision.era() == Era::Modern;
        let agreed = self.agreed.filter(|_| self.is_streamable());
        let version = if is_modern { Some(self.revision) } else { agreed };
        // Spec 2025-06-18, basic/transports, Protocol Version Header: what was agreed on, from this revision on.
        if let Some(version) = version.filter(|version| *version >= Revision::V2025_06_18) {
            headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(version.as_str()));
        }
        if let Some(session) = &self.session {
            headers.insert(SESSION_ID, session.clone());
        }
        headers
    }

    fn fetch(&mut self, method: Method, headers: HeaderMap, body: Option<String>, what: What) -> FetchId {
        self.last += 1;
        let fetch = FetchId(self.last);
        let target = self.endpoint.clone().filter(|_| method == Method::POST);
        let open = Open {
            what,
            status: StatusCode::OK,
            challenge: None,
            event: None,
            retry: Duration::ZERO,
            n_resumed: 0,
        };
        self.open.insert(fetch, open);
        let body = body.map(Bytes::from).unwrap_or_default();
        self.caller.perform(Act::Fetch { fetch, method, target, headers, body });
        fetch
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Answered { fetch, head } => {
                let Some(open) = self.open.get_mut(&fetch) else { return };
                open.status = head.status;
                let told = head.headers.get(WWW_AUTHENTICATE);
                open.challenge = told.map(|told| String::from_utf8_lossy(told.as_bytes()).into_owned());
                if matches!(open.what, What::Greeting(_)) && head.status.is_success() {
                    self.session = head.headers.get(SESSION_ID).cloned();
                }
            }
            Heard::Event { fetch, event, message } => self.event(fetch, event, &message),
            Heard::Body { fetch, body } => {
                if let Some(open) = self.open.remove(&fetch) {
                    self.ended(open, body, "");
                }
            }
            Heard::Ended { fetch, how, .. } => {
                let Some(open) = self.open.remove(&fetch) else { return };
                let how = match how {
                    Ending::Failed(why) => format!("its answer failed: {why}"),
                    _ => "its answer ended before it came".to_owned(),
                };
                if !self.resume(&open) {
                    self.ended(open, Bytes::new(), &how);
                }
            }
            _ => {}
        }
    }

    fn event(&mut self, fetch: FetchId, event: Event, message: &Message) {
        let Some(open) = self.open.get_mut(&fetch) else { return };
        open.event = event.id.filter(|id| !id.is_empty()).or(open.event.take());
        open.retry = event.retry.map_or(open.retry, Duration::from_millis);
        if event.name.as_deref() == Some("endpoint") {
            let What::Endpoint(greeting, _) = &open.what else { return };
            let greeting = greeting.clone();
            open.what = What::Listening;
            self.endpoint = Some(self.within(&String::from_utf8_lossy(message.raw())));
            self.post(&greeting, What::Post(None));
        } else if !message.raw().is_empty() {
            if open.what.id().is_some_and(|id| answers(message, &id)) {
                open.what = What::Post(None);
            }
            self.said.push_back(message.raw().clone());
        }
    }

    /// A server's endpoint, as the path and query of it that the tap serves.
    fn within(&self, endpoint: &str) -> String {
        let endpoint = endpoint.strip_prefix(self.origin.as_str()).unwrap_or(endpoint);
        let path = endpoint.parse::<Uri>().ok().filter(|uri| uri.authority().is_none());
        path.map_or_else(
            || endpoint.to_owned(),
            |uri| format!("/{}", uri.to_string().trim_start_matches('/')),
        )
    }

    /// Goes on with a stream that ended before its answer, where the server numbers events.
    ///
    /// Spec 2025-11-25, basic/transports, Sending Messages to the Server: it may close the connection at any time then.
    fn resume(&mut self, open: &Open) -> bool {
        let (Some(id), Some(event)) = (open.what.id(), &open.event) else { return false };
        let Ok(event) = HeaderValue::from_str(event) else { return false };
        if open.n_resumed >= MAX_RESUMED || self.revision.era() == Era::Modern {
            return false;
        }
        std::thread::sleep(open.retry.min(MAX_PAUSE));
        let mut headers = self.headers(STREAM);
        headers.insert(LAST_EVENT_ID, event);
        let fetch = self.fetch(Method::GET, headers, None, What::Post(Some(id)));
        if let Some(again) = self.open.get_mut(&fetch) {
            again.n_resumed = open.n_resumed + 1;
        }
        true
    }

    /// Nothing follows; says to who waits what came instead of an answer.
    fn ended(&mut self, open: Open, body: Bytes, how: &str) {
        let message = Message::parse(body);
        let id = open.what.id();
        if let What::Endpoint(_, refusal) = open.what {
            self.said.push_back(refusal);
            return;
        }
        self.is_over |= matches!(open.what, What::Listening) && self.endpoint.is_some();
        let Some(id) = id else { return };
        let said = if answers(&message, &id) {
            message.raw().clone()
        } else {
            refusal(&id, open.status, open.challenge.as_deref(), &message, how)
        };
        // Spec 2025-11-25, basic/transports, Backwards Compatibility: the server may speak HTTP with SSE.
        let is_older = matches!(open.status.as_u16(), 400 | 404 | 405)
            && !matches!(message.shape().int(Member::ErrorCode), Some(-32_022..=-32_020));
        match open.what {
            What::Greeting(greeting) if is_older => {
                self.fetch(Method::GET, self.headers(STREAM), None, What::Endpoint(greeting, said));
            }
            _ => self.said.push_back(said),
        }
    }
}

impl What {
    /// The id of the request that waits for its answer.
    fn id(&self) -> Option<Json> {
        match self {
            Self::Post(id) => id.clone(),
            Self::Greeting(text) => serde_json::from_str::<Json>(text).ok()?.get("id").cloned(),
            Self::Endpoint(..) | Self::Listening | Self::Probe => None,
        }
    }
}

/// Whether a message is the answer to the request with this id.
fn answers(message: &Message, id: &Json) -> bool {
    let shape = message.shape();
    shape.method().is_none() && shape.id.as_ref().is_some_and(|said| *said.0 == *id.to_string().as_bytes())
}

/// What stands for an answer that did not come.
fn refusal(id: &Json, status: StatusCode, challenge: Option<&str>, message: &Message, how: &str) -> Bytes {
    let mut text = if status.is_success() { String::new() } else { format!("HTTP {status}") };
    let said = message.shape().text(Member::ErrorMessage);
    let ask = "give it what it asks for with --header";
    let challenge = challenge.map(|challenge| format!("WWW-Authenticate: {challenge}"));
    let challenge = challenge.as_deref().filter(|_| status == StatusCode::UNAUTHORIZED);
    let ask = (status == StatusCode::UNAUTHORIZED).then_some(ask);
    for part in
        [said.as_deref(), Some(how), challenge, ask].into_iter().flatten().filter(|part| !part.is_empty())
    {
        text.push_str(if text.is_empty() { "" } else { "; " });
        text.push_str(part);
    }
    if text.is_empty() {
        text.push_str("its answer is no message");
    }
    let mut error = json!({ "message": text });
    if let (Some(code), Some(members)) = (message.shape().int(Member::ErrorCode), error.as_object_mut()) {
        members.insert("code".to_owned(), json!(code));
    }
    Bytes::from(json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string())
}
