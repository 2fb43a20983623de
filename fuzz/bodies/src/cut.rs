//! Cuts an input into pieces, as a pipe or a socket might.

use bytes::Bytes;
use tapgate_wire::{Chunk, Nanos};

/// Splits off the bytes that say how to cut: the first one.
pub(crate) fn plan(input: &[u8]) -> (u8, &[u8]) {
    input.split_first().map_or((0, input), |(plan, rest)| (*plan, rest))
}

/// Cuts `bytes` by `plan`: 0 into single bytes, else into pieces whose lengths follow from it; some are empty.
pub(crate) fn pieces(plan: u8, bytes: &[u8]) -> Vec<&[u8]> {
    let mut state = u32::from(plan);
    let mut rest = bytes;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        // A linear congruential step is enough: the fuzzer chooses the plan.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = if plan == 0 { 1 } else { (state >> 16) as usize % (usize::from(plan) + 1) };
        let (piece, after) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// The pieces as reads with rising times.
pub(crate) fn chunks(plan: u8, bytes: &[u8]) -> Vec<Chunk> {
    let times = (1..).map(Nanos);
    times
        .zip(pieces(plan, bytes))
        .map(|(at, piece)| Chunk { at, bytes: Bytes::copy_from_slice(piece) })
        .collect()
}
