//! Rows of what the judge says: findings, and what servers offer.

use rusqlite::Row;
use tapgate_wire::fault::Severity;
use tapgate_wire::record::{Offered, UnixNanos};
use tapgate_wire::rule::Side;

use super::bytes_of;
use crate::code::Coded;
use crate::id::{ExchangeId, MessageId, SessionId};

/// Something that is wrong. The fields mean what they mean in [`tapgate_wire::record::Finding`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the record of the same name explains the fields")]
pub struct FindingRow {
    pub session: SessionId,
    pub exchange: Option<ExchangeId>,
    pub message: Option<MessageId>,
    /// The rule's id; a newer tapgate may have rules that this one does not know.
    pub rule: String,
    pub side: Side,
    pub severity: Severity,
    pub at: UnixNanos,
    pub revision: Option<String>,
    pub subject: String,
    pub text: String,
}

/// What a server offers. The fields mean what they mean in [`tapgate_wire::record::Surface`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the record of the same name explains the fields")]
pub struct SurfaceRow {
    pub session: SessionId,
    pub kind: Offered,
    pub at: UnixNanos,
    pub whole: bool,
    pub items: Vec<u8>,
}

impl FindingRow {
    /// What a query of findings asks for, in the order in which [`FindingRow::read`] wants it.
    pub(crate) const COLUMNS: &str =
        "session, exchange, message, rule, side, severity, at, revision, subject, text";

    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            session: SessionId(row.get(0)?),
            exchange: row.get::<_, Option<i64>>(1)?.map(ExchangeId),
            message: row.get::<_, Option<i64>>(2)?.map(MessageId),
            rule: row.get(3)?,
            side: Side::from_code(row.get(4)?),
            severity: Severity::from_code(row.get(5)?),
            at: row.get(6)?,
            revision: row.get(7)?,
            subject: row.get(8)?,
            text: row.get(9)?,
        })
    }
}

impl SurfaceRow {
    /// Asks for the lists of a session, newest first, in the order in which [`SurfaceRow::read`] wants it.
    pub(crate) const SELECT: &str = "SELECT session, kind, at, whole,
        iif(typeof(body) = 'integer', (SELECT bytes FROM content WHERE content.id = body), body)
        FROM surface";

    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            session: SessionId(row.get(0)?),
            kind: Offered::from_code(row.get(1)?),
            at: row.get(2)?,
            whole: row.get(3)?,
            items: bytes_of(row.get_ref(4)?).unwrap_or_default().to_vec(),
        })
    }
}
