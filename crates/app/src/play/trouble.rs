//! What a person is told of a server that cannot be played with.

use std::io;

use ::http::HeaderMap;
use serde_json::Value as Json;
use tapgate_wire::mask::{Level, Masker};

use super::Server;
use crate::cli::tap::http;
use crate::look::printable;
use crate::observe;
use crate::problem::{Exit, Problem};
use crate::random;

/// Most characters of what a server said that are printed.
const MAX_QUOTE: usize = 200;

/// How a tap tells that a server wants a login (RFC 9110, section 15.5.2).
const LOGIN: &str = "it answered with HTTP status 401";

/// What a server said, as it may be printed: without secrets, least of all those that it was sent in headers, on one
/// line, not long.
pub fn quoted(text: &str, headers: &HeaderMap) -> String {
    let Ok(key) = random::bytes() else { return "(what it said cannot be masked)".to_owned() };
    let mut masker = Masker::new(key, Level::Masked);
    observe::learn_headers(&mut masker, headers);
    let masked = masker.text(text.as_bytes()).masked;
    let text = String::from_utf8_lossy(masked.bytes()).into_owned();
    let words = text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    words.chars().take(MAX_QUOTE).collect()
}

/// The problem of a server that cannot be started or reached, or that wants a login first.
pub fn unreachable(server: &Server, why: &str) -> Problem {
    let (what, help) = match server {
        Server::Url(url) if why.starts_with(LOGIN) => {
            let help = "give it what it asks for, such as --header 'Authorization: env:NAME'";
            return Problem::usage("play.login", format!("{} wants a login", printable(url)), help)
                .because(quoted(why, &HeaderMap::new()))
                .exit(Exit::Login);
        }
        Server::Command(words) if why.starts_with("it ") && !why.starts_with("it could not be started") => (
            format!("`{}` gives no answer", printable(words.first().map_or("", String::as_str))),
            "see what it says when it is run alone",
        ),
        Server::Command(words) => (
            format!("`{}` cannot be started", printable(words.first().map_or("", String::as_str))),
            "check the spelling, or give the full path, and see what it says when it is run alone",
        ),
        Server::Url(url) => (
            format!("{} cannot be reached", printable(url)),
            "check the URL and that the server runs; --header gives it what it asks for",
        ),
    };
    Problem::usage("play.unreachable", what, help)
        .because(quoted(why, &HeaderMap::new()))
        .exit(Exit::Unreachable)
}

/// Why no server gave this answer, if the tap gave it because there is none, or none that lets it in.
pub fn unreached(answer: &Json) -> Option<String> {
    let name = answer.pointer("/error/data/upstream")?.as_str()?;
    let why = answer.pointer("/error/message")?.as_str()?;
    // The name is that of our tap, which says nothing to a person.
    let why = why.strip_prefix(&format!("`{name}` "))?;
    let why = why.strip_prefix("could not be reached: ").map_or_else(|| format!("it {why}"), str::to_owned);
    let Some((how, words)) = why.split_once("; its last words: ") else {
        let is_gone = !why.starts_with("it answered") || why.starts_with(LOGIN);
        return is_gone.then_some(why);
    };
    // Of a trace the last line says what was wrong.
    let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    Some(format!("{how}; it said last: {}", last.trim()))
}

/// Whether a transparent tap gave this answer itself, because it could not pass on the request.
pub(super) fn is_of_tap(answer: &Json) -> bool {
    answer.pointer("/error/data/by").and_then(Json::as_str) == Some(http::BY)
}

/// The problem of a tap that cannot be started.
pub fn cannot_start(error: &io::Error) -> Problem {
    Problem::usage(
        "play.cannot-start",
        "the tap in front of the server cannot be started",
        "close other programs, or raise the limits (ulimit -a), and try again",
    )
    .because(error)
    .exit(Exit::Unreachable)
}
