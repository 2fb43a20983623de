//! Tools and prompts that are held back, at the server's leg.

use std::sync::Arc;

use tapgate_wire::Message;
use tapgate_wire::edge::Act;
use tapgate_wire::record::{Era, Offered};

use super::super::hold::{Hold, Withheld};
use super::link::AboutLists;
use super::{Back, CallNo, FromServer, LinkNo};
use crate::surface::{Lock, word};

impl Back {
    /// Holds what this lock does not have from now on, and tells who listens that the lists changed, as if the server had
    /// said so: that of tools, and that of prompts where somebody fetched it.
    pub fn lock(&mut self, lock: &Arc<Lock>, out: &mut Vec<FromServer>) {
        for hold in &mut self.holds {
            hold.set(Arc::clone(lock));
        }
        for kind in self.holds.iter().filter(|hold| hold.may_have_changed()).map(Hold::kind) {
            self.tell_of_change(kind, out);
        }
    }

    /// Spec 2025-11-25, server/tools and server/prompts, List Changed Notification.
    fn tell_of_change(&self, kind: Offered, out: &mut Vec<FromServer>) {
        let changed = format!("notifications/{}/list_changed", word(kind));
        for (no, link) in &self.links {
            let said = |call: Option<CallNo>, params: &str| FromServer::Said {
                link: *no,
                owner: link.opening.owner,
                call,
                message: Message::parse(
                    format!(r#"{{"jsonrpc":"2.0","method":"{changed}"{params}}}"#).into(),
                ),
            };
            let is_greeted = link.calls.values().all(|call| !call.begins);
            if link.opening.era == Era::Legacy && is_greeted {
                out.push(said(None, ""));
            }
            // Spec 2026-07-28, basic/patterns/subscriptions: a change is told on the streams that asked for it.
            for (call, open) in link.calls.iter().filter(|(_, open)| open.lists.hears(kind)) {
                let id = String::from_utf8_lossy(&open.id.own);
                let params =
                    format!(r#","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}"#);
                out.push(said(Some(*call), &params));
            }
        }
    }

    /// The tools that are held now.
    pub fn withheld(&self) -> &Arc<Withheld> {
        let [tools, _] = &self.holds;
        tools.withheld()
    }

    /// Why a request of a client is refused, if it asks for something that is held.
    pub fn refuses(&self, request: &Message) -> Option<String> {
        self.holds.iter().find_map(|hold| hold.refuses(request))
    }

    /// The answer to a call without what is held.
    pub(super) fn sift(&mut self, no: LinkNo, call: CallNo, answer: Message, acts: &mut Vec<Act>) -> Message {
        let asked = self.links.get(&no).and_then(|link| Some(link.calls.get(&call)?.lists));
        let (kind, is_first) = match asked {
            Some(AboutLists::First(kind)) => (kind, true),
            Some(AboutLists::Later(kind)) => (kind, false),
            _ => return answer,
        };
        let hold = self.holds.iter_mut().find(|hold| hold.kind() == kind);
        hold.and_then(|hold| hold.sift(&self.name, is_first, &answer, acts)).unwrap_or(answer)
    }
}
