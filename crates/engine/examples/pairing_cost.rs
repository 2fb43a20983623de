//! What tracking and recording cost for one request with its answer: `cargo run --release --example pairing_cost`.
//!
//! Rounds are repeated and the fastest counts, so that other work on the machine matters little.

use std::hint::black_box;
use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use tapgate_engine::{Action, Input, Limits, Recorder, Source};
use tapgate_wire::mask::{Level, Masker};
use tapgate_wire::record::{self, Transport};
use tapgate_wire::stream::Carried;
use tapgate_wire::{Leg, Message, Nanos, StreamId};

const CALLS: u64 = 1_000;
const ROUNDS: u32 = 300;

fn main() {
    let calls: Vec<_> = (0..CALLS).map(call).collect();
    let (mut pairing, mut recording) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let mut actions = Vec::new();
        pairing = pairing.min(timed(|| {
            pair(&calls, |batch| {
                black_box(&batch);
                batch.clear();
            });
        }));
        let mut recorder = recorder();
        let mut records = Vec::new();
        pair(&calls, |batch| actions.append(batch));
        recording = recording.min(timed(|| {
            for Action::Record(fact) in actions.drain(..) {
                recorder.record(fact, &mut records);
                records.clear();
            }
        }));
    }
    let each = |all: Duration| all.as_nanos() / u128::from(CALLS);
    let mut out = std::io::stdout();
    let _ = writeln!(out, "pairing    {:>6} ns per request with answer", each(pairing));
    let _ = writeln!(out, "recording  {:>6} ns per request with answer", each(recording));
}

/// A request and its answer as the framer gives them.
fn call(id: u64) -> (Message, Message) {
    let parse = |text: String| Message::parse(Bytes::from(text));
    (
        parse(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo","arguments":{{"text":"0123456789abcdef"}}}}}}"#
        )),
        parse(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":"0123456789abcdef"}}]}}}}"#
        )),
    )
}

fn pair(calls: &[(Message, Message)], mut take: impl FnMut(&mut Vec<Action>)) {
    let mut source = Source::new((Transport::Stdio, Transport::Stdio), Limits::default());
    let mut actions = Vec::new();
    let mut now = Nanos(0);
    for (request, answer) in calls {
        for (from, message) in [(Leg::Client, request), (Leg::Server, answer)] {
            now.0 += 20_000;
            let size = message.size();
            let carried = Carried { chunks: vec![(now, size as u32)], size, event: None };
            let input = Input::Message { stream: StreamId(0), from, carried, message: message.clone() };
            source.on(now, input, &mut actions);
            now.0 += 5_000;
            source.on(now, Input::Passed { stream: StreamId(0), from }, &mut actions);
        }
        take(&mut actions);
    }
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn timed(work: impl FnOnce()) -> Duration {
    let start = std::time::Instant::now();
    work();
    start.elapsed()
}

fn recorder() -> Recorder {
    let mut masker = Masker::new([7; 32], Level::Masked);
    let source = record::Source {
        name: masker.short(b"cost").masked,
        server: masker.argv(&["server"]).masked,
        transports: (Transport::Stdio, Transport::Stdio),
        leg: Leg::Client,
        pid: 1,
        server_pid: None,
        started: 0,
        ended: None,
        exit_status: None,
        full_until: None,
        lost_bytes: 0,
    };
    Recorder::new(masker, source, 0)
}
