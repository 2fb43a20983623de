//! A server of our own that is fast enough not to be the bottleneck: one thread, one read and one write a call.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::wire::{self, Era};

/// Serves until it is ended; prints the port on a line of its own first.
///
/// `POST /mcp` echoes, as a server of one era or of both; `GET /big/N` answers N bytes of one JSON result, `GET /events` streams events without end.
#[expect(clippy::print_stdout, reason = "the starter reads the port from standard output")]
pub async fn serve(serves: Option<Era>) -> anyhow::Result<Infallible> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen on loopback")?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::task::spawn_local(async move {
            // A client that goes away is the normal end of a connection.
            let _ = talk(stream, serves).await;
        });
    }
}

async fn talk(mut stream: TcpStream, serves: Option<Era>) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(16 << 10);
    loop {
        while wire::head(&buffer).is_none_or(|(start, length)| buffer.len() < start + length) {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let Some((start, length)) = wire::head(&buffer) else { return Ok(()) };
        let rest = buffer.split_off(start + length);
        let asked = std::mem::replace(&mut buffer, rest);
        if let Some(size) = number_after(&asked, b"/big/") {
            big(&mut stream, size).await?;
        } else if asked.starts_with(b"GET /events") {
            events(&mut stream).await?;
        } else if asked.starts_with(b"POST") {
            let body = asked.get(start..).unwrap_or_default();
            let answer = wire::answer(body, serves);
            let opens = answer.as_ref().is_some_and(|answer| answer.contains("\"protocolVersion\""));
            let status = match answer {
                Some(_) if opens => format!("200 OK\r\nMcp-Session-Id: {:032x}", next_session()),
                Some(_) => "200 OK".to_owned(),
                None => "202 Accepted".to_owned(),
            };
            respond(&mut stream, &status, &answer.unwrap_or_default()).await?;
        } else if asked.starts_with(b"DELETE") {
            respond(&mut stream, "200 OK", "").await?;
        } else {
            respond(&mut stream, "405 Method Not Allowed", "").await?;
        }
    }
}

fn next_session() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

async fn respond(stream: &mut TcpStream, status: &str, body: &str) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).await
}

async fn big(stream: &mut TcpStream, size: usize) -> std::io::Result<()> {
    const BEFORE: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":""#;
    const AFTER: &str = r#""}]}}"#;
    let length = BEFORE.len() + size + AFTER.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{BEFORE}"
    );
    stream.write_all(head.as_bytes()).await?;
    let piece = vec![b'x'; 64 << 10];
    let mut left = size;
    while let Some(part) = piece.get(..left.min(piece.len())).filter(|part| !part.is_empty()) {
        stream.write_all(part).await?;
        left -= part.len();
    }
    stream.write_all(AFTER.as_bytes()).await
}

async fn events(stream: &mut TcpStream) -> std::io::Result<()> {
    stream
        .write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
        .await?;
    for n in 0_u64.. {
        let event = format!(
            "event: message\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{{\"level\":\"info\",\"data\":\"{}\"}}}}\n\n",
            wire::text(n).repeat(32)
        );
        stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
    }
    Ok(())
}

fn number_after(bytes: &[u8], before: &[u8]) -> Option<usize> {
    let start = bytes.windows(before.len()).take(64).position(|at| at == before)? + before.len();
    let digits: Vec<u8> = bytes.get(start..)?.iter().copied().take_while(u8::is_ascii_digit).collect();
    String::from_utf8(digits).ok()?.parse().ok()
}
