//! What is known of one link, of one call on it, and of one stream of events.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tapgate_wire::edge::{ChildId, FetchId};
use tapgate_wire::header::ResponseHead;
use tapgate_wire::json::find;
use tapgate_wire::record::{Era, Offered};
use tapgate_wire::shape::Member;
use tapgate_wire::{Id, Kind, Message, Nanos};

use super::heads::Legacy;
use super::ids::Name;
use super::{CallNo, Failure, LinkNo, Opening, Sharing, Via};

/// The shortest wait before a stream is opened again, whatever the server asks for: it must not make us spin.
const LEAST_WAIT: Duration = Duration::from_millis(10);

/// What that becomes, doubled each time, for a stream that ends again and again and brings no message.
const LEAST_WAIT_OF_QUIET: Duration = Duration::from_secs(1);

/// A link.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) opening: Opening,
    pub(super) calls: BTreeMap<CallNo, Call>,
    /// Calls by the id that the server knows; not of modern HTTP, where clients may use one id at once.
    pub(super) ids: BTreeMap<Id, CallNo>,
    /// Calls by the progress token that the server knows.
    pub(super) tokens: BTreeMap<Id, CallNo>,
    pub(super) fetches: BTreeSet<FetchId>,
    /// The child of a pipe and whether it runs.
    pub(super) child: Option<(ChildId, bool)>,
    /// What a legacy link says with each request.
    pub(super) legacy: Legacy,
    /// The GET stream: of a legacy link that listens, or of HTTP+SSE.
    pub(super) listening: Option<Stream>,
    /// HTTP+SSE: where messages are posted to.
    pub(super) endpoint: Option<String>,
    /// What waits until that is known, and over Streamable HTTP until the server took that the handshake is over.
    pub(super) queue: VecDeque<Posting>,
    /// Streamable HTTP: until when requests wait for `notifications/initialized` to arrive.
    pub(super) settles: Option<Nanos>,
    /// Streamable HTTP: the handshake, until it is known that the server speaks that.
    pub(super) greeting: Option<Posting>,
    /// HTTP+SSE: how Streamable HTTP was refused, and until when the `endpoint` has to come.
    pub(super) refused: Option<(Failure, Nanos)>,
    /// What was said to the person who runs the tap, once per link.
    pub(super) noted: BTreeSet<Oddity>,
    /// Whether a call was cancelled, so that an answer that nobody waits for is no oddity.
    pub(super) cancelled: bool,
    /// The last number that replaced an id or a token.
    fresh: u64,
    chance: u64,
}

/// Something odd that is noted once per link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Oddity {
    /// An answer that nobody asked for.
    Unasked,
    /// Something that is no message.
    Noise,
    /// A session id that cannot be used.
    Session,
    /// A message that found no room.
    Full,
}

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: Name,
    pub(super) token: Option<Name>,
    /// The question that begins a link; it is never cancelled by a notification.
    pub(super) begins: bool,
    /// Whether it is `initialize`.
    pub(super) initializes: bool,
    /// Whether it asked for log messages (2026-07-28).
    pub(super) logs: bool,
    /// What it has to do with lists that are sifted.
    pub(super) lists: AboutLists,
    /// The client's headers, for requests that continue this one.
    pub(super) headers: Arc<HeaderMap>,
    pub(super) stream: Stream,
}

/// What a call has to do with lists from which something is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AboutLists {
    /// Nothing.
    Nothing,
    /// It asks for the first page.
    First(Offered),
    /// It asks for a later page.
    Later(Offered),
    /// It listens for changes of these (2026-07-28).
    Hears { tools: bool, prompts: bool },
}

/// A stream of events that may be opened again.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The fetch that brings it, while there is one.
    pub(super) fetch: Option<FetchId>,
    /// The id of the last event.
    pub(super) last: Option<HeaderValue>,
    /// The wait that the server asked for in milliseconds.
    pub(super) retry: Option<u64>,
    /// How often in a row it brought nothing.
    pub(super) failures: u32,
    /// How often in a row it ended without a message, if it is of no call: a call's stream must not wait for long.
    pub(super) quiet: u32,
    /// When it is opened again.
    pub(super) wakes: Option<Nanos>,
}

/// A message that waits to be posted.
#[derive(Clone, Debug)]
pub(super) struct Posting {
    pub(super) what: What,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A request to the server.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) link: LinkNo,
    pub(super) what: What,
    pub(super) head: Option<Arc<ResponseHead>>,
    /// Whether an event came.
    pub(super) heard: bool,
}

/// What a request to the server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A call's own POST.
    Ask(CallNo),
    /// A notification or an answer.
    Tell,
    /// `notifications/initialized`, which requests must not overtake.
    Settle,
    /// The rest of a call's stream.
    Resume(CallNo),
    /// What concerns no call; all there is of HTTP+SSE.
    Listen,
    /// Nothing more: its call is over, and the server has until then to end it by itself, which spares a connection.
    Spent(Nanos),
}

impl AboutLists {
    /// Reads a request.
    pub(super) fn of(request: &Message) -> Self {
        let method = request.shape().method();
        let kind = match method.as_deref() {
            Some("tools/list") => Offered::Tools,
            Some("prompts/list") => Offered::Prompts,
            Some("subscriptions/listen") => {
                let hears = |name| {
                    find(request.raw(), &["params", "notifications", name]) == Some(b"true".as_slice())
                };
                return Self::Hears {
                    tools: hears("toolsListChanged"),
                    prompts: hears("promptsListChanged"),
                };
            }
            _ => return Self::Nothing,
        };
        match find(request.raw(), &["params", "cursor"]) {
            None | Some(b"null") => Self::First(kind),
            Some(_) => Self::Later(kind),
        }
    }

    /// Whether it listens for changes of this list.
    pub(super) fn hears(self, kind: Offered) -> bool {
        match self {
            Self::Hears { tools, prompts } => {
                if kind == Offered::Prompts {
                    prompts
                } else {
                    tools
                }
            }
            _ => false,
        }
    }
}

impl Link {
    pub(super) fn new(no: LinkNo, opening: Opening) -> Self {
        Self {
            opening,
            calls: BTreeMap::new(),
            ids: BTreeMap::new(),
            tokens: BTreeMap::new(),
            fetches: BTreeSet::new(),
            child: None,
            legacy: Legacy::default(),
            listening: None,
            endpoint: None,
            queue: VecDeque::new(),
            settles: None,
            greeting: None,
            refused: None,
            noted: BTreeSet::new(),
            cancelled: false,
            fresh: 0,
            chance: no.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        }
    }

    /// Whether each request has its own stream and its own id.
    pub(super) fn is_modern_http(&self) -> bool {
        self.opening.via == Via::Http && self.opening.era == Era::Modern
    }

    /// Whether ids and tokens are replaced.
    pub(super) fn disguises(&self) -> bool {
        self.opening.sharing == Sharing::Shared && !self.is_modern_http()
    }

    /// A number that the server has not seen on this link as an id or a token.
    pub(super) fn fresh(&mut self) -> Id {
        self.fresh += 1;
        Id(self.fresh.to_string().into())
    }

    /// Keeps a client's own number from being used again as one of ours, when the link is shared later.
    pub(super) fn avoid(&mut self, id: &Id) {
        // Beyond 2^53 not every peer tells integers apart.
        let number = std::str::from_utf8(&id.0).ok().and_then(|text| text.parse().ok());
        self.fresh = self.fresh.max(number.filter(|number| *number < 1 << 52).unwrap_or(0));
    }

    /// The call that an answer is for, if `asked` brought it as the call whose stream it is.
    pub(super) fn answered(&self, message: &Message, asked: Option<CallNo>) -> Option<CallNo> {
        let own = asked.and_then(|call| Some((call, self.calls.get(&call)?)));
        match (&message.shape().id, own) {
            (Some(id), Some((call, own))) if own.id.wire == *id => Some(call),
            (Some(id), _) => self.ids.get(id).copied(),
            (None, own) => {
                if message.shape().kind != Kind::Error || message.shape().int(Member::ErrorCode).is_none() {
                    return None;
                }
                // Servers that cannot read a request answer it with a null id: JSON-RPC 2.0, section 5.
                let only = self.calls.first_key_value().filter(|_| self.calls.len() == 1);
                let only = only.filter(|_| {
                    self.opening.sharing == Sharing::Own || self.opening.owner == super::Pair::Detect
                });
                own.map(|(call, _)| call).or(only.map(|(call, _)| *call))
            }
        }
    }

    /// The call that a log message without an address belongs to: the only one that asked for any.
    ///
    /// Spec 2026-07-28, server/utilities/logging: messages are those of a request, but on stdio they do not name it.
    pub(super) fn only_logged(&self) -> Option<CallNo> {
        let mut logged = self.calls.iter().filter(|(_, call)| call.logs);
        match (logged.next(), logged.next()) {
            (Some((call, _)), None) => Some(*call),
            _ => None,
        }
    }

    /// How long a stream waits before it is opened again.
    pub(super) fn wait(&mut self, stream: &Stream, backoff: (Duration, Duration)) -> Duration {
        let asked = stream.retry.map(Duration::from_millis);
        let least =
            LEAST_WAIT.saturating_mul(1 << stream.quiet.saturating_sub(1).min(16)).min(LEAST_WAIT_OF_QUIET);
        let Some(doublings) = stream.failures.checked_sub(1) else {
            return asked.unwrap_or(backoff.0).max(least);
        };
        // Xorshift: the links of one process must not come back all at once.
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        let longest = backoff.0.saturating_mul(1 << doublings.min(16)).min(backoff.1);
        let jittered = longest / 2 + longest.mul_f64((self.chance % 1024) as f64 / 2048.0);
        asked.unwrap_or_default().max(jittered).max(least)
    }
}
