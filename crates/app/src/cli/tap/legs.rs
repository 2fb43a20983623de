//! The two legs of a bridge as observers see them: what its edges heard and did becomes what passed.
//!
//! Messages and events are framed again as they were or will be on the wire; what framing does not keep
//! (the pieces in which they came, comments) is not told.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Uri, Version};
use tapgate_engine::chaos::Injected;
use tapgate_transport::{Clock, Seen, Witness};
use tapgate_wire::edge::{Act, ChildId, Heard};
use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::stream::{Ending, Event, Spread};
use tapgate_wire::{Chunk, Leg, Nanos, StreamId};

/// The tap's own pipes.
const PIPES: StreamId = StreamId(0);

/// So much is put together into what one read might have brought; more is told in pieces, not copied.
const COPY: usize = 64 * 1024;

/// Stands for what `--header` gave.
const GIVEN: HeaderValue = HeaderValue::from_static("[given by --header]");

/// Tells two observers what passes on the two legs.
#[derive(Debug)]
pub struct Legs {
    client: Wire,
    server: Wire,
    /// The path and query of the server's own URL.
    target: Uri,
    /// What is sent with every request and belongs in no journal.
    given: HeaderMap,
    /// The client spoke on the tap's own pipes, which did not end.
    has_lines: bool,
    /// The processes that run.
    children: HashSet<ChildId>,
    /// The requests that ended a session.
    farewells: Vec<StreamId>,
}

/// One leg: its observer, and the streams on it whose answer is not over.
#[derive(Debug)]
struct Wire {
    witness: Witness,
    open: HashSet<StreamId, BuildHasherDefault<Spread>>,
    /// The heads told last: peers repeat theirs, and what is told again needs no memory of its own.
    asked: Option<Arc<RequestHead>>,
    answered: Option<Arc<ResponseHead>>,
    /// The directions of which something was told since what passed was told last.
    passing: RefCell<Vec<(StreamId, Leg)>>,
}

impl Legs {
    /// Two legs before anything passed; requests go to `target` with the headers `given`.
    pub fn new(client: Witness, server: Witness, target: Uri, given: HeaderMap) -> Self {
        let wire = |witness| Wire {
            witness,
            open: HashSet::default(),
            asked: None,
            answered: None,
            passing: RefCell::default(),
        };
        Self {
            client: wire(client),
            server: wire(server),
            target,
            given,
            has_lines: false,
            children: HashSet::new(),
            farewells: Vec::new(),
        }
    }

    /// The processes that run.
    pub fn children(&self) -> Vec<ChildId> {
        self.children.iter().copied().collect()
    }

    /// Whether a process runs, or the server was told that a session ends and did not answer yet.
    pub fn are_parting(&self) -> bool {
        !self.children.is_empty() || self.farewells.iter().any(|stream| self.server.open.contains(stream))
    }

    /// Tells what the edges heard.
    pub fn heard(&mut self, at: Nanos, heard: &Heard) {
        let Self { client, server, .. } = self;
        match heard {
            Heard::Line { message } => {
                self.has_lines = true;
                client.line(at, PIPES, Leg::Client, message.raw());
            }
            // A signal ends the lines also where there are none.
            Heard::LineEnd if self.has_lines => {
                self.has_lines = false;
                client.closed(at, PIPES, Leg::Client, Ending::Clean);
            }
            Heard::Asked { stream, head, body } => client.asked(at, *stream, head.clone(), body),
            Heard::Left { stream } => client.over(at, *stream, Ending::Abandoned),
            Heard::Started { child, pid } => {
                self.children.insert(*child);
                server.witness.see(Seen::Started { stream: StreamId(child.0), at, pid: *pid });
            }
            Heard::ChildLine { child, message } => {
                server.line(at, StreamId(child.0), Leg::Server, message.raw());
            }
            Heard::Exited { child, how, last_words } => {
                self.children.remove(child);
                server.exited(at, StreamId(child.0), how, last_words);
            }
            Heard::Answered { fetch, head } => server.answered(at, StreamId(fetch.0), plain(head)),
            Heard::Event { fetch, event, message } => {
                server.event(at, StreamId(fetch.0), event, message.raw());
            }
            Heard::Body { fetch, body } => {
                server.bytes(at, StreamId(fetch.0), Leg::Server, &[body]);
                server.over(at, StreamId(fetch.0), Ending::Clean);
            }
            Heard::Ended { fetch, how, .. } => server.over(at, StreamId(fetch.0), how.clone()),
            Heard::LineEnd | Heard::Tick => {}
        }
    }

    /// Tells what was done on purpose to the client's leg.
    pub fn injected(&mut self, at: Nanos, what: Injected) {
        let stream = what.stream.unwrap_or(PIPES);
        self.client.witness.see(Seen::Note { stream, at, id: what.id, text: what.text });
    }

    /// Tells what the edges are to do.
    pub fn act(&mut self, at: Nanos, act: &Act) {
        let Self { client, server, .. } = self;
        match act {
            Act::Line(bytes) => client.line(at, PIPES, Leg::Server, bytes),
            Act::Respond { stream, status, headers, body } => {
                client.responded(at, *stream, *status, headers);
                client.bytes(at, *stream, Leg::Server, &[body]);
                client.over(at, *stream, Ending::Clean);
            }
            Act::Begin { stream, headers } => client.responded(at, *stream, 200, headers),
            Act::Emit { stream, bytes } => client.bytes(at, *stream, Leg::Server, &[bytes]),
            Act::Finish { stream } => client.over(at, *stream, Ending::Clean),
            Act::Write { child, bytes } => server.line(at, StreamId(child.0), Leg::Client, bytes),
            Act::End { child } => server.closed(at, StreamId(child.0), Leg::Client, Ending::Clean),
            Act::Fetch { fetch, method, target, headers, body } => {
                if method == Method::DELETE {
                    self.farewells.retain(|stream| self.server.open.contains(stream));
                    self.farewells.push(StreamId(fetch.0));
                }
                let head = self.request(method, target.as_deref(), headers);
                self.server.asked(at, StreamId(fetch.0), head, body);
            }
            Act::Abort { fetch } => server.over(at, StreamId(fetch.0), Ending::Abandoned),
            Act::Spawn { .. } | Act::Note(_) | Act::Exit(_) => {}
        }
    }

    /// Tells that what was told until now is with its receiver: what an edge heard has been decided about, and what the
    /// engine decided is with the edge that writes it.
    pub fn passed(&mut self, clock: Clock) {
        for wire in [&mut self.client, &mut self.server] {
            for (stream, from) in wire.passing.get_mut().drain(..) {
                wire.witness.see(Seen::Passed { stream, from, at: clock.now() });
            }
        }
    }

    fn request(&mut self, method: &Method, target: Option<&str>, headers: &HeaderMap) -> Arc<RequestHead> {
        let (given, stand_in) = (&self.given, GIVEN);
        let told = |(name, value)| (name, if given.contains_key(name) { &stand_in } else { value });
        // A target of its own is rare.
        let last = self.server.asked.as_ref().filter(|last| {
            target.is_none()
                && last.uri == self.target
                && last.method == method
                && same(last.headers.iter(), headers.iter().map(told))
        });
        if let Some(last) = last {
            return Arc::clone(last);
        }
        let mut headers = headers.clone();
        for name in given.keys() {
            if headers.contains_key(name) {
                headers.insert(name, GIVEN);
            }
        }
        let uri = target.map_or_else(|| self.target.clone(), |target| target.parse().unwrap_or_default());
        let head = RequestHead { method: method.clone(), uri, version: Version::HTTP_11, headers };
        Arc::clone(self.server.asked.insert(Arc::new(head)))
    }
}

impl Wire {
    fn asked(&mut self, at: Nanos, stream: StreamId, head: Arc<RequestHead>, body: &Bytes) {
        self.open.insert(stream);
        self.witness.see(Seen::Asked { stream, at, head });
        self.bytes(at, stream, Leg::Client, &[body]);
        self.closed(at, stream, Leg::Client, Ending::Clean);
    }

    fn answered(&mut self, at: Nanos, stream: StreamId, head: Arc<ResponseHead>) {
        if self.open.contains(&stream) {
            self.witness.see(Seen::Answered { stream, at, head });
        }
    }

    /// An answer of our own.
    fn responded(&mut self, at: Nanos, stream: StreamId, status: u16, headers: &HeaderMap) {
        let status = StatusCode::from_u16(status).unwrap_or_default();
        let last = self.answered.as_ref();
        let last = last.filter(|last| last.status == status && same(last.headers.iter(), headers.iter()));
        let head = last.cloned().unwrap_or_else(|| {
            let head = ResponseHead { status, version: Version::HTTP_11, headers: headers.clone() };
            Arc::clone(self.answered.insert(Arc::new(head)))
        });
        self.answered(at, stream, head);
    }

    /// The answer on a stream is over; what comes for it later is not told, because nobody can place it.
    fn over(&mut self, at: Nanos, stream: StreamId, how: Ending) {
        if self.open.remove(&stream) {
            self.closed(at, stream, Leg::Server, how);
        }
    }

    fn closed(&self, at: Nanos, stream: StreamId, from: Leg, how: Ending) {
        if how == Ending::Clean {
            self.passes(stream, from);
        }
        self.witness.see(Seen::Closed { stream, from, at, how });
    }

    fn passes(&self, stream: StreamId, from: Leg) {
        let mut passing = self.passing.borrow_mut();
        if passing.last() != Some(&(stream, from)) {
            passing.push((stream, from));
        }
    }

    /// Bytes of a body.
    fn bytes(&self, at: Nanos, stream: StreamId, from: Leg, parts: &[&Bytes]) {
        if self.open.contains(&stream) {
            self.tell(at, stream, from, parts);
        }
    }

    /// A message on a line. A line end inside of it is a blank on the wire.
    fn line(&self, at: Nanos, stream: StreamId, from: Leg, bytes: &Bytes) {
        let end = Bytes::from_static(b"\n");
        if bytes.contains(&b'\n') || bytes.contains(&b'\r') {
            let blank = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
            let flat = bytes.iter().map(blank).collect();
            return self.tell(at, stream, from, &[&flat, &end]);
        }
        self.tell(at, stream, from, &[bytes, &end]);
    }

    fn event(&self, at: Nanos, stream: StreamId, event: &Event, data: &Bytes) {
        let retry = event.retry.map(|retry| retry.to_string());
        let fields = [("event", &event.name), ("id", &event.id), ("retry", &retry)];
        let fields = fields.iter().filter_map(|(name, value)| Some(format!("{name}: {}\n", value.as_ref()?)));
        let mut head = fields.collect::<String>();
        if data.is_empty() {
            head.push('\n');
            return self.bytes(at, stream, Leg::Server, &[&head.into()]);
        }
        head.push_str("data: ");
        let end = Bytes::from_static(b"\n\n");
        if data.contains(&b'\n') {
            let folded = data.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\ndata: "[..]);
            return self.bytes(at, stream, Leg::Server, &[&head.into(), &folded.into(), &end]);
        }
        self.bytes(at, stream, Leg::Server, &[&head.into(), data, &end]);
    }

    fn exited(&self, at: Nanos, stream: StreamId, how: &str, last_words: &str) {
        if !last_words.is_empty() {
            let chunk = Chunk { at, bytes: Bytes::copy_from_slice(last_words.as_bytes()) };
            self.witness.see(Seen::Stderr { stream, chunk });
        }
        let Some(status) = status(how) else {
            self.closed(at, stream, Leg::Server, Ending::Failed(how.to_owned()));
            return self.closed(at, stream, Leg::Client, Ending::Clean);
        };
        self.closed(at, stream, Leg::Server, Ending::Clean);
        self.witness.see(Seen::Exited { stream, at, status });
    }

    fn tell(&self, at: Nanos, stream: StreamId, from: Leg, parts: &[&Bytes]) {
        self.passes(stream, from);
        let see = |bytes| self.witness.see(Seen::Bytes { stream, from, chunk: Chunk { at, bytes } });
        let n_bytes = parts.iter().map(|part| part.len()).sum();
        match parts {
            [one] if one.is_empty() => {}
            [one] => see((*one).clone()),
            parts if n_bytes > COPY => {
                for part in parts {
                    see((*part).clone());
                }
            }
            parts => {
                let mut whole = Vec::with_capacity(n_bytes);
                for part in parts {
                    whole.extend_from_slice(part);
                }
                see(whole.into());
            }
        }
    }
}

/// The exit status that words such as `exit status 1` or `signal 9` name, as shells count.
fn status(how: &str) -> Option<i32> {
    if let Some(status) = how.strip_prefix("exit status ") {
        return status.parse().ok();
    }
    how.strip_prefix("signal ")?.parse::<u8>().ok().map(|signal| 128 + i32::from(signal))
}

/// Whether two heads have the same fields in the same order; `HeaderMap` itself compares without the order.
fn same<'a>(
    one: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>,
    other: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>,
) -> bool {
    one.eq(other)
}

/// The head of a body that the edge has decoded.
fn plain(head: &Arc<ResponseHead>) -> Arc<ResponseHead> {
    if !head.headers.contains_key(CONTENT_ENCODING) {
        return Arc::clone(head);
    }
    let mut head = ResponseHead::clone(head);
    head.headers.remove(CONTENT_ENCODING);
    Arc::new(head)
}

#[cfg(test)]
mod tests;
