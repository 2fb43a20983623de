//! What is written reads back, in the order and the pages that a view asks for.

use std::fs::File;

use tapgate_store::{
    ExchangeId, Finished, Journal, Lost, Options, Prune, Query, Reader, Scope, SessionId, SourceId, prune,
};
use tapgate_wire::fault::Severity;
use tapgate_wire::record::{
    Again, Body, Clock, Era, Exchange, Finding, Hand, Message, Offered, Piece, Record, Root, Session, Source,
    Status, Surface, Transport,
};
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;
use tapgate_wire::{Leg, Rule};

use crate::support::*;

#[test]
fn every_field_reads_back() {
    let home = Home::new();
    let journal = home.journal();
    let sent = Exchange {
        parent: Some(1),
        asked_by: Leg::Server,
        rpc_id: Some(masked("\"a\"")),
        status: Status::Error,
        error_code: Some(-32601),
        error_text: Some(masked("no such method")),
        http_status: Some(404),
        era: Some(Era::Modern),
        revision: Some(masked("2026-07-28")),
        first_answer: Some(NOW + 5),
        closed: Some(NOW + 9),
        bytes_in: 1 << 40,
        bytes_out: 300,
        n_progress: 1,
        n_rounds: 2,
        n_retries: 3,
        late: true,
        duplicate: true,
        task: Some(masked("task")),
        clock: Some(Clock {
            client: 0,
            tapgate: 1,
            wire: 2,
            server: 3,
            person: u64::MAX - 1,
            injected: u64::MAX,
        }),
        in_hand: Some((Hand::Person, NOW + 7)),
        chain: Some(Root::Own(1)),
        again: Some(Again::Login),
        findings: vec!["not-json", "null-id"],
        messages: vec![2],
        ..exchange(2)
    };
    let told = Message {
        piece: Piece::Error,
        from: Leg::Server,
        chunks: vec![(0, 10), (1 << 33, 20)],
        stored: Body::Summary,
        head: Some(masked("HTTP/1.1 404 Not Found")),
        event: Some(masked("id: 7")),
        faults: vec![("not-json", 12)],
        hits: vec![("jwt", 2)],
        ..message(2, Some(2), "body")
    };
    journal.write(vec![
        Record::Exchange(exchange(1)),
        Record::Exchange(sent.clone()),
        Record::Message(told.clone()),
    ]);
    assert!(journal.flush(WAIT));

    let reader = home.reader();
    let rows = all(&reader);
    let row = &rows[1];
    assert_eq!(row.parent, Some(rows[0].id));
    assert_eq!(row.session, SessionId(1));
    assert_eq!((row.asked_by, row.status, row.era), (sent.asked_by, sent.status, sent.era));
    assert_eq!((row.method.as_str(), row.target.as_deref()), ("tools/call", Some("echo")));
    assert_eq!((row.rpc_id.as_deref(), row.task.as_deref()), (Some("\"a\""), Some("task")));
    assert_eq!((row.error_code, row.error_text.as_deref()), (Some(-32601), Some("no such method")));
    assert_eq!((row.http_status, row.revision.as_deref()), (Some(404), Some("2026-07-28")));
    assert_eq!((row.opened, row.first_answer, row.closed), (NOW, Some(NOW + 5), Some(NOW + 9)));
    assert_eq!((row.bytes_in, row.bytes_out), (1 << 40, 300));
    assert_eq!((row.n_progress, row.n_rounds, row.n_retries), (1, 2, 3));
    assert!(row.late && row.duplicate);
    assert_eq!((row.clock, row.in_hand), (sent.clock, sent.in_hand));
    assert_eq!((row.chain, row.again), (Some(rows[0].id), sent.again));
    assert_eq!(row.findings, ["not-json", "null-id"]);
    assert_eq!(reader.exchange(row.id).unwrap().as_ref(), Some(row));

    let [message] = reader.messages(row).unwrap().try_into().unwrap();
    assert_eq!((message.exchange, message.session), (Some(row.id), row.session));
    assert_eq!((message.piece, message.from, message.stored), (told.piece, told.from, told.stored));
    assert_eq!(message.stream, told.stream);
    assert_eq!((message.at, message.size, message.chunks), (told.at, told.size, told.chunks));
    assert_eq!(message.body, told.body.bytes()[..]);
    assert_eq!(message.head.as_deref(), Some(&b"HTTP/1.1 404 Not Found"[..]));
    assert_eq!(message.event.as_deref(), Some(&b"id: 7"[..]));
    assert_eq!(message.faults, [("not-json".to_owned(), 12)]);
    assert_eq!(message.hits, [("jwt".to_owned(), 2)]);
}

static RULE: Rule = Rule {
    id: "test.rule",
    about: "Something is wrong.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "nowhere",
    fix: "Mend it.",
    fires: &[],
    quiet: &[],
};

#[test]
fn findings_and_surfaces_and_the_clock_read_back_and_go_with_their_session() {
    let home = Home::new();
    let journal = home.journal();
    let clock = Clock { client: 1, tapgate: 2, wire: 3, server: 4, ..Clock::default() };
    let mut records = call(1);
    if let Some(Record::Exchange(exchange)) = records.last_mut() {
        exchange.clock = Some(clock);
    }
    records.push(Record::Finding(Finding {
        rule: &RULE,
        side: Side::Client,
        severity: Severity::Warning,
        session: 1,
        exchange: Some(1),
        message: Some(3),
        at: NOW + 5,
        revision: Some(masked("2025-06-18")),
        subject: masked("echo"),
        text: masked("It is wrong."),
    }));
    let items = format!("[{}]", "1,".repeat(1000));
    for at in [NOW + 6, NOW + 7] {
        let kind = Offered::Tools;
        let items = masked(&items);
        records.push(Record::Surface(Surface { session: 1, kind, at, whole: at > NOW + 6, items }));
    }
    journal.write(records);
    assert!(journal.flush(WAIT), "{:?}", journal.trouble());

    let reader = home.reader();
    let [call] = all(&reader).try_into().unwrap();
    assert_eq!(call.clock, Some(clock));
    let [found] = reader.findings(call.session).unwrap().try_into().unwrap();
    assert_eq!(reader.findings_of(call.id).unwrap(), std::slice::from_ref(&found));
    assert_eq!((found.exchange, found.message), (Some(call.id), call.messages.last().copied()));
    assert_eq!(
        (found.rule.as_str(), found.side, found.severity),
        ("test.rule", Side::Client, Severity::Warning)
    );
    assert_eq!((found.at, found.revision.as_deref()), (NOW + 5, Some("2025-06-18")));
    assert_eq!((found.subject.as_str(), found.text.as_str()), ("echo", "It is wrong."));
    let [first, second] = reader.surfaces(call.session).unwrap().try_into().unwrap();
    assert_eq!((first.whole, second.whole, second.kind), (false, true, Offered::Tools));
    assert_eq!(second.items, items.as_bytes());

    let everything = Prune { scope: Scope::Session(call.session), before: None, dry_run: false };
    prune(&home.path(), &everything).unwrap();
    let reader = home.reader();
    assert!(reader.findings(call.session).unwrap().is_empty());
    assert!(reader.surfaces(call.session).unwrap().is_empty());
    assert_eq!(reader.health().unwrap().contents, 0);
}

#[test]
fn a_source_and_a_session_read_back() {
    let home = Home::new();
    let journal = home.journal();
    let ended = Source {
        ended: Some(NOW + 1),
        exit_status: Some(137),
        full_until: Some(NOW + 2),
        lost_bytes: 70,
        ..source("other name")
    };
    let closed = Session {
        closed: Some(NOW + 3),
        era: Some(Era::Modern),
        transport: Transport::Sse,
        revision: Some(masked("2024-11-05")),
        server: Some((masked("server"), masked("0.1"))),
        key: Some(masked("key")),
        ..session(1)
    };
    journal.write(vec![Record::Session(closed), Record::Source(ended)]);
    assert!(journal.flush(WAIT));

    let reader = home.reader();
    let [row] = reader.sources().unwrap().try_into().unwrap();
    assert_eq!((row.name.as_str(), row.server.as_str()), ("other name", "server --flag"));
    assert_eq!((row.transports, row.server_pid), ((Transport::Stdio, Transport::Http), Some(4)));
    assert_eq!((row.pid, row.started, row.ended), (std::process::id(), NOW - 30 * DAY, Some(NOW + 1)));
    assert_eq!((row.exit_status, row.full_until, row.lost_bytes), (Some(137), Some(NOW + 2), 70));
    assert_eq!((row.lost_records, row.lost_record_bytes), (0, 0));
    assert_eq!(reader.source(row.id).unwrap(), Some(row.clone()));
    let session = reader.last_session().unwrap().unwrap();
    assert_eq!((session.source, session.opened, session.closed), (row.id, NOW, Some(NOW + 3)));
    assert_eq!((session.era, session.transport), (Some(Era::Modern), Transport::Sse));
    assert_eq!(session.client, Some(("client".to_owned(), "1.2".to_owned())));
    assert_eq!(session.server, Some(("server".to_owned(), "0.1".to_owned())));
    assert_eq!((session.revision.as_deref(), session.key.as_deref()), (Some("2024-11-05"), Some("key")));
    assert_eq!(reader.session(session.id).unwrap(), Some(session));
}

#[test]
fn later_states_replace_earlier_ones_in_one_batch_and_over_several() {
    for flushes in [false, true] {
        let home = Home::new();
        let journal = home.journal();
        for record in call(1).into_iter().chain(call(2)) {
            journal.write(vec![record]);
            assert!(!flushes || journal.flush(WAIT));
        }
        assert!(journal.flush(WAIT));
        let reader = home.reader();
        let rows = all(&reader);
        let seen: Vec<_> = rows.iter().map(|row| (row.id, row.status)).collect();
        assert_eq!(seen, [(ExchangeId(1), Status::Ok), (ExchangeId(2), Status::Ok)]);
        assert_eq!(texts(&reader.messages(&rows[1]).unwrap()), ["question 2", "answer 2"]);
        let totals = reader.totals(rows[0].session).unwrap();
        assert_eq!((totals.exchanges, totals.errors, totals.pending), (2, 0, 0));
    }
}

#[test]
fn a_missing_journal_reads_as_nothing_recorded_until_there_is_one() {
    let home = Home::new();
    let mut reader = home.reader();
    assert_eq!(reader.sources().unwrap(), []);
    assert_eq!(all(&reader), []);
    assert_eq!(reader.last_session().unwrap(), None);
    assert_eq!(reader.health().unwrap().exchanges, 0);
    assert!(!reader.changed().unwrap());
    assert!(!home.path().exists(), "looking makes nothing");

    let journal = home.journal();
    journal.write(call(1));
    assert!(journal.flush(WAIT));
    assert!(reader.changed().unwrap());
    assert_eq!(all(&reader).len(), 1);
    assert!(!reader.changed().unwrap());
    journal.write(call(2));
    assert!(journal.flush(WAIT));
    assert!(reader.changed().unwrap());
    assert_eq!(all(&reader).len(), 2);
}

#[test]
fn a_reader_follows_a_journal_that_took_the_place_of_another() {
    let home = Home::new().with_two_calls();
    let mut reader = home.reader();
    std::fs::remove_dir_all(home.path()).unwrap();
    assert!(reader.changed().unwrap());
    assert_eq!(all(&reader), []);
    let home = home.with_two_calls();
    assert!(reader.changed().unwrap());
    assert_eq!(all(&reader).len(), 2);
    drop(home);
}

#[test]
fn exchanges_come_in_the_pages_that_are_asked_for() {
    let home = Home::new();
    for name in ["a", "b"] {
        let journal = Journal::open(&home.path(), home.options());
        journal.write(vec![Record::Source(source(name))]);
        for n in 1..=4 {
            journal.write(call_in(u64::div_ceil(n, 2), n, NOW + n as i64, "body"));
        }
        assert_eq!(journal.finish(WAIT), Finished::Flushed);
    }
    let reader = home.reader();
    let check = |query: Query, expected: &[i64]| {
        let ids: Vec<_> = exchanges(&reader, &query).iter().map(|row| row.id.0).collect();
        assert_eq!(ids, expected, "{query:?}");
    };
    let id = |id| Some(ExchangeId(id));
    check(Query::default(), &[1, 2, 3, 4, 5, 6, 7, 8]);
    check(Query { newest_first: true, limit: Some(3), ..Query::default() }, &[8, 7, 6]);
    check(Query { newest_first: true, limit: Some(3), before: id(6), ..Query::default() }, &[5, 4, 3]);
    check(Query { since: id(6), ..Query::default() }, &[7, 8]);
    check(Query { since: id(8), ..Query::default() }, &[]);
    check(Query { session: Some(SessionId(2)), ..Query::default() }, &[3, 4]);
    check(Query { source: Some(SourceId(2)), before: id(7), ..Query::default() }, &[5, 6]);
    check(Query { opened_since: Some(NOW + 4), ..Query::default() }, &[4, 8]);
    let sessions: Vec<_> =
        reader.sessions(Some(SourceId(2)), None).unwrap().iter().map(|row| row.id.0).collect();
    assert_eq!(sessions, [4, 3]);
}

#[test]
fn a_session_tells_its_messages_notes_and_stray_output_in_order() {
    let home = Home::new();
    let journal = home.journal();
    let loose = |n, piece, body| Record::Message(Message { piece, ..message(n, None, body) });
    let batch = |n| Record::Exchange(Exchange { messages: vec![4], ..exchange(n) });
    journal.write(vec![loose(1, Piece::Note, "started")]);
    journal.write(call(1));
    journal.write(vec![Record::Message(message(4, Some(2), "batch")), batch(2), batch(3)]);
    journal.write(vec![loose(5, Piece::Stderr, "oops"), loose(6, Piece::Other, "stray")]);
    assert!(journal.flush(WAIT));
    let messages = messages_of(&home.reader(), SessionId(1));
    assert_eq!(texts(&messages), ["started", "question 1", "answer 1", "batch", "oops", "stray"]);
    assert_eq!(messages[4].piece, Piece::Stderr);
}

#[test]
fn a_large_body_and_a_repeated_head_are_stored_once() {
    let home = Home::new();
    let large = "x".repeat(5000);
    let head = "POST /mcp HTTP/1.1\n".repeat(5);
    for n in 0..3 {
        // Three processes' worth of writers, which know nothing of each other.
        let journal = home.journal();
        for n in n * 10..n * 10 + 10 {
            let with_head = Message { head: Some(masked(&head)), ..message(2 * n, Some(n), &large) };
            let exchange = Exchange { messages: vec![2 * n, 2 * n + 1], ..exchange(n) };
            let small = message(2 * n + 1, Some(n), "small");
            journal.write(vec![
                Record::Message(with_head),
                Record::Message(small),
                Record::Exchange(exchange),
            ]);
        }
        assert_eq!(journal.finish(WAIT), Finished::Flushed);
    }
    let reader = home.reader();
    assert_eq!(reader.health().unwrap().contents, 2);
    let rows = all(&reader);
    assert_eq!(rows.len(), 30);
    for row in rows {
        let [with_head, small] = reader.messages(&row).unwrap().try_into().unwrap();
        assert_eq!(with_head.body, large.as_bytes());
        assert_eq!(with_head.head.as_deref(), Some(head.as_bytes()));
        assert_eq!(small.body, b"small");
    }
}

#[test]
fn what_comes_late_finds_its_exchange() {
    let home = Home::new();
    let journal = home.journal();
    journal.write(call(1));
    assert!(journal.flush(WAIT));
    let late = Exchange { late: true, messages: vec![2, 3, 9], status: Status::Ok, ..exchange(1) };
    journal.write(vec![Record::Message(message(9, Some(1), "late")), Record::Exchange(late)]);
    assert!(journal.flush(WAIT));
    let reader = home.reader();
    let [row] = all(&reader).try_into().unwrap();
    assert!(row.late);
    assert_eq!(texts(&reader.messages(&row).unwrap()), ["question 1", "answer 1", "late"]);
}

#[test]
fn a_session_whose_own_record_was_lost_is_listed() {
    let home = Home::new();
    let journal = Journal::open(&home.path(), home.options());
    journal.write(call(1));
    assert!(journal.flush(WAIT));
    let session = home.reader().last_session().unwrap().unwrap();
    assert_eq!((session.opened, session.client), (NOW, None));
}

#[test]
fn a_full_queue_drops_and_the_source_says_how_much() {
    let home = Home::new();
    std::fs::create_dir(home.path()).unwrap();
    let lock = File::create(home.file("journal.lock")).unwrap();
    lock.lock().unwrap();
    let journal = Journal::open(&home.path(), Options { max_queued_records: 8, ..home.options() });
    journal.write(vec![Record::Source(source("test"))]);
    for n in 1..=4 {
        journal.write(call(n));
    }
    assert_eq!(journal.lost().records, 12, "the source and one call fit");
    lock.unlock().unwrap();
    assert!(journal.flush(WAIT), "{:?}", journal.trouble());
    // The rest is dropped for its bytes: an answer larger than the queue.
    journal.write(vec![Record::Message(message(90, None, &"x".repeat(17 << 20)))]);
    let Lost { records, bytes } = journal.lost();
    assert!(records == 13 && bytes > 17 << 20);
    journal.write(call(5));
    assert!(journal.flush(WAIT));
    let reader = home.reader();
    assert_eq!(all(&reader).len(), 2);
    let [row] = reader.sources().unwrap().try_into().unwrap();
    assert_eq!((row.name.as_str(), row.lost_records, row.lost_record_bytes), ("test", 13, bytes));
    assert_eq!(reader.health().unwrap().lost_records, 13);
}

#[test]
fn what_comes_after_the_end_is_lost() {
    let home = Home::new();
    let journal = home.journal();
    assert_eq!(journal.finish(WAIT), Finished::Flushed);
    journal.write(call(1));
    assert_eq!(journal.lost().records, 4);
    assert_eq!(all(&Reader::open(&home.path()).unwrap()), []);
}
