//! What is deleted, when, and that nothing of it stays behind.

use std::time::Duration;

use tapgate_store::{
    Finished, Journal, Options, Prune, Pruned, Reader, Retention, Scope, SessionId, SourceId, prune,
};
use tapgate_wire::record::{Message, Piece, Record, Session, Source};

use crate::support::*;

const EVERYTHING: Prune = Prune { scope: Scope::All, before: None, dry_run: false };

/// Prunes after a dry run, which must say the same.
fn prune_as_told(home: &Home, asked: &Prune) -> Pruned {
    let before = all(&home.reader()).len();
    let told = prune(&home.path(), &Prune { dry_run: true, ..asked.clone() }).unwrap();
    assert_eq!(all(&home.reader()).len(), before, "a dry run deletes nothing");
    let pruned = prune(&home.path(), asked).unwrap();
    assert_eq!(Pruned { bytes: told.bytes, wiped: told.wiped, ..pruned }, told);
    pruned
}

/// How many messages the sessions of a journal have, by session.
fn left(reader: &Reader) -> Vec<(i64, usize)> {
    let sessions = reader.sessions(None, None).unwrap();
    sessions.iter().rev().map(|row| (row.id.0, messages_of(reader, row.id).len())).collect()
}

#[test]
fn no_byte_of_what_was_pruned_stays_in_any_file() {
    let home = Home::new();
    let journal = home.journal();
    journal.write((1..=6).map(|n| Record::Session(session(n))).collect());
    assert!(journal.flush(WAIT));
    let body =
        |session: u64, n: u64| format!("s{session}-needle-{n} {}", "y".repeat((n * 37 % 900) as usize));
    // Rows of all sessions and sizes share pages.
    for n in 1..=1800 {
        let session = n % 6 + 1;
        journal.write(call_in(session, n, NOW, &body(session, n)));
        let stray = message(10_000 + n, None, &body(session, n));
        journal.write(vec![Record::Message(Message { session, piece: Piece::Stderr, ..stray })]);
        if n % 50 == 0 {
            assert!(journal.flush(WAIT));
        }
    }
    assert!(journal.flush(WAIT));
    let reader = home.reader();
    // One after the other, because deleting the first ones moves rows of the others from page to page.
    // The tap that wrote them is still there.
    for n in 1..=5 {
        let needle = |n| format!("s{n}-needle-");
        let gone = all(&reader).iter().find(|row| row.session == SessionId(n)).map(|row| row.id);
        assert!(home.holds(&needle(n)));
        let asked = Prune { scope: Scope::Session(SessionId(n)), ..EVERYTHING };
        let pruned = prune_as_told(&home, &asked);
        assert_eq!((pruned.sessions, pruned.exchanges, pruned.messages, pruned.sources), (1, 300, 900, 0));
        assert!(pruned.wiped && pruned.bytes > 0, "{pruned:?}");
        assert!(!home.holds(&needle(n)), "bytes of session {n} are left");
        assert!(home.holds(&needle(6)));
        assert_eq!(reader.exchange(gone.unwrap()).unwrap(), None);
    }
    assert_eq!(left(&reader), [(6, 900)]);
}

#[test]
fn content_goes_with_the_last_message_that_refers_to_it() {
    let home = Home::new();
    let journal = Journal::open(&home.path(), home.options());
    let shared = "shared ".repeat(300);
    for n in 1..=2 {
        journal.write(call_in(n, n, NOW, &shared));
        assert!(journal.flush(WAIT));
    }
    let reader = home.reader();
    assert_eq!(reader.health().unwrap().contents, 1);
    prune_as_told(&home, &Prune { scope: Scope::Session(SessionId(1)), ..EVERYTHING });
    assert_eq!(reader.health().unwrap().contents, 1);
    assert_eq!(texts(&messages_of(&reader, SessionId(2))), [shared.as_str(), shared.as_str()]);

    // The writer remembers where the content was; it must not point there when it is gone.
    prune_as_told(&home, &Prune { scope: Scope::Session(SessionId(2)), ..EVERYTHING });
    assert_eq!(reader.health().unwrap().contents, 0);
    journal.write(call_in(3, 3, NOW, &shared));
    assert!(journal.flush(WAIT));
    assert_eq!(texts(&messages_of(&reader, SessionId(3))), [shared.as_str(), shared.as_str()]);
}

#[test]
fn a_tap_goes_on_when_everything_is_pruned_and_no_id_is_used_twice() {
    let home = Home::new();
    let journal = home.journal();
    journal.write(call(1));
    assert!(journal.flush(WAIT));
    let pruned = prune_as_told(&home, &EVERYTHING);
    assert_eq!((pruned.sources, pruned.sessions, pruned.exchanges, pruned.messages), (1, 1, 1, 2));
    let reader = home.reader();
    assert_eq!((reader.sources().unwrap().len(), left(&reader).len()), (0, 0));

    journal.write(call(2));
    assert!(journal.flush(WAIT));
    assert_eq!(reader.sources().unwrap()[0].name, "test");
    let [row] = all(&reader).try_into().unwrap();
    assert_eq!(row.id.to_string(), "x12");
    assert_eq!(reader.messages(&row).unwrap()[0].id.0, 3);
    assert_eq!(reader.session(row.session).unwrap().map(|row| row.client), Some(None));

    // Its next state tells again what the session is.
    journal.write(vec![Record::Session(session(1))]);
    assert!(journal.flush(WAIT));
    assert!(reader.session(row.session).unwrap().is_some_and(|row| row.client.is_some()));
    drop(journal);
    let journal = home.journal();
    journal.write(call(1));
    assert!(journal.flush(WAIT));
    assert_eq!(all(&reader)[1].id.to_string(), "x13");
    assert_eq!(reader.last_session().unwrap().map(|row| row.id.to_string()), Some("s12".into()));
}

#[test]
fn only_what_is_old_enough_or_in_scope_is_pruned() {
    let fill = || {
        let home = Home::new();
        for name in ["a", "b"] {
            let journal = Journal::open(&home.path(), home.options());
            journal.write(vec![Record::Source(source(name))]);
            // Session 1 spans three days, session 2 is of today.
            for (session, n, age) in [(1, 1, 3 * DAY), (1, 2, DAY), (2, 3, 0)] {
                journal.write(call_in(session, n, NOW - age, &format!("body {n}")));
            }
            assert_eq!(journal.finish(WAIT), Finished::Flushed);
        }
        home
    };
    let check = |asked: Prune, expected: &[(i64, usize)]| {
        let home = fill();
        prune_as_told(&home, &asked);
        assert_eq!(left(&home.reader()), expected, "{asked:?}");
    };
    let before = |age| Some(NOW - age);
    check(Prune { before: before(9 * DAY), ..EVERYTHING }, &[(1, 4), (2, 2), (3, 4), (4, 2)]);
    check(Prune { before: before(2 * DAY), ..EVERYTHING }, &[(1, 2), (2, 2), (3, 2), (4, 2)]);
    check(Prune { before: before(HOUR), ..EVERYTHING }, &[(2, 2), (4, 2)]);
    let source = Scope::Source(SourceId(2));
    check(Prune { before: before(HOUR), scope: source, ..EVERYTHING }, &[(1, 4), (2, 2), (4, 2)]);
    check(Prune { scope: source, ..EVERYTHING }, &[(1, 4), (2, 2)]);
    check(EVERYTHING, &[]);
}

#[test]
fn a_missing_journal_has_nothing_to_prune() {
    let home = Home::new();
    assert_eq!(prune(&home.path(), &EVERYTHING), Ok(Pruned::default()));
    assert!(!home.path().exists());
}

/// Waits until a writer's own retention has done what is asked for, at most half a minute.
fn wait_until(done: impl Fn() -> bool) {
    for _ in 0..3000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn retention_runs_by_itself_and_is_shorter_for_what_was_stored_in_full() {
    let home = Home::new();
    let ages = [8 * DAY, 2 * DAY, 0];
    for full_until in [None, Some(NOW - DAY)] {
        let journal = Journal::open(&home.path(), home.options());
        journal.write(vec![Record::Source(Source { full_until, ..source("test") })]);
        for (n, age) in (1..).zip(ages) {
            let opened = Session { opened: NOW - age, ..session(n) };
            journal.write(vec![Record::Session(opened)]);
            journal.write(call_in(n, n, NOW - age, "body"));
        }
        assert_eq!(journal.finish(WAIT), Finished::Flushed);
    }
    let journal = Journal::open(&home.path(), home.options());
    let ended = Source { ended: Some(NOW - 9 * DAY), ..source("ended") };
    journal.write(vec![Record::Source(ended)]);
    assert_eq!(journal.finish(WAIT), Finished::Flushed);

    let journal = Journal::open(&home.path(), Options::new(|| NOW + 2 * HOUR));
    journal.write(vec![Record::Source(source("running"))]);
    let names = || {
        let sources = home.reader().sources().unwrap();
        sources.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    wait_until(|| names() == ["test", "test", "running"]);
    assert_eq!(names(), ["test", "test", "running"]);
    assert_eq!(left(&home.reader()), [(2, 2), (3, 2), (6, 2)]);
}

#[test]
fn over_the_size_limit_the_oldest_sessions_go() {
    let home = Home::new();
    let journal = home.journal();
    for n in 1..=40 {
        journal.write(call_in(n, n, NOW, &format!("{n} {}", "x".repeat(50_000))));
        assert!(journal.flush(WAIT));
    }
    assert_eq!(journal.finish(WAIT), Finished::Flushed);
    let retention = Retention { max_bytes: 1 << 20, ..Retention::default() };
    let journal = Journal::open(&home.path(), Options { retention, ..Options::new(|| NOW + 2 * HOUR) });
    journal.write(call_in(1, 1, NOW, "small"));
    wait_until(|| left(&home.reader()).len() < 22);
    assert_eq!(journal.finish(WAIT), Finished::Flushed);
    let sessions = left(&home.reader());
    // 50 KB each, so about 18 fit into nine tenths of 1 MiB; the newest stay whole.
    assert!((10..22).contains(&sessions.len()), "{sessions:?}");
    let (first, last) = (sessions[1].0, sessions[sessions.len() - 1].0);
    assert_eq!(last - first + 2, sessions.len() as i64, "{sessions:?}");
    assert_eq!(sessions.last(), Some(&(41, 2)));
}
