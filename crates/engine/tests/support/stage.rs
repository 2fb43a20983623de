//! Plays a script to a source and writes what came of it as short lines.
#![expect(dead_code, unreachable_pub, reason = "each test takes of it what it needs")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use tapgate_engine::fact::{Content, Exchange, Message, Session};
use tapgate_engine::{Action, Fact, Input, Limits, Source};
use tapgate_testkit::{Script, Step};
use tapgate_wire::fault::FaultKind;
use tapgate_wire::record::{Era, Piece, Status, Transport};
use tapgate_wire::stream::{Carried, Event};
use tapgate_wire::{Leg, Nanos, StreamId};

/// Nanoseconds that pass between two steps.
const STEP: u64 = 1_000_000;

/// A source, its clock, and the last that was told of everything.
pub struct Stage {
    pub source: Source,
    pub now: Nanos,
    pub sessions: BTreeMap<u64, Session>,
    pub exchanges: BTreeMap<u64, Exchange>,
    pub messages: Vec<Message>,
    pub facts: Vec<Fact>,
}

impl Stage {
    pub fn new(transports: (Transport, Transport), limits: Limits) -> Self {
        Self {
            source: Source::new(transports, limits),
            now: Nanos(0),
            sessions: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            messages: Vec::new(),
            facts: Vec::new(),
        }
    }

    /// Plays a whole script and lets what is left settle.
    pub fn play(script: &Script) -> Self {
        let mut stage = Self::new((Transport::Stdio, Transport::Stdio), Limits::default());
        for step in &script.steps {
            stage.step(step.clone());
        }
        stage.wait(1_000_000_000);
        stage
    }

    pub fn step(&mut self, step: Step) {
        match step {
            Step::Legs(client, server) => {
                self.source = Source::new((transport(&client), transport(&server)), Limits::default());
            }
            Step::Asked(stream, head) => self.hear(Input::Asked { stream, head }),
            Step::Answered(stream, head) => self.hear(Input::Answered { stream, head }),
            Step::Frame(stream, from, event, text) => self.frame(stream, from, event, &text),
            Step::Odd(stream, from, _, text) => self.frame(stream, from, None, &text),
            Step::Closed(stream, from, how) => self.hear(Input::Closed { stream, from, how }),
            Step::Stderr(text) => {
                let carried = self.carried(&text, None);
                self.hear(Input::Stderr { stream: StreamId(0), carried, bytes: text.into() });
            }
            Step::Started(pid) => self.hear(Input::Started { stream: StreamId(0), pid }),
            Step::Exited(status) => self.hear(Input::Exited { stream: StreamId(0), status }),
            Step::Note(stream, text) => self.hear(Input::Note { stream, id: None, text }),
            Step::Lost(n_bytes) => self.hear(Input::Lost { n_bytes }),
            Step::Wait(nanos) => self.wait(nanos),
            Step::End => {
                let mut actions = Vec::new();
                self.source.end(self.now, &mut actions);
                self.note(actions);
            }
        }
    }

    pub fn frame(&mut self, stream: StreamId, from: Leg, event: Option<Event>, text: &str) {
        let carried = self.carried(text, event);
        let message = tapgate_wire::Message::parse(Bytes::copy_from_slice(text.as_bytes()));
        let faults = &message.shape().faults;
        let input = if faults.iter().any(|fault| fault.kind == FaultKind::NotJson) {
            Input::Stray { stream, from, carried, bytes: message.raw().clone(), faults: faults.clone() }
        } else {
            Input::Message { stream, from, carried, message }
        };
        self.hear(input);
    }

    pub fn hear(&mut self, input: Input) {
        self.now = Nanos(self.now.0 + STEP);
        let mut actions = Vec::new();
        self.source.on(self.now, input, &mut actions);
        self.note(actions);
    }

    /// Drops what was told so far.
    pub fn forget(&mut self) {
        self.sessions.clear();
        self.exchanges.clear();
        self.messages.clear();
        self.facts.clear();
    }

    /// Lets time pass; the source is woken whenever it asked to be.
    pub fn wait(&mut self, nanos: u64) {
        let until = Nanos(self.now.0 + nanos);
        while let Some(due) = self.source.deadline().filter(|due| *due <= until) {
            self.now = due;
            let mut actions = Vec::new();
            self.source.on(self.now, Input::Tick, &mut actions);
            self.note(actions);
        }
        self.now = until;
    }

    fn carried(&self, text: &str, event: Option<Event>) -> Carried {
        let at = Nanos(self.now.0 + STEP);
        Carried { chunks: vec![(at, text.len() as u32)], size: text.len() as u64, event }
    }

    fn note(&mut self, actions: Vec<Action>) {
        for Action::Record(fact) in actions {
            match &fact {
                Fact::Session(session) => {
                    self.sessions.insert(session.n, Session::clone(session));
                }
                Fact::Exchange(exchange) => {
                    self.exchanges.insert(exchange.n, Exchange::clone(exchange));
                }
                Fact::Message(message) => self.messages.push(Message::clone(message)),
                _ => {}
            }
            self.facts.push(fact);
        }
    }

    /// Sessions, exchanges, and the messages that belong to no exchange.
    pub fn lines(&self) -> Vec<String> {
        let sessions = self.sessions.values().map(session_line);
        let exchanges = self.exchanges.values().map(exchange_line);
        let loose =
            self.messages.iter().filter(|message| message.exchange.is_none() || message.piece == Piece::Note);
        sessions.chain(exchanges).chain(loose.map(message_line)).collect()
    }
}

fn transport(name: &str) -> Transport {
    match name {
        "http" => Transport::Http,
        "sse" => Transport::Sse,
        _ => Transport::Stdio,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn side(leg: Leg) -> &'static str {
    match leg {
        Leg::Client => "client",
        Leg::Server => "server",
    }
}

fn era(era: Option<Era>) -> &'static str {
    match era {
        None => "no-era",
        Some(Era::Legacy) => "legacy",
        Some(Era::Modern) => "modern",
    }
}

fn session_line(session: &Session) -> String {
    let transport = match session.transport {
        Transport::Stdio => "stdio",
        Transport::Http => "http",
        Transport::Sse => "sse",
    };
    let mut line = format!("session {}: {} {transport}", session.n, era(session.era));
    if let Some(revision) = &session.revision {
        let _ = write!(line, " {}", text(revision));
    }
    for (who, peer) in [("client", &session.client), ("server", &session.server)] {
        if let Some((name, version)) = peer {
            let _ = write!(line, " {who}={}/{}", text(name), text(version));
        }
    }
    if let Some(key) = &session.key {
        let _ = write!(line, " key={}", text(key));
    }
    if session.closed.is_some() {
        line.push_str(" ended");
    }
    line
}

fn exchange_line(exchange: &Exchange) -> String {
    let Exchange { n, session, asked_by, .. } = exchange;
    let mut line = format!("exchange {n} in {session}: {} {}", side(*asked_by), text(&exchange.method));
    if let Some(target) = &exchange.target {
        let _ = write!(line, " {}", text(target));
    }
    if let Some(id) = &exchange.rpc_id {
        let _ = write!(line, " id={:.40}", text(id));
    }
    let status = match exchange.status {
        Status::Pending => "pending",
        Status::Ok => "ok",
        Status::ToolError => "tool-error",
        Status::Error => "error",
        Status::Cancelled => "cancelled",
        Status::Unanswered => "unanswered",
        Status::Unknown => "unknown",
    };
    let _ = write!(line, " {status}");
    assert_eq!(exchange.closed.is_none(), exchange.status == Status::Pending, "{line}");
    if let Some(status) = exchange.http_status {
        let _ = write!(line, " http={status}");
    }
    if let Some(code) = exchange.error_code {
        let _ = write!(line, " code={code}");
    }
    if let Some(parent) = exchange.parent {
        let _ = write!(line, " parent={parent}");
    }
    for (name, count) in [
        ("progress", exchange.n_progress),
        ("rounds", exchange.n_rounds),
        ("retries", exchange.n_retries),
        ("late", exchange.late.into()),
        ("duplicate", exchange.duplicate.into()),
    ] {
        if count > 0 {
            let _ = write!(line, " {name}={count}");
        }
    }
    if let Some(task) = &exchange.task {
        let _ = write!(line, " task={}", text(task));
    }
    let messages: Vec<String> = exchange.messages.iter().map(u64::to_string).collect();
    let _ = write!(line, " messages={}", messages.join(","));
    if !exchange.findings.is_empty() {
        let _ = write!(line, " findings={}", exchange.findings.join(","));
    }
    line
}

fn message_line(message: &Message) -> String {
    let mut line =
        format!("message {} in {}: {} {:?}", message.n, message.session, side(message.from), message.piece);
    if let Some(exchange) = message.exchange {
        let _ = write!(line, " of {exchange}");
    }
    if let (Piece::Note, Content::Raw(note, _)) = (message.piece, &message.content) {
        let _ = write!(line, " {}", text(note));
    }
    if !message.findings.is_empty() {
        let _ = write!(line, " findings={}", message.findings.join(","));
    }
    line
}
