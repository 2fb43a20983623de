//! Event streams: cut anywhere they give the same frames as uncut, and the messages are those that the
//! algorithm of the WHATWG HTML standard (section 9.2.6) dispatches, read here line by line.

use tapgate_wire::frame::{Frame, LIMIT, Sse};
use tapgate_wire::{Chunk, Nanos, json};

use crate::cut;
use crate::framing::without_times;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(crate) fn run(input: &[u8]) {
    let (plan, bytes) = cut::plan(input);
    let whole = [Chunk {
        at: Nanos(1),
        bytes: bytes::Bytes::copy_from_slice(bytes),
    }];
    let pieces = cut::chunks(plan, bytes);
    for limit in [48, LIMIT] {
        assert_eq!(
            without_times(frames(limit, &pieces)),
            without_times(frames(limit, &whole)),
            "limit {limit}"
        );
    }
    let messages: Vec<_> = frames(LIMIT, &pieces)
        .into_iter()
        .filter_map(|frame| match frame {
            Frame::Message { message, .. } => Some(message.raw().to_vec()),
            Frame::Stray { .. } => None,
        })
        .collect();
    assert_eq!(messages, dispatched(bytes));
}

fn frames(limit: usize, chunks: &[Chunk]) -> Vec<Frame> {
    let mut framer = Sse::new(limit);
    let mut found = Vec::new();
    for chunk in chunks {
        framer.push(chunk, &mut |frame| found.push(frame));
    }
    framer.finish(&mut |frame| found.push(frame));
    found
}

/// The data of all events of type `message` that are JSON, as the standard's own words say.
fn dispatched(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    let mut data: Option<Vec<u8>> = None;
    let mut name: Vec<u8> = Vec::new();
    for line in ended_lines(stream.strip_prefix(BYTE_ORDER_MARK).unwrap_or(stream)) {
        if line.is_empty() {
            let data = data.take().unwrap_or_default();
            let data = data.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&data);
            if matches!(name.as_slice(), b"" | b"message") && json::scan(data, &mut |_| {}).is_ok() {
                events.push(data.to_vec());
            }
            name.clear();
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (field, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => match &mut data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => data = Some(value.to_vec()),
            },
            b"event" => name = value.to_vec(),
            _ => {}
        }
    }
    events
}

/// The lines that end, by CRLF, LF or CR.
fn ended_lines(stream: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = stream;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        let (line, end) = rest.split_at(at);
        lines.push(line);
        rest = end
            .strip_prefix(b"\r\n")
            .or_else(|| end.get(1..))
            .unwrap_or_default();
    }
    lines
}
