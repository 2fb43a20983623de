use std::sync::mpsc;
use std::thread;

use bytes::Bytes;
use tapgate_wire::Chunk;
use tapgate_wire::stream::Ending;

use super::*;

const SOON: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_mins(1);

/// The `n`th event of stream `stream`, with `size` bytes of payload.
fn bytes(stream: u64, n: u64, size: usize) -> Seen {
    let chunk = Chunk { at: Nanos(n), bytes: Bytes::from(vec![b'x'; size]) };
    Seen::Bytes { stream: StreamId(stream), from: Leg::Client, chunk }
}

fn closed(n: u64) -> Seen {
    Seen::Closed { stream: StreamId(0), from: Leg::Client, at: Nanos(n), how: Ending::Clean }
}

/// One word for each event: `b7` bytes at 7, `c7` closed at 7, `lost 30@7` for 30 bytes lost since 7.
fn words(batch: &[Seen]) -> Vec<String> {
    let word = |seen: &Seen| match seen {
        Seen::Bytes { chunk, .. } => format!("b{}", chunk.at.0),
        Seen::Closed { at, .. } => format!("c{}", at.0),
        Seen::Lost { at, n_bytes, .. } => format!("lost {n_bytes}@{}", at.0),
        other => format!("{other:?}"),
    };
    batch.iter().map(word).collect()
}

/// Takes until the queue closes.
fn drain(mut observer: Observer) -> Vec<Seen> {
    let (mut all, mut batch) = (Vec::new(), Vec::new());
    while observer.recv_batch(&mut batch, LONG) == Turn::Took {
        all.append(&mut batch);
    }
    all
}

#[test]
fn events_come_in_the_order_in_which_they_were_told_and_then_the_queue_closes() {
    let (witness, mut observer) = queue(1 << 20);
    let mut batch = Vec::new();
    assert_eq!(observer.recv_batch(&mut batch, SOON), Turn::Idle);
    witness.see(bytes(0, 1, 10));
    witness.clone().see(closed(2));
    assert_eq!(observer.recv_batch(&mut batch, LONG), Turn::Took);
    assert_eq!(words(&batch), ["b1", "c2"]);
    witness.see(bytes(0, 3, 10));
    drop(witness);
    assert_eq!(observer.recv_batch(&mut batch, LONG), Turn::Took);
    assert_eq!(words(&batch), ["b3"]);
    assert_eq!(observer.recv_batch(&mut batch, LONG), Turn::Closed);
    assert_eq!(observer.recv_batch(&mut batch, LONG), Turn::Closed);
    assert!(batch.is_empty());
}

#[test]
fn a_loss_stands_where_the_lost_bytes_would_have_stood() {
    let (witness, mut observer) = queue(2 * (EVENT_COST + 10));
    for n in 1..=4 {
        witness.see(bytes(0, n, 10));
    }
    let mut batch = Vec::new();
    assert_eq!(observer.recv_batch(&mut batch, LONG), Turn::Took);
    assert_eq!(words(&batch), ["b1", "b2", "lost 20@3"], "a loss at the end is told without a later event");
    for n in 5..=7 {
        witness.see(bytes(0, n, 10));
    }
    witness.see(closed(8));
    drop(witness);
    assert_eq!(words(&drain(observer)), ["b5", "b6", "lost 10@7", "c8"], "an end passes when bytes do not");
}

#[test]
fn an_event_larger_than_the_limit_passes_alone() {
    let (witness, observer) = queue(1000);
    witness.see(bytes(0, 1, 5000));
    witness.see(bytes(0, 2, 1));
    drop(witness);
    assert_eq!(words(&drain(observer)), ["b1", "lost 1@2"]);
}

#[test]
fn bulk_leaves_room_for_small_events() {
    let (witness, observer) = queue(1 << 20);
    for n in 0..200 {
        witness.see(bytes(0, n, BULK));
    }
    assert!(witness.end.shared.lock().n_bulk <= 1 << 19);
    witness.see(bytes(1, 200, 100));
    drop(witness);
    let all = drain(observer);
    let lost = 200 * BULK - (1 << 19);
    let last = &words(&all)[(1 << 19) / BULK..];
    assert_eq!(last, [format!("lost {lost}@128"), "b200".to_owned()]);
}

#[test]
fn a_loss_names_its_direction() {
    let told = |streams: &[u64]| {
        let (witness, mut observer) = queue(1000);
        witness.see(bytes(9, 0, 5000));
        for stream in streams {
            witness.see(bytes(*stream, 1, 5000));
        }
        let mut batch = Vec::new();
        observer.recv_batch(&mut batch, LONG);
        let lost = |seen: &Seen| match seen {
            Seen::Lost { of, n_bytes, .. } => (of.map(|of| of.0.0), *n_bytes),
            other => panic!("{other:?}"),
        };
        batch[1..].iter().map(lost).collect::<Vec<_>>()
    };
    assert_eq!(told(&[3]), [(Some(3), 5000)]);
    assert_eq!(told(&[3, 3]), [(Some(3), 10_000)]);
    assert_eq!(told(&[3, 4, 3]), [(Some(3), 10_000), (Some(4), 5000)]);
    let many: Vec<u64> = (0..=MAX_LOSSES as u64).collect();
    assert_eq!(told(&many), [(None, 5000 * many.len() as u64)], "too many directions are one loss of all");
    assert_eq!(told(&[&many[..], &[3]].concat()), [(None, 5000 * (many.len() as u64 + 1))]);
}

#[test]
fn the_number_of_events_is_bounded_whatever_their_size() {
    let (witness, observer) = queue(usize::MAX);
    let n_told = 2 * (MAX_EVENTS + RESERVE) as u64;
    for n in 0..n_told {
        witness.see(bytes(0, n, 1));
    }
    for n in 0..n_told {
        witness.see(closed(n));
    }
    assert!(witness.end.shared.lock().events.len() <= MAX_EVENTS + RESERVE + 1);
    drop(witness);
    let all = drain(observer);
    let lost: u64 =
        all.iter().map(|seen| if let Seen::Lost { n_bytes, .. } = seen { *n_bytes } else { 0 }).sum();
    assert_eq!(lost, n_told - MAX_EVENTS as u64);
    assert!(
        matches!(all.last(), Some(Seen::Lost { n_bytes: 0, .. })),
        "lost ends are told as a loss of no bytes"
    );
}

#[test]
fn an_observer_that_never_takes_stops_nobody() {
    let (witness, observer) = queue(1 << 16);
    for n in 0..1_000_000 {
        witness.see(bytes(0, n, 100));
    }
    assert!(witness.end.shared.lock().n_bytes <= 1 << 16);
    drop(observer);
    witness.see(bytes(0, 0, 100));
    assert!(witness.end.shared.lock().events.is_empty(), "nothing is kept for an observer that is gone");
}

#[test]
fn many_witnesses_keep_their_own_order_and_every_byte_is_told_or_counted() {
    const N_WITNESSES: u64 = 4;
    const N_EVENTS: u64 = 50_000;
    for limit in [1 << 12, 1 << 16, 1 << 24] {
        let (witness, observer) = queue(limit);
        let threads: Vec<_> = (0..N_WITNESSES)
            .map(|stream| {
                let witness = witness.clone();
                thread::spawn(move || (0..N_EVENTS).for_each(|n| witness.see(bytes(stream, n, 7))))
            })
            .collect();
        drop(witness);
        let (mut n_seen, mut n_lost, mut last) = (0, 0, [None; N_WITNESSES as usize]);
        for seen in drain(observer) {
            match seen {
                Seen::Bytes { stream, chunk, .. } => {
                    let last = &mut last[stream.0 as usize];
                    assert!(*last < Some(chunk.at), "limit {limit}: {chunk:?} after {last:?}");
                    *last = Some(chunk.at);
                    n_seen += chunk.bytes.len() as u64;
                }
                Seen::Lost { n_bytes, .. } => n_lost += n_bytes,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(n_seen + n_lost, 7 * N_WITNESSES * N_EVENTS, "limit {limit}");
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

#[test]
fn a_parked_observer_is_woken_by_an_event_and_by_the_end() {
    let (witness, mut observer) = queue(1 << 20);
    let (tell, told) = mpsc::channel();
    let thread = thread::spawn(move || {
        let mut batch = Vec::new();
        loop {
            let turn = observer.recv_batch(&mut batch, LONG * 60);
            tell.send((turn, words(&batch))).unwrap();
            if turn == Turn::Closed {
                return;
            }
        }
    });
    // However the threads interleave, each wait ends long before the observer's timeout of an hour.
    for n in 0..200 {
        witness.see(bytes(0, n, 1));
        assert_eq!(told.recv_timeout(LONG), Ok((Turn::Took, vec![format!("b{n}")])));
    }
    drop(witness);
    assert_eq!(told.recv_timeout(LONG), Ok((Turn::Closed, vec![])));
    thread.join().unwrap();
}

#[test]
fn a_gathering_observer_is_woken_when_the_queue_is_half_full() {
    let (witness, observer) = queue(1 << 20);
    let shared = &witness.end.shared;
    shared.lock().parked = Parked::ForMuch;
    // Small pieces until half of the limit; of bulk an eighth is enough.
    for n in 0..(1 << 19) / (1000 + EVENT_COST) {
        witness.see(bytes(0, n as u64, 1000));
    }
    assert_eq!(shared.lock().parked, Parked::ForMuch);
    witness.see(bytes(0, 1000, 1000));
    assert_eq!(shared.lock().parked, Parked::No);
    drop(observer);
    let (witness, observer) = queue(1 << 20);
    let shared = &witness.end.shared;
    shared.lock().parked = Parked::ForMuch;
    witness.see(bytes(0, 1, 1 << 17));
    assert_eq!(shared.lock().parked, Parked::ForMuch);
    witness.see(bytes(0, 2, BULK));
    assert_eq!(shared.lock().parked, Parked::No);
    drop(observer);
}

#[test]
fn when_bytes_passed_is_dropped_without_a_word_when_there_is_no_room() {
    let (witness, observer) = queue(4096);
    let passed = |at| Seen::Passed { stream: StreamId(0), from: Leg::Client, at: Nanos(at) };
    witness.see(bytes(0, 1, 3000));
    for at in 0..1000 {
        witness.see(passed(at));
    }
    witness.see(closed(9));
    drop(witness);
    let all = drain(observer);
    let n_passed = all.iter().filter(|seen| matches!(seen, Seen::Passed { .. })).count();
    assert!((1..100).contains(&n_passed), "{n_passed}");
    assert!(!all.iter().any(|seen| matches!(seen, Seen::Lost { .. })), "{all:?}");
    assert!(matches!(all.last(), Some(Seen::Closed { .. })));
}
