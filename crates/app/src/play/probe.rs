//! What a visitor says on purpose although it is wrong, so that the server can show that it refuses it.
//!
//! The judge of the tap says what came of it; nothing here changes anything but the visit's own session.

use std::time::Duration;

use http::header::ORIGIN;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value as Json, json};
use tapgate_judge::probe;
use tapgate_store::ExchangeRow;
use tapgate_wire::header::{METHOD, PROTOCOL_VERSION, SESSION_ID};
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;

use super::web::Web;
use super::{Player, Way};

/// How long a server may take to refuse.
const PATIENCE: Duration = Duration::from_secs(5);

/// A line that is no message: JSON that breaks off.
const BROKEN: &str = r#"{"jsonrpc":"2.0","id":"#;

/// What the ids of requests begin with that are to be refused.
const ID: &str = "tapgate-probe-";

/// Whether an exchange is one that was to be refused.
pub fn is_on_purpose(exchange: &ExchangeRow) -> bool {
    let id = exchange.rpc_id.as_deref().unwrap_or_default();
    exchange.method == probe::METHOD || id.trim_start_matches('"').starts_with(ID)
}

impl Player {
    /// Says a line that a server has to bear on pipes, the first or the second; says whether it could be said.
    ///
    /// Who cannot bear it does not answer what is asked next.
    pub(super) fn say_odd_line(&mut self, is_first: bool) -> bool {
        let Way::Pipes(pipes) = &mut self.way else { return false };
        let notification = json!({ "jsonrpc": "2.0", "method": probe::NOTIFICATION }).to_string();
        pipes.send(if is_first { &notification } else { BROKEN }).is_ok()
    }

    /// Says what is to be refused; `question` is a request that the server has answered, without its id.
    pub(super) fn probe(&mut self, question: &Json, revision: Revision) {
        match &mut self.way {
            Way::Web(web) if web.is_streamable() => {
                let mut last = 0;
                let mut question = question.clone();
                let mut next = || {
                    last += 1;
                    if let Some(members) = question.as_object_mut() {
                        members.insert("id".to_owned(), json!(format!("{ID}{last}")));
                    }
                    question.clone()
                };
                let done = match revision.era() {
                    Era::Legacy => legacy(web, revision, &mut next),
                    Era::Modern => modern(web, &mut next),
                };
                // Whoever does not answer is not asked again.
                let _: Option<StatusCode> = done;
            }
            Way::Web(_) | Way::Pipes(_) => {}
        }
    }
}

fn legacy(web: &mut Web, agreed: Revision, next: &mut dyn FnMut() -> Json) -> Option<StatusCode> {
    post(web, &next(), from_foreign_page)?;
    if agreed >= Revision::V2025_06_18 {
        post(web, &next(), |headers| set(headers, PROTOCOL_VERSION, probe::REVISION))?;
    }
    web.session()?;
    post(web, &next(), |headers| set(headers, SESSION_ID, probe::SESSION))?;
    let ended = web.probe(Method::DELETE, None, |_| {}, PATIENCE)?;
    // Spec 2025-11-25, basic/transports, Session Management: a server need not let clients end sessions.
    if ended.is_success() {
        return post(web, &next(), |_| {});
    }
    Some(ended)
}

fn modern(web: &mut Web, next: &mut dyn FnMut() -> Json) -> Option<StatusCode> {
    post(web, &next(), from_foreign_page)?;
    post(web, &next(), |headers| set(headers, METHOD, "tools/list"))?;
    let mut question = next();
    if let Some(named) = question.pointer_mut("/params/_meta/io.modelcontextprotocol~1protocolVersion") {
        *named = json!(probe::REVISION);
    }
    post(web, &question, |headers| set(headers, PROTOCOL_VERSION, probe::REVISION))
}

fn post(web: &mut Web, message: &Json, change: impl FnOnce(&mut HeaderMap)) -> Option<StatusCode> {
    web.probe(Method::POST, Some(message), change, PATIENCE)
}

fn from_foreign_page(headers: &mut HeaderMap) {
    headers.insert(ORIGIN, HeaderValue::from_static(probe::ORIGIN));
}

fn set(headers: &mut HeaderMap, name: http::HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}
