//! Reads what the judge said: findings, and what servers offer.

use crate::id::{ExchangeId, SessionId};
use crate::reader::Reader;
use crate::row::{FindingRow, SurfaceRow};
use crate::trouble::Trouble;

impl Reader {
    /// What is wrong in a session, in the order in which it was found.
    pub fn findings(&self, session: SessionId) -> Result<Vec<FindingRow>, Trouble> {
        let sql = format!("SELECT {} FROM finding WHERE session = ?1 ORDER BY id", FindingRow::COLUMNS);
        self.all(&sql, [session.0], FindingRow::read)
    }

    /// What is wrong about one exchange, in the order in which it was found.
    pub fn findings_of(&self, exchange: ExchangeId) -> Result<Vec<FindingRow>, Trouble> {
        let sql = format!("SELECT {} FROM finding WHERE exchange = ?1 ORDER BY id", FindingRow::COLUMNS);
        self.all(&sql, [exchange.0], FindingRow::read)
    }

    /// What the server of a session was seen to offer, the newest list of a kind last.
    pub fn surfaces(&self, session: SessionId) -> Result<Vec<SurfaceRow>, Trouble> {
        let sql = format!("{} WHERE session = ?1 ORDER BY id", SurfaceRow::SELECT);
        self.all(&sql, [session.0], SurfaceRow::read)
    }
}
