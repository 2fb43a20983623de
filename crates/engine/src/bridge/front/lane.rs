// Long because all that one stream of a client may be, and become, stands together.
//! Lanes: what is said to one HTTP client in one stream, and in the streams that resume it.
//!
//! Spec 2025-11-25, basic/transports, Resumability: an event's id names the lane that it was sent on, and only
//! what that lane said after it is said again.

mod resume;
mod ring;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tapgate_wire::edge::Act;
use tapgate_wire::stream::StreamMap;
use tapgate_wire::{Nanos, StreamId};

use self::ring::Ring;
use super::super::number::SessionNo;
use super::frame;
use super::refusal::json_headers;

/// A lane's number, never used twice; 0 is the lane of a session on which it is pushed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneNo {
    pub(super) session: Option<SessionNo>,
    n: u64,
}

impl LaneNo {
    pub(super) fn push(session: SessionNo) -> Self {
        Self { session: Some(session), n: 0 }
    }
}

/// How a lane speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// The answer to a POST of 2026-07-28: no ids, no resumption.
    Modern,
    /// The answer to a POST of a legacy session; an empty event comes first where the revision knows of that, and
    /// makes it one that can be resumed.
    Legacy {
        /// Whether it is 2025-11-25, to a client that takes events.
        primes: bool,
    },
    /// A session's GET stream.
    Push,
    /// The only stream of HTTP+SSE.
    Sse,
    /// A batch on the tap's pipes.
    Pipe,
}

impl Style {
    fn has_ids(self) -> bool {
        matches!(self, Self::Legacy { .. } | Self::Push)
    }
}

/// What a request with `Last-Event-ID` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resume {
    /// What a lane said after this event.
    After(LaneNo, u64),
    /// A stream that answered a request and is not kept any more.
    Lost,
    /// Nothing that was ever said here.
    Unknown,
}

#[derive(Debug)]
struct Lane {
    style: Style,
    stream: Option<StreamId>,
    /// Whether events were sent, so that a client may know an id of this lane.
    began: bool,
    /// Requests whose answer is to come.
    n_waiting: usize,
    /// The answers so far, of a batch.
    batch: Option<Vec<Bytes>>,
    ring: Ring,
    spoke: Nanos,
    /// When its event stream begins although nothing was said.
    begins: Option<Nanos>,
}

/// How long the first event waits for an answer, if it has to come first: most answers are there by then, and so is the
/// server's refusal, whose status and headers cannot be said later.
const PRIMES_AFTER: Duration = Duration::from_secs(2);

/// When a client whose stream broke comes back, in milliseconds.
const RETRY: u64 = 1_000;

/// The longest answer that is sent as an event; a longer one is not worth keeping for replay.
const MAX_EVENT: usize = 64 * 1024;

/// All lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    /// What tells this process's event ids from those of others.
    pub(super) tag: u64,
    /// Sorted by session, oldest first.
    map: BTreeMap<LaneNo, Lane>,
    streams: StreamMap<StreamId, LaneNo>,
    /// Those that did not begin yet, and when they do.
    silent: BTreeSet<(Nanos, LaneNo)>,
    kept: BTreeMap<SessionNo, usize>,
    n_kept: usize,
    max_kept: usize,
    last: u64,
}

impl Lanes {
    /// The bytes of a lane that keeps nothing.
    #[cfg(test)]
    pub(super) const EACH: usize = size_of::<Lane>();

    pub(super) fn new(max_kept: usize) -> Self {
        Self {
            tag: 0,
            map: BTreeMap::new(),
            streams: StreamMap::default(),
            silent: BTreeSet::new(),
            kept: BTreeMap::new(),
            n_kept: 0,
            max_kept,
            last: 0,
        }
    }

    /// Everything held: lanes, streams, kept bytes.
    pub(super) fn held(&self) -> usize {
        self.map.len() + self.streams.len() + self.silent.len() + self.n_kept
    }

    pub(super) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// A lane for `n_waiting` requests; of a batch with the answers that are known already.
    pub(super) fn open(
        &mut self,
        now: Nanos,
        style: Style,
        session: Option<SessionNo>,
        stream: Option<StreamId>,
        n_waiting: usize,
        batch: Option<Vec<Bytes>>,
    ) -> LaneNo {
        self.last += 1;
        let no = LaneNo { session, n: self.last };
        self.streams.extend(stream.map(|stream| (stream, no)));
        self.map.insert(no, Lane { stream, n_waiting, batch, ..Lane::new(now, style) });
        no
    }

    /// Lets the lane begin its event stream although its answer takes long: soon, so that its client can resume, or
    /// after `keep_alive`, so that nobody on the way takes the stream for dead.
    pub(super) fn begin_late(&mut self, now: Nanos, no: LaneNo, keep_alive: Duration) {
        let Some(lane) = self.map.get_mut(&no).filter(|lane| lane.stream.is_some()) else { return };
        let wait = if lane.primes() { keep_alive.min(PRIMES_AFTER) } else { keep_alive };
        let due = Nanos(now.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)));
        lane.begins = Some(due);
        self.silent.insert((due, no));
    }

    /// Begins the event streams whose answers took long.
    pub(super) fn begin_due(&mut self, now: Nanos, acts: &mut Vec<Act>) {
        while let Some((_, no)) = self.silent.first().copied().filter(|(due, _)| *due <= now) {
            self.silent.pop_first();
            self.begin(now, no, HeaderMap::new(), acts);
            if let Some(lane) = self.map.get(&no).filter(|lane| !lane.primes())
                && let Some(stream) = lane.stream
            {
                acts.push(Act::Emit { stream, bytes: frame::COMMENT });
            }
        }
    }

    /// When [`Lanes::begin_due`] has something to do.
    pub(super) fn deadline(&self) -> Option<Nanos> {
        self.silent.first().map(|(due, _)| *due)
    }

    /// The lane on which a session is pushed to, made if it is not there.
    pub(super) fn push_lane(&mut self, now: Nanos, session: SessionNo, style: Style) -> LaneNo {
        let no = LaneNo::push(session);
        self.map.entry(no).or_insert_with(|| Lane::new(now, style));
        no
    }

    /// Whether what is said on the lane can reach its client, now or by resumption.
    pub(super) fn reaches(&self, no: LaneNo) -> bool {
        self.map.get(&no).is_some_and(|lane| lane.stream.is_some() || lane.began || lane.style == Style::Pipe)
    }

    /// Whether a client listens to the lane now.
    pub(super) fn is_open(&self, no: LaneNo) -> bool {
        self.map.get(&no).is_some_and(|lane| lane.stream.is_some())
    }

    /// The oldest lane with a waiting request of a session that a client listens to.
    pub(super) fn oldest(&self, session: SessionNo) -> Option<LaneNo> {
        let posts = self.map.range(all(session)).filter(|(_, lane)| lane.n_waiting > 0);
        posts.filter(|(_, lane)| lane.stream.is_some()).map(|(no, _)| *no).next()
    }

    /// Sends a message that is no answer.
    pub(super) fn say(&mut self, now: Nanos, no: LaneNo, message: &Bytes, acts: &mut Vec<Act>) {
        self.begin(now, no, HeaderMap::new(), acts);
        let Some(lane) = self.map.get_mut(&no) else { return };
        if lane.style == Style::Pipe {
            acts.push(Act::Line(frame::line(message.clone())));
            return;
        }
        self.emit(now, no, message, acts);
    }

    /// Sends the answer to one of the lane's requests and ends the lane with the last of them.
    pub(super) fn answer(
        &mut self,
        now: Nanos,
        no: LaneNo,
        (status, mut headers, body): (u16, HeaderMap, Bytes),
        acts: &mut Vec<Act>,
    ) {
        let Some(lane) = self.map.get_mut(&no) else { return };
        lane.n_waiting = lane.n_waiting.saturating_sub(1);
        if lane.primes() && status == 200 && body.len() <= MAX_EVENT {
            self.begin(now, no, std::mem::take(&mut headers), acts);
        }
        let Some(lane) = self.map.get_mut(&no) else { return };
        if lane.began {
            self.emit(now, no, &body, acts);
        } else if let Some(batch) = &mut lane.batch {
            batch.push(body);
        } else if let Some(stream) = self.part(no) {
            headers.extend(json_headers());
            acts.push(Act::Respond { stream, status, headers, body });
        }
        self.settle(no, acts);
    }

    /// Whether the lane's answer may still be one that is no message.
    pub(super) fn is_bare(&self, no: LaneNo) -> bool {
        self.map.get(&no).is_some_and(|lane| !lane.began && lane.batch.is_none())
    }

    /// Answers the one request of a bare lane.
    pub(super) fn refuse(
        &mut self,
        no: LaneNo,
        (status, headers, body): (u16, HeaderMap, Bytes),
        acts: &mut Vec<Act>,
    ) {
        if let Some(stream) = self.part(no) {
            acts.push(Act::Respond { stream, status, headers, body });
        }
        self.give_up(no, acts);
    }

    /// Takes a request from the lane that will have no answer.
    pub(super) fn give_up(&mut self, no: LaneNo, acts: &mut Vec<Act>) {
        if let Some(lane) = self.map.get_mut(&no) {
            lane.n_waiting = lane.n_waiting.saturating_sub(1);
            self.settle(no, acts);
        }
    }

    /// Closes the lane's stream so that the client asks for it again.
    pub(super) fn pause(&mut self, now: Nanos, no: LaneNo, retry: Option<u64>, acts: &mut Vec<Act>) {
        let Some(lane) = self.map.get(&no) else { return };
        if !lane.primes() || lane.stream.is_none() {
            return;
        }
        self.begin(now, no, HeaderMap::new(), acts);
        let id = self.next_id(no);
        if let Some(stream) = self.part(no) {
            acts.push(Act::Emit { stream, bytes: frame::empty(&id, retry) });
            acts.push(Act::Finish { stream });
        }
    }

    /// Opens the one stream of HTTP+SSE with the event that must come first.
    pub(super) fn greet(&mut self, no: LaneNo, stream: StreamId, endpoint: &str, acts: &mut Vec<Act>) {
        let Some(lane) = self.map.get_mut(&no) else { return };
        self.streams.insert(stream, no);
        (lane.stream, lane.began) = (Some(stream), true);
        acts.push(Act::Begin { stream, headers: frame::headers() });
        acts.push(Act::Emit { stream, bytes: frame::named("endpoint", None, endpoint.as_bytes()) });
    }

    /// Forgets a stream that its client left; gives its lane, and whether that can be resumed.
    pub(super) fn left(&mut self, stream: StreamId) -> Option<(LaneNo, bool)> {
        let no = self.streams.get(&stream).copied()?;
        self.part(no);
        let lane = self.map.get(&no)?;
        Some((no, lane.style.has_ids()))
    }

    /// Ends a lane and its stream.
    pub(super) fn end(&mut self, no: LaneNo, acts: &mut Vec<Act>) {
        if let Some(stream) = self.part(no) {
            self.close(no, stream, acts);
        }
        self.remove(no);
    }

    /// Ends all lanes of a session.
    pub(super) fn end_all(&mut self, session: SessionNo, acts: &mut Vec<Act>) {
        let lanes: Vec<_> = self.map.range(all(session)).map(|(no, _)| *no).collect();
        for no in lanes {
            self.end(no, acts);
        }
    }

    /// Begins the lane's event stream, if it has a stream that did not begin.
    fn begin(&mut self, now: Nanos, no: LaneNo, mut headers: HeaderMap, acts: &mut Vec<Act>) {
        let Some(lane) = self.map.get_mut(&no) else { return };
        let Some(stream) = lane.stream.filter(|_| !lane.began) else { return };
        lane.began = true;
        lane.spoke = now;
        headers.extend(frame::headers());
        acts.push(Act::Begin { stream, headers });
        let answers = lane.batch.take().unwrap_or_default();
        let primes = lane.primes();
        self.unschedule(no);
        if primes {
            let id = self.next_id(no);
            acts.push(Act::Emit { stream, bytes: frame::empty(&id, Some(RETRY)) });
        }
        for answer in answers {
            self.emit(now, no, &answer, acts);
        }
    }

    /// Sends an event, and keeps it where its lane can be resumed.
    fn emit(&mut self, now: Nanos, no: LaneNo, message: &Bytes, acts: &mut Vec<Act>) {
        let has_ids = self.map.get(&no).is_some_and(|lane| lane.style.has_ids());
        let id = has_ids.then(|| self.next_id(no));
        let Some(lane) = self.map.get_mut(&no) else { return };
        let bytes = frame::event(id.as_deref(), message);
        let stream = lane.stream;
        if let Some(stream) = stream {
            lane.spoke = now;
            acts.push(Act::Emit { stream, bytes: bytes.clone() });
        }
        if has_ids {
            self.keep(now, no, bytes);
        }
    }

    /// Ends the lane when all of its requests are answered; what a client may resume is kept for a while.
    pub(super) fn settle(&mut self, no: LaneNo, acts: &mut Vec<Act>) {
        if !self.map.get(&no).is_some_and(Lane::is_done) {
            return;
        }
        let stream = self.part(no);
        if let Some(stream) = stream {
            self.close(no, stream, acts);
        } else if let Some(lane) = self.map.get_mut(&no)
            && lane.style == Style::Pipe
            && let Some(answers) = lane.batch.take().filter(|answers| !answers.is_empty())
        {
            acts.push(Act::Line(frame::line(joined(&answers))));
        }
        if self.map.get(&no).is_some_and(|lane| lane.ring.is_empty()) {
            self.remove(no);
        }
    }

    /// Ends a stream that was just parted from its lane.
    fn close(&mut self, no: LaneNo, stream: StreamId, acts: &mut Vec<Act>) {
        let Some(lane) = self.map.get_mut(&no) else { return };
        if lane.began {
            acts.push(Act::Finish { stream });
            return;
        }
        let answers = lane.batch.take().unwrap_or_default();
        // All that was asked was cancelled, or only told: there is nothing to answer.
        let (status, headers, body) = if answers.is_empty() {
            (202, HeaderMap::new(), Bytes::new())
        } else {
            (200, json_headers(), joined(&answers))
        };
        acts.push(Act::Respond { stream, status, headers, body });
    }

    /// Takes the lane's stream from it.
    fn part(&mut self, no: LaneNo) -> Option<StreamId> {
        let stream = self.map.get_mut(&no)?.stream.take()?;
        self.streams.remove(&stream);
        self.unschedule(no);
        Some(stream)
    }

    /// Forgets when the lane would begin, because it began or never will.
    fn unschedule(&mut self, no: LaneNo) {
        if let Some(due) = self.map.get_mut(&no).and_then(|lane| lane.begins.take()) {
            self.silent.remove(&(due, no));
        }
    }

    fn remove(&mut self, no: LaneNo) {
        self.unschedule(no);
        let Some(lane) = self.map.remove(&no) else { return };
        if let Some(stream) = lane.stream {
            self.streams.remove(&stream);
        }
        if let Some(session) = no.session {
            self.n_kept -= lane.ring.bytes();
            resume::release(&mut self.kept, session, lane.ring.bytes());
        }
    }

    fn next_id(&mut self, no: LaneNo) -> String {
        let seq = self.map.get_mut(&no).map_or(0, |lane| lane.ring.number());
        let session = no.session.map_or(0, |session| session.0);
        format!("{:x}.{session:x}.{:x}.{seq:x}", self.tag, no.n)
    }
}

impl Lane {
    fn new(now: Nanos, style: Style) -> Self {
        Self {
            style,
            stream: None,
            began: false,
            n_waiting: 0,
            batch: None,
            ring: Ring::default(),
            spoke: now,
            begins: None,
        }
    }

    /// Whether an event with an id comes before all others, and answers are events.
    fn primes(&self) -> bool {
        self.style == Style::Legacy { primes: true }
    }

    /// Whether nothing more will be said on it.
    fn is_done(&self) -> bool {
        self.n_waiting == 0 && !matches!(self.style, Style::Push | Style::Sse)
    }
}

fn all(session: SessionNo) -> std::ops::RangeInclusive<LaneNo> {
    LaneNo::push(session)..=LaneNo { session: Some(session), n: u64::MAX }
}

fn joined(answers: &[Bytes]) -> Bytes {
    let mut out = vec![b'['];
    for (n, answer) in answers.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        out.extend_from_slice(answer);
    }
    out.push(b']');
    out.into()
}
