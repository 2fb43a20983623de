//! The shape of a message: read in pieces as at once, whatever stands there; an unedited message keeps its bytes.

use bytes::Bytes;
use tapgate_wire::fault::FaultKind;
use tapgate_wire::shape::Builder;
use tapgate_wire::{Message, Shape};

use crate::cut;

/// What makes serde's reading differ from ours although both are right.
const OTHER_READING: &[FaultKind] = &[FaultKind::NotUtf8, FaultKind::TooDeep, FaultKind::LoneSurrogate];

pub(crate) fn run(input: &[u8]) {
    let (plan, bytes) = cut::plan(input);
    let raw = Bytes::copy_from_slice(bytes);
    let shape = Shape::of(&raw);
    in_pieces_as_at_once(plan, bytes, &shape);
    stays_as_it_came(&raw, &shape);
    agrees_with_serde(bytes, &shape);
}

fn in_pieces_as_at_once(plan: u8, bytes: &[u8], whole: &Shape) {
    let mut builder = Builder::new();
    for piece in cut::pieces(plan, bytes) {
        builder.push(piece);
    }
    let pieced = builder.finish();
    assert_eq!(pieced.kind, whole.kind);
    assert_eq!(pieced.id, whole.id);
    assert_eq!(pieced.faults, whole.faults);
    // Only what is longer than the bound may be missing.
    let within = |shape: &Shape| {
        let members = shape.members.iter().filter(|(_, raw)| raw.len() as u64 <= Builder::MAX_VALUE);
        members.cloned().collect::<Vec<_>>()
    };
    assert_eq!(within(&pieced), within(whole));
}

fn stays_as_it_came(raw: &Bytes, shape: &Shape) {
    let mut message = Message::parse(raw.clone());
    assert_eq!(message.to_wire(), raw);
    assert_eq!(message.shape(), shape);
    for (_, value) in &shape.members {
        let start = value.as_ptr() as usize - raw.as_ptr() as usize;
        assert!(start + value.len() <= raw.len(), "a member is a slice of its message");
        // Members may lie inside each other, and then the second edit is refused.
        let _ = message.splice(start..start + value.len(), value.clone());
    }
    assert_eq!(message.to_wire(), raw, "splicing in what was there changes nothing");
}

fn agrees_with_serde(bytes: &[u8], shape: &Shape) {
    let has = |kind: FaultKind| shape.faults.iter().any(|fault| fault.kind == kind);
    if OTHER_READING.iter().any(|kind| has(*kind)) {
        return;
    }
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
    assert_eq!(is_json, !has(FaultKind::NotJson), "serde and we disagree on what is JSON");
}
