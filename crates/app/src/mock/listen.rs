//! Subscriptions of a mock: what was told on any of them then is told now to whoever listens for it.
//!
//! Spec 2026-07-28, basic/utilities/subscriptions.

use serde_json::{Value as Json, json};
use tapgate_wire::Leg;

use super::{Mock, is_told};
use crate::capture::{Call, Turn};

/// The request that opens a subscription.
pub(super) const METHOD: &str = "subscriptions/listen";

/// Where a message names the subscription that it belongs to.
const KEY: &str = "io.modelcontextprotocol/subscriptionId";

/// Subscriptions that are open at once; when full, the oldest is given up.
const MAX_LISTENS: usize = 64;

/// A subscription that is open.
#[derive(Debug)]
pub(super) struct Listen {
    /// The id of its request.
    pub(super) id: Json,
    /// What it asked for.
    wish: Json,
}

impl Listen {
    /// Whether it asked for this notification.
    fn wants(&self, said: &Json) -> bool {
        let asks = |name: &str| self.wish.get(name) == Some(&Json::Bool(true));
        let names = |list: &str, member: &str| {
            let named = self.wish.get(list).and_then(Json::as_array);
            said.pointer(&format!("/params/{member}"))
                .is_some_and(|name| named.is_some_and(|named| named.contains(name)))
        };
        match said.get("method").and_then(Json::as_str).unwrap_or_default() {
            "notifications/tools/list_changed" => asks("toolsListChanged"),
            "notifications/prompts/list_changed" => asks("promptsListChanged"),
            "notifications/resources/list_changed" => asks("resourcesListChanged"),
            "notifications/resources/updated" => names("resourceSubscriptions", "uri"),
            "notifications/tasks" => names("taskIds", "taskId"),
            _ => true,
        }
    }
}

impl Mock {
    /// Opens a subscription and gives its confirmation.
    pub(super) fn listen(&mut self, id: &Json, params: &Json) -> Json {
        let wish = params.get("notifications").cloned().unwrap_or_else(|| json!({}));
        if self.listens.len() >= MAX_LISTENS {
            self.listens.remove(0);
        }
        let told = json!({ "_meta": { KEY: id }, "notifications": wish });
        self.listens.push(Listen { id: id.clone(), wish });
        json!({ "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": told })
    }

    /// A notification for everybody who listens for it; `None` when it belongs to no subscription.
    pub(super) fn spread(&self, said: &Json) -> Option<Vec<Json>> {
        said.pointer("/params/_meta")?.get(KEY)?;
        let wants = self.listens.iter().filter(|listen| listen.wants(said));
        let named = wants.map(|listen| {
            let mut said = said.clone();
            if let Some(place) = said.pointer_mut("/params/_meta").and_then(|meta| meta.get_mut(KEY)) {
                *place = listen.id.clone();
            }
            said
        });
        Some(named.collect())
    }
}

/// Takes out of a subscription what was told on it, which follows from other calls.
pub(super) fn told(call: &mut Call) -> Vec<Turn> {
    if call.row.method != METHOD {
        return Vec::new();
    }
    let told = call.turns.split_off(1);
    // The confirmation is made anew, for what is asked for now.
    let is_told = |turn: &Turn| turn.from == Leg::Server && turn.said.is_some() && is_told(turn);
    told.into_iter().filter(is_told).skip(1).collect()
}
