//! Clients that come by HTTP.

use std::time::Duration;

use bytes::Bytes;
use tapgate_transport::bridge::Edges;
use tapgate_wire::StreamId;
use tapgate_wire::edge::{Act, Heard};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::rig::{
    GRACE, asked, command, connect, headers, hear, listen, listening, post, read_all, read_to, run,
};

fn respond(stream: StreamId, status: u16, body: &'static str) -> Act {
    let headers = headers(&[("content-type", "application/json"), ("mcp-session-id", "s1")]);
    Act::Respond { stream, status, headers, body: Bytes::from(body) }
}

fn begin(stream: StreamId) -> Act {
    Act::Begin { stream, headers: headers(&[("content-type", "text/event-stream")]) }
}

/// Sends while the edges run, because they live in this very thread.
async fn send(tcp: &mut TcpStream, edges: &mut Edges, bytes: &[u8]) {
    tokio::select! {
        sent = tcp.write_all(bytes) => sent.unwrap(),
        heard = edges.hear(None) => panic!("{heard:?}"),
    }
}

#[test]
fn a_request_is_heard_whole_and_answered_on_a_connection_that_stays() {
    run(async {
        let (mut edges, addr) = listening(listen(), command(&["cat"]));
        let mut tcp = connect(addr).await;
        for body in ["{\"id\":1}", "{\"id\":2}"] {
            let request = post("/mcp?a=1", body);
            let (first, second) = request.split_at(request.len() - 4);
            tcp.write_all(first.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
            tcp.write_all(second.as_bytes()).await.unwrap();
            let (stream, head, came) = asked(&mut edges).await;
            assert_eq!((head.uri.to_string().as_str(), &came[..]), ("/mcp?a=1", body.as_bytes()));
            edges.perform(respond(stream, 200, "{\"result\":1}"));
            let answer = read_to(&mut tcp, "{\"result\":1}").await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            assert!(answer.contains("mcp-session-id: s1\r\n") && answer.contains("content-length: 12\r\n"));
        }
        drop(tcp);
        edges.close(GRACE).await;
    });
}

#[test]
fn an_answer_without_a_body_says_so() {
    run(async {
        let (mut edges, addr) = listening(listen(), command(&["cat"]));
        let mut tcp = connect(addr).await;
        tcp.write_all(b"DELETE /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let (stream, ..) = asked(&mut edges).await;
        edges.perform(respond(stream, 202, ""));
        let answer = read_to(&mut tcp, "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 202") && answer.contains("content-length: 0\r\n"), "{answer}");
    });
}

#[test]
fn each_event_reaches_the_client_before_the_next_is_sent() {
    run(async {
        let (mut edges, addr) = listening(listen(), command(&["cat"]));
        let mut tcp = connect(addr).await;
        tcp.write_all(post("/mcp", "{}").as_bytes()).await.unwrap();
        let (stream, ..) = asked(&mut edges).await;
        edges.perform(begin(stream));
        let head = read_to(&mut tcp, "\r\n\r\n").await;
        assert!(head.contains("text/event-stream") && head.contains("transfer-encoding: chunked"), "{head}");
        for n in 0..3 {
            edges.perform(Act::Emit { stream, bytes: format!("data: {n}\n\n").into() });
            read_to(&mut tcp, &format!("data: {n}\n\n\r\n")).await;
        }
        edges.perform(Act::Finish { stream });
        read_to(&mut tcp, "0\r\n\r\n").await;
        // The connection is good for another request; nobody left.
        tcp.write_all(post("/sse", "{}").as_bytes()).await.unwrap();
        assert_eq!(hear(&mut edges, 1).await, ["asked POST /sse {}"]);
    });
}

#[test]
fn a_client_that_goes_is_told_once_before_and_during_its_answer() {
    run(async {
        let (mut edges, addr) = listening(listen(), command(&["cat"]));
        let mut tcp = connect(addr).await;
        tcp.write_all(post("/mcp", "{}").as_bytes()).await.unwrap();
        let (first, ..) = asked(&mut edges).await;
        drop(tcp);
        assert_eq!(hear(&mut edges, 1).await, ["left"]);
        edges.perform(respond(first, 200, "{}"));

        let mut tcp = connect(addr).await;
        tcp.write_all(post("/mcp", "{}").as_bytes()).await.unwrap();
        let (second, ..) = asked(&mut edges).await;
        edges.perform(begin(second));
        edges.perform(Act::Emit { stream: second, bytes: ": hello\n\n".into() });
        read_to(&mut tcp, "hello\n\n\r\n").await;
        drop(tcp);
        match edges.hear(None).await {
            Heard::Left { stream } => assert_eq!(stream, second),
            other => panic!("{other:?}"),
        }
        edges.perform(Act::Emit { stream: second, bytes: "late".into() });
        edges.perform(Act::Finish { stream: second });

        // Who is answered before it goes did not leave.
        let mut tcp = connect(addr).await;
        tcp.write_all(post("/mcp", "{}").as_bytes()).await.unwrap();
        let (third, ..) = asked(&mut edges).await;
        edges.perform(respond(third, 200, "{}"));
        read_to(&mut tcp, "\r\n\r\n{}").await;
        drop(tcp);
        let mut tcp = connect(addr).await;
        tcp.write_all(post("/mcp", "{\"next\":1}").as_bytes()).await.unwrap();
        assert_eq!(hear(&mut edges, 1).await, ["asked POST /mcp {\"next\":1}"]);
    });
}

#[test]
fn an_answer_that_crosses_a_leaving_client_is_the_end_of_it() {
    run(async {
        let (mut edges, addr) = listening(listen(), command(&["cat"]));
        let mut tcp = connect(addr).await;
        tcp.write_all(post("/mcp", "{}").as_bytes()).await.unwrap();
        let (stream, ..) = asked(&mut edges).await;
        drop(tcp);
        // The edges notice, and the engine answers before it hears of it.
        tokio::time::sleep(Duration::from_millis(50)).await;
        edges.perform(respond(stream, 200, "{}"));
        assert!(edges.try_hear().is_none());
    });
}

#[test]
fn a_body_beyond_the_limit_is_refused_with_the_limit() {
    run(async {
        let (mut edges, addr) = listening(listen(), command(&["cat"]));
        let large = " ".repeat((1 << 20) + 1);
        let said = post("/mcp", &large);
        let chunked = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
            large.len()
        );
        let careful = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n\r\n";
        for request in [said, chunked, careful.to_owned()] {
            let mut tcp = connect(addr).await;
            send(&mut tcp, &mut edges, request.as_bytes()).await;
            let answer = tokio::select! {
                answer = read_all(&mut tcp) => answer,
                heard = edges.hear(None) => panic!("{heard:?}"),
            };
            assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
            assert!(answer.contains("connection: close") && answer.contains("1048576"), "{answer}");
        }
        // What is just as large as the limit passes.
        let mut tcp = connect(addr).await;
        let request = post("/mcp", &large[1..]);
        tokio::task::spawn_local(async move {
            tcp.write_all(request.as_bytes()).await.unwrap();
            std::future::pending::<()>().await;
        });
        assert_eq!(asked(&mut edges).await.2.len(), 1 << 20);
    });
}

#[test]
fn strangers_and_unknown_paths_are_refused() {
    run(async {
        let (mut edges, addr) = listening(listen(), command(&["cat"]));
        for (request, status, says) in [
            ("GET /mcp HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "evil.example"),
            ("GET /mcp HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n", 403, "Origin"),
            ("GET /other HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "evil.example"),
            ("GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, "MCP is at /mcp and /sse"),
        ] {
            let mut tcp = connect(addr).await;
            tcp.write_all(request.as_bytes()).await.unwrap();
            let answer = read_all(&mut tcp).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
            assert!(answer.contains("application/json") && answer.contains(says), "{answer}");
        }
        assert!(edges.try_hear().is_none());
    });
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    run(async {
        let (mut edges, addr) = listening(listen(), command(&["cat"]));
        let mut tcp = connect(addr).await;
        tcp.write_all(post("/mcp", "{}").as_bytes()).await.unwrap();
        let (stream, ..) = asked(&mut edges).await;
        edges.perform(begin(stream));
        let piece = Bytes::from(vec![b'x'; 1 << 20]);
        let mut n_sent = 0;
        let left = loop {
            edges.perform(Act::Emit { stream, bytes: piece.clone() });
            n_sent += 1;
            assert!(n_sent < 100, "nobody was cut off");
            // Lets the socket take what it takes.
            tokio::time::sleep(Duration::from_millis(1)).await;
            if let Some(heard) = edges.try_hear() {
                break heard;
            }
        };
        assert!(matches!(left, Heard::Left { stream: of } if of == stream));
        assert!(n_sent >= 9, "cut off after {n_sent} MiB");
        let came = read_all(&mut tcp).await;
        assert!(came.len() < n_sent << 20);
        assert!(edges.try_hear().is_none());
    });
}

#[test]
fn a_body_that_never_ends_is_given_up_in_time() {
    run(async {
        let mut options = listen();
        options.body_timeout = Duration::from_millis(50);
        let (mut edges, addr) = listening(options, command(&["cat"]));
        let mut tcp = connect(addr).await;
        tcp.write_all(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{").await.unwrap();
        let answer = read_all(&mut tcp).await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(edges.try_hear().is_none());
    });
}

#[test]
fn a_head_that_never_ends_is_given_up_in_time() {
    run(async {
        let mut options = listen();
        options.head_timeout = Duration::from_millis(50);
        let (_edges, addr) = listening(options, command(&["cat"]));
        let mut tcp = connect(addr).await;
        tcp.write_all(b"POST /mcp HTTP/1.1\r\nHo").await.unwrap();
        assert_eq!(read_all(&mut tcp).await, "");
    });
}

#[test]
fn one_connection_too_many_is_turned_away() {
    run(async {
        let mut options = listen();
        options.max_connections = 1;
        let (mut edges, addr) = listening(options, command(&["cat"]));
        let mut first = connect(addr).await;
        first.write_all(post("/mcp", "{}").as_bytes()).await.unwrap();
        let (stream, ..) = asked(&mut edges).await;
        let answer = read_all(&mut connect(addr).await).await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("too many connections"), "{answer}");
        edges.perform(respond(stream, 200, "{}"));
        read_to(&mut first, "\r\n\r\n{}").await;
    });
}

#[test]
fn closing_lets_a_client_have_its_answer() {
    run(async {
        let (mut edges, addr) = listening(listen(), command(&["cat"]));
        let mut tcp = connect(addr).await;
        tcp.write_all(post("/mcp", "{}").as_bytes()).await.unwrap();
        let (stream, ..) = asked(&mut edges).await;
        edges.perform(respond(stream, 200, "{\"last\":1}"));
        edges.close(Duration::from_secs(20)).await;
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("{\"last\":1}"), "{answer}");
        assert!(TcpStream::connect(addr).await.is_err(), "the listener is gone");
    });
}

#[test]
fn a_client_that_goes_is_told_whatever_it_said_of_its_connection() {
    run(async {
        let (mut edges, addr) = listening(listen(), command(&["cat"]));
        for version in ["HTTP/1.1\r\nConnection: close", "HTTP/1.0"] {
            let mut tcp = connect(addr).await;
            let request = format!("GET /mcp {version}\r\nHost: localhost\r\n\r\n");
            tcp.write_all(request.as_bytes()).await.unwrap();
            let (stream, ..) = asked(&mut edges).await;
            edges.perform(begin(stream));
            edges.perform(Act::Emit { stream, bytes: ": hello\n\n".into() });
            let mut came = [0; 64];
            assert!(tcp.read(&mut came).await.unwrap() > 0);
            drop(tcp);
            assert_eq!(hear(&mut edges, 1).await, ["left"], "{version}");
        }
    });
}
