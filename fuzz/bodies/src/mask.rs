//! Masking: a secret never survives, wherever it stands; a masked message has the shape of the raw one.

use tapgate_wire::fault::FaultKind;
use tapgate_wire::mask::{Level, Masker, TextStream};
use tapgate_wire::shape::{Kind, Member};
use tapgate_wire::{Shape, json};

use crate::cut;

pub(crate) fn run(input: &[u8]) {
    let (plan, bytes) = cut::plan(input);
    keeps_the_shape(bytes);
    let secret = secret(input);
    let (before, after) = bytes.split_at(bytes.len() * usize::from(plan) / 256);
    let planted = [before, b"\n", secret.as_bytes(), b"\n", after].concat();
    assert_gone(&secret, masker().text(&planted).masked.bytes(), "text");
    assert_gone(
        &secret,
        masker().message(&planted).masked.bytes(),
        "a message that is none",
    );
    assert_gone(
        &secret,
        masker().message(&result(&planted)).masked.bytes(),
        "a result",
    );
    assert_gone(
        &secret,
        masker().message(&result(&result(&planted))).masked.bytes(),
        "JSON inside a string",
    );
    assert_gone(&secret, &streamed(plan, &planted), "text in pieces");
}

fn masker() -> Masker {
    Masker::new([7; 32], Level::Masked)
}

/// A made-up token of a well-known shape.
///
/// It follows from the input, so that no input can hold it already in a place where it is none.
fn secret(input: &[u8]) -> String {
    let mut state = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |state, byte| {
        (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let letters = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from_digit((state >> 33) as u32 % 36, 36).unwrap_or('0')
    });
    "ghp_".chars().chain(letters.take(36)).collect()
}

fn assert_gone(secret: &str, masked: &[u8], place: &str) {
    let found = masked
        .windows(secret.len())
        .any(|window| window == secret.as_bytes());
    assert!(
        !found,
        "the secret survives in {place}: {:?}",
        String::from_utf8_lossy(masked)
    );
}

fn streamed(plan: u8, text: &[u8]) -> Vec<u8> {
    let mut masker = masker();
    let mut stream = TextStream::default();
    let pieces = cut::pieces(plan, text).into_iter();
    let mut told: Vec<_> = pieces
        .filter_map(|piece| stream.push(&mut masker, piece))
        .collect();
    told.extend(stream.finish(&mut masker));
    told.iter().flat_map(|out| out.masked.bytes().to_vec()).collect()
}

/// A tool's answer with `text` in it.
fn result(text: &[u8]) -> Vec<u8> {
    let mut message = br#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":""#.to_vec();
    json::escape_into(String::from_utf8_lossy(text).as_bytes(), &mut message);
    message.extend_from_slice(br#""}]}}"#);
    message
}

/// What tracking and findings read is the same before and after, unless all of the message was put away.
fn keeps_the_shape(bytes: &[u8]) {
    let masked = masker().message(bytes).masked;
    if masked.bytes().starts_with(b"[masked:unscanned") {
        return;
    }
    let [raw, masked] =
        [bytes.to_vec().into(), masked.bytes().clone()].map(|bytes| outline(&Shape::of(&bytes)));
    assert_eq!(masked, raw);
}

type Outline = (Kind, bool, Vec<Member>, Vec<FaultKind>, Vec<(Kind, bool)>);

fn outline(shape: &Shape) -> Outline {
    let members = shape.members.iter().map(|(member, _)| *member).collect();
    let faults = shape.faults.iter().map(|fault| fault.kind).collect();
    let parts = shape
        .parts
        .iter()
        .map(|part| (part.shape().kind, part.shape().id.is_some()))
        .collect();
    (shape.kind, shape.id.is_some(), members, faults, parts)
}
