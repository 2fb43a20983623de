//! Logins as they are seen in traffic: challenges, the metadata of the resource, tokens that are refused.

mod rules;

use std::collections::VecDeque;

use http::Uri;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use tapgate_engine::fact::{Exchange, Head};
use tapgate_wire::header::{RequestHead, ResponseHead};
use tapgate_wire::json::{find, unescape_lossy};
use tapgate_wire::revision::Revision;
use tapgate_wire::{Nanos, Rule};

use self::rules::{
    IN_QUERY, INVALID, LOOP, LOST, MISMATCH, NO_CHALLENGE, NO_METADATA, NO_SCOPE, NOT_FOUND, UNREACHABLE,
};
use super::Family;
use super::timing::named;
use crate::event::{Cx, Event, Place, Stray};

pub(super) const RULES: &[&Rule] = &[
    &NO_CHALLENGE,
    &NO_METADATA,
    &UNREACHABLE,
    &NOT_FOUND,
    &INVALID,
    &MISMATCH,
    &NO_SCOPE,
    &IN_QUERY,
    &LOOP,
    &LOST,
];

/// Where the metadata of a resource is; the path of the resource may follow. RFC 9728, section 3.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// So many refusals of a token in a row are a loop.
const LOOPS: u32 = 3;

/// Requests without an answer whose heads are remembered.
const MAX_ASKED: usize = 256;

/// Bytes of a path that are remembered.
const MAX_PATH: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Auth {
    asked: VecDeque<Asked>,
    /// The last challenge.
    challenge: Option<Challenge>,
    /// Whether the metadata was looked for in vain: at the path of the resource, at the root.
    missing: (bool, bool),
    /// A token was good.
    was_good: bool,
    /// Refusals of a token since it was good last.
    n_refused: u32,
}

/// What a server says to a client that has to log in.
#[derive(Debug)]
struct Challenge {
    /// The path of the metadata that it names.
    metadata: Option<String>,
}

/// A request that waits for the head of its answer.
#[derive(Debug)]
struct Asked {
    exchange: u64,
    path: String,
    has_token: bool,
}

impl Family for Auth {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let (exchange, head, at, message) = match event {
            Event::Message(heard) => (heard.exchange, heard.head, heard.first, heard.n),
            Event::Piece(piece) => (piece.exchange, piece.head, piece.at, piece.n),
            Event::Closed(exchange) => return self.closed(exchange),
            _ => return,
        };
        let Some(exchange) = exchange else { return };
        match head {
            Some(Head::Request(head)) => self.asked(cx, exchange, head, (at, message)),
            Some(Head::Response(head)) => self.answered(cx, exchange, head, (at, message)),
            None => {}
        }
        if let Event::Piece(piece) = event {
            self.metadata(cx, exchange, piece);
        }
    }
}

impl Auth {
    fn asked(&mut self, cx: &mut Cx<'_>, exchange: u64, head: &RequestHead, seen: (Nanos, u64)) {
        let has_token = head.headers.contains_key(AUTHORIZATION);
        if has_access_token(&head.uri) {
            let place = place(cx, exchange, seen, &IN_QUERY);
            cx.find_at(&IN_QUERY, place, "access_token", "The query of the URL has an access_token.");
        }
        if self.asked.len() >= MAX_ASKED {
            self.asked.pop_front();
        }
        let path: String = head.uri.path().chars().take(MAX_PATH).collect();
        self.asked.push_back(Asked { exchange, path, has_token });
    }

    fn answered(&mut self, cx: &mut Cx<'_>, exchange: u64, head: &ResponseHead, seen: (Nanos, u64)) {
        let Some(asked) = self.asked.iter().find(|asked| asked.exchange == exchange) else { return };
        let (has_token, path) = (asked.has_token, asked.path.clone());
        let status = head.status.as_u16();
        if let Some(rest) = path.strip_prefix(WELL_KNOWN) {
            self.looked_up(cx, exchange, (status, rest), &path, seen);
            return;
        }
        // Other servers and endpoints have their own ways to refuse.
        let Some(call) = cx.session.call(exchange) else { return };
        let what = named(call.method.as_bytes(), call.target.as_deref());
        let mut challenges =
            head.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenge = challenges.next();
        match status {
            401 => {
                self.refused(cx, exchange, has_token, &what, seen);
                let Some(challenge) = challenge else {
                    let text = format!("The server answered 401 to {what} without WWW-Authenticate.");
                    let place = place(cx, exchange, seen, &NO_CHALLENGE);
                    return cx.find_at(&NO_CHALLENGE, place, "WWW-Authenticate", text);
                };
                let metadata = parameter(challenge, "resource_metadata");
                if metadata.is_none() && challenges.all(|more| parameter(more, "resource_metadata").is_none())
                {
                    let place = place(cx, exchange, seen, &NO_METADATA);
                    // By no known revision it is a duty.
                    if place.revision.is_some() {
                        let text = "The challenge of a 401 has no resource_metadata.";
                        cx.find_at(&NO_METADATA, place, "WWW-Authenticate", text);
                    }
                }
                let path = metadata.and_then(|url| Some(url.parse::<Uri>().ok()?.path().to_owned()));
                self.challenge = Some(Challenge { metadata: path });
                self.missing = (false, false);
            }
            403 if challenge.is_some_and(|text| parameter(text, "error") == Some("insufficient_scope")) => {
                let place = place(cx, exchange, seen, &NO_SCOPE);
                if challenge.and_then(|text| parameter(text, "scope")).is_none() && place.revision.is_some() {
                    let text =
                        format!("The server refused {what} for want of a scope and does not say which.");
                    cx.find_at(&NO_SCOPE, place, "WWW-Authenticate", text);
                }
            }
            200..300 if has_token => {
                self.was_good = true;
                self.n_refused = 0;
            }
            _ => {}
        }
    }

    /// A request was refused with 401.
    fn refused(&mut self, cx: &mut Cx<'_>, exchange: u64, has_token: bool, what: &str, seen: (Nanos, u64)) {
        if !has_token {
            return;
        }
        if std::mem::take(&mut self.was_good) {
            let text = format!("The token that was good until now was refused for {what}.");
            let place = place(cx, exchange, seen, &LOST);
            cx.find_at(&LOST, place, "Authorization", text);
        }
        self.n_refused += 1;
        if self.n_refused == LOOPS {
            let text =
                format!("{LOOPS} requests with a token were refused one after the other, the last {what}.");
            let place = place(cx, exchange, seen, &LOOP);
            cx.find_at(&LOOP, place, "Authorization", text);
        }
    }

    /// The metadata was fetched, or was not there.
    fn looked_up(
        &mut self,
        cx: &mut Cx<'_>,
        exchange: u64,
        (status, rest): (u16, &str),
        path: &str,
        seen: (Nanos, u64),
    ) {
        // Only a challenge says that somebody has to log in at all.
        let Some(Challenge { metadata: named }) = &self.challenge else { return };
        if status < 400 {
            self.missing = (false, false);
            return;
        }
        if named.as_deref() == Some(path) {
            let text = format!("The challenge names {path}, which the server answers with {status}.");
            let place = place(cx, exchange, seen, &UNREACHABLE);
            return cx.find_at(&UNREACHABLE, place, path, text);
        }
        if named.is_none() && status == 404 {
            let before = self.missing;
            if rest.trim_matches('/').is_empty() {
                self.missing.1 = true;
            } else {
                self.missing.0 = true;
            }
            if self.missing == (true, true) && before != self.missing {
                let text = format!(
                    "The challenge names no metadata, and neither {WELL_KNOWN} nor the path below it has any."
                );
                let place = place(cx, exchange, seen, &NOT_FOUND);
                cx.find_at(&NOT_FOUND, place, WELL_KNOWN, text);
            }
        }
    }

    /// What the metadata says.
    fn metadata(&mut self, cx: &mut Cx<'_>, exchange: u64, piece: &Stray<'_>) {
        let Some(asked) = self.asked.iter().find(|asked| asked.exchange == exchange) else { return };
        let Some(rest) = asked.path.strip_prefix(WELL_KNOWN) else { return };
        let is_answer = matches!(piece.head, Some(Head::Response(head)) if head.status.as_u16() == 200);
        if !is_answer || piece.bytes.is_empty() {
            return;
        }
        let seen = (piece.at, piece.n);
        let resource = find(piece.bytes, &["resource"]).map(unescape_lossy);
        let has_servers = find(piece.bytes, &["authorization_servers"]).is_some_and(|value| {
            let inside = value.trim_ascii().strip_prefix(b"[").and_then(|value| value.strip_suffix(b"]"));
            inside.is_some_and(|inside| !inside.trim_ascii().is_empty())
        });
        let lacking = match (&resource, has_servers) {
            (None, _) => Some("resource"),
            (_, false) => Some("authorization_servers"),
            _ => None,
        };
        if let Some(lacking) = lacking {
            let place = place(cx, exchange, seen, &INVALID);
            let text = format!("The metadata of the resource has no {lacking}.");
            return cx.find_at(&INVALID, place, lacking, text);
        }
        // The tap stands at another address than the server, so only the path can be compared.
        let Some(resource) = resource.and_then(|resource| resource.parse::<Uri>().ok()) else { return };
        let (is, wanted) = (resource.path().trim_end_matches('/'), rest.trim_end_matches('/'));
        if !wanted.is_empty() && is != wanted {
            let place = place(cx, exchange, seen, &MISMATCH);
            let text = format!(
                "The metadata for the path {wanted} names a resource with the path {}.",
                resource.path()
            );
            cx.find_at(&MISMATCH, place, "resource", text);
        }
    }

    fn closed(&mut self, exchange: &Exchange) {
        self.asked.retain(|asked| asked.exchange != exchange.n);
    }
}

/// Where a response to an exchange shows something; judged by the revision of its request.
fn place(cx: &Cx<'_>, exchange: u64, (at, message): (Nanos, u64), rule: &Rule) -> Place {
    let call = cx.session.call(exchange);
    let revision: Option<Revision> = call.and_then(|call| call.revision).or(cx.session.revision);
    Place { exchange: Some(exchange), message: Some(message), at, revision, side: rule.side }
}

/// Whether the query of a URL has an access token. RFC 6750, section 2.3.
fn has_access_token(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("access_token=")))
}

/// A parameter of a challenge, without its quotes. RFC 9110, section 11.2.
fn parameter<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = challenge;
    while let Some(at) = rest.find('=') {
        let (before, after) = rest.split_at(at);
        let after = after.get(1..)?.trim_start();
        let (value, next) = if let Some(quoted) = after.strip_prefix('"') {
            let end = quoted.find('"')?;
            (quoted.get(..end)?, quoted.get(end + 1..)?)
        } else {
            after.split_at(after.find([',', ' ']).unwrap_or(after.len()))
        };
        let key = before.rsplit([',', ' ']).next().unwrap_or_default().trim();
        if key.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn a_challenge_is_read_by_its_parameters() {
        let challenge = r#"Bearer realm="a, scope=b", error=insufficient_scope, scope="c d""#;
        for (name, value) in [
            ("realm", Some("a, scope=b")),
            ("error", Some("insufficient_scope")),
            ("Scope", Some("c d")),
            ("resource_metadata", None),
        ] {
            assert_eq!(parameter(challenge, name), value, "{name}");
        }
        assert_eq!(parameter("Bearer", "scope"), None);
        assert_eq!(parameter(r#"Bearer scope="open"#, "scope"), None);
    }
}
