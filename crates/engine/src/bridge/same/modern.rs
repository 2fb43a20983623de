//! A modern client and a modern server: each request goes its own way.

use std::collections::HashMap;

use tapgate_wire::revision::Revision;
use tapgate_wire::shape::Member;
use tapgate_wire::{Id, Kind, Message};

use super::session::is_safe;
use crate::bridge::back::{Failure, FromServer, Pass};
use crate::bridge::cx::Cx;
use crate::bridge::down::is_gone;
use crate::bridge::failure::NO_METHOD;
use crate::bridge::front::{Answer, From};
use crate::bridge::learn;
use crate::bridge::number::{CallNo, LinkNo, Pair, Port};
use crate::bridge::settings::{Listens, Reaches};

/// `HeaderMismatch`. Spec 2026-07-28, basic/transports/streamable-http, Server Validation.
const HEADER_MISMATCH: i64 = -32_020;

/// Requests of modern clients to a modern server.
#[derive(Debug, Default)]
pub(super) struct Modern {
    calls: HashMap<CallNo, Asked>,
    ports: HashMap<Port, CallNo>,
    /// Requests that wait until the definitions of tools are known.
    waiting: Vec<Asked>,
    /// The call that fetches them.
    learning: Option<(CallNo, usize)>,
    /// The list was read to its end and has not changed since.
    is_listed: bool,
    /// Streams of subscriptions, requests that only read and calls that were never sent: they wait for a new link.
    cut: Vec<Asked>,
}

/// A request on its way.
#[derive(Debug)]
struct Asked {
    port: Port,
    from: From,
    message: Message,
    /// The headers were refused once and the tools read again since.
    is_second: bool,
    /// It was sent on an earlier link.
    is_again: bool,
}

impl Modern {
    pub(super) fn asked(&mut self, cx: &mut Cx<'_>, port: Port, from: From, message: Message) {
        let shape = message.shape();
        // Spec 2026-07-28, basic/transports/streamable-http, Protocol Version Header: what the revision does not know
        // is not found; a server on stdio has no status to say it with.
        if shape.method().is_some_and(|name| is_gone(&name))
            && cx.settings.reaches == Reaches::Command
            && let Some(id) = &shape.id
        {
            let why = format!("{} has no such method", Revision::LATEST.as_str());
            return cx.refuse(port, id, NO_METHOD, &why);
        }
        self.begin(cx, Asked { port, from, message, is_second: false, is_again: false });
    }

    fn begin(&mut self, cx: &mut Cx<'_>, asked: Asked) {
        if !self.is_listed && needs_tools(cx, &asked) {
            self.waiting.push(asked);
            self.learn(cx, None, 0);
            return;
        }
        self.send(cx, asked);
    }

    /// A notification; the only one of the core is a cancellation, on stdio.
    pub(super) fn told(&mut self, cx: &mut Cx<'_>, message: &Message) {
        let is_cancel = message.shape().method().as_deref() == Some("notifications/cancelled");
        let Some(id) = message.shape().id_in(Member::CancelledId).filter(|_| is_cancel) else {
            if let Some(modern) = &cx.server.modern {
                cx.back.tell(cx.now, modern.link, message, Pass::default(), cx.acts);
            }
            return;
        };
        let Some(port) = cx.front.port_of(None, &id) else { return };
        let reason = tapgate_wire::json::find(message.raw(), &["params", "reason"]);
        let reason = reason.map(tapgate_wire::json::unescape_lossy);
        self.cancel(cx, port, reason.as_deref());
        cx.front.drop_port(port);
    }

    /// Who asked went away.
    pub(super) fn gone(&mut self, cx: &mut Cx<'_>, port: Port) {
        self.cancel(cx, port, None);
    }

    fn cancel(&mut self, cx: &mut Cx<'_>, port: Port, reason: Option<&str>) {
        self.waiting.retain(|waiting| waiting.port != port);
        self.cut.retain(|cut| cut.port != port);
        if let Some(call) = self.ports.remove(&port) {
            self.calls.remove(&call);
            cx.back.cancel(cx.now, call, reason, cx.acts);
        }
    }

    /// No client will come any more: what only listens is over.
    pub(super) fn end(&mut self, cx: &mut Cx<'_>) {
        let listens = |asked: &Asked| is_listen(&asked.message);
        let ports: Vec<Port> = self
            .calls
            .values()
            .chain(&self.cut)
            .filter(|asked| listens(asked))
            .map(|asked| asked.port)
            .collect();
        for port in ports {
            self.cancel(cx, port, None);
            cx.front.drop_port(port);
        }
    }

    /// Hears what concerns its calls; gives everything else back.
    pub(super) fn on_server(&mut self, cx: &mut Cx<'_>, event: FromServer) -> Option<FromServer> {
        match event {
            FromServer::Answered { call, message, .. } if self.is_learning(call) => {
                self.learned(cx, &message);
            }
            FromServer::Failed { call, link, .. } if self.is_learning(call) => {
                if cx.back.is_open(link) {
                    self.learned_all(cx);
                } else {
                    self.learning = None;
                    self.cut.append(&mut self.waiting);
                }
            }
            FromServer::Answered { call, message, status, .. } if self.calls.contains_key(&call) => {
                self.answered(cx, call, &message, status);
            }
            FromServer::Said { call: Some(call), message, .. } if self.calls.contains_key(&call) => {
                self.said(cx, call, &message);
            }
            FromServer::Failed { call, link, failure } if self.calls.contains_key(&call) => {
                self.failed(cx, call, link, &failure);
            }
            FromServer::Paused { call, .. } if self.calls.contains_key(&call) => {}
            event => return Some(event),
        }
        None
    }

    fn answered(&mut self, cx: &mut Cx<'_>, call: CallNo, message: &Message, status: Option<u16>) {
        let Some(asked) = self.take(call) else { return };
        let method = asked.message.shape().method();
        if message.shape().int(Member::ErrorCode) == Some(HEADER_MISMATCH)
            && mirrors_itself(cx)
            && !asked.is_second
            && method.as_deref() == Some("tools/call")
        {
            // Spec 2026-07-28, basic/transports/streamable-http, Client Behavior: read the list again, try once more.
            self.unlearn(cx);
            self.waiting.push(Asked { is_second: true, ..asked });
            self.learn(cx, None, 0);
            return;
        }
        let mut bytes = message.to_wire();
        if method.as_deref() == Some("tools/list") && message.shape().kind == Kind::Result {
            if mirrors_itself(cx) {
                bytes = cx.sift(message).to_wire();
            } else {
                cx.tools.learn(message);
            }
        }
        let answer = Answer { status, ..Answer::new(bytes) };
        cx.front.answer(cx.now, asked.port, answer, cx.acts);
    }

    fn said(&mut self, cx: &mut Cx<'_>, call: CallNo, message: &Message) {
        // Spec 2026-07-28, basic/transports: a server sends no request.
        if message.shape().kind != Kind::Notification {
            return;
        }
        let method = message.shape().method();
        if method.as_deref() == Some("notifications/tools/list_changed") {
            self.unlearn(cx);
        }
        let Some(asked) = self.calls.get_mut(&call) else { return };
        if asked.is_again && method.as_deref() == Some("notifications/subscriptions/acknowledged") {
            // The client has its acknowledgement; what it missed meanwhile is told as a change.
            asked.is_again = false;
            let port = asked.port;
            for change in changes(&asked.message) {
                cx.front.aside(cx.now, port, change, cx.acts);
            }
            return;
        }
        cx.front.aside(cx.now, asked.port, message.to_wire(), cx.acts);
    }

    fn failed(&mut self, cx: &mut Cx<'_>, call: CallNo, link: LinkNo, failure: &Failure) {
        let Some(asked) = self.take(call) else { return };
        let is_lost = matches!((failure, &cx.settings.reaches), (Failure::Broken(_), Reaches::Command))
            && !cx.back.is_open(link);
        // Spec 2026-07-28, basic/transports/stdio, Unexpected Termination: streams are opened again. What only reads
        // is asked once more; a tool that may have run is never called again.
        if is_lost && (is_listen(&asked.message) || is_safe(&asked.message) && !asked.is_again) {
            self.cut.push(Asked { is_again: true, ..asked });
            return;
        }
        if let Some(id) = &asked.message.shape().id {
            cx.fail(asked.port, id, failure);
        }
    }

    pub(super) fn relinked(&mut self, cx: &mut Cx<'_>) {
        for asked in std::mem::take(&mut self.cut) {
            self.begin(cx, asked);
        }
    }

    pub(super) fn held(&self) -> usize {
        self.calls.len() + self.ports.len() + self.waiting.len() + self.cut.len()
    }

    fn take(&mut self, call: CallNo) -> Option<Asked> {
        let asked = self.calls.remove(&call)?;
        self.ports.remove(&asked.port);
        Some(asked)
    }

    fn send(&mut self, cx: &mut Cx<'_>, asked: Asked) {
        let Some(link) = cx.server.modern.as_ref().map(|modern| modern.link) else { return };
        let is_call = asked.message.shape().method().as_deref() == Some("tools/call");
        let mut pass = Pass { headers: asked.from.headers.clone(), mirrors: Vec::new() };
        if is_call && mirrors_itself(cx) {
            pass.mirrors = cx.tools.mirrors(&asked.message);
        } else if is_call
            && checks_itself(cx)
            && let Err(why) = cx.tools.check(&asked.message, &asked.from.headers)
        {
            if let Some(id) = &asked.message.shape().id {
                cx.refuse(asked.port, id, HEADER_MISMATCH, &why.to_string());
            }
            return;
        }
        let call = cx.call(Pair::Same);
        cx.back.ask(cx.now, link, call, &asked.message, pass, cx.acts);
        self.ports.insert(asked.port, call);
        self.calls.insert(call, asked);
    }
}

/// How the definitions of tools are learned before a call needs them.
impl Modern {
    fn is_learning(&self, call: CallNo) -> bool {
        self.learning.is_some_and(|(learning, _)| learning == call)
    }

    fn unlearn(&mut self, cx: &mut Cx<'_>) {
        cx.tools.forget();
        self.is_listed = false;
    }

    fn learn(&mut self, cx: &mut Cx<'_>, cursor: Option<&[u8]>, page: usize) {
        if page == 0 && self.learning.is_some() {
            return;
        }
        let (Some(modern), Some(first)) = (&cx.server.modern, self.waiting.first()) else { return };
        let link = modern.link;
        let id = Id(cx.number().to_string().into());
        let ask = learn::list_like(&first.message, &id, cursor);
        let pass = Pass { headers: first.from.headers.clone(), mirrors: Vec::new() };
        let call = cx.call(Pair::Same);
        self.learning = Some((call, page));
        cx.back.ask(cx.now, link, call, &ask, pass, cx.acts);
    }

    fn learned(&mut self, cx: &mut Cx<'_>, message: &Message) {
        let page = self.learning.take().map_or(0, |(_, page)| page);
        cx.tools.learn(message);
        match learn::next_cursor(message, page + 1) {
            Some(cursor) => self.learn(cx, Some(&cursor), page + 1),
            None => self.learned_all(cx),
        }
    }

    fn learned_all(&mut self, cx: &mut Cx<'_>) {
        self.learning = None;
        self.is_listed = true;
        for asked in std::mem::take(&mut self.waiting) {
            self.send(cx, asked);
        }
    }
}

/// Whether a call has to wait until the definition of its tool is known.
fn needs_tools(cx: &Cx<'_>, asked: &Asked) -> bool {
    let shape = asked.message.shape();
    (mirrors_itself(cx) || checks_itself(cx))
        && shape.method().as_deref() == Some("tools/call")
        && shape.text(Member::Name).is_some_and(|tool| !cx.tools.knows(&tool))
        && shape.raw(Member::Arguments).is_some_and(|arguments| arguments.len() > 2)
}

/// Whether the bridge is the one to write `Mcp-Param-*` headers: the client has none.
fn mirrors_itself(cx: &Cx<'_>) -> bool {
    cx.settings.listens == Listens::Pipe && cx.settings.reaches != Reaches::Command
}

/// Whether the bridge is the one to check `Mcp-Param-*` headers: the server does not see them.
fn checks_itself(cx: &Cx<'_>) -> bool {
    cx.settings.listens != Listens::Pipe && cx.settings.reaches == Reaches::Command
}

fn is_listen(message: &Message) -> bool {
    message.shape().method().as_deref() == Some("subscriptions/listen")
}

/// The changes that a client may have missed while its stream of subscriptions was cut.
fn changes(listen: &Message) -> Vec<bytes::Bytes> {
    let Some(id) = &listen.shape().id else { return Vec::new() };
    let mut out = Vec::new();
    for (name, method) in [
        ("toolsListChanged", "notifications/tools/list_changed"),
        ("promptsListChanged", "notifications/prompts/list_changed"),
        ("resourcesListChanged", "notifications/resources/list_changed"),
    ] {
        let flag = tapgate_wire::json::find(listen.raw(), &["params", "notifications", name]);
        if flag == Some(&b"true"[..]) {
            let id = String::from_utf8_lossy(&id.0);
            out.push(
                format!(
                    r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
                )
                .into(),
            );
        }
    }
    out
}
