//! Which pair a message goes to.

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderMap;
use tapgate_wire::json::find;
use tapgate_wire::record::Era;
use tapgate_wire::shape::Member;
use tapgate_wire::{Id, Message, Nanos};

use super::back::FromServer;
use super::cx::Cx;
use super::detect::{Detect, Verdict, Waiting};
use super::down::Down;
use super::front::{From, FromClient};
use super::number::{LinkNo, Pair, SessionNo};
use super::same::{Doubt, Same};
use super::up::Up;

/// The pairs, and whose each session is.
#[derive(Debug, Default)]
pub(super) struct Switch {
    detect: Detect,
    same: Same,
    up: Up,
    down: Down,
    sessions: HashMap<SessionNo, Pair>,
    /// When the streams on a lost modern link are opened again, and how often it was lost in a row.
    relink: Option<Nanos>,
    n_falls: u32,
}

impl Switch {
    pub(super) fn on_client(&mut self, cx: &mut Cx<'_>, event: FromClient) {
        match &event {
            FromClient::Asked { from, message, .. } if from.era == Era::Legacy => {
                let Some(n) = from.session else { return };
                if message.shape().method().as_deref() == Some("initialize") {
                    let pair = self.greeter(cx, from);
                    self.sessions.insert(n, pair);
                }
                self.legacy(cx, n, event);
            }
            FromClient::Asked { from, .. } => {
                if cx.settings.server_era == Some(Era::Modern) {
                    self.need_modern(cx, &from.headers.clone());
                }
                self.modern(cx, event);
            }
            FromClient::Told { from, message } => match from.session {
                Some(n) if from.era == Era::Legacy => self.legacy(cx, n, event),
                _ if self.detect.is_decided(cx) => self.modern(cx, event),
                _ => self.cancel(cx, message),
            },
            FromClient::Gone { port } => {
                self.detect.gone(*port);
                self.same.on_client(cx, event.clone());
                self.down.on_client(cx, event);
            }
            FromClient::Listens { session } => self.legacy(cx, *session, event.clone()),
            FromClient::Closed { session } => {
                let n = *session;
                self.legacy(cx, n, event);
                self.sessions.remove(&n);
            }
            FromClient::Restored { session, kept, .. } => {
                let is_same = find(kept, &["pair"]) == Some(&br#""same""#[..]);
                let pair = if is_same { Pair::Same } else { Pair::Up };
                let n = *session;
                self.sessions.insert(n, pair);
                if pair == Pair::Up && cx.server.modern.is_none() {
                    // Who comes back was served by a modern server before.
                    self.need_modern(cx, &Arc::default());
                }
                self.legacy(cx, n, event);
            }
            FromClient::End => {
                self.same.on_client(cx, FromClient::End);
                self.down.on_client(cx, FromClient::End);
            }
        }
    }

    /// Who answers a handshake: the server's own words are worth more than ours.
    fn greeter(&mut self, cx: &mut Cx<'_>, from: &From) -> Pair {
        if cx.settings.server_era == Some(Era::Modern) {
            self.need_modern(cx, &from.headers);
        }
        match (cx.server.legacy, &cx.server.modern) {
            (Some(false), Some(_)) => Pair::Up,
            _ => Pair::Same,
        }
    }

    fn need_modern(&mut self, cx: &mut Cx<'_>, headers: &Arc<HeaderMap>) {
        if cx.server.modern.is_none() {
            self.detect.relink(cx, Arc::clone(headers));
        }
    }

    fn legacy(&mut self, cx: &mut Cx<'_>, n: SessionNo, event: FromClient) {
        if self.sessions.get(&n) == Some(&Pair::Up) {
            return self.up.on_client(cx, event);
        }
        self.same.on_client(cx, event);
        self.doubts(cx);
    }

    fn modern(&mut self, cx: &mut Cx<'_>, event: FromClient) {
        if cx.server.modern.is_some() {
            self.same.on_client(cx, event);
        } else if self.detect.is_decided(cx) {
            match event {
                FromClient::Told { message, .. } if cancelled(&message).is_some() => {
                    self.cancel(cx, &message);
                }
                event => self.down.on_client(cx, event),
            }
        } else {
            self.detect.wait(cx, Waiting::Modern(Box::new(event)));
        }
    }

    /// A modern client on stdio cancels: over HTTP it would have gone away.
    fn cancel(&mut self, cx: &mut Cx<'_>, message: &Message) {
        let port = cancelled(message).and_then(|id| cx.front.port_of(None, &id));
        if let Some(port) = port {
            cx.front.drop_port(port);
            self.detect.gone(port);
            self.down.on_client(cx, FromClient::Gone { port });
        }
    }

    pub(super) fn on_server(&mut self, cx: &mut Cx<'_>, event: FromServer) {
        let pair = match &event {
            FromServer::Answered { call, link, .. } => {
                if cx.server.modern.as_ref().is_some_and(|modern| modern.link == *link) {
                    self.n_falls = 0;
                }
                call.pair
            }
            FromServer::Failed { call, .. }
            | FromServer::Paused { call, .. }
            | FromServer::Said { call: Some(call), .. } => call.pair,
            FromServer::Down { link, .. }
                if cx.server.modern.as_ref().is_some_and(|modern| modern.link == *link) =>
            {
                return self.lost_modern(cx);
            }
            FromServer::Said { owner, .. } | FromServer::Down { owner, .. } => *owner,
        };
        match pair {
            Pair::Same => {
                self.same.on_server(cx, event);
                self.doubts(cx);
            }
            Pair::Up => self.up.on_server(cx, event),
            Pair::Down => {
                self.down.on_server(cx, event);
                if std::mem::take(&mut cx.server.is_doubtful) {
                    self.detect.doubt();
                }
            }
            Pair::Detect => {
                if let Some(verdict) = self.detect.on_server(cx, &event) {
                    self.decided(cx, &verdict);
                }
            }
        }
    }

    /// The child of all modern requests ended: the next request starts another one, streams wait a little.
    fn lost_modern(&mut self, cx: &mut Cx<'_>) {
        let headers = cx.server.modern.as_ref().map(|modern| Arc::clone(&modern.headers)).unwrap_or_default();
        self.detect.relink(cx, headers);
        let (first, longest) = cx.settings.bounds.backoff;
        let wait = first.saturating_mul(1 << self.n_falls.min(16)).min(longest);
        self.n_falls = self.n_falls.saturating_add(1);
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.relink = Some(Nanos(cx.now.0.saturating_add(wait)));
    }

    /// Looks after handshakes that the server refused.
    fn doubts(&mut self, cx: &mut Cx<'_>) {
        for doubt in self.same.doubts() {
            if cx.server.modern.is_some() {
                self.hand_over(cx, doubt);
            } else if self.detect.is_decided(cx) {
                self.same.undoubted(cx, &doubt);
            } else {
                self.detect.wait(cx, Waiting::Doubt(Box::new(doubt)));
            }
        }
    }

    /// Gives a session to the pair that serves it from a modern server.
    fn hand_over(&mut self, cx: &mut Cx<'_>, doubt: Doubt) {
        let Some(n) = doubt.from.session else { return };
        cx.server.legacy = Some(false);
        let held = self.same.release(n);
        if cx.server.modern.as_ref().is_some_and(|modern| modern.link != doubt.link) {
            cx.back.close(cx.now, doubt.link, cx.acts);
        }
        self.sessions.insert(n, Pair::Up);
        let Doubt { port, from, message, .. } = doubt;
        self.up.on_client(cx, FromClient::Asked { port, from, message });
        for (port, from, message) in held {
            self.up.on_client(cx, FromClient::Asked { port, from, message });
        }
    }

    fn decided(&mut self, cx: &mut Cx<'_>, verdict: &Verdict) {
        let waiting = self.detect.take();
        if let Verdict::Legacy(Some(link)) = verdict {
            self.adopt(cx, *link, &waiting);
        }
        for waiting in waiting {
            match (waiting, verdict) {
                (Waiting::Doubt(doubt), Verdict::Modern) => self.hand_over(cx, *doubt),
                (Waiting::Doubt(doubt), _) => self.same.undoubted(cx, &doubt),
                (Waiting::Modern(event), Verdict::Unknown(failure)) => {
                    if let FromClient::Asked { port, message, .. } = *event
                        && let Some(id) = &message.shape().id
                    {
                        cx.fail(port, id, failure);
                    }
                }
                (Waiting::Modern(event), _) => self.modern(cx, *event),
            }
        }
    }

    /// A child that was asked in vain is greeted next, unless it is the one that refused the handshake before.
    fn adopt<'a>(&mut self, cx: &mut Cx<'_>, link: LinkNo, waiting: impl IntoIterator<Item = &'a Waiting>) {
        let refused = |waiting: &Waiting| matches!(waiting, Waiting::Doubt(doubt) if doubt.link == link);
        if waiting.into_iter().any(refused) {
            cx.back.close(cx.now, link, cx.acts);
        } else {
            self.down.adopt(cx, link);
        }
    }

    pub(super) fn tick(&mut self, cx: &mut Cx<'_>) {
        if let Some(verdict) = self.detect.tick(cx) {
            self.decided(cx, &verdict);
        }
        if self.relink.take_if(|at| *at <= cx.now).is_some() {
            self.same.relinked(cx);
            self.up.relinked(cx);
        }
        let due = |deadline: Option<Nanos>| deadline.is_some_and(|at| at <= cx.now);
        let [same, up, down] = [self.same.deadline(), self.up.deadline(), self.down.deadline()].map(due);
        if same {
            self.same.tick(cx);
        }
        if up {
            self.up.tick(cx);
        }
        if down {
            self.down.tick(cx);
        }
    }

    pub(super) fn deadline(&self) -> Option<Nanos> {
        let pairs = [self.same.deadline(), self.up.deadline(), self.down.deadline()];
        pairs.into_iter().flatten().chain(self.detect.deadline()).chain(self.relink).min()
    }
}

/// The request that a notification cancels.
fn cancelled(message: &Message) -> Option<Id> {
    let is_cancel = message.shape().method().as_deref() == Some("notifications/cancelled");
    message.shape().id_in(Member::CancelledId).filter(|_| is_cancel)
}
