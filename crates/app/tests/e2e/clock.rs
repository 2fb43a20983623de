//! Where the time of a call went: the peers wait as long as they say, and the journal must agree.
//!
//! Both peers are the test, so it knows from its own clock how long each wait was at least (what it slept) and at most
//! (what passed around it). On a busy machine the tap may be interrupted between a write and its look at the clock, so
//! the waits are tried again; one undisturbed run is the measurement.

use std::io::{Read as _, Write as _};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Home, HttpTap, StdioTap, connect, eventually, read_head};

/// What two clocks may differ by, whatever they measure.
const SLACK: f64 = 0.002;

/// How often a measurement is tried.
const TRIES: usize = 5;

/// A wait, as the one who waited saw it.
#[derive(Clone, Copy, Debug)]
struct Wait {
    least: f64,
    most: f64,
    /// Just before what ended it.
    acted: Instant,
}

#[expect(clippy::disallowed_methods, reason = "the test measures with a clock of its own")]
fn now() -> Instant {
    Instant::now()
}

/// Waits and then acts: at least as long as it slept, at most from just before the act that began the wait.
fn wait(since: Instant, millis: u64, act: impl FnOnce()) -> Wait {
    sleep(Duration::from_millis(millis));
    let acted = now();
    act();
    Wait { least: millis as f64 / 1e3, most: since.elapsed().as_secs_f64(), acted }
}

/// Whether the call went as the peers say: the parts are always the whole, and each agrees with the waits.
fn compare(home: &Home, waits: &[(&str, &[Wait])]) -> Result<Value, String> {
    let calls = home.calls();
    let call = calls.into_iter().find(|call| call["method"] == "tools/call").unwrap();
    let spent = |part: &str| {
        call[format!("time.{part}")].as_f64().unwrap_or_else(|| panic!("time.{part} is not known: {call}"))
    };
    let whole: f64 = ["client", "tapgate", "wire", "server", "person"].map(spent).into_iter().sum();
    let duration = call["duration"].as_f64().unwrap();
    assert!((whole - duration).abs() < 1e-6, "the parts are {whole} s: {call}");
    for (part, waits) in waits {
        let least: f64 = waits.iter().map(|wait| wait.least).sum();
        let most: f64 = waits.iter().map(|wait| wait.most).sum();
        let slack = SLACK.max(least / 50.0);
        if !(least - slack..=most + slack).contains(&spent(part)) {
            return Err(format!("time.{part} is {} s and not {least} to {most}: {call}", spent(part)));
        }
    }
    Ok(call)
}

/// The first measurement that nothing disturbed.
fn undisturbed(measure: impl Fn() -> Result<(), String>) {
    let mut why = Vec::new();
    while let Err(disturbed) = measure() {
        why.push(disturbed);
        assert!(why.len() < TRIES, "{why:#?}");
    }
}

#[test]
fn each_wait_of_a_call_on_pipes_is_counted_where_it_was_spent() {
    undisturbed(|| {
        let home = Home::new();
        let mut tap = StdioTap::start(&home, &["--name", "slow"], &[]);
        let asked = now();
        tap.client_says(&[
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"a\"}}\n",
        ]);
        let first = wait(asked, 150, || {
            tap.server_says(&[
                b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"elicitation/create\",\"params\":{}}\n",
            ]);
        });
        let person = wait(first.acted, 300, || {
            tap.client_says(&[b"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"action\":\"accept\"}}\n"]);
        });
        let second = wait(person.acted, 50, || {
            tap.server_says(&[b"{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"roots/list\"}\n"]);
        });
        let client = wait(second.acted, 100, || {
            tap.client_says(&[b"{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":{\"roots\":[]}}\n"]);
        });
        // The last answer comes in two pieces, with a wait between them.
        let third = wait(client.acted, 60, || tap.server_says(&[b"{\"jsonrpc\":\"2.0\",\"id\":1,"]));
        let wire = wait(third.acted, 80, || tap.server_says(&[b"\"result\":{\"content\":[]}}\n"]));
        assert_eq!(tap.end().0, Some(0));
        let call = compare(
            &home,
            &[
                ("person", &[person]),
                ("client", &[client]),
                ("wire", &[wire]),
                ("server", &[first, second, third]),
            ],
        )?;
        let shown = home.json(&["show", call["id"].as_str().unwrap()]);
        let spans: Vec<_> =
            shown.iter().filter(|line| line["kind"] == "span").map(|span| span["what"].as_str()).collect();
        assert_eq!(spans, [Some("a"), Some("← elicitation/create"), Some("← roots/list")]);
        Ok(())
    });
}

#[test]
fn each_wait_of_a_call_over_http_is_counted_where_it_was_spent() {
    let body = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"a\"}}";
    let answer = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}";
    let ask = format!(
        "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let reply = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        answer.len()
    );
    undisturbed(|| {
        let home = Home::new();
        let tap = HttpTap::start(&home, &["--name", "slow"], "/mcp");
        let mut client = connect(tap.port());
        let asked = now();
        client.write_all(&[ask.as_bytes(), &body[..10]].concat()).unwrap();
        let mut server = tap.accept();
        read_head(&mut server);
        let mut came = vec![0; body.len()];
        server.read_exact(&mut came[..10]).unwrap();
        let upload = wait(asked, 70, || {
            client.write_all(&body[10..]).unwrap();
            server.read_exact(&mut came[10..]).unwrap();
        });
        let mut back = vec![0; 4096];
        let mut n_back = 0;
        let mut read_until = |end: &[u8]| {
            while !back[..n_back].ends_with(end) {
                let n_read = (&client).read(&mut back[n_back..]).unwrap();
                assert!(n_read > 0, "the tap closed the connection");
                n_back += n_read;
            }
        };
        let work = wait(upload.acted, 120, || {
            server.get_mut().write_all(&[reply.as_bytes(), &answer[..10]].concat()).unwrap();
            read_until(&answer[..10]);
        });
        let download = wait(work.acted, 80, || {
            server.get_mut().write_all(&answer[10..]).unwrap();
            read_until(&answer[10..]);
        });
        drop((client, server));
        tap.signal(Signal::TERM);
        assert_eq!(tap.end().0, Some(0));
        compare(
            &home,
            &[("wire", &[upload, download]), ("server", &[work]), ("person", &[]), ("client", &[])],
        )
        .map(drop)
    });
}

#[test]
fn an_open_call_says_whom_it_waits_for() {
    let home = Home::new();
    let mut tap = StdioTap::start(&home, &["--name", "slow"], &[]);
    let waits_for = |whom: &str| {
        let filter = format!("tool:a status:pending blocked:{whom}");
        eventually(|| home.json(&["calls", &filter]).iter().any(|call| call["blocked"] == whom))
    };
    tap.client_says(&[
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"a\"}}\n",
    ]);
    assert!(waits_for("server"));
    tap.server_says(&[b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"elicitation/create\",\"params\":{}}\n"]);
    assert!(waits_for("person"));
    tap.client_says(&[b"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"action\":\"accept\"}}\n"]);
    assert!(waits_for("server"));
    tap.server_says(&[b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}\n"]);
    assert_eq!(tap.end().0, Some(0));
    assert_eq!(home.json(&["calls", "blocked:server,person"]).len(), 0);
}
