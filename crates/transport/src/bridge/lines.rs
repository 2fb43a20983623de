//! Messages on lines.

use bytes::Bytes;
use tapgate_wire::frame::{Frame, HEAD, Lines};
use tapgate_wire::stream::Carried;
use tapgate_wire::{Chunk, Message, Shape};

use super::pipe::Pipe;
use crate::clock::Clock;

/// Reads lines until the end, or until the pipe fails, which is an end too. Blank lines say nothing.
pub(super) async fn read(pipe: &Pipe, limit: usize, clock: Clock, mut tell: impl AsyncFnMut(Message)) {
    let mut lines = Lines::new(limit);
    let mut found = Vec::new();
    loop {
        let bytes = pipe.read().await.unwrap_or_default();
        let is_end = bytes.is_empty();
        if is_end {
            lines.finish(&mut |frame| found.extend(message(frame, limit)));
        } else {
            lines.push(&Chunk { at: clock.now(), bytes }, &mut |frame| found.extend(message(frame, limit)));
        }
        for message in found.drain(..) {
            tell(message).await;
        }
        if is_end {
            return;
        }
    }
}

fn message(frame: Frame, limit: usize) -> Option<Message> {
    match frame {
        Frame::Message { message, .. } => Some(message),
        Frame::Stray { bytes, .. } if bytes.trim_ascii().is_empty() => None,
        Frame::Stray { carried, bytes, .. } => Some(stray(&carried, bytes, limit)),
    }
}

/// What is no message, as one of kind [`Other`](tapgate_wire::Kind::Other); `limit` is the framer's.
pub(crate) fn stray(carried: &Carried, bytes: Bytes, limit: usize) -> Message {
    // Of what is too large only the beginning is here, which may look like a message.
    if carried.size > limit as u64 && bytes.len() <= HEAD {
        return Message::oversized(bytes, Shape::of(&Bytes::new()), carried.size);
    }
    Message::parse(bytes)
}
