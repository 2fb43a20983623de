//! A recording that can be judged again, and made as small as what is found in it allows.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use tapgate_engine::fact::Finding;
use tapgate_engine::{Action, Fact, Input, Limits, Source};
use tapgate_wire::fault::FaultKind;
use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::json::{Container, Event as Token, scan};
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

/// So many pieces are judged to find the smallest scene; then the smallest so far is taken.
const MAX_WORK: usize = 400_000;

/// What happened, piece by piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// How the client's and the server's leg carry messages.
    pub transports: (Transport, Transport),
    /// What happened, in order.
    pub pieces: Vec<Piece>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// When.
    pub at: Nanos,
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
        let mut last = HashMap::new();
        for (at, piece) in self.pieces.iter().enumerate() {
            last.insert((piece.stream, piece.from), at);
        }
        for (at, piece) in self.pieces.iter().enumerate() {
            if run.found.iter().any(is_wanted) {
                return run.found;
            }
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

    /// The smallest scene found in which something is still found that `is_meant`; `None` when it is not found in this one.
    ///
    /// First pieces are left out (delta debugging, Zeller and Hildebrandt 2002), then members of messages, then headers.
    pub fn shrink(&self, is_meant: &dyn Fn(&Finding) -> bool) -> Option<Self> {
        let mut work = 0;
        // Times stay as they are, so nobody needs to wait longer than it takes to find it here.
        let found = self.findings().into_iter().find(|finding| is_meant(finding))?;
        let until = Nanos(found.at.0.saturating_add(TICK));
        let until = until.max(self.pieces.last().map_or(until, |piece| piece.at));
        let mut holds = |scene: &Self| {
            work += scene.pieces.len() + 1;
            work <= MAX_WORK && scene.judged(until, is_meant).iter().any(is_meant)
        };
        if !holds(self) {
            return None;
        }
        let mut scene = self.clone();
        scene.drop_pieces(&mut holds);
        scene.drop_members(&mut holds);
        scene.drop_headers(&mut holds);
        scene.drop_pieces(&mut holds);
        Some(scene)
    }

    fn drop_pieces(&mut self, holds: &mut impl FnMut(&Self) -> bool) {
        let mut size = self.pieces.len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at < self.pieces.len() {
                let end = (at + size).min(self.pieces.len());
                let mut fewer = self.clone();
                fewer.pieces.drain(at..end);
                if holds(&fewer) {
                    *self = fewer;
                } else {
                    at = end;
                }
            }
            size /= 2;
        }
    }

    fn drop_members(&mut self, holds: &mut impl FnMut(&Self) -> bool) {
        for place in 0..self.pieces.len() {
            let mut from = 0;
            while let Some(Piece { what: What::Frame(body), .. }) = self.pieces.get(place) {
                // Outer members come first, so that a large part goes at once.
                let Some(span) = members(body).into_iter().nth(from) else { break };
                let rest =
                    [body.get(..span.0).unwrap_or_default(), body.get(span.1..).unwrap_or_default()].concat();
                let mut smaller = self.clone();
                if let Some(piece) = smaller.pieces.get_mut(place) {
                    piece.what = What::Frame(rest.into());
                }
                if holds(&smaller) {
                    *self = smaller;
                } else {
                    from += 1;
                }
            }
        }
    }

    fn drop_headers(&mut self, holds: &mut impl FnMut(&Self) -> bool) {
        for place in 0..self.pieces.len() {
            let mut line = 1;
            while let Some(head) = self.pieces.get(place).and_then(|piece| piece.head.as_ref()) {
                if head.lines().nth(line).is_none() {
                    break;
                }
                let fewer: Vec<&str> =
                    head.lines().enumerate().filter(|(at, _)| *at != line).map(|(_, text)| text).collect();
                let mut smaller = self.clone();
                if let Some(piece) = smaller.pieces.get_mut(place) {
                    piece.head = Some(fewer.join("\n"));
                }
                if holds(&smaller) {
                    *self = smaller;
                } else {
                    line += 1;
                }
            }
        }
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

/// The members and elements of a document that can be cut out with one comma, outer ones first.
fn members(document: &[u8]) -> Vec<(usize, usize)> {
    /// An open bracket: where the member that is being read begins, and where the last one ended.
    struct Open {
        is_object: bool,
        begins: Option<usize>,
        before: usize,
    }
    let mut open: Vec<Open> = Vec::new();
    let mut found: Vec<(usize, usize, usize)> = Vec::new();
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let read = scan(document, &mut |token| {
        let depth = open.len();
        let (start, end, opens) = match token {
            Token::Key { span, .. } => {
                if let Some(open) = open.last_mut() {
                    open.begins = Some(place(span.start));
                }
                return;
            }
            Token::Open { container, at } => {
                let start = place(at);
                if let Some(open) = open.last_mut().filter(|open| !open.is_object) {
                    open.begins = Some(start);
                }
                let is_object = container == Container::Object;
                open.push(Open { is_object, begins: None, before: start + 1 });
                return;
            }
            Token::Close { at, .. } => {
                open.pop();
                (None, place(at) + 1, depth.saturating_sub(1))
            }
            Token::String { span, .. }
            | Token::Number(span)
            | Token::Literal(_, span)
            | Token::Deep(span) => (Some(place(span.start)), place(span.end), depth),
            Token::Odd(_) => return,
        };
        if let Some(open) = open.last_mut() {
            let begins = if open.is_object { open.begins.take() } else { start.or(open.begins.take()) };
            if let Some(begins) = begins {
                // Up to the last one's end, so that the comma between goes too; the first takes the comma behind it.
                let is_first = document.get(open.before..begins).is_some_and(|gap| !gap.contains(&b','));
                let after = document.get(end..).unwrap_or_default();
                let gap = after.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                let comma = is_first && after.get(gap) == Some(&b',');
                let cut = if comma { (begins, end + gap + 1) } else { (open.before.max(1), end) };
                let cut = if is_first && !comma { (begins, end) } else { cut };
                found.push((opens, cut.0, cut.1));
            }
            open.before = end;
        }
    });
    if read.is_err() {
        return Vec::new();
    }
    found.sort_by_key(|(depth, start, _)| (*depth, *start));
    found.into_iter().map(|(_, start, end)| (start, end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_out_leaves_a_document() {
        for text in [
            r#"{"a":1,"b":[1, 2 ,{"c":null}],"d":{"e":"x,y"}}"#,
            r#"[1,[2,3],"]"]"#,
            r#"{ "only" : { } }"#,
            r#"{"a":{"b":{"c":[[],{}]}}}"#,
        ] {
            let spans = members(text.as_bytes());
            assert!(!spans.is_empty(), "{text}");
            for (start, end) in spans {
                let rest = [&text[..start], &text[end..]].concat();
                let mut ignore = |_| {};
                assert!(scan(rest.as_bytes(), &mut ignore).is_ok(), "{text} without {start}..{end}: {rest}");
                assert!(rest.len() < text.len());
            }
        }
        let text = r#"{"a":1,"b":[1,2],"c":3}"#;
        let rests: Vec<String> = members(text.as_bytes())
            .into_iter()
            .map(|(start, end)| [&text[..start], &text[end..]].concat())
            .collect();
        let outer = [r#"{"b":[1,2],"c":3}"#, r#"{"a":1,"c":3}"#, r#"{"a":1,"b":[1,2]}"#];
        let inner = [r#"{"a":1,"b":[2],"c":3}"#, r#"{"a":1,"b":[1],"c":3}"#];
        assert_eq!(rests[..3], outer);
        assert_eq!(rests[3..], inner);
    }
}
