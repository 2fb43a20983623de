//! Builds shapes: of a message at hand in one go, of one that is too large to keep in pieces.

use bytes::Bytes;

use super::walk::Walk;
use super::{Kind, MAX_PARTS, Shape};
use crate::Message;
use crate::fault::{Fault, FaultKind, note};
use crate::json::{Container, Event, Scanner, Span, Utf8, scan};

/// The bytes around the token at hand.
pub(super) struct Window<'a> {
    bytes: &'a [u8],
    /// Offset of the first of them.
    base: u64,
    /// The whole message, when it is at hand.
    whole: Option<&'a Bytes>,
}

impl<'a> Window<'a> {
    /// The bytes of a token that just ended, unless it is longer than what is kept.
    #[inline]
    pub(super) fn text(&self, span: Span) -> Option<&'a [u8]> {
        if self.whole.is_none() && span.len() > Builder::MAX_VALUE {
            return None;
        }
        let place = Span { start: span.start.checked_sub(self.base)?, end: span.end.checked_sub(self.base)? };
        place.of(self.bytes)
    }

    /// The bytes of an earlier token, when the whole message is at hand.
    #[inline]
    pub(super) fn whole(&self, span: Span) -> Option<&'a [u8]> {
        span.of(self.whole?)
    }

    /// The bytes of a value that just ended, to keep: a slice of the whole message or a copy.
    #[inline]
    pub(super) fn keep(&self, span: Span) -> Option<Bytes> {
        match self.whole {
            Some(whole) => (span.end <= whole.len() as u64).then(|| whole.slice(span.range())),
            None => self.text(span).map(Bytes::copy_from_slice),
        }
    }
}

pub(super) fn read(raw: &Bytes) -> Shape {
    let window = Window { bytes: raw, base: 0, whole: Some(raw) };
    let utf8 = std::str::from_utf8(raw).err().map(|error| error.valid_up_to() as u64);
    if raw.trim_ascii_start().first() == Some(&b'[') {
        let mut reading = Reading::new();
        let broken = scan(raw, &mut |event| reading.on(event, &window)).err();
        return reading.finish(broken, utf8);
    }
    let mut walk = Walk::new(0);
    let broken = scan(raw, &mut |event| walk.on(event, &window)).err();
    shape(broken, utf8, || walk.finish())
}

/// The shape of a document that may not be JSON or UTF-8.
fn shape(broken: Option<Fault>, utf8: Option<u64>, read: impl FnOnce() -> Shape) -> Shape {
    let mut shape = match broken {
        None => read(),
        Some(fault) => {
            Shape { kind: Kind::Other, id: None, members: Vec::new(), parts: Vec::new(), faults: vec![fault] }
        }
    };
    if let Some(at) = utf8 {
        note(&mut shape.faults, FaultKind::NotUtf8, at);
    }
    shape
}

/// Builds the shape of a message from pieces that may be cut anywhere, in memory that does not grow with it.
///
/// Values longer than [`Builder::MAX_VALUE`] are left out of the members; kind, id and faults are those
/// of the whole message, wherever in it they stand.
#[derive(Debug)]
pub struct Builder {
    scanner: Scanner,
    reading: Reading,
    utf8: Utf8,
    broken: Option<Fault>,
    /// Bytes are missing, so nothing behind them is read.
    has_hole: bool,
    /// The last bytes read, as far back as an open token or value may still need them, and their offset.
    window: Vec<u8>,
    base: u64,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// Bytes of the longest value that is kept.
    pub const MAX_VALUE: u64 = 4096;

    /// Bytes that are looked at in one go.
    const STRIDE: usize = 16 * 1024;

    /// A builder before the first byte of a message.
    pub fn new() -> Self {
        Self {
            scanner: Scanner::new(),
            reading: Reading::new(),
            utf8: Utf8::default(),
            broken: None,
            has_hole: false,
            window: Vec::new(),
            base: 0,
        }
    }

    /// Reads the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        if self.has_hole {
            return;
        }
        self.utf8.push(piece);
        for stride in piece.chunks(Self::STRIDE) {
            if self.broken.is_some() {
                return;
            }
            self.window.extend_from_slice(stride);
            let window = Window { bytes: &self.window, base: self.base, whole: None };
            let reading = &mut self.reading;
            self.broken = self.scanner.push(stride, &mut |event| reading.on(event, &window)).err();
            self.slide();
        }
    }

    /// Says that bytes are missing here: the shape is that of what came before, and what is open counts as there.
    pub fn skip(&mut self) {
        self.has_hole = true;
        self.window = Vec::new();
    }

    /// Says that the message ends here.
    pub fn finish(mut self) -> Shape {
        if self.has_hole {
            return self.reading.finish_open(self.broken);
        }
        let window = Window { bytes: &self.window, base: self.base, whole: None };
        let reading = &mut self.reading;
        let broken =
            self.broken.or_else(|| self.scanner.finish(&mut |event| reading.on(event, &window)).err());
        self.reading.finish(broken, self.utf8.finish())
    }

    /// Forgets what nothing open needs any more.
    fn slide(&mut self) {
        let end = self.base + self.window.len() as u64;
        let token = self.scanner.open_token().filter(|start| end - start <= Self::MAX_VALUE);
        let value = self.reading.keeps_from(end, Self::MAX_VALUE);
        let start = [token, value].into_iter().flatten().min().unwrap_or(end);
        self.window.drain(..Span { start: self.base, end: start }.len() as usize);
        self.base = start;
    }
}

/// One message, or the messages of a batch.
#[derive(Debug)]
struct Reading {
    depth: usize,
    is_batch: bool,
    walk: Walk,
    parts: Vec<Message>,
    n_parts: usize,
    /// Where the part at hand began.
    part: u64,
    faults: Vec<Fault>,
}

impl Reading {
    fn new() -> Self {
        Self {
            depth: 0,
            is_batch: false,
            walk: Walk::new(0),
            parts: Vec::new(),
            n_parts: 0,
            part: 0,
            faults: Vec::new(),
        }
    }

    #[inline]
    fn on(&mut self, event: Event, window: &Window<'_>) {
        if self.is_batch {
            self.on_batch(event, window);
            return;
        }
        if self.depth == 0 && matches!(event, Event::Open { container: Container::Array, .. }) {
            self.is_batch = true;
        } else {
            self.walk.on(event, window);
        }
        if let Event::Open { .. } = event {
            self.depth = 1;
        }
    }

    /// An event inside the brackets of a batch, or their end.
    fn on_batch(&mut self, event: Event, window: &Window<'_>) {
        let (span, is_open) = match event {
            Event::Open { at, .. } => (Span { start: at, end: at + 1 }, true),
            Event::Close { at, .. } => (Span { start: self.part, end: at + 1 }, false),
            Event::Key { span, .. }
            | Event::String { span, .. }
            | Event::Number(span)
            | Event::Literal(_, span)
            | Event::Deep(span) => (span, false),
            Event::Odd(fault) => {
                // It is told before the string that it is in, which may be a part of its own.
                note(&mut self.faults, fault.kind, fault.at);
                return;
            }
        };
        if self.depth == 1 && !matches!(event, Event::Close { .. }) {
            self.part = span.start;
            self.walk = Walk::new(span.start);
        }
        match event {
            Event::Close { .. } if self.depth == 1 => {
                self.depth = 0;
                return;
            }
            Event::Close { .. } => self.depth -= 1,
            _ => self.depth += usize::from(is_open),
        }
        self.walk.on(event, window);
        if self.depth == 1 {
            self.part_ended(Span { start: self.part, end: span.end }, window);
        }
    }

    fn part_ended(&mut self, span: Span, window: &Window<'_>) {
        self.n_parts += 1;
        if self.parts.len() == MAX_PARTS {
            note(&mut self.faults, FaultKind::TooManyParts, span.start);
            return;
        }
        let shape = std::mem::replace(&mut self.walk, Walk::new(span.end)).finish();
        self.parts.push(match window.keep(span) {
            Some(raw) => Message::whole(raw, shape),
            None => Message::oversized(Bytes::new(), shape, span.len()),
        });
    }

    fn keeps_from(&self, end: u64, max: u64) -> Option<u64> {
        let part = (self.is_batch && self.depth > 1 && end - self.part <= max).then_some(self.part);
        part.or_else(|| self.walk.keeps_from(end, max))
    }

    /// The shape of a message whose rest is missing; a batch is the messages that ended.
    fn finish_open(mut self, broken: Option<Fault>) -> Shape {
        self.walk.find_open();
        let mut shape = self.finish(broken, None);
        // What was not seen may be there.
        shape.faults.retain(|fault| !matches!(fault.kind, FaultKind::MissingId | FaultKind::MissingVersion));
        shape
    }

    fn finish(self, broken: Option<Fault>, utf8: Option<u64>) -> Shape {
        shape(broken, utf8, || {
            if !self.is_batch {
                return self.walk.finish();
            }
            let mut faults = self.faults;
            if self.n_parts == 0 {
                note(&mut faults, FaultKind::EmptyBatch, 0);
            }
            Shape { kind: Kind::Batch, id: None, members: Vec::new(), parts: self.parts, faults }
        })
    }
}
