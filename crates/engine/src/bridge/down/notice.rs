//! What the server tells: progress, logs and the like of a call.

use tapgate_wire::Message;
use tapgate_wire::json::find;
use tapgate_wire::revision;
use tapgate_wire::shape::Member;

use super::exchange::Level;
use super::pool::Scout;
use super::{Down, Errand};
use crate::bridge::back::Via;
use crate::bridge::cx::Cx;
use crate::bridge::number::{CallNo, LinkNo};
use crate::bridge::translate::Draft;

impl Down {
    /// The server tells something.
    pub(super) fn noticed(&mut self, cx: &mut Cx<'_>, no: LinkNo, call: Option<CallNo>, message: &Message) {
        let method = message.shape().method().unwrap_or_default().into_owned();
        let n = call.and_then(|call| match self.jobs.get(&call.n)?.errand {
            Errand::Ask(n) => Some(n),
            _ => None,
        });
        match method.as_str() {
            "notifications/progress" => self.progressed(cx, n, message),
            "notifications/message" => self.logged(cx, no, n, message),
            "notifications/cancelled" => self.withdraw(cx, no, message),
            "notifications/tasks/status" => self.task_noticed(cx, no, message),
            "notifications/tools/list_changed" => {
                cx.tools.forget();
                // What is known of tools is known for all links.
                for link in self.links.values_mut().filter(|link| link.scout == Scout::Done) {
                    link.scout = Scout::Unknown;
                }
                self.changed(cx, no, message, |wish| wish.tools);
            }
            "notifications/prompts/list_changed" => self.changed(cx, no, message, |wish| wish.prompts),
            "notifications/resources/list_changed" => self.changed(cx, no, message, |wish| wish.resources),
            "notifications/resources/updated" => {
                let uri = message.shape().text(Member::Uri).unwrap_or_default();
                self.changed(cx, no, message, |wish| wish.uris.iter().any(|wanted| covers(wanted, &uri)));
            }
            // All else that legacy servers may tell means nothing to a modern client.
            method if revision::method(method).is_some() => {}
            _ => self.aside(cx, n, message),
        }
    }

    fn aside(&self, cx: &mut Cx<'_>, n: Option<u64>, message: &Message) {
        if let Some(port) = n.and_then(|n| self.exchanges.get(&n)?.asked.port) {
            cx.front.aside(cx.now, port, message.to_wire(), cx.acts);
        }
    }

    /// Spec 2026-07-28, basic/patterns/progress: each value is greater than the one before.
    fn progressed(&mut self, cx: &mut Cx<'_>, n: Option<u64>, message: &Message) {
        let Some(exchange) = n.and_then(|n| self.exchanges.get_mut(&n)) else { return };
        let (Some(port), Some(token)) = (exchange.asked.port, &exchange.asked.token) else { return };
        let shape = message.shape();
        let value = shape.inside(Member::Params, &["progress"]);
        let value = value.and_then(|raw| std::str::from_utf8(&raw).ok()?.parse::<f64>().ok());
        let Some(value) = value.filter(|value| exchange.asked.mark.is_none_or(|mark| *value > mark)) else {
            return;
        };
        exchange.asked.mark = Some(value);
        // A retry of the call may have another token than the call itself.
        let bytes = if shape.raw(Member::ProgressToken) == Some(token) {
            message.to_wire()
        } else {
            let mut draft = Draft::of(message);
            draft.set(&["params", "progressToken"], token);
            draft.into_bytes()
        };
        cx.front.aside(cx.now, port, bytes, cx.acts);
    }

    /// Spec 2026-07-28, server/utilities/logging: only to requests that want it, and from the level on that they
    /// want. Where the server does not say which call a message is of, it is passed on if only one can be meant.
    fn logged(&mut self, cx: &mut Cx<'_>, no: LinkNo, n: Option<u64>, message: &Message) {
        let n = n.or_else(|| {
            // Over HTTP a call has a stream of its own for all that concerns it.
            let link = self.links.get(&no).filter(|_| cx.server.via != Via::Http)?;
            let users = link.users.iter().copied();
            let mut wanting = users.filter(|n| self.wants_logs(*n));
            wanting.next().filter(|_| wanting.next().is_none())
        });
        let Some(wanted) = n.and_then(|n| self.exchanges.get(&n)?.asked.level) else { return };
        let level = message.shape().raw(Member::Params).and_then(|params| find(params, &["level"]));
        let level = level.and_then(|raw| Level::parse(&tapgate_wire::json::unescape_lossy(raw)));
        if level.is_some_and(|level| level >= wanted) {
            self.aside(cx, n, message);
        }
    }

    fn wants_logs(&self, n: u64) -> bool {
        self.exchanges.get(&n).is_some_and(|exchange| {
            exchange.asked.level.is_some() && exchange.asked.port.is_some() && exchange.call.is_some()
        })
    }
}

/// Whether a change of `uri` is one of what was subscribed to: the same, or a part of it.
///
/// Spec 2026-07-28, basic/patterns/subscriptions, Resource Updates.
fn covers(wanted: &str, uri: &str) -> bool {
    uri.strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || wanted.ends_with('/') || rest.starts_with(['/', '#', '?']))
}
