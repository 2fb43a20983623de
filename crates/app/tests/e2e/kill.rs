//! Whoever dies, and whatever becomes of the disk: what passed is whole, nothing is left running, and the journal
//! can be read.

mod journal;
mod round;
mod web;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use round::{Death, play};

/// How often each death is died.
const ROUNDS: u64 = 20;
/// How many die at once; they mostly wait.
const AT_ONCE: usize = 8;

#[test]
fn a_tap_that_is_killed_leaves_nothing_behind() {
    rounds(|seed| play(Death::Tap, seed));
}

#[test]
fn a_tap_that_is_told_to_end_ends_its_server() {
    rounds(|seed| play(Death::TapGently, seed));
}

#[test]
fn a_server_that_is_killed_ends_its_tap() {
    rounds(|seed| play(Death::Server, seed));
}

#[test]
fn a_client_that_goes_away_ends_its_tap_and_its_server() {
    rounds(|seed| play(Death::Client, seed));
}

#[test]
fn everything_arrives_when_nobody_dies() {
    rounds(|seed| play(Death::Nobody, seed));
}

#[test]
fn a_journal_that_breaks_while_it_is_written_stops_no_traffic() {
    rounds(|seed| play(Death::Journal, seed));
}

/// Plays each seed, a few at a time; a failure names its seed.
fn rounds(play: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= ROUNDS {
                        return;
                    }
                    play(seed);
                }
            });
        }
    });
}
