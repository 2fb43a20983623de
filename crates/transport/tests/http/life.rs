//! How a tap ends.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use tapgate_wire::Leg;
use tapgate_wire::stream::Ending;

use crate::stage::{Server, Tap, options, post, read_answer, read_request, read_to_end, sees_the_end, text};

#[test]
fn a_stop_lets_running_exchanges_end_and_closes_idle_connections() {
    let (go, gone) = channel::<()>();
    let (came, comes) = channel();
    let (gone, came) = (Mutex::new(gone), Mutex::new(came));
    let server = Server::start(move |mut tcp, _| {
        read_request(&mut tcp).expect("a request");
        came.lock().expect("nobody fails").send(()).expect("the test waits");
        gone.lock().expect("nobody fails").recv().expect("the test says when");
        tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate").expect("the tap reads");
    });
    let mut tap = Tap::to(server.addr);
    let mut idle = tap.client();
    let mut busy = tap.client();
    busy.write_all(&post("/mcp", "x")).expect("the tap reads");
    comes.recv().expect("the request");
    tap.begin_stop();
    assert!(sees_the_end(&mut idle));
    go.send(()).expect("the server waits");
    assert!(text(&read_answer(&mut busy)).ends_with("late"));
    assert!(sees_the_end(&mut busy));
    tap.join();
    assert!(TcpStream::connect(tap.addr).is_err());
    assert_eq!(tap.ending(0, Leg::Server), Ending::Clean);
}

#[test]
fn an_exchange_that_outlives_the_grace_is_broken_off() {
    let server = Server::start(|mut tcp, _| {
        read_request(&mut tcp).expect("a request");
        tcp.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
            .expect("the tap reads");
        sees_the_end(&mut tcp);
    });
    let mut options = options(&format!("http://{}/mcp", server.addr));
    options.grace = Duration::from_millis(50);
    let mut tap = Tap::start(options);
    let mut client = tap.client();
    client.write_all(&post("/mcp", "x")).expect("the tap reads");
    tap.told(|told| {
        told.iter().find(|seen| matches!(seen, tapgate_transport::Seen::Answered { .. })).map(drop)
    });
    tap.begin_stop();
    tap.join();
    assert!(!text(&read_to_end(&mut client)).ends_with("0\r\n\r\n"));
    assert_eq!(tap.ending(0, Leg::Server), Ending::Abandoned);
}
