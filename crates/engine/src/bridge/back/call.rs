//! The life of a call: how it leaves, what is remembered of it, how it ends.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tapgate_wire::edge::Act;
use tapgate_wire::json::escape_into;
use tapgate_wire::record::Era;
use tapgate_wire::shape::Member;
use tapgate_wire::{Id, Kind, Message, Nanos};

use super::heads::{self, Legacy};
use super::ids::{self, Name};
use super::link::{AboutLists, Call, Posting, Stream, What};
use super::{Back, CallNo, Due, Failure, FromServer, LinkNo, Pair, Pass, Turn, Via};

/// How many calls may be open on a link that is not for all modern requests, and requests to the server of other
/// kinds besides.
const MAX_OPEN: usize = 4096;

/// How many messages wait until they may be posted.
const MAX_QUEUE: usize = 256;

impl Back {
    /// Remembers a call, and gives the bytes that leave for it.
    pub(super) fn admit(
        &mut self,
        no: LinkNo,
        call: CallNo,
        message: &Message,
        headers: Arc<HeaderMap>,
    ) -> Result<Bytes, Failure> {
        let unsent = |why: &str| Failure::Unreachable(format!("`{}` was not asked: {why}", self.name));
        let Some(link) = self.links.get_mut(&no) else {
            return Err(unsent("its link is closed"));
        };
        if link.calls.len() >= if link.is_modern_http() { self.most } else { MAX_OPEN } {
            return Err(Failure::Full);
        }
        let shape = message.shape();
        let (Kind::Request, Some(id)) = (shape.kind, &shape.id) else {
            return Err(unsent("the message is no request"));
        };
        let (body, id, token) = if link.disguises() {
            ids::disguise(message, || link.fresh()).ok_or_else(|| unsent("the message cannot be changed"))?
        } else {
            let token = shape.id_in(Member::ProgressTokenAsked).map(|token| Name::same(&token));
            (message.to_wire(), Name::same(id), token)
        };
        if !link.is_modern_http() {
            link.avoid(&id.wire);
            // An answer could not be told from that to the other one.
            if link.ids.contains_key(&id.wire) {
                return Err(unsent("a request with the same id is still open"));
            }
            link.ids.insert(id.wire.clone(), call);
            if let Some(token) = &token {
                link.avoid(&token.wire);
                link.tokens.entry(token.wire.clone()).or_insert(call);
            }
        }
        let method = shape.method();
        let initializes = method.as_deref() == Some("initialize");
        let probes = link.opening.owner == Pair::Detect && method.as_deref() == Some("server/discover");
        if initializes {
            // Spec 2025-11-25, basic/transports, Session Management: a new session begins without an id.
            link.legacy = Legacy::default();
        }
        link.calls.insert(
            call,
            Call {
                id,
                token,
                begins: initializes || probes,
                initializes,
                logs: shape.inside(Member::Meta, &["io.modelcontextprotocol/logLevel"]).is_some(),
                lists: AboutLists::of(message),
                headers,
                stream: Stream::default(),
            },
        );
        self.calls.insert(call, no);
        Ok(body)
    }

    /// Sends the bytes of a message as the link's transport does it.
    pub(super) fn send(
        &mut self,
        no: LinkNo,
        what: What,
        message: &Message,
        body: Bytes,
        pass: Pass,
        acts: &mut Vec<Act>,
    ) -> Result<(), Failure> {
        let Some(link) = self.links.get_mut(&no) else {
            return Err(Failure::Unreachable(format!("`{}` was not asked: its link is closed", self.name)));
        };
        if link.opening.via == Via::Pipe {
            self.write(no, body, acts);
            return Ok(());
        }
        if matches!(what, What::Tell | What::Settle) && link.fetches.len() >= link.calls.len() + 2 * MAX_OPEN
        {
            return Err(Failure::Full);
        }
        let headers = if link.is_modern_http() {
            heads::modern(&self.headers, pass, message)
        } else {
            link.legacy.post(&self.headers, &pass.headers)
        };
        let posting = Posting { what, headers, body };
        let greets = |what| matches!(what, What::Ask(call) if link.calls.get(&call).is_some_and(|open| open.initializes));
        if link.opening.via == Via::Http && greets(what) {
            link.greeting = Some(posting.clone());
        }
        let is_early = link.settles.is_some() && matches!(what, What::Ask(_)) && !greets(what);
        if !is_early && (link.opening.via == Via::Http || link.endpoint.is_some()) {
            let target = link.endpoint.clone();
            self.post(no, target, posting, acts);
        } else if link.queue.len() < MAX_QUEUE {
            link.queue.push_back(posting);
        } else {
            return Err(Failure::Full);
        }
        Ok(())
    }

    /// What a notification or an answer is; requests wait from now on for the one that ends a handshake.
    ///
    /// Spec 2025-11-25, basic/lifecycle, Initialization: no requests before it. Each POST goes its own way, so one
    /// that is sent later may arrive earlier.
    pub(super) fn settles(&mut self, now: Nanos, no: LinkNo, message: &Message) -> What {
        let Some(link) = self.links.get_mut(&no) else { return What::Tell };
        let is_it = message.shape().method().as_deref() == Some("notifications/initialized");
        if !is_it
            || link.opening.via != Via::Http
            || link.opening.era == Era::Modern
            || link.settles.is_some()
        {
            return What::Tell;
        }
        let until = Nanos(now.0.saturating_add(u64::try_from(self.patience.as_nanos()).unwrap_or(u64::MAX)));
        link.settles = Some(until);
        self.due.insert((until, Due::Settle(no)));
        What::Settle
    }

    /// The server took that the handshake is over, or never will: requests may go.
    pub(super) fn settle(&mut self, no: LinkNo, acts: &mut Vec<Act>) {
        let Some(link) = self.links.get_mut(&no) else { return };
        let Some(until) = link.settles.take() else { return };
        self.due.remove(&(until, Due::Settle(no)));
        for posting in std::mem::take(&mut link.queue) {
            self.post(no, None, posting, acts);
        }
    }

    /// Forgets a call whose answer came or will not come.
    pub(super) fn finish(&mut self, call: CallNo, now: Nanos) {
        let Some(no) = self.calls.remove(&call) else { return };
        let Some(link) = self.links.get_mut(&no) else { return };
        let Some(open) = link.calls.remove(&call) else { return };
        if open.initializes {
            link.greeting = None;
        }
        if link.ids.get(&open.id.wire) == Some(&call) {
            link.ids.remove(&open.id.wire);
        }
        if let Some(token) = open.token
            && link.tokens.get(&token.wire) == Some(&call)
        {
            link.tokens.remove(&token.wire);
        }
        link.queue.retain(|posting| posting.what != What::Ask(call));
        if let Some(at) = open.stream.wakes {
            self.due.remove(&(at, Due::Resume(call)));
        }
        if let Some(fetch) = open.stream.fetch {
            self.spend(fetch, now);
        }
    }

    /// Ends a call without an answer.
    pub(super) fn fail(&mut self, call: CallNo, failure: Failure, turn: &mut Turn<'_>) {
        if let Some(link) = self.calls.get(&call).copied() {
            self.finish(call, turn.now);
            turn.out.push(FromServer::Failed { call, link, failure });
        }
    }

    /// Ends a link that the server ended, and its calls before it.
    pub(super) fn bring_down(&mut self, no: LinkNo, of_calls: &Failure, why: Failure, turn: &mut Turn<'_>) {
        let Some(link) = self.links.get_mut(&no) else { return };
        let owner = link.opening.owner;
        // Whatever became of the second way to speak, the answer to the first one says more.
        let refused = link.refused.take().map(|(refused, until)| {
            self.due.remove(&(until, Due::Endpoint(no)));
            refused
        });
        let of_calls = refused.as_ref().unwrap_or(of_calls);
        let why = refused.clone().unwrap_or(why);
        for call in self.take_apart(no, turn.now, turn.acts) {
            turn.out.push(FromServer::Failed { call, link: no, failure: of_calls.clone() });
        }
        turn.out.push(FromServer::Down { link: no, owner, why });
    }

    /// Forgets a link with all that belongs to it; gives the calls that were open.
    pub(super) fn take_apart(&mut self, no: LinkNo, now: Nanos, acts: &mut Vec<Act>) -> Vec<CallNo> {
        let Some(link) = self.links.get(&no) else { return Vec::new() };
        let calls: Vec<_> = link.calls.keys().copied().collect();
        for fetch in link.fetches.clone() {
            self.abort(fetch, acts);
        }
        for call in &calls {
            self.finish(*call, now);
        }
        if let Some(link) = self.links.remove(&no) {
            if let Some((child, _)) = link.child {
                self.children.remove(&child);
            }
            if let Some((_, until)) = link.refused {
                self.due.remove(&(until, Due::Endpoint(no)));
            }
            if let Some(until) = link.settles {
                self.due.remove(&(until, Due::Settle(no)));
            }
            if let Some(at) = link.listening.and_then(|stream| stream.wakes) {
                self.due.remove(&(at, Due::Listen(no)));
            }
        }
        calls
    }
}

/// The notification that cancels the request with this id.
pub(super) fn cancellation(id: &Id, reason: Option<&str>) -> Bytes {
    let mut bytes = br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"#.to_vec();
    bytes.extend_from_slice(&id.0);
    if let Some(reason) = reason {
        bytes.extend_from_slice(br#","reason":""#);
        escape_into(reason.as_bytes(), &mut bytes);
        bytes.push(b'"');
    }
    bytes.extend_from_slice(b"}}");
    bytes.into()
}
