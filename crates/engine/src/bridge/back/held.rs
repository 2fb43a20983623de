//! Tools that are held back, at the server's leg.

use std::sync::Arc;

use tapgate_wire::Message;
use tapgate_wire::edge::Act;
use tapgate_wire::record::Era;

use super::super::hold::Withheld;
use super::link::AboutTools;
use super::{Back, CallNo, FromServer, LinkNo};
use crate::surface::Lock;

/// Spec 2025-11-25, server/tools, List Changed Notification.
const CHANGED: &str = "notifications/tools/list_changed";

impl Back {
    /// Holds what this lock does not have from now on, and tells who listens that the list of tools changed, as if the
    /// server had said so.
    pub fn lock(&mut self, lock: Arc<Lock>, out: &mut Vec<FromServer>) {
        self.hold.set(lock);
        for (no, link) in &self.links {
            let said = |call: Option<CallNo>, params: &str| FromServer::Said {
                link: *no,
                owner: link.opening.owner,
                call,
                message: Message::parse(
                    format!(r#"{{"jsonrpc":"2.0","method":"{CHANGED}"{params}}}"#).into(),
                ),
            };
            let is_greeted = link.calls.values().all(|call| !call.begins);
            if link.opening.era == Era::Legacy && is_greeted {
                out.push(said(None, ""));
            }
            // Spec 2026-07-28, basic/patterns/subscriptions: a change is told on the streams that asked for it.
            for (call, open) in link.calls.iter().filter(|(_, open)| open.tools == AboutTools::Hears) {
                let id = String::from_utf8_lossy(&open.id.own);
                let params =
                    format!(r#","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}"#);
                out.push(said(Some(*call), &params));
            }
        }
    }

    /// The tools that are held now.
    pub fn withheld(&self) -> &Arc<Withheld> {
        self.hold.withheld()
    }

    /// Why a request of a client is refused, if it calls a tool that is held.
    pub fn refuses(&self, request: &Message) -> Option<String> {
        self.hold.refuses(request)
    }

    /// The answer to a call without tools that are held.
    pub(super) fn sift(&mut self, no: LinkNo, call: CallNo, answer: Message, acts: &mut Vec<Act>) -> Message {
        let asked = self.links.get(&no).and_then(|link| Some(link.calls.get(&call)?.tools));
        let is_first = match asked {
            Some(AboutTools::First) => true,
            Some(AboutTools::Later) => false,
            _ => return answer,
        };
        self.hold.sift(&self.name, is_first, &answer, acts).unwrap_or(answer)
    }
}
