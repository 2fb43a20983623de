//! A recording that can be judged again, and made as small as what is found in it allows.

mod shrink;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use tapgate_engine::fact::Finding;
use tapgate_engine::surface::Lock;
use tapgate_engine::{Action, Fact, Input, Limits, Source};
use tapgate_wire::fault::FaultKind;
use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::record::Transport;
use tapgate_wire::stream::{Carried, Ending, Event};
use tapgate_wire::{Leg, Message, Nanos, StreamId};

use crate::Judge;

/// Nanoseconds between two ticks of a judge.
const TICK: u64 = 1_000_000_000;

/// How long nothing may happen in a scene; a longer pause is judged as this one.
const MAX_PAUSE: u64 = 600 * TICK;

/// How long a scene is looked at after its last piece: so long nobody waits for an answer that is still to come.
const AFTERWARDS: u64 = 120 * TICK;

/// What happened, piece by piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// How the client's and the server's leg carry messages.
    pub transports: (Transport, Transport),
    /// What happened, in order.
    pub pieces: Vec<Piece>,
    /// The lock file that the server's offer is judged by, if it is judged by one.
    pub lock: Option<Arc<Lock>>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// When.
    pub at: Nanos,
    /// Which session and which exchange it was recorded in, for leaving out all of one at once; 0 when nobody knows.
    pub part: (u64, u64),
    /// On which HTTP request and response; the pipes are 0.
    pub stream: u64,
    /// The side that sent it.
    pub from: Leg,
    /// The HTTP head that came before it: the start line and one `name: value` a line.
    pub head: Option<String>,
    /// The fields of the event that carried it.
    pub event: Option<Event>,
    /// What its framer saw around it, which its bytes do not show.
    pub odd: Vec<FaultKind>,
    /// What it is.
    pub what: What,
}

/// What a piece is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A message, or bytes in the place of one.
    Frame(Bytes),
    /// A head without a body.
    Head,
    /// What was sent on a stream stopped before its end.
    Cut,
    /// The server's process started.
    Started,
    /// Standard error of the server.
    Stderr(Bytes),
    /// The server's process ended.
    Exited(i32),
}

impl Scene {
    /// Judges it from the beginning to its end, and a while beyond.
    pub fn findings(&self) -> Vec<Finding> {
        let end = self.pieces.last().map_or(0, |piece| piece.at.0);
        self.judged(Nanos(end.saturating_add(AFTERWARDS)), &|_| false)
    }

    /// Judges it until a time, or until something is found that is wanted.
    fn judged(&self, until: Nanos, is_wanted: &dyn Fn(&Finding) -> bool) -> Vec<Finding> {
        let mut run = Run {
            source: Source::new(self.transports, Limits::default()),
            judge: Judge::new(),
            now: Nanos(0),
            found: Vec::new(),
        };
        if let Some(lock) = &self.lock {
            run.judge.lock(lock);
        }
        let (mut last, mut n_looked) = (HashMap::new(), 0);
        for (at, piece) in self.pieces.iter().enumerate() {
            last.insert((piece.stream, piece.from), at);
        }
        for (at, piece) in self.pieces.iter().enumerate() {
            // What was found before was looked at then.
            if run.found.iter().skip(n_looked).any(is_wanted) {
                return run.found;
            }
            n_looked = run.found.len();
            run.wait_until(piece.at);
            run.piece(piece);
            let is_http = piece.stream != 0 && matches!(piece.what, What::Frame(_) | What::Head);
            if is_http && last.get(&(piece.stream, piece.from)) == Some(&at) {
                let stream = StreamId(piece.stream);
                run.hear(Input::Closed { stream, from: piece.from, how: Ending::Clean });
            }
        }
        run.wait_until(until);
        let mut actions = Vec::new();
        run.source.end(run.now, &mut actions);
        run.judge(actions);
        run.found
    }
}

/// A source and a judge at work.
struct Run {
    source: Source,
    judge: Judge,
    now: Nanos,
    found: Vec<Finding>,
}

impl Run {
    fn piece(&mut self, piece: &Piece) {
        let stream = StreamId(piece.stream);
        if let Some(head) = &piece.head {
            match (piece.from, request(head), response(head)) {
                (Leg::Client, Some(head), _) => self.hear(Input::Asked { stream, head: Arc::new(head) }),
                (Leg::Server, _, Some(head)) => self.hear(Input::Answered { stream, head: Arc::new(head) }),
                _ => {}
            }
        }
        match &piece.what {
            What::Head => {}
            What::Frame(body) => {
                let carried = carried(piece, body);
                let mut message = Message::parse(body.clone());
                piece.odd.iter().for_each(|kind| message.note(*kind, 0));
                let mut faults = message.shape().faults.clone();
                self.hear(if faults.iter().any(|fault| fault.kind == FaultKind::NotJson) {
                    // What a framer saw says why it is no JSON.
                    faults.retain(|fault| piece.odd.is_empty() || piece.odd.contains(&fault.kind));
                    Input::Stray { stream, from: piece.from, carried, bytes: body.clone(), faults }
                } else {
                    Input::Message { stream, from: piece.from, carried, message }
                });
            }
            What::Stderr(text) => {
                let carried = carried(piece, text);
                self.hear(Input::Stderr { stream, carried, bytes: text.clone() });
            }
            What::Cut => self.hear(Input::Closed { stream, from: piece.from, how: Ending::Cut }),
            What::Started => self.hear(Input::Started { stream, pid: 0 }),
            What::Exited(status) => self.hear(Input::Exited { stream, status: *status }),
        }
    }

    fn hear(&mut self, input: Input) {
        let mut actions = Vec::new();
        self.source.on(self.now, input, &mut actions);
        self.judge(actions);
    }

    fn wait_until(&mut self, at: Nanos) {
        let until = Nanos(at.0.min(self.now.0.saturating_add(MAX_PAUSE))).max(self.now);
        while self.now < until {
            let next = Nanos(self.now.0.saturating_add(TICK)).min(until);
            self.now = self.source.deadline().map_or(next, |due| due.clamp(self.now, next));
            let is_tick = self.now == next;
            self.hear(Input::Tick);
            if is_tick {
                let mut more = Vec::new();
                self.judge.tick(self.now, &mut more);
                self.keep(more);
            } else if self.source.deadline().is_some_and(|due| due <= self.now) {
                // It asks for what is past: go on.
                self.now = next;
            }
        }
        self.now = until;
    }

    fn judge(&mut self, actions: Vec<Action>) {
        let mut more = Vec::new();
        for Action::Record(mut fact) in actions {
            self.judge.on(&mut fact, &mut more);
        }
        self.keep(more);
    }

    fn keep(&mut self, facts: Vec<Fact>) {
        let findings = facts.into_iter().filter_map(|fact| match fact {
            Fact::Finding(finding) => Some(*finding),
            _ => None,
        });
        self.found.extend(findings);
    }
}

fn carried(piece: &Piece, body: &Bytes) -> Carried {
    let size = body.len();
    Carried { chunks: vec![(piece.at, size as u32)], size: size as u64, event: piece.event.clone() }
}

/// Reads `POST /mcp HTTP/1.1` and the headers below it.
fn request(head: &str) -> Option<RequestHead> {
    let mut words = head.lines().next()?.split(' ');
    let (method, uri) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(RequestHead { method, uri, version: Version::HTTP_11, headers: headers(head) })
}

/// Reads `HTTP/1.1 200 OK` and the headers below it.
fn response(head: &str) -> Option<ResponseHead> {
    let status: StatusCode = head.lines().next()?.split(' ').nth(1)?.parse().ok()?;
    Some(ResponseHead { status, version: Version::HTTP_11, headers: headers(head) })
}

fn headers(head: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1) {
        let Some((name, value)) = line.split_once(':') else { continue };
        if let (Ok(name), Ok(value)) =
            (name.trim().parse::<HeaderName>(), value.trim().parse::<HeaderValue>())
        {
            headers.append(name, value);
        }
    }
    headers
}
