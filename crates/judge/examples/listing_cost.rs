//! What judging a list of a thousand tools costs: `cargo run --release -p tapgate-judge --example listing_cost`.
//!
//! Each round has another list, so that none is remembered; the fastest counts, so that other work on the machine matters
//! little.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use tapgate_engine::{Action, Fact, Input, Limits, Source};
use tapgate_judge::Judge;
use tapgate_wire::record::Transport;
use tapgate_wire::stream::Carried;
use tapgate_wire::{Leg, Message, Nanos, StreamId};

const TOOLS: usize = 1_000;
const ROUNDS: usize = 30;

fn main() {
    let mut out = std::io::stdout();
    for era in ["2025-11-25", "2026-07-28"] {
        let (mut first, mut again, mut n_bytes, mut n_found) = (Duration::MAX, Duration::MAX, 0, 0);
        for round in 0..ROUNDS {
            let list = list(era, round);
            n_bytes = list.len();
            let (took, found) = judged(era, &list);
            first = first.min(took);
            n_found = found;
            again = again.min(judged(era, &list).0);
        }
        let (first, again) = (first.as_micros(), again.as_micros());
        let _ = writeln!(
            out,
            "{era}  {TOOLS} tools, {n_bytes} bytes, {n_found} findings: {first} µs the first time, {again} µs in another session"
        );
    }
}

/// The time that a judge takes for the answer with this list, and how much it finds.
fn judged(era: &str, list: &str) -> (Duration, usize) {
    let ask = |meta: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list"{meta}}}"#);
    let messages = match era {
        "2025-11-25" => vec![
            (
                Leg::Client,
                r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#.to_owned(),
            ),
            (
                Leg::Server,
                r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}"#.to_owned(),
            ),
            (Leg::Client, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned()),
            (Leg::Client, ask("")),
        ],
        _ => vec![(
            Leg::Client,
            ask(
                r#","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"}}}"#,
            ),
        )],
    };
    let mut source = Source::new((Transport::Stdio, Transport::Stdio), Limits::default());
    let (mut judge, mut more, mut took) = (Judge::new(), Vec::new(), Duration::ZERO);
    for (n, (from, text)) in messages.into_iter().chain([(Leg::Server, list.to_owned())]).enumerate() {
        let carried =
            Carried { chunks: vec![(Nanos(0), text.len() as u32)], size: text.len() as u64, event: None };
        let message = Message::parse(Bytes::from(text));
        let at = Nanos(n as u64 * 1_000_000);
        let mut actions = Vec::new();
        source.on(at, Input::Message { stream: StreamId(0), from, carried, message }, &mut actions);
        took = timed(|| {
            for Action::Record(mut fact) in actions.drain(..) {
                judge.on(&mut fact, &mut more);
            }
        });
    }
    (took, more.iter().filter(|fact| matches!(fact, Fact::Finding(_))).count())
}

/// An answer with tools as servers have them: a paragraph of description and half a dozen parameters.
fn list(era: &str, round: usize) -> String {
    let kind = match era {
        "2025-11-25" => "",
        _ => r#""resultType":"complete","ttlMs":0,"cacheScope":"private","#,
    };
    let mut text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{{kind}"tools":["#);
    for n in 0..TOOLS {
        let _ = write!(
            text,
            r##"{}{{"name":"search_records_{n}","title":"Search records {n}","description":"Searches the records of collection {n} for a phrase and gives the best matches, the best first. Use it before you read a record. Round {round}.","inputSchema":{{"type":"object","properties":{{"query":{{"type":"string","minLength":1,"description":"What to search for, in plain words."}},"limit":{{"type":"integer","minimum":1,"maximum":100,"default":10,"description":"How many records to give at most."}},"order":{{"type":"string","enum":["relevance","newest","oldest"],"description":"Which records come first."}},"filter":{{"type":"object","description":"Only records that are like this.","properties":{{"author":{{"type":"string","description":"Who wrote them."}},"tags":{{"type":"array","items":{{"$ref":"#/$defs/tag"}},"description":"What they are about — any of these."}}}}}},"cursor":{{"anyOf":[{{"type":"string"}},{{"type":"null"}}],"description":"Where to go on."}}}},"required":["query"],"additionalProperties":false,"$defs":{{"tag":{{"type":"string","maxLength":40}}}}}},"outputSchema":{{"type":"object","properties":{{"records":{{"type":"array","items":{{"type":"object","properties":{{"id":{{"type":"string"}},"text":{{"type":"string"}}}},"required":["id"]}}}}}},"required":["records"]}},"annotations":{{"readOnlyHint":true}}}}"##,
            if n == 0 { "" } else { "," }
        );
    }
    text + "]}}"
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn timed(work: impl FnOnce()) -> Duration {
    let start = std::time::Instant::now();
    work();
    start.elapsed()
}
