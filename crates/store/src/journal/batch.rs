//! One transaction: records to rows, several states of one exchange to one row.

mod found;

use bytes::Bytes;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql, TransactionBehavior, params};
use tapgate_wire::Masked;
use tapgate_wire::record::{Exchange, Message, Record, Session, Source, Transport};

use crate::code::Coded;
use crate::journal::Lost;
use crate::journal::known::{ByNumber, Contents, Known, Slot};
use crate::pack::Pack;
use crate::row::{Named, pack_exchange, pack_message, unpack_listed};

/// Bodies up to this size are kept in their message: small ones are seldom the same, because ids and arguments
/// stand in them, and a row of content with its index entry costs more than it saves. A call of 2026-07-28 says
/// who its client is and takes 300 bytes.
const INLINE_BODY: usize = 1024;

/// The same for heads, which repeat all the time.
const INLINE_HEAD: usize = 64;

/// Most messages that an exchange lists; an endless stream has more.
const MOST_LISTED: usize = 10_000;

/// What is written in one transaction.
pub(super) struct Batch<'a> {
    pub(super) source: &'a Source,
    /// Whether the source's row differs from `source` or `lost`.
    pub(super) source_is_news: bool,
    pub(super) lost: Lost,
    pub(super) records: &'a [Vec<Record>],
}

/// The next ids, read and written once per transaction.
struct Next {
    session: i64,
    exchange: i64,
    message: i64,
}

/// The last state of each session or exchange of a batch.
struct States<'a, T> {
    place: ByNumber<usize>,
    newest: Vec<&'a T>,
}

impl<'a, T> States<'a, T> {
    fn new() -> Self {
        Self { place: ByNumber::default(), newest: Vec::new() }
    }

    fn put(&mut self, number: u64, state: &'a T) {
        let place = *self.place.entry(number).or_insert(self.newest.len());
        match self.newest.get_mut(place) {
            Some(newest) => *newest = state,
            None => self.newest.push(state),
        }
    }
}

impl Batch<'_> {
    /// Writes all of it or nothing; answers how many records had to be left out.
    pub(super) fn write(&self, connection: &mut Connection, known: &mut Known) -> rusqlite::Result<u64> {
        let (journal, source) = (known.journal, known.source);
        let written = self.transact(connection, known);
        if written.is_err() {
            known.roll_back();
            // A source that got its first row in a transaction that failed has none.
            known.source = source.filter(|_| known.journal == journal);
        }
        written
    }

    fn transact(&self, connection: &mut Connection, known: &mut Known) -> rusqlite::Result<u64> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (next, generation, journal) = transaction
            .prepare_cached(
                "SELECT next_session, next_exchange, next_message, generation, journal FROM state",
            )?
            .query_row([], |row| {
                let next = Next { session: row.get(0)?, exchange: row.get(1)?, message: row.get(2)? };
                Ok((next, row.get(3)?, Some(row.get(4)?)))
            })?;
        if journal != known.journal {
            *known = Known { journal, ..Known::default() };
        }
        let source_is_news = self.source_is_news || generation != known.generation || known.source.is_none();
        if generation != known.generation {
            known.doubt(generation);
        }
        let filled = self.fill(&transaction, known, next, source_is_news)?;
        transaction
            .prepare_cached("UPDATE state SET next_session = ?1, next_exchange = ?2, next_message = ?3")?
            .execute((filled.next.session, filled.next.exchange, filled.next.message))?;
        transaction.commit()?;
        known.sessions.commit(&filled.closed_sessions);
        known.exchanges.commit(&filled.closed_exchanges);
        known.messages.commit();
        Ok(filled.n_left_out)
    }

    fn fill(
        &self,
        connection: &Connection,
        known: &mut Known,
        next: Next,
        source_is_news: bool,
    ) -> rusqlite::Result<Filled> {
        let mut rows = Rows {
            connection,
            insert_message: connection.prepare_cached(INSERT_MESSAGE)?,
            insert_exchange: connection.prepare_cached(INSERT_EXCHANGE)?,
            known,
            next,
            source: self.source,
            pack: Pack::default(),
        };
        if source_is_news {
            rows.source(self.lost)?;
        }
        let (mut sessions, mut exchanges) = (States::new(), States::new());
        let mut n_left_out = 0;
        for record in self.records.iter().flatten() {
            match record {
                // The source's newest state was written above.
                Record::Source(_) => {}
                Record::Session(session) => sessions.put(session.n, session),
                Record::Exchange(exchange) => {
                    // The first mention gives the id, so that ids are in the order of events.
                    rows.known.exchanges.get_or_add(exchange.n, &mut rows.next.exchange);
                    exchanges.put(exchange.n, exchange);
                }
                Record::Message(message) => n_left_out += u64::from(!rows.message(message)?),
                Record::Finding(finding) => n_left_out += u64::from(!rows.finding(finding)?),
                Record::Surface(surface) => n_left_out += u64::from(!rows.surface(surface)?),
            }
        }
        for session in &sessions.newest {
            n_left_out += u64::from(!rows.session(session)?);
        }
        n_left_out += rows.exchanges(&exchanges.newest)?;
        rows.known.contents.write_references(connection)?;
        let closed_sessions = sessions.newest.iter().filter(|session| session.closed.is_some());
        let closed_exchanges = exchanges.newest.iter().filter(|exchange| exchange.closed.is_some());
        Ok(Filled {
            closed_sessions: closed_sessions.map(|session| session.n).collect(),
            closed_exchanges: closed_exchanges.map(|exchange| exchange.n).collect(),
            n_left_out,
            next: rows.next,
        })
    }
}

/// What came of the rows of a transaction.
struct Filled {
    next: Next,
    closed_sessions: Vec<u64>,
    closed_exchanges: Vec<u64>,
    n_left_out: u64,
}

const INSERT_MESSAGE: &str =
    "INSERT INTO message (id, session, exchange, piece, sender, stored, at, size, body, head, rest)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

// Not OR REPLACE, for which SQLite keeps a copy of each page that the statement changes.
const INSERT_EXCHANGE: &str =
    "INSERT INTO exchange (id, session, status, opened, closed, method, target, rest)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Writes rows inside a transaction.
struct Rows<'a> {
    connection: &'a Connection,
    insert_message: CachedStatement<'a>,
    insert_exchange: CachedStatement<'a>,
    known: &'a mut Known,
    next: Next,
    source: &'a Source,
    pack: Pack,
}

impl Rows<'_> {
    fn source(&mut self, lost: Lost) -> rusqlite::Result<()> {
        let Source { name, server, transports, pid, server_pid, started, ended, exit_status, leg, .. } =
            self.source;
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO source (id, name, server, client_transport, server_transport, pid, server_pid, started,
                ended, exit_status, full_until, lost_bytes, lost_records, lost_record_bytes, leg)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
             ON CONFLICT (id) DO UPDATE SET name = ?2, server = ?3, client_transport = ?4, server_transport = ?5,
                pid = ?6, server_pid = ?7, started = ?8, ended = ?9, exit_status = ?10, full_until = ?11,
                lost_bytes = ?12, lost_records = ?13, lost_record_bytes = ?14, leg = ?15
             RETURNING id",
        )?;
        let id = statement.query_row(
            params![
                self.known.source,
                Text(name),
                Text(server),
                transports.0.code(),
                transports.1.code(),
                pid,
                server_pid,
                started,
                ended,
                exit_status,
                self.source.full_until,
                self.source.lost_bytes as i64,
                lost.records as i64,
                lost.bytes as i64,
                leg.code(),
            ],
            |row| row.get(0),
        )?;
        self.known.source = Some(id);
        Ok(())
    }

    fn session(&mut self, session: &Session) -> rusqlite::Result<bool> {
        let Some(slot) = self.known.sessions.get_or_add(session.n, &mut self.next.session) else {
            return Ok(false);
        };
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO session (id, source, opened, closed, era, transport, revision, client_name,
                client_version, server_name, server_version, key)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?;
        statement.execute(params![
            slot.id,
            self.known.source,
            session.opened,
            session.closed,
            session.era.map(Coded::code),
            session.transport.code(),
            session.revision.as_ref().map(Text),
            session.client.as_ref().map(|(name, _)| Text(name)),
            session.client.as_ref().map(|(_, version)| Text(version)),
            session.server.as_ref().map(|(name, _)| Text(name)),
            session.server.as_ref().map(|(_, version)| Text(version)),
            session.key.as_ref().map(Text),
        ])?;
        self.known.sessions.mark_written(session.n);
        Ok(true)
    }

    /// The row of a session; when its own record was lost or its row deleted, a row that says little.
    fn session_of(&mut self, number: u64, at: i64) -> rusqlite::Result<Option<i64>> {
        let Some(Slot { id, written }) = self.known.sessions.get_or_add(number, &mut self.next.session)
        else {
            return Ok(None);
        };
        if !written {
            let transport: Transport = self.source.transports.0;
            self.connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO session (id, source, opened, transport) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute((id, self.known.source, at, transport.code()))?;
            self.known.sessions.mark_written(number);
        }
        Ok(Some(id))
    }

    fn message(&mut self, message: &Message) -> rusqlite::Result<bool> {
        let Some(session) = self.session_of(message.session, message.at)? else {
            return Ok(false);
        };
        let exchange = match message.exchange {
            None => None,
            Some(number) => {
                self.known.exchanges.get_or_add(number, &mut self.next.exchange).map(|slot| slot.id)
            }
        };
        let id = self.next.message;
        let contents = &mut self.known.contents;
        let body = place(contents, self.connection, message.body.bytes(), INLINE_BODY)?;
        let head = match &message.head {
            None => None,
            Some(head) => Some(place(contents, self.connection, head.bytes(), INLINE_HEAD)?),
        };
        self.pack.clear();
        pack_message(&mut self.pack, message);
        self.insert_message.execute(params![
            id,
            session,
            exchange,
            message.piece.code(),
            message.from.code(),
            message.stored.code(),
            message.at,
            message.size as i64,
            body,
            head,
            self.pack.bytes(),
        ])?;
        self.known.messages.add(message.n, id);
        self.next.message += 1;
        Ok(true)
    }

    /// Writes exchanges in the order of their ids, because appending is what a table does best.
    fn exchanges(&mut self, exchanges: &[&Exchange]) -> rusqlite::Result<u64> {
        let mut placed = Vec::with_capacity(exchanges.len());
        for exchange in exchanges {
            let session = self.session_of(exchange.session, exchange.opened)?;
            let slot = self.known.exchanges.get_or_add(exchange.n, &mut self.next.exchange);
            if let (Some(session), Some(slot)) = (session, slot) {
                placed.push((slot, session, *exchange));
            }
        }
        placed.sort_unstable_by_key(|(slot, ..)| slot.id);
        for (slot, session, exchange) in &placed {
            self.exchange(*slot, *session, exchange)?;
        }
        Ok((exchanges.len() - placed.len()) as u64)
    }

    fn exchange(&mut self, slot: Slot, session: i64, exchange: &Exchange) -> rusqlite::Result<()> {
        let messages = self.listed(slot, &exchange.messages)?;
        let named = Named::of(exchange, |number| self.row_of(number));
        self.pack.clear();
        pack_exchange(&mut self.pack, exchange, named, &messages);
        let values = params![
            slot.id,
            session,
            exchange.status.code(),
            exchange.opened,
            exchange.closed,
            Text(&exchange.method),
            exchange.target.as_ref().map(Text),
            self.pack.bytes(),
        ];
        if slot.written {
            let mut statement = self.connection.prepare_cached(
                "UPDATE exchange SET session = ?2, status = ?3, opened = ?4, closed = ?5, method = ?6,
                    target = ?7, rest = ?8
                 WHERE id = ?1",
            )?;
            if statement.execute(values)? == 1 {
                return Ok(());
            }
            // The row was deleted as past its retention; what is told now is news.
        }
        self.insert_exchange.execute(values)?;
        self.known.exchanges.mark_written(exchange.n);
        Ok(())
    }

    fn row_of(&mut self, exchange: u64) -> Option<i64> {
        self.known.exchanges.get_or_add(exchange, &mut self.next.exchange).map(|slot| slot.id)
    }

    /// The rows of an exchange's messages; those that are no longer remembered stand in its own row.
    fn listed(&self, slot: Slot, numbers: &[u64]) -> rusqlite::Result<Vec<i64>> {
        let mut rows = Vec::with_capacity(numbers.len().min(MOST_LISTED));
        rows.extend(numbers.iter().take(MOST_LISTED).filter_map(|number| self.known.messages.get(*number)));
        if rows.len() < numbers.len().min(MOST_LISTED) && slot.written {
            let mut statement = self.connection.prepare_cached("SELECT rest FROM exchange WHERE id = ?1")?;
            let mut stored = statement.query([slot.id])?;
            if let Some(row) = stored.next()? {
                rows.extend(unpack_listed(row.get_ref(0)?.as_blob()?));
                rows.sort_unstable();
                rows.dedup();
            }
        }
        Ok(rows)
    }
}

/// The bytes themselves when they are few, else the row of the content that holds them.
fn place<'a>(
    contents: &mut Contents,
    connection: &Connection,
    bytes: &'a Bytes,
    inline: usize,
) -> rusqlite::Result<ToSqlOutput<'a>> {
    if bytes.len() <= inline {
        return Ok(ToSqlOutput::Borrowed(ValueRef::Blob(bytes)));
    }
    contents.store(connection, bytes).map(ToSqlOutput::from)
}

/// Masked bytes as a text column; what is not UTF-8 in them is replaced.
struct Text<'a>(&'a Masked);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match std::str::from_utf8(self.0.bytes()) {
            Ok(text) => ToSqlOutput::from(text),
            Err(_) => ToSqlOutput::from(String::from_utf8_lossy(self.0.bytes()).into_owned()),
        })
    }
}
