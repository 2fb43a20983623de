//! Records what happened: masks facts, so that the journal can keep them.
//!
//! Invariant: every byte of a peer passes a function of [`Masker`]; there is no other way to make a record.

mod lines;

use std::collections::HashMap;

use bytes::Bytes;
use http::Version;
use tapgate_wire::mask::{Masked, Masker, Outcome, Stored};
use tapgate_wire::record::{self, Body, Piece, Record, Transport, UnixNanos};
use tapgate_wire::stream::Event;
use tapgate_wire::{Leg, Nanos, revision};

use self::lines::Lines;
use crate::cut::whole_words;
use crate::fact::{self, Content, Fact, Head};

/// Bytes of a start line for which memory is kept.
const USUAL_START: usize = 1024;

/// Masks the facts of one source into records.
#[derive(Debug)]
pub struct Recorder {
    masker: Masker,
    source: record::Source,
    is_source_told: bool,
    /// The wall time at which the monotonic clock stood at zero.
    epoch: UnixNanos,
    /// Masked names of the protocol's own methods, which hold no secret whatever is learnt later.
    methods: HashMap<&'static str, Masked>,
    /// The start line written last, for its memory.
    start_line: String,
    stderr: Lines,
    /// Output that is no message, of the client and of the server.
    strays: (Lines, Lines),
}

impl Recorder {
    /// A recorder of one source; `epoch` is the wall time at [`Nanos`] zero.
    pub fn new(masker: Masker, source: record::Source, epoch: UnixNanos) -> Self {
        Self {
            masker,
            source,
            is_source_told: false,
            epoch,
            methods: HashMap::new(),
            start_line: String::new(),
            stderr: Lines::default(),
            strays: (Lines::default(), Lines::default()),
        }
    }

    /// Pushes the records of one fact; the source's own comes before everything else.
    ///
    /// Text that may go on in the next fact (a key over several lines) waits for it, 64 KiB at most.
    pub fn record(&mut self, fact: Fact, records: &mut Vec<Record>) {
        if !self.is_source_told {
            self.is_source_told = true;
            records.push(Record::Source(self.source.clone()));
        }
        match fact {
            Fact::Session(session) => records.push(Record::Session(self.session(*session))),
            Fact::Exchange(exchange) => records.push(Record::Exchange(self.exchange(*exchange))),
            Fact::Message(message) => self.message(*message, records),
            Fact::Finding(finding) => records.push(Record::Finding(self.finding(&finding))),
            Fact::Surface(surface) => records.push(Record::Surface(record::Surface {
                session: surface.session,
                kind: surface.kind,
                at: self.wall(surface.at),
                whole: surface.whole,
                items: self.masker.message(&surface.items).masked,
            })),
            Fact::Started { at, pid } => {
                self.source.server_pid = Some(pid);
                self.tell_source(at, records);
            }
            Fact::Exited { at, status } => {
                self.source.exit_status = Some(status);
                self.tell_source(at, records);
            }
            // It only explains what comes after it.
            Fact::Left { .. } => {}
            Fact::Lost { n_bytes } => {
                self.source.lost_bytes = self.source.lost_bytes.saturating_add(n_bytes);
                records.push(Record::Source(self.source.clone()));
            }
            Fact::Ended { at } => {
                self.finish_lines(records);
                self.source.ended = Some(self.wall(at));
                self.tell_source(at, records);
            }
        }
    }

    fn tell_source(&mut self, at: Nanos, records: &mut Vec<Record>) {
        self.masker.tick(self.wall(at));
        records.push(Record::Source(self.source.clone()));
    }

    fn wall(&self, at: Nanos) -> UnixNanos {
        self.epoch.saturating_add(UnixNanos::try_from(at.0).unwrap_or(UnixNanos::MAX))
    }

    fn session(&mut self, session: fact::Session) -> record::Session {
        let key = session.key.map(|key| match session.transport {
            Transport::Sse => self.masker.uri(&String::from_utf8_lossy(&key)).masked,
            _ => self.masker.header("mcp-session-id", &key).masked,
        });
        record::Session {
            n: session.n,
            opened: self.wall(session.opened),
            closed: session.closed.map(|at| self.wall(at)),
            era: session.era,
            transport: session.transport,
            revision: self.short(session.revision),
            client: self.pair(session.client),
            server: self.pair(session.server),
            key,
        }
    }

    fn exchange(&mut self, exchange: fact::Exchange) -> record::Exchange {
        record::Exchange {
            target: exchange.target.as_ref().map(|target| self.target(&exchange.method, target)),
            method: self.method(&exchange.method),
            rpc_id: self.short(exchange.rpc_id),
            error_text: exchange.error_text.map(|text| self.masker.text(&text).masked),
            revision: self.short(exchange.revision),
            task: self.short(exchange.task),
            n: exchange.n,
            session: exchange.session,
            parent: exchange.parent,
            asked_by: exchange.asked_by,
            status: exchange.status,
            error_code: exchange.error_code,
            http_status: exchange.http_status,
            era: exchange.era,
            opened: self.wall(exchange.opened),
            first_answer: exchange.first_answer.map(|at| self.wall(at)),
            closed: exchange.closed.map(|at| self.wall(at)),
            bytes_in: exchange.bytes_in,
            bytes_out: exchange.bytes_out,
            n_progress: exchange.n_progress,
            n_rounds: exchange.n_rounds,
            n_retries: exchange.n_retries,
            late: exchange.late,
            duplicate: exchange.duplicate,
            clock: exchange.clock,
            in_hand: exchange.in_hand.map(|(hand, since)| (hand, self.wall(since))),
            chain: exchange.chain,
            again: exchange.again,
            findings: exchange.findings,
            messages: exchange.messages,
        }
    }

    fn finding(&mut self, finding: &fact::Finding) -> record::Finding {
        record::Finding {
            rule: finding.rule,
            side: finding.side,
            severity: finding.severity,
            session: finding.session,
            exchange: finding.exchange,
            message: finding.message,
            at: self.wall(finding.at),
            revision: finding.revision.map(|revision| Masked::own(revision.as_str())),
            subject: self.masker.short(&finding.subject).masked,
            text: self.masker.text(&finding.text).masked,
        }
    }

    fn message(&mut self, mut message: fact::Message, records: &mut Vec<Record>) {
        let at = message.carried.chunks.first().map_or(Nanos(0), |chunk| chunk.0);
        self.masker.tick(self.wall(at));
        let content = std::mem::replace(&mut message.content, Content::Raw(Bytes::new(), Vec::new()));
        let target = message.target.take();
        let mut record = self.envelope(message, at);
        record.faults.extend(faults(record.piece, &content));
        let lines = match (record.piece, record.from) {
            (Piece::Stderr, _) => Some(&mut self.stderr),
            (Piece::Other, Leg::Client) if record.event.is_none() => Some(&mut self.strays.0),
            (Piece::Other, Leg::Server) if record.event.is_none() => Some(&mut self.strays.1),
            _ => None,
        };
        let raw = match (&content, lines) {
            (Content::Raw(bytes, _), Some(lines)) => {
                records.extend(lines.push(&mut self.masker, record, bytes).map(Record::Message));
                return;
            }
            (Content::Raw(bytes, _), None) => bytes.as_ref(),
            (Content::Message(inner), _) if inner.is_whole() => inner.raw(),
            (Content::Message(inner), _) => whole_words(inner.raw()),
        };
        let target = target.as_ref().map(|target| String::from_utf8_lossy(target));
        let Stored { body, outcome } = self.masker.store(record.piece, target.as_deref(), raw);
        record.stored = body;
        record.body = outcome.masked;
        add_hits(&mut record.hits, &outcome.hits);
        records.push(Record::Message(record));
    }

    /// A message's record without its body.
    fn envelope(&mut self, message: fact::Message, at: Nanos) -> record::Message {
        let mut hits = Vec::new();
        let mut keep = |outcome: Outcome| {
            add_hits(&mut hits, &outcome.hits);
            outcome.masked
        };
        let head = message.head.map(|head| keep(self.head(&head)));
        let event = message.carried.event.as_ref().and_then(event_text);
        let event = event.map(|text| keep(self.masker.text(text.as_bytes())));
        record::Message {
            n: message.n,
            session: message.session,
            exchange: message.exchange,
            piece: message.piece,
            stream: message.stream.map(|stream| stream.0),
            from: message.from,
            at: self.wall(at),
            chunks: message.carried.chunks.iter().map(|(then, size)| (then.since(at), *size)).collect(),
            size: message.carried.size,
            stored: Body::Masked,
            body: Masked::default(),
            head,
            event,
            faults: message.findings.into_iter().map(|code| (code, 0)).collect(),
            hits,
        }
    }

    fn head(&mut self, head: &Head) -> Outcome {
        self.start_line.clear();
        let start = &mut self.start_line;
        let headers = match head {
            Head::Request(head) => {
                start.push_str(head.method.as_str());
                start.push(' ');
                match head.uri.path_and_query() {
                    Some(path) if head.uri.authority().is_none() => start.push_str(path.as_str()),
                    _ => start.push_str(&head.uri.to_string()),
                }
                start.push(' ');
                start.push_str(version(head.version));
                &head.headers
            }
            Head::Response(head) => {
                start.push_str(version(head.version));
                start.push(' ');
                start.push_str(head.status.as_str());
                start.push(' ');
                start.push_str(head.status.canonical_reason().unwrap_or("<unknown status code>"));
                &head.headers
            }
        };
        let outcome = self.masker.head(start, headers);
        // One long target must not keep its memory.
        start.shrink_to(USUAL_START);
        outcome
    }

    fn finish_lines(&mut self, records: &mut Vec<Record>) {
        for lines in [&mut self.stderr, &mut self.strays.0, &mut self.strays.1] {
            records.extend(lines.finish(&mut self.masker).map(Record::Message));
        }
    }

    fn method(&mut self, method: &Bytes) -> Masked {
        let known = std::str::from_utf8(method).ok().and_then(revision::method);
        let Some(known) = known else {
            return self.masker.short(method).masked;
        };
        let masked = self.methods.entry(known.name).or_insert_with(|| self.masker.short(method).masked);
        masked.clone()
    }

    /// A tool's name is a short text; what stands for a place is read as one.
    fn target(&mut self, method: &Bytes, target: &Bytes) -> Masked {
        if method.starts_with(b"http/") || method.starts_with(b"resources/") {
            return self.masker.uri(&String::from_utf8_lossy(target)).masked;
        }
        self.masker.short(target).masked
    }

    fn short(&mut self, text: Option<Bytes>) -> Option<Masked> {
        text.map(|text| self.masker.short(&text).masked)
    }

    fn pair(&mut self, pair: Option<(Bytes, Bytes)>) -> Option<(Masked, Masked)> {
        pair.map(|(name, version)| (self.masker.short(&name).masked, self.masker.short(&version).masked))
    }
}

/// An HTTP version as a start line says it.
fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

fn event_text(event: &Event) -> Option<String> {
    let retry = event.retry.map(|retry| retry.to_string());
    let fields = [("event", &event.name), ("id", &event.id), ("retry", &retry)];
    let lines = fields.iter().filter_map(|(field, value)| Some(format!("{field}: {}", value.as_ref()?)));
    let text = lines.collect::<Vec<_>>().join("\n");
    (!text.is_empty()).then_some(text)
}

/// What was odd about a body; plain HTTP may carry anything.
fn faults(piece: Piece, content: &Content) -> Vec<(&'static str, u64)> {
    let faults = match content {
        _ if piece == Piece::Http => return Vec::new(),
        Content::Raw(_, faults) => faults,
        Content::Message(message) => &message.shape().faults,
    };
    faults.iter().map(|fault| (fault.kind.code(), fault.at)).collect()
}

/// Adds classes and how many of each, sorted by class.
fn add_hits(hits: &mut Vec<(&'static str, u32)>, more: &[(&'static str, u32)]) {
    for (class, n) in more {
        match hits.binary_search_by_key(class, |hit| hit.0) {
            Ok(place) => {
                if let Some(hit) = hits.get_mut(place) {
                    hit.1 = hit.1.saturating_add(*n);
                }
            }
            Err(place) => hits.insert(place, (class, *n)),
        }
    }
}
