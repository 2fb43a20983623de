//! How bytes travel: frames that are no message, or not quite one.

use std::fmt::Write as _;

use tapgate_engine::fact::Head;
use tapgate_wire::fault::FaultKind;
use tapgate_wire::json::each;
use tapgate_wire::record::{Piece, Transport};
use tapgate_wire::rule::Side;

use super::Family;
use crate::event::{Cx, Event, Stray, is_plain_error};
use crate::quote::{line, plain, quote};

mod rules;

pub(super) use rules::RULES;

/// What it needs to remember: nothing.
#[derive(Debug, Default)]
pub(super) struct Frames;

impl Family for Frames {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Odd(odd) = event else { return };
        if !is_meant_as_message(cx, odd) || is_plain_error(odd.head, odd.faults) {
            return;
        }
        for fault in odd.faults {
            // Who answers repeats the id that it was given.
            if fault.kind == FaultKind::FractionalId && matches!(odd.piece, Piece::Result | Piece::Error) {
                continue;
            }
            let code = fault.kind.code();
            let Some(rule) = RULES.iter().find(|rule| rule.id == code) else { continue };
            let by = if rule.side == Side::Unknown { odd.side() } else { rule.side };
            let side = if is_cut_by_network(cx, fault.kind) { Side::Unknown } else { by };
            let text = text(cx, odd, fault.kind, fault.at);
            cx.find_at(rule, odd.place(cx.session, side), "", text);
        }
    }
}

/// Whether somebody meant these bytes as a message: plain HTTP carries pages and documents too.
fn is_meant_as_message(cx: &Cx<'_>, odd: &Stray<'_>) -> bool {
    let name = odd.carried.event.as_ref().and_then(|event| event.name.as_deref());
    if name.is_some_and(|name| name != "message") || (odd.carried.event.is_some() && odd.bytes.is_empty()) {
        return odd.faults.iter().all(|fault| fault.kind == FaultKind::IgnoredField);
    }
    if odd.piece != Piece::Http || odd.faults.iter().all(|fault| is_about_coding(fault.kind)) {
        return true;
    }
    let is_json = |headers: &http::HeaderMap| {
        let kind = headers.get(http::header::CONTENT_TYPE).map_or(&b""[..], http::HeaderValue::as_bytes);
        kind.get(..16).is_some_and(|kind| kind.eq_ignore_ascii_case(b"application/json"))
    };
    match odd.head {
        Some(Head::Request(head)) => {
            is_json(&head.headers) && odd.faults.iter().any(|fault| is_unreadable(fault.kind))
        }
        Some(Head::Response(head)) => {
            let is_answer = odd.exchange.is_some_and(|exchange| cx.session.call(exchange).is_some());
            is_answer && head.status.is_success() && is_json(&head.headers)
        }
        None => false,
    }
}

fn is_about_coding(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::UnknownCoding | FaultKind::BrokenCoding | FaultKind::CodingTooLarge)
}

fn is_unreadable(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::NotJson | FaultKind::NotUtf8 | FaultKind::CutShort)
}

fn is_cut_by_network(cx: &Cx<'_>, kind: FaultKind) -> bool {
    kind == FaultKind::CutShort && cx.session.transport != Transport::Stdio
}

/// What was seen, as one sentence; what the message says stands beside it in every view.
fn text(cx: &Cx<'_>, odd: &Stray<'_>, kind: FaultKind, at: u64) -> String {
    let what = match odd.piece {
        Piece::Request => "request",
        Piece::Notification => "notification",
        Piece::Result | Piece::Error => "answer",
        Piece::Batch => "batch",
        _ => "message",
    };
    match kind {
        FaultKind::NotJson => not_json(cx, odd, at),
        FaultKind::NotUtf8 => format!("Byte {at} of the {what} is not UTF-8."),
        FaultKind::DuplicateKey => {
            format!("At byte {at} of the {what} a member comes again{}.", member(odd.bytes, at))
        }
        FaultKind::TooDeep => {
            format!("At byte {at} of the {what} more than {} levels are open.", tapgate_wire::json::MAX_DEPTH)
        }
        FaultKind::TooLarge => format!("The {what} has {} bytes, of which {at} were kept.", odd.carried.size),
        FaultKind::CarriageReturn => format!("The line ends in CR LF at byte {at}."),
        FaultKind::ByteOrderMark => format!("The {what} begins with the bytes EF BB BF."),
        FaultKind::BlankLine => "A line holds nothing but white space.".into(),
        FaultKind::LoneSurrogate => format!("At byte {at} of the {what} stands half of a surrogate pair."),
        FaultKind::CutShort => format!("The stream ended after {at} bytes of a {what}."),
        FaultKind::IgnoredField => "The event has an `id` with a NUL or a `retry` that is no number.".into(),
        FaultKind::UnknownCoding => format!("The body has the Content-Encoding {}.", coding(odd)),
        FaultKind::BrokenCoding => {
            format!("The body is not what its Content-Encoding {} says, at byte {at}.", coding(odd))
        }
        FaultKind::CodingTooLarge => format!("The body grew beyond its bound at coded byte {at}."),
        FaultKind::WrongIdType => format!("The id of the {what} is neither a string nor a number."),
        FaultKind::NullId => format!("The id of the {what} is null."),
        FaultKind::FractionalId => {
            format!("The id of the {what} is a number with a fraction or an exponent.")
        }
        FaultKind::MissingId => format!("The {what} has no id."),
        FaultKind::MissingVersion => format!("The {what} has no member `jsonrpc`."),
        FaultKind::WrongVersion => format!("The member `jsonrpc` of the {what} is not \"2.0\"."),
        FaultKind::WrongMethodType => format!("The member `method` of the {what} is no string."),
        FaultKind::BothResultAndError => format!("The {what} has a result and an error."),
        FaultKind::MethodInAnswer => format!("The {what} has a method and a result or an error."),
        FaultKind::NotRpc => format!("The {what} is JSON{} and no JSON-RPC message.", members(odd.bytes)),
        FaultKind::EmptyBatch => "The batch is an empty array.".into(),
        FaultKind::TooManyParts => {
            format!("The batch holds more than {} messages.", tapgate_wire::shape::MAX_PARTS)
        }
    }
}

/// The name of the member that begins here, if it is short.
fn member(bytes: &[u8], at: u64) -> String {
    let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    let name = rest.strip_prefix(b"\"").and_then(|rest| rest.split(|byte| *byte == b'"').next());
    let name = name.filter(|name| name.len() <= 40 && !name.contains(&b'\\'));
    name.map_or(String::new(), |name| format!(": `{}`", quote(name)))
}

/// The names of the first members of an object, as far as they are short.
fn members(bytes: &[u8]) -> String {
    let mut names = Vec::new();
    each(bytes, &mut |name, _| {
        if names.len() < 5 && (3..=32).contains(&name.len()) {
            names.push(line(&plain(name)).to_string());
        }
    });
    if names.is_empty() { String::new() } else { format!(" with the members {}", names.join(", ")) }
}

fn coding(odd: &Stray<'_>) -> String {
    let headers = match odd.head {
        Some(Head::Request(head)) => &head.headers,
        Some(Head::Response(head)) => &head.headers,
        None => return "that its head names".into(),
    };
    let value = headers.get(http::header::CONTENT_ENCODING).map_or(&b"?"[..], http::HeaderValue::as_bytes);
    format!("`{}`", quote(value))
}

/// Output that is no message: what it is, where it stops to be JSON, and which call may have caused it.
fn not_json(cx: &Cx<'_>, odd: &Stray<'_>, at: u64) -> String {
    let mut text = format!("`{}` is not JSON from byte {at} on", line(odd.bytes));
    if let Some(noise) = noise(odd.bytes) {
        let _ = write!(text, "; it looks like {noise}");
    }
    if let Some(call) = cx.session.calls().filter(|call| call.asked_by != odd.from).last() {
        let target = call.target.as_ref().map_or(String::new(), |target| format!(" `{}`", quote(target)));
        let _ = write!(text, "; {}{target} was open", quote(&call.method));
    }
    text + "."
}

/// Whether a package manager says that it installs something.
pub(super) fn is_installer(bytes: &[u8]) -> bool {
    matches!(noise(bytes), Some("output of npm or npx" | "output of a package installer"))
}

/// Well-known things that end up where messages belong.
fn noise(bytes: &[u8]) -> Option<&'static str> {
    let head = bytes.get(..256).unwrap_or(bytes).trim_ascii_start();
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    let holds = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if begins(&["content-length:"]) {
        Some("the framing of language servers, which MCP does not use")
    } else if begins(&["<!doctype", "<html", "<?xml"]) {
        Some("a web page")
    } else if begins(&["npm ", "npx", "> ", "need to install the following", "yarn", "added ", "up to date"])
        || holds(&["npm warn", "npm notice"])
    {
        Some("output of npm or npx")
    } else if begins(&["resolved ", "installed ", "downloading ", "audited ", "prepared ", "building "]) {
        Some("output of a package installer")
    } else if begins(&["traceback (most recent", "file \""]) {
        Some("a Python traceback")
    } else if begins(&["panic:", "thread '", "error:", "uncaught", "fatal"]) {
        Some("a crash report")
    } else if head.starts_with(b"\x1b[")
        || head.starts_with("│".as_bytes())
        || head.starts_with("╭".as_bytes())
    {
        Some("a banner for a terminal")
    } else if begins(&[
        "debug", "info", "warn", "trace", "[debug", "[info", "[warn", "[error", "[trace", "20",
    ]) || holds(&["listening on", "server running", "running on stdio", "started"])
    {
        Some("a log line")
    } else {
        None
    }
}
