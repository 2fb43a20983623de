//! One request of a modern client, from its coming to its answer, whatever rounds of input lie between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tapgate_wire::json::{find, unescape_lossy};
use tapgate_wire::shape::{Id, Member, Shape};
use tapgate_wire::{Message, Nanos};

use super::extension;
use super::task::Task;
use crate::bridge::back::Pass;
use crate::bridge::number::{CallNo, LinkNo, Port, Principal};
use crate::bridge::translate::Draft;

const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// Who asks when a client does not say who it is.
const NOBODY: &str = concat!(r#"{"name":"tapgate","version":""#, env!("CARGO_PKG_VERSION"), r#""}"#);
/// Levels of log messages, the most verbose first (RFC 5424).
const LEVELS: &[&str] = &["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// What a client lets a server ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::struct_excessive_bools, reason = "each is a capability that is there or not")]
pub(super) struct Profile {
    pub roots: bool,
    pub sampling: bool,
    pub sampling_tools: bool,
    pub form: bool,
    pub url: bool,
    /// A digest of the extensions that its server is told of; zeros where there are none.
    pub extensions: [u8; 16],
}

impl Profile {
    /// Reads the `clientCapabilities` of a request.
    pub fn of(capabilities: &[u8]) -> Self {
        let has = |path: &[&str]| find(capabilities, path).is_some_and(|value| value.starts_with(b"{"));
        let url = has(&["elicitation", "url"]);
        Self {
            roots: has(&["roots"]),
            sampling: has(&["sampling"]),
            sampling_tools: has(&["sampling", "tools"]),
            // Spec 2026-07-28, client/elicitation, Capabilities: an empty object means forms.
            form: has(&["elicitation", "form"]) || has(&["elicitation"]) && !url,
            url,
            extensions: [0; 16],
        }
    }

    /// Whether nothing that a server may ask for was declared.
    pub fn is_silent(self) -> bool {
        Self { extensions: [0; 16], ..self } == Self::default()
    }

    /// What a legacy session is told of its client, as `capabilities` of the handshake.
    ///
    /// A legacy server hears this once, and asks accordingly. Where nothing was declared it is told everything that
    /// the bridge carries, so that a tool that cannot do without is found out, and its request gets the error that
    /// 2026-07-28 has for that, instead of whatever words the server has.
    pub fn capabilities(self, extensions: &Bytes) -> Bytes {
        let all = Self {
            roots: true,
            sampling: true,
            sampling_tools: true,
            form: true,
            url: true,
            extensions: [0; 16],
        };
        let told = if self.is_silent() { all } else { self };
        let mut draft = Draft::of_value(Bytes::from_static(b"{}"));
        let mut set = |is_told: bool, path: &[&str]| {
            if is_told {
                draft.set(path, b"{}");
            }
        };
        set(told.roots, &["roots"]);
        set(told.sampling, &["sampling"]);
        set(told.sampling_tools, &["sampling", "tools"]);
        set(told.form, &["elicitation", "form"]);
        set(told.url, &["elicitation", "url"]);
        if !extensions.is_empty() {
            draft.set(&["extensions"], extensions);
        }
        draft.into_bytes()
    }
}

/// How grave a log message is; a greater one is graver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level(usize);

impl Level {
    pub fn parse(name: &str) -> Option<Self> {
        LEVELS.iter().position(|level| *level == name).map(Self)
    }

    pub fn as_str(self) -> &'static str {
        LEVELS.get(self.0).copied().unwrap_or("emergency")
    }
}

/// What a modern request says in `_meta` that its retry says anew.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Where the answer goes; `None` while the client's person is asked.
    pub port: Option<Port>,
    /// Its id, raw.
    pub id: Id,
    /// The headers that came with it.
    pub headers: Arc<HeaderMap>,
    /// What its client lets the server ask for.
    pub profile: Profile,
    /// Whether a task may come in place of its result.
    pub takes_tasks: bool,
    /// Which log messages it wants.
    pub level: Option<Level>,
    /// Its progress token, raw.
    pub token: Option<Bytes>,
    /// The last progress that was told.
    pub mark: Option<f64>,
}

impl Asked {
    /// Reads a request; fails with the text of a -32602.
    pub fn read(port: Port, headers: &Arc<HeaderMap>, shape: &Shape) -> Result<Self, &'static str> {
        let level = match shape.inside(Member::Meta, &[LOG_LEVEL]) {
            None => None,
            Some(name) => {
                let level = Level::parse(&unescape_lossy(&name)).filter(|_| name.starts_with(b"\""));
                Some(level.ok_or("the log level is not known")?)
            }
        };
        let capabilities = shape.raw(Member::MetaCapabilities).map_or(&b"{}"[..], |raw| raw);
        Ok(Self {
            port: Some(port),
            id: id(shape),
            headers: Arc::clone(headers),
            profile: Profile::of(capabilities),
            takes_tasks: extension::declares_tasks(capabilities),
            level,
            token: shape.raw(Member::ProgressTokenAsked).cloned(),
            mark: None,
        })
    }
}

/// The id of a request.
pub(super) fn id(shape: &Shape) -> Id {
    shape.id.clone().unwrap_or_else(|| Id(Bytes::from_static(b"null")))
}

/// What the client wants.
#[derive(Debug)]
pub(super) enum Work {
    /// To know the server.
    Discover,
    /// What the server does on a request.
    Call,
    /// To hear of changes.
    Listen(Box<Wish>),
    /// To have it done while it does other things: a call that became a task, for which nobody waits.
    Task(Box<Task>),
    /// To know how a task is: the exchange that became it.
    Get(u64),
}

/// What a listen wants to hear of, and once it was acknowledged, what it hears of.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a kind of news that is wanted or not")]
pub(super) struct Wish {
    pub tools: bool,
    pub prompts: bool,
    pub resources: bool,
    pub uris: BTreeSet<String>,
    /// Tasks, with the ids by which the client named them.
    pub tasks: BTreeMap<u64, String>,
    /// Whether the client was told what it hears of.
    pub is_acked: bool,
    /// What came before that.
    pub early: Vec<Bytes>,
    /// Since when it hears what it wants, and how often in a row that ended soon or no link was to be had.
    pub since: Nanos,
    pub n_failed: u32,
}

/// A request of the server that waits for the client's person.
#[derive(Debug)]
pub(super) struct Input {
    /// Its name in `inputRequests`.
    pub key: String,
    /// The server's id of it.
    pub id: Id,
    /// What it is.
    pub what: What,
    /// The entry of `inputRequests`.
    pub entry: Bytes,
}

/// What a server asks a client for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Form,
    Url,
    Sampling,
    Roots,
}

/// A request and all that is known of it.
#[derive(Debug)]
pub(super) struct Exchange {
    pub asked: Asked,
    pub principal: Principal,
    pub method: String,
    /// The request as the server gets it.
    pub message: Message,
    /// What its retry has to have in common with it.
    pub digest: Option<[u8; 16]>,
    /// The client's name for the handshake.
    pub client: Bytes,
    /// Its extensions for the handshake; nothing where it has none.
    pub extensions: Bytes,
    pub work: Work,
    /// Which links serve it, which the first request of all rounds decides.
    pub profile: Profile,
    /// The only link that understands its cursor.
    pub pinned: Option<LinkNo>,
    pub link: Option<LinkNo>,
    /// What it waits for at the server.
    pub call: Option<CallNo>,
    /// Whether the server was asked to make a task of it.
    pub is_task: bool,
    /// The task that stands for it at the server, raw.
    pub task: Option<Bytes>,
    /// Whether it was sent a second time.
    pub is_repeated: bool,
    /// What the server asks for and nobody answered yet.
    pub inputs: Vec<Input>,
    /// What the last `requestState` is good for; used up by the retry.
    pub turn: u64,
    /// How often the client was asked for input.
    pub n_rounds: usize,
    /// The answer that came while the client's person was asked.
    pub done: Option<Message>,
}

impl Exchange {
    pub fn new(asked: Asked, principal: Principal, method: String, shape: &Shape, message: Message) -> Self {
        let client = shape.raw(Member::MetaClient).filter(|client| client.starts_with(b"{"));
        let extensions = shape.raw(Member::MetaCapabilities).map(extension::told).unwrap_or_default();
        Self {
            principal,
            method,
            message,
            digest: None,
            client: client.cloned().unwrap_or_else(|| Bytes::from_static(NOBODY.as_bytes())),
            work: Work::Call,
            profile: Profile { extensions: Principal::of(&[&extensions]).0, ..asked.profile },
            extensions,
            pinned: None,
            link: None,
            call: None,
            is_task: false,
            task: None,
            is_repeated: false,
            inputs: Vec::new(),
            turn: 0,
            n_rounds: 0,
            done: None,
            asked,
        }
    }

    /// What goes with its messages over HTTP.
    pub fn pass(&self) -> Pass {
        Pass { headers: Arc::clone(&self.asked.headers), mirrors: Vec::new() }
    }

    /// Whether its server may ask for input.
    ///
    /// Spec 2026-07-28, basic/patterns/mrtr: only these three methods.
    pub fn may_ask(&self) -> bool {
        may_ask(&self.method)
    }

    /// The wish of a listen that was acknowledged.
    pub fn heard(&self) -> Option<&Wish> {
        match &self.work {
            Work::Listen(wish) if wish.is_acked => Some(wish),
            _ => None,
        }
    }
}

/// Whether requests of a method may be answered with a question.
pub(super) fn may_ask(method: &str) -> bool {
    matches!(method, "tools/call" | "prompts/get" | "resources/read")
}
