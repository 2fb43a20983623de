//! Which tools can be called as tasks (2025-11-25).

use std::collections::HashMap;

use tapgate_wire::Shape;
use tapgate_wire::json::unescape;
use tapgate_wire::shape::Member;

use crate::event::Cx;
use crate::json;
use crate::page::Page;

/// Tools of one session that are remembered; calls of further ones are not judged.
const MAX_TOOLS: usize = 10_000;

/// By a number for the tool's name, what its definition says.
#[derive(Debug, Default)]
pub(super) struct Supports {
    tools: HashMap<u64, Support>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Support {
    Forbidden,
    Optional,
    Required,
}

impl Supports {
    /// Learns a page of `tools/list`.
    pub fn learn(&mut self, page: &Page<'_>) {
        for tool in page.items() {
            let Some(name) = tool.find(&["name"]).map(|name| json::hash(&unescape(name))) else { continue };
            let support = match tool.find(&["execution", "taskSupport"]) {
                Some(br#""required""#) => Support::Required,
                Some(br#""optional""#) => Support::Optional,
                _ => Support::Forbidden,
            };
            if self.tools.len() < MAX_TOOLS || self.tools.contains_key(&name) {
                self.tools.insert(name, support);
            }
        }
    }

    /// How a call of a tool breaks what the tool says of itself.
    ///
    /// Spec 2025-11-25, basic/utilities/tasks, Tool-Level Negotiation: it counts where the server declares tasks of tools.
    pub fn breaks(&self, cx: &Cx<'_>, call: &Shape) -> Option<&'static str> {
        let name = call.raw(Member::Name).map(|name| json::hash(&unescape(name)))?;
        let support = self.tools.get(&name)?;
        if cx.session.server_declares(&["tasks", "requests", "tools", "call"]) != Some(true) {
            return None;
        }
        match (support, call.raw(Member::TaskAsked)) {
            (Support::Forbidden, Some(_)) => Some("was called as a task and does not support that"),
            (Support::Required, None) => Some("must be called as a task and was not"),
            _ => None,
        }
    }
}
