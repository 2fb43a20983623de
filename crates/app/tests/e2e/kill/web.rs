//! Sudden ends on HTTP.

use std::io::{BufReader, Read as _, Write as _};

use rustix::process::Signal;
use tapgate_testkit::Chance;

use super::round::can_be_read;
use crate::support::{Home, HttpTap, connect, read_head};

const ROUNDS: u64 = 20;

const ASK: &str = "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 46\r\n\r\n\
                   {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}";
const ANSWER: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    Tap,
    Server,
    Client,
}

#[test]
fn a_listening_tap_that_is_killed_ends_both_connections_and_leaves_a_sound_journal() {
    for seed in 0..ROUNDS {
        let home = Home::new();
        let tap = HttpTap::start(&home, &[], "/mcp");
        stream(&tap, Death::Tap, seed);
        drop(tap);
        can_be_read(&home, &format!("seed {seed}"));
    }
}

#[test]
fn a_server_that_goes_away_amid_an_answer_is_told_to_the_client_and_recorded() {
    let home = Home::new();
    let tap = HttpTap::start(&home, &[], "/mcp");
    (0..ROUNDS).for_each(|seed| stream(&tap, Death::Server, seed));
    all_are_recorded(&home, tap);
}

#[test]
fn a_client_that_goes_away_amid_an_answer_cancels_it_at_the_server() {
    let home = Home::new();
    let tap = HttpTap::start(&home, &[], "/mcp");
    (0..ROUNDS).for_each(|seed| stream(&tap, Death::Client, seed));
    all_are_recorded(&home, tap);
}

fn all_are_recorded(home: &Home, tap: HttpTap) {
    let (status, own) = tap.end();
    assert_eq!(status, Some(0), "{own}");
    assert_eq!(own.lines().count(), 1, "a peer that goes away is no trouble of the tap: {own}");
    let calls = home.calls();
    assert_eq!(calls.len() as u64, ROUNDS);
    for call in &calls {
        assert_ne!(call["status"], "ok", "{call}");
    }
    can_be_read(home, "afterwards");
}

/// Streams events through the tap until the death, which comes after a number of them that the seed chooses.
fn stream(tap: &HttpTap, death: Death, seed: u64) {
    let mut chance = Chance::new(seed);
    let mut client = connect(tap.port());
    client.write_all(ASK.as_bytes()).unwrap();
    let mut server = tap.accept();
    read_head(&mut server);
    server.get_mut().write_all(ANSWER.as_bytes()).unwrap();
    let mut client = BufReader::new(client);
    read_head(&mut client);
    let mut sent = Vec::new();
    for n in 0..chance.below(30) {
        let event = format!(
            "data: {{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":{{\"n\":{n},\"x\":\"{}\"}}}}\n\n",
            "y".repeat(chance.below(900))
        );
        server.get_mut().write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).unwrap();
        sent.extend(event.into_bytes());
    }
    match death {
        Death::Client => {
            drop(client);
            let mut rest = Vec::new();
            // A connection that is reset has ended, too.
            let _ = server.read_to_end(&mut rest);
            return;
        }
        Death::Server => drop(server),
        Death::Tap => tap.signal(Signal::KILL),
    }
    let mut came = Vec::new();
    let ended = client.read_to_end(&mut came);
    let got = dechunked(&came);
    assert!(sent.starts_with(&got), "{death:?}, seed {seed}: the client got what the server did not send");
    assert!(
        !came.ends_with(b"0\r\n\r\n"),
        "{death:?}, seed {seed}: a broken answer looks complete ({ended:?})"
    );
    if death == Death::Server {
        assert_eq!(sent.len(), got.len(), "seed {seed}: something is missing");
    }
}

/// The content of as many chunks as came.
fn dechunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") {
        let size =
            std::str::from_utf8(&bytes[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.expect("the size of a chunk");
        let rest = &bytes[end + 2..];
        content.extend_from_slice(&rest[..size.min(rest.len())]);
        bytes = rest.get(size + 2..).unwrap_or_default();
    }
    content
}
