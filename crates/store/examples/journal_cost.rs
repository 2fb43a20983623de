//! Measures what the journal costs: `cargo run --release -p tapgate-store --example journal_cost [CALLS]`.
//!
//! A call is one exchange (pending, then closed) and two messages of about 300 bytes with their heads.
//! Prints the CPU time of the writer's thread per call, bytes per call on disk, and how long a viewer
//! takes for its first screen and for a scan of everything.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tapgate_store::{ExchangeRow, Finished, Journal, Options, Query, Reader};
use tapgate_wire::record::{Body, Era, Exchange, Message, Piece, Record, Session, Source, Status, Transport};
use tapgate_wire::{Leg, Masked};

/// Calls between two flushes: what 20,000 calls a second leave for one.
const TOGETHER: u64 = 1000;

fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "an example is its own edge")]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64)
}

fn main() {
    let n_calls = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(200_000);
    let home = std::env::temp_dir().join(format!("tapgate-cost-{}", std::process::id()));
    let journal = Journal::open(&home, Options::new(now));
    journal.write(vec![Record::Source(source()), Record::Session(session())]);
    journal.flush(Duration::from_secs(10));
    let before = writer_cpu();
    let began = now();
    for first in (0..n_calls).step_by(TOGETHER as usize) {
        journal.write((first..first + TOGETHER).flat_map(call).collect());
        assert!(journal.flush(Duration::from_mins(1)), "{:?}", journal.trouble());
    }
    let wall = now() - began;
    let cpu = writer_cpu() - before;
    let finished = journal.finish(Duration::from_mins(1));
    assert_eq!(finished, Finished::Flushed);
    let size = fs::metadata(home.join("journal.db")).map_or(0, |file| file.len());
    print(&format!(
        "{n_calls} calls: {:.2} us of writer CPU per call, {:.2} us wall, {} bytes per call",
        cpu as f64 / n_calls as f64 / 1e3,
        wall as f64 / n_calls as f64 / 1e3,
        size / n_calls
    ));
    read(&home);
    drop(fs::remove_dir_all(&home));
}

#[expect(clippy::expect_used, reason = "the journal was just written")]
fn read(home: &Path) {
    let reader = Reader::open(home).expect("opens");
    let screen = Query { newest_first: true, limit: Some(100), ..Query::default() };
    let mut rows = Vec::new();
    timed("first screen of 100", || {
        let visit = |row: &ExchangeRow| {
            rows.push(row.clone());
            ControlFlow::Continue(())
        };
        reader.exchanges(&screen, visit).expect("reads");
    });
    let mut n_found = 0;
    timed("scan of everything", || {
        let visit = |row: &ExchangeRow| {
            let slow = row.closed.is_some_and(|closed| closed - row.opened > 1_000_000);
            n_found += u64::from(slow && row.method == "tools/call" && row.target.as_deref() == Some("echo"));
            ControlFlow::Continue(())
        };
        reader.exchanges(&Query::default(), visit).expect("reads");
    });
    print(&format!("found {n_found}"));
    timed("health", || drop(reader.health().expect("reads")));
}

fn timed(what: &str, work: impl FnOnce()) {
    let (began, cpu) = (now(), cpu_of(Path::new("/proc/thread-self")));
    work();
    let (wall, cpu) = (now() - began, cpu_of(Path::new("/proc/thread-self")) - cpu);
    print(&format!("{what}: {:.1} ms, of which {:.1} ms CPU", wall as f64 / 1e6, cpu as f64 / 1e6));
}

#[expect(clippy::print_stdout, reason = "what an example is for")]
fn print(line: &str) {
    println!("{line}");
}

/// Nanoseconds that the writer's thread has run.
fn writer_cpu() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    for task in tasks {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        if name.trim() == "journal" {
            return cpu_of(&task.path());
        }
    }
    0
}

/// Nanoseconds that a thread has run.
fn cpu_of(thread: &Path) -> u64 {
    let stat = fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

fn source() -> Source {
    Source {
        name: Masked::own("echo"),
        server: Masked::own("http://127.0.0.1:9/mcp"),
        transports: (Transport::Http, Transport::Http),
        leg: Leg::Client,
        pid: std::process::id(),
        server_pid: None,
        started: now(),
        ended: None,
        exit_status: None,
        full_until: None,
        lost_bytes: 0,
    }
}

fn session() -> Session {
    Session {
        n: 1,
        opened: now(),
        closed: None,
        era: Some(Era::Legacy),
        transport: Transport::Http,
        revision: Some(Masked::own("2025-11-25")),
        client: Some((Masked::own("client"), Masked::own("1.0"))),
        server: Some((Masked::own("server"), Masked::own("1.0"))),
        key: None,
    }
}

fn call(n: u64) -> [Record; 4] {
    let at = now();
    let message = |n: u64, piece, from, body| {
        Record::Message(Message {
            n,
            session: 1,
            exchange: Some(n / 2),
            piece,
            stream: Some(0),
            from,
            at,
            chunks: vec![(0, 300)],
            size: 170,
            stored: Body::Masked,
            body: Masked::own(body),
            head: Some(Masked::own(
                "POST /mcp HTTP/1.1\ncontent-type: application/json\naccept: application/json, \
                 text/event-stream\ncontent-length: 170\nx: 1234567890123456789012345",
            )),
            event: None,
            faults: vec![],
            hits: vec![],
        })
    };
    let exchange = |closed: Option<i64>| {
        Record::Exchange(Exchange {
            n,
            session: 1,
            parent: None,
            asked_by: Leg::Client,
            method: Masked::own("tools/call"),
            target: Some(Masked::own("echo")),
            rpc_id: Some(Masked::own("12345")),
            status: if closed.is_some() { Status::Ok } else { Status::Pending },
            error_code: None,
            error_text: None,
            http_status: Some(200),
            era: Some(Era::Legacy),
            revision: Some(Masked::own("2025-11-25")),
            opened: at,
            first_answer: closed,
            closed,
            bytes_in: 170,
            bytes_out: 170,
            n_progress: 0,
            n_rounds: 0,
            n_retries: 0,
            late: false,
            duplicate: false,
            task: None,
            clock: None,
            in_hand: None,
            chain: None,
            again: None,
            findings: vec![],
            messages: if closed.is_some() { vec![2 * n, 2 * n + 1] } else { vec![2 * n] },
        })
    };
    let request = "{\"jsonrpc\":\"2.0\",\"id\":12345,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\
                   \"arguments\":{\"message\":\"hello hello hello\"},\"_meta\":{\"progressToken\":12345}}}";
    let answer = "{\"jsonrpc\":\"2.0\",\"id\":12345,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\
                  \"Echo: hello hello hello\"}],\"structuredContent\":{\"message\":\"hello\"}}}";
    [
        exchange(None),
        message(2 * n, Piece::Request, Leg::Client, request),
        message(2 * n + 1, Piece::Result, Leg::Server, answer),
        exchange(Some(at + 500_000 + (n % 10) as i64 * 100_000)),
    ]
}
