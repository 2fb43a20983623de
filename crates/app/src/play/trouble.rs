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

/// What a server said, as it may be printed: without secrets, least of all those that it was sent in headers, on one
/// line, not long.
pub fn quoted(text: &str, headers: &HeaderMap) -> String {
    let Ok(key) = random::bytes() else { return "(what it said cannot be masked)".to_owned() };
    let mut masker = Masker::new(key, Level::Masked);
    observe::learn_headers(&mut masker, headers);
    let masked = masker.text(text.as_bytes()).masked;
    let text = String::from_utf8_lossy(masked.bytes()).into_owned();
    text.chars().filter(|c| !c.is_control()).take(MAX_QUOTE).collect()
}

/// The problem of a server that cannot be started or reached.
pub fn unreachable(server: &Server, why: &str) -> Problem {
    let (what, help) = match server {
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

/// Why no server gave this answer, if the tap gave it because it could not reach one.
pub fn unreached(answer: &Json) -> Option<&str> {
    answer.pointer("/error/data/upstream")?;
    let why = answer.pointer("/error/message")?.as_str()?;
    why.contains("could not be reached").then_some(why)
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
