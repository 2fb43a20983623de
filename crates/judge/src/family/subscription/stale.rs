//! Lists that changed and that the client did not read again.

use tapgate_wire::Nanos;

use super::STALE;
use crate::event::{Cx, Heard, Place};

/// Nanoseconds that a client has to read a list again.
pub(super) const PATIENCE: u64 = 60_000_000_000;

/// Nanoseconds after which a client that goes has ignored the change.
pub(super) const BRIEF: u64 = 5_000_000_000;

/// The notification, and the methods that read the list.
const LISTS: [(&str, [&str; 2]); 3] = [
    ("notifications/tools/list_changed", ["tools/list", ""]),
    ("notifications/prompts/list_changed", ["prompts/list", ""]),
    ("notifications/resources/list_changed", ["resources/list", "resources/templates/list"]),
];

/// What became of each list.
#[derive(Debug, Default)]
pub(super) struct Stale {
    lists: [List; 3],
}

#[derive(Debug, Default)]
struct List {
    /// The client uses it.
    is_read: bool,
    /// It changed and was not read since.
    changed: Option<(Nanos, Place)>,
}

impl Stale {
    /// The client asks.
    pub fn asked(&mut self, method: &str) {
        for (list, (_, methods)) in self.lists.iter_mut().zip(LISTS) {
            if methods.contains(&method) {
                *list = List { is_read: true, changed: None };
            }
        }
    }

    /// The server tells.
    pub fn told(&mut self, heard: &Heard<'_>) {
        for (list, (notification, _)) in self.lists.iter_mut().zip(LISTS) {
            if list.is_read && heard.tells(notification) {
                list.changed.get_or_insert((heard.last, Place::of(&STALE, heard)));
            }
        }
    }

    /// The client that was told of changes on a subscription is gone.
    pub fn forget(&mut self, exchange: u64) {
        for list in &mut self.lists {
            list.changed.take_if(|(_, place)| place.exchange == Some(exchange));
        }
    }

    /// Tells the changes that are older than `patience`.
    pub fn check(&mut self, cx: &mut Cx<'_>, patience: u64) {
        for (list, (notification, methods)) in self.lists.iter_mut().zip(LISTS) {
            let is_due = |changed: &mut (Nanos, Place)| cx.now.0.saturating_sub(changed.0.0) >= patience;
            let Some((at, place)) = list.changed.take_if(is_due).filter(|_| !cx.session.partial) else {
                continue;
            };
            let waited = cx.now.0.saturating_sub(at.0) / 1_000_000_000;
            let [method, _] = methods;
            let text = format!("`{notification}` came, and for {waited} s no `{method}` followed.");
            cx.find_at(&STALE, place, method, text);
        }
    }
}
