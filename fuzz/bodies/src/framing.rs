//! Lines and bodies: cut anywhere they give the same frames as uncut, and every byte belongs to a frame.

use tapgate_wire::frame::{Body, Frame, LIMIT, Lines};
use tapgate_wire::stream::Ending;
use tapgate_wire::{Chunk, Nanos};

use crate::cut;

/// A limit that inputs of a fuzzer go beyond.
const LOW: usize = 48;

pub(crate) fn run(input: &[u8]) {
    let (plan, bytes) = cut::plan(input);
    let whole = [Chunk {
        at: Nanos(1),
        bytes: bytes::Bytes::copy_from_slice(bytes),
    }];
    let pieces = cut::chunks(plan, bytes);
    for limit in [LOW, LIMIT] {
        let uncut = lines(limit, &whole);
        let n_framed: u64 = uncut.iter().map(|frame| carried(frame).size).sum();
        assert_eq!(n_framed, bytes.len() as u64, "every byte belongs to a line");
        assert_eq!(
            without_times(lines(limit, &pieces)),
            without_times(uncut),
            "limit {limit}"
        );
        assert_eq!(
            without_times(body(limit, &pieces)),
            without_times(body(limit, &whole)),
            "limit {limit}"
        );
    }
    for frame in lines(LIMIT, &whole) {
        assert!(is_inside(bytes, kept(&frame)), "a line is a slice of what came");
    }
}

fn lines(limit: usize, chunks: &[Chunk]) -> Vec<Frame> {
    let mut framer = Lines::new(limit);
    let mut found = Vec::new();
    for chunk in chunks {
        framer.push(chunk, &mut |frame| found.push(frame));
    }
    framer.finish(&mut |frame| found.push(frame));
    found
}

fn body(limit: usize, chunks: &[Chunk]) -> Vec<Frame> {
    let mut framer = Body::new(limit);
    let mut found = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
    }
    framer.finish(&Ending::Clean, &mut |frame| found.push(frame));
    found
}

/// The frames without when their bytes came, after a look at whether the pieces add up.
pub(crate) fn without_times(mut frames: Vec<Frame>) -> Vec<Frame> {
    for frame in &mut frames {
        let (Frame::Message { carried, .. } | Frame::Stray { carried, .. }) = frame;
        let n_bytes: u64 = carried
            .chunks
            .iter()
            .map(|(_, n_bytes)| u64::from(*n_bytes))
            .sum();
        assert_eq!(n_bytes, carried.size, "the pieces of a frame add up to its size");
        assert!(carried.chunks.is_sorted(), "time goes forward");
        carried.chunks.clear();
    }
    frames
}

pub(crate) fn carried(frame: &Frame) -> &tapgate_wire::stream::Carried {
    let (Frame::Message { carried, .. } | Frame::Stray { carried, .. }) = frame;
    carried
}

fn kept(frame: &Frame) -> &[u8] {
    match frame {
        Frame::Message { message, .. } => message.raw(),
        Frame::Stray { bytes, .. } => bytes,
    }
}

fn is_inside(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}
