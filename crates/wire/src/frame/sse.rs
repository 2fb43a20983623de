//! Server-sent events, as the WHATWG HTML standard reads them (section 9.2.6, Interpreting an event stream).

use bytes::Bytes;

use super::gather::{End, Gather, Trail};
use super::{Frame, LIMIT};
use crate::clock::Chunk;
use crate::fault::{Fault, FaultKind, note};
use crate::stream::Event;

/// Bytes that are kept of a field other than `data`, and of a comment.
const MAX_FIELD: usize = 4096;

/// Frames an event stream.
///
/// An event whose type is absent or `message` is a message, if its data is JSON. Everything else is
/// stray: an event of another type (`endpoint` of 2024-11-05), an event with empty data (the priming
/// event of 2025-11-25), fields that dispatch nothing (a lone `retry`), and blocks of comments, whose
/// bytes are the first comment. A stream that ends inside an event drops it, and so it is cut short.
#[derive(Debug)]
pub struct Sse {
    trail: Trail,
    data: Gather,
    event: Event,
    /// The first comment of the event, colon included.
    comment: Option<Bytes>,
    has_data: bool,
    faults: Vec<Fault>,
    line: Line,
    /// The field name so far, then the value of a field other than `data`.
    text: Vec<u8>,
    /// The last byte was a CR, so that an LF belongs to it.
    after_return: bool,
    /// How many bytes of a byte order mark the stream began with, until it is decided.
    mark: Option<u8>,
    /// Bytes were lost, so what comes up to the next blank line belongs to an unknown event.
    is_lost: bool,
}

/// Where in a line the framer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Start,
    Name,
    /// Behind the colon, where one space is dropped.
    Space(Field),
    Value(Field),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Data,
    Event,
    Id,
    Retry,
    Comment,
    Unknown,
}

impl Field {
    fn named(name: &[u8]) -> Self {
        match name {
            b"data" => Self::Data,
            b"event" => Self::Event,
            b"id" => Self::Id,
            b"retry" => Self::Retry,
            b"" => Self::Comment,
            _ => Self::Unknown,
        }
    }
}

const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

impl Default for Sse {
    fn default() -> Self {
        Self::new(LIMIT)
    }
}

impl Sse {
    /// A framer that keeps the data of an event of up to `limit` bytes whole.
    pub fn new(limit: usize) -> Self {
        Self {
            trail: Trail::default(),
            data: Gather::new(limit),
            event: Event::default(),
            comment: None,
            has_data: false,
            faults: Vec::new(),
            line: Line::Start,
            text: Vec::new(),
            after_return: false,
            mark: Some(0),
            is_lost: false,
        }
    }

    /// Reads the next chunk and tells the frames that end in it.
    pub fn push(&mut self, chunk: &Chunk, sink: &mut impl FnMut(Frame)) {
        let mut at = 0;
        while let Some(&byte) = chunk.bytes.get(at) {
            if self.skips(byte, chunk) {
                at += 1;
                continue;
            }
            let end = match self.line {
                Line::Value(_) => {
                    let rest = chunk.bytes.get(at..).unwrap_or_default();
                    at + memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())
                }
                _ => at,
            };
            if end > at {
                self.value(chunk, at, end);
                at = end;
                continue;
            }
            at = self.step(byte, chunk, at, sink);
        }
    }

    /// Says that the stream ends here.
    pub fn finish(&mut self, sink: &mut impl FnMut(Frame)) {
        self.leave_mark();
        if self.line != Line::Start {
            self.line_ended();
        }
        if !self.is_lost && !self.trail.is_empty() {
            let event = std::mem::take(&mut self.event);
            let mut faults = std::mem::take(&mut self.faults);
            let comment = self.comment.take().filter(|_| !self.has_data && event == Event::default());
            // Nobody misses a comment that lacks its blank line.
            if comment.is_none() {
                note(&mut faults, FaultKind::CutShort, self.trail.size());
            }
            let bytes = comment.unwrap_or_else(|| self.data.take_bytes());
            sink(Frame::Stray { carried: self.trail.take(Some(event)), bytes, faults });
        }
        *self = Self::new(self.data.limit());
    }

    /// Says that bytes before the next chunk were lost: what is at hand is dropped, and framing goes on
    /// behind the next blank line.
    pub fn resync(&mut self) {
        *self = Self::new(self.data.limit());
        self.mark = None;
        self.is_lost = true;
        // The lost bytes may have begun a line, so the next end of a line does not make a blank one.
        self.line = Line::Value(Field::Unknown);
    }

    /// Whether a byte only belongs to a line's end or to the mark at the start of the stream.
    fn skips(&mut self, byte: u8, chunk: &Chunk) -> bool {
        if std::mem::take(&mut self.after_return) && byte == b'\n' {
            if !self.trail.is_empty() {
                self.trail.add(chunk.at, 1);
            }
            return true;
        }
        let Some(seen) = self.mark else {
            return false;
        };
        if BYTE_ORDER_MARK.get(usize::from(seen)) == Some(&byte) {
            self.mark = (seen < 2).then_some(seen + 1);
            return true;
        }
        self.leave_mark();
        false
    }

    /// Bytes that only looked like a mark are the beginning of a field name, of an unknown one.
    fn leave_mark(&mut self) {
        if self.mark.take().is_some_and(|seen| seen > 0) {
            self.line = Line::Name;
            self.text.extend_from_slice(b"?");
        }
    }

    /// A byte that is not inside a value; gives where to go on.
    fn step(&mut self, byte: u8, chunk: &Chunk, at: usize, sink: &mut impl FnMut(Frame)) -> usize {
        match (self.line, byte) {
            (line, b'\n' | b'\r') => {
                self.after_return = byte == b'\r';
                if line == Line::Start {
                    self.block_ended(chunk, sink);
                } else {
                    self.count(chunk, 1);
                    self.line_ended();
                }
            }
            (Line::Start | Line::Name, b':') => {
                self.count(chunk, 1);
                let field = if self.line == Line::Start { Field::Comment } else { Field::named(&self.text) };
                self.start_value(field);
            }
            (Line::Start | Line::Name, _) => {
                self.count(chunk, 1);
                self.line = Line::Name;
                if self.text.len() < MAX_FIELD {
                    self.text.push(byte);
                }
            }
            (Line::Space(field), _) => {
                self.line = Line::Value(field);
                if byte != b' ' {
                    return at;
                }
                self.count(chunk, 1);
            }
            (Line::Value(_), _) => {}
        }
        at + 1
    }

    fn start_value(&mut self, field: Field) {
        self.text.clear();
        self.line = match field {
            // A comment has no value; its text is kept as it is.
            Field::Comment => Line::Value(field),
            _ => Line::Space(field),
        };
        if field == Field::Data {
            self.start_data();
        }
    }

    /// Lines of data are joined by LF.
    fn start_data(&mut self) {
        if std::mem::replace(&mut self.has_data, true) && !self.is_lost {
            self.data.push(Bytes::from_static(b"\n"));
        }
    }

    fn count(&mut self, chunk: &Chunk, n_bytes: usize) {
        if !self.is_lost {
            self.trail.add(chunk.at, n_bytes);
        }
    }

    fn value(&mut self, chunk: &Chunk, start: usize, end: usize) {
        self.count(chunk, end - start);
        match self.line {
            Line::Value(Field::Data) if !self.is_lost => self.data.push(chunk.bytes.slice(start..end)),
            Line::Value(_) => {
                let room = MAX_FIELD.saturating_sub(self.text.len()).min(end - start);
                self.text.extend_from_slice(chunk.bytes.get(start..start + room).unwrap_or_default());
            }
            _ => {}
        }
    }

    fn line_ended(&mut self) {
        let field = match std::mem::replace(&mut self.line, Line::Start) {
            Line::Start => return,
            Line::Name => {
                let field = Field::named(&self.text);
                self.text.clear();
                if field == Field::Data {
                    self.start_data();
                }
                field
            }
            Line::Space(field) | Line::Value(field) => field,
        };
        let value = std::mem::take(&mut self.text);
        match field {
            Field::Event => self.event.name = Some(String::from_utf8_lossy(&value).into_owned()),
            Field::Id if value.contains(&0) => self.ignored(),
            Field::Id => self.event.id = Some(String::from_utf8_lossy(&value).into_owned()),
            Field::Retry => match std::str::from_utf8(&value).ok().filter(|text| is_digits(text)) {
                Some(digits) => self.event.retry = Some(digits.parse().unwrap_or(u64::MAX)),
                None => self.ignored(),
            },
            Field::Comment if self.comment.is_none() => {
                let text: Vec<u8> = std::iter::once(b':').chain(value).collect();
                self.comment = Some(text.into());
            }
            Field::Data | Field::Comment | Field::Unknown => {}
        }
    }

    fn ignored(&mut self) {
        note(&mut self.faults, FaultKind::IgnoredField, 0);
    }

    /// A blank line dispatches the event.
    fn block_ended(&mut self, chunk: &Chunk, sink: &mut impl FnMut(Frame)) {
        let is_lost = std::mem::take(&mut self.is_lost);
        if is_lost || self.trail.is_empty() {
            *self = Self { after_return: self.after_return, mark: None, ..Self::new(self.data.limit()) };
            return;
        }
        self.trail.add(chunk.at, 1);
        let event = std::mem::take(&mut self.event);
        let comment = self.comment.take();
        let faults = std::mem::take(&mut self.faults);
        let is_message = event.name.as_deref().is_none_or(|name| name == "message" || name.is_empty());
        let has_data = std::mem::take(&mut self.has_data);
        let comment = comment.filter(|_| !has_data && event == Event::default());
        let carried = self.trail.take(Some(event));
        sink(if is_message && !self.data.is_empty() {
            self.data.take_frame(carried, faults, End::Whole)
        } else {
            let bytes = comment.unwrap_or_else(|| self.data.take_bytes());
            Frame::Stray { carried, bytes, faults }
        });
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
