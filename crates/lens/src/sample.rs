//! A small world that tests look at.

use tapgate_store::{
    ExchangeId, ExchangeRow, MessageId, MessageRow, SessionId, SessionRow, SourceId, SourceRow,
};
use tapgate_wire::Leg;
use tapgate_wire::record::{Again, Body, Clock, Era, Hand, Piece, Status, Transport, UnixNanos};

use crate::Call;

/// 2026-07-28T10:00:00Z.
pub(crate) const NOW: UnixNanos = 1_785_232_800_000_000_000;

const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MS;

pub(crate) struct World {
    pub(crate) sources: Vec<SourceRow>,
    pub(crate) sessions: Vec<SessionRow>,
    pub(crate) exchanges: Vec<ExchangeRow>,
    pub(crate) messages: Vec<MessageRow>,
}

impl World {
    pub(crate) fn exchange(&self, target: &str) -> &ExchangeRow {
        self.exchanges.iter().find(|exchange| exchange.target.as_deref() == Some(target)).unwrap()
    }

    pub(crate) fn call(&self, target: &str) -> Call<'_> {
        self.call_of(self.exchange(target))
    }

    pub(crate) fn call_of<'a>(&'a self, exchange: &'a ExchangeRow) -> Call<'a> {
        let session = self.sessions.iter().find(|session| session.id == exchange.session);
        let source =
            session.and_then(|session| self.sources.iter().find(|source| source.id == session.source));
        Call::new(exchange, session, source, NOW)
    }

    pub(crate) fn calls(&self) -> Vec<Call<'_>> {
        self.exchanges.iter().map(|exchange| self.call_of(exchange)).collect()
    }
}

/// Two sources: `files` over stdio, live and masked; `github` over HTTP, ended, full, with losses.
pub(crate) fn world() -> World {
    let files =
        source(1, "files", "npx -y @modelcontextprotocol/server-filesystem /home/ada/work", Transport::Stdio);
    let github = SourceRow {
        started: NOW - 7_200 * SECOND,
        ended: Some(NOW - 3_600 * SECOND),
        exit_status: Some(1),
        full_until: Some(NOW - 1_800 * SECOND),
        lost_bytes: 1_234_567,
        lost_records: 3,
        ..source(2, "github", "https://mcp.example.com/mcp", Transport::Http)
    };
    let sessions = vec![
        session(1, 1, Era::Legacy, Transport::Stdio, "2025-06-18", ("claude-code", "2.1.0")),
        SessionRow {
            closed: Some(NOW - 3_600 * SECOND),
            opened: NOW - 7_000 * SECOND,
            ..session(2, 2, Era::Modern, Transport::Http, "2026-07-28", ("cursor", "3.20"))
        },
    ];
    World { sources: vec![files, github], sessions, exchanges: exchanges(), messages: messages() }
}

fn exchanges() -> Vec<ExchangeRow> {
    let second = SessionId(2);
    let hour_ago = NOW - 3_700 * SECOND;
    vec![
        ExchangeRow {
            messages: vec![MessageId(1), MessageId(2)],
            ..exchange(1, "initialize", None, 41_000_000)
        },
        exchange(2, "tools/list", None, 3_210_000),
        ExchangeRow {
            bytes_out: 48_213,
            n_progress: 2,
            clock: Some(Clock {
                client: 0,
                tapgate: 40_000,
                wire: 360_000,
                server: 12_000_000,
                ..Clock::default()
            }),
            messages: vec![MessageId(3), MessageId(4)],
            ..exchange(3, "tools/call", Some("search"), 12_400_000)
        },
        ExchangeRow {
            status: Status::ToolError,
            n_retries: 1,
            chain: Some(ExchangeId(3)),
            again: Some(Again::Application),
            findings: vec!["retry.application".to_owned()],
            ..exchange(4, "tools/call", Some("delete_repository_permanently"), 1_530 * MS)
        },
        ExchangeRow {
            asked_by: Leg::Server,
            parent: Some(ExchangeId(3)),
            ..exchange(5, "sampling/createMessage", None, 850 * MS)
        },
        ExchangeRow {
            status: Status::Pending,
            opened: NOW - 75 * SECOND,
            closed: None,
            first_answer: None,
            in_hand: Some((Hand::Person, NOW - 30 * SECOND)),
            bytes_out: 0,
            ..exchange(6, "tools/call", Some("slow_report"), 0)
        },
        ExchangeRow {
            session: second,
            opened: hour_ago,
            closed: Some(hour_ago + 230 * MS),
            first_answer: Some(hour_ago + 228 * MS),
            status: Status::Error,
            error_code: Some(-32602),
            error_text: Some("unknown tool: creat_issue".to_owned()),
            http_status: Some(200),
            era: Some(Era::Modern),
            revision: Some("2026-07-28".to_owned()),
            findings: vec!["rpc.fractional-id".to_owned()],
            ..exchange(7, "tools/call", Some("creat_issue"), 0)
        },
        ExchangeRow {
            session: second,
            opened: hour_ago + SECOND,
            closed: Some(hour_ago + 31 * SECOND),
            first_answer: None,
            status: Status::Cancelled,
            late: true,
            ..exchange(8, "resources/read", Some("file:///home/ada/日本語/a very long name of a file.txt"), 0)
        },
        ExchangeRow {
            session: second,
            opened: hour_ago + 2 * SECOND,
            closed: Some(hour_ago + 2 * SECOND + 90 * MS),
            status: Status::Error,
            http_status: Some(502),
            ..exchange(9, "http/get", Some("/.well-known/oauth-protected-resource"), 0)
        },
    ]
}

fn messages() -> Vec<MessageRow> {
    let at = NOW - 60 * SECOND;
    vec![
        message(
            1,
            1,
            Piece::Request,
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"sampling":{},"roots":{"listChanged":true}},"clientInfo":{"name":"claude-code","version":"2.1.0"}}}"#,
        ),
        message(
            2,
            1,
            Piece::Result,
            r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":false}},"serverInfo":{"name":"files","version":"1.4.2"}}}"#,
        ),
        MessageRow {
            hits: vec![("github-token".to_owned(), 1)],
            size: 170,
            chunks: vec![(0, 120), (400_000, 50)],
            ..message(
                3,
                3,
                Piece::Request,
                r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"search","arguments":{"query":"invoices","token":"‹github-token·long·7f3a›"}}}"#,
            )
        },
        MessageRow {
            head: Some(
                b"HTTP/1.1 200 OK\ncontent-type: text/event-stream\nmcp-session-id: <session>".to_vec(),
            ),
            event: Some(b"event: message\nid: 7".to_vec()),
            chunks: vec![(0, 40), (1_200_000, 41)],
            size: 81,
            faults: vec![("frame.carriage-return".to_owned(), 0), ("frame.duplicate-key".to_owned(), 17)],
            ..message(
                4,
                3,
                Piece::Result,
                "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"content\":[],\"content\":[],\"isError\":false}}\r\n",
            )
        },
        MessageRow {
            piece: Piece::Stderr,
            stream: Some(0),
            exchange: None,
            at: at + 3 * MS,
            ..message(5, 3, Piece::Stderr, "indexing 12 files\nwarning: \u{1b}[33mslow disk\u{1b}[0m")
        },
        MessageRow {
            stored: Body::Summary,
            hits: vec![("jwt".to_owned(), 2)],
            ..message(6, 3, Piece::Result, r#"{"content":[{"text":"‹12 KB›","type":"text"}]}"#)
        },
        MessageRow {
            stored: Body::Full,
            ..message(7, 7, Piece::Request, "not json at all \u{202e}\u{1b}]0;title\u{7}")
        },
    ]
}

fn source(id: i64, name: &str, server: &str, transport: Transport) -> SourceRow {
    SourceRow {
        id: SourceId(id),
        name: name.to_owned(),
        server: server.to_owned(),
        transports: (transport, transport),
        leg: Leg::Client,
        pid: 4711,
        server_pid: Some(4712),
        started: NOW - 300 * SECOND,
        ended: None,
        exit_status: None,
        full_until: None,
        lost_bytes: 0,
        lost_records: 0,
        lost_record_bytes: 0,
    }
}

fn session(
    id: i64,
    source: i64,
    era: Era,
    transport: Transport,
    revision: &str,
    client: (&str, &str),
) -> SessionRow {
    SessionRow {
        id: SessionId(id),
        source: SourceId(source),
        opened: NOW - 290 * SECOND,
        closed: None,
        era: Some(era),
        transport,
        revision: Some(revision.to_owned()),
        client: Some((client.0.to_owned(), client.1.to_owned())),
        server: Some(("files".to_owned(), "1.4.2".to_owned())),
        key: None,
    }
}

fn exchange(id: i64, method: &str, target: Option<&str>, lasted: i64) -> ExchangeRow {
    let opened = NOW - 60 * SECOND + id * 1_250 * MS;
    ExchangeRow {
        id: ExchangeId(id),
        session: SessionId(1),
        parent: None,
        asked_by: Leg::Client,
        method: method.to_owned(),
        target: target.map(str::to_owned),
        rpc_id: Some(id.to_string()),
        status: Status::Ok,
        error_code: None,
        error_text: None,
        http_status: None,
        era: None,
        revision: None,
        opened,
        first_answer: Some(opened + lasted * 9 / 10),
        closed: Some(opened + lasted),
        bytes_in: 143,
        bytes_out: 812,
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

fn message(id: i64, exchange: i64, piece: Piece, body: &str) -> MessageRow {
    MessageRow {
        id: MessageId(id),
        session: SessionId(1),
        exchange: Some(ExchangeId(exchange)),
        piece,
        stream: Some(0),
        from: if matches!(piece, Piece::Request) { Leg::Client } else { Leg::Server },
        at: NOW - 60 * SECOND
            + exchange * 1_250 * MS
            + if matches!(piece, Piece::Request) { 0 } else { 11 * MS },
        chunks: vec![(0, body.len() as u32)],
        size: body.len() as u64,
        stored: Body::Masked,
        body: body.as_bytes().to_vec(),
        head: None,
        event: None,
        faults: Vec::new(),
        hits: Vec::new(),
    }
}
