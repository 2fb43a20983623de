//! Escapes of strings, and which halves of surrogate pairs are alone.

use super::{Scanner, State};
use crate::fault::{Fault, FaultKind};
use crate::json::Event;

impl Scanner {
    /// Tells the high surrogate that waits in vain.
    #[cold]
    pub(super) fn lone_surrogate(&mut self, sink: &mut impl FnMut(Event)) {
        if let Some(at) = self.high.take() {
            sink(Event::Odd(Fault { kind: FaultKind::LoneSurrogate, at }));
        }
    }

    /// A byte behind a backslash: one letter, or `u` and four digits.
    pub(super) fn escape(
        &mut self,
        byte: u8,
        at: usize,
        sink: &mut impl FnMut(Event),
    ) -> Result<usize, Fault> {
        match (self.state, byte) {
            (State::Escape, b'u') => {
                self.hex = 0;
                self.state = State::Hex(4);
            }
            (State::Escape, _) if is_escape(byte) => {
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
            sink(Event::Odd(Fault { kind: FaultKind::LoneSurrogate, at: self.escape }));
        } else if (0xd800..0xdc00).contains(&self.hex) {
            self.high = Some(self.escape);
        }
    }
}

/// Whether a byte behind a backslash is an escape of one letter: RFC 8259, section 7.
#[inline]
pub(super) fn is_escape(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')
}
