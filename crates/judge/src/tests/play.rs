//! Plays a transcript to a source and a judge.

use std::sync::Arc;

use bytes::Bytes;
use tapgate_engine::fact::Finding;
use tapgate_engine::past::{Failed, Past};
use tapgate_engine::surface::{Item, Lock, Value};
use tapgate_engine::{Action, Fact, Input, Limits, Source};
use tapgate_testkit::{Script, Step};
use tapgate_wire::fault::FaultKind;
use tapgate_wire::record::{Offered, Transport};
use tapgate_wire::stream::{Carried, Event};
use tapgate_wire::{Leg, Message, Nanos, StreamId};

use crate::Judge;

/// Nanoseconds that pass between two steps.
const STEP: u64 = 1_000_000;

/// Nanoseconds between two ticks of the judge.
const TICK: u64 = 1_000_000_000;

/// Words that may be the first line of a transcript: what is known before it begins, and is no part of it.
pub(crate) const KNOWN: [&str; 3] = ["locked", "holds", "restarted"];

/// What is found in a transcript.
pub(crate) fn found(text: &str) -> Vec<Finding> {
    let facts = play(text).facts.into_iter();
    facts.filter_map(|fact| if let Fact::Finding(finding) = fact { Some(*finding) } else { None }).collect()
}

/// All that comes of a transcript, as it would reach the recorder.
pub(crate) fn facts(text: &str) -> Vec<Fact> {
    play(text).facts
}

/// How many sessions the judge remembers after a transcript.
pub(crate) fn held(text: &str) -> usize {
    play(text).judge.held()
}

fn play(text: &str) -> Play {
    let transports = (Transport::Stdio, Transport::Stdio);
    let source = Source::new(transports, Limits::default());
    let text = text.trim_start();
    let known = KNOWN.iter().find(|word| text.starts_with(**word)).copied().unwrap_or_default();
    let text = text.strip_prefix(known).unwrap_or(text);
    let mut play = Play { source, judge: Judge::new(), now: Nanos(0), facts: Vec::new() };
    if known == "locked" {
        play.judge.lock(&Arc::new(lock()));
    }
    if known == "restarted" {
        // What the client of transcripts whose first line is `restarted` asked in vain before.
        let request = Message::parse(
            br#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"read"}}"#.as_slice().into(),
        );
        let client = ("probe".into(), "1".into());
        play.source.recall(Past { client, failed: vec![Failed { request, root: 1, n_retries: 0 }] });
    }
    if known == "holds" {
        // What transcripts whose first line is `holds` keep from the client.
        play.judge.withhold(&Arc::new([("read".to_owned(), "is not in the lock file")].into()));
    }
    for step in Script::of(text).steps {
        play.step(step);
    }
    play.wait(TICK);
    play
}

/// The lock of transcripts whose first line is `locked`: of the tools `read` and `write`, which have no further members.
pub(super) fn lock() -> Lock {
    let tool = |name| Item::of(Offered::Tools, Value::object([("name", Value::text(name))]));
    let mut lock = Lock::default();
    lock.surface.set(Offered::Tools, vec![tool("read"), tool("write")]);
    lock
}

struct Play {
    source: Source,
    judge: Judge,
    now: Nanos,
    facts: Vec<Fact>,
}

impl Play {
    fn step(&mut self, step: Step) {
        let stream = StreamId(0);
        match step {
            Step::Legs(client, server) => {
                self.source = Source::new((transport(&client), transport(&server)), Limits::default());
            }
            Step::Asked(stream, head) => self.hear(Input::Asked { stream, head }),
            Step::Answered(stream, head) => self.hear(Input::Answered { stream, head }),
            Step::Frame(stream, from, event, text) => self.frame(stream, from, event, &text),
            Step::Odd(stream, from, kind, text) => self.odd(stream, from, kind, text),
            Step::Closed(stream, from, how) => self.hear(Input::Closed { stream, from, how }),
            Step::Stderr(text) => {
                let carried = self.carried(&text, None);
                self.hear(Input::Stderr { stream, carried, bytes: text.into() });
            }
            Step::Started(pid) => self.hear(Input::Started { stream, pid }),
            Step::Exited(status) => self.hear(Input::Exited { stream, status }),
            Step::Note(stream, text) => self.hear(Input::Note { stream, id: None, text }),
            Step::Lost(n_bytes) => self.hear(Input::Lost { n_bytes }),
            Step::Wait(nanos) => self.wait(nanos),
            Step::End => {
                let mut actions = Vec::new();
                self.source.end(self.now, &mut actions);
                self.judge(actions);
            }
        }
    }

    fn frame(&mut self, stream: StreamId, from: Leg, event: Option<Event>, text: &str) {
        let carried = self.carried(text, event);
        let message = Message::parse(Bytes::copy_from_slice(text.as_bytes()));
        let faults = &message.shape().faults;
        self.hear(if faults.iter().any(|fault| fault.kind == FaultKind::NotJson) {
            Input::Stray { stream, from, carried, bytes: message.raw().clone(), faults: faults.clone() }
        } else {
            Input::Message { stream, from, carried, message }
        });
        // What was read is passed on at once.
        let mut actions = Vec::new();
        self.source.on(self.now, Input::Passed { stream, from }, &mut actions);
        self.judge(actions);
    }

    /// A frame as a framer tells it that found something odd in it.
    fn odd(&mut self, stream: StreamId, from: Leg, kind: FaultKind, text: String) {
        let carried = self.carried(&text, None);
        let mut message = Message::parse(Bytes::from(text));
        message.note(kind, 0);
        let is_broken = message.shape().faults.iter().any(|fault| fault.kind == FaultKind::NotJson);
        self.hear(if is_broken {
            let faults = message.shape().faults.iter().filter(|fault| fault.kind == kind).copied().collect();
            Input::Stray { stream, from, carried, bytes: message.raw().clone(), faults }
        } else {
            Input::Message { stream, from, carried, message }
        });
    }

    fn carried(&self, text: &str, event: Option<Event>) -> Carried {
        let at = Nanos(self.now.0 + STEP);
        Carried { chunks: vec![(at, text.len() as u32)], size: text.len() as u64, event }
    }

    fn hear(&mut self, input: Input) {
        self.now = Nanos(self.now.0 + STEP);
        let mut actions = Vec::new();
        self.source.on(self.now, input, &mut actions);
        self.judge(actions);
    }

    fn wait(&mut self, nanos: u64) {
        let until = Nanos(self.now.0 + nanos);
        let mut tick = Nanos(self.now.0 + TICK);
        loop {
            let due = self.source.deadline().filter(|due| *due <= until);
            let next = due.map_or(tick, |due| due.min(tick));
            if next > until {
                break;
            }
            self.now = next;
            let mut actions = Vec::new();
            self.source.on(self.now, Input::Tick, &mut actions);
            self.judge(actions);
            if next == tick {
                self.judge.tick(self.now, &mut self.facts);
                tick = Nanos(tick.0 + TICK);
            }
        }
        self.now = until;
    }

    fn judge(&mut self, actions: Vec<Action>) {
        for Action::Record(mut fact) in actions {
            let mut more = Vec::new();
            self.judge.on(&mut fact, &mut more);
            self.facts.push(fact);
            self.facts.append(&mut more);
        }
    }
}

fn transport(name: &str) -> Transport {
    match name {
        "http" => Transport::Http,
        "sse" => Transport::Sse,
        _ => Transport::Stdio,
    }
}
