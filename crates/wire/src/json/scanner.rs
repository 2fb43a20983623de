//! The grammar of RFC 8259 as a state machine that may be stopped at any byte.

use super::text::plain_run;
use super::{Container, Event, Literal, MAX_DEPTH, Span};
use crate::fault::{Fault, FaultKind};

/// Reads one document in pieces.
#[derive(Clone, Debug)]
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
    n_deep: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value must come.
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
    DeepText,
    DeepEscape,
    Failed,
}

/// Where in a number the scanner is: RFC 8259, section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// A scanner before the first byte of a document.
    #[inline]
    pub fn new() -> Self {
        Self {
            state: State::Value,
            base: 0,
            token: 0,
            is_key: false,
            escaped: false,
            escape: 0,
            hex: 0,
            high: None,
            levels: [0; MAX_DEPTH / 64],
            depth: 0,
            n_deep: 0,
        }
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
                State::Deep | State::DeepText | State::DeepEscape => self.deep(byte, at, sink),
                State::Failed => return Err(self.failed()),
                _ => self.structure(byte, at, sink)?,
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
            sink(Event::Number(Span {
                start: self.token,
                end: self.base,
            }));
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
        Fault {
            kind: FaultKind::NotJson,
            at: self.token,
        }
    }

    #[inline]
    fn in_object(&self) -> bool {
        self.depth.checked_sub(1).is_some_and(|level| {
            self.levels
                .get(level / 64)
                .is_some_and(|bits| bits >> (level % 64) & 1 == 1)
        })
    }

    #[inline]
    fn value_ended(&mut self) {
        self.state = if self.depth == 0 {
            State::Done
        } else {
            State::After
        };
    }

    /// A byte between tokens.
    #[inline]
    fn structure(&mut self, byte: u8, at: usize, sink: &mut impl FnMut(Event)) -> Result<usize, Fault> {
        match (self.state, byte) {
            (_, b' ' | b'\t' | b'\n' | b'\r') => {}
            (State::Key | State::FirstKey, b'"') => self.start_text(at, true),
            (State::Colon, b':') => self.state = State::Value,
            (State::After, b',') => {
                self.state = if self.in_object() {
                    State::Key
                } else {
                    State::Value
                };
            }
            (State::FirstKey, b'}') => self.close(Container::Object, at, sink),
            (State::FirstValue, b']') => self.close(Container::Array, at, sink),
            (State::After, b'}') if self.in_object() => self.close(Container::Object, at, sink),
            (State::After, b']') if !self.in_object() => self.close(Container::Array, at, sink),
            (State::Value | State::FirstValue, _) => self.start_value(byte, at, sink)?,
            _ => return Err(self.fail(at)),
        }
        Ok(at + 1)
    }

    #[inline]
    fn start_value(&mut self, byte: u8, at: usize, sink: &mut impl FnMut(Event)) -> Result<(), Fault> {
        match byte {
            b'"' => {
                self.start_text(at, false);
                return Ok(());
            }
            b'{' => {
                self.open(Container::Object, at, sink);
                return Ok(());
            }
            b'[' => {
                self.open(Container::Array, at, sink);
                return Ok(());
            }
            b'-' => self.state = State::Number(Digits::Minus),
            b'0' => self.state = State::Number(Digits::Zero),
            b'1'..=b'9' => self.state = State::Number(Digits::Integer),
            b't' => self.state = State::Literal(Literal::True, 1),
            b'f' => self.state = State::Literal(Literal::False, 1),
            b'n' => self.state = State::Literal(Literal::Null, 1),
            _ => return Err(self.fail(at)),
        }
        self.token = self.base + at as u64;
        Ok(())
    }

    #[inline]
    fn start_text(&mut self, at: usize, is_key: bool) {
        self.token = self.base + at as u64;
        self.is_key = is_key;
        self.escaped = false;
        self.state = State::Text;
    }

    #[inline]
    fn open(&mut self, container: Container, at: usize, sink: &mut impl FnMut(Event)) {
        let at = self.base + at as u64;
        let Some(bits) = self.levels.get_mut(self.depth / 64) else {
            self.token = at;
            self.n_deep = 1;
            self.state = State::Deep;
            sink(Event::Odd(Fault {
                kind: FaultKind::TooDeep,
                at,
            }));
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
        self.depth += 1;
        sink(Event::Open { container, at });
    }

    #[inline]
    fn close(&mut self, container: Container, at: usize, sink: &mut impl FnMut(Event)) {
        self.depth = self.depth.saturating_sub(1);
        self.value_ended();
        sink(Event::Close {
            container,
            at: self.base + at as u64,
        });
    }

    #[inline]
    fn text(&mut self, piece: &[u8], at: usize, sink: &mut impl FnMut(Event)) -> Result<usize, Fault> {
        let end = at + plain_run(piece.get(at..).unwrap_or_default());
        let stop = piece.get(end).copied();
        if self.high.is_some() && (end > at || stop == Some(b'"')) {
            self.lone_surrogate(sink);
        }
        match stop {
            None => {}
            Some(b'"') => {
                let span = Span {
                    start: self.token,
                    end: self.base + end as u64 + 1,
                };
                let escaped = self.escaped;
                if self.is_key {
                    self.state = State::Colon;
                    sink(Event::Key { span, escaped });
                } else {
                    self.value_ended();
                    sink(Event::String { span, escaped });
                }
            }
            Some(b'\\') => {
                self.escape = self.base + end as u64;
                self.escaped = true;
                self.state = State::Escape;
            }
            Some(_) => return Err(self.fail(end)),
        }
        Ok(end + 1)
    }

    #[cold]
    fn lone_surrogate(&mut self, sink: &mut impl FnMut(Event)) {
        if let Some(at) = self.high.take() {
            sink(Event::Odd(Fault {
                kind: FaultKind::LoneSurrogate,
                at,
            }));
        }
    }

    fn escape(&mut self, byte: u8, at: usize, sink: &mut impl FnMut(Event)) -> Result<usize, Fault> {
        match (self.state, byte) {
            (State::Escape, b'u') => {
                self.hex = 0;
                self.state = State::Hex(4);
            }
            (State::Escape, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.lone_surrogate(sink);
                self.state = State::Text;
            }
            (State::Hex(left), _) => {
                let Some(digit) = char::from(byte).to_digit(16) else {
                    return Err(self.fail(at));
                };
                self.hex = self.hex << 4 | digit;
                self.state = State::Hex(left - 1);
                if left == 1 {
                    self.unit_ended(sink);
                }
            }
            _ => return Err(self.fail(at)),
        }
        Ok(at + 1)
    }

    /// A `\u` escape ended: is it half of a pair?
    fn unit_ended(&mut self, sink: &mut impl FnMut(Event)) {
        self.state = State::Text;
        let is_low = (0xdc00..0xe000).contains(&self.hex);
        if is_low && self.high.take().is_some() {
            return;
        }
        self.lone_surrogate(sink);
        if is_low {
            sink(Event::Odd(Fault {
                kind: FaultKind::LoneSurrogate,
                at: self.escape,
            }));
        } else if (0xd800..0xdc00).contains(&self.hex) {
            self.high = Some(self.escape);
        }
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
        sink(Event::Number(Span {
            start: self.token,
            end: self.base + at as u64,
        }));
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
            sink(Event::Literal(
                literal,
                Span {
                    start: self.token,
                    end: self.base + at as u64 + 1,
                },
            ));
        }
        Ok(at + 1)
    }

    /// A byte below the deepest level that is followed.
    fn deep(&mut self, byte: u8, at: usize, sink: &mut impl FnMut(Event)) -> usize {
        match (self.state, byte) {
            (State::Deep, b'[' | b'{') => self.n_deep += 1,
            (State::Deep, b']' | b'}') => self.n_deep -= 1,
            (State::DeepText, b'\\') => self.state = State::DeepEscape,
            (State::DeepText, b'"') => self.state = State::Deep,
            (State::Deep, b'"') | (State::DeepEscape, _) => self.state = State::DeepText,
            _ => {}
        }
        if self.n_deep == 0 {
            self.value_ended();
            sink(Event::Deep(Span {
                start: self.token,
                end: self.base + at as u64 + 1,
            }));
        }
        at + 1
    }
}

impl Digits {
    #[inline]
    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Integer | Self::Fraction | Self::Power)
    }

    #[inline]
    fn next(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Minus, b'0') => Some(Self::Zero),
            (Self::Minus | Self::Integer, b'0'..=b'9') => Some(Self::Integer),
            (Self::Zero | Self::Integer, b'.') => Some(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Some(Self::Exponent),
            (Self::Exponent, b'+' | b'-') => Some(Self::Sign),
            (Self::Exponent | Self::Sign | Self::Power, b'0'..=b'9') => Some(Self::Power),
            _ => None,
        }
    }
}

impl Literal {
    fn word(self) -> &'static [u8] {
        match self {
            Self::True => b"true",
            Self::False => b"false",
            Self::Null => b"null",
        }
    }
}
