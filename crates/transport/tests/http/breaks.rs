//! Servers that are not there, break off or go away, and clients that do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tapgate_wire::Leg;
use tapgate_wire::stream::Ending;

use crate::stage::{
    Server, Tap, options, post, read_answer, read_head, read_request, read_to_end, sees_the_end, text,
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The answer to a call through a tap whose server is at `url`.
fn ask(url: &str) -> (Tap, String) {
    let mut options = options(url);
    options.connect_timeout = Duration::from_millis(300);
    let tap = Tap::start(options);
    let told = tap.ask(&post("/mcp", "{\"id\":7}"));
    (tap, told)
}

#[test]
fn a_server_that_is_not_there_is_a_502_that_names_the_cause_and_the_request() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
    for (url, cause) in [
        (format!("http://{closed}/mcp"), "connection refused"),
        ("http://no-such-host.invalid/mcp".to_owned(), "cannot be resolved"),
    ] {
        let (tap, told) = ask(&url);
        assert!(told.starts_with("HTTP/1.1 502 Bad Gateway\r\ncontent-type: application/json\r\n"), "{told}");
        assert!(told.contains("told /mcp \"{\\\"id\\\":7}\"") && told.contains(cause), "{told}");
        let Ending::Instead { status: 502, why } = tap.ending(0, Leg::Server) else { panic!("not a 502") };
        assert!(why.contains(cause), "{why}");
        assert_eq!(text(&tap.bytes(0, Leg::Client)), "{\"id\":7}", "what was asked is told");
    }
}

#[test]
fn a_server_that_does_not_shake_hands_is_a_504() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (_tap, told) = ask(&format!("https://{}/mcp", silent.local_addr().expect("an address")));
    assert!(told.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"), "{told}");
    assert!(told.contains("within 300ms") && told.contains("id"), "{told}");
}

#[test]
fn a_server_that_closes_or_talks_nonsense_is_a_502() {
    for (answer, cause) in [
        (&b""[..], "closed the connection before"),
        (b"HTTP/1.1 200", "closed the connection before"),
        (b"220 smtp ready\r\n\r\n", "is not HTTP"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
            "another protocol",
        ),
    ] {
        let server = Server::start(move |mut tcp, _| {
            read_request(&mut tcp).expect("a request");
            tcp.write_all(answer).expect("the tap reads");
        });
        let (_tap, told) = ask(&format!("http://{}/mcp", server.addr));
        assert!(told.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{answer:?}: {told}");
        assert!(told.contains(cause) && told.contains("id"), "{told}");
    }
}

#[test]
fn a_body_that_breaks_off_reaches_the_client_as_a_break() {
    for (head, piece, want) in [
        ("Content-Length: 10", "12345", "12345"),
        ("Transfer-Encoding: chunked", "5\r\n12345\r\n", "5\r\n12345\r\n"),
        ("Transfer-Encoding: chunked", "5\r\n12345\r\nff", "5\r\n12345\r\n"),
    ] {
        let server = Server::start(move |mut tcp, _| {
            read_request(&mut tcp).expect("a request");
            let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{piece}");
            tcp.write_all(answer.as_bytes()).expect("the tap reads");
        });
        let tap = Tap::to(server.addr);
        let mut client = tap.client();
        client.write_all(&post("/mcp", "")).expect("the tap reads");
        let told = text(&read_to_end(&mut client));
        assert!(told.ends_with(&format!("\r\n\r\n{want}")), "{told}");
        assert_eq!(tap.ending(0, Leg::Server), Ending::Cut);
        assert_eq!(text(&tap.bytes(0, Leg::Server)), "12345");
    }
}

#[test]
fn connections_to_the_server_are_used_again() {
    let (counted, numbers) = channel();
    let counted = Mutex::new(counted);
    let server = Server::start(move |mut tcp, n| {
        while read_request(&mut tcp).is_some() {
            counted.lock().expect("nobody fails").send(n).expect("the test waits");
            tcp.write_all(OK).expect("the tap reads");
        }
    });
    let tap = Tap::to(server.addr);
    for _ in 0..5 {
        assert!(tap.ask(&post("/mcp", "x")).ends_with("ok"));
    }
    assert_eq!(numbers.iter().take(5).collect::<Vec<_>>(), [0; 5]);
}

#[test]
fn a_connection_that_the_server_closed_meanwhile_costs_no_request() {
    let server = Server::start(|mut tcp, _| {
        read_request(&mut tcp).expect("a request");
        tcp.write_all(OK).expect("the tap reads");
    });
    let tap = Tap::to(server.addr);
    let mut client = tap.client();
    for _ in 0..20 {
        client.write_all(&post("/mcp", "x")).expect("the tap reads");
        assert!(text(&read_answer(&mut client)).ends_with("ok"));
        // The close is on its way; a request right behind it may only fail when the server read it.
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_request_that_the_server_has_read_is_never_sent_again() {
    let asked = Arc::new(Mutex::new(0));
    let counting = Arc::clone(&asked);
    let server = Server::start(move |mut tcp, _| {
        read_request(&mut tcp).expect("a request");
        tcp.write_all(OK).expect("the tap reads");
        if read_request(&mut tcp).is_some() {
            *counting.lock().expect("nobody fails") += 1;
        }
    });
    let tap = Tap::to(server.addr);
    let mut client = tap.client();
    client.write_all(&post("/mcp", "first")).expect("the tap reads");
    assert!(text(&read_answer(&mut client)).ends_with("ok"));
    client.write_all(&post("/mcp", "second")).expect("the tap reads");
    let told = text(&read_answer(&mut client));
    assert!(told.starts_with("HTTP/1.1 502 ") && told.contains("second"), "{told}");
    assert_eq!(*asked.lock().expect("nobody fails"), 1);
}

#[test]
fn a_client_that_goes_away_ends_the_request_at_the_server() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    for answer in ["", head, &format!("{head}5\r\nhello\r\n")] {
        let (ended, end) = channel();
        let ended = Mutex::new(ended);
        let begin = answer.to_owned();
        let server = Server::start(move |mut tcp, _| {
            read_request(&mut tcp).expect("a request");
            tcp.write_all(begin.as_bytes()).expect("the tap reads");
            let ended = ended.lock().expect("nobody fails").clone();
            ended.send(false).expect("the test waits");
            ended.send(sees_the_end(&mut tcp)).expect("the test waits");
        });
        let tap = Tap::to(server.addr);
        let mut client = tap.client();
        client.write_all(&post("/mcp", "x")).expect("the tap reads");
        assert!(!end.recv().expect("the server has it"));
        let mut start = vec![0; answer.len()];
        client.read_exact(&mut start).expect("what came so far");
        drop(client);
        assert!(end.recv().expect("the server notices"), "after {answer:?}");
        assert_eq!(tap.ending(0, Leg::Server), Ending::Abandoned);
    }
}

#[test]
fn a_client_that_breaks_off_its_upload_breaks_it_at_the_server() {
    let (ended, end) = channel();
    let ended = Mutex::new(ended);
    let server = Server::start(move |mut tcp, _| {
        read_head(&mut tcp).expect("a head");
        let body = read_to_end(&mut tcp);
        ended.lock().expect("nobody fails").send(body).expect("the test waits");
    });
    let tap = Tap::to(server.addr);
    let mut client = tap.client();
    client
        .write_all(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345")
        .expect("the tap reads");
    client.shutdown(Shutdown::Both).expect("a connection");
    assert!(end.recv().expect("the server notices").len() <= 5);
    assert_eq!(tap.ending(0, Leg::Client), Ending::Cut);
}

#[test]
fn an_answer_before_the_upload_is_complete_passes() {
    let server = Server::start(|mut tcp, _| {
        read_head(&mut tcp).expect("a head");
        tcp.write_all(b"HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno").expect("the tap reads");
        read_to_end(&mut tcp);
    });
    let tap = Tap::to(server.addr);
    let mut client = tap.client();
    client
        .write_all(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n12345")
        .expect("the tap reads");
    assert!(text(&read_answer(&mut client)).starts_with("HTTP/1.1 413 Too Much\r\n"));
}
