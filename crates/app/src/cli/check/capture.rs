//! What is recorded of a session that is checked.

use std::ops::ControlFlow;

use tapgate_lens::check::{Session, Stored};
use tapgate_store::{ExchangeRow, FindingRow, Query, SessionId, SessionRow, SourceRow, SurfaceRow};
use tapgate_wire::Leg;
use tapgate_wire::record::Offered;
use tapgate_wire::rule::Side;

use crate::home;
use crate::look::Look;
use crate::play::is_on_purpose;
use crate::play::visit::{CLIENT, NAME, Visit};
use crate::problem::Problem;

/// What a session is judged by.
#[derive(Debug, Default)]
pub(super) struct Capture {
    row: Option<SessionRow>,
    pub(super) source: Option<SourceRow>,
    exchanges: Vec<ExchangeRow>,
    pub(super) findings: Vec<FindingRow>,
    surfaces: Vec<SurfaceRow>,
    stored: Stored,
    /// The session on the other leg, of a bridge.
    pub(super) other_leg: Option<SessionId>,
}

impl Capture {
    /// Reads all that is recorded of a session.
    pub(super) fn read(look: &Look, row: SessionRow) -> Result<Self, Problem> {
        let read = |trouble| home::problem(&trouble);
        let mut capture = Self {
            source: look.reader.source(row.source).map_err(read)?,
            findings: look.reader.findings(row.id).map_err(read)?,
            surfaces: look.reader.surfaces(row.id).map_err(read)?,
            ..Self::default()
        };
        let query = Query { session: Some(row.id), ..Query::default() };
        let seen = look.reader.exchanges(&query, |exchange| {
            capture.exchanges.push(exchange.clone());
            ControlFlow::Continue(())
        });
        seen.map_err(read)?;
        let seen = look.reader.messages_of_session(row.id, |message| {
            capture.stored.count(message);
            ControlFlow::Continue(())
        });
        seen.map_err(read)?;
        capture.row = Some(row);
        Ok(capture)
    }

    /// Finds the session on the other leg of a bridge, the one that began nearest to this one.
    pub(super) fn find_other_leg(&mut self, look: &Look) -> Result<(), Problem> {
        let read = |trouble| home::problem(&trouble);
        let (Some(row), Some(source)) = (&self.row, &self.source) else { return Ok(()) };
        let sources = look.reader.sources().map_err(read)?;
        let other = sources.iter().find(|other| {
            (other.pid, other.started) == (source.pid, source.started) && other.leg != source.leg
        });
        let Some(other) = other else { return Ok(()) };
        let sessions = look.reader.sessions(Some(other.id), None).map_err(read)?;
        let nearest = sessions.iter().min_by_key(|session| session.opened.abs_diff(row.opened));
        self.other_leg = nearest.map(|session| session.id);
        Ok(())
    }

    /// Whether a list of tools is recorded.
    pub(super) fn has_tools(&self) -> bool {
        self.surfaces.iter().any(|surface| surface.kind == Offered::Tools)
    }

    /// Forgives what our own client did: it asks on purpose for what no server has, and for what is to be refused.
    pub(super) fn forgive(&mut self) {
        let is_ours = |source: &SourceRow| source.name == NAME;
        let client = self.row.as_ref().and_then(|row| row.client.as_ref());
        if client.is_some_and(|(name, _)| name == CLIENT) || self.source.as_ref().is_some_and(is_ours) {
            self.findings.retain(|finding| finding.side != Side::Client);
            self.exchanges.retain(|exchange| !is_on_purpose(exchange));
        }
    }

    /// The session with all of that.
    pub(super) fn session(&self) -> Option<Session<'_>> {
        Some(Session {
            row: self.row.as_ref()?,
            source: self.source.as_ref(),
            exchanges: &self.exchanges,
            findings: &self.findings,
            surfaces: &self.surfaces,
            stored: self.stored,
        })
    }
}

/// What was recorded of a visit: of a bridge what its server said, else the one leg there is.
pub(super) fn recorded_by(look: &Look, visit: &Visit) -> Result<Vec<Capture>, Problem> {
    let read = |trouble| home::problem(&trouble);
    let sources = look.reader.sources().map_err(read)?;
    let sources: Vec<_> = sources.into_iter().filter(|source| source.pid == visit.pid).collect();
    let newest = sources.iter().map(|source| source.started).max().unwrap_or_default();
    let of_visit = sources.iter().filter(|source| source.started == newest);
    let source =
        of_visit.clone().find(|source| source.leg == Leg::Server).or_else(|| of_visit.clone().next());
    let Some(source) = source else { return Ok(Vec::new()) };
    let sessions = look.reader.sessions(Some(source.id), None).map_err(read)?;
    sessions.into_iter().rev().map(|row| Capture::read(look, row)).collect()
}
