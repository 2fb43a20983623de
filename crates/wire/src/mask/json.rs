//! Secrets in JSON: what a name says is secret, and what is secret in any string.

use std::ops::Range;

use super::anchor::{ANCHORS, Stop};
use super::decoded::Decoded;
use super::hit::{self, Hit, Sure};
use super::pair::is_reference;
use super::scan::Scan;
use super::{argv, encoded, key, scheme, text};
use crate::json::{self, Container, Event, Span};

/// Finds the secrets in `document` and adds them to `hits`; false when it is not JSON, then nothing is added.
pub(super) fn find(scan: &mut Scan<'_>, document: &[u8], hits: &mut Vec<Hit>) -> bool {
    let mut stops = Vec::new();
    ANCHORS.each(document, |stop| stops.push(stop));
    stops.sort_by_key(|stop: &Stop| stop.start);
    let mut walk = Walk { scan, document, stops, frames: vec![Frame::default()], hits: Vec::new() };
    if json::scan(document, &mut |event| walk.on(event)).is_err() {
        return false;
    }
    hit::join(&mut walk.hits);
    hits.append(&mut walk.hits);
    true
}

/// One reading of one document.
struct Walk<'s, 'k, 'd> {
    scan: &'s mut Scan<'k>,
    document: &'d [u8],
    /// Where anchors stand, in order of their starts.
    stops: Vec<Stop>,
    /// Invariant: never empty; the first is the document itself. Bounded by the scanner's depth.
    frames: Vec<Frame>,
    hits: Vec<Hit>,
}

/// An open object or array.
#[derive(Default)]
struct Frame {
    is_array: bool,
    /// What an outer name says about everything in here.
    class: Option<&'static str>,
    /// The members are the properties of a schema: their names are structure.
    properties: bool,
    /// This is the schema of a value.
    is_schema: bool,
    /// The class of the value that this is the schema of.
    of_value: Option<&'static str>,
    /// What the name of the member at hand says about its value.
    member: Member,
    /// `{"name": …, "value": …}`: what the name says, and where the value stands.
    named: Option<&'static str>,
    value: Option<(Range<usize>, bool)>,
    /// The last string of an array was a flag (`--token`) whose value comes next.
    flag: Option<&'static str>,
}

#[derive(Clone, Copy, Default)]
struct Member {
    class: Option<&'static str>,
    role: Role,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Role {
    #[default]
    Plain,
    /// Holds the properties or definitions of a schema.
    Properties,
    /// A keyword of schemas whose value is about the value, not the value itself.
    Keyword,
    /// Names what `value` beside it is.
    Name,
    /// Is what `name` beside it says.
    Value,
}

impl Walk<'_, '_, '_> {
    fn on(&mut self, event: Event) {
        match event {
            Event::Open { container, .. } => self.open(container),
            Event::Close { .. } => self.close(),
            Event::Key { span, escaped } => self.key(span, escaped),
            Event::String { span, escaped } => self.string(span, escaped),
            Event::Number(span) => self.number(span),
            Event::Deep(span) => self.deep(span),
            // One bit is no secret, and flags such as `"password": true` are structure.
            Event::Literal(..) | Event::Odd(_) => {}
        }
    }

    fn open(&mut self, container: Container) {
        let Some(outer) = self.frames.last_mut() else {
            return;
        };
        let member = outer.member;
        let is_array = container == Container::Array;
        let mut frame = Frame { is_array, class: member.class.or(outer.class), ..Frame::default() };
        if outer.properties && !is_array {
            frame.is_schema = true;
            frame.of_value = member.class;
            frame.class = None;
        } else if member.role == Role::Properties && !is_array {
            frame.properties = true;
            frame.class = None;
        } else if is_array && member.role == Role::Keyword {
            frame.class = outer.class;
        } else if outer.is_array {
            frame.is_schema = outer.is_schema;
            frame.of_value = outer.of_value;
        }
        self.frames.push(frame);
    }

    fn close(&mut self) {
        if self.frames.len() < 2 {
            return;
        }
        let Some(frame) = self.frames.pop() else { return };
        if let (Some(class), Some((value, escaped))) = (frame.named, frame.value) {
            self.secret_string(value, escaped, class);
        }
    }

    fn key(&mut self, span: Span, escaped: bool) {
        let inside = inside(span);
        let touched = self.is_touched(&inside) || escaped;
        let decoded;
        let mut name = self.document.get(inside.clone()).unwrap_or_default();
        if escaped {
            decoded = Decoded::unescape(name);
            name = &decoded.text;
        }
        let class = if touched { key::class_of(name) } else { None };
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        frame.member = Member { class, role: role(name) };
        if frame.is_schema {
            match frame.member.role {
                Role::Keyword => frame.member.class = None,
                Role::Properties => {}
                // Defaults, examples and whatever else stands in a schema are about the value.
                _ => frame.member.class = class.or(frame.of_value),
            }
        }
        if touched || encoded::may_hold(name) {
            self.plain_string(inside, escaped);
        }
    }

    fn string(&mut self, span: Span, escaped: bool) {
        let inside = inside(span);
        let raw = self.document.get(inside.clone()).unwrap_or_default();
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let member = if frame.is_array { Member::default() } else { frame.member };
        match member.role {
            Role::Name => frame.named = key::class_of(raw),
            Role::Value => frame.value = Some((inside.clone(), escaped)),
            _ => {}
        }
        let flag = frame.flag.take();
        if frame.is_array && raw.starts_with(b"-") {
            frame.flag = argv::class_of_flag(raw);
        }
        // What is inside something secret is secret, but for what says what it is.
        let describes = matches!(member.role, Role::Keyword | Role::Name);
        let class = member.class.or(if describes { None } else { frame.class }).or(flag);
        match class {
            Some(class) => self.secret_string(inside, escaped, class),
            None => self.plain_string(inside, escaped),
        }
    }

    fn number(&mut self, span: Span) {
        let Some(frame) = self.frames.last() else { return };
        let class = if frame.is_array { frame.class } else { frame.member.class };
        let raw = span.of(self.document).unwrap_or_default();
        let known = self.scan.known.any(raw).then_some("known");
        if let Some(class) = class.filter(|class| !key::counts(class)).or(known) {
            self.scan.hit_number(self.document, span.range(), class, &mut self.hits);
        }
    }

    /// What is nested too deeply is searched as text.
    fn deep(&mut self, span: Span) {
        let raw = span.of(self.document).unwrap_or_default();
        let mut inner = Vec::new();
        text::find(self.scan, raw, &mut inner);
        self.place(span.range().start, inner);
    }

    /// A string that its name says is secret.
    fn secret_string(&mut self, inside: Range<usize>, escaped: bool, class: &'static str) {
        let raw = self.document.get(inside.clone()).unwrap_or_default();
        if raw.is_empty()
            || is_reference(raw)
            || super::placeholder::touches(self.document, inside.start, inside.end)
        {
            return;
        }
        let decoded = if escaped { Decoded::unescape(raw).text } else { raw.to_vec() };
        let skip = if escaped { 0 } else { scheme::credential_start(raw) };
        let secret = decoded.get(skip..).unwrap_or_default();
        let mut inner = Vec::new();
        self.scan.hit(secret, 0..secret.len(), class, Sure::Certain, &mut inner);
        self.hits.extend(inner.into_iter().map(|hit| Hit { span: inside.start + skip..inside.end, ..hit }));
    }

    /// A string that may hold secrets.
    fn plain_string(&mut self, inside: Range<usize>, escaped: bool) {
        let raw = self.document.get(inside.clone()).unwrap_or_default();
        let touched = self.is_touched(&inside);
        if !touched && !encoded::may_hold(raw) && !text::may_be_known(self.scan, raw) {
            return;
        }
        let mut inner = Vec::new();
        if escaped {
            let decoded = Decoded::unescape(raw);
            text::find_in_noise(self.scan, &decoded.text, &mut inner);
            for hit in &mut inner {
                hit.span = decoded.raw(&hit.span);
                hit.quote = encoded::escape(&hit.quote);
            }
        } else {
            let stops = stops_in(&self.stops, &inside);
            text::find_at_stops(self.scan, raw, stops, &mut inner);
        }
        self.place(inside.start, inner);
    }

    fn place(&mut self, at: usize, hits: Vec<Hit>) {
        let document = self.document;
        self.hits.extend(
            hits.into_iter()
                .map(|hit| Hit { span: hit.span.start + at..hit.span.end + at, ..hit })
                .filter(|hit| !super::placeholder::touches(document, hit.span.start, hit.span.end)),
        );
    }

    /// Whether an anchor stands in `span`.
    fn is_touched(&self, span: &Range<usize>) -> bool {
        stops_in(&self.stops, span).next().is_some()
    }
}

/// The stops that lie in `span`, as seen from its start.
fn stops_in<'s>(stops: &'s [Stop], span: &Range<usize>) -> impl Iterator<Item = Stop> + use<'s> {
    let (start, end) = (span.start, span.end);
    let first = stops.partition_point(|stop| stop.start < start);
    let rest = stops.get(first..).unwrap_or_default().iter();
    rest.take_while(move |stop| stop.start < end).filter(move |stop| stop.end <= end).map(move |stop| Stop {
        start: stop.start - start,
        end: stop.end - start,
        anchor: stop.anchor,
    })
}

/// A string without its quotes.
fn inside(span: Span) -> Range<usize> {
    let range = span.range();
    range.start + 1..range.end.saturating_sub(1)
}

fn role(name: &[u8]) -> Role {
    match name {
        b"properties" | b"patternProperties" | b"$defs" | b"definitions" | b"dependentSchemas" => {
            Role::Properties
        }
        b"type" | b"title" | b"description" | b"format" | b"pattern" | b"$ref" | b"$schema" | b"$id"
        | b"$comment" | b"required" | b"minLength" | b"maxLength" | b"minimum" | b"maximum" | b"minItems"
        | b"maxItems" | b"contentEncoding" | b"contentMediaType" => Role::Keyword,
        b"name" | b"key" | b"header" | b"variable" | b"field" => Role::Name,
        b"value" | b"val" => Role::Value,
        _ => Role::Plain,
    }
}
