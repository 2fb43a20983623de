//! Gathers the bytes of one frame, and when they came.

use bytes::Bytes;

use super::{Frame, HEAD, MAX_CHUNKS};
use crate::clock::Nanos;
use crate::fault::{Fault, FaultKind, note};
use crate::message::Message;
use crate::shape::Builder;
use crate::stream::{Carried, Event};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// When which part of a frame came.
#[derive(Debug, Default)]
pub(super) struct Trail {
    chunks: Vec<(Nanos, u32)>,
    size: u64,
}

impl Trail {
    /// Counts bytes of the frame; those of one read come with one time.
    pub(super) fn add(&mut self, at: Nanos, n_bytes: usize) {
        if n_bytes == 0 {
            return;
        }
        self.size += n_bytes as u64;
        let n_bytes = u32::try_from(n_bytes).unwrap_or(u32::MAX);
        let is_full = self.chunks.len() >= MAX_CHUNKS;
        match self.chunks.last_mut() {
            Some((last, n)) if is_full || *last == at => *n = n.saturating_add(n_bytes),
            _ => self.chunks.push((at, n_bytes)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.size == 0
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Gives what was counted and starts anew.
    pub(super) fn take(&mut self, event: Option<Event>) -> Carried {
        let Self { chunks, size } = std::mem::take(self);
        Carried { chunks, size, event }
    }
}

/// What a frame says, as much of it as is kept.
#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    /// All of it, from one read.
    One(Bytes),
    /// All of it, from several.
    Many(Vec<u8>),
    /// The beginning, and the shape as far as it was seen.
    Over { head: Bytes, builder: Box<Builder>, size: u64, has_mark: bool },
}

/// The content of one frame.
#[derive(Debug)]
pub(super) struct Gather {
    limit: usize,
    held: Held,
    /// The last byte, `None` before the first.
    last: Option<u8>,
}

/// Whether the content ended as its transport ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Whole,
    Cut,
}

impl Gather {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(BYTE_ORDER_MARK.len()), held: Held::Nothing, last: None }
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        let Some(&last) = bytes.last() else {
            return;
        };
        self.last = Some(last);
        let limit = self.limit;
        self.held = match std::mem::take(&mut self.held) {
            Held::Nothing if bytes.len() <= limit => Held::One(bytes),
            Held::Nothing => over(limit, &bytes, &[]),
            Held::One(first) if first.len() + bytes.len() <= limit => {
                let mut all = Vec::with_capacity((first.len() + bytes.len()).next_power_of_two().min(limit));
                all.extend_from_slice(&first);
                all.extend_from_slice(&bytes);
                Held::Many(all)
            }
            Held::One(first) => over(limit, &first, &bytes),
            Held::Many(mut all) if all.len() + bytes.len() <= limit => {
                all.extend_from_slice(&bytes);
                Held::Many(all)
            }
            Held::Many(all) => over(limit, &all, &bytes),
            Held::Over { head, mut builder, size, has_mark } => {
                builder.push(&bytes);
                Held::Over { head, builder, size: size + bytes.len() as u64, has_mark }
            }
        };
    }

    /// Counts bytes that were not observed; what came before them is kept as of a large frame.
    pub(super) fn skip(&mut self, n_bytes: u64) {
        let mut held = match std::mem::take(&mut self.held) {
            Held::Nothing => over(self.limit, &[], &[]),
            Held::One(bytes) => over(self.limit, &bytes, &[]),
            Held::Many(all) => over(self.limit, &all, &[]),
            held @ Held::Over { .. } => held,
        };
        if let Held::Over { builder, size, .. } = &mut held {
            builder.skip();
            *size += n_bytes;
        }
        self.held = held;
        self.last.get_or_insert(b' ');
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Takes a CR at the end away, which only ends the line; gives whether there was one.
    pub(super) fn trim_return(&mut self) -> bool {
        if self.last != Some(b'\r') {
            return false;
        }
        match &mut self.held {
            Held::Nothing => {}
            Held::One(bytes) => bytes.truncate(bytes.len().saturating_sub(1)),
            Held::Many(all) => {
                all.pop();
            }
            Held::Over { size, .. } => *size -= 1,
        }
        true
    }

    /// Forgets what was gathered.
    pub(super) fn clear(&mut self) {
        self.held = Held::Nothing;
        self.last = None;
    }

    /// Takes the bytes as they are, of a large frame the beginning.
    pub(super) fn take_bytes(&mut self) -> Bytes {
        self.last = None;
        match std::mem::take(&mut self.held) {
            Held::Nothing => Bytes::new(),
            Held::One(bytes) | Held::Over { head: bytes, .. } => bytes,
            Held::Many(all) => all.into(),
        }
    }

    /// Makes a frame of what was gathered: a message if it is JSON.
    ///
    /// `faults` are what the framer saw; a byte order mark is taken away here.
    pub(super) fn take_frame(&mut self, carried: Carried, mut faults: Vec<Fault>, end: End) -> Frame {
        let message = match std::mem::take(&mut self.held) {
            Held::Over { head, builder, size, has_mark } => {
                if has_mark {
                    note(&mut faults, FaultKind::ByteOrderMark, 0);
                }
                Message::oversized(head, builder.finish(), size)
            }
            held => {
                self.held = held;
                let mut bytes = self.take_bytes();
                if bytes.starts_with(BYTE_ORDER_MARK) {
                    note(&mut faults, FaultKind::ByteOrderMark, 0);
                    bytes = bytes.slice(BYTE_ORDER_MARK.len()..);
                }
                Message::parse(bytes)
            }
        };
        self.last = None;
        frame(carried, message, faults, end)
    }
}

fn frame(carried: Carried, mut message: Message, faults: Vec<Fault>, end: End) -> Frame {
    let broken = message.shape().faults.iter().find(|fault| fault.kind == FaultKind::NotJson).copied();
    let Some(broken) = broken else {
        for fault in faults {
            message.note(fault.kind, fault.at);
        }
        return Frame::Message { carried, message };
    };
    let mut all = faults;
    for fault in &message.shape().faults {
        // What stopped in the middle is not JSON for that reason alone.
        let is_cut = end == End::Cut && fault.kind == FaultKind::NotJson && broken.at >= message.size();
        if !is_cut {
            note(&mut all, fault.kind, fault.at);
        }
    }
    if end == End::Cut {
        note(&mut all, FaultKind::CutShort, message.size());
    }
    Frame::Stray { carried, bytes: message.raw().clone(), faults: all }
}

/// A frame that just outgrew its limit.
fn over(limit: usize, first: &[u8], second: &[u8]) -> Held {
    let has_mark = first.iter().chain(second).take(BYTE_ORDER_MARK.len()).eq(BYTE_ORDER_MARK);
    let mut parts = [first, second];
    if has_mark {
        let mut left = BYTE_ORDER_MARK.len();
        for part in &mut parts {
            let (mark, rest) = part.split_at(left.min(part.len()));
            left -= mark.len();
            *part = rest;
        }
    }
    let mut builder = Box::new(Builder::new());
    // What is here for certain, so that the head does not depend on how the bytes were cut.
    let kept = HEAD.min(limit - BYTE_ORDER_MARK.len());
    let mut head = Vec::with_capacity(kept);
    for part in parts {
        builder.push(part);
        let room = kept - head.len();
        head.extend_from_slice(part.get(..room).unwrap_or(part));
    }
    let size = parts.iter().map(|part| part.len() as u64).sum();
    Held::Over { head: head.into(), builder, size, has_mark }
}
