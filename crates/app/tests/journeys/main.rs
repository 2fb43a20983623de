//! Official clients reach official servers through tapgate, and see what they see without it.
//!
//! `cargo xtask setup` installs the peers; a missing one fails the test, it never skips.
//! A run plays a part of the table; `TAPGATE_JOURNEYS` names another (`table::chosen`).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test says what is wrong by panicking, and a long one how far it is"
)]

use std::collections::HashMap;
use std::env;
use std::sync::{Mutex, OnceLock};
use std::thread;

use crate::play::{Running, Saw};
use crate::table::{Journey, Kind, SERVERS};

mod compare;
mod judged;
mod mocked;
mod planted;
mod play;
mod recorded;
mod table;

/// So many conversations at once; most of their time is waiting.
const AT_ONCE: usize = 2;

#[test]
fn every_client_reaches_everything_on_stdio() {
    all_reach("everything", Kind::Stdio);
}

#[test]
fn every_client_reaches_everything_on_http() {
    all_reach("everything", Kind::Http);
}

#[test]
fn every_client_reaches_everything_on_sse() {
    all_reach("everything", Kind::Sse);
}

#[test]
fn every_client_reaches_the_filesystem() {
    all_reach("filesystem", Kind::Stdio);
}

#[test]
fn every_client_reaches_the_memory() {
    all_reach("memory", Kind::Stdio);
}

#[test]
fn every_client_reaches_sequential_thinking() {
    all_reach("sequential-thinking", Kind::Stdio);
}

#[test]
fn every_client_reaches_python_1_on_stdio() {
    all_reach("python-1", Kind::Stdio);
}

#[test]
fn every_client_reaches_python_1_on_http() {
    all_reach("python-1", Kind::Http);
}

#[test]
fn every_client_reaches_python_1_on_sse() {
    all_reach("python-1", Kind::Sse);
}

#[test]
fn every_client_reaches_python_2_on_stdio() {
    all_reach("python-2", Kind::Stdio);
}

#[test]
fn every_client_reaches_python_2_on_http() {
    all_reach("python-2", Kind::Http);
}

#[test]
fn every_client_reaches_a_legacy_server_on_stdio() {
    all_reach("typescript-2-legacy", Kind::Stdio);
}

#[test]
fn every_client_reaches_a_legacy_server_on_http() {
    all_reach("typescript-2-legacy", Kind::Http);
}

#[test]
fn every_client_reaches_a_modern_server_on_stdio() {
    all_reach("typescript-2-modern", Kind::Stdio);
}

#[test]
fn every_client_reaches_a_modern_server_on_http() {
    all_reach("typescript-2-modern", Kind::Http);
}

/// Plays the chosen journeys to one server, and says at the end what is wrong with which.
fn all_reach(name: &str, kind: Kind) {
    let server = SERVERS.iter().find(|server| server.name == name && server.kind == kind).unwrap();
    let journeys: Vec<Journey> =
        table::chosen().into_iter().filter(|journey| std::ptr::eq(journey.server, server)).collect();
    assert!(!journeys.is_empty() || env::var_os("TAPGATE_JOURNEYS").is_some(), "nobody goes to {server}");
    let running = Running::start(server);
    let references: HashMap<&str, OnceLock<Saw>> =
        journeys.iter().map(|journey| (journey.client.reference(server).name, OnceLock::new())).collect();
    let rest = Mutex::new(journeys.iter());
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(journey) = { rest.lock().unwrap().next() } {
                    let client = journey.client.reference(server);
                    let direct = references[client.name].get_or_init(|| play::direct(client, &running));
                    let found = walk(journey, &running, direct);
                    if found.is_empty() {
                        eprintln!("{journey}: ok");
                    } else {
                        let found = format!("{journey}: WRONG\n    {}", found.join("\n    "));
                        eprintln!("{found}");
                        wrong.lock().unwrap().push(found);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} journeys fail\n{}", wrong.len(), journeys.len(), wrong.join("\n"));
}

/// One journey; gives what is wrong with it.
fn walk(journey: &Journey, running: &Running, direct: &Saw) -> Vec<String> {
    let n_steps = direct.iter().filter(|(_, saw)| saw.get("error").is_none()).count();
    assert!(n_steps > 2, "{journey}: without tapgate there is no conversation: {direct:#?}");
    let home = tempfile::tempdir().unwrap();
    let saw = play::through(journey, running, home.path());
    let mut wrong = compare::wrong(journey, direct, &saw);
    wrong.extend(compare::misrecorded(journey.server, &saw, home.path()));
    wrong.extend(judged::unexpected(journey, home.path()));
    wrong
}
