//! One legacy session on both legs, and what it takes to shake hands again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Message, Nanos};

use super::legacy::Asked;
use crate::bridge::back::Failure;
use crate::bridge::cx::Cx;
use crate::bridge::front::From;
use crate::bridge::number::{CallNo, LinkNo, Port};
use crate::bridge::settings::Bounds;
use crate::bridge::translate::Draft;

/// Subscriptions that are set again after the server was restarted.
const MAX_SUBSCRIPTIONS: usize = 1024;

/// Requests that wait for a handshake.
const MAX_HELD: usize = 1024;

/// A session of a client and its counterpart at the server.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) link: LinkNo,
    pub(super) state: State,
    /// The headers of the handshake, for what the bridge asks on its own account.
    pub(super) headers: Arc<HeaderMap>,
    /// The client's handshake, if it can be repeated.
    pub(super) initialize: Option<Bytes>,
    pub(super) is_initialized: bool,
    pub(super) is_listening: bool,
    pub(super) agreed: Option<Revision>,
    /// Open requests.
    pub(super) ports: HashMap<Port, CallNo>,
    /// Requests that wait for a handshake.
    pub(super) held: Vec<Asked>,
    /// The log level that the client set, and the resources that it subscribed to, as it said it.
    level: Option<Bytes>,
    subscriptions: BTreeMap<Bytes, Bytes>,
    /// `tools`, `prompts` and `resources`, as far as the server tells of changes.
    listed: Vec<&'static str>,
    n_falls: u32,
    was_lost: bool,
    /// When its client said something last.
    pub(super) heard: Nanos,
}

/// Whether a session can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A handshake is under way.
    Greeting,
    /// It can.
    Open,
    /// The server lost it; it is greeted again with the next request, but not before `until`.
    Down {
        /// When the next try may be.
        until: Nanos,
        /// What happened, for people.
        why: String,
    },
}

impl Session {
    pub(super) fn new(now: Nanos, link: LinkNo, from: &From, initialize: Bytes) -> Self {
        Self {
            link,
            state: State::Greeting,
            headers: from.headers.clone(),
            initialize: Some(initialize),
            is_initialized: false,
            is_listening: false,
            agreed: None,
            ports: HashMap::new(),
            held: Vec::new(),
            level: None,
            subscriptions: BTreeMap::new(),
            listed: Vec::new(),
            n_falls: 0,
            was_lost: false,
            heard: now,
        }
    }

    /// Lets a request wait for the handshake.
    pub(super) fn hold(&mut self, cx: &mut Cx<'_>, asked: Asked) {
        if self.held.len() < MAX_HELD {
            self.held.push(asked);
        } else {
            asked.fail(cx, &Failure::Full);
        }
    }

    /// Learns from the server's answer to a handshake.
    pub(super) fn learn(&mut self, message: &Message) {
        let revision = message.shape().text(Member::AgreedRevision);
        self.agreed = revision.as_deref().and_then(Revision::parse);
        let has = |name| {
            message.shape().inside(Member::ServerCapabilities, &[name, "listChanged"]).as_deref()
                == Some(&b"true"[..])
        };
        self.listed = ["tools", "prompts", "resources"].into_iter().filter(|name| has(name)).collect();
    }

    /// Remembers what a request of the client set at the server.
    pub(super) fn remember(&mut self, asked: &Message) {
        let uri = asked.shape().raw(Member::Uri).cloned();
        match (asked.shape().method().as_deref(), uri) {
            (Some("logging/setLevel"), _) => self.level = Some(asked.raw().clone()),
            (Some("resources/subscribe"), Some(uri)) if self.subscriptions.len() < MAX_SUBSCRIPTIONS => {
                self.subscriptions.insert(uri, asked.raw().clone());
            }
            (Some("resources/unsubscribe"), Some(uri)) => {
                self.subscriptions.remove(&uri);
            }
            _ => {}
        }
        // A server that serves is well again.
        self.n_falls = 0;
    }

    /// What has to be said to a server that was greeted again, with ids of our own.
    pub(super) fn restores(&self, cx: &mut Cx<'_>) -> Vec<Message> {
        let again = |raw: &Bytes, n: u64| {
            let mut draft = Draft::of_value(raw.clone());
            draft.set(&["id"], format!("\"tapgate-{n}\"").as_bytes());
            draft.remove(&["params", "_meta", "progressToken"]);
            draft.into_message()
        };
        self.level.iter().chain(self.subscriptions.values()).map(|raw| again(raw, cx.number())).collect()
    }

    /// The changes that a client may have missed while its server was away.
    pub(super) fn changes(&self) -> Vec<Bytes> {
        let lists = self.listed.iter().map(|name| {
            format!(r#"{{"jsonrpc":"2.0","method":"notifications/{name}/list_changed"}}"#).into()
        });
        let updates = self.subscriptions.keys().map(|uri| {
            let uri = String::from_utf8_lossy(uri);
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{"uri":{uri}}}}}"#
            )
            .into()
        });
        lists.chain(updates).collect()
    }

    /// The server is lost; each loss that follows another makes the wait longer.
    pub(super) fn fall(&mut self, now: Nanos, why: String, bounds: &Bounds) {
        let (first, longest) = bounds.backoff;
        let wait = match self.n_falls {
            0 => Duration::ZERO,
            n => first.saturating_mul(1 << (n - 1).min(16)).min(longest),
        };
        self.n_falls = self.n_falls.saturating_add(1);
        self.was_lost = true;
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.state = State::Down { until: Nanos(now.0.saturating_add(wait)), why };
    }

    /// Whether its process can end without anybody missing it before the next request, which greets another one.
    pub(super) fn is_idle(&self) -> bool {
        self.state == State::Open
            && self.initialize.is_some()
            && self.ports.is_empty()
            && self.subscriptions.is_empty()
    }

    /// Its process was ended to make room for another one.
    pub(super) fn rest(&mut self, now: Nanos) {
        self.was_lost = true;
        self.state = State::Down { until: now, why: String::new() };
    }

    /// Whether the server ever lost it.
    pub(super) fn was_lost(&self) -> bool {
        self.was_lost
    }

    /// When the server is greeted again although nobody asks: it is to tell of changes.
    pub(super) fn restart_at(&self) -> Option<Nanos> {
        match &self.state {
            State::Down { until, .. } if !self.subscriptions.is_empty() && self.n_falls < 8 => Some(*until),
            _ => None,
        }
    }

    /// The request that a message without address concerns, if only one is open.
    pub(super) fn concerned(&self, message: &Message) -> Option<Port> {
        let concerns = message.shape().kind == Kind::Request
            || message.shape().method().as_deref() == Some("notifications/message");
        let mut ports = self.ports.keys();
        match (ports.next(), ports.next()) {
            (Some(port), None) if concerns => Some(*port),
            _ => None,
        }
    }
}

/// Whether a request changes nothing at the server, so that it may be sent again.
pub(super) fn is_safe(message: &Message) -> bool {
    let method = message.shape().method();
    matches!(
        method.as_deref(),
        Some(
            "tools/list"
                | "prompts/list"
                | "prompts/get"
                | "resources/list"
                | "resources/templates/list"
                | "resources/read"
                | "completion/complete"
                | "ping"
                | "server/discover"
                | "logging/setLevel"
                | "resources/subscribe"
                | "resources/unsubscribe"
        )
    )
}
