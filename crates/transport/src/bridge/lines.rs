//! Frames on lines.

use tapgate_wire::Chunk;
use tapgate_wire::frame::{Frame, Lines};

use super::pipe::Pipe;
use crate::clock::Clock;

/// Reads lines until the end, or until the pipe fails, which is an end too.
pub(super) async fn read(pipe: &Pipe, limit: usize, clock: Clock, mut tell: impl AsyncFnMut(Frame)) {
    let mut lines = Lines::new(limit);
    let mut found = Vec::new();
    loop {
        let bytes = pipe.read().await.unwrap_or_default();
        let is_end = bytes.is_empty();
        if is_end {
            lines.finish(&mut |frame| found.push(frame));
        } else {
            lines.push(&Chunk { at: clock.now(), bytes }, &mut |frame| found.push(frame));
        }
        for frame in found.drain(..) {
            tell(frame).await;
        }
        if is_end {
            return;
        }
    }
}
