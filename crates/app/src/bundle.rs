//! A bundle: the smallest masked recording that still shows a finding, as one JSON file that anybody can check.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use tapgate_engine::fact::Finding;
use tapgate_engine::surface::Lock;
use tapgate_judge::scene::{Piece, Scene, What};
use tapgate_store::{FindingRow, MessageRow, SessionId};
use tapgate_wire::fault::{FaultKind, Severity};
use tapgate_wire::record::{Body, Piece as Kind, Transport};
use tapgate_wire::stream::Event;
use tapgate_wire::{Leg, Message, Nanos};

use crate::look::{Around, printable};
use crate::problem::{Exit, Problem};
use crate::small;

/// The version of the format; it grows when a reader of an older one would misread a file.
const VERSION: u64 = 1;

/// Most bytes of a file that is read.
const MAX_FILE: u64 = 64 << 20;

/// A recording as a scene, and what of it could not be taken over.
#[derive(Debug)]
pub struct Taken {
    /// What happened.
    pub scene: Scene,
    /// How many messages were stored as a summary, so that they are not in it.
    pub n_summaries: usize,
    /// How many messages are not in it because there are too many.
    pub n_beyond: usize,
    /// In how many messages something was masked.
    pub n_masked: usize,
}

/// What messages show, in the order of their ids; `n_beyond` more were not read.
pub fn taken(
    transports: (Transport, Transport),
    messages: &[MessageRow],
    n_beyond: usize,
    lock: Option<Lock>,
) -> Taken {
    let began = messages.first().map_or(0, |message| message.at);
    let mut n_summaries = 0;
    let pieces = messages.iter().filter_map(|message| {
        let what = match message.piece {
            _ if message.stored == Body::Summary => {
                n_summaries += 1;
                return None;
            }
            Kind::Note => noted(&message.body)?,
            Kind::Stderr => What::Stderr(message.body.clone().into()),
            Kind::Http if message.body.is_empty() => What::Head,
            _ => What::Frame(message.body.clone().into()),
        };
        let number = |id: i64| u64::try_from(id).unwrap_or_default();
        Some(Piece {
            at: Nanos(u64::try_from(message.at.saturating_sub(began)).unwrap_or_default()),
            part: (number(message.session.0), message.exchange.map_or(0, |exchange| number(exchange.0))),
            stream: message.stream.unwrap_or_default(),
            from: message.from,
            head: message.head.as_deref().map(|head| String::from_utf8_lossy(head).trim_end().to_owned()),
            event: message.event.as_deref().map(event),
            odd: seen_around(message),
            what,
        })
    });
    let pieces = pieces.collect();
    let scene = Scene { transports, pieces, lock: lock.map(Arc::new) };
    let n_masked = messages.iter().filter(|message| !message.hits.is_empty()).count();
    Taken { scene, n_summaries, n_beyond, n_masked }
}

/// What a note of ours says of the server's process or of a stream.
fn noted(note: &[u8]) -> Option<What> {
    let note = std::str::from_utf8(note).ok()?;
    if note.ends_with(" ended early: the bytes stopped") {
        return Some(What::Cut);
    }
    if note.starts_with("server started") {
        return Some(What::Started);
    }
    Some(What::Exited(note.strip_prefix("server exited with status ")?.trim().parse().ok()?))
}

/// What was odd about a message and cannot be seen in its body.
fn seen_around(message: &MessageRow) -> Vec<FaultKind> {
    let shown = Message::parse(String::from_utf8_lossy(&message.body).into_owned().into());
    let is_shown = |kind: &FaultKind| shown.shape().faults.iter().any(|fault| fault.kind == *kind);
    let kinds = message.faults.iter().filter_map(|(code, _)| FaultKind::from_code(code));
    kinds.filter(|kind| !is_shown(kind)).collect()
}

/// The fields of an event as they are recorded, one `field: value` a line.
fn event(text: &[u8]) -> Event {
    let mut event = Event::default();
    for line in String::from_utf8_lossy(text).lines() {
        let Some((field, value)) = line.split_once(": ") else { continue };
        match field {
            "event" => event.name = Some(value.to_owned()),
            "id" => event.id = Some(value.to_owned()),
            "retry" => event.retry = value.parse().ok(),
            _ => {}
        }
    }
    event
}

/// Writes a scene, what is found in it, where it was found, and how anybody sees it again in the file of this name.
pub fn write(scene: &Scene, finding: &Finding, around: &Around, taken: &Taken, file: &str) -> Json {
    let pieces: Vec<Json> = scene.pieces.iter().map(piece).collect();
    let (client, server) = scene.transports;
    let lock = scene.lock.as_ref().and_then(|lock| serde_json::from_str::<Json>(&lock.to_text()).ok());
    let is_error = finding.severity >= Severity::Error;
    json!({
        "v": VERSION,
        "kind": "bundle",
        "tapgate": env!("CARGO_PKG_VERSION"),
        "finding": {
            "rule": finding.rule.id,
            "side": finding.side.word(),
            "severity": finding.severity.word(),
            "text": String::from_utf8_lossy(&finding.text),
            "subject": String::from_utf8_lossy(&finding.subject),
            "fix": finding.rule.fix,
            "source": finding.rule.source,
        },
        "environment": environment(around, (client, server)),
        "shown_by": {
            "command": format!("tapgate check {file}"),
            "exit": u8::from(is_error),
            "findings": [finding.rule.id],
        },
        "lacks": { "summaries": taken.n_summaries, "masked": taken.n_masked },
        "lock": lock,
        "transports": [transport(client), transport(server)],
        "messages": pieces,
    })
}

/// Where it was found: nothing of the server's command but its program, and nothing of its URL but the host.
fn environment(around: &Around, transports: (Transport, Transport)) -> Json {
    let peer = |peer: Option<&(String, String)>| {
        peer.map(|(name, version)| json!({ "name": name, "version": version }))
    };
    let session = around.session.as_deref();
    let program = around.source.as_deref().and_then(|source| program(&source.server));
    json!({
        "tapgate": env!("CARGO_PKG_VERSION"),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "client": peer(session.and_then(|session| session.client.as_ref())),
        "server": peer(session.and_then(|session| session.server.as_ref())),
        "revision": session.and_then(|session| session.revision.as_deref()),
        "transports": [transport(transports.0), transport(transports.1)],
        "runs": program,
    })
}

/// The program of a command without its path and arguments, or a URL's scheme and host.
fn program(server: &str) -> Option<String> {
    let word = server.split_whitespace().next()?;
    if let Some((scheme, rest)) = word.split_once("://") {
        let host = rest.split(['/', '?', '#']).next()?;
        // A name and a password may stand before it.
        return Some(format!("{scheme}://{}", host.rsplit('@').next()?));
    }
    word.rsplit('/').next().map(str::to_owned)
}

fn piece(piece: &Piece) -> Json {
    let mut members = Map::new();
    let mut put = |name: &str, value: Json| members.insert(name.to_owned(), value);
    put("at", json!(piece.at.0 as f64 / 1e9));
    put("from", json!(if piece.from == Leg::Client { "client" } else { "server" }));
    if piece.stream != 0 {
        put("stream", json!(piece.stream));
    }
    if let Some(head) = &piece.head {
        put("head", json!(head));
    }
    if let Some(event) = &piece.event {
        put("event", json!({ "event": event.name, "id": event.id, "retry": event.retry }));
    }
    if !piece.odd.is_empty() {
        put("faults", json!(piece.odd.iter().map(|kind| kind.code()).collect::<Vec<_>>()));
    }
    match &piece.what {
        What::Head => {}
        What::Cut => drop(put("cut", json!(true))),
        What::Started => drop(put("started", json!(true))),
        What::Frame(body) => {
            let text = std::str::from_utf8(body).map(|text| ("body", text.to_owned()));
            // What is no text is a fault that has to stay one.
            let (name, text) = text.unwrap_or_else(|_| ("hex", hex(body)));
            put(name, json!(text));
        }
        What::Stderr(text) => drop(put("stderr", json!(String::from_utf8_lossy(text)))),
        What::Exited(status) => drop(put("exited", json!(status))),
    }
    Json::Object(members)
}

fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Stdio => "stdio",
        Transport::Http => "http",
        Transport::Sse => "sse",
    }
}

/// Reads the file of a bundle: what happened, and the rule that it shows.
pub fn read(path: &Path) -> Result<(Scene, String), Problem> {
    let wrong = |cause: String| {
        Problem::usage(
            "bundle.unreadable",
            format!("{} is no bundle that can be read", path.display()),
            "make one with `tapgate bundle`, or update tapgate if a newer one made it",
        )
        .because(cause)
        .exit(Exit::Unreadable)
    };
    let text = small::bytes(path, MAX_FILE).map_err(|error| {
        let problem = wrong(error.to_string());
        if error.kind() == ErrorKind::NotFound { problem.exit(Exit::Usage) } else { problem }
    })?;
    let json: Json = serde_json::from_slice(&text).map_err(|error| Problem {
        help: "make one with `tapgate bundle`; if it is a server, put its command after `--`".into(),
        ..wrong(error.to_string())
    })?;
    parse(&json).map_err(wrong)
}

/// A bundle in which the finding that it is about does not show.
pub fn lacks(path: &Path, rule: &str) -> Problem {
    let is_known = tapgate_judge::rule(rule).is_some();
    let cause = if is_known {
        "it was changed, or this tapgate judges otherwise"
    } else {
        "no such rule is known here"
    };
    Problem::usage(
        "bundle.not-shown",
        format!("{} does not show {}", path.display(), printable(rule)),
        "check it with the tapgate that made it, which it names, or make it again with `tapgate bundle`",
    )
    .because(cause)
    .exit(Exit::Unreadable)
}

/// Reads a bundle; gives what is wrong with it if it cannot be used.
pub fn parse(json: &Json) -> Result<(Scene, String), String> {
    if json.get("kind").and_then(Json::as_str) != Some("bundle") {
        return Err("its `kind` is not \"bundle\"".to_owned());
    }
    match json.get("v") {
        Some(version) if version.as_u64() == Some(VERSION) => {}
        Some(Json::Number(version)) => {
            return Err(format!("its version is {version}, and {VERSION} is known here"));
        }
        _ => return Err("it does not say its version in `v`".to_owned()),
    }
    let leg = |at: usize| match json.pointer(&format!("/transports/{at}")).and_then(Json::as_str) {
        Some("stdio") => Ok(Transport::Stdio),
        Some("http") => Ok(Transport::Http),
        Some("sse") => Ok(Transport::Sse),
        _ => Err("its `transports` are not two of stdio, http and sse".to_owned()),
    };
    let transports = (leg(0)?, leg(1)?);
    let messages = json.get("messages").and_then(Json::as_array).filter(|messages| !messages.is_empty());
    let messages = messages.ok_or("its `messages` are no list with something in it")?;
    let pieces = messages.iter().enumerate().map(|(at, message)| {
        piece_of(message).ok_or_else(|| format!("number {} of its `messages` is none", at + 1))
    });
    let pieces = pieces.collect::<Result<Vec<Piece>, String>>()?;
    let lock = json.get("lock").filter(|lock| !lock.is_null());
    let lock = lock.map(|lock| Lock::parse(lock.to_string().as_bytes())).transpose();
    let lock = lock.map_err(|mistake| format!("its `lock` cannot be used: {}", mistake.text))?;
    let rule =
        json.pointer("/finding/rule").and_then(Json::as_str).ok_or("it names no `rule` of its `finding`")?;
    Ok((Scene { transports, pieces, lock: lock.map(Arc::new) }, rule.to_owned()))
}

/// Writes bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// Reads hexadecimal digits.
fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| Some(char::from(*digit).to_digit(16)? as u8);
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    hex.as_bytes().chunks(2).map(pair).collect()
}

/// Reads a message; `None` where a member is not of its kind.
fn piece_of(json: &Json) -> Option<Piece> {
    let is_text = |name: &&str| json.get(*name).is_none_or(Json::is_string);
    if !["head", "body", "hex", "stderr"].iter().all(is_text) {
        return None;
    }
    let text = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
    let seconds = json.get("at")?.as_f64().filter(|seconds| (0.0..1e9).contains(seconds))?;
    let event = json.get("event").map(|event| Event {
        name: event.get("event").and_then(Json::as_str).map(str::to_owned),
        id: event.get("id").and_then(Json::as_str).map(str::to_owned),
        retry: event.get("retry").and_then(Json::as_u64),
    });
    let faults = json.get("faults").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let body = match text("hex") {
        Some(hex) => Some(bytes_of(&hex)?),
        None => text("body").map(String::into_bytes),
    };
    let what = match (body, text("stderr"), json.get("exited")) {
        _ if json.get("cut").is_some() => What::Cut,
        _ if json.get("started").is_some() => What::Started,
        (Some(body), ..) => What::Frame(body.into()),
        (None, Some(text), _) => What::Stderr(text.into()),
        (None, None, Some(status)) => What::Exited(i32::try_from(status.as_i64()?).ok()?),
        (None, None, None) if json.get("head").is_some() => What::Head,
        (None, None, None) => return None,
    };
    Some(Piece {
        at: Nanos((seconds * 1e9) as u64),
        part: (0, 0),
        stream: json.get("stream").and_then(Json::as_u64).unwrap_or_default(),
        from: match json.get("from")?.as_str()? {
            "client" => Leg::Client,
            "server" => Leg::Server,
            _ => return None,
        },
        head: text("head"),
        event,
        odd: faults.iter().filter_map(|code| FaultKind::from_code(code.as_str()?)).collect(),
        what,
    })
}

/// A finding as a row of the journal would have it.
pub fn row(finding: &Finding) -> FindingRow {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    FindingRow {
        session: SessionId(i64::try_from(finding.session).unwrap_or_default()),
        exchange: None,
        message: None,
        rule: finding.rule.id.to_owned(),
        side: finding.side,
        severity: finding.severity,
        at: i64::try_from(finding.at.0).unwrap_or_default(),
        revision: finding.revision.map(|revision| revision.as_str().to_owned()),
        subject: text(&finding.subject),
        text: text(&finding.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_read_as_it_was_written() {
        let frame = |body: &'static [u8]| Piece {
            at: Nanos(0),
            part: (0, 0),
            stream: 0,
            from: Leg::Client,
            head: None,
            event: None,
            odd: Vec::new(),
            what: What::Frame(body.into()),
        };
        for written in [frame(b"{\"a\":\"\xff\x00\"}"), frame(b"{}"), frame(b"")] {
            assert_eq!(piece_of(&piece(&written)), Some(written));
        }
        assert_eq!((bytes_of("0g"), bytes_of("0")), (None, None));
    }

    #[test]
    fn of_a_command_only_its_program_is_told_and_of_a_url_its_host() {
        for (server, told) in [
            ("/usr/bin/node server.js --token x", "node"),
            ("npx -y some", "npx"),
            ("https://me:secret@host:1/mcp?key=x", "https://host:1"),
        ] {
            assert_eq!(program(server).as_deref(), Some(told));
        }
    }
}
