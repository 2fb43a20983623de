//! What got no answer before the client started the server again: the tap before this one recorded it.
//!
//! Only what is surely the same is told: the same server in the same place, no other tap of it that may belong to
//! somebody else, and requests that were stored as they came, with nothing masked in them.

use std::ops::ControlFlow;
use std::path::Path;

use tapgate_engine::past::{Failed, Past};
use tapgate_engine::surface::settled;
use tapgate_store::{ExchangeRow, Query, Reader, SessionRow, SourceRow};
use tapgate_wire::record::{Body, Status, UnixNanos};
use tapgate_wire::{Leg, Message};

use crate::play::OWN;

/// Nanoseconds after its end for which a session is the one before.
const WITHIN: i64 = 60_000_000_000;

/// Sessions that are looked through.
const MAX_SESSIONS: u64 = 50;

/// Nanoseconds since it was asked after which nobody asks a request once more.
const LONGEST: i64 = 600_000_000_000;

/// Exchanges of it that are looked through, the latest ones, and requests that are told.
const MAX_ROWS: usize = 1_000;
const MAX_FAILED: usize = 64;

/// The end of the session that the client of a tap had with the same server, if that was a moment ago; nothing when the
/// journal cannot be read.
pub fn past(home: &Path, name: &str, server: &str, started: UnixNanos) -> Option<Past> {
    // Our own client begins anew each time.
    if OWN.contains(&name) {
        return None;
    }
    let reader = Reader::open(home).ok()?;
    let session = session(&reader, name, server)?;
    let client = session.client.clone()?;
    session.closed.filter(|closed| started.saturating_sub(*closed) < WITHIN)?;
    let mut rows: Vec<ExchangeRow> = Vec::new();
    let query = Query { session: Some(session.id), newest_first: true, ..Query::default() };
    let mut n_seen = 0;
    let seen = reader.exchanges(&query, |row| {
        n_seen += 1;
        let is_late = row.closed.is_some_and(|closed| started.saturating_sub(closed) < WITHIN);
        if is_late && has_failed(row) {
            rows.push(row.clone());
        }
        let is_near = started.saturating_sub(row.opened) < LONGEST;
        if is_near && rows.len() < MAX_FAILED && n_seen < MAX_ROWS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    seen.ok()?;
    let failed: Vec<Failed> = rows.iter().rev().filter_map(|row| failed(&reader, row)).collect();
    let client = (client.0.into(), client.1.into());
    (!failed.is_empty()).then_some(Past { client, failed })
}

/// The latest session of a tap in front of this server.
fn session(reader: &Reader, name: &str, server: &str) -> Option<SessionRow> {
    let is_meant = |source: &SourceRow| {
        source.leg == Leg::Client && source.name == name && settled(&source.server) == settled(server)
    };
    let rows = reader.sessions(None, Some(MAX_SESSIONS)).ok()?;
    rows.into_iter().find(|row| reader.source(row.source).ok().flatten().is_some_and(|it| is_meant(&it)))
}

fn has_failed(row: &ExchangeRow) -> bool {
    // A subscription has no answer to wait for.
    row.asked_by == Leg::Client
        && row.method != "subscriptions/listen"
        && matches!(row.status, Status::Unanswered | Status::Cancelled)
}

/// The request of an exchange, if it was stored as it came.
fn failed(reader: &Reader, row: &ExchangeRow) -> Option<Failed> {
    let request = reader.messages(row).ok()?.into_iter().next()?;
    let is_whole = request.stored != Body::Summary && request.hits.is_empty();
    let root = row.chain.unwrap_or(row.id).0;
    is_whole.then(|| Failed { request: Message::parse(request.body.into()), root, n_retries: row.n_retries })
}
