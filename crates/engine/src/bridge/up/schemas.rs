//! Learns the tools of a server before they are called: over HTTP, headers mirror some of their arguments.
//!
//! Spec 2026-07-28, server/tools, x-mcp-header.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::HeaderMap;
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Message};

use super::diary::{Due, after};
use super::{PATIENCE, Purpose, Up};
use crate::bridge::back::Pass;
use crate::bridge::cx::Cx;
use crate::bridge::learn;
use crate::bridge::number::{CallNo, Pair, Port};
use crate::bridge::settings::Reaches;
use crate::bridge::translate::rise::client::{self, Profile};

/// What was done to know the tools.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    /// Whether all of the list was read since it changed.
    is_read: bool,
    reading: Option<Reading>,
    /// Calls of tools that nobody knows yet.
    waiting: BTreeSet<Port>,
}

/// A list that is being read, with the rights of one client.
#[derive(Debug)]
struct Reading {
    profile: Profile,
    headers: Arc<HeaderMap>,
    n_pages: usize,
    /// The call that brings the next page.
    call: Option<CallNo>,
}

impl Schemas {
    /// The list changed.
    pub(super) fn forget(&mut self) {
        self.is_read = false;
    }

    /// A call does not wait any more.
    pub(super) fn leave(&mut self, port: Port) {
        self.waiting.remove(&port);
    }

    pub(super) fn held(&self) -> usize {
        self.waiting.len() + usize::from(self.reading.is_some())
    }
}

impl Up {
    /// Whether a call has to wait until the tools are known; then they are read.
    pub(super) fn has_to_learn(&mut self, cx: &mut Cx<'_>, port: Port) -> bool {
        let Some(exchange) = self.exchanges.get(&port) else { return false };
        let named = exchange.message.shape().text(Member::Name);
        let is_known = self.schemas.is_read || named.is_none_or(|tool| cx.tools.knows(&tool));
        if !matches!(cx.settings.reaches, Reaches::Url { .. }) || exchange.method != "tools/call" || is_known
        {
            return false;
        }
        self.schemas.waiting.insert(port);
        if self.schemas.reading.is_none() {
            let (profile, headers) = (self.profile(exchange.session), Arc::clone(&exchange.headers));
            self.schemas.reading = Some(Reading { profile, headers, n_pages: 0, call: None });
            self.read_page(cx, "{}");
        }
        true
    }

    fn read_page(&mut self, cx: &mut Cx<'_>, params: &str) {
        let (Some(reading), Some(modern)) = (&mut self.schemas.reading, &cx.server.modern) else {
            return self.learned(cx);
        };
        reading.n_pages += 1;
        let (link, revision) = (modern.link, modern.revision);
        let message = client::own("tools/list", params, cx.number(), &reading.profile, revision);
        let pass = Pass { headers: Arc::clone(&reading.headers), mirrors: Vec::new() };
        let call = cx.call(Pair::Up);
        reading.call = Some(call);
        self.calls.insert(call, Purpose::Learn);
        self.diary.set(Due::Learn, after(cx.now, PATIENCE));
        cx.back.ask(cx.now, link, call, &message, pass, cx.acts);
    }

    /// A page of the list came.
    pub(super) fn listed(&mut self, cx: &mut Cx<'_>, message: &Message) {
        if message.shape().kind == Kind::Result {
            cx.tools.learn(message);
        }
        let n_read = self.schemas.reading.as_ref().map_or(usize::MAX, |reading| reading.n_pages);
        match learn::next_cursor(message, n_read) {
            Some(cursor) => {
                let cursor = String::from_utf8_lossy(&cursor);
                self.read_page(cx, &format!("{{\"cursor\":{cursor}}}"));
            }
            None => self.learned(cx),
        }
    }

    /// The list was read as far as it can be; what is not known now goes without such headers.
    pub(super) fn learned(&mut self, cx: &mut Cx<'_>) {
        if let Some(call) = self.schemas.reading.take().and_then(|reading| reading.call)
            && self.calls.remove(&call).is_some()
        {
            cx.back.cancel(cx.now, call, None, cx.acts);
        }
        self.diary.clear(Due::Learn);
        self.schemas.is_read = true;
        for port in std::mem::take(&mut self.schemas.waiting) {
            self.send(cx, port);
        }
    }
}
