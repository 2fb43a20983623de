//! Requests to a server's URL.

use bytes::Bytes;
use http::{HeaderMap, Method};
use tapgate_wire::edge::{Act, FetchId, Heard};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::rig::{Server, fetch, headers, hear, listen, listening, piped, read_to, run, soon, url};

const JSON: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"result\":1}";

#[test]
fn json_comes_as_a_body_and_the_connection_is_used_again() {
    run(async {
        let server = Server::start().await;
        let (mut edges, _client) = piped(server.url());
        edges.perform(fetch(1, "{\"id\":1}"));
        let (mut tcp, request) = server.answer("{\"id\":1}", JSON).await;
        assert!(request.starts_with("POST /mcp?k=1 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains(&format!("host: {}\r\n", server.addr)), "{request}");
        assert!(
            request.contains("content-length: 8\r\n") && !request.contains("accept-encoding"),
            "{request}"
        );
        assert_eq!(hear(&mut edges, 2).await, ["answered 1 200", "body 1 {\"result\":1}"]);
        edges.perform(Act::Fetch {
            fetch: FetchId(2),
            method: Method::GET,
            target: Some("/other?x=%20".to_owned()),
            headers: headers(&[("accept", "text/event-stream"), ("accept-encoding", "gzip")]),
            body: Bytes::new(),
        });
        let request = read_to(&mut tcp, "\r\n\r\n").await;
        assert!(request.starts_with("GET /other?x=%20 HTTP/1.1\r\n"), "{request}");
        assert!(!request.contains("accept-encoding") && !request.contains("content-length"), "{request}");
        tcp.write_all(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        assert_eq!(hear(&mut edges, 2).await, ["answered 2 302", "body 2 "]);
    });
}

#[test]
fn a_connection_that_the_server_closed_meanwhile_is_replaced() {
    run(async {
        let server = Server::start().await;
        let (mut edges, _client) = piped(server.url());
        edges.perform(fetch(1, "one"));
        let (tcp, _) = server.answer("one", JSON).await;
        assert_eq!(hear(&mut edges, 2).await.len(), 2);
        drop(tcp);
        // Time enough for the news that it is closed.
        assert!(matches!(edges.hear(Some(soon())).await, Heard::Tick));
        edges.perform(fetch(2, "two"));
        server.answer("two", JSON).await;
        assert_eq!(hear(&mut edges, 2).await, ["answered 2 200", "body 2 {\"result\":1}"]);
    });
}

#[test]
fn a_request_that_went_out_is_never_sent_twice() {
    run(async {
        let server = Server::start().await;
        let (mut edges, _client) = piped(server.url());
        edges.perform(fetch(1, "one"));
        let (mut tcp, _) = server.answer("one", JSON).await;
        assert_eq!(hear(&mut edges, 2).await.len(), 2);
        edges.perform(fetch(2, "two"));
        read_to(&mut tcp, "two").await;
        drop(tcp);
        let heard = hear(&mut edges, 1).await;
        assert!(
            heard[0].starts_with("ended 2 Failed(\"127.0.0.1: ") && heard[0].ends_with(" true"),
            "{heard:?}"
        );
        edges.perform(fetch(3, "three"));
        let (_, request) = server.answer("three", JSON).await;
        assert!(!request.contains("two"));
    });
}

#[test]
fn events_come_one_by_one_with_their_fields_and_without_comments() {
    run(async {
        let server = Server::start().await;
        let (mut edges, _client) = piped(server.url());
        edges.perform(fetch(1, "{}"));
        let head =
            b"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\nConnection: close\r\n\r\n";
        let (mut tcp, _) = server.answer("{}", head).await;
        assert_eq!(hear(&mut edges, 1).await, ["answered 1 200"]);
        for (bytes, expected) in [
            ("id: 1\ndata:\n\n", Some(r#"event 1 None Some("1") None "#)),
            (": keep-alive\n\n", None),
            ("retry: 500\n\n", Some("event 1 None None Some(500) ")),
            (
                "event: message\nid: 2\ndata: {\"id\":\ndata: 1}\n\n",
                Some("event 1 Some(\"message\") Some(\"2\") None {\"id\":\n1}"),
            ),
            (
                "event: endpoint\ndata: /messages?s=1\n\n",
                Some(r#"event 1 Some("endpoint") None None /messages?s=1"#),
            ),
            ("data: :no comment\n\n", Some("event 1 None None None :no comment")),
        ] {
            tcp.write_all(bytes.as_bytes()).await.unwrap();
            if let Some(expected) = expected {
                assert_eq!(hear(&mut edges, 1).await, [expected]);
            }
        }
        tcp.write_all(b"data: never complete\n").await.unwrap();
        drop(tcp);
        assert_eq!(hear(&mut edges, 1).await, ["ended 1 Clean true"]);
    });
}

#[test]
fn a_stream_that_ends_as_it_should_gives_its_connection_back() {
    run(async {
        let server = Server::start().await;
        let (mut edges, _client) = piped(server.url());
        edges.perform(fetch(1, "{}"));
        let answer =
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
            a\r\ndata: {}\n\n\r\n0\r\n\r\n";
        let (mut tcp, _) = server.answer("{}", answer).await;
        assert_eq!(
            hear(&mut edges, 3).await,
            ["answered 1 200", "event 1 None None None {}", "ended 1 Clean true"]
        );
        edges.perform(fetch(2, "again"));
        read_to(&mut tcp, "again").await;
    });
}

#[test]
fn a_stream_or_a_body_that_breaks_off_is_cut() {
    run(async {
        let server = Server::start().await;
        let (mut edges, _client) = piped(server.url());
        edges.perform(fetch(1, "{}"));
        let stream =
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
            a\r\ndata: {}\n\n\r\n";
        drop(server.answer("{}", stream).await);
        assert_eq!(
            hear(&mut edges, 3).await,
            ["answered 1 200", "event 1 None None None {}", "ended 1 Cut true"]
        );
        edges.perform(fetch(2, "{}"));
        drop(server.answer("{}", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{").await);
        assert_eq!(hear(&mut edges, 2).await, ["answered 2 200", "ended 2 Cut true"]);
    });
}

#[test]
fn a_coded_body_is_decoded() {
    // printf '{"a":1}' | gzip -n
    let gzip: [u8; 27] = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xab, 0x56, 0x4a, 0x54, 0xb2, 0x32, 0xac, 5, 0, 0xaf, 0xac, 0x1b,
        0x56, 7, 0, 0, 0,
    ];
    run(async {
        let server = Server::start().await;
        let (mut edges, _client) = piped(server.url());
        edges.perform(fetch(1, "{}"));
        let mut answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 27\r\n\r\n".to_vec();
        answer.extend_from_slice(&gzip);
        server.answer("{}", &answer).await;
        assert_eq!(hear(&mut edges, 2).await, ["answered 1 200", "body 1 {\"a\":1}"]);
        edges.perform(fetch(2, "{}"));
        server.answer("{}", b"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 1\r\n\r\nx").await;
        let heard = hear(&mut edges, 2).await;
        assert!(heard[1].contains("zstd"), "{heard:?}");
    });
}

#[test]
fn a_body_beyond_the_limit_is_given_up() {
    run(async {
        let server = Server::start().await;
        let (mut edges, _addr) = listening(listen(), server.url());
        edges.perform(fetch(1, "{}"));
        let mut tcp = server.accept().await;
        read_to(&mut tcp, "{}").await;
        let sending = tokio::task::spawn_local(async move {
            let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
            answer.resize(answer.len() + (2 << 20), b' ');
            // Breaks when the edges have enough.
            let _ = tcp.write_all(&answer).await;
        });
        assert_eq!(
            hear(&mut edges, 2).await,
            ["answered 1 200", "ended 1 Failed(\"answer larger than 1048576 bytes\") true"]
        );
        sending.await.unwrap();
    });
}

#[test]
fn the_server_sees_that_a_fetch_is_given_up_and_the_engine_hears_no_more_of_it() {
    run(async {
        let server = Server::start().await;
        let (mut edges, _client) = piped(server.url());
        edges.perform(fetch(1, "{}"));
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {}\n\n";
        let (mut streaming, _) = server.answer("{}", head).await;
        assert_eq!(hear(&mut edges, 2).await, ["answered 1 200", "event 1 None None None {}"]);
        edges.perform(fetch(2, "{}"));
        let mut waiting = server.accept().await;
        read_to(&mut waiting, "{}").await;
        streaming.write_all(b"data: too late\n\n").await.unwrap();
        edges.perform(Act::Abort { fetch: FetchId(1) });
        edges.perform(Act::Abort { fetch: FetchId(2) });
        for mut tcp in [streaming, waiting] {
            let mut rest = Vec::new();
            // A connection that still has unread bytes is reset, which is an end too.
            assert!(matches!(tcp.read_to_end(&mut rest).await, Ok(0) | Err(_)));
        }
        edges.perform(fetch(3, "{}"));
        server.answer("{}", JSON).await;
        assert_eq!(hear(&mut edges, 2).await, ["answered 3 200", "body 3 {\"result\":1}"]);
    });
}

#[test]
fn a_server_that_cannot_be_reached_is_named_with_the_cause() {
    run(async {
        let addr = Server::start().await.addr;
        let (mut edges, _client) = piped(url(&format!("http://{addr}/mcp")));
        edges.perform(fetch(1, "{}"));
        let refused = format!("nothing listens at 127.0.0.1 ({addr}): connection refused");
        assert_eq!(hear(&mut edges, 1).await, [format!("ended 1 Failed({refused:?}) false")]);
        let (mut edges, _client) = piped(url("http://no-such-host.invalid/mcp"));
        edges.perform(fetch(1, "{}"));
        let heard = hear(&mut edges, 1).await;
        assert!(heard[0].contains("no-such-host.invalid cannot be resolved"), "{heard:?}");
        assert!(heard[0].ends_with(" false"), "{heard:?}");
    });
}

#[test]
fn a_target_elsewhere_is_refused() {
    run(async {
        let server = Server::start().await;
        let (mut edges, _client) = piped(server.url());
        let to = |number, target: String| Act::Fetch {
            fetch: FetchId(number),
            method: Method::POST,
            target: Some(target),
            headers: HeaderMap::new(),
            body: Bytes::from("{}"),
        };
        edges.perform(to(1, "http://evil.example/mcp".to_owned()));
        let heard = hear(&mut edges, 1).await;
        assert!(
            heard[0].contains("is not at http://127.0.0.1:") && heard[0].ends_with(" false"),
            "{heard:?}"
        );
        edges.perform(to(2, "not a target".to_owned()));
        assert!(hear(&mut edges, 1).await[0].contains("is no target"));
        edges.perform(to(3, format!("http://{}/full", server.addr)));
        let (_, request) = server.answer("{}", JSON).await;
        assert!(request.starts_with("POST /full HTTP/1.1"), "{request}");
    });
}

#[test]
fn many_fetches_run_at_once() {
    run(async {
        let server = Server::start().await;
        let (mut edges, _client) = piped(server.url());
        (0..50).for_each(|n| edges.perform(fetch(n, "{}")));
        let mut waiting = Vec::new();
        while waiting.len() < 50 {
            let mut tcp = server.accept().await;
            read_to(&mut tcp, "{}").await;
            waiting.push(tcp);
        }
        for tcp in &mut waiting {
            tcp.write_all(JSON).await.unwrap();
        }
        let heard = hear(&mut edges, 100).await;
        assert_eq!(heard.iter().filter(|heard| heard.starts_with("body ")).count(), 50);
    });
}

#[test]
fn a_fetch_is_refused_where_the_server_is_a_command() {
    run(async {
        let (mut edges, _client) = piped(super::rig::command(&["cat"]));
        edges.perform(fetch(1, "{}"));
        assert_eq!(
            hear(&mut edges, 1).await,
            ["ended 1 Failed(\"the server is a command and no URL\") false"]
        );
    });
}
