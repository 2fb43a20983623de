//! The grammar of RFC 8259 as a state machine that may be stopped at any byte.

mod escape;

use escape::is_escape;

use super::scalar::Digits;
use super::skim::Skim;
use super::text::plain_run;
use super::{Container, Event, Literal, MAX_DEPTH, Span};
use crate::fault::{Fault, FaultKind};

/// Reads one document in pieces.
#[derive(Clone, Debug, Default)]
pub struct Scanner {
    state: State,
    /// Offset of the first byte of the piece at hand.
    base: u64,
    /// Offset of the first byte of the token at hand.
    token: u64,
    /// Whether the string at hand is a name, and whether it holds a backslash.
    is_key: bool,
    escaped: bool,
    /// Where the escape at hand began, and the digits of `\u` read so far.
    escape: u64,
    hex: u32,
    /// Where a high surrogate stands that waits for its low one.
    high: Option<u64>,
    /// Open levels; a set bit is an object. Levels below `MAX_DEPTH` are only counted.
    levels: [u64; MAX_DEPTH / 64],
    depth: usize,
    /// Whether the innermost level is an object.
    in_object: bool,
    skim: Skim,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// A value must come.
    #[default]
    Value,
    /// Behind `[`: a value or `]`.
    FirstValue,
    /// Behind `{`: a name or `}`.
    FirstKey,
    /// Behind a comma in an object.
    Key,
    /// Behind a name.
    Colon,
    /// Behind a value inside brackets.
    After,
    /// Behind the document's value: only white space may come.
    Done,
    Text,
    Escape,
    /// Digits of `\u` that are still to come.
    Hex(u8),
    Number(Digits),
    /// The word and how many of its bytes were seen.
    Literal(Literal, u8),
    Deep,
    Failed,
}

impl Scanner {
    /// A scanner before the first byte of a document.
    #[inline]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the next piece and tells `sink` the tokens that end in it.
    ///
    /// # Errors
    ///
    /// [`FaultKind::NotJson`] at the first byte that cannot be; every later call repeats it.
    #[inline]
    pub fn push(&mut self, piece: &[u8], sink: &mut impl FnMut(Event)) -> Result<(), Fault> {
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            at = match self.state {
                State::Text => self.text(piece, at, sink)?,
                State::Escape | State::Hex(_) => self.escape(byte, at, sink)?,
                State::Number(digits) => self.number(digits, byte, at, sink)?,
                State::Literal(literal, seen) => self.literal(literal, seen, byte, at, sink)?,
                State::Deep => self.deep(byte, at, sink),
                State::Failed => return Err(self.failed()),
                _ => self.structure(piece, byte, at, sink)?,
            };
        }
        self.base += piece.len() as u64;
        Ok(())
    }

    /// Says that the document ends here; tells a number that only its end ends.
    ///
    /// # Errors
    ///
    /// [`FaultKind::NotJson`] when the document is not complete.
    #[inline]
    pub fn finish(&mut self, sink: &mut impl FnMut(Event)) -> Result<(), Fault> {
        if let State::Number(digits) = self.state
            && digits.may_end()
        {
            sink(Event::Number(Span { start: self.token, end: self.base }));
            self.value_ended();
        }
        match self.state {
            State::Done => Ok(()),
            State::Failed => Err(self.failed()),
            _ => Err(self.fail(0)),
        }
    }

    /// Whether the document's value is complete, so that only white space may follow.
    ///
    /// A bare number is complete only at its end, so never here.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Where the string, number or word at hand began, `None` between tokens.
    pub fn open_token(&self) -> Option<u64> {
        match self.state {
            State::Text | State::Escape | State::Hex(_) | State::Number(_) | State::Literal(..) => {
                Some(self.token)
            }
            _ => None,
        }
    }

    #[cold]
    fn fail(&mut self, at: usize) -> Fault {
        self.token = self.base + at as u64;
        self.state = State::Failed;
        self.failed()
    }

    /// The fault that ended the scan; `token` is where it stands.
    fn failed(&self) -> Fault {
        Fault { kind: FaultKind::NotJson, at: self.token }
    }

    #[inline]
    fn value_ended(&mut self) {
        self.state = if self.depth == 0 { State::Done } else { State::After };
    }

    /// A byte between tokens.
    #[inline]
    fn structure(
        &mut self,
        piece: &[u8],
        byte: u8,
        at: usize,
        sink: &mut impl FnMut(Event),
    ) -> Result<usize, Fault> {
        match (self.state, byte) {
            (State::Key | State::FirstKey, b'"') => return self.start_text(piece, at, true, sink),
            (State::Value | State::FirstValue, b'"') => return self.start_text(piece, at, false, sink),
            (_, b' ' | b'\t' | b'\n' | b'\r') => {}
            (State::Colon, b':') => self.state = State::Value,
            (State::After, b',') => self.comma(),
            (State::FirstKey, b'}') => self.close(Container::Object, at, sink),
            (State::FirstValue, b']') => self.close(Container::Array, at, sink),
            (State::After, b'}') if self.in_object => self.close(Container::Object, at, sink),
            (State::After, b']') if !self.in_object => self.close(Container::Array, at, sink),
            (State::Value | State::FirstValue, b'{') => self.open(Container::Object, at, sink),
            (State::Value | State::FirstValue, b'[') => self.open(Container::Array, at, sink),
            (State::Value | State::FirstValue, _) => self.start_scalar(byte, at)?,
            _ => return Err(self.fail(at)),
        }
        Ok(at + 1)
    }

    #[inline]
    fn comma(&mut self) {
        self.state = if self.in_object { State::Key } else { State::Value };
    }

    #[inline]
    fn start_scalar(&mut self, byte: u8, at: usize) -> Result<(), Fault> {
        self.state = match byte {
            b'-' => State::Number(Digits::Minus),
            b'0' => State::Number(Digits::Zero),
            b'1'..=b'9' => State::Number(Digits::Integer),
            b't' => State::Literal(Literal::True, 1),
            b'f' => State::Literal(Literal::False, 1),
            b'n' => State::Literal(Literal::Null, 1),
            _ => return Err(self.fail(at)),
        };
        self.token = self.base + at as u64;
        Ok(())
    }

    #[inline]
    fn start_text(
        &mut self,
        piece: &[u8],
        at: usize,
        is_key: bool,
        sink: &mut impl FnMut(Event),
    ) -> Result<usize, Fault> {
        self.token = self.base + at as u64;
        self.is_key = is_key;
        self.escaped = false;
        self.state = State::Text;
        self.text(piece, at + 1, sink)
    }

    #[inline]
    fn open(&mut self, container: Container, at: usize, sink: &mut impl FnMut(Event)) {
        let at = self.base + at as u64;
        let Some(bits) = self.levels.get_mut(self.depth / 64) else {
            self.token = at;
            self.skim = Skim::default();
            self.state = State::Deep;
            sink(Event::Odd(Fault { kind: FaultKind::TooDeep, at }));
            return;
        };
        let bit = 1 << (self.depth % 64);
        match container {
            Container::Object => {
                *bits |= bit;
                self.state = State::FirstKey;
            }
            Container::Array => {
                *bits &= !bit;
                self.state = State::FirstValue;
            }
        }
        self.in_object = container == Container::Object;
        self.depth += 1;
        sink(Event::Open { container, at });
    }

    #[inline]
    fn close(&mut self, container: Container, at: usize, sink: &mut impl FnMut(Event)) {
        self.depth = self.depth.saturating_sub(1);
        let outer = self.depth.wrapping_sub(1);
        self.in_object = self.levels.get(outer / 64).is_some_and(|bits| bits >> (outer % 64) & 1 == 1);
        self.value_ended();
        sink(Event::Close { container, at: self.base + at as u64 });
    }

    /// The inside of a string, as far as the piece holds it.
    #[inline]
    fn text(&mut self, piece: &[u8], mut at: usize, sink: &mut impl FnMut(Event)) -> Result<usize, Fault> {
        loop {
            let end = at + plain_run(piece.get(at..).unwrap_or_default());
            let stop = piece.get(end).copied();
            if self.high.is_some() && (end > at || stop == Some(b'"')) {
                self.lone_surrogate(sink);
            }
            match stop {
                None => return Ok(end),
                Some(b'"') => return Ok(self.text_ended(piece, end, sink)),
                Some(b'\\') => {
                    self.escaped = true;
                    let next = piece.get(end + 1).copied();
                    if next.is_none_or(|byte| !is_escape(byte)) || self.high.is_some() {
                        self.escape = self.base + end as u64;
                        self.state = State::Escape;
                        return Ok(end + 1);
                    }
                    at = end + 2;
                }
                Some(_) => return Err(self.fail(end)),
            }
        }
    }

    /// The quote that ends a string; takes what mostly follows with it.
    #[inline]
    fn text_ended(&mut self, piece: &[u8], end: usize, sink: &mut impl FnMut(Event)) -> usize {
        let span = Span { start: self.token, end: self.base + end as u64 + 1 };
        let escaped = self.escaped;
        let next = piece.get(end + 1).copied();
        if self.is_key {
            self.state = State::Colon;
            sink(Event::Key { span, escaped });
            if next == Some(b':') {
                self.state = State::Value;
                return end + 2;
            }
        } else {
            self.value_ended();
            sink(Event::String { span, escaped });
            if next == Some(b',') && self.depth > 0 {
                self.comma();
                return end + 2;
            }
        }
        end + 1
    }

    #[inline]
    fn number(
        &mut self,
        digits: Digits,
        byte: u8,
        at: usize,
        sink: &mut impl FnMut(Event),
    ) -> Result<usize, Fault> {
        if let Some(next) = digits.next(byte) {
            self.state = State::Number(next);
            return Ok(at + 1);
        }
        if !digits.may_end() {
            return Err(self.fail(at));
        }
        sink(Event::Number(Span { start: self.token, end: self.base + at as u64 }));
        self.value_ended();
        Ok(at)
    }

    fn literal(
        &mut self,
        literal: Literal,
        seen: u8,
        byte: u8,
        at: usize,
        sink: &mut impl FnMut(Event),
    ) -> Result<usize, Fault> {
        let word = literal.word();
        if word.get(usize::from(seen)) != Some(&byte) {
            return Err(self.fail(at));
        }
        self.state = State::Literal(literal, seen + 1);
        if usize::from(seen) + 1 == word.len() {
            self.value_ended();
            sink(Event::Literal(literal, Span { start: self.token, end: self.base + at as u64 + 1 }));
        }
        Ok(at + 1)
    }

    fn deep(&mut self, byte: u8, at: usize, sink: &mut impl FnMut(Event)) -> usize {
        if self.skim.is_end(byte) {
            self.value_ended();
            sink(Event::Deep(Span { start: self.token, end: self.base + at as u64 + 1 }));
        }
        at + 1
    }
}
