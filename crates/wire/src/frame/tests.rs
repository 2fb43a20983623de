use std::fmt::Write as _;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::Kind;
use crate::clock::{Chunk, Nanos};
use crate::fault::FaultKind;
use crate::stream::Ending;

/// Every any, so that one test can ask the same of all.
enum Any {
    Lines(Lines),
    Sse(Sse),
    Body(Body),
}

impl Any {
    fn push(&mut self, chunk: &Chunk, sink: &mut impl FnMut(Frame)) {
        match self {
            Self::Lines(lines) => lines.push(chunk, sink),
            Self::Sse(sse) => sse.push(chunk, sink),
            Self::Body(body) => body.push(chunk),
        }
    }

    fn finish(&mut self, sink: &mut impl FnMut(Frame)) {
        match self {
            Self::Lines(lines) => lines.finish(sink),
            Self::Sse(sse) => sse.finish(sink),
            Self::Body(body) => body.finish(&Ending::Cut, sink),
        }
    }
}

fn lines() -> Any {
    Any::Lines(Lines::new(64))
}

fn sse() -> Any {
    Any::Sse(Sse::new(64))
}

fn body() -> Any {
    Any::Body(Body::new(64))
}

/// The frames of a stream in a few words each: kind or `stray`, bytes, size, fields, faults.
fn told(any: fn() -> Any, stream: &[u8], cuts: &[usize]) -> Vec<String> {
    let mut frames = Vec::new();
    let mut any = any();
    let all = Bytes::copy_from_slice(stream);
    let mut start = 0;
    let ends = cuts.iter().copied().chain([stream.len()]);
    for (n, end) in ends.enumerate() {
        let chunk = Chunk { at: Nanos(n as u64), bytes: all.slice(start..end) };
        any.push(&chunk, &mut |frame| frames.push(frame));
        start = end;
    }
    any.finish(&mut |frame| frames.push(frame));
    frames.iter().map(words).collect()
}

fn words(frame: &Frame) -> String {
    let (what, carried, bytes, faults, size) = match frame {
        Frame::Message { carried, message } => {
            let shape = message.shape();
            let id =
                shape.id.as_ref().map(|id| String::from_utf8_lossy(&id.0).into_owned()).unwrap_or_default();
            (format!("{:?} {id}", shape.kind), carried, message.raw(), &shape.faults, message.size())
        }
        Frame::Stray { carried, bytes, faults } => {
            ("stray".into(), carried, bytes, faults, bytes.len() as u64)
        }
    };
    let summed: u64 = carried.chunks.iter().map(|(_, n)| u64::from(*n)).sum();
    assert_eq!(summed, carried.size, "every byte has its time");
    assert!(carried.chunks.is_sorted(), "in order");
    let mut out = format!("{} |{}| {size}/{}", what.trim(), String::from_utf8_lossy(bytes), carried.size);
    if let Some(event) = &carried.event {
        for field in [event.name.as_deref(), event.id.as_deref()] {
            write!(out, " {}", field.unwrap_or("-")).unwrap();
        }
        write!(out, " {}", event.retry.map_or("-".into(), |retry| retry.to_string())).unwrap();
    }
    for fault in faults {
        write!(out, " {}@{}", fault.kind.code(), fault.at).unwrap();
    }
    out
}

/// Checks the frames of a stream, uncut and cut at every offset and everywhere.
fn check(any: fn() -> Any, stream: &[u8], expected: &[&str]) {
    assert_eq!(told(any, stream, &[]), expected, "{}", String::from_utf8_lossy(stream));
    for cut in 0..stream.len() {
        assert_eq!(told(any, stream, &[cut]), expected, "cut at {cut}: {}", String::from_utf8_lossy(stream));
    }
    let everywhere: Vec<_> = (1..stream.len()).collect();
    assert_eq!(
        told(any, stream, &everywhere),
        expected,
        "cut everywhere: {}",
        String::from_utf8_lossy(stream)
    );
}

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const DONE: &str = r#"{"jsonrpc":"2.0","id":2,"result":{}}"#;

#[test]
fn lines_are_messages_or_stray() {
    let cases: &[(&[u8], &[&str])] = &[
        (b"", &[]),
        (
            &[PING.as_bytes(), b"\n", DONE.as_bytes(), b"\n"].concat(),
            &[&format!("Request 1 |{PING}| 40/41"), &format!("Result 2 |{DONE}| 36/37")],
        ),
        (
            &[PING.as_bytes(), b"\r\n"].concat(),
            &[&format!("Request 1 |{PING}| 40/42 frame.carriage-return@40")],
        ),
        (
            &[b"\xef\xbb\xbf", PING.as_bytes(), b"\n"].concat(),
            &[&format!("Request 1 |{PING}| 40/44 frame.byte-order-mark@0")],
        ),
        (b"\n", &["stray || 0/1 frame.blank-line@0"]),
        (b" \r\n", &["stray | | 1/3 frame.carriage-return@1 frame.blank-line@0"]),
        (b"  ", &["stray |  | 2/2 frame.blank-line@0"]),
        (b"listening on 7000\n", &["stray |listening on 7000| 17/18 frame.not-json@0"]),
        (b"{}\n", &["Other |{}| 2/3 rpc.not-rpc@0"]),
        (b"a\xff\n", &["stray |a\u{fffd}| 2/3 frame.not-json@0 frame.not-utf8@1"]),
        (b"\"\xff\"\n", &["Other |\"\u{fffd}\"| 3/4 rpc.not-rpc@0 frame.not-utf8@1"]),
        (PING.as_bytes(), &[&format!("Request 1 |{PING}| 40/40")]),
        (&PING.as_bytes()[..30], &[&format!("stray |{}| 30/30 frame.cut-short@30", &PING[..30])]),
        (b"bye", &["stray |bye| 3/3 frame.not-json@0 frame.cut-short@3"]),
        (b"7\r", &["Other |7\r| 2/2 rpc.not-rpc@0"]),
    ];
    for (stream, expected) in cases {
        check(lines, stream, expected);
    }
}

#[test]
fn a_line_beyond_the_limit_keeps_its_beginning_and_its_shape() {
    let long = format!(r#"{{"jsonrpc":"2.0","result":{{"text":"{}"}},"id":"end"}}"#, "x".repeat(99));
    let message = |faults: &str, more: usize| {
        format!("Result \"end\" |{}| {}/{}{faults} ", &long[..61], long.len(), long.len() + more)
    };
    let large = " frame.too-large@61";
    let ended = format!("{long}\n");
    check(lines, ended.as_bytes(), &[message(large, 1).trim_end()]);
    check(
        lines,
        format!("{long}\r\n").as_bytes(),
        &[&(message(large, 2).trim_end().to_owned() + &format!(" frame.carriage-return@{}", long.len()))],
    );
    check(
        lines,
        format!("\u{feff}{long}\n").as_bytes(),
        &[&(message(large, 4).trim_end().to_owned() + " frame.byte-order-mark@0")],
    );
    check(lines, long.as_bytes(), &[message(large, 0).trim_end()]);
    check(body, long.as_bytes(), &[message(large, 0).trim_end()]);
    let stray = "x".repeat(99);
    check(
        lines,
        format!("{stray}\n").as_bytes(),
        &[&format!("stray |{}| 61/100 frame.not-json@0 frame.too-large@61", &stray[..61])],
    );
    let cut = &long[..120];
    check(
        lines,
        cut.as_bytes(),
        &[&format!("stray |{}| 61/120 frame.too-large@61 frame.cut-short@120", &cut[..61])],
    );
}

#[test]
fn a_body_is_one_document() {
    let cases: &[(&[u8], &[&str])] = &[
        (b"", &[]),
        (DONE.as_bytes(), &[&format!("Result 2 |{DONE}| 36/36")]),
        (b"{\n}\r\n", &["Other |{\n}\r\n| 5/5 rpc.not-rpc@0"]),
        (b"\xef\xbb\xbf7", &["Other |7| 1/4 rpc.not-rpc@0 frame.byte-order-mark@0"]),
        (b"<html>", &["stray |<html>| 6/6 frame.not-json@0 frame.cut-short@6"]),
        (b"[1,", &["stray |[1,| 3/3 frame.cut-short@3"]),
        (b"[{},{}]", &["Batch |[{},{}]| 7/7"]),
    ];
    for (stream, expected) in cases {
        check(body, stream, expected);
    }
    let mut frames = Vec::new();
    let mut body = Body::default();
    body.push(&Chunk { at: Nanos(1), bytes: Bytes::from_static(b"<html>") });
    body.finish(&Ending::Clean, &mut |frame| frames.push(words(&frame)));
    assert_eq!(frames, ["stray |<html>| 6/6 frame.not-json@0"]);
}

#[test]
fn events_are_read_as_browsers_read_them() {
    let cases: &[(&str, &[&str])] = &[
        ("data: {}\n\n", &["Other |{}| 2/10 - - - rpc.not-rpc@0"]),
        ("data:{}\r\n\r\n", &["Other |{}| 2/10 - - - rpc.not-rpc@0"]),
        ("data:  {}\r\r", &["Other | {}| 3/11 - - - rpc.not-rpc@0"]),
        ("\u{feff}data: {}\n\n", &["Other |{}| 2/10 - - - rpc.not-rpc@0"]),
        ("\u{feff}\u{feff}data: {}\n\n", &["stray || 0/13 - - -"]),
        ("event: message\nid: 7\nretry: 500\ndata: 1\n\n", &["Other |1| 1/41 message 7 500 rpc.not-rpc@0"]),
        ("data: [1,\ndata: 2]\n\n", &["Batch |[1,\n2]| 6/20 - - -"]),
        ("data\ndata: 1\ndata\n\n", &["Other |\n1\n| 3/19 - - - rpc.not-rpc@0"]),
        ("data: x\n\n", &["stray |x| 1/9 - - - frame.not-json@0"]),
        (": ping\n\n", &["stray |: ping| 6/8 - - -"]),
        (": a\n: b\n\n:c\n\n", &["stray |: a| 3/9 - - -", "stray |:c| 2/4 - - -"]),
        (": a\ndata: 1\n: b\n\n", &["Other |1| 1/17 - - - rpc.not-rpc@0"]),
        ("id: p1\ndata:\n\n", &["stray || 0/14 - p1 -"]),
        ("id: p1\ndata\n\n", &["stray || 0/13 - p1 -"]),
        ("retry: 9\n\n", &["stray || 0/10 - - 9"]),
        ("retry: 9x\nid: a\u{0}b\n\n", &["stray || 0/19 - - - frame.ignored-field@0"]),
        ("retry: 99999999999999999999\n\n", &["stray || 0/29 - - 18446744073709551615"]),
        ("id\n\n", &["stray || 0/4 -  -"]),
        ("event: endpoint\ndata: /messages?s=1\n\n", &["stray |/messages?s=1| 13/37 endpoint - -"]),
        ("event: other\ndata: {}\n\n", &["stray |{}| 2/23 other - -"]),
        ("event:\ndata: {}\n\n", &["Other |{}| 2/17  - - rpc.not-rpc@0"]),
        (" data: 1\n\ndatas: 2\n\n", &["stray || 0/10 - - -", "stray || 0/10 - - -"]),
        ("\n\r\n\r\ndata: 1\n\n\n", &["Other |1| 1/9 - - - rpc.not-rpc@0"]),
        (
            "data: 1\n\ndata: 2\n",
            &["Other |1| 1/9 - - - rpc.not-rpc@0", "stray |2| 1/8 - - - frame.cut-short@8"],
        ),
        ("data: 1\n\nid: 2", &["Other |1| 1/9 - - - rpc.not-rpc@0", "stray || 0/5 - 2 - frame.cut-short@5"]),
        (": bye\n", &["stray |: bye| 5/6 - - -"]),
    ];
    for (stream, expected) in cases {
        check(sse, stream.as_bytes(), expected);
    }
    let long = format!("\"{}\"", "x".repeat(100));
    let expected = format!("Other |{}| 102/110 - - - rpc.not-rpc@0 frame.too-large@61", &long[..61]);
    check(sse, format!("data: {long}\n\n").as_bytes(), &[&expected]);
}

#[test]
fn a_message_inside_one_chunk_is_not_copied() {
    for (mut any, stream) in
        [(lines(), format!("{PING}\n")), (sse(), format!("data: {PING}\n\n")), (body(), PING.to_owned())]
    {
        let bytes = Bytes::from(stream);
        let mut frames = Vec::new();
        any.push(&Chunk { at: Nanos(0), bytes: bytes.clone() }, &mut |frame| frames.push(frame));
        any.finish(&mut |frame| frames.push(frame));
        let [Frame::Message { message, .. }] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!(bytes.slice_ref(message.raw()), PING);
    }
}

#[test]
fn times_of_arrival_come_with_the_frame() {
    let mut frames = Vec::new();
    let mut lines = Lines::default();
    for (at, bytes) in [(1, "{\"a\":"), (5, "1}\n{}"), (9, "\n")] {
        lines.push(&Chunk { at: Nanos(at), bytes: Bytes::from_static(bytes.as_bytes()) }, &mut |frame| {
            frames.push(frame);
        });
    }
    let chunks: Vec<_> = frames
        .iter()
        .map(|frame| match frame {
            Frame::Message { carried, .. } | Frame::Stray { carried, .. } => carried.chunks.clone(),
        })
        .collect();
    assert_eq!(chunks, [vec![(Nanos(1), 5), (Nanos(5), 3)], vec![(Nanos(5), 2), (Nanos(9), 1)]]);
}

#[test]
fn framing_goes_on_after_lost_bytes() {
    let chunk = |bytes: &'static str| Chunk { at: Nanos(0), bytes: Bytes::from_static(bytes.as_bytes()) };
    let mut frames = Vec::new();
    let mut lines = Lines::default();
    lines.push(&chunk("{\"id\":"), &mut |frame| frames.push(words(&frame)));
    lines.resync();
    lines.push(&chunk("lost\": 1}"), &mut |frame| frames.push(words(&frame)));
    lines.push(&chunk("}\n1\n"), &mut |frame| frames.push(words(&frame)));
    lines.finish(&mut |frame| frames.push(words(&frame)));

    let mut sse = Sse::default();
    sse.push(&chunk("data: {"), &mut |frame| frames.push(words(&frame)));
    sse.resync();
    sse.push(&chunk("data: 2}\n"), &mut |frame| frames.push(words(&frame)));
    sse.push(&chunk("\ndata: 1\n\n"), &mut |frame| frames.push(words(&frame)));

    let mut body = Body::default();
    body.push(&chunk("{"));
    body.resync();
    body.push(&chunk("}"));
    body.finish(&Ending::Clean, &mut |frame| frames.push(words(&frame)));
    assert_eq!(frames, ["Other |1| 1/2 rpc.not-rpc@0", "Other |1| 1/9 - - - rpc.not-rpc@0"]);
}

#[test]
fn an_endless_frame_in_tiny_pieces_stays_small() {
    let mut lines = Lines::new(1000);
    let mut frames = Vec::new();
    for n in 0..200_000 {
        let chunk = Chunk { at: Nanos(n), bytes: Bytes::from_static(b"[") };
        lines.push(&chunk, &mut |frame| frames.push(frame));
    }
    lines.finish(&mut |frame| frames.push(frame));
    let [Frame::Stray { carried, bytes, .. }] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((carried.chunks.len(), carried.size, bytes.len()), (MAX_CHUNKS, 200_000, 997));
}

/// Streams of the bytes that matter to any of the framers.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(PING.to_owned()),
        Just(DONE.to_owned()),
        Just("data: {}\n\n".to_owned()),
        Just("\u{feff}".to_owned()),
        "(data|event|id|retry|message|:| |\n|\r|\r\n|\\{|\\}|\\[|\\]|,|\"|\\\\|[0-9]|x|é){0,12}",
    ];
    let broken = prop::collection::vec(any::<u8>(), 0..4);
    prop::collection::vec(prop_oneof![4 => piece.prop_map(String::into_bytes), 1 => broken], 0..9)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn frames_do_not_depend_on_cuts(stream in stream(), mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut cuts: Vec<_> = cuts.drain(..).map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        for any in [lines, sse, body] {
            prop_assert_eq!(told(any, &stream, &cuts), told(any, &stream, &[]));
        }
    }
}

/// The message of a body of which `hole` bytes between `before` and `after` were not observed.
fn with_hole(limit: usize, before: &str, hole: u64, after: &str) -> Option<Message> {
    let mut body = Body::new(limit);
    body.push(&Chunk { at: Nanos(1), bytes: Bytes::copy_from_slice(before.as_bytes()) });
    body.skip(Nanos(2), hole);
    body.push(&Chunk { at: Nanos(3), bytes: Bytes::copy_from_slice(after.as_bytes()) });
    let mut told = None;
    body.finish(&Ending::Clean, &mut |frame| match frame {
        Frame::Message { carried, message } => {
            let size = before.len() as u64 + hole + after.len() as u64;
            assert_eq!((carried.size, message.size()), (size, size), "{before}");
            told = Some(message);
        }
        Frame::Stray { .. } => {}
    });
    told
}

#[test]
fn a_body_with_a_hole_is_told_as_far_as_it_was_seen() {
    let cases = [
        (r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"text":"a"#, r#"b"}]}}"#, Kind::Result, Some("7")),
        (r#"{"result":{"content":"#, r#"},"id":7}"#, Kind::Result, None),
        (r#"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"#, r#"""}}"#, Kind::Error, Some("7")),
        (r#"{"id":"x","jsonrpc":"2.0","method":"a","params":{"#, "}}", Kind::Request, Some(r#""x""#)),
        (r#"{"jsonrpc":"2.0","id":7,"res"#, r#"ult":1}"#, Kind::Other, Some("7")),
    ];
    for (before, after, kind, id) in cases {
        // The hole may come while all is kept, or when the body is too large already.
        for limit in [16, 4096] {
            let message = with_hole(limit, before, 1_000_000, after).expect(before);
            let shape = message.shape();
            assert_eq!(shape.kind, kind, "{before}");
            assert_eq!(shape.id.as_ref().map(|id| id.0.as_ref()), id.map(str::as_bytes), "{before}");
            assert!(!message.is_whole());
            assert!(message.raw().starts_with(b"{") && before.as_bytes().starts_with(message.raw()));
            assert!(shape.faults.iter().any(|fault| fault.kind == FaultKind::TooLarge), "{before}");
            let guessed = [FaultKind::MissingId, FaultKind::MissingVersion, FaultKind::NotJson];
            assert!(!shape.faults.iter().any(|fault| guessed.contains(&fault.kind)), "{before}");
        }
    }
}

#[test]
fn a_body_of_which_the_beginning_is_missing_tells_nothing() {
    assert_eq!(with_hole(64, "", 10, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#), None);
}

#[test]
fn a_frame_becomes_a_message_unless_it_says_nothing() {
    let told = |frames: Vec<Frame>| -> Vec<_> {
        frames
            .into_iter()
            .filter_map(Frame::into_message)
            .map(|(message, event)| {
                (message.shape().kind, message.is_whole(), message.raw().clone(), event.id)
            })
            .collect()
    };
    let chunk = |bytes: &str| Chunk { at: Nanos(0), bytes: Bytes::copy_from_slice(bytes.as_bytes()) };
    let mut frames = Vec::new();
    let mut lines = Lines::new(100_000);
    // The third looks like a message for as long as it is kept.
    let large = format!("{{}}{}x\n", " ".repeat(200_000));
    lines.push(&chunk(&format!("\n \r\nnoise\n{large}")), &mut |frame| frames.push(frame));
    let lines = told(frames);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], (Kind::Other, true, "noise".into(), None));
    assert_eq!((lines[1].0, lines[1].1), (Kind::Other, false));

    let mut frames = Vec::new();
    Sse::default()
        .push(&chunk(": hello\n\nid: 1\ndata:\n\ndata: :x\n\nretry: 5\n\n"), &mut |frame| frames.push(frame));
    let events = [("", Some("1")), (":x", None), ("", None)];
    let events: Vec<_> = events
        .into_iter()
        .map(|(data, id)| (Kind::Other, true, Bytes::from(data), id.map(str::to_owned)))
        .collect();
    assert_eq!(told(frames), events);
}
