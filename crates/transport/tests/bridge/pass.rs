//! What is not the bridge's own passes to the server.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::rig::{Server, connect, hear, listen, listening, post, read_all, read_to, run};

#[test]
fn other_paths_reach_the_servers_origin_as_they_came() {
    run(async {
        let server = Server::start().await;
        let (mut edges, addr) = listening(listen(), server.url());
        let mut client = connect(addr).await;
        let request = "GET /.well-known/x?y HTTP/1.1\r\nHost: localhost\r\nX-Mine: 1\r\n\r\n";
        client.write_all(request.as_bytes()).await.unwrap();
        let (mut tcp, came) = server
            .answer("\r\n\r\n", b"HTTP/1.1 404 Not Here\r\nX-Own: 1\r\nContent-Length: 4\r\n\r\nno")
            .await;
        let expected = format!("GET /.well-known/x?y HTTP/1.1\r\nHost: {}\r\nX-Mine: 1\r\n\r\n", server.addr);
        assert_eq!(came, expected);
        // Piece by piece.
        assert_eq!(
            read_to(&mut client, "no").await,
            "HTTP/1.1 404 Not Here\r\nX-Own: 1\r\nContent-Length: 4\r\n\r\nno"
        );
        tcp.write_all(b"ne").await.unwrap();
        read_to(&mut client, "ne").await;
        // The next request of the same connection is the bridge's again, whatever its size.
        client.write_all(post("/mcp", "{}").as_bytes()).await.unwrap();
        assert_eq!(hear(&mut edges, 1).await, ["asked POST /mcp {}"]);
    });
}

#[test]
fn a_stranger_reaches_no_path_of_the_server() {
    run(async {
        let server = Server::start().await;
        let (_edges, addr) = listening(listen(), server.url());
        let mut client = connect(addr).await;
        client
            .write_all(b"GET /x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let answer = read_all(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    });
}

#[test]
fn a_client_that_goes_closes_the_connection_that_its_request_passed_on() {
    run(async {
        let server = Server::start().await;
        let (_edges, addr) = listening(listen(), server.url());
        let mut client = connect(addr).await;
        client.write_all(post("/messages", "{}").as_bytes()).await.unwrap();
        let mut tcp = server.accept().await;
        read_to(&mut tcp, "{}").await;
        drop(client);
        let mut rest = Vec::new();
        assert!(matches!(tcp.read_to_end(&mut rest).await, Ok(0) | Err(_)));
    });
}
