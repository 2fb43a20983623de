//! Check 1: the client handshake succeeds.

use tapgate_store::ExchangeRow;
use tapgate_wire::record::{Status, Transport};
use tapgate_wire::rule::Side;

use super::{Check, Session, Verdict};

pub(super) fn check(sessions: &[Session<'_>]) -> Check {
    let outcomes: Vec<_> = sessions.iter().map(outcome).collect();
    let failed = outcomes.iter().find(|(verdict, ..)| *verdict == Verdict::Fail);
    let passed = outcomes.iter().find(|(verdict, ..)| *verdict == Verdict::Pass);
    let (verdict, why, side) = match (failed, passed) {
        // One that failed is no fault where another one worked: servers may refuse a revision.
        (_, Some((_, why, _))) => (Verdict::Pass, why.clone(), None),
        (Some((_, why, side)), None) => (Verdict::Fail, why.clone(), *side),
        (None, None) => {
            let why = outcomes.first().map_or("Nothing is recorded.", |(_, why, _)| why.as_str());
            (Verdict::Unknown, why.to_owned(), None)
        }
    };
    let id = sessions.first().map_or_else(|| "last".to_owned(), |session| session.row.id.to_string());
    let is_pipes = sessions
        .iter()
        .any(|session| session.source.is_none_or(|source| source.transports.1 == Transport::Stdio));
    let next = (verdict >= Verdict::Warn).then(|| match side {
        Some(Side::Client) => format!("See what the client sent: `tapgate show {id}`."),
        _ if has_status(sessions, 401) => {
            "Give it what it asks for, such as `--header 'Authorization: env:NAME'`.".to_owned()
        }
        _ if has_status(sessions, 404) => {
            format!("Check the path of the URL, and see what is answered there: `tapgate show {id}`.")
        }
        _ if is_pipes => {
            format!("See what the server answered and wrote to standard error: `tapgate show {id}`.")
        }
        _ => format!("See what the server answered: `tapgate show {id}`."),
    });
    Check { name: "handshake", title: "the client handshake succeeds", verdict, why, side, next }
}

/// Whether a server answered with this status.
fn has_status(sessions: &[Session<'_>], status: u16) -> bool {
    let mut exchanges = sessions.iter().flat_map(|session| session.exchanges);
    exchanges.any(|exchange| exchange.http_status == Some(status))
}

/// How one session came about.
fn outcome(session: &Session<'_>) -> (Verdict, String, Option<Side>) {
    let greets =
        |exchange: &&ExchangeRow| matches!(exchange.method.as_str(), "initialize" | "server/discover");
    let client = session.row.client.as_ref().map_or("the client", |(name, _)| name.as_str());
    let server = session.row.server.as_ref().map_or("the server", |(name, _)| name.as_str());
    let revision = session.row.revision.as_deref().unwrap_or("an unknown revision");
    let mut greetings = session.exchanges.iter().filter(greets);
    if let Some(done) = greetings.clone().find(|exchange| exchange.status == Status::Ok) {
        let took = crate::unit::span(done.closed.unwrap_or(done.opened) - done.opened);
        return (Verdict::Pass, format!("{client} and {server} agree on {revision}, in {took}."), None);
    }
    // A modern client need not ask before it begins.
    let answered = session.exchanges.iter().find(|exchange| {
        matches!(exchange.status, Status::Ok | Status::ToolError) && !exchange.method.starts_with("http/")
    });
    match (answered, greetings.next()) {
        (Some(exchange), None) => {
            (Verdict::Pass, format!("{server} answers {client}, beginning with {}.", exchange.method), None)
        }
        (_, Some(exchange)) => failed(exchange, server),
        (None, None) if session.exchanges.is_empty() => {
            (Verdict::Fail, "The client connected and asked nothing.".to_owned(), Some(Side::Client))
        }
        (None, None) => {
            let why = "No handshake was seen: recording began later, or nothing was answered.";
            (Verdict::Unknown, why.to_owned(), None)
        }
    }
}

fn failed(exchange: &ExchangeRow, server: &str) -> (Verdict, String, Option<Side>) {
    let method = &exchange.method;
    let is_http = exchange.http_status.is_some_and(|status| status >= 400);
    let said = exchange.error_text.as_deref().unwrap_or(if is_http { "" } else { "no reason given" });
    let code = exchange.error_code.map(|code| format!(" {code}")).unwrap_or_default();
    let http = exchange.http_status.filter(|status| *status >= 400).map(|status| format!(" HTTP {status}"));
    let http = http.unwrap_or_default();
    match exchange.status {
        Status::Error | Status::ToolError => (
            Verdict::Fail,
            format!("{}.", format!("{server} refuses {method}:{http}{code} {said}").trim_end()),
            Some(Side::Server),
        ),
        Status::Pending => {
            (Verdict::Fail, format!("{server} has not answered {method}."), Some(Side::Server))
        }
        Status::Cancelled => (Verdict::Fail, format!("The client cancelled {method}."), Some(Side::Client)),
        Status::Unanswered => {
            (Verdict::Fail, format!("{server} ended without an answer to {method}."), Some(Side::Server))
        }
        Status::Ok | Status::Unknown => {
            (Verdict::Unknown, format!("What became of {method} was not seen."), None)
        }
    }
}
