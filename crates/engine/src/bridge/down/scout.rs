//! The tools of a server, which are listed before the first call: their definitions say how they have to be called.

use tapgate_wire::Message;
use tapgate_wire::json::find;
use tapgate_wire::shape::Member;

use super::exchange::{Exchange, Work};
use super::pool::{Hello, Scout};
use super::serve::is_http;
use super::{Down, Errand, Job, say};
use crate::bridge::back::Pass;
use crate::bridge::cx::Cx;
use crate::bridge::learn;
use crate::bridge::number::{LinkNo, Pair};

/// Of how many tools it is known that they are tasks.
const MAX_TASKED: usize = 4096;

/// Whether a tool has to be called as a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    May,
    Must,
}

impl Down {
    /// Whether the definition of a tool has to be read before it is called: it says which headers come with the
    /// call, and whether the call has to be a task.
    pub(super) fn must_scout(&self, cx: &Cx<'_>, exchange: &Exchange, no: LinkNo) -> bool {
        let Some(link) = self.links.get(&no) else { return false };
        let makes_tasks = link.hello.as_ref().is_some_and(Hello::makes_tasks);
        let name = exchange.message.shape().text(Member::Name).unwrap_or_default();
        link.scout != Scout::Done && (is_http(cx) || makes_tasks) && !cx.tools.knows(&name)
    }

    /// Lists the tools of a link once; who waits for it goes on with the answer.
    pub(super) fn scout(&mut self, cx: &mut Cx<'_>, no: LinkNo, page: usize, params: &[u8]) {
        let Some(link) = self.links.get_mut(&no) else { return };
        if page == 0 && link.scout == Scout::Asking {
            return;
        }
        link.scout = Scout::Asking;
        let pass = Pass { headers: link.headers.clone(), mirrors: Vec::new() };
        let call = cx.call(Pair::Down);
        self.jobs.insert(call.n, Job { link: no, errand: Errand::Scout(page) });
        cx.back.ask(cx.now, no, call, &say::request(call.n, "tools/list", params), pass, cx.acts);
    }

    pub(super) fn scouted(&mut self, cx: &mut Cx<'_>, no: LinkNo, page: usize, message: &Message) {
        self.learn_tasks(message);
        cx.tools.learn(message);
        if let Some(cursor) = learn::next_cursor(message, page + 1) {
            return self.scout(cx, no, page + 1, &say::object("cursor", &cursor));
        }
        self.end_scouting(cx, no);
    }

    pub(super) fn end_scouting(&mut self, cx: &mut Cx<'_>, no: LinkNo) {
        if let Some(link) = self.links.get_mut(&no) {
            link.scout = Scout::Done;
            // A stream of subscriptions on the link did not wait for this.
            let users = link.users.clone();
            let calls =
                |n: &u64| self.exchanges.get(n).is_some_and(|exchange| matches!(exchange.work, Work::Call));
            let calls: Vec<u64> = users.into_iter().filter(calls).collect();
            for n in calls {
                self.advance(cx, n);
            }
        }
    }

    /// Learns from a list which tools can be called as tasks.
    ///
    /// Spec 2025-11-25, basic/utilities/tasks, Tool-Level Negotiation.
    pub(super) fn learn_tasks(&mut self, message: &Message) {
        for tool in message.shape().inside(Member::Result, &["tools"]).map(say::values).unwrap_or_default() {
            let Some(name) = name_of(&tool) else { continue };
            let need = match find(&tool, &["execution", "taskSupport"]) {
                Some(b"\"required\"") => Need::Must,
                Some(b"\"optional\"") => Need::May,
                _ => {
                    self.tasked.remove(&name);
                    continue;
                }
            };
            if self.tasked.len() < MAX_TASKED || self.tasked.contains_key(&name) {
                self.tasked.insert(name, need);
            }
        }
    }
}

/// The name of a tool.
fn name_of(tool: &[u8]) -> Option<String> {
    let name = find(tool, &["name"]).filter(|name| name.starts_with(b"\""))?;
    Some(tapgate_wire::json::unescape_lossy(name).into_owned())
}
