//! A small server of Streamable HTTP (2025-06-18) that gives away what it was sent.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use crate::support::read_head;

/// A running server; it ends when it is dropped.
pub(crate) struct Origin {
    port: u16,
    is_over: Arc<AtomicBool>,
    n_deleted: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Origin {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_over = Arc::new(AtomicBool::new(false));
        let n_deleted = Arc::new(AtomicUsize::new(0));
        let (until, deleted) = (Arc::clone(&is_over), Arc::clone(&n_deleted));
        let thread = thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if until.load(Ordering::Relaxed) {
                    return;
                }
                // It ends with its connection.
                let deleted = Arc::clone(&deleted);
                thread::spawn(move || serve(stream, &deleted));
            }
        });
        Self { port, is_over, n_deleted, thread: Some(thread) }
    }

    /// How many sessions were deleted.
    pub(super) fn n_deleted(&self) -> usize {
        self.n_deleted.load(Ordering::Relaxed)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the listener; if nobody listens any more, it is over anyway.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(stream: TcpStream, deleted: &AtomicUsize) {
    let mut stream = BufReader::new(stream);
    loop {
        let head = read_head(&mut stream);
        let Some(first) = head.first() else { return };
        let field = |name: &str| {
            let fields = head.iter().filter_map(|line| line.split_once(": "));
            fields.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let mut body = vec![0; field("content-length").map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).unwrap();
        let answer = if first.starts_with("POST /mcp ") {
            let message: Value = serde_json::from_slice(&body).unwrap();
            answer(&message, field("authorization").unwrap_or_default(), &head)
        } else if first.starts_with("DELETE /mcp ") && field("mcp-session-id") == Some("far-1") {
            deleted.fetch_add(1, Ordering::Relaxed);
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()
        } else {
            "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n".to_owned()
        };
        if stream.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(message: &Value, authorization: &str, head: &[String]) -> String {
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-06-18",
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "far", "version": "2" },
        }),
        Some("tools/call") if message["params"]["name"] == "headers" => {
            json!({ "content": [{ "type": "text", "text": head.join(" ") }] })
        }
        Some("tools/call") => json!({ "content": [{ "type": "text", "text": authorization }] }),
        Some(method) if message.get("id").is_some() => {
            let error = json!({ "code": -32601, "message": format!("no {method} here") });
            return ok(&json!({ "jsonrpc": "2.0", "id": message["id"], "error": error }));
        }
        _ => return "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n".to_owned(),
    };
    ok(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }))
}

fn ok(message: &Value) -> String {
    let body = message.to_string();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: far-1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
