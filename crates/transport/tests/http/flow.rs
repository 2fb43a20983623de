//! Streams: everything passes as it comes, and nobody's slowness fills our memory.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tapgate_wire::Leg;
use tapgate_wire::stream::Ending;

use crate::stage::{Server, Tap, post, read_head, read_request, text};

#[test]
fn each_event_is_with_the_client_before_the_next_is_sent() {
    let (go, gone) = channel();
    let gone = Mutex::new(gone);
    let server = Server::start(move |mut tcp, _| {
        read_request(&mut tcp).expect("a request");
        tcp.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
        .expect("the tap reads");
        for n in gone.lock().expect("nobody fails").iter() {
            let event: String = format!("data: {n}\n\n");
            write!(tcp, "{:x}\r\n{event}\r\n", event.len()).expect("the tap reads");
        }
        tcp.write_all(b"0\r\n\r\n").expect("the tap reads");
    });
    let tap = Tap::to(server.addr);
    let mut client = tap.client();
    client.write_all(&post("/mcp", "x")).expect("the tap reads");
    let head = text(&read_head(&mut client).expect("a head comes before any event"));
    assert!(head.contains("Transfer-Encoding: chunked\r\n"), "{head}");
    for n in 100..300 {
        go.send(n).expect("the server waits");
        assert_eq!(text(&take(&mut client, 16)), format!("B\r\ndata: {n}\n\n\r\n"));
    }
    drop(go);
    assert_eq!(text(&take(&mut client, 5)), "0\r\n\r\n");
    assert_eq!(tap.ending(0, Leg::Server), Ending::Clean);
}

#[test]
fn each_piece_of_an_upload_is_with_the_server_before_the_next_is_sent() {
    let (got, gets) = channel();
    let got = Mutex::new(got);
    let server = Server::start(move |mut tcp, _| {
        read_head(&mut tcp).expect("a head");
        let got = got.lock().expect("nobody fails").clone();
        for _ in 0..50 {
            got.send(take(&mut tcp, 10)).expect("the test waits");
        }
        assert_eq!(text(&take(&mut tcp, 5)), "0\r\n\r\n");
        tcp.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").expect("the tap reads");
    });
    let tap = Tap::to(server.addr);
    let mut client = tap.client();
    client
        .write_all(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        .expect("the tap reads");
    for n in 10000..10050 {
        write!(client, "5\r\n{n}\r\n").expect("the tap reads");
        assert_eq!(text(&gets.recv().expect("the piece")), format!("5\r\n{n}\r\n"));
    }
    client.write_all(b"0\r\n\r\n").expect("the tap reads");
    assert!(text(&read_head(&mut client).expect("a head")).starts_with("HTTP/1.1 202 Accepted"));
}

#[test]
fn a_hundred_megabytes_pass_whole() {
    const SIZE: usize = 100 << 20;
    let server = Server::start(|mut tcp, _| {
        read_request(&mut tcp).expect("a request");
        write!(tcp, "HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n").expect("the tap reads");
        let mut at = 0;
        while at < SIZE {
            let piece: Vec<u8> = (at..SIZE.min(at + (1 << 16))).map(byte).collect();
            tcp.write_all(&piece).expect("the tap reads");
            at += piece.len();
        }
    });
    let tap = Tap::to(server.addr);
    let mut client = tap.client();
    client.write_all(&post("/mcp", "x")).expect("the tap reads");
    read_head(&mut client).expect("a head");
    let mut at = 0;
    let mut buffer = vec![0; 1 << 16];
    while at < SIZE {
        let n = client.read(&mut buffer).expect("more");
        assert!(n > 0, "cut at {at}");
        let wrong = buffer.iter().take(n).enumerate().find(|(offset, got)| **got != byte(at + offset));
        assert_eq!(wrong, None, "at {at}");
        at += n;
    }
    assert_eq!(tap.ending(0, Leg::Server), Ending::Clean);
}

#[test]
fn a_slow_client_slows_its_server() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&sent);
    let server = Server::start(move |mut tcp, _| {
        read_request(&mut tcp).expect("a request");
        tcp.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").expect("the tap reads");
        let piece = [b"10000\r\n".as_slice(), &vec![b'x'; 0x1_0000], b"\r\n"].concat();
        // Endless, until the client is gone.
        while tcp.write_all(&piece).is_ok() {
            counting.fetch_add(piece.len(), Ordering::Relaxed);
        }
    });
    let tap = Tap::to(server.addr);
    let mut client = tap.client();
    client.write_all(&post("/mcp", "x")).expect("the tap reads");
    read_head(&mut client).expect("a head");
    let mut before = usize::MAX;
    // The sockets' own buffers fill first; when nothing moves any more, we hold what is not in them.
    loop {
        std::thread::sleep(Duration::from_millis(200));
        let now = sent.load(Ordering::Relaxed);
        if now == before {
            break;
        }
        before = now;
    }
    let passed = tap.told(|told| {
        Some(
            told.iter()
                .map(|seen| match seen {
                    tapgate_transport::Seen::Bytes { from: Leg::Server, chunk, .. } => chunk.bytes.len(),
                    _ => 0,
                })
                .sum::<usize>(),
        )
    });
    // Two pairs of socket buffers of at most a few megabytes each lie between the two ends.
    assert!(before < 32 << 20, "the server could send {before} bytes that nobody reads");
    assert!(passed <= before, "{passed} of {before}");
    drop(client);
    assert_eq!(tap.ending(0, Leg::Server), Ending::Abandoned);
}

fn take(tcp: &mut TcpStream, n: usize) -> Vec<u8> {
    let mut bytes = vec![0; n];
    tcp.read_exact(&mut bytes).expect("as many bytes");
    bytes
}

fn byte(at: usize) -> u8 {
    (at % 251) as u8
}
