//! Who is refused, and what reaches the server of a request that is not one.

use std::io::Write;
use std::sync::mpsc::TryRecvError;
use std::time::Duration;

use tapgate_transport::http::{self, Error, Guard, Reach};
use tapgate_wire::Leg;
use tapgate_wire::stream::Ending;

use crate::stage::{PATIENCE, Server, Tap, options, read_answer, read_to_end, sees_the_end, text};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn foreign_hosts_and_pages_are_refused_before_the_server_hears_of_them() {
    let (server, asks) = Server::answering(OK);
    let mut options = options(&format!("http://{}/mcp", server.addr));
    options.guard = Guard::new(vec!["box.lan".to_owned()], vec!["https://app.test".to_owned()]);
    let tap = Tap::start(options);
    for (fields, passes) in [
        ("Host: localhost\r\n", true),
        ("Host: 127.0.0.1:7000\r\n", true),
        ("Host: [::1]:7000\r\n", true),
        ("Host: box.lan:7000\r\n", true),
        ("Host: evil.test\r\n", false),
        ("Host: 127.0.0.1.evil.test:7000\r\n", false),
        ("", false),
        ("Host: localhost\r\nHost: evil.test\r\n", false),
        ("Host: localhost\r\nOrigin: http://localhost:6274\r\n", true),
        ("Host: localhost\r\nOrigin: https://app.test\r\n", true),
        ("Host: localhost\r\nOrigin: http://evil.test\r\n", false),
        ("Host: localhost\r\nOrigin: null\r\n", false),
    ] {
        let told = tap.ask(format!("POST /mcp HTTP/1.1\r\n{fields}Content-Length: 0\r\n\r\n").as_bytes());
        if passes {
            assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{fields:?}: {told}");
            asks.recv_timeout(PATIENCE).expect("a request");
        } else {
            assert!(told.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{fields:?}: {told}");
            assert!(told.contains("content-type: application/json"), "{told}");
            assert_eq!(asks.try_recv(), Err(TryRecvError::Empty), "{fields:?}");
        }
    }
    let told = tap.ask(b"GET /mcp HTTP/1.1\r\nHost: evil.test\r\n\r\n");
    assert!(told.contains("evil.test") && told.contains("allow that host"), "{told}");
}

#[test]
fn a_refused_request_is_told_with_its_reason() {
    let (server, _asks) = Server::answering(OK);
    let tap = Tap::to(server.addr);
    tap.ask(b"GET /mcp HTTP/1.1\r\nHost: evil.test\r\n\r\n");
    let Ending::Instead { status: 403, why } = tap.ending(0, Leg::Server) else { panic!("not a 403") };
    assert!(why.contains("evil.test"), "{why}");
}

#[test]
fn what_is_not_plain_http_is_refused_clearly() {
    let (server, asks) = Server::answering(OK);
    let tap = Tap::to(server.addr);
    for request in [
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n",
    ] {
        let told = tap.ask(request.as_bytes());
        assert!(told.starts_with("HTTP/1.1 501 Not Implemented\r\n"), "{told}");
    }
    assert_eq!(asks.try_recv(), Err(TryRecvError::Empty));
    let told =
        tap.ask(b"GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
    let asked = text(&asks.recv_timeout(PATIENCE).expect("a request")).to_ascii_lowercase();
    assert!(!asked.contains("upgrade"), "{asked}");
}

#[test]
fn ambiguous_lengths_and_broken_chunks_never_smuggle_a_second_request() {
    for (fields, body) in [
        ("Content-Length: 5\r\nContent-Length: 6\r\n", "12345"),
        ("Content-Length: 5, 6\r\n", "12345"),
        ("Content-Length: +5\r\n", "12345"),
        ("Content-Length: 5x\r\n", "12345"),
        ("Content-Length: -1\r\n", ""),
        ("Transfer-Encoding: gzip\r\n", "12345"),
        ("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        ("X: y\r\n Folded: z\r\n", ""),
        ("X y: z\r\n", ""),
        ("X: a\0b\r\n", ""),
    ] {
        let (server, asks) = Server::answering(OK);
        let tap = Tap::to(server.addr);
        let mut client = tap.client();
        let request = format!("POST /mcp HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n{body}");
        client.write_all(request.as_bytes()).expect("the tap reads");
        let told = text(&read_to_end(&mut client));
        assert!(told.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{fields:?}: {told}");
        assert_eq!(asks.try_recv(), Err(TryRecvError::Empty), "{fields:?}");
    }
}

#[test]
fn of_two_lengths_the_server_sees_the_one_that_was_used() {
    let inner = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for fields in [
        "Content-Length: 50\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 50\r\n",
    ] {
        let (server, asks) = Server::answering(OK);
        let tap = Tap::to(server.addr);
        let mut client = tap.client();
        let request = format!("POST /mcp HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n0\r\n\r\n{inner}");
        client.write_all(request.as_bytes()).expect("the tap reads");
        assert!(text(&read_answer(&mut client)).starts_with("HTTP/1.1 200"), "{fields:?}");
        let first = text(&asks.recv_timeout(PATIENCE).expect("a request")).to_ascii_lowercase();
        assert!(first.starts_with("post /mcp") && !first.contains("content-length"), "{first}");
        assert!(first.ends_with("\r\n\r\n0\r\n\r\n"), "{first}");
        // RFC 9112, 6.1: the connection ends, so whatever follows is nobody's request.
        assert!(sees_the_end(&mut client));
        assert_eq!(asks.try_recv(), Err(TryRecvError::Empty), "{fields:?}");
    }
}

#[test]
fn a_broken_chunk_breaks_the_upload_and_is_not_repaired() {
    let server = Server::start(|mut tcp, _| {
        let all = text(&read_to_end(&mut tcp));
        assert!(!all.ends_with("0\r\n\r\n"), "the body must not look complete: {all}");
    });
    let tap = Tap::to(server.addr);
    let mut client = tap.client();
    let request = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\nnonsense\r\n";
    client.write_all(request).expect("the tap reads");
    let told = text(&read_to_end(&mut client));
    assert!(!told.starts_with("HTTP/1.1 200"), "{told}");
    assert_eq!(tap.ending(0, Leg::Client), Ending::Cut);
}

#[test]
fn heads_are_bounded_in_size_number_and_time() {
    let (server, asks) = Server::answering(OK);
    let mut options = options(&format!("http://{}/mcp", server.addr));
    options.head_timeout = Duration::from_millis(100);
    let tap = Tap::start(options);
    let many = "X: y\r\n".repeat(200);
    let large = format!("X: {}\r\n", "y".repeat(70_000));
    for fields in [many, large] {
        let mut client = tap.client();
        // The tap may answer and close while we still write.
        let _ = client.write_all(format!("GET /mcp HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").as_bytes());
        let told = text(&read_to_end(&mut client));
        assert!(told.is_empty() || told.starts_with("HTTP/1.1 431 "), "{told}");
    }
    let mut slow = tap.client();
    slow.write_all(b"GET /mcp HTTP/1.1\r\nHost: local").expect("the tap reads");
    assert!(sees_the_end(&mut slow));
    let mut silent = tap.client();
    assert!(sees_the_end(&mut silent));
    assert_eq!(asks.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn too_many_connections_are_answered_and_those_that_stand_go_on() {
    let (server, _asks) = Server::answering(OK);
    let mut options = options(&format!("http://{}/mcp", server.addr));
    options.max_connections = 1;
    let mut tap = Tap::start(options);
    let mut first = tap.client();
    let request = b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n";
    first.write_all(request).expect("the tap reads");
    assert!(text(&read_answer(&mut first)).ends_with("ok"));
    let told = text(&read_to_end(&mut tap.client()));
    assert!(told.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{told}");
    assert!(told.contains("too many connections"), "{told}");
    first.write_all(request).expect("the tap reads");
    assert!(text(&read_answer(&mut first)).ends_with("ok"));
    tap.begin_stop();
    let served = tap.join();
    assert_eq!((served.n_connections, served.n_turned_away), (1, 1));
}

#[test]
fn an_address_that_cannot_be_had_is_named() {
    let (server, _asks) = Server::answering(OK);
    let url = format!("http://{}/mcp", server.addr);
    let taken = http::Options { listen: server.addr, ..options(&url) };
    match http::bind(taken).err() {
        Some(Error::Bind { at, why }) => {
            assert_eq!(at, server.addr);
            assert_eq!(why.kind(), std::io::ErrorKind::AddrInUse);
        }
        other => panic!("{other:?}"),
    }
    let open = http::Options { listen: "0.0.0.0:0".parse().expect("an address"), ..options(&url) };
    assert!(matches!(http::bind(open).err(), Some(Error::NotLoopback(_))));
    let told = http::Options {
        listen: "0.0.0.0:0".parse().expect("an address"),
        reach: Reach::Network,
        ..options(&url)
    };
    assert!(http::bind(told).is_ok());
}
