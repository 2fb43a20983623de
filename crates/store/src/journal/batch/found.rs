//! Writes what the judge says: findings, and what servers offer.

use rusqlite::params;
use tapgate_wire::record::{Finding, Surface};

use super::{INLINE_BODY, Rows, Text, place};
use crate::code::Coded;

impl Rows<'_> {
    /// Writes what is wrong, after what it is about.
    pub(super) fn finding(&mut self, finding: &Finding) -> rusqlite::Result<bool> {
        let Some(session) = self.session_of(finding.session, finding.at)? else {
            return Ok(false);
        };
        let exchange = finding.exchange.and_then(|number| {
            self.known.exchanges.get_or_add(number, &mut self.next.exchange).map(|slot| slot.id)
        });
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO finding (session, exchange, message, rule, side, severity, at, revision, subject, text)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        statement.execute(params![
            session,
            exchange,
            finding.message.and_then(|number| self.known.messages.get(number)),
            finding.rule.id,
            finding.side.code(),
            finding.severity.code(),
            finding.at,
            finding.revision.as_ref().map(Text),
            Text(&finding.subject),
            Text(&finding.text),
        ])?;
        Ok(true)
    }

    /// Writes what a server offers.
    pub(super) fn surface(&mut self, surface: &Surface) -> rusqlite::Result<bool> {
        let Some(session) = self.session_of(surface.session, surface.at)? else {
            return Ok(false);
        };
        let body = place(&mut self.known.contents, self.connection, surface.items.bytes(), INLINE_BODY)?;
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO surface (session, kind, at, whole, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        statement.execute(params![session, surface.kind.code(), surface.at, surface.whole, body])?;
        Ok(true)
    }
}
