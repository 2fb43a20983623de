// Long because what is packed and what is unpacked have to be read side by side.
//! Rows as views read them, and the layout of the packed columns.
//!
//! A text that a peer supplied may hold anything but secrets: whoever shows it on a terminal or a page
//! must escape it.

mod found;

use rusqlite::Row;
use rusqlite::types::ValueRef;
use tapgate_wire::record::{
    Again, Body, Clock, Era, Exchange, Hand, Message, Piece, Root, Status, Transport, UnixNanos,
};
use tapgate_wire::{Leg, Masked};

use crate::code::Coded;
use crate::id::{ExchangeId, MessageId, SessionId, SourceId};
use crate::pack::{Pack, Unpack};

pub use self::found::{FindingRow, SurfaceRow};

/// One `tap` or `serve` process. The fields mean what they mean in [`tapgate_wire::record::Source`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the record of the same name explains the fields")]
pub struct SourceRow {
    pub id: SourceId,
    pub name: String,
    pub server: String,
    pub transports: (Transport, Transport),
    pub leg: Leg,
    pub pid: u32,
    pub server_pid: Option<u32>,
    pub started: UnixNanos,
    pub ended: Option<UnixNanos>,
    pub exit_status: Option<i32>,
    pub full_until: Option<UnixNanos>,
    pub lost_bytes: u64,
    /// Records that the journal had no room for.
    pub lost_records: u64,
    /// Bytes of these records in memory.
    pub lost_record_bytes: u64,
}

/// A session. The fields mean what they mean in [`tapgate_wire::record::Session`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the record of the same name explains the fields")]
pub struct SessionRow {
    pub id: SessionId,
    pub source: SourceId,
    pub opened: UnixNanos,
    pub closed: Option<UnixNanos>,
    pub era: Option<Era>,
    pub transport: Transport,
    pub revision: Option<String>,
    pub client: Option<(String, String)>,
    pub server: Option<(String, String)>,
    pub key: Option<String>,
}

/// An exchange. The fields mean what they mean in [`tapgate_wire::record::Exchange`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the record of the same name explains the fields")]
pub struct ExchangeRow {
    pub id: ExchangeId,
    pub session: SessionId,
    pub parent: Option<ExchangeId>,
    pub asked_by: Leg,
    pub method: String,
    pub target: Option<String>,
    pub rpc_id: Option<String>,
    pub status: Status,
    pub error_code: Option<i64>,
    pub error_text: Option<String>,
    pub http_status: Option<u16>,
    pub era: Option<Era>,
    pub revision: Option<String>,
    pub opened: UnixNanos,
    pub first_answer: Option<UnixNanos>,
    pub closed: Option<UnixNanos>,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub n_progress: u32,
    pub n_rounds: u32,
    pub n_retries: u32,
    pub late: bool,
    pub duplicate: bool,
    pub task: Option<String>,
    pub clock: Option<Clock>,
    pub in_hand: Option<(Hand, UnixNanos)>,
    /// The exchange that it repeats or goes on with; of several the first.
    pub chain: Option<ExchangeId>,
    pub again: Option<Again>,
    pub findings: Vec<String>,
    /// Its messages in order; one that was deleted since is still named.
    pub messages: Vec<MessageId>,
}

/// A message or another piece of traffic. The fields mean what they mean in [`tapgate_wire::record::Message`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the record of the same name explains the fields")]
pub struct MessageRow {
    pub id: MessageId,
    pub session: SessionId,
    pub exchange: Option<ExchangeId>,
    pub piece: Piece,
    pub stream: Option<u64>,
    pub from: Leg,
    pub at: UnixNanos,
    pub chunks: Vec<(u64, u32)>,
    pub size: u64,
    pub stored: Body,
    pub body: Vec<u8>,
    pub head: Option<Vec<u8>>,
    pub event: Option<Vec<u8>>,
    pub faults: Vec<(String, u64)>,
    pub hits: Vec<(String, u32)>,
}

/// Packs the columns of an exchange that no query looks at, with the rows of its parent and messages.
///
/// In this order, each as [`Pack`] writes it: flags (bit 0 asked by the server, 1 late, 2 duplicate,
/// 3 legacy era, 4 modern era), parent, JSON-RPC id, error code, error text, HTTP status, revision,
/// nanoseconds from `opened` to the first answer, bytes in, bytes out, progress, rounds, retries, task,
/// findings, messages as differences, five parts of the clock, each one more than it is, or a single 0; the hand
/// that it is in, one more than its code, and nanoseconds since `opened` when it came there, or a 0; the chain; how it
/// goes on with that, one more than its code, or a 0; the sixth part of the clock, what was held back on purpose.
pub(crate) fn pack_exchange(pack: &mut Pack, exchange: &Exchange, named: Named, messages: &[i64]) {
    let Named { parent, chain } = named;
    let era = exchange.era.map_or(0, |era| 8 << era.code());
    pack.put(
        exchange.asked_by.code() as u64
            | u64::from(exchange.late) << 1
            | u64::from(exchange.duplicate) << 2
            | era,
    );
    pack.put_option(parent);
    put_text(pack, exchange.rpc_id.as_ref());
    pack.put_option(exchange.error_code);
    put_text(pack, exchange.error_text.as_ref());
    pack.put_option(exchange.http_status.map(i64::from));
    put_text(pack, exchange.revision.as_ref());
    pack.put_option(exchange.first_answer.map(|first| first.wrapping_sub(exchange.opened)));
    pack.put(exchange.bytes_in);
    pack.put(exchange.bytes_out);
    pack.put(exchange.n_progress.into());
    pack.put(exchange.n_rounds.into());
    pack.put(exchange.n_retries.into());
    put_text(pack, exchange.task.as_ref());
    pack.put(exchange.findings.len() as u64);
    for finding in &exchange.findings {
        pack.put_bytes(finding.as_bytes());
    }
    pack.put(messages.len() as u64);
    let mut last = 0;
    for message in messages {
        pack.put_signed(message.wrapping_sub(last));
        last = *message;
    }
    // A blob that ends here reads as zeros: nothing more is known.
    if exchange.clock.is_none() && exchange.in_hand.is_none() && chain.is_none() {
        return;
    }
    if let Some(clock) = exchange.clock {
        for part in [clock.client, clock.tapgate, clock.wire, clock.server, clock.person] {
            pack.put(part.saturating_add(1));
        }
    } else {
        pack.put(0);
    }
    let injected = exchange.clock.map_or(0, |clock| clock.injected);
    if exchange.in_hand.is_none() && chain.is_none() && injected == 0 {
        return;
    }
    pack.put(exchange.in_hand.map_or(0, |(hand, _)| hand.code() as u64 + 1));
    if let Some((_, since)) = exchange.in_hand {
        pack.put_signed(since.wrapping_sub(exchange.opened));
    }
    pack.put_option(chain);
    pack.put(exchange.again.map_or(0, |again| again.code() as u64 + 1));
    if injected > 0 {
        pack.put(injected);
    }
}

/// The rows of exchanges that an exchange names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named {
    pub(crate) parent: Option<i64>,
    pub(crate) chain: Option<i64>,
}

impl Named {
    /// The rows that an exchange names; `row_of` knows those of exchanges of the same process.
    pub(crate) fn of(exchange: &Exchange, mut row_of: impl FnMut(u64) -> Option<i64>) -> Self {
        let chain = match exchange.chain {
            Some(Root::Own(number)) => row_of(number),
            Some(Root::Row(row)) => Some(row),
            None => None,
        };
        Self { parent: exchange.parent.and_then(row_of), chain }
    }
}

/// Packs the columns of a message that no query looks at: SSE fields, chunks, faults, hits, stream.
pub(crate) fn pack_message(pack: &mut Pack, message: &Message) {
    put_text(pack, message.event.as_ref());
    pack.put(message.chunks.len() as u64);
    for (after, n_bytes) in &message.chunks {
        pack.put(*after);
        pack.put((*n_bytes).into());
    }
    pack.put(message.faults.len() as u64);
    for (code, at) in &message.faults {
        pack.put_bytes(code.as_bytes());
        pack.put(*at);
    }
    pack.put(message.hits.len() as u64);
    for (class, n_times) in &message.hits {
        pack.put_bytes(class.as_bytes());
        pack.put((*n_times).into());
    }
    // One more, because a blob that ends here reads as zeros: nothing is known then.
    pack.put(message.stream.map_or(0, |stream| stream.saturating_add(1)));
}

fn put_text(pack: &mut Pack, text: Option<&Masked>) {
    pack.put_option_bytes(text.map(|text| text.bytes().as_ref()));
}

/// The rows of the messages that a packed exchange lists.
pub(crate) fn unpack_listed(rest: &[u8]) -> Vec<i64> {
    let mut row = ExchangeRow::empty();
    row.unpack(rest);
    row.messages.iter().map(|id| id.0).collect()
}

impl ExchangeRow {
    /// What a query of exchanges asks for, in the order in which [`ExchangeRow::read`] wants it.
    pub(crate) const COLUMNS: &str = "id, session, status, opened, closed, method, target, rest";

    /// Whether it came to nothing good: an answer that says no, or none at all. What a subscription waits for may never
    /// come.
    pub fn has_failed(&self) -> bool {
        match self.status {
            Status::Error | Status::ToolError => true,
            Status::Unanswered => self.method != "subscriptions/listen",
            Status::Pending | Status::Ok | Status::Cancelled | Status::Unknown => false,
        }
    }

    pub(crate) fn empty() -> Self {
        Self {
            id: ExchangeId(0),
            session: SessionId(0),
            parent: None,
            asked_by: Leg::Client,
            method: String::new(),
            target: None,
            rpc_id: None,
            status: Status::Unknown,
            error_code: None,
            error_text: None,
            http_status: None,
            era: None,
            revision: None,
            opened: 0,
            first_answer: None,
            closed: None,
            bytes_in: 0,
            bytes_out: 0,
            n_progress: 0,
            n_rounds: 0,
            n_retries: 0,
            late: false,
            duplicate: false,
            task: None,
            clock: None,
            in_hand: None,
            chain: None,
            again: None,
            findings: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// Reads a row over this one, so that a scan of a million rows reuses the memory of one.
    pub(crate) fn read(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        self.id = ExchangeId(row.get(0)?);
        self.session = SessionId(row.get(1)?);
        self.status = Status::from_code(row.get(2)?);
        self.opened = row.get(3)?;
        self.closed = row.get(4)?;
        set_text(&mut self.method, bytes_of(row.get_ref(5)?).unwrap_or_default());
        set_option(&mut self.target, bytes_of(row.get_ref(6)?));
        self.unpack(bytes_of(row.get_ref(7)?).unwrap_or_default());
        Ok(())
    }

    fn unpack(&mut self, rest: &[u8]) {
        let mut rest = Unpack(rest);
        let flags = rest.take();
        self.asked_by = Leg::from_code((flags & 1) as i64);
        self.late = flags & 2 != 0;
        self.duplicate = flags & 4 != 0;
        self.era = (flags & 0x18 != 0).then(|| Era::from_code((flags >> 4 & 1) as i64));
        self.parent = rest.take_option().map(ExchangeId);
        set_option(&mut self.rpc_id, rest.take_option_bytes());
        self.error_code = rest.take_option();
        set_option(&mut self.error_text, rest.take_option_bytes());
        self.http_status = rest.take_option().map(|status| status as u16);
        set_option(&mut self.revision, rest.take_option_bytes());
        self.first_answer = rest.take_option().map(|after| self.opened.wrapping_add(after));
        self.bytes_in = rest.take();
        self.bytes_out = rest.take();
        self.n_progress = rest.take() as u32;
        self.n_rounds = rest.take() as u32;
        self.n_retries = rest.take() as u32;
        set_option(&mut self.task, rest.take_option_bytes());
        self.findings.clear();
        for _ in 0..rest.take_length() {
            self.findings.push(String::from_utf8_lossy(rest.take_bytes()).into_owned());
        }
        self.messages.clear();
        let mut last = 0i64;
        for _ in 0..rest.take_length() {
            last = last.wrapping_add(rest.take_signed());
            self.messages.push(MessageId(last));
        }
        let mut part = || rest.take().checked_sub(1);
        self.clock = (|| {
            let (client, tapgate, wire, server, person) = (part()?, part()?, part()?, part()?, part()?);
            Some(Clock { client, tapgate, wire, server, person, injected: 0 })
        })();
        let hand = rest.take().checked_sub(1).map(|code| Hand::from_code(code as i64));
        self.in_hand = hand.map(|hand| (hand, self.opened.wrapping_add(rest.take_signed())));
        self.chain = rest.take_option().map(ExchangeId);
        self.again = rest.take().checked_sub(1).map(|code| Again::from_code(code as i64));
        let injected = rest.take();
        if let Some(clock) = &mut self.clock {
            clock.injected = injected;
        }
    }
}

impl MessageRow {
    /// Asks for one message by its id, in the order in which [`MessageRow::read`] wants it.
    ///
    /// A body or head that is an integer names the content that holds it.
    pub(crate) const SELECT: &str = "SELECT id, session, exchange, piece, sender, stored, at, size,
        iif(typeof(body) = 'integer', (SELECT bytes FROM content WHERE content.id = body), body),
        iif(typeof(head) = 'integer', (SELECT bytes FROM content WHERE content.id = head), head),
        rest FROM message";

    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let mut rest = Unpack(bytes_of(row.get_ref(10)?).unwrap_or_default());
        let event = rest.take_option_bytes().map(<[u8]>::to_vec);
        let chunks = (0..rest.take_length()).map(|_| (rest.take(), rest.take() as u32)).collect();
        let mut faults = Vec::new();
        for _ in 0..rest.take_length() {
            faults.push((String::from_utf8_lossy(rest.take_bytes()).into_owned(), rest.take()));
        }
        let mut hits = Vec::new();
        for _ in 0..rest.take_length() {
            hits.push((String::from_utf8_lossy(rest.take_bytes()).into_owned(), rest.take() as u32));
        }
        let stream = rest.take().checked_sub(1);
        Ok(Self {
            id: MessageId(row.get(0)?),
            session: SessionId(row.get(1)?),
            exchange: row.get::<_, Option<i64>>(2)?.map(ExchangeId),
            piece: Piece::from_code(row.get(3)?),
            stream,
            from: Leg::from_code(row.get(4)?),
            stored: Body::from_code(row.get(5)?),
            at: row.get(6)?,
            chunks,
            size: row.get::<_, i64>(7)? as u64,
            body: bytes_of(row.get_ref(8)?).unwrap_or_default().to_vec(),
            head: bytes_of(row.get_ref(9)?).map(<[u8]>::to_vec),
            event,
            faults,
            hits,
        })
    }
}

impl SourceRow {
    /// What a query of sources asks for, in the order in which [`SourceRow::read`] wants it.
    pub(crate) const COLUMNS: &str = "id, name, server, client_transport, server_transport, pid, server_pid,
        started, ended, exit_status, full_until, lost_bytes, lost_records, lost_record_bytes, leg";

    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: SourceId(row.get(0)?),
            name: row.get(1)?,
            server: row.get(2)?,
            transports: (Transport::from_code(row.get(3)?), Transport::from_code(row.get(4)?)),
            pid: row.get(5)?,
            server_pid: row.get(6)?,
            started: row.get(7)?,
            ended: row.get(8)?,
            exit_status: row.get(9)?,
            full_until: row.get(10)?,
            lost_bytes: row.get::<_, i64>(11)? as u64,
            lost_records: row.get::<_, i64>(12)? as u64,
            lost_record_bytes: row.get::<_, i64>(13)? as u64,
            leg: Leg::from_code(row.get(14)?),
        })
    }
}

impl SessionRow {
    /// What a query of sessions asks for, in the order in which [`SessionRow::read`] wants it.
    pub(crate) const COLUMNS: &str = "id, source, opened, closed, era, transport, revision, client_name,
        client_version, server_name, server_version, key";

    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let names = |name: usize| -> rusqlite::Result<Option<(String, String)>> {
            Ok(row.get::<_, Option<String>>(name)?.zip(row.get(name + 1)?))
        };
        Ok(Self {
            id: SessionId(row.get(0)?),
            source: SourceId(row.get(1)?),
            opened: row.get(2)?,
            closed: row.get(3)?,
            era: row.get::<_, Option<i64>>(4)?.map(Era::from_code),
            transport: Transport::from_code(row.get(5)?),
            revision: row.get(6)?,
            client: names(7)?,
            server: names(9)?,
            key: row.get(11)?,
        })
    }
}

/// The bytes of a column, whichever type it has; nothing for a number or null.
fn bytes_of(value: ValueRef<'_>) -> Option<&[u8]> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
        _ => None,
    }
}

fn set_text(text: &mut String, bytes: &[u8]) {
    text.clear();
    text.push_str(&String::from_utf8_lossy(bytes));
}

fn set_option(text: &mut Option<String>, bytes: Option<&[u8]>) {
    match bytes {
        None => *text = None,
        Some(bytes) => set_text(text.get_or_insert_default(), bytes),
    }
}
