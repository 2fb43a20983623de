//! The calls that every benchmark makes, and the check that every answer gets.

use serde_json::{Value, json};

/// Which era's call to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// 2025-11-25: a session id and the version in headers.
    Legacy,
    /// 2026-07-28: everything in the request, mirrored in headers.
    Modern,
}

impl Era {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Legacy, Self::Modern];

    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Legacy => "2025-11-25",
            Self::Modern => "2026-07-28",
        }
    }
}

/// The 16 bytes that call `n` asks to be echoed.
pub fn text(n: u64) -> String {
    format!("{n:016x}")
}

/// The JSON body of call `n`: `tools/call` of `echo` with 16 bytes.
pub fn body(era: Era, n: u64) -> String {
    let text = text(n);
    match era {
        Era::Legacy => format!(
            r#"{{"jsonrpc":"2.0","id":{n},"method":"tools/call","params":{{"name":"echo","arguments":{{"message":"{text}"}}}}}}"#
        ),
        Era::Modern => format!(
            r#"{{"jsonrpc":"2.0","id":{n},"method":"tools/call","params":{{"name":"echo","arguments":{{"message":"{text}"}},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}},"io.modelcontextprotocol/clientInfo":{{"name":"bench","version":"1"}}}}}}}}"#
        ),
    }
}

/// The whole HTTP request of call `n`, in a session if there is one.
pub fn request(era: Era, n: u64, host: &str, session: Option<&str>) -> Vec<u8> {
    post(era, &body(era, n), host, session)
}

/// A POST of a message.
pub fn post(era: Era, body: &str, host: &str, session: Option<&str>) -> Vec<u8> {
    let session = session.map(|id| format!("Mcp-Session-Id: {id}\r\n")).unwrap_or_default();
    let headers = match era {
        Era::Legacy => "MCP-Protocol-Version: 2025-11-25\r\n",
        Era::Modern => "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\n",
    };
    format!(
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         User-Agent: tapgate-bench\r\n{headers}{session}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What opens a legacy session; its id is 0.
pub const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;

/// What follows it.
pub const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// The answer's JSON to a message of a client, by a server of one era or of both; none to what wants none.
///
/// A call gets its id and its message back without being parsed.
pub fn answer(body: &[u8], serves: Option<Era>) -> Option<String> {
    if find(body, br#""method":"tools/call""#).is_none() {
        return other(body, serves);
    }
    let id = token(body, b"\"id\":")?;
    let message = between(body, b"\"message\":\"", b"\"")?;
    let (id, message) = (std::str::from_utf8(id).ok()?, std::str::from_utf8(message).ok()?);
    let modern = find(body, b"2026-07-28").is_some();
    let kind = if modern { r#""resultType":"complete","# } else { "" };
    Some(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{{kind}"content":[{{"type":"text","text":"{message}"}}]}}}}"#
    ))
}

/// Answers what comes before calls.
fn other(body: &[u8], serves: Option<Era>) -> Option<String> {
    let asked: Value = serde_json::from_slice(body).ok()?;
    let (id, method) = (asked.get("id")?, asked.get("method")?.as_str()?);
    let tool = json!({ "name": "echo", "inputSchema": {
        "type": "object", "properties": { "message": { "type": "string" } }, "required": ["message"] } });
    let result = match method {
        "initialize" if serves != Some(Era::Modern) => json!({
            "protocolVersion": Era::Legacy.name(), "capabilities": { "tools": {} },
            "serverInfo": { "name": "bench", "version": "1" } }),
        "server/discover" if serves != Some(Era::Legacy) => json!({
            "resultType": "complete", "supportedVersions": [Era::Modern.name()], "capabilities": { "tools": {} },
            "ttlMs": 3_600_000, "cacheScope": "public",
            "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "bench", "version": "1" } } }),
        "tools/list" if find(body, b"2026-07-28").is_some() => {
            json!({ "resultType": "complete", "tools": [tool], "ttlMs": 3_600_000, "cacheScope": "public" })
        }
        "tools/list" => json!({ "tools": [tool] }),
        "ping" => json!({}),
        _ => {
            let error = json!({ "code": -32601, "message": "method not found" });
            return Some(json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string());
        }
    };
    Some(json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string())
}

/// Which call `answer` is the right one to, if it is right.
pub fn said(answer: &[u8]) -> Option<u64> {
    let id: u64 = std::str::from_utf8(token(answer, b"\"id\":")?).ok()?.parse().ok()?;
    let said = between(answer, b"\"text\":\"", b"\"");
    (said == Some(text(id).as_bytes())).then_some(id)
}

/// Whether a message is one that no request waits for.
pub fn is_notification(message: &[u8]) -> bool {
    find(message, br#""method":"notifications/"#).is_some()
}

/// The value of a header in a head.
pub fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a str> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let (found, value) = line.split_at(line.iter().position(|byte| *byte == b':')?);
        let value = std::str::from_utf8(value.get(1..)?).ok()?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

/// Whether the only HTTP message in `buffer` is there to its end.
pub fn is_whole(buffer: &[u8]) -> bool {
    let Some((start, length)) = head(buffer) else { return false };
    if buffer.get(..start).is_some_and(|head| find(head, b"chunked").is_some()) {
        return buffer.ends_with(b"\r\n0\r\n\r\n") || buffer.get(start..) == Some(b"0\r\n\r\n");
    }
    buffer.len() >= start + length
}

/// The head of an HTTP message in `buffer`: its length with the blank line, and the `Content-Length`.
pub fn head(buffer: &[u8]) -> Option<(usize, usize)> {
    let end = find(buffer, b"\r\n\r\n")? + 4;
    let length = header(buffer.get(..end)?, b"content-length").map_or(Some(0), |text| text.parse().ok())?;
    Some((end, length))
}

/// What stands behind `before`, up to the end of a value that is no text, list or object.
fn token<'a>(bytes: &'a [u8], before: &[u8]) -> Option<&'a [u8]> {
    let rest = bytes.get(find(bytes, before)? + before.len()..)?;
    rest.get(..rest.iter().position(|byte| matches!(byte, b',' | b'}'))?)
}

fn between<'a>(bytes: &'a [u8], before: &[u8], after: &[u8]) -> Option<&'a [u8]> {
    let start = find(bytes, before)? + before.len();
    let rest = bytes.get(start..)?;
    rest.get(..find(rest, after)?)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_right_only_for_its_own_call() {
        for era in Era::ALL {
            let request = request(era, 77, "h", Some("s"));
            let (start, length) = head(&request).unwrap();
            assert_eq!(start + length, request.len());
            let answer = answer(&request[start..], None).unwrap();
            assert_eq!(said(answer.as_bytes()), Some(77), "{answer}");
            assert_eq!(said(answer.replace(&text(77), &text(78)).as_bytes()), None);
        }
    }

    #[test]
    fn an_answer_is_right_wherever_its_id_stands() {
        let last = format!(
            r#"{{"result":{{"content":[{{"type":"text","text":"{}"}}]}},"jsonrpc":"2.0","id":5}}"#,
            text(5)
        );
        assert_eq!(said(last.as_bytes()), Some(5));
    }

    #[test]
    fn a_server_of_one_era_does_not_know_how_the_other_begins() {
        let discover = INITIALIZE.replace("initialize", "server/discover");
        for (message, at_home) in [(INITIALIZE, Era::Legacy), (&discover, Era::Modern)] {
            for era in Era::ALL {
                let answer = answer(message.as_bytes(), Some(era)).unwrap();
                assert_eq!(answer.contains("-32601"), era != at_home, "{answer}");
            }
        }
        assert_eq!(answer(INITIALIZED.as_bytes(), None), None);
    }

    #[test]
    fn a_chunked_answer_is_whole_with_its_last_chunk() {
        let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
        assert!(is_whole(whole));
        assert!(!is_whole(&whole[..whole.len() - 2]));
        assert!(is_whole(b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"));
    }
}
