//! The calls that every benchmark makes, and the check that every answer gets.

/// Which era's call to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// 2025-11-25: a session id and the version in headers.
    Legacy,
    /// 2026-07-28: everything in the request, mirrored in headers.
    Modern,
}

impl Era {
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

/// The whole HTTP request of call `n`.
pub fn request(era: Era, n: u64, host: &str) -> Vec<u8> {
    let body = body(era, n);
    let headers = match era {
        Era::Legacy => {
            "MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: bench-session-0123456789abcdef\r\n"
        }
        Era::Modern => "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\n",
    };
    format!(
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         User-Agent: tapgate-bench\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The answer's JSON to a call whose body is `body`: the id and the message come back.
pub fn answer(body: &[u8]) -> Option<String> {
    let id = between(body, b"\"id\":", b",")?;
    let message = between(body, b"\"message\":\"", b"\"")?;
    let (id, message) = (std::str::from_utf8(id).ok()?, std::str::from_utf8(message).ok()?);
    let modern = find(body, b"2026-07-28").is_some();
    let kind = if modern { r#""resultType":"complete","# } else { "" };
    Some(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{{kind}"content":[{{"type":"text","text":"{message}"}}]}}}}"#
    ))
}

/// Whether `answer` is the right one to call `n`.
pub fn is_right(answer: &[u8], n: u64) -> bool {
    let id =
        between(answer, b"\"id\":", b",").and_then(|id| std::str::from_utf8(id).ok()?.parse::<u64>().ok());
    let said = between(answer, b"\"text\":\"", b"\"");
    id == Some(n) && said == Some(text(n).as_bytes())
}

/// The head of an HTTP message in `buffer`: its length with the blank line, and the `Content-Length`.
pub fn head(buffer: &[u8]) -> Option<(usize, usize)> {
    let end = find(buffer, b"\r\n\r\n")? + 4;
    let head = buffer.get(..end)?;
    let mut length = 0;
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"content-length") {
            length = std::str::from_utf8(value.get(1..)?).ok()?.trim().parse().ok()?;
        }
    }
    Some((end, length))
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
        for era in [Era::Legacy, Era::Modern] {
            let request = request(era, 77, "h");
            let (start, length) = head(&request).unwrap();
            assert_eq!(start + length, request.len());
            let answer = answer(&request[start..]).unwrap();
            assert!(is_right(answer.as_bytes(), 77), "{answer}");
            assert!(!is_right(answer.as_bytes(), 78));
        }
    }
}
