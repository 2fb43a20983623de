//! A conversation over HTTP: the client and the server are raw sockets of the test, with a tap between them.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use tapgate_testkit::Step;
use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::stream::{Ending, Event};
use tapgate_wire::{Leg, StreamId};

use super::table::{Row, bytes, stream_of};
use crate::support::{Home, HttpTap, connect, read_head};

/// A request that is on its way, or its answer.
struct Stream {
    client: BufReader<TcpStream>,
    server: BufReader<TcpStream>,
}

/// Plays a row.
pub(super) fn play(home: &Home, row: &Row) {
    let is_sse = matches!(row.steps.first(), Some(Step::Legs(client, _)) if client == "sse");
    let tap = HttpTap::start(home, &["--name", "planted"], if is_sse { "/sse" } else { "/mcp" });
    let mut open: HashMap<StreamId, Stream> = HashMap::new();
    let mut steps = row.steps.iter().enumerate();
    while let Some((place, step)) = steps.next() {
        let rest = &row.steps[place + 1..];
        match step {
            Step::Asked(stream, head) => {
                let body = whole(rest, *stream);
                open.insert(*stream, Stream::ask(&tap, head, body.as_deref().unwrap_or_default()));
                steps.by_ref().take(usize::from(body.is_some())).for_each(drop);
            }
            Step::Answered(stream, head) => {
                let body = whole(rest, *stream).filter(|_| !is_stream(head));
                let is_empty =
                    matches!(rest.first(), Some(Step::Closed(other, _, Ending::Clean)) if other == stream);
                let body = body.or_else(|| is_empty.then(Vec::new));
                open.get_mut(stream).unwrap().answer(head, body.as_deref());
                if let Some(body) = body {
                    steps.by_ref().take(1 + usize::from(!body.is_empty())).for_each(drop);
                    open.remove(stream);
                }
            }
            Step::Frame(stream, Leg::Server, event, text) => {
                let event = event.clone().unwrap_or_default();
                open.get_mut(stream).unwrap().event(&event, &bytes(text));
            }
            Step::Closed(stream, Leg::Client, Ending::Abandoned) => drop(open.remove(stream)),
            Step::Closed(stream, Leg::Server, how) => open.remove(stream).unwrap().end(how),
            Step::Wait(nanos) => sleep(Duration::from_nanos(*nanos)),
            Step::Legs(..) | Step::Closed(_, Leg::Client, Ending::Clean) => {}
            other => panic!("{}: {other:?} cannot be played over HTTP", row.name),
        }
    }
    drop(open);
    tap.end();
}

/// Whether events follow this head.
fn is_stream(head: &ResponseHead) -> bool {
    head.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream")
}

/// The body that follows a head as one frame which ends it; `None` where it does not.
fn whole(rest: &[Step], stream: StreamId) -> Option<Vec<u8>> {
    match rest {
        [Step::Frame(_, _, None, text), end @ Step::Closed(_, _, Ending::Clean), ..]
            if stream_of(end) == Some(stream) =>
        {
            Some(bytes(text))
        }
        _ => None,
    }
}

impl Stream {
    fn ask(tap: &HttpTap, head: &RequestHead, body: &[u8]) -> Self {
        let mut client = connect(tap.port());
        let length =
            if head.method == "POST" { format!("Content-Length: {}\r\n", body.len()) } else { String::new() };
        let fields = fields(&head.headers);
        let text =
            format!("{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}{length}\r\n", head.method, head.uri);
        client.write_all(&[text.as_bytes(), body].concat()).unwrap();
        let mut server = tap.accept();
        read_head(&mut server);
        server.read_exact(&mut vec![0; body.len()]).unwrap();
        Self { client: BufReader::new(client), server }
    }

    /// Answers with a whole body, or with the head of a stream of events.
    fn answer(&mut self, head: &ResponseHead, body: Option<&[u8]>) {
        let framing = match body {
            Some(body) if head.status != 204 => format!("Content-Length: {}\r\n", body.len()),
            Some(_) => String::new(),
            None => "Transfer-Encoding: chunked\r\n".to_owned(),
        };
        let text = format!(
            "HTTP/1.1 {}\r\n{}{framing}Connection: close\r\n\r\n",
            head.status,
            fields(&head.headers)
        );
        let body = body.unwrap_or_default();
        self.server.get_mut().write_all(&[text.as_bytes(), body].concat()).unwrap();
        read_head(&mut self.client);
        self.client.read_exact(&mut vec![0; body.len()]).unwrap();
    }

    /// Writes an event and waits until it passed.
    fn event(&mut self, event: &Event, data: &[u8]) {
        let field = |name: &str, value: Option<&str>| {
            value.map_or(String::new(), |value| format!("{name}: {value}\n"))
        };
        let text = field("event", event.name.as_deref()) + &field("id", event.id.as_deref());
        let event = [text.as_bytes(), b"data: ", data, b"\n\n"].concat();
        let chunk = [format!("{:x}\r\n", event.len()).as_bytes(), &event, b"\r\n"].concat();
        self.server.get_mut().write_all(&chunk).unwrap();
        let mut came = Vec::new();
        while !came.ends_with(b"\n\n") && !came.ends_with(b"\n\n\r\n") {
            assert!(self.client.read_until(b'\n', &mut came).unwrap() > 0, "the tap ended the stream");
        }
    }

    fn end(mut self, how: &Ending) {
        if *how == Ending::Clean {
            self.server.get_mut().write_all(b"0\r\n\r\n").unwrap();
        }
        drop(self.server);
        // How a stream ends that was cut is not this test's.
        let mut came = Vec::new();
        while !came.ends_with(b"0\r\n\r\n") && self.client.read_until(b'\n', &mut came).is_ok_and(|n| n > 0) {
        }
    }
}

fn fields(headers: &http::HeaderMap) -> String {
    let lines = headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
    lines.collect()
}
