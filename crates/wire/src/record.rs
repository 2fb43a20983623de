//! What the journal keeps: masked facts, as the recorder writes them and as every view reads them back.
//!
//! Every text that a peer or a person supplied is [`Masked`]; numbers and our own words are plain.
//! `n` is a number that is unique within one process; the journal gives rows their public ids.
//! Times are nanoseconds since the Unix epoch.

use crate::fault::Severity;
use crate::leg::Leg;
use crate::mask::Masked;
use crate::rule::{Rule, Side};

/// Nanoseconds since the Unix epoch.
pub type UnixNanos = i64;

/// One thing to keep. `Source`, `Session` and `Exchange` are whole states: a later one replaces the earlier with the same `n`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "exchanges are told as often as messages; a box for each costs more than the room"
)]
pub enum Record {
    /// The process that records.
    Source(Source),
    /// A session's state.
    Session(Session),
    /// An exchange's state.
    Exchange(Exchange),
    /// A message, or a piece of output that is none.
    Message(Message),
    /// Something that is wrong.
    Finding(Finding),
    /// What a server offers.
    Surface(Surface),
}

/// One `tap` or `serve` process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// `--name`, else the server's.
    pub name: Masked,
    /// The command line or URL of the server, arguments and userinfo masked.
    pub server: Masked,
    /// Transports of the client's and the server's leg.
    pub transports: (Transport, Transport),
    /// The leg that is recorded: a bridge is two sources, one for each leg; any other tap is the client's.
    pub leg: Leg,
    /// The process id of tapgate.
    pub pid: u32,
    /// The process id of the server, when tapgate started it.
    pub server_pid: Option<u32>,
    /// When recording began.
    pub started: UnixNanos,
    /// When it ended; `None` while it runs or when it was killed.
    pub ended: Option<UnixNanos>,
    /// How the server's process ended: exit status, or 128 + signal.
    pub exit_status: Option<i32>,
    /// Until when bodies are stored unmasked (`--full`), if a person asked for it.
    pub full_until: Option<UnixNanos>,
    /// Observed bytes that were not recorded because the recorder fell behind.
    pub lost_bytes: u64,
}

/// How messages travel on a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Lines on standard input and output.
    Stdio,
    /// Streamable HTTP, 2025-03-26 and later.
    Http,
    /// HTTP with SSE, 2024-11-05.
    Sse,
}

/// Which of the two ways a peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Era {
    /// `initialize` handshake, sessions (to 2025-11-25).
    Legacy,
    /// Everything in each request (2026-07-28).
    Modern,
}

/// A session: what one client did with one server from handshake to end; for modern peers, what one client identity did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Number in this process.
    pub n: u64,
    /// When its first message was seen.
    pub opened: UnixNanos,
    /// When it ended, if it did.
    pub closed: Option<UnixNanos>,
    /// The era, once known.
    pub era: Option<Era>,
    /// The transport on the leg that is recorded, once known.
    pub transport: Transport,
    /// The agreed revision, once known.
    pub revision: Option<Masked>,
    /// The client's name and version as it says.
    pub client: Option<(Masked, Masked)>,
    /// The server's name and version as it says.
    pub server: Option<(Masked, Masked)>,
    /// The masked `Mcp-Session-Id`.
    pub key: Option<Masked>,
}

/// Where an exchange stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// No answer yet.
    Pending,
    /// Answered with a result.
    Ok,
    /// Answered with a result that says `isError: true`.
    ToolError,
    /// Answered with a JSON-RPC error, or by HTTP with 4xx or 5xx and no message.
    Error,
    /// Its asker cancelled it and no answer came.
    Cancelled,
    /// Its carrier ended (session, process, stream) without an answer.
    Unanswered,
    /// The recorder missed bytes, so what became of it is unknown.
    Unknown,
}

/// A request and all that belongs to it: answers, progress, rounds, the server's own requests on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Number in this process.
    pub n: u64,
    /// The session's number.
    pub session: u64,
    /// The exchange in which this one was asked (a server request inside a call).
    pub parent: Option<u64>,
    /// Who asked.
    pub asked_by: Leg,
    /// The JSON-RPC method; for HTTP that carries no message, `http/` and its method in lower case (`http/get`).
    pub method: Masked,
    /// The tool, prompt, resource URI or task; for plain HTTP the path.
    pub target: Option<Masked>,
    /// The JSON-RPC id, raw.
    pub rpc_id: Option<Masked>,
    /// Where it stands.
    pub status: Status,
    /// The JSON-RPC error code.
    pub error_code: Option<i64>,
    /// The JSON-RPC error message.
    pub error_text: Option<Masked>,
    /// The HTTP status of the answer.
    pub http_status: Option<u16>,
    /// The era of the request.
    pub era: Option<Era>,
    /// The revision of the request.
    pub revision: Option<Masked>,
    /// When the first byte of the request was read.
    pub opened: UnixNanos,
    /// When the first byte that answers it (also progress) was read.
    pub first_answer: Option<UnixNanos>,
    /// When the last byte of the final answer was read, or it was given up.
    pub closed: Option<UnixNanos>,
    /// Bytes of its messages towards the server.
    pub bytes_in: u64,
    /// Bytes of its messages towards the client.
    pub bytes_out: u64,
    /// Progress notifications seen.
    pub n_progress: u32,
    /// Times that it was asked again to go on (multi round-trip); 0 for a plain call.
    pub n_rounds: u32,
    /// Times that it was repeated because an answer did not come or was refused.
    pub n_retries: u32,
    /// An answer came after it was closed.
    pub late: bool,
    /// More than one final answer came.
    pub duplicate: bool,
    /// The id of the task it became, masked.
    pub task: Option<Masked>,
    /// Where its time went, once it is over and all of it was seen.
    pub clock: Option<Clock>,
    /// In whose hand it is and since when, while it is open.
    pub in_hand: Option<(Hand, UnixNanos)>,
    /// The exchange that it repeats or goes on with; of several the first.
    pub chain: Option<Root>,
    /// How it does that.
    pub again: Option<Again>,
    /// Codes of what was odd or wrong: [`Rule::id`].
    pub findings: Vec<&'static str>,
    /// `n` of its messages, in order.
    pub messages: Vec<u64>,
}

/// What a stored piece of traffic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Piece {
    /// A JSON-RPC request.
    Request,
    /// A JSON-RPC notification.
    Notification,
    /// A JSON-RPC result.
    Result,
    /// A JSON-RPC error.
    Error,
    /// A JSON-RPC batch.
    Batch,
    /// A frame that is no JSON-RPC message.
    Other,
    /// The server's standard error.
    Stderr,
    /// An HTTP request or response head (and body, if text) that carries no message.
    Http,
    /// What tapgate itself has to say: started, exited, lost bytes, a stream that ended early.
    Note,
}

/// How a body was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Body {
    /// All of it, masked.
    Masked,
    /// A summary of it: shape, counts and sizes, no values.
    Summary,
    /// All of it as it came, because a person asked (`--full`).
    Full,
}

/// A message or another piece of traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Number in this process, in order of arrival.
    pub n: u64,
    /// The session's number.
    pub session: u64,
    /// The exchange it belongs to.
    pub exchange: Option<u64>,
    /// What it is.
    pub piece: Piece,
    /// What it came on: the pipes, or one HTTP request with its response; unique within one process. Pieces of tapgate's
    /// own have none.
    pub stream: Option<u64>,
    /// The side that sent it.
    pub from: Leg,
    /// When its first byte was read.
    pub at: UnixNanos,
    /// Nanoseconds since `at` and bytes of each read that brought a part of it.
    pub chunks: Vec<(u64, u32)>,
    /// Its size on the wire in bytes.
    pub size: u64,
    /// What `body` holds.
    pub stored: Body,
    /// The bytes that are kept.
    pub body: Masked,
    /// The HTTP head that came with it, one `name: value` a line after the start line.
    pub head: Option<Masked>,
    /// The SSE fields that came with it, one `field: value` a line.
    pub event: Option<Masked>,
    /// What was odd: code and byte offset.
    pub faults: Vec<(&'static str, u64)>,
    /// Classes of secrets that were masked, and how many of each.
    pub hits: Vec<(&'static str, u32)>,
}

/// Something that is wrong: a rule that was broken, by whom, and what shows it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Who is at fault.
    pub side: Side,
    /// How much it matters.
    pub severity: Severity,
    /// The session's number.
    pub session: u64,
    /// The exchange's number, if it is about one.
    pub exchange: Option<u64>,
    /// The number of the message that shows it, if one does.
    pub message: Option<u64>,
    /// When that was seen.
    pub at: UnixNanos,
    /// The revision by which it was judged.
    pub revision: Option<Masked>,
    /// What it is about: a tool, a header, a member (`tools/3/inputSchema`), as far as the rule has one.
    pub subject: Masked,
    /// What was seen, as one sentence.
    pub text: Masked,
}

impl PartialEq for Finding {
    fn eq(&self, other: &Self) -> bool {
        let key =
            |finding: &Self| (finding.rule.id, finding.side, finding.severity, finding.session, finding.at);
        let place = |finding: &Self| (finding.exchange, finding.message);
        let texts =
            |finding: &Self| (finding.revision.clone(), finding.subject.clone(), finding.text.clone());
        key(self) == key(other) && place(self) == place(other) && texts(self) == texts(other)
    }
}

impl Eq for Finding {}

/// Where the time of an exchange went, in nanoseconds; together they are the time from its opening to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// In the client: between rounds, between polls of a task, until it answered what needs no person.
    pub client: u64,
    /// In tapgate: from a message's last byte read to its last byte written.
    pub tapgate: u64,
    /// On the wire: from a message's first byte to its last, connecting, TLS.
    pub wire: u64,
    /// In the server.
    pub server: u64,
    /// Waiting for a person: elicitation, sampling that somebody approves, a login.
    pub person: u64,
    /// Held back on purpose, to test a client.
    pub injected: u64,
}

/// Who has an exchange in hand: the one whom everybody else waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hand {
    /// The client.
    Client,
    /// tapgate, or a receiver that does not take what tapgate writes.
    Tapgate,
    /// The network: a message is on its way.
    Wire,
    /// The server.
    Server,
    /// A person.
    Person,
    /// tapgate, which holds it back on purpose, to test a client.
    Injected,
}

/// How an exchange repeats or goes on with an earlier one. Rounds and polls of a task are neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Again {
    /// The same id and the same request once more, after no answer came: the first one may have been served.
    Transport,
    /// The same request with another id, after an answer that refused it, or after it was given up.
    Application,
    /// A stream goes on behind the last event that came.
    Resume,
    /// The server had forgotten the session (404): greeted again, or asked again in the new one.
    Session,
    /// After 401 or 403.
    Login,
    /// After 429 or 503.
    Throttle,
    /// The client had started the server again, after no answer came.
    Restart,
}

/// The exchange with which a chain begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// One of the same process, by its number.
    Own(u64),
    /// One that an earlier process recorded, by its row in the journal.
    Row(i64),
}

/// What a list of a server's surface holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Offered {
    /// The server itself: identity, capabilities, extensions, instructions.
    Server,
    /// `tools/list`.
    Tools,
    /// `prompts/list`.
    Prompts,
    /// `resources/list`.
    Resources,
    /// `resources/templates/list`.
    Templates,
}

/// What a server offers, of one kind, as one session was told it; a later one replaces the earlier in all views.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surface {
    /// The session's number.
    pub session: u64,
    /// Of which kind.
    pub kind: Offered,
    /// When the last page of it came.
    pub at: UnixNanos,
    /// Whether the client fetched all pages.
    pub whole: bool,
    /// A JSON array of `{"name","digest","bytes","definition"}`: the digest (BLAKE3, 128 bits, hexadecimal) is that of the
    /// canonical definition before masking.
    pub items: Masked,
}
