//! What passes, byte for byte.

use std::io::{Read, Write};

use tapgate_wire::Leg;
use tapgate_wire::stream::Ending;

use crate::stage::{PATIENCE, Server, Tap, read_answer, read_head, read_request, text};

/// What the server sees of `request`, and what the client sees of `answer`.
fn pass(request: &str, answer: &'static str) -> (String, String) {
    let (server, asks) = Server::answering(answer.as_bytes());
    let tap = Tap::to(server.addr);
    let told = tap.ask(request.as_bytes());
    let asked = text(&asks.recv_timeout(PATIENCE).expect("a request"));
    (asked.replace(&server.addr.to_string(), "SERVER"), told)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn a_request_leaves_with_its_fields_in_their_order_and_case() {
    let (asked, _) = pass(
        "POST /mcp?a=b%20c&d HTTP/1.1\r\naCCept: application/json, text/event-stream\r\nHOST: localhost:7000\r\n\
         Connection: keep-alive, X-Hop\r\nMcp-Session-Id: 1\r\nX-Hop: gone\r\nX-Twice: one\r\nX-Twice: two\r\n\
         Accept-Encoding: gzip, br\r\nKeep-Alive: timeout=5\r\nX-Empty:\r\ncontent-LENGTH: 4\r\nOrigin: http://localhost:6274\r\n\
         zz-Last: 1\r\n\r\nbody",
        OK,
    );
    assert_eq!(
        asked,
        "POST /mcp?a=b%20c&d HTTP/1.1\r\naCCept: application/json, text/event-stream\r\nHOST: SERVER\r\n\
         Mcp-Session-Id: 1\r\nX-Twice: one\r\nX-Twice: two\r\nAccept-Encoding: gzip, br\r\nX-Empty:\r\n\
         content-LENGTH: 4\r\nOrigin: http://localhost:6274\r\nzz-Last: 1\r\n\r\nbody"
    );
}

#[test]
fn an_answer_comes_with_its_reason_and_fields_in_their_order_and_case() {
    let (_, told) = pass(
        "GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "HTTP/1.1 401 Who Are You\r\nWWW-Authenticate: Bearer resource_metadata=\"https://x.test/.well-known\"\r\n\
         Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nSET-Cookie: a=1\r\nSET-Cookie: b=2\r\nx-odd:  \t v\r\n\
         Content-Length: 3\r\nServer: mine\r\n\r\nno!",
    );
    assert_eq!(
        told,
        "HTTP/1.1 401 Who Are You\r\nWWW-Authenticate: Bearer resource_metadata=\"https://x.test/.well-known\"\r\n\
         SET-Cookie: a=1\r\nSET-Cookie: b=2\r\nx-odd: v\r\nContent-Length: 3\r\nServer: mine\r\n\r\nno!"
    );
}

#[test]
fn every_path_and_method_of_the_origin_passes() {
    for line in [
        "GET / HTTP/1.1",
        "GET /.well-known/oauth-protected-resource/mcp HTTP/1.1",
        "DELETE /mcp HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "PATCH /a//b/../c;d=e?x=%00&y=[1]&z={}|' HTTP/1.1",
        "PROPFIND /%E2%82%AC HTTP/1.1",
    ] {
        let (asked, _) = pass(&format!("{line}\r\nHost: localhost\r\n\r\n"), OK);
        assert_eq!(asked.lines().next(), Some(line));
    }
}

#[test]
fn a_target_written_as_to_a_proxy_arrives_as_to_a_server() {
    let (asked, _) = pass("GET http://localhost:7000/mcp?q HTTP/1.1\r\nHost: localhost:7000\r\n\r\n", OK);
    assert_eq!(asked, "GET /mcp?q HTTP/1.1\r\nHost: SERVER\r\n\r\n");
}

#[test]
fn chunks_and_trailers_pass_both_ways() {
    let (asked, told) = pass(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
         4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nyes\r\n0\r\nX-Sum: 2\r\n\r\n",
    );
    assert_eq!(
        asked.to_ascii_lowercase(),
        "post /mcp http/1.1\r\nhost: server\r\nte: trailers\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
         4\r\nbody\r\n0\r\nx-sum: 1\r\n\r\n"
    );
    assert_eq!(
        told.to_ascii_lowercase(),
        "http/1.1 200 ok\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n3\r\nyes\r\n0\r\nx-sum: 2\r\n\r\n"
    );
}

#[test]
fn answers_without_a_body_end_with_their_head() {
    for (method, answer) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n"),
        ("POST", "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n"),
    ] {
        let (server, _asks) = Server::answering(answer.as_bytes());
        let tap = Tap::to(server.addr);
        let mut client = tap.client();
        for _ in 0..2 {
            let request = format!("{method} /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
            client.write_all(request.as_bytes()).expect("the tap reads");
            assert_eq!(text(&read_head(&mut client).expect("an answer")), answer, "{method}");
        }
    }
}

#[test]
fn a_body_that_waits_for_continue_waits_for_the_server() {
    let server = Server::start(|mut tcp, _| {
        let head = text(&read_head(&mut tcp).expect("a head"));
        assert!(head.contains("Expect: 100-continue\r\n"), "{head}");
        tcp.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").expect("the tap reads");
        let mut body = [0; 4];
        tcp.read_exact(&mut body).expect("a body");
        tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n").expect("the tap reads");
        tcp.write_all(&body).expect("the tap reads");
        read_request(&mut tcp);
    });
    let tap = Tap::to(server.addr);
    let mut client = tap.client();
    let head = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    client.write_all(head).expect("the tap reads");
    assert_eq!(text(&read_head(&mut client).expect("a head")), "HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"wait").expect("the tap reads");
    assert!(text(&read_answer(&mut client)).ends_with("\r\n\r\nwait"));
}

#[test]
fn a_refused_body_is_never_asked_for() {
    let server = Server::start(|mut tcp, _| {
        read_head(&mut tcp).expect("a head");
        tcp.write_all(b"HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n").expect("the tap reads");
        assert_eq!(crate::stage::read_to_end(&mut tcp), b"", "no byte of the body");
    });
    let tap = Tap::to(server.addr);
    let mut client = tap.client();
    let head = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    client.write_all(head).expect("the tap reads");
    assert!(text(&read_head(&mut client).expect("a head")).starts_with("HTTP/1.1 413 Too Much\r\n"));
}

#[test]
fn an_old_client_and_an_old_server_are_served() {
    let (asked, _) = pass("GET /mcp HTTP/1.0\r\nHost: localhost\r\n\r\n", OK);
    assert_eq!(asked, "GET /mcp HTTP/1.1\r\nHost: SERVER\r\n\r\n");
    let server = Server::start(|mut tcp, _| {
        read_request(&mut tcp).expect("a request");
        tcp.write_all(b"HTTP/1.0 200 OK\r\nX: y\r\n\r\nuntil the end").expect("the tap reads");
    });
    let tap = Tap::to(server.addr);
    let told = tap.ask(b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n").to_ascii_lowercase();
    assert!(told.starts_with("http/1.1 200 ok\r\nx: y\r\n"), "{told}");
    assert!(told.contains("\r\nd\r\nuntil the end\r\n0\r\n\r\n"), "{told}");
}

#[test]
fn what_passed_is_told_with_heads_bodies_and_endings() {
    let (server, _asks) = Server::answering(OK.as_bytes());
    let tap = Tap::to(server.addr);
    tap.ask(b"POST /mcp HTTP/1.1\r\nHost: localhost:7\r\nConnection: x-hop\r\nX-Hop: 1\r\nContent-Length: 3\r\n\r\nask");
    assert_eq!(tap.ending(0, Leg::Client), Ending::Clean);
    assert_eq!(tap.ending(0, Leg::Server), Ending::Clean);
    assert_eq!(text(&tap.bytes(0, Leg::Client)), "ask");
    assert_eq!(text(&tap.bytes(0, Leg::Server)), "ok");
    let head = tap.told(|told| {
        told.iter().find_map(|seen| match seen {
            tapgate_transport::Seen::Asked { head, .. } => Some(head.clone()),
            _ => None,
        })
    });
    assert_eq!(head.headers.get("host").expect("as the client sent it"), "localhost:7");
    assert_eq!(head.headers.get("x-hop").expect("as the client sent it"), "1");
}
