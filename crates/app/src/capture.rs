//! A recorded session as a conversation: its calls in order, each with everything that was said for it.

mod call;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::Value as Json;
use tapgate_store::{ExchangeId, ExchangeRow, Query, SessionRow};
use tapgate_wire::Leg;
use tapgate_wire::record::{Body, Offered, Piece};

use crate::home;
use crate::look::Look;
use crate::problem::Problem;

pub use self::call::{Call, Poll, Turn, is_request, task_of};

/// How a place begins where something was masked.
const MASKED: &str = "[masked:";

/// Sessions that are looked through for a handshake.
const MAX_EARLIER: u64 = 100;

/// Most exchanges that are inside of each other: a question in the poll of a task in a call.
const MAX_DEPTH: usize = 8;

/// A recorded session.
#[derive(Debug)]
pub struct Capture {
    /// The session.
    pub session: SessionRow,
    /// What its client asked, in order.
    pub calls: Vec<Call>,
    /// What its server told outside of any call, in order.
    pub asides: Vec<Turn>,
    /// What the server's tools do, by name, as far as they say.
    pub effects: BTreeMap<String, Effect>,
}

/// What a call does to the world, from the tool's annotations.
///
/// Spec 2025-11-25, server/tools, `ToolAnnotations`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing.
    Read,
    /// Something, or it does not say.
    Write,
    /// Something that cannot be undone, as it says.
    Destructive,
}

impl Effect {
    /// Its word, as in expressions.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Destructive => "destructive",
        }
    }
}

impl Capture {
    /// Reads a session from the journal.
    pub fn read(look: &Look, session: SessionRow) -> Result<Self, Problem> {
        let read = |trouble| home::problem(&trouble);
        let mut exchanges = Vec::new();
        let query = Query { session: Some(session.id), ..Query::default() };
        let seen = look.reader.exchanges(&query, |exchange| {
            exchanges.push(exchange.clone());
            ControlFlow::Continue(())
        });
        seen.map_err(read)?;
        let mut turns: BTreeMap<ExchangeId, Vec<Turn>> = BTreeMap::new();
        let mut asides = Vec::new();
        let roots = roots(&exchanges);
        let mut latest = None;
        let seen = look.reader.messages_of_session(session.id, |message| {
            let is_rpc =
                matches!(message.piece, Piece::Request | Piece::Notification | Piece::Result | Piece::Error);
            if !is_rpc {
                return ControlFlow::Continue(());
            }
            let is_whole = message.stored != Body::Summary;
            let said = is_whole.then(|| serde_json::from_slice(&message.body).ok()).flatten();
            let turn = Turn { id: message.id, at: message.at, from: message.from, said };
            match message.exchange.and_then(|exchange| roots.get(&exchange)) {
                Some(&(root, Leg::Client)) => {
                    let of = turns.entry(root).or_default();
                    if of.is_empty() {
                        latest = Some(root);
                    }
                    of.push(turn);
                }
                // What the server asked while several calls ran belongs to one of them, most likely to the last one.
                Some(_) => turns.entry(latest.unwrap_or(ExchangeId(0))).or_default().push(turn),
                // An answer that belongs to no call says nothing about any.
                None if message.from == Leg::Server && message.piece == Piece::Notification => {
                    asides.push(turn);
                }
                None => {}
            }
            ControlFlow::Continue(())
        });
        seen.map_err(read)?;
        let effects = effects(look, &session)?;
        let rows = exchanges.into_iter().filter(|row| row.asked_by == Leg::Client && row.parent.is_none());
        let calls = rows.filter_map(|row| Call::new(turns.remove(&row.id)?, row));
        let mut calls: Vec<Call> = calls.collect();
        calls.sort_by_key(|call| call.turns.first().map(|turn| turn.id));
        Ok(Self { session, calls, asides, effects })
    }

    /// Adds the handshake of an earlier session of the same server where this one has none: some clients ask with one
    /// process and talk to the next.
    pub fn learn_greeting(&mut self, look: &Look) -> Result<(), Problem> {
        let greets = |call: &Call| ["initialize", "server/discover"].contains(&call.row.method.as_str());
        if self.calls.iter().any(greets) {
            return Ok(());
        }
        let read = |trouble| home::problem(&trouble);
        let name =
            |session: &SessionRow| Ok(look.around(session.id)?.source.map(|source| source.server.clone()));
        let own = name(&self.session)?;
        for session in look.reader.sessions(None, Some(MAX_EARLIER)).map_err(read)? {
            let is_like = session.id < self.session.id
                && (session.era, &session.server) == (self.session.era, &self.session.server);
            if !is_like || name(&session)? != own {
                continue;
            }
            let greeting = Self::read(look, session)?.calls.into_iter().find(greets);
            if let Some(greeting) = greeting.filter(|greeting| greeting.answer().is_some()) {
                self.calls.insert(0, greeting);
                break;
            }
        }
        Ok(())
    }

    /// What a call does.
    pub fn effect(&self, call: &Call) -> Effect {
        match (call.row.method.as_str(), &call.row.target) {
            ("tools/call", Some(tool)) => self.effects.get(tool).copied().unwrap_or(Effect::Write),
            _ => Effect::Read,
        }
    }
}

/// The exchange that each one belongs to in the end, and who asked that: what was asked inside of a call is part of it.
///
/// What came on a stream that no message asked for (`http/get`) belongs to none.
fn roots(exchanges: &[ExchangeRow]) -> BTreeMap<ExchangeId, (ExchangeId, Leg)> {
    let known: BTreeMap<ExchangeId, &ExchangeRow> = exchanges.iter().map(|row| (row.id, row)).collect();
    let root = |row: &ExchangeRow| {
        let mut at = row;
        // A journal that somebody else made may name exchanges in a circle.
        for _ in 0..MAX_DEPTH {
            match at.parent.and_then(|parent| known.get(&parent)) {
                Some(parent) => at = parent,
                None => break,
            }
        }
        (at.id, at.asked_by)
    };
    let asked = exchanges.iter().filter(|row| !row.method.starts_with("http/"));
    asked.map(|row| (row.id, root(row))).collect()
}

/// What the tools of a session's server do, from their annotations in the newest list.
fn effects(look: &Look, session: &SessionRow) -> Result<BTreeMap<String, Effect>, Problem> {
    let surfaces = look.reader.surfaces(session.id).map_err(|trouble| home::problem(&trouble))?;
    let tools = surfaces.iter().rev().find(|surface| surface.kind == Offered::Tools);
    let items = tools.and_then(|tools| serde_json::from_slice::<Json>(&tools.items).ok());
    let items = items.as_ref().and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut effects = BTreeMap::new();
    for item in items {
        let hint =
            |name: &str| item.pointer(&format!("/definition/annotations/{name}")).and_then(Json::as_bool);
        let effect = match (hint("readOnlyHint"), hint("destructiveHint")) {
            (Some(true), _) => Effect::Read,
            (_, Some(true)) => Effect::Destructive,
            _ => Effect::Write,
        };
        if let Some(name) = item.get("name").and_then(Json::as_str) {
            effects.insert(name.to_owned(), effect);
        }
    }
    Ok(effects)
}

/// Whether what was recorded could be what is said now: what was masked may have been anything.
pub fn fits(recorded: &Json, live: &Json) -> bool {
    match (recorded, live) {
        (Json::String(recorded), Json::String(live)) => fits_text(recorded, live),
        (Json::Array(recorded), Json::Array(live)) => {
            recorded.len() == live.len()
                && recorded.iter().zip(live).all(|(recorded, live)| fits(recorded, live))
        }
        (Json::Object(recorded), Json::Object(live)) => {
            recorded.len() == live.len()
                && recorded
                    .iter()
                    .all(|(name, recorded)| live.get(name).is_some_and(|live| fits(recorded, live)))
        }
        // A secret may have been a number.
        (Json::String(recorded), _) if recorded.starts_with(MASKED) => true,
        (Json::Number(recorded), Json::Number(live)) => {
            recorded == live || recorded.as_f64().is_some_and(|number| live.as_f64() == Some(number))
        }
        (recorded, live) => recorded == live,
    }
}

/// The same for a text in which places were masked.
pub fn fits_text(recorded: &str, live: &str) -> bool {
    let pieces: Vec<&str> = pieces(recorded).collect();
    let [first, middle @ .., last] = pieces.as_slice() else {
        return recorded == live;
    };
    let Some(mut rest) = live.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else {
        return false;
    };
    for piece in middle {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    true
}

/// What stands between the masked places of a text.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = text.find(MASKED) else {
            rest = None;
            return Some(text);
        };
        let (before, after) = text.split_at(at);
        rest = Some(after.split_once(']').map_or("", |(_, after)| after));
        Some(before)
    })
}

/// Whether anything in a message was masked, so that it cannot be sent again as it was.
pub fn is_masked(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains(MASKED),
        Json::Array(items) => items.iter().any(is_masked),
        Json::Object(members) => members.values().any(is_masked),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_masked_may_have_been_anything() {
        for (recorded, live, fitting) in [
            ("key [masked:a:1:x]", "key 12", true),
            ("key [masked:a:1:x] end", "key 12 end", true),
            ("key [masked:a:1:x] end", "key 12 and", false),
            ("[masked:a:1:x]", "", true),
            ("a[masked:1]b[masked:2]c", "a1b2c", true),
            ("a[masked:1]b[masked:2]c", "a1c2b", false),
            ("a[masked:1]a", "a", false),
            ("plain", "plain", true),
            ("plain", "plane", false),
        ] {
            assert_eq!(fits_text(recorded, live), fitting, "{recorded} {live}");
        }
        assert!(fits(&json!({ "a": ["[masked:x]", 1.0] }), &json!({ "a": [true, 1] })));
        assert!(!fits(&json!({ "a": 1 }), &json!({ "a": 1, "b": 2 })));
        assert!(is_masked(&json!([{ "a": "x[masked:y]" }])) && !is_masked(&json!({ "masked": 1 })));
    }
}
