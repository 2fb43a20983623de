//! What was said: messages of an exchange, of a session, of all.

use std::ops::ControlFlow;

use super::{Query, Reader};
use crate::id::{MessageId, SessionId};
use crate::row::{ExchangeRow, MessageRow};
use crate::trouble::Trouble;

impl Reader {
    /// The messages of an exchange in order. One that was deleted since is left out.
    pub fn messages(&self, exchange: &ExchangeRow) -> Result<Vec<MessageRow>, Trouble> {
        let mut messages = Vec::with_capacity(exchange.messages.len());
        for id in &exchange.messages {
            messages.extend(self.message(id.0)?);
        }
        Ok(messages)
    }

    /// Shows all messages, stray output, standard error and notes of a session in order, until `visit` breaks.
    pub fn messages_of_session(
        &self,
        session: SessionId,
        mut visit: impl FnMut(&MessageRow) -> ControlFlow<()>,
    ) -> Result<(), Trouble> {
        let loose = "SELECT id FROM message WHERE session = ?1 AND exchange IS NULL";
        let mut ids = self.all(loose, [session.0], |row| row.get::<_, i64>(0))?;
        let exchanges = Query { session: Some(session), ..Query::default() };
        self.exchanges(&exchanges, |exchange| {
            ids.extend(exchange.messages.iter().map(|id| id.0));
            ControlFlow::Continue(())
        })?;
        // A batch is listed by each exchange that it belongs to.
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            if let Some(message) = self.message(id)?
                && visit(&message).is_break()
            {
                break;
            }
        }
        Ok(())
    }

    /// Shows all messages of all sessions after `after` in order, until `visit` breaks.
    pub fn messages_since(
        &self,
        after: Option<MessageId>,
        mut visit: impl FnMut(&MessageRow) -> ControlFlow<()>,
    ) -> Result<(), Trouble> {
        let sql = format!("{} WHERE id > ?1 ORDER BY id", MessageRow::SELECT);
        self.each(&sql, [after.map_or(0, |id| id.0)], |row| Ok(visit(&MessageRow::read(row)?)))
    }

    /// The message that was written last.
    pub fn last_message(&self) -> Result<Option<MessageId>, Trouble> {
        Ok(self.one("SELECT max(id) FROM message", [], |row| row.get(0))?.flatten().map(MessageId))
    }

    fn message(&self, id: i64) -> Result<Option<MessageRow>, Trouble> {
        self.one(&format!("{} WHERE id = ?1", MessageRow::SELECT), [id], MessageRow::read)
    }
}
