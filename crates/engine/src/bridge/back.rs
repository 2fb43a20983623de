// Long because the contract and all that is called stand together.
//! The server's leg: how servers are spoken to, whatever the client speaks.
//!
//! Everything that belongs to a transport of the server's leg ends here: processes and their restart, session ids,
//! protocol headers, GET streams, resumption, the `endpoint` of HTTP+SSE, ids that several clients would share.

mod call;
mod heads;
mod held;
mod http;
mod ids;
mod link;
mod pipe;
mod sse;
mod told;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{HeaderName, HeaderValue};
use ::http::{HeaderMap, Method};
use bytes::Bytes;
use tapgate_wire::edge::{Act, ChildId, FetchId, Heard};
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::{Message, Nanos};

use self::call::cancellation;
use self::link::{Fetch, Link, Oddity, What};
use super::hold::{self, Hold};
use super::number::{CallNo, LinkNo, Pair};
use super::settings::{Reaches, Settings};

/// How a link talks to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A child's pipes.
    Pipe,
    /// Streamable HTTP of the era.
    Http,
    /// HTTP+SSE (2024-11-05).
    Sse,
}

/// Whether requests of several clients travel on one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// One client: ids, progress tokens and subscription ids leave as they came.
    Own,
    /// Several: on a pipe or in a legacy session, ids, progress tokens and subscription ids are replaced on the way
    /// out and restored on the way back. (A modern HTTP request has its own stream, so there nothing is replaced.)
    Shared,
}

/// What a new link is.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Who hears what concerns no call.
    pub owner: Pair,
    /// How it talks.
    pub via: Via,
    /// The era that is spoken on it.
    pub era: Era,
    /// Whether clients share it.
    pub sharing: Sharing,
    /// Headers for requests that no client's message causes (GET, DELETE).
    pub headers: Arc<HeaderMap>,
}

/// What goes with a message over HTTP.
#[derive(Clone, Debug, Default)]
pub struct Pass {
    /// The client's own end-to-end headers; they never replace those that MCP defines.
    pub headers: Arc<HeaderMap>,
    /// `Mcp-Param-*` headers (2026-07-28).
    pub mirrors: Vec<(HeaderName, HeaderValue)>,
}

/// Something that came from the server.
#[derive(Clone, Debug)]
pub enum FromServer {
    /// The answer to a call, with the id that the call was sent with.
    Answered {
        /// The call, which ends with this.
        call: CallNo,
        /// The link.
        link: LinkNo,
        /// The result or error.
        message: Message,
        /// The HTTP status, if it came over HTTP.
        status: Option<u16>,
    },
    /// A notification or a request.
    Said {
        /// The link.
        link: LinkNo,
        /// Who hears it, when it concerns no call.
        owner: Pair,
        /// The call that it concerns, if the transport, a progress token or a subscription id says so.
        call: Option<CallNo>,
        /// The message, with the client's own progress token or subscription id.
        message: Message,
    },
    /// A call will not be answered.
    Failed {
        /// The call, which ends with this.
        call: CallNo,
        /// The link.
        link: LinkNo,
        /// Why.
        failure: Failure,
    },
    /// The server closed the stream of a call and wants to be asked again (2025-11-25, polling); the link does so.
    Paused {
        /// The call, which goes on.
        call: CallNo,
        /// The link.
        link: LinkNo,
        /// The wait that the server asked for in milliseconds.
        retry: Option<u64>,
    },
    /// A link ended: the child ended, the HTTP+SSE stream closed, the server forgot the session (404).
    /// Told after [`FromServer::Failed`] of each of its calls. A new link has to be opened.
    Down {
        /// The link.
        link: LinkNo,
        /// Whose it was.
        owner: Pair,
        /// Why.
        why: Failure,
    },
}

/// Why a call or a link failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// An HTTP answer that is no JSON-RPC answer to the request.
    Http {
        /// The status.
        status: u16,
        /// The headers.
        headers: Arc<HeaderMap>,
        /// The body, at most 4 KiB of it.
        body: Bytes,
    },
    /// The server was never reached, so nothing happened; a sentence that names the server and says why, for people.
    Unreachable(String),
    /// The connection or process ended after the request had left, so it may have been served; such a sentence too.
    Broken(String),
    /// The server does not know the session any more (HTTP 404), so it did not look at the request.
    Forgotten,
    /// The link has no room for one more call.
    Full,
}

/// The server's leg.
#[derive(Debug)]
pub struct Back {
    name: String,
    url: String,
    headers: HeaderMap,
    backoff: (Duration, Duration),
    /// How long a server has for its `endpoint`, when nobody knows whether it has one, and to take that the handshake
    /// is over.
    patience: Duration,
    /// How many calls may be open on a link of all modern requests over HTTP: those of clients, and two streams of
    /// subscriptions for each session.
    most: usize,
    /// What of the server's tools is held back.
    holds: [Hold; 2],
    /// The server turned out to speak HTTP+SSE only.
    is_sse: bool,
    links: BTreeMap<LinkNo, Link>,
    calls: BTreeMap<CallNo, LinkNo>,
    fetches: BTreeMap<FetchId, Fetch>,
    children: BTreeMap<ChildId, LinkNo>,
    due: BTreeSet<(Nanos, Due)>,
    /// What is told at the next occasion, because it was found out where nothing could be told.
    late: Vec<FromServer>,
    n_started: u64,
    n_spent: usize,
}

/// An appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// Resume the stream of a call.
    Resume(CallNo),
    /// Open the GET stream of a link again.
    Listen(LinkNo),
    /// Give up a request whose call is over.
    Spent(FetchId),
    /// Give up waiting for the `endpoint` of a server that refused Streamable HTTP.
    Endpoint(LinkNo),
    /// Let requests go although nobody knows whether `notifications/initialized` arrived.
    Settle(LinkNo),
}

/// One input: when it happened and where its consequences go.
struct Turn<'a> {
    now: Nanos,
    out: &'a mut Vec<FromServer>,
    acts: &'a mut Vec<Act>,
}

/// How many things a leg remembers; all of them are 0 when no link is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Links.
    pub links: usize,
    /// Calls without an answer.
    pub calls: usize,
    /// Requests to the server that are under way.
    pub fetches: usize,
    /// Children.
    pub children: usize,
    /// Appointments.
    pub appointments: usize,
    /// Ids and progress tokens by which calls are found.
    pub names: usize,
    /// Messages that wait for an `endpoint`.
    pub queued: usize,
}

impl Back {
    /// A leg without links.
    pub fn new(settings: &Settings) -> Self {
        let url = match &settings.reaches {
            Reaches::Command => String::new(),
            Reaches::Url { url } => url.clone(),
        };
        Self {
            name: settings.server_name.clone(),
            url,
            headers: settings.headers.clone(),
            backoff: settings.bounds.backoff,
            patience: settings.bounds.probe,
            most: settings.bounds.ports.saturating_add(settings.bounds.sessions.saturating_mul(2)),
            holds: hold::KINDS.map(Hold::of),
            is_sse: false,
            links: BTreeMap::new(),
            calls: BTreeMap::new(),
            fetches: BTreeMap::new(),
            children: BTreeMap::new(),
            due: BTreeSet::new(),
            late: Vec::new(),
            n_started: 0,
            n_spent: 0,
        }
    }

    /// Opens a link; a pipe's child is started with the first message.
    pub fn open(&mut self, _now: Nanos, link: LinkNo, opening: Opening, acts: &mut Vec<Act>) {
        let is_sse = opening.via == Via::Sse;
        self.links.insert(link, Link::new(link, opening));
        if is_sse {
            self.get(link, What::Listen, acts);
        }
    }

    /// Opens a legacy Streamable HTTP link again from what [`Back::kept`] said, without a handshake.
    pub fn restore(&mut self, now: Nanos, link: LinkNo, opening: Opening, kept: &Bytes, acts: &mut Vec<Act>) {
        self.open(now, link, opening, acts);
        if let Some(link) = self.links.get_mut(&link) {
            link.legacy.session = heads::session(kept);
        }
    }

    /// What a legacy Streamable HTTP link must remember to be opened again by another process: its session id.
    pub fn kept(&self, link: LinkNo) -> Option<Bytes> {
        let session = self.links.get(&link)?.legacy.session.as_ref()?;
        Some(Bytes::copy_from_slice(session.as_bytes()))
    }

    /// Says which revision was agreed on a legacy link, for `MCP-Protocol-Version` (2025-06-18 and later).
    pub fn agreed(&mut self, link: LinkNo, revision: Option<Revision>) {
        if let Some(link) = self.links.get_mut(&link) {
            link.legacy.revision = revision;
        }
    }

    /// Gives an open link to somebody else, who speaks another era on it or shares it; the child stays. Only while no
    /// call is open on it.
    pub fn assign(&mut self, link: LinkNo, owner: Pair, era: Era, sharing: Sharing) {
        if let Some(Link { opening, .. }) = self.links.get_mut(&link) {
            (opening.owner, opening.era, opening.sharing) = (owner, era, sharing);
        }
    }

    /// Whether the server turned out to speak HTTP+SSE only.
    pub fn is_sse(&self) -> bool {
        self.is_sse
    }

    /// How many links are open.
    pub fn n_links(&self) -> usize {
        self.links.len()
    }

    /// Whether a link is still open.
    pub fn is_open(&self, link: LinkNo) -> bool {
        self.links.contains_key(&link)
    }

    /// How much is remembered.
    pub fn held(&self) -> Held {
        let links = self.links.values();
        Held {
            links: self.links.len(),
            calls: self.calls.len(),
            fetches: self.fetches.len(),
            children: self.children.len(),
            appointments: self.due.len(),
            names: links.clone().map(|link| link.ids.len() + link.tokens.len()).sum(),
            queued: links.map(|link| link.queue.len()).sum(),
        }
    }

    /// Sends a request; exactly one [`FromServer::Answered`] or [`FromServer::Failed`] follows, unless it is dropped.
    pub fn ask(
        &mut self,
        now: Nanos,
        link: LinkNo,
        call: CallNo,
        message: &Message,
        pass: Pass,
        acts: &mut Vec<Act>,
    ) {
        let message = &settled(message);
        let asked = self.admit(link, call, message, Arc::clone(&pass.headers)).and_then(|body| {
            self.send(link, What::Ask(call), message, body, pass, acts)
                .inspect_err(|_| self.finish(call, now))
        });
        if let Err(failure) = asked {
            self.late.push(FromServer::Failed { call, link, failure });
        }
    }

    /// Sends a notification, or the answer to a request of the server.
    ///
    /// Over HTTP, requests that follow `notifications/initialized` wait until that arrived.
    pub fn tell(&mut self, now: Nanos, link: LinkNo, message: &Message, pass: Pass, acts: &mut Vec<Act>) {
        let message = &settled(message);
        let what = self.settles(now, link, message);
        if self.send(link, what, message, message.to_wire(), pass, acts) == Err(Failure::Full) {
            self.note(link, Oddity::Full, acts);
        }
    }

    /// Cancels a call as its era does it (`notifications/cancelled`, or closing the stream) and forgets it: nothing
    /// more is told of it.
    pub fn cancel(&mut self, now: Nanos, call: CallNo, reason: Option<&str>, acts: &mut Vec<Act>) {
        let on = self.calls.get(&call).and_then(|no| Some((*no, self.links.get(no)?)));
        if let Some((no, link)) = on
            && let Some(open) = link.calls.get(&call)
        {
            let is_queued = link.queue.iter().any(|posting| posting.what == What::Ask(call));
            // Spec 2025-11-25, basic/utilities/cancellation: `initialize` is not cancelled; neither is a question
            // that a server may not know. What never left needs no word either.
            if !open.begins && !link.is_modern_http() && !is_queued {
                let cancelled = Message::parse(cancellation(&open.id.wire, reason));
                let pass = Pass { headers: Arc::clone(&open.headers), mirrors: Vec::new() };
                self.tell(now, no, &cancelled, pass, acts);
            }
        }
        self.drop_call(now, call, acts);
    }

    /// Forgets a call that somebody else cancelled: nothing more is told of it, a late answer is swallowed.
    pub fn drop_call(&mut self, now: Nanos, call: CallNo, acts: &mut Vec<Act>) {
        self.late.retain(|late| !matches!(late, FromServer::Failed { call: failed, .. } if *failed == call));
        let link = self.calls.get(&call).and_then(|no| self.links.get_mut(no));
        let Some(link) = link else { return };
        link.cancelled = true;
        if let Some(fetch) = link.calls.get(&call).and_then(|open| open.stream.fetch) {
            self.abort(fetch, acts);
        }
        self.finish(call, now);
    }

    /// Opens the stream on which a legacy server says what concerns no request (GET); again after breaks, with
    /// `Last-Event-ID` and back-off, until the link closes or the server answers 4xx. Does nothing on other links.
    pub fn listen(&mut self, _now: Nanos, link: LinkNo, acts: &mut Vec<Act>) {
        let listens = |link: &Link| {
            link.opening.via == Via::Http && link.opening.era == Era::Legacy && link.listening.is_none()
        };
        if self.links.get(&link).is_some_and(listens) {
            self.get(link, What::Listen, acts);
        }
    }

    /// Closes a link: ends the child, deletes the session, closes streams. Nothing more is told of it.
    pub fn close(&mut self, now: Nanos, link: LinkNo, acts: &mut Vec<Act>) {
        self.late.retain(|late| late.link() != link);
        let Some(open) = self.links.get(&link) else { return };
        let child = open.child;
        let gone = (open.legacy.session.is_some() && open.opening.via == Via::Http)
            .then(|| open.legacy.delete(&self.headers, &open.opening.headers));
        self.take_apart(link, now, acts);
        if let Some((child, _)) = child {
            acts.push(Act::End { child });
        }
        if let Some(headers) = gone {
            let fetch = FetchId(self.number());
            let (method, body) = (Method::DELETE, Bytes::new());
            acts.push(Act::Fetch { fetch, method, target: None, headers, body });
        }
    }

    /// Closes all links, because the tap ends.
    pub fn close_all(&mut self, now: Nanos, acts: &mut Vec<Act>) {
        let links: Vec<_> = self.links.keys().copied().collect();
        for link in links {
            self.close(now, link, acts);
        }
    }

    /// Hears from the edge and pushes what it means.
    pub fn hear(&mut self, now: Nanos, heard: Heard, out: &mut Vec<FromServer>, acts: &mut Vec<Act>) {
        out.append(&mut self.late);
        let turn = &mut Turn { now, out, acts };
        match heard {
            Heard::Started { child, .. } => self.on_started(child),
            Heard::ChildLine { child, message } => self.on_line(child, &message, turn),
            Heard::Exited { child, how, last_words } => self.on_exit(child, &how, &last_words, turn),
            Heard::Answered { fetch, head } => self.on_head(fetch, &head, turn),
            Heard::Event { fetch, event, message } => self.on_event(fetch, &event, &message, turn),
            Heard::Body { fetch, body } => self.on_body(fetch, &body, turn),
            Heard::Ended { fetch, how, sent } => self.on_end(fetch, &how, sent, turn),
            Heard::Tick => self.tick(now, out, acts),
            Heard::Line { .. } | Heard::LineEnd | Heard::Asked { .. } | Heard::Left { .. } => {}
        }
    }

    /// Keeps appointments: reconnects, resumptions.
    pub fn tick(&mut self, now: Nanos, out: &mut Vec<FromServer>, acts: &mut Vec<Act>) {
        out.append(&mut self.late);
        while let Some((at, due)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, due));
            match due {
                Due::Resume(call) => {
                    if let Some(link) = self.calls.get(&call).copied() {
                        self.get(link, What::Resume(call), acts);
                    }
                }
                Due::Listen(link) => self.get(link, What::Listen, acts),
                Due::Spent(fetch) => self.abort(fetch, acts),
                Due::Settle(link) => self.settle(link, acts),
                Due::Endpoint(link) => self.no_endpoint(link, &mut Turn { now, out, acts }),
            }
        }
    }

    /// When [`Back::tick`] is due.
    pub fn deadline(&self) -> Option<Nanos> {
        let late = (!self.late.is_empty()).then_some(Nanos(0));
        late.or(self.due.first().map(|(at, _)| *at))
    }

    fn number(&mut self) -> u64 {
        self.n_started += 1;
        self.n_started
    }
}

impl FromServer {
    /// The link that it came from.
    pub fn link(&self) -> LinkNo {
        match self {
            Self::Answered { link, .. }
            | Self::Said { link, .. }
            | Self::Failed { link, .. }
            | Self::Paused { link, .. }
            | Self::Down { link, .. } => *link,
        }
    }
}

/// A message whose shape speaks of what leaves.
fn settled(message: &Message) -> Cow<'_, Message> {
    if message.is_edited() { Cow::Owned(Message::parse(message.to_wire())) } else { Cow::Borrowed(message) }
}

#[cfg(test)]
mod tests;
