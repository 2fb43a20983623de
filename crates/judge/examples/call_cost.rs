//! What judging one call over HTTP costs, beside tracking and recording it:
//! `cargo run --release -p tapgate-judge --example call_cost`.
//!
//! Rounds are repeated and the fastest counts, so that other work on the machine matters little. With an argument, rounds of
//! that part alone go on (`judge 2026-07-28`), for a profiler.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};
use tapgate_engine::{Action, Fact, Input, Limits, Recorder, Source};
use tapgate_judge::Judge;
use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::mask::{Level, Masker};
use tapgate_wire::record::{self, Transport};
use tapgate_wire::stream::{Carried, Ending};
use tapgate_wire::{Leg, Message, Nanos, StreamId};

const CALLS: u64 = 1_000;
const SESSIONS: u64 = 32;
const ROUNDS: u32 = 200;

fn main() {
    let mut out = std::io::stdout();
    for era in ["2025-11-25", "2026-07-28"] {
        let calls: Vec<_> = (0..CALLS).map(|n| call(era, n)).collect();
        let greetings: Vec<_> = (0..SESSIONS).map(greeting).collect();
        let mut least = [Duration::MAX; 3];
        let mut found = 0;
        for _ in 0..ROUNDS {
            let (mut source, mut judge, mut recorder) = (source(), Judge::new(), recorder());
            let mut facts = Vec::new();
            let mut now = Nanos(0);
            if era == "2025-11-25" {
                for (n, (hello, ready)) in (0..).zip(&greetings) {
                    play(&mut source, &mut now, 2 * n, hello, &mut facts);
                    play(&mut source, &mut now, 2 * n + 1, ready, &mut facts);
                }
            }
            let (mut judged, mut records) = (Vec::new(), Vec::new());
            settle(&mut judge, &mut facts, &mut judged);
            judged.clear();
            let tracking = timed(|| {
                for (n, call) in (2 * SESSIONS..).zip(&calls) {
                    play(&mut source, &mut now, n, call, &mut facts);
                }
            });
            let judging = timed(|| settle(&mut judge, &mut facts, &mut judged));
            found = judged.iter().filter(|fact| matches!(fact, Fact::Finding(_))).count();
            let recording = timed(|| {
                for fact in judged.drain(..) {
                    recorder.record(fact, &mut records);
                    records.clear();
                }
            });
            for (least, took) in least.iter_mut().zip([tracking, judging, recording]) {
                *least = took.min(*least);
            }
        }
        let [tracking, judging, recording] = least.map(|all| all.as_nanos() / u128::from(CALLS));
        let _ = writeln!(
            out,
            "{era}  tracking {tracking:>6} ns  judging {judging:>6} ns  recording {recording:>6} ns a call, {found} findings"
        );
    }
}

/// A request with its answer, as the decoder tells them.
struct Call {
    asked: (Arc<RequestHead>, Message),
    answered: (Arc<ResponseHead>, Option<Message>),
}

/// A call of a tool.
fn call(era: &str, n: u64) -> Call {
    let (meta, kind, routing): (_, _, &[(&str, &str)]) = match era {
        "2025-11-25" => ("", "", &[]),
        _ => (
            r#","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"cost","version":"1"}}"#,
            r#""resultType":"complete","#,
            &[("mcp-method", "tools/call"), ("mcp-name", "echo")],
        ),
    };
    let session = (era == "2025-11-25").then(|| session(n % SESSIONS));
    Call {
        asked: (
            request_head(era, routing, session.as_deref()),
            message(format!(
                r#"{{"jsonrpc":"2.0","id":{n},"method":"tools/call","params":{{"name":"echo","arguments":{{"text":"0123456789abcdef"}}{meta}}}}}"#
            )),
        ),
        answered: (
            response_head(StatusCode::OK, None),
            Some(message(format!(
                r#"{{"jsonrpc":"2.0","id":{n},"result":{{{kind}"content":[{{"type":"text","text":"0123456789abcdef"}}]}}}}"#
            ))),
        ),
    }
}

/// What opens legacy session `n`.
fn greeting(n: u64) -> (Call, Call) {
    let hello = Call {
        asked: (
            request_head("2025-11-25", &[], None),
            message(
                r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"cost","version":"1"}}}"#.to_owned(),
            ),
        ),
        answered: (
            response_head(StatusCode::OK, Some(&session(n))),
            Some(message(
                r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}"#.to_owned(),
            )),
        ),
    };
    let ready = Call {
        asked: (
            request_head("2025-11-25", &[], Some(&session(n))),
            message(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned()),
        ),
        answered: (response_head(StatusCode::ACCEPTED, None), None),
    };
    (hello, ready)
}

fn session(n: u64) -> String {
    format!("session-0123456789abcdef-{n}")
}

fn message(text: String) -> Message {
    Message::parse(Bytes::from(text))
}

fn request_head(era: &str, more: &[(&str, &str)], session: Option<&str>) -> Arc<RequestHead> {
    let always = [
        ("host", "127.0.0.1:8000"),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("user-agent", "cost"),
        ("mcp-protocol-version", era),
    ];
    let session = session.map(|id| ("mcp-session-id", id));
    let headers = headers(always.iter().chain(more).copied().chain(session));
    let (method, uri, version) = (Method::POST, Uri::from_static("/mcp"), Version::HTTP_11);
    Arc::new(RequestHead { method, uri, version, headers })
}

fn response_head(status: StatusCode, session: Option<&str>) -> Arc<ResponseHead> {
    let session = session.map(|id| ("mcp-session-id", id));
    let headers = headers([("content-type", "application/json")].into_iter().chain(session));
    Arc::new(ResponseHead { status, version: Version::HTTP_11, headers })
}

fn headers<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let known = |(name, value): (&str, &str)| Some((name.parse().ok()?, HeaderValue::from_str(value).ok()?));
    pairs.filter_map(known).collect::<HeaderMap<_>>()
}

/// Tells one call on a stream of its own, and adds the facts.
fn play(source: &mut Source, now: &mut Nanos, stream: u64, call: &Call, facts: &mut Vec<Action>) {
    let stream = StreamId(stream);
    let mut on = |input| {
        now.0 += 5_000;
        source.on(*now, input, facts);
        *now
    };
    let mut at = on(Input::Asked { stream, head: Arc::clone(&call.asked.0) });
    for (from, message) in [(Leg::Client, Some(&call.asked.1)), (Leg::Server, call.answered.1.as_ref())] {
        if from == Leg::Server {
            at = on(Input::Answered { stream, head: Arc::clone(&call.answered.0) });
        }
        if let Some(message) = message {
            let size = message.size();
            let carried = Carried { chunks: vec![(at, size as u32)], size, event: None };
            on(Input::Message { stream, from, carried, message: message.clone() });
            on(Input::Passed { stream, from });
        }
        on(Input::Closed { stream, from, how: Ending::Clean });
    }
}

fn settle(judge: &mut Judge, facts: &mut Vec<Action>, judged: &mut Vec<Fact>) {
    for Action::Record(mut fact) in facts.drain(..) {
        let place = judged.len();
        judge.on(&mut fact, judged);
        judged.insert(place, fact);
    }
}

fn source() -> Source {
    Source::new((Transport::Http, Transport::Http), Limits::default())
}

fn recorder() -> Recorder {
    let mut masker = Masker::new([7; 32], Level::Masked);
    let source = record::Source {
        name: masker.short(b"cost").masked,
        server: masker.argv(&["server"]).masked,
        transports: (Transport::Http, Transport::Http),
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

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn timed(work: impl FnOnce()) -> Duration {
    let start = std::time::Instant::now();
    work();
    start.elapsed()
}
