//! What happens in a transcript, line by line.
//!
//! ```text
//! legs      client=http server=http
//! client>   {"jsonrpc":"2.0",…}                     a message on the client's pipe
//! client[1] POST /mcp  mcp-session-id: s; accept: x  an HTTP request's head
//! client[1]> {"jsonrpc":"2.0",…}                    a message of its body
//! client[1] POST /mcp  mcp-session-id: s | {…}       head, body and end in one line; `| -` without a body
//! server[1] 200 sse  mcp-session-id: s               a response's head; `json`, `sse`, `html` name content types
//! server[1]> (id=7 event=message) {…}                an event of its body
//! server[1] end                                     how a direction ends: end, cut, abandoned, failed WHY
//! server odd frame.carriage-return {"jsonrpc":…}     a frame with what its framer saw; without bytes, `| -`
//! server stderr text                                also: started PID, exited STATUS
//! note[1] text                                      what tapgate did on purpose, on a stream or on the pipes
//! lost 100                                          bytes that were not observed
//! wait 5s
//! times 20 client> ask $N ping                      a line so many times, `$N` being 1, 2, 3, …
//! end                                               the process goes
//! ```
//!
//! Messages that are as usual can be written short:
//!
//! ```text
//! ask 1 tools/call {"name":"a"}     a request: id, method, params if any
//! answer 1 {"content":[]}           its result
//! fail 1 -32602 no such tool        its error
//! tell notifications/x {}           a notification: method, params if any
//! $LONG                             2,000 letters
//! $META                             the three members of a modern request's `_meta`, to be followed by more
//! $META({"sampling":{}})            the same with these client capabilities
//! $TIMES(3 x)                       this text so many times: xxx
//! hello 2025-06-18 {"roots":{}} {"tools":{}}   on pipes: the whole handshake, with what client and server can
//! ```

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use tapgate_wire::fault::FaultKind;
use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::stream::{Ending, Event};
use tapgate_wire::{Leg, StreamId};

/// The stream that stands for the pipes of a stdio server.
pub const PIPES: StreamId = StreamId(0);

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// How the client's and the server's leg carry messages, as written.
    Legs(String, String),
    /// An HTTP request's head.
    Asked(StreamId, Arc<RequestHead>),
    /// An HTTP response's head.
    Answered(StreamId, Arc<ResponseHead>),
    /// A frame, with the fields of its event if it is one.
    Frame(StreamId, Leg, Option<Event>, String),
    /// A frame in which its framer found something odd.
    Odd(StreamId, Leg, FaultKind, String),
    /// One direction of a stream ended.
    Closed(StreamId, Leg, Ending),
    /// A line of standard error.
    Stderr(String),
    /// The server's process started.
    Started(u32),
    /// The server's process ended.
    Exited(i32),
    /// tapgate did something on purpose, on this stream.
    Note(StreamId, String),
    /// Bytes were not observed.
    Lost(u64),
    /// Time passes, in nanoseconds.
    Wait(u64),
    /// The process goes.
    End,
}

/// A transcript's input.
#[derive(Clone, Debug)]
pub struct Script {
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl Script {
    /// Reads a script that a test wrote.
    ///
    /// # Panics
    ///
    /// Where [`Script::parse`] gives an error.
    #[expect(clippy::panic, reason = "a script that cannot be read fails its test")]
    pub fn of(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|why| panic!("{why}"))
    }

    /// Reads the lines of a transcript; comments and empty lines are nothing.
    ///
    /// # Errors
    ///
    /// The line that cannot be read, and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            read_line(line, &mut steps).map_err(|why| format!("{why}: {line}"))?;
        }
        Ok(Self { steps })
    }
}

fn read_line(line: &str, steps: &mut Vec<Step>) -> Result<(), String> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    match word {
        "legs" => {
            let leg = |name: &str| rest.split_whitespace().find_map(|field| field.strip_prefix(name));
            let (client, server) =
                (leg("client=").ok_or("no client leg")?, leg("server=").ok_or("no server leg")?);
            steps.push(Step::Legs(client.into(), server.into()));
        }
        "lost" => steps.push(Step::Lost(number(rest)?)),
        "wait" => steps.push(Step::Wait(duration(rest)?)),
        "hello" => hello(rest, steps)?,
        "times" => {
            let (n, line) = rest.split_once(char::is_whitespace).ok_or("how often what")?;
            for n in 1..=number::<u32>(n)? {
                read_line(line.replace("$N", &n.to_string()).trim(), steps)?;
            }
        }
        "end" => steps.push(Step::End),
        _ => return peer_line(word, rest, steps),
    }
    Ok(())
}

/// A line that begins with `client`, `server` or `note`, maybe `[STREAM]`, maybe `>`.
fn peer_line(word: &str, rest: &str, steps: &mut Vec<Step>) -> Result<(), String> {
    let (word, is_frame) = word.strip_suffix('>').map_or((word, false), |word| (word, true));
    let (name, stream) = match word.strip_suffix(']').and_then(|word| word.split_once('[')) {
        Some((name, stream)) => (name, StreamId(number(stream)?)),
        None => (word, PIPES),
    };
    if name == "note" {
        steps.push(Step::Note(stream, rest.into()));
        return Ok(());
    }
    let from = match name {
        "client" => Leg::Client,
        "server" => Leg::Server,
        _ => return Err("unknown word".into()),
    };
    if is_frame {
        steps.push(frame(stream, from, rest)?);
        return Ok(());
    }
    let (word, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let value = value.trim();
    let step = match word {
        "end" => Step::Closed(stream, from, Ending::Clean),
        "cut" => Step::Closed(stream, from, Ending::Cut),
        "abandoned" => Step::Closed(stream, from, Ending::Abandoned),
        "failed" => Step::Closed(stream, from, Ending::Failed(value.into())),
        "instead" => {
            let (status, why) = value.split_once(' ').ok_or("instead of what: a status and a reason")?;
            let status = status.parse().map_err(|_| "no status")?;
            Step::Closed(stream, from, Ending::Instead { status, why: why.into() })
        }
        "odd" => {
            let (code, text) = value.split_once(' ').ok_or("what is odd, and the bytes")?;
            let kind = FaultKind::from_code(code).ok_or("no such fault")?;
            let text = if text.trim() == "| -" { String::new() } else { in_full(text.trim()) };
            Step::Odd(stream, from, kind, text)
        }
        "stderr" => Step::Stderr(value.into()),
        "started" => Step::Started(number(value)?),
        "exited" => Step::Exited(number(value)?),
        _ => return head_line(stream, from, word, value, steps),
    };
    steps.push(step);
    Ok(())
}

fn head_line(
    stream: StreamId,
    from: Leg,
    word: &str,
    value: &str,
    steps: &mut Vec<Step>,
) -> Result<(), String> {
    let (value, body) = match value.split_once('|') {
        Some((value, body)) => (value.trim(), Some(body.trim())),
        None => (value, None),
    };
    let (first, fields) = match value.split_once("  ") {
        Some(parts) => parts,
        None if value.contains(": ") => ("", value),
        None => (value, ""),
    };
    let mut headers = header_map(fields)?;
    steps.push(match from {
        Leg::Client => Step::Asked(
            stream,
            Arc::new(RequestHead {
                method: word.parse().map_err(|_| "no HTTP method")?,
                uri: first.trim().parse().map_err(|_| "no URI")?,
                version: Version::HTTP_11,
                headers,
            }),
        ),
        Leg::Server => {
            if let Some(content) = content_type(first.trim())? {
                headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content));
            }
            let status = StatusCode::from_u16(number(word)?).map_err(|_| "no status")?;
            Step::Answered(stream, Arc::new(ResponseHead { status, version: Version::HTTP_11, headers }))
        }
    });
    if let Some(body) = body {
        if body != "-" {
            steps.push(frame(stream, from, body)?);
        }
        steps.push(Step::Closed(stream, from, Ending::Clean));
    }
    Ok(())
}

fn content_type(word: &str) -> Result<Option<&'static str>, String> {
    match word {
        "" => Ok(None),
        "json" => Ok(Some("application/json")),
        "sse" => Ok(Some("text/event-stream")),
        "html" => Ok(Some("text/html")),
        _ => Err("unknown content type".into()),
    }
}

fn header_map(fields: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for field in fields.split(';').map(str::trim).filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once(':').ok_or("a header without a colon")?;
        let name: HeaderName = name.trim().parse().map_err(|_| "no header name")?;
        headers.append(name, value.trim().parse().map_err(|_| "no header value")?);
    }
    Ok(headers)
}

/// A handshake on pipes.
fn hello(text: &str, steps: &mut Vec<Step>) -> Result<(), String> {
    let mut words = text.split_whitespace();
    let revision = words.next().ok_or("a handshake without a revision")?;
    let (client, server) = (words.next().unwrap_or("{}"), words.next().unwrap_or("{}"));
    let ask = format!(
        r#"ask 0 initialize {{"protocolVersion":"{revision}","capabilities":{client},"clientInfo":{{"name":"probe","version":"1"}}}}"#
    );
    let answer = format!(
        r#"answer 0 {{"protocolVersion":"{revision}","capabilities":{server},"serverInfo":{{"name":"srv","version":"2"}}}}"#
    );
    steps.push(frame(PIPES, Leg::Client, &ask)?);
    steps.push(frame(PIPES, Leg::Server, &answer)?);
    steps.push(frame(PIPES, Leg::Client, "tell notifications/initialized")?);
    Ok(())
}

/// A message that is written short, in full.
fn in_full(text: &str) -> String {
    let with = |rest: &str| if rest.is_empty() { String::new() } else { format!(r#","params":{rest}"#) };
    let cut = |text: &str| {
        let (word, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        (word.to_owned(), rest.trim().to_owned())
    };
    let (word, rest) = cut(text);
    let full = match word.as_str() {
        "ask" => {
            let (id, rest) = cut(&rest);
            let (method, params) = cut(&rest);
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"{}}}"#, with(&params))
        }
        "tell" => {
            let (method, params) = cut(&rest);
            format!(r#"{{"jsonrpc":"2.0","method":"{method}"{}}}"#, with(&params))
        }
        "answer" => {
            let (id, result) = cut(&rest);
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
        }
        "fail" => {
            let (id, rest) = cut(&rest);
            let (code, message) = cut(&rest);
            format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"{message}"}}}}"#)
        }
        _ => text.to_owned(),
    };
    times(&meta(&full.replace("$LONG", &"x".repeat(2000))))
}

/// Repeats what is to be repeated.
fn times(text: &str) -> String {
    let Some((before, rest)) = text.split_once("$TIMES(") else { return text.to_owned() };
    let part = rest.split_once(')').and_then(|(part, after)| Some((part.split_once(' ')?, after)));
    let Some(((count, part), after)) = part else { return text.to_owned() };
    format!("{before}{}{}", part.repeat(count.parse().unwrap_or(1)), times(after))
}

/// Puts the members of a modern request's `_meta` where `$META` stands.
fn meta(text: &str) -> String {
    let Some((before, after)) = text.split_once("$META") else { return text.to_owned() };
    let (can, after) = match after.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((can, after)) => (can, after),
        None => ("{}", after),
    };
    let of = "io.modelcontextprotocol";
    format!(
        r#"{before}"{of}/protocolVersion":"2026-07-28","{of}/clientInfo":{{"name":"probe","version":"1"}},"{of}/clientCapabilities":{can}{}"#,
        meta(after)
    )
}

fn frame(stream: StreamId, from: Leg, text: &str) -> Result<Step, String> {
    let Some((fields, text)) = text.strip_prefix('(').and_then(|rest| rest.split_once(')')) else {
        return Ok(Step::Frame(stream, from, None, in_full(text)));
    };
    let mut event = Event::default();
    for field in fields.split_whitespace() {
        match field.split_once('=') {
            Some(("event", name)) => event.name = Some(name.into()),
            Some(("id", id)) => event.id = Some(id.into()),
            Some(("retry", retry)) => event.retry = Some(number(retry)?),
            _ => return Err("unknown event field".into()),
        }
    }
    Ok(Step::Frame(stream, from, Some(event), in_full(text.trim())))
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("`{text}` is no number"))
}

fn duration(text: &str) -> Result<u64, String> {
    let unit = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let count: u64 = number(text.trim_end_matches(unit))?;
    let scale = match unit {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "min" => 60_000_000_000,
        _ => return Err("unknown unit of time".into()),
    };
    Ok(count * scale)
}
