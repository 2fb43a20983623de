//! Faults on purpose, so that a client can be tested: changes what leaves towards it, and says each time that it did.
//!
//! It stands between a bridge and its client's edge and touches nothing else. Pure as the bridge is: time is an argument,
//! chance comes from a seed.

mod fault;

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use tapgate_wire::edge::{Act, Heard};
use tapgate_wire::header::SESSION_ID;
use tapgate_wire::shape::{Id, Member};
use tapgate_wire::{Kind, Message, Nanos, StreamId};

pub use self::fault::{Fault, What};

/// Requests whose answers are waited for; when full, further ones are left alone.
const MAX_WAITING: usize = 4096;

/// Acts that are held back; when full, nothing more is delayed.
const MAX_HELD: usize = 4096;

/// The exit status of a crash on purpose.
const CRASHED: u8 = 70;

/// What was done on purpose, where, and to which request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// The stream of the request; `None` on pipes.
    pub stream: Option<StreamId>,
    /// The request's JSON-RPC id, raw.
    pub id: Option<Bytes>,
    /// What, as a sentence for people: `injected: duplicate-answer in tools/call echo`.
    pub text: String,
}

/// Injects faults.
#[derive(Debug)]
pub struct Chaos {
    faults: Vec<Armed>,
    /// Faults that wait for the answer of a request.
    waiting: HashMap<Where, (What, String)>,
    /// What is held back until when.
    held: BTreeMap<(Nanos, u64), Act>,
    /// Streams on which nothing leaves any more, or nothing before then.
    silent: HashMap<StreamId, Option<Nanos>>,
    last: u64,
    chance: u64,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    n_seen: u32,
    n_done: u32,
}

/// A request: its id on pipes, its stream over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Where {
    Pipe(Id),
    Stream(StreamId),
}

impl Chaos {
    /// Injects these faults; the same seed gives the same chance.
    pub fn new(faults: Vec<Fault>, seed: u64) -> Self {
        let faults = faults.into_iter().map(|fault| Armed { fault, n_seen: 0, n_done: 0 }).collect();
        Self {
            faults,
            waiting: HashMap::new(),
            held: BTreeMap::new(),
            silent: HashMap::new(),
            last: 0,
            chance: seed,
        }
    }

    /// Hears what a client asks before the bridge does. What it answers itself it pushes to `acts`, and then the bridge is
    /// not to hear of it.
    #[must_use]
    pub fn heard(&mut self, heard: &Heard, acts: &mut Vec<Act>, injected: &mut Vec<Injected>) -> Verdict {
        let (place, message, has_session) = match heard {
            Heard::Line { message } => {
                let Some(id) = &message.shape().id else { return Verdict::Pass };
                (Where::Pipe(id.clone()), message.clone(), false)
            }
            Heard::Asked { stream, head, body } => {
                (Where::Stream(*stream), Message::parse(body.clone()), head.headers.contains_key(SESSION_ID))
            }
            Heard::Left { stream } => {
                self.waiting.remove(&Where::Stream(*stream));
                self.silent.remove(stream);
                return Verdict::Pass;
            }
            _ => return Verdict::Pass,
        };
        let shape = message.shape();
        if shape.kind != Kind::Request {
            return Verdict::Pass;
        }
        let id = shape.id.clone().map(|id| id.0);
        let method = shape.method().unwrap_or_default().into_owned();
        let tool = shape.text(Member::Name).unwrap_or_default().into_owned();
        let is_http = matches!(place, Where::Stream(_));
        let Some(what) = self.draw(&method, &tool, is_http, has_session) else { return Verdict::Pass };
        let about = format!("injected: {} in {method} {tool}", what.name()).trim_end().to_owned();
        let stream = if let Where::Stream(stream) = place { Some(stream) } else { None };
        let refusal = match what {
            What::LostSession => Some((404, None)),
            What::Unauthorized => Some((401, Some((WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")))),
            What::Unavailable => Some((503, Some((RETRY_AFTER, "1")))),
            _ => None,
        };
        if let (Some((status, header)), Some(stream)) = (refusal, stream) {
            injected.push(Injected { stream: Some(stream), id, text: about });
            acts.push(respond(stream, status, header));
            return Verdict::Swallow;
        }
        if what == What::Crash {
            injected.push(Injected { stream, id, text: about });
            acts.push(Act::Exit(CRASHED));
            return Verdict::Swallow;
        }
        if self.waiting.len() < MAX_WAITING {
            self.waiting.insert(place, (what, about));
        }
        Verdict::Pass
    }

    /// Changes what leaves towards the client.
    pub fn alter(&mut self, now: Nanos, acts: &mut Vec<Act>, injected: &mut Vec<Injected>) {
        if self.waiting.is_empty() && self.silent.is_empty() {
            return;
        }
        for act in std::mem::take(acts) {
            match act {
                Act::Line(bytes) => self.line(now, bytes, acts, injected),
                Act::Respond { stream, .. }
                | Act::Begin { stream, .. }
                | Act::Emit { stream, .. }
                | Act::Finish { stream } => self.stream(now, stream, act, acts, injected),
                act => acts.push(act),
            }
        }
    }

    /// Lets go what was held back long enough.
    pub fn tick(&mut self, now: Nanos, acts: &mut Vec<Act>) {
        while let Some(entry) = self.held.first_entry().filter(|entry| entry.key().0 <= now) {
            acts.push(entry.remove());
        }
        self.silent.retain(|_, until| until.is_none_or(|until| until > now));
    }

    /// When [`Chaos::tick`] is due.
    pub fn deadline(&self) -> Option<Nanos> {
        self.held.keys().next().map(|(due, _)| *due)
    }

    /// The fault that a request gets, if any: the first that fits.
    fn draw(&mut self, method: &str, tool: &str, is_http: bool, has_session: bool) -> Option<What> {
        let mut chance = self.chance;
        let mut drawn = None;
        for armed in &mut self.faults {
            let Fault { what, method: only, tool: only_tool, from, times, percent } = &armed.fault;
            let is_meant = only.as_deref().is_none_or(|only| only == method)
                && only_tool.as_deref().is_none_or(|only| only == tool && method == "tools/call");
            let lacks_session = *what == What::LostSession && !has_session;
            if !is_meant || !what.can_happen(is_http) || lacks_session {
                continue;
            }
            armed.n_seen += 1;
            // SplitMix64.
            chance = chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (chance ^ (chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let is_lucky = ((mixed ^ (mixed >> 31)) % 100) < u64::from(*percent);
            let is_due = armed.n_seen >= *from && times.is_none_or(|times| armed.n_done < times);
            if drawn.is_none() && is_due && is_lucky {
                armed.n_done += 1;
                drawn = Some(*what);
            }
        }
        self.chance = chance;
        drawn
    }

    fn line(&mut self, now: Nanos, bytes: Bytes, acts: &mut Vec<Act>, injected: &mut Vec<Injected>) {
        let message = Message::parse(bytes.clone());
        let is_answer = matches!(message.shape().kind, Kind::Result | Kind::Error);
        let id = message.shape().id.clone().filter(|_| is_answer);
        let Some((what, text)) = id.clone().and_then(|id| self.waiting.remove(&Where::Pipe(id))) else {
            return acts.push(Act::Line(bytes));
        };
        injected.push(Injected { stream: None, id: id.map(|id| id.0), text });
        match what {
            What::SlowFirstByte(wait) => self.hold(now, wait, Act::Line(bytes), acts),
            What::TruncatedStream => acts.push(Act::Line(bytes.slice(..bytes.len() / 2))),
            What::DuplicateAnswer => acts.extend([Act::Line(bytes.clone()), Act::Line(bytes)]),
            What::NoAnswer => {}
            What::StrayOutput => {
                acts.extend([Act::Line(Bytes::from_static(b"stray output on purpose")), Act::Line(bytes)]);
            }
            What::WrongIdType => acts.push(Act::Line(other_id(message))),
            _ => acts.push(Act::Line(bytes)),
        }
    }

    fn stream(
        &mut self,
        now: Nanos,
        stream: StreamId,
        act: Act,
        acts: &mut Vec<Act>,
        injected: &mut Vec<Injected>,
    ) {
        let is_over = matches!(act, Act::Respond { .. } | Act::Finish { .. });
        if let Some(until) = self.silent.get(&stream).copied() {
            if let Some(until) = until {
                self.hold_until(until, act, acts);
            }
            return;
        }
        let place = Where::Stream(stream);
        let Some((what, text)) = self.waiting.get(&place).cloned() else { return acts.push(act) };
        let mut done = |chaos: &mut Self| {
            chaos.waiting.remove(&place);
            injected.push(Injected { stream: Some(stream), id: None, text: text.clone() });
        };
        match (what, act) {
            (What::SlowFirstByte(wait), act) => {
                done(self);
                let until = Nanos(now.0.saturating_add(wait.saturating_mul(1_000_000)));
                if !is_over {
                    self.silent.insert(stream, Some(until));
                }
                self.hold_until(until, act, acts);
            }
            (What::NoAnswer, _) => {
                done(self);
                self.silent.insert(stream, None);
            }
            (What::TruncatedStream, Act::Respond { stream, status, headers, body }) => {
                done(self);
                let body = body.slice(..body.len() / 2);
                acts.push(Act::Respond { stream, status, headers, body });
            }
            (What::TruncatedStream, Act::Emit { stream, bytes }) => {
                done(self);
                acts.extend([
                    Act::Emit { stream, bytes: bytes.slice(..bytes.len() / 2) },
                    Act::Finish { stream },
                ]);
                self.silent.insert(stream, None);
            }
            (What::DuplicateAnswer, Act::Emit { stream, bytes }) => {
                done(self);
                acts.extend([Act::Emit { stream, bytes: bytes.clone() }, Act::Emit { stream, bytes }]);
            }
            (What::DamagedHeader, Act::Respond { stream, status, headers, body }) => {
                done(self);
                acts.push(Act::Respond { stream, status, headers: damaged(headers), body });
            }
            (What::DamagedHeader, Act::Begin { stream, headers }) => {
                done(self);
                acts.push(Act::Begin { stream, headers: damaged(headers) });
            }
            (What::WrongIdType, Act::Respond { stream, status, headers, body }) => {
                done(self);
                let body = other_id(Message::parse(body));
                acts.push(Act::Respond { stream, status, headers, body });
            }
            (_, act) => {
                if is_over {
                    self.waiting.remove(&place);
                }
                acts.push(act);
            }
        }
    }

    fn hold(&mut self, now: Nanos, wait: u64, act: Act, acts: &mut Vec<Act>) {
        self.hold_until(Nanos(now.0.saturating_add(wait.saturating_mul(1_000_000))), act, acts);
    }

    fn hold_until(&mut self, until: Nanos, act: Act, acts: &mut Vec<Act>) {
        if self.held.len() >= MAX_HELD {
            return acts.push(act);
        }
        self.last += 1;
        self.held.insert((until, self.last), act);
    }
}

/// Whether the bridge is to hear of what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Pass,
    /// It was answered here.
    Swallow,
}

fn respond(stream: StreamId, status: u16, header: Option<(HeaderName, &'static str)>) -> Act {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if let Some((name, value)) = header {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Act::Respond { stream, status, headers, body: Bytes::from_static(b"injected on purpose\n") }
}

fn damaged(mut headers: HeaderMap) -> HeaderMap {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.remove(SESSION_ID);
    headers
}

/// A message whose id has the other type.
fn other_id(mut message: Message) -> Bytes {
    let Some(raw) = message.shape().id.clone().map(|id| id.0) else { return message.to_wire() };
    let other = match raw.strip_prefix(b"\"") {
        Some(rest) => {
            let inner = rest.strip_suffix(b"\"").unwrap_or(rest);
            let is_number = !inner.is_empty() && inner.iter().all(u8::is_ascii_digit);
            if is_number { Bytes::copy_from_slice(inner) } else { Bytes::from_static(b"0") }
        }
        None => [b"\"", &*raw, b"\""].concat().into(),
    };
    let whole = message.raw().clone();
    let place = tapgate_wire::json::find(&whole, &["id"]).map(|found| {
        let start = found.as_ptr() as usize - whole.as_ptr() as usize;
        start..start + found.len()
    });
    if let Some(place) = place {
        // The place is inside the message and nothing else was changed, so this cannot fail.
        let _ = message.splice(place, other);
    }
    message.to_wire()
}

#[cfg(test)]
mod tests;
