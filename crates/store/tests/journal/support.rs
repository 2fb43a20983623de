//! A home for one test, and records to put into it.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tapgate_store::{ExchangeRow, Journal, MessageRow, Options, Query, Reader, SessionId, Trouble};
use tapgate_wire::record::{Body, Era, Exchange, Message, Piece, Record, Session, Source, Status, Transport};
use tapgate_wire::{Leg, Masked};
use tempfile::TempDir;

/// What the clock of every test says.
pub(crate) const NOW: i64 = 1_800_000_000_000_000_000;
pub(crate) const SECOND: i64 = 1_000_000_000;
pub(crate) const HOUR: i64 = 3600 * SECOND;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Longer than anything takes, so that a wait ends by what it waits for.
pub(crate) const WAIT: Duration = Duration::from_mins(1);

pub(crate) struct Home {
    pub(crate) dir: TempDir,
    pub(crate) troubles: Arc<Mutex<Vec<Trouble>>>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), troubles: Arc::default() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("tapgate")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn options(&self) -> Options {
        let troubles = self.troubles.clone();
        let on_trouble = move |trouble: &Trouble| troubles.lock().unwrap().push(trouble.clone());
        Options { on_trouble: Box::new(on_trouble), ..Options::new(|| NOW) }
    }

    /// Opens the journal with a source that has one session, number 1.
    pub(crate) fn journal(&self) -> Journal {
        let journal = Journal::open(&self.path(), self.options());
        journal.write(vec![Record::Source(source("test")), Record::Session(session(1))]);
        journal
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.path()).unwrap()
    }

    /// The codes of the troubles that were told so far.
    pub(crate) fn codes(&self) -> Vec<&'static str> {
        self.troubles.lock().unwrap().iter().map(Trouble::code).collect()
    }

    /// Makes a journal with two calls in it and closes it.
    pub(crate) fn with_two_calls(self) -> Self {
        let journal = self.journal();
        journal.write(call(1));
        journal.write(call(2));
        assert!(journal.flush(WAIT), "{:?}", journal.trouble());
        self
    }

    /// All files of the journal, and whether `text` is anywhere in them.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let files = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        files.into_iter().any(|file| holds(&file, text))
    }
}

fn holds(file: &Path, text: &str) -> bool {
    fs::read(file).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
}

/// Masked bytes from any text; the journal does not care where they are from.
pub(crate) fn masked(text: &str) -> Masked {
    Masked::own(Box::leak(text.to_owned().into_boxed_str()))
}

pub(crate) fn source(name: &str) -> Source {
    Source {
        name: masked(name),
        server: masked("server --flag"),
        transports: (Transport::Stdio, Transport::Http),
        leg: Leg::Client,
        pid: std::process::id(),
        server_pid: Some(4),
        started: NOW - 30 * DAY,
        ended: None,
        exit_status: None,
        full_until: None,
        lost_bytes: 0,
    }
}

pub(crate) fn session(n: u64) -> Session {
    Session {
        n,
        opened: NOW,
        closed: None,
        era: Some(Era::Legacy),
        transport: Transport::Stdio,
        revision: None,
        client: Some((masked("client"), masked("1.2"))),
        server: None,
        key: None,
    }
}

pub(crate) fn exchange(n: u64) -> Exchange {
    Exchange {
        n,
        session: 1,
        parent: None,
        asked_by: Leg::Client,
        method: masked("tools/call"),
        target: Some(masked("echo")),
        rpc_id: None,
        status: Status::Pending,
        error_code: None,
        error_text: None,
        http_status: None,
        era: None,
        revision: None,
        opened: NOW,
        first_answer: None,
        closed: None,
        bytes_in: 0,
        bytes_out: 0,
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
        messages: vec![],
    }
}

pub(crate) fn message(n: u64, exchange: Option<u64>, body: &str) -> Message {
    Message {
        n,
        session: 1,
        exchange,
        piece: Piece::Request,
        stream: Some(0),
        from: Leg::Client,
        at: NOW,
        chunks: vec![],
        size: body.len() as u64,
        stored: Body::Masked,
        body: masked(body),
        head: None,
        event: None,
        faults: vec![],
        hits: vec![],
    }
}

/// A call as the recorder tells it: pending, request, answer, closed. Messages are 2n and 2n + 1.
pub(crate) fn call(n: u64) -> Vec<Record> {
    let done = Exchange {
        status: Status::Ok,
        closed: Some(NOW + n as i64),
        messages: vec![2 * n, 2 * n + 1],
        ..exchange(n)
    };
    vec![
        Record::Exchange(Exchange { messages: vec![2 * n], ..exchange(n) }),
        Record::Message(message(2 * n, Some(n), &format!("question {n}"))),
        Record::Message(message(2 * n + 1, Some(n), &format!("answer {n}"))),
        Record::Exchange(done),
    ]
}

/// The same in another session, then or earlier, with a body of its own.
pub(crate) fn call_in(session: u64, n: u64, at: i64, body: &str) -> Vec<Record> {
    let mut records = call(n);
    for record in &mut records {
        match record {
            Record::Exchange(exchange) => {
                exchange.session = session;
                exchange.opened = at;
                exchange.closed = exchange.closed.map(|_| at + 1);
            }
            Record::Message(message) => {
                message.session = session;
                message.at = at;
                message.body = masked(body);
            }
            Record::Source(_) | Record::Session(_) | Record::Finding(_) | Record::Surface(_) => {}
        }
    }
    records
}

pub(crate) fn exchanges(reader: &Reader, query: &Query) -> Vec<ExchangeRow> {
    let mut rows = Vec::new();
    let visit = |row: &ExchangeRow| {
        rows.push(row.clone());
        ControlFlow::Continue(())
    };
    reader.exchanges(query, visit).unwrap();
    rows
}

pub(crate) fn all(reader: &Reader) -> Vec<ExchangeRow> {
    exchanges(reader, &Query::default())
}

pub(crate) fn messages_of(reader: &Reader, session: SessionId) -> Vec<MessageRow> {
    let mut rows = Vec::new();
    let visit = |row: &MessageRow| {
        rows.push(row.clone());
        ControlFlow::Continue(())
    };
    reader.messages_of_session(session, visit).unwrap();
    rows
}

pub(crate) fn texts(messages: &[MessageRow]) -> Vec<String> {
    messages.iter().map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect()
}
