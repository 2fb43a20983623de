//! Nothing that was planted is found in anything that was written.

mod code;
mod family;
mod plant;
mod search;
mod traffic;
mod views;
mod web;

use std::collections::BTreeSet;

use tapgate_testkit::Chance;

use crate::support::{Home, HttpTap, StdioTap};
use code::{Alphabet, Padding, base64, hex, percent, unicode};
use family::FAMILIES;
use plant::{ENCODINGS, Encoding, Plant, Sower};
use search::Search;
use traffic::{Line, cut, talk};

/// Enough rounds for each family to be planted in each encoding.
const ROUNDS: usize = 38;
/// How many of them one tap sees; looking at a call costs more the longer its session is.
const ROUNDS_OF_TAP: usize = 7;

#[test]
fn the_search_finds_every_secret_in_every_encoding() {
    let mut sower = Sower::new(7);
    for _ in 0..FAMILIES.len() * ENCODINGS.len() {
        sower.plant("a message");
    }
    let mut search = Search::new(&sower.plants);
    for dress in [Plant::json, Plant::string, Plant::text] {
        for plant in &sower.plants {
            search.look("a message", dress(plant).as_bytes());
        }
        assert_eq!(search.take_found(), sower.plants.len());
    }
}

#[test]
fn a_secret_on_stdio_is_in_no_artefact() {
    let home = Home::new();
    let mut sower = Sower::new(0x005e_c2e7);
    let mut n_asked = 0;
    let mut own = Vec::new();
    let mut n_bytes = 0;
    for first in (0..ROUNDS).step_by(ROUNDS_OF_TAP) {
        let n_before = sower.plants.len();
        let (argv, known) =
            (traffic::secrets_of_argv(&mut sower), traffic::secrets_of_environment(&mut sower));
        let args: Vec<&str> = argv.iter().map(String::as_str).collect();
        let mut tap = StdioTap::start_with(&home, &[], &args, |command| {
            command.envs(known.iter().cloned());
        });
        for _ in first..ROUNDS.min(first + ROUNDS_OF_TAP) {
            n_asked += talk(&mut tap, &mut sower, traffic::LINES);
        }
        n_asked += talk(&mut tap, &mut sower, traffic::NAMES);
        for (_, value) in &known {
            n_asked += traffic::echo(&mut tap, value, &mut sower.chance);
        }
        // While it runs, what is newest is in the write-ahead log only.
        let mut search = Search::new(&sower.plants[n_before..]);
        views::look_at_lists(&home, &mut search);
        n_bytes += search.look_into_files(home.path());
        search.finish();
        let (status, said) = tap.end();
        assert_eq!(status, Some(0));
        own.extend(said);
    }
    let drawn: BTreeSet<_> =
        sower.plants.iter().map(|plant| (plant.family.name, plant.encoding as u8)).collect();
    assert_eq!(drawn.len(), FAMILIES.len() * ENCODINGS.len(), "each family was planted in each encoding");
    assert!(n_bytes > 100_000, "journals of {n_bytes} bytes hold no such conversation");
    let mut search = Search::new(&sower.plants);
    search.look("the tap's standard error", &own);
    views::look_at_everything(&home, &mut search, n_asked);
    search.finish();
}

#[test]
fn a_secret_cut_at_any_byte_on_stdio_is_in_no_artefact() {
    let lines = [
        Line::ask(
            "arguments",
            r#"{"jsonrpc":"2.0","id":#,"method":"tools/call","params":{"name":"run","arguments":{"x":§}}}"#,
            "",
        ),
        Line::warn("standard error", "login with § failed"),
        Line::stray("stray output", "debug: §"),
    ];
    let samples = [
        ("github-classic", Encoding::Plain),
        ("password", Encoding::Unicode),
        ("postgres", Encoding::Percent),
        ("stripe-live", Encoding::Base64),
    ];
    let home = Home::new();
    let mut sower = Sower::new(0xc07);
    let mut own = Vec::new();
    let mut n_asked = 0;
    for (family, encoding) in samples {
        let mut tap = StdioTap::start(&home, &[], &[]);
        for line in &lines {
            // Every byte has its turn on one of the lines; calls, which cost most to look at, take every third.
            let step = if line.is_asked() { 3 } else { 1 };
            for at in (1..).step_by(step) {
                let plant = sower.plant_as(family, encoding, line.place);
                let bytes = line.fill(|_| plant.clone(), n_asked);
                if at >= bytes.len() {
                    break;
                }
                n_asked += line.say(&mut tap, &[&bytes[..at], &bytes[at..]], n_asked);
            }
        }
        let key = sower.plant_as("pem-rsa", Encoding::Plain, "standard error, in pieces").secret;
        for size in [64, 7, 1] {
            let pieces: Vec<&[u8]> = key.as_bytes().chunks(size).collect();
            tap.server_warns(&pieces);
        }
        let (status, said) = tap.end();
        assert_eq!(status, Some(0));
        own.extend(said);
    }
    let mut search = Search::new(&sower.plants);
    search.look("the tap's standard error", &own);
    views::look_at_everything(&home, &mut search, n_asked);
    search.finish();
}

#[test]
fn a_secret_on_http_is_in_no_artefact() {
    let home = Home::new();
    let mut sower = Sower::new(0x477);
    let parameter = sower.plant_value("the URL on the command line");
    let tap = HttpTap::start(&home, &["--name", "web"], &format!("/mcp?api_key={parameter}"));
    let mut n_asked = 0;
    for _ in 0..3 {
        n_asked += web::talk(&tap, &mut sower);
    }
    n_asked += web::events_cut_at_every_byte(&tap, &mut sower);
    let mut search = Search::new(&sower.plants);
    views::look_at_lists(&home, &mut search);
    search.look_into_files(home.path());
    let (status, own) = tap.end();
    assert_eq!(status, Some(0), "{own}");
    search.look("the tap's standard error", own.as_bytes());
    views::look_at_everything(&home, &mut search, n_asked);
    search.finish();
}

#[test]
fn equal_secrets_look_equal_in_one_run_and_unlike_in_another() {
    let home = Home::new();
    let mut sower = Sower::new(0xe9);
    let token = sower.plant_as("github-classic", Encoding::Plain, "arguments").secret;
    let bytes = token.as_bytes();
    let clothes = [
        token.clone(),
        base64(bytes, Alphabet::Standard, Padding::Yes),
        percent(bytes),
        hex(bytes),
        unicode(&token),
    ];
    let digests_of_run = || {
        let mut tap = StdioTap::start(&home, &[], &[]);
        for (id, text) in clothes.iter().enumerate() {
            let ask = format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{{\"name\":\"run\",\"arguments\":{{\"text\":\"{text}\"}}}}}}\n"
            );
            tap.client_says(&cut(ask.as_bytes(), &mut Chance::new(id as u64)));
        }
        tap.end();
        let wire = home.run(&["show", "--wire", "last", "--json"]).out();
        let placeholders: Vec<&str> =
            wire.split("[masked:").skip(1).filter_map(|rest| rest.split(']').next()).collect();
        let n_placeholders = placeholders.len();
        let digests: BTreeSet<String> = placeholders
            .iter()
            .map(|placeholder| placeholder.rsplit(':').next().unwrap().to_owned())
            .collect();
        (n_placeholders, digests)
    };
    let (n_first, first) = digests_of_run();
    let (_, second) = digests_of_run();
    assert!(n_first >= clothes.len(), "{n_first} placeholders");
    assert_eq!((first.len(), second.len()), (1, 1), "one secret has one digest: {first:?} {second:?}");
    assert_ne!(first, second);
}
